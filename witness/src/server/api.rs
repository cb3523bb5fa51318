//! The answered requests: the submission and the monitoring prefix of C2SP tlog-witness, and
//! metrics.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /add-checkpoint` | our signature lines, or a status of C2SP with a line of explanation |
//! | `POST /sign-subtree` | our ML-DSA-44 signature lines over a range of leaves, or a status |
//! | `GET /<hex SHA-256 of the origin>/checkpoint` | the newest checkpoint that was cosigned |
//! | `GET /healthz` | 200 while the process answers |
//! | `GET /readyz` | 200 while the store answers and belongs to this key |
//! | `GET /metrics` (admin address only) | Prometheus text |
//!
//! Threads and limits are [`crate::host`]'s.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::SignatureLine;
use ishibumi_tlog::protocol::{BODY_LEN_MAX, SIZE_TYPE, encode_signatures, encode_size};
use ishibumi_wire::{Admitted, Reply, Service, reply};

use crate::host::{Host, TEXT, no_store, only, text};
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::witness::Witness;

/// A witness, and what its answers share.
pub(super) struct Api<R, C> {
    pub(super) host: Host<Witness<R, C>>,
    pub(super) metrics: Arc<Metrics>,
}

/// The target of a request.
pub(super) enum Route {
    AddCheckpoint,
    SignSubtree,
    Checkpoint(Hash),
    Health,
    Ready,
}

/// The answer to a request for an unknown path: the client may be at the wrong server.
fn nothing_at(path: &str) -> Reply {
    let detail = format!(
        "there is nothing at {path:?}: this is a witness of transparency logs. What it cosigned last of a log is at \
         /ID/checkpoint, where ID is the SHA-256 of the log's origin in hexadecimal; logs ask at /add-checkpoint and \
         /sign-subtree, with POST"
    );
    text(StatusCode::NOT_FOUND, &detail)
}

// The error is an answer on its way out, once per refused request.
#[allow(clippy::result_large_err)]
fn route(head: &Parts) -> Result<Route, Reply> {
    let (route, method) = match head.uri.path() {
        "/add-checkpoint" => (Route::AddCheckpoint, Method::POST),
        "/sign-subtree" => (Route::SignSubtree, Method::POST),
        "/healthz" => (Route::Health, Method::GET),
        "/readyz" => (Route::Ready, Method::GET),
        path => {
            let hash = path
                .strip_prefix('/')
                .and_then(|path| path.strip_suffix("/checkpoint"))
                .and_then(Hash::from_hex)
                .ok_or_else(|| nothing_at(path))?;
            (Route::Checkpoint(hash), Method::GET)
        }
    };
    if head.method == method {
        return Ok(route);
    }
    Err(only(if method == Method::POST {
        "POST"
    } else {
        "GET"
    }))
}

/// The public address.
pub(super) struct Public<R, C>(pub(super) Arc<Api<R, C>>);

impl<R: Registers, C: Clock> Service for Public<R, C> {
    type Request = Route;

    fn admit(&self, head: &Parts) -> Result<Admitted<Route>, Reply> {
        let route = route(head)?;
        let len_max = match route {
            Route::AddCheckpoint | Route::SignSubtree => BODY_LEN_MAX,
            Route::Checkpoint(_) | Route::Health | Route::Ready => 0,
        };
        Ok(Admitted::whole(route, len_max))
    }

    async fn call(&self, route: Route, body: Bytes) -> Reply {
        let Self(api) = self;
        match route {
            Route::AddCheckpoint => {
                let sign = move |witness: &Witness<R, C>| witness.add_checkpoint(&body);
                api.signed("add-checkpoint", sign).await
            }
            Route::SignSubtree => {
                let sign = move |witness: &Witness<R, C>| witness.sign_subtree(&body);
                api.signed("sign-subtree", sign).await
            }
            Route::Checkpoint(origin) => api.checkpoint(origin).await,
            Route::Health => text(StatusCode::OK, "ok"),
            Route::Ready => api.ready().await,
        }
    }
}

impl<R: Registers, C: Clock> Api<R, C> {
    pub(super) fn new(witness: Arc<Witness<R, C>>, metrics: Arc<Metrics>) -> Arc<Self> {
        let host = Host::new(witness, "witness");
        Arc::new(Self { host, metrics })
    }

    /// The signature lines that `sign` gives, or why there are none; counted under `call`.
    async fn signed(
        self: &Arc<Self>,
        call: &str,
        sign: impl FnOnce(&Witness<R, C>) -> Result<Vec<SignatureLine>, Refusal> + Send + 'static,
    ) -> Reply {
        let started = Instant::now();
        let answer = match self.host.blocking(sign).await {
            Ok(Ok(lines)) => reply(StatusCode::OK, TEXT, encode_signatures(&lines)),
            Ok(Err(refusal)) => self.refusal(&refusal),
            Err(busy) => busy,
        };
        let status = answer.status().as_u16();
        self.metrics.answered(call, status, started.elapsed());
        answer
    }

    fn refusal(&self, refusal: &Refusal) -> Reply {
        match refusal {
            Refusal::Conflict { known, .. } => {
                reply(StatusCode::CONFLICT, SIZE_TYPE, encode_size(*known))
            }
            Refusal::State(error) => self.host.state_error(error),
            other => {
                let status = StatusCode::from_u16(other.status());
                text(
                    status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
                    &other.to_string(),
                )
            }
        }
    }

    async fn checkpoint(self: &Arc<Self>, origin: Hash) -> Reply {
        match self
            .host
            .blocking(move |witness| witness.checkpoint(origin))
            .await
        {
            Ok(Ok(Some(note))) => no_store(reply(StatusCode::OK, TEXT, note.encode())),
            Ok(Ok(None)) => text(
                StatusCode::NOT_FOUND,
                "no checkpoint of such a log was cosigned",
            ),
            Ok(Err(error)) => self.host.state_error(&error),
            Err(busy) => busy,
        }
    }

    async fn ready(self: &Arc<Self>) -> Reply {
        match self.host.blocking(Witness::check_binding).await {
            Ok(Ok(())) => text(StatusCode::OK, "ready"),
            Ok(Err(error)) => self.host.state_error(&error),
            Err(busy) => busy,
        }
    }
}

/// The admin address: metrics, for the operator's own network.
pub(super) struct Admin<R, C>(pub(super) Arc<Api<R, C>>);

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
        match api.host.blocking(|witness| witness.follower().logs()).await {
            Ok(Ok(logs)) => {
                for log in &logs {
                    api.metrics.remember(log);
                }
                reply(
                    StatusCode::OK,
                    "text/plain; version=0.0.4",
                    api.metrics.text(),
                )
            }
            Ok(Err(error)) => api.host.state_error(&error),
            Err(busy) => busy,
        }
    }
}
