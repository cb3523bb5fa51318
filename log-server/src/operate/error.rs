//! Why a command did not do what it should, by who has to act.

use std::path::Path;

use ishibumi_artifact::record::RecordError;
use ishibumi_store::StoreError;

use super::loss::LostError;
use super::recover::RecoverError;
use super::setup::SetupError;
use crate::core::{HeadError, PublisherError, SequencerError};
use crate::erasure::ErasureError;
use crate::refusal::RecordTooLarge;
use crate::statements::StatementError;

/// Why a command did not do what it should. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperateError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The store or the head file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The start rule, or signing.
    #[error(transparent)]
    Core(#[from] PublisherError),
    /// Something of the log is not there.
    #[error(transparent)]
    Lost(#[from] LostError),
    /// The log was not recovered.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The target of an export exists already.
    #[error(transparent)]
    Export(ishibumi_archive::SinkError),
    /// The log runs; what to do instead.
    #[error("{0}")]
    Busy(String),
    /// Keys, policy or addresses.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A statement of the log about itself does not fit a record.
    #[error(transparent)]
    Record(#[from] RecordTooLarge),
    /// Records could not be staged.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The statements about the log's registry could not be made.
    #[error(transparent)]
    Statements(#[from] StatementError),
    /// A blob was not erased.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// The operator's statement about the log does not fit a record.
    #[error(transparent)]
    Field(#[from] RecordError),
    /// The operator has to say something else, on the command line or in the configuration.
    #[error("{0}")]
    Usage(String),
    /// A file or directory is not what it has to be.
    #[error("{path}: {what}")]
    File {
        /// Path of the file or directory.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Another party has not done its part yet: a later try may succeed.
    #[error("{0}")]
    Unavailable(String),
    /// Stored data changed.
    #[error("{0}")]
    Damaged(String),
    /// A log that was started has stopped.
    #[error("the log stopped: {0}")]
    Stopped(String),
    /// The system did not give what every process needs: threads, sockets, signals, random octets.
    #[error("{0}")]
    System(String),
}

impl From<HeadError> for OperateError {
    fn from(error: HeadError) -> Self {
        Self::Core(error.into())
    }
}

impl OperateError {
    /// The exit code of a command that ends with this (`docs/verdicts.md`, "Exit codes"): 2 for
    /// what exists already, 3 for what may be otherwise a moment later, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(error)
            | Self::Core(
                PublisherError::Store(error) | PublisherError::Head(HeadError::Store(error)),
            ) => match error {
                StoreError::Exists { .. } => 2,
                StoreError::InUse { .. } => 3,
                _ => 1,
            },
            Self::Setup(SetupError::KeysExist { .. }) | Self::Export(_) => 2,
            Self::Setup(SetupError::Listen { .. }) | Self::Busy(_) => 3,
            Self::Config(_)
            | Self::Core(_)
            | Self::Lost(_)
            | Self::Recover(_)
            | Self::Setup(_)
            | Self::Record(_)
            | Self::Sequencer(_)
            | Self::Statements(_)
            | Self::Erasure(_)
            | Self::Field(_)
            | Self::Usage(_)
            | Self::File { .. }
            | Self::Unavailable(_)
            | Self::Damaged(_)
            | Self::Stopped(_)
            | Self::System(_) => 1,
        }
    }

    pub(super) fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.display().to_string(),
            what: error.to_string(),
        }
    }

    /// The system did not give what every process needs.
    pub fn system(error: impl std::fmt::Display) -> Self {
        Self::System(error.to_string())
    }

    pub(super) fn exists(path: &Path) -> Self {
        let path = path.display().to_string();
        StoreError::Exists { path }.into()
    }
}
