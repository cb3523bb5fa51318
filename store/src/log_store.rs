//! The store of one log.

use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{
    ENTRY_LEN_MAX, Edge, LEVEL_MAX, TILE_WIDTH, Tile, TileKind, TilePath, TileSource, tile_width,
};
use ishibumi_tlog::tree::SIZE_MAX;

use crate::StoreError;

/// The longest key that a record can be looked up under, in octets.
pub const LOOKUP_KEY_LEN_MAX: usize = 64;

/// A record on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The record's octets: the log entry.
    pub octets: Vec<u8>,
    /// Its RFC 6962 leaf hash, computed when the record was made.
    pub leaf: Hash,
    /// Keys under which it can be looked up: opaque, of at most 64 octets.
    pub keys: Vec<Vec<u8>>,
}

/// The records that [`LogStore::stage`] writes at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The records, in the order in which they get their indices.
    pub records: Vec<NewRecord>,
    /// Octets kept beside the log, found by their SHA-256.
    pub blobs: Vec<Vec<u8>>,
}

impl Batch {
    /// Checks what every store demands of a batch for a tree of `start` leaves: records that fit a
    /// bundle and have the leaf hash that they came with (a bit that flipped since admission is
    /// found while it can still be refused), short keys, and a tree that stays below 2^63 leaves.
    ///
    /// # Errors
    /// [`StoreError::Refused`] names the first record that is wrong.
    pub fn check(&self, start: u64) -> Result<(), StoreError> {
        let count = self.records.len();
        if u64::try_from(count).map_or(true, |count| count > SIZE_MAX.saturating_sub(start)) {
            return Err(StoreError::Refused {
                what: "the batch".into(),
                detail: format!("{start} leaves and {count} more are above {SIZE_MAX}"),
            });
        }
        for (index, record) in (start..).zip(&self.records) {
            record.check(index)?;
        }
        Ok(())
    }
}

impl NewRecord {
    fn check(&self, index: u64) -> Result<(), StoreError> {
        let refused = |detail| StoreError::Refused {
            what: format!("record {index}"),
            detail,
        };
        if self.octets.len() > ENTRY_LEN_MAX {
            let detail = format!("it has {} octets, {ENTRY_LEN_MAX} fit", self.octets.len());
            return Err(refused(detail));
        }
        let computed = leaf_hash(&self.octets);
        if computed != self.leaf {
            let detail = format!("its leaf hash is {computed}, it came with {}", self.leaf);
            return Err(refused(detail));
        }
        self.keys.iter().try_for_each(|key| check_lookup_key(key))
    }
}

/// Refuses a key that is longer than [`LOOKUP_KEY_LEN_MAX`].
pub(crate) fn check_lookup_key(key: &[u8]) -> Result<(), StoreError> {
    if key.len() <= LOOKUP_KEY_LEN_MAX {
        return Ok(());
    }
    Err(StoreError::Refused {
        what: "a lookup key".into(),
        detail: format!(
            "it has {} octets, {LOOKUP_KEY_LEN_MAX} are allowed",
            key.len()
        ),
    })
}

/// The batch was made for a tree of another size.
pub(crate) fn start_conflict(start: u64, size: u64) -> StoreError {
    StoreError::Conflict {
        what: "the size of the staged tree".into(),
        expected: start.to_string(),
        found: size.to_string(),
    }
}

/// The signed head is not the one that the caller had read.
pub(crate) fn head_conflict(expected: Option<&Note>, found: Option<&Note>) -> StoreError {
    let shown = |note: Option<&Note>| match note {
        None => "none".to_owned(),
        Some(note) => {
            let lines: Vec<&str> = note.text().lines().skip(1).collect();
            format!("one of size and root {}", lines.join(" "))
        }
    };
    StoreError::Conflict {
        what: "the signed head".into(),
        expected: shown(expected),
        found: shown(found),
    }
}

/// The published checkpoint is larger than the one that was to replace it.
pub(crate) fn publish_conflict(size: u64, present: u64) -> StoreError {
    StoreError::Conflict {
        what: "the published checkpoint".into(),
        expected: format!("a size of at most {size}"),
        found: format!("size {present}"),
    }
}

/// A store's tiles as what provers read nodes from ([`ishibumi_tlog::tile::TileNodes`]).
#[derive(Debug)]
pub struct StoredTiles<'a, S: ?Sized>(pub &'a S);

impl<S: LogStore + ?Sized> TileSource for StoredTiles<'_, S> {
    type Error = StoreError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, StoreError> {
        self.0.tile(level, index, width)
    }
}

/// Whether `new` may replace the note that is kept for its size.
pub(crate) fn adds_to_kept(kept: Option<&Note>, new: &Note) -> bool {
    kept.is_none_or(|kept| {
        let holds = |line| new.signatures().contains(line);
        kept != new && kept.text() == new.text() && kept.signatures().iter().all(holds)
    })
}

/// Where the first hashes of a tile are, in a store that keeps full tiles and an edge.
pub(crate) enum TilePlace {
    /// In the edge; here they are.
    Edge(Tile),
    /// In the full tile, which the store has to have.
    Full,
}

