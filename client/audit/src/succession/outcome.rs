//! The result of a link: a succession and the contradictions in it, or why nothing is shown.

use ishibumi_artifact::end::EndError;
use ishibumi_artifact::record::Moment;
use ishibumi_tlog::note::NoteError;
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::{Checkpoint, Hash};

/// Why a link shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Record 0 is not proven under the successor's policy.
    #[error("the successor's record 0: {0}")]
    Opening(TrustError),
    /// It is not the opening record of the log that it is in.
    #[error("the record does not open the log {0:?}")]
    NotOpening(String),
    /// It opens a log that continues no other.
    #[error("the log {0:?} names no predecessor")]
    NoPredecessor(String),
    /// The checkpoint in record 0 cannot be read.
    #[error("the predecessor's checkpoint in record 0: {0}")]
    Committed(#[from] NoteError),
    /// No policy of the verifier names the old log, or that log did not sign the checkpoint.
    #[error("the predecessor's checkpoint in record 0: {0}")]
    CommittedTrust(TrustError),
    /// A log that continues itself.
    #[error("the log {0:?} names itself as its predecessor")]
    Itself(String),
    /// The keys that record 0 states are not those that the policy trusts.
    #[error("record 0 does not name the key with which {0:?} signed under the policy")]
    OtherKeys(String),
    /// No given closing record is proven under the old log's own policy.
    #[error("the predecessor's closing record: {0}")]
    Closing(EndError),
    /// A source that was named for the predecessor shows another log.
    #[error(
        "record 0 of the successor names {named:?} as its predecessor, the source shows {shown:?}"
    )]
    OtherLog {
        /// Origin that record 0 names.
        named: String,
        /// Origin of the checkpoint that the source shows.
        shown: String,
    },
}

/// Two statements that cannot both be true, or a claim that the old log does not share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// The successor commits to another tree of the same size than the one that the old quorum saw.
    /// The old log signed both.
    #[error(
        "fork: at size {size} the successor commits to the root {committed}, the old log's witnesses saw {witnessed}"
    )]
    Fork {
        /// Size of both trees.
        size: u64,
        /// Root in record 0 of the successor.
        committed: Hash,
        /// Root that the quorum cosigned.
        witnessed: Hash,
    },
    /// The old log has records after its closing record.
    #[error("the old log closed with {closed} records, and has {size} all the same")]
    Appended {
        /// Number of records, the closing one included.
        closed: u64,
        /// Size of the larger tree that it signed.
        size: u64,
    },
    /// The closing record names other successors, or none.
    #[error("the closing record of {predecessor:?} does not name {successor:?} as its successor")]
    NotNamed {
        /// Origin of the old log.
        predecessor: String,
        /// Origin of the log that claims to continue it.
        successor: String,
    },
    /// The successor commits to an earlier tree than the last one: the records after it are not
    /// covered by the link. They are proven by their own quorum as before.
    #[error("the successor commits to the tree of {committed} records, the old log has {size}")]
    Behind {
        /// Size in record 0 of the successor.
        committed: u64,
        /// Size that the old quorum cosigned.
        size: u64,
    },
}

impl Finding {
    /// Whether the old log itself is convicted: it signed what cannot both be true.
    pub const fn is_contradiction(&self) -> bool {
        matches!(self, Self::Fork { .. } | Self::Appended { .. })
    }
}

/// The state of a succession.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The old log closed, named this successor, and the successor commits to its very last tree.
    InOrder,
    /// No closing record is known: the successor alone says that it continues that log.
    Abandoned,
    /// Something does not fit: see [`Succession::findings`].
    Disputed,
}

impl Standing {
    /// Stable name in JSON, kebab-case.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InOrder => "closed-in-order",
            Self::Abandoned => "abandoned",
            Self::Disputed => "disputed",
        }
    }
}

/// A log's statement, before its own quorum, of the log that it continues; and the contradictions
/// to it.
///
/// Only [`Link::verify`](super::Link::verify) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    pub(super) successor: String,
    pub(super) committed: Checkpoint,
    pub(super) closing: Option<(Moment, Option<u64>)>,
    pub(super) witnessed: bool,
    pub(super) findings: Vec<Finding>,
}

impl Succession {
    /// Origin of the log that ended.
    pub fn predecessor(&self) -> &str {
        &self.committed.origin
    }

    /// Origin of the log that continues.
    pub fn successor(&self) -> &str {
        &self.successor
    }

    /// The tree that the successor commits to.
    pub const fn committed(&self) -> &Checkpoint {
        &self.committed
    }

    /// Whether the old log's own quorum is shown to have cosigned this tree. If not, only the
    /// successor states that there was such a tree.
    pub const fn is_witnessed(&self) -> bool {
        self.witnessed
    }

    /// When the old log closed, as its operator states, and before when the closing record existed,
    /// in seconds since the Epoch, as its witnesses state. `None` if no closing record is proven.
    pub const fn closed(&self) -> Option<(Moment, Option<u64>)> {
        self.closing
    }

    /// Contradictions between the two logs.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The state of the succession.
    pub const fn standing(&self) -> Standing {
        match (self.findings.is_empty(), self.closing) {
            (false, _) => Standing::Disputed,
            (true, Some(_)) => Standing::InOrder,
            (true, None) => Standing::Abandoned,
        }
    }
}
