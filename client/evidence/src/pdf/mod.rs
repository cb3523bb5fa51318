//! Time-stamp tokens in a PDF: document timestamps (ISO 32000-2 12.8.5), and those over signatures
//! in CMS (EN 319 142-1).
//!
//! A signature's ByteRange and Contents stand in the file in plain, at fixed offsets: every octet
//! but Contents is signed. So they are found by looking for ByteRange, and not by following the
//! document's objects: signatures of all revisions are found, also those that a later revision
//! hides, and in files that are encrypted or damaged elsewhere
//! (`docs/decisions/0005-embedded-evidence.md`). Each result is a candidate; the verifier decides
//! whether a token stamps the octets beside it.
//!
//! Not read: a ByteRange that is an indirect object, has more than one gap or does not begin at the
//! file's start; each is refused by name.

mod error;
mod imprint;
mod judge;
mod scan;
mod signature;

pub use error::{PdfError, SIGNATURES_MAX};
pub use imprint::Imprint;
pub use judge::{Beside, NoVerdict, PdfVerdict, Place};
pub use signature::{Coverage, Signature};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use ishibumi_artifact::TimestampToken;
use ishibumi_artifact::cms::CmsError;
use ishibumi_artifact::detached::SignedDigest;
use ishibumi_artifact::token::TokenError;
use ishibumi_artifact::unsigned::{
    SIGNATURE_INPUT_MAX, UnsignedError, signature_timestamps, unpadded,
};

use ishibumi_verify::{Extent, InPdf};
use scan::{Found, Scan, is_space};

/// The largest PDF that is read, in octets.
pub const PDF_LEN_MAX: usize = 512 << 20;

/// How far from the start of a PDF its header may begin, in octets (ISO 32000-2 annex I).
pub const HEADER_WITHIN: usize = 1024;

/// How far before a gap the name Contents is looked for.
const CONTENTS_WITHIN: usize = 64;

/// What a token in a PDF stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamped {
    /// A document timestamp: the octets of the file that ByteRange covers.
    Document,
    /// A signature timestamp: the octets of a signature's value.
    Signature(Arc<[u8]>),
}

/// A token in a PDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdfToken {
    /// The octets of the token in the file.
    pub token: Arc<[u8]>,
    /// The octets that it should stamp.
    pub stamped: Stamped,
    /// The position of its signature, and the octets that it covers.
    pub coverage: Coverage,
    /// Index of its signature in [`PdfTokens::signatures`].
    pub signature: usize,
}

/// The result of searching a PDF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PdfTokens {
    /// Tokens, in the order of the file.
    pub tokens: Vec<PdfToken>,
    /// Signatures that could not be read: the offset of their ByteRange, and why.
    pub refused: Vec<(usize, PdfError)>,
    /// Number of signatures that carry no time-stamp.
    pub without: usize,
    /// Every ByteRange, in the order of the file, each array of numbers once.
    pub signatures: Vec<Signature>,
    /// Octets that were looked at to find them: a small multiple of the file's length.
    pub looked_at: u64,
}

impl PdfTokens {
    /// For each of [`Self::signatures`] whether it is about the octets that it covers. Linear in
    /// the file.
    pub fn imprints(&self, pdf: &[u8]) -> Vec<Imprint> {
        imprint::imprints(pdf, &self.signatures)
    }

    /// How the time-stamp of this number, from 1, relates to the whole file, which has `length`
    /// octets; `imprints` are those of [`Self::imprints`].
    pub fn standing(&self, number: usize, length: usize, imprints: &[Imprint]) -> Option<InPdf> {
        let token = self.tokens.get(number.checked_sub(1)?)?;
        let holds = |token: &PdfToken| match imprints.get(token.signature) {
            Some(Imprint::Holds) => Some(true),
            Some(Imprint::Broken) => Some(false),
            _ => None,
        };
        let covers_all = |other: &PdfToken| {
            other.stamped == Stamped::Document
                && other.coverage.end == length
                && holds(other) == Some(true)
        };
        let by = self.tokens.iter().position(covers_all);
        Some(InPdf {
            number,
            over_signature: token.stamped != Stamped::Document,
            covered: token.coverage.end,
            length,
            extent: match by {
                _ if token.coverage.end == length => Extent::Whole,
                Some(place) => Extent::CoveredLater(place + 1),
                None => Extent::ChangedLater,
            },
            holds: holds(token),
        })
    }

