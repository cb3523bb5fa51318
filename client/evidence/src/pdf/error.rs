//! Why a signature's token cannot be read, or not be replaced.

use ishibumi_artifact::unsigned::UnsignedError;
use thiserror::Error;

/// The most signatures, and the most time-stamps, that are read in one PDF.
pub const SIGNATURES_MAX: usize = 256;

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
    #[error(
        "the file has more than {SIGNATURES_MAX} signatures or time-stamps; the rest were not looked at"
    )]
    TooMany,
    /// The token does not fit the space that is reserved for it.
    #[error("the token needs {needed} octets, and the PDF reserves {reserved} for it")]
    NoRoom {
        /// Octets of the token with its proofs.
        needed: usize,
        /// Octets that are reserved in Contents.
        reserved: usize,
    },
}
