//! What an error about a checkpoint or a proof shows, by which a verdict is chosen.
//!
//! A note that cannot be read, or that no known key signed, proves nothing and disproves nothing
//! either: another copy, more cosignatures or another policy would mend it. Only two errors show
//! something to be false: a known key's signature that does not verify, and an entry that is not
//! where a trusted tree should have it. Every `match` names every error, so a new one has to be
//! classed before it compiles.

use crate::note::NoteError;
use crate::policy::TrustError;

/// What an error shows about a note or a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing: it cannot be read.
    Unread,
    /// Nothing: no trusted key, or too few of them, vouches for it.
    Unvouched,
    /// A signature in the name of a known key does not verify.
    Signature,
    /// The entry is not in the tree, or not where the proof says.
    Inclusion,
}

impl Fault {
    /// Whether something is shown to be false.
    pub const fn is_shown_false(self) -> bool {
        match self {
            Self::Unread | Self::Unvouched => false,
            Self::Signature | Self::Inclusion => true,
        }
    }
}

impl NoteError {
    /// What the error shows about the note or checkpoint.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLong(_)
            | Self::NotText(_)
            | Self::NoSignatures
            | Self::TooManySignatures(_)
            | Self::SignatureLine(_) => Fault::Unread,
            Self::NoKnownKey(_) => Fault::Unvouched,
            Self::BadSignature(_) => Fault::Signature,
        }
    }
}

impl TrustError {
    /// What the error shows about the proof file.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Note(error) => error.fault(),
            Self::Checkpoint(_) => Fault::Unread,
            Self::UnknownLog(_)
            | Self::NotSignedByLog(_)
            | Self::UnsignedExtensions(_)
            | Self::NoQuorum { .. }
            | Self::NoPostQuantumQuorum { .. } => Fault::Unvouched,
            Self::Inclusion(_) => Fault::Inclusion,
        }
    }
}
