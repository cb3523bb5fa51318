//! A ByteRange, and the pieces of the file that it covers.

use std::ops::Range;

use ishibumi_artifact::detached::SignedDigest;

/// A ByteRange that fits its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coverage {
    /// Offset of the first octet of the gap.
    pub(super) gap_start: usize,
    /// Offset of the octet after the gap.
    pub(super) gap_end: usize,
    /// Offset of the octet after the covered ones.
    pub(super) end: usize,
}

impl Coverage {
    /// The two pieces of `pdf` that are signed.
    pub fn pieces<'a>(&self, pdf: &'a [u8]) -> [&'a [u8]; 2] {
        let piece = |range: Range<usize>| pdf.get(range).unwrap_or_default();
        [piece(0..self.gap_start), piece(self.gap_end..self.end)]
    }

    /// Offset of the octet after the signed ones: the rest of the file was added later.
    pub const fn end(&self) -> usize {
        self.end
    }

    /// Whether the signed octets reach to the end of `pdf`: no later revision.
    pub const fn reaches_end(&self, pdf: &[u8]) -> bool {
        self.end == pdf.len()
    }

    /// The hexadecimal digits between the angle brackets.
    pub(super) const fn digits(&self) -> Range<usize> {
        self.gap_start + 1..self.gap_end - 1
    }
}

/// A ByteRange in a PDF, with the values beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Offset of its name in the file.
    pub at: usize,
    /// The pieces of the file that it names; `None` if it cannot be read.
    pub(super) covers: Option<Vec<Range<usize>>>,
    /// Those pieces, if they are the file around its Contents.
    pub(super) coverage: Option<Coverage>,
    /// The digests of those octets that are signed.
    pub(super) claims: Vec<SignedDigest>,
}

impl Signature {
    /// Whether its ByteRange can be read.
    pub(in super::super) const fn is_readable(&self) -> bool {
        self.covers.is_some()
    }

    /// Whether it covers any of these octets; `None` if that cannot be told.
    pub(super) fn covers(&self, octets: &Range<usize>) -> Option<bool> {
        let pieces = self.covers.as_ref()?;
        let meets = |piece: &Range<usize>| piece.start < octets.end && octets.start < piece.end;
        Some(pieces.iter().any(meets))
    }
}
