//! Makes an archive of a log, from its store or another source of its files, or checks one.
//!
//! Nothing is copied unseen. The upper tiles have to make the root of the checkpoint; every entry
//! is hashed and every tile is computed from the entries; each has to lead to those upper tiles;
//! every kept checkpoint has to have the root of its size; every blob has the hash that a record
//! names. So an archive is sound or there is none, and the error names the file that is not.
//! Whether the checkpoint is the log's own is up to the caller, who has a policy.
//!
//! The octets are a function of the log's state: two exports of one state are equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ishibumi_artifact::Record;
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::tile::{
    ENTRY_LEN_MAX, Edge, LEVEL_MAX, TILE_LEN, TILE_WIDTH, Tile, TileKind, TileNodes, TilePath,
    TileSource, decode_bundle, encode_bundle, tile_width,
};
use ishibumi_tlog::tree::root;

use crate::compare::{Beside, Compare, is_archive};
use crate::log_files::{ExportError, LogFiles, wrong};
use crate::names;
use crate::reader::{ArchiveReader, BUNDLES_IN_VOLUME};
use crate::writer::{Form, Sink};

const README: &str = include_str!("readme/en.txt");
const README_JA: &str = include_str!("readme/ja.txt");

/// The commands for verification by hand that both pages show, indented.
const COMMANDS: &str = include_str!("readme/commands.sh");

/// The longest entry bundle, in octets.
const BUNDLE_LEN_MAX: usize = TILE_WIDTH as usize * (2 + ENTRY_LEN_MAX);

/// The longest blob, in octets.
const BLOB_LEN_MAX: usize = 64 << 20;

/// Sizes on one page of the listing of kept checkpoints, as a log's own listing has them.
const LISTING_MAX: usize = 1000;

/// Files in a side volume, at most; and octets after which the next one begins.
const SIDE_FILES_MAX: usize = 32_768;
const SIDE_LEN_MAX: usize = 1 << 30;

impl LogFiles for ArchiveReader {
    fn read(&mut self, path: &str, most: usize) -> Result<Option<Vec<u8>>, String> {
        ArchiveReader::read(self, path, most).map_err(|error| error.to_string())
    }

    fn kept_sizes(&mut self) -> Result<Vec<u64>, String> {
        ArchiveReader::kept_sizes(self).map_err(|error| error.to_string())
    }

    fn read_of(
        &mut self,
        volume: &str,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, String> {
        ArchiveReader::read_of(self, volume, path, most).map_err(|error| error.to_string())
    }

    fn is_in_volumes(&self) -> bool {
        ArchiveReader::is_in_volumes(self)
    }

    fn is_alone(&self) -> bool {
        ArchiveReader::is_alone(self)
    }

    fn unlisted(&mut self, expected: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        ArchiveReader::unlisted(self, expected)
    }
}

/// The extent of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The log.
    pub origin: String,
    /// Size of the tree.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Number of volumes; of a tree, the number of lists of sums.
    pub volumes: u64,
    /// Number of kept checkpoints.
    pub kept: u64,
    /// Number of blobs.
    pub blobs: u64,
    /// Blobs that records name and that are not there: erased, or never had.
    pub missing_blobs: Vec<Hash>,
    /// Files beside the log, if they were compared.
    pub beside: Beside,
}

/// Writes the log of `files` to `out`, where nothing is yet. `note` is the checkpoint, which the
/// caller has verified. `progress` is told (records done, records in all).
///
/// # Errors
/// [`ExportError`]: the first file of the log that cannot be read, is missing or is false; or why
/// the archive cannot be written.
pub fn export(
    files: &mut dyn LogFiles,
    note: &Note,
    out: &Path,
    form: Form,
    progress: impl FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let sink = Sink::create(out, form)?;
    run(files, note, Target::Sink(sink), progress)
}

/// Reads the log of `files` and writes nothing: whether every file of it leads to the checkpoint
/// `note`. Tiles that are stored are compared as well. What an archive has beside the log is not
/// looked at.
///
/// # Errors
/// [`ExportError`]: the first file of the log that cannot be read, is missing or is false.
pub fn check(
    files: &mut dyn LogFiles,
    note: &Note,
    progress: impl FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    run(files, note, Target::Nowhere, progress)
}

