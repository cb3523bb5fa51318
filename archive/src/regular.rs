//! Opens files from other parties: only regular files, and no more of each than wanted.
//!
//! A folder from another party may hold a pipe, a socket or a device under an innocent name. To
//! open or to read one of those can wait for ever, and a device can act on being opened. So the
//! kind of the file is checked first, it is opened without waiting, and the kind of the open file
//! is checked once more, since it may have been exchanged in between.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a regular file for reading; symbolic links are followed.
///
/// # Errors
/// What the system says; [`io::ErrorKind::IsADirectory`] for a folder,
/// [`io::ErrorKind::InvalidInput`] for a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<File> {
    check(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// All of a regular file, or its first `most` octets and one more: enough to see that it is too
/// long.
///
/// # Errors
/// [`io::Error`], if it cannot be opened or read, or is no regular file.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    take(open(path)?, most)
}

/// All of an open regular file, or its first `most` octets and one more: enough to see that it is
/// too long.
///
/// # Errors
/// [`io::Error`], if it cannot be read.
pub fn take(file: File, most: usize) -> io::Result<Vec<u8>> {
    let bound = most.saturating_add(1);
    // What the file says of its length is only where to begin: a vector that grows is up to twice
    // as long.
    let length = file.metadata().map_or(0, |data| data.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut octets = Vec::with_capacity(length.saturating_add(1).min(bound));
    file.take(u64::try_from(bound).unwrap_or(u64::MAX))
        .read_to_end(&mut octets)?;
    Ok(octets)
}

/// Whether the size of an open file is above `most` octets, so that it need not be read to see.
pub fn is_longer(file: &File, most: usize) -> bool {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    file.metadata().is_ok_and(|data| data.len() > most)
}

/// UTF-8 text of at most `most` octets.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is longer or not UTF-8; otherwise the error of opening or
/// reading.
pub fn read_text(path: &Path, most: usize) -> io::Result<String> {
    let octets = read(path, most)?;
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if octets.len() > most {
        return Err(invalid(format!("longer than {most} octets")));
    }
    String::from_utf8(octets).map_err(|_| invalid("it is no UTF-8 text".to_owned()))
}

fn check(data: &Metadata) -> io::Result<()> {
    if data.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !data.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a pipe, a socket or a device, and no regular file",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    /// At a pipe without a writer a reader would wait for ever.
    #[test]
    fn nothing_but_regular_files_is_opened_and_nothing_waits() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "octets").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(at("fifo"))
                .status()
                .unwrap()
                .success()
        );
        std::os::unix::fs::symlink("fifo", at("link-to-fifo")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for name in ["file", "link"] {
            assert_eq!(read(&at(name), 6).unwrap(), b"octets");
        }
        for name in ["fifo", "link-to-fifo", "socket", "/dev/zero"] {
            let kind = read(&at(name), 6).unwrap_err().kind();
            assert_eq!(kind, io::ErrorKind::InvalidInput, "{name}");
        }
        assert_eq!(
            read(folder.path(), 6).unwrap_err().kind(),
            io::ErrorKind::IsADirectory
        );
        assert_eq!(
            read(&at("none"), 6).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 9).unwrap(), [0; 10]);
        assert_eq!(
            read_text(&path, 9).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        fs::write(&path, b"\xff").unwrap();
        assert_eq!(
            read_text(&path, 9).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        fs::write(&path, "text").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "text");
    }
}
