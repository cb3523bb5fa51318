//! The result of a run: numbers for people, and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tokio::time::Instant;

use crate::check::Checked;
use crate::counts::{Counts, Usage};
use crate::options::{Kind, Options, Wait};

/// Failed checks that are shown; all are counted.
const FAILURES_SHOWN: usize = 5;

/// The result of one run. Field names carry their units; they are the keys of the JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The kind of artifacts and how they were submitted, in words.
    pub what: String,
    /// From the first submission to the last acknowledgement.
    pub seconds: f64,
    /// Records that were acknowledged.
    pub records: u64,
    /// The quotient of the two.
    pub records_per_second: f64,
    /// Artifacts that were refused.
    pub refused: u64,
    /// Submissions without an answer that makes sense.
    pub broken: u64,
    /// The last refusal or breakage.
    pub last_error: Option<String>,
    /// Answers by HTTP status. 202 under `--wait quorum`: durable, but the quorum was late.
    pub statuses: BTreeMap<u16, u64>,
    /// Latencies of acknowledging answers.
    pub latency: Latency,
    /// Sampled promises whose leaf hash is that of the record rebuilt from what was sent.
    pub leaves_verified: u64,
    /// Sampled proofs that verified under the policy.
    pub proofs_verified: u64,
    /// Sampled promises that did not hold.
    pub checks_failed: u64,
    /// Why the first of them failed, a sentence each.
    pub failures: Vec<String>,
    /// Seconds of CPU of the processes named by --server-pid.
    pub server_cpu_seconds: f64,
    /// Microseconds of CPU of those processes for each acknowledged record.
    pub server_cpu_us_per_record: f64,
    /// Their resident memory at the end.
    pub server_resident_mib: f64,
    /// The most that they ever had.
    pub server_resident_peak_mib: f64,
    /// Seconds of CPU of the load generator itself.
    pub load_cpu_seconds: f64,
    /// Seconds of CPU that other processes used on this machine meanwhile: noise.
    pub others_cpu_seconds: f64,
    /// Seconds of CPU that the hypervisor withheld meanwhile: noise.
    pub stolen_cpu_seconds: f64,
}

/// Latencies in milliseconds, from when a submission was due (open loop) or made (closed loop).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Answers that are counted.
    pub answers: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Report {
    // Counters are far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn new(
        options: &Options,
        starts: Instant,
        counts: &Counts,
        checked: &Checked,
        before: &Usage,
        after: &Usage,
    ) -> Self {
        let seconds = (counts.ended - starts).as_secs_f64();
        let records = counts.records as f64;
        let per = |sum: f64, of: f64| if of > 0.0 { sum / of } else { 0.0 };
        let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
        let server = after.server.cpu_seconds - before.server.cpu_seconds;
        let load = after.load.cpu_seconds - before.load.cpu_seconds;
        let busy = after.machine.busy_seconds - before.machine.busy_seconds;
        let stolen = after.machine.stolen_seconds - before.machine.stolen_seconds;
        let at = |quantile: f64| counts.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            what: describe(options),
            seconds,
            records: counts.records,
            records_per_second: per(records, seconds),
            refused: counts.refused,
            broken: counts.broken,
            last_error: counts.last_error.clone(),
            statuses: counts.statuses.clone(),
            latency: Latency {
                answers: counts.latencies.len(),
                p50_ms: at(0.5),
                p90_ms: at(0.9),
                p99_ms: at(0.99),
                p999_ms: at(0.999),
                max_ms: at(1.0),
            },
            leaves_verified: checked.leaves,
            proofs_verified: checked.proofs,
            checks_failed: checked.failures.len() as u64,
            failures: checked
                .failures
                .iter()
                .take(FAILURES_SHOWN)
                .cloned()
                .collect(),
            server_cpu_seconds: server,
            server_cpu_us_per_record: per(server * 1e6, records),
            server_resident_mib: mib(after.server.resident),
            server_resident_peak_mib: mib(after.server.resident_peak),
            load_cpu_seconds: load,
            others_cpu_seconds: (busy - server - load).max(0.0),
            stolen_cpu_seconds: stolen,
        }
    }
}

fn describe(options: &Options) -> String {
    let what = match options.kind {
        Kind::Opaque => format!("opaque artifacts of {} octets", options.record_bytes),
        Kind::Tokens => "time-stamp tokens".to_owned(),
    };
    let how = match options.batch {
        0 | 1 => "singly".to_owned(),
        batch => format!("in batches of {batch}"),
    };
    let pace = if options.rate > 0.0 {
        format!("{} records/s due", options.rate)
    } else {
        "as fast as answered".to_owned()
    };
    let wait = match options.wait {
        Wait::Durable => "answered when durable",
        Wait::Quorum => "answered with a quorum-cosigned proof",
    };
    let clients = options.clients;
    format!("{what} {how}, {pace}, {clients} connections, {wait}")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency {
            answers,
            p50_ms,
            p90_ms,
            p99_ms,
            p999_ms,
            max_ms,
        } = self.latency;
        writeln!(f, "{}", self.what)?;
        writeln!(
            f,
            "{:.0} records/s: {} records in {:.2} s; {} refused, {} broken; answers by status {:?}",
            self.records_per_second,
            self.records,
            self.seconds,
            self.refused,
            self.broken,
            self.statuses
        )?;
        writeln!(
            f,
            "latency of {answers} answers, ms: p50 {p50_ms:.1}, p90 {p90_ms:.1}, p99 {p99_ms:.1}, \
             p99.9 {p999_ms:.1}, max {max_ms:.1}"
        )?;
        writeln!(
            f,
            "server: {:.2} CPU s, {:.0} us a record, {:.0} MiB (peak {:.0}); load: {:.2} CPU s; \
             others on this machine: {:.2} CPU s, stolen {:.2}",
            self.server_cpu_seconds,
            self.server_cpu_us_per_record,
            self.server_resident_mib,
            self.server_resident_peak_mib,
            self.load_cpu_seconds,
            self.others_cpu_seconds,
            self.stolen_cpu_seconds
        )?;
        write!(
            f,
            "sample: {} records rebuilt and found as promised, {} proofs verified, {} failures",
            self.leaves_verified, self.proofs_verified, self.checks_failed
        )?;
        for line in self.failures.iter().chain(&self.last_error) {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
