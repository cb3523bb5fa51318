//! Multi-inclusion proofs: against a naive oracle, against the audit paths that they replace, and
//! attacked like them.

use ishibumi_tlog::Hash;
use ishibumi_tlog::tree::{
    Leaf, ProofError, SIZE_MAX, check_inclusion, check_multi_inclusion, merge_inclusion,
    prove_inclusion, prove_multi_inclusion, split_multi_inclusion,
};
use proptest::prelude::*;

use super::memory::{Nodes, leaves, plain};
use super::oracle;
use super::tampering::{flipped, spoiled};

/// The definition, literally: hashes of the largest parts without a proven leaf, left to right.
fn expected(indices: &[usize], start: usize, d: &[oracle::H]) -> Vec<oracle::H> {
    if !indices.iter().any(|i| (start..start + d.len()).contains(i)) {
        return vec![oracle::mth(d)];
    }
    if d.len() == 1 {
        return vec![];
    }
    let k = usize::try_from(oracle::k(d.len() as u64)).unwrap();
    let left = expected(indices, start, &d[..k]);
    [left, expected(indices, start + k, &d[k..])].concat()
}

struct Tree {
    all: Vec<oracle::H>,
    nodes: Nodes,
}

impl Tree {
    fn of(size: u64) -> Self {
        let all = leaves(size);
        let nodes = Nodes::over(&all);
        Self { all, nodes }
    }

    fn size(&self) -> u64 {
        self.all.len() as u64
    }

    fn root(&self) -> Hash {
        Hash(oracle::mth(&self.all))
    }

    fn prove(&self, indices: &[u64]) -> Option<Vec<Hash>> {
        let Ok(made) = prove_multi_inclusion(&self.nodes.first(self.size()), indices, self.size());
        made
    }

    fn path(&self, index: u64) -> Vec<Hash> {
        let Ok(made) = prove_inclusion(&self.nodes.first(self.size()), index, self.size());
        made.unwrap()
    }

    fn leaves(&self, indices: &[u64]) -> Vec<Leaf> {
        indices.iter().map(|&i| (i, self.nodes.leaf(i))).collect()
    }

    /// Everything that has to hold for one set of leaves.
    fn hold(&self, indices: &[u64]) {
        let (size, root) = (self.size(), self.root());
        let proof = self.prove(indices).unwrap();
        let places: Vec<usize> = indices
            .iter()
            .map(|&i| usize::try_from(i).unwrap())
            .collect();
        assert_eq!(
            plain(&proof),
            expected(&places, 0, &self.all),
            "{indices:?} of {size}"
        );
        let leaves = self.leaves(indices);
        check_multi_inclusion(&leaves, size, root, &proof).unwrap();

        let paths: Vec<Vec<Hash>> = indices.iter().map(|&i| self.path(i)).collect();
        let borrowed: Vec<&[Hash]> = paths.iter().map(Vec::as_slice).collect();
        assert_eq!(merge_inclusion(&leaves, size, &borrowed).unwrap(), proof);
        assert_eq!(split_multi_inclusion(&leaves, size, &proof).unwrap(), paths);
        assert!(proof.len() <= paths.iter().map(Vec::len).sum());
    }
}

#[test]
fn every_set_of_leaves_of_every_tiny_tree() {
    for size in 1..=10_u64 {
        let tree = Tree::of(size);
        for set in 1..1_u64 << size {
            let indices: Vec<u64> = (0..size).filter(|i| set >> i & 1 == 1).collect();
            tree.hold(&indices);
        }
    }
}

#[test]
fn one_leaf_has_its_audit_path_and_all_leaves_need_nothing() {
    for size in [1, 2, 3, 7, 8, 100, 257] {
        let tree = Tree::of(size);
        for index in [0, size / 2, size - 1] {
            let (mut path, mut proof) = (tree.path(index), tree.prove(&[index]).unwrap());
            path.sort_unstable();
            proof.sort_unstable();
            assert_eq!(path, proof);
        }
        let all: Vec<u64> = (0..size).collect();
        assert!(tree.prove(&all).unwrap().is_empty());
        tree.hold(&all);
    }
}

#[test]
fn neighbours_share_most_of_their_paths() {
    let tree = Tree::of(5000);
    let indices: Vec<u64> = (1000..1256).collect();
    tree.hold(&indices);
    let single: usize = indices.iter().map(|&i| tree.path(i).len()).sum();
    let shared = tree.prove(&indices).unwrap().len();
    assert!(shared * 100 < single, "{shared} hashes instead of {single}");
}

