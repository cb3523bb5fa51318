//! What in a log's records gives cause for suspicion.
//!
//! One set of rules for the log, which counts as it admits, and for auditors, who replay. Everything here
//! is suspicion: nothing in a record is signed by the issuer, so a record can accuse nobody. Artifacts
//! prove; whoever holds them can show them (docs/formats/misissue.md). What is suspicious is admitted all
//! the same: a log that refused it would hide it.

use super::{Revocation, TokenBody};
use crate::time::Time;

/// A kind of suspicion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Suspicion {
    /// Two different tokens of one TSU have one serial (RFC 3161 section 2.4.2 forbids it).
    SerialReused,
    /// A token's genTime is later than the time at which witnesses had seen it.
    GenTimeAhead,
    /// A token's genTime is far earlier than its inclusion.
    Backdating,
    /// A certificate's definitive revocation was taken back.
    Reinstated,
}

impl Suspicion {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SerialReused,
        Self::GenTimeAhead,
        Self::Backdating,
        Self::Reinstated,
    ];

    /// Its name in metrics and reports, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SerialReused => "serial-reused",
            Self::GenTimeAhead => "gen-time-ahead",
            Self::Backdating => "backdating",
            Self::Reinstated => "reinstated",
        }
    }
}

impl TokenBody {
    /// Whether genTime, less its accuracy, is later than `covered_at`: the moment at which a checkpoint
    /// that covers the record was cosigned.
    pub fn is_ahead_of(&self, covered_at: Time) -> bool {
        self.shifted(-1) > covered_at
    }

    /// Whether genTime, with its accuracy, lies more than `threshold_seconds` before `included_after`: a
    /// moment at which the record was not in the log yet. A threshold of 0 suspects nobody.
    pub fn is_backdated(&self, included_after: Time, threshold_seconds: u32) -> bool {
        let threshold = i128::from(threshold_seconds) * 1_000_000;
        threshold > 0 && self.shifted(1).plus_micros(threshold) < included_after
    }

    fn shifted(&self, sign: i128) -> Time {
        let micros = self.accuracy.map_or(0, super::Accuracy::total_micros);
        self.gen_time.time().plus_micros(sign * i128::from(micros))
    }
}

impl Revocation {
    /// Whether this revokes for good: its reason is neither certificateHold nor removeFromCRL.
    pub fn is_definitive(&self) -> bool {
        !self.takes_back()
    }

    /// Whether this statement, after a definitive one about the same certificate, takes that back: only
    /// a hold may be released (RFC 5280 section 5.3.1).
    pub fn takes_back(&self) -> bool {
        self.reason
            .is_some_and(|reason| matches!(reason.code(), 6 | 8))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Accuracy, GenTime, Moment, Opaque, Reason};
    use super::*;

    fn token(accuracy: Option<Accuracy>) -> TokenBody {
        TokenBody {
            ess_hash_algorithm: Opaque::new("oid", [1]).unwrap(),
            ess_hash: Opaque::new("hash", [2; 32]).unwrap(),
            serial: Opaque::new("serial", [3]).unwrap(),
            gen_time: GenTime::new(b"20260101000100.5Z").unwrap(),
            accuracy,
            policy: Opaque::new("policy", [4]).unwrap(),
            imprint_algorithm: Opaque::new("oid", [1]).unwrap(),
            content: [5; 32],
        }
    }

    fn at(text: &str) -> Time {
        Time::from_generalized(text.as_bytes()).unwrap()
    }

    #[test]
    fn accuracy_is_the_benefit_of_the_doubt() {
        let second = Accuracy::new(1, 0, 0).unwrap();
        assert!(token(None).is_ahead_of(at("20260101000100Z")));
        assert!(!token(None).is_ahead_of(at("20260101000100.5Z")));
        assert!(!token(Some(second)).is_ahead_of(at("20260101000100Z")));
        assert!(token(Some(second)).is_ahead_of(at("20260101000059Z")));

        assert!(token(None).is_backdated(at("20260101000111Z"), 10));
        assert!(!token(None).is_backdated(at("20260101000110Z"), 10));
        assert!(!token(Some(second)).is_backdated(at("20260101000111Z"), 10));
        assert!(!token(None).is_backdated(at("20360101000000Z"), 0));
    }

    #[test]
    fn only_a_hold_may_be_released() {
        let with = |reason: Option<u8>| Revocation {
            issuer_key_hash: [1; 32],
            serial: Opaque::new("serial", [3]).unwrap(),
            revocation_date: Moment::new("date", at("20260101000000Z")).unwrap(),
            reason: reason.map(|code| Reason::new(code).unwrap()),
            invalidity_date: None,
        };
        for definitive in [None, Some(0), Some(1), Some(4), Some(9)] {
            assert!(with(definitive).is_definitive(), "{definitive:?}");
        }
        for other in [6, 8] {
            assert!(with(Some(other)).takes_back(), "{other}");
        }
    }
}
