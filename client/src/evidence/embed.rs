//! Proofs inside a token (`docs/formats/embedded-evidence.md`): put there, found there, and which of
//! several decides.
//!
//! Whoever holds a token can write into it, so a proof in it counts as one beside it does: it is verified,
//! and one that proves nothing takes nothing away from another.

use ishibumi_artifact::unsigned::{UnsignedError, embedded_proofs, with_proofs};
use ishibumi_tlog::proof::{ProofFileError, TlogProof};
use thiserror::Error;

use super::pdf::{self, PdfError, PdfToken, Stamped};
use crate::verify::{Indication, Report};

/// Why a proof was not embedded.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbedError {
    /// The proof is none.
    #[error("the proof: {0}")]
    Proof(#[from] ProofFileError),
    /// The token takes none.
    #[error(transparent)]
    Token(#[from] UnsignedError),
    /// The PDF does not take the token.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// A token inside of a signature.
    #[error(
        "the token stamps a signature, inside of whose CMS it stands: it cannot be changed there"
    )]
    InsideSignature,
}

/// `token` with `proof` in it: beside the proofs that it carries, or in their place. The same proof once
/// more changes nothing.
pub fn embed(token: &[u8], proof: &[u8], replace: bool) -> Result<Vec<u8>, EmbedError> {
    let proof = TlogProof::parse(proof)?.encode().into_bytes();
    let mut proofs = if replace {
        Vec::new()
    } else {
        embedded_proofs(token)?
    };
    proofs.push(proof);
    Ok(with_proofs(token, &proofs)?)
}

/// The same for the document timestamp `place` of `pdf`.
pub fn embed_in_pdf(
    pdf: &[u8],
    place: &PdfToken,
    proof: &[u8],
    replace: bool,
) -> Result<Vec<u8>, EmbedError> {
    if place.stamped != Stamped::Document {
        return Err(EmbedError::InsideSignature);
    }
    let token = embed(&place.token, proof, replace)?;
    Ok(pdf::with_token(pdf, &place.coverage, &token)?)
}

/// Of reports about one artifact with several proofs, the one that stands: what is proven by one of them
/// is proven. Among equals it is the first.
pub fn decisive(reports: impl IntoIterator<Item = Report>) -> Option<Report> {
    let rank = |report: &Report| match report.indication() {
        Indication::TotalPassed => 0,
        Indication::Indeterminate => 1,
        Indication::TotalFailed => 2,
    };
    reports.into_iter().min_by_key(rank)
}
