//! Whether there is space on the disk to take records.
//!
//! A disk that is full stops a log: it cannot sign, and the operator who frees it has to hurry. So
//! records are refused while there is still space for what a log writes without them: heads,
//! checkpoints, merges of its index.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ishibumi_store::{LogStore, room};
use tokio::sync::watch;

use crate::metrics::Metrics;

/// How often it is asked.
const TICK: Duration = Duration::from_secs(1);

/// How many octets are to stay free, and in which directories.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// The data directory and the head file's.
    pub dirs: Vec<PathBuf>,
    /// Octets beside what the store needs for itself.
    pub octets: u64,
}

/// Lack of disk space: `None` while there is enough, else why there is not, in a sentence.
pub(super) type Lack = Option<String>;

impl Reserve {
    /// The lack of disk space now.
    pub(super) fn lack(&self, store: &dyn LogStore, metrics: &Metrics) -> Lack {
        // A store that cannot tell fails at the next read, which reports it.
        let needed = self.octets.saturating_add(store.room_needed().unwrap_or(0));
        metrics.reserve_octets.set(needed.cast_signed());
        let mut least = u64::MAX;
        let mut lack = None;
        for dir in &self.dirs {
            let free = match room::free(dir) {
                Ok(free) => free,
                Err(error) => {
                    lack = Some(error.to_string());
                    continue;
                }
            };
            least = least.min(free);
            if free < needed {
                lack = Some(format!(
                    "the disk has {free} octets left, {needed} are kept for what the log itself has to write"
                ));
            }
        }
        metrics.free_octets.set(least.cast_signed());
        lack
    }

    /// Asks again and again until `alive` ends, and says on standard error when it changes.
    pub(super) fn watch(
        &self,
        store: &Arc<dyn LogStore>,
        metrics: &Metrics,
        told: &watch::Sender<Lack>,
        alive: &Receiver<()>,
    ) {
        while alive.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let lack = self.lack(store.as_ref(), metrics);
            told.send_if_modified(|before| {
                let changed = before.is_some() != lack.is_some();
                match &lack {
                    Some(why) if changed => eprintln!("no records are taken: {why}"),
                    None if changed => {
                        eprintln!("there is room on the disk again, records are taken");
                    }
                    _ => {}
                }
                *before = lack;
                changed
            });
        }
    }
}
