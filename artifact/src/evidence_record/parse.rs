//! From octets to an evidence record: RFC 4998 appendix A, with implicit tags.
//!
//! Everything around the tokens has to be DER, since hash-tree renewals stamp the encoding. A token
//! is read by `TimestampToken`, and stays as it was received.

use super::{
    ArchiveTimeStamp, Chain, EVIDENCE_RECORD_LEN_MAX, EvidenceRecord, EvidenceRecordError,
    HASHES_MAX, Position, STAMPS_MAX,
};
use crate::asn1::{self, Element, INTEGER, OCTET_STRING, Reader, SEQUENCE, context_constructed};
use crate::hash::HashAlgorithm;
use crate::signature::Algorithm;
use crate::token::TimestampToken;
use crate::weak::WeakAlgorithms;

impl EvidenceRecord {
    /// Reads an EvidenceRecord. Takes memory in proportion to the input.
    ///
    /// # Errors
    /// [`EvidenceRecordError`], if the octets are no evidence record, or one that is refused (see
    /// the module).
    pub fn parse(octets: &[u8]) -> Result<Self, EvidenceRecordError> {
        if octets.len() > EVIDENCE_RECORD_LEN_MAX {
            return Err(EvidenceRecordError::Size(octets.len()));
        }
        let mut fields = asn1::only(Reader::der(octets), SEQUENCE)?.reader();
        let version = fields.expect(INTEGER)?.unsigned()?;
        if version != 1 {
            return Err(EvidenceRecordError::Version(version));
        }
        let digest_algorithms = read_algorithms(fields.expect(SEQUENCE)?)?;
        let crypto_infos = fields.optional(context_constructed(0))?;
        if fields.optional(context_constructed(1))?.is_some() {
            return Err(EvidenceRecordError::Encrypted);
        }
        let sequence = fields.expect(SEQUENCE)?;
        fields.finish()?;
        let mut budget = Budget {
            stamps: STAMPS_MAX,
            hashes: HASHES_MAX,
        };
        let mut chains = Vec::new();
        let mut rest = sequence.reader();
        while let Some(element) = next_sequence(&mut rest)? {
            let chain = read_chain(element, chains.len() + 1, &mut budget)?;
            chains.push(chain);
        }
        if chains.is_empty() {
            return Err(EvidenceRecordError::Empty("the sequence of chains"));
        }
        let record = Self {
            octets: octets.to_vec(),
            digest_algorithms,
            crypto_infos: crypto_infos.map_or_else(Vec::new, |it| it.raw.to_vec()),
            chains,
        };
        record.check_listed()?;
        Ok(record)
    }

    /// RFC 4998 3.1: `digestAlgorithms` names every function that was used.
    fn check_listed(&self) -> Result<(), EvidenceRecordError> {
        for (place, chain) in self.chains.iter().enumerate() {
            if !self.digest_algorithms.contains(&chain.algorithm) {
                return Err(EvidenceRecordError::Unlisted {
                    at: Position {
                        chain: place + 1,
                        stamp: 1,
                    },
                    algorithm: chain.algorithm,
                });
            }
        }
        Ok(())
    }
}

/// The rest of the limits.
struct Budget {
    stamps: usize,
    hashes: usize,
}

impl Budget {
    fn take(left: &mut usize) -> Result<(), EvidenceRecordError> {
        *left = left.checked_sub(1).ok_or(EvidenceRecordError::Limit)?;
        Ok(())
    }
}

fn next_sequence<'a>(reader: &mut Reader<'a>) -> Result<Option<Element<'a>>, EvidenceRecordError> {
    if reader.peek_tag().is_none() {
        return Ok(None);
    }
    Ok(Some(reader.expect(SEQUENCE)?))
}

fn read_algorithms(element: Element<'_>) -> Result<Vec<HashAlgorithm>, EvidenceRecordError> {
    let mut all = Vec::new();
    let mut rest = element.reader();
    while let Some(element) = next_sequence(&mut rest)? {
        let algorithm = read_algorithm(element)?;
        if !all.contains(&algorithm) {
            all.push(algorithm);
        }
    }
    Ok(all)
}

