//! Metrics and status for the operator, and the announcement of the log's end, on a listener of
//! their own.
//!
//! The listener is private, but a browser of a user who may reach it is not: a page from anywhere
//! can have it send requests, and by a name that resolves to this address (DNS rebinding) even read
//! the answers. So requests have to name an address, `localhost` or a configured name, and a
//! request that writes has to show a credential that only the log's own user can read.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, header};
use ishibumi_artifact::record::{LogStatement, RECORD_SIZE_MAX};
use ishibumi_artifact::{Body, Record};
use ishibumi_store::LogStore;
use ishibumi_tlog::Hash;
use ishibumi_wire::{Admitted, Reply, Service, reply};
use serde_json::{Value, json};

use super::problem::Problem;
use super::read::no_store;
use crate::admission::new_record;
use crate::core::{Handle, Item, SubmitError, ending};
use crate::metrics::Metrics;

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
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The log's name.
    pub origin: String,
    /// The log's keys, for `/status`.
    pub vkeys: Vec<String>,
    /// Who may ask and who may write.
    pub guard: Guard,
}

/// Who may ask the admin listener, and who may write.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Names by which it may be called, beside addresses and `localhost`.
    pub hosts: Vec<String>,
    /// The SHA-256 of the credential that a writer has to show; `None` refuses all writes.
    pub credential: Option<Hash>,
}

impl Guard {
    /// Whether the request names us by something that no stranger's page can have.
    fn knows_host(&self, head: &Parts) -> bool {
        let mut named = head.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return false;
        };
        let authority = host
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok());
        let Some(authority) = authority else {
            return false;
        };
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
    }

    fn admits_writer(&self, head: &Parts) -> bool {
        let shown = head.headers.get(header::AUTHORIZATION);
        let shown = shown.and_then(|shown| shown.to_str().ok()?.strip_prefix("Bearer "));
        // Digests are compared, so that the time that it takes says nothing.
        let shown = shown.map(|shown| Hash::of(shown.trim().as_bytes()));
        shown.is_some() && shown == self.credential
    }

    fn check(&self, head: &Parts) -> Result<(), Problem> {
        if !self.knows_host(head) {
            let detail = "the Host of this request is no address, not localhost, and none of admin_hosts in the \
                          configuration";
            return Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "host-unknown",
                detail,
            ));
        }
        if head.method != Method::GET && !self.admits_writer(head) {
            let detail = "writing here takes the credential that the running log keeps beside its head file; \
                          `ishibumi-log` reads it there";
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                detail,
            ));
        }
        Ok(())
    }
}

/// The operator's request.
#[derive(Clone, Copy, Debug)]
pub enum AdminRoute {
    /// `POST /announce-closing`.
    Announce,
    /// `GET /metrics`.
    Metrics,
    /// `GET /status`.
    Status,
}

impl AdminRoute {
    fn of(head: &Parts) -> Result<Self, Problem> {
        match (&head.method, head.uri.path()) {
            (&Method::POST, ANNOUNCE_PATH) => {
                let media_type = head.headers.get(header::CONTENT_TYPE);
                if media_type.is_some_and(|value| value.as_bytes() == RECORD_MEDIA_TYPE.as_bytes())
                {
                    return Ok(Self::Announce);
                }
                let detail = format!("Content-Type has to be {RECORD_MEDIA_TYPE}");
                Err(malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
            }
            (&Method::GET, "/metrics") => Ok(Self::Metrics),
            (&Method::GET, "/status") => Ok(Self::Status),
            _ => Err(Problem::not_found(
                "this listener has GET /metrics, GET /status and POST /announce-closing",
            )),
        }
    }
}

impl Service for Admin {
    type Request = AdminRoute;

    fn admit(&self, head: &Parts) -> Result<Admitted<AdminRoute>, Reply> {
        let route = self.guard.check(head).and_then(|()| AdminRoute::of(head));
        let route = route.map_err(Problem::into_reply)?;
        let len_max = match route {
            AdminRoute::Announce => RECORD_SIZE_MAX,
            AdminRoute::Metrics | AdminRoute::Status => 0,
        };
        Ok(Admitted::whole(route, len_max))
    }

    async fn call(&self, route: AdminRoute, body: Bytes) -> Reply {
        let answer = match route {
            AdminRoute::Announce => announce(&self.handle, &body).await,
            AdminRoute::Metrics => Ok(self.metrics()),
            AdminRoute::Status => self.status(),
        };
        answer.unwrap_or_else(Problem::into_reply)
    }
}

fn malformed(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "malformed-request", detail)
}

/// Takes the announcement that this log will close: a `closing` record.
async fn announce(handle: &Handle, body: &[u8]) -> Result<Reply, Problem> {
    let record = Record::decode(body)
        .map_err(|error| malformed(StatusCode::BAD_REQUEST, error.to_string()))?;
    if !matches!(record.body(), Body::Log(LogStatement::Closing(_))) {
        let detail = "only the announcement that the log will close is taken here";
        return Err(malformed(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let item = Item {
        records: vec![new_record(&record)?],
        ..Item::default()
    };
    let placed = handle.submit(vec![item]).await;
    let placed = placed.map_err(|error| match error {
        SubmitError::Forked(_) => Problem::forked(),
        error => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopped",
            error.to_string(),
        ),
    })?;
    let index = placed.first().map(|placed| placed.index);
    let body = format!("{}\n", json!({ "index": index }));
    Ok(no_store(reply(StatusCode::OK, "application/json", body)))
}

impl Admin {
    fn metrics(&self) -> Reply {
        let accepting = self.handle.standing().borrow().why().is_none();
        self.metrics.accepting.set(i64::from(accepting));
        let text = "text/plain; version=0.0.4";
        no_store(reply(StatusCode::OK, text, self.metrics.encode()))
    }

    fn status(&self) -> Result<Reply, Problem> {
        let status = status(&self.origin, self.store.as_ref(), Some(&self.handle));
        let mut body = status.map_err(|error| Problem::store(&error))?;
        body["vkeys"] = json!(self.vkeys);
        body["quorum"] = json!(self.metrics.quorum.get() == 1);
        body["oldest_unpublished_s"] = json!(self.metrics.oldest_unpublished.get());
        body["witnesses"] = json!(self.metrics.witnesses());
        body["tsas"] = json!(self.metrics.tsas.all());
        Ok(no_store(reply(
            StatusCode::OK,
            "application/json",
            format!("{body}\n"),
        )))
    }
}

/// The state of a log in a few numbers. With `handle`, that of a running one.
///
/// # Errors
/// If the store fails.
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
    let published_size = size_of(published.clone());
    // The records that wait for the quorum, and those that wait for the disk.
    let pending = edge.size().saturating_sub(published_size.unwrap_or(0));
    let waiting = handle.map_or(0, |handle| handle.pending() as u64);
    let pending = pending.saturating_add(waiting);
    Ok(json!({
        "origin": origin,
        "running": handle.is_some(),
        "staged_size": edge.size(),
        "staged_root": edge.root().to_base64(),
        "signed_size": size_of(signed),
        "signed_by": signed_by,
        "published_size": published_size,
        "published_signatures": published.map_or(0, |note| note.signatures().len()),
        "closed": ending(store, edge.size())?.map(|ending| ending.date().time().to_string()),
        "pending_records": pending,
        "state": handle.map(|handle| handle.standing().borrow().word()),
        "stopped": handle.and_then(|handle| handle.standing().borrow().why().map(str::to_owned)),
    }))
}
