//! The known state of an endpoint that is asked, and the outcome of asking.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::SignatureLine;
use ishibumi_wire::Net;
use tokio::sync::watch;

use super::endpoint::Endpoint;
use super::packing::Packing;
use crate::core::contradiction::Claim;
use crate::core::elsewhere::Foreign;
use crate::core::publisher::Round;

/// The outcome of asking.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who was asked.
    pub from: Arc<Endpoint>,
    /// The outcome.
    pub what: Outcome,
}

/// See [`Report`].
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It cosigned the head of a round; the lines are verified.
    Cosigned {
        /// The round.
        round: u64,
        /// The size of its head.
        size: u64,
        /// The cosignature lines.
        lines: Vec<SignatureLine>,
        /// How long it took.
        took: Duration,
    },
    /// It speaks against this log.
    Contradicts {
        /// Its claim.
        claim: Claim,
        /// The size of the newest head of this log.
        ours: u64,
        /// Its proof: a checkpoint by this log's own key that is not part of this log.
        shown: Option<Arc<Foreign>>,
    },
    /// It did not cosign.
    Failed {
        /// Why not, in a sentence for the operator.
        why: String,
    },
}

/// The head to be cosigned.
#[derive(Clone, Debug)]
pub(in crate::core) struct Rounds {
    /// The newest head.
    pub(in crate::core) newest: Arc<Round>,
    /// The newest one whose checkpoint is kept for ever.
    pub(in crate::core) kept: Option<Arc<Round>>,
}

/// The state that the tasks share.
#[derive(Clone)]
pub(in crate::core) struct Surroundings {
    pub(in crate::core) store: Arc<dyn LogStore>,
    pub(in crate::core) net: Arc<dyn Net>,
    pub(in crate::core) clock: Arc<dyn Clock>,
    pub(in crate::core) rounds: watch::Receiver<Option<Rounds>>,
    /// The log's own keys.
    pub(in crate::core) keys: Arc<[VerifierKey]>,
    /// How often a witness that is not asked for anything is asked for what it has; never if zero.
    pub(in crate::core) look_interval: Duration,
}

/// The known state of one endpoint.
pub(super) struct Asked {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) around: Surroundings,
    /// The size that it knows; at first unknown, and asked for with `old 0`.
    pub(super) known: u64,
    /// The first record that the mirror lacks, once it has said so.
    pub(super) next_entry: Option<u64>,
    pub(super) packing: Packing,
    /// The number of the last round that it cosigned.
    pub(super) done: u64,
    /// Whether it has cosigned since the process started.
    pub(super) agreed: bool,
    /// Whether it answers when it is asked for what it has.
    pub(super) shows: bool,
    /// Whether its last cosignature came when a newer round had begun.
    pub(super) late: bool,
}

impl Asked {
    pub(super) fn of(endpoint: &Arc<Endpoint>, around: Surroundings) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            around,
            known: 0,
            next_entry: None,
            packing: Packing::default(),
            done: 0,
            agreed: false,
            shows: true,
            late: false,
        }
    }

    /// The round to ask about next; `None` if the newest is cosigned.
    pub(super) fn pick(&self, rounds: &Rounds) -> Option<Arc<Round>> {
        let kept = rounds.kept.as_ref().filter(|_| self.late);
        let newer = |round: &&Arc<Round>| round.number > self.done;
        let pick = kept.filter(newer).or(Some(&rounds.newest).filter(newer));
        pick.cloned()
    }
}
