//! Timestamped Ed25519 cosignatures, `cosignature/v1` (C2SP tlog-cosignature).
//!
//! The cosigner states: at this time, this is the largest consistent tree of that log that I have
//! seen. The message is two header lines and the whole note text; the signature is the time as a
//! big-endian `u64` and 64 octets of Ed25519.

use crate::checkpoint::Checkpoint;
use crate::key::{KeyError, NoteSigner, SignatureType, VerifierKey};
use crate::note::SignatureLine;

/// The largest time that a cosignature may state (C2SP tlog-cosignature, "Format").
pub const TIME_MAX: u64 = i64::MAX as u64;

/// Makes cosignatures with one key.
#[derive(Debug)]
pub struct Cosigner(NoteSigner);

impl Cosigner {
    /// A cosigner with this key, which has to be of type `0x04`.
    pub fn new(key: NoteSigner) -> Result<Self, KeyError> {
        match key.verifier().kind() {
            SignatureType::CosignatureV1 => Ok(Self(key)),
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
    /// a time that the format cannot state: zero, or above [`TIME_MAX`].
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Option<SignatureLine> {
        if time == 0 || time > TIME_MAX {
            return None;
        }
        let mut signature = time.to_be_bytes().to_vec();
        signature.extend(self.0.sign_message(&message(time, &checkpoint.to_text())));
        Some(self.0.line(signature))
    }
}

/// The time that a valid cosignature states; `None` if it is not valid over `text`.
pub(crate) fn check(key: &VerifierKey, text: &str, signature: &[u8]) -> Option<u64> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= TIME_MAX && key.verifies(&message(time, text), signature)).then_some(time)
}

fn message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}
