//! Under which keys a record is found again, computed from the record alone.
//!
//! An index over these keys can be dropped and rebuilt from the log at any time. A revocation and
//! its certificate meet under (issuer key hash, serial) even where the certificate is logged only as
//! a digest; all tokens of one TSU with one serial meet under its ESS hash, which is how two tokens
//! with a reused serial are noticed.

use sha2::{Digest, Sha256};

use super::{Body, Record};
use crate::certificate::Certificate;
use crate::hash::sha256;

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
}

impl LookupKey {
    /// Stable encoding, 33 octets: a tag, then a SHA-256. Tags 1, 2 and 6 carry the digest itself;
    /// 3, 4 and 5 SHA-256 over each field as `uint32` length and octets.
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
        }
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
    /// The keys under which this record is found. Empty for statements and unknown kinds.
    pub fn lookup_keys(&self) -> Vec<LookupKey> {
        match self.body() {
            Body::Token(token) => vec![LookupKey::TsuSerial {
                ess_hash_algorithm: token.ess_hash_algorithm.as_bytes().to_vec(),
                ess_hash: token.ess_hash.as_bytes().to_vec(),
                serial: token.serial.as_bytes().to_vec(),
            }],
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
            Body::Crl(body) => vec![LookupKey::Crl(body.digest)],
            Body::Log(_) | Body::Provider(_) | Body::Opaque(_) | Body::Unknown(_) => Vec::new(),
        }
    }
}
