//! Why the log does not take something, told apart by who has to act.
//!
//! | who | refusals |
//! | --- | --- |
//! | the maker of the artifact or the statement | `Artifact`, `RecordTooLarge`, `StatementMalformed`, `StatementUnfounded` |
//! | the submitter: wait, or send what is its own | `QuotaExceeded`, `StatementNotYours`, `NothingToRescue`, `NoProviderLeft` |
//! | the log's operator, whom the submitter can ask | `Suspended`, `Terminated`, `NotYetAccepted`, `KindNotAccepted` |
//! | we | `Store` |
//!
//! What HTTP makes of each is in [`crate::http`], and nowhere else.

use ishibumi_store::StoreError;
use ishibumi_tlog::tile::ENTRY_LEN_MAX;

/// A record is longer than an entry of a tile may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its record has {len} octets, at most {ENTRY_LEN_MAX} fit")]
pub struct RecordTooLarge {
    /// Its length in octets.
    pub len: usize,
}

/// Why an artifact or a statement is not taken. The text says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The artifact is not what it should be, or not this provider's.
    #[error(transparent)]
    Artifact(ishibumi_artifact::Refusal),
    /// One artifact would make more records than the quota allows at once.
    #[error("{0}: no more than the quota allows at once; ask the log's operator for a larger one")]
    MoreThanQuota(ishibumi_artifact::Refusal),
    /// The record of the artifact is too long.
    #[error(transparent)]
    RecordTooLarge(#[from] RecordTooLarge),
    /// The statement is not one.
    #[error("{0}")]
    StatementMalformed(String),
    /// The statement is about what this log does not hold, or holds otherwise.
    #[error("{0}")]
    StatementUnfounded(String),
    /// The statement is another provider's to make.
    #[error("{0}")]
    StatementNotYours(String),
    /// The submitter's quota is used up.
    #[error(
        "the quota of {who:?} is used up; send again in {wait_seconds} s, or ask the log's operator for a larger one"
    )]
    QuotaExceeded {
        /// The submitter.
        who: String,
        /// How long until one more record is allowed, rounded up.
        wait_seconds: u64,
    },
    /// A rescue token, while no provider has ended.
    #[error(
        "no provider of this log is terminated, so there is nothing to rescue; providers submit under their own tokens"
    )]
    NothingToRescue,
    /// There is no provider under whose anchors this could be tried.
    #[error("no provider is left to admit this under")]
    NoProviderLeft,
    /// The operator suspended the provider.
    #[error("provider {id:?} is suspended; the log's operator can say why")]
    Suspended {
        /// The provider.
        id: String,
    },
    /// The provider has ended.
    #[error(
        "provider {id:?} has ended{}; its old artifacts can be submitted with a rescue token, if this log has rescue",
        .heir.as_ref().map_or_else(String::new, |heir| format!(" and {heir:?} has taken over"))
    )]
    Terminated {
        /// The provider.
        id: String,
        /// The provider that has taken over, if any.
        heir: Option<String>,
    },
    /// The provider is accepted from a later time on.
    #[error("provider {id:?} is accepted from a later time on")]
    NotYetAccepted {
        /// The provider.
        id: String,
    },
    /// The provider may not submit artifacts of this kind.
    #[error(
        "provider {id:?} may submit {}, not {word}; the log's operator can change `kinds`", kinds.join(", ")
    )]
    KindNotAccepted {
        /// The provider.
        id: String,
        /// The kinds that it may submit.
        kinds: Vec<String>,
        /// The kind that it submitted.
        word: &'static str,
    },
    /// The store failed while it was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ishibumi_artifact::Refusal> for Refusal {
    fn from(refusal: ishibumi_artifact::Refusal) -> Self {
        match refusal {
            ishibumi_artifact::Refusal::TooManyRecords { .. } => Self::MoreThanQuota(refusal),
            other => Self::Artifact(other),
        }
    }
}
