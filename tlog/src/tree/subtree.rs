//! Subtrees and their proofs (draft-ietf-plants-merkle-tree-certs, "Subtrees"): that a range of
//! leaves, hashed as a tree of its own, is part of a larger tree.
//!
//! Mirrors check uploads with them, and witnesses sign ranges (C2SP tlog-mirror, tlog-witness
//! `sign-subtree`). The prefix of a tree is the subtree that begins at 0, so RFC 6962's consistency
//! proofs are the special case, and [`super::check_consistency`] runs the algorithm that is here.
//!
//! A proof names neither range nor size, as with every Merkle proof: both have to be known by other
//! means, from a signed checkpoint and from the request.

use super::{NodeReader, ProofError, SIZE_MAX, check_inclusion, range_hash, split_point};
use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// A range of leaves that can be proven to be part of a tree: its start is a multiple of the
/// smallest power of two that is not below its size. Every range from 0 on is one, and every empty
/// one (drafts up to -05 know no empty subtree; the editors' copy after them does).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    start: u64,
    end: u64,
}

impl Subtree {
    /// The subtree without leaves.
    pub const EMPTY: Self = Self { start: 0, end: 0 };

    /// The leaves `start..end`. `None` if that is no subtree, or if `end` is above 2^63.
    pub fn new(start: u64, end: u64) -> Option<Self> {
        let size = end.checked_sub(start).filter(|_| end <= SIZE_MAX)?;
        // At most 2^63, so the power of two exists.
        (start & (size.next_power_of_two() - 1) == 0).then_some(Self { start, end })
    }

    /// The index of the first leaf.
    pub fn start(self) -> u64 {
        self.start
    }

    /// The index after the last leaf.
    pub fn end(self) -> u64 {
        self.end
    }

    /// Whether there is no leaf in it.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Number of leaves.
    pub fn size(self) -> u64 {
        self.end - self.start
    }

    /// Whether the leaf `index` lies in it.
    pub fn contains(self, index: u64) -> bool {
        (self.start..self.end).contains(&index)
    }

    /// The hash of its leaves as a tree of their own, read from `nodes`; [`EMPTY_ROOT`] for none.
    ///
    /// # Errors
    /// The error of the reader.
    pub fn hash<R: NodeReader>(self, nodes: &R) -> Result<Hash, R::Error> {
        range_hash(nodes, self.start, self.end)
    }

    /// Two adjacent subtrees that together hold the leaves `start..end` (the draft's "Selecting Two
    /// Subtrees"): nothing after `end`, and before `start` less than half of the first. `None` if
    /// `start > end`, or if `end` is above 2^63.
    pub fn covering(start: u64, end: u64) -> Option<[Self; 2]> {
        let size = end.checked_sub(start).filter(|_| end <= SIZE_MAX)?;
        if size <= 1 {
            return Some([Self { start, end }, Self { start: end, end }]);
        }
        // Where the paths of the first and of the last leaf part, the two subtrees meet.
        let last = end - 1;
        let below = (1 << (start ^ last).ilog2()) - 1;
        let middle = last & !below;
        // As far down as the first leaf's path is a left edge, the left subtree can be smaller.
        let zeros = !start & below;
        let height = u64::BITS - zeros.leading_zeros();
        let left = start >> height << height;
        Some([Self::new(left, middle)?, Self::new(middle, end)?])
    }
}

