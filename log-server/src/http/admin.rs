//! Health for everybody; metrics and status for the operator, on a listener of their own.

use std::future::Future;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode};
use ishibumi_store::LogStore;
use ishibumi_wire::{Incoming, Reply, Service, reply};
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;
use super::read::no_store;
use crate::core::run::Handle;
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

/// The operator's service: `/metrics` and `/status`.
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
    fn admit(&self, _: &Parts) -> Result<usize, Reply> {
        Ok(0)
    }

    fn call(&self, request: Incoming) -> impl Future<Output = Reply> + Send {
        let answer = self
            .answer(&request.head)
            .unwrap_or_else(Problem::into_reply);
        std::future::ready(answer)
    }
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
                "this listener has GET /metrics and GET /status",
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
        "pending_records": handle.map(Handle::pending),
        "stopped": handle.and_then(|handle| handle.stopped().borrow().clone()),
    }))
}
