//! A disk whose writes can be made to fail, and the state on both sides of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use crate::StoreError;

/// State that changes in steps which are worked out first and applied later, if at all.
pub(super) trait State: Clone {
    /// One step.
    type Change;

    /// Takes a step that was worked out for this very state.
    fn apply(&mut self, change: Self::Change);
}

/// The effect on the disk of a write that reported failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    NotApplied,
    /// All of it.
    Applied,
}

/// When writes fail. Shared by a store and those that its crashes leave: faults are the disk's.
#[derive(Debug, Default)]
struct Faults {
    /// Countdowns of writes; the one that reaches zero fails.
    scheduled: Vec<(u64, Outcome)>,
    forever: Option<Outcome>,
}

impl Faults {
    /// Counts a write and says how it fails, if it does.
    fn count(&mut self) -> Option<Outcome> {
        let mut due = None;
        self.scheduled.retain_mut(|(left, outcome)| {
            *left = left.saturating_sub(1);
            if *left == 0 {
                due = Some(*outcome);
            }
            *left > 0
        });
        self.forever.or(due)
    }
}

/// The state `S` of a store, as it shows itself and as the disk has it.
#[derive(Debug)]
pub(super) struct Disk<S> {
    faults: Arc<Mutex<Faults>>,
    volatile: RwLock<S>,
    writer: Mutex<Writer<S>>,
}

#[derive(Debug)]
struct Writer<S> {
    /// The state of the disk, if it differs from the volatile state.
    durable: Option<S>,
    sync: bool,
    stopped: Option<&'static str>,
}

impl<S: State> Disk<S> {
    pub(super) fn new(state: S) -> Self {
        Self::with(state, Arc::default())
    }

    fn with(state: S, faults: Arc<Mutex<Faults>>) -> Self {
        Self {
            faults,
            volatile: RwLock::new(state),
            writer: Mutex::new(Writer {
                durable: None,
                sync: true,
                stopped: None,
            }),
        }
    }

    /// The state that reads show.
    pub(super) fn shown(&self) -> RwLockReadGuard<'_, S> {
        self.volatile.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the step that `plan` works out. If `plan` refuses, there is no write, and none is
    /// counted.
    pub(super) fn write<T>(
        &self,
        doing: &'static str,
        plan: impl FnOnce(&S) -> Result<(S::Change, T), StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = lock(&self.writer);
        if let Some(cause) = writer.stopped {
            let cause = format!("an earlier write failed (it {cause}); open the store again");
            return Err(StoreError::Failed {
                doing: "refused a write",
                cause,
            });
        }
        let (change, value) = plan(&self.shown())?;
        if let Some(outcome) = lock(&self.faults).count() {
            writer.stopped = Some(doing);
            if outcome == Outcome::Applied {
                // Earlier writes that were not synced have reached the disk together with this one.
                let mut durable = self.shown().clone();
                durable.apply(change);
                writer.durable = Some(durable);
            }
            let cause = "the disk was told to fail".to_owned();
            return Err(StoreError::Failed { doing, cause });
        }
        if !writer.sync && writer.durable.is_none() {
            writer.durable = Some(self.shown().clone());
        }
        let mut volatile = self
            .volatile
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        volatile.apply(change);
        Ok(value)
    }

    pub(super) fn crash(&self) -> Self {
        let mut writer = lock(&self.writer);
        writer.stopped = Some("crashed with its process");
        let state = writer
            .durable
            .clone()
            .unwrap_or_else(|| self.shown().clone());
        Self::with(state, Arc::clone(&self.faults))
    }

    pub(super) fn fail_write(&self, nth: u64, outcome: Outcome) {
        assert!(nth > 0, "the next write is the first");
        lock(&self.faults).scheduled.push((nth, outcome));
    }

    pub(super) fn fail_forever(&self, outcome: Option<Outcome>) {
        lock(&self.faults).forever = outcome;
    }

    pub(super) fn set_sync(&self, sync: bool) {
        let mut writer = lock(&self.writer);
        writer.sync = sync;
        if sync && writer.stopped.is_none() {
            writer.durable = None;
        }
    }

    pub(super) fn sync(&self) {
        let mut writer = lock(&self.writer);
        if writer.stopped.is_none() {
            writer.durable = None;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
