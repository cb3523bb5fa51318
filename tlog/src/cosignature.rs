//! Timestamped cosignatures (C2SP tlog-cosignature): `cosignature/v1` with Ed25519 and `subtree/v1`
//! with ML-DSA-44.
//!
//! The cosigner states: at this time, this is the largest consistent tree of that log that I have
//! seen. The signature is the time as a big-endian `u64` and the signature proper.
//!
//! - `cosignature/v1` (type `0x04`) signs two header lines and the whole note text.
//! - `subtree/v1` (type `0x06`) signs a structure of its own: the cosigner's name, the time, the
//!   origin, a range of leaves and its hash. A checkpoint is the range from 0 to its size.
//!   Extension lines are not signed. With time zero nothing is said about time or about the largest
//!   tree: so a log signs its own checkpoints, and so a range that does not begin at 0 is signed.

use crate::checkpoint::Checkpoint;
pub use crate::cosigned::{ORIGIN_LEN_MAX, TIME_MAX};
use crate::cosigned::{checkpoint_message, message, split_time, subtree_message};
use crate::hash::Hash;
use crate::key::{KeyError, NoteSigner, SignatureLine, SignatureType, VerifierKey};
use crate::note::NoteError;
use crate::tree::Subtree;

/// Makes cosignatures with one key.
#[derive(Debug)]
pub struct Cosigner(NoteSigner);

impl Cosigner {
    /// A cosigner with this key, which has to be of type `0x04` or `0x06`.
    ///
    /// # Errors
    /// [`KeyError::Type`] if the key is of another type.
    pub fn new(key: NoteSigner) -> Result<Self, KeyError> {
        match key.verifier().kind() {
            SignatureType::CosignatureV1 | SignatureType::SubtreeV1 => Ok(Self(key)),
            other @ SignatureType::Ed25519 => Err(KeyError::Type(other.octet())),
        }
    }

    /// The public half of the key.
    pub fn verifier(&self) -> &VerifierKey {
        self.0.verifier()
    }

    /// Cosigns `checkpoint` as seen at `time`, in seconds since the Epoch.
    ///
    /// Takes the checkpoint, not a text: the signed text is this crate's own encoding of it. `None`
    /// for values that the format cannot state: a time of zero or above [`TIME_MAX`]; with a key of
    /// type `0x06` also extension lines, or an origin that is empty or longer than
    /// [`ORIGIN_LEN_MAX`].
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Option<SignatureLine> {
        if time == 0 || time > TIME_MAX {
            return None;
        }
        if self.verifier().kind() == SignatureType::SubtreeV1 {
            if !checkpoint.extensions.is_empty() {
                return None;
            }
            return self.timed(
                time,
                &checkpoint_message(self.verifier(), time, checkpoint)?,
            );
        }
        self.timed(time, &message(time, &checkpoint.to_text()))
    }

    /// Signs that the leaves of `subtree` in the log `origin` have the hash `hash` (`subtree/v1`
    /// with time zero; what C2SP tlog-witness `sign-subtree` answers with). The caller has checked
    /// a subtree consistency proof to a checkpoint that it cosigned.
    ///
    /// `None` for a key of type `0x04`, which has no such message, for an empty subtree, and for an
    /// origin that is empty or longer than [`ORIGIN_LEN_MAX`].
    pub fn sign_subtree(
        &self,
        origin: &str,
        subtree: Subtree,
        hash: Hash,
    ) -> Option<SignatureLine> {
        if self.verifier().kind() != SignatureType::SubtreeV1 || subtree.is_empty() {
            return None;
        }
        self.timed(
            0,
            &subtree_message(self.verifier(), 0, origin, subtree, hash)?,
        )
    }

    fn timed(&self, time: u64, message: &[u8]) -> Option<SignatureLine> {
        self.0.timed(time, message)
    }
}

/// Checks a `subtree/v1` signature line of `key` over a range of leaves, and says which time it
/// states (`None` for zero, the only one for a range that does not begin at 0).
///
/// # Errors
/// [`NoteError::NoKnownKey`] if the line is not in the name and id of `key`;
/// [`NoteError::BadSignature`] if the signature does not verify, states a time that it may not, or
/// if `key` is not of type `0x06`.
pub fn check_subtree(
    key: &VerifierKey,
    origin: &str,
    subtree: Subtree,
    hash: Hash,
    line: &SignatureLine,
) -> Result<Option<u64>, NoteError> {
    if !line.is_by(key) {
        return Err(NoteError::NoKnownKey(1));
    }
    let checked = || {
        let (time, signature) = split_time(&line.signature)?;
        let known = key.kind() == SignatureType::SubtreeV1 && (time == 0 || subtree.start() == 0);
        let message = subtree_message(key, time, origin, subtree, hash)?;
        (known && key.verifies(&message, signature)).then_some(time)
    };
    let time = checked().ok_or_else(|| NoteError::BadSignature(line.name.clone()))?;
    Ok((time != 0).then_some(time))
}
