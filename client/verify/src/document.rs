//! Whether the document is the one that was stamped.

use std::io::{self, Read};

use ishibumi_artifact::{Verified, VerifiedToken};

use super::parts::{AboutDocument, Noted, Outcome, Step, SubIndication};
use super::verifier::VerifyError;

/// Octets that are read at once.
const PIECE_LEN: usize = 64 << 10;

/// Proof that no document contradicts the artifact. Made in this file only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DocumentHolds(AboutDocument);

impl DocumentHolds {
    pub(super) const fn about(self) -> AboutDocument {
        self.0
    }
}

/// Compares the document, if one was given; `None` if it is not the one that was stamped.
///
/// # Errors
/// If it cannot be read to its end, or if the artifact is about no document.
pub(super) fn check(
    report: &mut Noted,
    verified: &Verified,
    document: Option<&mut dyn Read>,
) -> Result<Option<DocumentHolds>, VerifyError> {
    match (verified, document) {
        (Verified::Token(token), Some(document)) => compare(report, token, document),
        (Verified::Token(_), None) => {
            let why = "no document was given: the token is proven, not what it stamps";
            report.note(Step::Document, Outcome::NotChecked, why);
            Ok(Some(DocumentHolds(AboutDocument::NotCompared)))
        }
        (_, Some(_)) => Err(VerifyError::DocumentNotApplicable),
        (_, None) => Ok(Some(DocumentHolds(AboutDocument::NotApplicable))),
    }
}

/// For a token inside a PDF that was verified without a document: `outcome` says whether the octets
/// that it covers there are those that it stamps.
pub(super) const fn in_pdf(outcome: Outcome) -> Option<DocumentHolds> {
    match outcome {
        Outcome::Passed => Some(DocumentHolds(AboutDocument::Compared)),
        Outcome::NotChecked => Some(DocumentHolds(AboutDocument::NotCompared)),
        Outcome::Failed(_) => None,
    }
}

fn compare(
    report: &mut Noted,
    token: &VerifiedToken,
    document: &mut dyn Read,
) -> Result<Option<DocumentHolds>, VerifyError> {
    let digest = digest(token, document).map_err(VerifyError::Document)?;
    let name = token.imprint_algorithm().name();
    if token.check_document_digest(&digest) {
        let detail = format!("its {name} is the one stamped");
        report.note(Step::Document, Outcome::Passed, detail);
        return Ok(Some(DocumentHolds(AboutDocument::Compared)));
    }
    let detail = format!(
        "the {name} of the document is {}, the token stamps {}",
        hex::encode(&digest),
        hex::encode(token.imprint())
    );
    let failed = Outcome::Failed(SubIndication::HashFailure);
    report.note(Step::Document, failed, detail);
    Ok(None)
}

fn digest(token: &VerifiedToken, document: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut hasher = token.document_hasher();
    let mut piece = vec![0; PIECE_LEN];
    loop {
        match document.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