/// An AlgorithmIdentifier of a hash, with parameters absent or NULL (RFC 5754 2).
fn read_algorithm(element: Element<'_>) -> Result<HashAlgorithm, EvidenceRecordError> {
    let algorithm = Algorithm::read(element.reader())?;
    if !algorithm.parameters_absent_or_null() {
        let why = "a hash function has parameters";
        return Err(asn1::Asn1Error::Value(why).into());
    }
    // SHA-1 is for the tokens' rules to refuse.
    Ok(HashAlgorithm::from_oid_octets(algorithm.oid)?.accepted(WeakAlgorithms::ALL)?)
}

fn read_chain(
    element: Element<'_>,
    number: usize,
    budget: &mut Budget,
) -> Result<Chain, EvidenceRecordError> {
    let mut stamps = Vec::new();
    let mut chain_algorithm: Option<HashAlgorithm> = None;
    let mut rest = element.reader();
    while let Some(element) = next_sequence(&mut rest)? {
        Budget::take(&mut budget.stamps)?;
        let at = Position {
            chain: number,
            stamp: stamps.len() + 1,
        };
        let (algorithm, stamp) = read_stamp(element, at, budget)?;
        let chain = *chain_algorithm.get_or_insert(algorithm);
        if chain != algorithm {
            return Err(EvidenceRecordError::ChainHash {
                at,
                found: algorithm,
                chain,
            });
        }
        stamps.push(stamp);
    }
    let algorithm = chain_algorithm.ok_or(EvidenceRecordError::Empty("a chain"))?;
    Ok(Chain {
        octets: element.raw.to_vec(),
        algorithm,
        stamps,
    })
}

fn read_stamp(
    element: Element<'_>,
    at: Position,
    budget: &mut Budget,
) -> Result<(HashAlgorithm, ArchiveTimeStamp), EvidenceRecordError> {
    let mut fields = element.reader();
    // [0] and [2] are IMPLICIT: their contents are those of the SEQUENCE.
    let named = fields.optional(context_constructed(0))?;
    let named = named.map(read_algorithm).transpose()?;
    // Attributes say nothing that verification needs; they are kept, and nothing rests on them.
    fields.optional(context_constructed(1))?;
    let tree = fields.optional(context_constructed(2))?;
    let token = fields.expect(SEQUENCE)?.raw;
    fields.finish()?;
    let stamps = TimestampToken::parse(token)
        .map_err(|source| EvidenceRecordError::Token { at, source })?
        .imprint_algorithm();
    let algorithm = named.unwrap_or(stamps);
    if algorithm != stamps {
        return Err(EvidenceRecordError::ImprintHash {
            at,
            found: stamps,
            chain: algorithm,
        });
    }
    let reduced_hash_tree = match tree {
        Some(tree) => read_tree(tree, at, algorithm, budget)?,
        None => Vec::new(),
    };
    let stamp = ArchiveTimeStamp {
        octets: element.raw.to_vec(),
        reduced_hash_tree,
        token: token.to_vec(),
    };
    Ok((algorithm, stamp))
}

fn read_tree(
    element: Element<'_>,
    at: Position,
    algorithm: HashAlgorithm,
    budget: &mut Budget,
) -> Result<Vec<Vec<Vec<u8>>>, EvidenceRecordError> {
    let mut lists = Vec::new();
    let mut rest = element.reader();
    while let Some(list) = next_sequence(&mut rest)? {
        let mut hashes = Vec::new();
        let mut rest = list.reader();
        while rest.peek_tag().is_some() {
            Budget::take(&mut budget.hashes)?;
            let hash = rest.expect(OCTET_STRING)?.content;
            if hash.len() != algorithm.digest_length() {
                return Err(EvidenceRecordError::HashLength {
                    at,
                    length: hash.len(),
                    algorithm,
                });
            }
            hashes.push(hash.to_vec());
        }
        if hashes.is_empty() {
            return Err(EvidenceRecordError::Empty("a list of hashes"));
        }
        lists.push(hashes);
    }
    if lists.is_empty() {
        return Err(EvidenceRecordError::Empty("a reduced hash tree"));
    }
    Ok(lists)
}
