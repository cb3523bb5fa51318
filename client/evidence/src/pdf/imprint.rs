//! Whether the signatures and time-stamps of a PDF are about the octets that their ByteRanges
//! cover.
//!
//! Every ByteRange that is read here begins at the file's start, so one pass over the file feeds
//! all of them: the digest of the octets before a gap goes on from that of the gap before. The
//! octets behind a gap are hashed for each; in a file that grew revision by revision that is the
//! file once more. In a file that was made to cost it is much more, and beyond a limit it is not
//! judged.

use std::collections::BTreeMap;

use ishibumi_artifact::TimestampToken;
use ishibumi_artifact::detached::{SignedDigest, signed_digests};
use ishibumi_artifact::hash::{HashAlgorithm, Hasher};

use super::signature::{Coverage, Signature};

/// How many times the file's length is hashed behind gaps, for each algorithm.
const TIMES_MAX: usize = 4;

/// Whether a signature or time-stamp is about the octets that its ByteRange covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imprint {
    /// The octets are those that it was made over.
    Holds,
    /// They are not.
    Broken,
    /// It cannot be told: an algorithm, a form or a ByteRange that is not read, or too much to
    /// hash.
    Unknown,
}

/// The digests that the ContentInfo in a Contents states: the imprint of a token, the messageDigest
/// of each signer.
pub(super) fn claims(content_info: &[u8]) -> Vec<SignedDigest> {
    if let Ok(token) = TimestampToken::parse(content_info) {
        return vec![SignedDigest {
            algorithm: token.imprint_algorithm(),
            digest: token.imprint().to_vec(),
        }];
    }
    signed_digests(content_info).unwrap_or_default()
}

/// For each of `signatures` whether it is about the octets of `pdf` that it covers.
pub(super) fn imprints(pdf: &[u8], signatures: &[Signature]) -> Vec<Imprint> {
    let mut judged = vec![Imprint::Unknown; signatures.len()];
    let mut wanted: BTreeMap<HashAlgorithm, BTreeMap<Coverage, Vec<usize>>> = BTreeMap::new();
    for (place, signature) in signatures.iter().enumerate() {
        for claim in &signature.claims {
            if let Some(coverage) = &signature.coverage {
                let of_algorithm = wanted.entry(claim.algorithm).or_default();
                of_algorithm
                    .entry(coverage.clone())
                    .or_default()
                    .push(place);
            }
        }
    }
    for (algorithm, coverages) in wanted {
        let mut prefix = Prefix::new(pdf, algorithm);
        for (coverage, places) in coverages {
            let Some(digest) = prefix.digest(&coverage) else {
                continue;
            };
            for place in places {
                let claims = signatures.get(place).map(|it| it.claims.as_slice());
                let claims = claims.unwrap_or_default().iter();
                let mut of_this = claims.filter(|it| it.algorithm == algorithm);
                let found = if of_this.all(|it| it.digest == digest) {
                    Imprint::Holds
                } else {
                    Imprint::Broken
                };
                if let Some(judged) = judged.get_mut(place)
                    && *judged != Imprint::Broken
                {
                    *judged = found;
                }
            }
        }
    }
    judged
}

/// The digest of a growing part of the file.
struct Prefix<'a> {
    pdf: &'a [u8],
    hasher: Hasher,
    /// How far it was hashed.
    to: usize,
    /// Octets behind gaps that are still hashed.
    left: usize,
}

impl<'a> Prefix<'a> {
    fn new(pdf: &'a [u8], algorithm: HashAlgorithm) -> Self {
        Self {
            pdf,
            hasher: algorithm.hasher(),
            to: 0,
            left: pdf.len().saturating_mul(TIMES_MAX),
        }
    }

    /// The digest of the octets that `coverage` covers; `None` if they are too many, or begin
    /// before the last ones.
    fn digest(&mut self, coverage: &Coverage) -> Option<Vec<u8>> {
        let more = self.pdf.get(self.to..coverage.gap_start)?;
        self.hasher.update(more);
        self.to = coverage.gap_start;
        let behind = self.pdf.get(coverage.gap_end..coverage.end)?;
        self.left = self.left.checked_sub(behind.len())?;
        let mut hasher = self.hasher.clone();
        hasher.update(behind);
        Some(hasher.finish())
    }
}
