//! Evidence records (RFC 4998, ERS): time-stamps over data that are renewed before they decay.
//!
//! A record is a sequence of chains of archive time-stamps. The first of all stamps the data.
//! Within a chain each next one stamps the time-stamp before it (*time-stamp renewal*: the unit's
//! key or certificate ages; the data are not needed). The first of each next chain stamps the data
//! anew, together with all that came before, under another hash function (*hash-tree renewal*: the
//! hash ages; the data are needed).
//!
//! [`EvidenceRecord::parse`] reads untrusted octets, and [`EvidenceRecord::verify`] checks link by
//! link that the record covers the data; every token is verified by the same code as tokens that
//! are logged, as of its own time. Whether each link was still sound when the next one came is then
//! decided ([`VerifiedRecord::proven_time`]) by dated rules and at a time that the caller states:
//! there is no clock here. [`Imprint`] is what to have stamped next, and `EvidenceRecord::begin`,
//! `renew_timestamp` and `renew_hash_tree` add the token.
//!
//! Deviations from the RFC, all on the strict side: `encryptionInfo` is refused, since the
//! encrypted data cannot be hashed here; the imprint of a token has to be made with the hash
//! function of its chain; the octets around the tokens have to be DER as received.

mod build;
mod parse;
mod verify;

pub use build::{Imprint, time_stamp_query};
pub use verify::{Break, VerifiedRecord, VerifiedStamp, is_ahead};

use thiserror::Error;

use crate::asn1::Asn1Error;
use crate::hash::{HashAlgorithm, HashError};
use crate::token::TokenError;

/// Largest evidence record that is read, in octets.
pub const EVIDENCE_RECORD_LEN_MAX: usize = 8 << 20;

/// The most archive time-stamps of one record: a renewal each year for a thousand years is no use
/// case.
pub const STAMPS_MAX: usize = 512;

/// The most hashes in the reduced hash trees of one record.
pub const HASHES_MAX: usize = 65_536;

/// An evidence record that could be read. Nothing about it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRecord {
    /// As received, or as made.
    octets: Vec<u8>,
    /// The hash functions that it names.
    digest_algorithms: Vec<HashAlgorithm>,
    /// `cryptoInfos`, with its header: kept, not understood, and nothing rests on it.
    crypto_infos: Vec<u8>,
    /// Never empty, and no chain is.
    chains: Vec<Chain>,
}

/// ArchiveTimeStampChain: time-stamps of one hash function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chain {
    /// The octets as received, with their header.
    octets: Vec<u8>,
    algorithm: HashAlgorithm,
    stamps: Vec<ArchiveTimeStamp>,
}

/// ArchiveTimeStamp.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ArchiveTimeStamp {
    /// The octets as received, with their header.
    octets: Vec<u8>,
    /// Lists of hashes, from the data up; none: the token stamps the one hash itself.
    reduced_hash_tree: Vec<Vec<Vec<u8>>>,
    /// ContentInfo, as received.
    token: Vec<u8>,
}

/// The position of a time-stamp in a record: both numbers count from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Index of the chain, from 0.
    pub chain: usize,
    /// Index of the time-stamp in its chain, from 0.
    pub stamp: usize,
}

impl core::fmt::Display for Position {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "time-stamp {} of chain {}", self.stamp, self.chain)
    }
}

