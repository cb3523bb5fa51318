//! Makes proofs out of the tiles that a source serves.
//!
//! A proof is trusted no further than the check that it has to pass: a wrong tile makes a proof
//! that does not hold.

use std::collections::HashMap;

use ishibumi_tlog::fork::Prefix;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{Tile, TileKind, TileNodes, TilePath, TileSource};
use ishibumi_tlog::tree::{check_consistency, prove_consistency, prove_inclusion, root};
use ishibumi_tlog::{Checkpoint, Hash};

use super::source::{Source, SourceError};

/// Tiles that are remembered, 8 KiB each.
const TILES_MAX: usize = 512;

/// Makes proofs out of the tiles of one source, fetching them one after the other.
///
/// It reads the tiles of one tree, the newest, for proofs in every smaller one too: a copy need not
/// have the partial tiles that the log had when it was smaller, and no node changes when a tree
/// grows.
pub(crate) struct Prover<'a> {
    source: &'a Source,
    within: u64,
    tiles: Tiles,
}

impl<'a> Prover<'a> {
    /// A prover for trees of at most `within` leaves, whose tiles the source has.
    pub(crate) fn new(source: &'a Source, within: u64) -> Self {
        let tiles = Tiles::default();
        Self {
            source,
            within,
            tiles,
        }
    }

    /// The audit path of leaf `index` in the tree of `size` leaves; `None` if it is not in it.
    pub(crate) async fn inclusion(
        &mut self,
        index: u64,
        size: u64,
    ) -> Result<Option<Vec<Hash>>, SourceError> {
        loop {
            match prove_inclusion(&self.nodes(), index, size) {
                Ok(proof) => return Ok(proof),
                Err(Missing(path)) => self.fetch(path).await?,
            }
        }
    }

    /// The tree of `old` leaves with which, by these tiles, the tree of `new` leaves begins, and
    /// the consistency proof between the two; `None` if the older is larger.
    pub(crate) async fn prefix(
        &mut self,
        old: u64,
        new: u64,
    ) -> Result<Option<Prefix>, SourceError> {
        loop {
            let made = root(&self.nodes(), old)
                .and_then(|root| Ok((root, prove_consistency(&self.nodes(), old, new)?)));
            match made {
                Ok((root, proof)) => return Ok(proof.map(|proof| Prefix { root, proof })),
                Err(Missing(path)) => self.fetch(path).await?,
            }
        }
    }

    /// The tree of `older` leaves with which, as these tiles prove, the tree of `newer` begins;
    /// `None` if they prove nothing about it.
    pub(crate) async fn beginning(
        &mut self,
        older: u64,
        newer: &Checkpoint,
    ) -> Result<Option<Prefix>, SourceError> {
        let (size, root) = (newer.size, newer.root);
        let leads = |prefix: &Prefix| {
            check_consistency(older, prefix.root, size, root, &prefix.proof).is_ok()
        };
        Ok(self.prefix(older, size).await?.filter(leads))
    }

    fn nodes(&self) -> TileNodes<'_, Tiles> {
        TileNodes::new(&self.tiles, self.within)
    }

    async fn fetch(&mut self, path: TilePath) -> Result<(), SourceError> {
        let octets = self.source.tile(path).await?;
        let tile = Tile::decode(path.width, &octets).ok_or_else(|| {
            let (source, found) = (self.source, octets.len());
            SourceError::Malformed(format!("{source}/{path}: {found} octets are no such tile"))
        })?;
        if self.tiles.0.len() >= TILES_MAX {
            self.tiles.0.clear();
        }
        self.tiles.0.insert(path.to_string(), tile);
        Ok(())
    }
}

/// The root of the first `older` leaves of the tree of `newer`, by the tiles of `source`, and the
/// consistency proof. `None` if the older tree is the larger one. The result is not verified: it
/// has to lead to a root that is known ([`ishibumi_tlog::tree::check_consistency`]).
///
/// # Errors
/// [`SourceError`], if a tile cannot be had.
pub async fn prefix_of(
    source: &Source,
    older: u64,
    newer: u64,
) -> Result<Option<Prefix>, SourceError> {
    let shown = source.checkpoint().await.ok();
    let note = shown.and_then(|octets| Note::parse(&octets).ok());
    let newest = note.and_then(|note| Checkpoint::parse(note.text()).ok());
    // A source that shows a smaller tree may still have the tiles of the larger one.
    let within = newest.map_or(newer, |newest| newest.size.max(newer));
    Prover::new(source, within).prefix(older, newer).await
}

/// Tiles that were fetched, by path.
#[derive(Default)]
struct Tiles(HashMap<String, Tile>);

/// A tile that has to be fetched first.
struct Missing(TilePath);

impl TileSource for Tiles {
    type Error = Missing;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, Missing> {
        let kind = TileKind::Hashes(level);
        let path = TilePath { kind, index, width };
        let tile = self.0.get(&path.to_string()).cloned();
        tile.ok_or(Missing(path))
    }
}
