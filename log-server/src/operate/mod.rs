//! The operator's commands, one file each.

pub mod check;
pub mod close;
mod closed;
mod contest;
mod credential;
mod endpoints;
pub mod erase;
pub mod export;
pub mod fsck;
pub mod init;
pub mod keys;
mod lost;
pub mod predecessor;
mod reach;
pub mod recover;
pub mod reindex;
pub mod serve;
mod setup;
mod source;
pub mod status;
mod survey;
pub mod take_over;

use std::path::Path;
use std::sync::Arc;

use ishibumi_archive::regular;
use ishibumi_artifact::record::RecordError;
use ishibumi_store::{HeadFile, LogStore, StoreError};
use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::FILE_LEN_MAX;

use self::keys::KeyPair;
pub use self::lost::LostError;
pub use self::setup::SetupError;
use crate::config::Config;
use crate::core::{HeadError, HeadSigner, LogKeys, PublisherError, SequencerError};
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
    Core(#[from] crate::core::PublisherError),
    /// Something of the log is not there.
    #[error(transparent)]
    Lost(#[from] LostError),
    /// The log was not recovered.
    #[error(transparent)]
    Recover(#[from] recover::RecoverError),
    /// The place of an export is taken.
    #[error(transparent)]
    Export(ishibumi_archive::SinkError),
    /// The log runs; what to do instead.
    #[error("{0}")]
    Busy(String),
    /// Keys, policy or addresses.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What the log had to say of itself does not fit a record.
    #[error(transparent)]
    Record(#[from] RecordTooLarge),
    /// Records could not be staged.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// What the log has to say about its registry.
    #[error(transparent)]
    Statements(#[from] StatementError),
    /// A blob was not erased.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// What the operator says of the log does not fit a record.
    #[error(transparent)]
    Field(#[from] RecordError),
    /// The operator has to say something else, on the command line or in the configuration.
    #[error("{0}")]
    Usage(String),
    /// A file or directory is not what it has to be.
    #[error("{path}: {what}")]
    File {
        /// Where.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody else has not done something yet: it may be otherwise later.
    #[error("{0}")]
    Unavailable(String),
    /// What is stored is not what it was.
    #[error("{0}")]
    Damaged(String),
    /// A log that was started has stopped.
    #[error("the log stopped: {0}")]
    Stopped(String),
    /// The system did not give what every process needs: threads, sockets, signals, random octets.
    #[error("{0}")]
    System(String),
}

impl From<crate::core::HeadError> for OperateError {
    fn from(error: crate::core::HeadError) -> Self {
        Self::Core(error.into())
    }
}

impl OperateError {
    /// The exit code of a command that ends with this (`docs/verdicts.md`, "Exit codes"): 2 for what exists
    /// already, 3 for what may be otherwise a moment later, else 1.
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

    fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.display().to_string(),
            what: error.to_string(),
        }
    }

    /// The system did not give what every process needs.
    pub fn system(error: impl std::fmt::Display) -> Self {
        Self::System(error.to_string())
    }

    fn exists(path: &Path) -> Self {
        let path = path.display().to_string();
        StoreError::Exists { path }.into()
    }
}

fn read_policy(config: &Config) -> Result<Policy, OperateError> {
    let path = &config.policy_file;
    let octets =
        regular::read(path, FILE_LEN_MAX).map_err(|error| OperateError::file(path, error))?;
    let policy = if config.lab_allow_no_quorum {
        Policy::parse_allowing_no_quorum(&octets)
    } else {
        Policy::parse(&octets)
    };
    policy.map_err(|error| OperateError::file(path, error))
}

/// Opens store, head file and key, and applies the start rule. Creates nothing.
fn open(config: &Config) -> Result<Opened, OperateError> {
    open_with(config, HeadSigner::open)
}

/// What [`open`] does, for the command that closes the log.
fn open_to_close(config: &Config) -> Result<Opened, OperateError> {
    open_with(config, HeadSigner::open_to_close)
}

type Opened = (Arc<dyn LogStore>, HeadSigner, Policy);

fn open_with(
    config: &Config,
    sign: impl FnOnce(Arc<dyn LogStore>, LogKeys, HeadFile) -> Result<HeadSigner, HeadError>,
) -> Result<Opened, OperateError> {
    let keys = KeyPair::read(config)?;
    let policy = read_policy(config)?;
    // Each of them: a signature whose key the policy does not name would not be published.
    for key in keys.verifiers() {
        if !policy.logs().iter().any(|log| log.key == key) {
            let policy = config.policy_file.display().to_string();
            let key = key.to_string();
            return Err(SetupError::NoLogLine { policy, key }.into());
        }
    }
    let (head_file, store) = lost::open_both(config, keys.ed25519.verifier())?;
    let store: Arc<dyn LogStore> = Arc::new(store);
    // Only where nothing was ever signed: an empty database beside a head that was is a rollback, and the
    // head file is what tells.
    if store.staged()?.size() == 0 && head_file.read()?.is_none() {
        return Err(LostError::Unfinished.into());
    }
    let signer = sign(Arc::clone(&store), keys.into_signers(), head_file)?;
    Ok((store, signer, policy))
}
