//! How much room a disk has.
//!
//! RocksDB must not meet a full disk while it opens a directory: the library that Debian ships then fails an
//! assertion and aborts the process. And a log should stop taking records while there is still room for what it
//! has to write all the same: the signed head, checkpoints, merges of its index.

use std::fs::File;
use std::path::Path;

use rustix::io::Errno;

use crate::StoreError;

/// Octets beside the write-ahead log that an opening may write: its settings, a new manifest, a new log.
const OPENING_LEN: u64 = 8 << 20;

/// The file by which room is tried; nobody reads it.
const TRIAL: &str = "ROOM";

/// Octets that an unprivileged process may still write on the file system that holds `path`.
///
/// # Errors
/// [`StoreError::Failed`] if the system does not tell.
pub fn free(path: impl AsRef<Path>) -> Result<u64, StoreError> {
    let path = path.as_ref();
    let found = rustix::fs::statvfs(path).map_err(|error| StoreError::Failed {
        doing: "asked how much room there is",
        cause: format!("{}: {error}", path.display()),
    })?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Makes certain that what an opening of the RocksDB at `path` writes will find room: as much as is in its
/// write-ahead log, which goes into tables then, and a little.
///
/// The room is taken for a moment, not asked for: a quota or a limit of the process counts as well.
///
/// # Errors
/// [`StoreError::NoRoom`] if it is not there.
pub fn to_open(path: &Path) -> Result<(), StoreError> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let logs = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".log"));
    let logged: u64 = logs
        .filter_map(|log| Some(log.metadata().ok()?.len()))
        .sum();
    let needed = logged.saturating_add(OPENING_LEN);
    let trial = path.join(TRIAL);
    let tried = File::create(&trial).map_err(|error| {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        errno.unwrap_or(Errno::IO)
    });
    let tried = tried.and_then(|file| {
        let flags = rustix::fs::FallocateFlags::empty();
        rustix::fs::fallocate(file, flags, 0, needed)
    });
    // A full disk lets a file go.
    let _ = std::fs::remove_file(&trial);
    match tried {
        // A file system that cannot take room beforehand (NFS, some FUSE) is asked instead.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => match free(path)? {
            free if free >= needed => Ok(()),
            _ => Err(no_room(path, needed, Errno::NOSPC)),
        },
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
            Err(no_room(path, needed, errno))
        }
        Err(error) => Err(StoreError::Failed {
            doing: "opened the database",
            cause: format!("{}: {error}", trial.display()),
        }),
    }
}

fn no_room(path: &Path, needed: u64, why: Errno) -> StoreError {
    StoreError::NoRoom {
        path: path.display().to_string(),
        needed,
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_tried_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        to_open(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let log = File::create(dir.path().join("000004.log")).unwrap();
        // A hole takes no room; what it stands for would.
        log.set_len(1 << 43).unwrap();
        let refused = to_open(dir.path()).unwrap_err();
        assert!(matches!(refused, StoreError::NoRoom { .. }), "{refused}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
