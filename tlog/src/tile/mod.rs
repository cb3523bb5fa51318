//! Tiles and entry bundles (C2SP tlog-tiles): how a tree is published as files that never change.
//!
//! A tile at level `L` holds up to 256 consecutive nodes of tree level `8 * L`; the entry bundle
//! `N` holds the records under level-0 tile `N`. [`TilePath`] is the only reader and writer of
//! paths, [`Tile`] and [`decode_bundle`] the only readers of contents.

mod bundle;
mod edge;
mod nodes;
mod path;

pub use bundle::{BundleError, ENTRY_LEN_MAX, decode_bundle, encode_bundle};
pub use edge::Edge;
pub use nodes::{TileNodes, TileSource};
pub use path::{TileKind, TilePath};

use crate::hash::{HASH_LEN, Hash};

/// Nodes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// Octets of a full tile.
pub const TILE_LEN: usize = TILE_WIDTH as usize * HASH_LEN;

/// Tree levels that one tile spans.
pub const TILE_HEIGHT: u8 = 8;

/// The highest tile level that a tree of at most 2^63 leaves has.
pub const LEVEL_MAX: u8 = 7;

/// A tile's hashes, 1 to 256 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile(Vec<Hash>);

impl Tile {
    /// Reads a tile of exactly `width` hashes; `None` for any other length.
    pub fn decode(width: u16, bytes: &[u8]) -> Option<Self> {
        let right_width = (1..=TILE_WIDTH).contains(&width);
        if !right_width || bytes.len() != usize::from(width) * HASH_LEN {
            return None;
        }
        bytes
            .chunks_exact(HASH_LEN)
            .map(Hash::from_slice)
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// The tile's octets.
    pub fn encode(hashes: &[Hash]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// The hashes, left to right.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }
}

/// Number of hashes that the tile `index` of tile level `level` has in a tree of `size` leaves: 0
/// to 256 (C2SP tlog-tiles, "Partial Tiles").
pub fn tile_width(level: u8, index: u64, size: u64) -> u16 {
    let nodes = size
        .checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))
        .unwrap_or(0);
    let start = index.saturating_mul(u64::from(TILE_WIDTH));
    let width = nodes.saturating_sub(start).min(u64::from(TILE_WIDTH));
    u16::try_from(width).unwrap_or(TILE_WIDTH)
}

/// Every tile of a tree of `size` leaves, level by level from the leaves up:
/// `(level, index, width)`.
pub fn tiles(size: u64) -> impl Iterator<Item = (u8, u64, u16)> {
    (0..=LEVEL_MAX).flat_map(move |level| {
        (0..)
            .map(move |index| (level, index, tile_width(level, index, size)))
            .take_while(|&(_, _, width)| width > 0)
    })
}
