//! The directory of a mirror.
//!
//! ```text
//! DIR/mirror-key      the private keys that cosign, as a witness's key file
//! DIR/pending/        the store of registers: keys, logs, pending checkpoints, sources
//! DIR/logs/<id>/      the copy of one log, a database; <id> is the SHA-256 of its origin
//! ```
//!
//! Creation is a command of its own and overwrites nothing; opening never creates (rule R5). No
//! part of it may be put back from a backup on its own: the keys would sign what they signed
//! otherwise before.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ishibumi_store::{LogStore as _, Registers, RocksLog, RocksRegisters, StoreError, SystemClock};
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::{NoteSigner, VerifierKey};
use zeroize::Zeroizing;

use super::copy::LogCopy;
use super::core::Mirror;
use super::pull::blobs::remember_erased;
use super::source::Source;
use super::ticket::TicketKey;
use crate::alarm::Alarms;
use crate::follow::{Added, CosignerKeys, Follower, StateError};
use crate::home::{Home, HomeError, sync_dir};
use crate::identity::Identity;
use crate::refusal::AddLogError;
use crate::witness::check_binding;

/// Register that says that a store is a mirror's, and holds its ticket key.
const MIRROR_REGISTER: &[u8] = b"mirror";
const HEADING: &str = "ishibumi-mirror v1\nticket-key ";

