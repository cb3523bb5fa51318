//! Subtrees and their proofs: the draft's own vectors, a naive oracle, and attacks.

use std::fmt::Write as _;

use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::EMPTY_ROOT;
use ishibumi_tlog::tree::{
    ProofError, SIZE_MAX, Subtree, check_consistency, check_inclusion, check_subtree_consistency,
    check_subtree_inclusion, prove_consistency, prove_inclusion, prove_subtree_consistency,
    prove_subtree_inclusion,
};
use sha2::{Digest as _, Sha256};

use super::memory::{Nodes, leaves, plain};
use super::tampering::{flipped, spoiled};
use super::{oracle, oracle_reader};

/// The tree of the draft's "Subtree Test Vectors": 130 leaves of one octet each.
fn draft_leaves() -> Vec<oracle::H> {
    (0..130).map(|n: u8| oracle::leaf(&[n])).collect()
}

/// By the definition of the draft, without a power of two that the crate computed.
fn is_subtree(start: u64, end: u64) -> bool {
    let ceil = (0..64).map(|e| 1_u64 << e).find(|&p| p >= end - start);
    start.is_multiple_of(ceil.unwrap())
}

/// Every subtree that ends at or before `most`.
fn subtrees(most: u64) -> impl Iterator<Item = Subtree> {
    let pairs = (0..=most).flat_map(|end| (0..=end).map(move |start| (start, end)));
    pairs.filter_map(|(start, end)| Subtree::new(start, end))
}

fn slice(all: &[oracle::H], start: u64, end: u64) -> &[oracle::H] {
    &all[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]
}

fn mth(all: &[oracle::H], subtree: Subtree) -> Hash {
    Hash(oracle::mth(slice(all, subtree.start(), subtree.end())))
}

fn consistency(nodes: &Nodes, subtree: Subtree, size: u64) -> Vec<Hash> {
    let Ok(made) = prove_subtree_consistency(&nodes.first(size), subtree, size);
    made.unwrap()
}

fn inclusion(nodes: &Nodes, index: u64, subtree: Subtree) -> Vec<Hash> {
    let Ok(made) = prove_subtree_inclusion(&nodes.first(subtree.end()), index, subtree);
    made.unwrap()
}

fn hashes(proof: &[Hash]) -> String {
    proof.iter().fold(String::new(), |mut line, hash| {
        write!(line, " {hash}").unwrap();
        line
    })
}

/// The four accumulated vectors that the draft publishes, over every input up to 130 leaves.
#[test]
fn the_vectors_of_the_draft_are_reproduced() {
    let all = draft_leaves();
    let nodes = Nodes::over(&all);
    let (mut roots, mut paths, mut proofs, mut covers) =
        (Sha256::new(), Sha256::new(), Sha256::new(), Sha256::new());
    for subtree in subtrees(130) {
        let (start, end) = (subtree.start(), subtree.end());
        let Ok(hash) = subtree.hash(&nodes.first(end));
        roots.update(format!("[{start}, {end}) {hash}\n"));
        for index in start..end {
            let path = hashes(&inclusion(&nodes, index, subtree));
            paths.update(format!("{index} [{start}, {end}){path}\n"));
        }
    }
    for size in 0..=130 {
        for subtree in subtrees(size) {
            let (start, end) = (subtree.start(), subtree.end());
            let proof = hashes(&consistency(&nodes, subtree, size));
            proofs.update(format!("[{start}, {end}) {size}{proof}\n"));
        }
    }
    for end in 0..=130 {
        for start in 0..=end {
            let [left, right] = Subtree::covering(start, end).unwrap();
            covers.update(format!(
                "[{}, {}) [{}, {})\n",
                left.start(),
                left.end(),
                right.start(),
                right.end()
            ));
        }
    }
    for (made, published) in [
        (
            roots,
            "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81",
        ),
        (
            paths,
            "ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f",
        ),
        (
            proofs,
            "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74",
        ),
        (
            covers,
            "7fd9c8b926e9d2b5cf831560e8ce295a5ef97ad5c5ede4ea0dea28a8c8fc8bb0",
        ),
    ] {
        assert_eq!(hex::encode(made.finalize()), published);
    }
}

