//! Trees of up to 2^63 leaves, without having them: all leaves but one are equal, so every node is
//! one of 64 hashes or lies above the odd leaf. Nothing may wrap, and the largest size is the last.

use std::convert::Infallible;

use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::{leaf_hash, node_hash};
use ishibumi_tlog::tile::{Edge, TilePath, tile_width, tiles};
use ishibumi_tlog::tree::{
    Frontier, NodeReader, ProofError, SIZE_MAX, Subtree, check_consistency, check_inclusion,
    check_subtree_consistency, check_subtree_inclusion, peaks, prove_consistency, prove_inclusion,
    prove_subtree_consistency, prove_subtree_inclusion, root,
};

use super::memory::plain;
use super::oracle_reader;

/// A tree whose leaves are all `a`, but for one `b`.
struct Monotony {
    odd: u64,
    size: u64,
}

/// The complete subtree of `2^level` leaves `a`.
fn equal(level: u8) -> Hash {
    (0..level).fold(leaf_hash(b"a"), |hash, _| node_hash(hash, hash))
}

impl NodeReader for Monotony {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let end = (u128::from(index) + 1) << level;
        assert!(end <= u128::from(self.size), "({level}, {index})");
        if self.odd >> level != index {
            return Ok(equal(level));
        }
        Ok((0..level).fold(leaf_hash(b"b"), |hash, below| {
            let sibling = equal(below);
            if self.odd >> below & 1 == 1 {
                node_hash(sibling, hash)
            } else {
                node_hash(hash, sibling)
            }
        }))
    }
}

fn sizes() -> impl Iterator<Item = u64> {
    [31_u32, 32, 53, 62, 63].into_iter().flat_map(|power| {
        let size = 1_u64 << power;
        [size - 2, size - 1, size, size + 1, size + 2]
    })
}

#[test]
fn proofs_hold_up_to_the_largest_size() {
    for size in sizes().filter(|&size| size <= SIZE_MAX) {
        for odd in [0, 1, size / 3, size / 2 - 1, size / 2, size - 2, size - 1] {
            let tree = Monotony { odd, size };
            let Ok(head) = root(&tree, size);
            let Ok(path) = prove_inclusion(&tree, odd, size);
            let path = path.unwrap();
            let leaf = leaf_hash(b"b");
            assert!(path.len() <= 63);
            assert_eq!(check_inclusion(leaf, odd, size, head, &path), Ok(()));
            let read = oracle_reader::root_of_path(leaf.0, odd, size, &plain(&path));
            assert_eq!(read, Some(head.0));
            for wrong in [
                odd ^ 1,
                odd ^ 2,
                odd ^ (1 << 31),
                odd ^ (1 << 32),
                odd ^ (1 << 63),
            ] {
                check_inclusion(leaf, wrong, size, head, &path).unwrap_err();
            }
            for power in 0..64 {
                let wrong = odd.wrapping_add(1 << power);
                check_inclusion(leaf, wrong, size, head, &path).unwrap_err();
            }

            for old in [1, 2, odd.max(1), size / 2, size - 1, size] {
                let Ok(old_root) = root(&tree, old);
                let Ok(proof) = prove_consistency(&tree, old, size);
                let proof = proof.unwrap();
                assert_eq!(check_consistency(old, old_root, size, head, &proof), Ok(()));
                let mut longer = proof.clone();
                longer.push(head);
                check_consistency(old, old_root, size, head, &longer).unwrap_err();
                let read =
                    oracle_reader::roots_of_proof(old, size, true, old_root.0, &plain(&proof));
                assert_eq!(read, Some((old_root.0, head.0)));
            }
        }
    }
}

#[test]
fn sizes_above_the_largest_are_errors() {
    for size in sizes().filter(|&size| size > SIZE_MAX).chain([u64::MAX]) {
        let tree = Monotony { odd: 0, size };
        assert_eq!(prove_inclusion(&tree, 0, size), Ok(None));
        assert_eq!(prove_consistency(&tree, 1, size), Ok(None));
        let hash = leaf_hash(b"b");
        let too_large = Err(ProofError::TooLarge(size));
        assert_eq!(check_inclusion(hash, 0, size, hash, &[hash; 63]), too_large);
        assert_eq!(
            check_consistency(1, hash, size, hash, &[hash; 63]),
            too_large
        );
        assert_eq!(check_consistency(size, hash, size, hash, &[]), too_large);
    }
}

