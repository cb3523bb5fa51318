//! The time of a clock, in the unit of records.

use ishibumi_artifact::time::Time;
use ishibumi_store::Clock;

/// The time that `clock` shows. It decides which state of a provider holds and what is counted as
/// suspicious, and is the date of what the log says about itself; nothing that is proven rests on
/// it.
pub fn now(clock: &dyn Clock) -> Time {
    Time::from_unix(i64::try_from(clock.unix_time()).unwrap_or(i64::MAX))
}