/// Why a log was not added to a mirror.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorLogError {
    /// The key, or the state.
    #[error(transparent)]
    Log(#[from] AddLogError),
    /// The directory.
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl From<StateError> for MirrorLogError {
    fn from(error: StateError) -> Self {
        Self::Home(error.into())
    }
}

impl From<StoreError> for MirrorLogError {
    fn from(error: StoreError) -> Self {
        Self::Home(error.into())
    }
}

/// The directory of a mirror.
#[derive(Clone, Debug)]
pub struct MirrorHome {
    dir: PathBuf,
    home: Home,
}

impl MirrorHome {
    /// The directory `dir`, whether or not there is a mirror.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        let home = Home::of_mirror(&dir);
        Self { dir, home }
    }

    /// Creates the keys and the empty state of a mirror called `name`: an Ed25519 and an ML-DSA-44
    /// key, distinct from any witness's.
    ///
    /// # Errors
    /// [`HomeError`] if a mirror exists, the name is unusable, or a file cannot be written.
    pub fn init(&self, name: &str) -> Result<Identity, HomeError> {
        let identity = self.home.init(name)?;
        self.finish_init()?;
        Ok(identity)
    }

    /// Creates the empty state of a mirror with given keys, which must never have been used
    /// anywhere else.
    ///
    /// # Errors
    /// [`HomeError`] if a mirror exists, the keys do not belong together, or a file cannot be
    /// written.
    pub fn init_with(&self, keys: &[NoteSigner]) -> Result<Identity, HomeError> {
        let identity = self.home.init_with(keys)?;
        self.finish_init()?;
        Ok(identity)
    }

    fn finish_init(&self) -> Result<(), HomeError> {
        let mut ticket = Zeroizing::new([0; 32]);
        getrandom::fill(ticket.as_mut()).map_err(HomeError::Random)?;
        let value = Zeroizing::new(format!("{HEADING}{}\n", Hash(*ticket)));
        let (registers, _) = self.home.parts()?;
        registers.swap(MIRROR_REGISTER, None, value.as_bytes())?;
        let logs = self.logs_path();
        let io = |cause| HomeError::Io {
            path: logs.clone(),
            cause,
        };
        fs::create_dir(&logs).map_err(io)?;
        sync_dir(&self.dir)
    }

    /// The private keys.
    ///
    /// # Errors
    /// [`HomeError`] if the file is missing, readable for others, or holds an unreadable key.
    pub fn keys(&self) -> Result<Vec<NoteSigner>, HomeError> {
        self.home.keys()
    }

    /// Copies another log, whose first checkpoint will be trusted; for one that is copied already,
    /// only its source is changed, if one is given. Not while the mirror runs.
    ///
    /// # Errors
    /// [`MirrorLogError`] if the key is refused, the mirror runs, or the state cannot be written.
    pub fn add_log(
        &self,
        key: &VerifierKey,
        source: Option<&Source>,
    ) -> Result<Added, MirrorLogError> {
        let (registers, _) = self.home.parts()?;
        let follower = follower(registers, Box::new(|_| {}))?;
        let id = Hash::of(key.name().as_bytes());
        // The database first: a log that is known has one. It gets its name once it is whole, so
        // that a crash leaves either a database, which is taken up, or a begun one, which was never
        // used.
        let path = self.logs_path().join(id.to_hex());
        if path.join("CURRENT").exists() {
            RocksLog::open(&path, key.name())?;
        } else if follower.log(id)?.is_none() {
            let begun = path.with_extension("begun");
            let io = |cause| HomeError::Io {
                path: begun.clone(),
                cause,
            };
            if begun.exists() {
                fs::remove_dir_all(&begun).map_err(io)?;
            }
            drop(RocksLog::create(&begun, key.name())?);
            fs::rename(&begun, &path).map_err(io)?;
            sync_dir(&self.logs_path())?;
        }
        let added = follower.add_log(key)?;
        if let Some(source) = source {
            source.store(follower.registers(), id)?;
        }
        Ok(added)
    }

    /// Opens the mirror and all its copies; one process at a time.
    ///
    /// # Errors
    /// [`HomeError`] if there is no mirror, another process has it open, or a state does not belong
    /// to its keys.
    pub fn open(&self, alarms: Alarms) -> Result<Mirror<RocksRegisters, SystemClock>, HomeError> {
        let (registers, cosigners) = self.home.parts()?;
        let identity = Identity::load(&registers)?;
        check_binding(&registers, &identity, &cosigners)?;
        let tickets = ticket_key(&registers)?;
        let follower = follower(registers, alarms)?;
        let mut copies = Vec::new();
        for log in follower.logs()? {
            let id = Hash::of(log.origin().as_bytes());
            let store = RocksLog::open(self.logs_path().join(id.to_hex()), log.origin())?;
            copies.push(LogCopy::new(log.origin(), Arc::new(store)));
        }
        Ok(Mirror::open(
            follower, cosigners, identity, tickets, copies,
        )?)
    }

    /// Erases a blob from the copy of a log, for good: it is not brought over again. Says whether
    /// it was there. Every entry and every proof stays. Not while the mirror runs.
    ///
    /// # Errors
    /// [`MirrorLogError`] if there is no such log, the mirror runs, or the store fails.
    pub fn erase_blob(&self, origin: &str, blob: Hash) -> Result<bool, MirrorLogError> {
        let (registers, _) = self.home.parts()?;
        ticket_key(&registers)?;
        let id = Hash::of(origin.as_bytes());
        let store = RocksLog::open(self.logs_path().join(id.to_hex()), origin)?;
        // First, so that a crash in between does not end with a copy that comes back.
        remember_erased(&registers, blob)?;
        Ok(store.erase_blob(blob)?)
    }

    /// The logs without their copies, for commands about what is remembered of them.
    ///
    /// # Errors
    /// [`HomeError`] if there is no mirror, another process has it open, or a state does not belong
    /// to its keys.
    pub fn open_logs(
        &self,
        alarms: Alarms,
    ) -> Result<Follower<RocksRegisters, SystemClock>, HomeError> {
        let (registers, _) = self.home.parts()?;
        follower(registers, alarms)
    }

    fn logs_path(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }
}

/// Follows the logs of a mirror's store.
fn follower(
    registers: RocksRegisters,
    alarms: Alarms,
) -> Result<Follower<RocksRegisters, SystemClock>, HomeError> {
    ticket_key(&registers)?;
    let own = CosignerKeys::mirror(Identity::load(&registers)?.all());
    Ok(Follower::open(registers, SystemClock, own, alarms)?)
}

/// The ticket key of a mirror's store; no other store has one.
fn ticket_key<R: Registers>(registers: &R) -> Result<TicketKey, StateError> {
    let value = registers.read(MIRROR_REGISTER)?.map(Zeroizing::new);
    let value = value.ok_or(StateError::Absent)?;
    let key = std::str::from_utf8(&value)
        .ok()
        .and_then(|text| Hash::from_hex(text.strip_prefix(HEADING)?.strip_suffix('\n')?));
    let key = key.ok_or_else(|| StateError::Damaged {
        register: String::from_utf8_lossy(MIRROR_REGISTER).into_owned(),
        detail: "it is not in the format v1".to_owned(),
    })?;
    Ok(TicketKey::new(key.0))
}
