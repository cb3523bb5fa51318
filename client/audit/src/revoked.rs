//! The statements in a log's records about revoked certificates, in the order of their records.
//!
//! A revocation's record does not say when its list was made; the record of the list, which follows
//! it, does. So statements wait for their list, and are then compared with each other by
//! thisUpdate: a hold of an old list that comes late is history, the same hold in a later list is a
//! suspicion. A certificate has one entry of 88 octets: its end, its first definitive revocation,
//! and the last statements that would reverse it: of those that an expiry excuses and of those that
//! nothing does, since neither of them stands for the other.

use core::num::NonZeroU64;
use std::collections::HashMap;

use ishibumi_artifact::record::{OcspBody, Reinstatement, Revocation, Suspicion};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{LookupKey, Record};

use super::memory::{Key, Memory, shortened};

/// Revocations that may wait for the record of their list, more than the largest list has; 160
/// octets each.
const WAITING_MAX: usize = 1_000_000;

/// Units of the detector's memory that one certificate takes.
const UNITS: usize = 4;

/// A time in seconds, or none, in 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At(i64);

impl At {
    const NEVER: Self = Self(i64::MIN);

    fn new(time: Option<Time>) -> Self {
        time.map_or(Self::NEVER, |time| Self(time.unix_seconds()))
    }

    fn get(self) -> Option<Time> {
        (self != Self::NEVER).then(|| Time::from_unix(self.0))
    }
}

/// The last statement of its kind. An index is never 0: there the log opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    index: Option<NonZeroU64>,
    at: At,
}

impl Last {
    const NONE: Self = Self {
        index: None,
        at: At::NEVER,
    };

    /// Whether a statement of `at` is a later one; it is kept then.
    fn take(&mut self, index: u64, at: Option<Time>) -> bool {
        let is_later = self.index.is_none() || self.at.get() < at;
        if is_later {
            *self = Self {
                index: NonZeroU64::new(index),
                at: At::new(at),
            };
        }
        is_later
    }
}

/// The known state of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    not_after: At,
    /// The first definitive revocation.
    revoked: Option<NonZeroU64>,
    revoked_at: At,
    /// The last statement that would reverse it, unless the certificate had expired: "good", a
    /// release.
    excused: Last,
    kept_since: At,
    /// The last statement that would reverse it in any case: a hold.
    unexcused: Last,
    is_reported: bool,
}

const UNKNOWN: Standing = Standing {
    not_after: At::NEVER,
    revoked: None,
    revoked_at: At::NEVER,
    excused: Last::NONE,
    kept_since: At::NEVER,
    unexcused: Last::NONE,
    is_reported: false,
};

/// Two statements, one of which reverses the other.
pub(super) struct Contradiction {
    pub(super) suspicion: Suspicion,
    /// The statement that takes back.
    pub(super) index: u64,
    /// The definitive revocation.
    pub(super) other: u64,
}

/// Certificates by their shortened keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revoked {
    standings: HashMap<Key, Standing>,
    waiting: Vec<(u64, Revocation)>,
}

impl Revoked {
    /// Notes when a certificate ends.
    pub(super) fn certificate(&mut self, key: &LookupKey, not_after: Time, memory: &mut Memory) {
        if let Some(standing) = self.of(shortened(key), memory) {
            // Of several certificates with one serial, the last that ends.
            let known = standing.not_after.get();
            standing.not_after = At::new(known.max(Some(not_after)));
        }
    }

    /// When a certificate ends, if its record was seen.
    pub(super) fn not_after(&self, key: &Key) -> Option<Time> {
        self.standings.get(key)?.not_after.get()
    }

    /// Notes that a certificate was reported; whether it had been before.
    pub(super) fn report(&mut self, key: Key, memory: &mut Memory) -> bool {
        let standing = self.of(key, memory);
        standing.is_some_and(|standing| core::mem::replace(&mut standing.is_reported, true))
    }

    /// A revocation waits for what carried it.
    pub(super) fn wait(&mut self, index: u64, revocation: &Revocation) -> bool {
        self.waiting.push((index, revocation.clone()));
        self.waiting.len() >= WAITING_MAX
    }

