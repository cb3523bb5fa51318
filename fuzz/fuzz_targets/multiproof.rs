//! Multiproof files: read, written back, split, and checked under a real policy. Nothing but the
//! golden entries may ever be proven, and the single proofs that are split off have to say the
//! same.

#![no_main]

use std::sync::LazyLock;

use ishibumi_tlog::Policy;
use ishibumi_tlog::multiproof::Multiproof;
use ishibumi_tlog::proof::TlogProof;
use libfuzzer_sys::fuzz_target;

static TRUTH: LazyLock<(Policy, Multiproof)> = LazyLock::new(|| {
    let policy = Policy::parse(include_bytes!("../../testdata/tlog/policy.txt")).unwrap();
    let golden = include_bytes!("../../testdata/tlog/entries.tlog-multiproof");
    (policy, Multiproof::parse(golden).unwrap())
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = Multiproof::parse(bytes) else {
        return;
    };
    assert_eq!(proof.encode().as_bytes(), bytes);
    let (policy, truth) = &*TRUTH;
    let paths = proof.split();
    let proven = policy.check_multiproof(&proof);
    if let Ok(paths) = paths {
        let holds = |(hashes, (index, entry)): (Vec<_>, &(u64, Vec<u8>))| {
            let single = TlogProof {
                index: *index,
                hashes,
                checkpoint: proof.checkpoint.clone(),
            };
            policy.check_proof(&single, entry).is_ok()
        };
        assert_eq!(paths.into_iter().zip(&proof.entries).all(holds), proven.is_ok());
    }
    for leaf in proven.into_iter().flatten() {
        let known = (leaf.index(), leaf.record().to_vec());
        assert!(truth.entries.contains(&known));
    }
});
