//! Compares complete revocation lists of one issuer and scope with each other.
//!
//! Records cannot tell what a later list leaves out, or repeats in another form: a statement that
//! the log had already has no second record. The lists themselves can; a log keeps them as blobs
//! under the SHA-256 that their records state. They are compared in the order of thisUpdate, one
//! issuer after the other, so that one issuer's entries are in memory at a time.
//!
//! A list may drop expired certificates (RFC 5280 section 3.3), so a missing entry is suspicious
//! only if the certificate is known to be valid still, or if expiredCertsOnCRL says that the list
//! keeps it.

use std::collections::HashMap;

use ishibumi_artifact::LookupKey;
use ishibumi_artifact::crl::{Coverage, Crl, CrlError};
use ishibumi_artifact::record::{CrlBody, Moment, Revocation, Suspicion};
use ishibumi_artifact::status::mildness;
use ishibumi_artifact::time::Time;
use ishibumi_tlog::Hash;

use super::memory::{Key, Memory, shortened};
use super::revoked::{Contradiction, Revoked};

/// Lists of a replay that are remembered for comparison.
pub const LISTS_MAX: usize = 100_000;

/// Scopes of one issuer that are compared.
const SCOPES_MAX: usize = 1_024;

/// Units of the detector's memory that one entry takes.
const UNITS: usize = 2;

/// A complete, direct list for all reasons whose record was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSeen {
    /// Index of its record.
    pub index: u64,
    /// SHA-256 of its DER, the name of the blob.
    pub digest: [u8; 32],
    /// SHA-256 of the key that signed it, as in its record.
    pub issuer_key_hash: [u8; 32],
    /// thisUpdate.
    pub this_update: Time,
    expired_certs_on: Option<Time>,
}

impl ListSeen {
    pub(super) fn new(index: u64, list: &CrlBody) -> Option<Self> {
        let scope = list.scope;
        let is_complete = list.base_number.as_bytes().is_empty();
        (is_complete && !scope.indirect && !scope.some_reasons).then(|| Self {
            index,
            digest: list.digest,
            issuer_key_hash: list.issuer_key_hash,
            this_update: list.this_update.time(),
            expired_certs_on: list.expired_certs_on.map(Moment::time),
        })
    }
}

/// Why a list cannot be compared. None of these is the issuer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The octets are not those whose hash the record has.
    #[error("the SHA-256 of the octets is not the one in the record")]
    Digest,
    /// The list cannot be read, so the log should not have kept it.
    #[error(transparent)]
    Crl(#[from] CrlError),
}

/// A definitive entry, as the first list that had it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    index: u64,
    at: Time,
    date: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Series {
    coverage: Coverage,
    entries: HashMap<Key, Entry>,
}

/// The statements of one issuer's lists so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    issuer: [u8; 32],
    series: Vec<Series>,
}

impl Lists {
    /// Takes the next list and returns what it reverses of those before it.
    pub(super) fn take(
        &mut self,
        list: &ListSeen,
        octets: &[u8],
        revoked: &mut Revoked,
        memory: &mut Memory,
    ) -> Result<Vec<Contradiction>, ListError> {
        if Hash::of(octets) != Hash(list.digest) {
            return Err(ListError::Digest);
        }
        let crl = Crl::parse(octets)?;
        let coverage = crl.coverage()?;
        if self.issuer != list.issuer_key_hash {
            let entries = self.series.iter().map(|series| series.entries.len());
            memory.give_back(entries.sum::<usize>() * UNITS);
            self.series.clear();
            self.issuer = list.issuer_key_hash;
        }
        let Some(series) = self.series(coverage) else {
            return Ok(Vec::new());
        };
        let mut here: HashMap<Key, Revocation> = HashMap::new();
        for entry in crl.unverified_entries(list.issuer_key_hash) {
            let key = LookupKey::IssuerSerial {
                issuer_key_hash: entry.issuer_key_hash,
                serial: entry.serial.as_bytes().to_vec(),
            };
            // Of several entries with one serial, the worst counts.
            let said = here.entry(shortened(&key)).or_insert_with(|| entry.clone());
            if mildness(&entry) < mildness(said) {
                *said = entry;
            }
        }
        let mut found = Vec::new();
        let before = series.entries.len();
        series.entries.retain(|key, entry| {
            if list.this_update <= entry.at {
                return true;
            }
            let not_after = revoked.not_after(key);
            let suspicion = match here
                .get(key)
                .map(|now| now.taking_back(Some(list.this_update)))
            {
                Some(None) => return true,
                Some(Some(statement)) => statement.judge(Some(entry.at), not_after, true),
                None => list.leaves_out(entry, not_after),
            };
            let Some(suspicion) = suspicion else {
                return true;
            };
            let is_known = revoked.report(*key, memory) && suspicion != Suspicion::Unlisted;
            if !is_known {
                found.push(Contradiction {
                    suspicion,
                    index: list.index,
                    other: entry.index,
                });
            }
            false
        });
        memory.give_back((before - series.entries.len()) * UNITS);
        for (key, entry) in here {
            let is_new = entry.is_definitive() && !series.entries.contains_key(&key);
            if is_new && memory.take(UNITS) {
                let entry = Entry {
                    index: list.index,
                    at: list.this_update,
                    date: entry.revocation_date.time(),
                };
                series.entries.insert(key, entry);
            }
        }
        // The order in memory is arbitrary; a report has a fixed one.
        found.sort_unstable_by_key(|it| (it.index, it.other));
        Ok(found)
    }

    fn series(&mut self, coverage: Coverage) -> Option<&mut Series> {
        let place = self.series.iter().position(|it| it.coverage == coverage);
        let place = place.unwrap_or(self.series.len());
        if place == self.series.len() && place < SCOPES_MAX {
            self.series.push(Series {
                coverage,
                entries: HashMap::new(),
            });
        }
        self.series.get_mut(place)
    }
}

impl ListSeen {
    /// The suspicion if this list lacks an entry of an earlier one; `None` if it may lack it.
    fn leaves_out(&self, entry: &Entry, not_after: Option<Time>) -> Option<Suspicion> {
        let is_valid = not_after.is_some_and(|end| self.this_update <= end);
        // A certificate that was revoked had not expired by then.
        let end_at_least = not_after.unwrap_or(entry.date);
        let is_kept = self.expired_certs_on.is_some_and(|on| on <= end_at_least);
        (is_valid || is_kept).then_some(Suspicion::Unlisted)
    }
}
