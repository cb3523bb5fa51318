//! How every TSA is doing, for `/metrics` and `/status`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};
use serde::Serialize;

use super::coverage::Last;
use super::tsas::Tsas;

/// How a TSA is doing, for the operator.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TsaHealth {
    /// Its name in the configuration.
    pub name: String,
    /// Where queries go.
    pub url: String,
    /// Size of the last checkpoint whose token is in the log; 0 if there is none.
    pub anchored_size: u64,
    /// genTime of that token, in seconds since the Epoch.
    pub anchored_at: Option<i64>,
    /// Failures since the last success.
    pub failures: u64,
    /// Why the last attempt failed, if it did.
    pub failure: Option<String>,
}

/// How all TSAs are doing.
pub struct TsasHealth {
    by_name: Mutex<BTreeMap<String, TsaHealth>>,
    timestamps: IntCounterVec,
    failures: IntCounterVec,
    up: IntGaugeVec,
    size: IntGaugeVec,
    time: IntGaugeVec,
}

impl TsasHealth {
    /// With no TSA yet.
    ///
    /// # Errors
    /// If a metric had no name, which a test would show.
    pub fn new() -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["tsa"]);
        let gauge = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["tsa"]);
        Ok(Self {
            by_name: Mutex::default(),
            timestamps: counter("anchors_total", "tokens over checkpoints that were logged")?,
            failures: counter("anchor_failures_total", "attempts that gave no token")?,
            up: gauge("anchor_up", "1 if the last attempt gave a token")?,
            size: gauge("anchor_size", "size of the last checkpoint with a token")?,
            time: gauge("anchor_timestamp_seconds", "genTime of the last token")?,
        })
    }

    /// The metrics, for registration with Prometheus.
    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.timestamps.clone()),
            Box::new(self.failures.clone()),
            Box::new(self.up.clone()),
            Box::new(self.size.clone()),
            Box::new(self.time.clone()),
        ]
    }

    /// Shows these from now on, before the first of them has answered.
    pub fn know(&self, tsas: &Tsas) {
        for tsa in &tsas.all {
            self.change(&tsa.name, |standing| tsa.url.clone_into(&mut standing.url));
            self.timestamps.with_label_values(&[&tsa.name]);
            self.failures.with_label_values(&[&tsa.name]);
        }
    }

    /// Takes over the newest token that the log held already when it started.
    pub(super) fn known(&self, name: &str, last: &Last) {
        self.size
            .with_label_values(&[name])
            .set(last.size.cast_signed());
        self.time
            .with_label_values(&[name])
            .set(last.gen_time.unix_seconds());
        self.change(name, |standing| {
            standing.anchored_size = last.size;
            standing.anchored_at = Some(last.gen_time.unix_seconds());
        });
    }

    /// A token of `name` was logged.
    pub(super) fn timestamped(&self, name: &str, last: &Last) {
        self.known(name, last);
        self.timestamps.with_label_values(&[name]).inc();
        self.up.with_label_values(&[name]).set(1);
        self.change(name, |standing| {
            (standing.failures, standing.failure) = (0, None);
        });
    }

    /// No token came of asking `name`.
    pub(super) fn failed(&self, name: &str, why: &str) {
        self.failures.with_label_values(&[name]).inc();
        self.up.with_label_values(&[name]).set(0);
        self.change(name, |standing| {
            standing.failures += 1;
            standing.failure = Some(why.to_owned());
        });
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut TsaHealth)) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = by_name.entry(name.to_owned()).or_default();
        name.clone_into(&mut standing.name);
        change(standing);
    }

    /// How every TSA is doing, by name.
    pub fn all(&self) -> Vec<TsaHealth> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.values().cloned().collect()
    }
}
