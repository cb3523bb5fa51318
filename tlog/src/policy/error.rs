//! Why a checkpoint or a proof is not to be trusted under a policy.

use crate::checkpoint::CheckpointError;
use crate::note::NoteError;
use crate::tree::ProofError;

/// Why a checkpoint or a proof is not to be trusted under a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The note's text is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// No `log` line of the policy has this origin.
    #[error("the policy names no log with the origin {0:?}")]
    UnknownLog(String),
    /// The note is refused as a whole.
    #[error("the checkpoint's signatures: {0}")]
    Note(#[from] NoteError),
    /// No key of that log signed.
    #[error("the log {0:?} did not sign this checkpoint")]
    NotSignedByLog(String),
    /// There are extension lines, and the log signed with ML-DSA-44 only, which does not cover
    /// them.
    #[error(
        "the log {0:?} signed this checkpoint, but none of its signatures covers the extension lines"
    )]
    UnsignedExtensions(String),
    /// Too few witnesses.
    #[error(
        "the quorum is not met: {} of the policy's {known} witnesses cosigned ({})",
        .cosigned.len(), .cosigned.join(", ")
    )]
    NoQuorum {
        /// Key names of the witnesses that did cosign.
        cosigned: Vec<String>,
        /// Number of witnesses that the policy names.
        known: usize,
    },
    /// Too few witnesses cosigned with ML-DSA-44, where that was demanded.
    #[error(
        "the quorum is not met by post-quantum cosignatures alone: {} of the policy's {known} ML-DSA-44 witnesses cosigned ({})",
        .cosigned.len(), .cosigned.join(", ")
    )]
    NoPostQuantumQuorum {
        /// Key names of the witnesses that did cosign with ML-DSA-44.
        cosigned: Vec<String>,
        /// Number of witnesses of the policy that have an ML-DSA-44 key.
        known: usize,
    },
    /// The audit path does not lead to the checkpoint's root.
    #[error("the inclusion proof: {0}")]
    Inclusion(#[from] ProofError),
}
