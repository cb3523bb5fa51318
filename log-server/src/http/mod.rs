//! The public interface.
//!
//! One place routes, once for each request, so that the whole interface can be read at once ([`App::route`]). Reading needs no
//! lock that the writer holds: it works on the store's snapshots and on the published checkpoint.

mod admin;
mod admitting;
pub mod batch;
mod find;
mod health;
pub mod problem;
mod query;
mod read;
mod refusals;
mod submit;

pub use admin::{ANNOUNCE_PATH, Admin, Guard, RECORD_MEDIA_TYPE, status as admin_status};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::Policy;
use ishibumi_wire::{Admitted, Reply, Service};

use crate::config::Config;
use crate::core::{Handle, SubmitError};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::turns::Turns;
use problem::Problem;
use submit::Submission;

/// The log that is answered for.
#[derive(Clone)]
pub struct Served {
    /// By which proofs are cut.
    pub policy: Policy,
    /// The store.
    pub store: Arc<dyn LogStore>,
    /// The running log, or what stands in for one.
    pub handle: Handle,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// By which states and quotas of providers are judged.
    pub clock: Arc<dyn Clock>,
}

/// What answering needs.
pub struct App {
    origin: String,
    policy: Policy,
    store: Arc<dyn LogStore>,
    handle: Handle,
    registry: Arc<Registry>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// What submitters to a log are told that only reads.
    closed: Option<Problem>,
    turns: Arc<Turns>,
    cores: usize,
    body_len_max: usize,
    batch_items_max: usize,
    quorum_deadline: Duration,
    quorum_alarm: Duration,
}

/// The public service: an [`App`] that requests can share.
pub struct Public(Arc<App>);

impl Public {
    /// A service over a running log.
    pub fn new(config: &Config, served: Served, registry: Arc<Registry>) -> Self {
        Self::with(config, served, registry, None)
    }

    /// A service over a log that only reads: everything is read as before, and submitters are told `why`.
    pub fn only_reading(config: &Config, served: Served, why: Problem) -> Self {
        Self::with(config, served, Arc::default(), Some(why))
    }

    fn with(
        config: &Config,
        served: Served,
        registry: Arc<Registry>,
        closed: Option<Problem>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(App {
            origin: config.origin.clone(),
            policy: served.policy,
            store: served.store,
            handle: served.handle,
            registry,
            metrics: served.metrics,
            clock: served.clock,
            closed,
            turns: Turns::new(cores),
            cores,
            body_len_max: config.body_len_max,
            batch_items_max: config.batch_items_max,
            quorum_deadline: config.sequencing.quorum_deadline,
            quorum_alarm: config.sequencing.quorum_alarm,
        }))
    }
}

/// What a request asks for.
pub enum Route {
    /// `POST /v1/submit`.
    Submit(Submission),
    /// `GET` of anything.
    Read(Resource),
}

/// What is read. Queries are as they came.
#[derive(Debug)]
pub enum Resource {
    /// `/checkpoint`.
    Checkpoint,
    /// `/healthz`.
    Health,
    /// `/readyz`.
    Ready,
    /// `/v1/proof/LEAF`.
    Proof {
        /// The leaf hash.
        leaf: String,
        /// The query.
        query: Option<String>,
    },
    /// `/v1/lookup/KEY`.
    Lookup {
        /// The key.
        key: String,
        /// The query.
        query: Option<String>,
    },
    /// What every copy of a log has as well, without a slash in front.
    Public {
        /// The path.
        path: String,
        /// The query.
        query: Option<String>,
    },
}

impl Service for Public {
    type Request = Route;

    fn admit(&self, head: &Parts) -> Result<Admitted<Route>, Reply> {
        let app = &self.0;
        let route = app
            .route(head)
            .map_err(|problem| app.count(problem.into_reply()))?;
        let sender = app.sender(head);
        let len_max = match &route {
            Route::Submit(_) => app.body_len_max,
            Route::Read(_) => 0,
        };
        Ok(Admitted::whole(route, len_max).by(sender))
    }

