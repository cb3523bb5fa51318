//! Keeping data from everybody else on the machine: folders and files of a store are their owner's alone, whatever
//! the umask of the shell that started the process.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

/// Permission bits of others than the owner.
const OTHERS: u32 = 0o077;

/// Makes a folder for its owner alone, and those above it that are missing.
///
/// # Errors
/// If the system refuses.
pub fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes a folder that is there away from everybody but its owner. One that belongs to somebody else stays as it
/// is: whoever may open what is in it was given that right.
pub(crate) fn close_dir(path: &Path) -> io::Result<()> {
    // A folder is a file that can be opened for reading.
    close_file(&File::open(path)?)
}

/// Takes an open file away from everybody but its owner, likewise.
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
}
