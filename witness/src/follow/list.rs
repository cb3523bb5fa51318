//! The list of logs, and what its operator may do to it: add, disable, enable, resume; never
//! remove, and never change a key. A log that is forgotten could be given a second history.

use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::key::{SignatureType, VerifierKey};

use super::{Follower, LOG_KEYS_MAX, LOG_PREFIX, Loaded, LogState, StateError, log_register};
use super::{Recorded, evidence};
use crate::refusal::{AddLogError, LogError, ResumeError};

/// The effect of adding a log or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// It was there; nothing changed.
    Already,
}

impl<R: Registers, C: Clock> Follower<R, C> {
    /// Follows another log, whose first checkpoint will be trusted. Adding it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`AddLogError::OtherKey`] if the origin is known under other keys: a second key of a log
    /// that is followed is added with [`Self::add_log_key`].
    pub fn add_log(&self, key: &VerifierKey) -> Result<Added, AddLogError> {
        let origin = self.check_log_key(key)?;
        let id = Hash::of(origin.as_bytes());
        let _held = self.locks.lock(id);
        match self.load(id)? {
            None => {
                let value = LogState::new(key.clone()).encode();
                self.registers
                    .swap(log_register(id).as_bytes(), None, &value)
                    .map_err(StateError::from)?;
                Ok(Added::New)
            }
            Some(loaded) if loaded.state.keys().contains(key) => Ok(Added::Already),
            Some(loaded) => Err(AddLogError::OtherKey {
                origin: origin.to_owned(),
                known: joined(loaded.state.keys()),
                given: key.to_string(),
            }),
        }
    }

    /// Trusts another key of a log that is followed: one of another type than those that it has.
    ///
    /// Any of a log's keys suffices from then on, so this is as weighty as adding the log was.
    ///
    /// # Errors
    /// [`AddLogError::SameType`] for a second key of a type that the log has: that is a changed
    /// key, and a changed key is a new log.
    pub fn add_log_key(&self, key: &VerifierKey) -> Result<Added, AddLogError> {
        let origin = self.check_log_key(key)?;
        let id = Hash::of(origin.as_bytes());
        let _held = self.locks.lock(id);
        let Some(loaded) = self.load(id)? else {
            return Err(AddLogError::UnknownOrigin(origin.to_owned()));
        };
        let keys = loaded.state.keys();
        if keys.contains(key) {
            return Ok(Added::Already);
        }
        if keys.len() == LOG_KEYS_MAX || keys.iter().any(|known| known.kind() == key.kind()) {
            return Err(AddLogError::SameType {
                origin: origin.to_owned(),
                known: joined(keys),
                given: key.to_string(),
            });
        }
        self.store(&loaded, &loaded.state.with_key(key.clone()))?;
        Ok(Added::New)
    }

    /// Signs nothing more for a log, or signs again. Everything stays remembered. Says whether that
    /// changed anything.
    ///
    /// # Errors
    /// [`LogError`] if there is no such log, or its state cannot be used.
    pub fn disable_log(&self, origin: &str, disabled: bool) -> Result<bool, LogError> {
        let id = Hash::of(origin.as_bytes());
        let _held = self.locks.lock(id);
        let loaded = self.loaded(id, origin)?;
        self.store(&loaded, &loaded.state.with_disabled(disabled))?;
        Ok(loaded.state.is_disabled() != disabled)
    }

    /// Lets a halted log go on from the note that halted it, and says from which size. That note
    /// bears the log's signature and ours, so we did stand for it; only the operator can know
    /// whether we signed something even newer.
    ///
    /// # Errors
    /// [`ResumeError`] if there is nothing to resume, or the halting note does not follow the
    /// recorded checkpoint.
    pub fn resume(&self, origin: &str) -> Result<u64, ResumeError> {
        let id = Hash::of(origin.as_bytes());
        let _held = self.locks.lock(id);
        let loaded = self.loaded(id, origin)?;
        let state = &loaded.state;
        let (Some(halted), Some(resumed)) = (state.halted(), state.after_resuming(self.now()))
        else {
            return Err(ResumeError::NotHalted(origin.to_owned()));
        };
        let signed = halted.checkpoint().size;
        if signed < state.size() || state.forks_from(halted.checkpoint()) {
            return Err(ResumeError::TwoHistories {
                recorded: state.size(),
                signed,
            });
        }
        if !self.cosigner_keys.suffices(halted) {
            return Err(ResumeError::Incomplete { signed });
        }
        self.store(&loaded, &resumed)?;
        Ok(signed)
    }

    /// The state of every log, in order of the hashes of their origins.
    ///
    /// # Errors
    /// If a state cannot be used.
    pub fn logs(&self) -> Result<Vec<LogState>, StateError> {
        let mut logs = Vec::new();
        for name in self.registers.names()? {
            let Some(id) = name.strip_prefix(LOG_PREFIX.as_bytes()) else {
                continue;
            };
            let id = std::str::from_utf8(id).ok().and_then(Hash::from_hex);
            let loaded = id.map(|id| self.load(id)).transpose()?.flatten();
            let loaded = loaded.ok_or_else(|| StateError::Damaged {
                register: String::from_utf8_lossy(&name).into_owned(),
                detail: "its name is not the hash of an origin".to_owned(),
            })?;
            logs.push(loaded.state);
        }
        Ok(logs)
    }

    /// The state of the log whose origin has the hash `id`.
    ///
    /// # Errors
    /// If its state cannot be used.
    pub fn log(&self, id: Hash) -> Result<Option<LogState>, StateError> {
        Ok(self.load(id)?.map(|loaded| loaded.state))
    }

    /// The newest recorded checkpoint of the log whose origin has the hash `id`; `None` if there is
    /// no such log or nothing was recorded.
    ///
    /// # Errors
    /// If its state cannot be used.
    pub fn latest(&self, id: Hash) -> Result<Option<Recorded>, StateError> {
        Ok(self.log(id)?.and_then(|state| state.latest().cloned()))
    }

    /// The proof that the log forked, if one was kept.
    ///
    /// # Errors
    /// If the proof cannot be read or does not verify.
    pub fn fork(&self, log: &LogState) -> Result<Option<Evidence>, StateError> {
        let id = Hash::of(log.origin().as_bytes());
        evidence::fork(&self.registers, id, log.keys())
    }

    /// Signed checkpoints whose consistency proofs failed, each with the one that it did not
    /// follow.
    ///
    /// # Errors
    /// If one cannot be read or does not verify.
    pub fn suspicions(&self, log: &LogState) -> Result<Vec<Evidence>, StateError> {
        let id = Hash::of(log.origin().as_bytes());
        evidence::suspicions(&self.registers, id, log.keys())
    }

    fn loaded(&self, id: Hash, origin: &str) -> Result<Loaded, LogError> {
        let loaded = self.load(id)?;
        loaded.ok_or_else(|| LogError::UnknownOrigin(origin.to_owned()))
    }

    /// The origin of a key that a log may have.
    fn check_log_key<'a>(&self, key: &'a VerifierKey) -> Result<&'a str, AddLogError> {
        let origin = key.name();
        if key.kind() == SignatureType::CosignatureV1 {
            return Err(AddLogError::KeyType(origin.to_owned()));
        }
        if self.cosigner_keys.is_confusable_with(key) {
            return Err(AddLogError::OwnIdentity(origin.to_owned()));
        }
        Ok(origin)
    }
}

fn joined(keys: &[VerifierKey]) -> String {
    let keys: Vec<String> = keys.iter().map(VerifierKey::to_string).collect();
    keys.join(" and ")
}
