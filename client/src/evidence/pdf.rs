//! Time-stamp tokens in a PDF: document timestamps (ISO 32000-2 12.8.5), and those over signatures in
//! CMS (EN 319 142-1).
//!
//! A signature's ByteRange and Contents stand in the file in plain, at fixed places: what is signed is
//! every octet but Contents. So they are found by looking for ByteRange, and not by following the
//! document's objects: signatures of all revisions are found, also those that a later revision hides, in
//! files that are encrypted or damaged elsewhere too (`docs/decisions/0005-embedded-evidence.md`). What
//! is found is a candidate; whether a token stamps the octets beside it is for the verifier to say.
//!
//! Not read: a ByteRange that is an indirect object, has more than one gap or does not begin at the
//! file's start; each is refused by name.

use std::collections::BTreeSet;
use std::ops::Range;

use ishibumi_artifact::TimestampToken;
use ishibumi_artifact::cms::CmsError;
use ishibumi_artifact::token::TokenError;
use ishibumi_artifact::unsigned::{
    SIGNATURE_INPUT_MAX, UnsignedError, signature_timestamps, unpadded,
};
use thiserror::Error;

/// The largest PDF that is read, in octets.
pub const PDF_LEN_MAX: usize = 512 << 20;

/// The most signatures that are read in one PDF.
pub const SIGNATURES_MAX: usize = 256;

/// How far from the start of a PDF its header may stand (ISO 32000-2 annex I).
const HEADER_WITHIN: usize = 1024;

const BYTE_RANGE: &[u8] = b"/ByteRange";
const CONTENTS: &[u8] = b"/Contents";

/// Why a signature's token cannot be read, or not be replaced.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PdfError {
    /// ByteRange is no array of four numbers.
    #[error("ByteRange is not an array of four numbers in plain")]
    ByteRange,
    /// ByteRange does not fit the file.
    #[error("ByteRange {0:?} does not cover the file's octets up to one gap and behind it")]
    Coverage([usize; 4]),
    /// The gap is not the value of Contents.
    #[error("the gap in ByteRange is not the hexadecimal string of Contents")]
    Gap,
    /// Contents is not a signature or token that can be read.
    #[error("Contents: {0}")]
    Contents(#[from] UnsignedError),
    /// More than [`SIGNATURES_MAX`].
    #[error("the file has more than {SIGNATURES_MAX} signatures")]
    TooMany,
    /// The token does not fit the space that is reserved for it.
    #[error("the token needs {needed} octets, and the PDF reserves {reserved} for it")]
    NoRoom {
        /// Octets of the token with its proofs.
        needed: usize,
        /// Octets that Contents has room for.
        reserved: usize,
    },
}

/// What a token in a PDF stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamped {
    /// A document timestamp: the octets of the file that ByteRange covers.
    Document,
    /// A signature timestamp: the octets of a signature's value.
    Signature(Vec<u8>),
}

/// A token in a PDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdfToken {
    /// The token, as it stands there.
    pub token: Vec<u8>,
    /// What it should stamp.
    pub stamped: Stamped,
    /// Where its signature stands, and what that covers.
    pub coverage: Coverage,
}

/// A ByteRange that fits its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coverage {
    /// Where the gap begins.
    gap_start: usize,
    /// Where it ends.
    gap_end: usize,
    /// Where what is covered ends.
    end: usize,
}

impl Coverage {
    /// The two pieces of `pdf` that are signed.
    pub fn pieces<'a>(&self, pdf: &'a [u8]) -> [&'a [u8]; 2] {
        let piece = |range: Range<usize>| pdf.get(range).unwrap_or_default();
        [piece(0..self.gap_start), piece(self.gap_end..self.end)]
    }

    /// Whether nothing of `pdf` stands behind what is signed: no later revision.
    pub const fn reaches_end(&self, pdf: &[u8]) -> bool {
        self.end == pdf.len()
    }

    /// The hexadecimal digits between the angle brackets.
    const fn digits(&self) -> Range<usize> {
        self.gap_start + 1..self.gap_end - 1
    }
}

/// What was found in a PDF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PdfTokens {
    /// Tokens, in the order of the file.
    pub tokens: Vec<PdfToken>,
    /// Signatures that could not be read: where their ByteRange stands, and why.
    pub refused: Vec<(usize, PdfError)>,
    /// Signatures that carry no time-stamp.
    pub without: usize,
}

/// Whether `octets` begin as a PDF does.
pub fn is_pdf(octets: &[u8]) -> bool {
    let start = octets.get(..HEADER_WITHIN).unwrap_or(octets);
    start.windows(5).any(|window| window == b"%PDF-")
}

