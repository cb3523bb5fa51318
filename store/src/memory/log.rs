//! [`LogStore`] in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ishibumi_tlog::hash::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{Edge, Tile};

use super::disk::{Disk, Outcome, State};
use crate::log_store::{
    TilePlace, adds_to_kept, check_lookup_key, head_conflict, publish_conflict, start_conflict,
    tile_name, tile_place,
};
use crate::{Batch, IndexKind, IndexRow, KeptCheckpoint, LogStore, StoreError};

/// A log that can be crashed and told to fail.
#[derive(Debug)]
pub struct MemoryLog {
    disk: Disk<Log>,
}

#[derive(Clone, Debug, Default)]
struct Log {
    edge: Edge,
    records: Vec<Vec<u8>>,
    tiles: HashMap<(u8, u64), Tile>,
    leaves: HashMap<Hash, u64>,
    lookup: BTreeSet<(Vec<u8>, u64)>,
    blobs: HashMap<Hash, Vec<u8>>,
    signed: Option<Note>,
    published: Option<(u64, Note)>,
    kept: BTreeMap<u64, Note>,
}

enum Change {
    Stage {
        batch: Batch,
        edge: Edge,
        tiles: Vec<((u8, u64), Tile)>,
    },
    Sign(Note),
    Publish {
        size: u64,
        note: Note,
        keep: bool,
    },
    Keep {
        size: u64,
        note: Note,
    },
    /// Removes a blob.
    Erase(Hash),
}

impl State for Log {
    type Change = Change;

    fn apply(&mut self, change: Change) {
        match change {
            Change::Stage { batch, edge, tiles } => {
                for (index, record) in (self.edge.size()..).zip(batch.records) {
                    self.leaves.entry(record.leaf).or_insert(index);
                    self.lookup
                        .extend(record.keys.into_iter().map(|key| (key, index)));
                    self.records.push(record.octets);
                }
                self.tiles.extend(tiles);
                let named = batch.blobs.into_iter().map(|blob| (Hash::of(&blob), blob));
                self.blobs.extend(named);
                self.edge = edge;
            }
            Change::Sign(note) => self.signed = Some(note),
            Change::Publish { size, note, keep } => {
                if keep {
                    self.keep(size, &note);
                }
                self.published = Some((size, note));
            }
            Change::Keep { size, note } => self.keep(size, &note),
            Change::Erase(blob) => drop(self.blobs.remove(&blob)),
        }
    }
}

impl Log {
    fn keep(&mut self, size: u64, note: &Note) {
        if adds_to_kept(self.kept.get(&size), note) {
            self.kept.insert(size, note.clone());
        }
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self {
            disk: Disk::new(Log::default()),
        }
    }
}

impl MemoryLog {
    /// An empty log on a disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state that the next process finds: everything that was synced. This value takes no more
    /// writes. Scheduled faults are the disk's and stay.
    #[must_use]
    pub fn crash(&self) -> Self {
        Self {
            disk: self.disk.crash(),
        }
    }

    /// Lets the `nth` write from now (1 is the next) report failure, and be there or not.
    pub fn fail_write(&self, nth: u64, outcome: Outcome) {
        self.disk.fail_write(nth, outcome);
    }

    /// Lets every write fail from now on; `None` mends the disk.
    pub fn fail_forever(&self, outcome: Option<Outcome>) {
        self.disk.fail_forever(outcome);
    }

    /// Whether writes are durable when they return (they are at first) or only after
    /// [`Self::sync`].
    pub fn set_sync(&self, sync: bool) {
        self.disk.set_sync(sync);
    }

    /// Makes everything durable that was written.
    pub fn sync(&self) {
        self.disk.sync();
    }
}

impl LogStore for MemoryLog {
    fn staged(&self) -> Result<Edge, StoreError> {
        Ok(self.disk.shown().edge.clone())
    }

    fn stage(&self, start: u64, batch: &Batch) -> Result<Edge, StoreError> {
        batch.check(start)?;
        self.disk.write("staged a batch", |log| {
            if log.edge.size() != start {
                return Err(start_conflict(start, log.edge.size()));
            }
            let mut edge = log.edge.clone();
            let mut tiles = Vec::new();
            for record in &batch.records {
                edge.append(record.leaf, |level, index, tile| {
                    tiles.push(((level, index), tile));
                });
            }
            let batch = batch.clone();
            Ok((
                Change::Stage {
                    batch,
                    edge: edge.clone(),
                    tiles,
                },
                edge,
            ))
        })
    }

