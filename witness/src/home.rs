//! The directory of a witness: its private keys and its state.
//!
//! ```text
//! DIR/key      the private keys that sign, a line each, mode 0600: the note format of
//!              golang.org/x/mod/sumdb/note
//! DIR/state/   the store
//! DIR/bastion-key.pem   optional: the key by which a bastion knows this machine; it signs nothing
//! ```
//!
//! The state says which keys sign, the file holds their private halves. A key is added to the state
//! before the file and retired in the state before it leaves the file, so a crash in between leaves
//! a key that cannot sign rather than one that signs unknown to the state.
//!
//! Creation is a command of its own and overwrites nothing; opening never creates (rule R5). A copy
//! of `state/` must never be put back: it would make the witness forget what it signed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ishibumi_archive::regular;
use ishibumi_store::{RocksRegisters, StoreError, SystemClock, private};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::{KeyError, NoteSigner, SignatureType, VerifierKey};
use ishibumi_wire::{BastionError, BastionKey};
use zeroize::Zeroizing;

use crate::alarm::Alarms;
use crate::cosigners::Cosigners;
use crate::follow::StateError;
use crate::identity::Identity;
use crate::refusal::KeyChangeError;
use crate::witness::Witness;

/// The longest key file that is read, in octets.
const KEYS_LEN_MAX: u64 = 16 << 10;

/// The kinds of key that a new witness gets, in this order: what every verifier knows first.
const KINDS: [SignatureType; 2] = [SignatureType::CosignatureV1, SignatureType::SubtreeV1];

/// Why a directory cannot be created or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// There is a witness, or a part of one.
    #[error("{0} exists already: nothing is overwritten")]
    Exists(PathBuf),
    /// There is no witness, or it was never given that key.
    #[error(
        "{path} is not there: correct the path. A new one is made with {command}; one that was lost is never \
         made anew with its old key: docs/witness.md, If the state is lost"
    )]
    Absent {
        /// Path of the missing file.
        path: PathBuf,
        /// The command that creates it.
        command: &'static str,
    },
    /// Others than the owner may read the key.
    #[error(
        "{path} has the mode {mode:04o}: others on this machine may read or change the private key. Find out who \
         could have, then `chmod 600` it. If somebody may have read it, have another key sign (`add-key`), retire this \
         one (`retire-key`), and tell the logs and whoever trusts this witness: docs/witness.md"
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The name or the key is unusable.
    #[error("{path}: {cause}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// Why the key is refused.
        cause: KeyError,
    },
    /// The key file holds no key, too many, or keys of several names.
    #[error("{0} does not hold 1 to 8 different private keys of one name, a line each")]
    Keys(PathBuf),
    /// The keys were not changed.
    #[error(transparent)]
    Change(#[from] KeyChangeError),
    /// The key for bastions is unusable.
    #[error(transparent)]
    Bastion(#[from] BastionError),
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        cause: std::io::Error,
    },
    /// The system gave no random octets.
    #[error("the system gave no random octets for a key: {0}")]
    Random(getrandom::Error),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for HomeError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

impl HomeError {
    /// Whether the same call may succeed later without any repair.
    pub fn is_unavailable(&self) -> bool {
        let (Self::State(error) | Self::Change(KeyChangeError::State(error))) = self else {
            return false;
        };
        matches!(
            error,
            StateError::Store(
                StoreError::InUse { .. } | StoreError::NoRoom { .. } | StoreError::Failed { .. }
            )
        )
    }
}

/// The directory of a witness, or of a mirror.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
    names: Names,
}

/// Names of the key file and the store. A mirror's have other names, so that no directory is ever
/// taken for the other's: a witness must not sign with a mirror's keys, nor a mirror with a
/// witness's.
#[derive(Clone, Copy, Debug)]
struct Names {
    key: &'static str,
    state: &'static str,
}

