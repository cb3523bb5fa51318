//! The directory of a witness: its private key and its state.
//!
//! ```text
//! DIR/key      the private key, mode 0600: the note format of golang.org/x/mod/sumdb/note
//! DIR/state/   the store
//! ```
//!
//! Creation is a command of its own and overwrites nothing; opening never creates (rule R5). A copy of
//! `state/` must never be put back: it would make the witness forget what it signed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ishibumi_store::{RocksRegisters, StoreError, SystemClock};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::{KeyError, NoteSigner, SignatureType, VerifierKey};
use zeroize::Zeroizing;

use crate::alarm::Alarms;
use crate::state::StateError;
use crate::witness::Witness;

/// The longest key file that is read, in octets.
const KEY_LEN_MAX: u64 = 4096;

/// Why a directory cannot be created or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// There is a witness, or a part of one.
    #[error("{0} exists already: nothing is overwritten")]
    Exists(PathBuf),
    /// There is no witness.
    #[error("{0} is not there: create a witness with `init`, or correct the path")]
    Absent(PathBuf),
    /// Others than the owner may read the key.
    #[error("{path} has the mode {mode:04o}: others may read the private key; set it to 0600")]
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
        /// What is wrong.
        cause: KeyError,
    },
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
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
    /// That the same call may succeed later without anything being repaired.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::State(StateError::Store(
                StoreError::InUse { .. } | StoreError::Failed { .. }
            ))
        )
    }
}

/// The directory of a witness.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// The directory `dir`, whether or not there is a witness.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Creates the key and the empty state of a witness called `name`. Returns its public key.
    ///
    /// Of two that create at once, one wins. After a failure half-way the remains are left where they
    /// are: nothing was signed, so the operator may remove them.
    pub fn init(&self, name: &str) -> Result<VerifierKey, HomeError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(HomeError::Random)?;
        self.init_with_seed(name, &seed)
    }

    /// As [`Home::init`], with a given seed, which must never have been used anywhere else.
    pub fn init_with_seed(&self, name: &str, seed: &[u8; 32]) -> Result<VerifierKey, HomeError> {
        let path = self.key_path();
        let key =
            NoteSigner::from_seed(name, SignatureType::CosignatureV1, seed).map_err(|cause| {
                HomeError::Key {
                    path: path.clone(),
                    cause,
                }
            })?;
        if self.state_path().exists() {
            return Err(HomeError::Exists(self.state_path()));
        }
        let io = |path: &Path| {
            let path = path.to_owned();
            move |cause: std::io::Error| match cause.kind() {
                ErrorKind::AlreadyExists => HomeError::Exists(path),
                _ => HomeError::Io { path, cause },
            }
        };
        let builder = || {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder
        };
        builder().create(&self.dir).map_err(io(&self.dir))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&path).map_err(io(&path))?;
        let text = Zeroizing::new(format!("{}\n", key.to_private_text()));
        file.write_all(text.as_bytes()).map_err(io(&path))?;
        file.sync_all().map_err(io(&path))?;
        let registers = RocksRegisters::create(self.state_path())?;
        Witness::<RocksRegisters, SystemClock>::init(&registers, key.verifier())?;
        // The names of the two are durable with their directory, and its name with its parent.
        for dir in [Some(self.dir.as_path()), self.dir.parent()]
            .into_iter()
            .flatten()
        {
            let dir = if dir.as_os_str().is_empty() {
                Path::new(".")
            } else {
                dir
            };
            File::open(dir)
                .and_then(|dir| dir.sync_all())
                .map_err(io(dir))?;
        }
        Ok(key.verifier().clone())
    }

    /// The private key.
    pub fn key(&self) -> Result<NoteSigner, HomeError> {
        let path = self.key_path();
        let io = |cause: std::io::Error| match cause.kind() {
            ErrorKind::NotFound => HomeError::Absent(path.clone()),
            _ => HomeError::Io {
                path: path.clone(),
                cause,
            },
        };
        let file = File::open(&path).map_err(io)?;
        let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(HomeError::Exposed { path, mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(KEY_LEN_MAX)
            .read_to_string(&mut text)
            .map_err(io)?;
        NoteSigner::from_private_text(text.trim_end_matches('\n'))
            .map_err(|cause| HomeError::Key { path, cause })
    }

    /// Opens the witness; one process at a time.
    pub fn open(&self, alarms: Alarms) -> Result<Witness<RocksRegisters, SystemClock>, HomeError> {
        let path = self.key_path();
        let cosigner =
            Cosigner::new(self.key()?).map_err(|cause| HomeError::Key { path, cause })?;
        let registers = RocksRegisters::open(self.state_path())?;
        Ok(Witness::open(registers, SystemClock, cosigner, alarms)?)
    }

    fn key_path(&self) -> PathBuf {
        self.dir.join("key")
    }

    fn state_path(&self) -> PathBuf {
        self.dir.join("state")
    }
}
