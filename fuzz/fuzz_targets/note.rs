//! Signed notes: one note has one spelling, and only the text that was signed verifies.

#![no_main]

use std::sync::LazyLock;

use ishibumi_tlog::Policy;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use libfuzzer_sys::fuzz_target;

const SIGNED: &[u8] = include_bytes!("../../testdata/tlog/log/checkpoint");

static TRUTH: LazyLock<(String, Vec<VerifierKey>)> = LazyLock::new(|| {
    let policy = Policy::parse(include_bytes!("../../testdata/tlog/policy.txt")).unwrap();
    let logs = policy.logs().iter().map(|log| log.key.clone());
    let witnesses = policy.witnesses().iter().map(|witness| witness.key.clone());
    let keys = logs.chain(witnesses).collect();
    (Note::parse(SIGNED).unwrap().text().to_owned(), keys)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(note) = Note::parse(bytes) else { return };
    assert_eq!(note.encode().as_bytes(), bytes);
    let (text, keys) = &*TRUTH;
    if let Ok(verified) = note.verify(keys) {
        assert_eq!(note.text(), text);
        let kept = note.retain(&verified);
        assert!(kept.verify(keys).is_ok());
    }
});
