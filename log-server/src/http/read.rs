//! The public copy: tlog-tiles (C2SP), kept checkpoints and blobs.
//!
//! [`public::read`], by which mirrors serve too, says which resource is at which path and how long
//! it may be cached; here that becomes HTTP. Only data that the published checkpoint covers are
//! served.

use http::{HeaderValue, StatusCode, header};
use ishibumi_store::public::{self, ReadError, Resource};
use ishibumi_tlog::Hash;
use ishibumi_wire::{Reply, reply};

use super::app::App;
use super::problem::Problem;
use crate::erasure;

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
        let note = published.note().encode();
        Ok(no_store(reply(StatusCode::OK, public::TEXT, note)))
    }

    /// `GET` of anything that never changes, or of a listing of it.
    pub(super) fn public(&self, path: &str, query: Option<&str>) -> Result<Reply, Problem> {
        let published = self.handle.published();
        let size = published.map_or(0, |published| published.checkpoint().size);
        match public::read(self.store.as_ref(), size, path, query) {
            Ok(Some(resource)) => Ok(resource_reply(resource)),
            Ok(None) => Err(self.nothing_at(&format!("/{path}"))),
            Err(ReadError::Query(detail)) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed-query",
                detail,
            )),
            Err(ReadError::Store(error)) => Err(Problem::store(&error)),
            Err(absent) => Err(self
                .erased(path)?
                .unwrap_or_else(|| Problem::not_found(absent.to_string()))),
        }
    }
}

impl App {
    /// The answer for a blob that was erased; `None` if it was not.
    fn erased(&self, path: &str) -> Result<Option<Problem>, Problem> {
        let Some(blob) = path.strip_prefix("blob/").and_then(Hash::from_hex) else {
            return Ok(None);
        };
        let stated = erasure::stated(self.store.as_ref(), blob);
        let index = stated.map_err(|error| Problem::store(&error))?;
        Ok(index.map(|index| {
            let detail = format!(
                "the octets with SHA-256 {blob} were erased; record {index} says when and why. What they were \
                 stays provable to whoever has a copy"
            );
            Problem::new(StatusCode::GONE, "blob-erased", detail)
        }))
    }
}

fn resource_reply(resource: Resource) -> Reply {
    let cache = HeaderValue::from_static(resource.freshness.cache_control());
    let mut answer = reply(StatusCode::OK, resource.media_type, resource.octets);
    answer.headers_mut().insert(header::CACHE_CONTROL, cache);
    answer
}

pub(super) fn no_store(mut answer: Reply) -> Reply {
    let value = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, value);
    answer
}
