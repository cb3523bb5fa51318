//! The right edge of a tiled tree: the partial tile of every level, from which a log grows.

use super::{TILE_WIDTH, Tile, nodes::subtree, tile_width};
use crate::hash::Hash;
use crate::tree::{Frontier, SIZE_MAX, peaks};

/// The partial tiles of a growing tree, at most 8 × 255 hashes.
///
/// It knows what [`Frontier`] knows and, beyond that, every partial tile, so that they need not be
/// stored on their own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The tree of size zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up a tree of `size` leaves whose partial tiles are `levels`, from the leaves up.
    /// `None` if a level has more or fewer hashes than that size leaves there.
    pub fn from_levels(size: u64, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let right = size <= SIZE_MAX
            && (0..)
                .zip(&levels)
                .all(|(level, hashes)| hashes.len() == partial_width(level, size))
            && (levels.len()..=7).all(|level| partial_width(level, size) == 0);
        right.then_some(Self { size, levels })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tile of each level, from the leaves up; a level may be empty.
    pub fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Appends one leaf hash and reports every tile that it fills: `(level, index, tile)`.
    ///
    /// Beyond 2^63 leaves nothing is appended and nothing is reported.
    pub fn append(&mut self, leaf: Hash, mut filled: impl FnMut(u8, u64, Tile)) {
        if self.size >= SIZE_MAX {
            return;
        }
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            let Some(partial) = self.levels.get_mut(usize::from(level)) else {
                self.levels.push(vec![hash]);
                return;
            };
            partial.push(hash);
            if partial.len() < usize::from(TILE_WIDTH) {
                return;
            }
            let tile = Tile(std::mem::take(partial));
            hash = subtree(tile.hashes(), 0, super::TILE_HEIGHT);
            let index = (self.size >> (8 * (u32::from(level) + 1))) - 1;
            filled(level, index, tile);
        }
    }

    /// The peaks of this tree, computed from its partial tiles.
    pub fn frontier(&self) -> Frontier {
        let hashes = self.levels.iter().rev().flat_map(|partial| {
            let width = u64::try_from(partial.len()).unwrap_or(0);
            peaks(width).map(|(level, index)| {
                let start = usize::try_from(index << level).unwrap_or(usize::MAX);
                subtree(partial, start, level)
            })
        });
        // The widths were checked when the edge was made and are kept by `append`.
        Frontier::from_peaks(self.size, hashes.collect()).unwrap_or_default()
    }

    /// The root of the tree (RFC 6962 section 2.1).
    pub fn root(&self) -> Hash {
        self.frontier().root()
    }
}

fn partial_width(level: usize, size: u64) -> usize {
    let Ok(level) = u8::try_from(level) else {
        return 0;
    };
    let nodes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
    usize::from(tile_width(level, nodes / u64::from(TILE_WIDTH), size))
}
