//! Reading old data again while the log runs, so that a bit that flipped years ago stops the log
//! within a stated time instead of being served, mirrored and built upon.
//!
//! One pass reads what `fsck` reads ([`crate::examine`]), slowly enough not to be felt, and takes
//! half of the configured period at most: a bit that flips just behind the reader is found by the
//! end of the next pass. Damage that is found stops the log, and leaves a note beside the data that
//! keeps it from starting until `fsck` has found nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ishibumi_store::{Clock, IndexKind, LogStore};
use ishibumi_tlog::key::VerifierKey;

use crate::examine::{Ended, Pace, Report, Subject, Sums, differences, index, records};
use crate::metrics::Metrics;

/// Rows a second that are read even if the period would allow fewer: some per cent of a core.
const RATE_LEAST: f64 = 5000.0;

/// The note that keeps a log from starting, in the data directory.
const NOTE: &str = "DAMAGED";

/// The state of the thread.
pub struct Scrub {
    /// The log's keys, Ed25519 first.
    pub keys: Vec<VerifierKey>,
    /// Within which time a flipped bit is found; zero turns the search off.
    pub period: Duration,
    /// Where the note goes.
    pub data_dir: PathBuf,
}

/// The finding of a pass of an earlier process, if `fsck` was not run since.
pub fn note_of(data_dir: &Path) -> Option<String> {
    let note = data_dir.join(NOTE);
    note.exists()
        .then(|| std::fs::read_to_string(note).unwrap_or_default())
}

/// Removes that note: everything was read again, and nothing is wrong.
///
/// # Errors
/// If it cannot be removed.
pub fn clear_note(data_dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(data_dir.join(NOTE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Scrub {
    /// Reads pass after pass until `alive` ends; returns what is wrong, if anything is.
    pub(super) fn run(
        &self,
        store: &Arc<dyn LogStore>,
        metrics: &Metrics,
        clock: &dyn Clock,
        alive: &Receiver<()>,
    ) -> Result<(), String> {
        if self.period.is_zero() {
            // Until the log ends: nothing is ever sent.
            let _ = alive.recv();
            return Ok(());
        }
        let span = self.period / 2;
        loop {
            let begun = Instant::now();
            let wrong = match self.pass(store.as_ref(), span, metrics, alive) {
                Ok(report) if report.wrong == 0 => None,
                Ok(report) => report.findings.into_iter().next(),
                Err(Ended::Told) => return Ok(()),
                Err(Ended::Store(error)) => Some(error.to_string()),
            };
            if let Some(wrong) = wrong {
                // If even that cannot be written, the next start reads the disk again all the same.
                let _ = std::fs::write(self.data_dir.join(NOTE), format!("{wrong}\n"));
                return Err(format!("the scrub found that {wrong}; run fsck"));
            }
            metrics.scrubbed_at.set(clock.unix_time().cast_signed());
            if wait(alive, begun + span).is_err() {
                return Ok(());
            }
        }
    }

    fn pass(
        &self,
        store: &dyn LogStore,
        span: Duration,
        metrics: &Metrics,
        alive: &Receiver<()>,
    ) -> Result<Report, Ended> {
        let staged = store.staged()?;
        let size = staged.size();
        let subject = Subject {
            store,
            staged: &staged,
            keys: &self.keys,
            outside: None,
            runs: true,
        };
        let mut wanted = Sums::new();
        let mut found = wanted.clone();
        let mut pace = Paced::new(alive, metrics, span / 2, size);
        let mut report = records(subject, &mut wanted, &mut pace)?;
        let mut pace = Paced::new(alive, metrics, span / 2, wanted.rows());
        index(store, size, &mut found, &mut pace)?;
        let differing = wanted.differing(&found);
        if differing.iter().any(|(kind, _)| *kind == IndexKind::Leaves) {
            let mut pace = Paced::new(alive, metrics, Duration::ZERO, size);
            differences(store, size, &wanted, &found, &mut report, &mut pace)?;
        } else if !differing.is_empty() {
            // Nothing that is signed rests on these, and a new version may know keys that an old
            // one did not.
            eprintln!(
                "the index of lookup keys is not what the records ask for: records may not be found under their \
                 keys; stop the log and run reindex"
            );
        }
        Ok(report)
    }
}

/// Waits until `until`.
fn wait(alive: &Receiver<()>, until: Instant) -> Result<(), Ended> {
    match alive.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Ended::Told),
    }
}

/// Spreads the reading of `all` rows over a span of time.
struct Paced<'a> {
    alive: &'a Receiver<()>,
    metrics: &'a Metrics,
    begun: Instant,
    seconds_a_row: f64,
    read: u64,
}

impl<'a> Paced<'a> {
    // Rows are far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    fn new(alive: &'a Receiver<()>, metrics: &'a Metrics, span: Duration, all: u64) -> Self {
        Self {
            alive,
            metrics,
            begun: Instant::now(),
            seconds_a_row: (span.as_secs_f64() / all.max(1) as f64).min(1.0 / RATE_LEAST),
            read: 0,
        }
    }
}

impl Pace for Paced<'_> {
    // As above.
    #[allow(clippy::cast_precision_loss)]
    fn read(&mut self, count: u64) -> Result<(), Ended> {
        self.read += count;
        self.metrics.scrubbed_rows.inc_by(count);
        let due = Duration::from_secs_f64(self.seconds_a_row * self.read as f64);
        wait(self.alive, self.begun + due)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use ishibumi_artifact::record::Opaque;
    use ishibumi_artifact::{Body, Record};
    use ishibumi_store::{Batch, HandClock, MemoryLog, NewRecord};
    use ishibumi_tlog::hash::leaf_hash;

    use super::*;

    fn log_of(count: u64) -> Arc<dyn LogStore> {
        let records = (0..count).map(|number| {
            let body = Opaque::new("opaque", number.to_be_bytes());
            let octets = Record::from(Body::Opaque(body.unwrap())).encode();
            NewRecord {
                leaf: leaf_hash(&octets),
                octets,
                keys: Vec::new(),
            }
        });
        let log = MemoryLog::new();
        let batch = Batch {
            records: records.collect(),
            blobs: Vec::new(),
        };
        log.stage(0, &batch).unwrap();
        Arc::new(log)
    }

    #[test]
    fn a_whole_log_is_read_and_a_reader_ends_when_it_is_told_to() {
        let scrub = Scrub {
            keys: Vec::new(),
            period: Duration::from_millis(100),
            data_dir: PathBuf::from("/nowhere"),
        };
        let metrics = Metrics::new().unwrap();
        let store = log_of(3000);
        let (told, alive) = channel();
        let report = scrub.pass(store.as_ref(), Duration::from_millis(50), &metrics, &alive);
        let report = report.unwrap();
        assert_eq!((report.records, report.tiles, report.wrong), (3000, 11, 0));
        assert_eq!(metrics.scrubbed_rows.get(), 6000);
        drop(told);
        let clock = HandClock::at(1_800_000_000);
        assert_eq!(scrub.run(&store, &metrics, &clock, &alive), Ok(()));
    }
}
