//! Where a time-stamp stands in a PDF.

/// How what a time-stamp covers stands to the whole PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It reaches to the end of the file.
    Whole,
    /// Octets follow that neither it covers nor another document timestamp in the file.
    ChangedLater,
    /// Octets follow, and the document timestamp of this number covers the file to its end.
    CoveredLater(usize),
}

impl Extent {
    /// Stable name in JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole-file",
            Self::ChangedLater => "changed-later",
            Self::CoveredLater(_) => "covered-later",
        }
    }
}

/// A time-stamp inside of a PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InPdf {
    /// Its number, from 1, in the order of the file.
    pub number: usize,
    /// Whether it stamps a signature in the PDF, and not the PDF.
    pub over_signature: bool,
    /// How many octets of the file it covers, or the signature that it stamps.
    pub covered: usize,
    /// How many octets the file has.
    pub length: usize,
    /// Whether there is more in the file.
    pub extent: Extent,
    /// Whether what is stamped, or signed, are the octets that it covers; none if that cannot be
    /// told.
    pub holds: Option<bool>,
}

/// What a document has to do with a PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdf {
    /// The token stands in it.
    Inside(InPdf),
    /// The document is what a time-stamp in a PDF covers, cut out of it: one version of the PDF.
    CutOut,
}
