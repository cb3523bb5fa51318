//! Fetches what a log holds about the revocation of an artifact's certificates: lists and OCSP
//! responses, each with its own proof.
//!
//! The log says which of its records are lists of a key or answers about a serial. Each of these
//! records is read and proven like any other ([`super::find`]); the list itself is a blob, which
//! has to have the record's digest. Records that a log leaves out are not noticed here: the
//! verifier asks for statements that reach far enough, and says TRY_LATER if there are none.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use ishibumi_artifact::crl::CRL_INPUT_MAX;
use ishibumi_artifact::record::Body;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, LookupKey, Record, Verified};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Hash, Policy};

use super::evidence::{EvidenceError, evidence};
use super::find::{FindError, Found, Lookup, every_record};
use super::source::{Source, SourceError};

/// Number of the newest lists of one key, and of the newest responses about one certificate, that
/// are taken: the newest may be one for other certificates.
const NEWEST: usize = 4;

/// Number of the newest records under a serial that are looked at: most are no responses.
const LOOKED_AT: usize = 16;

/// Octets of lists and responses that are held at once, the newest first: an issuer's lists may have
/// up to 64 MiB each.
const OCTETS_MAX: usize = 256 << 20;

/// A certificate below its anchor, about whose revocation a statement is required.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskedAbout {
    /// SHA-256 of the value of the issuer's subjectPublicKey.
    pub issuer_key_hash: [u8; 32],
    /// serialNumber: contents octets of the INTEGER.
    pub serial: Vec<u8>,
    /// Its end: of most issuers a list of a later time need not name it (RFC 5280 5.1.2.6).
    pub not_after: Time,
}

impl AskedAbout {
    /// Every certificate of the artifact's path but its anchor. None for lists and responses, which
    /// nothing revokes.
    pub fn of(verified: &Verified) -> Vec<Self> {
        let path = match verified {
            Verified::Token(token) => token.path().certificates(),
            Verified::Certificate(path) => path.certificates(),
            Verified::Crl(_) | Verified::Ocsp(_) => &[],
        };
        let issued = path.iter().zip(path.iter().skip(1));
        let asked = issued.map(|(certificate, issuer)| Self::about(certificate, issuer));
        asked.collect()
    }

    fn about(certificate: &Certificate, issuer: &Certificate) -> Self {
        Self {
            issuer_key_hash: issuer.key_hash(),
            serial: certificate.serial().to_vec(),
            not_after: certificate.not_after(),
        }
    }

    fn answers(&self) -> LookupKey {
        LookupKey::IssuerSerial {
            issuer_key_hash: self.issuer_key_hash,
            serial: self.serial.clone(),
        }
    }

    fn lists(&self) -> LookupKey {
        LookupKey::Lists(self.issuer_key_hash)
    }
}

/// A list or a response that the log holds.
#[derive(Clone, Debug)]
pub struct HeldStatus {
    /// The CRL or OCSPResponse, DER. Its digest is the record's; its signature is not verified
    /// here.
    pub octets: Vec<u8>,
    /// Whether it is an OCSP response.
    pub is_response: bool,
    /// The proof of its record.
    pub proof: TlogProof,
}

/// Why the data that a log holds could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The records could not be found.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A record's proof could not be had.
    #[error(transparent)]
    Proof(#[from] EvidenceError),
}

/// The lists and responses that `source` holds about `asked`, by digest. A list whose octets cannot
/// be had (a mirror lacks it, or it was erased) is left out: another copy of the log may have it.
///
/// # Errors
/// [`FindError`], if `source` cannot be asked, or answers falsely.
pub async fn held_status(
    source: &Source,
    policy: &Policy,
    asked: &BTreeSet<AskedAbout>,
    timeout: Duration,
    progress: impl FnMut(u64, u64),
) -> Result<BTreeMap<Hash, HeldStatus>, StatusError> {
    let records = match Chosen::by_lookups(source, policy, asked).await {
        Err(FindError::Source(SourceError::Missing(_))) => {
            Chosen::from_all(source, policy, asked, progress).await?
        }
        chosen => chosen?,
    };
    let (mut held, mut left) = (BTreeMap::new(), OCTETS_MAX);
    for found in records.0.into_values().rev() {
        let (digest, is_response) = match found.record().body() {
            Body::Crl(list) => (Hash(list.digest), false),
            Body::Ocsp(response) => (Hash(response.digest), true),
            _ => continue,
        };
        let most = left.min(CRL_INPUT_MAX);
        let blob = source.file(&format!("blob/{digest}"), most).await;
        let Some(octets) = blob.ok().filter(|octets| Hash::of(octets) == digest) else {
            continue;
        };
        left -= octets.len();
        let proof = evidence(source, found.leaf(), Some(policy), timeout, |_, _| {}).await?;
        let status = HeldStatus {
            octets,
            is_response,
            proof,
        };
        held.insert(digest, status);
    }
    Ok(held)
}

