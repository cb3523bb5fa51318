//! The certificates that are logged in full, and those that are logged only as a digest. Frozen for
//! record version 1.
//!
//! A log cannot take back what it has published, so the rule answers "digest" unless it is certain
//! that no natural person is named. In full:
//!  (a) CA certificates: basicConstraints with CA true;
//!  (b) TSU certificates: extendedKeyUsage names timeStamping and nothing else (RFC 3161 2.3);
//!  (c) e-seals of organisations: organizationIdentifier in the subject, no attribute of a natural
//!      person, no serialNumber of a person (EN 319 412-1 5.1.3), no e-mail address or otherName
//!      in subjectAltName, and a QcType, if there is one, that says eseal and not esign.
//! An extension that cannot be read means digest.

use crate::certificate::Certificate;
use crate::hash::sha256;
use crate::oid;
use crate::person::names_a_person;
use crate::qualified::{QcStatements, QcType};
use crate::record::{
    Body, CertificateBody, CertificateDigestBody, Moment, Opaque, Record, RecordError,
};

/// How a certificate is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// Its DER.
    Full,
    /// Digest, issuer key hash, serial, validity.
    Digest,
}

/// The rule of record version 1.
pub fn disclosure(certificate: &Certificate) -> Disclosure {
    let facts = certificate.facts();
    let full = facts.is_ca
        || facts.extended_key_usage == [oid::KP_TIME_STAMPING]
        || (!certificate.organization_identifiers().is_empty()
            && seal_or_silent(certificate)
            && !names_a_person(certificate));
    if full {
        Disclosure::Full
    } else {
        Disclosure::Digest
    }
}

/// The record of a certificate that the key with `issuer_key_hash` signed.
///
/// # Errors
/// [`RecordError`], if the certificate is longer than a record can hold.
pub fn certificate_record(
    certificate: &Certificate,
    issuer_key_hash: [u8; 32],
) -> Result<Record, RecordError> {
    let body = match disclosure(certificate) {
        Disclosure::Full => Body::Certificate(CertificateBody {
            issuer_key_hash,
            certificate: Opaque::new("certificate", certificate.der())?,
        }),
        Disclosure::Digest => Body::CertificateDigest(CertificateDigestBody {
            tbs_digest: sha256(certificate.tbs()),
            issuer_key_hash,
            serial: Opaque::new("serial", certificate.serial())?,
            not_before: Moment::new("not_before", certificate.not_before())?,
            not_after: Moment::new("not_after", certificate.not_after())?,
        }),
    };
    Ok(body.into())
}

/// True if there is no QcType, or if it names eseal and not esign (EN 319 412-5 4.2.3).
fn seal_or_silent(certificate: &Certificate) -> bool {
    match QcStatements::of(certificate) {
        Ok(None) => true,
        Ok(Some(statements)) => {
            let types = &statements.types;
            types.is_empty()
                || (types.contains(&QcType::ESeal) && !types.contains(&QcType::ESignature))
        }
        Err(_) => false,
    }
}
