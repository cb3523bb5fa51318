//! The records of a log that give cause for suspicion.
//!
//! One set of rules for the log, which counts as it admits, and for auditors, who replay.
//! Everything here is suspicion: nothing in a record is signed by the issuer, so a record can
//! accuse nobody. Artifacts prove, and their holders can show them (docs/formats/misissue.md).
//! Suspicious records are admitted nevertheless: a log that refused them would hide them.

use super::{Body, OcspAnswer, OcspStatus, Record, Revocation, TokenBody};
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
    /// A certificate's definitive revocation was taken back by a later statement.
    Reinstated,
    /// Possible reinstatement: the order of the statements, or whether the certificate had expired,
    /// is unknown.
    PerhapsReinstated,
    /// A certificate's definitive revocation is missing from a later complete list of the same
    /// scope.
    Unlisted,
}

impl Suspicion {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SerialReused,
        Self::GenTimeAhead,
        Self::Backdating,
        Self::Reinstated,
        Self::PerhapsReinstated,
        Self::Unlisted,
    ];

    /// Its name in metrics and reports, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SerialReused => "serial-reused",
            Self::GenTimeAhead => "gen-time-ahead",
            Self::Backdating => "backdating",
            Self::Reinstated => "reinstated",
            Self::PerhapsReinstated => "perhaps-reinstated",
            Self::Unlisted => "unlisted",
        }
    }
}

impl TokenBody {
    /// Whether genTime, less its accuracy, is later than `covered_at`: the moment at which a
    /// checkpoint that covers the record was cosigned.
    pub fn is_ahead_of(&self, covered_at: Time) -> bool {
        self.shifted(-1) > covered_at
    }

    /// Whether genTime, with its accuracy, lies more than `threshold_seconds` before
    /// `included_after`: a moment at which the record was not in the log yet. A threshold of 0
    /// suspects no token.
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
        !matches!(self.reason_code(), Some(HOLD | REMOVED))
    }

    /// How a statement made `at` that time contradicts an earlier definitive revocation of the same
    /// certificate: only a hold may be released (RFC 5280 section 5.3.1).
    pub fn taking_back(&self, at: Option<Time>) -> Option<Reinstatement> {
        (!self.is_definitive()).then(|| Reinstatement {
            at,
            // X.509 9.5.3.1: a certificate is removed from a list, too, because it expired.
            excused_by_expiry: self.reason_code() == Some(REMOVED),
            kept_since: None,
        })
    }

    fn reason_code(&self) -> Option<u8> {
        self.reason.map(super::Reason::code)
    }
}

const HOLD: u8 = 6;
const REMOVED: u8 = 8;

impl OcspAnswer {
    /// How this answer contradicts a definitive revocation of its certificate: it does if it is
    /// `good`. A responder may have forgotten expired certificates, unless its archiveCutoff says
    /// otherwise.
    pub fn taking_back(&self) -> Option<Reinstatement> {
        (self.status == OcspStatus::Good).then(|| Reinstatement {
            at: Some(self.this_update.time()),
            excused_by_expiry: true,
            kept_since: self.archive_cutoff.map(super::Moment::time),
        })
    }
}

impl Record {
    /// Whether this is the record of a list or response (kinds 7 and 8), which follows its
    /// revocations.
    pub const fn is_carrier(&self) -> bool {
        matches!(self.body(), Body::Crl(_) | Body::Ocsp(_))
    }

    /// When `revocation` was stated, if this record is of what carried it: thisUpdate of the list,
    /// or of the answer. Log order says less: an old list may come late.
    pub fn stated_at(&self, revocation: &Revocation) -> Option<Time> {
        match self.body() {
            Body::Crl(list) => Some(list.this_update.time()),
            Body::Ocsp(response) => {
                let about = |answer: &&OcspAnswer| {
                    answer.status == OcspStatus::Revoked && answer.serial == revocation.serial
                };
                // Of several answers about one certificate, the record does not tell which one
                // stated it: the earliest is the strictest choice, since a statement after a
                // revocation is what can take it back.
                let answers = response.answers().iter().filter(about);
                let stated_at = answers.map(|answer| answer.this_update.time()).min()?;
                (response.issuer_key_hash == revocation.issuer_key_hash).then_some(stated_at)
            }
            _ => None,
        }
    }
}

/// A statement that a certificate is not revoked for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reinstatement {
    /// The time of the statement: thisUpdate of its list or response; `None` if that is not known.
    pub at: Option<Time>,
    /// Whether it is innocent about a certificate that had expired.
    pub excused_by_expiry: bool,
    /// Since when even expired certificates are still spoken of.
    pub kept_since: Option<Time>,
}

impl Reinstatement {
    /// How this statement contradicts a definitive revocation that was stated at `revoked_at`, of a
    /// certificate that ended at `not_after`; each `None` if not known. `is_behind`: whether this
    /// follows it in the log, which counts if a time is missing.
    pub fn judge(
        &self,
        revoked_at: Option<Time>,
        not_after: Option<Time>,
        is_behind: bool,
    ) -> Option<Suspicion> {
        let order = revoked_at.zip(self.at);
        let is_later = order.map_or(is_behind, |(revoked, at)| revoked < at);
        if !is_later {
            return None;
        }
        let expired = match self.at.zip(not_after) {
            _ if !self.excused_by_expiry => Some(false),
            Some((at, end)) => Some(end < at && self.kept_since.is_none_or(|since| end < since)),
            None => None,
        };
        match (order, expired) {
            (_, Some(true)) => None,
            (Some(_), Some(false)) => Some(Suspicion::Reinstated),
            _ => Some(Suspicion::PerhapsReinstated),
        }
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
            assert_eq!(with(definitive).taking_back(None), None);
        }
        for (other, excused_by_expiry) in [(6, false), (8, true)] {
            let taking_back = with(Some(other)).taking_back(None).unwrap();
            assert_eq!(taking_back.excused_by_expiry, excused_by_expiry, "{other}");
        }
    }

    #[test]
    fn the_later_statement_about_a_certificate_that_has_not_expired_is_held_against_it() {
        let [first, second, third] = [1, 2, 3].map(|at| Some(Time::from_unix(at)));
        let hold = Reinstatement {
            at: second,
            excused_by_expiry: false,
            kept_since: None,
        };
        // A hold of an older list is history, at any index of the log; a later one is not.
        assert_eq!(hold.judge(third, None, true), None);
        assert_eq!(hold.judge(second, None, true), None);
        for is_behind in [true, false] {
            let found = hold.judge(first, first, is_behind);
            assert_eq!(found, Some(Suspicion::Reinstated));
        }
        // Without a time the log's order has to do.
        let lesser = Some(Suspicion::PerhapsReinstated);
        assert_eq!(hold.judge(None, None, true), lesser);
        assert_eq!(hold.judge(None, None, false), None);

        let good = Reinstatement {
            excused_by_expiry: true,
            ..hold
        };
        assert_eq!(good.judge(first, third, true), Some(Suspicion::Reinstated));
        assert_eq!(good.judge(first, first, true), None);
        assert_eq!(good.judge(first, None, true), lesser);
        let kept = |kept_since| Reinstatement { kept_since, ..good };
        let found = kept(first).judge(first, first, true);
        assert_eq!(found, Some(Suspicion::Reinstated));
        assert_eq!(kept(second).judge(first, first, true), None);
    }
}
