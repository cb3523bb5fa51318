//! Reads an archive: a directory of files, one ZIP volume, or a directory of volumes. All of them
//! are read by the paths that a log serves (C2SP tlog-tiles, `docs/formats/archive.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ishibumi_tlog::note::NOTE_LEN_MAX;
use ishibumi_tlog::tile::{TileKind, TilePath};

use crate::volume::{Volume, VolumeError};
use crate::{names, regular};

/// Number of tiles of level 0, and of bundles, in a volume.
pub const BUNDLES_IN_VOLUME: u64 = 256;

/// Volumes that are opened at most.
const VOLUMES_MAX: usize = 100_000;

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveReaderError {
    /// The disk. Nothing is said about the archive.
    #[error("{path}: {error}")]
    Io {
        /// Path of the file.
        path: String,
        /// The error of the system.
        error: io::Error,
    },
    /// A volume is damaged, or none.
    #[error("{path}: {error}")]
    Volume {
        /// Path of the volume.
        path: String,
        /// What is wrong, with the entry if it is about one.
        error: VolumeError,
    },
    /// Volumes of more than one export lie together.
    #[error("{path}: its checkpoint is not that of {other}: volumes of one export belong together")]
    Mixed {
        /// One volume.
        path: String,
        /// Another one.
        other: String,
    },
    /// A `file:` URL that names no path.
    #[error("{0}: expected file:///PATH")]
    Url(String),
    /// More volumes than are opened.
    #[error("{0}: more than {VOLUMES_MAX} volumes")]
    TooMany(String),
}

/// An archive that is read.
#[derive(Debug)]
pub struct ArchiveReader {
    shown: String,
    kind: Kind,
    /// One volume that was named by itself.
    alone: bool,
}

#[derive(Debug)]
enum Kind {
    Tree(PathBuf),
    Volumes(Vec<(PathBuf, Volume)>, BTreeMap<String, usize>),
}

impl fmt::Display for ArchiveReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The path that `text` names, if it is no URL of another scheme: a path, or `file:///PATH`.
///
/// # Errors
/// [`ArchiveReaderError::Url`] for a `file:` URL that names no path of this machine.
pub fn path_of(text: &str) -> Result<Option<PathBuf>, ArchiveReaderError> {
    if !text.contains("://") {
        return Ok(Some(PathBuf::from(text)));
    }
    if !text
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
    {
        return Ok(None);
    }
    let parsed = url::Url::parse(text).ok();
    let path = parsed.and_then(|url| url.to_file_path().ok());
    path.map(Some)
        .ok_or_else(|| ArchiveReaderError::Url(text.to_owned()))
}

