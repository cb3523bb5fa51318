//! The source of an exported log, and why an export failed.

use std::collections::{BTreeMap, BTreeSet};

use crate::writer::SinkError;

/// A source of the files of a log: a store, a directory or a server.
pub trait LogFiles {
    /// The file at `path`, of at most `most` octets; `None` if there is none. Errors are text for
    /// people, and name the path.
    fn read(&mut self, path: &str, most: usize) -> Result<Option<Vec<u8>>, String>;

    /// Sizes of all kept checkpoints, ascending.
    fn kept_sizes(&mut self) -> Result<Vec<u64>, String>;

    /// The file at `path` in the volume of this name; for sources without volumes, the file at
    /// `path`.
    fn read_of(
        &mut self,
        _volume: &str,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, String> {
        self.read(path, most)
    }

    /// Whether the files lie in volumes, each of which is complete by itself.
    fn is_in_volumes(&self) -> bool {
        false
    }

    /// Whether it is one volume that was named by itself.
    fn is_alone(&self) -> bool {
        false
    }

    /// Files that are there beside those of `expected`, by volume; empty if that cannot be told.
    fn unlisted(&mut self, _expected: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        Vec::new()
    }
}

/// Why there is no archive, or no sound one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The log's files could not be had.
    #[error("{0}")]
    Files(String),
    /// A file that has to be there is not.
    #[error("{0} is not there")]
    Missing(String),
    /// A file is not what it should be.
    #[error("{path}: {reason}")]
    Wrong {
        /// Path of the file.
        path: String,
        /// What is wrong with it, in English.
        reason: String,
    },
    /// There are no records yet.
    #[error("the log has no record that a checkpoint covers: there is nothing to export")]
    Empty,
    /// It could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

pub(crate) fn wrong(path: &str, reason: String) -> ExportError {
    ExportError::Wrong {
        path: path.to_owned(),
        reason,
    }
}