#[test]
fn subtrees_are_those_of_the_draft() {
    for end in 0..=140 {
        for start in 0..=end {
            let found = Subtree::new(start, end);
            assert_eq!(found.is_some(), is_subtree(start, end), "[{start}, {end})");
        }
        assert_eq!(Subtree::new(end + 1, end), None);
        assert_eq!(Subtree::covering(end + 1, end), None);
    }
    for (start, end, good) in [
        (0, SIZE_MAX, true),
        (0, SIZE_MAX + 1, false),
        (SIZE_MAX, SIZE_MAX, true),
        (SIZE_MAX - 1, SIZE_MAX, true),
        (1 << 62, SIZE_MAX, true),
        ((1 << 62) - 1, SIZE_MAX, false),
        (SIZE_MAX + 1, SIZE_MAX + 1, false),
        (u64::MAX, u64::MAX, false),
        (0, u64::MAX, false),
    ] {
        assert_eq!(Subtree::new(start, end).is_some(), good, "[{start}, {end})");
    }
    assert_eq!(Subtree::covering(0, SIZE_MAX + 1), None);
    let [left, right] = Subtree::covering(1, SIZE_MAX).unwrap();
    assert_eq!((left.start(), left.end()), (0, 1 << 62));
    assert_eq!((right.start(), right.end()), (1 << 62, SIZE_MAX));
}

/// The properties that the draft promises of the two subtrees.
#[test]
fn two_subtrees_cover_every_range() {
    for end in 0..=140_u64 {
        for start in 0..=end {
            let [left, right] = Subtree::covering(start, end).unwrap();
            assert_eq!((left.end(), right.end()), (right.start(), end));
            assert!(is_subtree(left.start(), left.end()) && is_subtree(right.start(), end));
            assert!(left.start() <= start);
            if start < end {
                assert!(
                    start - left.start() < left.end() - start,
                    "[{start}, {end})"
                );
            }
        }
    }
}

#[test]
fn every_proof_over_small_trees_is_the_oracles() {
    let all = leaves(90);
    let nodes = Nodes::over(&all);
    for size in 0..=90_u64 {
        let tree = slice(&all, 0, size);
        let root = Hash(oracle::mth(tree));
        for subtree in subtrees(size) {
            let (start, end) = (subtree.start(), subtree.end());
            let hash = mth(&all, subtree);
            let made = consistency(&nodes, subtree, size);
            let place = |n| usize::try_from(n).unwrap();
            let expected = oracle::subtree_proof(place(start), place(end), tree);
            assert_eq!(plain(&made), expected, "[{start}, {end}) in {size}");
            check_subtree_consistency(subtree, hash, size, root, &made).unwrap();
            if start == 0 {
                let Ok(prefix) = prove_consistency(&nodes.first(size), end, size);
                assert_eq!(prefix, Some(made));
            } else if end == start + 1 {
                let Ok(path) = prove_inclusion(&nodes.first(size), start, size);
                assert_eq!(path, Some(made));
            }
        }
    }
}

