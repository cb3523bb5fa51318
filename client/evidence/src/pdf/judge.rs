//! The verdicts about the time-stamps of a PDF, each with its document: the octets that it covers
//! there.

use ishibumi_artifact::unsigned::{UnsignedError, embedded_proofs};
use ishibumi_artifact::{ArtifactType, TimestampToken};

use super::{Imprint, PdfToken, PdfTokens};
use crate::embed::decisive;
use ishibumi_verify::{
    CheckpointToken, Evidence, InPdf, Report, RevocationData, Verifier, VerifyError,
};

/// Data that are given beside the PDF.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// A proof that was given for the PDF, about any of its time-stamps.
    pub proof: Option<&'a [u8]>,
    /// Lists and responses.
    pub revocation: &'a [RevocationData<'a>],
    /// Tokens over checkpoints.
    pub checkpoint_tokens: &'a [CheckpointToken<'a>],
}

/// Why there is no verdict about a time-stamp.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoVerdict {
    /// There is no proof.
    #[error("there is no proof of this time-stamp, neither in it nor beside the PDF")]
    NoProof,
    /// Its proofs cannot be read.
    #[error("what is embedded in the time-stamp cannot be read: {0}")]
    Embedded(#[from] UnsignedError),
    /// It was not verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// The verdict about one time-stamp in a PDF.
#[derive(Debug)]
pub struct PdfVerdict {
    /// How it relates to the whole file.
    pub standing: InPdf,
    /// The verdict, or why there is none.
    pub report: Result<Report, NoVerdict>,
}

/// The position of a token in a PDF. Only searching the PDF makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(InPdf);

impl Place {
    /// The position of `token` in `pdf`; `None` if it is not in it. Proofs or certificates added to
    /// a token do not make it another token: the signed octets are the same.
    pub fn of(token: &[u8], pdf: &[u8]) -> Option<Self> {
        let wanted = TimestampToken::parse(token).ok()?;
        let found = super::tokens(pdf);
        let same = |octets: &[u8]| {
            TimestampToken::parse(octets).is_ok_and(|it| it.tst_info() == wanted.tst_info())
        };
        let place = found.tokens.iter().position(|it| same(&it.token))?;
        let standing = found.standing(place + 1, pdf.len(), &found.imprints(pdf));
        standing.map(Self)
    }

    /// The report about that token, which was verified without a document, with the PDF for its
    /// document.
    pub fn judge(self, report: Report) -> Report {
        report.inside_pdf(self.0)
    }
}

impl PdfTokens {
    /// Verifies the time-stamp of this number, from 1; `None` if there is no such time-stamp.
    pub fn judge(
        &self,
        number: usize,
        (pdf, imprints): (&[u8], &[Imprint]),
        verifier: &Verifier<'_>,
        beside: Beside<'_>,
    ) -> Option<PdfVerdict> {
        let standing = self.standing(number, pdf.len(), imprints)?;
        let token = self.tokens.get(number.checked_sub(1)?)?;
        let alone = self.tokens.len() == 1;
        let report = judge(token, alone, verifier, beside);
        Some(PdfVerdict {
            standing,
            report: report.map(|report| report.inside_pdf(standing)),
        })
    }
}

fn judge(
    token: &PdfToken,
    alone: bool,
    verifier: &Verifier<'_>,
    beside: Beside<'_>,
) -> Result<Report, NoVerdict> {
    let verify = |proof: &[u8]| {
        verifier.verify(
            Evidence::new(&token.token, proof)
                .artifact_type(ArtifactType::TimestampToken)
                .revocation(beside.revocation)
                .checkpoint_tokens(beside.checkpoint_tokens),
        )
    };
    if let Some(proof) = beside.proof {
        let report = verify(proof)?;
        // Of several time-stamps it is about one; of the others it says nothing.
        if alone || report.statement().is_some() {
            return Ok(report);
        }
    }
    let proofs = embedded_proofs(&token.token)?;
    let reports = proofs.iter().map(|proof| verify(proof));
    decisive(reports.collect::<Result<Vec<_>, _>>()?).ok_or(NoVerdict::NoProof)
}
