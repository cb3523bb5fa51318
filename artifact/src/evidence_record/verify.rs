//! Verifying evidence records (RFC 4998 4.3 and 5.3), in two steps: which data each time-stamp
//! covers, then whether each was sound until its renewal.
//!
//! The second step goes from the oldest time-stamp to the newest. Each has to be sound at the time
//! of the next, and the last at the time of verification: no certificate of its path has expired,
//! and no algorithm of its signature has ended. A chain's hash function has to be sound when the
//! next chain begins, or now. Callers that have lists ask about revocation;
//! [`VerifiedStamp::needed_until`] says for which time.

use thiserror::Error;

use super::build::over_chains;
use super::{ArchiveTimeStamp, EvidenceRecord, EvidenceRecordError, Position};
use crate::hash::HashAlgorithm;
use crate::path::Anchors;
use crate::record::Accuracy;
use crate::rules::{AlgorithmEnds, Ended, Primitive};
use crate::time::Time;
use crate::token::{TimestampToken, VerifiedToken};
use crate::weak::WeakAlgorithms;

/// How far a time-stamp may be ahead of the time of verification, in microseconds: clocks differ.
const CLOCK_TOLERANCE_MICROS: i128 = 10 * 1_000_000;

/// Whether a time-stamp of `time` is of a time that has not come at `now`. No honest renewal fits
/// behind it before then, so it is not to be taken in, and what rests on it proves nothing yet.
pub fn is_ahead(time: Time, now: Time) -> bool {
    time > now.plus_micros(CLOCK_TOLERANCE_MICROS)
}

/// An evidence record that covers the data, link by link, with tokens that were verified as of
/// their own times. Whether the links held until they were renewed is [`Self::proven_time`]'s.
#[derive(Clone, Debug)]
pub struct VerifiedRecord {
    /// Never empty.
    stamps: Vec<VerifiedStamp>,
}

/// One archive time-stamp.
#[derive(Clone, Debug)]
pub struct VerifiedStamp {
    /// Its position in the record.
    pub at: Position,
    /// The hash function of its chain.
    pub algorithm: HashAlgorithm,
    /// The token.
    pub token: Box<VerifiedToken>,
    /// When it was renewed, at the latest; none for the last one, which has to hold at the time of
    /// verification.
    pub renewed: Option<Time>,
    /// When the data and it were stamped anew under another hash function, at the latest.
    pub rehashed: Option<Time>,
}

/// Why a record proves nothing any more, although every link of it holds.
///
/// Exhaustive on purpose: a verifier has to decide about each case.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Break {
    /// A certificate had expired before the renewal came.
    #[error(
        "{at}: {subject} expired at {not_after}, before {}", until(.renewed.as_ref(), .needed_until)
    )]
    Expired {
        /// The time-stamp.
        at: Position,
        /// Subject of the certificate that expired, RFC 4514.
        subject: String,
        /// notAfter of that certificate.
        not_after: Time,
        /// When the time-stamp was renewed; `None` for the last.
        renewed: Option<Time>,
        /// Until when it had to hold.
        needed_until: Time,
    },
    /// An algorithm of the token had ended before the renewal came.
    #[error("{at}: {ended}, before {}", until(.renewed.as_ref(), .needed_until))]
    Algorithm {
        /// The time-stamp.
        at: Position,
        /// The algorithm that ended, and when.
        ended: Ended,
        /// When the time-stamp was renewed; `None` for the last.
        renewed: Option<Time>,
        /// Until when it had to hold.
        needed_until: Time,
    },
    /// The hash function of a chain had ended before the data were hashed anew.
    #[error(
        "chain {}: {ended}, before {}; only a hash-tree renewal mends that, and only in time",
        .at.chain, until(.renewed.as_ref(), .needed_until)
    )]
    Hash {
        /// The first time-stamp of the chain.
        at: Position,
        /// The hash function that ended, and when.
        ended: Ended,
        /// When the next chain began; `None` for the last chain.
        renewed: Option<Time>,
        /// Until when it had to hold.
        needed_until: Time,
    },
    /// It is of a time that has not come.
    #[error("{at}: it is of {time}, and it is {now} now: one of the clocks is wrong")]
    Future {
        /// The time-stamp.
        at: Position,
        /// Its genTime.
        time: Time,
        /// Time of verification.
        now: Time,
    },
}

fn until(renewed: Option<&Time>, needed_until: &Time) -> String {
    match renewed {
        Some(time) => format!("it was renewed, at {time}"),
        None => format!("the time of verification, {needed_until}; it was never renewed"),
    }
}

impl Break {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "renewal-after-expiry",
            Self::Algorithm { .. } => "renewal-after-algorithm-end",
            Self::Hash { .. } => "renewal-after-hash-end",
            Self::Future { .. } => "time-stamp-in-the-future",
        }
    }
}