/// Reads all of an archive and writes nothing: the log as [`check`] does, and what lies beside it,
/// in every volume: lists of sums, pages, the listing of kept checkpoints. Of a bare copy of a
/// log's files, which has none of these, [`Beside::is_there`] says so.
///
/// # Errors
/// [`ExportError`]: the first file that cannot be read, is missing or is false.
pub fn check_archive(
    files: &mut dyn LogFiles,
    note: &Note,
    progress: impl FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let target = if is_archive(files)? {
        Target::Archive(Compare::default())
    } else {
        Target::Nowhere
    };
    run(files, note, target, progress)
}

/// Where the files are written.
enum Target {
    Nowhere,
    Sink(Sink),
    /// Held against those of an archive.
    Archive(Compare),
}

fn run(
    files: &mut dyn LogFiles,
    note: &Note,
    target: Target,
    mut progress: impl FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let checkpoint = Checkpoint::parse(note.text())
        .map_err(|error| wrong(names::CHECKPOINT, error.to_string()))?;
    if checkpoint.size == 0 {
        return Err(ExportError::Empty);
    }
    let upper = Upper::read(files, &checkpoint)?;
    let mut kept = files.kept_sizes().map_err(ExportError::Files)?;
    // A log goes on while it is read; an archive does not.
    let larger = kept.iter().find(|&&size| size > checkpoint.size);
    if let (Some(size), Target::Archive(_)) = (larger, &target) {
        let reason = format!("the tree of the archive has {} records", checkpoint.size);
        return Err(wrong(&format!("checkpoints/{size}"), reason));
    }
    kept.retain(|&size| size <= checkpoint.size);
    let mut work = Work {
        target,
        common: common(note, &upper),
        checkpoint: &checkpoint,
        upper,
        edge: Edge::new(),
        roots: kept.iter().map(|&size| (size, None)).collect(),
        blobs: BTreeSet::new(),
        volumes: 0,
    };
    let bundles = checkpoint.size.div_ceil(u64::from(TILE_WIDTH));
    for number in 0..bundles.div_ceil(BUNDLES_IN_VOLUME) {
        work.begin(files, &names::volume(number))?;
        let first = number * BUNDLES_IN_VOLUME;
        for index in first..bundles.min(first + BUNDLES_IN_VOLUME) {
            work.bundle(files, index)?;
            progress(work.edge.size(), checkpoint.size);
        }
        work.end(files)?;
    }
    work.check_root()?;
    let (kept, blobs, missing_blobs) = work.side(files)?;
    let beside = match work.target {
        Target::Nowhere => Beside::default(),
        Target::Sink(sink) => {
            sink.finish()?;
            Beside::default()
        }
        Target::Archive(compare) => compare.finish(files)?,
    };
    Ok(Exported {
        origin: checkpoint.origin.clone(),
        size: checkpoint.size,
        root: checkpoint.root,
        volumes: work.volumes,
        kept,
        blobs,
        missing_blobs,
        beside,
    })
}

/// The files that every volume has.
fn common(note: &Note, upper: &Upper) -> Vec<(String, Vec<u8>)> {
    let commands = COMMANDS.lines().fold(String::new(), |page, line| {
        let line = if line.is_empty() {
            line.to_owned()
        } else {
            format!("    {line}")
        };
        page + &line + "\n"
    });
    let page = |template: &str| template.replace("@COMMANDS@\n", &commands).into_bytes();
    let fixed = [
        (names::README.to_owned(), page(README)),
        (names::README_JA.to_owned(), page(README_JA)),
        (names::CHECKPOINT.to_owned(), note.encode().into_bytes()),
    ];
    let tiles = upper.0.values();
    let tiles = tiles.map(|(path, tile)| (path.to_string(), Tile::encode(tile.hashes())));
    fixed.into_iter().chain(tiles).collect()
}

/// The tiles that every volume has: those of level 2 and above, and the partial ones at the right
/// edge. They suffice for the root. By level and index.
#[derive(Debug)]
struct Upper(BTreeMap<(u8, u64), (TilePath, Tile)>);

