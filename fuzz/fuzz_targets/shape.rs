//! The kind of a file by its outline: whatever a reader takes is of that reader's kind, and what is
//! of no kind is named without a panic.

#![no_main]

use ishibumi_artifact::{ArtifactType, Certificate, Crl, OcspResponse, TimestampToken};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let told = ArtifactType::of(bytes);
    let readers = [
        (ArtifactType::Certificate, Certificate::parse(bytes).is_ok()),
        (ArtifactType::TimestampToken, TimestampToken::parse(bytes).is_ok()),
        (ArtifactType::Crl, Crl::parse(bytes).is_ok()),
        (ArtifactType::OcspResponse, OcspResponse::parse(bytes).is_ok()),
    ];
    for (kind, takes) in readers {
        assert!(!takes || told == Ok(kind));
    }
    if let Err(unrecognised) = told {
        assert!(!unrecognised.to_string().is_empty());
    }
});
