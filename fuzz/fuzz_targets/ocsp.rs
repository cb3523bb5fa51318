//! OCSP responses: only what the golden CA signed verifies, with the golden answers.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::record::OcspAnswer;
use ishibumi_artifact::{Anchors, Certificate, OcspResponse, Record};
use libfuzzer_sys::fuzz_target;

static TRUTH: LazyLock<(Anchors, Vec<OcspAnswer>)> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    let anchors = Anchors::from_certificates([read(include_bytes!("../../testdata/records/root.crt"))])
        .with_intermediates([read(include_bytes!("../../testdata/records/issuing.crt"))])
        .with_memo(1_000);
    let golden = OcspResponse::parse(include_bytes!("../../testdata/records/issuing.ors")).unwrap();
    let golden = golden.verify(&anchors).unwrap();
    let answers = golden.answers().cloned().collect();
    (anchors, answers)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(response) = OcspResponse::parse(bytes) else { return };
    let (anchors, answers) = &*TRUTH;
    if let Ok(verified) = response.verify(anchors) {
        assert!(verified.answers().eq(answers));
        // Another encoding of what is signed is used, and has no record.
        if let Ok(record) = verified.record() {
            assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(record));
        }
    }
});