impl Upper {
    fn read(files: &mut dyn LogFiles, checkpoint: &Checkpoint) -> Result<Self, ExportError> {
        let mut tiles = BTreeMap::new();
        for level in 0..=LEVEL_MAX {
            let nodes = checkpoint.size >> (8 * u32::from(level));
            let full = nodes / u64::from(TILE_WIDTH);
            let first = if level < 2 { full } else { 0 };
            for index in first..=full {
                let width = tile_width(level, index, checkpoint.size);
                if width == 0 {
                    continue;
                }
                let kind = TileKind::Hashes(level);
                let path = TilePath { kind, index, width };
                let octets = read_widest(files, path, TILE_LEN)?;
                let tile = octets.get(..usize::from(width) * (TILE_LEN / usize::from(TILE_WIDTH)));
                let tile = tile.and_then(|octets| Tile::decode(width, octets));
                let tile = tile.ok_or_else(|| {
                    wrong(
                        &path.to_string(),
                        format!("{} octets are no such tile", octets.len()),
                    )
                })?;
                tiles.insert((level, index), (path, tile));
            }
        }
        let upper = Self(tiles);
        let computed = root(&TileNodes::new(&upper, checkpoint.size), checkpoint.size)?;
        if computed != checkpoint.root {
            let signed = checkpoint.root;
            return Err(wrong(
                names::CHECKPOINT,
                format!(
                    "its root is {signed}, the upper tiles make {computed}: one of them is damaged"
                ),
            ));
        }
        Ok(upper)
    }
}

impl TileSource for Upper {
    type Error = ExportError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, ExportError> {
        let kind = TileKind::Hashes(level);
        let path = TilePath { kind, index, width };
        let found = self.0.get(&(level, index)).map(|(_, tile)| tile.clone());
        found.ok_or_else(|| ExportError::Missing(path.to_string()))
    }
}

/// A file of a log, or the full one where it has dropped a partial one.
fn read_widest(
    files: &mut dyn LogFiles,
    path: TilePath,
    most: usize,
) -> Result<Vec<u8>, ExportError> {
    if let Some(octets) = files
        .read(&path.to_string(), most)
        .map_err(ExportError::Files)?
    {
        return Ok(octets);
    }
    let full = TilePath {
        width: TILE_WIDTH,
        ..path
    };
    let octets = files
        .read(&full.to_string(), most)
        .map_err(ExportError::Files)?;
    octets.ok_or_else(|| ExportError::Missing(path.to_string()))
}

struct Work<'a> {
    target: Target,
    common: Vec<(String, Vec<u8>)>,
    checkpoint: &'a Checkpoint,
    upper: Upper,
    edge: Edge,
    /// The roots at the sizes of the kept checkpoints, once they are reached.
    roots: BTreeMap<u64, Option<Hash>>,
    blobs: BTreeSet<[u8; 32]>,
    volumes: u64,
}

