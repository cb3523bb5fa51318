//! Timestamped cosignatures (C2SP tlog-cosignature): `cosignature/v1` with Ed25519 and `subtree/v1`
//! with ML-DSA-44.
//!
//! The cosigner states: at this time, this is the largest consistent tree of that log that I have
//! seen. The signature is the time as a big-endian `u64` and the signature proper.
//!
//! - `cosignature/v1` (type `0x04`) signs two header lines and the whole note text.
//! - `subtree/v1` (type `0x06`) signs a structure of its own: the cosigner's name, the time, the origin,
//!   a range of leaves and its hash. A checkpoint is the range from 0 to its size. Extension lines are
//!   not signed. With time zero nothing is said about time or about the largest tree: so a log signs
//!   its own checkpoints, and so a range that does not begin at 0 is signed.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::Hash;
use crate::key::{KeyError, NoteSigner, SignatureType, VerifierKey};
use crate::note::{NoteError, SignatureLine};
use crate::tree::Subtree;

/// The largest time that a cosignature may state (C2SP tlog-cosignature, "Format").
pub const TIME_MAX: u64 = i64::MAX as u64;

/// The longest origin that a `subtree/v1` message can hold, in octets (`log_origin<1..2^8-1>`).
pub const ORIGIN_LEN_MAX: usize = 255;

/// Makes cosignatures with one key.
#[derive(Debug)]
pub struct Cosigner(NoteSigner);

impl Cosigner {
    /// A cosigner with this key, which has to be of type `0x04` or `0x06`.
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
    /// Takes the checkpoint, not a text: what is signed is this crate's own encoding of it. `None` for
    /// what the format cannot state: a time of zero or above [`TIME_MAX`]; with a key of type `0x06`
    /// also extension lines, or an origin that is empty or longer than [`ORIGIN_LEN_MAX`].
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

    /// Signs that the leaves of `subtree` in the log `origin` have the hash `hash` (`subtree/v1` with
    /// time zero; what C2SP tlog-witness `sign-subtree` answers with). The caller has checked a subtree
    /// consistency proof to a checkpoint that it cosigned.
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
        timed(&self.0, time, message)
    }
}

/// Checks a `subtree/v1` signature line of `key` over a range of leaves, and says which time it states
/// (`None` for zero, the only one for a range that does not begin at 0).
///
/// # Errors
/// [`NoteError::NoKnownKey`] if the line is not in the name and id of `key`;
/// [`NoteError::BadSignature`] if the signature does not verify, states a time that it may not, or if
/// `key` is not of type `0x06`.
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

/// A log's own signature with a key of type `0x06`: the checkpoint in `text`, with time zero.
pub(crate) fn sign_untimed(key: &NoteSigner, text: &str) -> Result<SignatureLine, KeyError> {
    let unsignable = |error: CheckpointError| KeyError::Unsignable(error.to_string());
    let checkpoint = Checkpoint::parse(text).map_err(unsignable)?;
    checkpoint.check_empty_root().map_err(unsignable)?;
    if !checkpoint.extensions.is_empty() {
        let lines = "it has extension lines, which the signature would not cover".to_owned();
        return Err(KeyError::Unsignable(lines));
    }
    let message = checkpoint_message(key.verifier(), 0, &checkpoint).ok_or_else(|| {
        let len = checkpoint.origin.len();
        KeyError::Unsignable(format!(
            "the origin has {len} octets, at most {ORIGIN_LEN_MAX}"
        ))
    })?;
    timed(key, 0, &message).ok_or(KeyError::Material)
}

/// The time that a valid cosignature states; `None` if it is not valid over `text`.
pub(crate) fn check(key: &VerifierKey, text: &str, signature: &[u8]) -> Option<u64> {
    let (time, signature) = split_time(signature)?;
    let message = match key.kind() {
        SignatureType::Ed25519 => return None,
        SignatureType::CosignatureV1 => message(time, text),
        SignatureType::SubtreeV1 => checkpoint_message(key, time, &Checkpoint::parse(text).ok()?)?,
    };
    key.verifies(&message, signature).then_some(time)
}

/// The time that the octets of a cosignature line state, verified or not.
pub(crate) fn stated_time(signature: &[u8]) -> Option<u64> {
    split_time(signature).map(|(time, _)| time)
}

/// `timestamped_signature`: a time of at most [`TIME_MAX`], and the signature.
fn split_time(signature: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= TIME_MAX).then_some((time, signature))
}

fn timed(key: &NoteSigner, time: u64, message: &[u8]) -> Option<SignatureLine> {
    let mut signature = time.to_be_bytes().to_vec();
    signature.extend(key.sign_message(message)?);
    Some(key.line(signature))
}

/// C2SP tlog-cosignature, "Ed25519 signed message".
fn message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

fn checkpoint_message(key: &VerifierKey, time: u64, checkpoint: &Checkpoint) -> Option<Vec<u8>> {
    let whole = Subtree::new(0, checkpoint.size)?;
    subtree_message(key, time, &checkpoint.origin, whole, checkpoint.root)
}

/// C2SP tlog-cosignature, "ML-DSA-44 signed message": the structure `cosigned_message`. `None` for an
/// origin that it cannot hold.
fn subtree_message(
    key: &VerifierKey,
    time: u64,
    origin: &str,
    subtree: Subtree,
    hash: Hash,
) -> Option<Vec<u8>> {
    let mut message = b"subtree/v1\n\0".to_vec();
    let text = |message: &mut Vec<u8>, text: &str| {
        let len = u8::try_from(text.len()).ok().filter(|&len| len > 0)?;
        message.push(len);
        message.extend_from_slice(text.as_bytes());
        Some(())
    };
    text(&mut message, key.name())?;
    message.extend(time.to_be_bytes());
    text(&mut message, origin)?;
    message.extend(subtree.start().to_be_bytes());
    message.extend(subtree.end().to_be_bytes());
    message.extend(hash.0);
    Some(message)
}
