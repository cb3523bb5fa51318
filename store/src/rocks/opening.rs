//! Makes and opens the store of a log, and checks it before it is used.

use std::path::Path;

use ishibumi_tlog::tile::Edge;
use rocksdb::WriteBatch;

use super::database::{Database, Layout};
use super::log::{EDGE_KEY, FAMILIES, LEAVES, RocksLog, STATE, damaged};
use super::settings::CACHE_LEN;
use super::{check, reindex};
use crate::{StoreError, codec, room};

/// Row of `state` that is there once all filters of the index of leaf hashes are cut into pages. A
/// directory from before has whole ones, of some megabytes each; see [`RocksLog::page_filters`].
const PAGED_KEY: &[u8] = b"paged";

fn layout(origin: &str, cache_len: usize) -> Layout<'static> {
    Layout {
        families: FAMILIES,
        label: format!("an Ishibumi log store, version 1, of {origin}"),
        cache_len,
    }
}

impl RocksLog {
    /// Makes the store of an empty log at `path`, where there is nothing or an empty directory.
    ///
    /// # Errors
    /// [`StoreError`], if the directory is not empty, or cannot be written.
    pub fn create(path: impl AsRef<Path>, origin: &str) -> Result<Self, StoreError> {
        Self::create_with(path, origin, CACHE_LEN)
    }

    /// As [`Self::create`], with caches of `cache_len` octets.
    ///
    /// # Errors
    /// [`StoreError`], if the directory is not empty, or cannot be written.
    pub fn create_with(
        path: impl AsRef<Path>,
        origin: &str,
        cache_len: usize,
    ) -> Result<Self, StoreError> {
        let edge = Edge::new();
        let row = codec::encode_edge(&edge);
        let layout = layout(origin, cache_len);
        let database = Database::create(path.as_ref(), &layout, |database, batch| {
            batch.put_cf(database.family(STATE), EDGE_KEY, row);
            batch.put_cf(database.family(STATE), PAGED_KEY, []);
        })?;
        Ok(Self::with(database, edge))
    }

    /// Opens the store of the log `origin` at `path`. Never creates.
    ///
    /// Before it returns, the right border of the tree is recomputed from records and tiles, and
    /// the signed head is held against the tree, so that a damaged directory is refused here.
    ///
    /// # Errors
    /// [`StoreError`], if there is no such store, it is of another log, in use, damaged, or the
    /// disk lacks space.
    pub fn open(path: impl AsRef<Path>, origin: &str) -> Result<Self, StoreError> {
        Self::open_with(path, origin, CACHE_LEN)
    }

    /// As [`Self::open`], with caches of `cache_len` octets.
    ///
    /// # Errors
    /// [`StoreError`], if there is no such store, it is of another log, in use, damaged, or the
    /// disk lacks space.
    pub fn open_with(
        path: impl AsRef<Path>,
        origin: &str,
        cache_len: usize,
    ) -> Result<Self, StoreError> {
        let log = Self::open_unindexed(path.as_ref(), origin, cache_len)?;
        reindex::refuse_unfinished(&log)?;
        log.page_filters()?;
        Ok(log)
    }

    /// Opens the store for reading and changes nothing in it, for a full disk. Checks what
    /// [`Self::open`] checks, and refuses every write. Takes no lock: the caller makes sure that no
    /// process writes.
    ///
    /// # Errors
    /// [`StoreError`], for the reasons for which [`Self::open`] fails, except the lock.
    pub fn open_for_reading(
        path: impl AsRef<Path>,
        origin: &str,
        cache_len: usize,
    ) -> Result<Self, StoreError> {
        let database = Database::open_for_reading(path.as_ref(), &layout(origin, cache_len))?;
        let log = Self::checked(database, origin)?;
        reindex::refuse_unfinished(&log)?;
        Ok(log)
    }

    /// Rewrites the index of leaf hashes once if its filters are still whole: merging would leave
    /// them as they are until the log has grown to twice its size, and that long each look-up would
    /// read megabytes. If there is no space to rewrite it, it works as it is.
    fn page_filters(&self) -> Result<(), StoreError> {
        if self.state_row(PAGED_KEY)? {
            return Ok(());
        }
        let mut writing = self.database().writing()?;
        let needed = self.database().tables_len(LEAVES)?.saturating_mul(2);
        if room::free(self.path())? < needed {
            return Ok(());
        }
        writing.purge(LEAVES)?;
        let mut rows = WriteBatch::default();
        rows.put_cf(self.database().family(STATE), PAGED_KEY, []);
        writing.commit(rows, "noted that its filters are paged")
    }

    /// Opens it whether or not the index is whole.
    pub(super) fn open_unindexed(
        path: &Path,
        origin: &str,
        cache_len: usize,
    ) -> Result<Self, StoreError> {
        let database = Database::open(path, &layout(origin, cache_len))?;
        Self::checked(database, origin)
    }

    fn checked(database: Database, origin: &str) -> Result<Self, StoreError> {
        let row = database.read(STATE, EDGE_KEY, || "the edge row".into())?;
        let row = row.ok_or_else(|| damaged("the edge row", "it is missing"))?;
        let edge = codec::decode_edge(&row)?;
        drop(row);
        let log = Self::with(database, edge);
        check::border(&log)?;
        check::heads(&log, origin)?;
        Ok(log)
    }
}