impl Work<'_> {
    fn begin(&mut self, files: &mut dyn LogFiles, name: &str) -> Result<(), ExportError> {
        self.volumes += 1;
        match &mut self.target {
            Target::Nowhere => return Ok(()),
            Target::Sink(sink) => sink.begin(name)?,
            Target::Archive(compare) => compare.begin(files, name)?,
        }
        for (path, octets) in std::mem::take(&mut self.common) {
            self.add(files, &path, &octets)?;
            self.common.push((path, octets));
        }
        Ok(())
    }

    fn add(
        &mut self,
        files: &mut dyn LogFiles,
        path: &str,
        octets: &[u8],
    ) -> Result<(), ExportError> {
        match &mut self.target {
            Target::Nowhere => Ok(()),
            Target::Sink(sink) => Ok(sink.add(path, octets)?),
            Target::Archive(compare) => compare.add(files, path, octets),
        }
    }

    fn end(&mut self, files: &mut dyn LogFiles) -> Result<(), ExportError> {
        match &mut self.target {
            Target::Nowhere => Ok(()),
            Target::Sink(sink) => Ok(sink.end()?),
            Target::Archive(compare) => compare.end(files),
        }
    }

    /// Takes over an entry bundle, and the tiles that it completes.
    fn bundle(&mut self, files: &mut dyn LogFiles, index: u64) -> Result<(), ExportError> {
        let kind = TileKind::Entries;
        let width = tile_width(0, index, self.checkpoint.size);
        let path = TilePath { kind, index, width };
        let name = path.to_string();
        let octets = read_widest(files, path, BUNDLE_LEN_MAX)?;
        let decoded = decode_bundle(width, &octets);
        // The full bundle may stand where the partial one is expected.
        let decoded = decoded.or_else(|error| {
            let full = decode_bundle(TILE_WIDTH, &octets).map_err(|_| error)?;
            Ok(full.into_iter().take(usize::from(width)).collect())
        });
        let entries = decoded
            .map_err(|error: ishibumi_tlog::tile::BundleError| wrong(&name, error.to_string()))?;
        let mut filled = Vec::new();
        for entry in &entries {
            self.edge.append(leaf_hash(entry), |level, index, tile| {
                filled.push((level, index, tile));
            });
            let blob = Record::decode(entry)
                .ok()
                .and_then(|record| record.body().blob());
            self.blobs.extend(blob);
            let size = self.edge.size();
            if let Some(root) = self.roots.get_mut(&size) {
                *root = Some(self.edge.root());
            }
        }
        let bundle = encode_bundle(&entries).map_err(|error| wrong(&name, error.to_string()))?;
        self.add(files, &name, &bundle)?;
        for (level, index, tile) in filled {
            self.tile(files, level, index, &tile)?;
        }
        Ok(())
    }

    /// A full tile that was computed from the entries: the upper ones are known, and it has to lead
    /// there.
    fn tile(
        &mut self,
        files: &mut dyn LogFiles,
        level: u8,
        index: u64,
        tile: &Tile,
    ) -> Result<(), ExportError> {
        let path = TilePath {
            kind: TileKind::Hashes(level),
            index,
            width: TILE_WIDTH,
        };
        if level >= 2 {
            return match self.upper.0.get(&(level, index)) {
                Some((_, known)) if known == tile => Ok(()),
                _ => Err(wrong(
                    &path.to_string(),
                    "the entries below it make another one".into(),
                )),
            };
        }
        // The hash over this tile is the newest of the level above it.
        let above = self.edge.levels().get(usize::from(level) + 1);
        let above = above.and_then(|hashes| Some((hashes.len().checked_sub(1)?, hashes.last()?)));
        let parent = (level + 1, index / u64::from(TILE_WIDTH));
        let known = self.upper.0.get(&parent).map(|(_, tile)| tile.hashes());
        if let (Some((place, hash)), Some(known)) = (above, known)
            && known.get(place) != Some(hash)
        {
            return Err(self.blame(files, level, index, tile));
        }
        let (path, octets) = (path.to_string(), Tile::encode(tile.hashes()));
        if !matches!(self.target, Target::Sink(_)) {
            let stored = files.read(&path, TILE_LEN).map_err(ExportError::Files)?;
            let stored = stored.ok_or_else(|| ExportError::Missing(path.clone()))?;
            if stored != octets && level == 0 {
                return Err(self.accuse(files, index));
            }
            if stored != octets {
                let stored = Tile::decode(TILE_WIDTH, &stored);
                let place = stored.and_then(|stored| differing(stored.hashes(), tile.hashes()));
                let reason = match place {
                    Some(place) => {
                        format!("hash {place} in it is another one than the entries make")
                    }
                    None => "it is no such tile".to_owned(),
                };
                return Err(wrong(&path, reason));
            }
        }
        self.add(files, &path, &octets)
    }

    /// The file that does not lead to the checkpoint, by the log's own tiles.
    fn blame(&self, files: &mut dyn LogFiles, level: u8, index: u64, tile: &Tile) -> ExportError {
        if level == 0 {
            return self.accuse(files, index);
        }
        let path = full_tile(level, index);
        let stored = read_widest(files, path, TILE_LEN).ok();
        let stored = stored.and_then(|octets| Tile::decode(TILE_WIDTH, &octets));
        match stored.and_then(|stored| differing(stored.hashes(), tile.hashes())) {
            Some(place) => self.accuse(files, index * u64::from(TILE_WIDTH) + place),
            None => wrong(
                &path.to_string(),
                "it does not lead to the root of the checkpoint".into(),
            ),
        }
    }

    /// Whether the full bundle or its tile is false: the one whose hash the level above lacks.
    fn accuse(&self, files: &mut dyn LogFiles, index: u64) -> ExportError {
        let tile_path = full_tile(0, index);
        let kind = TileKind::Entries;
        let path = TilePath { kind, ..tile_path }.to_string();
        let unclear = || wrong(&path, "its entries do not lead to the checkpoint".into());
        let read = |files: &mut dyn LogFiles, path, most| read_widest(files, path, most).ok();
        let bundle = read(files, TilePath { kind, ..tile_path }, BUNDLE_LEN_MAX);
        let bundle = bundle
            .as_deref()
            .and_then(|b| decode_bundle(TILE_WIDTH, b).ok());
        let made: Option<Vec<Hash>> =
            bundle.map(|bundle| bundle.into_iter().map(leaf_hash).collect());
        let stored = read(files, tile_path, TILE_LEN);
        let stored = stored.and_then(|octets| Tile::decode(TILE_WIDTH, &octets));
        let (Some(made), Some(stored)) = (made, stored) else {
            return unclear();
        };
        let above = (index / u64::from(TILE_WIDTH), index % u64::from(TILE_WIDTH));
        let upper = self
            .upper
            .0
            .get(&(1, above.0))
            .map(|(_, tile)| tile.clone());
        let upper = upper.or_else(|| {
            let octets = read(files, full_tile(1, above.0), TILE_LEN)?;
            Tile::decode(TILE_WIDTH, &octets)
        });
        let place = usize::try_from(above.1).unwrap_or(usize::MAX);
        let known = upper.and_then(|tile| tile.hashes().get(place).copied());
        let first = differing(stored.hashes(), &made);
        match first {
            Some(place) if known == Some(root_of(stored.hashes())) => {
                let number = index * u64::from(TILE_WIDTH) + place;
                wrong(
                    &path,
                    format!("entry {number} has another hash than its tile says"),
                )
            }
            Some(place) if known == Some(root_of(&made)) => {
                let reason = format!("hash {place} in it is another one than the entries make");
                wrong(&tile_path.to_string(), reason)
            }
            _ => unclear(),
        }
    }

    /// The partial tiles and the root that the entries make are those of the checkpoint.
    fn check_root(&self) -> Result<(), ExportError> {
        for ((level, index), (path, tile)) in &self.upper.0 {
            if path.width < TILE_WIDTH {
                let made = self.edge.levels().get(usize::from(*level));
                let made = made.map_or(&[][..], Vec::as_slice);
                if made != tile.hashes() {
                    let place = made
                        .iter()
                        .zip(tile.hashes())
                        .position(|(one, other)| one != other);
                    let place = index * 256 + place.unwrap_or(made.len()) as u64;
                    if *level == 0 {
                        // The tile leads to the root, so it is the entry that does not.
                        let bundle = TilePath {
                            kind: TileKind::Entries,
                            ..*path
                        };
                        let reason = format!("entry {place} has another hash than its tile says");
                        return Err(wrong(&bundle.to_string(), reason));
                    }
                    let reason = format!("hash {place} is another one than the entries make");
                    return Err(wrong(&path.to_string(), reason));
                }
            }
        }
        let (computed, signed) = (self.edge.root(), self.checkpoint.root);
        if computed != signed {
            let reason = format!("its root is {signed}, the entries make {computed}");
            return Err(wrong(names::CHECKPOINT, reason));
        }
        Ok(())
    }

    /// The side volumes: kept checkpoints with their listing, and blobs.
    fn side(&mut self, files: &mut dyn LogFiles) -> Result<(u64, u64, Vec<Hash>), ExportError> {
        let mut side = Side {
            number: 0,
            files: 0,
            octets: 0,
        };
        let (mut kept, mut blobs, mut missing) = (0, 0, Vec::new());
        if matches!(self.target, Target::Archive(_)) && files.is_alone() {
            missing.extend(std::mem::take(&mut self.blobs).into_iter().map(Hash));
            return Ok((kept, blobs, missing));
        }
        let roots = std::mem::take(&mut self.roots);
        for (path, page) in listing(&roots.keys().copied().collect::<Vec<_>>()) {
            side.add(self, files, &path, page.as_bytes())?;
        }
        for (size, root) in roots {
            let path = format!("checkpoints/{size}");
            let octets = files
                .read(&path, NOTE_LEN_MAX)
                .map_err(ExportError::Files)?;
            let octets = octets.ok_or_else(|| ExportError::Missing(path.clone()))?;
            check_kept(&octets, &self.checkpoint.origin, size, root)
                .map_err(|reason| wrong(&path, reason))?;
            side.add(self, files, &path, &octets)?;
            kept += 1;
        }
        for digest in std::mem::take(&mut self.blobs) {
            let digest = Hash(digest);
            let path = format!("blob/{digest}");
            match files
                .read(&path, BLOB_LEN_MAX)
                .map_err(ExportError::Files)?
            {
                None => missing.push(digest),
                Some(blob) if Hash::of(&blob) == digest => {
                    side.add(self, files, &path, &blob)?;
                    blobs += 1;
                }
                Some(blob) => {
                    let found = Hash::of(&blob);
                    return Err(wrong(
                        &path,
                        format!("what is there has the SHA-256 {found}"),
                    ));
                }
            }
        }
        if side.files > 0 {
            self.end(files)?;
        }
        Ok((kept, blobs, missing))
    }
}

