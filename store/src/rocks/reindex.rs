//! Making the index of a log anew from its records.
//!
//! The index (column families `leaves` and `lookup`) is derived: it can be dropped and rebuilt at
//! any time, after damage or when a new kind of key is to be found in old records. The rows are
//! dropped and the fact is noted in one synced write; the note goes away only after the last row is
//! there. So a rebuild that was interrupted is known for what it is: [`RocksLog::open`] refuses the
//! store until one has been finished.

use std::collections::HashSet;
use std::path::Path;

use ishibumi_tlog::hash::leaf_hash;
use rocksdb::WriteBatch;

use super::log::{LEAVES, LOOKUP, RocksLog, STATE, lookup_key};
use super::settings::CACHE_LEN;
use crate::codec;
use crate::{LogStore as _, StoreError};

/// Row of `state` that is there while an index is not whole.
const REINDEXING_KEY: &[u8] = b"reindexing";

/// Records whose rows are written at once.
const CHUNK: u64 = 4096;

/// Above every key of `leaves` (32 octets) and of `lookup` (first octet at most 64).
const LAST_KEY: [u8; 33] = [0xff; 33];

/// Refuses a store whose index is not whole.
pub(super) fn refuse_unfinished(log: &RocksLog) -> Result<(), StoreError> {
    if !log.state_row(REINDEXING_KEY)? {
        return Ok(());
    }
    Err(StoreError::Refused {
        what: format!("the store at {}", log.path().display()),
        detail: "rebuilding its index was interrupted; run reindex again, to its end".into(),
    })
}

impl RocksLog {
    /// Drops the index of the log `origin` at `path` and makes it anew: `keys` says under what a
    /// record is looked up. `progress` is told how many of how many records are done. Returns the
    /// number of records.
    ///
    /// # Errors
    /// As [`Self::open`], but for an index that is not whole; [`StoreError::Refused`] if a key is
    /// too long. The index is not whole then, and [`Self::open`] says so.
    pub fn reindex(
        path: impl AsRef<Path>,
        origin: &str,
        mut keys: impl FnMut(&[u8]) -> Vec<Vec<u8>>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, StoreError> {
        let log = Self::open_unindexed(path.as_ref(), origin, CACHE_LEN)?;
        let size = log.edge().size();
        let family = |name| log.database().family(name);
        let mut writing = log.database().writing()?;
        let mut rows = WriteBatch::default();
        rows.put_cf(family(STATE), REINDEXING_KEY, []);
        for name in [LEAVES, LOOKUP] {
            rows.delete_range_cf(family(name), &[][..], &LAST_KEY[..]);
        }
        writing.commit(rows, "dropped its index")?;
        let mut done = 0;
        while done < size {
            let records = log.records(done, size.min(done + CHUNK))?;
            let leaves: Vec<[u8; 32]> = records.iter().map(|octets| leaf_hash(octets).0).collect();
            let known = log.database().have(LEAVES, &leaves)?;
            let mut seen = HashSet::new();
            let mut rows = WriteBatch::default();
            for ((octets, leaf), known) in records.iter().zip(leaves).zip(known) {
                for key in keys(octets) {
                    rows.put_cf(family(LOOKUP), lookup_key(&key, done)?, []);
                }
                if !known && seen.insert(leaf) {
                    rows.put_cf(family(LEAVES), leaf, codec::encode_leaf(done));
                }
                done += 1;
            }
            writing.commit(rows, "wrote its index")?;
            progress(done, size);
        }
        let mut rows = WriteBatch::default();
        rows.delete_cf(family(STATE), REINDEXING_KEY);
        writing.commit(rows, "ended the writing of its index")?;
        Ok(size)
    }
}
