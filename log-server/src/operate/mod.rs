//! The operator's commands, one file each.

pub mod close;
mod closed;
mod endpoints;
pub mod erase;
pub mod export;
pub mod fsck;
pub mod init;
pub mod keys;
pub mod predecessor;
pub mod reindex;
pub mod serve;
pub mod status;

use std::path::Path;
use std::sync::Arc;

use ishibumi_archive::regular;
use ishibumi_store::{HeadFile, LogStore, RocksLog, StoreError};
use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::FILE_LEN_MAX;

use self::keys::KeyPair;
use crate::config::Config;
use crate::core::{HeadError, HeadSigner, LogKeys, scrub};

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
    /// Anything else, in a sentence of its own.
    #[error("{0}")]
    Refused(String),
}

impl From<crate::core::HeadError> for OperateError {
    fn from(error: crate::core::HeadError) -> Self {
        Self::Core(error.into())
    }
}

impl OperateError {
    fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::Refused(format!("{}: {error}", path.display()))
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

/// The same for the command that closes the log.
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
            return Err(OperateError::Refused(format!(
                "{}: no log line has this log's key; add: log {key}",
                config.policy_file.display()
            )));
        }
    }
    // The head file first: whoever holds its lock is the only one that may sign with this key.
    let head_file = HeadFile::open(&config.head_dir, keys.ed25519.verifier())?;
    if let Some(found) = scrub::note_of(&config.data_dir) {
        return Err(OperateError::Refused(format!(
            "{}: stored data was found damaged while the log ran: {}. Nothing is signed over it. Run fsck; restore \
             what it names from a mirror or an export. Once fsck finds nothing, the log starts again",
            config.data_dir.display(),
            found.trim_end()
        )));
    }
    let store: Arc<dyn LogStore> = Arc::new(RocksLog::open_with(
        &config.data_dir,
        &config.origin,
        config.store.cache_len,
    )?);
    // Only where nothing was ever signed: an empty database beside a head that was is a rollback, and the
    // head file is what tells.
    if store.staged()?.size() == 0 && head_file.read()?.is_none() {
        return Err(OperateError::Refused(format!(
            "{}: the log has no record 0, which says which log it is: init was interrupted. Nothing was \
             signed yet: remove this directory and the head file in {}, then run init --keep-key",
            config.data_dir.display(),
            config.head_dir.display()
        )));
    }
    let signer = sign(Arc::clone(&store), keys.into_signers(), head_file)?;
    Ok((store, signer, policy))
}
