//! The verdict in favour, as a value.
//!
//! A report tells what was done. Whether all of it holds is not read off the report, since a step that was
//! forgotten did not fail either: it is a [`Proven`], which [`Found::conclude`] alone builds, from one value of
//! each of the three answers; and each of these is built in one place from one value of each of its steps, which
//! its step alone makes, and only if the step holds. So a step that is left out does not compile, and one that
//! returns early leaves a verdict that is not in favour.

use ishibumi_tlog::ProvenLeaf;

use super::document::DocumentHolds;
use super::parts::{AboutDocument, Existence, RevocationKnown};
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
