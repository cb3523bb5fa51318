//! Multi-inclusion proofs: that several leaves are at their indices of one tree, with every hash
//! that their audit paths share written once. Ours: neither RFC 6962 nor C2SP has one.
//!
//! The tree is walked from the root to the proven leaves, the left half first (RFC 6962 section 2.1
//! says where the halves meet). A *gap* is a range that the walk need not enter, since no proven
//! leaf is in it. The proof is the hashes of the gaps, from left to right, and nothing else: which
//! ranges they are follows from the indices and the size. So a set of leaves in a tree has exactly
//! one proof, and for one leaf it is the audit path, sorted by position.
//!
//! It proves the same as the audit paths of its leaves, and each form can be computed from the
//! other without the tree ([`merge_inclusion`], [`split_multi_inclusion`]).

use std::collections::HashMap;
use std::ops::Range;

use super::{NodeReader, ProofError, SIZE_MAX, range_hash, split_point};
use crate::hash::{Hash, node_hash};

/// A proven leaf: its index and its hash.
pub type Leaf = (u64, Hash);

/// The proof that the leaves `indices` are in the tree of the first `size` leaves.
///
/// # Errors
/// What the reader says. `Ok(None)` unless `indices` has at least one index, is strictly ascending
/// and lies in the tree.
pub fn prove_multi_inclusion<R: NodeReader>(
    nodes: &R,
    indices: &[u64],
    size: u64,
) -> Result<Option<Vec<Hash>>, R::Error> {
    if check_indices(indices.iter().copied(), size).is_err() {
        return Ok(None);
    }
    let hash = |gap: Range<u64>| range_hash(nodes, gap.start, gap.end);
    gaps(indices, size)
        .map(hash)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Checks that each of `leaves` is at its index of the tree with `size` leaves and root `root`.
/// Every hash of the proof is needed; none may be left over.
///
/// Takes time in proportion to leaves and hashes, and memory in proportion to the leaves.
///
/// # Errors
/// [`ProofError::NoLeaves`], [`ProofError::NotAscending`] or [`ProofError::IndexOutOfRange`] for
/// leaves that no such proof is about, [`ProofError::Length`], [`ProofError::Root`].
pub fn check_multi_inclusion(
    leaves: &[Leaf],
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    let computed = walk(leaves, size, proof, |_, _| {})?;
    if computed == root {
        Ok(())
    } else {
        let expected = root;
        Err(ProofError::Root { computed, expected })
    }
}

/// The multi-inclusion proof that says what the audit paths of `leaves` say: `paths` are those of
/// RFC 6962 section 2.1.1, one for each leaf, in their order.
///
/// The paths are put together, not checked: if one of them is false, so is the result.
///
/// # Errors
/// As [`check_multi_inclusion`]; [`ProofError::Length`] also for a path of the wrong length, or if
/// there is not one for each leaf.
pub fn merge_inclusion(
    leaves: &[Leaf],
    size: u64,
    paths: &[&[Hash]],
) -> Result<Vec<Hash>, ProofError> {
    let indices: Vec<u64> = leaves.iter().map(|&(index, _)| index).collect();
    check_indices(indices.iter().copied(), size)?;
    check_len(paths.len(), leaves.len())?;
    let mut known = HashMap::new();
    for (&index, path) in indices.iter().zip(paths) {
        let siblings = siblings(index, size);
        check_len(path.len(), siblings.len())?;
        known.extend(siblings.into_iter().zip(path.iter().copied()));
    }
    let merged: Vec<Hash> = gaps(&indices, size)
        .filter_map(|gap| known.get(&gap).copied())
        .collect();
    // The path of a leaf beside a gap names the gap, so none is missing.
    Ok(merged)
}

/// The audit path of each of `leaves` (RFC 6962 section 2.1.1), in their order: what a reader of
/// ordinary proofs takes. Not checked, as in [`merge_inclusion`].
///
/// # Errors
/// As [`check_multi_inclusion`], less [`ProofError::Root`].
pub fn split_multi_inclusion(
    leaves: &[Leaf],
    size: u64,
    proof: &[Hash],
) -> Result<Vec<Vec<Hash>>, ProofError> {
    let mut known = HashMap::new();
    walk(leaves, size, proof, |range, hash| {
        known.insert(range, hash);
    })?;
    let path = |&(index, _): &Leaf| {
        let hashes = siblings(index, size).into_iter();
        // The walk went past every sibling of every leaf that it went to.
        hashes
            .filter_map(|range| known.get(&range).copied())
            .collect()
    };
    Ok(leaves.iter().map(path).collect())
}

/// The root that leaves and gap hashes lead to; `seen` is told the hash of every range on the way.
fn walk(
    leaves: &[Leaf],
    size: u64,
    proof: &[Hash],
    mut seen: impl FnMut(Range<u64>, Hash),
) -> Result<Hash, ProofError> {
    check_indices(leaves.iter().map(|&(index, _)| index), size)?;
    let indices: Vec<u64> = leaves.iter().map(|&(index, _)| index).collect();
    let needed = gaps(&indices, size).count();
    check_len(proof.len(), needed)?;
    let mut gaps = proof.iter().copied();
    let too_short = || ProofError::Length {
        found: proof.len(),
        needed,
    };
    range(0..size, leaves, &mut gaps, &mut seen).ok_or_else(too_short)
}

/// One step of the walk. As deep as the tree: at most 64 calls.
fn range(
    whole: Range<u64>,
    leaves: &[Leaf],
    gaps: &mut impl Iterator<Item = Hash>,
    seen: &mut impl FnMut(Range<u64>, Hash),
) -> Option<Hash> {
    let hash = match leaves {
        [] => gaps.next()?,
        [(_, leaf)] if whole.end - whole.start == 1 => *leaf,
        _ => {
            let middle = whole.start + split_point(whole.end - whole.start);
            let (left, right) = leaves.split_at(leaves.partition_point(|leaf| leaf.0 < middle));
            let left = range(whole.start..middle, left, gaps, seen)?;
            let right = range(middle..whole.end, right, gaps, seen)?;
            node_hash(left, right)
        }
    };
    seen(whole, hash);
    Some(hash)
}

/// The ranges that no index is in and that the walk therefore does not enter, left to right.
/// `indices` has passed [`check_indices`].
fn gaps(indices: &[u64], size: u64) -> impl Iterator<Item = Range<u64>> {
    // The ranges that are still to be walked, the leftmost on top: at most one range a level.
    let mut ahead = vec![(0..size, indices)];
    std::iter::from_fn(move || {
        while let Some((whole, inside)) = ahead.pop() {
            match inside {
                [] => return Some(whole),
                [_] if whole.end - whole.start == 1 => {}
                _ => {
                    let middle = whole.start + split_point(whole.end - whole.start);
                    let (left, right) = inside.split_at(inside.partition_point(|&i| i < middle));
                    ahead.push((middle..whole.end, right));
                    ahead.push((whole.start..middle, left));
                }
            }
        }
        None
    })
}

/// The ranges whose hashes are the audit path of `index`, from the leaf's sibling to the root's
/// child.
fn siblings(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut whole = 0..size;
    let mut path = Vec::new();
    while whole.end - whole.start > 1 {
        let middle = whole.start + split_point(whole.end - whole.start);
        if index < middle {
            path.push(middle..whole.end);
            whole.end = middle;
        } else {
            path.push(whole.start..middle);
            whole.start = middle;
        }
    }
    path.reverse();
    path
}

fn check_indices(indices: impl Iterator<Item = u64>, size: u64) -> Result<(), ProofError> {
    if size > SIZE_MAX {
        return Err(ProofError::TooLarge(size));
    }
    let mut before = None;
    for index in indices {
        if before.is_some_and(|before| before >= index) {
            return Err(ProofError::NotAscending { index });
        }
        if index >= size {
            return Err(ProofError::IndexOutOfRange { index, size });
        }
        before = Some(index);
    }
    before.map_or(Err(ProofError::NoLeaves), |_| Ok(()))
}

fn check_len(found: usize, needed: usize) -> Result<(), ProofError> {
    if found == needed {
        Ok(())
    } else {
        Err(ProofError::Length { found, needed })
    }
}
