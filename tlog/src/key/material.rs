//! What a key is made of: Ed25519 (RFC 8032) or ML-DSA-44 (FIPS 204), behind one pair of types, so
//! that the algorithm is decided in one place.
//!
//! Both halves read exact lengths only, and a public key that anybody can sign for is not read at
//! all. Signing is deterministic in both: one key and one message have one signature, so notes can
//! be rebuilt octet by octet, and no random source can spoil a signature.

use std::sync::Arc;

use ed25519_dalek::Signer as _;
use ml_dsa::MlDsa44;
use ml_dsa::signature::{Keypair as _, Verifier as _};

use super::kind::{KeyError, SignatureType};

/// Octets of an ML-DSA-44 public key (FIPS 204 table 2).
const ML_DSA_44_PUBLIC_LEN: usize = 1312;
/// Octets at its beginning that are the seed of the matrix; the rest is the vector `t1`.
const ML_DSA_44_MATRIX_SEED_LEN: usize = 32;

/// A public key that passed the checks of its algorithm.
#[derive(Clone, Debug)]
pub(super) enum PublicKey {
    Ed25519(ed25519_dalek::VerifyingKey),
    /// Shared, since the expanded form takes about 24 KiB and policies copy their keys.
    MlDsa44(Arc<MlDsa44Public>),
}

#[derive(Debug)]
pub(super) struct MlDsa44Public {
    octets: [u8; ML_DSA_44_PUBLIC_LEN],
    expanded: ml_dsa::VerifyingKey<MlDsa44>,
}

impl PublicKey {
    /// Reads the octets that a vkey of this type holds.
    pub(super) fn read(kind: SignatureType, octets: &[u8]) -> Result<Self, KeyError> {
        match kind {
            SignatureType::Ed25519 | SignatureType::CosignatureV1 => {
                let octets = octets.try_into().map_err(|_| KeyError::Material)?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(octets)
                    .map_err(|_| KeyError::Material)?;
                // A key of small order would verify signatures that its owner never made.
                if key.is_weak() {
                    return Err(KeyError::Material);
                }
                Ok(Self::Ed25519(key))
            }
            SignatureType::SubtreeV1 => {
                let octets: [u8; ML_DSA_44_PUBLIC_LEN] =
                    octets.try_into().map_err(|_| KeyError::Material)?;
                // t1 = 0 is the key whose secret is zero, which is public knowledge.
                if octets
                    .iter()
                    .skip(ML_DSA_44_MATRIX_SEED_LEN)
                    .all(|&o| o == 0)
                {
                    return Err(KeyError::Material);
                }
                let expanded = ml_dsa::VerifyingKey::decode(&octets.into());
                Ok(Self::MlDsa44(Arc::new(MlDsa44Public { octets, expanded })))
            }
        }
    }

    /// The octets, as [`Self::read`] takes them.
    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key.as_bytes(),
            Self::MlDsa44(key) => &key.octets,
        }
    }

    /// Whether `signature` is one over `message`; `false` for every wrong length.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::MlDsa44(key) => ml_dsa::Signature::<MlDsa44>::try_from(signature)
                .is_ok_and(|signature| key.expanded.verify(message, &signature).is_ok()),
        }
    }
}

/// A private key, made from a seed of 32 octets. Wiped when dropped.
pub(super) enum SecretKey {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa44(Box<ml_dsa::SigningKey<MlDsa44>>),
}

impl SecretKey {
    /// RFC 8032 section 5.1.5, or FIPS 204 algorithm 6 (`ML-DSA.KeyGen_internal`).
    pub(super) fn from_seed(kind: SignatureType, seed: &[u8; 32]) -> Self {
        match kind {
            SignatureType::Ed25519 | SignatureType::CosignatureV1 => {
                Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
            }
            SignatureType::SubtreeV1 => {
                Self::MlDsa44(Box::new(ml_dsa::SigningKey::from_seed(&(*seed).into())))
            }
        }
    }

    /// The seed that it was made from.
    pub(super) fn seed(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key.as_bytes(),
            Self::MlDsa44(key) => key.as_seed(),
        }
    }

    /// The octets of the public key.
    pub(super) fn public_octets(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::MlDsa44(key) => key.verifying_key().encode().to_vec(),
        }
    }

    /// The signature: 64 octets of Ed25519 or 2,420 of ML-DSA-44 (deterministic variant, empty
    /// context). `None` if ML-DSA's search for a signature gives up, which no key has been seen to
    /// do.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ed25519(key) => Some(key.sign(message).to_bytes().to_vec()),
            Self::MlDsa44(key) => Some(key.try_sign(message).ok()?.encode().to_vec()),
        }
    }
}
