//! The head file: how far the log's key has signed, kept outside of the data directory.
//!
//! A data directory that comes back from a backup looks sound and is older than what the world has
//! seen. The log that signs on from there forks. So the size and root of each signed head are
//! written to this small file first, on another disk if there is one, and no start goes on below it
//! (rule R3). The file is named by the id of the log's key and locked while it is open: one key
//! cannot sign from two data directories of one machine.
//!
//! There are two slots, written in turn and synced, each with a checksum: a crash within a write
//! leaves the other one whole. The layout is in docs/formats/head-file.md. What this does not do: a
//! machine that is set back as a whole takes its head file along. The witnesses notice that.
//!
//! A process that is to sign claims the file ([`HeadFile::claim`], `holder.rs`), and before each
//! signature the file is read again, by its path: it has to be as this process left it.

mod beside;
mod head;
mod holder;
mod slot;

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ishibumi_tlog::hash::{EMPTY_ROOT, Hash};
use ishibumi_tlog::key::VerifierKey;

pub use self::head::Head;
pub use self::holder::Machine;
use self::holder::{Before, Holder};
use self::slot::{Owner, SLOT_LEN, Slot};
use crate::{StoreError, private};

const FILE_LEN: usize = 2 * SLOT_LEN;

/// The open and locked head file of one log key.
#[derive(Debug)]
pub struct HeadFile {
    file: File,
    path: PathBuf,
    owner: Owner,
    newest: Slot,
    /// Whether this process holds it to sign.
    claimed: bool,
    /// Set once a write has failed: what is on disk is unknown from then on.
    stopped: bool,
}

