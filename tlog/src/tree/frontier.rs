//! The right edge of a growing tree: the hash of every peak, at most 64 of them.

use super::{SIZE_MAX, join, peaks};
use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// A tree that can grow and tell its root, in at most 2 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Hashes of the peaks, left (largest) to right (smallest).
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The tree of size zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up a tree of `size` leaves whose peaks have the hashes `peaks`, left to right.
    /// `None` if there are more or fewer than that size has, or if the size is above 2^63.
    pub fn from_peaks(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (size <= SIZE_MAX && hashes.len() == peaks(size).count()).then_some(Self {
            size,
            peaks: hashes,
        })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the peaks, left to right.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends one leaf hash and reports every subtree that it completes, from the leaf upwards:
    /// `(level, index, hash)`.
    ///
    /// Beyond 2^63 leaves nothing is appended and nothing is reported; a log of a million records
    /// a second gets there in 290,000 years.
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(u8, u64, Hash)) {
        if self.size >= SIZE_MAX {
            return;
        }
        let index = self.size;
        let mut hash = leaf;
        completed(0, index, hash);
        let mut level = 0;
        // Each trailing one-bit of the old size is a peak that this leaf completes a parent with.
        while index >> level & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(left, hash);
            level += 1;
            completed(level, index >> level, hash);
        }
        self.peaks.push(hash);
        self.size = index + 1;
    }

    /// The root of the tree (RFC 6962 section 2.1); [`EMPTY_ROOT`] for size zero.
    pub fn root(&self) -> Hash {
        join(self.peaks.iter().copied()).unwrap_or(EMPTY_ROOT)
    }
}
