//! Proofs out of a store's tiles.

use ishibumi_store::{LogStore, StoreError, StoredTiles};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::{prove_consistency, prove_inclusion};

/// The proofs that the records `indices` are in the tree of `size` leaves that `checkpoint` signs, in
/// their order; `None` for one that is not. The tiles that they share are read and hashed once.
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
pub fn consistency_proof(
    store: &dyn LogStore,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, StoreError> {
    let tiles = StoredTiles(store);
    prove_consistency(&TileNodes::new(&tiles, new), old, new)
}
