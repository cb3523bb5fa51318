//! Finds files below a folder: tokens, PDFs, evidence files, and the documents that tokens stamp.
//! `verify --batch` and `evidence pack` use it alike, so that a folder that the one verifies the
//! other packs.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ishibumi::evidence;
use ishibumi::evidence::pdf;
use ishibumi_archive::regular;
use ishibumi_artifact::TimestampToken;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_tlog::proof::FILE_EXTENSION;

use super::{Failure, collect, files, network};

/// Folders inside of folders.
const DEPTH_MAX: usize = 64;

/// A file that is found below the folder.
pub(super) enum Found {
    /// A token, or another artifact with a proof.
    Token(PathBuf),
    /// A PDF, with time-stamps or without.
    Pdf(PathBuf),
    EvidenceFile(PathBuf),
    /// Something that can be no more than a name and a reason.
    Problem(PathBuf, Failure),
}

impl Found {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Token(path)
            | Self::Pdf(path)
            | Self::EvidenceFile(path)
            | Self::Problem(path, _) => path,
        }
    }
}

/// All of it, by path.
#[derive(Default)]
pub(super) struct Below {
    pub(super) found: Vec<Found>,
    /// Files that may be documents: PDFs are among them.
    pub(super) others: Vec<PathBuf>,
    /// Lists and responses in folders called `revocation`: what tells about the others.
    pub(super) status: Vec<PathBuf>,
}

impl Below {
    pub(super) fn look(folder: &Path) -> Self {
        let mut below = Self::default();
        below.walk(folder, 0);
        below.found.sort_by(|a, b| a.path().cmp(b.path()));
        below.others.sort();
        below.status.sort();
        below
    }

    fn problem(&mut self, path: &Path, english: &str, japanese: &str) {
        let failure = Failure::unavailable(english).in_japanese(japanese);
        self.found.push(Found::Problem(path.to_owned(), failure));
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let failure = files::unreadable(path, error);
        self.found.push(Found::Problem(path.to_owned(), failure));
    }

    /// Symbolic links are not followed, so that there are no loops.
    fn walk(&mut self, folder: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            return self.problem(
                folder,
                "folders inside of folders, too many: not looked into",
                "フォルダの階層が深すぎるため、調べていません。",
            );
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error),
        };
        for entry in entries {
            match entry.and_then(|it| Ok((it.path(), it.file_type()?))) {
                Ok((path, kind)) if kind.is_dir() => self.walk(&path, depth + 1),
                Ok((path, kind)) if kind.is_symlink() => self.problem(
                    &path,
                    "a symbolic link, which is not followed: verify what it leads to",
                    "シンボリックリンクのため、たどりません。リンク先を検証してください。",
                ),
                Ok((path, kind)) if !kind.is_file() => self.problem(
                    &path,
                    "neither a file nor a folder",
                    "ファイルでもフォルダでもありません。",
                ),
                Ok((path, _)) => self.file(path),
                Err(error) => self.unreadable(folder, &error),
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(&format!(".{}", evidence::FILE_EXTENSION)) {
            self.found.push(Found::EvidenceFile(path));
        } else if has_extension(&path, &[FILE_EXTENSION]) {
            // Belongs to the file beside it.
        } else if collect::is_status_beside(&path) {
            self.status.push(path);
        } else if has_extension(&path, &["tst", "tsr"]) {
            self.found.push(Found::Token(path));
        } else {
            match begins_as_pdf(&path) {
                // Whatever stands beside it, a time-stamp in it is one of the folder's.
                Ok(true) => {
                    self.found.push(Found::Pdf(path.clone()));
                    self.others.push(path);
                }
                Err(error) if has_extension(&path, &["pdf"]) => self.unreadable(&path, &error),
                _ if has_extension(&path, &["pem"]) || files::proof_path(&path, None).is_file() => {
                    self.found.push(Found::Token(path));
                }
                _ => self.others.push(path),
            }
        }
    }
}

/// Whether its extension is one of these, in any case: a scanner writes `.PDF`.
pub(super) fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension.is_some_and(|it| known.iter().any(|known| it.eq_ignore_ascii_case(known)))
}

fn begins_as_pdf(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    let mut opened = regular::open(path)?.take(pdf::HEADER_WITHIN as u64);
    opened.read_to_end(&mut start)?;
    Ok(pdf::is_pdf(&start))
}

/// Reads a PDF that may turn out to be no input. [`files::open`] makes it one.
pub(super) fn read_pdf(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| files::unreadable(path, &error);
    let file = regular::open(path).map_err(failed)?;
    if regular::is_longer(&file, pdf::PDF_LEN_MAX) {
        return Err(files::too_long(path, pdf::PDF_LEN_MAX));
    }
    regular::take(file, pdf::PDF_LEN_MAX).map_err(failed)
}

/// Documents that no name leads to, found by the hash that a token stamps.
pub(super) struct Documents(HashMap<Imprint, Vec<PathBuf>>);

/// Hash algorithm and digest.
pub(super) type Imprint = (HashAlgorithm, Vec<u8>);

impl Documents {
    /// Hashes `others`, if there are tokens without a document beside them.
    pub(super) fn find(found: &[Found], others: &[PathBuf]) -> Self {
        let mut wanted: HashSet<Imprint> = HashSet::new();
        for one in found {
            if let Found::Token(path) = one
                && files::document_beside(path).is_none()
                && let Ok(octets) = files::read(path, files::ARTIFACT_LEN_MAX)
            {
                wanted.extend(imprint(&octets));
            }
        }
        Self::among(others, &wanted)
    }

    /// Those of `others` that have one of these hashes.
    pub(super) fn among(others: &[PathBuf], wanted: &HashSet<Imprint>) -> Self {
        let algorithms: HashSet<HashAlgorithm> = wanted.iter().map(|(it, _)| *it).collect();
        let mut documents: HashMap<Imprint, Vec<PathBuf>> = HashMap::new();
        if wanted.is_empty() {
            return Self(documents);
        }
        let bar = network::progress_bar(others.len() as u64, "documents hashed");
        for path in others {
            for algorithm in &algorithms {
                // A file that cannot be read is no document of any token: its token is reported as
                // lacking one.
                let digest = digest(path, *algorithm).map(|digest| (*algorithm, digest));
                if let Ok(imprint) = digest
                    && wanted.contains(&imprint)
                {
                    documents.entry(imprint).or_default().push(path.clone());
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Self(documents)
    }

    pub(super) fn of(&self, token: &[u8]) -> Option<&PathBuf> {
        self.with(&imprint(token)?)
    }

    pub(super) fn with(&self, imprint: &Imprint) -> Option<&PathBuf> {
        self.0.get(imprint)?.first()
    }

    /// All of them, copies too.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.values().flatten()
    }
}

fn imprint(token: &[u8]) -> Option<Imprint> {
    let token = TimestampToken::parse(token).ok()?;
    Some((token.imprint_algorithm(), token.imprint().to_vec()))
}

pub(super) fn digest(path: &Path, algorithm: HashAlgorithm) -> io::Result<Vec<u8>> {
    let (mut file, mut hasher) = (regular::open(path)?, algorithm.hasher());
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(piece.get(..read).unwrap_or_default()),
        }
    }
}
