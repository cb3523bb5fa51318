//! Making and renewing evidence records: the imprint to have stamped next, and adding the token.
//!
//! Existing parts are copied octet by octet; a renewal only appends.

use super::{EvidenceRecord, EvidenceRecordError};
use crate::asn1::{
    self, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context_constructed,
    write_element,
};
use crate::hash::HashAlgorithm;
use crate::token::TimestampToken;

/// The imprint that a TSA is to stamp: a hash function, and the digest by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint {
    algorithm: HashAlgorithm,
    digest: Vec<u8>,
}

impl Imprint {
    /// The imprint of data that have no evidence record yet.
    pub fn of_data(algorithm: HashAlgorithm, data: &[u8]) -> Self {
        Self {
            algorithm,
            digest: algorithm.digest(data),
        }
    }

    /// RFC 4998 5.2, time-stamp renewal: of the last time-stamp. The data are not needed.
    pub fn of_last_timestamp(record: &EvidenceRecord) -> Self {
        let last = record.chains.last().and_then(|chain| chain.stamps.last());
        let token = last.map(|stamp| &stamp.token[..]).unwrap_or_default();
        Self::of_data(record.algorithm(), token)
    }

    /// RFC 4998 5.2, hash-tree renewal: H(H(data) and H(all chains so far)).
    ///
    /// # Errors
    /// [`EvidenceRecordError::NotStronger`] if `algorithm` is not longer than that of the last
    /// chain.
    pub fn of_hash_tree(
        record: &EvidenceRecord,
        algorithm: HashAlgorithm,
        data: &[u8],
    ) -> Result<Self, EvidenceRecordError> {
        let before = record.algorithm();
        if algorithm.digest_length() <= before.digest_length() {
            return Err(EvidenceRecordError::NotStronger {
                before,
                asked: algorithm,
            });
        }
        Ok(Self {
            algorithm,
            digest: over_chains(
                algorithm,
                &algorithm.digest(data),
                &record.sequence(usize::MAX),
            ),
        })
    }

    /// The hash function.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The digest.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The ContentInfo in a reply or token, if it stamps this.
    fn stamped_by(&self, reply: &[u8]) -> Result<Vec<u8>, EvidenceRecordError> {
        let refused = |source| EvidenceRecordError::Token {
            at: super::Position { chain: 1, stamp: 1 },
            source,
        };
        let token = TimestampToken::parse(reply).map_err(refused)?;
        if (token.imprint_algorithm(), token.imprint()) == (self.algorithm, &self.digest[..]) {
            return TimestampToken::content_info(reply).map_err(refused);
        }
        let found = if token.imprint_algorithm() == self.algorithm {
            hex::encode(token.imprint())
        } else {
            token.imprint_algorithm().name().to_owned()
        };
        Err(EvidenceRecordError::OtherImprint {
            algorithm: self.algorithm,
            found,
            asked: hex::encode(&self.digest),
        })
    }
}

/// RFC 4998 5.2, 4: H(h and ha), in this order.
pub(super) fn over_chains(algorithm: HashAlgorithm, data: &[u8], sequence: &[u8]) -> Vec<u8> {
    algorithm.digest(&[data, &algorithm.digest(sequence)].concat())
}

/// A TimeStampReq (RFC 3161 2.4.1) that asks for the unit's certificate too. It has no nonce, since
/// the reply may come another day, by another way, and is recognised by its imprint.
pub fn time_stamp_query(imprint: &Imprint) -> Vec<u8> {
    let mut message_imprint = algorithm_identifier(SEQUENCE, imprint.algorithm);
    write_element(&mut message_imprint, OCTET_STRING, &imprint.digest);
    let mut fields = Vec::new();
    write_element(&mut fields, INTEGER, &[1]);
    write_element(&mut fields, SEQUENCE, &message_imprint);
    write_element(&mut fields, BOOLEAN, &[0xff]);
    element(SEQUENCE, &fields)
}

