//! What is answered: the submission and the monitoring prefix of C2SP tlog-witness, and metrics.
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
//! The witness blocks on its disk, so it runs on threads of its own, a bounded number of requests at
//! once.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use ishibumi_store::{Clock, Registers, StoreError};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::SignatureLine;
use ishibumi_tlog::protocol::{BODY_LEN_MAX, SIZE_TYPE, encode_signatures, encode_size};
use ishibumi_wire::{Incoming, Reply, Service, reply};
use tokio::sync::{Semaphore, watch};

use crate::follow::StateError;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::witness::Witness;

/// Requests that may be with the witness at once; more are answered with 503.
const REQUESTS_MAX: usize = 128;

const TEXT: &str = "text/plain; charset=utf-8";

/// A witness, and what its answers share.
pub(super) struct Api<R, C> {
    witness: Arc<Witness<R, C>>,
    pub(super) metrics: Arc<Metrics>,
    slots: Semaphore,
    failed: watch::Sender<Option<String>>,
}

enum Route {
    AddCheckpoint,
    SignSubtree,
    Checkpoint(Hash),
    Health,
    Ready,
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
                .ok_or_else(|| text(StatusCode::NOT_FOUND, "nothing is served under this path"))?;
            (Route::Checkpoint(hash), Method::GET)
        }
    };
    if head.method == method {
        return Ok(route);
    }
    let mut answer = text(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("this path takes {method} only"),
    );
    let allowed = if method == Method::POST {
        "POST"
    } else {
        "GET"
    };
    answer
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    Err(answer)
}

/// The public address.
pub(super) struct Public<R, C>(pub(super) Arc<Api<R, C>>);

impl<R: Registers, C: Clock> Service for Public<R, C> {
    fn admit(&self, head: &Parts) -> Result<usize, Reply> {
        Ok(match route(head)? {
            Route::AddCheckpoint | Route::SignSubtree => BODY_LEN_MAX,
            Route::Checkpoint(_) | Route::Health | Route::Ready => 0,
        })
    }

    async fn call(&self, request: Incoming) -> Reply {
        let Self(api) = self;
        match route(&request.head) {
            Ok(Route::AddCheckpoint) => {
                let sign = move |witness: &Witness<R, C>| witness.add_checkpoint(&request.body);
                api.signed("add-checkpoint", sign).await
            }
            Ok(Route::SignSubtree) => {
                let sign = move |witness: &Witness<R, C>| witness.sign_subtree(&request.body);
                api.signed("sign-subtree", sign).await
            }
            Ok(Route::Checkpoint(origin)) => api.checkpoint(origin).await,
            Ok(Route::Health) => text(StatusCode::OK, "ok"),
            Ok(Route::Ready) => api.ready().await,
            Err(answer) => answer,
        }
    }
}

impl<R: Registers, C: Clock> Api<R, C> {
    pub(super) fn new(witness: Arc<Witness<R, C>>, metrics: Arc<Metrics>) -> Arc<Self> {
        let (failed, _) = watch::channel(None);
        Arc::new(Self {
            witness,
            metrics,
            slots: Semaphore::new(REQUESTS_MAX),
            failed,
        })
    }

    /// Why the store failed, once it has.
    pub(super) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failed.subscribe()
    }

    /// The signature lines that `sign` gives, or why there are none; counted under `call`.
    async fn signed(
        self: &Arc<Self>,
        call: &str,
        sign: impl FnOnce(&Witness<R, C>) -> Result<Vec<SignatureLine>, Refusal> + Send + 'static,
    ) -> Reply {
        let started = Instant::now();
        let answer = match self.blocking(sign).await {
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
            Refusal::State(error) => self.state_error(error),
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
            .blocking(move |witness| witness.checkpoint(origin))
            .await
        {
            Ok(Ok(Some(note))) => {
                let mut answer = reply(StatusCode::OK, TEXT, note.encode());
                let fresh = HeaderValue::from_static("no-store");
                answer.headers_mut().insert(header::CACHE_CONTROL, fresh);
                answer
            }
            Ok(Ok(None)) => text(
                StatusCode::NOT_FOUND,
                "no checkpoint of such a log was cosigned",
            ),
            Ok(Err(error)) => self.state_error(&error),
            Err(busy) => busy,
        }
    }

    async fn ready(self: &Arc<Self>) -> Reply {
        match self.blocking(Witness::check_binding).await {
            Ok(Ok(())) => text(StatusCode::OK, "ready"),
            Ok(Err(error)) => self.state_error(&error),
            Err(busy) => busy,
        }
    }

    /// 503, and the end of the process if the store failed. The submitter learns no path of ours.
    fn state_error(&self, error: &StateError) -> Reply {
        self.complain(error);
        text(
            StatusCode::SERVICE_UNAVAILABLE,
            "this witness cannot use its state; nothing was signed; its operator has to act",
        )
    }

    /// Tells the operator, and ends the process if the store failed.
    pub(super) fn complain(&self, error: &StateError) {
        // Standard error may be closed; there is nobody else to tell.
        let _ = writeln!(std::io::stderr(), "{error}");
        if matches!(error, StateError::Store(StoreError::Failed { .. })) {
            self.failed.send_replace(Some(error.to_string()));
        }
    }

    /// Runs `work` on a thread that may block; 503 if too many are at it.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Witness<R, C>) -> T + Send + 'static,
    ) -> Result<T, Reply> {
        let Ok(_slot) = self.slots.try_acquire() else {
            let mut busy = text(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests at once; try again",
            );
            busy.headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            return Err(busy);
        };
        let witness = Arc::clone(&self.witness);
        tokio::task::spawn_blocking(move || work(&witness))
            .await
            .map_err(|_| {
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the request could not be finished",
                )
            })
    }
}

/// The admin address: metrics, for the operator's own network.
pub(super) struct Admin<R, C>(pub(super) Arc<Api<R, C>>);

impl<R: Registers, C: Clock> Service for Admin<R, C> {
    fn admit(&self, head: &Parts) -> Result<usize, Reply> {
        if head.method == Method::GET && head.uri.path() == "/metrics" {
            return Ok(0);
        }
        Err(text(
            StatusCode::NOT_FOUND,
            "only GET /metrics is served here",
        ))
    }

    async fn call(&self, _: Incoming) -> Reply {
        let Self(api) = self;
        match api.blocking(|witness| witness.follower().logs()).await {
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
            Ok(Err(error)) => api.state_error(&error),
            Err(busy) => busy,
        }
    }
}

fn text(status: StatusCode, line: &str) -> Reply {
    reply(status, TEXT, format!("{line}\n"))
}
