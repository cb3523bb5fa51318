//! How much work the search for one path may cost.
//!
//! Whoever sends an artifact chooses the certificates that come with it, and what stands in them. Look-alikes
//! cost signatures, cross-certificates cost paths, long name constraints and policies cost comparisons, and
//! each multiplies the others. So there is one budget for all of it. Its units are comparisons of two
//! names; a signature is worth thousands of them. What is exhausted has not been searched through: that is said as
//! such (`PathError::Limit`) and is never a finding about the artifact.

use thiserror::Error;

/// Comparisons that one search may make, if it does nothing else: real paths need some hundred, and this is a
/// fraction of a second.
const UNITS_MAX: usize = 2_000_000;

/// Signatures that one search may verify, if it does nothing else.
pub const SIGNATURES_MAX: usize = 100;

/// Units that one signature is worth.
pub(crate) const SIGNATURE: usize = UNITS_MAX / SIGNATURES_MAX;

/// The budget is spent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the search took more work than it may")]
pub(crate) struct Exhausted;

/// What is left.
#[derive(Debug)]
pub(crate) struct Work(usize);

impl Work {
    pub(crate) const fn new() -> Self {
        Self(UNITS_MAX)
    }

    /// Takes from the budget before the work is done. Once it did not suffice, nothing is left.
    pub(crate) fn spend(&mut self, units: usize) -> Result<(), Exhausted> {
        let left = self.0.checked_sub(units);
        self.0 = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_suffice_once_never_does_again() {
        let mut work = Work::new();
        for _ in 0..SIGNATURES_MAX - 1 {
            assert_eq!(work.spend(SIGNATURE), Ok(()));
        }
        assert_eq!(work.spend(SIGNATURE + 1), Err(Exhausted));
        assert_eq!(work.spend(1), Err(Exhausted));
    }
}
