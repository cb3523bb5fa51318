//! Which certificates are logged in full, and which only as a digest. Frozen for record version 1.
//!
//! What a log publishes cannot be taken back, so the rule answers "digest" unless it is certain that
//! no natural person is named. In full:
//!  (a) CA certificates: basicConstraints with CA true;
//!  (b) TSU certificates: extendedKeyUsage names timeStamping and nothing else (RFC 3161 2.3);
//!  (c) e-seals of organisations: organizationIdentifier in the subject, no attribute of a natural
//!      person, no serialNumber of a person (EN 319 412-1 5.1.3), no e-mail address or otherName
//!      in subjectAltName, and a QcType, if there is one, that says eseal and not esign.
//! An extension that cannot be read means digest.

use const_oid::ObjectIdentifier;

use super::{Body, CertificateBody, CertificateDigestBody, Moment, Opaque, Record, RecordError};
use crate::certificate::Certificate;
use crate::general_name::GeneralName;
use crate::hash::sha256;
use crate::name::Attribute;
use crate::oid;
use crate::qualified::{QcStatements, QcType};

/// How a certificate is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// Its DER.
    Full,
    /// Digest, issuer key hash, serial, validity.
    Digest,
}

/// Attributes of names that only natural persons have (X.520, RFC 3739 3.1.2, RFC 4519).
const PERSONAL: [ObjectIdentifier; 15] = [
    oid::SURNAME,
    oid::TITLE,
    oid::GIVEN_NAME,
    oid::INITIALS,
    oid::GENERATION_QUALIFIER,
    oid::PSEUDONYM,
    oid::EMAIL_ADDRESS,
    oid::USER_ID,
    oid::MAIL,
    oid::DATE_OF_BIRTH,
    oid::PLACE_OF_BIRTH,
    oid::GENDER,
    oid::COUNTRY_OF_CITIZENSHIP,
    oid::COUNTRY_OF_RESIDENCE,
    oid::SUBJECT_DIRECTORY_ATTRIBUTES,
];

/// Identity types of natural persons at the start of a subject's serialNumber.
const PERSONAL_SERIALS: [&str; 6] = ["PAS", "IDC", "PNO", "TAX", "TIN", "PI:"];

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

/// Whether anything in the certificate is, or may be, of a natural person.
pub(crate) fn names_a_person(certificate: &Certificate) -> bool {
    let mut in_subject = certificate.subject_name().attributes();
    let directory = certificate
        .extension(&oid::SUBJECT_DIRECTORY_ATTRIBUTES)
        .is_some();
    let in_names = match certificate.subject_alternative_names() {
        Ok(names) => names.iter().any(|name| match name {
            GeneralName::Rfc822(_) | GeneralName::Other { .. } => true,
            GeneralName::Directory(name) => name
                .attributes()
                .any(|attribute| attribute.is_any(&PERSONAL)),
            name => !name.has_seven_bits(),
        }),
        Err(_) => true,
    };
    in_subject.any(is_personal) || directory || in_names
}

/// An attribute that only natural persons have, or a serialNumber of one, or one that cannot be read.
fn is_personal(attribute: &Attribute) -> bool {
    let is_of_a_person = |text: String| {
        let mut prefixes = PERSONAL_SERIALS.iter();
        prefixes.any(|prefix| text.starts_with(prefix))
    };
    attribute.is_any(&PERSONAL)
        || (attribute.is(&oid::SERIAL_NUMBER) && attribute.text().is_none_or(is_of_a_person))
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
