//! The counters for Prometheus, on the admin listener.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ishibumi_artifact::record::Suspicion;
use ishibumi_tlog::shown;
use prometheus::{
    Encoder as _, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use serde::Serialize;

use crate::checkpoint_timestamps::TsasHealth;
use crate::core::{Asked, Endpoint, Report};

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
    /// 1 while the quorum comes in time.
    pub quorum: IntGauge,
    /// Records that no published checkpoint covers.
    pub pending_records: IntGauge,
    /// How long the oldest of them waits.
    pub oldest_unpublished: Gauge,
    /// 1 while submissions are taken.
    pub accepting: IntGauge,
    /// Trees of other copies of this log that were shown and outweighed.
    pub forks: IntCounter,
    /// Submissions by outcome: `accepted`, or the name of the error.
    pub submissions: IntCounterVec,
    /// Requests by status code.
    pub responses: IntCounterVec,
    /// How long admission of one artifact takes.
    pub admission_seconds: Histogram,
    /// Records that were not searched for suspicions, since the log was busier than the watching
    /// thread.
    pub unwatched: IntCounter,
    /// Octets that are free on the fuller of the log's disks.
    pub free_octets: IntGauge,
    /// Octets below which no records are taken.
    pub reserve_octets: IntGauge,
    /// When the last whole pass over old data ended.
    pub scrubbed_at: IntGauge,
    /// Records and index rows that were read again.
    pub scrubbed_rows: IntCounter,
    /// How the TSAs are doing that stamp checkpoints.
    pub tsas: TsasHealth,
    findings: IntCounterVec,
    witnesses: Mutex<BTreeMap<String, WitnessStanding>>,
    witness_seconds: HistogramVec,
    witness_successes: IntCounterVec,
    witness_failures: IntCounterVec,
    witness_conflicts: IntCounterVec,
    witness_up: IntGaugeVec,
    witness_size: IntGaugeVec,
    witness_time: IntGaugeVec,
    witness_lag: IntGaugeVec,
}

