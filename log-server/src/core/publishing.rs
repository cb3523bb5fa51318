//! The publisher's thread: hears what was staged and what witnesses say, has heads signed, and
//! shows what has its quorum.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ishibumi_store::Clock;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::shown;
use tokio::sync::{oneshot, watch};

use super::contradiction::Claim;
use super::publisher::{Outcome, Published, Publisher, PublisherError};
use super::quorum::{Change, Waiting};
use super::standing::{Standing, Teller};
use super::witnesses::{self, Report, Rounds};
use crate::metrics::Metrics;

/// How often the publisher looks at the time when nothing happens.
const TICK: Duration = Duration::from_millis(50);

/// The events that the publisher handles.
pub(super) enum Event {
    /// The size of the staged tree.
    Staged(u64),
    /// The outcome of asking a witness.
    Witness(Report),
    /// Keep what is published, and say what that is.
    Keep(oneshot::Sender<Option<Published>>),
    /// The log ends.
    Stop,
}

/// The state of the thread.
pub(super) struct Publishing {
    pub(super) events: Receiver<Event>,
    pub(super) rounds: watch::Sender<Option<Rounds>>,
    pub(super) published: watch::Sender<Option<Published>>,
    pub(super) distrusted: Vec<String>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) teller: Teller,
    pub(super) without_quorum: watch::Sender<Option<Duration>>,
    /// How long a round may be without its quorum before that is said.
    pub(super) patience: Duration,
}

impl Publishing {
    /// By reference: those who wait for `published` are to learn first why there will be no more of
    /// them.
    pub(super) fn run(&self, publisher: Publisher, staged: u64) -> Result<(), PublisherError> {
        let now = self.clock.monotonic();
        let published = publisher.published();
        let published = published.map_or(0, |published| published.checkpoint().size);
        let mut waiting = Waiting::new(staged, published, self.patience, now);
        let mut said = BTreeMap::new();
        let (mut publisher, outcome) = publisher.start(now)?;
        self.carry_out(outcome);
        loop {
            let first = match self.events.recv_timeout(TICK) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            for event in first.into_iter().chain(self.events.try_iter()) {
                let report = match event {
                    Event::Witness(report) => report,
                    Event::Staged(size) => {
                        waiting.staged(size, self.clock.monotonic());
                        continue;
                    }
                    Event::Keep(answer) => {
                        let now = self.clock.monotonic();
                        let (next, kept) = publisher.keep_published(now)?;
                        publisher = next;
                        // Who asked may have given up.
                        let _ = answer.send(kept);
                        continue;
                    }
                    Event::Stop => return Ok(()),
                };
                self.metrics.witness(&report, self.clock.unix_time());
                publisher = self.hear(publisher, report, &mut said)?;
            }
            let (next, outcome) = publisher.tick(self.clock.monotonic())?;
            publisher = next;
            self.carry_out(outcome);
            let held = publisher.held(self.clock.monotonic());
            if let Some(why) = &held
                && *self.teller.standing() == Standing::Running
            {
                eprintln!("{}", shown::line(why));
            }
            self.teller
                .tell(held.map_or(Standing::Running, Standing::Held));
            self.tell_quorum(&publisher, &mut waiting);
        }
    }

    /// Says when the quorum stops coming, and when it comes again.
    fn tell_quorum(&self, publisher: &Publisher, waiting: &mut Waiting) {
        let now = self.clock.monotonic();
        if let Some(published) = publisher.published() {
            waiting.published(published.checkpoint().size);
        }
        let (count, metrics) = (waiting.count(), &self.metrics);
        match waiting.look(publisher.waits_since(), now) {
            None => {}
            Some(Change::Lost { since }) => {
                let missing = metrics.missing();
                eprintln!(
                    "QUORUM LOST: for {} s no quorum has come for the newest head; {count} records wait for \
                     it. They are safe, and more are taken and answered with 202. Missing:{missing}",
                    since.as_secs()
                );
            }
            Some(Change::Back { after }) => {
                eprintln!(
                    "QUORUM BACK after {} s; {count} records wait for it",
                    after.as_secs()
                );
            }
        }
        let lost = waiting.lost();
        metrics.quorum.set(i64::from(lost.is_none()));
        metrics.pending_records.set(count.cast_signed());
        metrics
            .oldest_unpublished
            .set(waiting.oldest(now).as_secs_f64());
        self.without_quorum.send_if_modified(|known| {
            let changes = *known != lost;
            *known = lost;
            changes
        });
    }

    /// Handles the report of a witness.
    fn hear(
        &self,
        publisher: Publisher,
        report: Report,
        said: &mut BTreeMap<String, Claim>,
    ) -> Result<Publisher, PublisherError> {
        let now = self.clock.monotonic();
        match report.what {
            witnesses::Outcome::Cosigned { round, lines, .. } => {
                said.remove(report.from.name());
                let (publisher, outcome) = publisher.cosigned(round, lines, now)?;
                self.carry_out(outcome);
                Ok(publisher)
            }
            witnesses::Outcome::Contradicts { claim, ours, shown } => {
                let from = report.from.name();
                let trusted =
                    |key: &VerifierKey| !self.distrusted.iter().any(|it| it == key.name());
                // A word may be distrusted; what the log's own key signed speaks for itself.
                if shown.is_none() && !report.from.keys().all(trusted) {
                    return Ok(publisher);
                }
                // Reported once, not each time that it is asked.
                if said.insert(from.to_owned(), claim.clone()).as_ref() != Some(&claim) {
                    let said =
                        format!("witness {from} contradicts: {claim}; this log signed {ours}");
                    eprintln!("{}", shown::line(&said));
                }
                let (keys, seen) = (report.from.keys(), self.clock.unix_time());
                let (publisher, alarm) =
                    publisher.contradicted(keys, &claim, shown.as_ref(), seen, now)?;
                self.say(alarm);
                Ok(publisher)
            }
            witnesses::Outcome::Failed { .. } => Ok(publisher),
        }
    }

    fn say(&self, alarm: Option<String>) {
        if let Some(alarm) = alarm {
            self.metrics.forks.inc();
            eprintln!("{}", shown::line(&alarm));
        }
    }

    fn carry_out(&self, outcome: Outcome) {
        self.say(outcome.alarm);
        if let Some(published) = outcome.published {
            self.metrics
                .published_size
                .set(published.checkpoint().size.cast_signed());
            self.published.send_replace(Some(published));
        }
        if let Some(round) = outcome.round {
            self.metrics
                .signed_size
                .set(round.head.checkpoint.size.cast_signed());
            let round = Arc::new(round);
            self.rounds.send_modify(|rounds| {
                let before = rounds.take().and_then(|rounds| rounds.kept);
                let kept = Some(&round).filter(|round| round.keep).cloned().or(before);
                let newest = Arc::clone(&round);
                *rounds = Some(Rounds { newest, kept });
            });
        }
    }
}
