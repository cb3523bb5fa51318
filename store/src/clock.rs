//! The time: a trait from the start, so that what ships is what tests drive with a clock that
//! jumps.
//!
//! This is the one file of log, witness and store that asks the machine. Only waiting itself, on a
//! channel or a socket, and how long something took for a metric are measured where they happen:
//! neither decides anything.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Seconds since the Epoch, as the machine believes. May jump in either direction.
    fn unix_time(&self) -> u64;

    /// The time since a moment of this clock's choice. Never goes back, even if [`Self::unix_time`]
    /// does.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else is given"
    )]
    fn unix_time(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}
