//! The copy of one log: entries that were proven to belong to it, and the mirror checkpoint.
//!
//! The staged size of the store is the mirror's *next entry*: entries are appended in order, each
//! package in one synced write. The published checkpoint of the store is the *mirror checkpoint*:
//! it carries our cosignatures, and only its entries are served. Before it is signed, the stored
//! entries are read back, hashed anew and compared with the root.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ishibumi_store::{Batch, KeptCheckpoint, LogStore, NewRecord, StoreError, StoredTiles};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::add_entries::{AuthenticPackage, PackageRange};
use ishibumi_tlog::tile::{TILE_WIDTH, TileNodes, tile_width};
use ishibumi_tlog::tree::root;

use crate::follow::Recorded;

/// How many of the last pending checkpoints are remembered without a ticket.
const RECENT_MAX: usize = 8;

/// The copy of one log.
pub struct LogCopy {
    origin: String,
    store: Arc<dyn LogStore>,
    /// Held by the thread that appends or signs. It guards nothing in memory.
    growing: Mutex<()>,
    /// The newest pending checkpoints of this process, the newest last.
    recent: Mutex<VecDeque<Recorded>>,
}

impl LogCopy {
    /// The copy of the log `origin` in `store`.
    pub fn new(origin: impl Into<String>, store: Arc<dyn LogStore>) -> Self {
        Self {
            origin: origin.into(),
            store,
            growing: Mutex::new(()),
            recent: Mutex::new(VecDeque::new()),
        }
    }

    /// The log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// SHA-256 of the origin: under which the copy is served.
    pub fn id(&self) -> Hash {
        Hash::of(self.origin.as_bytes())
    }

    /// Where it is stored.
    pub fn store(&self) -> &dyn LogStore {
        self.store.as_ref()
    }

    /// The index of the first entry that is not stored.
    ///
    /// # Errors
    /// If the store fails.
    pub fn next(&self) -> Result<u64, StoreError> {
        Ok(self.store.staged()?.size())
    }

    /// The mirror checkpoint; `None` before the first. Its signatures are verified.
    ///
    /// # Errors
    /// If the store fails, or a signature does not verify.
    pub fn checkpoint(
        &self,
        log: &[VerifierKey],
        own: &[VerifierKey],
    ) -> Result<Option<Recorded>, StoreError> {
        let Some(note) = self.store.published()? else {
            return Ok(None);
        };
        let read = Recorded::parse(note.encode().as_bytes(), log, own);
        let damaged = |detail| StoreError::Damaged {
            what: format!("the mirror checkpoint of {}", self.origin),
            detail,
        };
        let checkpoint = read.map_err(damaged)?;
        if checkpoint.own_lines().is_empty() || checkpoint.log_lines().is_empty() {
            return Err(damaged("it lacks a signature of the log or of ours".into()));
        }
        Ok(Some(checkpoint))
    }

    /// The mirror checkpoint as it was stored, for those who verify it themselves.
    ///
    /// # Errors
    /// If the store fails.
    pub fn newest(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        let Some(note) = self.store.published()? else {
            return Ok(None);
        };
        let size = self.size_of(&note)?;
        Ok(Some(KeptCheckpoint { size, note }))
    }

    /// The leaf hashes between the beginning of the bundle and the package `range`, which has to
    /// begin at or before the next entry.
    ///
    /// # Errors
    /// If the store fails.
    pub fn before(&self, range: PackageRange) -> Result<Vec<Hash>, StoreError> {
        let Ok(width @ 1..) = u16::try_from(range.before()) else {
            return Ok(Vec::new());
        };
        let index = range.bundle_start() / u64::from(TILE_WIDTH);
        Ok(self.store.tile(0, index, width)?.hashes().to_vec())
    }

    /// Appends the entries of `package` that are not stored yet, and returns the next entry.
    /// Durable once this returns.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the package begins after the next entry.
    pub fn append(&self, package: AuthenticPackage) -> Result<u64, StoreError> {
        let _growing = self.grow();
        let (next, range) = (self.next()?, package.range());
        if range.end() <= next {
            return Ok(next);
        }
        let present = next.checked_sub(range.start());
        let present = present.ok_or_else(|| StoreError::Conflict {
            what: format!("the next entry of {}", self.origin),
            expected: range.start().to_string(),
            found: next.to_string(),
        })?;
        let entries = package.into_entries().into_iter();
        let missing = entries.skip(usize::try_from(present).unwrap_or(usize::MAX));
        let records = missing.map(|(leaf, octets)| NewRecord {
            octets,
            leaf,
            keys: Vec::new(),
        });
        let batch = Batch {
            records: records.collect(),
            blobs: Vec::new(),
        };
        Ok(self.store.stage(next, &batch)?.size())
    }

