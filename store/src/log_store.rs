//! The store of one log.

use ishibumi_tlog::hash::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{Edge, Tile};

use crate::StoreError;

/// A record on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The record's octets: the log entry.
    pub octets: Vec<u8>,
    /// Its RFC 6962 leaf hash, computed when the record was made.
    pub leaf: Hash,
    /// Under what it can be looked up: opaque keys of at most 64 octets.
    pub keys: Vec<Vec<u8>>,
}

/// What [`LogStore::stage`] writes at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The records, in the order in which they get their indices.
    pub records: Vec<NewRecord>,
    /// Octets kept beside the log, found by their SHA-256.
    pub blobs: Vec<Vec<u8>>,
}

/// A checkpoint with its quorum, kept for ever: where proven times come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// The size of the tree.
    pub size: u64,
    /// The note with its cosignatures.
    pub note: Note,
}

/// The durable state of one log. Methods may be called from any thread; they block on the disk.
///
/// There are three heads, each at most as large as the one before it:
/// *staged* (all that is stored), *signed* (the log's key committed to it) and *published* (a quorum
/// cosigned it). Reads of records and tiles answer for everything staged; who serves them to others
/// limits himself to what is published.
pub trait LogStore: Send + Sync + 'static {
    /// The edge of the staged tree.
    fn staged(&self) -> Result<Edge, StoreError>;

    /// Appends `batch` to the staged tree of `start` leaves: records, filled tiles, edge, index and
    /// blobs in one atomic write that is synced before this returns. Returns the new edge.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the staged tree has not `start` leaves; nothing is written then.
    fn stage(&self, start: u64, batch: &Batch) -> Result<Edge, StoreError>;

    /// The checkpoint that the log signed last, with the log's signature; `None` before the first.
    fn signed_head(&self) -> Result<Option<Note>, StoreError>;

    /// Replaces the signed head, synced.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the present one is not `expected`; nothing is written then.
    fn swap_signed_head(&self, expected: Option<&Note>, new: &Note) -> Result<(), StoreError>;

    /// The newest checkpoint with a quorum; `None` before the first.
    fn published(&self) -> Result<Option<Note>, StoreError>;

    /// Makes `note`, a checkpoint of `size` leaves that has its quorum, the published one, and keeps it
    /// for ever if `keep`. Synced. A smaller size than the published one is a [`StoreError::Conflict`].
    fn publish(&self, size: u64, note: &Note, keep: bool) -> Result<(), StoreError>;

    /// The record `index`; `None` if it is not staged.
    fn record(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// The records `start..end`, fewer if the staged tree ends before `end`.
    fn records(&self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The first `width` hashes of a tile; [`StoreError::Damaged`] if the staged tree should have them
    /// and has not.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, StoreError>;

    /// The index of the record with this leaf hash, the first if there are several.
    fn index_of(&self, leaf: Hash) -> Result<Option<u64>, StoreError>;

    /// The indices of the records under `key`, ascending, from `from` on, at most `most` of them.
    fn lookup(&self, key: &[u8], from: u64, most: usize) -> Result<Vec<u64>, StoreError>;

    /// The blob with this SHA-256.
    fn blob(&self, sha256: Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// The smallest kept checkpoint of at least `size` leaves.
    fn kept_covering(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError>;

    /// The kept checkpoint of exactly `size` leaves.
    fn kept(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError>;

    /// Sizes of kept checkpoints, ascending, from `from` on, at most `most` of them.
    fn kept_sizes(&self, from: u64, most: usize) -> Result<Vec<u64>, StoreError>;
}
