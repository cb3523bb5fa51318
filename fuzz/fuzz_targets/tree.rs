//! Proof checkers with any numbers and any hashes: they end, they do not wrap, and an accepted path
//! is refused under every other index of its tree.

#![no_main]

use ishibumi_tlog::Hash;
use ishibumi_tlog::tree::{
    ProofError, Subtree, check_consistency, check_inclusion, check_subtree_consistency,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, u64, [u8; 32], Vec<[u8; 32]>)| {
    let (index, size, other, leaf, proof) = input;
    let proof: Vec<Hash> = proof.into_iter().map(Hash).collect();
    let leaf = Hash(leaf);
    // The checker itself tells the root that a proof leads to; with that root it has to be
    // accepted.
    let root = match check_inclusion(leaf, index, size, Hash([0; 32]), &proof) {
        Err(ProofError::Root { computed, .. }) => computed,
        _ => leaf,
    };
    if check_inclusion(leaf, index, size, root, &proof).is_ok() {
        assert!(index < size && size <= 1 << 63 && proof.len() <= 63);
        assert!(other == index || check_inclusion(leaf, other, size, root, &proof).is_err());
        let longer = [&proof[..], &[root]].concat();
        assert!(check_inclusion(leaf, index, size, root, &longer).is_err());
    }
    if check_consistency(other, leaf, size, root, &proof).is_ok() {
        assert!(other <= size && size <= 1 << 63 && proof.len() <= 64);
    }
    let Some(subtree) = Subtree::new(other, index) else {
        return;
    };
    assert!(other <= index && index <= 1 << 63);
    let check = |proof: &[Hash]| check_subtree_consistency(subtree, leaf, size, root, proof);
    if check(&proof).is_ok() {
        assert!(index <= size && size <= 1 << 63 && proof.len() <= 64);
        assert!(check(&[&proof[..], &[root]].concat()).is_err());
    }
});
