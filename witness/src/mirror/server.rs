//! HTTP: the submission and the monitoring prefix of C2SP tlog-mirror on one address, and metrics
//! on another. `<id>` is the hex SHA-256 of a log's origin.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /add-checkpoint` | 200 without a body: the checkpoint is pending; or a status as a witness gives |
//! | `POST /add-entries` | our signature lines, 202 or 409 with `text/x.tlog.mirror-info`, or another status |
//! | `POST /sign-subtree` | our ML-DSA-44 signature lines over a range of leaves, or a status |
//! | `GET /<id>/checkpoint` | the mirror checkpoint, with the cosignatures of others that are kept for its size |
//! | `GET /<id>/tile/...`, `/checkpoints...`, `/blob/...` | the copy ([`ishibumi_store::public`]), up to the mirror checkpoint |
//! | `GET /<id>/v1/proof/<leaf>` | the proof of a leaf, as the log's own (`docs/formats/submission-api.md`) |
//! | `GET /healthz`, `/readyz` | 200 while the process answers; while its stores do |
//! | `GET /metrics` (admin address only) | Prometheus text |
//!
//! Threads, limits and the end of serving are [`crate::host`]'s.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use ishibumi_store::public::{self, ReadError};
use ishibumi_store::{
    Clock, KeptCheckpoint, Registers, StoreError, earliest_covering, inclusion_proofs,
};
use ishibumi_tlog::Hash;
use ishibumi_tlog::protocol::{BODY_LEN_MAX, encode_signatures};
use ishibumi_wire::{Admitted, BodyStream, Net, Reply, Service, reply};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::api::Api;
use super::core::Mirror;
use super::metrics::MirrorMetrics;
use super::pull::Puller;
use super::upload::add_entries;
use crate::follow::StateError;
use crate::host::{Host, Listening, ServeError, TEXT, no_store, only, text};

/// How logs are pulled while a mirror serves.
pub struct Pulling {
    /// By what they are asked.
    pub net: Arc<dyn Net>,
    /// From the end of a round to the beginning of the next.
    pub interval: Duration,
}

/// Serves `mirror` and, for its operator, `metrics`, and pulls those logs that have a URL, until
/// `shutdown` completes; then lets requests in flight finish.
///
/// # Errors
/// [`ServeError::Store`] as soon as a store failed once.
pub async fn serve<R: Registers, C: Clock>(
    mirror: Arc<Mirror<R, C>>,
    metrics: Arc<MirrorMetrics>,
    listening: Listening,
    pulling: Pulling,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (stop, stopped) = watch::channel(false);
    let pullers = Puller::all(&mirror, &metrics, &pulling.net, &stopped);
    let pullers = pullers.map_err(|error| ServeError::Store(error.to_string()))?;
    let api = Arc::new(Api {
        host: Host::new(mirror, "mirror"),
        metrics,
    });
    let mut rounds = JoinSet::new();
    for puller in pullers {
        let (api, stopped) = (Arc::clone(&api), stopped.clone());
        rounds.spawn(async move {
            let ended = puller.run(pulling.interval, stopped).await;
            if let Err(error) = ended
                && let Some(error) = error.state()
            {
                api.host.complain(error);
            }
        });
    }
    let public = Public(Arc::clone(&api));
    let private = Admin(Arc::clone(&api));
    let served = api.host.serve(public, private, listening, shutdown).await;
    stop.send_replace(true);
    while rounds.join_next().await.is_some() {}
    served
}

/// The target of a request.
enum Route {
    AddCheckpoint,
    AddEntries,
    SignSubtree,
    /// A path under a log's prefix, without a slash in front, and the query.
    Copy(Hash, String, Option<String>),
    Health,
    Ready,
}

// The error is an answer on its way out, once per refused request.
#[allow(clippy::result_large_err)]
fn route(head: &Parts) -> Result<Route, Reply> {
    let (route, method) = match head.uri.path() {
        "/add-checkpoint" => (Route::AddCheckpoint, "POST"),
        "/add-entries" => (Route::AddEntries, "POST"),
        "/sign-subtree" => (Route::SignSubtree, "POST"),
        "/healthz" => (Route::Health, "GET"),
        "/readyz" => (Route::Ready, "GET"),
        path => {
            let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
            let known = parts.and_then(|(id, rest)| Some((Hash::from_hex(id)?, rest.to_owned())));
            let (id, rest) = known.ok_or_else(|| nothing_at(path))?;
            (
                Route::Copy(id, rest, head.uri.query().map(str::to_owned)),
                "GET",
            )
        }
    };
    let fits = match method {
        "POST" => head.method == Method::POST,
        _ => head.method == Method::GET,
    };
    if fits { Ok(route) } else { Err(only(method)) }
}

