//! The keys under which a record is found, computed from the record alone.
//!
//! An index over these keys can be dropped and rebuilt from the log at any time. A revocation and
//! its certificate have the key (issuer key hash, serial) in common, even if the certificate is
//! logged only as a digest; all tokens of one TSU with one serial have a key with its ESS hash in
//! common, by which two tokens with a reused serial are noticed.

use sha2::{Digest, Sha256};

use crate::certificate::Certificate;
use crate::hash::sha256;
use crate::record::{Body, LogStatement, Record};

/// One way to find a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupKey {
    /// SHA-256 of a certificate's DER.
    Certificate([u8; 32]),
    /// SHA-256 of a TBSCertificate's DER.
    TbsCertificate([u8; 32]),
    /// A certificate, or its revocations, by issuer key hash and serial.
    IssuerSerial {
        /// SHA-256 of the value of the issuer's subjectPublicKey.
        issuer_key_hash: [u8; 32],
        /// Contents octets of the serial's INTEGER.
        serial: Vec<u8>,
    },
    /// A token by the TSU that signed it and its serial.
    TsuSerial {
        /// Contents octets of the ESS hash algorithm's OID.
        ess_hash_algorithm: Vec<u8>,
        /// Hash of the TSU's certificate as signed.
        ess_hash: Vec<u8>,
        /// Contents octets of the serial's INTEGER.
        serial: Vec<u8>,
    },
    /// Certificates of an organisation by organizationIdentifier (2.5.4.97).
    Organization(String),
    /// SHA-256 of a CRL's DER.
    Crl([u8; 32]),
    /// A token by `content`, the digest of everything that was signed.
    TokenContent([u8; 32]),
    /// Statements about the provider with this identifier.
    Provider(String),
    /// Statements about any provider.
    Providers,
    /// SHA-256 of an OCSP response's DER.
    OcspResponse([u8; 32]),
    /// Tokens over checkpoints, all of them.
    CheckpointAnchors,
    /// The log's statements about itself, except `opened`, which has index 0.
    LogStatements,
    /// The statement that the blob with this SHA-256 was erased.
    ErasedBlob([u8; 32]),
    /// The revocation lists that a key signed, by SHA-256 of the value of its subjectPublicKey.
    Lists([u8; 32]),
}

impl LookupKey {
    /// Stable encoding, 33 octets: a tag, then a SHA-256. Tags 1, 2, 6, 7, 10, 13 and 14 carry the
    /// digest itself; 3, 4, 5 and 8 SHA-256 over each field as `uint32` length and octets; 9, 11
    /// and 12 have no field.
    pub fn to_bytes(&self) -> [u8; 33] {
        match self {
            Self::Certificate(digest) => tagged(1, *digest),
            Self::TbsCertificate(digest) => tagged(2, *digest),
            Self::IssuerSerial {
                issuer_key_hash,
                serial,
            } => tagged(3, digest_fields(&[issuer_key_hash, serial])),
            Self::TsuSerial {
                ess_hash_algorithm,
                ess_hash,
                serial,
            } => tagged(4, digest_fields(&[ess_hash_algorithm, ess_hash, serial])),
            Self::Organization(identifier) => tagged(5, digest_fields(&[identifier.as_bytes()])),
            Self::Crl(digest) => tagged(6, *digest),
            Self::TokenContent(digest) => tagged(7, *digest),
            Self::Provider(identifier) => tagged(8, digest_fields(&[identifier.as_bytes()])),
            Self::Providers => tagged(9, digest_fields(&[])),
            Self::OcspResponse(digest) => tagged(10, *digest),
            Self::CheckpointAnchors => tagged(11, digest_fields(&[])),
            Self::LogStatements => tagged(12, digest_fields(&[])),
            Self::ErasedBlob(digest) => tagged(13, *digest),
            Self::Lists(key_hash) => tagged(14, *key_hash),
        }
    }
}

impl LookupKey {
    /// Reads a key as people and URLs write it (docs/formats/submission-api.md, "Lookup"): the
    /// kind, and a value in lowercase hexadecimal or, for organisations and providers, as plain
    /// text.
    pub fn from_words(kind: &str, value: &str) -> Option<Self> {
        let plain = |value: &str| (1..=256).contains(&value.len()).then(|| value.to_owned());
        Some(match kind {
            "certificate" => Self::Certificate(digest(value)?),
            "tbs-certificate" => Self::TbsCertificate(digest(value)?),
            "crl" => Self::Crl(digest(value)?),
            "content" => Self::TokenContent(digest(value)?),
            "ocsp" => Self::OcspResponse(digest(value)?),
            "serial" => {
                let (issuer, serial) = value.split_once('/')?;
                Self::IssuerSerial {
                    issuer_key_hash: digest(issuer)?,
                    serial: octets(serial)?,
                }
            }
            "tsu" => {
                let (algorithm, rest) = value.split_once('/')?;
                let (hash, serial) = rest.split_once('/')?;
                Self::TsuSerial {
                    ess_hash_algorithm: hash_oid(algorithm)?,
                    ess_hash: octets(hash)?,
                    serial: octets(serial)?,
                }
            }
            "organization" => Self::Organization(plain(value)?),
            "provider" => Self::Provider(plain(value)?),
            "providers" if value.is_empty() => Self::Providers,
            "checkpoint-anchors" if value.is_empty() => Self::CheckpointAnchors,
            "log-statements" if value.is_empty() => Self::LogStatements,
            "erased" => Self::ErasedBlob(digest(value)?),
            "lists" => Self::Lists(digest(value)?),
            _ => return None,
        })
    }
}

