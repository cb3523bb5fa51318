//! The check at each opening of a log's directory: its right border and its heads.
//!
//! The border is what the log grows from. A wrong hash there would enter every later root, so each
//! of its hashes is computed again from the level below: records below level 0, full tiles above.
//! That costs at most 255 tiles a level. `fsck` checks the rest of the tree.

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::tile::{Edge, TILE_WIDTH, TileNodes};
use ishibumi_tlog::tree;

use super::log::{RocksLog, damaged};
use crate::log_store::tile_name;
use crate::{LogStore as _, StoreError, StoredTiles};

/// Checks that the edge is what the records and tiles below it make it, and that nothing lies
/// beyond.
pub(super) fn border(log: &RocksLog) -> Result<(), StoreError> {
    let edge = log.edge();
    if let Some(beyond) = log.record_from(edge.size())? {
        let detail = format!("the staged tree has {} leaves", edge.size());
        return Err(damaged(&format!("record {beyond}"), &detail));
    }
    for (level, hashes) in (0_u8..).zip(edge.levels()) {
        let first = first_node(&edge, level);
        for (index, &expected) in (first..).zip(hashes) {
            let (below, computed) = match level {
                0 => (format!("record {index}"), record_hash(log, index)?),
                _ => below(log, level - 1, index)?,
            };
            if computed != expected {
                let detail = format!("it hashes to {computed}, the edge has {expected}");
                return Err(damaged(&below, &detail));
            }
        }
    }
    Ok(())
}

/// Checks that the signed head is a checkpoint of `origin` over the staged tree, and that the
/// published one does not go beyond it.
pub(super) fn heads(log: &RocksLog, origin: &str) -> Result<(), StoreError> {
    let what = "the signed head";
    let staged = log.edge().size();
    let mut signed_size = 0;
    if let Some(note) = log.signed_head()? {
        let head = Checkpoint::parse(note.text()).map_err(|e| damaged(what, &e.to_string()))?;
        if head.origin != origin || head.size > staged {
            let detail = format!(
                "size {} of {}, staged are {staged} of {origin}",
                head.size, head.origin
            );
            return Err(damaged(what, &detail));
        }
        let root = tree::root(&TileNodes::new(&StoredTiles(log), head.size), head.size)?;
        if root != head.root {
            let detail = format!(
                "size {}: root {}, the tree has {root}",
                head.size, head.root
            );
            return Err(damaged(what, &detail));
        }
        signed_size = head.size;
    }
    match log.published_size()? {
        Some(published) if published > signed_size => {
            let detail = format!("size {published}, signed are {signed_size}");
            Err(damaged("the published checkpoint", &detail))
        }
        _ => Ok(()),
    }
}

/// The index of the first node of the partial tile of `level`.
fn first_node(edge: &Edge, level: u8) -> u64 {
    let nodes = edge.size() >> (8 * u32::from(level));
    nodes - nodes % u64::from(TILE_WIDTH)
}

fn record_hash(log: &RocksLog, index: u64) -> Result<Hash, StoreError> {
    let octets = log.record(index)?;
    let octets = octets.ok_or_else(|| damaged(&format!("record {index}"), "it is missing"))?;
    Ok(leaf_hash(&octets))
}

/// The name and the hash of the full tile `index` of `level`.
fn below(log: &RocksLog, level: u8, index: u64) -> Result<(String, Hash), StoreError> {
    let tile = log.tile(level, index, TILE_WIDTH)?;
    let mut whole = tree::Frontier::new();
    for &hash in tile.hashes() {
        whole.append(hash, |_, _, _| {});
    }
    Ok((tile_name(level, index, TILE_WIDTH), whole.root()))
}