/// The answer to a request for an unknown path: the client may be at the wrong server.
fn nothing_at(path: &str) -> Reply {
    let detail = format!(
        "there is nothing at {path:?}: this is a mirror of transparency logs. The copy of a log is under /ID/, \
         where ID is the SHA-256 of the log's origin in hexadecimal ({COPY}); logs push to /add-checkpoint, \
         /add-entries and /sign-subtree, with POST"
    );
    text(StatusCode::NOT_FOUND, &detail)
}

/// The paths that a copy has.
const COPY: &str = "checkpoint, checkpoints, tile/..., blob/SHA256, v1/proof/LEAF";

/// The public address.
struct Public<R, C>(Arc<Api<R, C>>);

impl<R: Registers, C: Clock> Service for Public<R, C> {
    type Request = Route;

    fn admit(&self, head: &Parts) -> Result<Admitted<Route>, Reply> {
        let route = route(head)?;
        let len_max = match route {
            Route::AddEntries => return Ok(Admitted::streamed(route)),
            Route::AddCheckpoint | Route::SignSubtree => BODY_LEN_MAX,
            Route::Copy(..) | Route::Health | Route::Ready => 0,
        };
        Ok(Admitted::whole(route, len_max))
    }

    async fn stream(&self, _: Route, body: &mut BodyStream) -> Reply {
        let Self(api) = self;
        let started = Instant::now();
        let mut answer = add_entries(api, body).await;
        // C2SP tlog-mirror, "Request Body"; RFC 9110 section 12.5.3.
        let gzip = HeaderValue::from_static("gzip");
        answer.headers_mut().insert(header::ACCEPT_ENCODING, gzip);
        api.counted("add-entries", started, answer)
    }

    async fn call(&self, route: Route, body: Bytes) -> Reply {
        let Self(api) = self;
        let started = Instant::now();
        match route {
            Route::AddCheckpoint => {
                let add = move |mirror: &Mirror<R, C>| mirror.add_checkpoint(&body);
                let answer = match api.host.blocking(add).await {
                    Ok(Ok(())) => reply(StatusCode::OK, TEXT, ""),
                    Ok(Err(refusal)) => api.refusal(&refusal),
                    Err(busy) => busy,
                };
                api.counted("add-checkpoint", started, answer)
            }
            Route::SignSubtree => {
                let sign = move |mirror: &Mirror<R, C>| mirror.sign_subtree(&body);
                let answer = match api.host.blocking(sign).await {
                    Ok(Ok(lines)) => reply(StatusCode::OK, TEXT, encode_signatures(&lines)),
                    Ok(Err(refusal)) => api.refusal(&refusal),
                    Err(busy) => busy,
                };
                api.counted("sign-subtree", started, answer)
            }
            Route::Copy(id, path, query) => {
                let read =
                    move |mirror: &Mirror<R, C>| copy_reply(mirror, id, &path, query.as_deref());
                api.read(read).await
            }
            Route::Health => text(StatusCode::OK, "ok"),
            Route::Ready => {
                let ready = |mirror: &Mirror<R, C>| {
                    mirror.standings()?;
                    Ok(text(StatusCode::OK, "ready"))
                };
                api.read(ready).await
            }
            // `/add-entries` is streamed.
            Route::AddEntries => only("POST"),
        }
    }
}