    /// The waiting statements were carried by `record`, or by an unknown record.
    pub(super) fn carried(
        &mut self,
        record: Option<&Record>,
        memory: &mut Memory,
    ) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for (index, revocation) in core::mem::take(&mut self.waiting) {
            let at = record.and_then(|record| record.stated_at(&revocation));
            let key = LookupKey::IssuerSerial {
                issuer_key_hash: revocation.issuer_key_hash,
                serial: revocation.serial.as_bytes().to_vec(),
            };
            let Some(standing) = self.of(shortened(&key), memory) else {
                continue;
            };
            found.extend(match revocation.taking_back(at) {
                Some(statement) => standing.take_back(index, statement),
                None => standing.revoke(index, at),
            });
        }
        found
    }

    /// The answers `good` of a response.
    pub(super) fn response(
        &mut self,
        index: u64,
        response: &OcspBody,
        memory: &mut Memory,
    ) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for answer in response.answers() {
            let Some(statement) = answer.taking_back() else {
                continue;
            };
            let key = LookupKey::IssuerSerial {
                issuer_key_hash: response.issuer_key_hash,
                serial: answer.serial.as_bytes().to_vec(),
            };
            if let Some(standing) = self.of(shortened(&key), memory) {
                found.extend(standing.take_back(index, statement));
            }
        }
        found
    }

    fn of(&mut self, key: Key, memory: &mut Memory) -> Option<&mut Standing> {
        if !self.standings.contains_key(&key) && !memory.take(UNITS) {
            return None;
        }
        Some(self.standings.entry(key).or_insert(UNKNOWN))
    }
}

impl Standing {
    /// A definitive revocation. The first that was stated is kept.
    fn revoke(&mut self, index: u64, at: Option<Time>) -> Option<Contradiction> {
        let is_first = match (self.revoked, self.revoked_at.get(), at) {
            (None, _, _) | (Some(_), None, Some(_)) => true,
            (Some(_), Some(before), Some(at)) => at < before,
            (Some(_), _, None) => false,
        };
        if !is_first {
            return None;
        }
        self.revoked = NonZeroU64::new(index);
        self.revoked_at = At::new(at);
        if self.is_reported {
            return None;
        }
        let statement = |last: Last, excused_by_expiry, kept_since: At| {
            let statement = Reinstatement {
                at: last.at.get(),
                excused_by_expiry,
                kept_since: kept_since.get(),
            };
            last.index.map(|index| (index.get(), statement))
        };
        let said = [
            statement(self.unexcused, false, At::NEVER),
            statement(self.excused, true, self.kept_since),
        ];
        let mut said = said.into_iter().flatten();
        said.find_map(|(other, statement)| self.judge(other, statement))
    }

    /// A statement that would take a definitive revocation back. The last of its kind is kept.
    fn take_back(&mut self, index: u64, statement: Reinstatement) -> Option<Contradiction> {
        if !statement.excused_by_expiry {
            self.unexcused.take(index, statement.at);
        } else if self.excused.index.is_none() || !self.is_innocent(statement) {
            // A statement that the expiry excuses does not stand for one that it does not.
            if self.excused.take(index, statement.at) {
                self.kept_since = At::new(statement.kept_since);
            }
        }
        self.judge(index, statement)
    }

    /// Whether the certificate had expired by then, and need not be spoken of any more.
    fn is_innocent(&self, statement: Reinstatement) -> bool {
        // Held against a revocation of before all times, nothing else can excuse it.
        let before_all = Some(Time::from_unix(i64::MIN));
        let judged = statement.judge(before_all, self.not_after.get(), true);
        statement.at.is_some() && judged.is_none()
    }

    fn judge(&mut self, index: u64, statement: Reinstatement) -> Option<Contradiction> {
        let other = self.revoked?.get();
        let (revoked_at, not_after) = (self.revoked_at.get(), self.not_after.get());
        let suspicion = statement.judge(revoked_at, not_after, other < index)?;
        self.is_reported = true;
        Some(Contradiction {
            suspicion,
            index,
            other,
        })
    }
}
