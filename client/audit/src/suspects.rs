//! Finds records that give cause for suspicion, while a log is replayed.
//!
//! The rules are those of [`Suspicion`]; here is the memory that they need. It is bounded for every
//! log: 24 octets for each token and three times that for each certificate that has a record or is
//! named by a list or a response, up to [`REMEMBERED_MAX`](super::REMEMBERED_MAX) times 24 octets
//! together (some 200 MB in the worst moment of a growing table). Beyond that, records are compared
//! with the remembered ones and not remembered themselves, and the report counts them. Keys are a
//! tag and 15 octets of a SHA-256, so a chance collision among so many is out of the question, and
//! a deliberate one costs its maker more than it harms: a suspicion is looked into. A replay that
//! continues from an earlier visit remembers only later records; `--full` compares everything.

use std::collections::{BTreeMap, HashMap};

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::record::{Body, CertificateBody, ProviderStatement, Suspicion, TokenBody};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, LookupKey, Record};

use super::lists::{LISTS_MAX, ListError, ListSeen, Lists};
use super::memory::{Key, Memory, shortened};
use super::revoked::{Contradiction, Revoked};

/// Suspicions that are listed; all are counted.
pub const LISTED_MAX: usize = 1_000;

/// Certificates whose provider is remembered.
const CERTIFICATES_MAX: usize = 100_000;

/// The threshold for tokens whose provider the log does not state, in seconds.
const BACKDATING_SECONDS: u32 = 7 * 86_400;

/// A record that gives cause for suspicion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The cause.
    pub suspicion: Suspicion,
    /// Index of the record.
    pub index: u64,
    /// Index of the record that it contradicts, if it is one.
    pub other: Option<u64>,
    /// When the record had been seen, or was not there yet; what genTime is held against.
    pub moment: Option<Time>,
}

/// All that was found suspicious.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// The first [`LISTED_MAX`].
    pub listed: Vec<Suspect>,
    /// The number of suspicions of each kind.
    pub counts: BTreeMap<Suspicion, u64>,
    /// Records that were not remembered, since memory was full.
    pub forgotten: u64,
}

/// Checkpoints of one log, each with the time that its quorum proves: by size, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline(BTreeMap<u64, Time>);

impl Timeline {
    /// Adds a checkpoint of `size` leaves that existed at `time`, in seconds since 1970.
    pub fn add(&mut self, size: u64, time: u64) {
        let time = Time::from_unix(i64::try_from(time).unwrap_or(i64::MAX));
        self.0.insert(size, time);
    }

    /// When record `index` had been seen: the time of the first checkpoint that covers it.
    fn covered(&self, index: u64) -> Option<Time> {
        let after = self.0.range(index.saturating_add(1)..);
        after.map(|(_, time)| *time).next()
    }

    /// When record `index` was not there yet: the time of the last checkpoint that does not cover
    /// it.
    fn absent(&self, index: u64) -> Option<Time> {
        self.0.range(..=index).next_back().map(|(_, time)| *time)
    }
}

/// Remembers what the rules need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Detector {
    timeline: Timeline,
    memory: Memory,
    /// Tokens by TSU and serial.
    first: HashMap<Key, u64>,
    revoked: Revoked,
    /// Lists that can be held against each other, and what the compared ones said.
    seen: Vec<ListSeen>,
    lists: Lists,
    /// Thresholds of the providers, which the maps below point to.
    thresholds: Vec<u32>,
    providers: HashMap<Vec<u8>, usize>,
    /// SHA-256 of anchors, key hashes of CAs and hashes of other certificates, each with its
    /// provider.
    belongs: HashMap<Vec<u8>, usize>,
    suspects: Suspects,
}

