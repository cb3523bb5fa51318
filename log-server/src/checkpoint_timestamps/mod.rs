//! Has TSAs stamp the log's published checkpoints, and logs their tokens (kind 10).
//!
//! Relying parties that trust no witness may trust a TSA, and validators know time-stamps
//! (docs/anchors.md). Nothing waits for any of this: a TSA that is slow, dead or lying costs an
//! alarm, and submissions go on. A token is logged like any record, through the sequencer, and only
//! if it verifies in full.
//!
//! ```text
//!   published checkpoint -> kept for ever -> TSAs asked at once -> tokens verified -> sequencer
//! ```
//!
//! **When a TSA is asked.** Every interval, if the published tree holds a record which no logged
//! token of that TSA covers and which is not itself such a token. So a log that stands still is
//! stamped once, and its own timestamps are never a reason for another one (`coverage`).

mod ask;
mod coverage;
mod tsa_health;
mod tsas;

use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, LogStore, StoreError};
use ishibumi_tlog::shown;
use ishibumi_wire::Net;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::ask::{Around, Timestamped};
pub use self::tsa_health::{TsaHealth, TsasHealth};
pub use self::tsas::{Tsa, Tsas};
use crate::core::{Handle, Standing};
use crate::metrics::Metrics;

/// How long a TSA that failed once is left alone; twice that after the next failure.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest that a failing TSA is left alone.
const BACKOFF_MAX: Duration = Duration::from_secs(600);
/// How long to wait for a log that has published nothing yet.
const UNPUBLISHED: Duration = Duration::from_secs(1);

/// The state that stamping needs.
pub struct CheckpointTimestamping {
    /// Whom to ask, and how often.
    pub tsas: Tsas,
    /// The store, to see what is covered already.
    pub store: Arc<dyn LogStore>,
    /// The running log.
    pub handle: Handle,
    /// How to ask.
    pub net: Arc<dyn Net>,
    /// The clock that the genTime of a token is compared with.
    pub clock: Arc<dyn Clock>,
    /// Where alarms are counted.
    pub metrics: Arc<Metrics>,
}

/// How it stands with one TSA.
struct Turn {
    tsa: Arc<Tsa>,
    /// Records below this are covered by a logged token of it.
    covered: u64,
    /// When it is asked next.
    next: Instant,
    /// Failures since the last success.
    failures: u32,
}

impl CheckpointTimestamping {
    /// Starts asking, as a task of the present runtime, from where the log's records say that it
    /// stopped.
    ///
    /// # Errors
    /// If the store fails, or its index leads to something else than a checkpoint timestamp.
    pub fn start(self) -> Result<(), StoreError> {
        self.metrics.tsas.know(&self.tsas);
        if self.tsas.all.is_empty() {
            return Ok(());
        }
        let (now, begun) = (self.clock.unix_time(), Instant::now());
        let mut turns = Vec::new();
        let last = coverage::last_timestamps(self.store.as_ref(), &self.tsas)?;
        for (tsa, last) in self.tsas.all.iter().zip(last) {
            let mut turn = Turn {
                tsa: Arc::clone(tsa),
                covered: 0,
                next: begun,
                failures: 0,
            };
            if let Some(last) = last {
                let age = u64::try_from(last.gen_time.unix_seconds()).unwrap_or(0);
                let age = Duration::from_secs(now.saturating_sub(age));
                turn.covered = last.size;
                turn.next = begun + self.tsas.interval.saturating_sub(age);
                self.metrics.tsas.known(&turn.tsa.name, &last);
            }
            turns.push(turn);
        }
        tokio::spawn(self.run(turns));
        Ok(())
    }