fn full_tile(level: u8, index: u64) -> TilePath {
    TilePath {
        kind: TileKind::Hashes(level),
        index,
        width: TILE_WIDTH,
    }
}

/// The first index at which two rows of hashes differ.
fn differing(one: &[Hash], other: &[Hash]) -> Option<u64> {
    let place = one.iter().zip(other).position(|(one, other)| one != other);
    place.and_then(|place| u64::try_from(place).ok())
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut edge = Edge::new();
    for leaf in leaves {
        edge.append(*leaf, |_, _, _| {});
    }
    edge.root()
}

/// The side volume that is being written.
struct Side {
    number: u64,
    files: usize,
    octets: usize,
}

impl Side {
    fn add(
        &mut self,
        work: &mut Work<'_>,
        files: &mut dyn LogFiles,
        path: &str,
        octets: &[u8],
    ) -> Result<(), ExportError> {
        if self.files == SIDE_FILES_MAX || self.octets > SIDE_LEN_MAX {
            work.end(files)?;
            (self.files, self.octets) = (0, 0);
        }
        if self.files == 0 {
            work.begin(files, &names::side(self.number))?;
            self.number += 1;
        }
        self.files += 1;
        self.octets += octets.len();
        work.add(files, path, octets)
    }
}

/// The pages of the listing: what a log answers at `checkpoints?from=SIZE`, as files.
fn listing(sizes: &[u64]) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut path = names::LISTING.to_owned();
    let mut rest = sizes;
    loop {
        let (page, after) = rest.split_at(rest.len().min(LISTING_MAX));
        let next = page
            .last()
            .filter(|_| !after.is_empty())
            .map(|last| last + 1);
        let shown: Vec<String> = page.iter().map(u64::to_string).collect();
        let next_shown = next.map_or_else(|| "null".to_owned(), |next| next.to_string());
        let body = format!(
            "{{\"next\":{next_shown},\"sizes\":[{}]}}\n",
            shown.join(",")
        );
        pages.push((path, body));
        let Some(next) = next else { return pages };
        path = names::listing_from(next);
        rest = after;
    }
}

fn check_kept(octets: &[u8], origin: &str, size: u64, root: Option<Hash>) -> Result<(), String> {
    let note = Note::parse(octets).map_err(|error| error.to_string())?;
    let kept = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    if kept.origin != origin || kept.size != size {
        return Err(format!("it is of {:?}, size {}", kept.origin, kept.size));
    }
    match root {
        Some(root) if root == kept.root => Ok(()),
        Some(root) => Err(format!(
            "its root is {}, the entries make {root}",
            kept.root
        )),
        None => Err("there is no tree of that size".to_owned()),
    }
}
