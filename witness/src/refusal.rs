//! Why a witness did not do what it was asked to: one type per kind of caller. A submitter gets a
//! [`Refusal`] as an HTTP status, an operator the others as text and an exit code.

use ishibumi_store::StoreError;
use ishibumi_tlog::note::NoteError;
use ishibumi_tlog::protocol::RequestError;
use ishibumi_tlog::tree::ProofError;

use crate::follow::StateError;

/// Why a checkpoint was not recorded, or a checkpoint or range not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// 400: the body is no request.
    #[error(transparent)]
    Malformed(#[from] RequestError),
    /// 400: the proof is said to start above the checkpoint.
    #[error("the old size {old} is above the checkpoint's size {size}")]
    OldAboveSize {
        /// The old size in the request.
        old: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// 400: the checkpoint has extension lines.
    #[error(
        "the checkpoint has {0} extension lines; this witness cosigns none that it does not understand"
    )]
    Extensions(usize),
    /// 403: the log did not sign, or a line in its name does not verify.
    #[error(transparent)]
    Signature(NoteError),
    /// 403: the reference checkpoint of a range is not ours.
    #[error(
        "the reference checkpoint bears no valid cosignature of a key that this witness signs with: {0}"
    )]
    Reference(NoteError),
    /// 403: the operator disabled the log.
    #[error("the operator of this witness disabled the log {0:?}: nothing is signed for it")]
    Disabled(String),
    /// 404: no key that can sign ranges of leaves.
    #[error("this witness has no ML-DSA-44 key, and no other can sign a range of leaves")]
    NoSubtreeKey,
    /// 404: no such log was added.
    #[error("this witness does not watch a log with the origin {0:?}")]
    UnknownOrigin(String),
    /// 409: the proof starts at another size than the newest cosigned one.
    #[error("the proof starts at size {old}; the newest size cosigned for this log is {known}")]
    Conflict {
        /// The old size in the request.
        old: u64,
        /// The size to start from.
        known: u64,
    },
    /// 422: the checkpoint does not continue what was cosigned.
    #[error("not consistent with what was cosigned before: {0}")]
    Inconsistent(#[from] ProofError),
    /// 422: the range is not part of the reference checkpoint's tree.
    #[error("the range is not part of the checkpoint's tree: {0}")]
    Subtree(ProofError),
    /// 503: the clock is before the newest cosignature, or unset.
    #[error(
        "this witness's clock says {now}, its newest cosignature for this log says {last}: no time \
         before that is ever signed; its operator has to set the clock"
    )]
    Clock {
        /// The clock, in seconds since the Epoch.
        now: u64,
        /// The time of the newest cosignature.
        last: u64,
    },
    /// 503: the witness's memory is older than its own signatures.
    #[error(
        "this witness remembers size {recorded} for this log but has cosigned size {signed} as this \
         state cannot know: it was restored from an older copy, or its key runs twice; nothing is \
         signed until its operator acts"
    )]
    RolledBack {
        /// The size in the state.
        recorded: u64,
        /// The size under our own cosignature.
        signed: u64,
    },
    /// 503: our own signature did not verify.
    #[error("this witness's own cosignature did not verify and was dropped: {0}")]
    Signer(NoteError),
    /// 503: the stored state is unusable or could not be read or written. No signature left.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

impl Refusal {
    /// The HTTP status that C2SP tlog-witness gives this refusal; 503 for what it does not know.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::OldAboveSize { .. } | Self::Extensions(_) => 400,
            Self::Signature(_) | Self::Reference(_) | Self::Disabled(_) => 403,
            Self::UnknownOrigin(_) | Self::NoSubtreeKey => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent(_) | Self::Subtree(_) => 422,
            Self::Clock { .. } | Self::RolledBack { .. } | Self::Signer(_) | Self::State(_) => 503,
        }
    }
}

/// Why a log was not added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddLogError {
    /// The key makes cosignatures, or another type that logs do not sign with.
    #[error("the key of {0} is no log key: its type is not 0x01 (Ed25519) or 0x06 (ML-DSA-44)")]
    KeyType(String),
    /// The log has the witness's name or its key.
    #[error(
        "the log {0} has the name or the key of this witness: their signatures must not be confusable"
    )]
    OwnIdentity(String),
    /// The origin is known under other keys. Logs are added only; a changed key is a new log.
    #[error(
        "the log {origin} was added with the key {known}; {given} is another one, and a key is never \
         changed; a second key of another type is added with `add-log-key`"
    )]
    OtherKey {
        /// The origin.
        origin: String,
        /// The keys that the witness has.
        known: String,
        /// The key that was given.
        given: String,
    },
    /// A second key of a type that the log has: a changed key, not another one.
    #[error(
        "the log {origin} has the key {known}; {given} is of the same type, which is a changed key, \
         and a key is never changed"
    )]
    SameType {
        /// The origin.
        origin: String,
        /// The keys that the witness has.
        known: String,
        /// The key that was given.
        given: String,
    },
    /// A second key for a log that was not added.
    #[error("this witness does not watch a log with the origin {0:?}: add it with `add-log` first")]
    UnknownOrigin(String),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why nothing was done to a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// No such log.
    #[error("this witness does not watch a log with the origin {0:?}")]
    UnknownOrigin(String),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why the witness's own keys did not change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyChangeError {
    /// The witness has or had that key.
    #[error("the key {0} is or was one of this witness's: a key is added once")]
    Known(String),
    /// The witness has no such key.
    #[error("this witness has no key with the id {0:08x}")]
    Unknown(u32),
    /// Without that key, the witness could sign nothing.
    #[error("the key {0:08x} is the only one that signs: add another before retiring it")]
    Last(u32),
    /// The limit on keys.
    #[error("this witness has {0} such keys, and no more are allowed")]
    TooMany(usize),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why a halted log was not resumed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// There is nothing to resume.
    #[error("the log {0} is not halted")]
    NotHalted(String),
    /// The halting note does not come after the recorded one: two trees stand under our key.
    #[error(
        "the recorded size {recorded} and the cosigned size {signed} cannot follow each other: this \
         key signed in two places; retire it"
    )]
    TwoHistories {
        /// The size in the state.
        recorded: u64,
        /// The size in the halting note.
        signed: u64,
    },
    /// The halting note came without the log's signature, or without a time of ours.
    #[error(
        "the note of size {signed} that halted the log lacks the log's signature, or a time of ours: \
         submit the log's own checkpoint of that size with our cosignature to add-checkpoint, then \
         resume"
    )]
    Incomplete {
        /// The size in the halting note.
        signed: u64,
    },
    /// No such log, or the state cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}
