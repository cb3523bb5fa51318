//! The hash functions that artifacts name, and which of them still count.
//!
//! Reading a name and accepting it are two things. Every function that can be computed is read: the
//! caller then learns which function an artifact names, and an identifier that names a certificate
//! by a weak one (OCSP's certID) is only looked up. `HashAlgorithm::accepted` decides what counts
//! for the imprint of an artifact, and `accepted_in_signature` what counts under a signature. SHA-1
//! is recognised, because tokens from before 2016 carry it, and refused unless a caller asks for it
//! by name. Functions of 224 bits resist collisions by 112 bits, which no current list admits (ETSI
//! TS 119 312, clause 5), and are refused. SHA-3 counts in signatures (RFC 9688). It does not in
//! imprints: the holder of a document has to compute the imprint for decades, and evidence records
//! renew SHA-2 alone (`docs/formats/renewal.md`).

use sha2::Digest;
use thiserror::Error;

use crate::oid;
use crate::weak::WeakAlgorithms;

/// A hash function that an artifact may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1, 20 octets; broken against collisions.
    Sha1,
    /// SHA-224, 28 octets.
    Sha224,
    /// SHA-256, 32 octets.
    Sha256,
    /// SHA-384, 48 octets.
    Sha384,
    /// SHA-512, 64 octets.
    Sha512,
    /// SHA-512/224, 28 octets.
    Sha512Trunc224,
    /// SHA-512/256, 32 octets.
    Sha512Trunc256,
    /// SHA3-224, 28 octets.
    Sha3With224,
    /// SHA3-256, 32 octets.
    Sha3With256,
    /// SHA3-384, 48 octets.
    Sha3With384,
    /// SHA3-512, 64 octets.
    Sha3With512,
}

/// A hash function is unknown or not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// SHA-1 where it was not allowed by name.
    #[error("SHA-1 is broken against collisions and is accepted only where it is allowed by name")]
    Sha1,
    /// A function that is known, and does not count in this use.
    #[error("hash algorithm {} is not accepted here; SHA-256, SHA-384 and SHA-512 are", .0.name())]
    NotAccepted(HashAlgorithm),
    /// SHA-1 where it was allowed for what existed by a day, in something that says that it is of a
    /// later time.
    #[error(
        "SHA-1 was allowed for what existed by a day, and this says of itself that it is of a later time"
    )]
    Sha1Later,
    /// Any other function.
    #[error("hash algorithm {0} is not accepted; SHA-256, SHA-384 and SHA-512 are")]
    Unknown(String),
}

impl HashAlgorithm {
    /// All that are read.
    pub const ALL: [Self; 11] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512Trunc224,
        Self::Sha512Trunc256,
        Self::Sha3With224,
        Self::Sha3With256,
        Self::Sha3With384,
        Self::Sha3With512,
    ];

    /// From the contents octets of an OBJECT IDENTIFIER. That it can be read does not make it
    /// count.
    ///
    /// # Errors
    /// [`HashError::Unknown`] for any other identifier.
    pub fn from_oid_octets(octets: &[u8]) -> Result<Self, HashError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid_octets() == octets)
            .ok_or_else(|| HashError::Unknown(oid::dotted(octets)))
    }

    /// Contents octets of its OBJECT IDENTIFIER.
    pub const fn oid_octets(self) -> &'static [u8] {
        match self {
            Self::Sha1 => oid::SHA1.as_bytes(),
            Self::Sha224 => oid::SHA224.as_bytes(),
            Self::Sha256 => oid::SHA256.as_bytes(),
            Self::Sha384 => oid::SHA384.as_bytes(),
            Self::Sha512 => oid::SHA512.as_bytes(),
            Self::Sha512Trunc224 => oid::SHA512_224.as_bytes(),
            Self::Sha512Trunc256 => oid::SHA512_256.as_bytes(),
            Self::Sha3With224 => oid::SHA3_224.as_bytes(),
            Self::Sha3With256 => oid::SHA3_256.as_bytes(),
            Self::Sha3With384 => oid::SHA3_384.as_bytes(),
            Self::Sha3With512 => oid::SHA3_512.as_bytes(),
        }
    }

    /// Octets in a digest.
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512Trunc224 | Self::Sha3With224 => 28,
            Self::Sha256 | Self::Sha512Trunc256 | Self::Sha3With256 => 32,
            Self::Sha384 | Self::Sha3With384 => 48,
            Self::Sha512 | Self::Sha3With512 => 64,
        }
    }

    /// The name that people use, `SHA-256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha512Trunc224 => "SHA-512/224",
            Self::Sha512Trunc256 => "SHA-512/256",
            Self::Sha3With224 => "SHA3-224",
            Self::Sha3With256 => "SHA3-256",
            Self::Sha3With384 => "SHA3-384",
            Self::Sha3With512 => "SHA3-512",
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
            Self::Sha224 => State::Sha224(sha2::Sha224::new()),
            Self::Sha256 => State::Sha256(sha2::Sha256::new()),
            Self::Sha384 => State::Sha384(sha2::Sha384::new()),
            Self::Sha512 => State::Sha512(sha2::Sha512::new()),
            Self::Sha512Trunc224 => State::Sha512Trunc224(sha2::Sha512_224::new()),
            Self::Sha512Trunc256 => State::Sha512Trunc256(sha2::Sha512_256::new()),
            Self::Sha3With224 => State::Sha3With224(sha3::Sha3_224::new()),
            Self::Sha3With256 => State::Sha3With256(sha3::Sha3_256::new()),
            Self::Sha3With384 => State::Sha3With384(sha3::Sha3_384::new()),
            Self::Sha3With512 => State::Sha3With512(sha3::Sha3_512::new()),
        })
    }

    /// Itself, if it counts in an imprint or in another statement of what an artifact is about.
    pub(crate) fn accepted(self, weak: WeakAlgorithms) -> Result<Self, HashError> {
        match self {
            Self::Sha256 | Self::Sha384 | Self::Sha512 => Ok(self),
            Self::Sha1 if weak.sha1 => Ok(self),
            Self::Sha1 if weak.later => Err(HashError::Sha1Later),
            Self::Sha1 => Err(HashError::Sha1),
            _ => Err(HashError::NotAccepted(self)),
        }
    }

    /// Itself, if it counts as the hash of a signature, or as the digest that the signature of a
    /// CMS signer covers.
    pub(crate) fn accepted_in_signature(self, weak: WeakAlgorithms) -> Result<Self, HashError> {
        match self {
            Self::Sha3With256 | Self::Sha3With384 | Self::Sha3With512 => Ok(self),
            _ => self.accepted(weak),
        }
    }
}

