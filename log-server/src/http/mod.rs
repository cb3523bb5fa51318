//! The public interface.
//!
//! One function routes, once for each request, so that the whole interface can be read at once
//! (`App::route`). Reading needs no lock that the writer holds: it works on the store's snapshots
//! and on the published checkpoint.

mod admin;
mod admitting;
mod app;
pub mod batch;
mod find;
mod health;
pub mod problem;
mod query;
mod read;
mod refusals;
mod submit;

pub use admin::{ANNOUNCE_PATH, Admin, Guard, RECORD_MEDIA_TYPE, status as admin_status};
pub use app::Served;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use ishibumi_wire::{Admitted, Reply, Service};

use crate::config::Config;
use crate::registry::Registry;
use app::App;
use problem::Problem;
use submit::Submission;

/// The public service: an `App` that requests can share.
pub struct Public(Arc<App>);

impl Public {
    /// A service over a running log.
    pub fn new(config: &Config, served: Served, registry: Arc<Registry>) -> Self {
        Self::with(config, served, registry, None)
    }

    /// A service over a log that only reads: everything is read as before, and submitters are told
    /// `why`.
    pub fn only_reading(config: &Config, served: Served, why: Problem) -> Self {
        Self::with(config, served, Arc::default(), Some(why))
    }

    fn with(
        config: &Config,
        served: Served,
        registry: Arc<Registry>,
        closed: Option<Problem>,
    ) -> Self {
        Self(Arc::new(App::new(config, served, registry, closed)))
    }
}

/// The target of a request.
pub enum Route {
    /// `POST /v1/submit`.
    Submit(Submission),
    /// `GET` of anything.
    Read(Resource),
}

/// A resource to be read. Queries are as they came.
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
    /// A path that every copy of a log has as well, without a slash in front.
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
    /// Routes a request by its head; for a submission, also finds the sender and checks that
    /// submissions are taken.
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
}
