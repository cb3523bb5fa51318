//! The credential that a command shows to the running log when it writes through the admin
//! listener: a secret that the log chooses at each start and keeps in a file that its own user can
//! read, beside the head file.
//!
//! Nothing has to be configured, nothing has to be rotated, and a file that was copied is worth
//! nothing after the next start.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ishibumi_store::HeadFile;
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;

/// The longest credential that is read, in octets.
const LEN_MAX: u64 = 256;

fn path(config: &Config, key: &VerifierKey) -> PathBuf {
    HeadFile::path(&config.head_dir, key).with_extension("admin")
}

/// Chooses a new one for the log of `key` and returns its digest.
pub(super) fn create(config: &Config, key: &VerifierKey) -> Result<Hash, OperateError> {
    let path = path(config, key);
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(OperateError::system)?;
    let credential = hex::encode(octets);
    write(&path, &credential).map_err(|error| OperateError::file(&path, error))?;
    Ok(Hash::of(credential.as_bytes()))
}

/// Replaces the file by a new one: a reader sees one of the two, and the mode is never another.
fn write(path: &Path, credential: &str) -> std::io::Result<()> {
    let new = path.with_extension("admin.new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{credential}")?;
    std::fs::rename(&new, path)
}

/// The value of the `Authorization` header that the running log of `config` takes.
pub(super) fn authorization(config: &Config) -> Result<String, OperateError> {
    let keys = public_keys(config)?;
    let path = path(config, &keys[0]);
    let mut credential = String::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(LEN_MAX).read_to_string(&mut credential));
    read.map_err(|error| {
        let what = format!(
            "{error}: the running log keeps its credential there; run this as its user, on its machine"
        );
        OperateError::file(&path, what)
    })?;
    Ok(format!("Bearer {}", credential.trim()))
}
