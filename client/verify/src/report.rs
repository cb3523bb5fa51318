//! What a verification says: one value, from which text and JSON are rendered.

use ishibumi_tlog::Hash;

use super::in_pdf::Pdf;
use super::parts::{
    Check, ConsultedInformation, ConsultedToken, Existence, Facts, Indication, IssuerState, Noted,
    Outcome, Revocation, Statement, Step, SubIndication,
};
use super::proven::{Found, Proven};

/// The outcome of one verification. Only [`super::Verifier::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) noted: Noted,
    pub(super) artifact_digest: Hash,
    pub(super) pdf: Option<Pdf>,
    pub(super) found: Found,
}

impl Report {
    /// `found` is what holds of the artifact with this digest.
    pub(super) const fn new(artifact_digest: Hash, noted: Noted, found: Found) -> Self {
        Self {
            noted,
            artifact_digest,
            pdf: None,
            found,
        }
    }

    /// TOTAL-PASSED if everything was proven and no step failed, else what the first failed step
    /// says; a step that shows something false outweighs one that only could not tell. A report
    /// that is not whole is INDETERMINATE.
    pub fn indication(&self) -> Indication {
        self.sub_indication()
            .map_or(Indication::TotalPassed, SubIndication::indication)
    }

    /// Why the indication is not TOTAL-PASSED; `None` if it is.
    pub fn sub_indication(&self) -> Option<SubIndication> {
        match self.deciding().map(|check| check.outcome) {
            Some(Outcome::Failed(sub)) => Some(sub),
            _ if self.found.is_whole() => None,
            _ => Some(SubIndication::Generic),
        }
    }

    /// The step that decided against TOTAL-PASSED; `None` if no step did.
    pub fn deciding(&self) -> Option<&Check> {
        self.noted.deciding()
    }

    /// Whether everything that was asked for holds.
    pub fn is_proven(&self) -> bool {
        self.indication() == Indication::TotalPassed
    }

    /// The verdict in favour, as a value; `None` if the verdict is not in favour.
    pub fn proven(&self) -> Option<Proven> {
        let passed = self.indication() == Indication::TotalPassed;
        self.found.clone().conclude().filter(|_| passed)
    }

    /// Turns the report into the verdict in favour, for callers that go on only with that.
    ///
    /// # Errors
    /// Gives the report back, if the verdict is not in favour.
    pub fn into_proven(self) -> Result<Proven, Box<Self>> {
        self.proven().ok_or_else(|| Box::new(self))
    }

    /// The steps that were reached, in order.
    pub fn checks(&self) -> &[Check] {
        &self.noted.checks
    }

    /// How `step` ended, if it was reached.
    pub fn outcome(&self, step: Step) -> Option<Outcome> {
        self.noted.outcome(step)
    }

    /// What log and witnesses prove. Present as soon as inclusion is proven, also when a later step
    /// fails: it remains true that the octets existed.
    pub const fn statement(&self) -> Option<&Statement> {
        self.noted.statement.as_ref()
    }

    /// What the issuer states; present once its signature and path were verified.
    pub const fn facts(&self) -> Option<&Facts> {
        self.noted.facts.as_ref()
    }

    /// SHA-256 of the artifact's file as it was given: tells wrappings of one record apart.
    pub const fn artifact_digest(&self) -> Hash {
        self.artifact_digest
    }

    /// The earliest proven time, and its proof: every decision that needs a proven time rested on
    /// it.
    pub const fn existence(&self) -> Option<Existence> {
        self.noted.existence
    }

    /// The tokens over checkpoints that were given.
    pub fn checkpoint_tokens(&self) -> &[ConsultedToken] {
        &self.noted.checkpoint_tokens
    }

    /// What is known about the revocation of the signer's certificate (of a token), or of the
    /// certificate.
    pub const fn revocation(&self) -> &Revocation {
        &self.noted.revocation
    }

    /// What is known about the revocation of each CA between signer and anchor, from the anchor
    /// down.
    pub fn issuers(&self) -> &[IssuerState] {
        &self.noted.issuers
    }

    /// The lists and responses that were consulted.
    pub fn information(&self) -> &[ConsultedInformation] {
        &self.noted.information
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Answer;

    /// No step failed, and nothing was proven either.
    #[test]
    fn a_report_that_is_not_whole_is_not_in_favour() {
        let mut noted = Noted::new();
        let made = |noted: &Noted| Report::new(Hash::of(&[]), noted.clone(), Found::default());
        for step in [
            Step::ProofFile,
            Step::Checkpoint,
            Step::Artifact,
            Step::Inclusion,
        ] {
            let report = made(&noted);
            assert!(!report.is_proven());
            assert_eq!(report.indication(), Indication::Indeterminate);
            assert_eq!(report.sub_indication(), Some(SubIndication::Generic));
            noted.note(step, Outcome::Passed, "");
        }
        let report = made(&noted);
        assert_eq!(report.proven(), None);
        assert_eq!(report.existed(), Answer::Open(SubIndication::Generic));
        assert_eq!(report.valid(), Answer::Open(SubIndication::Generic));
        assert_eq!(
            report.about_document(),
            Answer::Open(SubIndication::Generic)
        );
        assert!(
            report
                .into_proven()
                .is_err_and(|report| report.checks().len() == 4)
        );
    }
}
