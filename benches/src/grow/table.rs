//! The rows of figures, and what they are made of.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::LoadError;
use crate::usage::{MachineUsage, ProcessUsage};

/// One step. Field names carry their units.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Records in the log at the end of the step.
    pub records: u64,
    /// Records a second.
    pub records_per_second: f64,
    /// The log's CPU a record, in microseconds; in one process with what makes the records.
    pub cpu_us_per_record: f64,
    /// CPU a record that others used meanwhile, in microseconds: noise.
    pub others_cpu_us_per_record: f64,
    /// Resident memory at the end, in MiB.
    pub resident_mib: f64,
    /// Octets a record that the log asked its files for, from caches of the system or from disk.
    pub read_octets_per_record: f64,
    /// Octets a record that it wrote, with what compaction wrote again.
    pub written_octets_per_record: f64,
    /// Octets on disk for each record that is in the log.
    pub disk_octets_per_record: f64,
    /// The longest batch, from its submission to its answer, in milliseconds.
    pub longest_batch_ms: f64,
}

pub(super) const HEADER: &str = "records,records_per_second,cpu_us_per_record,others_cpu_us_per_record,resident_mib,\
                      read_octets_per_record,written_octets_per_record,disk_octets_per_record,longest_batch_ms";

/// The rows so far, in the file.
pub(super) struct Table<F> {
    csv: PathBuf,
    text: String,
    progress: F,
}

impl<F: FnMut(&Row)> Table<F> {
    pub(super) fn new(csv: &Path, progress: F) -> Result<Self, LoadError> {
        let mut table = Self {
            csv: csv.to_owned(),
            text: format!("{HEADER}\n"),
            progress,
        };
        table.write()?;
        Ok(table)
    }

    pub(super) fn push(&mut self, row: &Row) -> Result<(), LoadError> {
        // Writing to a string does not fail.
        let _ = writeln!(
            self.text,
            "{},{:.0},{:.2},{:.2},{:.0},{:.0},{:.0},{:.1},{:.0}",
            row.records,
            row.records_per_second,
            row.cpu_us_per_record,
            row.others_cpu_us_per_record,
            row.resident_mib,
            row.read_octets_per_record,
            row.written_octets_per_record,
            row.disk_octets_per_record,
            row.longest_batch_ms,
        );
        (self.progress)(row);
        self.write()
    }

    fn write(&mut self) -> Result<(), LoadError> {
        std::fs::write(&self.csv, &self.text)
            .map_err(|error| LoadError::Usage(format!("{}: {error}", self.csv.display())))
    }
}

/// The use of a process and of the machine up to one moment.
pub(super) struct Moment {
    at: Instant,
    process: ProcessUsage,
    machine: MachineUsage,
    load_cpu_seconds: f64,
}

impl Moment {
    /// `pid` is the log's process.
    pub(super) fn now(pid: u32) -> Self {
        let own = std::process::id();
        let load = (own != pid).then(|| ProcessUsage::of(own)).flatten();
        Self {
            at: Instant::now(),
            process: ProcessUsage::of(pid).unwrap_or_default(),
            machine: MachineUsage::now(),
            load_cpu_seconds: load.map_or(0.0, |load| load.cpu_seconds),
        }
    }

    /// The row of the step from `self` to `end`.
    // Counters are far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn row(
        &self,
        end: &Self,
        added: u64,
        records: u64,
        dir: &Path,
        longest_batch_ms: f64,
    ) -> Row {
        let count = added.max(1) as f64;
        let cpu = end.process.cpu_seconds - self.process.cpu_seconds;
        let busy = end.machine.busy_seconds - self.machine.busy_seconds;
        let load = end.load_cpu_seconds - self.load_cpu_seconds;
        let octets = |before: u64, after: u64| after.saturating_sub(before) as f64 / count;
        Row {
            records,
            records_per_second: count / (end.at - self.at).as_secs_f64(),
            cpu_us_per_record: cpu * 1e6 / count,
            others_cpu_us_per_record: (busy - cpu - load).max(0.0) * 1e6 / count,
            resident_mib: end.process.resident as f64 / f64::from(1 << 20),
            read_octets_per_record: octets(self.process.read, end.process.read),
            written_octets_per_record: octets(self.process.written, end.process.written),
            disk_octets_per_record: disk_octets(dir) as f64 / records.max(1) as f64,
            longest_batch_ms,
        }
    }
}

/// Octets that the files in `dir` take. A file that goes away meanwhile counts nothing.
fn disk_octets(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|found| found.blocks() * 512)
        .sum()
}
