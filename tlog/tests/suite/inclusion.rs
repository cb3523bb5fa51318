//! Audit paths: made and checked for every index of every small tree, and attacked.

use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::EMPTY_ROOT;
use ishibumi_tlog::tree::{ProofError, check_inclusion, prove_inclusion};
use rs_merkle::{Hasher, MerkleProof, MerkleTree};

use super::memory::{Nodes, leaves, plain};
use super::tampering::spoiled;
use super::{oracle, oracle_reader};

/// `rs_merkle` with the node hash of RFC 6962.
#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        oracle::leaf(data)
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| oracle::node(*left, *right))
    }
}

fn proof(nodes: &Nodes, index: u64, size: u64) -> Vec<Hash> {
    let Ok(made) = prove_inclusion(&nodes.first(size), index, size);
    made.unwrap()
}

#[test]
fn every_path_of_every_small_tree_is_the_oracles() {
    let all = leaves(600);
    let nodes = Nodes::over(&all);
    for size in 1..=600_u64 {
        let tree = &all[..usize::try_from(size).unwrap()];
        let root = Hash(oracle::mth(tree));
        let step = if size <= 160 { 1 } else { 41 };
        let indices = (0..size).step_by(step).chain([size / 2, size - 1]);
        for index in indices {
            let made = proof(&nodes, index, size);
            let expected = oracle::path(usize::try_from(index).unwrap(), tree);
            assert_eq!(plain(&made), expected, "leaf {index} of {size}");
            check_inclusion(nodes.leaf(index), index, size, root, &made).unwrap();
        }
    }
}

#[test]
fn rs_merkle_has_the_same_roots_and_path_hashes() {
    let all = leaves(600);
    let nodes = Nodes::over(&all);
    for size in 1..=600_u64 {
        let tree = MerkleTree::<Rfc6962>::from_leaves(&all[..usize::try_from(size).unwrap()]);
        let Ok(root) = ishibumi_tlog::tree::root(&nodes.first(size), size);
        assert_eq!(tree.root(), Some(root.0), "size {size}");
        for index in (0..size).step_by(1 + usize::try_from(size).unwrap() / 24) {
            let theirs = tree.proof(&[usize::try_from(index).unwrap()]);
            let ours = plain(&proof(&nodes, index, size));
            assert_eq!(theirs.proof_hashes(), ours, "leaf {index} of {size}");
        }
    }
}

/// A verifier that walks up by halving the index forgets to ask whether the index is in the tree.
/// `rs_merkle` does, and so decides nothing here.
#[test]
fn an_index_beyond_the_tree_is_refused_where_rs_merkle_accepts_it() {
    let all = leaves(20);
    let nodes = Nodes::over(&all);
    let root = Hash(oracle::mth(&all));
    let good = proof(&nodes, 3, 20);
    check_inclusion(nodes.leaf(3), 3, 20, root, &good).unwrap();
    for wrong in [35, 67, 1027] {
        let naive = MerkleProof::<Rfc6962>::new(plain(&good));
        let position = usize::try_from(wrong).unwrap();
        assert!(naive.verify(root.0, &[position], &[nodes.leaf(3).0], 20));
        assert_eq!(
            check_inclusion(nodes.leaf(3), wrong, 20, root, &good),
            Err(ProofError::IndexOutOfRange {
                index: wrong,
                size: 20
            })
        );
    }
    for power in 0..64 {
        let wrong = 3_u64 ^ (1 << power);
        check_inclusion(nodes.leaf(3), wrong, 20, root, &good).unwrap_err();
    }
}

#[test]
fn spoiled_paths_lead_nowhere() {
    let all = leaves(70);
    let nodes = Nodes::over(&all);
    for size in 1..=70_u64 {
        let root = Hash(oracle::mth(&all[..usize::try_from(size).unwrap()]));
        for index in 0..size {
            let leaf = nodes.leaf(index);
            let good = proof(&nodes, index, size);
            check_inclusion(leaf, index, size, root, &good).unwrap();
            for bad in spoiled(&good, root) {
                check_inclusion(leaf, index, size, root, &bad).unwrap_err();
            }
            for other in (0..size).filter(|&other| other != index) {
                check_inclusion(leaf, other, size, root, &good).unwrap_err();
                check_inclusion(nodes.leaf(other), index, size, root, &good).unwrap_err();
            }
            for bad_root in [EMPTY_ROOT, Hash([0; 32])].into_iter().chain(good.clone()) {
                check_inclusion(leaf, index, size, bad_root, &good).unwrap_err();
            }
        }
    }
}

/// A path does not name its size: leaf 0 of three has the same path as leaf 0 of four. The signed
/// checkpoint binds it. Everywhere else another size or index is refused, exactly where the
/// recursion of the RFC refuses it.
#[test]
fn other_sizes_are_accepted_only_where_the_rfc_cannot_tell_them_apart() {
    let all = leaves(40);
    let nodes = Nodes::over(&all);
    let mut accepted = 0;
    for size in 1..=40_u64 {
        let root = Hash(oracle::mth(&all[..usize::try_from(size).unwrap()]));
        for index in 0..size {
            let leaf = nodes.leaf(index);
            let good = proof(&nodes, index, size);
            for claimed_size in (0..=48).chain([63, 64, 65, 1 << 32, 1 << 62, 1 << 63]) {
                for claimed_index in (0..=48).chain([index + 64, index + (1 << 32), 1 << 63]) {
                    let expected = oracle_reader::root_of_path(
                        leaf.0,
                        claimed_index,
                        claimed_size,
                        &plain(&good),
                    ) == Some(root.0);
                    let found =
                        check_inclusion(leaf, claimed_index, claimed_size, root, &good).is_ok();
                    assert_eq!(
                        found, expected,
                        "({index}, {size}) as ({claimed_index}, {claimed_size})"
                    );
                    accepted += u32::from(found);
                }
            }
        }
    }
    assert!(
        accepted >= 40 * 41 / 2,
        "the honest ones at least: {accepted}"
    );
}

#[test]
fn sizes_without_proofs_are_errors() {
    let nodes = Nodes::over(&leaves(2));
    let leaf = nodes.leaf(0);
    assert_eq!(
        check_inclusion(leaf, 0, 0, EMPTY_ROOT, &[]),
        Err(ProofError::IndexOutOfRange { index: 0, size: 0 })
    );
    check_inclusion(leaf, 0, 1, leaf, &[]).unwrap();
    for size in [(1 << 63) + 1, u64::MAX] {
        assert_eq!(
            check_inclusion(leaf, 0, size, leaf, &[leaf; 64]),
            Err(ProofError::TooLarge(size))
        );
        let Ok(none) = prove_inclusion(&nodes.first(2), 0, size);
        assert_eq!(none, None);
    }
    for (index, size) in [(0, 0), (2, 2), (u64::MAX, 2)] {
        let Ok(none) = prove_inclusion(&nodes.first(2), index, size);
        assert_eq!(none, None);
    }
}
