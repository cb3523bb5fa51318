//! The log's private keys, each in a file of its own: made once, read at every start.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use ishibumi_archive::regular;
use ishibumi_store::{HeadFile, Signer, private};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};

use super::error::OperateError;
use super::policy::read_policy;
use super::setup::SetupError;
use crate::config::{Config, NO_KEY};
use crate::core::{HeadError, LogKeys};

/// The longest key file, in octets.
const KEY_LEN_MAX: usize = 4 << 10;

/// The keys that are in force: Ed25519 and, unless the operator does without, ML-DSA-44.
pub(super) struct KeyPair {
    pub(super) ed25519: NoteSigner,
    pub(super) ml_dsa_44: Option<NoteSigner>,
}

impl KeyPair {
    /// Reads both files.
    pub(super) fn read(config: &Config) -> Result<Self, OperateError> {
        let ed25519 = read_key(config)?;
        let beside = config.key_file_ml_dsa_44.as_deref();
        let beside = beside.map(|path| {
            if path.exists() {
                return read(path, &config.origin, SignatureType::SubtreeV1);
            }
            let path = path.display().to_string();
            Err(SetupError::SecondKey { path }.into())
        });
        let ml_dsa_44 = beside.transpose()?;
        Ok(Self { ed25519, ml_dsa_44 })
    }

    /// Makes both files; refuses to overwrite either.
    pub(super) fn create(config: &Config) -> Result<Self, OperateError> {
        let origin = &config.origin;
        let ed25519 = create(&config.key_file, origin, SignatureType::Ed25519)?;
        let beside = config.key_file_ml_dsa_44.as_deref();
        let beside = beside.map(|path| create(path, origin, SignatureType::SubtreeV1));
        let ml_dsa_44 = beside.transpose()?;
        Ok(Self { ed25519, ml_dsa_44 })
    }

    /// The public halves, Ed25519 first.
    pub(super) fn verifiers(&self) -> Vec<VerifierKey> {
        let both = std::iter::once(&self.ed25519).chain(&self.ml_dsa_44);
        both.map(|key| key.verifier().clone()).collect()
    }

    pub(super) fn into_signers(self) -> LogKeys {
        let beside = self.ml_dsa_44;
        LogKeys {
            ed25519: Arc::new(self.ed25519),
            ml_dsa_44: beside.map(|key| Arc::new(key) as Arc<dyn Signer>),
        }
    }
}

/// The log's public keys, Ed25519 first: those of its key files, or where these are gone (the log
/// is closed) those that the policy names.
pub(super) fn public_keys(config: &Config) -> Result<Vec<VerifierKey>, OperateError> {
    if config.key_file.exists() {
        return Ok(KeyPair::read(config)?.verifiers());
    }
    let named = policy_keys(config)?;
    if named.is_empty() {
        let path = config.key_file.display().to_string();
        return Err(SetupError::NoKey { path }.into());
    }
    Ok(named)
}

/// The log's public keys, Ed25519 first, for everybody to know.
///
/// # Errors
/// [`OperateError`] if a key file cannot be read or holds no key of its type.
pub fn verifier_keys(config: &Config) -> Result<Vec<VerifierKey>, OperateError> {
    public_keys(config)
}

/// The keys of this log that the policy names, Ed25519 first.
pub(super) fn policy_keys(config: &Config) -> Result<Vec<VerifierKey>, OperateError> {
    let policy = read_policy(config)?;
    let keys = policy.logs().iter().map(|log| log.key.clone());
    let mut keys: Vec<VerifierKey> = keys.filter(|key| key.name() == config.origin).collect();
    keys.sort_by_key(|key| key.kind() != SignatureType::Ed25519);
    Ok(keys)
}

/// The Ed25519 key, by which the head file is found.
pub(super) fn read_key(config: &Config) -> Result<NoteSigner, OperateError> {
    read(&config.key_file, &config.origin, SignatureType::Ed25519)
}

/// Overwrites a key file with zeros, removes it, and syncs both. Returns whether it was there.
///
/// That is all that a program can do to a file. A copy in a backup or snapshot, and what a file
/// system that never overwrites in place (btrfs, ZFS) or the spare cells of an SSD still hold, is
/// not reached.
pub(super) fn destroy(path: &Path) -> Result<bool, OperateError> {
    let failed = |error: std::io::Error| OperateError::file(path, error);
    let mut file = match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let length = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(0);
    file.write_all(&vec![0; length]).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::remove_file(path).map_err(failed)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    folder.sync_all().map_err(failed)?;
    Ok(true)
}

