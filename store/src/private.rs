//! Keeps keys and data from other users of the machine.
//!
//! A process that holds a log's or a witness's keys must not leave them behind when it dies: it
//! dumps no core, and only root may read its memory. Files that it writes are readable by their
//! owner alone, whatever the umask of the shell that started it; and a key that others can read is
//! not used.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Permission bits of others than the owner.
const OTHERS: u32 = 0o077;

/// Makes this process dump no core, and lets only root read its memory. To be called first.
///
/// # Errors
/// The error of the system, if it refuses.
pub fn keep_memory() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)?;
    // Cores may be piped to a program, which the limit does not keep from getting them; this does.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// From now on every file that this process makes is its owner's alone, also those that RocksDB
/// makes.
pub fn keep_files() {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(OTHERS));
}

/// Makes a folder for its owner alone, and those above it that are missing.
///
/// # Errors
/// If the system refuses.
pub fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an existing folder accessible to its owner only. A folder that belongs to another user
/// stays as it is: users that may open its files were given that right.
pub(crate) fn close_dir(path: &Path) -> io::Result<()> {
    // A folder is a file that can be opened for reading.
    close_file(&File::open(path)?)
}

/// Makes an open file accessible to its owner only. A file that belongs to another user stays as it
/// is.
pub(crate) fn close_file(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    match file.set_permissions(Permissions::from_mode(mode & 0o700)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// The mode of an open key file, if others than its owner may do anything with it.
///
/// # Errors
/// If the system does not tell.
pub fn exposed(file: &File) -> io::Result<Option<u32>> {
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok((mode & OTHERS != 0).then_some(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_and_made_private() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let made = dir.path().join("a/b");
        make_dir(&made).unwrap();
        assert_eq!((mode(&made), mode(&dir.path().join("a"))), (0o700, 0o700));
        std::fs::set_permissions(&made, Permissions::from_mode(0o755)).unwrap();
        close_dir(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
    }

    #[test]
    fn a_key_is_exposed_if_anybody_else_may_touch_it() {
        let file = tempfile::tempfile().unwrap();
        for (mode, is) in [
            (0o600, false),
            (0o400, false),
            (0o640, true),
            (0o604, true),
            (0o602, true),
        ] {
            file.set_permissions(Permissions::from_mode(mode)).unwrap();
            let found = exposed(&file).unwrap();
            assert_eq!(found, is.then_some(mode), "{mode:o}");
        }
    }
}
