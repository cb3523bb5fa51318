//! Counters of a monitor, and the listener from which Prometheus reads them.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi::monitor::{Alarm, Outcome, State};
use ishibumi_wire::{Admitted, Reply, Service, reply};
use prometheus::{Encoder as _, IntCounter, IntGaugeVec, Opts, Registry, TextEncoder};

/// The counters and gauges.
pub(super) struct Metrics {
    registry: Registry,
    alarms: IntGaugeVec,
    tree_size: IntGaugeVec,
    place_size: IntGaugeVec,
    records_read: IntGaugeVec,
    last_round: IntGaugeVec,
    rounds: IntCounter,
    webhook_failures: IntCounter,
}

impl Metrics {
    /// All at zero.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("ishibumi_monitor".to_owned()), None)?;
        let by = |name: &str, help: &str, labels: &[&str]| {
            IntGaugeVec::new(Opts::new(name, help), labels)
        };
        let metrics = Self {
            alarms: by("alarms", "alarms that stand", &["log", "kind"])?,
            tree_size: by("tree_size", "leaves of the largest tree", &["log"])?,
            place_size: by("place_size", "leaves of the tree shown", &["log", "place"])?,
            records_read: by("records_read", "records read and hashed", &["log"])?,
            last_round: by(
                "last_round_timestamp_seconds",
                "when the last round ended",
                &["log"],
            )?,
            rounds: IntCounter::new("rounds_total", "rounds that ended")?,
            webhook_failures: IntCounter::new(
                "webhook_failures_total",
                "messages that the webhook did not take",
            )?,
            registry,
        };
        for collector in metrics.collectors() {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    fn collectors(&self) -> Vec<Box<dyn prometheus::core::Collector>> {
        vec![
            Box::new(self.alarms.clone()),
            Box::new(self.tree_size.clone()),
            Box::new(self.place_size.clone()),
            Box::new(self.records_read.clone()),
            Box::new(self.last_round.clone()),
            Box::new(self.rounds.clone()),
            Box::new(self.webhook_failures.clone()),
        ]
    }

    /// Takes over what a round found.
    pub(super) fn round(&self, log: &str, now: u64, outcome: &Outcome, state: &State) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for kind in Alarm::KINDS {
            let standing = outcome
                .alarms
                .iter()
                .filter(|(alarm, _)| alarm.kind() == kind);
            let count = number(standing.count() as u64);
            self.alarms.with_label_values(&[log, kind]).set(count);
        }
        self.tree_size
            .with_label_values(&[log])
            .set(number(state.size()));
        for (place, size) in state.sizes() {
            self.place_size
                .with_label_values(&[log, place])
                .set(number(size));
        }
        let read = number(state.records_read());
        self.records_read.with_label_values(&[log]).set(read);
        self.last_round.with_label_values(&[log]).set(number(now));
        self.rounds.inc();
    }

    /// Counts a message that was not taken.
    pub(super) fn webhook_failed(&self) {
        self.webhook_failures.inc();
    }
}

/// Serves the metrics.
pub(super) struct Page(pub(super) Arc<Metrics>);

impl Service for Page {
    type Request = String;

    fn admit(&self, head: &Parts) -> Result<Admitted<String>, Reply> {
        Ok(Admitted::whole(head.uri.path().to_owned(), 0))
    }

    async fn call(&self, path: String, _: Bytes) -> Reply {
        match path.as_str() {
            "/metrics" => {
                let mut text = Vec::new();
                // Writing to memory does not fail.
                let _ = TextEncoder::new().encode(&self.0.registry.gather(), &mut text);
                reply(StatusCode::OK, "text/plain; version=0.0.4", text)
            }
            "/healthz" => reply(StatusCode::OK, "text/plain", "ok\n"),
            _ => reply(StatusCode::NOT_FOUND, "text/plain", "there is /metrics\n"),
        }
    }
}
