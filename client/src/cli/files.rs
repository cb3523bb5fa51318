//! Files: read within a bound, written whole or not at all and never over anything else, found beside one
//! another.

mod kept;

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use ishibumi_archive::regular;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::{Anchors, Certificate};
use ishibumi_tlog::foreign;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::{FILE_EXTENSION, PROOF_LEN_MAX, TlogProof};

use super::sha1::ExistedOn;
use super::{Exit, Failure, mistaken};

pub(crate) use kept::{keep_evidence, keep_proof};

/// The largest artifact that is read, in octets: a large CRL in PEM.
pub(crate) const ARTIFACT_LEN_MAX: usize = 32 << 20;

/// The largest file in a folder of anchors, in octets.
const ANCHOR_FILE_LEN_MAX: usize = 8 << 20;

/// The folder inside of a folder of anchors whose certificates are known without being trusted.
const INTERMEDIATES: &str = "intermediates";

/// The folder inside of a folder of anchors whose certificates are OCSP responders that are trusted.
const RESPONDERS: &str = "responders";

/// Every file that was read, as the file system knows it. It is kept here, once, so that no command can
/// forget to say what its inputs were: a run writes over none of them.
static READ: LazyLock<Mutex<HashSet<(u64, u64)>>> = LazyLock::new(Mutex::default);

fn note_read(file: &File) {
    if let Ok(data) = file.metadata() {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert((data.dev(), data.ino()));
    }
}

/// Opens a file that somebody else may have made: a regular one, and nothing else.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let file = regular::open(path).map_err(|error| unreadable(path, &error))?;
    note_read(&file);
    Ok(file)
}

/// Reads a file of at most `most` octets; `-` is standard input.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new("-") {
        let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let mut octets = Vec::new();
        let read = io::stdin().lock().take(bound).read_to_end(&mut octets);
        read.map(|_| octets)
    } else {
        regular::take(open(path)?, most)
    };
    let octets = read.map_err(|error| unreadable(path, &error))?;
    if octets.len() > most {
        return Err(too_long(path, most));
    }
    Ok(octets)
}

/// A file of more than `most` octets.
pub(crate) fn too_long(path: &Path, most: usize) -> Failure {
    let name = path.display();
    Failure::usage(format!("{name}: longer than {most} octets"))
        .advice("nothing of this kind is so long: check that it is the right file")
        .in_japanese(format!(
            "{name}：{most} オクテットを超えています。正しいファイルか確認してください。"
        ))
}

/// The digest of a file of any length; `-` is standard input.
pub(crate) fn digest(path: &Path, algorithm: HashAlgorithm) -> Result<Vec<u8>, Failure> {
    let mut hasher = algorithm.hasher();
    let mut feed = |mut from: Box<dyn io::Read>| {
        let mut piece = vec![0; 1 << 16];
        loop {
            let length = from.read(&mut piece)?;
            if length == 0 {
                return Ok(());
            }
            hasher.update(piece.get(..length).unwrap_or_default());
        }
    };
    let fed = if path == Path::new("-") {
        feed(Box::new(io::stdin()))
    } else {
        feed(Box::new(open(path)?))
    };
    fed.map_err(|error: io::Error| unreadable(path, &error))?;
    Ok(hasher.finish())
}

/// A file that should be there and cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let name = path.display();
    let (advice, japanese) = match error.kind() {
        io::ErrorKind::NotFound => (
            "check the path: it is taken from the folder in which the command was started",
            "ファイルがありません。パスを確認してください（コマンドを実行したフォルダからの相対パスです）。",
        ),
        io::ErrorKind::IsADirectory => (
            "name a file in this folder, not the folder itself",
            "フォルダではなく、その中のファイルを指定してください。",
        ),
        io::ErrorKind::NotADirectory => (
            "a folder is wanted, and this is a file: name the folder that it is in",
            "フォルダを指定してください。これはファイルです。",
        ),
        io::ErrorKind::PermissionDenied => (
            "whoever runs the command may not read it: change its permissions",
            "読み取り権限がありません。ファイルの権限を確認してください。",
        ),
        io::ErrorKind::InvalidInput => (
            "only regular files are read: write what comes from it into a file first, or name `-` for standard \
             input where that is taken",
            "通常のファイルではありません（パイプ、ソケット、デバイスなど）。内容をファイルに保存してから指定してください。",
        ),
        _ => (
            "try again, or copy the file to another place first",
            "ファイルを読み取れません。再試行するか、別の場所にコピーしてください。",
        ),
    };
    Failure::unavailable(format!("{name}: {error}"))
        .advice(advice)
        .in_japanese(format!("{name}：{japanese}"))
}

