//! The verdict in favour, as a value.
//!
//! A report tells what was done. Whether all of it holds is not read off the report, since a step that was
//! forgotten did not fail either: it is a [`Proven`], which [`Pieces::conclude`] alone builds, from one value
//! of each step. Each of these values is built by its step alone, and only if the step holds. So a step that
//! is left out does not compile, and one that returns early leaves a verdict that is not in favour.

use ishibumi_tlog::ProvenLeaf;

use super::document::DocumentHolds;
use super::report::Existence;
use super::revocation::RevocationHolds;
use super::rules::{AlgorithmsCount, Believed, TimesAgree};

/// That everything that was asked for holds.
///
/// Only [`Verifier::verify`](super::Verifier::verify) makes one:
///
/// ```compile_fail,E0451
/// fn forge(leaf: ishibumi_tlog::ProvenLeaf) -> ishibumi::verify::Proven {
///     ishibumi::verify::Proven { leaf, existence: None, document: ishibumi::verify::AboutDocument::Compared,
///         revocation: ishibumi::verify::RevocationKnown::Known }
/// }
/// ```
///
/// Whoever has a [`Report`](super::Report) gets it from there:
///
/// ```
/// fn of(report: ishibumi::Report) -> Option<ishibumi::verify::Proven> {
///     report.into_proven().ok()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    leaf: ProvenLeaf,
    existence: Option<Existence>,
    document: AboutDocument,
    revocation: RevocationKnown,
}

/// Whether what is proven is about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AboutDocument {
    /// The document that was given is the one that the token stamps.
    Compared,
    /// A token, and no document was given: what it stamps is not known to be any.
    NotCompared,
    /// Certificates, lists and responses are about no document.
    NotApplicable,
}

/// What the verdict in favour knows of revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKnown {
    /// What was given tells about the signer's certificate and every CA between it and the anchor, and nothing
    /// of it stands against the artifact.
    Known,
    /// Nothing that was given tells about all of them, and the caller did not require it.
    NotKnown,
    /// A list or a response is a statement: nothing revokes it.
    NotApplicable,
}

/// What each step found, if it holds.
pub(super) struct Pieces {
    /// The record is in a tree that the log signed and the quorum cosigned.
    pub(super) leaf: ProvenLeaf,
    /// The artifact keeps its rules, and nothing keeps what it says from being believed.
    pub(super) believed: Believed,
    /// Before when it existed; none under a policy that asks for no quorum.
    pub(super) existence: Option<Existence>,
    /// Every algorithm counted when it was needed.
    pub(super) algorithms: AlgorithmsCount,
    /// No time contradicts another.
    pub(super) times: TimesAgree,
    /// The document is the one stamped, or none was given.
    pub(super) document: DocumentHolds,
    /// Nothing that was revoked stands against it.
    pub(super) revocation: RevocationHolds,
}

impl Pieces {
    /// The one place that makes the verdict in favour.
    pub(super) fn conclude(self) -> Proven {
        let Self {
            leaf,
            believed: Believed { .. },
            existence,
            algorithms: AlgorithmsCount { .. },
            times: TimesAgree { .. },
            document,
            revocation,
        } = self;
        Proven {
            leaf,
            existence,
            document: document.about(),
            revocation: revocation.known(),
        }
    }
}

impl Proven {
    /// The record, where it is in the log, and who saw that tree.
    pub const fn leaf(&self) -> &ProvenLeaf {
        &self.leaf
    }

    /// Before when it is proven to have existed, and by whom. None only under a policy of `quorum none`, which
    /// proves no time.
    pub const fn existence(&self) -> Option<Existence> {
        self.existence
    }

    /// Whether it is about the document.
    pub const fn document(&self) -> AboutDocument {
        self.document
    }

    /// What is known of revocation.
    pub const fn revocation(&self) -> RevocationKnown {
        self.revocation
    }

    /// With what was found out about the document afterwards: it stands in a PDF.
    pub(super) fn with_document(mut self, document: DocumentHolds) -> Self {
        self.document = document.about();
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::verify::{Indication, Outcome, Report, Step, SubIndication};

    /// No step failed, and nothing was proven either.
    #[test]
    fn a_report_that_is_not_whole_is_not_in_favour() {
        let mut report = Report::new(&[]);
        for step in [
            Step::ProofFile,
            Step::Checkpoint,
            Step::Artifact,
            Step::Inclusion,
        ] {
            assert!(!report.is_proven());
            assert_eq!(report.indication(), Indication::Indeterminate);
            assert_eq!(report.sub_indication(), Some(SubIndication::Generic));
            report.note(step, Outcome::Passed, "");
        }
        assert_eq!(report.proven(), None);
        assert!(
            report
                .into_proven()
                .is_err_and(|report| report.checks().len() == 4)
        );
    }
}
