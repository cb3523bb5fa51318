//! Where a log is rebuilt from: a mirror or a log over HTTP, an archive in files, the data
//! directory of a log or of a mirror's copy. None of them is trusted; all are read by the paths
//! that a log serves.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ishibumi_archive::{ArchiveReader, names, reader};
use ishibumi_store::public::{self, ReadError};
use ishibumi_store::{LogStore as _, RocksLog};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::tile::{
    ENTRY_LEN_MAX, TILE_LEN, TILE_WIDTH, Tile, TileKind, TilePath, TileSource, decode_bundle,
};
use ishibumi_wire::{NetError, Request, Response};
use serde::Deserialize;

use super::OperateError;
use super::reach::Reach;

/// The longest entry bundle, in octets.
const BUNDLE_LEN_MAX: usize = TILE_WIDTH as usize * (2 + ENTRY_LEN_MAX);

/// The longest blob, in octets.
const BLOB_LEN_MAX: usize = 64 << 20;

/// The longest page of the listing of kept checkpoints, in octets: 1,000 sizes of 20 digits.
const LISTING_LEN_MAX: usize = 1 << 16;

/// Octets of a hash in a tile.
const HASH_LEN: usize = TILE_LEN / TILE_WIDTH as usize;

/// Why a source did not give something.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub(super) struct SourceError {
    place: String,
    reason: String,
}

/// One of them.
pub(super) struct Source {
    shown: String,
    kind: Kind,
}

enum Kind {
    Http { base: String, reach: Arc<Reach> },
    Files(ArchiveReader),
    Store { store: Box<RocksLog>, size: u64 },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[derive(Deserialize)]
struct Listing {
    sizes: Vec<u64>,
    next: Option<u64>,
}

impl Source {
    /// Opens the source that `text` names: a URL, an archive, or a data directory of the log
    /// `origin`.
    pub(super) fn open(text: &str, origin: &str, reach: &Arc<Reach>) -> Result<Self, OperateError> {
        let refused = |error: &dyn fmt::Display| OperateError::Usage(format!("{text}: {error}"));
        let path = reader::path_of(text).map_err(|error| refused(&error))?;
        let kind = match path {
            None => Kind::Http {
                base: prefix(text, origin, reach).map_err(|error| refused(&error))?,
                reach: Arc::clone(reach),
            },
            Some(path) if is_store(&path) => {
                let store = Box::new(RocksLog::open(&path, origin)?);
                let size = store.staged()?.size();
                Kind::Store { store, size }
            }
            Some(path) => Kind::Files(ArchiveReader::open(&path).map_err(|error| refused(&error))?),
        };
        Ok(Self {
            shown: text.to_owned(),
            kind,
        })
    }

    /// The newest checkpoints that it has. Unverified.
    pub(super) fn heads(&self) -> Result<Vec<Note>, SourceError> {
        if let Kind::Store { store, .. } = &self.kind {
            let notes = [store.signed_head(), store.published()];
            let notes: Result<Vec<_>, _> = notes.into_iter().collect();
            let notes = notes.map_err(|error| self.wrong("its heads", error))?;
            return Ok(notes.into_iter().flatten().collect());
        }
        let path = "checkpoint";
        let octets = self.get(path, NOTE_LEN_MAX)?;
        let octets = octets.ok_or_else(|| self.wrong(path, "it is not there"))?;
        let note = Note::parse(&octets).map_err(|error| self.wrong(path, error))?;
        Ok(vec![note])
    }

