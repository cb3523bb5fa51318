//! Kind 12: a warning about a token that a log admitted nevertheless.
//!
//! A token that is signed over SHA-1 today may be a forgery from a collision: its existence can be
//! proven, its statement is not to be believed. The record of such a token looks like that of any
//! token, so the log puts a mark before it: readers of the log see it without having the token.

use super::codec::{Cursor, RecordError, Writer};

/// Body of kind 12. The record of the token, of the same content, follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMark {
    /// As in [`super::TokenBody::content`].
    pub content: [u8; 32],
    /// The reason for the mark.
    pub mark: Mark,
}

/// The reason for a mark, by its code. Unknown codes are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u8);

impl Mark {
    /// The signature rests on SHA-1, in its own algorithm or in the digest of the content.
    pub const SHA1: Self = Self(1);

    /// Stable name, kebab-case.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::SHA1 => Some("sha-1"),
            _ => None,
        }
    }
}

impl TokenMark {
    pub(super) fn write(self, out: &mut Writer) {
        out.fixed(&self.content);
        out.u8(self.mark.0);
    }

    pub(super) fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        Ok(Self {
            content: fields.array("content")?,
            mark: Mark(fields.u8("mark")?),
        })
    }
}
