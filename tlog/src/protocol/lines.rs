//! The parts that all requests share: short lines, a proof, a blank line, and a checkpoint; read
//! and written.

use std::fmt::Write as _;

use super::{LINE_LEN_MAX, PROOF_LINES_MAX, RequestError};
use crate::note::Note;
use crate::{Checkpoint, Hash};

/// Reads a body from its first line on.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    /// Lines that were read.
    count: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            count: 0,
        }
    }

    /// The next line, without its newline.
    pub(super) fn line(&mut self) -> Result<&'a str, RequestError> {
        self.count += 1;
        let bad = RequestError::Line(self.count);
        let mut start = self.rest.iter().take(LINE_LEN_MAX + 1);
        let Some(end) = start.position(|&b| b == b'\n') else {
            return Err(bad);
        };
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        std::str::from_utf8(line).map_err(|_| bad)
    }

    /// The proof lines, and the blank line after them.
    pub(super) fn proof(&mut self) -> Result<Vec<Hash>, RequestError> {
        let mut proof = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(proof);
            }
            if proof.len() == PROOF_LINES_MAX {
                return Err(RequestError::TooManyProofLines);
            }
            proof.push(Hash::from_base64(line).ok_or(RequestError::ProofLine(self.count))?);
        }
    }

    /// All that is left, as a signed checkpoint.
    pub(super) fn checkpoint(self) -> Result<(Note, Checkpoint), RequestError> {
        let note = Note::parse(self.rest)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok((note, checkpoint))
    }
}

/// A body: `head` with its newlines, then what [`Lines::proof`] and [`Lines::checkpoint`] read.
pub(super) fn encode(head: &str, proof: &[Hash], note: &Note) -> String {
    let mut body = head.to_owned();
    for hash in proof {
        // Writing to a String does not fail.
        let _ = writeln!(body, "{}", hash.to_base64());
    }
    body.push('\n');
    body.push_str(&note.encode());
    body
}
