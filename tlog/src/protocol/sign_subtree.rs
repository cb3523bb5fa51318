//! The request `sign-subtree` (C2SP tlog-witness, "sign-subtree"): sign this range of a tree that
//! you cosigned.
//!
//! ```text
//! subtree <start> <end>
//! <base64 hash of the subtree>
//! <base64 hash>        up to 63 of them: the subtree consistency proof
//!
//! <reference checkpoint: a signed note>
//! ```

use super::lines::{self, Lines};
use super::{BODY_LEN_MAX, RequestError};
use crate::note::{Note, NoteError};
use crate::tree::Subtree;
use crate::{Checkpoint, Hash, decimal};

/// A request that parsed: the range is a subtree with at least one leaf, and ends within the
/// checkpoint. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSubtree {
    /// The range of leaves.
    pub subtree: Subtree,
    /// Its hash, as claimed.
    pub hash: Hash,
    /// The subtree consistency proof to the checkpoint, at most [`super::PROOF_LINES_MAX`] hashes.
    pub proof: Vec<Hash>,
    /// The note.
    pub note: Note,
    /// The reference checkpoint that the note's text is.
    pub checkpoint: Checkpoint,
}

impl SignSubtree {
    /// A request to sign `subtree` with hash `hash`, which `proof` shows to be part of the tree of
    /// the checkpoint in `note`.
    ///
    /// # Errors
    /// What the witness would answer with 400.
    pub fn new(
        subtree: Subtree,
        hash: Hash,
        proof: Vec<Hash>,
        note: Note,
    ) -> Result<Self, RequestError> {
        if proof.len() > super::PROOF_LINES_MAX {
            return Err(RequestError::TooManyProofLines);
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        let (start, end) = (subtree.start(), subtree.end());
        if subtree.is_empty() {
            return Err(RequestError::NoSubtree { start, end });
        }
        if end > checkpoint.size {
            let size = checkpoint.size;
            return Err(RequestError::SubtreeBeyondCheckpoint { end, size });
        }
        Ok(Self {
            subtree,
            hash,
            proof,
            note,
            checkpoint,
        })
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`RequestError`]: the first part that is not as the specification demands.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > BODY_LEN_MAX {
            return Err(NoteError::TooLong(body.len()).into());
        }
        let mut lines = Lines::of(body);
        let (start, end) = lines
            .line()?
            .strip_prefix("subtree ")
            .and_then(|range| range.split_once(' '))
            .and_then(|(start, end)| Some((decimal::parse(start)?, decimal::parse(end)?)))
            .ok_or(RequestError::SubtreeRange)?;
        let hash = Hash::from_base64(lines.line()?).ok_or(RequestError::SubtreeHash)?;
        let proof = lines.proof()?;
        let (note, _) = lines.checkpoint()?;
        let subtree = Subtree::new(start, end).ok_or(RequestError::NoSubtree { start, end })?;
        Self::new(subtree, hash, proof, note)
    }

    /// The body of the request; parsing it gives this request again.
    pub fn encode(&self) -> String {
        let (start, end) = (self.subtree.start(), self.subtree.end());
        let head = format!("subtree {start} {end}\n{}\n", self.hash.to_base64());
        lines::encode(&head, &self.proof, &self.note)
    }
}