    /// The entries `0..width` of each of these bundles. Unverified.
    pub(super) fn bundles(&self, bundles: &[(u64, u16)]) -> Vec<Result<Vec<Vec<u8>>, SourceError>> {
        let paths = bundles.iter().map(|&(index, width)| TilePath {
            kind: TileKind::Entries,
            index,
            width,
        });
        let paths: Vec<TilePath> = paths.collect();
        let texts: Vec<String> = paths.iter().map(ToString::to_string).collect();
        let found = self.get_all(&texts, BUNDLE_LEN_MAX);
        let read = paths.iter().zip(found).map(|(path, found)| {
            let (width, octets) = self.widened(path, found?, BUNDLE_LEN_MAX)?;
            let entries = decode_bundle(width, &octets);
            let entries = entries.map_err(|error| self.wrong(&path.to_string(), error))?;
            let entries = entries.into_iter().take(usize::from(path.width));
            Ok(entries.map(<[u8]>::to_vec).collect())
        });
        read.collect()
    }

    /// The blob with this SHA-256; `None` if it is not there.
    pub(super) fn blob(&self, digest: Hash) -> Result<Option<Vec<u8>>, SourceError> {
        let path = format!("blob/{digest}");
        let Some(blob) = self.get(&path, BLOB_LEN_MAX)? else {
            return Ok(None);
        };
        if Hash::of(&blob) != digest {
            return Err(self.wrong(&path, "it has another SHA-256"));
        }
        Ok(Some(blob))
    }

    /// The sizes of the checkpoints that it keeps, ascending.
    pub(super) fn kept_sizes(&self) -> Result<Vec<u64>, SourceError> {
        if let Kind::Files(place) = &self.kind {
            return place
                .kept_sizes()
                .map_err(|error| self.wrong("checkpoints", error));
        }
        // A folder of files behind a web server that knows nothing has pages of its own
        // (docs/formats/archive.md).
        let files = |from: u64| match from {
            0 => names::LISTING.to_owned(),
            from => names::listing_from(from),
        };
        let own = |from: u64| format!("checkpoints?from={from}");
        match self.listing(own) {
            Ok(Some(sizes)) => Ok(sizes),
            Ok(None) => Ok(self.listing(files)?.unwrap_or_default()),
            Err(error) => self.listing(files)?.ok_or(error),
        }
    }

    /// All pages of a listing; `None` if there is no first one.
    fn listing(&self, page: impl Fn(u64) -> String) -> Result<Option<Vec<u64>>, SourceError> {
        let mut sizes: Vec<u64> = Vec::new();
        let mut from = 0;
        loop {
            let path = page(from);
            let Some(octets) = self.get(&path, LISTING_LEN_MAX)? else {
                return Ok((from > 0).then_some(sizes));
            };
            let listing: Listing =
                serde_json::from_slice(&octets).map_err(|error| self.wrong(&path, error))?;
            sizes.extend(listing.sizes.into_iter().filter(|&size| size >= from));
            match listing.next {
                // Each page begins beyond the one before, so that the listing ends.
                Some(next) if next > from => from = next,
                _ => return Ok(Some(sizes)),
            }
        }
    }

    /// The checkpoint that it keeps for `size`. Unverified.
    pub(super) fn kept(&self, size: u64) -> Result<Note, SourceError> {
        let path = format!("checkpoints/{size}");
        let octets = self.get(&path, NOTE_LEN_MAX)?;
        let octets = octets.ok_or_else(|| self.wrong(&path, "it is listed and not there"))?;
        Note::parse(&octets).map_err(|error| self.wrong(&path, error))
    }

    pub(super) fn wrong(&self, path: &str, reason: impl fmt::Display) -> SourceError {
        let place = match &self.kind {
            Kind::Http { base, .. } => format!("{base}/{path}"),
            Kind::Files(place) => place.whereabouts(path),
            Kind::Store { .. } => format!("{}: {path}", self.shown),
        };
        let reason = reason.to_string();
        // The network names the URL, and so do we.
        let reason = reason
            .strip_prefix(&format!("{place}: "))
            .unwrap_or(&reason);
        SourceError {
            reason: reason.to_owned(),
            place,
        }
    }

