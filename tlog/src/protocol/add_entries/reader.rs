//! Reads a body of any length, piece by piece.

use super::{Package, PackageRange, UploadHead};
use crate::hash::{HASH_LEN, Hash};
use crate::tree::{PROOF_HASHES_MAX, SIZE_MAX};

/// Why octets are no `add-entries` body. All are answered with 400, unless a package came before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The origin is no text.
    #[error("the log origin is not UTF-8")]
    Origin,
    /// `upload_start` is above `upload_end`.
    #[error("upload_start {start} is above upload_end {end}")]
    Range {
        /// `upload_start`, an index.
        start: u64,
        /// `upload_end`, the index after the last entry.
        end: u64,
    },
    /// `upload_end` is above 2^63.
    #[error("upload_end {0} is above 2^63")]
    TooLarge(u64),
    /// A package states a proof that no tree needs.
    #[error(
        "the package of the entries [{start}, {end}) states a proof of {found} hashes, at most \
             {PROOF_HASHES_MAX} are allowed"
    )]
    ProofTooLong {
        /// Index of the first entry of the package.
        start: u64,
        /// The index after its last.
        end: u64,
        /// The stated number.
        found: u8,
    },
}

/// A part of the body that has been read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The head: comes first, once.
    Head(UploadHead),
    /// The next package of the canonical sequence.
    Package(Package),
}

/// Reads one body. It holds at most the head, or one package: 256 entries of 65,535 octets and a
/// proof.
#[derive(Debug)]
pub struct UploadReader {
    at: At,
    /// The octets of the current field that have come, and the length of that field.
    field: Vec<u8>,
    wanted: usize,
    origin: String,
    /// `upload_end`, the index after the last entry.
    end: u64,
    /// The range of the next package; `None` before the head, and after the last package.
    next: Option<PackageRange>,
    entries: Vec<Vec<u8>>,
}

/// The field that comes next.
#[derive(Clone, Copy, Debug)]
enum At {
    OriginLen,
    Origin,
    /// `upload_start`, `upload_end` and the length of the ticket.
    Numbers,
    Ticket {
        start: u64,
    },
    EntryLen,
    Entry,
    HashCount,
    Hashes,
    Failed,
}

impl Default for UploadReader {
    fn default() -> Self {
        Self::new()
    }
}

impl UploadReader {
    /// A reader at the beginning of a body.
    pub fn new() -> Self {
        Self {
            at: At::OriginLen,
            field: Vec::new(),
            wanted: 2,
            origin: String::new(),
            end: 0,
            next: None,
            entries: Vec::new(),
        }
    }

    /// Takes octets from the front of `input` until something is whole, and says what; `None` once
    /// `input` is used up. After the last package nothing is taken any more: see
    /// [`Self::is_complete`].
    ///
    /// # Errors
    /// The body is malformed. The reader stays at that position and takes no more octets.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Event>, UploadError> {
        while !self.is_complete() && !matches!(self.at, At::Failed) {
            let missing = self.wanted.saturating_sub(self.field.len());
            let (taken, rest) = input.split_at(missing.min(input.len()));
            self.field.extend_from_slice(taken);
            *input = rest;
            if self.field.len() < self.wanted {
                return Ok(None);
            }
            let field = std::mem::take(&mut self.field);
            match self.whole(field) {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(error) => {
                    self.at = At::Failed;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// Whether the head and every package of the canonical sequence have been read.
    pub fn is_complete(&self) -> bool {
        matches!(self.at, At::EntryLen) && self.next.is_none()
    }

    /// Whether a body that ends here ends between two packages, or after the last.
    pub fn is_between_packages(&self) -> bool {
        matches!(self.at, At::EntryLen) && self.entries.is_empty() && self.field.is_empty()
    }

    fn whole(&mut self, field: Vec<u8>) -> Result<Option<Event>, UploadError> {
        match self.at {
            At::OriginLen => self.expect(At::Origin, len_of(&field)),
            At::Origin => {
                self.origin = String::from_utf8(field).map_err(|_| UploadError::Origin)?;
                self.expect(At::Numbers, 8 + 8 + 2);
            }
            At::Numbers => {
                let (start, rest) = number_of(&field);
                let (end, ticket_len) = number_of(rest);
                if start > end {
                    return Err(UploadError::Range { start, end });
                }
                if end > SIZE_MAX {
                    return Err(UploadError::TooLarge(end));
                }
                self.end = end;
                self.expect(At::Ticket { start }, len_of(ticket_len));
            }
            At::Ticket { start } => {
                self.next = PackageRange::first(start, self.end);
                self.expect(At::EntryLen, 2);
                return Ok(Some(Event::Head(UploadHead {
                    origin: std::mem::take(&mut self.origin),
                    start,
                    end: self.end,
                    ticket: field,
                })));
            }
            At::EntryLen => self.expect(At::Entry, len_of(&field)),
            At::Entry => {
                self.entries.push(field);
                match self.next {
                    Some(range) if self.entries.len() < range.count() => {
                        self.expect(At::EntryLen, 2);
                    }
                    _ => self.expect(At::HashCount, 1),
                }
            }
            At::HashCount => {
                let found = field.first().copied().unwrap_or(0);
                if usize::from(found) > PROOF_HASHES_MAX {
                    let (start, end) = self.next.map_or((0, 0), |r| (r.start(), r.end()));
                    return Err(UploadError::ProofTooLong { start, end, found });
                }
                self.expect(At::Hashes, usize::from(found) * HASH_LEN);
            }
            At::Hashes => {
                let range = self.next.take();
                self.next = range.and_then(|range| PackageRange::first(range.end(), self.end));
                self.expect(At::EntryLen, 2);
                let entries = std::mem::take(&mut self.entries);
                let proof = field.chunks_exact(HASH_LEN).filter_map(Hash::from_slice);
                let proof = proof.collect();
                return Ok(range.map(|range| {
                    Event::Package(Package {
                        range,
                        entries,
                        proof,
                    })
                }));
            }
            At::Failed => {}
        }
        Ok(None)
    }

    fn expect(&mut self, at: At, wanted: usize) {
        (self.at, self.wanted) = (at, wanted);
    }
}

/// The big-endian `uint16` that is the whole of `octets`.
fn len_of(octets: &[u8]) -> usize {
    let number = octets
        .iter()
        .fold(0, |number, &b| number << 8 | usize::from(b));
    number & usize::from(u16::MAX)
}

/// The big-endian `uint64` at the front of `octets`, which has at least eight, and what follows it.
fn number_of(octets: &[u8]) -> (u64, &[u8]) {
    octets
        .split_first_chunk::<8>()
        .map_or((0, &[]), |(number, rest)| {
            (u64::from_be_bytes(*number), rest)
        })
}