/// The resource at `path` under the prefix of the log `id`. Only data that the mirror checkpoint
/// covers are served.
fn copy_reply<R: Registers, C: Clock>(
    mirror: &Mirror<R, C>,
    id: Hash,
    path: &str,
    query: Option<&str>,
) -> Result<Reply, StateError> {
    let absent = |detail: &str| Ok(no_store(text(StatusCode::NOT_FOUND, detail)));
    let Some(copy) = mirror.copy(id) else {
        return absent(
            "this mirror copies no log with this ID, which is the SHA-256 of the log's origin, without a newline, in \
             hexadecimal; the mirror's operator sees with `ishibumi-witness mirror status` what is copied",
        );
    };
    let store = copy.store();
    let Some(newest) = mirror.shown(copy)? else {
        return absent(
            "this mirror has not cosigned a checkpoint of this log yet: it does once it has all entries of one; try \
             again later",
        );
    };
    if path == "checkpoint" {
        return Ok(no_store(reply(StatusCode::OK, TEXT, newest.note.encode())));
    }
    if let Some(leaf) = path.strip_prefix("v1/proof/") {
        return Ok(proof_reply(store, newest, leaf, query == Some("fresh"))?);
    }
    match public::read(store, newest.size, path, query) {
        Ok(Some(resource)) => {
            let cache = HeaderValue::from_static(resource.freshness.cache_control());
            let mut answer = reply(StatusCode::OK, resource.media_type, resource.octets);
            answer.headers_mut().insert(header::CACHE_CONTROL, cache);
            Ok(answer)
        }
        Ok(None) => absent(&format!(
            "there is nothing at {path:?} of the copy, which has {COPY}"
        )),
        Err(ReadError::Query(detail)) => Ok(no_store(text(StatusCode::BAD_REQUEST, detail))),
        Err(ReadError::Store(error)) => Err(error.into()),
        Err(other) => absent(&other.to_string()),
    }
}

/// The tlog-proof of the record with this leaf hash, under the earliest kept checkpoint that covers
/// it, or under the mirror checkpoint. The answers are those of a log.
fn proof_reply(
    store: &dyn ishibumi_store::LogStore,
    newest: KeptCheckpoint,
    leaf: &str,
    fresh: bool,
) -> Result<Reply, StoreError> {
    let found = Hash::from_hex(leaf)
        .map(|leaf| store.index_of(leaf))
        .transpose()?
        .flatten();
    let Some(index) = found else {
        let detail = format!(
            "no record has the leaf hash {leaf}; a leaf hash is 64 lowercase hexadecimal digits"
        );
        let problem = json!({
            "type": "urn:ishibumi:error:unknown-leaf",
            "title": "unknown leaf",
            "status": 404,
            "detail": detail,
        });
        let body = format!("{problem}\n");
        let kind = "application/problem+json";
        return Ok(no_store(reply(StatusCode::NOT_FOUND, kind, body)));
    };
    let covered = index < newest.size;
    let mut answer = if covered {
        let KeptCheckpoint { size, note } = if fresh {
            newest
        } else {
            earliest_covering(store, index, newest)?
        };
        let proof = inclusion_proofs(store, &[index], size, &note)?
            .pop()
            .flatten();
        let proof = proof.ok_or_else(|| StoreError::Damaged {
            what: format!("the proof of record {index}"),
            detail: format!("the tree of {size} leaves has none"),
        })?;
        reply(StatusCode::OK, public::TEXT, proof.encode())
    } else {
        let place = json!({ "index": index, "leaf": leaf, "proof": format!("/v1/proof/{leaf}") });
        let mut later = reply(
            StatusCode::ACCEPTED,
            "application/json",
            format!("{place}\n"),
        );
        let second = HeaderValue::from_static("1");
        later.headers_mut().insert(header::RETRY_AFTER, second);
        later
    };
    let headers = answer.headers_mut();
    headers.insert("ishibumi-index", index.into());
    if let Ok(leaf) = HeaderValue::from_str(leaf) {
        headers.insert("ishibumi-leaf", leaf);
    }
    Ok(no_store(answer))
}

/// The admin address: metrics, for the operator's own network.
struct Admin<R, C>(Arc<Api<R, C>>);

impl<R: Registers, C: Clock> Service for Admin<R, C> {
    type Request = ();

    fn admit(&self, head: &Parts) -> Result<Admitted<()>, Reply> {
        if head.method == Method::GET && head.uri.path() == "/metrics" {
            return Ok(Admitted::whole((), 0));
        }
        Err(text(
            StatusCode::NOT_FOUND,
            "only GET /metrics is served here",
        ))
    }

    async fn call(&self, (): (), _: Bytes) -> Reply {
        let Self(api) = self;
        let metrics = Arc::clone(&api.metrics);
        api.read(move |mirror| {
            metrics.remember(mirror)?;
            Ok(reply(
                StatusCode::OK,
                "text/plain; version=0.0.4",
                metrics.text(),
            ))
        })
        .await
    }
}
