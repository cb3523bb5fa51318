//! Kind 12: what is remarkable about a token that a log took all the same.
//!
//! A token that is signed over SHA-1 today may be the forgery of whoever found a collision; that it existed
//! can be proven, what it says is not to be believed. The record of the token says what it says of every
//! token, so the log puts a mark before it: who reads the log sees it, and nobody has to know what is in
//! the token.

use super::codec::{Cursor, RecordError, Writer};

/// Body of kind 12. The record of the token, of the same content, stands after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMark {
    /// As in [`super::TokenBody::content`].
    pub content: [u8; 32],
    /// What is marked.
    pub mark: Mark,
}

/// What is marked, by its code. Those without a name are kept as they are.
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
