//! `export`: the whole log as files that need no server of ours (`docs/formats/archive.md`).
//!
//! It reads the store itself, so the log must not be running: a store has one owner. Neither key
//! nor head file is needed: a log whose key is destroyed can be exported. A log that runs is
//! exported over HTTP, by `ishibumi archive export`; both give the same octets.

use std::path::Path;

use ishibumi_archive::{ExportError, Exported, Form, LogFiles, SinkError};
use ishibumi_store::public::{self, ReadError};
use ishibumi_store::{LogStore, RocksLog, StoreError};
use ishibumi_tlog::Checkpoint;

use super::OperateError;
use crate::config::Config;

/// The published part of a store.
struct Published<'a> {
    store: &'a dyn LogStore,
    size: u64,
}

impl LogFiles for Published<'_> {
    fn read(&mut self, path: &str, _most: usize) -> Result<Option<Vec<u8>>, String> {
        match public::read(self.store, self.size, path, None) {
            Ok(found) => Ok(found.map(|resource| resource.octets)),
            Err(ReadError::Absent(_)) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn kept_sizes(&mut self) -> Result<Vec<u64>, String> {
        let mut all: Vec<u64> = Vec::new();
        loop {
            let from = all.last().map_or(0, |last| last + 1);
            let sizes = self.store.kept_sizes(from, public::LISTING_MAX);
            let sizes = sizes.map_err(|error| error.to_string())?;
            if sizes.is_empty() {
                return Ok(all);
            }
            all.extend(sizes);
        }
    }
}

/// Exports the published log to `out`, where nothing is yet. `progress` is told how many of how
/// many records are done.
///
/// # Errors
/// [`OperateError`] if the log runs, `out` exists, nothing was published, or reading or writing
/// fails.
pub fn export(
    config: &Config,
    out: &Path,
    form: Form,
    progress: impl FnMut(u64, u64),
) -> Result<Exported, OperateError> {
    let store = RocksLog::open(&config.data_dir, &config.origin).map_err(|error| match error {
        StoreError::InUse { .. } => OperateError::Busy(format!(
            "{error}. A log that runs is exported with: ishibumi archive export --from URL"
        )),
        error => error.into(),
    })?;
    let note = store
        .published()?
        .ok_or_else(|| OperateError::Unavailable(ExportError::Empty.to_string()))?;
    let size = Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size);
    let mut files = Published {
        store: &store,
        size,
    };
    let exported = ishibumi_archive::export(&mut files, &note, out, form, progress);
    exported.map_err(|error| match error {
        ExportError::Wrong { .. } | ExportError::Missing(_) => OperateError::Damaged(format!(
            "{error}; nothing was exported; ishibumi-log fsck reads all"
        )),
        ExportError::Sink(taken @ (SinkError::Exists(_) | SinkError::Begun(_))) => {
            OperateError::Export(taken)
        }
        error => OperateError::system(error),
    })
}
