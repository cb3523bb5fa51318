//! Consistency proofs: made and checked for every pair of small trees, and attacked.

use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::EMPTY_ROOT;
use ishibumi_tlog::tree::{ProofError, check_consistency, prove_consistency};

use super::memory::{Nodes, leaves, plain};
use super::tampering::{flipped, spoiled};
use super::{oracle, oracle_reader};

fn proof(nodes: &Nodes, old: u64, new: u64) -> Vec<Hash> {
    let Ok(made) = prove_consistency(&nodes.first(new), old, new);
    made.unwrap()
}

fn roots(all: &[oracle::H]) -> Vec<Hash> {
    (0..=all.len())
        .map(|n| Hash(oracle::mth(&all[..n])))
        .collect()
}

fn at(roots: &[Hash], size: u64) -> Hash {
    roots[usize::try_from(size).unwrap()]
}

#[test]
fn every_proof_between_small_trees_is_the_oracles() {
    let all = leaves(600);
    let nodes = Nodes::over(&all);
    let roots = roots(&all);
    for new in 1..=600_u64 {
        let tree = &all[..usize::try_from(new).unwrap()];
        let step = if new <= 160 { 1 } else { 37 };
        for old in (1..=new).step_by(step).chain([new / 2 + 1, new - 1, new]) {
            let made = proof(&nodes, old, new);
            if old > 0 {
                let expected = oracle::proof(usize::try_from(old).unwrap(), tree);
                assert_eq!(plain(&made), expected, "{old} to {new}");
            }
            check_consistency(old, at(&roots, old), new, at(&roots, new), &made).unwrap();
        }
    }
}

#[test]
fn spoiled_proofs_show_nothing() {
    let all = leaves(70);
    let nodes = Nodes::over(&all);
    let roots = roots(&all);
    for new in 1..=70 {
        let new_root = at(&roots, new);
        for old in 0..=new {
            let old_root = at(&roots, old);
            let good = proof(&nodes, old, new);
            check_consistency(old, old_root, new, new_root, &good).unwrap();
            for bad in spoiled(&good, new_root) {
                check_consistency(old, old_root, new, new_root, &bad).unwrap_err();
            }
            for bit in [0, 255] {
                let (bad_old, bad_new) = (flipped(old_root, bit), flipped(new_root, bit));
                check_consistency(old, bad_old, new, new_root, &good).unwrap_err();
                // The empty tree begins any tree, even one with another root.
                let any_new = check_consistency(old, old_root, new, bad_new, &good);
                assert_eq!(any_new.is_ok(), old == 0);
            }
            if old < new {
                check_consistency(old, new_root, new, old_root, &good).unwrap_err();
                check_consistency(new, new_root, old, old_root, &good).unwrap_err();
            }
        }
    }
}

/// Like an audit path, the proof does not name the sizes. Where another pair of sizes is accepted,
/// the recursion of the RFC accepts it too.
#[test]
fn other_sizes_are_accepted_only_where_the_rfc_cannot_tell_them_apart() {
    let all = leaves(24);
    let nodes = Nodes::over(&all);
    let roots = roots(&all);
    for new in 1..=24_u64 {
        for old in 1..=new {
            let good = proof(&nodes, old, new);
            let (old_root, new_root) = (at(&roots, old), at(&roots, new));
            for claimed_new in (1..=34_u64).chain([63, 64, 65, 1 << 32, (1 << 63) - 1, 1 << 63]) {
                for claimed_old in (1..=34).chain([64, 1 << 32, 1 << 62, 1 << 63]) {
                    let expected = claimed_old <= claimed_new
                        && oracle_reader::roots_of_proof(
                            claimed_old,
                            claimed_new,
                            true,
                            old_root.0,
                            &plain(&good),
                        ) == Some((old_root.0, new_root.0));
                    let found =
                        check_consistency(claimed_old, old_root, claimed_new, new_root, &good);
                    assert_eq!(
                        found.is_ok(),
                        expected,
                        "({old}, {new}) as ({claimed_old}, {claimed_new})"
                    );
                }
            }
        }
    }
}

#[test]
fn the_edge_cases_have_errors_of_their_own() {
    let all = leaves(8);
    let nodes = Nodes::over(&all);
    let roots = roots(&all);
    let (five, eight) = (at(&roots, 5), at(&roots, 8));
    // The empty tree begins every tree, with its own root and no proof.
    check_consistency(0, EMPTY_ROOT, 8, eight, &[]).unwrap();
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, &[]).unwrap();
    assert_eq!(
        check_consistency(0, eight, 8, eight, &[]),
        Err(ProofError::Root {
            computed: EMPTY_ROOT,
            expected: eight
        })
    );
    check_consistency(0, EMPTY_ROOT, 0, eight, &[]).unwrap_err();
    check_consistency(0, EMPTY_ROOT, 8, eight, &[eight]).unwrap_err();
    // One size has one root.
    check_consistency(8, eight, 8, eight, &[]).unwrap();
    assert_eq!(
        check_consistency(8, eight, 8, five, &[]),
        Err(ProofError::Fork {
            size: 8,
            old: eight,
            new: five
        })
    );
    assert_eq!(
        check_consistency(8, eight, 8, eight, &[eight]),
        Err(ProofError::Length {
            found: 1,
            needed: 0
        })
    );
    // A log does not shrink, and has a largest size.
    assert_eq!(
        check_consistency(8, eight, 5, five, &proof(&nodes, 5, 8)),
        Err(ProofError::Shrunk { old: 8, new: 5 })
    );
    for new in [(1 << 63) + 1, u64::MAX] {
        assert_eq!(
            check_consistency(5, five, new, eight, &[]),
            Err(ProofError::TooLarge(new))
        );
        let Ok(none) = prove_consistency(&nodes.first(8), 5, new);
        assert_eq!(none, None);
    }
    let Ok(none) = prove_consistency(&nodes.first(8), 8, 5);
    assert_eq!(none, None);
}
