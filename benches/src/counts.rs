//! Counts of the clients while they send, and the machine's use meanwhile.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::options::Options;
use crate::usage::{MachineUsage, ProcessUsage};

/// Latencies are recorded in microseconds, up to this, with three digits.
const LATENCY_MAX_US: u64 = 120_000_000;

/// The counts.
pub(crate) struct Counts {
    /// Records that were acknowledged.
    pub(crate) records: u64,
    /// Artifacts that were refused, one by one or with their submission.
    pub(crate) refused: u64,
    /// Submissions whose connection broke before their answer came, or whose answer made no sense.
    pub(crate) broken: u64,
    /// Text of the last of those errors.
    pub(crate) last_error: Option<String>,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Latencies of acknowledging answers, in microseconds from when the submission was due.
    pub(crate) latencies: Histogram<u64>,
    /// When the last acknowledgement came.
    pub(crate) ended: Instant,
}

/// The use of all processes up to one moment.
pub(crate) struct Usage {
    pub(crate) server: ProcessUsage,
    pub(crate) load: ProcessUsage,
    pub(crate) machine: MachineUsage,
}

impl Usage {
    pub(crate) fn now(options: &Options) -> Self {
        Self {
            server: ProcessUsage::of_all(&options.server_pid),
            load: ProcessUsage::of_all(&[std::process::id()]),
            machine: MachineUsage::now(),
        }
    }
}

impl Counts {
    pub(crate) fn new(starts: Instant) -> Self {
        Self {
            records: 0,
            refused: 0,
            broken: 0,
            last_error: None,
            statuses: BTreeMap::new(),
            latencies: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)
                .expect("the bounds are constants that a histogram takes"),
            ended: starts,
        }
    }

    pub(crate) fn broke(&mut self, why: String) {
        self.broken += 1;
        self.last_error = Some(why);
    }
}
