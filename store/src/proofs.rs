//! Proofs out of a store's tiles, for the log and for its mirrors.

use ishibumi_tlog::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::{prove_consistency, prove_inclusion};

use crate::{KeptCheckpoint, LogStore, StoreError, StoredTiles};

/// The proofs that the records `indices` are in the tree of `size` leaves that `checkpoint` signs,
/// in their order; `None` for a record that is not in it. Tiles that they share are read and hashed
/// once.
///
/// # Errors
/// [`StoreError`], if the store cannot be read or is damaged.
pub fn inclusion_proofs(
    store: &dyn LogStore,
    indices: &[u64],
    size: u64,
    checkpoint: &Note,
) -> Result<Vec<Option<TlogProof>>, StoreError> {
    let tiles = StoredTiles(store);
    let nodes = TileNodes::new(&tiles, size);
    let prove = |&index: &u64| {
        let hashes = prove_inclusion(&nodes, index, size)?;
        Ok(hashes.map(|hashes| TlogProof {
            index,
            hashes,
            checkpoint: checkpoint.clone(),
        }))
    };
    indices.iter().map(prove).collect()
}

/// The proof that the tree of `old` leaves begins the tree of `new`; `None` if `old` is larger.
///
/// # Errors
/// [`StoreError`], if the store cannot be read or is damaged.
pub fn consistency_proof(
    store: &dyn LogStore,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, StoreError> {
    let tiles = StoredTiles(store);
    prove_consistency(&TileNodes::new(&tiles, new), old, new)
}

/// The checkpoint that proves the earliest time for record `index`: the smallest kept one that
/// covers it, else the `newest`, which covers it as well. Kept ones above the newest are not public
/// yet.
///
/// # Errors
/// [`StoreError`], if the store cannot be read or is damaged.
pub fn earliest_covering(
    store: &dyn LogStore,
    index: u64,
    newest: KeptCheckpoint,
) -> Result<KeptCheckpoint, StoreError> {
    let kept = store.kept_covering(index + 1)?;
    Ok(kept
        .filter(|kept| kept.size <= newest.size)
        .unwrap_or(newest))
}
