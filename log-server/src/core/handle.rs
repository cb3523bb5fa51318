//! The way into a running log, for everybody who stands outside of its threads.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot, watch};

use super::publisher::Published;
use super::publishing::Event;
use super::room::Lack;
use super::sequence::Submission;
use super::sequencer::{Item, Placed};
use super::standing::Standing;

/// Why a submission was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The pool is full.
    #[error("{pool} records wait to be staged already; send again in a second")]
    Full {
        /// How many the pool holds.
        pool: usize,
    },
    /// The disk is nearly full.
    #[error("{0}; send again when the operator has made room")]
    NoRoom(String),
    /// The log's key signs somewhere else, or enough witnesses say so.
    #[error(
        "this log accepts nothing, since it may not be the copy that the witnesses follow: {0}"
    )]
    Forked(String),
    /// The log stopped.
    #[error("the log stopped accepting: {0}")]
    Stopped(String),
}

/// The way into a running log. Cloning is cheap.
#[derive(Clone)]
pub struct Handle {
    pub(super) submissions: Sender<Submission>,
    pub(super) events: Sender<Event>,
    pub(super) pool: Arc<Semaphore>,
    pub(super) pool_records_max: usize,
    pub(super) published: watch::Receiver<Option<Published>>,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) without_quorum: watch::Receiver<Option<Duration>>,
    pub(super) lack: watch::Receiver<Lack>,
}

impl Handle {
    /// Hands artifacts to the sequencer and waits until they are durable.
    ///
    /// A log that has stopped takes nothing, and confirms nothing that was on its way: it may have
    /// stopped because it is an old copy.
    ///
    /// # Errors
    /// [`SubmitError`] if the pool is full, the disk is nearly full, or the log has stopped.
    pub async fn submit(&self, items: Vec<Item>) -> Result<Vec<Placed>, SubmitError> {
        self.alive()?;
        if let Some(lack) = self.lack() {
            return Err(SubmitError::NoRoom(lack));
        }
        let full = SubmitError::Full {
            pool: self.pool_records_max,
        };
        let records: usize = items.iter().map(|item| item.records.len()).sum();
        // A list that is larger than the pool takes all of it.
        let places = u32::try_from(records.clamp(1, self.pool_records_max)).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.pool)
            .try_acquire_many_owned(places)
            .map_err(|_| full)?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission {
            items,
            records,
            answer,
            _place: place,
        };
        self.submissions
            .send(submission)
            .map_err(|_| self.not_accepting())?;
        let placed = answered.await.map_err(|_| self.not_accepting())?;
        self.alive()?;
        Ok(placed)
    }

    /// Why there is no disk space for records, in a sentence; `None` while there is.
    pub fn lack(&self) -> Option<String> {
        self.lack.borrow().clone()
    }

    fn alive(&self) -> Result<(), SubmitError> {
        if *self.standing.borrow() == Standing::Running {
            return Ok(());
        }
        Err(self.not_accepting())
    }

    /// Waits until a published checkpoint covers record `index`; `None` if that takes longer than
    /// `deadline`.
    ///
    /// # Errors
    /// [`SubmitError::Forked`] or [`SubmitError::Stopped`] if the log stops meanwhile: records on
    /// their way are then not to be confirmed, since it may be an old copy.
    pub async fn covered(
        &self,
        index: u64,
        deadline: Duration,
    ) -> Result<Option<Published>, SubmitError> {
        let mut published = self.published.clone();
        let covers = |published: &Option<Published>| {
            published
                .as_ref()
                .is_some_and(|published| published.checkpoint().size > index)
        };
        let waiting = published.wait_for(covers);
        let mut standing = self.standing.clone();
        let found = tokio::select! {
            found = tokio::time::timeout(deadline, waiting) => found,
            // If the sender is gone, the threads have ended.
            _ = standing.wait_for(|standing| *standing != Standing::Running) => {
                return Err(self.not_accepting());
            }
        };
        match found {
            Ok(Ok(found)) => Ok(found.clone()),
            Ok(Err(_)) => Err(self.not_accepting()),
            Err(_) => self.alive().map(|()| None),
        }
    }

    /// The checkpoint that is published now.
    pub fn published(&self) -> Option<Published> {
        self.published.borrow().clone()
    }

    /// Keeps the checkpoint that is published now for ever, and gives it; `None` if none is
    /// published, or the log has stopped.
    pub async fn keep_published(&self) -> Option<Published> {
        let (answer, answered) = oneshot::channel();
        self.events.send(Event::Keep(answer)).ok()?;
        answered.await.ok().flatten()
    }

    /// Whether the log accepts, and why not.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Since when there is no quorum, by `Clock::monotonic`; `None` while it comes in time.
    pub fn without_quorum(&self) -> Option<Duration> {
        *self.without_quorum.borrow()
    }

    /// Records that wait to be staged.
    pub fn pending(&self) -> usize {
        self.pool_records_max
            .saturating_sub(self.pool.available_permits())
    }

    fn not_accepting(&self) -> SubmitError {
        match self.standing.borrow().clone() {
            Standing::Running => SubmitError::Stopped("it is shutting down".to_owned()),
            Standing::Held(why) | Standing::Forked(why) => SubmitError::Forked(why),
            Standing::Failed(why) => SubmitError::Stopped(why),
        }
    }
}