    async fn run(self, mut turns: Vec<Turn>) {
        let mut standing = self.handle.standing();
        while let Some(next) = turns.iter().map(|turn| turn.next).min() {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                // A log that has stopped takes no timestamps.
                _ = standing.wait_for(Standing::is_final) => return,
            }
            self.round(&mut turns).await;
        }
    }

    /// Asks everybody whose time has come, all about one checkpoint.
    async fn round(&self, turns: &mut [Turn]) {
        let now = Instant::now();
        let interval = self.tsas.interval;
        let size = self.handle.published().map(|it| it.checkpoint().size);
        let mut asked = Vec::new();
        for (place, turn) in turns.iter_mut().enumerate() {
            if turn.next > now {
                continue;
            }
            match size.map(|size| coverage::has_news(self.store.as_ref(), turn.covered, size)) {
                None => turn.next = now + UNPUBLISHED,
                Some(Ok(true)) => asked.push(place),
                Some(Ok(false)) => turn.next = now + interval,
                Some(Err(error)) => self.failed(turn, size.unwrap_or(0), &error.to_string()),
            }
        }
        if asked.is_empty() {
            return;
        }
        // The stamped note has to stay: without it nobody could say what the token is about.
        let Some(published) = self.handle.keep_published().await else {
            for place in asked {
                turns[place].next = now + UNPUBLISHED;
            }
            return;
        };
        let size = published.checkpoint().size;
        let mut answers = JoinSet::new();
        for &place in &asked {
            let around = Around {
                handle: self.handle.clone(),
                net: Arc::clone(&self.net),
                clock: Arc::clone(&self.clock),
                units: Arc::clone(&self.tsas.units),
            };
            let (tsa, published) = (Arc::clone(&turns[place].tsa), Arc::clone(&published));
            answers.spawn(async move { (place, ask::timestamp(&tsa, &published, &around).await) });
        }
        while let Some(answer) = answers.join_next().await {
            match answer {
                Ok((place, Ok(timestamped))) => self.succeeded(&mut turns[place], &timestamped),
                Ok((place, Err(error))) => {
                    self.failed(&mut turns[place], size, &error.to_string());
                }
                // It is found below: nothing was said about its turn.
                Err(_) => {}
            }
        }
        for place in asked {
            if turns[place].next <= now {
                let why = "a fault of this log while asking it";
                self.failed(&mut turns[place], size, why);
            }
        }
    }

    fn succeeded(&self, turn: &mut Turn, timestamped: &Timestamped) {
        turn.covered = timestamped.size;
        turn.failures = 0;
        turn.next = Instant::now() + self.tsas.interval;
        self.metrics.tsas.timestamped(&turn.tsa.name, timestamped);
    }

    fn failed(&self, turn: &mut Turn, size: u64, why: &str) {
        turn.failures = turn.failures.saturating_add(1);
        let wait = backoff(turn.failures, self.tsas.interval, random());
        turn.next = Instant::now() + wait;
        let (name, times) = (&turn.tsa.name, turn.failures);
        let said = shown::line(why);
        eprintln!(
            "ALARM: the TSA {name} has not stamped the checkpoint of size {size}: {said} (failure {times} in a \
             row, asked again in {} s)",
            wait.as_secs()
        );
        self.metrics.tsas.failed(name, why);
    }
}

/// How long to leave a TSA alone after its `failures`-th failure in a row: doubling, at most
/// [`BACKOFF_MAX`] and the interval, and between half of that and all of it by `random`, so that
/// many logs do not come back at once.
fn backoff(failures: u32, interval: Duration, random: u8) -> Duration {
    let doubled = BACKOFF_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let most = doubled.min(BACKOFF_MAX).min(interval.max(BACKOFF_MIN));
    most / 2 + most / 2 * u32::from(random) / 255
}

/// Any octet; spreading needs no secrecy, so 0 where the system has none.
fn random() -> u8 {
    let mut octet = [0];
    let _ = getrandom::fill(&mut octet);
    octet[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_tsa_is_left_alone_longer_and_never_for_long() {
        let hour = Duration::from_secs(3_600);
        let seconds =
            |failures, interval, random| backoff(failures, interval, random).as_secs_f64();
        assert!((seconds(1, hour, 255) - 1.0).abs() < 1e-6);
        assert!((seconds(1, hour, 0) - 0.5).abs() < 1e-6);
        assert!((seconds(5, hour, 255) - 16.0).abs() < 1e-6);
        for failures in [11, 40, u32::MAX] {
            assert!((seconds(failures, hour, 255) - 600.0).abs() < 1e-6);
            assert!((seconds(failures, hour, 0) - 300.0).abs() < 1e-6);
        }
        // Not longer than one that answers.
        assert!((seconds(9, Duration::from_secs(60), 255) - 60.0).abs() < 1e-6);
    }
}
