//! What is counted, for Prometheus, on the admin listener.

use ishibumi_artifact::record::Suspicion;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::core::Report;

/// All metrics of a log. Names begin with `ishibumi_log_`.
pub struct Metrics {
    registry: Registry,
    /// Records that were staged for the first time.
    pub records_staged: IntCounter,
    /// Records per batch.
    pub batch_records: Histogram,
    /// How long staging a batch takes, synced.
    pub stage_seconds: Histogram,
    /// Size of the signed head.
    pub signed_size: IntGauge,
    /// Size of the published checkpoint.
    pub published_size: IntGauge,
    /// Submissions by outcome: `accepted`, or the name of the error.
    pub submissions: IntCounterVec,
    /// Requests by status code.
    pub responses: IntCounterVec,
    /// How long admission of one artifact takes.
    pub admission_seconds: Histogram,
    /// Records at which nobody looked for suspicions, since the log was busier than the watching thread.
    pub unwatched: IntCounter,
    findings: IntCounterVec,
    witness_seconds: HistogramVec,
    witness_failures: IntCounterVec,
    witness_conflicts: IntCounterVec,
    witness_up: IntGaugeVec,
}

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// If two metrics had the same name, which a test would show.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("ishibumi_log".to_owned()), None)?;
        let seconds = |name: &str, help: &str| {
            HistogramOpts::new(name, help).buckets(vec![
                0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0,
            ])
        };
        let sizes = HistogramOpts::new("batch_records", "records per batch")
            .buckets(prometheus::exponential_buckets(1.0, 4.0, 9)?);
        let by = |name: &str, help: &str, label: &str| {
            IntCounterVec::new(Opts::new(name, help), &[label])
        };
        let metrics = Self {
            records_staged: IntCounter::new("records_staged_total", "records staged")?,
            batch_records: Histogram::with_opts(sizes)?,
            stage_seconds: Histogram::with_opts(seconds("stage_seconds", "staging of a batch"))?,
            signed_size: IntGauge::new("signed_size", "size of the signed head")?,
            published_size: IntGauge::new("published_size", "size of the published checkpoint")?,
            submissions: by("submissions_total", "submissions by outcome", "outcome")?,
            responses: by("responses_total", "answers by status code", "code")?,
            admission_seconds: Histogram::with_opts(seconds(
                "admission_seconds",
                "admission of one artifact",
            ))?,
            unwatched: IntCounter::new(
                "findings_unwatched_total",
                "records at which nobody looked for findings",
            )?,
            findings: by("findings_total", "suspicious records", "kind")?,
            witness_seconds: HistogramVec::new(
                seconds(
                    "witness_seconds",
                    "from asking a witness to its cosignature",
                ),
                &["witness"],
            )?,
            witness_failures: by("witness_failures_total", "requests that failed", "witness")?,
            witness_conflicts: by(
                "witness_conflicts_total",
                "claims of a larger tree",
                "witness",
            )?,
            witness_up: IntGaugeVec::new(
                Opts::new("witness_up", "1 if the last request gave a cosignature"),
                &["witness"],
            )?,
            registry,
        };
        for suspicion in Suspicion::ALL {
            // A kind that never came is shown as zero.
            metrics.findings.with_label_values(&[suspicion.name()]);
        }
        for collector in metrics.collectors() {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    fn collectors(&self) -> Vec<Box<dyn prometheus::core::Collector>> {
        vec![
            Box::new(self.records_staged.clone()),
            Box::new(self.batch_records.clone()),
            Box::new(self.stage_seconds.clone()),
            Box::new(self.signed_size.clone()),
            Box::new(self.published_size.clone()),
            Box::new(self.submissions.clone()),
            Box::new(self.responses.clone()),
            Box::new(self.admission_seconds.clone()),
            Box::new(self.witness_seconds.clone()),
            Box::new(self.unwatched.clone()),
            Box::new(self.findings.clone()),
            Box::new(self.witness_failures.clone()),
            Box::new(self.witness_conflicts.clone()),
            Box::new(self.witness_up.clone()),
        ]
    }

    /// Counts a record that gives cause for suspicion.
    pub fn suspicion(&self, suspicion: Suspicion) {
        self.findings.with_label_values(&[suspicion.name()]).inc();
    }

    /// Counts what came of asking a witness.
    pub fn witness(&self, report: &Report) {
        match report {
            Report::Cosigned { witness, took, .. } => {
                self.witness_seconds
                    .with_label_values(&[witness])
                    .observe(took.as_secs_f64());
                self.witness_up.with_label_values(&[witness]).set(1);
            }
            Report::Ahead { witness, .. } => {
                self.witness_conflicts.with_label_values(&[witness]).inc();
                self.witness_up.with_label_values(&[witness]).set(0);
            }
            Report::Failed { witness, .. } => {
                self.witness_failures.with_label_values(&[witness]).inc();
                self.witness_up.with_label_values(&[witness]).set(0);
            }
        }
    }

    /// The text that Prometheus reads.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to memory does not fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut out);
        out
    }
}
