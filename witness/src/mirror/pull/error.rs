//! Why a log was not pulled.

use ishibumi_store::StoreError;
use ishibumi_tlog::Hash;
use ishibumi_tlog::protocol::RequestError;

use crate::follow::StateError;
use crate::mirror::core::UploadRefusal;
use crate::refusal::Refusal;

/// Why a round ended before the mirror had all that the log has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// Told to stop.
    #[error("stopped")]
    Stopped,
    /// The log did not answer, or not with what its interface has.
    #[error("{url}: {reason}")]
    Remote {
        /// The URL that was requested.
        url: String,
        /// Why the answer is refused.
        reason: String,
    },
    /// The log signed a checkpoint that the copy contradicts.
    #[error(
        "ALARM: the log {origin:?} signed size {size} with the root {signed}, but the copy, which it signed \
         as well, has the root {copied} there: two histories"
    )]
    Diverged {
        /// The log.
        origin: String,
        /// The size of the checkpoint.
        size: u64,
        /// Its root.
        signed: Hash,
        /// The root of the copy at that size.
        copied: Hash,
    },
    /// The mirror refused what came.
    #[error(transparent)]
    Refused(#[from] UploadRefusal),
}

impl From<StoreError> for PullError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StateError> for PullError {
    fn from(error: StateError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Refusal> for PullError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<RequestError> for PullError {
    fn from(error: RequestError) -> Self {
        Refusal::from(error).into()
    }
}

impl PullError {
    /// The failure of our own state, if it is one.
    pub(in crate::mirror) fn state(&self) -> Option<&StateError> {
        match self {
            Self::Refused(UploadRefusal::Refused(Refusal::State(error))) => Some(error),
            _ => None,
        }
    }

    pub(in crate::mirror) fn outcome(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Remote { .. } => "unreachable",
            Self::Diverged { .. } => "diverged",
            Self::Refused(_) => "refused",
        }
    }
}