impl Home {
    /// The directory `dir`, whether or not there is a witness.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let names = Names {
            key: "key",
            state: "state",
        };
        let dir = dir.into();
        Self { dir, names }
    }

    /// The directory `dir`, whether or not there is a mirror.
    pub(crate) fn of_mirror(dir: impl Into<PathBuf>) -> Self {
        let names = Names {
            key: "mirror-key",
            state: "pending",
        };
        let dir = dir.into();
        Self { dir, names }
    }

    /// Creates the keys and the empty state of a witness called `name`: an Ed25519 and an ML-DSA-44
    /// key.
    ///
    /// If two processes create at once, one wins. After a failure half-way the remains are left
    /// where they are: nothing was signed, so the operator may remove them.
    ///
    /// # Errors
    /// [`HomeError`] if a witness or a part of one exists, the name is unusable, or a file cannot
    /// be written.
    pub fn init(&self, name: &str) -> Result<Identity, HomeError> {
        let keys = KINDS.iter().map(|&kind| self.new_key(name, kind));
        self.init_with(&keys.collect::<Result<Vec<_>, _>>()?)
    }

    /// Creates the empty state of a witness with given keys, which must never have been used
    /// anywhere else.
    ///
    /// # Errors
    /// [`HomeError`] if a witness or a part of one exists, the keys do not belong together, or a
    /// file cannot be written.
    pub fn init_with(&self, keys: &[NoteSigner]) -> Result<Identity, HomeError> {
        let path = self.key_path();
        let public = keys.iter().map(|key| key.verifier().clone()).collect();
        let identity = Identity::new(public).ok_or_else(|| HomeError::Keys(path.clone()))?;
        if self.state_path().exists() {
            return Err(HomeError::Exists(self.state_path()));
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.dir).map_err(failed(&self.dir))?;
        write_keys(&path, keys)?;
        let registers = RocksRegisters::create(self.state_path())?;
        Witness::<RocksRegisters, SystemClock>::init(&registers, &identity)?;
        // The names of the two are durable with their directory, and its name with its parent.
        sync_dir(&self.dir)?;
        self.dir.parent().map_or(Ok(()), sync_dir)?;
        Ok(identity)
    }

    /// Makes another key of this kind and signs with it as well, from the next start on. Not while
    /// the witness runs.
    ///
    /// # Errors
    /// [`HomeError`] if the witness runs, has as many keys as it may have, or the files cannot be
    /// written.
    pub fn add_key(&self, kind: SignatureType) -> Result<VerifierKey, HomeError> {
        let registers = RocksRegisters::open(self.state_path())?;
        let mut keys = self.keys()?;
        let key = self.new_key(Identity::load(&registers)?.name(), kind)?;
        let public = key.verifier().clone();
        Identity::add(&registers, &public)?;
        keys.push(key);
        self.replace_keys(&keys)?;
        Ok(public)
    }

    /// Signs no more with the key with this id, and erases its private half. Its signatures still
    /// count as ours. Also for a key whose private half is lost. Not while the witness runs.
    ///
    /// # Errors
    /// [`HomeError`] if the witness runs, no such key signs, or the files cannot be written.
    pub fn retire_key(&self, id: u32) -> Result<Identity, HomeError> {
        let registers = RocksRegisters::open(self.state_path())?;
        let mut keys = self.keys()?;
        let identity = Identity::retire(&registers, id)?;
        keys.retain(|key| key.verifier().id() != id);
        self.replace_keys(&keys)?;
        Ok(identity)
    }

    /// The private keys.
    ///
    /// # Errors
    /// [`HomeError`] if the file is missing, readable for others, or holds an unreadable key.
    pub fn keys(&self) -> Result<Vec<NoteSigner>, HomeError> {
        let path = self.key_path();
        let text = read_private(&path, "`init`")?;
        let keys = text.lines().map(NoteSigner::from_private_text);
        let keys = keys.collect::<Result<Vec<_>, _>>();
        keys.map_err(|cause| HomeError::Key { path, cause })
    }

    /// The key for connections to bastions, which is made at the first call.
    ///
    /// # Errors
    /// [`HomeError`] if the file cannot be written or read.
    pub fn make_bastion_key(&self) -> Result<BastionKey, HomeError> {
        let path = self.bastion_key_path();
        if !path.exists() {
            let pem = Zeroizing::new(BastionKey::generate()?.to_pem());
            write_private(&path, &pem)?;
            sync_dir(&self.dir)?;
        }
        self.bastion_key()
    }

    /// The key for connections to bastions.
    ///
    /// # Errors
    /// [`HomeError`] if it was never made, or its file cannot be read.
    pub fn bastion_key(&self) -> Result<BastionKey, HomeError> {
        let path = self.bastion_key_path();
        let pem = read_private(&path, "`bastion-key`")?;
        Ok(BastionKey::from_pem(&pem)?)
    }

    /// Opens the witness; one process at a time.
    ///
    /// # Errors
    /// [`HomeError`] if there is no witness, another process has it open, or its state does not
    /// belong to its keys.
    pub fn open(&self, alarms: Alarms) -> Result<Witness<RocksRegisters, SystemClock>, HomeError> {
        let (registers, cosigners) = self.parts()?;
        Ok(Witness::open(registers, SystemClock, cosigners, alarms)?)
    }

    /// The open store, and the keys that sign.
    pub(crate) fn parts(&self) -> Result<(RocksRegisters, Cosigners), HomeError> {
        let path = self.key_path();
        let keys = self.keys()?;
        let registers = RocksRegisters::open(self.state_path())?;
        // A crash may have left the private half of a retired key in the file.
        let identity = Identity::load(&registers)?;
        let signs = |key: &NoteSigner| !identity.retired().contains(key.verifier());
        let cosigners = keys.into_iter().filter(signs).map(Cosigner::new);
        let cosigners = cosigners.collect::<Result<_, _>>();
        let cosigners = cosigners.map_err(|cause| HomeError::Key {
            path: path.clone(),
            cause,
        })?;
        let cosigners = Cosigners::new(cosigners).ok_or(HomeError::Keys(path))?;
        Ok((registers, cosigners))
    }

    fn new_key(&self, name: &str, kind: SignatureType) -> Result<NoteSigner, HomeError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(HomeError::Random)?;
        NoteSigner::from_seed(name, kind, &seed).map_err(|cause| HomeError::Key {
            path: self.key_path(),
            cause,
        })
    }

    /// Replaces the keys in the key file: all of them or none.
    fn replace_keys(&self, keys: &[NoteSigner]) -> Result<(), HomeError> {
        let (path, new) = (self.key_path(), self.dir.join("key.new"));
        // A crash may have left one, which is never read.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&new)(error)),
            _ => {}
        }
        write_keys(&new, keys)?;
        fs::rename(&new, &path).map_err(failed(&path))?;
        sync_dir(&self.dir)
    }

    fn key_path(&self) -> PathBuf {
        self.dir.join(self.names.key)
    }

    fn bastion_key_path(&self) -> PathBuf {
        self.dir.join("bastion-key.pem")
    }

    fn state_path(&self) -> PathBuf {
        self.dir.join(self.names.state)
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> HomeError {
    let path = path.to_owned();
    move |cause| match cause.kind() {
        ErrorKind::AlreadyExists => HomeError::Exists(path.clone()),
        _ => HomeError::Io {
            path: path.clone(),
            cause,
        },
    }
}

/// Writes a key file that is not there yet.
fn write_keys(path: &Path, keys: &[NoteSigner]) -> Result<(), HomeError> {
    let lines = keys
        .iter()
        .map(|key| format!("{}\n", key.to_private_text()));
    let text = Zeroizing::new(lines.collect::<String>());
    write_private(path, &text)
}

/// Writes a file that is not there yet, for its owner's eyes only.
fn write_private(path: &Path, text: &str) -> Result<(), HomeError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(failed(path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed(path))
}

/// Reads a file that only its owner may read, and that `command` creates.
fn read_private(path: &Path, command: &'static str) -> Result<Zeroizing<String>, HomeError> {
    let io = |cause: std::io::Error| match cause.kind() {
        ErrorKind::NotFound => HomeError::Absent {
            path: path.to_owned(),
            command,
        },
        _ => failed(path)(cause),
    };
    let file = regular::open(path).map_err(io)?;
    if let Some(mode) = private::exposed(&file).map_err(io)? {
        let path = path.to_owned();
        return Err(HomeError::Exposed { path, mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEYS_LEN_MAX)
        .read_to_string(&mut text)
        .map_err(io)?;
    Ok(text)
}

pub(crate) fn sync_dir(dir: &Path) -> Result<(), HomeError> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(failed(dir))
}
