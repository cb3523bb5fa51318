//! Misissue files: one encoding, and only the golden pair of tokens accuses the golden unit.

#![no_main]

use std::sync::LazyLock;

use ishibumi::misissue::Misissue;
use ishibumi_artifact::Certificate;
use ishibumi_artifact::Anchors;
use libfuzzer_sys::fuzz_target;

static TRUTH: LazyLock<(Certificate, [Vec<u8>; 2])> = LazyLock::new(|| {
    let anchor = Certificate::parse(include_bytes!("../../testdata/misissue/ca.crt")).unwrap();
    let golden = Misissue::decode(include_bytes!("../../testdata/misissue/serial-reused.misissue")).unwrap();
    let shown = golden.verify(Anchors::from_certificates([anchor.clone()])).unwrap();
    (anchor, records(shown.tokens()))
});

/// The signed records, whatever wraps them.
fn records(tokens: &[ishibumi_artifact::VerifiedToken; 2]) -> [Vec<u8>; 2] {
    let mut records = tokens.each_ref().map(|token| token.record().encode());
    records.sort();
    records
}

fuzz_target!(|octets: &[u8]| {
    let Ok(file) = Misissue::decode(octets) else { return };
    assert_eq!(file.encode(), octets);
    let (anchor, golden) = &*TRUTH;
    if let Ok(shown) = file.verify(Anchors::from_certificates([anchor.clone()])) {
        assert_eq!(records(shown.tokens()), *golden);
    }
});
