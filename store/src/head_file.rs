//! The head file: how far the log's key has signed, kept outside of the data directory.
//!
//! A data directory that comes back from a backup looks sound and is older than what the world has
//! seen. The log that signs on from there forks. So the size and root of each signed head are written
//! to this small file first, on another disk if there is one, and no start goes on below it (rule R3).
//! The file is named by the id of the log's key and locked while it is open: one key cannot sign from
//! two data directories of one machine.
//!
//! There are two slots, written in turn and synced, each with a checksum: a crash within a write
//! leaves the other one whole. The layout is in docs/formats/head-file.md. What this does not do: a
//! machine that is set back as a whole takes its head file along. The witnesses notice that.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ishibumi_tlog::hash::{EMPTY_ROOT, HASH_LEN, Hash};
use ishibumi_tlog::key::VerifierKey;

use crate::{StoreError, private};

const MAGIC: &[u8; 8] = b"ishiHEAD";
const VERSION: u16 = 1;
/// Octets of a slot: one page, so that writing one never touches the sector of the other.
const SLOT_LEN: usize = 4096;
const FILE_LEN: usize = 2 * SLOT_LEN;
/// Ending of the file that says that the log is closed, beside the head file.
const SEALED: &str = "closed";
const SUM_AT: usize = SLOT_LEN - HASH_LEN;

/// A signed head: what the log's key has committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
}

/// The open and locked head file of one log key.
#[derive(Debug)]
pub struct HeadFile {
    file: File,
    path: PathBuf,
    owner: Owner,
    newest: Slot,
    /// Set once a write has failed: what is on disk is unknown from then on.
    stopped: bool,
}

