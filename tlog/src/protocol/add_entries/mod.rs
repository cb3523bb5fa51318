//! The body of an `add-entries` request (C2SP tlog-mirror, "Request Body"): entries of a log on
//! their way to a mirror, each package of them with a proof of its own.
//!
//! ```text
//! uint16 length, log origin
//! uint64 upload_start
//! uint64 upload_end
//! uint16 length, ticket
//! then packages, each:
//!   entries, each: uint16 length, octets
//!   uint8 number of hashes, at most 63
//!   hashes of 32 octets: the subtree consistency proof of the package in the tree of upload_end
//!     leaves
//! ```
//!
//! Integers are big-endian. [`UploadHead`] says which entries are uploaded; the ranges of all
//! packages follow from its two numbers ([`UploadHead::packages`]), so they are not in the body. A
//! body may end after any package. [`Package::prove`] makes what [`Package::check`] checks;
//! [`UploadReader`] reads a body of any length piece by piece and never holds more than one package
//! of it.

mod package;
mod reader;

pub use package::{AuthenticPackage, Package, PackageError};
pub use reader::{Event, UploadError, UploadReader};

use crate::tile::TILE_WIDTH;
use crate::tree::{SIZE_MAX, Subtree};

/// The `Content-Type` of the body.
pub const CONTENT_TYPE: &str = "application/octet-stream";

/// The most packages that a client puts into one request (C2SP: "SHOULD"): 8,192 entries.
pub const REQUEST_PACKAGES_MAX: usize = 32;

/// The longest origin and the longest ticket that the head can state, in octets.
pub const FIELD_LEN_MAX: usize = u16::MAX as usize;

const WIDTH: u64 = TILE_WIDTH as u64;

/// The head of a request: which entries of which log follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadHead {
    /// The log's origin.
    pub origin: String,
    /// Index of the first entry that is uploaded.
    pub start: u64,
    /// The size of the checkpoint that the proofs lead to, and the end of the whole upload.
    pub end: u64,
    /// The ticket that the mirror gave, to be shown again; may be empty.
    pub ticket: Vec<u8>,
}

impl UploadHead {
    /// The octets of the head. `None` if the origin or the ticket is longer than [`FIELD_LEN_MAX`],
    /// or if there are no such entries: `start > end`, or `end` above 2^63.
    pub fn encode(&self) -> Option<Vec<u8>> {
        if self.start > self.end || self.end > SIZE_MAX {
            return None;
        }
        let mut out = Vec::new();
        let field = |out: &mut Vec<u8>, octets: &[u8]| {
            let len = u16::try_from(octets.len()).ok()?;
            out.extend(len.to_be_bytes());
            out.extend_from_slice(octets);
            Some(())
        };
        field(&mut out, self.origin.as_bytes())?;
        out.extend(self.start.to_be_bytes());
        out.extend(self.end.to_be_bytes());
        field(&mut out, &self.ticket)?;
        Some(out)
    }

    /// The ranges of all packages of this upload, in order: C2SP's "canonical sequence".
    pub fn packages(&self) -> impl Iterator<Item = PackageRange> + use<> {
        packages(self.start, self.end)
    }
}

/// The canonical sequence of packages of the entries `start..end`: cut at multiples of 256.
pub fn packages(start: u64, end: u64) -> impl Iterator<Item = PackageRange> {
    let mut at = start;
    std::iter::from_fn(move || {
        let range = PackageRange::first(at, end)?;
        at = range.end;
        Some(range)
    })
}

/// The entries `start..end` of one package, 1 to 256 of them, all in one entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PackageRange {
    start: u64,
    end: u64,
}

impl PackageRange {
    /// The first package of the entries `start..end`; `None` if there are none, or if `end` is
    /// above 2^63.
    pub fn first(start: u64, end: u64) -> Option<Self> {
        if start >= end || end > SIZE_MAX {
            return None;
        }
        // At most 2^63 - 1 is rounded up to at most 2^63.
        let edge = (start / WIDTH + 1) * WIDTH;
        let end = end.min(edge);
        Some(Self { start, end })
    }

    /// The index of the first entry.
    pub fn start(self) -> u64 {
        self.start
    }

    /// The index after the last entry.
    pub fn end(self) -> u64 {
        self.end
    }

    /// Number of entries, 1 to 256.
    pub fn count(self) -> usize {
        usize::try_from(self.end - self.start).unwrap_or(usize::MAX)
    }

    /// The index of the first entry of the bundle in which the package lies: where its subtree
    /// begins.
    pub fn bundle_start(self) -> u64 {
        self.start / WIDTH * WIDTH
    }

    /// Number of entries of the subtree before the package, which the mirror has already.
    pub fn before(self) -> usize {
        usize::try_from(self.start - self.bundle_start()).unwrap_or(usize::MAX)
    }

    /// The entry bundle in which the package lies, as far as the package's end: index and width.
    pub fn bundle(self) -> (u64, u16) {
        let width = self.end - self.bundle_start();
        (
            self.start / WIDTH,
            u16::try_from(width).unwrap_or(TILE_WIDTH),
        )
    }

    /// The subtree that the package's proof is about: from the beginning of its bundle to its end.
    pub fn subtree(self) -> Subtree {
        // It begins at a multiple of 256 and is no longer than that, so it is a subtree; an empty
        // one would only ever be refused.
        Subtree::new(self.bundle_start(), self.end).unwrap_or(Subtree::EMPTY)
    }
}
