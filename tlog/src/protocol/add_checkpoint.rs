//! The request `add-checkpoint` (C2SP tlog-witness, "add-checkpoint"): cosign this, it grew from
//! that.
//!
//! ```text
//! old <size>
//! <base64 hash>        up to 63 of them
//!
//! <checkpoint: a signed note>
//! ```

use super::lines::{self, Lines};
use super::{BODY_LEN_MAX, RequestError};
use crate::note::{Note, NoteError};
use crate::{Checkpoint, Hash, decimal};

/// A request that parsed. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size from which the proof starts: what the submitter believes that the witness
    /// remembers.
    pub old: u64,
    /// The consistency proof (RFC 6962 section 2.1.2), at most [`super::PROOF_LINES_MAX`] hashes.
    pub proof: Vec<Hash>,
    /// The note.
    pub note: Note,
    /// The checkpoint that the note's text is.
    pub checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// A request to cosign the checkpoint in `note`, which grew from a tree of `old` leaves by
    /// `proof`.
    ///
    /// # Errors
    /// What the witness would answer with 400: too long a proof, or a note that is no checkpoint.
    pub fn new(old: u64, proof: Vec<Hash>, note: Note) -> Result<Self, RequestError> {
        if proof.len() > super::PROOF_LINES_MAX {
            return Err(RequestError::TooManyProofLines);
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self {
            old,
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
        let old = lines
            .line()?
            .strip_prefix("old ")
            .and_then(decimal::parse)
            .ok_or(RequestError::OldSize)?;
        let proof = lines.proof()?;
        let (note, checkpoint) = lines.checkpoint()?;
        Ok(Self {
            old,
            proof,
            note,
            checkpoint,
        })
    }

    /// The body of the request; parsing it gives this request again.
    pub fn encode(&self) -> String {
        lines::encode(&format!("old {}\n", self.old), &self.proof, &self.note)
    }
}