impl HeadFile {
    /// Makes the head file of `key` in `directory`, which has to exist. Says nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one: this key has signed before.
    pub fn create(directory: impl AsRef<Path>, key: &VerifierKey) -> Result<Self, StoreError> {
        let (path, owner) = (Self::path(&directory, key), Owner::of(key));
        let failed = |error: std::io::Error| io_failed("made the head file", &path, &error);
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        let mut file = options.open(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return StoreError::Exists { path: shown(&path) };
            }
            failed(error)
        })?;
        lock(&file, &path)?;
        let newest = Slot {
            sequence: 0,
            owner: owner.clone(),
            head: Head {
                size: 0,
                root: EMPTY_ROOT,
            },
            holder: Some(Holder::default()),
        };
        let mut octets = newest.encode();
        octets.resize(FILE_LEN, 0);
        file.write_all(&octets).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let directory = File::open(directory.as_ref()).map_err(failed)?;
        directory.sync_all().map_err(failed)?;
        Ok(Self {
            file,
            path,
            owner,
            newest,
            claimed: false,
            stopped: false,
        })
    }

    /// Opens and locks the head file of `key` in `directory`. Never creates.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none, [`StoreError::InUse`] if another process (or
    /// another value of this one) holds it, [`StoreError::Damaged`] if neither slot is whole,
    /// [`StoreError::Foreign`] if it was written for another log.
    pub fn open(directory: impl AsRef<Path>, key: &VerifierKey) -> Result<Self, StoreError> {
        let (path, owner) = (Self::path(&directory, key), Owner::of(key));
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| {
                if error.kind() == std::io::ErrorKind::NotFound {
                    return StoreError::Absent { path: shown(&path) };
                }
                io_failed("opened the head file", &path, &error)
            })?;
        private::close_file(&file).map_err(|e| io_failed("opened the head file", &path, &e))?;
        lock(&file, &path)?;
        let newest = newest_slot(&file, &path, &owner)?;
        Ok(Self {
            file,
            path,
            owner,
            newest,
            claimed: false,
            stopped: false,
        })
    }

    /// The newest head in the head file of `key`, read without its lock; `None` if there is none,
    /// or if the key has signed nothing yet. For questions only: it may change a moment later.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn peek(
        directory: impl AsRef<Path>,
        key: &VerifierKey,
    ) -> Result<Option<Head>, StoreError> {
        let (path, owner) = (Self::path(&directory, key), Owner::of(key));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_failed("opened the head file", &path, &error)),
        };
        let newest = newest_slot(&file, &path, &owner)?;
        Ok((newest.head.size > 0).then_some(newest.head))
    }

    /// The path of the head file of `key` in `directory`:
    /// `<directory>/<8 hex digits of the key id>.head`.
    pub fn path(directory: impl AsRef<Path>, key: &VerifierKey) -> PathBuf {
        directory.as_ref().join(format!("{:08x}.head", key.id()))
    }

    /// The newest head, read from disk; `None` if the key has signed nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if neither slot is whole, [`StoreError::TakenOver`] if the newest is
    /// not the one that this value wrote.
    pub fn read(&self) -> Result<Option<Head>, StoreError> {
        let found = if self.stopped {
            newest_slot(&self.file, &self.path, &self.owner)?
        } else {
            self.unchanged()?;
            self.newest.clone()
        };
        Ok((found.head.size > 0).then_some(found.head))
    }

    /// Writes this process into the file as the one that signs from now on, and returns whether the
    /// file was last held on another machine. While this value lives, [`Self::advance`] makes sure
    /// that no other process has done so since.
    ///
    /// # Errors
    /// [`StoreError::Copied`] if the file is a copy of one that a process of this machine holds,
    /// [`StoreError::HeldElsewhere`] if a process of another machine has not given it up.
    pub fn claim(&mut self, here: &Machine) -> Result<bool, StoreError> {
        let before = self.newest.holder.as_ref();
        let before = before.map_or(Before::Free, |holder| holder.before(here));
        let process = self
            .newest
            .holder
            .as_ref()
            .map_or(0, |holder| holder.process);
        let path = shown(&self.path);
        match before {
            Before::Free | Before::Moved => {}
            Before::Copied => return Err(StoreError::Copied { path, process }),
            Before::Elsewhere => return Err(StoreError::HeldElsewhere { path, process }),
        }
        self.take(here)?;
        Ok(before == Before::Moved)
    }

    /// Claims the file although a process of another machine has not given it up: the operator
    /// states that it never will.
    ///
    /// # Errors
    /// [`StoreError::Copied`] if the file is a copy of one that a process of this machine holds:
    /// the operator's statement does not help then.
    pub fn take_over(&mut self, here: &Machine) -> Result<(), StoreError> {
        match self.claim(here) {
            Err(StoreError::HeldElsewhere { .. }) => self.take(here),
            claimed => claimed.map(drop),
        }
    }

    fn take(&mut self, here: &Machine) -> Result<(), StoreError> {
        self.unchanged()?;
        let holder = Holder::this_process(here);
        let holder = holder.map_err(|error| io_failed("chose a number", &self.path, &error))?;
        // A program that knows version 1 only is to find no slot of it.
        if self.newest.holder.is_none() {
            self.write(self.newest.head, holder.clone())?;
        }
        self.write(self.newest.head, holder)?;
        self.claimed = true;
        Ok(())
    }

    /// Writes a newer head and syncs it. Writing the present head again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a smaller size, or the same size with another root: signing
    /// that would fork the log; and for any head of a log that is sealed. [`StoreError::TakenOver`]
    /// if another process wrote. [`StoreError::Failed`] ends all writing through this value.
    pub fn advance(&mut self, size: u64, root: Hash) -> Result<(), StoreError> {
        self.unchanged()?;
        let (present, head) = (self.newest.head, Head { size, root });
        if present.size > 0 && head == present {
            return Ok(());
        }
        if self.sealed()? {
            return Err(StoreError::Conflict {
                what: shown(&self.path),
                expected: "a log that is not closed".to_owned(),
                found: format!("a log that was closed at size {}", present.size),
            });
        }
        if size <= present.size {
            return Err(StoreError::Conflict {
                what: shown(&self.path),
                expected: format!("a head before size {size} with root {root}"),
                found: format!("size {} with root {}", present.size, present.root),
            });
        }
        let holder = self.newest.holder.clone().unwrap_or_default();
        self.write(head, holder)
    }

    /// Checks that the file at the path is as this value wrote it. Call it before each signature.
    ///
    /// It reads by the path and not through the open file: a file that replaced it meanwhile is
    /// another one, and a network file system looks anew only when a file is opened.
    ///
    /// # Errors
    /// [`StoreError::TakenOver`] if it is not.
    pub fn unchanged(&self) -> Result<(), StoreError> {
        if self.stopped {
            let cause = format!(
                "an earlier write failed; close {} and open it again",
                shown(&self.path)
            );
            return Err(StoreError::Failed {
                doing: "refused a write",
                cause,
            });
        }
        let there = File::open(&self.path)
            .map_err(|error| io_failed("read the head file", &self.path, &error))?;
        let found = newest_slot(&there, &self.path, &self.owner)?;
        let place = |file: &File| file.metadata().map(|it| (it.dev(), it.ino())).ok();
        if found == self.newest && place(&there) == place(&self.file) {
            return Ok(());
        }
        Err(StoreError::TakenOver {
            path: shown(&self.path),
            found: found.sequence,
            process: found.holder.map_or(0, |holder| holder.process),
            written: self.newest.sequence,
        })
    }

    fn write(&mut self, head: Head, holder: Holder) -> Result<(), StoreError> {
        let sequence = self.newest.sequence.checked_add(1);
        let slot = Slot {
            sequence: sequence.ok_or_else(|| damaged(&self.path, "2^64 writes".into()))?,
            owner: self.owner.clone(),
            head,
            holder: Some(holder),
        };
        let written = self
            .file
            .write_all_at(&slot.encode(), slot.offset())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.stopped = true;
            return Err(io_failed("wrote the head file", &self.path, &error));
        }
        self.newest = slot;
        Ok(())
    }
}

