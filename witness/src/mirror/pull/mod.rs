//! Pull mode: the mirror follows a log that anybody can read, over its tlog-tiles interface (C2SP).
//!
//! Nothing is believed because the log's server sent it. The checkpoint becomes pending as if it
//! had been submitted; entries go through the same check of a package as an upload; blobs have to
//! have the hash that a record names; and a kept checkpoint has to be signed by the log and to have
//! the root of the copy.
//!
//! It blocks, so it runs on a thread of its own; every request to the log has a deadline, and
//! between two of them it looks whether it should stop.

pub(super) mod blobs;
mod entries;
mod error;
mod kept;
mod remote;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::Hash;
use ishibumi_tlog::shown;
use ishibumi_wire::Net;
use tokio::sync::watch;

use self::blobs::Blobs;
pub use self::error::PullError;
use self::kept::{Demands, Kept};
use self::remote::Remote;
use super::core::{Mirror, UploadRefusal};
use super::metrics::MirrorMetrics;
use super::source::Source;
use crate::follow::StateError;

/// The result of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Entries that were appended.
    pub entries: u64,
    /// Blobs that were kept.
    pub blobs: u64,
    /// Blobs that records name and that the log does not give.
    pub missing_blobs: usize,
    /// Checkpoints with a quorum that were kept.
    pub kept: u64,
    /// The size of the mirror checkpoint after it.
    pub size: u64,
}

/// Follows one log.
pub struct Puller<R, C> {
    mirror: Arc<Mirror<R, C>>,
    metrics: Arc<MirrorMetrics>,
    log: Hash,
    origin: String,
    source: Source,
    remote: Remote,
    blobs: Blobs,
    kept: Kept,
}

impl<R: Registers, C: Clock> Puller<R, C> {
    /// One for each log of `mirror` that is pulled. Requests go out on the runtime in which this is
    /// called, and end once `stop` says so.
    ///
    /// # Errors
    /// If a state cannot be used.
    pub fn all(
        mirror: &Arc<Mirror<R, C>>,
        metrics: &Arc<MirrorMetrics>,
        net: &Arc<dyn Net>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Vec<Self>, StateError> {
        let mut pullers = Vec::new();
        for copy in mirror.copies() {
            let source = Source::load(mirror.follower().registers(), copy.id())?;
            let Some(url) = source.url else { continue };
            pullers.extend(Self::one(mirror, metrics, copy.id(), &url, net, stop)?);
        }
        Ok(pullers)
    }

    /// One for the log `log`, which is read below `url` this time; `None` if the mirror does not
    /// have it.
    pub(super) fn one(
        mirror: &Arc<Mirror<R, C>>,
        metrics: &Arc<MirrorMetrics>,
        log: Hash,
        url: &str,
        net: &Arc<dyn Net>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<Self>, StateError> {
        let Some(copy) = mirror.copy(log) else {
            return Ok(None);
        };
        let registers = mirror.follower().registers();
        Ok(Some(Self {
            mirror: Arc::clone(mirror),
            metrics: Arc::clone(metrics),
            log,
            origin: copy.origin().to_owned(),
            remote: Remote::new(url, Arc::clone(net), stop.clone()),
            source: Source::load(registers, log)?,
            blobs: Blobs::load(registers, log)?,
            kept: Kept::default(),
        }))
    }

    /// The log that is followed.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Brings over everything that the log has and the mirror has not. Blocks; not on a thread of
    /// the runtime.
    ///
    /// # Errors
    /// Data that were brought over before stay. A blob or a kept checkpoint that is missing is no
    /// error.
    pub fn round(&mut self) -> Result<Pulled, PullError> {
        let outcome = self.bring_over();
        let word = outcome.as_ref().map_or_else(PullError::outcome, |_| "done");
        self.metrics.pulled_round(&self.origin, word);
        outcome
    }

    fn bring_over(&mut self) -> Result<Pulled, PullError> {
        let mirror = Arc::clone(&self.mirror);
        let copy = mirror
            .copy(self.log)
            .ok_or_else(|| UploadRefusal::UnknownOrigin(self.origin.clone()))?;
        let count = |kind, count| self.metrics.pulled(&self.origin, kind, count);

        let newest = entries::advance(&mirror, copy, &self.remote)?;
        let (entries, size) = entries::bring_over(&mirror, copy, &self.remote)?;
        count("entries", entries);
        let registers = mirror.follower().registers();
        let blobs = self.blobs.bring_over(copy, registers, &self.remote, size)?;
        count("blobs", blobs);
        let log = mirror.follower().log(self.log)?;
        let keys = log.as_ref().map_or(&[][..], |log| log.keys());
        let policy = self.source.policy();
        let demands = Demands {
            keys,
            policy: policy.as_ref(),
        };
        let newest = u64::from(kept::keep_newest(copy, newest, demands, size)?);
        let kept = newest + self.kept.bring_over(copy, &self.remote, demands, size)?;
        count("checkpoints", kept);
        let missing_blobs = self.blobs.missing();
        self.metrics.missing_blobs(&self.origin, missing_blobs);
        Ok(Pulled {
            entries,
            blobs,
            missing_blobs,
            kept,
            size,
        })
    }

    /// Does rounds, `interval` apart, until told to stop, or until our own state fails.
    ///
    /// # Errors
    /// [`StateError`] of our own.
    pub(super) async fn run(
        mut self,
        interval: Duration,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), PullError> {
        let mut said = String::new();
        loop {
            let round = tokio::task::spawn_blocking(move || {
                let outcome = self.round();
                (self, outcome)
            });
            let Ok((puller, outcome)) = round.await else {
                return Err(PullError::Stopped);
            };
            self = puller;
            match outcome {
                Ok(_) => said.clear(),
                Err(error) if error.state().is_some() => return Err(error),
                // Reported once, not at each round: an unreachable log is so for long.
                Err(error) => {
                    let line = format!("{}: {error}", self.origin);
                    if line != said && !matches!(error, PullError::Stopped) {
                        let _ = writeln!(std::io::stderr(), "{}", shown::line(&line));
                        said = line;
                    }
                }
            }
            let stopped = stop.wait_for(|&stop| stop);
            if tokio::time::timeout(interval, stopped).await.is_ok() {
                return Ok(());
            }
        }
    }
}
