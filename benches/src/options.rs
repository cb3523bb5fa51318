//! The task of a run, and its bounds.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::error::LoadError;

/// Submits to a log and measures how it answers.
///
/// Prints a report; with --json, the same as JSON. Exit codes: 0 measured, 1 a sampled proof or
/// promise did not verify, 2 usage, 3 the log could not be reached.
#[derive(Clone, Debug, Parser)]
#[command(name = "load", version)]
pub struct Options {
    /// Where the log listens: `http://HOST:PORT`. A loopback address, unless --anywhere.
    #[arg(long)]
    pub log: String,
    /// Takes a log on another machine. Ask its operator first.
    #[arg(long)]
    pub anywhere: bool,
    /// File with the bearer token.
    #[arg(long)]
    pub token_file: PathBuf,
    /// Records a second, submitted when they are due whatever the log does (open loop); 0: each
    /// connection submits again as soon as it is answered (closed loop).
    #[arg(long, default_value_t = 0.0)]
    pub rate: f64,
    /// Connections, each with one submission in flight.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub clients: u16,
    /// Artifacts in one submission; 0 or 1: single submissions.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=4096))]
    pub batch: u16,
    /// What an answer has to wait for.
    #[arg(long, value_enum, default_value_t = Wait::Durable)]
    pub wait: Wait,
    /// What is submitted.
    #[arg(long, value_enum, default_value_t = Kind::Opaque)]
    pub kind: Kind,
    /// Folder of tokens that `tokens` made, for --kind tokens. The run ends when all were submitted.
    #[arg(long)]
    pub tokens: Option<PathBuf>,
    /// How long new submissions are made.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Ends the run after this many records.
    #[arg(long, default_value_t = u64::MAX)]
    pub count: u64,
    /// Octets of an opaque artifact.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(16..=60_000))]
    pub record_bytes: u16,
    /// A process whose CPU time and memory are charged to the service; may be given several times.
    #[arg(long)]
    pub server_pid: Vec<u32>,
    /// Policy under which a sample of the proofs is verified.
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// File with the anchors of the submitted tokens, to rebuild their records.
    #[arg(long)]
    pub anchors: Option<PathBuf>,
    /// One submission in this many is sampled.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub sample_every: u64,
    /// Appends a line `INDEX LEAF` for each acknowledged record, before the next submission of its
    /// connection: what a log that was killed has to have.
    #[arg(long)]
    pub journal: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    /// Until the records are synced.
    Durable,
    /// Until a quorum cosigned a checkpoint over them; the answer is a proof.
    Quorum,
}

/// What is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Distinct octets without meaning; the log has to be in its laboratory mode.
    Opaque,
    /// Real time-stamp tokens from a folder.
    Tokens,
}

impl Options {
    /// Host and port as written, and the address that they stand for.
    pub(crate) fn target(&self) -> Result<(String, SocketAddr), LoadError> {
        let usage = |why: &str| LoadError::Usage(format!("--log {}: {why}", self.log));
        let host = self
            .log
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'))
            .ok_or_else(|| usage("expected http://HOST:PORT"))?;
        let addresses: Vec<SocketAddr> = host
            .to_socket_addrs()
            .map_err(|error| usage(&error.to_string()))?
            .collect();
        if !self.anywhere && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(usage(
                "not a loopback address; load on somebody else's log is an attack, \
                 on your own it needs --anywhere",
            ));
        }
        let first = addresses.first().ok_or_else(|| usage("no address"))?;
        Ok((host.to_owned(), *first))
    }

    /// Artifacts in one submission, at least one.
    pub(crate) fn per_submission(&self) -> u64 {
        u64::from(self.batch.max(1))
    }

    /// The time between two submissions that are due; `None` in a closed loop.
    pub(crate) fn interval(&self) -> Option<Duration> {
        (self.rate > 0.0).then(|| Duration::from_secs_f64(f64::from(self.batch.max(1)) / self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(log: &str, more: &[&str]) -> Options {
        let always = ["load", "--log", log, "--token-file", "/dev/null"];
        Options::parse_from(always.iter().chain(more))
    }

    #[test]
    fn only_loopback_is_loaded_unless_somebody_says_so() {
        assert!(options("http://127.0.0.1:80", &[]).target().is_ok());
        assert!(options("http://192.0.2.1:80", &[]).target().is_err());
        let anywhere = options("http://192.0.2.1:80", &["--anywhere"]);
        assert!(anywhere.target().is_ok());
    }

    #[test]
    fn a_rate_is_of_records_whatever_the_batch() {
        let interval = |more: &[&str]| options("http://127.0.0.1:80", more).interval();
        assert_eq!(interval(&[]), None);
        let single = interval(&["--rate", "100"]);
        assert_eq!(single, Some(Duration::from_millis(10)));
        let batch = interval(&["--rate", "100", "--batch", "50"]);
        assert_eq!(batch, Some(Duration::from_millis(500)));
    }
}
