//! The answers of a witness: signature lines with 200, a size with 409 (C2SP tlog-witness).

use std::fmt::Write as _;

use crate::decimal;
use crate::note::{NOTE_LEN_MAX, SIGNATURES_MAX, SignatureLine};
use crate::tree::SIZE_MAX;

/// The `Content-Type` of a 409 whose body is a size.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// The longest body of signature lines that is read, in octets.
pub const SIGNATURES_LEN_MAX: usize = NOTE_LEN_MAX;

/// Why a body is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Longer than [`SIGNATURES_LEN_MAX`].
    #[error("the answer has {0} octets, at most {SIGNATURES_LEN_MAX} are read")]
    TooLong(usize),
    /// More than [`SIGNATURES_MAX`] lines.
    #[error("the answer has more than {SIGNATURES_MAX} signature lines")]
    TooManySignatures,
    /// The body is not one or more signature lines that each end in a newline.
    #[error("line {0} of the answer is no signature line with a newline at its end")]
    SignatureLine(usize),
    /// The body is not a size.
    #[error("the answer is no tree size: a decimal number up to 2^63 and a newline")]
    Size,
}

/// The body of a 200: one line per signature.
pub fn encode_signatures(lines: &[SignatureLine]) -> String {
    let mut body = String::new();
    for line in lines {
        // Writing to a String does not fail.
        let _ = writeln!(body, "{line}");
    }
    body
}

/// Reads the body of a 200: one or more signature lines. Nothing in them has been verified; lines
/// of unknown keys are the reader's to ignore.
///
/// # Errors
/// [`AnswerError`], if the body is too long, has too many lines, or one of them is no signature
/// line.
pub fn parse_signatures(body: &[u8]) -> Result<Vec<SignatureLine>, AnswerError> {
    if body.len() > SIGNATURES_LEN_MAX {
        return Err(AnswerError::TooLong(body.len()));
    }
    let mut lines = Vec::new();
    for line in body.split_inclusive(|&b| b == b'\n') {
        let number = lines.len() + 1;
        if lines.len() == SIGNATURES_MAX {
            return Err(AnswerError::TooManySignatures);
        }
        let line = std::str::from_utf8(line).ok();
        let line = line.and_then(|line| SignatureLine::parse(line.strip_suffix('\n')?));
        lines.push(line.ok_or(AnswerError::SignatureLine(number))?);
    }
    if lines.is_empty() {
        return Err(AnswerError::SignatureLine(1));
    }
    Ok(lines)
}

/// The body of a 409: the size of the newest checkpoint that was cosigned.
pub fn encode_size(size: u64) -> String {
    format!("{size}\n")
}

/// Reads the body of a 409.
///
/// # Errors
/// [`AnswerError`], if the body is no size in decimal.
pub fn parse_size(body: &[u8]) -> Result<u64, AnswerError> {
    std::str::from_utf8(body)
        .ok()
        .and_then(|text| decimal::parse(text.strip_suffix('\n')?))
        .filter(|&size| size <= SIZE_MAX)
        .ok_or(AnswerError::Size)
}