impl EvidenceRecord {
    /// A record of one time-stamp over data.
    ///
    /// # Errors
    /// [`EvidenceRecordError::OtherImprint`] if `reply` stamps something else; what parsing a reply
    /// has.
    pub fn begin(imprint: &Imprint, reply: &[u8]) -> Result<Self, EvidenceRecordError> {
        let stamp = stamp(imprint.algorithm, &imprint.stamped_by(reply)?);
        let chain = element(SEQUENCE, &stamp);
        Self::assembled(&[imprint.algorithm], &[], &[&chain])
    }

    /// Appends a time-stamp over the last one to the last chain.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn renew_timestamp(&self, reply: &[u8]) -> Result<Self, EvidenceRecordError> {
        let imprint = Imprint::of_last_timestamp(self);
        let new = stamp(imprint.algorithm, &imprint.stamped_by(reply)?);
        let (last, before) = self
            .chains
            .split_last()
            .ok_or(EvidenceRecordError::Empty("the sequence of chains"))?;
        let stamps = last.stamps.iter().map(|stamp| &stamp.octets[..]);
        let stamps: Vec<&[u8]> = stamps.chain([&new[..]]).collect();
        let extended = element(SEQUENCE, &stamps.concat());
        let chains = before.iter().map(|chain| &chain.octets[..]);
        let chains: Vec<&[u8]> = chains.chain([&extended[..]]).collect();
        Self::assembled(&self.digest_algorithms, &self.crypto_infos, &chains)
    }

    /// Appends a chain that begins with a time-stamp over data and all chains so far.
    ///
    /// # Errors
    /// As [`Self::begin`], and as [`Imprint::of_hash_tree`].
    pub fn renew_hash_tree(
        &self,
        algorithm: HashAlgorithm,
        data: &[u8],
        reply: &[u8],
    ) -> Result<Self, EvidenceRecordError> {
        let imprint = Imprint::of_hash_tree(self, algorithm, data)?;
        let stamp = stamp(imprint.algorithm, &imprint.stamped_by(reply)?);
        let chain = element(SEQUENCE, &stamp);
        let mut algorithms = self.digest_algorithms.clone();
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
        let chains = self.chains.iter().map(|chain| &chain.octets[..]);
        let chains: Vec<&[u8]> = chains.chain([&chain[..]]).collect();
        Self::assembled(&algorithms, &self.crypto_infos, &chains)
    }

    /// The DER of an ArchiveTimeStampSequence of the first `count` chains.
    pub(super) fn sequence(&self, count: usize) -> Vec<u8> {
        let chains = self.chains.iter().take(count);
        let chains: Vec<&[u8]> = chains.map(|chain| &chain.octets[..]).collect();
        element(SEQUENCE, &chains.concat())
    }

    fn assembled(
        algorithms: &[HashAlgorithm],
        crypto_infos: &[u8],
        chains: &[&[u8]],
    ) -> Result<Self, EvidenceRecordError> {
        let named = algorithms.iter();
        let named: Vec<Vec<u8>> = named
            .map(|algorithm| algorithm_identifier(SEQUENCE, *algorithm))
            .collect();
        let mut fields = Vec::new();
        write_element(&mut fields, INTEGER, &[1]);
        write_element(&mut fields, SEQUENCE, &named.concat());
        fields.extend_from_slice(crypto_infos);
        write_element(&mut fields, SEQUENCE, &chains.concat());
        // Read as others will read it: there is one reading.
        Self::parse(&element(SEQUENCE, &fields))
    }
}

/// ArchiveTimeStamp over one hash: no hash tree is needed (RFC 4998 4.2).
fn stamp(algorithm: HashAlgorithm, token: &[u8]) -> Vec<u8> {
    let mut fields = algorithm_identifier(context_constructed(0), algorithm);
    fields.extend_from_slice(token);
    element(SEQUENCE, &fields)
}

/// An AlgorithmIdentifier without parameters (RFC 5754 2).
fn algorithm_identifier(tag: u8, algorithm: HashAlgorithm) -> Vec<u8> {
    element(tag, &element(OBJECT_IDENTIFIER, algorithm.oid_octets()))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    asn1::write_element(&mut out, tag, content);
    out
}
