//! Asking witnesses and mirrors to cosign (C2SP tlog-witness, tlog-mirror), each at its own pace.
//!
//! Every submission prefix has a task of its own that works on one round at a time. A slow, dead or lying
//! one delays nobody: its task waits, backs off and tries again, while the others make the quorum. One
//! that answers but never in time for the newest round is asked about the rounds whose checkpoints are
//! kept for ever, so that its cosignatures are worth something too.

mod ask;
mod look;
mod mirror;
mod upload;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::SignatureLine;
use ishibumi_wire::Net;
use tokio::sync::watch;

use self::mirror::Packing;
use super::contradiction::Claim;
use super::elsewhere::Foreign;
use super::publisher::Round;

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A submission prefix that the log asks: of a witness, of a mirror, or of both.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The submission prefix, without a slash at its end.
    pub url: String,
    /// The keys of the witness there; it may sign with several.
    pub witness_keys: Vec<VerifierKey>,
    /// The keys of the mirror there.
    pub mirror_keys: Vec<VerifierKey>,
    /// How long it has for one answer to `add-checkpoint`.
    pub deadline: Duration,
    /// What one `add-entries` may be.
    pub upload: UploadLimits,
}

/// What one request to a mirror may be.
#[derive(Clone, Debug)]
pub struct UploadLimits {
    /// How long the mirror has for one answer.
    pub deadline: Duration,
    /// The most packages, of 256 records each.
    pub packages_max: usize,
    /// No package is added to a request that has this many octets.
    pub len_max: usize,
}

impl Endpoint {
    /// What it is called in reports: the name of its first key.
    pub fn name(&self) -> &str {
        self.keys().next().map_or("", VerifierKey::name)
    }

    /// All its keys, a witness's first.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.witness_keys.iter().chain(&self.mirror_keys)
    }
}

/// What came of asking.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who was asked.
    pub from: Arc<Endpoint>,
    /// What came.
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
        /// What it says.
        claim: Claim,
        /// The size of the newest head of this log.
        ours: u64,
        /// What it shows: a checkpoint by this log's own key that is not part of this log.
        shown: Option<Arc<Foreign>>,
    },
    /// It did not cosign.
    Failed {
        /// Why.
        why: String,
    },
}

/// What there is to be cosigned.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    /// The newest head.
    pub(super) newest: Arc<Round>,
    /// The newest one whose checkpoint is kept for ever.
    pub(super) kept: Option<Arc<Round>>,
}

/// What the tasks share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) net: Arc<dyn Net>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rounds: watch::Receiver<Option<Rounds>>,
    /// The log's own keys.
    pub(super) keys: Arc<[VerifierKey]>,
    /// How often a witness that is not asked for anything is asked for what it has; never if zero.
    pub(super) look_interval: Duration,
}

/// Why a round was not cosigned.
enum Trouble {
    /// It speaks against this log.
    Contradicts(Claim),
    /// Somebody else brought it a newer head of this log than the one that it was asked about.
    Passed,
    Failed(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Follows the rounds until the sender of rounds is gone; `report` gets what comes of it.
pub(super) async fn follow(
    endpoint: Endpoint,
    surroundings: Surroundings,
    report: impl Fn(Report) + Send + Sync,
) {
    let mut rounds = surroundings.rounds.clone();
    let endpoint = Arc::new(endpoint);
    let report = |what| {
        let from = Arc::clone(&endpoint);
        report(Report { from, what });
    };
    let mut asked = Asked::of(&endpoint, surroundings);
    let mut backoff = BACKOFF_MIN;
    loop {
        let pick = rounds
            .borrow_and_update()
            .as_ref()
            .and_then(|rounds| asked.pick(rounds));
        // Nobody decides about rounds any more: the log stopped.
        if rounds.has_changed().is_err() {
            return;
        }
        let Some(round) = pick else {
            tokio::select! {
                changed = rounds.changed() => match changed {
                    Ok(()) => {}
                    Err(_) => return,
                },
                shown = asked.look_while_idle() => {
                    if let Some(shown) = shown {
                        report(asked.contradicts(Claim::Shown, Some(shown)));
                    }
                }
            }
            continue;
        };
        let begun = asked.next_entry;
        match asked.bring(&round, &report).await {
            Ok(()) => {
                (asked.done, asked.agreed, backoff) = (round.number, true, BACKOFF_MIN);
                let newest = rounds.borrow().as_ref().map(|rounds| rounds.newest.number);
                asked.late = newest != Some(round.number);
                continue;
            }
            Err(Trouble::Passed) => {
                asked.late = false;
                continue;
            }
            Err(Trouble::Contradicts(claim)) => {
                // Whoever says so can show it; what is shown is worth more than what is said.
                let shown = asked.look().await;
                report(asked.contradicts(claim, shown));
            }
            Err(Trouble::Failed(why)) => report(Outcome::Failed { why }),
        }
        if asked.next_entry > begun {
            // An upload that got further is no failure to be punished.
            backoff = BACKOFF_MIN;
        }
        // Not even a newer round is a reason to ask sooner: there is one only if the quorum was reached
        // without this witness.
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// What is known of one endpoint.
struct Asked {
    endpoint: Arc<Endpoint>,
    around: Surroundings,
    /// The size that it knows; at first unknown, and asked for with `old 0`.
    known: u64,
    /// The first record that the mirror lacks, once it has said so.
    next_entry: Option<u64>,
    packing: Packing,
    /// The number of the last round that it cosigned.
    done: u64,
    /// Whether it has cosigned since the process started.
    agreed: bool,
    /// Whether it answers when it is asked for what it has.
    shows: bool,
    /// Whether its last cosignature came when a newer round had begun.
    late: bool,
}

impl Asked {
    fn of(endpoint: &Arc<Endpoint>, around: Surroundings) -> Self {
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
    fn pick(&self, rounds: &Rounds) -> Option<Arc<Round>> {
        let kept = rounds.kept.as_ref().filter(|_| self.late);
        let newer = |round: &&Arc<Round>| round.number > self.done;
        let pick = kept.filter(newer).or(Some(&rounds.newest).filter(newer));
        pick.cloned()
    }

    /// Has the head of `round` cosigned by every key of the endpoint.
    async fn bring(
        &mut self,
        round: &Arc<Round>,
        report: &(impl Fn(Outcome) + Send + Sync),
    ) -> Result<(), Trouble> {
        let begun = Instant::now();
        let cosigned = |lines| Outcome::Cosigned {
            round: round.number,
            size: round.head.checkpoint.size,
            lines,
            took: begun.elapsed(),
        };
        if let Some(lines) = self.add_checkpoint(round).await? {
            report(cosigned(lines));
        }
        if !self.endpoint.mirror_keys.is_empty() {
            report(cosigned(self.add_entries(round).await?));
        }
        Ok(())
    }

    /// The size of the newest head that this log has signed.
    fn newest_size(&self) -> u64 {
        let rounds = self.around.rounds.borrow();
        let newest = rounds.as_ref().map(|rounds| &rounds.newest.head);
        newest.map_or(0, |head| head.checkpoint.size)
    }
}
