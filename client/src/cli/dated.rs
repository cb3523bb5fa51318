//! `--algorithms`, `--algorithm-end`, `--at`: until when algorithms count, and as of when something is judged.
//!
//! No program knows today what will be broken in thirty years, so the rules are the caller's. This is the one
//! place where a verdict may depend on the clock, and only if something ends.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use ishibumi_artifact::rules::{AlgorithmEnds, end_of_day};
use ishibumi_artifact::time::Time;

use super::{Failure, files};

/// The longest file of rules, in octets.
const RULES_LEN_MAX: usize = 64 << 10;

/// Dated rules, and the time of verification.
#[derive(Debug, Args)]
pub(crate) struct DatedRules {
    /// Until when algorithms count: in each line a name and the last day, `sha-256 2045-12-31`
    #[arg(long, value_name = "FILE")]
    algorithms: Option<PathBuf>,
    /// One such rule; may be given several times
    #[arg(long, value_name = "NAME=DATE")]
    algorithm_end: Vec<String>,
    /// Judge as of the end of this day (YYYY-MM-DD, UTC) instead of now
    #[arg(long, value_name = "DATE", value_parser = day)]
    at: Option<Time>,
}

fn day(text: &str) -> Result<Time, String> {
    end_of_day(text).ok_or_else(|| format!("{text:?} is no day of the form YYYY-MM-DD"))
}

impl DatedRules {
    /// The rules.
    pub(crate) fn ends(&self) -> Result<AlgorithmEnds, Failure> {
        let mut ends = match &self.algorithms {
            Some(path) => {
                let octets = files::read(path, RULES_LEN_MAX)?;
                let text = String::from_utf8_lossy(&octets);
                AlgorithmEnds::parse(&text).map_err(|(line, error)| {
                    Failure::usage(format!("{}, line {line}: {error}", path.display()))
                })?
            }
            None => AlgorithmEnds::default(),
        };
        for rule in &self.algorithm_end {
            let (name, day) = rule.split_once('=').unwrap_or((rule, ""));
            let added = ends.add(name, day);
            added.map_err(|error| Failure::usage(format!("--algorithm-end {rule}: {error}")))?;
        }
        Ok(ends)
    }

    /// The time of verification: `--at`, or the clock's.
    pub(crate) fn now(&self) -> Time {
        self.at.unwrap_or_else(clock)
    }
}

/// The time that this machine's clock shows.
pub(crate) fn clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