#[test]
fn what_is_changed_is_refused() {
    for (size, indices) in [
        (1, vec![0]),
        (6, vec![2]),
        (7, vec![0, 6]),
        (19, vec![3, 4, 11, 18]),
        (64, vec![0, 1, 2, 3, 40]),
    ] {
        let tree = Tree::of(size);
        let (root, proof, leaves) = (
            tree.root(),
            tree.prove(&indices).unwrap(),
            tree.leaves(&indices),
        );
        let refused = |leaves: &[Leaf], size: u64, root: Hash, proof: &[Hash]| {
            check_multi_inclusion(leaves, size, root, proof)
                .expect_err(&format!("{leaves:?} of {size}"));
        };
        check_multi_inclusion(&leaves, size, root, &proof).unwrap();
        for wrong in spoiled(&proof, root) {
            refused(&leaves, size, root, &wrong);
        }
        refused(&leaves, size, flipped(root, 9), &proof);
        for at in 0..leaves.len() {
            let with = |change: &dyn Fn(&mut Vec<Leaf>)| {
                let mut copy = leaves.clone();
                change(&mut copy);
                copy
            };
            refused(
                &with(&|l| l[at].1 = flipped(l[at].1, 77)),
                size,
                root,
                &proof,
            );
            refused(&with(&|l| l[at].1 = root), size + 1, root, &proof);
            refused(
                &with(&|l| {
                    l.remove(at);
                }),
                size,
                root,
                &proof,
            );
            // A second, false leaf at an index that a true one has.
            refused(
                &with(&|l| l.insert(at, (l[at].0, root))),
                size,
                root,
                &proof,
            );
            refused(
                &with(&|l| l.insert(at + 1, (l[at].0, root))),
                size,
                root,
                &proof,
            );
            for other in 0..size + 2 {
                if other != leaves[at].0 {
                    refused(&with(&|l| l[at].0 = other), size, root, &proof);
                }
            }
        }
        let mut backwards = leaves.clone();
        backwards.reverse();
        if leaves.len() > 1 {
            assert!(matches!(
                check_multi_inclusion(&backwards, size, root, &proof),
                Err(ProofError::NotAscending { .. })
            ));
        }
    }
}

#[test]
fn what_no_proof_is_about_has_none() {
    let tree = Tree::of(9);
    let root = tree.root();
    for indices in [vec![], vec![9], vec![3, 3], vec![4, 3], vec![2, 9]] {
        assert_eq!(tree.prove(&indices), None, "{indices:?}");
        let leaves: Vec<Leaf> = indices.iter().map(|&i| (i, root)).collect();
        assert!(check_multi_inclusion(&leaves, 9, root, &[]).is_err());
        assert!(split_multi_inclusion(&leaves, 9, &[]).is_err());
        assert!(merge_inclusion(&leaves, 9, &vec![&[][..]; leaves.len()]).is_err());
    }
    let leaves = tree.leaves(&[4]);
    assert_eq!(
        check_multi_inclusion(&[], 9, root, &[root]),
        Err(ProofError::NoLeaves),
        "the root alone says nothing"
    );
    assert_eq!(
        check_multi_inclusion(&leaves, SIZE_MAX + 1, root, &[]),
        Err(ProofError::TooLarge(SIZE_MAX + 1))
    );
    // The largest tree there is: as deep as it gets, and no deeper.
    let deep = vec![root; 63];
    assert!(matches!(
        check_multi_inclusion(&[(SIZE_MAX - 1, root)], SIZE_MAX, root, &deep),
        Err(ProofError::Root { .. })
    ));
    // A path for each leaf, each of its length.
    let path = tree.path(4);
    for paths in [vec![], vec![&path[1..]], vec![&path[..], &path[..]]] {
        assert!(matches!(
            merge_inclusion(&leaves, 9, &paths),
            Err(ProofError::Length { .. })
        ));
    }
}

proptest! {
    #[test]
    fn random_sets_of_random_trees(
        size in 1..=700_u64,
        picks in proptest::collection::btree_set(0..700_u64, 1..40),
    ) {
        let tree = Tree::of(size);
        let mut indices: Vec<u64> = picks.into_iter().filter(|&i| i < size).collect();
        if indices.is_empty() {
            indices.push(size - 1);
        }
        tree.hold(&indices);
        // What holds together holds singly.
        let leaves = tree.leaves(&indices);
        let paths = split_multi_inclusion(&leaves, size, &tree.prove(&indices).unwrap()).unwrap();
        for (&(index, leaf), path) in leaves.iter().zip(&paths) {
            check_inclusion(leaf, index, size, tree.root(), path).unwrap();
        }
    }
}
