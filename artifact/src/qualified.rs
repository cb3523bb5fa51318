//! The purpose that a certificate states: an e-seal, a signature, a website's, a device's, a TSU's,
//! a CA's; the identity of its organisation; and its claims in QCStatements (EN 319 412-1, -3 and
//! -5, RFC 3739).
//!
//! Everything here is the issuer's claim. "Qualified" is decided by a trusted list at a time, not
//! by a certificate that says QcCompliance; nothing in this crate says that anything is qualified.

use crate::asn1::Asn1Error;
use crate::certificate::Certificate;
use crate::general_name::GeneralName;
use crate::oid;
use crate::person::names_a_person;
pub use crate::qc_statements::{QcStatements, QcType};
use crate::time::LAST_LIST_NEXT_UPDATE;

/// The purpose of a certificate, by its own extensions and subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateKind {
    /// basicConstraints says CA.
    Ca,
    /// extendedKeyUsage is timeStamping alone (RFC 3161 2.3).
    TimeStampingUnit,
    /// QcType names eseal and not esign; or, without a QcType, the subject has an
    /// organizationIdentifier and nothing of a natural person, and keyUsage allows signing.
    ESeal,
    /// QcType names esign; or the subject names a natural person, and keyUsage allows signing.
    ESignature,
    /// QcType names web, or extendedKeyUsage names serverAuth.
    Website,
    /// IEEE 802.1AR: an IDevID (notAfter 99991231235959Z and a serialNumber in the subject), or
    /// a HardwareModuleName in subjectAltName (RFC 4108).
    Device,
    /// None of these.
    Other,
}

impl CertificateKind {
    /// The purpose of this certificate.
    pub fn of(certificate: &Certificate) -> Self {
        let facts = certificate.facts();
        let statements = QcStatements::of(certificate);
        let types = statements.as_ref().ok().and_then(Option::as_ref);
        let types = types.map_or(&[][..], |statements| &statements.types);
        let signs = facts
            .key_usage
            .is_none_or(|usage| usage.digital_signature() || usage.non_repudiation());
        if facts.is_ca {
            Self::Ca
        } else if facts.extended_key_usage == [oid::KP_TIME_STAMPING] {
            Self::TimeStampingUnit
        } else if types.contains(&QcType::ESignature) {
            Self::ESignature
        } else if types.contains(&QcType::ESeal) {
            Self::ESeal
        } else if types.contains(&QcType::Website)
            || facts.extended_key_usage.contains(&oid::KP_SERVER_AUTH)
        {
            Self::Website
        } else if is_device(certificate) {
            Self::Device
        } else if names_a_person(certificate) && signs {
            Self::ESignature
        } else if !certificate.organization_identifiers().is_empty() && signs {
            Self::ESeal
        } else {
            Self::Other
        }
    }

    /// Stable name in JSON, kebab-case.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::TimeStampingUnit => "tsu",
            Self::ESeal => "e-seal",
            Self::ESignature => "e-signature",
            Self::Website => "website",
            Self::Device => "device",
            Self::Other => "other",
        }
    }
}

fn is_device(certificate: &Certificate) -> bool {
    let mut attributes = certificate.subject_name().attributes();
    let has_serial = attributes.any(|attribute| attribute.is(&oid::SERIAL_NUMBER));
    let never_ends = certificate.not_after() == LAST_LIST_NEXT_UPDATE;
    let hardware = certificate.subject_alternative_names().is_ok_and(|names| {
        names.iter().any(|name| {
            matches!(name, GeneralName::Other { id, .. } if id == oid::HARDWARE_MODULE_NAME.as_bytes())
        })
    });
    hardware || (never_ends && has_serial)
}

impl QcStatements {
    /// The QCStatements of a certificate; `None` if the extension is absent.
    ///
    /// # Errors
    /// [`Asn1Error`], if the extension cannot be read.
    pub fn of(certificate: &Certificate) -> Result<Option<Self>, Asn1Error> {
        certificate
            .extension(&oid::QC_STATEMENTS)
            .map(Self::read)
            .transpose()
    }
}

/// An organizationIdentifier taken apart (EN 319 412-1 5.1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationId {
    /// The register that assigned the identifier.
    pub scheme: IdScheme,
    /// ISO 3166 country of the register, or `XG` for global ones.
    pub country: String,
    /// The identifier in the register; for PSD, the authority, a hyphen, and its identifier.
    pub identifier: String,
}

