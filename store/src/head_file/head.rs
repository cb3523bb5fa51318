//! The signed head that a head file holds.

use ishibumi_tlog::hash::Hash;

/// A signed head: what the log's key has committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
}
