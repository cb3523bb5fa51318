//! The sequencer's thread: gathers what is submitted into batches, stages each of them durably, and
//! answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use ishibumi_artifact::record::Suspicion;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::publishing::Event;
use super::sequencer::{Item, Placed, Sequencer, SequencerError};
use super::suspicion_watcher::SuspicionWatcher;
use crate::config::Sequencing;
use crate::metrics::Metrics;

/// Artifacts whose submitter waits for the answer.
pub(super) struct Submission {
    pub(super) items: Vec<Item>,
    pub(super) records: usize,
    pub(super) answer: oneshot::Sender<Vec<Placed>>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// The state of the thread.
pub(super) struct Sequence {
    pub(super) submitted: Receiver<Submission>,
    pub(super) events: Sender<Event>,
    pub(super) settings: Sequencing,
    pub(super) metrics: Arc<Metrics>,
    pub(super) watcher: SuspicionWatcher,
}

impl Sequence {
    /// Until the last handle is gone, or the store fails.
    pub(super) fn run(&self, mut sequencer: Sequencer) -> Result<(), SequencerError> {
        while let Ok(first) = self.submitted.recv() {
            let closes = Instant::now() + self.settings.batch_age;
            let mut records = first.records;
            let mut batch = vec![first];
            while records < self.settings.batch_records_max {
                let Ok(next) = self
                    .submitted
                    .recv_timeout(closes.saturating_duration_since(Instant::now()))
                else {
                    break;
                };
                records += next.records;
                batch.push(next);
            }
            let counts: Vec<usize> = batch
                .iter()
                .map(|submission| submission.items.len())
                .collect();
            let items: Vec<Item> = batch
                .iter_mut()
                .flat_map(|s| std::mem::take(&mut s.items))
                .collect();
            let backdated: Vec<bool> = items.iter().map(|item| item.backdated).collect();
            let before = sequencer.size();
            let timer = self.metrics.stage_seconds.start_timer();
            // An error drops the answers: the submitters that wait are told that the log stopped,
            // not that it took the record, and the next start finds out what is there.
            let (next, placed) = sequencer.stage(items)?;
            timer.observe_duration();
            sequencer = next;
            self.watcher.staged(before, sequencer.size());
            for (placed, backdated) in placed.iter().zip(backdated) {
                if backdated && placed.added > 0 {
                    self.metrics.suspicion(Suspicion::Backdating);
                }
            }
            self.metrics
                .records_staged
                .inc_by(placed.iter().map(|p| p.added).sum());
            self.metrics
                .batch_records
                .observe(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
            let mut placed = placed.into_iter();
            for (submission, count) in batch.into_iter().zip(counts) {
                // The records of a client that hung up are in the log all the same.
                let _ = submission
                    .answer
                    .send(placed.by_ref().take(count).collect());
            }
            let _ = self.events.send(Event::Staged(sequencer.size()));
        }
        Ok(())
    }
}