/// Makes the keys of a log that does not exist yet, so that the closing record of its predecessor
/// can name them; `init --keep-key` takes them. Refuses to overwrite any. Returns the public keys,
/// Ed25519 first.
///
/// # Errors
/// [`OperateError`] if a key file exists or cannot be written.
pub fn create_keys(config: &Config) -> Result<Vec<VerifierKey>, OperateError> {
    // Before the first is made: half a pair would have to be removed by hand.
    let beside = config.key_file_ml_dsa_44.as_ref();
    if let Some(path) = std::iter::once(&config.key_file)
        .chain(beside)
        .find(|path| path.exists())
    {
        return Err(OperateError::exists(path));
    }
    Ok(KeyPair::create(config)?.verifiers())
}

/// Makes the ML-DSA-44 key of a log that was opened without one. From the next start on it signs;
/// the policies have to name it first.
///
/// # Errors
/// [`OperateError`] if the log is closed, the configuration names no ML-DSA-44 key file, or that
/// file exists or cannot be written.
pub fn add_key(config: &Config) -> Result<VerifierKey, OperateError> {
    let key = read_key(config)?;
    if HeadFile::is_sealed(&config.head_dir, key.verifier())? {
        return Err(HeadError::Closed { place: "head file" }.into());
    }
    let path = config.key_file_ml_dsa_44.as_deref().ok_or_else(|| {
        let what = format!("key_file_ml_dsa_44 is \"{NO_KEY}\": name the file that is to be made");
        OperateError::Usage(what)
    })?;
    Ok(create(path, &config.origin, SignatureType::SubtreeV1)?
        .verifier()
        .clone())
}

fn read(path: &Path, origin: &str, kind: SignatureType) -> Result<NoteSigner, OperateError> {
    let text = read_private(path)?;
    let key = NoteSigner::from_private_text(text.trim_end())
        .map_err(|error| OperateError::file(path, error))?;
    let name = key.verifier().name();
    if name != origin {
        return Err(SetupError::KeyName {
            path: path.display().to_string(),
            found: name.to_owned(),
            origin: origin.to_owned(),
        }
        .into());
    }
    let found = key.verifier().kind();
    if found == kind {
        return Ok(key);
    }
    let found = match found {
        SignatureType::Ed25519 => "this is an Ed25519 key (type 0x01)",
        SignatureType::SubtreeV1 => "this is an ML-DSA-44 key (type 0x06)",
        _ => "this key makes cosignatures (type 0x04), which a log does not",
    };
    let wanted = match kind {
        SignatureType::SubtreeV1 => "key_file_ml_dsa_44 wants one of ML-DSA-44 (type 0x06)",
        _ => "key_file wants one of Ed25519 (type 0x01)",
    };
    let path = path.display().to_string();
    Err(SetupError::KeyType {
        path,
        found,
        wanted,
    }
    .into())
}

/// Reads a key file, which only its owner may be able to read.
fn read_private(path: &Path) -> Result<String, OperateError> {
    let failed = |error: std::io::Error| OperateError::file(path, error);
    let file = regular::open(path).map_err(failed)?;
    if let Some(mode) = private::exposed(&file).map_err(failed)? {
        let path = path.display().to_string();
        return Err(SetupError::KeyExposed { path, mode }.into());
    }
    let octets = regular::take(file, KEY_LEN_MAX).map_err(failed)?;
    let text = (octets.len() <= KEY_LEN_MAX).then_some(octets);
    let text = text.and_then(|octets| String::from_utf8(octets).ok());
    text.ok_or_else(|| OperateError::file(path, "it is no key file: it is too long, or no text"))
}

fn create(path: &Path, origin: &str, kind: SignatureType) -> Result<NoteSigner, OperateError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(OperateError::system)?;
    let key = NoteSigner::from_seed(origin, kind, &seed)
        .map_err(|error| OperateError::Usage(format!("origin: {error}")))?;
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{}", key.to_private_text())?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(OperateError::exists(path))
        }
        Err(error) => Err(OperateError::file(path, error)),
    }
}