#[test]
fn every_path_in_a_small_subtree_is_the_oracles_and_no_other() {
    let all = leaves(70);
    let nodes = Nodes::over(&all);
    for subtree in subtrees(70).filter(|s| s.size() > 0) {
        let (start, end) = (subtree.start(), subtree.end());
        let hash = mth(&all, subtree);
        for index in start..end {
            let made = inclusion(&nodes, index, subtree);
            let place = usize::try_from(index - start).unwrap();
            assert_eq!(plain(&made), oracle::path(place, slice(&all, start, end)));
            let leaf = nodes.leaf(index);
            check_subtree_inclusion(leaf, index, subtree, hash, &made).unwrap();
            // Only this index, and never one from outside, though its distance fits.
            for other in [0, index ^ 1, index + 1, index - start, start, end, u64::MAX] {
                let found = check_subtree_inclusion(leaf, other, subtree, hash, &made);
                assert_eq!(found.is_ok(), other == index, "{other} for {index}");
            }
            if end <= 40 {
                for bad in spoiled(&made, hash) {
                    check_subtree_inclusion(leaf, index, subtree, hash, &bad).unwrap_err();
                }
            }
            for bit in [0, 255] {
                let (bad_leaf, bad_hash) = (flipped(leaf, bit), flipped(hash, bit));
                check_subtree_inclusion(bad_leaf, index, subtree, hash, &made).unwrap_err();
                check_subtree_inclusion(leaf, index, subtree, bad_hash, &made).unwrap_err();
            }
        }
    }
}

#[test]
fn spoiled_proofs_show_nothing() {
    let all = leaves(40);
    let nodes = Nodes::over(&all);
    for size in 1..=40 {
        let root = Hash(oracle::mth(slice(&all, 0, size)));
        for subtree in subtrees(size) {
            let hash = mth(&all, subtree);
            let good = consistency(&nodes, subtree, size);
            let check = |hash, root, proof: &[Hash]| {
                check_subtree_consistency(subtree, hash, size, root, proof)
            };
            check(hash, root, &good).unwrap();
            for bad in spoiled(&good, root) {
                check(hash, root, &bad).unwrap_err();
            }
            for bit in [0, 255] {
                check(flipped(hash, bit), root, &good).unwrap_err();
                // The empty subtree is part of any tree, even one with another root.
                let any_root = check(hash, flipped(root, bit), &good);
                assert_eq!(any_root.is_ok(), subtree.size() == 0);
            }
            if hash != root {
                check(root, hash, &good).unwrap_err();
            }
        }
    }
}

