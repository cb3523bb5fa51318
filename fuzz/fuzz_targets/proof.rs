//! Proof files: read, written back, and checked against a real policy and record. Nothing but
//! record, tree and index of the golden proof may ever be accepted, and never at an earlier time.

#![no_main]

use std::sync::LazyLock;

use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Policy, ProvenLeaf};
use libfuzzer_sys::fuzz_target;

const PROOF: &[u8] = include_bytes!("../../testdata/tlog/entry-73.tlog-proof");
const RECORD: &[u8] = include_bytes!("../../testdata/tlog/entry-73");

static TRUTH: LazyLock<(Policy, ProvenLeaf)> = LazyLock::new(|| {
    let policy = Policy::parse(include_bytes!("../../testdata/tlog/policy.txt")).unwrap();
    let proof = TlogProof::parse(PROOF).unwrap();
    let proven = policy.check_proof(&proof, RECORD).unwrap();
    (policy, proven)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = TlogProof::parse(bytes) else {
        return;
    };
    let written = proof.encode();
    assert_eq!(TlogProof::parse(written.as_bytes()).as_ref(), Ok(&proof));
    if !bytes.windows(7).any(|window| window == b"\nextra ") {
        assert_eq!(written.as_bytes(), bytes);
    }
    let (policy, truth) = &*TRUTH;
    if let Ok(proven) = policy.check_proof(&proof, RECORD) {
        assert_eq!(proven.record(), RECORD);
        assert_eq!(proven.index(), truth.index());
        assert_eq!(proven.head().checkpoint(), truth.head().checkpoint());
        assert!(proven.head().not_after() >= truth.head().not_after());
    }
});
