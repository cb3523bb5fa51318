//! What logs, witnesses and mirrors say to each other (C2SP tlog-witness, tlog-mirror), as values:
//! every request and every answer with its encoder and its strict parser, without HTTP.
//!
//! | call | request | answered with 200 | else |
//! | --- | --- | --- | --- |
//! | `POST add-checkpoint` | [`AddCheckpoint`] | signature lines ([`encode_signatures`], [`parse_signatures`]) | 409: a size ([`encode_size`], [`parse_size`]); others: text for people |
//! | `POST sign-subtree` | [`SignSubtree`] | signature lines | text for people |
//! | `POST add-entries` | [`add_entries`] | signature lines | 202, 409: [`mirror_info`]; others: text for people |
//! | `GET <origin hash>/checkpoint` ([`checkpoint_path`]) | | a note ([`crate::note::Note`]) | text for people |
//!
//! Parsers check every limit before they read on, and check no signature: a parsed request says
//! nothing yet. One request has one spelling; a parsed request encodes to the same octets. Both
//! sides use this module, so the witness reads what the log's client writes.

mod add_checkpoint;
pub mod add_entries;
mod answer;
mod lines;
pub mod mirror_info;
mod sign_subtree;

pub use add_checkpoint::AddCheckpoint;
pub use answer::{
    AnswerError, SIGNATURES_LEN_MAX, SIZE_TYPE, encode_signatures, encode_size, parse_signatures,
    parse_size,
};
pub use sign_subtree::SignSubtree;

use crate::Hash;
use crate::checkpoint::CheckpointError;
use crate::note::{NOTE_LEN_MAX, NoteError};
use crate::tree::PROOF_HASHES_MAX;

/// The most proof lines that a request may have (C2SP tlog-witness): no tree needs more.
pub const PROOF_LINES_MAX: usize = PROOF_HASHES_MAX;

/// The longest body of `add-checkpoint` and `sign-subtree` that is read, in octets: the longest
/// note, the longest proof, and the lines before it.
pub const BODY_LEN_MAX: usize = NOTE_LEN_MAX + 4096;

/// The longest line before the note, in octets: two numbers of 19 digits, or the base64 of a hash.
pub(crate) const LINE_LEN_MAX: usize = 64;

/// Why a body is no request. All are answered with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The first line of `add-checkpoint` is not `old <decimal>`.
    #[error("line 1 is not `old`, a space and a decimal number without sign or leading zeros")]
    OldSize,
    /// The first line of `sign-subtree` is not `subtree <decimal> <decimal>`.
    #[error("line 1 is not `subtree` and two decimal numbers without sign or leading zeros")]
    SubtreeRange,
    /// The range is no subtree, or has no leaf in it.
    #[error(
        "[{start}, {end}) is no subtree: its start has to be a multiple of the smallest power of two \
         that is not below its number of leaves, which is not zero"
    )]
    NoSubtree {
        /// Index of the first leaf.
        start: u64,
        /// Index of the leaf after the last.
        end: u64,
    },
    /// The range ends after the reference checkpoint.
    #[error("the subtree ends at {end}, after the checkpoint's size {size}")]
    SubtreeBeyondCheckpoint {
        /// Index of the leaf after the last of the range.
        end: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// The second line of `sign-subtree` is not the base64 of 32 octets.
    #[error("line 2 is not the base64 of the subtree's hash of 32 octets")]
    SubtreeHash,
    /// A line before the blank one is too long, or the blank line does not come.
    #[error("line {0} is not a line of at most {LINE_LEN_MAX} octets with a newline at its end")]
    Line(usize),
    /// A proof line is not the base64 of 32 octets.
    #[error(
        "line {0} is not the base64 of a hash of 32 octets, nor the blank line before the note"
    )]
    ProofLine(usize),
    /// More than [`PROOF_LINES_MAX`] proof lines.
    #[error("more than {PROOF_LINES_MAX} proof lines")]
    TooManyProofLines,
    /// The part after the blank line is not a note.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The note is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// The path of a log's newest cosigned checkpoint below a monitoring prefix that ends without a
/// slash: `/<hex SHA-256 of the origin>/checkpoint` (C2SP tlog-witness, "Monitor Retrieval
/// Mechanism").
pub fn checkpoint_path(origin: &str) -> String {
    format!("/{}/checkpoint", Hash::of(origin.as_bytes()))
}
