//! The public interface.
//!
//! One place routes, so that the whole interface can be read at once ([`App::route`]). Reading needs no
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

use http::request::Parts;
use http::{Method, StatusCode};
use ishibumi_store::LogStore;
use ishibumi_tlog::Policy;
use ishibumi_wire::{Incoming, Reply, Service};

use crate::config::Config;
use crate::core::run::{Handle, SubmitError};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::turns::Turns;
use problem::Problem;

/// What answering needs.
pub struct App {
    origin: String,
    /// By which proofs are cut.
    policy: Policy,
    store: Arc<dyn LogStore>,
    handle: Handle,
    registry: Arc<Registry>,
    metrics: Arc<Metrics>,
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
    pub fn new(
        config: &Config,
        policy: Policy,
        store: Arc<dyn LogStore>,
        handle: Handle,
        registry: Arc<Registry>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self::with(config, policy, store, handle, registry, metrics, None)
    }

    /// A service over a log that only reads: everything is read as before, and submitters are told `why`.
    pub fn only_reading(
        config: &Config,
        policy: Policy,
        store: Arc<dyn LogStore>,
        handle: Handle,
        metrics: Arc<Metrics>,
        why: Problem,
    ) -> Self {
        Self::with(
            config,
            policy,
            store,
            handle,
            Arc::default(),
            metrics,
            Some(why),
        )
    }

    fn with(
        config: &Config,
        policy: Policy,
        store: Arc<dyn LogStore>,
        handle: Handle,
        registry: Arc<Registry>,
        metrics: Arc<Metrics>,
        closed: Option<Problem>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(App {
            origin: config.origin.clone(),
            policy,
            store,
            handle,
            registry,
            metrics,
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

impl Service for Public {
    fn admit(&self, head: &Parts) -> Result<usize, Reply> {
        let app = &self.0;
        let most = match (&head.method, head.uri.path()) {
            (&Method::POST, "/v1/submit") => app
                .is_taking()
                .and_then(|()| app.submission(head))
                .map(|_| app.body_len_max)
                .inspect_err(|problem| {
                    app.metrics
                        .submissions
                        .with_label_values(&[problem.name])
                        .inc();
                }),
            (&Method::POST, path) => Err(app.nothing_at(path)),
            _ => Ok(0),
        };
        most.map_err(|problem| app.count(problem.into_reply()))
    }

    fn sender(&self, head: &Parts) -> Option<Arc<str>> {
        self.0.sender(head)
    }

    fn call(&self, request: Incoming) -> impl Future<Output = Reply> + Send {
        let app = Arc::clone(&self.0);
        async move {
            let counted = Arc::clone(&app);
            let answer = app.route(request).await.unwrap_or_else(Problem::into_reply);
            counted.count(answer)
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

    async fn route(self: Arc<Self>, request: Incoming) -> Result<Reply, Problem> {
        let head = &request.head;
        let (path, query) = (
            head.uri.path().to_owned(),
            head.uri.query().map(str::to_owned),
        );
        if head.method == Method::POST {
            let metrics = Arc::clone(&self.metrics);
            return self.submit(request).await.inspect_err(|problem| {
                metrics.submissions.with_label_values(&[problem.name]).inc();
            });
        }
        if head.method != Method::GET {
            let detail = format!("{} is not supported; use GET or POST", head.method);
            return Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                detail,
            ));
        }
        let path = path.strip_prefix('/').unwrap_or(&path);
        match path.split_once('/') {
            None if path == "checkpoint" => self.checkpoint(),
            None if path == "healthz" => Ok(self.healthz()),
            None if path == "readyz" => self.readyz(),
            Some(("v1", rest)) => match rest.split_once('/') {
                Some(("proof", leaf)) => self.proof(leaf, query.as_deref()),
                Some(("lookup", key)) => self.lookup(key, query.as_deref()),
                _ => Err(self.nothing_at(&format!("/{path}"))),
            },
            _ => self.public(path, query.as_deref()),
        }
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