impl ArchiveReader {
    /// The files below a directory, whether or not it is there yet.
    pub fn tree(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            shown: directory.display().to_string(),
            kind: Kind::Tree(directory),
            alone: false,
        }
    }

    /// Opens the archive at `path`: a volume, a directory of volumes (without a file `checkpoint`),
    /// or a directory of files.
    ///
    /// # Errors
    /// [`ArchiveReaderError`], if the files cannot be read, are no archive, or are too many.
    pub fn open(path: &Path) -> Result<Self, ArchiveReaderError> {
        let io = |error| ArchiveReaderError::Io {
            path: path.display().to_string(),
            error,
        };
        if fs::metadata(path).map_err(io)?.is_file() {
            let place = Self::volumes(path, vec![path.to_owned()])?;
            return Ok(Self {
                alone: true,
                ..place
            });
        }
        if path.join(names::CHECKPOINT).exists() {
            return Ok(Self::tree(path));
        }
        let mut volumes = Vec::new();
        for entry in fs::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            if file.extension().is_some_and(|extension| extension == "zip") && file.is_file() {
                volumes.push(file);
            }
        }
        if volumes.is_empty() {
            return Ok(Self::tree(path));
        }
        volumes.sort();
        Self::volumes(path, volumes)
    }

    fn volumes(shown: &Path, paths: Vec<PathBuf>) -> Result<Self, ArchiveReaderError> {
        let shown = shown.display().to_string();
        if paths.len() > VOLUMES_MAX {
            return Err(ArchiveReaderError::TooMany(shown));
        }
        let (mut volumes, mut index) = (Vec::new(), BTreeMap::new());
        let mut first: Option<(String, Vec<u8>)> = None;
        for path in paths {
            let name = path.display().to_string();
            let file = regular::open(&path).map_err(|error| ArchiveReaderError::Io {
                path: name.clone(),
                error,
            })?;
            let wrong = |error| of_volume(&name, error);
            let volume = Volume::open(file).map_err(wrong)?;
            let checkpoint = volume
                .read(names::CHECKPOINT, NOTE_LEN_MAX)
                .map_err(wrong)?;
            let checkpoint = checkpoint.unwrap_or_default();
            match &first {
                Some((other, known)) if *known != checkpoint => {
                    let other = other.clone();
                    return Err(ArchiveReaderError::Mixed { path: name, other });
                }
                Some(_) => {}
                None => first = Some((name, checkpoint)),
            }
            for entry in volume.names() {
                // What several have is what all of them repeat; the first will do.
                index.entry(entry.to_owned()).or_insert(volumes.len());
            }
            volumes.push((path, volume));
        }
        Ok(Self {
            shown,
            kind: Kind::Volumes(volumes, index),
            alone: false,
        })
    }

    /// The file at `path`, of at most `most` octets (one more may come from a directory); `None` if
    /// there is none.
    ///
    /// # Errors
    /// [`ArchiveReaderError`], if the file or its volume cannot be read or is damaged.
    pub fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, ArchiveReaderError> {
        match &self.kind {
            Kind::Tree(directory) => read_bounded(&directory.join(path), most),
            Kind::Volumes(volumes, index) => {
                let Some((file, volume)) = index.get(path).and_then(|at| volumes.get(*at)) else {
                    return Ok(None);
                };
                let wrong = |error| of_volume(&file.display().to_string(), error);
                volume.read(path, most).map_err(wrong)
            }
        }
    }

    /// The file at `path` in the volume of this name, even if the volume's file was renamed; in a
    /// directory of files, the file at `path`.
    ///
    /// # Errors
    /// [`ArchiveReaderError`], if the file or its volume cannot be read or is damaged.
    pub fn read_of(
        &self,
        volume: &str,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ArchiveReaderError> {
        let Kind::Volumes(volumes, index) = &self.kind else {
            return self.read(path, most);
        };
        // Each has the list of sums that is named after it.
        let named = index.get(&names::sums(volume));
        let Some((file, volume)) = named.and_then(|at| volumes.get(*at)) else {
            return Ok(None);
        };
        let wrong = |error| of_volume(&file.display().to_string(), error);
        volume.read(path, most).map_err(wrong)
    }

    /// Whether it is volumes.
    pub const fn is_in_volumes(&self) -> bool {
        matches!(self.kind, Kind::Volumes(..))
    }

    /// Whether it is one volume that was named by itself.
    pub const fn is_alone(&self) -> bool {
        self.alone
    }

    /// Files that are there beside those of `expected`, by volume. What cannot be listed is not
    /// named.
    pub fn unlisted(&self, expected: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        match &self.kind {
            Kind::Tree(directory) => {
                let all: BTreeSet<&str> = expected.values().flatten().map(String::as_str).collect();
                let mut found = Vec::new();
                walk_tree(directory, "", &mut |name| {
                    if !all.contains(name) {
                        found.push(name.to_owned());
                    }
                });
                found
            }
            Kind::Volumes(volumes, index) => {
                let of = |place: usize| {
                    let named = |volume: &&String| index.get(&names::sums(volume)) == Some(&place);
                    expected.iter().find(|(volume, _)| named(volume))
                };
                let volumes = volumes.iter().enumerate();
                let strays = volumes.flat_map(|(place, (file, volume))| {
                    let known = of(place).map(|(_, names)| names);
                    let is_stray = move |name: &&str| known.is_none_or(|all| !all.contains(*name));
                    let strays = volume.names().filter(is_stray);
                    strays.map(move |name| format!("{}: {name}", file.display()))
                });
                strays.collect()
            }
        }
    }

    /// Sizes of the kept checkpoints, ascending.
    ///
    /// # Errors
    /// [`ArchiveReaderError`], if the list of sizes cannot be read.
    pub fn kept_sizes(&self) -> Result<Vec<u64>, ArchiveReaderError> {
        let sizes: BTreeSet<u64> = match &self.kind {
            Kind::Tree(directory) => {
                let folder = directory.join("checkpoints");
                let io = |error| ArchiveReaderError::Io {
                    path: folder.display().to_string(),
                    error,
                };
                let mut sizes = BTreeSet::new();
                let entries = match fs::read_dir(&folder) {
                    Ok(entries) => entries,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    Err(error) => return Err(io(error)),
                };
                for entry in entries {
                    let name = entry.map_err(io)?.file_name();
                    let name = format!("checkpoints/{}", name.to_string_lossy());
                    sizes.extend(names::kept_size(&name));
                }
                sizes
            }
            Kind::Volumes(_, index) => index
                .keys()
                .filter_map(|name| names::kept_size(name))
                .collect(),
        };
        Ok(sizes.into_iter().collect())
    }

    /// Where `path` lies, for people: the file, or the volume and the entry in it; if it is not
    /// there, the volume that would have it.
    pub fn whereabouts(&self, path: &str) -> String {
        match &self.kind {
            Kind::Tree(directory) => directory.join(path).display().to_string(),
            Kind::Volumes(volumes, index) => {
                match (
                    index.get(path).and_then(|at| volumes.get(*at)),
                    volume_of(path),
                ) {
                    (Some((file, _)), _) => format!("{}: {path}", file.display()),
                    (None, Some(volume)) => format!("{self}: {path} (of volume {volume}.zip)"),
                    (None, None) => format!("{self}: {path}"),
                }
            }
        }
    }
}

/// Shows `visit` every file below `folder`, by its path with slashes.
fn walk_tree(folder: &Path, above: &str, visit: &mut impl FnMut(&str)) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        // A link is not followed: it is a file that no archive has.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk_tree(&entry.path(), &format!("{name}/"), visit);
        } else {
            visit(&name);
        }
    }
}

/// The volume that a file is in, as far as its name tells.
fn volume_of(path: &str) -> Option<String> {
    let tile = TilePath::parse(path)?;
    match tile.kind {
        TileKind::Entries | TileKind::Hashes(0) => {
            Some(names::volume(tile.index / BUNDLES_IN_VOLUME))
        }
        TileKind::Hashes(1) => Some(names::volume(tile.index)),
        TileKind::Hashes(_) => None,
    }
}

fn of_volume(path: &str, error: VolumeError) -> ArchiveReaderError {
    let path = path.to_owned();
    match error {
        VolumeError::Io(error) => ArchiveReaderError::Io { path, error },
        error => ArchiveReaderError::Volume { path, error },
    }
}

fn read_bounded(file: &Path, most: usize) -> Result<Option<Vec<u8>>, ArchiveReaderError> {
    // One more octet than allowed is enough for the caller to refuse it.
    match regular::read(file, most) {
        Ok(octets) => Ok(Some(octets)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(ArchiveReaderError::Io {
                path: file.display().to_string(),
                error,
            }),
        },
    }
}