/// A hash under way: [`HashAlgorithm::hasher`], `update` as often as needed, `finish`.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    Sha512Trunc224(sha2::Sha512_224),
    Sha512Trunc256(sha2::Sha512_256),
    Sha3With224(sha3::Sha3_224),
    Sha3With256(sha3::Sha3_256),
    Sha3With384(sha3::Sha3_384),
    Sha3With512(sha3::Sha3_512),
}

/// Runs `$with` on the state of the hash function in use.
macro_rules! on_state {
    ($state:expr, $inner:ident => $with:expr) => {
        match $state {
            State::Sha1($inner) => $with,
            State::Sha224($inner) => $with,
            State::Sha256($inner) => $with,
            State::Sha384($inner) => $with,
            State::Sha512($inner) => $with,
            State::Sha512Trunc224($inner) => $with,
            State::Sha512Trunc256($inner) => $with,
            State::Sha3With224($inner) => $with,
            State::Sha3With256($inner) => $with,
            State::Sha3With384($inner) => $with,
            State::Sha3With512($inner) => $with,
        }
    };
}

impl Hasher {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        on_state!(&mut self.0, state => state.update(bytes));
    }

    /// The digest, [`HashAlgorithm::digest_length`] octets.
    pub fn finish(self) -> Vec<u8> {
        on_state!(self.0, state => state.finalize().to_vec())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4 and FIPS 202: the digests of "abc".
    const OF_ABC: [(&str, &str); 11] = [
        ("SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "SHA-224",
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        ),
        (
            "SHA-256",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "SHA-384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed",
        ),
        (
            "SHA-512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
        ),
        (
            "SHA-512/224",
            "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
        ),
        (
            "SHA-512/256",
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
        ),
        (
            "SHA3-224",
            "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
        ),
        (
            "SHA3-256",
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        ),
        (
            "SHA3-384",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2",
        ),
        (
            "SHA3-512",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e",
        ),
    ];

    #[test]
    fn every_function_is_read_by_its_identifier_and_computes_what_its_standard_says() {
        for (algorithm, (name, digest)) in HashAlgorithm::ALL.into_iter().zip(OF_ABC) {
            assert_eq!(algorithm.name(), name);
            let read = HashAlgorithm::from_oid_octets(algorithm.oid_octets());
            assert_eq!(read, Ok(algorithm));
            let found = algorithm.digest(b"abc");
            assert_eq!(found.len(), algorithm.digest_length(), "{name}");
            assert!(hex::encode(&found).starts_with(digest), "{name}");
        }
    }

    #[test]
    fn what_is_read_counts_only_where_it_is_accepted() {
        let accepted = |check: fn(HashAlgorithm) -> bool| -> Vec<&str> {
            let all = HashAlgorithm::ALL.into_iter();
            all.filter(|one| check(*one))
                .map(HashAlgorithm::name)
                .collect()
        };
        let imprints = accepted(|one| one.accepted(WeakAlgorithms::default()).is_ok());
        assert_eq!(imprints, ["SHA-256", "SHA-384", "SHA-512"]);
        let old = accepted(|one| one.accepted(WeakAlgorithms::ALL).is_ok());
        assert_eq!(old, ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]);
        let signatures =
            accepted(|one| one.accepted_in_signature(WeakAlgorithms::default()).is_ok());
        let sha3 = ["SHA3-256", "SHA3-384", "SHA3-512"];
        assert_eq!(signatures, [&imprints[..], &sha3].concat());
    }
}