/// How a witness or mirror is doing, for the operator.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WitnessStanding {
    /// The name of its first key.
    pub name: String,
    /// Its submission prefix.
    pub url: String,
    /// How many of its keys the policy names.
    pub keys: usize,
    /// Whether it is sent records.
    pub mirror: bool,
    /// The size of the last head that it cosigned; 0 if it has cosigned none since the start.
    pub cosigned_size: u64,
    /// When that was, by this machine's clock, in seconds since the Epoch.
    pub cosigned_at: Option<u64>,
    /// Records that were signed since.
    pub lag: u64,
    /// Why the last request failed, if it did.
    pub failure: Option<String>,
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
        let gauges = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["witness"]);
        let metrics = Self {
            records_staged: IntCounter::new("records_staged_total", "records staged")?,
            batch_records: Histogram::with_opts(sizes)?,
            stage_seconds: Histogram::with_opts(seconds("stage_seconds", "staging of a batch"))?,
            signed_size: IntGauge::new("signed_size", "size of the signed head")?,
            published_size: IntGauge::new("published_size", "size of the published checkpoint")?,
            quorum: IntGauge::new("quorum", "1 while the quorum comes in time")?,
            pending_records: IntGauge::new(
                "pending_records",
                "records that no published checkpoint covers",
            )?,
            oldest_unpublished: Gauge::new(
                "oldest_unpublished_seconds",
                "how long the oldest of them waits",
            )?,
            accepting: IntGauge::new("accepting", "1 while submissions are taken")?,
            forks: IntCounter::new(
                "signed_elsewhere_total",
                "trees that this log's key signed and that are not part of it",
            )?,
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
            free_octets: IntGauge::new("disk_free_octets", "octets free on the fuller disk")?,
            reserve_octets: IntGauge::new(
                "disk_reserve_octets",
                "octets below which no records are taken",
            )?,
            scrubbed_at: IntGauge::new(
                "scrub_completed_timestamp_seconds",
                "when all old data was last found whole; 0 if not since the start",
            )?,
            scrubbed_rows: IntCounter::new(
                "scrubbed_rows_total",
                "records and index rows that were read again",
            )?,
            tsas: TsasHealth::new()?,
            findings: by("findings_total", "suspicious records", "kind")?,
            witness_seconds: HistogramVec::new(
                seconds(
                    "witness_seconds",
                    "from asking a witness to its cosignature",
                ),
                &["witness"],
            )?,
            witnesses: Mutex::default(),
            witness_successes: by("witness_successes_total", "cosignatures", "witness")?,
            witness_size: gauges(
                "witness_cosigned_size",
                "size of the head that it cosigned last",
            )?,
            witness_time: gauges(
                "witness_cosigned_timestamp_seconds",
                "when its last cosignature came",
            )?,
            witness_lag: gauges("witness_lag_records", "records signed since its last head")?,
            witness_failures: by("witness_failures_total", "requests that failed", "witness")?,
            witness_conflicts: by(
                "witness_conflicts_total",
                "claims of another tree",
                "witness",
            )?,
            witness_up: gauges("witness_up", "1 if the last request gave a cosignature")?,
            registry,
        };
        // The log does not look for suspicions that only two lists show: a zero would claim that it
        // does.
        let looked_for = |suspicion: &Suspicion| *suspicion != Suspicion::Unlisted;
        for suspicion in Suspicion::ALL.into_iter().filter(looked_for) {
            // A kind that never came is shown as zero.
            metrics.findings.with_label_values(&[suspicion.name()]);
        }
        for collector in metrics
            .collectors()
            .into_iter()
            .chain(metrics.tsas.collectors())
        {
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
            Box::new(self.quorum.clone()),
            Box::new(self.pending_records.clone()),
            Box::new(self.oldest_unpublished.clone()),
            Box::new(self.accepting.clone()),
            Box::new(self.forks.clone()),
            Box::new(self.submissions.clone()),
            Box::new(self.responses.clone()),
            Box::new(self.admission_seconds.clone()),
            Box::new(self.witness_seconds.clone()),
            Box::new(self.unwatched.clone()),
            Box::new(self.free_octets.clone()),
            Box::new(self.reserve_octets.clone()),
            Box::new(self.scrubbed_at.clone()),
            Box::new(self.scrubbed_rows.clone()),
            Box::new(self.findings.clone()),
            Box::new(self.witness_successes.clone()),
            Box::new(self.witness_size.clone()),
            Box::new(self.witness_time.clone()),
            Box::new(self.witness_lag.clone()),
            Box::new(self.witness_failures.clone()),
            Box::new(self.witness_conflicts.clone()),
            Box::new(self.witness_up.clone()),
        ]
    }

    /// Names of all metrics, without `ishibumi_log_`.
    pub fn names(&self) -> Vec<String> {
        let all = self.collectors().into_iter().chain(self.tsas.collectors());
        let names = all.map(|collector| {
            let described = collector.desc();
            described
                .iter()
                .map(|it| it.fq_name.clone())
                .collect::<Vec<_>>()
        });
        names.flatten().collect()
    }

    /// Counts a record that gives cause for suspicion.
    pub fn suspicion(&self, suspicion: Suspicion) {
        self.findings.with_label_values(&[suspicion.name()]).inc();
    }

    /// Shows these from now on, before the first of them has answered.
    pub fn know(&self, endpoints: &[Endpoint]) {
        let mut witnesses = self
            .witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for endpoint in endpoints {
            let name = endpoint.name();
            for counter in [
                &self.witness_successes,
                &self.witness_failures,
                &self.witness_conflicts,
            ] {
                counter.with_label_values(&[name]);
            }
            let standing = WitnessStanding {
                name: name.to_owned(),
                url: endpoint.url.clone(),
                keys: endpoint.keys().count(),
                mirror: !endpoint.mirror_keys.is_empty(),
                ..WitnessStanding::default()
            };
            witnesses.insert(name.to_owned(), standing);
        }
    }

    /// Counts what came of asking a witness, `now` in seconds since the Epoch.
    pub fn witness(&self, report: &Report, now: u64) {
        let name = report.from.name();
        let mut witnesses = self
            .witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let standing = witnesses.entry(name.to_owned()).or_default();
        let up = match &report.what {
            Asked::Cosigned { size, took, .. } => {
                let seconds = took.as_secs_f64();
                self.witness_seconds
                    .with_label_values(&[name])
                    .observe(seconds);
                self.witness_successes.with_label_values(&[name]).inc();
                standing.cosigned_size = *size;
                standing.cosigned_at = Some(now);
                standing.failure = None;
                true
            }
            Asked::Contradicts { claim, ours, .. } => {
                self.witness_conflicts.with_label_values(&[name]).inc();
                let why = format!("it contradicts: {claim}; this log signed {ours}");
                standing.failure = Some(why);
                false
            }
            Asked::Failed { why } => {
                self.witness_failures.with_label_values(&[name]).inc();
                standing.failure = Some(why.clone());
                false
            }
        };
        self.witness_up
            .with_label_values(&[name])
            .set(i64::from(up));
    }

    /// How every witness and mirror is doing, by name.
    pub fn witnesses(&self) -> Vec<WitnessStanding> {
        let signed = u64::try_from(self.signed_size.get()).unwrap_or(0);
        let witnesses = self
            .witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let standing = witnesses.values().cloned().map(|mut standing| {
            standing.lag = signed.saturating_sub(standing.cosigned_size);
            standing
        });
        standing.collect()
    }

    /// The witnesses that have not cosigned the newest head, a line each.
    pub fn missing(&self) -> String {
        let standing = self.witnesses();
        let missing = standing
            .iter()
            .filter(|who| who.lag > 0 || who.failure.is_some());
        let lines = missing.map(|who| {
            let why = who.failure.as_deref().unwrap_or("no answer yet");
            let kind = if who.mirror { "mirror" } else { "witness" };
            let said = format!("{kind} {} ({}): {why}", who.name, who.url);
            // One line each, whatever a witness answered.
            format!("\n  {}", shown::line(&said))
        });
        lines.collect()
    }

    /// The text that Prometheus reads.
    pub fn encode(&self) -> Vec<u8> {
        for standing in self.witnesses() {
            let set = |gauge: &IntGaugeVec, value: u64| {
                gauge
                    .with_label_values(&[&standing.name])
                    .set(value.cast_signed());
            };
            set(&self.witness_size, standing.cosigned_size);
            set(&self.witness_time, standing.cosigned_at.unwrap_or(0));
            set(&self.witness_lag, standing.lag);
        }
        let mut out = Vec::new();
        // Writing to memory does not fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut out);
        out
    }
}
