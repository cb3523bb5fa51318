//! How much a submitter may submit: so many records a minute, so many a day.
//!
//! One number a limit, after the generic cell rate algorithm (ITU-T I.371): the moment at which all
//! of the allowance is there again. A record moves it forward by its share of the period; as long
//! as it is less than a period away, there is some allowance left. The cost of an artifact is known
//! only after it was verified: one record is taken before, and the rest afterwards, whether there
//! is so much left or not, since the work is done. So the last one may overdraw the allowance, and
//! a sender that overdrew waits longer. By how much is bounded, since no artifact makes more
//! records than [`Meter::burst`]. The state is in memory: a restart gives every sender a full
//! allowance.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Quota;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// One limit, without a clock: times are since any fixed moment.
#[derive(Clone, Copy, Debug)]
struct Rate {
    period: Duration,
    /// The part of the period that one record takes.
    share: Duration,
    /// When all of the allowance is there.
    full_at: Duration,
}

impl Rate {
    /// None for a limit of 0, which is none.
    fn new(records: u32, period: Duration) -> Option<Self> {
        let share = period.checked_div(records)?;
        Some(Self {
            period,
            share,
            full_at: Duration::ZERO,
        })
    }

    /// How long until one more record is allowed; zero if it is now.
    fn wait(&self, now: Duration) -> Duration {
        let used = self.full_at.saturating_sub(now);
        (used + self.share).saturating_sub(self.period)
    }

    fn charge(&mut self, records: u32, now: Duration) {
        let taken = self.share.saturating_mul(records);
        self.full_at = self.full_at.max(now).saturating_add(taken);
    }
}

/// The allowance of one submitter, shared by all of its requests. Times are
/// [`ishibumi_store::Clock::monotonic`].
#[derive(Debug)]
pub struct Meter {
    burst: usize,
    rates: Mutex<Vec<Rate>>,
}

impl Meter {
    /// A full allowance.
    pub fn new(quota: Quota) -> Self {
        let rates = [
            Rate::new(quota.per_minute, MINUTE),
            Rate::new(quota.per_day, DAY),
        ];
        let limits = [quota.per_minute, quota.per_day];
        let least = limits.into_iter().filter(|limit| *limit > 0).min();
        let burst = least.map_or(Some(usize::MAX), |least| usize::try_from(least).ok());
        Self {
            burst: burst.unwrap_or(usize::MAX),
            rates: Mutex::new(rates.into_iter().flatten().collect()),
        }
    }

    /// Takes `records` off the allowance if there is any left; otherwise takes nothing and says how
    /// long to wait. With 0 records it only asks.
    ///
    /// # Errors
    /// How long to wait until a record is allowed again.
    pub fn take(&self, records: usize, now: Duration) -> Result<(), Duration> {
        let mut rates = self.rates();
        let wait = rates.iter().map(|rate| rate.wait(now)).max();
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        charge(&mut rates, records, now);
        Ok(())
    }

    /// Takes `records` off the allowance for what was done already, whether it suffices or not.
    pub fn owe(&self, records: usize, now: Duration) {
        charge(&mut self.rates(), records, now);
    }

    /// The most records that may come at once: a full allowance of the strictest limit.
    pub const fn burst(&self) -> usize {
        self.burst
    }

    /// Locks the rates. A poisoned lock does no harm: a thread that panicked with it had changed at
    /// most one of the numbers.
    fn rates(&self) -> MutexGuard<'_, Vec<Rate>> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn charge(rates: &mut [Rate], records: usize, now: Duration) {
    let records = u32::try_from(records).unwrap_or(u32::MAX);
    for rate in rates {
        rate.charge(records, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(per_minute: u32, per_day: u32) -> Meter {
        Meter::new(Quota {
            per_minute,
            per_day,
        })
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_minute_has_so_many_records_and_no_more() {
        let meter = meter(6, 0);
        for _ in 0..6 {
            assert_eq!(meter.take(1, s(100)), Ok(()));
        }
        assert_eq!(meter.take(1, s(100)), Err(s(10)));
        assert_eq!(meter.take(1, s(109)), Err(s(1)));
        assert_eq!(meter.take(1, s(110)), Ok(()));
        assert_eq!(meter.take(1, s(110)), Err(s(10)));
    }

    #[test]
    fn who_overdraws_waits_longer_and_asking_costs_nothing() {
        let meter = meter(6, 0);
        assert_eq!(meter.take(0, s(0)), Ok(()));
        assert_eq!(meter.take(12, s(0)), Ok(()));
        assert_eq!(meter.take(0, s(0)), Err(s(70)));
        assert_eq!(meter.take(0, s(69)), Err(s(1)));
        assert_eq!(meter.take(0, s(70)), Ok(()));
    }

    #[test]
    fn what_was_done_is_owed_also_where_nothing_is_left() {
        let meter = meter(6, 0);
        assert_eq!(meter.take(6, s(0)), Ok(()));
        meter.owe(3, s(0));
        assert_eq!(meter.take(0, s(0)), Err(s(40)));
        // Control: a sender that is refused beforehand owes nothing.
        assert_eq!(meter.take(3, s(0)), Err(s(40)));
        assert_eq!(meter.take(1, s(40)), Ok(()));
    }

    #[test]
    fn at_once_may_come_what_the_stricter_limit_holds() {
        assert_eq!(meter(10, 100).burst(), 10);
        assert_eq!(meter(0, 100).burst(), 100);
        assert_eq!(meter(200, 100).burst(), 100);
        assert_eq!(meter(0, 0).burst(), usize::MAX);
    }

    #[test]
    fn the_stricter_limit_decides_and_none_is_none() {
        let both = meter(1000, 2);
        assert_eq!(both.take(2, s(0)), Ok(()));
        assert_eq!(both.take(1, s(0)), Err(s(43_200)));
        let none = meter(0, 0);
        assert_eq!(none.take(usize::MAX, s(0)), Ok(()));
        assert_eq!(none.take(usize::MAX, s(0)), Ok(()));
    }
}
