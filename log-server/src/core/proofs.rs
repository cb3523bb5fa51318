//! Proofs out of a store's tiles.

use ishibumi_store::{LogStore, StoreError, StoredTiles};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::{prove_consistency, prove_inclusion};

/// The proof that record `index` is in the tree of `size` leaves that `checkpoint` signs; `None` if it
/// is not.
pub fn inclusion_proof(
    store: &dyn LogStore,
    index: u64,
    size: u64,
    checkpoint: &Note,
) -> Result<Option<TlogProof>, StoreError> {
    let tiles = StoredTiles(store);
    let hashes = prove_inclusion(&TileNodes::new(&tiles, size), index, size)?;
    Ok(hashes.map(|hashes| TlogProof {
        index,
        hashes,
        checkpoint: checkpoint.clone(),
    }))
}

/// The proof that the tree of `old` leaves begins the tree of `new`; `None` if `old` is larger.
pub fn consistency_proof(
    store: &dyn LogStore,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, StoreError> {
    let tiles = StoredTiles(store);
    prove_consistency(&TileNodes::new(&tiles, new), old, new)
}