/// Octets in lowercase hexadecimal, at most 64 of them.
fn octets(text: &str) -> Option<Vec<u8>> {
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let octets = hex::decode(text).ok()?;
    (lower && (1..=64).contains(&octets.len())).then_some(octets)
}

fn digest(text: &str) -> Option<[u8; 32]> {
    octets(text)?.try_into().ok()
}

/// Contents octets of the OIDs of the hash algorithms that ESS attributes use.
fn hash_oid(name: &str) -> Option<Vec<u8>> {
    let nist = |last: u8| vec![0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last];
    match name {
        "sha1" => Some(vec![0x2b, 0x0e, 0x03, 0x02, 0x1a]),
        "sha256" => Some(nist(1)),
        "sha384" => Some(nist(2)),
        "sha512" => Some(nist(3)),
        _ => None,
    }
}

fn tagged(tag: u8, digest: [u8; 32]) -> [u8; 33] {
    let mut bytes = [tag; 33];
    bytes
        .iter_mut()
        .skip(1)
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    bytes
}

fn digest_fields(fields: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

impl Record {
    /// The keys under which this record is found. Empty for `opened`, opaque and unknown kinds.
    pub fn lookup_keys(&self) -> Vec<LookupKey> {
        match self.body() {
            Body::Token(token) => vec![
                LookupKey::TsuSerial {
                    ess_hash_algorithm: token.ess_hash_algorithm.as_bytes().to_vec(),
                    ess_hash: token.ess_hash.as_bytes().to_vec(),
                    serial: token.serial.as_bytes().to_vec(),
                },
                LookupKey::TokenContent(token.content),
            ],
            Body::Certificate(body) => {
                let der = body.certificate.as_bytes();
                let mut keys = vec![LookupKey::Certificate(sha256(der))];
                if let Ok(certificate) = Certificate::from_der(der) {
                    keys.push(LookupKey::TbsCertificate(sha256(certificate.tbs())));
                    keys.push(LookupKey::IssuerSerial {
                        issuer_key_hash: body.issuer_key_hash,
                        serial: certificate.serial().to_vec(),
                    });
                    keys.extend(
                        certificate
                            .organization_identifiers()
                            .into_iter()
                            .map(LookupKey::Organization),
                    );
                }
                keys
            }
            Body::CertificateDigest(body) => vec![
                LookupKey::TbsCertificate(body.tbs_digest),
                LookupKey::IssuerSerial {
                    issuer_key_hash: body.issuer_key_hash,
                    serial: body.serial.as_bytes().to_vec(),
                },
            ],
            Body::Revocation(body) => vec![LookupKey::IssuerSerial {
                issuer_key_hash: body.issuer_key_hash,
                serial: body.serial.as_bytes().to_vec(),
            }],
            Body::Crl(body) => vec![
                LookupKey::Crl(body.digest),
                LookupKey::Lists(body.issuer_key_hash),
            ],
            Body::Ocsp(body) => core::iter::once(LookupKey::OcspResponse(body.digest))
                .chain(body.answers().iter().map(|answer| LookupKey::IssuerSerial {
                    issuer_key_hash: body.issuer_key_hash,
                    serial: answer.serial.as_bytes().to_vec(),
                }))
                .collect(),
            Body::Provider(statement) => {
                let mut keys = vec![LookupKey::Providers];
                if let Ok(identifier) = String::from_utf8(statement.provider().to_vec()) {
                    keys.push(LookupKey::Provider(identifier));
                }
                keys
            }
            Body::Anchor(_) => vec![LookupKey::CheckpointAnchors],
            Body::Mark(mark) => vec![LookupKey::TokenContent(mark.content)],
            Body::Log(statement) => match statement {
                LogStatement::Opened(_) => Vec::new(),
                LogStatement::Erased(erased) => {
                    vec![LookupKey::LogStatements, LookupKey::ErasedBlob(erased.blob)]
                }
                _ => vec![LookupKey::LogStatements],
            },
            Body::Opaque(_) | Body::Unknown(_) => Vec::new(),
        }
    }
}
