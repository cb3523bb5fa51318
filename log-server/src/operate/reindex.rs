//! `reindex`: makes the index anew from the records, when it is damaged or when this version finds
//! records under keys that an older one did not know.

use ishibumi_artifact::Record;
use ishibumi_store::{HeadFile, RocksLog};

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;

/// Drops and rebuilds the index; returns how many records it has. `progress` is told how many of
/// how many records are done. If it is interrupted, `serve` refuses to start until it has been run
/// to its end.
///
/// # Errors
/// [`OperateError`] if the log runs or the store fails.
pub fn reindex(config: &Config, progress: impl FnMut(u64, u64)) -> Result<u64, OperateError> {
    let keys = public_keys(config)?;
    // The process that holds the head file's lock is the only one that works on this log.
    let _head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    let count = RocksLog::reindex(&config.data_dir, &config.origin, lookup_keys, progress)?;
    Ok(count)
}

/// Under what a stored record is looked up.
pub(super) fn lookup_keys(octets: &[u8]) -> Vec<Vec<u8>> {
    // An entry that is no record has no keys; `fsck` names it.
    let record = Record::decode(octets).ok();
    let keys = record
        .map(|record| record.lookup_keys())
        .unwrap_or_default();
    keys.iter().map(|key| key.to_bytes().to_vec()).collect()
}
