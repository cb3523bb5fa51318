//! One request per log at a time.
//!
//! A seam, so that a model checker can put its own locks here and run the code that ships through
//! every schedule.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ishibumi_tlog::Hash;

/// Holds the lock of a log until it is dropped.
pub trait Held {}

/// Locks by log. Two logs may share a lock.
pub trait Locks: Send + Sync {
    /// Waits for the lock of the log whose origin has the hash `id`.
    fn lock(&self, id: Hash) -> Box<dyn Held + '_>;
}

/// Logs share this many locks, by the first octet of their origin's hash.
const LOCKS: usize = 64;

/// The locks of the standard library.
pub(super) struct StdLocks([Mutex<()>; LOCKS]);

impl StdLocks {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Held for MutexGuard<'_, ()> {}

impl Locks for StdLocks {
    /// The lock guards nothing in memory, so a panic of its holder leaves nothing half done.
    fn lock(&self, id: Hash) -> Box<dyn Held + '_> {
        let [first, ..] = id.0;
        let lock = &self.0[usize::from(first) % LOCKS];
        Box::new(lock.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
