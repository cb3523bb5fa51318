//! How much work it may cost to find the paths of one artifact.
//!
//! The sender of an artifact chooses the certificates that come with it, and their contents.
//! Look-alikes cost signatures, cross-certificates cost paths, long name constraints and policies
//! cost comparisons, and each multiplies the others. So there is one budget for all of it: for
//! every path of the artifact, under all anchors that are tried. Its units are comparisons of two
//! names; a signature is worth thousands of them. A search that exhausts the budget is reported as
//! such (`PathError::Limit`) and is never a finding about the artifact. Callers can read the spent
//! work, and charge the sender for it.

use thiserror::Error;

/// Comparisons that may be made for one artifact, if nothing else is done: real paths need some
/// hundred, and this is a fraction of a second.
const UNITS_MAX: usize = 2_000_000;

/// Signatures of certificates that may be verified for one artifact, if nothing else is done.
pub const SIGNATURES_MAX: usize = 100;

/// Units that one signature is worth.
pub(crate) const SIGNATURE: usize = UNITS_MAX / SIGNATURES_MAX;

/// Signatures that each further set of anchors may cost: those of a path, and of a few look-alikes.
const SIGNATURES_A_SET: usize = 4;

/// The budget is spent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the search took more work than it may")]
pub(crate) struct Exhausted;

/// The work that may still be done for one artifact.
#[derive(Debug)]
pub struct Work {
    whole: usize,
    left: usize,
}

impl Default for Work {
    fn default() -> Self {
        Self::new()
    }
}

impl Work {
    /// As much as one artifact may cost.
    pub const fn new() -> Self {
        Self::among(1)
    }

    /// As much as one artifact may cost that is tried under the anchors of several providers:
    /// little more, not so many times as much.
    pub const fn among(sets: usize) -> Self {
        let more = sets
            .saturating_sub(1)
            .saturating_mul(SIGNATURES_A_SET * SIGNATURE);
        let whole = UNITS_MAX.saturating_add(more);
        Self { whole, left: whole }
    }

    /// The work done, in signatures, rounded up.
    pub const fn signatures(&self) -> usize {
        (self.whole - self.left).div_ceil(SIGNATURE)
    }

    /// Takes from the budget before the work is done. Once it did not suffice, nothing is left.
    pub(crate) fn spend(&mut self, units: usize) -> Result<(), Exhausted> {
        let left = self.left.checked_sub(units);
        self.left = left.unwrap_or(0);
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

    #[test]
    fn more_anchors_do_not_multiply_it() {
        assert_eq!(Work::among(0).left, UNITS_MAX);
        assert_eq!(Work::among(1).left, UNITS_MAX);
        assert!(Work::among(20).left < 2 * UNITS_MAX);
    }

    #[test]
    fn what_was_spent_is_told_also_when_it_did_not_suffice() {
        let mut work = Work::new();
        assert_eq!(work.signatures(), 0);
        work.spend(1).unwrap();
        assert_eq!(work.signatures(), 1);
        work.spend(2 * SIGNATURE).unwrap();
        assert_eq!(work.signatures(), 3);
        assert_eq!(work.spend(UNITS_MAX), Err(Exhausted));
        assert_eq!(work.signatures(), SIGNATURES_MAX);
    }
}
