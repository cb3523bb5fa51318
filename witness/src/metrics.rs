//! The metrics for an operator's Prometheus, and how alarms reach people.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_tlog::shown;
use ishibumi_wire::BastionEvent;
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

use crate::alarm::{Alarm, Alarms};
use crate::follow::LogState;
use crate::log_list::ListOutcome;

/// The counters of one witness.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    alarms: AlarmCounters,
    sizes: IntGaugeVec,
    times: IntGaugeVec,
    states: IntGaugeVec,
    list_entries: IntGaugeVec,
    list_times: IntGaugeVec,
    list_failures: IntCounterVec,
    bastion_up: IntGauge,
    bastion_losses: IntCounter,
}

impl Metrics {
    /// Counters that start at zero.
    ///
    /// # Errors
    /// Never for the names used here; the crate below reports clashes of names this way.
    pub fn new() -> prometheus::Result<Self> {
        let name = |name: &str| format!("ishibumi_witness_{name}");
        let buckets = vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];
        let seconds = HistogramOpts::new(
            name("request_seconds"),
            "Time to answer a request, from the whole body to the answer, by call",
        );
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new(
                    name("requests_total"),
                    "Answers to requests for signatures, by call and status",
                ),
                &["call", "status"],
            )?,
            seconds: HistogramVec::new(seconds.buckets(buckets), &["call"])?,
            alarms: AlarmCounters::new("witness")?,
            sizes: IntGaugeVec::new(
                Opts::new(name("log_size"), "Newest cosigned tree size, by log"),
                &["origin"],
            )?,
            times: IntGaugeVec::new(
                Opts::new(
                    name("log_cosigned_timestamp_seconds"),
                    "Time of the newest cosignature, by log",
                ),
                &["origin"],
            )?,
            states: IntGaugeVec::new(
                Opts::new(
                    name("log_refused"),
                    "1 for a log that nothing is signed for: disabled by the operator, or halted since the \
                     state is older than our signatures",
                ),
                &["origin", "why"],
            )?,
            list_entries: IntGaugeVec::new(
                Opts::new(
                    name("log_list_entries"),
                    "Entries of the log list at its last reading, by what came of them",
                ),
                &["list", "outcome"],
            )?,
            list_times: IntGaugeVec::new(
                Opts::new(
                    name("log_list_read_timestamp_seconds"),
                    "When the log list was last read",
                ),
                &["list"],
            )?,
            list_failures: IntCounterVec::new(
                Opts::new(
                    name("log_list_failures_total"),
                    "Times that the log list could not be read",
                ),
                &["list"],
            )?,
            bastion_up: IntGauge::new(
                name("bastion_connected"),
                "1 while a connection to the bastion stands",
            )?,
            bastion_losses: IntCounter::new(
                name("bastion_losses_total"),
                "Times that the bastion could not be reached or its connection was lost",
            )?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.alarms.register(registry)?;
        registry.register(Box::new(metrics.sizes.clone()))?;
        registry.register(Box::new(metrics.times.clone()))?;
        registry.register(Box::new(metrics.states.clone()))?;
        registry.register(Box::new(metrics.list_entries.clone()))?;
        registry.register(Box::new(metrics.list_times.clone()))?;
        registry.register(Box::new(metrics.list_failures.clone()))?;
        registry.register(Box::new(metrics.bastion_up.clone()))?;
        registry.register(Box::new(metrics.bastion_losses.clone()))?;
        Ok(metrics)
    }

    /// Alarms that are counted here and said on standard error, a line each. A fork whose proof is
    /// kept already is counted only: a sender that replays it must not fill the operator's disk.
    pub fn alarms(self: &Arc<Self>) -> Alarms {
        let metrics = Arc::clone(self);
        Box::new(move |alarm| metrics.alarms.hear(alarm))
    }

    /// Counts an answer to `add-checkpoint` or `sign-subtree`.
    pub(crate) fn answered(&self, call: &str, status: u16, took: Duration) {
        let status = status.to_string();
        self.requests.with_label_values(&[call, &status]).inc();
        let seconds = self.seconds.with_label_values(&[call]);
        seconds.observe(took.as_secs_f64());
    }

    /// Shows what is remembered of a log.
    pub(crate) fn remember(&self, log: &LogState) {
        let origin = [log.origin()];
        self.sizes.with_label_values(&origin).set(gauge(log.size()));
        self.times.with_label_values(&origin).set(gauge(log.time()));
        for (why, holds) in [
            ("disabled", log.is_disabled()),
            ("halted", log.halted().is_some()),
        ] {
            let labels = [log.origin(), why];
            self.states.with_label_values(&labels).set(holds.into());
        }
    }

    /// Counts what came of reading a log list at `now`, in seconds since the Epoch.
    pub(crate) fn listed(&self, list: &str, now: u64, outcome: &ListOutcome) {
        for (word, count) in [
            ("added", outcome.added.len()),
            ("known", outcome.known),
            ("skipped", outcome.skipped.len()),
            ("refused", outcome.refused.len()),
        ] {
            let labels = [list, word];
            let entries = self.list_entries.with_label_values(&labels);
            entries.set(gauge(count as u64));
        }
        self.list_times.with_label_values(&[list]).set(gauge(now));
    }

    /// Counts that a log list was not read.
    pub(crate) fn unlisted(&self, list: &str) {
        self.list_failures.with_label_values(&[list]).inc();
    }

    /// Shows whether a connection to the bastion stands.
    pub(crate) fn bastion(&self, event: &BastionEvent) {
        let up = *event == BastionEvent::Connected;
        self.bastion_up.set(up.into());
        if !up {
            self.bastion_losses.inc();
        }
    }

    /// The text exposition format.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to a Vec does not fail, and the families are well-formed by construction.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

