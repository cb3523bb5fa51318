//! Files: read within a bound, and found beside one another. How they are written is in
//! [`writing`].

mod kept;
mod writing;

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read as _};
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
pub(crate) use writing::{
    check_free, check_same, holds, make_folder, replace, taken, unwritable, write, write_over,
};

/// The largest artifact that is read, in octets: a large CRL in PEM.
pub(crate) const ARTIFACT_LEN_MAX: usize = 32 << 20;

/// The largest file in a folder of anchors, in octets.
const ANCHOR_FILE_LEN_MAX: usize = 8 << 20;

/// The folder inside of a folder of anchors whose certificates are known without being trusted.
const INTERMEDIATES: &str = "intermediates";

/// The folder inside of a folder of anchors whose certificates are OCSP responders that are
/// trusted.
const RESPONDERS: &str = "responders";

/// Every file that was read, as the file system knows it. It is kept here, once, so that no command
/// can forget to say what its inputs were: a run writes over none of them.
static READ: LazyLock<Mutex<HashSet<(u64, u64)>>> = LazyLock::new(Mutex::default);

fn note_read(file: &File) {
    if let Ok(data) = file.metadata() {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert((data.dev(), data.ino()));
    }
}

/// Opens a file that may come from another party: only a regular file.
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
        let file = open(path)?;
        if regular::is_longer(&file, most) {
            return Err(too_long(path, most));
        }
        regular::take(file, most)
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

/// Whether both names are of one file.
pub(crate) fn is_one(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    let (one, other) = (place(one), place(other));
    one.is_some() && one == other
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

/// The document beside `token`: the file whose name precedes the token's extension (`a.pdf` for
/// `a.pdf.tst`), or one with this name and an extension that documents have (`a.pdf` for `a.tst`).
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

/// Parses a proof file. If it cannot be read, it proves nothing and disproves nothing.
pub(crate) fn parsed_proof(octets: &[u8], shown: &dyn Display) -> Result<TlogProof, Failure> {
    foreign::named(TlogProof::parse(octets), octets).map_err(|error| {
        Failure::new(Exit::Indeterminate, format!("{shown}: {error}"))
            .advice("check that it is the file that the log answered with; ishibumi evidence get fetches it again")
            .in_japanese(format!(
                "{shown}：証明ファイルとして読み取れません。ログの返したものか確認してください。`ishibumi evidence get` で取得し直せます。"
            ))
    })
}

/// Parses a signed note. If it cannot be read, it proves nothing and disproves nothing.
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
/// `intermediates` has certificates that are known without being trusted, and `responders` those of
/// OCSP responders that are trusted to answer, and for nothing else.
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