/// Finds the first `width` hashes of a tile in a tree whose edge is `edge`.
pub(crate) fn tile_place(
    edge: &Edge,
    level: u8,
    index: u64,
    width: u16,
) -> Result<TilePlace, StoreError> {
    let present = match level {
        0..=LEVEL_MAX => tile_width(level, index, edge.size()),
        _ => 0,
    };
    if !(1..=present).contains(&width) {
        return Err(StoreError::Refused {
            what: tile_name(level, index, width),
            detail: format!(
                "the staged tree of {} leaves has {present} hashes there",
                edge.size()
            ),
        });
    }
    if present == TILE_WIDTH {
        return Ok(TilePlace::Full);
    }
    let partial = edge.levels().get(usize::from(level));
    let hashes = partial.and_then(|hashes| hashes.get(..usize::from(width)));
    let tile = hashes.and_then(|hashes| Tile::decode(width, &Tile::encode(hashes)));
    tile.map(TilePlace::Edge)
        .ok_or_else(|| StoreError::Damaged {
            what: tile_name(level, index, width),
            detail: "the edge lacks it".into(),
        })
}

/// How errors name a tile: by its path.
pub(crate) fn tile_name(level: u8, index: u64, width: u16) -> String {
    let kind = TileKind::Hashes(level);
    TilePath { kind, index, width }.to_string()
}

/// A checkpoint with its quorum, kept for ever: where proven times come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// The size of the tree.
    pub size: u64,
    /// The note with its cosignatures.
    pub note: Note,
}

/// One of the two indices that are derived from the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    /// Leaf hashes, each with the index of the first record that has it.
    Leaves,
    /// Lookup keys, each with the index of every record under it.
    Keys,
}

/// A row of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    /// The 32 octets of a leaf hash, or a lookup key.
    pub key: Vec<u8>,
    /// The index of the record.
    pub index: u64,
}

/// The durable state of one log. Methods may be called from any thread; they block on the disk.
///
/// There are three heads, each at most as large as the one before it:
/// *staged* (all that is stored), *signed* (the log's key committed to it) and *published* (a
/// quorum cosigned it). Reads of records and tiles answer for everything staged; code that serves
/// them to others has to stay below the published size.
pub trait LogStore: Send + Sync + 'static {
    /// The edge of the staged tree.
    fn staged(&self) -> Result<Edge, StoreError>;

    /// Appends `batch` to the staged tree of `start` leaves: records, filled tiles, edge, index and
    /// blobs in one atomic write that is synced before this returns. Returns the new edge.
    ///
    /// The index of a leaf hash is that of the first record that had it, also within a batch.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the staged tree has not `start` leaves, [`StoreError::Refused`]
    /// if [`Batch::check`] finds fault; nothing is written then. After [`StoreError::Failed`] the
    /// batch may be there or not, and this value takes no more writes: only opening the store anew
    /// tells.
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

    /// Makes `note`, a checkpoint of `size` leaves that has its quorum, the published one, and
    /// keeps it for ever if `keep`. Synced. A smaller size than the published one is a
    /// [`StoreError::Conflict`].
    ///
    /// A kept note is replaced only by one that says the same and has all its signatures and more:
    /// a late cosignature is added, an early time is never lost. Of several kept checkpoints of one
    /// size the first stays: it has the earliest time.
    fn publish(&self, size: u64, note: &Note, keep: bool) -> Result<(), StoreError>;

    /// Keeps `note`, a checkpoint of `size` leaves that another log published, for ever, by the
    /// rules of [`Self::publish`]. Synced; if it adds nothing, nothing is written.
    fn keep(&self, size: u64, note: &Note) -> Result<(), StoreError>;

    /// The record `index`; `None` if it is not staged.
    fn record(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// The records `start..end`, fewer if the staged tree ends before `end`.
    fn records(&self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The first `width` hashes of a tile; [`StoreError::Damaged`] if the staged tree should have
    /// them and has not, [`StoreError::Refused`] if it is too small to have them.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, StoreError>;

    /// The index of the record with this leaf hash, the first if there are several.
    fn index_of(&self, leaf: Hash) -> Result<Option<u64>, StoreError>;

    /// [`Self::index_of`] for each of `leaves`, which a store may find together for less.
    fn indices_of(&self, leaves: &[Hash]) -> Result<Vec<Option<u64>>, StoreError> {
        leaves.iter().map(|&leaf| self.index_of(leaf)).collect()
    }

    /// Rows of an index in the store's own order, those after `after`, at most `most`; empty at the
    /// end. For reading a whole index. Rows that were staged meanwhile may be among them.
    fn index_rows(
        &self,
        kind: IndexKind,
        after: Option<&IndexRow>,
        most: usize,
    ) -> Result<Vec<IndexRow>, StoreError>;

    /// The indices of the records under `key`, ascending, from `from` on, at most `most` of them.
    fn lookup(&self, key: &[u8], from: u64, most: usize) -> Result<Vec<u64>, StoreError>;

    /// Octets of disk that the store may take for a while, beyond the written data: while it merges
    /// its index.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store does not tell.
    fn room_needed(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// The blob with this SHA-256.
    fn blob(&self, sha256: Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes the blob with this SHA-256; says whether it was there. Synced, and when this returns
    /// its octets are in no file of the store any more. What disks, file systems and backups keep
    /// is beyond it.
    fn erase_blob(&self, sha256: Hash) -> Result<bool, StoreError>;

    /// The smallest kept checkpoint of at least `size` leaves.
    fn kept_covering(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError>;

    /// The kept checkpoint of exactly `size` leaves.
    fn kept(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError>;

    /// Sizes of kept checkpoints, ascending, from `from` on, at most `most` of them.
    fn kept_sizes(&self, from: u64, most: usize) -> Result<Vec<u64>, StoreError>;
}
