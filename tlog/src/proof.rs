//! `tlog-proof@v1` files (C2SP tlog-proof): index, audit path and cosigned checkpoint in one text.
//!
//! Reading is strict, so that a proof has one spelling: what [`TlogProof::parse`] accepts without
//! an `extra` line, [`TlogProof::encode`] writes back octet by octet. An `extra` line is not
//! authenticated; it is skipped and never written. [`crate::Policy::check_proof`] is the checker.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::decimal;
use crate::hash::{Hash, leaf_hash};
use crate::note::{NOTE_LEN_MAX, Note, NoteError};
use crate::tree::{PROOF_HASHES_MAX, ProofError, check_inclusion};

/// The first line of every proof.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The file extension (C2SP tlog-proof: "SHOULD").
pub const FILE_EXTENSION: &str = "tlog-proof";

/// The longest proof that is read, in octets: a full note, 63 hashes, and an `extra` line.
pub const PROOF_LEN_MAX: usize = NOTE_LEN_MAX + (64 << 10);

/// A proof that parsed. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Zero-based index of the entry.
    pub index: u64,
    /// Audit path, from the leaf's sibling to the root's child (RFC 6962 section 2.1.1).
    pub hashes: Vec<Hash>,
    /// The checkpoint with its signatures.
    pub checkpoint: Note,
}

/// An entry of a log, and the proof that it is one: a [`TlogProof`], whose checkpoint others may
/// share. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// The entry's octets: a record.
    pub entry: Vec<u8>,
    /// Its zero-based index.
    pub index: u64,
    /// Its audit path.
    pub path: Vec<Hash>,
    /// The checkpoint with its signatures.
    pub checkpoint: Arc<Note>,
}

impl LoggedEntry {
    /// An entry and its proof, if the proof leads from it to the root of its checkpoint. Whether
    /// that checkpoint is trusted is another question.
    ///
    /// # Errors
    /// [`LoggedError`], if the proof file or its checkpoint cannot be read, or the path does not
    /// lead to the root.
    pub fn read(entry: Vec<u8>, proof: &[u8]) -> Result<Self, LoggedError> {
        let TlogProof {
            index,
            hashes,
            checkpoint,
        } = TlogProof::parse(proof)?;
        let Checkpoint { size, root, .. } = Checkpoint::parse(checkpoint.text())?;
        check_inclusion(leaf_hash(&entry), index, size, root, &hashes)?;
        Ok(Self {
            entry,
            index,
            path: hashes,
            checkpoint: Arc::new(checkpoint),
        })
    }

    /// The proof alone.
    pub fn proof(&self) -> TlogProof {
        TlogProof {
            index: self.index,
            hashes: self.path.clone(),
            checkpoint: Note::clone(&self.checkpoint),
        }
    }
}

/// Why a proof does not show that an entry is one of a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoggedError {
    /// The proof cannot be read.
    #[error(transparent)]
    Proof(#[from] ProofFileError),
    /// Its checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It does not lead from the entry to the root.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

/// Why a proof file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFileError {
    /// Longer than [`PROOF_LEN_MAX`].
    #[error("the proof has {0} octets, at most {PROOF_LEN_MAX} are read")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the proof is not UTF-8 text, from offset {0} on")]
    NotText(usize),
    /// The first line is another one.
    #[error("the first line is not \"{HEADER}\": this is no transparency log proof of version 1")]
    Header,
    /// The `extra` line is no base64.
    #[error("the extra line is not base64")]
    Extra,
    /// There is no `index` line, or its number is not a canonical decimal.
    #[error("the line \"index <decimal number>\" is missing or malformed")]
    Index,
    /// A line of the audit path is no hash.
    #[error("line {0} is not the base64 of a 32-octet hash")]
    HashLine(usize),
    /// More hashes than any tree needs.
    #[error("more than {PROOF_HASHES_MAX} hashes in the audit path")]
    TooManyHashes,
    /// There is no blank line between audit path and checkpoint.
    #[error("no blank line before the checkpoint")]
    NoCheckpoint,
    /// The checkpoint is no signed note.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
}

impl TlogProof {
    /// Reads a proof file (C2SP tlog-proof, "Format").
    ///
    /// # Errors
    /// [`ProofFileError`]: the first part that is not as the format demands.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > PROOF_LEN_MAX {
            return Err(ProofFileError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ProofFileError::NotText(error.valid_up_to()))?;
        let mut rest = text;
        let mut number = 0;
        let mut next_line = || {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            number += 1;
            Some((number, line))
        };
        if next_line().is_none_or(|(_, line)| line != HEADER) {
            return Err(ProofFileError::Header);
        }
        let mut line = next_line();
        if let Some(extra) = line.and_then(|(_, line)| line.strip_prefix("extra ")) {
            STANDARD.decode(extra).map_err(|_| ProofFileError::Extra)?;
            line = next_line();
        }
        let index = line
            .and_then(|(_, line)| decimal::parse(line.strip_prefix("index ")?))
            .ok_or(ProofFileError::Index)?;
        let mut hashes = Vec::new();
        loop {
            let (number, line) = next_line().ok_or(ProofFileError::NoCheckpoint)?;
            if line.is_empty() {
                break;
            }
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(ProofFileError::TooManyHashes);
            }
            hashes.push(Hash::from_base64(line).ok_or(ProofFileError::HashLine(number))?);
        }
        Ok(Self {
            index,
            hashes,
            checkpoint: Note::parse(rest.as_bytes())?,
        })
    }

    /// The file's octets.
    pub fn encode(&self) -> String {
        let mut out = format!("{HEADER}\nindex {}\n", self.index);
        for hash in &self.hashes {
            out.push_str(&hash.to_base64());
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.checkpoint.encode());
        out
    }
}