    fn call(&self, route: Route, body: Bytes) -> impl Future<Output = Reply> + Send {
        let app = Arc::clone(&self.0);
        async move {
            let answer = match route {
                Route::Submit(submission) => app
                    .submit(submission, body)
                    .await
                    .inspect_err(|problem| app.refused(problem)),
                Route::Read(resource) => app.read(resource),
            };
            app.count(answer.unwrap_or_else(Problem::into_reply))
        }
    }

    fn refuse(&self, status: StatusCode, detail: &str) -> Reply {
        let name = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
            StatusCode::REQUEST_TIMEOUT => "body-too-slow",
            StatusCode::SERVICE_UNAVAILABLE => "busy",
            _ => "malformed-request",
        };
        self.0
            .count(Problem::new(status, name, detail).into_reply())
    }
}

impl App {
    /// A log that takes nothing reads nothing of what is sent either.
    fn is_taking(&self) -> Result<(), Problem> {
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        if let Some(problem) = Problem::of_standing(&self.handle.standing().borrow()) {
            return Err(problem);
        }
        let lack = self.handle.lack().map(SubmitError::NoRoom);
        lack.map_or(Ok(()), |lack| Err(Problem::no_room(lack.to_string())))
    }

    /// What the head asks for; for a submission also who sends it, and whether that is taken.
    fn route(&self, head: &Parts) -> Result<Route, Problem> {
        let path = head.uri.path();
        let query = head.uri.query().map(str::to_owned);
        if head.method == Method::POST {
            if path != "/v1/submit" {
                return Err(self.nothing_at(path));
            }
            let submission = self.is_taking().and_then(|()| self.submission(head));
            return submission
                .inspect_err(|problem| self.refused(problem))
                .map(Route::Submit);
        }
        if head.method != Method::GET {
            let detail = format!("{} is not supported; use GET or POST", head.method);
            return Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                detail,
            ));
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        let resource = match path.split_once('/') {
            None if path == "checkpoint" => Resource::Checkpoint,
            None if path == "healthz" => Resource::Health,
            None if path == "readyz" => Resource::Ready,
            Some(("v1", rest)) => match rest.split_once('/') {
                Some(("proof", leaf)) => Resource::Proof {
                    leaf: leaf.to_owned(),
                    query,
                },
                Some(("lookup", key)) => Resource::Lookup {
                    key: key.to_owned(),
                    query,
                },
                _ => return Err(self.nothing_at(&format!("/{path}"))),
            },
            _ => Resource::Public {
                path: path.to_owned(),
                query,
            },
        };
        Ok(Route::Read(resource))
    }

    fn read(&self, resource: Resource) -> Result<Reply, Problem> {
        match resource {
            Resource::Checkpoint => self.checkpoint(),
            Resource::Health => Ok(self.healthz()),
            Resource::Ready => self.readyz(),
            Resource::Proof { leaf, query } => self.proof(&leaf, query.as_deref()),
            Resource::Lookup { key, query } => self.lookup(&key, query.as_deref()),
            Resource::Public { path, query } => self.public(&path, query.as_deref()),
        }
    }

    /// Counts a submission that is refused.
    fn refused(&self, problem: &Problem) {
        let name = &[problem.name];
        self.metrics.submissions.with_label_values(name).inc();
    }

    /// What somebody is told who came to a wrong place, which may be the wrong log or no log at all.
    fn nothing_at(&self, path: &str) -> Problem {
        Problem::not_found(format!(
            "there is nothing at {path} of the log {:?}. It takes POST /v1/submit, and serves /checkpoint, \
             /checkpoints, /tile/..., /blob/SHA256, /v1/proof/LEAF, /v1/lookup/KEY, /healthz and /readyz",
            self.origin
        ))
    }

    fn count(&self, answer: Reply) -> Reply {
        self.metrics
            .responses
            .with_label_values(&[answer.status().as_str()])
            .inc();
        answer
    }
}
