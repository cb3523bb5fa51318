//! The hash functions that artifacts name, and which of them still count.
//!
//! SHA-1 is recognised, because tokens from before 2016 carry it, and refused unless a caller asks
//! for it by name. SHA-224 and everything else is refused.

use sha2::Digest;
use thiserror::Error;

use crate::oid;
use crate::rules::Weak;

/// A hash function that an artifact may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1, 20 octets; broken against collisions.
    Sha1,
    /// SHA-256, 32 octets.
    Sha256,
    /// SHA-384, 48 octets.
    Sha384,
    /// SHA-512, 64 octets.
    Sha512,
}

/// A hash function is unknown or no longer accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// SHA-1 where it was not allowed by name.
    #[error("SHA-1 is broken against collisions and is accepted only where it is allowed by name")]
    Sha1,
    /// Any other function.
    #[error("hash algorithm {0} is not accepted; SHA-256, SHA-384 and SHA-512 are")]
    Unknown(String),
}

impl HashAlgorithm {
    /// From the contents octets of an OBJECT IDENTIFIER.
    pub fn from_oid_octets(octets: &[u8]) -> Result<Self, HashError> {
        let all = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];
        all.into_iter()
            .find(|algorithm| algorithm.oid_octets() == octets)
            .ok_or_else(|| {
                if octets == oid::SHA224.as_bytes() {
                    HashError::Unknown("SHA-224".into())
                } else {
                    HashError::Unknown(dotted(octets))
                }
            })
    }

    /// Contents octets of its OBJECT IDENTIFIER.
    pub const fn oid_octets(self) -> &'static [u8] {
        match self {
            Self::Sha1 => oid::SHA1.as_bytes(),
            Self::Sha256 => oid::SHA256.as_bytes(),
            Self::Sha384 => oid::SHA384.as_bytes(),
            Self::Sha512 => oid::SHA512.as_bytes(),
        }
    }

    /// Octets in a digest.
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The name that people use, `SHA-256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// For input that comes in pieces, such as a large file.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            Self::Sha1 => State::Sha1(sha1::Sha1::new()),
            Self::Sha256 => State::Sha256(sha2::Sha256::new()),
            Self::Sha384 => State::Sha384(sha2::Sha384::new()),
            Self::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Itself, or an error if it is SHA-1 and that is not accepted.
    pub(crate) fn accepted(self, weak: Weak) -> Result<Self, HashError> {
        if self == Self::Sha1 && !weak.sha1 {
            Err(HashError::Sha1)
        } else {
            Ok(self)
        }
    }
}

/// A hash under way: [`HashAlgorithm::hasher`], `update` as often as needed, `finish`.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest, [`HashAlgorithm::digest_length`] octets.
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha384(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// Dotted form of an OID's contents octets, for messages.
pub(crate) fn dotted(octets: &[u8]) -> String {
    const_oid::ObjectIdentifier::from_bytes(octets)
        .map_or_else(|_| octets.escape_ascii().to_string(), |oid| oid.to_string())
}