/// A proof names neither range nor size. Where others than its own are accepted, the recursion of
/// the draft accepts them too.
#[test]
fn other_ranges_are_accepted_only_where_the_draft_cannot_tell_them_apart() {
    let all = leaves(17);
    let nodes = Nodes::over(&all);
    let claims: Vec<Subtree> = subtrees(20).filter(|s| s.size() > 0).collect();
    for size in 1..=17_u64 {
        let root = Hash(oracle::mth(slice(&all, 0, size)));
        for subtree in subtrees(size).filter(|s| s.size() > 0) {
            let hash = mth(&all, subtree);
            let good = consistency(&nodes, subtree, size);
            for claimed_size in (1..=20).chain([32, 33, 1 << 32, SIZE_MAX]) {
                for &claimed in &claims {
                    let (start, end) = (claimed.start(), claimed.end());
                    let read = || {
                        let range = (start, end);
                        let proof = plain(&good);
                        oracle_reader::roots_of_subtree_proof(
                            range,
                            claimed_size,
                            true,
                            hash.0,
                            &proof,
                        )
                    };
                    let expected = end <= claimed_size && read() == Some((hash.0, root.0));
                    let found = check_subtree_consistency(claimed, hash, claimed_size, root, &good);
                    assert_eq!(
                        found.is_ok(),
                        expected,
                        "{subtree:?} in {size} as {claimed:?} in {claimed_size}: {found:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_edge_cases_have_errors_of_their_own() {
    let all = leaves(14);
    let nodes = Nodes::over(&all);
    let root = Hash(oracle::mth(&all));
    let part = Subtree::new(8, 13).unwrap();
    let hash = mth(&all, part);
    let proof = consistency(&nodes, part, 14);
    let check =
        |size, hash, proof: &[Hash]| check_subtree_consistency(part, hash, size, root, proof);
    assert_eq!(check(14, hash, &proof), Ok(()));
    assert_eq!(
        check(12, hash, &proof),
        Err(ProofError::SubtreeBeyondTree {
            start: 8,
            end: 13,
            size: 12
        })
    );
    for size in [SIZE_MAX + 1, u64::MAX] {
        assert_eq!(check(size, hash, &proof), Err(ProofError::TooLarge(size)));
        let Ok(none) = prove_subtree_consistency(&nodes.first(14), part, size);
        assert_eq!(none, None);
    }
    for (proof, found) in [(&proof[1..], 3), (&[proof.as_slice(), &[root]].concat(), 5)] {
        let length = ProofError::Length { found, needed: 4 };
        assert_eq!(check(14, hash, proof), Err(length));
    }
    let empty = Subtree::new(5, 5).unwrap();
    assert_eq!(
        check_subtree_consistency(empty, EMPTY_ROOT, 14, root, &[]),
        Ok(())
    );
    let wrong = ProofError::Root {
        computed: EMPTY_ROOT,
        expected: hash,
    };
    assert_eq!(
        check_subtree_consistency(empty, hash, 14, root, &[]),
        Err(wrong)
    );
    check_subtree_consistency(empty, EMPTY_ROOT, 14, root, &[root]).unwrap_err();
    check_subtree_consistency(empty, EMPTY_ROOT, 4, root, &[]).unwrap_err();
    let Ok(none) = prove_subtree_consistency(&nodes.first(12), part, 12);
    assert_eq!(none, None);
    for index in [7, 13, u64::MAX] {
        let Ok(none) = prove_subtree_inclusion(&nodes.first(14), index, part);
        assert_eq!(none, None);
        let outside = ProofError::OutsideSubtree {
            index,
            start: 8,
            end: 13,
        };
        assert_eq!(
            check_subtree_inclusion(root, index, part, hash, &[]),
            Err(outside)
        );
    }
}

/// The request that C2SP tlog-witness shows under `sign-subtree`, `[8, 13)` of 14 leaves, has as
/// many hashes as it needs; they are made up, though, and prove nothing. The draft's own vectors
/// decide.
#[test]
fn the_example_of_c2sp_has_the_right_form_and_is_no_proof() {
    let hash = |text| Hash::from_base64(text).unwrap();
    let part = Subtree::new(8, 13).unwrap();
    let part_hash = hash("mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=");
    let root = hash("/CcKVZM9n65aH7jLaIZuUB4/MSlEFQ4+ldwUC21rDHM=");
    let proof = [
        "CD82D2LDm0phY0+xKbHyZfq3Hw21lVkuV7Zis5EFg0k=",
        "h/ghL5nyaXTIBAklqDnisM+SFdbA3izoGZ5oRYMZzc0=",
        "8qtnAAU9sTKQx/zt3E4v8Jt2a9IMQUf0QUawvePF9y0=",
        "KuO5BNOmginG34Lm5G3e2GuiWliGo3K0ebzGpvI0fEg=",
    ]
    .map(hash);
    let found = check_subtree_consistency(part, part_hash, 14, root, &proof);
    let computed = Hash(oracle::node(proof[2].0, proof[0].0));
    let expected = part_hash;
    assert_eq!(found, Err(ProofError::Root { computed, expected }));
}

/// A proof of a range is neither an audit path nor a proof that the tree grew.
#[test]
fn kinds_of_proofs_are_not_mixed_up() {
    let all = leaves(14);
    let nodes = Nodes::over(&all);
    let root = Hash(oracle::mth(&all));
    let part = Subtree::new(8, 13).unwrap();
    let hash = mth(&all, part);
    let proof = consistency(&nodes, part, 14);
    check_subtree_consistency(part, hash, 14, root, &proof).unwrap();
    for old in 0..14 {
        check_consistency(old, hash, 14, root, &proof).unwrap_err();
    }
    for index in 0..14 {
        check_inclusion(hash, index, 14, root, &proof).unwrap_err();
    }
}
