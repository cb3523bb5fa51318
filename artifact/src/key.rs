//! Public keys, and whether a signature by one of them is right.
//!
//! A key is bound to the statement of its SubjectPublicKeyInfo. A key of kind rsaEncryption
//! verifies PKCS#1 v1.5 and PSS. A key of kind id-RSASSA-PSS verifies PSS alone (RFC 4055 1.2), and
//! if it carries parameters, only signatures with its hash and a salt at least as long (3.3). An
//! elliptic curve is named, never spelt out (RFC 5480 2.1.1): P-256, P-384, P-521, brainpoolP256r1
//! and brainpoolP384r1. Ed25519 is strict: no small-order keys, no malleable scalars. RSA keys
//! below 2,048 bits (1,024 by a dated rule) or above 8,192 are refused. Everything here is about
//! public keys, so the timing of `rsa` leaks nothing.
//!
//! `PublicKey::canonical_value` gives the signature value that a record rests on: an ECDSA
//! signature (r, s) has a twin (r, n - s) that verifies as well and that anybody can make, so the
//! smaller s stands for both (docs/formats/record.md).

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};

use crate::asn1::{self, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::hash::{HashAlgorithm, HashError};
use crate::oid;
use crate::rules::Primitive;
use crate::signature::{Algorithm, PssParameters, Scheme, SignatureError, read_pss};
use crate::weak::WeakAlgorithms;

const RSA_BITS_MIN: usize = 2_048;
const RSA_BITS_MIN_WEAK: usize = 1_024;
const RSA_BITS_MAX: usize = 8_192;

/// Whether `value` is a signature over `message` by the key in a SubjectPublicKeyInfo, under an
/// AlgorithmIdentifier as a certificate has it; both DER. By the rules of today: nothing weak
/// counts.
///
/// # Errors
/// [`SignatureError::Invalid`] if it is not; any other error if it cannot be told.
pub fn verify(
    key_info: &[u8],
    algorithm: &[u8],
    message: &[u8],
    value: &[u8],
) -> Result<(), SignatureError> {
    let weak = WeakAlgorithms::default();
    let key = PublicKey::read(key_info, weak)?;
    let algorithm = Algorithm::read(asn1::only(Reader::der(algorithm), SEQUENCE)?.reader())?;
    key.verify(Scheme::read(&algorithm, None)?, message, value, weak)
}

/// The signature schemes that an RSA key may verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RsaUse {
    /// rsaEncryption: either padding.
    Any,
    /// id-RSASSA-PSS: PSS, with any parameters or as restricted.
    Pss(Option<PssParameters>),
}

impl RsaUse {
    fn check(self, scheme: Scheme) -> Result<(), SignatureError> {
        let Self::Pss(allowed) = self else {
            return Ok(());
        };
        let Scheme::RsaPss(found) = scheme else {
            return Err(SignatureError::KeyMismatch {
                algorithm: scheme.name(),
                key: "RSA for PSS only",
            });
        };
        match allowed {
            Some(allowed)
                if found.hash != allowed.hash || found.salt_length < allowed.salt_length =>
            {
                Err(SignatureError::KeyRestricted {
                    allowed: allowed.to_string(),
                    found: found.to_string(),
                })
            }
            Some(_) | None => Ok(()),
        }
    }
}

type Curve256 = bp256::BrainpoolP256r1;
type Curve384 = bp384::BrainpoolP384r1;

