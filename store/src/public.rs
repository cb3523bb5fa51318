//! The public files of a stored log, by path: tlog-tiles (C2SP), kept checkpoints, blobs.
//!
//! One piece of code for the log and for its mirrors, so that both serve the same octets under the
//! same paths. It knows nothing of HTTP: it gives octets, their media type and how long caches may
//! keep them. `/checkpoint` is not among the paths: the server decides which note is the newest.

use ishibumi_tlog::hash::Hash;
use ishibumi_tlog::tile::{TILE_WIDTH, Tile, TileKind, TilePath, encode_bundle, tile_width};

use crate::{LogStore, StoreError};

/// The most sizes in one listing of kept checkpoints.
pub const LISTING_MAX: usize = 1000;

/// The media type of notes and proofs.
pub const TEXT: &str = "text/plain; charset=utf-8";

const OCTETS: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// The file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The octets.
    pub octets: Vec<u8>,
    /// Their media type.
    pub media_type: &'static str,
    /// How long caches may keep the octets.
    pub freshness: Freshness,
}

/// How long the octets at a path stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// They may be others at the next request.
    Changing,
    /// A cosignature may still be added: caches keep them for a minute.
    Minute,
    /// For ever.
    Immutable,
}

impl Freshness {
    /// The value of `Cache-Control`.
    pub fn cache_control(self) -> &'static str {
        match self {
            Self::Changing => "no-store",
            Self::Minute => "public, max-age=60",
            Self::Immutable => "public, max-age=31536000, immutable",
        }
    }
}

/// Why there is nothing at a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No public file has this path: the name of what was asked for, in a form that fits "... is
    /// not there".
    #[error("{0}")]
    Absent(String),
    /// The path does not take this query.
    #[error("{0}")]
    Query(&'static str),
    /// The store failed, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The file at `path`, which has no slash in front, of a log whose published tree has `size`
/// leaves. `Ok(None)` for a path that is none of these:
///
/// | path | what |
/// | --- | --- |
/// | `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]` | C2SP tlog-tiles, up to `size`; canonical paths only |
/// | `checkpoints[?from=SIZE]` | JSON: sizes of the checkpoints that are kept for ever |
/// | `checkpoints/<size>` | one of them |
/// | `blob/<hex SHA-256>` | what is kept beside the log |
///
/// # Errors
/// [`ReadError`], if nothing public has this path, the query does not belong to it, or the store
/// cannot be read.
pub fn read(
    store: &dyn LogStore,
    size: u64,
    path: &str,
    query: Option<&str>,
) -> Result<Option<Resource>, ReadError> {
    let found = match path.split_once('/') {
        None if path == "checkpoints" => kept_listing(store, query)?,
        Some(("tile", _)) => tile(store, size, path)?,
        Some(("checkpoints", number)) => kept(store, number)?,
        Some(("blob", name)) => blob(store, name)?,
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn tile(store: &dyn LogStore, size: u64, path: &str) -> Result<Resource, ReadError> {
    let absent = || ReadError::Absent(format!("{path} is not a tile of the published tree"));
    let tile = TilePath::parse(path).ok_or_else(absent)?;
    let level = match tile.kind {
        TileKind::Hashes(level) => level,
        TileKind::Entries => 0,
    };
    if tile.width > tile_width(level, tile.index, size) {
        return Err(absent());
    }
    let octets = match tile.kind {
        TileKind::Hashes(level) => {
            Tile::encode(store.tile(level, tile.index, tile.width)?.hashes())
        }
        TileKind::Entries => entries(store, &tile)?,
    };
    Ok(Resource {
        octets,
        media_type: OCTETS,
        freshness: Freshness::Immutable,
    })
}

fn entries(store: &dyn LogStore, tile: &TilePath) -> Result<Vec<u8>, StoreError> {
    let start = tile.index * u64::from(TILE_WIDTH);
    let records = store.records(start, start + u64::from(tile.width))?;
    let damaged = |detail: String| StoreError::Damaged {
        what: format!("entry bundle {}", tile.index),
        detail,
    };
    if records.len() != usize::from(tile.width) {
        let detail = format!("{} of {} records", records.len(), tile.width);
        return Err(damaged(detail));
    }
    encode_bundle(&records).map_err(|error| damaged(error.to_string()))
}

fn kept_listing(store: &dyn LogStore, query: Option<&str>) -> Result<Resource, ReadError> {
    let from = match query {
        None | Some("") => 0,
        Some(query) => query
            .strip_prefix("from=")
            .and_then(|n| n.parse().ok())
            .ok_or(ReadError::Query(
                "the only parameter is from=SIZE, a decimal number",
            ))?,
    };
    let sizes = store.kept_sizes(from, LISTING_MAX)?;
    let next = sizes.last().filter(|_| sizes.len() == LISTING_MAX);
    let next = next.map_or_else(|| "null".to_owned(), |last| (last + 1).to_string());
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    let body = format!("{{\"next\":{next},\"sizes\":[{}]}}\n", sizes.join(","));
    Ok(Resource {
        octets: body.into_bytes(),
        media_type: JSON,
        freshness: Freshness::Changing,
    })
}

fn kept(store: &dyn LogStore, number: &str) -> Result<Resource, ReadError> {
    let absent = || ReadError::Absent(format!("no checkpoint of size {number} is kept"));
    let size: u64 = number.parse().map_err(|_| absent())?;
    if size.to_string() != number {
        return Err(absent());
    }
    let kept = store.kept(size)?.ok_or_else(absent)?;
    Ok(Resource {
        octets: kept.note.encode().into_bytes(),
        media_type: TEXT,
        freshness: Freshness::Minute,
    })
}

fn blob(store: &dyn LogStore, name: &str) -> Result<Resource, ReadError> {
    let absent = || ReadError::Absent(format!("no blob with SHA-256 {name} is kept"));
    let hash = Hash::from_hex(name).ok_or_else(absent)?;
    Ok(Resource {
        octets: store.blob(hash)?.ok_or_else(absent)?,
        media_type: OCTETS,
        freshness: Freshness::Immutable,
    })
}
