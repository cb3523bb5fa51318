//! The command line of `grow`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::plot::Series;

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