    /// Whether all of the file was looked at.
    pub fn is_complete(&self) -> bool {
        !self
            .refused
            .iter()
            .any(|(_, why)| *why == PdfError::TooMany)
    }
}

/// Whether `octets` begin as a PDF does.
pub fn is_pdf(octets: &[u8]) -> bool {
    let start = octets.get(..HEADER_WITHIN).unwrap_or(octets);
    start.windows(5).any(|window| window == b"%PDF-")
}

/// Finds the tokens in `pdf`.
pub fn tokens(pdf: &[u8]) -> PdfTokens {
    let mut scan = Scan::new(pdf);
    let (ranges, more) = scan.byte_ranges(SIGNATURES_MAX);
    let gaps: BTreeSet<usize> = ranges
        .iter()
        .filter_map(Found::gap)
        .map(|it| it.start)
        .collect();
    let mut strings = Strings {
        pdf,
        places: scan.contents(&gaps),
        read: BTreeMap::new(),
    };
    let mut found = PdfTokens {
        looked_at: scan.looked_at,
        ..PdfTokens::default()
    };
    for range in ranges {
        found.add(range, &mut strings);
    }
    if more || found.tokens.len() > SIGNATURES_MAX {
        let last = found.signatures.last().map_or(0, |it| it.at);
        found.tokens.truncate(SIGNATURES_MAX);
        found.refused.push((last, PdfError::TooMany));
    }
    found
}

impl PdfTokens {
    fn add(&mut self, range: Found, strings: &mut Strings<'_>) {
        let at = range.at;
        let read = coverage(&range, strings);
        let coverage = read.as_ref().ok().cloned();
        let content = read.and_then(|coverage| strings.content(&coverage));
        let signature = self.signatures.len();
        let mut claims = Vec::new();
        match (content, &coverage) {
            (Ok(content), Some(coverage)) => {
                self.without += usize::from(content.stamps.is_empty());
                let token = |(token, stamped): &(Arc<[u8]>, Stamped)| PdfToken {
                    token: Arc::clone(token),
                    stamped: stamped.clone(),
                    coverage: coverage.clone(),
                    signature,
                };
                self.tokens.extend(content.stamps.iter().map(token));
                claims = content.claims;
            }
            (Err(error), _) => self.refused.push((at, error)),
            (Ok(_), None) => {}
        }
        self.signatures.push(Signature {
            at,
            covers: range.covers,
            coverage,
            claims,
        });
    }
}

/// Whether `octets` are one version of a PDF, cut out of it: what a time-stamp covers, without the
/// gap.
pub fn is_cut_out(octets: &[u8]) -> bool {
    if !is_pdf(octets) {
        return false;
    }
    let (ranges, _) = Scan::new(octets).byte_ranges(SIGNATURES_MAX);
    let is_cut = |found: &Found| {
        let gap = found.gap()?;
        let behind = found.covers.as_ref()?.last()?.len();
        let before = octets.get(..gap.start)?;
        let tail = before.get(before.len().saturating_sub(CONTENTS_WITHIN)..)?;
        let ends = tail.trim_ascii_end().ends_with(b"/Contents");
        let cut = gap.start.checked_add(behind) == Some(octets.len());
        Some(cut && ends && octets.get(gap.start) != Some(&b'<'))
    };
    ranges.iter().any(|found| is_cut(found) == Some(true))
}

