//! Whether a certificate names a natural person.

use const_oid::ObjectIdentifier;

use crate::certificate::Certificate;
use crate::general_name::GeneralName;
use crate::name::Attribute;
use crate::oid;

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

/// Whether an attribute is one that only natural persons have, or a serialNumber of a person, or
/// cannot be read.
fn is_personal(attribute: &Attribute) -> bool {
    let is_of_a_person = |text: String| {
        let mut prefixes = PERSONAL_SERIALS.iter();
        prefixes.any(|prefix| text.starts_with(prefix))
    };
    attribute.is_any(&PERSONAL)
        || (attribute.is(&oid::SERIAL_NUMBER) && attribute.text().is_none_or(is_of_a_person))
}
