//! Which signature algorithms count, and whether a signature is right.
//!
//! One function verifies for tokens, certificates and CRLs. RSA with PKCS#1 v1.5 and PSS (parameters
//! read, RFC 4055), ECDSA over P-256, P-384 and P-521, Ed25519 (strict: no small-order keys, no
//! malleable scalars). RSA keys below 2,048 bits (1,024 by a dated rule) or above 8,192 are refused,
//! and so are explicit curve parameters. Everything here is about public keys, so the timing of `rsa` leaks nothing.
//!
//! `PublicKey::canonical_value` gives the signature value that a record rests on: an ECDSA signature (r, s)
//! has a twin (r, n - s) that verifies as well and that anybody can make, so the smaller s stands
//! for both (docs/formats/record.md).

use const_oid::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use thiserror::Error;

use crate::asn1::{self, Asn1Error, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::hash::{HashAlgorithm, HashError, dotted};
use crate::oid;
use crate::rules::{Primitive, Weak};

const RSA_BITS_MIN: usize = 2_048;
const RSA_BITS_MIN_WEAK: usize = 1_024;
const RSA_BITS_MAX: usize = 8_192;

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
    /// The key and the algorithm do not belong together.
    #[error("a signature by {algorithm} cannot come from a key of kind {key}")]
    KeyMismatch {
        /// What the artifact says.
        algorithm: &'static str,
        /// What the certificate holds.
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

/// A signature algorithm with its parameters, as an AlgorithmIdentifier names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    RsaPkcs1(HashAlgorithm),
    RsaPss {
        hash: HashAlgorithm,
        salt_length: usize,
    },
    Ecdsa(HashAlgorithm),
    Ed25519,
}

/// OID and parameters of an AlgorithmIdentifier.
pub(crate) struct Algorithm<'a> {
    pub(crate) oid: &'a [u8],
    parameters: Option<asn1::Element<'a>>,
}

impl<'a> Algorithm<'a> {
    /// Reads the contents of an AlgorithmIdentifier SEQUENCE.
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, Asn1Error> {
        let oid = reader.expect(OBJECT_IDENTIFIER)?.content;
        let parameters = reader.next()?;
        reader.finish()?;
        Ok(Self { oid, parameters })
    }

    fn is(&self, oid: &ObjectIdentifier) -> bool {
        self.oid == oid.as_bytes()
    }

    pub(crate) fn parameters_absent_or_null(&self) -> bool {
        self.parameters
            .is_none_or(|element| element.raw == [0x05, 0x00])
    }
}

impl Scheme {
    /// From an AlgorithmIdentifier. `digest` is the SignerInfo's digestAlgorithm, which decides
    /// where the identifier is the bare `rsaEncryption` (RFC 3370 3.2).
    pub(crate) fn read(
        algorithm: &Algorithm<'_>,
        digest: Option<HashAlgorithm>,
    ) -> Result<Self, SignatureError> {
        use HashAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        let refused = |name: &str| Err(SignatureError::UnknownAlgorithm(name.into()));
        let plain = [
            (oid::RSA_SHA1, Self::RsaPkcs1(Sha1)),
            (oid::RSA_SHA256, Self::RsaPkcs1(Sha256)),
            (oid::RSA_SHA384, Self::RsaPkcs1(Sha384)),
            (oid::RSA_SHA512, Self::RsaPkcs1(Sha512)),
            (oid::ECDSA_SHA1, Self::Ecdsa(Sha1)),
            (oid::ECDSA_SHA256, Self::Ecdsa(Sha256)),
            (oid::ECDSA_SHA384, Self::Ecdsa(Sha384)),
            (oid::ECDSA_SHA512, Self::Ecdsa(Sha512)),
            (oid::ED25519, Self::Ed25519),
        ];
        let scheme = match (plain.iter().find(|(oid, _)| algorithm.is(oid)), digest) {
            (Some((_, scheme)), _) => *scheme,
            (None, Some(hash)) if algorithm.is(&oid::RSA_ENCRYPTION) => Self::RsaPkcs1(hash),
            _ if algorithm.is(&oid::RSA_PSS) => return read_pss(algorithm),
            _ if algorithm.is(&oid::RSA_SHA224) => return refused("RSA with SHA-224"),
            _ if algorithm.is(&oid::ECDSA_SHA224) => return refused("ECDSA with SHA-224"),
            _ => return refused(&dotted(algorithm.oid)),
        };
        if algorithm.parameters_absent_or_null() {
            Ok(scheme)
        } else {
            Err(SignatureError::Parameters("neither absent nor NULL"))
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1(_) => "RSA PKCS#1 v1.5",
            Self::RsaPss { .. } => "RSA PSS",
            Self::Ecdsa(_) => "ECDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    pub(crate) const fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss { hash, .. } | Self::Ecdsa(hash) => Some(hash),
            Self::Ed25519 => None,
        }
    }
}