/// The records of the lists and responses to fetch, by index.
#[derive(Default)]
struct Chosen(BTreeMap<u64, Found>);

impl Chosen {
    async fn by_lookups(
        source: &Source,
        policy: &Policy,
        asked: &BTreeSet<AskedAbout>,
    ) -> Result<Self, FindError> {
        let mut chosen = Self::default();
        let mut known: HashMap<LookupKey, Lookup<'_>> = HashMap::new();
        for about in asked {
            for (key, most) in [(about.lists(), NEWEST), (about.answers(), LOOKED_AT)] {
                let lookup = match known.remove(&key) {
                    Some(lookup) => lookup,
                    None => Lookup::ask(source, policy, &key).await?,
                };
                let lookup = known.entry(key).or_insert(lookup);
                chosen.newest(lookup, lookup.len(), most).await?;
                let then = chosen.before_its_end(lookup, about).await?;
                chosen.newest(lookup, then, most).await?;
            }
        }
        Ok(chosen)
    }

    /// The newest `most` of the first `end` records.
    async fn newest(
        &mut self,
        lookup: &mut Lookup<'_>,
        end: usize,
        most: usize,
    ) -> Result<(), FindError> {
        for place in (end.saturating_sub(most)..end).rev() {
            let found = lookup.record(place).await?;
            self.0.insert(found.index(), found);
        }
        Ok(())
    }

    /// Number of records of a time before the certificate's end. They are in the order in which
    /// they were logged, which is nearly that of their times.
    async fn before_its_end(
        &self,
        lookup: &mut Lookup<'_>,
        about: &AskedAbout,
    ) -> Result<usize, FindError> {
        let (mut low, mut high) = (0, lookup.len());
        let newest = match high.checked_sub(1) {
            Some(newest) => lookup.record(newest).await?,
            None => return Ok(0),
        };
        if made_at(newest.record()).is_none_or(|made| made <= about.not_after) {
            return Ok(high);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            let found = lookup.record(middle).await?;
            if made_at(found.record()).is_some_and(|made| made > about.not_after) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// For sources without lookups: reads every record.
    async fn from_all(
        source: &Source,
        policy: &Policy,
        asked: &BTreeSet<AskedAbout>,
        progress: impl FnMut(u64, u64),
    ) -> Result<Self, FindError> {
        // However many there are, the newest of each kind are kept: of all, and of those in time.
        let mut newest: BTreeMap<(&AskedAbout, bool, bool), VecDeque<Found>> = BTreeMap::new();
        let visit = |index, leaf, record: Record| {
            let is_list = match record.body() {
                Body::Crl(_) => true,
                Body::Ocsp(_) => false,
                _ => return,
            };
            let keys = record.lookup_keys();
            let made = made_at(&record);
            let found = Found::new(index, leaf, record);
            for about in asked {
                if !keys.contains(&about.lists()) && !keys.contains(&about.answers()) {
                    continue;
                }
                let in_time = made.is_none_or(|made| made <= about.not_after);
                for is_in_time in [false, true].into_iter().filter(|it| !it || in_time) {
                    let kept = newest.entry((about, is_list, is_in_time)).or_default();
                    kept.push_back(found.clone());
                    if kept.len() > NEWEST {
                        kept.pop_front();
                    }
                }
            }
        };
        every_record(source, policy, visit, progress).await?;
        let chosen = newest.into_values().flatten();
        Ok(Self(chosen.map(|found| (found.index(), found)).collect()))
    }
}

/// thisUpdate of a list, producedAt of a response.
fn made_at(record: &Record) -> Option<Time> {
    match record.body() {
        Body::Crl(list) => Some(list.this_update.time()),
        Body::Ocsp(response) => Some(response.produced_at.time()),
        _ => None,
    }
}
