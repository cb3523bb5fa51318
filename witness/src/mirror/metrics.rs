//! The metrics for the Prometheus of a mirror's operator.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, Registers};
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use super::core::Mirror;
use crate::alarm::Alarms;
use crate::follow::{Recorded, StateError};
use crate::metrics::AlarmCounters;

/// The counters of one mirror. Names begin with `ishibumi_mirror_`.
#[derive(Debug)]
pub struct MirrorMetrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    alarms: AlarmCounters,
    pulls: IntCounterVec,
    pulled: IntCounterVec,
    missing_blobs: IntGaugeVec,
    sizes: IntGaugeVec,
    times: IntGaugeVec,
}

impl MirrorMetrics {
    /// Counters that start at zero.
    ///
    /// # Errors
    /// Never for the names used here; the crate below reports clashes of names this way.
    pub fn new() -> prometheus::Result<Self> {
        let name = |name: &str| format!("ishibumi_mirror_{name}");
        let opts = |short: &str, help: &str| Opts::new(name(short), help);
        let buckets = vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];
        let seconds = HistogramOpts::new(
            name("request_seconds"),
            "Time to answer a request, from its head to the answer, by call",
        );
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                opts(
                    "requests_total",
                    "Answers to submissions, by call and status",
                ),
                &["call", "status"],
            )?,
            seconds: HistogramVec::new(seconds.buckets(buckets), &["call"])?,
            alarms: AlarmCounters::new("mirror")?,
            pulls: IntCounterVec::new(
                opts("pulls_total", "Rounds of pull mode, by log and outcome"),
                &["origin", "outcome"],
            )?,
            pulled: IntCounterVec::new(
                opts("pulled_total", "What was pulled, by log and kind"),
                &["origin", "kind"],
            )?,
            missing_blobs: IntGaugeVec::new(
                opts(
                    "missing_blobs",
                    "Blobs that records name and the log did not give, by log",
                ),
                &["origin"],
            )?,
            sizes: IntGaugeVec::new(
                opts(
                    "log_size",
                    "Tree sizes by log: pending, stored (the next entry), and signed (the mirror checkpoint)",
                ),
                &["origin", "head"],
            )?,
            times: IntGaugeVec::new(
                opts(
                    "log_cosigned_timestamp_seconds",
                    "Time of the mirror checkpoint, by log",
                ),
                &["origin"],
            )?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.alarms.register(registry)?;
        registry.register(Box::new(metrics.pulls.clone()))?;
        registry.register(Box::new(metrics.pulled.clone()))?;
        registry.register(Box::new(metrics.missing_blobs.clone()))?;
        registry.register(Box::new(metrics.sizes.clone()))?;
        registry.register(Box::new(metrics.times.clone()))?;
        Ok(metrics)
    }

    /// Alarms that are counted here and said on standard error.
    pub fn alarms(self: &Arc<Self>) -> Alarms {
        let metrics = Arc::clone(self);
        Box::new(move |alarm| metrics.alarms.hear(alarm))
    }

    /// Counts an answer.
    pub(super) fn answered(&self, call: &str, status: u16, took: Duration) {
        let status = status.to_string();
        self.requests.with_label_values(&[call, &status]).inc();
        let seconds = self.seconds.with_label_values(&[call]);
        seconds.observe(took.as_secs_f64());
    }

    /// Counts a round of pull mode.
    pub(super) fn pulled_round(&self, origin: &str, outcome: &str) {
        self.pulls.with_label_values(&[origin, outcome]).inc();
    }

    /// Counts what was pulled.
    pub(super) fn pulled(&self, origin: &str, kind: &str, count: u64) {
        self.pulled.with_label_values(&[origin, kind]).inc_by(count);
    }

    /// Shows how many blobs are missing.
    pub(super) fn missing_blobs(&self, origin: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.missing_blobs.with_label_values(&[origin]).set(count);
    }

    /// Shows where the mirror stands with each log.
    pub(super) fn remember<R: Registers, C: Clock>(
        &self,
        mirror: &Mirror<R, C>,
    ) -> Result<(), StateError> {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for standing in mirror.standings()? {
            let origin = standing.log.origin();
            let signed = standing.signed.as_ref();
            let size = signed.map_or(0, |signed| signed.checkpoint().size);
            let heads = [
                ("pending", standing.log.size()),
                ("stored", standing.next),
                ("signed", size),
            ];
            for (head, size) in heads {
                let labels = [origin, head];
                self.sizes.with_label_values(&labels).set(gauge(size));
            }
            let time = signed.and_then(Recorded::time).unwrap_or(0);
            self.times.with_label_values(&[origin]).set(gauge(time));
        }
        Ok(())
    }

    /// The text exposition format.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to a Vec does not fail, and the families are well-formed by construction.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}
