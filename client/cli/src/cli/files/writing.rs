//! Writes files of commands: whole or not at all, durable, and never over an existing file.
//!
//! An input of the run is not written over either, even if the user asked to replace files.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::PoisonError;

use ishibumi_archive::regular;

use super::READ;
use crate::cli::Failure;

/// Refuses to write over what this run read.
pub(super) fn not_read(path: &Path) -> Result<(), Failure> {
    let there = fs::metadata(path).map(|data| (data.dev(), data.ino()));
    let read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if there.is_ok_and(|there| read.contains(&there)) {
        let name = path.display();
        let message = format!("{name}: this is a file that was read, and it is not written over");
        return Err(Failure::usage(message)
            .advice("name another file to write to; nothing was written")
            .in_japanese(format!(
                "{name}：入力として読み取ったファイルのため、上書きしません。別の出力先を指定してください（何も書き込んでいません）。"
            )));
    }
    Ok(())
}

/// Whether the name is taken, be it by a link that leads nowhere.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether `path` is a file that holds these very octets.
pub(crate) fn holds(path: &Path, pieces: &[&[u8]]) -> bool {
    let same = || -> io::Result<bool> {
        let mut file = regular::open(path)?;
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if file.metadata()?.len() != u64::try_from(length).unwrap_or(u64::MAX) {
            return Ok(false);
        }
        let mut there = vec![0; 1 << 16];
        for part in pieces.iter().flat_map(|piece| piece.chunks(1 << 16)) {
            let there = there.get_mut(..part.len()).unwrap_or_default();
            file.read_exact(there)?;
            if there != part {
                return Ok(false);
            }
        }
        Ok(true)
    };
    same().unwrap_or(false)
}

/// A name under which something else is.
pub(crate) fn taken(path: &Path) -> Failure {
    let name = path.display();
    if path.is_dir() {
        return Failure::usage(format!("{name}: it is a folder; nothing was written"))
            .advice("name a file: one in this folder, or beside it")
            .in_japanese(format!(
                "{name}：フォルダです。出力先にはファイル名を指定してください（何も書き込んでいません）。"
            ));
    }
    Failure::usage(format!(
        "{name}: it exists already, with other content; nothing was written"
    ))
    .advice("name another file to write to, or move that one away")
    .in_japanese(format!(
        "{name}：既に存在し、内容が異なります。別の出力先を指定するか、既存のファイルを別の場所に移してください（何も書き込んでいません）。"
    ))
}

/// Refuses before long work what [`write`] would refuse after it: to write to a path where a file
/// exists that begins differently from the new one, or any file, if the new one is never the same
/// twice.
pub(crate) fn check_free(path: &Path, begins: Option<&[u8]>) -> Result<(), Failure> {
    not_read(path)?;
    let could_be_it = |begins: &[u8]| {
        let mut start = vec![0; begins.len()];
        let read = regular::open(path).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == begins
    };
    if is_taken(path) && !begins.is_some_and(could_be_it) {
        return Err(taken(path));
    }
    Ok(())
}

/// Refuses where something else is than these octets.
pub(crate) fn check_same(path: &Path, pieces: &[&[u8]]) -> Result<(), Failure> {
    if is_taken(path) && !holds(path, pieces) {
        return Err(taken(path));
    }
    Ok(())
}

/// Writes a new file, which is there whole or not at all. Nothing is ever written over: where the
/// very same octets are it is done, and where others are nothing is. Durable once this returns.
pub(crate) fn write(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    not_read(path)?;
    check_same(path, &[octets])?;
    if is_taken(path) {
        return Ok(());
    }
    match put_new(path, octets) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_same(path, &[octets]),
        put => put.map_err(|error| unwritable(path, &error)),
    }
}

/// Writes a file as [`write`] does, and replaces an existing one; but not an input of this run.
pub(crate) fn write_over(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    not_read(path)?;
    replace(path, octets)
}

/// Writes a file that is there to be read and written in turn, such as what a command knows from
/// run to run.
pub(crate) fn replace(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    let put = put_part(path, octets, |part| fs::rename(part, path));
    put.map_err(|error| unwritable(path, &error))
}

/// Writes a file under a name that nothing has.
pub(super) fn put_new(path: &Path, octets: &[u8]) -> io::Result<()> {
    put_part(path, octets, |part| match link_new(part, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(part, path),
        linked => linked.and_then(|()| fs::remove_file(part)),
    })
}

/// Gives a file a second name, which nothing may have yet. Not every file system knows second
/// names.
pub(super) fn link_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).map_err(|error| {
        if is_taken(to) {
            io::ErrorKind::AlreadyExists.into()
        } else {
            error
        }
    })
}

/// Writes the octets beside `path`, and has `put` bring them there.
fn put_part(
    path: &Path,
    octets: &[u8],
    put: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = (|| {
        let mut file = File::create(&part)?;
        file.write_all(octets)?;
        file.sync_all()?;
        put(&part)?;
        sync_folder_of(path)
    })();
    if written.is_err() {
        // An unfinished file is of no use.
        let _ = fs::remove_file(&part);
    }
    written
}

/// A file that cannot be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let name = path.display();
    let (advice, japanese) = match error.kind() {
        io::ErrorKind::NotFound => (
            "the folder that it should be in is not there: make it, or name another one",
            "書き込み先のフォルダがありません。フォルダを作成するか、別の場所を指定してください。",
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            "whoever runs the command may not write there: name another place",
            "書き込み権限がありません。別の場所を指定してください。",
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            "there is no room left: name a place on another disk, or make room",
            "空き容量がありません。空きを作るか、別のディスクを指定してください。",
        ),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => (
            "a folder is wanted, and this is a file: name another folder",
            "フォルダではなくファイルがあります。別のフォルダを指定してください。",
        ),
        _ => (
            "name another place to write to, and try again",
            "書き込めません。別の場所を指定して再試行してください。",
        ),
    };
    Failure::unavailable(format!("{name}: {error}"))
        .advice(advice)
        .in_japanese(format!("{name}：{japanese}"))
}

/// Makes the folder to write to, if it is not there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            let name = folder.display();
            Failure::usage(format!(
                "{name}: this is a file, and a folder is wanted; nothing was written"
            ))
            .advice("name a folder; it is made if it is not there")
            .in_japanese(format!(
                "{name}：フォルダを指定してください。これはファイルです（何も書き込んでいません）。"
            ))
        }
        _ => unwritable(folder, &error),
    })
}

/// A name that was given or taken away lasts once its folder is synced (POSIX leaves that to the
/// caller).
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
