//! Nodes out of tiles: what provers need, from what a log publishes.
//!
//! The hashes that come out are only as true as the tiles that went in. A reader that did not make
//! the tiles itself has to check the proof that it builds from them against a trusted root, with
//! [`crate::tree::check_inclusion`] or [`crate::tree::check_consistency`]; no tile is trusted by
//! itself.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{TILE_HEIGHT, TILE_WIDTH, Tile, tile_width};
use crate::hash::{HASH_LEN, Hash, node_hash};
use crate::tree::NodeReader;

/// A source of tiles: memory, files or a server.
pub trait TileSource {
    /// Why a tile could not be read.
    type Error;

    /// The tile `index` of tile level `level`, with exactly `width` hashes.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, Self::Error>;
}

/// Reads the nodes of the tree of `size` leaves out of its tiles. Each tile is asked for once and
/// hashed once, so many proofs in one tree are best made with one reader.
#[derive(Debug)]
pub struct TileNodes<'a, S> {
    source: &'a S,
    size: u64,
    seen: RefCell<HashMap<(u8, u64), Rows>>,
}

/// A tile's hashes and, above them, the rows of complete nodes as far up as was asked for. All rows
/// of a full tile cost 255 hashes, about as much as the nodes of a single audit path through it.
#[derive(Debug)]
struct Rows(Vec<Vec<Hash>>);

impl Rows {
    /// The node `index` of the row `height`; zeros, a hash that no proof verifies with, for a node
    /// that is not complete in this tile.
    fn node(&mut self, height: u8, index: u64) -> Hash {
        while self.0.len() <= usize::from(height) {
            let below = self.0.last().map(Vec::as_slice).unwrap_or_default();
            self.0.push(parents(below));
        }
        let row = self.0.get(usize::from(height));
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let node = row.and_then(|row| row.get(place));
        node.copied().unwrap_or(Hash([0; HASH_LEN]))
    }
}

impl<'a, S: TileSource> TileNodes<'a, S> {
    /// A reader for the tree of `size` leaves.
    pub fn new(source: &'a S, size: u64) -> Self {
        Self {
            source,
            size,
            seen: RefCell::default(),
        }
    }
}

impl<S: TileSource> NodeReader for TileNodes<'_, S> {
    type Error = S::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, S::Error> {
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index << height;
        let place = (tile_level, first / u64::from(TILE_WIDTH));
        let mut seen = self.seen.borrow_mut();
        let rows = match seen.entry(place) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let width = tile_width(place.0, place.1, self.size);
                let Tile(hashes) = self.source.tile(place.0, place.1, width)?;
                entry.insert(Rows(vec![hashes]))
            }
        };
        Ok(rows.node(height, (first % u64::from(TILE_WIDTH)) >> height))
    }
}

/// The hash over `2^height` hashes of a tile from `start` on. A tile that does not hold them all,
/// and so a node that is not complete in the tree, yields zeros: a hash that no proof verifies
/// with.
pub(super) fn subtree(hashes: &[Hash], start: usize, height: u8) -> Hash {
    let width = 1 << height;
    let mut row: Vec<Hash> = hashes.iter().skip(start).take(width).copied().collect();
    if row.len() < width {
        return Hash([0; HASH_LEN]);
    }
    while row.len() > 1 {
        row = parents(&row);
    }
    row.first().copied().unwrap_or(Hash([0; HASH_LEN]))
}

/// The row above `row`; a last node without a sibling has no parent yet.
fn parents(row: &[Hash]) -> Vec<Hash> {
    let pairs = row.as_chunks::<2>().0;
    pairs.iter().map(|&[l, r]| node_hash(l, r)).collect()
}
