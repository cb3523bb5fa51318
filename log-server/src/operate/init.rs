//! `init`: makes a new log. Serving never does (rule R5).

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ishibumi_artifact::Body;
use ishibumi_artifact::record::{LogOpened, LogStatement};
use ishibumi_store::{Batch, HeadFile, LogStore as _, RocksLog, StoreError};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};

use super::{OperateError, read_key};
use crate::admission::new_record;
use crate::config::Config;

/// Creates the key, the head file and the data directory, and stages record 0, which says which log this
/// is. Refuses if any of the three exists.
///
/// With `keep_key` an existing key file is used: for a key that was made elsewhere.
pub fn init(config: &Config, keep_key: bool) -> Result<VerifierKey, OperateError> {
    if !keep_key && config.key_file.exists() {
        return Err(exists(&config.key_file));
    }
    if config.data_dir.exists() {
        return Err(exists(&config.data_dir));
    }
    let key = if keep_key {
        read_key(config)?
    } else {
        new_key(config)?
    };
    let verifier = key.verifier().clone();
    std::fs::create_dir_all(&config.head_dir)
        .map_err(|error| OperateError::file(&config.head_dir, error))?;
    // Held until record 0 is there: two `init` with one key end with one log.
    let _head_file = HeadFile::create(&config.head_dir, &verifier)?;
    let store = RocksLog::create(&config.data_dir, &config.origin)?;
    let opened = LogOpened::new(&config.origin, &[&verifier.to_string()], &[])
        .map_err(|error| OperateError::Refused(error.to_string()))?;
    let record = new_record(&Body::Log(LogStatement::Opened(opened)).into())
        .map_err(|problem| OperateError::Refused(problem.detail))?;
    store.stage(
        0,
        &Batch {
            records: vec![record],
            blobs: Vec::new(),
        },
    )?;
    Ok(verifier)
}

fn exists(path: &Path) -> OperateError {
    StoreError::Exists {
        path: path.display().to_string(),
    }
    .into()
}

fn new_key(config: &Config) -> Result<NoteSigner, OperateError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| OperateError::Refused(error.to_string()))?;
    let key = NoteSigner::from_seed(&config.origin, SignatureType::Ed25519, &seed)
        .map_err(|error| OperateError::Refused(format!("origin: {error}")))?;
    let path = &config.key_file;
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{}", key.to_private_text())?;
        file.sync_all()
    };
    write().map_err(|error| OperateError::file(path, error))?;
    Ok(key)
}
