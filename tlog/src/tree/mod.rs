//! RFC 6962 section 2.1 Merkle trees: growing them, and proving and checking what they hold.
//!
//! A tree of size `n` is cut, from the left, into complete subtrees whose sizes are the powers of
//! two in `n` ([`peaks`]). A complete subtree of `2^level` leaves that starts at `index * 2^level`
//! is the *node* `(level, index)`. Its hash never changes once the tree has grown past it, so nodes
//! are all that provers ask for ([`NodeReader`]), and tiles are nothing but an arrangement of them.
//!
//! [`Frontier`] is the least state that can grow: the hashes of the peaks. The checkers
//! ([`check_inclusion`], [`check_consistency`]) take plain slices and no reader; they are
//! the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2, which compute the same RFC 6962 hashes.
//! A [`Subtree`] is a range of leaves that has proofs of its own.

mod consistency;
mod frontier;
mod inclusion;
mod multi;
mod subtree;

pub use consistency::{check_consistency, prove_consistency};
pub use frontier::Frontier;
pub use inclusion::check_inclusion;
pub use multi::{
    Leaf, check_multi_inclusion, merge_inclusion, prove_multi_inclusion, split_multi_inclusion,
};
pub use subtree::{
    Subtree, check_subtree_consistency, check_subtree_inclusion, prove_inclusion,
    prove_subtree_consistency, prove_subtree_inclusion,
};

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// The longest audit path that a tree of at most 2^63 leaves needs, in hashes; also the most that a
/// consistency proof in transit may have (C2SP tlog-witness), which is enough up to 2^62 leaves.
pub const PROOF_HASHES_MAX: usize = 63;

/// A source of the hashes of complete subtrees: a store, tiles, or memory.
pub trait NodeReader {
    /// Why a node could not be read.
    type Error;

    /// The hash of the complete subtree over leaves `index << level .. (index + 1) << level`.
    ///
    /// Provers only ask for nodes that are complete in the tree that they prove.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf lies outside of the tree.
    #[error("leaf index {index} is not in a tree of size {size}")]
    IndexOutOfRange {
        /// The index that was claimed.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The proof has more or fewer hashes than this position in this tree needs.
    #[error("the proof has {found} hashes, this position needs {needed}")]
    Length {
        /// Number of hashes in the proof.
        found: usize,
        /// Number of hashes that index and size demand.
        needed: usize,
    },
    /// The proof computes another root.
    #[error("the proof leads to root {computed}, not to {expected}")]
    Root {
        /// The root that the proof leads to.
        computed: Hash,
        /// The root that was to be proven.
        expected: Hash,
    },
    /// The older tree is larger than the newer one.
    #[error("a tree of size {old} cannot be a prefix of one of size {new}")]
    Shrunk {
        /// Size of the tree that should be the older one.
        old: u64,
        /// Size of the tree that should be the newer one.
        new: u64,
    },
    /// Two trees of one size have different roots: a fork.
    #[error("two roots for size {size}: {old} and {new}")]
    Fork {
        /// The size that both have.
        size: u64,
        /// The root of the first.
        old: Hash,
        /// The root of the second.
        new: Hash,
    },
    /// The leaf lies outside of the subtree.
    #[error("leaf index {index} is not in the subtree [{start}, {end})")]
    OutsideSubtree {
        /// The index that was claimed.
        index: u64,
        /// Index of the first leaf of the subtree.
        start: u64,
        /// Index of the leaf after its last.
        end: u64,
    },
    /// The subtree ends after the tree.
    #[error("the subtree [{start}, {end}) is not in a tree of size {size}")]
    SubtreeBeyondTree {
        /// Index of the first leaf of the subtree.
        start: u64,
        /// Index of the leaf after its last.
        end: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A proof about several leaves was asked for none.
    #[error("no leaf is to be proven")]
    NoLeaves,
    /// The leaves of a proof are not sorted, or one is there twice.
    #[error("leaf index {index} is not above the one before it")]
    NotAscending {
        /// The first index that is not above the one before it.
        index: u64,
    },
    /// The size is above 2^63, which no proof format can express.
    #[error("tree size {0} is above 2^63")]
    TooLarge(u64),
}

/// The largest tree that the formats can express proofs for, in leaves.
pub const SIZE_MAX: u64 = 1 << 63;

/// The complete subtrees `(level, index)` that make up `start..end`, left to right, for a range
/// whose `start` is a multiple of the largest power of two that fits (all callers' ranges are).
fn cover(start: u64, end: u64) -> impl Iterator<Item = (u8, u64)> {
    let mut at = start;
    std::iter::from_fn(move || {
        let left = end.checked_sub(at).filter(|&n| n > 0)?;
        // At most 63: `left` is not zero.
        let level = u8::try_from(left.ilog2()).unwrap_or(63);
        let node = (level, at >> level);
        at += 1 << level;
        Some(node)
    })
}

/// The complete subtrees `(level, index)` that a tree of `size` leaves consists of, left to right.
pub fn peaks(size: u64) -> impl Iterator<Item = (u8, u64)> {
    cover(0, size)
}

/// Joins subtree hashes, given left to right, into the hash of the range they cover.
fn join(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| node_hash(left, right))
}

/// The hash of the leaves `start..end`, read from `nodes`.
fn range_hash<R: NodeReader>(nodes: &R, start: u64, end: u64) -> Result<Hash, R::Error> {
    let hashes = cover(start, end)
        .map(|(level, index)| nodes.node(level, index))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(join(hashes.into_iter()).unwrap_or(EMPTY_ROOT))
}

/// The root of the tree of the first `size` leaves, read from `nodes` (RFC 6962 section 2.1).
///
/// # Errors
/// The error of the reader.
pub fn root<R: NodeReader>(nodes: &R, size: u64) -> Result<Hash, R::Error> {
    range_hash(nodes, 0, size)
}

/// The largest power of two smaller than `n`, for `n >= 2` (the `k` of RFC 6962 section 2.1).
fn split_point(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}
