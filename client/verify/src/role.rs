//! What an error means, by the role of what is refused: the one table from which every verdict about a refused artifact, list,
//! token or evidence record follows. `docs/verdict-table.tsv` has it for every error code.

use ishibumi_artifact::Fault;

use super::parts::{Outcome, SubIndication};

/// In which role something was given that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It is what is to be proven: a token, a certificate, a list or a response.
    Artifact,
    /// It was given to learn about revocation from, and may be about a certificate of the path.
    RevocationData,
    /// It is a token over a checkpoint.
    CheckpointToken,
    /// It is an evidence record, or a time-stamp in one.
    EvidenceRecord,
}

/// What follows for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// The step that asked for it fails.
    Fails(SubIndication),
    /// It is named with the reason and left out: the verdict rests on the rest.
    LeftOut,
}

/// Of a list or a response that cannot be used, whatever is wrong with it: what it would have said, nobody knows,
/// and that says nothing against the artifact.
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
    /// What an artifact means that was refused by the rules of admission.
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

    /// What follows from an error that shows `fault`.
    pub const fn consequence(self, fault: Fault) -> Consequence {
        match self {
            Self::Artifact | Self::EvidenceRecord => Consequence::Fails(of_fault(fault)),
            Self::RevocationData => Consequence::Fails(UNUSABLE),
            // It would have proven an earlier time, and takes nothing from what is proven without it.
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
