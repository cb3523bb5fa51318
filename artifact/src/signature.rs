//! The signature algorithms that count, and the parameters by which an artifact may name them.
//!
//! One reading serves tokens, certificates, lists and responses; [`crate::key`] verifies. RSA with
//! PKCS#1 v1.5 and PSS (parameters read, RFC 4055), ECDSA and Ed25519; the hashes are those of
//! [`crate::hash`]. Any other algorithm is refused by its name, so that users learn what they would
//! need.
//!
//! Parameters are taken as other implementations take them. Beside a PKCS#1 v1.5 signature they are
//! NULL or absent (RFC 4055 5: both MUST be accepted). Beside ECDSA they are absent (RFC 5758 3.2),
//! and a NULL, which some issuers write and OpenSSL takes, changes nothing. Beside Ed25519 they are
//! absent (RFC 8410 3).

use const_oid::ObjectIdentifier;
use thiserror::Error;

use crate::asn1::{self, Asn1Error, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::hash::{HashAlgorithm, HashError};
use crate::oid;

/// A salt longer than the longest key that is read fits no signature.
const SALT_LENGTH_MAX: usize = 1_024;

/// Why a signature was not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The algorithm is not one of those listed in the module.
    #[error("signature algorithm {0} is not accepted")]
    UnknownAlgorithm(String),
    /// The algorithm's parameters are not what the standards allow.
    #[error("signature algorithm parameters: {0}")]
    Parameters(&'static str),
    /// Its hash is not accepted.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The key is of a kind, curve or size that is not accepted.
    #[error("public key: {0}")]
    Key(String),
    /// The key's own parameters allow other signatures only (RFC 4055 3.3).
    #[error("the key allows {allowed} only, and the signature is {found}")]
    KeyRestricted {
        /// The parameters that the certificate allows.
        allowed: String,
        /// The parameters that the artifact states.
        found: String,
    },
    /// The key and the algorithm do not belong together.
    #[error("a signature by {algorithm} cannot come from a key of kind {key}")]
    KeyMismatch {
        /// The algorithm that the artifact states.
        algorithm: &'static str,
        /// The kind of key that the certificate holds.
        key: &'static str,
    },
    /// ASN.1 of key, parameters or value.
    #[error("signature encoding: {0}")]
    Encoding(#[from] Asn1Error),
    /// The value does not verify.
    #[error("the signature does not verify with this key")]
    Invalid,
}

impl SignatureError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "signature-invalid",
            Self::Hash(_) => "hash-algorithm-refused",
            Self::Key(_) => "public-key-refused",
            _ => "signature-algorithm-refused",
        }
    }
}

/// Hash and salt of RSASSA-PSS; MGF1 with the same hash, and trailer field 1, go without saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PssParameters {
    pub(crate) hash: HashAlgorithm,
    pub(crate) salt_length: usize,
}

impl core::fmt::Display for PssParameters {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (hash, salt) = (self.hash.name(), self.salt_length);
        write!(out, "RSA PSS with {hash} and a salt of {salt} octets")
    }
}

/// A signature algorithm with its parameters, as an AlgorithmIdentifier names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    RsaPkcs1(HashAlgorithm),
    RsaPss(PssParameters),
    Ecdsa(HashAlgorithm),
    Ed25519,
}

/// OID and parameters of an AlgorithmIdentifier.
pub(crate) struct Algorithm<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) parameters: Option<asn1::Element<'a>>,
}

impl<'a> Algorithm<'a> {
    /// Reads the contents of an AlgorithmIdentifier SEQUENCE.
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, Asn1Error> {
        let oid = reader.expect(OBJECT_IDENTIFIER)?.content;
        let parameters = reader.next()?;
        reader.finish()?;
        Ok(Self { oid, parameters })
    }

    pub(crate) fn is(&self, oid: &ObjectIdentifier) -> bool {
        self.oid == oid.as_bytes()
    }

    pub(crate) fn parameters_absent_or_null(&self) -> bool {
        self.parameters
            .is_none_or(|element| element.raw == [0x05, 0x00])
    }

    /// The hash function that it names.
    fn hash(&self) -> Result<HashAlgorithm, SignatureError> {
        if self.parameters_absent_or_null() {
            Ok(HashAlgorithm::from_oid_octets(self.oid)?)
        } else {
            Err(SignatureError::Parameters("a hash function has parameters"))
        }
    }
}

