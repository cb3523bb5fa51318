//! The state that an auditor keeps between two visits (docs/formats/audit-state.md).
//!
//! The last checkpoint that was replayed to its root, with its signatures, and the partial tiles of
//! that tree. A state is trusted no more than the log is: when it is read, the checkpoint is
//! checked against the policy again, and the hashes have to make its root.

use std::fmt::Write as _;

use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::tile::{Edge, LEVEL_MAX, TILE_WIDTH};
use ishibumi_tlog::{Hash, Policy, TrustedCheckpoint};

/// First line of the file.
const HEADER: &str = "ishibumi/audit-state/v1";

/// A visit's outcome: a trusted checkpoint and the right edge of its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditState {
    head: TrustedCheckpoint,
    edge: Edge,
}

/// Why a state file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditStateError {
    /// The file is not UTF-8, or its first line is another one.
    #[error("the first line is not \"{HEADER}\"")]
    Header,
    /// A line is not what the format has there.
    #[error("line {line}: expected {expected}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The text expected there.
        expected: &'static str,
    },
    /// The checkpoint is no note.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The checkpoint is not to be trusted under this policy: the policy changed, or the file did.
    #[error("the checkpoint under this policy: {0}")]
    Trust(#[from] TrustError),
    /// The hashes do not make the checkpoint's root.
    #[error("the hashes do not make the root {signed} of the tree of size {size}")]
    Root {
        /// Size in the checkpoint.
        size: u64,
        /// Root in the checkpoint.
        signed: Hash,
    },
}

impl AuditState {
    /// A state of `head`, if `edge` is the right edge of its tree.
    ///
    /// # Errors
    /// [`AuditStateError::Root`] if it is the edge of another tree.
    pub fn new(head: TrustedCheckpoint, edge: Edge) -> Result<Self, AuditStateError> {
        let checkpoint = head.checkpoint();
        if checkpoint.size != edge.size() || checkpoint.root != edge.root() {
            let (size, signed) = (checkpoint.size, checkpoint.root);
            return Err(AuditStateError::Root { size, signed });
        }
        Ok(Self { head, edge })
    }

    /// The last checkpoint that was replayed.
    pub const fn head(&self) -> &TrustedCheckpoint {
        &self.head
    }

    /// The right edge of its tree.
    pub const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The file's octets.
    pub fn encode(&self) -> String {
        let mut out = format!("{HEADER}\n");
        for (level, hashes) in self.edge.levels().iter().enumerate() {
            // Writing to a String does not fail.
            let _ = writeln!(out, "level {level} {}", hashes.len());
            for hash in hashes {
                let _ = writeln!(out, "{}", hash.to_base64());
            }
        }
        let _ = write!(out, "\n{}", self.head.note().encode());
        out
    }

    /// Reads a file and checks it under `policy`.
    ///
    /// # Errors
    /// [`AuditStateError`], if the file cannot be read, or its checkpoint is not trusted under
    /// `policy`.
    pub fn decode(octets: &[u8], policy: &Policy) -> Result<Self, AuditStateError> {
        let text = std::str::from_utf8(octets).map_err(|_| AuditStateError::Header)?;
        let body = text
            .strip_prefix(HEADER)
            .and_then(|rest| rest.strip_prefix('\n'));
        let mut rest = body.ok_or(AuditStateError::Header)?;
        let mut line = 1;
        let mut next = |expected| {
            line += 1;
            let error = AuditStateError::Line { line, expected };
            let (text, after) = rest.split_once('\n').ok_or_else(|| error.clone())?;
            rest = after;
            Ok::<_, AuditStateError>((text, error))
        };
        let mut levels: Vec<Vec<Hash>> = Vec::new();
        loop {
            let (text, error) = next("\"level <number> <count>\" or an empty line")?;
            if text.is_empty() {
                break;
            }
            let prefix = format!("level {} ", levels.len());
            let count = text
                .strip_prefix(&prefix)
                .and_then(|count| count.parse::<usize>().ok());
            let count = count.filter(|&count| count < usize::from(TILE_WIDTH));
            let count = count
                .filter(|_| levels.len() <= usize::from(LEVEL_MAX))
                .ok_or(error)?;
            let hashes = (0..count).map(|_| {
                let (text, error) = next("the base64 of a hash")?;
                Hash::from_base64(text).ok_or(error)
            });
            levels.push(hashes.collect::<Result<_, _>>()?);
        }
        let head = policy.check_checkpoint(&Note::parse(rest.as_bytes())?)?;
        let (size, signed) = (head.checkpoint().size, head.checkpoint().root);
        let edge = Edge::from_levels(size, levels).ok_or(AuditStateError::Root { size, signed })?;
        Self::new(head, edge)
    }
}