/// Replaces the token at `place` by `token`. Nothing else changes, and no octet moves: a token
/// stands in the octets that its ByteRange leaves out.
///
/// # Errors
/// [`PdfError::NoRoom`] if the token is longer than the reserved space, [`PdfError::Gap`] if
/// `place` is not in the file.
pub fn put_token(pdf: &mut [u8], place: &Coverage, token: &[u8]) -> Result<(), PdfError> {
    let digits = pdf.get_mut(place.digits()).ok_or(PdfError::Gap)?;
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
    Ok(())
}

/// The signature that forbids to replace `token` where it stands: a signature that covers it, or
/// one behind the octets that the token covers for which that cannot be told.
pub(super) fn in_the_way<'a>(found: &'a PdfTokens, token: &PdfToken) -> Option<&'a Signature> {
    let changed = token.coverage.digits();
    let mut all = found.signatures.iter();
    all.find(|it| match it.covers(&changed) {
        Some(covers) => covers,
        // What the token covers was there before the token was.
        None => it.at >= token.coverage.end,
    })
}

/// The hexadecimal strings that are gaps, and their values.
struct Strings<'a> {
    pdf: &'a [u8],
    places: BTreeMap<usize, Option<Range<usize>>>,
    /// By the offset of their first octet: several ByteRanges may have one gap.
    read: BTreeMap<usize, Result<Content, PdfError>>,
}

/// The value of a Contents.
#[derive(Clone)]
struct Content {
    stamps: Vec<(Arc<[u8]>, Stamped)>,
    claims: Vec<SignedDigest>,
}

impl Strings<'_> {
    fn content(&mut self, coverage: &Coverage) -> Result<Content, PdfError> {
        let read = self.read.entry(coverage.gap_start);
        let digits = self.pdf.get(coverage.digits()).unwrap_or_default();
        read.or_insert_with(|| read_content(digits)).clone()
    }
}

fn read_content(digits: &[u8]) -> Result<Content, PdfError> {
    let octets = decode_hex(digits)?;
    if is_no_cms(&octets) {
        return Ok(Content {
            stamps: Vec::new(),
            claims: Vec::new(),
        });
    }
    let signature = unpadded(&octets)?;
    let stamps = match TimestampToken::parse(signature) {
        Ok(_) => vec![(signature.into(), Stamped::Document)],
        // Something else is signed than a TSTInfo, or more is there than a token has.
        Err(TokenError::Size(_) | TokenError::Cms(CmsError::ContentType(_))) => {
            let stamps = signature_timestamps(signature)?.into_iter();
            let stamp = |it: ishibumi_artifact::unsigned::SignatureTimestamp| {
                (it.token.into(), Stamped::Signature(it.signature.into()))
            };
            stamps.map(stamp).collect()
        }
        Err(error) => return Err(PdfError::Contents(error.into())),
    };
    let claims = imprint::claims(signature);
    Ok(Content { stamps, claims })
}

/// Whether the octets are reserved space that was not signed, or the bare signature of
/// adbe.x509.rsa_sha1 (ISO 32000-1 12.8.3.2), an OCTET STRING: neither can carry a time-stamp.
fn is_no_cms(octets: &[u8]) -> bool {
    octets.first() == Some(&0x04) || octets.iter().all(|octet| *octet == 0)
}

/// Checks a ByteRange against the file.
fn coverage(found: &Found, strings: &Strings<'_>) -> Result<Coverage, PdfError> {
    let gap = found.gap().ok_or_else(|| found.refusal())?;
    let end = found.covers.iter().flatten().last().map_or(0, |it| it.end);
    if end > strings.pdf.len() {
        return Err(found.refusal());
    }
    let string = strings.places.get(&gap.start).and_then(Option::as_ref);
    if string != Some(&gap) {
        return Err(PdfError::Gap);
    }
    Ok(Coverage {
        gap_start: gap.start,
        gap_end: gap.end,
        end,
    })
}

/// A hexadecimal string (ISO 32000-2 7.3.4.3): space inside means nothing, an odd last digit is
/// followed by 0.
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