#[test]
fn growth_stops_at_the_largest_size() {
    for size in sizes().filter(|&size| size <= SIZE_MAX) {
        let hashes = peaks(size).map(|(level, _)| equal(level)).collect();
        let mut frontier = Frontier::from_peaks(size, hashes).unwrap();
        let levels = (0..8_u8).map(|level| {
            let nodes = size >> (8 * u32::from(level));
            vec![equal(8 * level); usize::from(tile_width(level, nodes / 256, size))]
        });
        let mut edge = Edge::from_levels(size, levels.collect()).unwrap();
        let Ok(head) = root(
            &Monotony {
                odd: SIZE_MAX,
                size,
            },
            size,
        );
        assert_eq!((frontier.root(), edge.root()), (head, head));

        frontier.append(leaf_hash(b"a"), |level, index, hash| {
            assert_eq!((index + 1) << level, size + 1);
            assert_eq!(hash, equal(level));
        });
        edge.append(leaf_hash(b"a"), |level, index, tile| {
            assert_eq!((index + 1) << (8 * (level + 1)), size + 1);
            assert_eq!(tile.hashes(), [equal(8 * level); 256]);
        });
        let grown = (size + 1).min(SIZE_MAX);
        let Ok(head) = root(
            &Monotony {
                odd: SIZE_MAX,
                size: grown,
            },
            grown,
        );
        assert_eq!((frontier.size(), frontier.root()), (grown, head));
        assert_eq!((edge.size(), edge.root()), (grown, head));
        assert_eq!(edge.frontier(), frontier);
    }
}

#[test]
fn tiles_of_large_trees_do_not_wrap() {
    assert_eq!(tile_width(7, 0, SIZE_MAX), 128);
    assert_eq!(tile_width(8, 0, SIZE_MAX), 0);
    assert_eq!(tile_width(63, 0, u64::MAX), 0);
    assert_eq!(tile_width(255, u64::MAX, u64::MAX), 0);
    assert_eq!(tile_width(0, u64::MAX, u64::MAX), 0);
    assert_eq!(tile_width(0, (SIZE_MAX / 256) - 1, SIZE_MAX), 256);
    assert_eq!(tile_width(0, SIZE_MAX / 256, SIZE_MAX), 0);
    assert_eq!(tile_width(0, SIZE_MAX / 256, SIZE_MAX + 5), 5);
    assert_eq!(tiles(SIZE_MAX).next(), Some((0, 0, 256)));
    assert_eq!(peaks(u64::MAX).count(), 64);

    let last = TilePath::parse("tile/0/x018/x446/x744/x073/x709/x551/615").unwrap();
    assert_eq!(last.index, u64::MAX);
    assert_eq!(
        TilePath::parse("tile/0/x018/x446/x744/x073/x709/x551/616"),
        None
    );
}

#[test]
fn subtree_proofs_hold_up_to_the_largest_size() {
    for size in sizes().filter(|&size| size <= SIZE_MAX) {
        let half = 1 << (size - 1).ilog2();
        for (start, end) in [
            (0, size),
            (half, size),
            (half, size - 1),
            (half, (half + half / 2 - 1).min(size)),
            (half / 2, half),
            (half / 2, half - 1),
            (size - 1, size),
            (size - 2 - size % 2, size - size % 2),
        ] {
            let Some(subtree) = Subtree::new(start, end).filter(|s| !s.is_empty()) else {
                continue;
            };
            for odd in [start, end - 1, 0, size - 1] {
                let tree = Monotony { odd, size };
                let (Ok(head), Ok(hash)) = (root(&tree, size), subtree.hash(&tree));
                let Ok(proof) = prove_subtree_consistency(&tree, subtree, size);
                let proof = proof.unwrap();
                assert!(proof.len() <= 64);
                let check = |subtree, size, proof: &[Hash]| {
                    check_subtree_consistency(subtree, hash, size, head, proof)
                };
                assert_eq!(check(subtree, size, &proof), Ok(()));
                let range = (start, end);
                let read = oracle_reader::roots_of_subtree_proof(
                    range,
                    size,
                    true,
                    hash.0,
                    &plain(&proof),
                );
                assert_eq!(read, Some((hash.0, head.0)));
                check(subtree, size, &[&proof[..], &[head]].concat()).unwrap_err();
                if let Some((_, shorter)) = proof.split_last() {
                    check(subtree, size, shorter).unwrap_err();
                }
                let Ok(path) = prove_subtree_inclusion(&tree, odd, subtree);
                assert_eq!(path.is_some(), subtree.contains(odd));
                if let Some(path) = path {
                    let leaf = leaf_hash(b"b");
                    let check = |index| check_subtree_inclusion(leaf, index, subtree, hash, &path);
                    assert_eq!(check(odd), Ok(()));
                    for power in 0..64 {
                        check(odd ^ (1 << power)).unwrap_err();
                    }
                }
            }
        }
    }
}