/// Why an evidence record proves nothing about the data.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvidenceRecordError {
    /// Larger than [`EVIDENCE_RECORD_LEN_MAX`].
    #[error("an evidence record of {0} octets; at most {EVIDENCE_RECORD_LEN_MAX} are read")]
    Size(usize),
    /// ASN.1.
    #[error("evidence record: {0}")]
    Malformed(#[from] Asn1Error),
    /// Another version than 1.
    #[error("evidence record: version {0}; 1 is known")]
    Version(u32),
    /// `encryptionInfo` is there.
    #[error(
        "evidence record: it is over encrypted data (encryptionInfo, RFC 4998 section 6), which is not supported"
    )]
    Encrypted,
    /// More than the limits.
    #[error("evidence record: more than {STAMPS_MAX} time-stamps or {HASHES_MAX} hashes")]
    Limit,
    /// Chains, lists or time-stamps are missing where one has to be.
    #[error("evidence record: {0} is empty")]
    Empty(&'static str),
    /// A hash function that is not accepted.
    #[error("evidence record: {0}")]
    Hash(#[from] HashError),
    /// The hash function of a chain is SHA-1, which is refused here even if it is accepted
    /// elsewhere.
    #[error(
        "evidence record, {0}: its hash function is SHA-1; SHA-256, SHA-384 and SHA-512 are accepted in a record"
    )]
    WeakHash(Position),
    /// A hash in a reduced hash tree is not as long as its function's.
    #[error("evidence record, {at}: a hash of {length} octets, where {} has {}", .algorithm.name(), .algorithm.digest_length())]
    HashLength {
        /// The time-stamp.
        at: Position,
        /// Octets.
        length: usize,
        /// The chain's function.
        algorithm: HashAlgorithm,
    },
    /// A function is used that `digestAlgorithms` does not name.
    #[error("evidence record, {at}: {} is not among its digestAlgorithms", .algorithm.name())]
    Unlisted {
        /// The time-stamp.
        at: Position,
        /// The hash algorithm of its imprint.
        algorithm: HashAlgorithm,
    },
    /// RFC 4998 5.3, 2: one hash function in one chain.
    #[error(
        "evidence record, {at}: {} in a chain of {}; within a chain the hash function stays (RFC 4998 5.3)",
        .found.name(), .chain.name()
    )]
    ChainHash {
        /// The time-stamp.
        at: Position,
        /// The function of the time-stamp.
        found: HashAlgorithm,
        /// The hash algorithm of its chain.
        chain: HashAlgorithm,
    },
    /// The token's imprint is made with another function than the hash tree.
    #[error("evidence record, {at}: the token's imprint is {}, the hash tree is {}", .found.name(), .chain.name())]
    ImprintHash {
        /// The time-stamp.
        at: Position,
        /// The function of the imprint.
        found: HashAlgorithm,
        /// The hash algorithm of its chain.
        chain: HashAlgorithm,
    },
    /// The imprint is not that of the data together with the chains before it.
    #[error(
        "evidence record, {0}: it does not cover the data that are given, with the chains before it"
    )]
    NotCovered(Position),
    /// A time-stamp is not about the one before it.
    #[error("evidence record, {0}: it does not cover the time-stamp before it")]
    NotRenewed(Position),
    /// The token does not stamp the root of its hash tree.
    #[error("evidence record, {0}: the token does not stamp the root of its hash tree")]
    Root(Position),
    /// A token that is not accepted.
    #[error("evidence record, {at}: {source}")]
    Token {
        /// The time-stamp.
        at: Position,
        /// Why its token is not accepted.
        source: TokenError,
    },
    /// Time-stamps out of order.
    #[error(
        "evidence record, {at}: made at {time}, before the one that it renews, which is of {before}"
    )]
    Order {
        /// The time-stamp.
        at: Position,
        /// Its genTime.
        time: crate::time::Time,
        /// genTime of the one before.
        before: crate::time::Time,
    },
    /// A token that stamps something else than asked for.
    #[error(
        "the reply stamps something else: the {} is {} there, {} was asked for; was the file changed since the query was made?",
        .algorithm.name(), .found, .asked
    )]
    OtherImprint {
        /// The function that was asked for.
        algorithm: HashAlgorithm,
        /// The imprint that it stamps, in hexadecimal, or another function's name.
        found: String,
        /// The imprint that was asked for, in hexadecimal.
        asked: String,
    },
    /// A hash-tree renewal without a stronger hash.
    #[error(
        "a hash-tree renewal takes a stronger hash function than the {} of the last chain, and {} is none",
        .before.name(), .asked.name()
    )]
    NotStronger {
        /// The function of the last chain.
        before: HashAlgorithm,
        /// The hash algorithm that was asked for.
        asked: HashAlgorithm,
    },
}

impl EvidenceRecordError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) | Self::Limit => "too-large",
            Self::Malformed(_) | Self::Empty(_) | Self::HashLength { .. } => {
                "evidence-record-malformed"
            }
            Self::Version(_) => "evidence-record-version",
            Self::Encrypted => "evidence-record-encrypted",
            Self::Hash(_) | Self::WeakHash(_) => "hash-algorithm-refused",
            Self::Unlisted { .. } | Self::ChainHash { .. } | Self::ImprintHash { .. } => {
                "evidence-record-hash-mismatch"
            }
            Self::NotCovered(_) | Self::NotRenewed(_) | Self::Root(_) => {
                "evidence-record-not-covering"
            }
            Self::Token { source, .. } => source.code(),
            Self::Order { .. } => "evidence-record-order",
            Self::OtherImprint { .. } => "imprint-mismatch",
            Self::NotStronger { .. } => "hash-not-stronger",
        }
    }
}

impl EvidenceRecord {
    /// The octets, as received or as made.
    pub fn as_octets(&self) -> &[u8] {
        &self.octets
    }

    /// The hash function of the last chain, which a time-stamp renewal uses.
    pub fn algorithm(&self) -> HashAlgorithm {
        let last = self.chains.last();
        last.map_or(HashAlgorithm::Sha256, |chain| chain.algorithm)
    }

    /// Number of time-stamps in each chain.
    pub fn shape(&self) -> Vec<usize> {
        self.chains.iter().map(|chain| chain.stamps.len()).collect()
    }

    /// The tokens in their order, as received, each with its position.
    pub fn tokens(&self) -> impl Iterator<Item = (Position, &[u8])> {
        self.stamps().map(|(at, _, stamp)| (at, &stamp.token[..]))
    }

    fn stamps(&self) -> impl Iterator<Item = (Position, &Chain, &ArchiveTimeStamp)> {
        let chains = self.chains.iter().enumerate();
        chains.flat_map(|(chain_place, chain)| {
            let stamps = chain.stamps.iter().enumerate();
            stamps.map(move |(place, stamp)| {
                let at = Position {
                    chain: chain_place + 1,
                    stamp: place + 1,
                };
                (at, chain, stamp)
            })
        })
    }
}