/// The register that an organizationIdentifier refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdScheme {
    /// NTR: national trade register. For JP, the corporate number (hojin bango).
    TradeRegister,
    /// VAT number.
    Vat,
    /// PSD: authorisation of a payment service provider (TS 119 495).
    PaymentServices,
    /// LEI: legal entity identifier (ISO 17442).
    LegalEntity,
    /// Two letters and a colon: a scheme of that country.
    National(String),
}

impl OrganizationId {
    /// Parses the attribute's text; `None` if it does not have the syntax. An identifier with a
    /// wrong check digit (a Japanese corporate number, an LEI) gives `None` as well.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, identifier) = text.split_once('-')?;
        let (scheme, country) = prefix.split_at_checked(3)?;
        let is_country =
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_country || identifier.is_empty() {
            return None;
        }
        let scheme = match scheme {
            "NTR" => IdScheme::TradeRegister,
            "VAT" => IdScheme::Vat,
            "PSD" => IdScheme::PaymentServices,
            "LEI" => IdScheme::LegalEntity,
            other => match other.split_once(':') {
                Some((national, "")) if national.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                    IdScheme::National(national.to_owned())
                }
                _ => return None,
            },
        };
        let is_right = match (&scheme, country) {
            (IdScheme::TradeRegister, "JP") => is_corporate_number(identifier),
            (IdScheme::LegalEntity, _) => is_legal_entity_identifier(identifier),
            _ => true,
        };
        is_right.then(|| Self {
            scheme,
            country: country.to_owned(),
            identifier: identifier.to_owned(),
        })
    }
}

/// Whether `text` is a Japanese corporate number (hojin bango): 13 digits, of which the first is 9
/// minus the remainder by 9 of the other twelve, those at odd positions from the right counted
/// once, the others twice (Ministry of Finance ordinance No. 70 of 2014).
pub fn is_corporate_number(text: &str) -> bool {
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .collect();
    let Some((check, rest)) = digits.split_first() else {
        return false;
    };
    let weighted = rest.iter().rev().zip([1, 2].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| digit * weight).sum();
    text.len() == 13 && digits.len() == 13 && *check == 9 - sum % 9
}

/// ISO 17442: 20 letters and digits whose number (A = 10 ... Z = 35) is 1 modulo 97.
fn is_legal_entity_identifier(text: &str) -> bool {
    let remainder = text.chars().try_fold(0_u32, |rest, letter| {
        let value = letter
            .to_digit(36)
            .filter(|_| !letter.is_ascii_lowercase())?;
        let shift = if value < 10 { 10 } else { 100 };
        Some((rest * shift + value) % 97)
    });
    text.len() == 20 && remainder == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisation_identifiers() {
        let parse =
            |text| OrganizationId::parse(text).map(|id| (id.scheme, id.country, id.identifier));
        let some = |scheme, country: &str, id: &str| Some((scheme, country.into(), id.into()));
        assert_eq!(
            parse("NTRBE-0671516647"),
            some(IdScheme::TradeRegister, "BE", "0671516647")
        );
        assert_eq!(
            parse("VATPT-507015851"),
            some(IdScheme::Vat, "PT", "507015851")
        );
        assert_eq!(
            parse("PSDES-BDE-3DFD21"),
            some(IdScheme::PaymentServices, "ES", "BDE-3DFD21")
        );
        assert_eq!(
            parse("LEIXG-5493001KJTIIGC8Y1R12"),
            some(IdScheme::LegalEntity, "XG", "5493001KJTIIGC8Y1R12")
        );
        assert_eq!(
            parse("EI:SE-5567971433"),
            some(IdScheme::National("EI".into()), "SE", "5567971433")
        );
        assert_eq!(
            parse("NTRJP-8040001079502"),
            some(IdScheme::TradeRegister, "JP", "8040001079502")
        );
        for wrong in [
            "",
            "NTR",
            "NTRBE",
            "NTRBE-",
            "ntrBE-1",
            "QQQBE-1",
            "NTRbe-1",
            "NTRJP-9040001079502",
            "LEIXG-5493001KJTIIGC8Y1R13",
            "NTRJP-804000107950",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn corporate_numbers() {
        // Of two operators of time-stamping authorities and two public bodies.
        for right in [
            "8040001079502",
            "2010401059681",
            "7000012050002",
            "2000012100001",
        ] {
            assert!(is_corporate_number(right), "{right}");
        }
        assert!(!is_corporate_number("1040001079502"));
        assert!(!is_corporate_number("804000107950a"));
        assert!(!is_corporate_number("80400010795022"));
    }
}