/// Whose head file it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    key_id: u32,
    origin: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    /// Zero in a new file, one more with each write. An even one is in the first slot.
    sequence: u64,
    owner: Owner,
    head: Head,
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
            stopped: false,
        })
    }

    /// Opens and locks the head file of `key` in `directory`. Never creates.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none, [`StoreError::InUse`] if another process (or another
    /// value of this one) holds it, [`StoreError::Damaged`] if neither slot is whole,
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
            stopped: false,
        })
    }

    /// Where the head file of `key` in `directory` is: `<directory>/<8 hex digits of the key id>.head`.
    pub fn path(directory: impl AsRef<Path>, key: &VerifierKey) -> PathBuf {
        directory.as_ref().join(format!("{:08x}.head", key.id()))
    }

    /// The newest head, read from disk; `None` if the key has signed nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if neither slot is whole or if the newest is not what this value wrote.
    pub fn read(&self) -> Result<Option<Head>, StoreError> {
        let found = newest_slot(&self.file, &self.path, &self.owner)?;
        if !self.stopped && found != self.newest {
            let detail = format!(
                "it says write {}, the last one was {}",
                found.sequence, self.newest.sequence
            );
            return Err(damaged(&self.path, detail));
        }
        Ok((found.sequence > 0).then_some(found.head))
    }

    /// Says for ever that the log of this key is closed: writes the mark beside the head file and syncs
    /// both. Afterwards [`Self::advance`] refuses. Saying it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it could not be written; it may be there all the same.
    pub fn seal(&self) -> Result<(), StoreError> {
        let path = self.path.with_extension(SEALED);
        let failed = |error: std::io::Error| io_failed("sealed the head file", &path, &error);
        let Head { size, root } = self.newest.head;
        let said = format!("{}\n{size}\n{root}\nclosed\n", self.owner.origin);
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.write_all(said.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let directory = File::open(directory).map_err(failed)?;
        directory.sync_all().map_err(failed)
    }

    /// Whether the log of this key is closed for ever.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if that cannot be told.
    pub fn sealed(&self) -> Result<bool, StoreError> {
        is_sealed(&self.path)
    }

    /// The same without opening the head file, while another process may hold it.
    ///
    /// # Errors
    /// As [`Self::sealed`].
    pub fn is_sealed(directory: impl AsRef<Path>, key: &VerifierKey) -> Result<bool, StoreError> {
        is_sealed(&Self::path(directory, key))
    }

    /// Writes a newer head and syncs it. The same head again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a smaller size, or the same size with another root: signing that
    /// would fork the log; for any head of a log that is sealed. [`StoreError::Failed`] ends all writing
    /// through this value.
    pub fn advance(&mut self, size: u64, root: Hash) -> Result<(), StoreError> {
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
        let (present, head) = (self.newest.head, Head { size, root });
        let signed_before = self.newest.sequence > 0;
        if signed_before && head == present {
            return Ok(());
        }
        if self.sealed()? {
            return Err(StoreError::Conflict {
                what: shown(&self.path),
                expected: "a log that is not closed".to_owned(),
                found: format!("a log that was closed at size {}", present.size),
            });
        }
        if size < present.size || (signed_before && size == present.size) {
            return Err(StoreError::Conflict {
                what: shown(&self.path),
                expected: format!("a head before size {size} with root {root}"),
                found: format!("size {} with root {}", present.size, present.root),
            });
        }
        let sequence = self.newest.sequence.checked_add(1);
        let slot = Slot {
            sequence: sequence.ok_or_else(|| damaged(&self.path, "2^64 writes".into()))?,
            owner: self.owner.clone(),
            head,
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

impl Owner {
    fn of(key: &VerifierKey) -> Self {
        Self {
            key_id: key.id(),
            origin: key.name().to_owned(),
        }
    }
}

impl Slot {
    fn offset(&self) -> u64 {
        if self.sequence.is_multiple_of(2) {
            0
        } else {
            SLOT_LEN as u64
        }
    }

    fn encode(&self) -> Vec<u8> {
        let origin = self.owner.origin.as_bytes();
        let origin_len = u8::try_from(origin.len()).expect("a key name has at most 255 octets");
        let mut octets = Vec::with_capacity(FILE_LEN);
        octets.extend_from_slice(MAGIC);
        octets.extend_from_slice(&VERSION.to_be_bytes());
        octets.extend_from_slice(&self.sequence.to_be_bytes());
        octets.extend_from_slice(&self.owner.key_id.to_be_bytes());
        octets.extend_from_slice(&self.head.size.to_be_bytes());
        octets.extend_from_slice(&self.head.root.0);
        octets.push(origin_len);
        octets.extend_from_slice(origin);
        octets.resize(SUM_AT, 0);
        let sum = Hash::of(&octets);
        octets.extend_from_slice(&sum.0);
        octets
    }

    /// Reads a slot whose every octet is as [`Self::encode`] writes it; `None` for any other.
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = octets;
        let (magic, version) = (take::<8>(&mut rest)?, take::<2>(&mut rest)?);
        let sequence = u64::from_be_bytes(take(&mut rest)?);
        let key_id = u32::from_be_bytes(take(&mut rest)?);
        let size = u64::from_be_bytes(take(&mut rest)?);
        let root = Hash(take(&mut rest)?);
        let [origin_len] = take(&mut rest)?;
        let origin = rest.get(..usize::from(origin_len))?;
        let slot = Self {
            sequence,
            owner: Owner {
                key_id,
                origin: std::str::from_utf8(origin).ok()?.to_owned(),
            },
            head: Head { size, root },
        };
        let right = magic == *MAGIC && version == VERSION.to_be_bytes() && slot.encode() == octets;
        right.then_some(slot)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
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

/// The mark's presence says it, whatever is in it: a write that a crash cut off counts.
fn is_sealed(head_file: &Path) -> Result<bool, StoreError> {
    let path = head_file.with_extension(SEALED);
    path.try_exists()
        .map_err(|error| io_failed("looked for the mark of a closed log", &path, &error))
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
#[path = "head_file_tests.rs"]
mod tests;