    fn signed_head(&self) -> Result<Option<Note>, StoreError> {
        Ok(self.disk.shown().signed.clone())
    }

    fn swap_signed_head(&self, expected: Option<&Note>, new: &Note) -> Result<(), StoreError> {
        self.disk.write("replaced the signed head", |log| {
            if log.signed.as_ref() != expected {
                return Err(head_conflict(expected, log.signed.as_ref()));
            }
            Ok((Change::Sign(new.clone()), ()))
        })
    }

    fn published(&self) -> Result<Option<Note>, StoreError> {
        let log = self.disk.shown();
        Ok(log.published.as_ref().map(|(_, note)| note.clone()))
    }

    fn publish(&self, size: u64, note: &Note, keep: bool) -> Result<(), StoreError> {
        self.disk
            .write("published a checkpoint", |log| match log.published {
                Some((present, _)) if size < present => Err(publish_conflict(size, present)),
                _ => Ok((
                    Change::Publish {
                        size,
                        note: note.clone(),
                        keep,
                    },
                    (),
                )),
            })
    }

    fn keep(&self, size: u64, note: &Note) -> Result<(), StoreError> {
        let note = note.clone();
        self.disk.write("kept a checkpoint", |_| {
            Ok((Change::Keep { size, note }, ()))
        })
    }

    fn record(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records(index, index.saturating_add(1))?.pop())
    }

    fn records(&self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let log = self.disk.shown();
        let place = |index: u64| usize::try_from(index).unwrap_or(usize::MAX);
        let end = place(end).min(log.records.len());
        Ok(log.records.get(place(start)..end).unwrap_or(&[]).to_vec())
    }

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, StoreError> {
        let log = self.disk.shown();
        match tile_place(&log.edge, level, index, width)? {
            TilePlace::Edge(tile) => Ok(tile),
            TilePlace::Full => {
                let full = log.tiles.get(&(level, index));
                let hashes = full.and_then(|tile| tile.hashes().get(..usize::from(width)));
                hashes
                    .and_then(|hashes| Tile::decode(width, &Tile::encode(hashes)))
                    .ok_or_else(|| StoreError::Damaged {
                        what: tile_name(level, index, width),
                        detail: "it is missing".into(),
                    })
            }
        }
    }

    fn index_of(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        Ok(self.disk.shown().leaves.get(&leaf).copied())
    }

    fn index_rows(
        &self,
        kind: IndexKind,
        after: Option<&IndexRow>,
        most: usize,
    ) -> Result<Vec<IndexRow>, StoreError> {
        let log = self.disk.shown();
        let after = after.map(|row| (row.key.clone(), row.index));
        let mut rows: Vec<_> = match kind {
            IndexKind::Leaves => {
                let rows = log.leaves.iter();
                rows.map(|(leaf, &index)| (leaf.0.to_vec(), index))
                    .collect()
            }
            IndexKind::Keys => log.lookup.iter().cloned().collect(),
        };
        rows.sort_unstable();
        let rows = rows.into_iter();
        let rows = rows.filter(|row| after.as_ref().is_none_or(|after| row > after));
        let rows = rows.map(|(key, index)| IndexRow { key, index });
        Ok(rows.take(most).collect())
    }

    fn lookup(&self, key: &[u8], from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        check_lookup_key(key)?;
        let log = self.disk.shown();
        let rows = log
            .lookup
            .range((key.to_vec(), from)..=(key.to_vec(), u64::MAX));
        Ok(rows.take(most).map(|(_, index)| *index).collect())
    }

    fn blob(&self, sha256: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.disk.shown().blobs.get(&sha256).cloned())
    }

    fn erase_blob(&self, sha256: Hash) -> Result<bool, StoreError> {
        if !self.disk.shown().blobs.contains_key(&sha256) {
            return Ok(false);
        }
        let erase = |_: &Log| Ok((Change::Erase(sha256), true));
        self.disk.write("erased a blob", erase)
    }

    fn kept_covering(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError> {
        let log = self.disk.shown();
        let first = log.kept.range(size..).next();
        Ok(first.map(|(&size, note)| KeptCheckpoint {
            size,
            note: note.clone(),
        }))
    }

    fn kept(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError> {
        let note = self.disk.shown().kept.get(&size).cloned();
        Ok(note.map(|note| KeptCheckpoint { size, note }))
    }

    fn kept_sizes(&self, from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        let log = self.disk.shown();
        Ok(log
            .kept
            .range(from..)
            .take(most)
            .map(|(&size, _)| size)
            .collect())
    }
}