impl Detector {
    pub(super) fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            ..Self::default()
        }
    }

    pub(super) const fn suspects(&self) -> &Suspects {
        &self.suspects
    }

    pub(super) fn observe(&mut self, index: u64, record: &Record) {
        let is_full = match record.body() {
            Body::Revocation(revocation) => self.revoked.wait(index, revocation),
            _ => {
                self.carried(Some(record));
                false
            }
        };
        if is_full {
            self.carried(None);
        }
        match record.body() {
            Body::Token(token) => self.token(index, token, record),
            Body::Provider(statement) => self.provider(statement),
            Body::Certificate(certificate) => self.certificate(certificate, record),
            Body::CertificateDigest(digest) => self.ends(record, digest.not_after.time()),
            Body::Ocsp(response) => {
                let found = self.revoked.response(index, response, &mut self.memory);
                self.contradictions(found);
            }
            Body::Crl(list) => {
                if let Some(list) = ListSeen::new(index, list) {
                    if self.seen.len() < LISTS_MAX {
                        self.seen.push(list);
                    } else {
                        self.suspects.forgotten += 1;
                    }
                }
            }
            _ => {}
        }
        self.suspects.forgotten += core::mem::take(&mut self.memory.refused);
    }

    /// After the last record: what waits for its list is judged without it.
    pub(super) fn end(&mut self) {
        self.carried(None);
        self.seen
            .sort_unstable_by_key(|it| (it.issuer_key_hash, it.this_update, it.index));
    }

    /// The lists in the order in which [`Self::compare`] takes them.
    pub(super) fn lists(&self) -> &[ListSeen] {
        &self.seen
    }

    pub(super) fn compare(&mut self, list: &ListSeen, octets: &[u8]) -> Result<(), ListError> {
        let Self {
            lists,
            revoked,
            memory,
            ..
        } = self;
        let found = lists.take(list, octets, revoked, memory)?;
        self.contradictions(found);
        self.suspects.forgotten += core::mem::take(&mut self.memory.refused);
        Ok(())
    }

    fn carried(&mut self, record: Option<&Record>) {
        let found = self.revoked.carried(record, &mut self.memory);
        self.contradictions(found);
    }

    fn contradictions(&mut self, found: Vec<Contradiction>) {
        for it in found {
            self.suspect(it.suspicion, it.index, Some(it.other), None);
        }
    }

    /// The certificate of `record` ends at `not_after`.
    fn ends(&mut self, record: &Record, not_after: Time) {
        let keys = record.lookup_keys();
        let named = |key: &&LookupKey| matches!(key, LookupKey::IssuerSerial { .. });
        if let Some(key) = keys.iter().find(named) {
            self.revoked.certificate(key, not_after, &mut self.memory);
        }
    }

    fn token(&mut self, index: u64, token: &TokenBody, record: &Record) {
        let tsu = |key: &LookupKey| matches!(key, LookupKey::TsuSerial { .. });
        if let Some(key) = record.lookup_keys().iter().find(|key| tsu(key)) {
            let first = self.first.get(&shortened(key)).copied();
            match first {
                Some(other) => self.suspect(Suspicion::SerialReused, index, Some(other), None),
                None => self.remember(key, index),
            }
        }
        if let Some(covered) = self.timeline.covered(index)
            && token.is_ahead_of(covered)
        {
            self.suspect(Suspicion::GenTimeAhead, index, None, Some(covered));
        }
        let provider = self.belongs.get(token.ess_hash.as_bytes()).copied();
        let threshold = provider.and_then(|provider| self.thresholds.get(provider).copied());
        if let Some(absent) = self.timeline.absent(index)
            && token.is_backdated(absent, threshold.unwrap_or(BACKDATING_SECONDS))
        {
            self.suspect(Suspicion::Backdating, index, None, Some(absent));
        }
    }

    fn provider(&mut self, statement: &ProviderStatement) {
        let threshold = statement.entry().map(|entry| entry.backdating_seconds);
        let threshold = threshold.unwrap_or(BACKDATING_SECONDS);
        let id = statement.provider().to_vec();
        let provider = match self.providers.get(&id) {
            Some(&provider) => provider,
            None if self.thresholds.len() < CERTIFICATES_MAX => {
                self.thresholds.push(threshold);
                let provider = self.thresholds.len() - 1;
                self.providers.insert(id, provider);
                provider
            }
            None => return,
        };
        if let Some(known) = self.thresholds.get_mut(provider) {
            *known = threshold;
        }
        for anchor in statement.anchors() {
            self.join(anchor.to_vec(), provider);
        }
    }

    /// A certificate belongs to the provider whose anchor it is, or to that of its issuer.
    fn certificate(&mut self, body: &CertificateBody, record: &Record) {
        let Ok(certificate) = Certificate::from_der(body.certificate.as_bytes()) else {
            return;
        };
        self.ends(record, certificate.not_after());
        let digest = certificate.digest();
        let own = self.belongs.get(digest.as_slice());
        let provider = own.or_else(|| self.belongs.get(body.issuer_key_hash.as_slice()));
        let Some(provider) = provider.copied() else {
            return;
        };
        if certificate.is_ca() {
            self.join(certificate.key_hash().to_vec(), provider);
            return;
        }
        for algorithm in HashAlgorithm::ALL {
            self.join(algorithm.digest(certificate.der()), provider);
        }
    }

    fn join(&mut self, hash: Vec<u8>, provider: usize) {
        if self.belongs.len() < CERTIFICATES_MAX {
            self.belongs.insert(hash, provider);
        }
    }

    fn remember(&mut self, key: &LookupKey, index: u64) {
        if self.memory.take(1) {
            self.first.insert(shortened(key), index);
        }
    }

    fn suspect(
        &mut self,
        suspicion: Suspicion,
        index: u64,
        other: Option<u64>,
        moment: Option<Time>,
    ) {
        *self.suspects.counts.entry(suspicion).or_default() += 1;
        if self.suspects.listed.len() < LISTED_MAX {
            self.suspects.listed.push(Suspect {
                suspicion,
                index,
                other,
                moment,
            });
        }
    }
}
