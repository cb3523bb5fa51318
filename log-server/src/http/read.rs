//! The public copy: tlog-tiles (C2SP), kept checkpoints and blobs.
//!
//! Only what the published checkpoint covers is served, and only under canonical paths. What never
//! changes says so to caches; the checkpoint and every error say the opposite.

use http::{HeaderValue, StatusCode, header};
use ishibumi_store::LogStore;
use ishibumi_tlog::Hash;
use ishibumi_tlog::tile::{TILE_WIDTH, Tile, TileKind, TilePath, encode_bundle, tile_width};
use ishibumi_wire::{Reply, reply};
use serde_json::json;

use super::App;
use super::problem::Problem;

const TEXT: &str = "text/plain; charset=utf-8";
const OCTETS: &str = "application/octet-stream";

/// The most sizes in one listing of kept checkpoints.
const LISTING_MAX: usize = 1000;

impl App {
    /// `GET /checkpoint`: the newest checkpoint with the quorum.
    pub(super) fn checkpoint(&self) -> Result<Reply, Problem> {
        let published = self.handle.published().ok_or_else(|| {
            let detail = "no checkpoint has reached the quorum of witnesses yet; try again";
            let mut problem =
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-quorum-yet", detail);
            problem.retry_after_seconds = Some(1);
            problem
        })?;
        Ok(no_store(reply(
            StatusCode::OK,
            TEXT,
            published.note().encode(),
        )))
    }

    /// `GET /tile/...`: hashes and entries.
    pub(super) fn tile(&self, path: &str) -> Result<Reply, Problem> {
        let absent = || Problem::not_found(format!("{path} is not a tile of the published tree"));
        let tile = TilePath::parse(path).ok_or_else(absent)?;
        let size = self
            .handle
            .published()
            .map_or(0, |published| published.checkpoint().size);
        let level = match tile.kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        if tile.width > tile_width(level, tile.index, size) {
            return Err(absent());
        }
        let store = self.store.as_ref();
        let octets = match tile.kind {
            TileKind::Hashes(level) => {
                let tile = store.tile(level, tile.index, tile.width);
                Tile::encode(tile.map_err(|error| Problem::store(&error))?.hashes())
            }
            TileKind::Entries => entries(store, &tile)?,
        };
        Ok(immutable(reply(StatusCode::OK, OCTETS, octets)))
    }

    /// `GET /checkpoints?from=SIZE`: sizes of the checkpoints that are kept for ever.
    pub(super) fn kept_listing(&self, query: Option<&str>) -> Result<Reply, Problem> {
        let malformed = || {
            let detail = "the only parameter is from=SIZE, a decimal number";
            Problem::new(StatusCode::BAD_REQUEST, "malformed-query", detail)
        };
        let from = match query {
            None | Some("") => 0,
            Some(query) => query
                .strip_prefix("from=")
                .and_then(|n| n.parse().ok())
                .ok_or_else(malformed)?,
        };
        let sizes = self.store.kept_sizes(from, LISTING_MAX);
        let sizes = sizes.map_err(|error| Problem::store(&error))?;
        let next = (sizes.len() == LISTING_MAX).then(|| sizes.last().map(|last| last + 1));
        let body = json!({ "sizes": sizes, "next": next.flatten() });
        Ok(no_store(reply(
            StatusCode::OK,
            "application/json",
            format!("{body}\n"),
        )))
    }

    /// `GET /checkpoints/SIZE`: one of them. Late cosignatures may still be added, so caches keep it
    /// for a minute only.
    pub(super) fn kept(&self, size: &str) -> Result<Reply, Problem> {
        let absent = || Problem::not_found(format!("no checkpoint of size {size} is kept"));
        let number: u64 = size.parse().map_err(|_| absent())?;
        if number.to_string() != size {
            return Err(absent());
        }
        let kept = self
            .store
            .kept(number)
            .map_err(|error| Problem::store(&error))?;
        let mut answer = reply(StatusCode::OK, TEXT, kept.ok_or_else(absent)?.note.encode());
        let minute = HeaderValue::from_static("public, max-age=60");
        answer.headers_mut().insert(header::CACHE_CONTROL, minute);
        Ok(answer)
    }

    /// `GET /blob/SHA256`: what is kept beside the log.
    pub(super) fn blob(&self, name: &str) -> Result<Reply, Problem> {
        let absent = || Problem::not_found(format!("no blob with SHA-256 {name} is kept"));
        let hash = Hash::from_hex(name).ok_or_else(absent)?;
        let blob = self
            .store
            .blob(hash)
            .map_err(|error| Problem::store(&error))?;
        Ok(immutable(reply(
            StatusCode::OK,
            OCTETS,
            blob.ok_or_else(absent)?,
        )))
    }
}

fn entries(store: &dyn LogStore, tile: &TilePath) -> Result<Vec<u8>, Problem> {
    let start = tile.index * u64::from(TILE_WIDTH);
    let records = store
        .records(start, start + u64::from(tile.width))
        .map_err(|error| Problem::store(&error))?;
    let damaged = |detail: String| {
        let what = format!("entry bundle {}", tile.index);
        Problem::store(&ishibumi_store::StoreError::Damaged { what, detail })
    };
    if records.len() != usize::from(tile.width) {
        return Err(damaged(format!(
            "{} of {} records",
            records.len(),
            tile.width
        )));
    }
    encode_bundle(&records).map_err(|error| damaged(error.to_string()))
}

pub(super) fn no_store(mut answer: Reply) -> Reply {
    let value = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, value);
    answer
}

fn immutable(mut answer: Reply) -> Reply {
    let value = HeaderValue::from_static("public, max-age=31536000, immutable");
    answer.headers_mut().insert(header::CACHE_CONTROL, value);
    answer
}
