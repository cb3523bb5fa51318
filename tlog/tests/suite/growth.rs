//! `Frontier`, `Edge` and `root` grow the tree of the RFC, at every size and at random large ones.

use std::collections::HashMap;
use std::sync::LazyLock;

use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::{EMPTY_ROOT, leaf_hash, node_hash};
use ishibumi_tlog::tile::{Edge, tiles};
use ishibumi_tlog::tree::{
    Frontier, check_consistency, check_inclusion, prove_consistency, prove_inclusion, root,
};
use proptest::prelude::*;

use super::memory::{Nodes, leaves, plain};
use super::{oracle, oracle_reader};

/// One tree of 2^20 leaves, shared by all random cases.
static BIG: LazyLock<(Vec<oracle::H>, Nodes)> = LazyLock::new(|| {
    let all = leaves(1 << 20);
    let nodes = Nodes::over(&all);
    (all, nodes)
});

#[test]
fn hashes_are_those_of_the_rfc() {
    let (l, r) = (oracle::leaf(b"l"), oracle::leaf(b"r"));
    assert_eq!(leaf_hash(b"l").0, l);
    assert_eq!(node_hash(Hash(l), Hash(r)).0, oracle::node(l, r));
    assert_eq!(EMPTY_ROOT.0, oracle::mth(&[]));
}

#[test]
fn frontier_and_edge_grow_the_tree_of_the_rfc() {
    let all = leaves(1100);
    let nodes = Nodes::over(&all);
    let (mut frontier, mut edge) = (Frontier::new(), Edge::new());
    let mut full = HashMap::new();
    assert_eq!(frontier.root(), EMPTY_ROOT);
    assert_eq!(edge.root(), EMPTY_ROOT);
    for (size, leaf) in (1_u64..).zip(&all) {
        frontier.append(Hash(*leaf), |level, index, hash| {
            let place = index << level..(index + 1) << level;
            assert_eq!(place.end, size, "completed by this very leaf");
            let place = usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
            assert_eq!(hash.0, oracle::mth(&all[place]));
        });
        edge.append(Hash(*leaf), |level, index, tile| {
            assert!(full.insert((level, index), tile).is_none());
        });

        let expected = Hash(oracle::mth(&all[..usize::try_from(size).unwrap()]));
        assert_eq!((frontier.size(), frontier.root()), (size, expected));
        assert_eq!((edge.size(), edge.root()), (size, expected));
        assert_eq!(root(&nodes.first(size), size), Ok(expected));
        assert_eq!(edge.frontier(), frontier);
        assert_eq!(
            Frontier::from_peaks(size, frontier.peaks().to_vec()),
            Some(frontier.clone())
        );
        assert_eq!(
            Edge::from_levels(size, edge.levels().to_vec()),
            Some(edge.clone())
        );

        // What was filled and what is left are together the tiles of this size.
        let filled = full.keys().map(|&(level, index)| (level, index, 256));
        let partial = (0_u8..)
            .zip(edge.levels())
            .filter(|(_, hashes)| !hashes.is_empty());
        let partial = partial.map(|(level, hashes)| {
            let index = (size >> (8 * u32::from(level))) / 256;
            (level, index, u16::try_from(hashes.len()).unwrap())
        });
        let mut found: Vec<_> = filled.chain(partial).collect();
        found.sort_unstable();
        assert_eq!(found, tiles(size).collect::<Vec<_>>());
    }
    for ((level, index), tile) in full {
        for (n, hash) in (index * 256..).zip(tile.hashes()) {
            let span = 256_usize.pow(u32::from(level));
            let start = usize::try_from(n).unwrap() * span;
            assert_eq!(hash.0, oracle::mth(&all[start..start + span]));
        }
    }
}

#[test]
fn a_state_that_does_not_fit_its_size_is_refused() {
    let hash = Hash([1; 32]);
    assert!(Frontier::from_peaks(5, vec![hash; 2]).is_some());
    for (size, peaks) in [
        (5, 1),
        (5, 3),
        (0, 1),
        (1, 0),
        (u64::MAX, 64),
        ((1 << 63) + 1, 2),
    ] {
        assert_eq!(
            Frontier::from_peaks(size, vec![hash; peaks]),
            None,
            "{size}"
        );
    }
    let levels = |widths: &[usize]| widths.iter().map(|&w| vec![hash; w]).collect();
    assert!(Edge::from_levels(600, levels(&[88, 2])).is_some());
    assert!(Edge::from_levels(256, levels(&[0, 1])).is_some());
    for (size, widths) in [
        (600, &[88][..]),
        (600, &[87, 2]),
        (600, &[88, 3]),
        (600, &[88, 2, 1]),
        (256, &[256]),
        (256, &[0]),
        (0, &[1]),
        ((1 << 63) + 1, &[1, 0, 0, 0, 0, 0, 0, 128]),
    ] {
        assert_eq!(
            Edge::from_levels(size, levels(widths)),
            None,
            "{size} {widths:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Roots by the oracle over all leaves; proofs by the recursion of the RFC over that root.
    #[test]
    fn large_trees_agree_with_the_oracle(
        size in 601_u64..=1 << 20,
        picks in prop::collection::vec(any::<u64>(), 48),
    ) {
        let (all, nodes) = &*BIG;
        let nodes_of = nodes.first(size);
        let expected = oracle::mth(&all[..usize::try_from(size).unwrap()]);
        prop_assert_eq!(root(&nodes_of, size), Ok(Hash(expected)));
        for pick in picks {
            let index = pick % size;
            let Ok(path) = prove_inclusion(&nodes_of, index, size);
            let path = path.unwrap();
            let leaf = nodes.leaf(index);
            let read = oracle_reader::root_of_path(leaf.0, index, size, &plain(&path));
            prop_assert_eq!(read, Some(expected));
            prop_assert_eq!(check_inclusion(leaf, index, size, Hash(expected), &path), Ok(()));

            let old = index + 1;
            let Ok(old_root) = root(&nodes_of, old);
            let Ok(proof) = prove_consistency(&nodes_of, old, size);
            let proof = proof.unwrap();
            let read = oracle_reader::roots_of_proof(old, size, true, old_root.0, &plain(&proof));
            prop_assert_eq!(read, Some((old_root.0, expected)));
            prop_assert_eq!(check_consistency(old, old_root, size, Hash(expected), &proof), Ok(()));
        }
    }

    /// Random lists of hashes, of about the right length: the checkers say what the recursion says.
    #[test]
    fn checkers_decide_as_the_recursion_does(
        index in 0_u64..70,
        size in 0_u64..70,
        length in 0_usize..9,
        octets in prop::collection::vec(any::<[u8; 32]>(), 9),
    ) {
        let (leaf, proof) = (octets[0], &octets[1..][..length.min(8)]);
        let hashes: Vec<Hash> = proof.iter().map(|&h| Hash(h)).collect();
        let read = oracle_reader::root_of_path(leaf, index, size, proof);
        let claim = Hash(read.unwrap_or([7; 32]));
        let found = check_inclusion(Hash(leaf), index, size, claim, &hashes);
        prop_assert_eq!(found.is_ok(), read.is_some());

        if (1..=size).contains(&index) {
            let read = oracle_reader::roots_of_proof(index, size, true, leaf, proof);
            let (old, new) = read.unwrap_or((leaf, [7; 32]));
            let found = check_consistency(index, Hash(old), size, Hash(new), &hashes);
            // A proof may compute an old root of its own: that is one, too.
            prop_assert_eq!(found.is_ok(), read.is_some());
        }
    }
}
