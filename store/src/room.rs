//! How much free space a disk has.
//!
//! RocksDB must not meet a full disk while it opens a directory: the library that Debian ships then
//! fails an assertion and aborts the process. And a log should stop taking records while there is
//! still space for the writes that it has to make nevertheless: the signed head, checkpoints,
//! merges of its index.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::StoreError;

/// Octets beside the write-ahead log that an opening may write: its settings, a new manifest, a new
/// log.
const OPENING_LEN: u64 = 8 << 20;

/// The name of a file by which free space is tried; it exists for a moment.
const TRIAL: &str = "ROOM";
/// At most so many files, each open while free space is tried.
const PIECES: u64 = 64;
/// Octets of the shortest.
const PIECE_LEN: u64 = 1 << 20;

/// Octets that an unprivileged process may still write on the file system that holds `path`.
///
/// # Errors
/// [`StoreError::Failed`] if the system does not tell.
pub fn free(path: &Path) -> Result<u64, StoreError> {
    let found = rustix::fs::statvfs(path).map_err(|error| StoreError::Failed {
        doing: "asked how much room there is",
        cause: format!("{}: {error}", path.display()),
    })?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Makes certain that the writes of opening the RocksDB at `path` will find space: as much as is in
/// its write-ahead log, which goes into tables then, and a little.
///
/// # Errors
/// [`StoreError::NoRoom`] if the space is not there.
pub fn to_open(path: &Path) -> Result<(), StoreError> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let logs = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".log"));
    let logged: u64 = logs
        .filter_map(|log| Some(log.metadata().ok()?.len()))
        .sum();
    let needed = logged.saturating_add(OPENING_LEN);
    if free(path)? < needed {
        return Err(no_room(path, needed, Errno::NOSPC));
    }
    match take(path, needed) {
        // A file system that cannot reserve space (NFS, some FUSE) was asked.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
            Err(no_room(path, needed, errno))
        }
        Err(errno) => Err(StoreError::Failed {
            doing: "tried how much room there is",
            cause: format!("{}: {errno}", path.display()),
        }),
    }
}

/// Takes `needed` octets in `path` for a moment: a quota or a limit of the process counts as well.
/// In several files, as an opening does, since a process may also be limited in how long a file may
/// be.
fn take(path: &Path, needed: u64) -> Result<(), Errno> {
    let trial = path.join(TRIAL);
    let piece = needed.div_ceil(PIECES).max(PIECE_LEN);
    let mut taken = Vec::new();
    while piece.saturating_mul(taken.len() as u64) < needed {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&trial)
            .and_then(|file| std::fs::remove_file(&trial).map(|()| file))
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, piece)?;
        // It has no name any more, and goes when it is closed.
        taken.push(file);
    }
    Ok(())
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
        // A hole takes no space; filling it would.
        log.set_len(1 << 43).unwrap();
        let refused = to_open(dir.path()).unwrap_err();
        assert!(matches!(refused, StoreError::NoRoom { .. }), "{refused}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
