//! `init`: makes a new log. Serving never does (rule R5).

use ishibumi_artifact::Body;
use ishibumi_artifact::record::{LogOpened, LogStatement};
use ishibumi_store::{Batch, HeadFile, LogStore as _, RocksLog, StoreError, private};
use ishibumi_tlog::key::VerifierKey;

use super::keys::KeyPair;
use super::lost::refuse_known;
use super::predecessor::PredecessorFiles;
use super::{OperateError, SetupError};
use crate::admission::new_record;
use crate::config::Config;

/// Creates the keys, the head file and the data directory, and stages record 0, which says which
/// log this is. Refuses if any of them exists, and if a witness or mirror knows a log of this name
/// or key. Returns the public keys, Ed25519 first.
///
/// With `keep_key` the existing key files are used: for keys that were made elsewhere, and to
/// finish what an interrupted run began.
///
/// With `predecessor`, record 0 commits to that log's last checkpoint. Nothing is made before its
/// end is verified.
///
/// # Errors
/// [`OperateError`] if a file exists, the name or a key is known elsewhere, or a file cannot be
/// written.
pub fn init(
    config: &Config,
    keep_key: bool,
    predecessor: Option<&PredecessorFiles>,
) -> Result<Vec<VerifierKey>, OperateError> {
    let beside = config.key_file_ml_dsa_44.as_ref();
    let there = std::iter::once(&config.key_file)
        .chain(beside)
        .find(|path| path.exists());
    let known = match there {
        Some(_) => KeyPair::read(config)?.verifiers(),
        None => Vec::new(),
    };
    refuse_known(config, &known)?;
    if let Some(path) = there.filter(|_| !keep_key) {
        let path = path.display().to_string();
        return Err(SetupError::KeysExist { path }.into());
    }
    if predecessor.is_some_and(|files| files.closing.is_some()) && !keep_key {
        return Err(OperateError::Usage(
            "the closing record of the predecessor names this log's keys, so they exist already: add \
             --keep-key (`ishibumi-log keys` makes them)"
                .to_owned(),
        ));
    }
    let end = predecessor.map(|files| files.verify(&config.origin));
    let end = end.transpose()?;
    if !keep_key && config.data_dir.exists() {
        return Err(OperateError::exists(&config.data_dir));
    }
    let keys = if keep_key {
        KeyPair::read(config)?
    } else {
        KeyPair::create(config)?
    };
    let predecessor = end
        .map(|end| end.committed_by(&keys.verifiers()))
        .transpose()?;
    let verifier = keys.ed25519.verifier();
    private::make_dir(&config.head_dir)
        .map_err(|error| OperateError::file(&config.head_dir, error))?;
    // Held until record 0 is there: two `init` with one key end with one log.
    let _head_file = head_file(config, verifier, keep_key)?;
    let store = store(config, keep_key)?;
    let keys = keys.verifiers();
    let lines: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let opened = LogOpened::new(&config.origin, &lines, predecessor)?;
    let record = new_record(&Body::Log(LogStatement::Opened(opened)).into())?;
    store.stage(
        0,
        &Batch {
            records: vec![record],
            blobs: Vec::new(),
        },
    )?;
    Ok(keys)
}

/// A new head file, or the one of an interrupted run, which says that nothing was signed.
fn head_file(config: &Config, key: &VerifierKey, keep_key: bool) -> Result<HeadFile, OperateError> {
    match HeadFile::create(&config.head_dir, key) {
        Err(StoreError::Exists { path }) if keep_key => {
            let begun = HeadFile::open(&config.head_dir, key)?;
            match begun.read()? {
                None => Ok(begun),
                Some(_) => Err(StoreError::Exists { path }.into()),
            }
        }
        made => Ok(made?),
    }
}

/// A new store, or that of an interrupted run, which is empty.
fn store(config: &Config, keep_key: bool) -> Result<RocksLog, OperateError> {
    match RocksLog::create(&config.data_dir, &config.origin) {
        Err(StoreError::Exists { path }) if keep_key => {
            let begun = RocksLog::open(&config.data_dir, &config.origin)?;
            match begun.staged()?.size() {
                0 => Ok(begun),
                _ => Err(StoreError::Exists { path }.into()),
            }
        }
        made => Ok(made?),
    }
}
