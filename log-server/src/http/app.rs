//! The state that answering needs, and the parts that all answers share.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::Policy;
use ishibumi_wire::Reply;

use super::problem::Problem;
use crate::config::Config;
use crate::core::{Handle, SubmitError};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::turns::Turns;

/// The log that is answered for.
#[derive(Clone)]
pub struct Served {
    /// By which proofs are cut.
    pub policy: Policy,
    /// The store.
    pub store: Arc<dyn LogStore>,
    /// The running log, or what stands in for one.
    pub handle: Handle,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// By which states and quotas of providers are judged.
    pub clock: Arc<dyn Clock>,
}

/// The state that answering needs.
pub(super) struct App {
    pub(super) origin: String,
    pub(super) policy: Policy,
    pub(super) store: Arc<dyn LogStore>,
    pub(super) handle: Handle,
    pub(super) registry: Arc<Registry>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    /// The answer to submitters if the log is only read.
    pub(super) closed: Option<Problem>,
    pub(super) turns: Arc<Turns>,
    pub(super) cores: usize,
    pub(super) body_len_max: usize,
    pub(super) batch_items_max: usize,
    pub(super) quorum_deadline: Duration,
    pub(super) quorum_alarm: Duration,
}

impl App {
    pub(super) fn new(
        config: &Config,
        served: Served,
        registry: Arc<Registry>,
        closed: Option<Problem>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
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
            body_len_max: config.limits.body_len_max,
            batch_items_max: config.limits.batch_items_max,
            quorum_deadline: config.sequencing.quorum_deadline,
            quorum_alarm: config.sequencing.quorum_alarm,
        }
    }

    /// A log that takes no records does not read the body of a submission either.
    pub(super) fn is_taking(&self) -> Result<(), Problem> {
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        if let Some(problem) = Problem::of_standing(&self.handle.standing().borrow()) {
            return Err(problem);
        }
        let lack = self.handle.lack().map(SubmitError::NoRoom);
        lack.map_or(Ok(()), |lack| Err(Problem::no_room(lack.to_string())))
    }

    /// Counts a submission that is refused.
    pub(super) fn refused(&self, problem: &Problem) {
        let name = &[problem.name];
        self.metrics.submissions.with_label_values(name).inc();
    }

    /// The answer to a request for an unknown path: the client may be at the wrong log or at no log
    /// at all.
    pub(super) fn nothing_at(&self, path: &str) -> Problem {
        Problem::not_found(format!(
            "there is nothing at {path} of the log {:?}. It takes POST /v1/submit, and serves /checkpoint, \
             /checkpoints, /tile/..., /blob/SHA256, /v1/proof/LEAF, /v1/lookup/KEY, /healthz and /readyz",
            self.origin
        ))
    }

    pub(super) fn count(&self, answer: Reply) -> Reply {
        self.metrics
            .responses
            .with_label_values(&[answer.status().as_str()])
            .inc();
        answer
    }
}