impl Drop for HeadFile {
    /// Gives the file up. If that fails, nothing worse comes of it than a question at the next
    /// start on another machine.
    fn drop(&mut self) {
        if self.claimed && self.unchanged().is_ok() {
            let mut released = self.newest.holder.clone().unwrap_or_default();
            released.held = false;
            let _ = self.write(self.newest.head, released);
        }
    }
}

fn newest_slot(file: &File, path: &Path, owner: &Owner) -> Result<Slot, StoreError> {
    let len = file
        .metadata()
        .map_err(|e| io_failed("read the head file", path, &e))?
        .len();
    if len != FILE_LEN as u64 {
        return Err(damaged(path, format!("{len} octets instead of {FILE_LEN}")));
    }
    let mut octets = vec![0; FILE_LEN];
    file.read_exact_at(&mut octets, 0)
        .map_err(|error| io_failed("read the head file", path, &error))?;
    let newest = (0_u64..)
        .zip(octets.chunks_exact(SLOT_LEN))
        .filter_map(|(place, slot)| Some((place, Slot::decode(slot)?)))
        .filter(|(place, slot)| slot.offset() == place * SLOT_LEN as u64)
        .map(|(_, slot)| slot)
        .max_by_key(|slot| slot.sequence)
        .ok_or_else(|| damaged(path, "neither of its two slots is whole".into()))?;
    if newest.owner == *owner {
        return Ok(newest);
    }
    let shown_owner = |owner: &Owner| format!("key {:08x} of {}", owner.key_id, owner.origin);
    Err(StoreError::Foreign {
        path: shown(path),
        expected: shown_owner(owner),
        found: shown_owner(&newest.owner),
    })
}

fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::InUse { path: shown(path) },
        TryLockError::Error(error) => io_failed("locked the head file", path, &error),
    })
}

fn io_failed(doing: &'static str, path: &Path, error: &std::io::Error) -> StoreError {
    let cause = format!("{}: {error}", shown(path));
    StoreError::Failed { doing, cause }
}

fn damaged(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged {
        what: format!("the head file {}", shown(path)),
        detail,
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