/// Refuses to write over what this run read.
fn not_read(path: &Path) -> Result<(), Failure> {
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

/// Whether both names are of one file.
pub(crate) fn is_one(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    let (one, other) = (place(one), place(other));
    one.is_some() && one == other
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

/// Refuses before long work what [`write`] would refuse behind it: to write where something is that begins
/// otherwise than what is made, or where anything is, if what is made is never the same twice.
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

/// Writes a new file, which is there whole or not at all. Nothing is ever written over: where the very same
/// octets are it is done, and where others are nothing is. Durable once this returns.
pub(crate) fn write(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    not_read(path)?;
    check_same(path, &[octets])?;
    if is_taken(path) {
        return Ok(());
    }
    match put_new(path, octets) {
        // Somebody was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_same(path, &[octets]),
        put => put.map_err(|error| unwritable(path, &error)),
    }
}

/// The same for whoever asked to have what is there replaced; what this run read is not.
pub(crate) fn write_over(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    not_read(path)?;
    replace(path, octets)
}

/// Writes a file that is there to be read and written in turn, such as what a command knows from run to run.
pub(crate) fn replace(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    let put = put_part(path, octets, |part| fs::rename(part, path));
    put.map_err(|error| unwritable(path, &error))
}

/// Writes a file under a name that nothing has.
fn put_new(path: &Path, octets: &[u8]) -> io::Result<()> {
    put_part(path, octets, |part| match link_new(part, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(part, path),
        linked => linked.and_then(|()| fs::remove_file(part)),
    })
}

/// Gives a file a second name, which nothing may have yet. Not every file system knows second names.
fn link_new(from: &Path, to: &Path) -> io::Result<()> {
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
        // What could not be finished is of no use to anybody.
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

/// A name that was given or taken away lasts once its folder is synced (POSIX leaves that to the caller).
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Where the proof of `artifact` is written: its name with `.tlog-proof` behind it.
pub(crate) fn proof_path(artifact: &Path, folder: Option<&Path>) -> PathBuf {
    let mut name = artifact.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(FILE_EXTENSION);
    match folder {
        Some(folder) => folder.join(name),
        None => artifact.with_file_name(name),
    }
}

/// The proof beside `artifact`: `.tlog-proof` behind its name, or instead of its extension.
pub(crate) fn proof_beside(artifact: &Path) -> Option<PathBuf> {
    let replaced = artifact.with_extension(FILE_EXTENSION);
    [proof_path(artifact, None), replaced]
        .into_iter()
        .find(|path| path.is_file() && path != artifact)
}

/// The document beside `token`: the file whose name the token's extension is behind (`a.pdf` for `a.pdf.tst`),
/// or one of its name with an extension that documents have (`a.pdf` for `a.tst`).
pub(crate) fn document_beside(token: &Path) -> Option<PathBuf> {
    let named = token.with_extension("");
    if named.is_file() && named != token {
        return Some(named);
    }
    let candidates = [
        "pdf", "txt", "xml", "json", "csv", "jpg", "jpeg", "png", "tif", "tiff", "docx", "xlsx",
        "eml", "zip",
    ];
    let mut beside = candidates.iter().map(|it| token.with_extension(it));
    beside.find(|path| path.is_file())
}

/// Reads a proof file.
pub(crate) fn read_proof(path: &Path) -> Result<Vec<u8>, Failure> {
    read(path, PROOF_LEN_MAX)
}

/// What a proof file says. One that cannot be read proves nothing, and disproves nothing.
pub(crate) fn parsed_proof(octets: &[u8], shown: &dyn Display) -> Result<TlogProof, Failure> {
    foreign::named(TlogProof::parse(octets), octets).map_err(|error| {
        Failure::new(Exit::Indeterminate, format!("{shown}: {error}"))
            .advice("check that it is the file that the log answered with; ishibumi evidence get fetches it again")
            .in_japanese(format!(
                "{shown}：証明ファイルとして読み取れません。ログの返したものか確認してください。`ishibumi evidence get` で取得し直せます。"
            ))
    })
}

/// What a signed note says, with the same in mind.
pub(crate) fn parsed_note(octets: &[u8], shown: &dyn Display) -> Result<Note, Failure> {
    foreign::named(Note::parse(octets), octets).map_err(|error| {
        Failure::new(Exit::Indeterminate, format!("{shown}: {error}"))
            .advice("a checkpoint is wanted, the very octets that the log serves")
            .in_japanese(format!(
                "{shown}：チェックポイントとして読み取れません。ログが返したものをそのまま指定してください。"
            ))
    })
}

/// Reads trust anchors: a file, or a folder whose certificates are all trusted; its subfolder
/// `intermediates` has certificates that are known without being trusted, and `responders` those of OCSP
/// responders that are trusted to answer, and for nothing else.
pub(crate) fn anchors(path: &Path, accept_sha1: Option<ExistedOn>) -> Result<Anchors, Failure> {
    let trusted = certificates(path)?;
    if trusted.is_empty() {
        let name = path.display();
        let message = format!("{name}: no certificate (.pem, .crt, .cer, .der) in it");
        let advice = "put the certificates of the CAs that you trust there, as PEM or DER";
        return Err(Failure::usage(message).advice(advice).in_japanese(format!(
            "{name}：証明書（.pem、.crt、.cer、.der）がありません。信頼する認証局の証明書をPEMまたはDERで置いてください。"
        )));
    }
    let inside = |folder: &str| {
        let folder = path.join(folder);
        if folder.is_dir() {
            certificates(&folder)
        } else {
            Ok(Vec::new())
        }
    };
    let anchors = Anchors::from_certificates(trusted)
        .with_intermediates(inside(INTERMEDIATES)?)
        .with_responders(inside(RESPONDERS)?);
    Ok(match accept_sha1 {
        Some(existed) => existed.accepted_by(anchors),
        None => anchors,
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let files = if path.is_dir() {
        let is_certificate = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|known| ["pem", "crt", "cer", "der"].contains(&known))
        };
        files_in(path)?.into_iter().filter(is_certificate).collect()
    } else {
        vec![path.to_owned()]
    };
    let mut all = Vec::new();
    for file in files {
        let octets = read(&file, ANCHOR_FILE_LEN_MAX)?;
        let bundle = Certificate::parse_bundle(&octets)
            .map_err(|error| mistaken::no_anchors(&file, &octets, &error))?;
        all.extend(bundle);
    }
    Ok(all)
}

/// The files of a folder, by name, without hidden ones and subfolders.
pub(crate) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: io::Error| unreadable(folder, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_file() && !hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
