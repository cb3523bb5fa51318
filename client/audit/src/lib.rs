//! Replays a log from the files that it publishes, and nothing else.
//!
//! A replay needs no privileged interface: entry bundles and tiles are static files, and everything
//! in them follows from the records. [`plan`] lists the files in the order in which
//! [`Replay::take`] wants them; the caller fetches them (from a URL, a directory). Every record is
//! hashed, and decoded unless the log is of another kind ([`Entries::Any`]). Every tile of every
//! level is computed from the records and compared octet by octet, and [`Replay::finish`] compares
//! the root with the signed one. Memory is bounded: the right edge of the tree and the files in
//! flight.
//!
//! A replay can begin where the last one ended ([`AuditState`]). The saved edge then grows to the
//! new root, which proves that the new tree extends the old one: stronger than a consistency proof,
//! since the records in between were seen. Records below the saved size are not read again.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod checkpoint_timestamps;
mod evidence;
mod lists;
mod memory;
pub mod misissue;
pub mod monitor;
pub mod provider;
mod replay;
mod revoked;
mod state;
pub mod succession;
mod suspects;

pub use checkpoint_timestamps::{
    ANCHORS_MAX, AnchorSeen, AnchorsSeen, WRONG_ANCHORS_MAX, WrongAnchor,
};
pub use evidence::{AuditEvidence, Misbehaviour};
pub use lists::{LISTS_MAX, ListError, ListSeen};
pub use memory::REMEMBERED_MAX;
pub use replay::{Audited, ENDS_MAX, Entries, Replay, Seen, Tally, plan};
pub use state::{AuditState, AuditStateError};
pub use suspects::{LISTED_MAX, Suspect, Suspects, Timeline};

use ishibumi_artifact::record::RecordError;
use ishibumi_tlog::Hash;
use ishibumi_tlog::tile::{BundleError, TilePath};

/// What a replay found to be wrong with a log. Each violation is the fault of the log, or of the
/// server of its files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The file is no entry bundle of that width.
    #[error("{path}: {source}")]
    Bundle {
        /// Path of the entry bundle.
        path: TilePath,
        /// Why the bundle cannot be read.
        source: BundleError,
    },
    /// An entry is no record, or not the one encoding of it.
    #[error("{path}: the record at index {index}: {source}")]
    Record {
        /// Path of the entry bundle.
        path: TilePath,
        /// Index of the entry in the log.
        index: u64,
        /// Why the record cannot be read.
        source: RecordError,
    },
    /// The file has another length than a tile of that width.
    #[error("{path}: {found} octets, a tile of this width has {expected}")]
    TileLength {
        /// Path of the entry bundle.
        path: TilePath,
        /// Octets that came.
        found: usize,
        /// Octets that it has to have.
        expected: usize,
    },
    /// A level-0 tile is not what its entry bundle hashes to: one of the two files is wrong.
    #[error("{path} and {bundle} disagree about the record at index {index}")]
    Leaf {
        /// The tile.
        path: TilePath,
        /// The entry bundle under it.
        bundle: TilePath,
        /// Index in the log of the first difference.
        index: u64,
    },
    /// A tile above level 0 is not what the tiles below it hash to.
    #[error("{path}: hash {position} of the tile is not what the tiles below it hash to")]
    Node {
        /// Path of the tile.
        path: TilePath,
        /// Index of the first wrong hash within the tile, from 0.
        position: usize,
    },
    /// A record that was seen at the last visit is another one now.
    #[error("{path}: the record at index {index} is not the one of the last visit")]
    Rewritten {
        /// The entry bundle.
        path: TilePath,
        /// Index in the log.
        index: u64,
    },
    /// The records hash to another root than the signed one.
    #[error(
        "the records of the tree of size {size} hash to the root {computed}, the log signed {signed}"
    )]
    Root {
        /// Size of the tree.
        size: u64,
        /// Root of the records.
        computed: Hash,
        /// Root in the checkpoint.
        signed: Hash,
    },
    /// The log shows a smaller tree than before.
    #[error("rollback: the last visit saw a tree of size {seen}, the log now shows size {shown}")]
    Rollback {
        /// Size at the last visit.
        seen: u64,
        /// Size now.
        shown: u64,
    },
    /// The log signed two trees, neither of which extends the other.
    #[error(
        "fork: at size {size} the last visit saw the root {seen}, the log's tree now has {shown}"
    )]
    Fork {
        /// Size at the last visit.
        size: u64,
        /// Root at the last visit.
        seen: Hash,
        /// Root of the same size now.
        shown: Hash,
    },
    /// The first record does not open this log.
    #[error("the record at index 0 is not the log's opening statement for the origin {origin:?}")]
    NotOpened {
        /// The origin in the checkpoint.
        origin: String,
    },
    /// A record follows the one that closed the log.
    #[error("{path}: record {index} follows record {closed}, which closed the log")]
    AfterClosed {
        /// The entry bundle.
        path: TilePath,
        /// Index of the record that may not be there.
        index: u64,
        /// Index of the closing record.
        closed: u64,
    },
    /// A file came that was not the next of the plan. The caller's fault, not the log's.
    #[error("{found} came where {expected} was the next file of the plan")]
    OutOfOrder {
        /// The file that came.
        found: TilePath,
        /// The next one of the plan.
        expected: String,
    },
}
