//! Proofs inside a token (`docs/formats/embedded-evidence.md`): putting them in, finding them, and
//! deciding between several.
//!
//! Any holder of a token can write into it, so an embedded proof counts like one beside the token:
//! it is verified, and a proof that does not hold takes nothing away from another.

use ishibumi_artifact::unsigned::{UnsignedError, embedded_proofs, with_proofs};
use ishibumi_tlog::proof::{ProofFileError, TlogProof};
use thiserror::Error;

use super::pdf::{self, Imprint, PdfError, PdfToken, PdfTokens, Stamped};
use ishibumi_verify::{Answer, Indication, Report};

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
    /// A signature or time-stamp that was made later covers the token.
    #[error(
        "the signature or time-stamp whose ByteRange stands at octet {0} was made later and covers this \
         token: with the proof in it, it would no longer hold"
    )]
    Covered(usize),
    /// A signature behind the token may cover it.
    #[error(
        "the ByteRange at octet {0}, behind what this token covers, cannot be read: whether a signature \
         there would no longer hold with the proof in the token cannot be told"
    )]
    Unreadable(usize),
    /// More signatures than are looked at.
    #[error("{} and may cover the token", PdfError::TooMany)]
    TooMany,
    /// The token is not about the octets around it.
    #[error(
        "the time-stamp does not stamp the octets of this PDF that it covers: they were changed after it"
    )]
    Changed,
    /// The result was looked at, and was not as it should be.
    #[error("with the proof in it, the signature or time-stamp at octet {0} would no longer hold")]
    Broken(usize),
}

/// `token` with `proof` in it: beside the proofs that it carries, or, with `replace`, instead of
/// them. Embedding a proof that is there already changes nothing.
///
/// # Errors
/// [`EmbedError`], if the proof or the token cannot be read, or the token would carry too much.
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

/// `pdf` with `proof` in the document timestamp `place`, beside the proofs that it carries, or,
/// with `replace`, instead of them. Every signature and time-stamp that held before holds
/// afterwards; otherwise it is an error.
///
/// # Errors
/// [`EmbedError`], if the proof or the PDF cannot be read, the reserved space does not suffice, or
/// a signature that held would no longer hold.
pub fn embed_in_pdf(
    mut pdf: Vec<u8>,
    place: &PdfToken,
    proof: &[u8],
    replace: bool,
) -> Result<Vec<u8>, EmbedError> {
    if place.stamped != Stamped::Document {
        return Err(EmbedError::InsideSignature);
    }
    let found = pdf::tokens(&pdf);
    if !found.is_complete() {
        return Err(EmbedError::TooMany);
    }
    if let Some(other) = pdf::in_the_way(&found, place) {
        return Err(if other.is_readable() {
            EmbedError::Covered(other.at)
        } else {
            EmbedError::Unreadable(other.at)
        });
    }
    let held = found.imprints(&pdf);
    if held.get(place.signature) == Some(&Imprint::Broken) {
        return Err(EmbedError::Changed);
    }
    let token = embed(&place.token, proof, replace)?;
    pdf::put_token(&mut pdf, &place.coverage, &token)?;
    still_hold(&found, &held, &pdf)?;
    Ok(pdf)
}

/// Whether what `held` in the file in which these signatures were found holds in `written`, too.
fn still_hold(found: &PdfTokens, held: &[Imprint], written: &[u8]) -> Result<(), EmbedError> {
    let after = pdf::tokens(written);
    let holds = after.imprints(written);
    let mut pairs = after.signatures.iter().zip(&holds);
    for (signature, before) in found.signatures.iter().zip(held) {
        // No octet moved, so they come in the same order.
        let same = pairs.next().filter(|(it, _)| it.at == signature.at);
        if same.is_none_or(|(_, after)| *before == Imprint::Holds && *after != *before) {
            return Err(EmbedError::Broken(signature.at));
        }
    }
    Ok(())
}

/// Of reports about one artifact with several proofs, the one that decides: it is enough that one
/// of them proves the artifact. Among equals it is the first.
pub fn decisive(reports: impl IntoIterator<Item = Report>) -> Option<Report> {
    // A proof that proves nothing is as if it were not there: what another proves is the verdict,
    // also where it is not in favour.
    let rank = |report: &Report| {
        let proves_nothing = !matches!(report.existed(), Answer::InFavour(_));
        match report.indication() {
            Indication::TotalPassed => (false, 0),
            Indication::Indeterminate => (proves_nothing, 1),
            Indication::TotalFailed => (proves_nothing, 2),
        }
    };
    reports.into_iter().min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the last check, without the one before: a token that a later one covers is changed
    /// nevertheless.
    #[test]
    fn what_would_no_longer_hold_is_found_in_the_result() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/embedded/pyhanko.pdf"
        );
        let mut pdf = std::fs::read(path).unwrap();
        let found = pdf::tokens(&pdf);
        let held = found.imprints(&pdf);
        assert_eq!(held, [Imprint::Holds, Imprint::Holds]);
        let covered = found.tokens.first().unwrap();
        assert!(pdf::in_the_way(&found, covered).is_some());
        assert_eq!(still_hold(&found, &held, &pdf), Ok(()));
        let last = found.tokens.last().unwrap();
        assert!(pdf::in_the_way(&found, last).is_none());
        pdf::put_token(&mut pdf, &last.coverage, &last.token).unwrap();
        assert_eq!(still_hold(&found, &held, &pdf), Ok(()));
        pdf::put_token(&mut pdf, &covered.coverage, &covered.token).unwrap();
        let later = found.signatures.last().unwrap().at;
        let first = found.signatures.first().unwrap().at;
        let broken = still_hold(&found, &held, &pdf).unwrap_err();
        assert!(
            [first, later].map(EmbedError::Broken).contains(&broken),
            "{broken}"
        );
    }
}