/// How often there was cause for alarm.
#[derive(Debug)]
pub(crate) struct AlarmCounters {
    noun: &'static str,
    forks: IntCounter,
    suspicions: IntCounter,
    rollbacks: IntCounter,
}

impl AlarmCounters {
    /// Counters of a `noun`: a witness or a mirror.
    pub(crate) fn new(noun: &'static str) -> prometheus::Result<Self> {
        let name = |name: &str| format!("ishibumi_{noun}_{name}");
        Ok(Self {
            noun,
            forks: IntCounter::new(
                name("fork_total"),
                "Checkpoints of a recorded size with another root, signed by their log",
            )?,
            suspicions: IntCounter::new(
                name("suspicion_total"),
                "Checkpoints signed by their log whose consistency proof failed",
            )?,
            rollbacks: IntCounter::new(
                name("rollback_total"),
                "Times that the state was found to be older than our own signatures",
            )?,
        })
    }

    pub(crate) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.forks.clone()))?;
        registry.register(Box::new(self.suspicions.clone()))?;
        registry.register(Box::new(self.rollbacks.clone()))
    }

    /// Counts an alarm, and says it on standard error.
    pub(crate) fn hear(&self, alarm: &Alarm) {
        let noun = self.noun;
        let command = match noun {
            "mirror" => "`ishibumi-witness mirror",
            _ => "`ishibumi-witness",
        };
        let line = match alarm {
            Alarm::Fork {
                origin,
                size,
                held,
                submitted,
                kept,
            } => {
                self.forks.inc();
                if !kept {
                    return;
                }
                format!(
                    "ALARM: the log {origin:?} signed two trees of size {size}: {held} (recorded) and \
                     {submitted} (refused); both notes are kept, see {command} forks`"
                )
            }
            Alarm::Suspicion {
                origin,
                recorded,
                submitted,
                root,
                kept,
            } => {
                self.suspicions.inc();
                if !kept {
                    return;
                }
                format!(
                    "the log {origin:?} signed size {submitted}, root {root}, which came with a proof from \
                     size {recorded} that fails: its submitter was wrong or the log forked; both notes are \
                     kept, see {command} forks`"
                )
            }
            Alarm::RolledBack {
                origin,
                recorded,
                signed,
            } => {
                self.rollbacks.inc();
                format!(
                    "ALARM: this {noun} cosigned size {signed} of {origin:?} but remembers {recorded}: its \
                     state is an older copy or its key runs twice; nothing more is signed for this log, \
                     see {command} resume --help`"
                )
            }
        };
        // Standard error may be closed; the count stays.
        let _ = writeln!(std::io::stderr(), "{}", shown::line(&line));
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
