//! The tokens that load is made with: real, distinct, and accepted by the log's own admission.

use ishibumi_artifact::{Anchors, ArtifactType, Certificate, admit};
use ishibumi_benches::tsa::{Tsa, TsuKey};

#[test]
fn tokens_are_distinct_and_admitted_under_their_own_anchor_only() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::open(&folder.path().join("tsa"), TsuKey::P256).unwrap();
    let other = Tsa::open(&folder.path().join("other"), TsuKey::P256).unwrap();
    let tokens = folder.path().join("tokens");
    tsa.tokens(&tokens, 4, 2, |_| {}).unwrap();
    let anchors = |tsa: &Tsa| {
        let octets = std::fs::read(tsa.anchor()).unwrap();
        Anchors::from_certificates(Certificate::parse_bundle(&octets).unwrap())
    };
    let mut records = Vec::new();
    for entry in std::fs::read_dir(&tokens).unwrap() {
        let token = std::fs::read(entry.unwrap().path()).unwrap();
        let admitted = admit(ArtifactType::TimestampToken, &token, &anchors(&tsa)).unwrap();
        records.push(admitted.record().encode());
        assert!(admit(ArtifactType::TimestampToken, &token, &anchors(&other)).is_err());
    }
    records.sort();
    records.dedup();
    assert_eq!(records.len(), 4);
}