/// The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling
/// to the root's child (RFC 6962 section 2.1.1).
///
/// # Errors
/// What the reader says. An index outside of the tree yields `Ok(None)`.
pub fn prove_inclusion<R: NodeReader>(
    nodes: &R,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, R::Error> {
    match Subtree::new(0, size) {
        Some(whole) => prove_subtree_inclusion(nodes, index, whole),
        None => Ok(None),
    }
}

/// The audit path of leaf `index` in `subtree`, from the leaf's sibling upwards: a path of RFC 6962
/// section 2.1.1 in the tree of that range alone.
///
/// # Errors
/// What the reader says. An index outside of the range yields `Ok(None)`.
pub fn prove_subtree_inclusion<R: NodeReader>(
    nodes: &R,
    index: u64,
    subtree: Subtree,
) -> Result<Option<Vec<Hash>>, R::Error> {
    if !subtree.contains(index) {
        return Ok(None);
    }
    let (mut start, mut end) = (subtree.start, subtree.end);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split_point(end - start);
        if index < middle {
            path.push(range_hash(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_hash(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// Checks that the leaf with hash `leaf` is number `index` of the log, in the `subtree` with hash
/// `hash`. Every hash of the proof is needed; none may be left over.
///
/// # Errors
/// [`ProofError`], if index, subtree and number of hashes do not fit, or the path leads to another
/// hash.
pub fn check_subtree_inclusion(
    leaf: Hash,
    index: u64,
    subtree: Subtree,
    hash: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if !subtree.contains(index) {
        let Subtree { start, end } = subtree;
        return Err(ProofError::OutsideSubtree { index, start, end });
    }
    check_inclusion(leaf, index - subtree.start, subtree.size(), hash, proof)
}

/// The proof that `subtree` is part of the tree of the first `size` leaves (the draft's
/// `SUBTREE_PROOF`). Empty for an empty subtree and for the whole tree.
///
/// # Errors
/// What the reader says. A subtree that reaches beyond the tree yields `Ok(None)`.
pub fn prove_subtree_consistency<R: NodeReader>(
    nodes: &R,
    subtree: Subtree,
    size: u64,
) -> Result<Option<Vec<Hash>>, R::Error> {
    if subtree.end > size || size > SIZE_MAX {
        return Ok(None);
    }
    if subtree.is_empty() {
        return Ok(Some(Vec::new()));
    }
    // SUBTREE_SUBPROOF with the recursion unrolled: narrow `start..end` down to what is left of the
    // subtree. `whole` until something was cut off on its left, and its hash is no longer known.
    let (mut start, mut end) = (0, size);
    let (mut wanted, mut whole) = (subtree.start, true);
    let mut path = Vec::new();
    while (start, end) != (wanted, subtree.end) {
        let middle = start + split_point(end - start);
        if subtree.end <= middle {
            path.push(range_hash(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_hash(nodes, start, middle)?);
            start = middle;
            if wanted < middle {
                (wanted, whole) = (middle, false);
            }
        }
    }
    if !whole {
        path.push(range_hash(nodes, start, end)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Checks that the `subtree` with hash `hash` is part of the tree of `size` leaves with root `root`
/// (the draft's "Verifying a Subtree Consistency Proof"). Every hash of the proof is needed; none
/// may be left over.
///
/// The empty subtree is part of every tree, and its hash has to be [`EMPTY_ROOT`].
///
/// # Errors
/// [`ProofError`], if the subtree is not within the tree, the number of hashes does not fit, or a
/// hash is another one.
pub fn check_subtree_consistency(
    subtree: Subtree,
    hash: Hash,
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if size > SIZE_MAX {
        return Err(ProofError::TooLarge(size));
    }
    let Subtree { start, end } = subtree;
    if end > size {
        return Err(ProofError::SubtreeBeyondTree { start, end, size });
    }
    if subtree.is_empty() {
        let wrong_length = ProofError::Length {
            found: proof.len(),
            needed: 0,
        };
        return match proof {
            [] => same(EMPTY_ROOT, hash),
            _ => Err(wrong_length),
        };
    }

    // Numbers of the nodes, level by level, that end the left edge, the right edge and the tree.
    let (mut first, mut last, mut edge) = (start, end - 1, size - 1);
    // Where the proof begins: at the subtree's own root if that is a node of the tree, else at the
    // last of the complete nodes that it consists of.
    while first != last && (last == edge || last & 1 == 1) {
        (first, last, edge) = (first >> 1, last >> 1, edge >> 1);
    }
    let inner = u64::BITS - (last ^ edge).leading_zeros();
    let border = last.checked_shr(inner).unwrap_or(0).count_ones();
    let lead = u32::from(first != last);
    let wrong_length = ProofError::Length {
        found: proof.len(),
        needed: usize::try_from(inner + border + lead).unwrap_or(usize::MAX),
    };
    if u32::try_from(proof.len()) != Ok(inner + border + lead) {
        return Err(wrong_length);
    }
    let (begin, rest) = if first == last {
        (hash, proof)
    } else {
        let (&begin, rest) = proof.split_first().ok_or(wrong_length)?;
        (begin, rest)
    };
    let (mut sub_computed, mut computed) = (begin, begin);
    for &sibling in rest {
        if last & 1 == 1 || last == edge {
            // To the left of the subtree's own left edge, only the tree goes on.
            if first < last {
                sub_computed = node_hash(sibling, sub_computed);
            }
            computed = node_hash(sibling, computed);
            while last & 1 == 0 && last != 0 {
                (first, last, edge) = (first >> 1, last >> 1, edge >> 1);
            }
        } else {
            computed = node_hash(computed, sibling);
        }
        (first, last, edge) = (first >> 1, last >> 1, edge >> 1);
    }
    same(sub_computed, hash)?;
    same(computed, root)
}

fn same(computed: Hash, expected: Hash) -> Result<(), ProofError> {
    if computed == expected {
        Ok(())
    } else {
        Err(ProofError::Root { computed, expected })
    }
}
