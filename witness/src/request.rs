//! The body of an `add-checkpoint` request (C2SP tlog-witness, "add-checkpoint"):
//!
//! ```text
//! old <size>
//! <base64 hash>        up to 63 of them
//!
//! <checkpoint: a signed note>
//! ```
//!
//! The parser is strict and cheap: every limit is checked before what it limits is read further, and
//! no signature is checked here. One request has one spelling.

use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note, NoteError};
use ishibumi_tlog::tree::PROOF_HASHES_MAX;
use ishibumi_tlog::{Checkpoint, Hash};

/// The most proof lines that a request may have (C2SP tlog-witness): no tree needs more.
pub const PROOF_LINES_MAX: usize = PROOF_HASHES_MAX;

/// The longest body that is read, in octets: the longest note, the longest proof and the old size.
pub const BODY_LEN_MAX: usize = NOTE_LEN_MAX + 4096;

/// The longest line before the note, in octets: `old ` and 20 digits, or the base64 of a hash.
const LINE_LEN_MAX: usize = 64;

/// Why a body is no `add-checkpoint` request. All are answered with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The first line is not `old <decimal>`.
    #[error("line 1 is not `old`, a space and a decimal number without sign or leading zeros")]
    OldSize,
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
    /// What follows the blank line is no note.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The note is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// A request that parsed. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size from which the proof starts: what the submitter believes that the witness remembers.
    pub old: u64,
    /// The consistency proof (RFC 6962 section 2.1.2), at most [`PROOF_LINES_MAX`] hashes.
    pub proof: Vec<Hash>,
    /// The note.
    pub note: Note,
    /// The checkpoint that the note's text is.
    pub checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let (line, mut rest) = next_line(body).ok_or(RequestError::Line(1))?;
        let old = line
            .strip_prefix("old ")
            .and_then(canonical_decimal)
            .ok_or(RequestError::OldSize)?;
        let mut proof = Vec::new();
        loop {
            let number = proof.len() + 2;
            let (line, after) = next_line(rest).ok_or(RequestError::Line(number))?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if proof.len() == PROOF_LINES_MAX {
                return Err(RequestError::TooManyProofLines);
            }
            proof.push(Hash::from_base64(line).ok_or(RequestError::ProofLine(number))?);
        }
        let note = Note::parse(rest)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self {
            old,
            proof,
            note,
            checkpoint,
        })
    }

    /// The body of the request; parsing it gives this request again.
    pub fn encode(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.note.encode());
        body
    }
}

/// The first line, without its newline, and what follows it.
fn next_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes
        .iter()
        .take(LINE_LEN_MAX + 1)
        .position(|&b| b == b'\n')?;
    let (line, rest) = bytes.split_at(end);
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}

/// A number in the only spelling that C2SP allows: the one that we would write.
fn canonical_decimal(text: &str) -> Option<u64> {
    text.parse::<u64>()
        .ok()
        .filter(|number| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "log.example/1\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\
                        \u{2014} log.example/1 AAAAAAAA\n";
    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    fn parse(head: &str) -> Result<AddCheckpoint, RequestError> {
        AddCheckpoint::parse(format!("{head}{NOTE}").as_bytes())
    }

    #[test]
    fn good_requests_parse_and_encode_back() {
        for head in [
            "old 0\n\n".to_owned(),
            format!(
                "old 18446744073709551615\n{}\n",
                HASH.repeat(PROOF_LINES_MAX)
            ),
        ] {
            let request = parse(&head).unwrap();
            assert_eq!(request.encode(), format!("{head}{NOTE}"));
            assert_eq!(request.checkpoint.size, 5);
        }
    }

    #[test]
    fn a_size_has_one_spelling() {
        for size in [
            "",
            "00",
            "05",
            "+1",
            "-0",
            " 1",
            "1 ",
            "1\r",
            "0x5",
            "18446744073709551616",
        ] {
            assert_eq!(
                parse(&format!("old {size}\n\n")),
                Err(RequestError::OldSize),
                "{size:?}"
            );
        }
        for line in ["OLD 5", "old5", "old\t5", "size 5", "old"] {
            assert_eq!(
                parse(&format!("{line}\n\n")),
                Err(RequestError::OldSize),
                "{line:?}"
            );
        }
    }

    #[test]
    fn limits_and_lines() {
        let many = format!("old 1\n{}\n", HASH.repeat(PROOF_LINES_MAX + 1));
        assert_eq!(parse(&many), Err(RequestError::TooManyProofLines));
        // Without the blank line the note's first line is taken for a hash.
        assert_eq!(parse("old 1\n"), Err(RequestError::ProofLine(2)));
        assert_eq!(
            parse(&format!("old 1\n{HASH}")),
            Err(RequestError::ProofLine(3))
        );
        assert_eq!(
            parse(&format!("old 1\n{}\n\n", "A".repeat(65))),
            Err(RequestError::Line(2))
        );
        let unpadded = HASH.replace('=', "");
        assert_eq!(
            parse(&format!("old 1\n{unpadded}\n")),
            Err(RequestError::ProofLine(2))
        );
        assert_eq!(AddCheckpoint::parse(b""), Err(RequestError::Line(1)));
        assert_eq!(AddCheckpoint::parse(b"old 1"), Err(RequestError::Line(1)));
        assert_eq!(AddCheckpoint::parse(b"old 1\n"), Err(RequestError::Line(2)));
        assert_eq!(
            AddCheckpoint::parse(b"old \xff\n\n"),
            Err(RequestError::Line(1))
        );
    }

    #[test]
    fn notes_that_are_no_checkpoints_are_refused() {
        let body = |note: &str| AddCheckpoint::parse(format!("old 0\n\n{note}").as_bytes());
        assert!(matches!(
            body("x\n"),
            Err(RequestError::Note(NoteError::NoSignatures))
        ));
        assert!(matches!(
            body("text\n\n\u{2014} a AAAAAAAA\n"),
            Err(RequestError::Checkpoint(CheckpointError::Lines))
        ));
        assert!(matches!(
            body(&NOTE.replace("\n5\n", "\n9223372036854775809\n")),
            Err(RequestError::Checkpoint(CheckpointError::Size(_)))
        ));
        let crowd = format!("{NOTE}{}", "\u{2014} x AAAAAAAA\n".repeat(10_000));
        assert!(matches!(
            body(&crowd),
            Err(RequestError::Note(NoteError::TooManySignatures(10_001)))
        ));
    }
}
