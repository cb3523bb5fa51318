//! A clock that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// A clock that stands still until a test moves it. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct HandClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    unix_seconds: AtomicU64,
    monotonic_ms: AtomicU64,
}

impl HandClock {
    /// Shows `unix_seconds`.
    pub fn at(unix_seconds: u64) -> Self {
        Self(Arc::new(Hands {
            unix_seconds: AtomicU64::new(unix_seconds),
            monotonic_ms: AtomicU64::new(0),
        }))
    }

    /// Jumps to `unix_seconds`, forward or back, as when a machine's clock is set: no time passes.
    pub fn set(&self, unix_seconds: u64) {
        self.0.unix_seconds.store(unix_seconds, Ordering::SeqCst);
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// If that is more milliseconds than 64 bits have.
    pub fn advance(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).expect("milliseconds fit in 64 bits");
        let before = self.0.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        let seconds = (before + ms) / 1000 - before / 1000;
        self.0.unix_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn unix_time(&self) -> u64 {
        self.0.unix_seconds.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.monotonic_ms.load(Ordering::SeqCst))
    }
}
