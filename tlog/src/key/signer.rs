//! Signing keys.

use std::fmt;

use super::kind::{KeyError, SignatureType};
use super::line::SignatureLine;
use super::material::SecretKey;
use super::verifier::{VerifierKey, join_key, matching_id, split_key};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosigned::{ORIGIN_LEN_MAX, checkpoint_message};

/// A private key that makes one kind of signature under one name.
///
/// Its text form is that of `golang.org/x/mod/sumdb/note`:
/// `PRIVATE+KEY+<name>+<hex id>+<base64(type || seed)>`, the seed 32 octets for every type (for
/// ML-DSA-44 the seed xi of FIPS 204 algorithm 6). The seed is wiped when the value is dropped.
pub struct NoteSigner {
    verifier: VerifierKey,
    key: SecretKey,
}

const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

impl NoteSigner {
    /// The key with this name, kind and seed of 32 octets.
    ///
    /// # Errors
    /// [`KeyError::Name`] if the name cannot stand in a note.
    pub fn from_seed(name: &str, kind: SignatureType, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SecretKey::from_seed(kind, seed);
        Ok(Self {
            verifier: VerifierKey::new(name, kind, &key.public_octets())?,
            key,
        })
    }

    /// Reads the private text form.
    ///
    /// # Errors
    /// [`KeyError`], if the text is not as [`Self::to_private_text`] writes it.
    pub fn from_private_text(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix(PRIVATE_PREFIX).ok_or(KeyError::Form)?;
        let (name, stated, kind, seed) = split_key(text)?;
        let seed = seed.as_slice().try_into().map_err(|_| KeyError::Material)?;
        let signer = Self::from_seed(name, kind, seed)?;
        matching_id(stated, signer.verifier.id())?;
        Ok(signer)
    }

    /// The private text form: any reader of it can sign.
    pub fn to_private_text(&self) -> String {
        let key = &self.verifier;
        format!(
            "{PRIVATE_PREFIX}{}",
            join_key(key.name(), key.id(), key.kind(), self.key.seed())
        )
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The bare signature over `message`; see [`SecretKey::sign`] for `None`.
    fn sign_message(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.key.sign(message)
    }

    /// Signs a note text as a log does: as it is with an Ed25519 key (type `0x01`; C2SP
    /// signed-note, "Ed25519 signatures"); with an ML-DSA-44 key (type `0x06`) the checkpoint that
    /// the text is, with time zero, since a log says nothing about time.
    ///
    /// # Errors
    /// [`KeyError::Type`] for a key of type `0x04`: it makes cosignatures, and the two must never
    /// share a key id. [`KeyError::Unsignable`] if the key is of type `0x06` and the text is no
    /// checkpoint, or one with extension lines, which its signature would not cover.
    pub fn sign(&self, text: &str) -> Result<SignatureLine, KeyError> {
        match self.verifier.kind() {
            SignatureType::Ed25519 => self
                .sign_message(text.as_bytes())
                .map(|signature| self.line(signature))
                .ok_or(KeyError::Material),
            SignatureType::CosignatureV1 => Err(KeyError::Type(self.verifier.kind().octet())),
            SignatureType::SubtreeV1 => sign_untimed(self, text),
        }
    }

    /// The line of a signature that states a time.
    pub(crate) fn timed(&self, time: u64, message: &[u8]) -> Option<SignatureLine> {
        let mut signature = time.to_be_bytes().to_vec();
        signature.extend(self.sign_message(message)?);
        Some(self.line(signature))
    }

    fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine {
            name: self.verifier.name().to_owned(),
            id: self.verifier.id(),
            signature,
        }
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier)
    }
}

/// A log's own signature with a key of type `0x06`: the checkpoint in `text`, with time zero.
fn sign_untimed(key: &NoteSigner, text: &str) -> Result<SignatureLine, KeyError> {
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
    key.timed(0, &message).ok_or(KeyError::Material)
}