/// Algorithms by identifiers that take no parameters but NULL.
const PLAIN: [(ObjectIdentifier, Scheme); 15] = {
    use HashAlgorithm::{Sha1, Sha3With256, Sha3With384, Sha3With512, Sha256, Sha384, Sha512};
    [
        (oid::RSA_SHA1, Scheme::RsaPkcs1(Sha1)),
        (oid::RSA_SHA256, Scheme::RsaPkcs1(Sha256)),
        (oid::RSA_SHA384, Scheme::RsaPkcs1(Sha384)),
        (oid::RSA_SHA512, Scheme::RsaPkcs1(Sha512)),
        (oid::RSA_SHA3_256, Scheme::RsaPkcs1(Sha3With256)),
        (oid::RSA_SHA3_384, Scheme::RsaPkcs1(Sha3With384)),
        (oid::RSA_SHA3_512, Scheme::RsaPkcs1(Sha3With512)),
        (oid::ECDSA_SHA1, Scheme::Ecdsa(Sha1)),
        (oid::ECDSA_SHA256, Scheme::Ecdsa(Sha256)),
        (oid::ECDSA_SHA384, Scheme::Ecdsa(Sha384)),
        (oid::ECDSA_SHA512, Scheme::Ecdsa(Sha512)),
        (oid::ECDSA_SHA3_256, Scheme::Ecdsa(Sha3With256)),
        (oid::ECDSA_SHA3_384, Scheme::Ecdsa(Sha3With384)),
        (oid::ECDSA_SHA3_512, Scheme::Ecdsa(Sha3With512)),
        (oid::ED25519, Scheme::Ed25519),
    ]
};

impl Scheme {
    /// From an AlgorithmIdentifier. `digest` is the SignerInfo's digestAlgorithm, which decides
    /// where the identifier is the bare `rsaEncryption` (RFC 3370 3.2).
    pub(crate) fn read(
        algorithm: &Algorithm<'_>,
        digest: Option<HashAlgorithm>,
    ) -> Result<Self, SignatureError> {
        if algorithm.is(&oid::RSA_PSS) {
            let parameters = algorithm.parameters;
            let parameters = parameters.ok_or(SignatureError::Parameters("PSS without any"))?;
            return read_pss(&parameters).map(Self::RsaPss);
        }
        let plain = PLAIN.iter().find(|(oid, _)| algorithm.is(oid));
        let scheme = match (plain, digest) {
            (Some((_, scheme)), _) => *scheme,
            (None, Some(hash)) if algorithm.is(&oid::RSA_ENCRYPTION) => Self::RsaPkcs1(hash),
            _ => return Err(SignatureError::UnknownAlgorithm(oid::named(algorithm.oid))),
        };
        match scheme {
            Self::Ed25519 if algorithm.parameters.is_some() => {
                Err(SignatureError::Parameters("Ed25519 has none (RFC 8410 3)"))
            }
            _ if algorithm.parameters_absent_or_null() => Ok(scheme),
            _ => Err(SignatureError::Parameters("neither absent nor NULL")),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1(_) => "RSA PKCS#1 v1.5",
            Self::RsaPss(_) => "RSA PSS",
            Self::Ecdsa(_) => "ECDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    pub(crate) const fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(PssParameters { hash, .. }) | Self::Ecdsa(hash) => {
                Some(hash)
            }
            Self::Ed25519 => None,
        }
    }
}

/// RSASSA-PSS-params, RFC 4055 3.1: every field has a default, SHA-1 for both hashes.
pub(crate) fn read_pss(parameters: &asn1::Element<'_>) -> Result<PssParameters, SignatureError> {
    if parameters.tag != SEQUENCE {
        return Err(SignatureError::Parameters("PSS parameters are no SEQUENCE"));
    }
    let mut fields = parameters.der_reader();
    let mut hash = HashAlgorithm::Sha1;
    let mut mask_hash = HashAlgorithm::Sha1;
    let mut salt_length = 20;
    if let Some(field) = fields.optional(asn1::context_constructed(0))? {
        hash = Algorithm::read(asn1::only(field.reader(), SEQUENCE)?.reader())?.hash()?;
    }
    if let Some(field) = fields.optional(asn1::context_constructed(1))? {
        let mask = Algorithm::read(asn1::only(field.reader(), SEQUENCE)?.reader())?;
        if !mask.is(&oid::MGF1) {
            return Err(SignatureError::Parameters(
                "the mask generation function is not MGF1",
            ));
        }
        let inner = mask.parameters.filter(|element| element.tag == SEQUENCE);
        let inner = inner.ok_or(SignatureError::Parameters("MGF1 does not name its hash"))?;
        mask_hash = Algorithm::read(inner.reader())?.hash()?;
    }
    if let Some(field) = fields.optional(asn1::context_constructed(2))? {
        let length = asn1::only(field.reader(), INTEGER)?.unsigned()?;
        salt_length = usize::try_from(length).unwrap_or(usize::MAX);
    }
    if let Some(field) = fields.optional(asn1::context_constructed(3))?
        && asn1::only(field.reader(), INTEGER)?.unsigned()? != 1
    {
        return Err(SignatureError::Parameters("the PSS trailer field is not 1"));
    }
    fields.finish()?;
    if mask_hash != hash {
        return Err(SignatureError::Parameters(
            "PSS and its MGF1 name different hashes",
        ));
    }
    if salt_length > SALT_LENGTH_MAX {
        return Err(SignatureError::Parameters(
            "the PSS salt is longer than any key",
        ));
    }
    Ok(PssParameters { hash, salt_length })
}
