//! Time-stamp tokens and replies: whatever is read, only the golden token's signed octets ever
//! verify under the golden anchor, and then to the golden record.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Record, TimestampToken, record_of};
use libfuzzer_sys::fuzz_target;

static TRUTH: LazyLock<(Anchors, Record)> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    let anchors = Anchors::from_certificates([read(include_bytes!("../../testdata/records/root.crt"))])
        .with_intermediates([read(include_bytes!("../../testdata/records/issuing.crt"))])
        .with_memo(1_000);
    let token = include_bytes!("../../testdata/records/token.tst");
    let record = record_of(ArtifactType::TimestampToken, token, &anchors).unwrap();
    (anchors, record)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(token) = TimestampToken::parse(bytes) else { return };
    let (anchors, record) = &*TRUTH;
    if let Ok(verified) = token.verify(anchors) {
        assert_eq!(verified.record(), record);
    }
});