    fn get(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, SourceError> {
        match &self.kind {
            Kind::Http { base, reach } => {
                let answer = reach.send(Request::get(format!("{base}/{path}"), most));
                self.answered(path, answer)
            }
            Kind::Files(place) => place
                .read(path, most)
                .map_err(|error| self.wrong(path, error)),
            Kind::Store { store, size } => {
                let (path, query) = path
                    .split_once('?')
                    .map_or((path, None), |(path, query)| (path, Some(query)));
                match public::read(store.as_ref(), *size, path, query) {
                    Ok(found) => Ok(found.map(|found| found.octets)),
                    Err(ReadError::Absent(_)) => Ok(None),
                    Err(error) => Err(self.wrong(path, error)),
                }
            }
        }
    }

    fn get_all(&self, paths: &[String], most: usize) -> Vec<Result<Option<Vec<u8>>, SourceError>> {
        let Kind::Http { base, reach } = &self.kind else {
            return paths.iter().map(|path| self.get(path, most)).collect();
        };
        let requests = paths
            .iter()
            .map(|path| Request::get(format!("{base}/{path}"), most));
        let answers = reach.send_all(requests.collect());
        let answers = paths.iter().zip(answers);
        answers
            .map(|(path, answer)| self.answered(path, answer))
            .collect()
    }

    fn answered(
        &self,
        path: &str,
        answer: Result<Response, NetError>,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let answer = answer.map_err(|error| self.wrong(path, error))?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            // Gone: the blob was erased.
            404 | 410 => Ok(None),
            status => Err(self.wrong(path, format!("it answers {status}"))),
        }
    }

    /// The octets at `path`, with the width of the tile; if a partial tile is not there any more,
    /// the full one (C2SP tlog-tiles, "Partial Tiles").
    fn widened(
        &self,
        path: &TilePath,
        found: Option<Vec<u8>>,
        most: usize,
    ) -> Result<(u16, Vec<u8>), SourceError> {
        if let Some(octets) = found {
            return Ok((path.width, octets));
        }
        let (kind, index, width) = (path.kind, path.index, TILE_WIDTH);
        let full = TilePath { kind, index, width };
        let octets = self.get(&full.to_string(), most)?;
        let octets = octets.ok_or_else(|| self.wrong(&path.to_string(), "it is not there"))?;
        Ok((width, octets))
    }
}

impl TileSource for Source {
    type Error = SourceError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, SourceError> {
        let kind = TileKind::Hashes(level);
        let path = TilePath { kind, index, width };
        let found = self.get(&path.to_string(), TILE_LEN)?;
        let (found_width, octets) = self.widened(&path, found, TILE_LEN)?;
        let whole = octets.len() == usize::from(found_width) * HASH_LEN;
        octets
            .get(..usize::from(width) * HASH_LEN)
            .filter(|_| whole)
            .and_then(|octets| Tile::decode(width, octets))
            .ok_or_else(|| self.wrong(&path.to_string(), "its length is not that of such a tile"))
    }
}

/// The prefix under which a log's files are: that of a log or of a mirror's copy as it was given,
/// or of the copy of a mirror that was named by its address alone.
fn prefix(text: &str, origin: &str, reach: &Reach) -> Result<String, NetError> {
    let base = text.trim_end_matches('/');
    let copy = format!("{base}/{}", Hash::of(origin.as_bytes()));
    for candidate in [base, copy.as_str()] {
        let request = Request::get(format!("{candidate}/checkpoint"), NOTE_LEN_MAX);
        if reach.send(request)?.status == 200 {
            return Ok(candidate.to_owned());
        }
    }
    let what =
        format!("there is a checkpoint neither at {base}/checkpoint nor at {copy}/checkpoint");
    Err(NetError(what))
}

/// Whether a directory is one that [`RocksLog`] made.
fn is_store(path: &Path) -> bool {
    ["CURRENT", "ACKNOWLEDGED"]
        .iter()
        .all(|name| path.join(name).is_file())
}
