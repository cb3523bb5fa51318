//! The consequence of an error, by the role of what is refused: the one table from which every
//! verdict about a refused artifact, list, token or evidence record follows.
//! `docs/verdict-table.tsv` has it for every error code.

use ishibumi_artifact::Fault;

use super::parts::{Outcome, SubIndication};

/// The role in which the refused octets were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The artifact to be proven: a token, a certificate, a list or a response.
    Artifact,
    /// A list or a response given to learn about revocation from; it may be about a certificate of
    /// the path.
    RevocationData,
    /// A token over a checkpoint.
    CheckpointToken,
    /// An evidence record, or a time-stamp in one.
    EvidenceRecord,
}

/// The consequence for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// The step that asked for it fails.
    Fails(SubIndication),
    /// It is named with the reason and left out: the verdict rests on the other evidence.
    LeftOut,
}

/// For a list or a response that cannot be used, for any reason: its statement is unknown, which
/// says nothing against the artifact.
pub(super) const UNUSABLE: SubIndication = SubIndication::TryLater;

impl Consequence {
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Fails(sub) => Outcome::Failed(sub),
            Self::LeftOut => Outcome::NotChecked,
        }
    }
}

impl From<Fault> for SubIndication {
    /// The sub-indication for an artifact that the rules of admission refuse.
    fn from(fault: Fault) -> Self {
        of_fault(fault)
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::Artifact,
        Self::RevocationData,
        Self::CheckpointToken,
        Self::EvidenceRecord,
    ];

    /// Stable name, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::RevocationData => "revocation-data",
            Self::CheckpointToken => "checkpoint-token",
            Self::EvidenceRecord => "evidence-record",
        }
    }

    /// The consequence of an error that shows `fault`.
    pub const fn consequence(self, fault: Fault) -> Consequence {
        match self {
            Self::Artifact | Self::EvidenceRecord => Consequence::Fails(of_fault(fault)),
            Self::RevocationData => Consequence::Fails(UNUSABLE),
            // It would have proven an earlier time, and takes nothing from what is proven without
            // it.
            Self::CheckpointToken => Consequence::LeftOut,
        }
    }
}

/// EN 319 102-1, table 6.
const fn of_fault(fault: Fault) -> SubIndication {
    match fault {
        Fault::Limit | Fault::Unread | Fault::Other => SubIndication::Generic,
        Fault::Algorithm => SubIndication::CryptoConstraintsFailureNoPoe,
        Fault::Signer => SubIndication::NoSigningCertificateFound,
        Fault::Chain => SubIndication::NoCertificateChainFound,
        Fault::ChainConstraints => SubIndication::ChainConstraintsFailure,
        Fault::Constraints => SubIndication::SigConstraintsFailure,
        Fault::TimeOrder => SubIndication::TimestampOrderFailure,
        Fault::Format => SubIndication::FormatFailure,
        Fault::Digest => SubIndication::HashFailure,
        Fault::Signature => SubIndication::SigCryptoFailure,
        Fault::NotYetValid => SubIndication::NotYetValid,
        Fault::Expired => SubIndication::Expired,
    }
}
