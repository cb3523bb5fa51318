//! Revocation lists: every entry that parsing counted is walked again, and only lists that the
//! golden CA signed verify.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::revocation::revocation_state;
use ishibumi_artifact::{Anchors, Certificate, Crl};
use libfuzzer_sys::fuzz_target;

const LISTS: [&[u8]; 2] = [
    include_bytes!("../../testdata/records/issuing.crl"),
    include_bytes!("../../testdata/records/issuing-delta.crl"),
];

static TRUTH: LazyLock<(Anchors, Certificate, Vec<usize>)> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    let anchors = Anchors::from_certificates([read(include_bytes!("../../testdata/records/root.crt"))])
        .with_intermediates([read(include_bytes!("../../testdata/records/issuing.crt"))])
        .with_memo(1_000);
    let counts = LISTS.map(|list| {
        let list = Crl::parse(list).unwrap().verify(&anchors).unwrap();
        list.revocations().count()
    });
    let seal = read(include_bytes!("../../testdata/records/seal.crt"));
    (anchors, seal, counts.to_vec())
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = Crl::parse(bytes) else { return };
    let (anchors, seal, counts) = &*TRUTH;
    if let Ok(verified) = list.verify(anchors) {
        let count = verified.revocations().count();
        assert_eq!(count, verified.count() as usize);
        assert!(counts.contains(&count));
        let at = verified.this_update();
        let _ = verified.revocation_of(seal);
        let _ = revocation_state(seal, &[verified], anchors, at);
    }
});