impl EvidenceRecord {
    /// Verifies that every link covers what it has to, from `data` to the last time-stamp, and
    /// every token as of its own genTime.
    ///
    /// # Errors
    /// [`EvidenceRecordError`]: the first link that does not cover its data, or the first token
    /// that is not accepted.
    pub fn verify(
        &self,
        data: &[u8],
        anchors: &Anchors,
    ) -> Result<VerifiedRecord, EvidenceRecordError> {
        let mut stamps: Vec<VerifiedStamp> = Vec::new();
        let mut last_token: &[u8] = &[];
        for (at, chain, stamp) in self.stamps() {
            // A record keeps evidence alive; no day in the past makes SHA-1 fit for that.
            if chain.algorithm == HashAlgorithm::Sha1 {
                return Err(EvidenceRecordError::WeakHash(at));
            }
            let algorithm = chain.algorithm.accepted(WeakAlgorithms::default())?;
            let (covered, missing) = if at.stamp > 1 {
                let covered = algorithm.digest(last_token);
                (covered, EvidenceRecordError::NotRenewed(at))
            } else {
                let of_data = algorithm.digest(data);
                let covered = if at.chain > 1 {
                    over_chains(algorithm, &of_data, &self.sequence(at.chain - 1))
                } else {
                    of_data
                };
                (covered, EvidenceRecordError::NotCovered(at))
            };
            let root = stamp.root(algorithm, covered).ok_or(missing.clone())?;
            let refused = |source| EvidenceRecordError::Token { at, source };
            let token = TimestampToken::parse(&stamp.token).map_err(refused)?;
            if !token.stamps_digest(algorithm, &root) {
                let tree = !stamp.reduced_hash_tree.is_empty();
                return Err(if tree {
                    EvidenceRecordError::Root(at)
                } else {
                    missing
                });
            }
            let token = token.verify(anchors).map_err(refused)?;
            let time = token.gen_time().time();
            if let Some(before) = stamps.last().map(|it| it.token.gen_time().time())
                && time < before
            {
                return Err(EvidenceRecordError::Order { at, time, before });
            }
            let latest = latest(&token);
            if let Some(before) = stamps.last_mut() {
                before.renewed = Some(latest);
            }
            if at.stamp == 1 {
                let of_chain_before = |it: &&mut VerifiedStamp| it.at.chain + 1 == at.chain;
                for before in stamps.iter_mut().filter(of_chain_before) {
                    before.rehashed = Some(latest);
                }
            }
            stamps.push(VerifiedStamp {
                at,
                algorithm,
                token: Box::new(token),
                renewed: None,
                rehashed: None,
            });
            last_token = &stamp.token;
        }
        Ok(VerifiedRecord { stamps })
    }
}

impl ArchiveTimeStamp {
    /// RFC 4998 4.3, 2 and 3: the root that `hash` leads to; `None` if it is not in the first list.
    fn root(&self, algorithm: HashAlgorithm, hash: Vec<u8>) -> Option<Vec<u8>> {
        let Some((first, others)) = self.reduced_hash_tree.split_first() else {
            return Some(hash);
        };
        if !first.contains(&hash) {
            return None;
        }
        let node = node(algorithm, first.clone());
        Some(others.iter().fold(node, |below, list| {
            let mut hashes = list.clone();
            hashes.push(below);
            self::node(algorithm, hashes)
        }))
    }
}

/// A list of one hash is that hash; of several, the hash of all in binary order.
fn node(algorithm: HashAlgorithm, mut hashes: Vec<Vec<u8>>) -> Vec<u8> {
    if hashes.len() == 1 {
        return hashes.pop().unwrap_or_default();
    }
    hashes.sort_unstable();
    algorithm.digest(&hashes.concat())
}

impl VerifiedRecord {
    /// The time-stamps, oldest first.
    pub fn stamps(&self) -> &[VerifiedStamp] {
        &self.stamps
    }

    /// The time at which the data are proven to have existed: that of the first time-stamp, if
    /// every one was sound until it was renewed, and the last is sound at `now`. Revocation is not
    /// asked.
    ///
    /// # Errors
    /// [`Break`]: the first time-stamp that was not sound until its renewal.
    pub fn proven_time(&self, ends: &AlgorithmEnds, now: Time) -> Result<Time, Break> {
        for stamp in &self.stamps {
            stamp.check(ends, now)?;
        }
        Ok(self.stamps.first().map_or(now, VerifiedStamp::latest))
    }
}

impl VerifiedStamp {
    /// genTime, and its accuracy where one is stated.
    pub fn latest(&self) -> Time {
        latest(&self.token)
    }

    /// Until when its signature has to be sound: its renewal, or `now`.
    pub fn needed_until(&self, now: Time) -> Time {
        self.renewed.unwrap_or(now)
    }

    fn check(&self, ends: &AlgorithmEnds, now: Time) -> Result<(), Break> {
        let (at, renewed) = (self.at, self.renewed);
        let time = self.token.gen_time().time();
        if is_ahead(time, now) {
            return Err(Break::Future { at, time, now });
        }
        let hash_needed_until = self.rehashed.unwrap_or(now);
        let hash = Primitive::Hash(self.algorithm);
        if let Err(ended) = ends.check(&[hash], hash_needed_until) {
            return Err(Break::Hash {
                at,
                ended,
                renewed: self.rehashed,
                needed_until: hash_needed_until,
            });
        }
        let needed_until = self.needed_until(now);
        if let Err(ended) = ends.check(self.token.primitives(), needed_until) {
            return Err(Break::Algorithm {
                at,
                ended,
                renewed,
                needed_until,
            });
        }
        // An anchor is trusted as such; a unit that is itself the anchor is still the signer.
        let path = self.token.path().certificates();
        let below_anchor = path.len().saturating_sub(1).max(1);
        let expired = path.iter().take(below_anchor);
        match expired
            .map(AsRef::as_ref)
            .find(|it| it.not_after() < needed_until)
        {
            None => Ok(()),
            Some(certificate) => Err(Break::Expired {
                at,
                subject: certificate.subject(),
                not_after: certificate.not_after(),
                renewed,
                needed_until,
            }),
        }
    }
}

fn latest(token: &VerifiedToken) -> Time {
    let micros = token.accuracy().map_or(0, Accuracy::total_micros);
    token.gen_time().time().plus_micros(i128::from(micros))
}
