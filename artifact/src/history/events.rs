//! The statements about one certificate, and which of them stand.

use crate::information::StatusInformation;
use crate::record::{Reason, Revocation};
use crate::status::CERTIFICATE_HOLD;
use crate::time::Time;

/// How far, in seconds, the clock of a signer of lists and responses may be ahead of the caller's.
/// A statement of a later time than that counts as one from the future.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 300;

/// A statement of one list or response about the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEvent {
    /// Index of its list or response among those that were given.
    pub source: usize,
    /// As of when: thisUpdate.
    pub issued: Time,
    /// Until when it claims to be current: nextUpdate, if stated.
    pub until: Option<Time>,
    /// The statement itself.
    pub says: Status,
    /// Whether no other statement ends it.
    pub(super) stands: bool,
}

/// The three things that can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The certificate is not revoked.
    NotRevoked,
    /// Released from hold (removeFromCRL).
    Released,
    /// Revoked or on hold.
    Revoked(Box<Revocation>),
}

impl StatusEvent {
    /// Whether it says that the certificate is good, as of a time.
    pub const fn is_good(&self) -> bool {
        matches!(self.says, Status::NotRevoked | Status::Released)
    }

    /// The last time that it says anything about: nextUpdate, or thisUpdate where none is stated.
    pub fn reach(&self) -> Time {
        self.until.unwrap_or(self.issued).max(self.issued)
    }

    fn is_hold(&self) -> bool {
        matches!(&self.says, Status::Revoked(entry)
            if entry.reason.map(Reason::code) == Some(CERTIFICATE_HOLD))
    }

    /// Whether it was said after `other`.
    fn is_after(&self, other: &Self, sources: &[StatusInformation]) -> bool {
        if self.source == other.source {
            return false;
        }
        match (sources.get(self.source), sources.get(other.source)) {
            (Some(StatusInformation::Crl(one)), Some(StatusInformation::Crl(another))) => {
                one.is_said_after(another)
            }
            _ => self.issued > other.issued,
        }
    }
}

/// A source that may speak about the certificate and yet says nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoStatement {
    /// How much it matters.
    pub kind: SilenceKind,
    /// The reason, in English.
    pub why: String,
    /// Index of the source among those that were given.
    pub source: usize,
}

/// How much the silence of a source matters. The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SilenceKind {
    /// It may say that the certificate is revoked, and cannot be understood or believed.
    Unusable,
    /// It says that it does not know the certificate.
    Unknown,
    /// It was understood, and would not have to name the certificate if that were revoked.
    NotCovered,
}

/// Everything that was said about one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    words: Vec<StatusEvent>,
    silences: Vec<NoStatement>,
}

impl History {
    pub(super) fn new(
        words: Vec<StatusEvent>,
        mut silences: Vec<NoStatement>,
        sources: &[StatusInformation],
    ) -> Self {
        let stands = |word: &StatusEvent| {
            let ends = |other: &StatusEvent| !other.is_hold() && other.is_after(word, sources);
            !(word.is_hold() && words.iter().any(ends))
        };
        let stands: Vec<bool> = words.iter().map(stands).collect();
        let words = words.into_iter().zip(stands);
        silences.sort();
        Self {
            words: words
                .map(|(word, stands)| StatusEvent { stands, ..word })
                .collect(),
            silences,
        }
    }

    /// The revocations that stand: definitive ones, and a hold that no later statement has ended.
    pub fn revocations(&self) -> impl Iterator<Item = (&StatusEvent, &Revocation)> {
        self.words.iter().filter_map(|word| match &word.says {
            Status::Revoked(entry) if word.stands => Some((word, entry.as_ref())),
            _ => None,
        })
    }

    /// The statements that it is not revoked, in the order of the sources.
    pub fn good(&self) -> impl Iterator<Item = &StatusEvent> {
        self.words.iter().filter(|word| word.is_good())
    }

    /// Sources that may speak about it and say nothing, the worst first.
    pub fn silences(&self) -> &[NoStatement] {
        &self.silences
    }
}
