//! A log that is closed: found by its records, opened without any key.

use std::sync::Arc;

use ishibumi_artifact::record::LogEnding;
use ishibumi_store::{HeadFile, LogStore, RocksLog};

use super::OperateError;
use super::keys::policy_keys;
use super::policy::read_policy;
use crate::config::Config;
use crate::core::{Published, ending};

/// The readable parts of a log that ended.
pub(super) struct ClosedLog {
    pub(super) store: Arc<dyn LogStore>,
    /// The content of its last record.
    pub(super) ending: LogEnding,
    config: Config,
}

impl ClosedLog {
    /// Opens the log if it shows without opening that it may be closed (its head file is sealed, or
    /// its key is gone) and its records say so. None leaves it to the start rule to say what is
    /// wrong, if anything.
    pub(super) fn recognised(config: &Config) -> Result<Option<Self>, OperateError> {
        let sealed = match policy_keys(config)?.first() {
            Some(key) => HeadFile::is_sealed(&config.head_dir, key)?,
            None => false,
        };
        if sealed || !config.key_file.exists() {
            return match Self::open(config) {
                Err(OperateError::Store(error)) if sealed => Err(error.into()),
                opened => Ok(opened.ok()),
            };
        }
        Ok(None)
    }

    /// Opens the log.
    ///
    /// # Errors
    /// If its last record is another one.
    pub(super) fn open(config: &Config) -> Result<Self, OperateError> {
        let store: Arc<dyn LogStore> = Arc::new(RocksLog::open(&config.data_dir, &config.origin)?);
        let size = store.staged()?.size();
        let ending = ending(store.as_ref(), size)?.ok_or_else(|| {
            let what = "the log is not closed: its last record is no closing record";
            OperateError::file(&config.data_dir, what)
        })?;
        let config = config.clone();
        Ok(Self {
            store,
            ending,
            config,
        })
    }

    /// The checkpoint that it published last, if the policy accepts it.
    pub(super) fn published(&self) -> Result<Option<Published>, OperateError> {
        let policy = read_policy(&self.config)?;
        let note = self.store.published()?;
        let trusted = note.and_then(|note| policy.check_checkpoint(&note).ok());
        Ok(trusted.map(Arc::new))
    }
}
