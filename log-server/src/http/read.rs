//! The public copy: tlog-tiles (C2SP), kept checkpoints and blobs.
//!
//! What is where, and how long it may be cached, is [`public::read`]'s to say, which mirrors serve by
//! too; here it becomes HTTP. Only what the published checkpoint covers is served.

use http::{HeaderValue, StatusCode, header};
use ishibumi_store::public::{self, ReadError, Resource};
use ishibumi_tlog::Hash;
use ishibumi_wire::{Reply, reply};

use super::App;
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
        if let Some(blob) = path.strip_prefix("blob/").and_then(Hash::from_hex) {
            self.refuse_erased(blob)?;
        }
        match public::read(self.store.as_ref(), size, path, query) {
            Ok(Some(resource)) => Ok(resource_reply(resource)),
            Ok(None) => Err(Problem::not_found(format!("there is nothing at /{path}"))),
            Err(ReadError::Query(detail)) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed-query",
                detail,
            )),
            Err(ReadError::Store(error)) => Err(Problem::store(&error)),
            Err(absent) => Err(Problem::not_found(absent.to_string())),
        }
    }
}

impl App {
    /// A blob that the log erased is gone for good, and a record says why.
    fn refuse_erased(&self, blob: Hash) -> Result<(), Problem> {
        let found = erasure::record_of(self.store.as_ref(), blob);
        match found.map_err(|error| Problem::store(&error))? {
            None => Ok(()),
            Some(index) => Err(Problem::new(
                StatusCode::GONE,
                "blob-erased",
                format!(
                    "the blob {blob} was erased; record {index} of this log says when and why. Proofs do \
                     not rest on it"
                ),
            )),
        }
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
