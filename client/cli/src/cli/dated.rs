//! `--algorithms`, `--algorithm-end`, `--at`: until when algorithms count, and as of when something
//! is judged.
//!
//! No program knows today what will be broken in thirty years, so the rules are the caller's. Only
//! here may a verdict depend on the clock, and only if an algorithm ends.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use ishibumi_artifact::Anchors;
use ishibumi_artifact::rules::{AlgorithmEnds, end_of_day};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::written;
use ishibumi_cli::batch::Zone;
use ishibumi_cli::render::Language;

use super::day::no_day;
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
    /// Judge as of the end of this day in UTC (2030-12-31, 2030/12/31, 令和12年12月31日, ...) instead of
    /// now
    #[arg(long, value_name = "DATE", value_parser = day)]
    at: Option<Time>,
}

fn day(text: &str) -> Result<Time, String> {
    let day = written::day(text).and_then(|day| end_of_day(&day));
    day.ok_or_else(|| no_day(text))
}

/// In which zone times are shown, and dates are meant.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct TimeZone {
    /// Offset from UTC of the times in the report, and of the dates of a period: Z or +09:00; by
    /// default Z, and Japan's +09:00 for a report in Japanese. JSON has times in UTC, but for a
    /// batch
    #[arg(long, value_name = "OFFSET")]
    time_zone: Option<Zone>,
}

impl TimeZone {
    pub(crate) fn of(self, language: Language) -> Zone {
        let usual = match language {
            Language::English => Zone::default(),
            Language::Japanese => Zone::JAPAN,
        };
        self.time_zone.unwrap_or(usual)
    }
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
            let day = written::day(day).unwrap_or_else(|| day.to_owned());
            let added = ends.add(name, &day);
            added.map_err(|error| Failure::usage(format!("--algorithm-end {rule}: {error}")))?;
        }
        Ok(ends)
    }

    /// `anchors`, which judge as of the day that was named, if one was.
    pub(crate) fn judging(&self, anchors: Anchors) -> Anchors {
        match self.at {
            Some(at) => anchors.judging_as_of(at),
            None => anchors,
        }
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
