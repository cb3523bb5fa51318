//! How a log behaves while it grows: one row of figures for each step, up to as many records as wanted.
//!
//! A log that is fast at a million records says nothing about one of fifty million: what is looked for before
//! each write (the leaf hashes of all records) lies on disk and in caches that do not grow with it. So the
//! figure is a curve. It is made with the log's own write path, in this process (`inside`) or over HTTP
//! against a log that runs (`outside`).

mod inside;
mod outside;
mod plot;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, ValueEnum};

use crate::error::LoadError;
use crate::usage::{MachineUsage, ProcessUsage};

pub use plot::{Series, plot};

/// Grows a log and writes down, step by step, what a record costs.
///
/// Without --log a log is made in --dir and grown through sequencer, signer and store in this process, with
/// both keys and no witnesses. With --log a running log is grown over HTTP; --dir is then its data directory,
/// which is only measured. Exit codes: 0 measured, 2 usage, 3 the log failed or could not be reached.
#[derive(Clone, Debug, Parser)]
#[command(name = "grow", version)]
pub struct GrowOptions {
    /// Folder that must not exist: holds the log while it grows, and is removed at the end. With --log, the
    /// data directory of that log.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Instead: draw the curves of tables that were written before, each as NAME=CSV, into the file --svg.
    #[arg(long, value_name = "NAME=CSV", requires = "svg", num_args = 1..)]
    pub plot: Vec<Series>,
    /// The picture.
    #[arg(long)]
    pub svg: Option<PathBuf>,
    /// Records to grow to.
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub records: u64,
    /// Records of one step: one row.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub step: u64,
    /// Records of one batch, which is one synced write.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub batch: u16,
    /// What is submitted.
    #[arg(long, value_enum, default_value_t = Shape::Opaque)]
    pub shape: Shape,
    /// Octets of an opaque artifact.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(16..=60_000))]
    pub record_bytes: u16,
    /// MiB of the store's cache; the store's default if nothing is said.
    #[arg(long)]
    pub cache_mib: Option<usize>,
    /// Where the rows go, as CSV.
    #[arg(long, default_value = "grow.csv")]
    pub csv: PathBuf,
    /// Keep the log that was grown.
    #[arg(long)]
    pub keep: bool,
    /// Grow the log that listens there: `http://HOST:PORT`, a loopback address.
    #[arg(long, requires_all = ["token_file", "server_pid"])]
    pub log: Option<String>,
    /// File with the bearer token for --log.
    #[arg(long)]
    pub token_file: Option<PathBuf>,
    /// The process of that log.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// Connections to it.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub clients: u16,
}

/// What is submitted. Nothing is verified on the way in: that costs the same at every size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Octets without meaning: one row in the index each.
    Opaque,
    /// Records of timestamp tokens: three rows in the index each. Not over HTTP.
    Token,
}

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

const HEADER: &str = "records,records_per_second,cpu_us_per_record,others_cpu_us_per_record,resident_mib,\
                      read_octets_per_record,written_octets_per_record,disk_octets_per_record,longest_batch_ms";

/// Grows a log as `options` say; `progress` sees each row.
///
/// # Errors
/// [`LoadError`] if it cannot begin or cannot go on.
pub fn grow(options: &GrowOptions, progress: impl FnMut(&Row)) -> Result<(), LoadError> {
    if let Some(svg) = &options.svg {
        let fail = |error: std::io::Error| LoadError::Usage(format!("{}: {error}", svg.display()));
        return std::fs::write(svg, plot(&options.plot)?).map_err(fail);
    }
    let dir = options.dir.as_deref();
    let dir = dir.ok_or_else(|| LoadError::Usage("--dir is missing".to_owned()))?;
    let mut table = Table::new(&options.csv, progress)?;
    match &options.log {
        Some(log) => outside::grow(options, log, dir, &mut table),
        None => inside::grow(options, dir, &mut table),
    }
}

/// The rows so far, in the file.
struct Table<F> {
    csv: PathBuf,
    text: String,
    progress: F,
}

impl<F: FnMut(&Row)> Table<F> {
    fn new(csv: &Path, progress: F) -> Result<Self, LoadError> {
        let mut table = Self {
            csv: csv.to_owned(),
            text: format!("{HEADER}\n"),
            progress,
        };
        table.write()?;
        Ok(table)
    }

    fn push(&mut self, row: &Row) -> Result<(), LoadError> {
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

/// What a process and the machine had used at one moment.
struct Moment {
    at: Instant,
    process: ProcessUsage,
    machine: MachineUsage,
    load_cpu_seconds: f64,
}

impl Moment {
    /// `pid` is the log's process.
    fn now(pid: u32) -> Self {
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
    fn row(&self, end: &Self, added: u64, records: u64, dir: &Path, longest_batch_ms: f64) -> Row {
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