    /// Keeps a blob beside the copy. Durable once this returns.
    ///
    /// # Errors
    /// If the store fails.
    pub fn keep_blob(&self, blob: Vec<u8>) -> Result<(), StoreError> {
        let _growing = self.grow();
        let batch = Batch {
            records: Vec::new(),
            blobs: vec![blob],
        };
        self.store.stage(self.next()?, &batch).map(drop)
    }

    /// Makes `signed` the mirror checkpoint. Durable once this returns.
    ///
    /// The log's part of it comes first, as the store's signed head: at each opening the store
    /// holds that against the tree, and the published checkpoint against it.
    pub(super) fn publish(&self, signed: &Recorded) -> Result<(), StoreError> {
        let checkpoint = signed.checkpoint();
        let head = self.store.signed_head()?;
        let size = head.as_ref().map(|head| self.size_of(head)).transpose()?;
        if size.is_none_or(|size| size < checkpoint.size) {
            let by_log = Note::new(checkpoint.to_text(), signed.log_lines().to_vec());
            self.store.swap_signed_head(head.as_ref(), &by_log)?;
        }
        self.store.publish(checkpoint.size, &signed.note(), false)
    }

    fn size_of(&self, note: &Note) -> Result<u64, StoreError> {
        let checkpoint = Checkpoint::parse(note.text());
        let checkpoint = checkpoint.map_err(|error| self.damaged(error.to_string()))?;
        Ok(checkpoint.size)
    }

    /// Waits until no other thread appends or signs.
    pub(super) fn grow(&self) -> MutexGuard<'_, ()> {
        // A thread that panicked while holding it has written a whole batch, or nothing.
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads back what is stored: hashes the entries `from..size` anew, holds them against the
    /// tree, and the tree against `expected`, its root at `size`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] says where they part.
    pub fn check_stored(&self, from: u64, size: u64, expected: Hash) -> Result<(), StoreError> {
        let width = u64::from(TILE_WIDTH);
        for index in from / width..size.div_ceil(width) {
            let start = index * width;
            let count = tile_width(0, index, size);
            let records = self.store.records(start, start + u64::from(count))?;
            let hashed = records.iter().map(|record| leaf_hash(record));
            let tile = self.store.tile(0, index, count)?;
            if !hashed.eq(tile.hashes().iter().copied()) {
                return Err(self.damaged(format!("entry bundle {index} is not what its tile says")));
            }
        }
        let found = self.root_at(size)?;
        if found != expected {
            let detail = format!("its root at size {size} is {found}, the log signed {expected}");
            return Err(self.damaged(detail));
        }
        Ok(())
    }

    /// The root of the stored tree of the first `size` leaves.
    ///
    /// # Errors
    /// If the store fails.
    pub fn root_at(&self, size: u64) -> Result<Hash, StoreError> {
        let tiles = StoredTiles(self.store.as_ref());
        root(&TileNodes::new(&tiles, size), size)
    }

    fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged {
            what: format!("the copy of {}", self.origin),
            detail,
        }
    }

    /// Remembers a pending checkpoint.
    pub(super) fn remember(&self, pending: Recorded) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |known: &Recorded| known.checkpoint().size;
        if recent.back().map(size) == Some(size(&pending)) {
            return;
        }
        if recent.len() == RECENT_MAX {
            recent.pop_front();
        }
        recent.push_back(pending);
    }

    /// The pending checkpoint of this size, if it is among the last ones.
    pub(super) fn recalled(&self, size: u64) -> Option<Recorded> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().find(|known| known.checkpoint().size == size);
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_store::MemoryLog;

    use super::*;

    fn copy_of(entries: &[&str]) -> LogCopy {
        let store = MemoryLog::new();
        let records = entries.iter().map(|entry| NewRecord {
            octets: entry.as_bytes().to_vec(),
            leaf: leaf_hash(entry.as_bytes()),
            keys: Vec::new(),
        });
        let batch = Batch {
            records: records.collect(),
            blobs: Vec::new(),
        };
        store.stage(0, &batch).unwrap();
        LogCopy::new("log.example", Arc::new(store))
    }

    /// Stored data are read back before anything is signed: another entry, one too few, an
    /// exchange.
    #[test]
    fn a_copy_that_is_not_the_logs_is_found_out() {
        let log = copy_of(&["a", "b", "c"]);
        let root = log.root_at(3).unwrap();
        log.check_stored(0, 3, root).unwrap();
        log.check_stored(3, 3, root).unwrap();
        for other in [
            &["a", "b", "C"][..],
            &["b", "a", "c"],
            &["a", "b", "c", "d"],
        ] {
            let copy = copy_of(other);
            let size = copy.next().unwrap();
            for from in [0, size] {
                let found = copy.check_stored(from, size, root);
                assert!(
                    matches!(found, Err(StoreError::Damaged { .. })),
                    "{other:?}"
                );
            }
        }
        copy_of(&["a", "b"]).check_stored(0, 3, root).unwrap_err();
    }
}
