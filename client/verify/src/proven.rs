//! The verdict in favour, as a value.
//!
//! A report tells what was done. Whether everything holds cannot be read off the report, since a
//! step that was forgotten did not fail either. It is a [`Proven`], which only [`Found::conclude`]
//! builds, from one value of each of the three answers. Each answer is built in one place from one
//! value of each of its steps; only the step itself makes that value, and only if the step holds.
//! So code that leaves out a step does not compile, and a step that returns early leaves a verdict
//! that is not in favour.

use ishibumi_tlog::ProvenLeaf;

use super::document::DocumentHolds;
use super::parts::{AboutDocument, Existence, RevocationKnown};
use super::revocation::RevocationHolds;
use super::rules::{AlgorithmsCount, Believed, LogAlgorithmsCount, TimesAgree};

/// Proof that the record existed in the log, before T.
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

/// Proof that the artifact was valid by its issuer's rules at that time.
///
/// ```compile_fail,E0451
/// let forged = ishibumi_verify::Valid { revocation: ishibumi_verify::RevocationKnown::Known };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid {
    revocation: RevocationKnown,
}

/// Proof that everything that was asked for holds.
///
/// Only [`Verifier::verify`](super::Verifier::verify) makes one:
///
/// ```compile_fail,E0451
/// use ishibumi_verify::{AboutDocument, Existed, Proven, Valid};
///
/// fn forge(existed: Existed, valid: Valid) -> Proven {
///     Proven { existed, valid, document: AboutDocument::Compared }
/// }
/// ```
///
/// A caller gets one from a [`Report`](super::Report):
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

/// What was found for each of the three answers, as far as it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Boxed because it holds a record and a checkpoint.
    pub(super) existed: Option<Box<Existed>>,
    pub(super) valid: Option<Valid>,
    pub(super) document: Option<DocumentHolds>,
}

impl Found {
    /// Whether all three answers are there.
    pub(super) const fn is_whole(&self) -> bool {
        self.existed.is_some() && self.valid.is_some() && self.document.is_some()
    }

    /// Makes the verdict in favour. The only place that does.
    pub(super) fn conclude(self) -> Option<Proven> {
        Some(Proven {
            existed: *self.existed?,
            valid: self.valid?,
            document: self.document?.about(),
        })
    }
}

impl Existed {
    /// Concludes that the record is in a tree that the log signed and the quorum cosigned, by
    /// algorithms that count.
    pub(super) fn conclude(
        leaf: ProvenLeaf,
        existence: Option<Existence>,
        LogAlgorithmsCount { .. }: LogAlgorithmsCount,
    ) -> Self {
        Self { leaf, existence }
    }

    /// The record, its index in the log, and the checkpoint that proves it.
    pub const fn leaf(&self) -> &ProvenLeaf {
        &self.leaf
    }

    /// The time before which the record is proven to have existed, and the proof. `None` only under
    /// a policy of `quorum none`, which proves no time.
    pub const fn existence(&self) -> Option<Existence> {
        self.existence
    }
}

impl Valid {
    /// Concludes that the artifact keeps its rules, that nothing keeps its statement from being
    /// believed, that every algorithm counted when it was needed, that no times contradict each
    /// other, and that no revocation stands against it.
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

    /// What is known about revocation.
    pub const fn revocation(self) -> RevocationKnown {
        self.revocation
    }
}

impl Proven {
    /// The answer that it existed in the log.
    pub const fn existed(&self) -> &Existed {
        &self.existed
    }

    /// The answer that it was valid.
    pub const fn valid(&self) -> Valid {
        self.valid
    }

    /// The record, its index in the log, and the checkpoint that proves it.
    pub const fn leaf(&self) -> &ProvenLeaf {
        self.existed.leaf()
    }

    /// The time before which the record is proven to have existed; see [`Existed::existence`].
    pub const fn existence(&self) -> Option<Existence> {
        self.existed.existence()
    }

    /// Whether the verdict is about the document.
    pub const fn document(&self) -> AboutDocument {
        self.document
    }

    /// What is known about revocation.
    pub const fn revocation(&self) -> RevocationKnown {
        self.valid.revocation()
    }
}
