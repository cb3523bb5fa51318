//! The verdict in favour, as a value.
//!
//! A report tells what was done. Whether all of it holds is not read off the report, since a step that was
//! forgotten did not fail either: it is a [`Proven`], which [`Found::conclude`] alone builds, from one value of
//! each of the three answers; and each of these is built in one place from one value of each of its steps, which
//! its step alone makes, and only if the step holds. So a step that is left out does not compile, and one that
//! returns early leaves a verdict that is not in favour.

use ishibumi_tlog::ProvenLeaf;

use super::document::DocumentHolds;
use super::report::Existence;
use super::revocation::RevocationHolds;
use super::rules::{AlgorithmsCount, Believed, LogAlgorithmsCount, TimesAgree};

/// That it existed in the log, before T.
///
/// ```compile_fail,E0451
/// fn forge(leaf: ishibumi_tlog::ProvenLeaf) -> ishibumi_verify::Existed {
///     ishibumi_verify::Existed { leaf, existence: None }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existed {
    leaf: ProvenLeaf,
    existence: Option<Existence>,
}

/// That it was valid by its issuer's rules then.
///
/// ```compile_fail,E0451
/// let forged = ishibumi_verify::Valid { revocation: ishibumi_verify::RevocationKnown::Known };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid {
    revocation: RevocationKnown,
}

/// That everything that was asked for holds.
///
/// Only [`Verifier::verify`](super::Verifier::verify) makes one:
///
/// ```compile_fail,E0451
/// fn forge(existed: ishibumi_verify::Existed, valid: ishibumi_verify::Valid) -> ishibumi_verify::Proven {
///     let document = ishibumi_verify::AboutDocument::Compared;
///     ishibumi_verify::Proven { existed, valid, document }
/// }
/// ```
///
/// Whoever has a [`Report`](super::Report) gets it from there:
///
/// ```
/// fn of(report: ishibumi_verify::Report) -> Option<ishibumi_verify::Proven> {
///     report.into_proven().ok()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    existed: Existed,
    valid: Valid,
    document: AboutDocument,
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

/// What an answer in favour of validity knows of revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKnown {
    /// What was given tells about the signer's certificate and every CA between it and the anchor, and nothing
    /// of it stands against the artifact.
    Known,
    /// Nothing that was given tells about all of them, and the caller chose not to ask
    /// ([`RevocationRule::NotAsked`](super::RevocationRule::NotAsked)).
    NotAsked,
    /// The signer's certificate is itself an anchor: whoever trusts it directly answers for that.
    TrustedDirectly,
    /// A list or a response is a statement: nothing revokes it.
    NotApplicable,
}

/// What was found for each of the three answers, as far as it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Boxed: a record and a checkpoint are in it.
    pub(super) existed: Option<Box<Existed>>,
    pub(super) valid: Option<Valid>,
    pub(super) document: Option<DocumentHolds>,
}

impl Found {
    /// Whether all three are there.
    pub(super) const fn is_whole(&self) -> bool {
        self.existed.is_some() && self.valid.is_some() && self.document.is_some()
    }

    /// The one place that makes the verdict in favour.
    pub(super) fn conclude(self) -> Option<Proven> {
        Some(Proven {
            existed: *self.existed?,
            valid: self.valid?,
            document: self.document?.about(),
        })
    }
}

impl Existed {
    /// The record is in a tree that the log signed and the quorum cosigned, by algorithms that count.
    pub(super) fn conclude(
        leaf: ProvenLeaf,
        existence: Option<Existence>,
        LogAlgorithmsCount { .. }: LogAlgorithmsCount,
    ) -> Self {
        Self { leaf, existence }
    }

    /// The record, where it is in the log, and who saw that tree.
    pub const fn leaf(&self) -> &ProvenLeaf {
        &self.leaf
    }

    /// Before when it is proven to have existed, and by whom. None only under a policy of `quorum none`, which
    /// proves no time.
    pub const fn existence(&self) -> Option<Existence> {
        self.existence
    }
}

impl Valid {
    /// The artifact keeps its rules and nothing keeps what it says from being believed; every algorithm counted
    /// when it was needed; no time contradicts another; nothing that was revoked stands against it.
    pub(super) fn conclude(
        Believed { .. }: Believed,
        AlgorithmsCount { .. }: AlgorithmsCount,
        TimesAgree { .. }: TimesAgree,
        revocation: RevocationHolds,
    ) -> Self {
        Self {
            revocation: revocation.known(),
        }
    }

    /// What is known of revocation.
    pub const fn revocation(self) -> RevocationKnown {
        self.revocation
    }
}

impl Proven {
    /// That it existed in the log.
    pub const fn existed(&self) -> &Existed {
        &self.existed
    }

    /// That it was valid.
    pub const fn valid(&self) -> Valid {
        self.valid
    }

    /// The record, where it is in the log, and who saw that tree.
    pub const fn leaf(&self) -> &ProvenLeaf {
        self.existed.leaf()
    }

    /// Before when it is proven to have existed; see [`Existed::existence`].
    pub const fn existence(&self) -> Option<Existence> {
        self.existed.existence()
    }

    /// Whether it is about the document.
    pub const fn document(&self) -> AboutDocument {
        self.document
    }

    /// What is known of revocation.
    pub const fn revocation(&self) -> RevocationKnown {
        self.valid.revocation()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Answer, Indication, Outcome, Report, Step, SubIndication};

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