/// RSASSA-PSS-params, RFC 4055 3.1: every field has a default, SHA-1 for both hashes.
fn read_pss(algorithm: &Algorithm<'_>) -> Result<Scheme, SignatureError> {
    let parameters = algorithm
        .parameters
        .ok_or(SignatureError::Parameters("PSS without any"))?;
    if parameters.tag != SEQUENCE {
        return Err(SignatureError::Parameters("PSS parameters are no SEQUENCE"));
    }
    let mut fields = parameters.der_reader();
    let mut hash = HashAlgorithm::Sha1;
    let mut mask_hash = HashAlgorithm::Sha1;
    let mut salt_length = 20;
    if let Some(field) = fields.optional(asn1::context_constructed(0))? {
        let named = Algorithm::read(asn1::only(field.reader(), SEQUENCE)?.reader())?;
        hash = HashAlgorithm::from_oid_octets(named.oid)?;
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
        mask_hash = HashAlgorithm::from_oid_octets(Algorithm::read(inner.reader())?.oid)?;
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
    if salt_length > RSA_BITS_MAX / 8 {
        return Err(SignatureError::Parameters(
            "the PSS salt is longer than any key",
        ));
    }
    Ok(Scheme::RsaPss { hash, salt_length })
}

/// A public key, ready to verify with.
#[derive(Clone, Debug)]
pub(crate) enum PublicKey {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl PublicKey {
    /// From a DER SubjectPublicKeyInfo.
    pub(crate) fn read(spki: &[u8], weak: Weak) -> Result<Self, SignatureError> {
        let mut fields = asn1::only(Reader::der(spki), SEQUENCE)?.reader();
        let algorithm = Algorithm::read(fields.expect(SEQUENCE)?.reader())?;
        let octets = fields.expect(asn1::BIT_STRING)?.bit_octets()?;
        fields.finish()?;
        if algorithm.is(&oid::RSA_ENCRYPTION) || algorithm.is(&oid::RSA_PSS) {
            return read_rsa(octets, weak);
        }
        let unreadable = |_| SignatureError::Key("the point is not on its curve".into());
        if algorithm.is(&oid::ED25519) {
            let octets = octets.try_into().map_err(|_| {
                SignatureError::Key(format!(
                    "an Ed25519 key has 32 octets, not {}",
                    octets.len()
                ))
            })?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(octets).map_err(unreadable)?;
            return Ok(Self::Ed25519(key));
        }
        if !algorithm.is(&oid::EC_PUBLIC_KEY) {
            return Err(SignatureError::Key(format!(
                "kind {} is not accepted",
                dotted(algorithm.oid)
            )));
        }
        let curve = algorithm
            .parameters
            .filter(|element| element.tag == OBJECT_IDENTIFIER);
        let curve = curve.ok_or_else(|| SignatureError::Key("the curve is not named".into()))?;
        if curve.content == oid::P256.as_bytes() {
            p256::ecdsa::VerifyingKey::from_sec1_bytes(octets)
                .map(Self::P256)
                .map_err(unreadable)
        } else if curve.content == oid::P384.as_bytes() {
            p384::ecdsa::VerifyingKey::from_sec1_bytes(octets)
                .map(Self::P384)
                .map_err(unreadable)
        } else if curve.content == oid::P521.as_bytes() {
            p521::ecdsa::VerifyingKey::from_sec1_bytes(octets)
                .map(Self::P521)
                .map_err(unreadable)
        } else {
            Err(SignatureError::Key(format!(
                "curve {} is not accepted",
                dotted(curve.content)
            )))
        }
    }

    /// What a signature by this key rests on, beside its hash.
    pub(crate) fn primitive(&self) -> Primitive {
        match self {
            Self::Rsa(key) => Primitive::Rsa(usize::try_from(key.n().bits()).unwrap_or(usize::MAX)),
            Self::P256(_) => Primitive::EcdsaP256,
            Self::P384(_) => Primitive::EcdsaP384,
            Self::P521(_) => Primitive::EcdsaP521,
            Self::Ed25519(_) => Primitive::Ed25519,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RSA",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::P521(_) => "P-521",
            Self::Ed25519(_) => "Ed25519",
        }
    }

    /// Verifies `value` over `message`.
    pub(crate) fn verify(
        &self,
        scheme: Scheme,
        message: &[u8],
        value: &[u8],
        weak: Weak,
    ) -> Result<(), SignatureError> {
        let digest = match scheme.hash() {
            Some(hash) => hash.accepted(weak)?.digest(message),
            None => Vec::new(),
        };
        match (self, scheme) {
            (Self::Rsa(key), Scheme::RsaPkcs1(hash)) => verify_pkcs1(key, hash, &digest, value),
            (Self::Rsa(key), Scheme::RsaPss { hash, salt_length }) => {
                verify_pss(key, hash, salt_length, &digest, value)
            }
            (Self::P256(key), Scheme::Ecdsa(_)) => {
                let value = p256::ecdsa::Signature::from_der(value).map_err(invalid)?;
                key.verify_prehash(&widened(&digest, 32), &value)
                    .map_err(invalid)
            }
            (Self::P384(key), Scheme::Ecdsa(_)) => {
                let value = p384::ecdsa::Signature::from_der(value).map_err(invalid)?;
                key.verify_prehash(&widened(&digest, 48), &value)
                    .map_err(invalid)
            }
            (Self::P521(key), Scheme::Ecdsa(_)) => {
                let value = p521::ecdsa::Signature::from_der(value).map_err(invalid)?;
                key.verify_prehash(&widened(&digest, 66), &value)
                    .map_err(invalid)
            }
            (Self::Ed25519(key), Scheme::Ed25519) => {
                let value = ed25519_dalek::Signature::from_slice(value).map_err(invalid)?;
                key.verify_strict(message, &value).map_err(invalid)
            }
            _ => Err(SignatureError::KeyMismatch {
                algorithm: scheme.name(),
                key: self.name(),
            }),
        }
    }

    /// The signature value by which two encodings of one signature are alike: ECDSA as r and the
    /// smaller of s and n - s, each as wide as the curve's order (32, 48 or 66 octets); others as
    /// they are.
    pub(crate) fn canonical_value(&self, value: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(match self {
            Self::P256(_) => {
                let value = p256::ecdsa::Signature::from_der(value).map_err(invalid)?;
                value.normalize_s().to_bytes().to_vec()
            }
            Self::P384(_) => {
                let value = p384::ecdsa::Signature::from_der(value).map_err(invalid)?;
                value.normalize_s().to_bytes().to_vec()
            }
            Self::P521(_) => {
                let value = p521::ecdsa::Signature::from_der(value).map_err(invalid)?;
                value.normalize_s().to_bytes().to_vec()
            }
            Self::Rsa(_) | Self::Ed25519(_) => value.to_vec(),
        })
    }
}

fn invalid<E>(_: E) -> SignatureError {
    SignatureError::Invalid
}

/// A digest shorter than the field is the same number with zeros in front (SEC 1, 4.1.4).
fn widened(digest: &[u8], width: usize) -> Vec<u8> {
    let mut wide = vec![0; width.saturating_sub(digest.len())];
    wide.extend_from_slice(digest);
    wide
}

fn read_rsa(octets: &[u8], weak: Weak) -> Result<PublicKey, SignatureError> {
    let bits_min = if weak.rsa_1024 {
        RSA_BITS_MIN_WEAK
    } else {
        RSA_BITS_MIN
    };
    let mut fields = asn1::only(Reader::der(octets), SEQUENCE)?.reader();
    let modulus = positive(fields.expect(INTEGER)?.integer_octets()?)?;
    let exponent = positive(fields.expect(INTEGER)?.integer_octets()?)?;
    fields.finish()?;
    let bits = modulus.len() * 8
        - modulus
            .first()
            .map_or(0, |first| first.leading_zeros() as usize);
    if !(bits_min..=RSA_BITS_MAX).contains(&bits) {
        return Err(SignatureError::Key(format!(
            "an RSA key of {bits} bits; {bits_min} to {RSA_BITS_MAX} are accepted"
        )));
    }
    if exponent.len() > 4 {
        return Err(SignatureError::Key("an RSA exponent above 32 bits".into()));
    }
    let number = |octets: &[u8]| {
        let precision = u32::try_from(octets.len() * 8).unwrap_or(u32::MAX);
        BoxedUint::from_be_slice(octets, precision)
            .map_err(|_| SignatureError::Key("an RSA number cannot be read".into()))
    };
    RsaPublicKey::new_with_size_limits(number(modulus)?, number(exponent)?, bits_min..=RSA_BITS_MAX)
        .map(PublicKey::Rsa)
        .map_err(|error| SignatureError::Key(format!("RSA: {error}")))
}

fn positive(octets: &[u8]) -> Result<&[u8], SignatureError> {
    match octets {
        [0, rest @ ..] if !rest.is_empty() => Ok(rest),
        [first, ..] if *first != 0 && first & 0x80 == 0 => Ok(octets),
        _ => Err(SignatureError::Key(
            "an RSA number is zero or negative".into(),
        )),
    }
}

fn verify_pkcs1(
    key: &RsaPublicKey,
    hash: HashAlgorithm,
    digest: &[u8],
    value: &[u8],
) -> Result<(), SignatureError> {
    let padding = match hash {
        HashAlgorithm::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
        HashAlgorithm::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
        HashAlgorithm::Sha384 => Pkcs1v15Sign::new::<sha2::Sha384>(),
        HashAlgorithm::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
    };
    full_width(key, value)?;
    key.verify(padding, digest, value).map_err(invalid)
}

fn verify_pss(
    key: &RsaPublicKey,
    hash: HashAlgorithm,
    salt: usize,
    digest: &[u8],
    value: &[u8],
) -> Result<(), SignatureError> {
    full_width(key, value)?;
    match hash {
        HashAlgorithm::Sha1 => key.verify(Pss::<sha1::Sha1>::new_with_salt(salt), digest, value),
        HashAlgorithm::Sha256 => {
            key.verify(Pss::<sha2::Sha256>::new_with_salt(salt), digest, value)
        }
        HashAlgorithm::Sha384 => {
            key.verify(Pss::<sha2::Sha384>::new_with_salt(salt), digest, value)
        }
        HashAlgorithm::Sha512 => {
            key.verify(Pss::<sha2::Sha512>::new_with_salt(salt), digest, value)
        }
    }
    .map_err(invalid)
}

/// RFC 8017 8.1.2 and 8.2.2, step 1: a value of any other length is refused, so that leading zeros
/// cannot give one signature two forms.
fn full_width(key: &RsaPublicKey, value: &[u8]) -> Result<(), SignatureError> {
    if value.len() == key.size() {
        Ok(())
    } else {
        Err(SignatureError::Invalid)
    }
}
