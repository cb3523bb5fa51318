//! `erase`: removes a list or response that lies beside the log, and has the log say so.

use std::sync::Arc;

use ishibumi_store::{Clock, HeadFile, LogStore, RocksLog};
use ishibumi_tlog::Hash;

use super::OperateError;
use super::keys::public_keys;
use crate::clock;
use crate::config::Config;
use crate::core::Sequencer;
use crate::erasure::{self, Erasure};

/// Erases the blob with this SHA-256. The log must not be running; `serve` then has the record
/// signed and cosigned like every other. Can be repeated after a crash.
///
/// # Errors
/// [`OperateError`] if the log runs, no record names `blob`, or the store fails.
pub fn erase(
    config: &Config,
    blob: Hash,
    reason: &str,
    clock: &dyn Clock,
) -> Result<Erasure, OperateError> {
    // Nothing is signed here; and a closed log, which has no keys, is to be told that it is closed.
    let keys = public_keys(config)?;
    // The process that holds the head file's lock is the only one that works on this log.
    let _head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    let store: Arc<dyn LogStore> = Arc::new(RocksLog::open(&config.data_dir, &config.origin)?);
    let sequencer = Sequencer::open(Arc::clone(&store))?;
    Ok(erasure::erase(
        store.as_ref(),
        sequencer,
        blob,
        reason,
        clock::now(clock),
    )?)
}