/// A public key, ready to verify with.
#[derive(Clone, Debug)]
pub(crate) enum PublicKey {
    Rsa(RsaPublicKey, RsaUse),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    BrainpoolP256(ecdsa::VerifyingKey<Curve256>),
    BrainpoolP384(ecdsa::VerifyingKey<Curve384>),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl PublicKey {
    /// From a DER SubjectPublicKeyInfo.
    pub(crate) fn read(spki: &[u8], weak: WeakAlgorithms) -> Result<Self, SignatureError> {
        let mut fields = asn1::only(Reader::der(spki), SEQUENCE)?.reader();
        let algorithm = Algorithm::read(fields.expect(SEQUENCE)?.reader())?;
        let octets = fields.expect(asn1::BIT_STRING)?.bit_octets()?;
        fields.finish()?;
        if algorithm.is(&oid::RSA_ENCRYPTION) {
            // RFC 3279 2.3.1 asks for NULL; absent ones are read everywhere.
            return if algorithm.parameters_absent_or_null() {
                Ok(Self::Rsa(read_rsa(octets, weak)?, RsaUse::Any))
            } else {
                Err(refused("rsaEncryption has parameters"))
            };
        }
        if algorithm.is(&oid::RSA_PSS) {
            let restricted = algorithm.parameters.as_ref().map(read_pss).transpose()?;
            return Ok(Self::Rsa(read_rsa(octets, weak)?, RsaUse::Pss(restricted)));
        }
        if algorithm.is(&oid::ED25519) {
            return read_ed25519(&algorithm, octets);
        }
        if !algorithm.is(&oid::EC_PUBLIC_KEY) {
            let kind = oid::named(algorithm.oid);
            return Err(SignatureError::Key(format!("kind {kind} is not accepted")));
        }
        let curve = algorithm
            .parameters
            .filter(|element| element.tag == OBJECT_IDENTIFIER);
        let curve = curve.ok_or_else(|| refused("the curve is not named"))?;
        read_point(curve.content, octets)
    }

    /// The algorithm that a signature by this key rests on, beside its hash.
    pub(crate) fn primitive(&self) -> Primitive {
        match self {
            Self::Rsa(key, _) => {
                Primitive::Rsa(usize::try_from(key.n().bits()).unwrap_or(usize::MAX))
            }
            Self::P256(_) => Primitive::EcdsaP256,
            Self::P384(_) => Primitive::EcdsaP384,
            Self::P521(_) => Primitive::EcdsaP521,
            Self::BrainpoolP256(_) => Primitive::EcdsaBrainpoolP256,
            Self::BrainpoolP384(_) => Primitive::EcdsaBrainpoolP384,
            Self::Ed25519(_) => Primitive::Ed25519,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Rsa(..) => "RSA",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::P521(_) => "P-521",
            Self::BrainpoolP256(_) => "brainpoolP256r1",
            Self::BrainpoolP384(_) => "brainpoolP384r1",
            Self::Ed25519(_) => "Ed25519",
        }
    }

    /// Whether a signature of this kind by this key could count at all: without looking at one.
    pub(crate) fn may_sign_by(
        &self,
        scheme: Scheme,
        weak: WeakAlgorithms,
    ) -> Result<(), SignatureError> {
        if let Some(hash) = scheme.hash() {
            hash.accepted_in_signature(weak)?;
        }
        match (self, scheme) {
            (Self::Rsa(_, allowed), Scheme::RsaPkcs1(_) | Scheme::RsaPss(_)) => {
                allowed.check(scheme)
            }
            (Self::Ed25519(_), Scheme::Ed25519) => Ok(()),
            (Self::Rsa(..) | Self::Ed25519(_), _)
            | (_, Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Ed25519) => {
                self.mismatch(scheme)
            }
            (_, Scheme::Ecdsa(_)) => Ok(()),
        }
    }

    const fn mismatch(&self, scheme: Scheme) -> Result<(), SignatureError> {
        Err(SignatureError::KeyMismatch {
            algorithm: scheme.name(),
            key: self.name(),
        })
    }

    /// Verifies `value` over `message`.
    pub(crate) fn verify(
        &self,
        scheme: Scheme,
        message: &[u8],
        value: &[u8],
        weak: WeakAlgorithms,
    ) -> Result<(), SignatureError> {
        self.may_sign_by(scheme, weak)?;
        let digest = scheme.hash().map(|hash| hash.digest(message));
        let digest = digest.unwrap_or_default();
        match (self, scheme) {
            (Self::Rsa(key, _), Scheme::RsaPkcs1(hash)) => verify_pkcs1(key, hash, &digest, value),
            (Self::Rsa(key, _), Scheme::RsaPss(parameters)) => {
                verify_pss(key, parameters, &digest, value)
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
            (Self::BrainpoolP256(key), Scheme::Ecdsa(_)) => {
                let value = ecdsa::Signature::<Curve256>::from_der(value).map_err(invalid)?;
                key.verify_prehash(&widened(&digest, 32), &value)
                    .map_err(invalid)
            }
            (Self::BrainpoolP384(key), Scheme::Ecdsa(_)) => {
                let value = ecdsa::Signature::<Curve384>::from_der(value).map_err(invalid)?;
                key.verify_prehash(&widened(&digest, 48), &value)
                    .map_err(invalid)
            }
            (Self::Ed25519(key), Scheme::Ed25519) => {
                let value = ed25519_dalek::Signature::from_slice(value).map_err(invalid)?;
                key.verify_strict(message, &value).map_err(invalid)
            }
            _ => self.mismatch(scheme),
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
            Self::BrainpoolP256(_) => {
                let value = ecdsa::Signature::<Curve256>::from_der(value).map_err(invalid)?;
                value.normalize_s().to_bytes().to_vec()
            }
            Self::BrainpoolP384(_) => {
                let value = ecdsa::Signature::<Curve384>::from_der(value).map_err(invalid)?;
                value.normalize_s().to_bytes().to_vec()
            }
            Self::Rsa(..) | Self::Ed25519(_) => value.to_vec(),
        })
    }
}

fn refused(why: &str) -> SignatureError {
    SignatureError::Key(why.into())
}

fn unreadable<E>(_: E) -> SignatureError {
    refused("the point is not on its curve")
}

fn read_ed25519(algorithm: &Algorithm<'_>, octets: &[u8]) -> Result<PublicKey, SignatureError> {
    if algorithm.parameters.is_some() {
        return Err(refused("Ed25519 has no parameters (RFC 8410 3)"));
    }
    let octets = octets.try_into().map_err(|_| {
        SignatureError::Key(format!(
            "an Ed25519 key has 32 octets, not {}",
            octets.len()
        ))
    })?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(octets).map_err(unreadable)?;
    Ok(PublicKey::Ed25519(key))
}

fn read_point(curve: &[u8], octets: &[u8]) -> Result<PublicKey, SignatureError> {
    if curve == oid::P256.as_bytes() {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(octets);
        key.map(PublicKey::P256).map_err(unreadable)
    } else if curve == oid::P384.as_bytes() {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(octets);
        key.map(PublicKey::P384).map_err(unreadable)
    } else if curve == oid::P521.as_bytes() {
        let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(octets);
        key.map(PublicKey::P521).map_err(unreadable)
    } else if curve == oid::BRAINPOOL_P256R1.as_bytes() {
        let key = ecdsa::VerifyingKey::from_sec1_bytes(octets);
        key.map(PublicKey::BrainpoolP256).map_err(unreadable)
    } else if curve == oid::BRAINPOOL_P384R1.as_bytes() {
        let key = ecdsa::VerifyingKey::from_sec1_bytes(octets);
        key.map(PublicKey::BrainpoolP384).map_err(unreadable)
    } else {
        let curve = oid::named(curve);
        Err(SignatureError::Key(format!(
            "curve {curve} is not accepted"
        )))
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

fn read_rsa(octets: &[u8], weak: WeakAlgorithms) -> Result<RsaPublicKey, SignatureError> {
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
        HashAlgorithm::Sha3With256 => Pkcs1v15Sign::new::<sha3::Sha3_256>(),
        HashAlgorithm::Sha3With384 => Pkcs1v15Sign::new::<sha3::Sha3_384>(),
        HashAlgorithm::Sha3With512 => Pkcs1v15Sign::new::<sha3::Sha3_512>(),
        _ => return Err(HashError::NotAccepted(hash).into()),
    };
    full_width(key, value)?;
    key.verify(padding, digest, value).map_err(invalid)
}

fn verify_pss(
    key: &RsaPublicKey,
    parameters: PssParameters,
    digest: &[u8],
    value: &[u8],
) -> Result<(), SignatureError> {
    full_width(key, value)?;
    let salt = parameters.salt_length;
    match parameters.hash {
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
        HashAlgorithm::Sha3With256 => {
            key.verify(Pss::<sha3::Sha3_256>::new_with_salt(salt), digest, value)
        }
        HashAlgorithm::Sha3With384 => {
            key.verify(Pss::<sha3::Sha3_384>::new_with_salt(salt), digest, value)
        }
        HashAlgorithm::Sha3With512 => {
            key.verify(Pss::<sha3::Sha3_512>::new_with_salt(salt), digest, value)
        }
        hash => return Err(HashError::NotAccepted(hash).into()),
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
