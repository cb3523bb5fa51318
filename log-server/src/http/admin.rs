//! Health for everybody; metrics and status for the operator, on a listener of their own.

use std::future::Future;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode};
use ishibumi_artifact::record::{LogStatement, RECORD_SIZE_MAX};
use ishibumi_artifact::{Body, Record};
use ishibumi_store::LogStore;
use ishibumi_wire::{Incoming, Reply, Service, reply};
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;
use super::read::no_store;
use crate::admission::new_record;
use crate::core::run::Handle;
use crate::core::{Item, ending};
use crate::metrics::Metrics;

impl App {
    /// `GET /healthz`: 200 while the process lives and accepts.
    pub(super) fn healthz(&self) -> Reply {
        match self.handle.stopped().borrow().as_ref() {
            None => no_store(reply(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")),
            Some(_) => {
                let detail = "the log stopped accepting; its operator can see why";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", detail).into_reply()
            }
        }
    }

    /// `GET /readyz`: 200 once a checkpoint has its quorum.
    pub(super) fn readyz(&self) -> Result<Reply, Problem> {
        self.checkpoint()?;
        Ok(self.healthz())
    }
}

/// Where a running log is told that it will close.
pub const ANNOUNCE_PATH: &str = "/announce-closing";

/// A record, encoded.
pub const RECORD_MEDIA_TYPE: &str = "application/vnd.ishibumi.record";

/// The operator's service: `/metrics`, `/status`, and the announcement of the log's end.
pub struct Admin {
    /// The store.
    pub store: Arc<dyn LogStore>,
    /// The running log.
    pub handle: Handle,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The log's name.
    pub origin: String,
}

impl Service for Admin {
    fn admit(&self, head: &Parts) -> Result<usize, Reply> {
        let announces = head.method == Method::POST && head.uri.path() == ANNOUNCE_PATH;
        Ok(if announces { RECORD_SIZE_MAX } else { 0 })
    }

    fn call(&self, request: Incoming) -> impl Future<Output = Reply> + Send {
        let handle = self.handle.clone();
        let posted =
            request.head.method == Method::POST && request.head.uri.path() == ANNOUNCE_PATH;
        let read = if posted {
            Err(Problem::not_found(""))
        } else {
            self.answer(&request.head)
        };
        async move {
            let answer = if posted {
                announce(&handle, &request).await
            } else {
                read
            };
            answer.unwrap_or_else(Problem::into_reply)
        }
    }
}

/// Takes the announcement that this log will close: a `closing` record. The media type is asked for since
/// no web page can send it here without being asked first (a CORS preflight, which gets a 404).
async fn announce(handle: &Handle, request: &Incoming) -> Result<Reply, Problem> {
    let bad = |status, detail: &str| Problem::new(status, "malformed-request", detail);
    let media_type = request.head.headers.get(http::header::CONTENT_TYPE);
    if media_type.is_none_or(|value| value.as_bytes() != RECORD_MEDIA_TYPE.as_bytes()) {
        let detail = format!("Content-Type has to be {RECORD_MEDIA_TYPE}");
        return Err(bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail));
    }
    let record = Record::decode(&request.body)
        .map_err(|error| bad(StatusCode::BAD_REQUEST, &error.to_string()))?;
    if !matches!(record.body(), Body::Log(LogStatement::Closing(_))) {
        let detail = "only the announcement that the log will close is taken here";
        return Err(bad(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let item = Item {
        records: vec![new_record(&record)?],
        ..Item::default()
    };
    let placed = handle.submit(vec![item]).await;
    let placed = placed.map_err(|error| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopped",
            error.to_string(),
        )
    })?;
    let index = placed.first().map(|placed| placed.index);
    let body = format!("{}\n", json!({ "index": index }));
    Ok(no_store(reply(StatusCode::OK, "application/json", body)))
}

impl Admin {
    fn answer(&self, head: &Parts) -> Result<Reply, Problem> {
        let text = "text/plain; version=0.0.4";
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/metrics") => {
                Ok(no_store(reply(StatusCode::OK, text, self.metrics.encode())))
            }
            (&Method::GET, "/status") => {
                let status = status(&self.origin, self.store.as_ref(), Some(&self.handle));
                let mut body = status.map_err(|error| Problem::store(&error))?;
                body["witnesses"] = json!(self.metrics.witnesses());
                body["tsas"] = json!(self.metrics.tsas.all());
                Ok(no_store(reply(
                    StatusCode::OK,
                    "application/json",
                    format!("{body}\n"),
                )))
            }
            _ => Err(Problem::not_found(
                "this listener has GET /metrics, GET /status and POST /announce-closing",
            )),
        }
    }
}

/// The state of a log in a few numbers. With `handle`, that of a running one.
pub fn status(
    origin: &str,
    store: &dyn LogStore,
    handle: Option<&Handle>,
) -> Result<Value, ishibumi_store::StoreError> {
    let size_of = |note: Option<ishibumi_tlog::note::Note>| {
        note.and_then(|note| ishibumi_tlog::Checkpoint::parse(note.text()).ok())
            .map(|c| c.size)
    };
    let edge = store.staged()?;
    let (signed, published) = (store.signed_head()?, store.published()?);
    let keys = |note: &ishibumi_tlog::note::Note| {
        let lines = note.signatures().iter();
        lines.map(|line| format!("{:08x}", line.id)).collect()
    };
    let signed_by: Vec<String> = signed.as_ref().map(keys).unwrap_or_default();
    Ok(json!({
        "origin": origin,
        "running": handle.is_some(),
        "staged_size": edge.size(),
        "staged_root": edge.root().to_base64(),
        "signed_size": size_of(signed),
        "signed_by": signed_by,
        "published_size": size_of(published.clone()),
        "published_signatures": published.map_or(0, |note| note.signatures().len()),
        "closed": ending(store, edge.size())?.map(|ending| ending.date().time().to_string()),
        "pending_records": handle.map(Handle::pending),
        "stopped": handle.and_then(|handle| handle.stopped().borrow().clone()),
    }))
}