/// Finds the tokens in `pdf`.
pub fn tokens(pdf: &[u8]) -> PdfTokens {
    let mut found = PdfTokens::default();
    let mut seen = BTreeSet::new();
    let mut from = 0;
    while let Some(at) = find(pdf, BYTE_RANGE, from) {
        from = at + BYTE_RANGE.len();
        let rest = pdf.get(from..).unwrap_or_default();
        // Another name that begins alike.
        if rest
            .first()
            .is_none_or(|next| !is_space(*next) && *next != b'[')
        {
            continue;
        }
        if seen.len() == SIGNATURES_MAX || found.refused.len() == SIGNATURES_MAX {
            found.refused.push((at, PdfError::TooMany));
            break;
        }
        let coverage = match coverage(pdf, rest) {
            Ok(coverage) => coverage,
            Err(error) => {
                found.refused.push((at, error));
                continue;
            }
        };
        if !seen.insert(coverage.clone()) {
            continue;
        }
        match read(pdf, &coverage) {
            Ok(tokens) => {
                found.without += usize::from(tokens.is_empty());
                found.tokens.extend(tokens);
            }
            Err(error) => found.refused.push((at, error)),
        }
    }
    found
}

/// `pdf` with `token` in the place of the one that is there. Nothing else changes, and no octet moves: the
/// place of a token is what its ByteRange leaves out.
pub fn with_token(pdf: &[u8], place: &Coverage, token: &[u8]) -> Result<Vec<u8>, PdfError> {
    let mut written = pdf.to_vec();
    let digits = written.get_mut(place.digits()).ok_or(PdfError::Gap)?;
    let text = hex::encode_upper(token);
    let (used, padding) =
        digits
            .split_at_mut_checked(text.len())
            .ok_or_else(|| PdfError::NoRoom {
                needed: token.len(),
                reserved: place.digits().len() / 2,
            })?;
    used.copy_from_slice(text.as_bytes());
    padding.fill(b'0');
    Ok(written)
}

fn read(pdf: &[u8], coverage: &Coverage) -> Result<Vec<PdfToken>, PdfError> {
    let octets = decode_hex(pdf.get(coverage.digits()).unwrap_or_default())?;
    let signature = unpadded(&octets)?;
    let token = |token: &[u8], stamped| PdfToken {
        token: token.to_vec(),
        stamped,
        coverage: coverage.clone(),
    };
    match TimestampToken::parse(signature) {
        Ok(_) => Ok(vec![token(signature, Stamped::Document)]),
        // Something else is signed than a TSTInfo, or more is there than a token has.
        Err(TokenError::Size(_) | TokenError::Cms(CmsError::ContentType(_))) => {
            let stamps = signature_timestamps(signature)?.into_iter();
            Ok(stamps
                .map(|stamp| token(&stamp.token, Stamped::Signature(stamp.signature)))
                .collect())
        }
        Err(error) => Err(PdfError::Contents(error.into())),
    }
}

/// Reads the array behind ByteRange, and checks it against the file.
fn coverage(pdf: &[u8], text: &[u8]) -> Result<Coverage, PdfError> {
    let mut rest = trim_start(text)
        .strip_prefix(b"[")
        .ok_or(PdfError::ByteRange)?;
    let mut numbers = [0; 4];
    for number in &mut numbers {
        (*number, rest) = read_number(trim_start(rest)).ok_or(PdfError::ByteRange)?;
    }
    if trim_start(rest).first() != Some(&b']') {
        return Err(PdfError::ByteRange);
    }
    let [start, gap_start, gap_end, length] = numbers;
    let end = gap_end.checked_add(length);
    let end =
        end.filter(|end| start == 0 && gap_start < gap_end && length > 0 && *end <= pdf.len());
    let end = end.ok_or(PdfError::Coverage(numbers))?;
    let before = pdf.get(..gap_start).unwrap_or_default();
    let gap = pdf.get(gap_start..gap_end).unwrap_or_default();
    let is_contents = trim_end(before).ends_with(CONTENTS);
    if !is_contents || gap.len() < 2 || gap.first() != Some(&b'<') || gap.last() != Some(&b'>') {
        return Err(PdfError::Gap);
    }
    Ok(Coverage {
        gap_start,
        gap_end,
        end,
    })
}

/// A number of at most ten digits, which is what producers reserve.
fn read_number(text: &[u8]) -> Option<(usize, &[u8])> {
    let length = text
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    let (digits, rest) = text.split_at_checked(length)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((digits.parse().ok()?, rest))
}

/// A hexadecimal string (ISO 32000-2 7.3.4.3): space inside means nothing, an odd last digit is followed
/// by 0.
fn decode_hex(text: &[u8]) -> Result<Vec<u8>, PdfError> {
    if text.len() > SIGNATURE_INPUT_MAX * 2 {
        return Err(UnsignedError::SignatureSize(text.len() / 2).into());
    }
    let mut digits: Vec<u8> = text.iter().copied().filter(|it| !is_space(*it)).collect();
    if digits.len() % 2 == 1 {
        digits.push(b'0');
    }
    hex::decode(digits).map_err(|_| PdfError::Gap)
}

/// ISO 32000-2 table 1.
const fn is_space(octet: u8) -> bool {
    matches!(octet, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|octet| is_space(**octet)).count();
    text.get(spaces..).unwrap_or_default()
}

fn trim_end(text: &[u8]) -> &[u8] {
    let spaces = text.iter().rev().take_while(|octet| is_space(**octet));
    text.get(..text.len() - spaces.count()).unwrap_or_default()
}

fn find(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let mut windows = rest.windows(wanted.len());
    windows
        .position(|window| window == wanted)
        .map(|at| from + at)
}
