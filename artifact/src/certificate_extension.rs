//! Extensions of certificates: reading them, and whether their values are understood (RFC 5280
//! 4.2).
//!
//! A critical extension counts as understood only if its whole value was read: a known type alone
//! says nothing about its octets. A non-critical extension that cannot be read counts as absent,
//! unless it restricts what the certificate may be used for ([`restricts`]): a restriction that
//! cannot be read is not "no restriction". An extension that must have members and has none
//! (extendedKeyUsage, nameConstraints) cannot be read.

use const_oid::ObjectIdentifier;

use crate::asn1::{
    self, Asn1Error, BIT_STRING, BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    Reader, SEQUENCE, context,
};
use crate::distribution::DistributionPoint;
use crate::general_name::GeneralName;
use crate::oid;
use crate::policy_extensions;
use crate::qc_statements::QcStatements;
use crate::subtrees::NameConstraints;
use crate::time::Time;

const NULL: u8 = 0x05;

/// One extension as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    /// Contents of its OID.
    pub(crate) id: Vec<u8>,
    pub(crate) critical: bool,
    /// Contents of extnValue: the DER of the value.
    pub(crate) value: Vec<u8>,
}

impl Extension {
    /// Reads the contents of its SEQUENCE. `critical FALSE`, which DER leaves out, is read as
    /// OpenSSL, Go and webpki read it.
    pub(crate) fn read(mut fields: Reader<'_>) -> Result<Self, Asn1Error> {
        let id = fields.expect(OBJECT_IDENTIFIER)?.content.to_vec();
        let critical = match fields.optional(BOOLEAN)? {
            Some(flag) => read_flag(&flag)?,
            None => false,
        };
        let value = fields.expect(OCTET_STRING)?.content.to_vec();
        fields.finish()?;
        Ok(Self {
            id,
            critical,
            value,
        })
    }

    pub(crate) fn is(&self, id: &ObjectIdentifier) -> bool {
        self.id == id.as_bytes()
    }

    /// Whether its value is understood; `None` if its type is not known.
    pub(crate) fn check(&self) -> Option<Result<(), Unreadable>> {
        let (id, part, read) = KNOWN.iter().find(|(id, ..)| self.is(id))?;
        let is_read = read(&self.value, self.critical).is_ok();
        let is_needed = self.critical || restricts(id);
        Some(if is_read || !is_needed {
            Ok(())
        } else {
            Err(Unreadable(part))
        })
    }
}

/// The extension that cannot be read, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// Reads a value as far as it has to be understood where it is critical.
type Check = fn(value: &[u8], critical: bool) -> Result<(), Asn1Error>;

/// Every type that may be critical: those that path building acts upon, and those that restrict
/// nothing that this crate decides (cRLDistributionPoints says where lists are;
/// [`crate::revocation`] reads it where lists are used).
const KNOWN: [(ObjectIdentifier, &str, Check); 14] = [
    (oid::BASIC_CONSTRAINTS, "basicConstraints", |value, _| {
        BasicConstraints::read(value).map(drop)
    }),
    (oid::KEY_USAGE, "keyUsage", |value, _| {
        KeyUsage::read(value).map(drop)
    }),
    (oid::EXTENDED_KEY_USAGE, "extendedKeyUsage", |value, _| {
        extended_key_usage(value).map(drop)
    }),
    (
        oid::PRIVATE_KEY_USAGE_PERIOD,
        "privateKeyUsagePeriod",
        |value, _| KeyPeriod::read(value).map(drop),
    ),
    (
        oid::SUBJECT_KEY_IDENTIFIER,
        "subjectKeyIdentifier",
        |value, _| subject_key_identifier(value).map(drop),
    ),
    (oid::SUBJECT_ALT_NAME, "subjectAltName", |value, _| {
        check_names(value)
    }),
    (oid::NAME_CONSTRAINTS, "nameConstraints", |value, _| {
        NameConstraints::read(value).map(drop)
    }),
    (
        oid::CERTIFICATE_POLICIES,
        "certificatePolicies",
        |value, _| policy_extensions::read_policies(value).map(drop),
    ),
    (oid::POLICY_MAPPINGS, "policyMappings", |value, _| {
        policy_extensions::read_mappings(value).map(drop)
    }),
    (oid::POLICY_CONSTRAINTS, "policyConstraints", |value, _| {
        policy_extensions::Constraints::read(value).map(drop)
    }),
    (oid::INHIBIT_ANY_POLICY, "inhibitAnyPolicy", |value, _| {
        policy_extensions::read_inhibit_any(value).map(drop)
    }),
    (oid::OCSP_NO_CHECK, "id-pkix-ocsp-nocheck", |value, _| {
        asn1::only(Reader::der(value), NULL).map(drop)
    }),
    (
        oid::CRL_DISTRIBUTION_POINTS,
        "cRLDistributionPoints",
        |value, _| DistributionPoint::read_all(value).map(drop),
    ),
    (
        oid::QC_STATEMENTS,
        "qcStatements, or a statement in it,",
        |value, critical| check_statements(value, critical),
    ),
];

/// Whether an extension of this type restricts the certificate, compared to one without it.
/// Extensions about policies do so at some positions of a path, and are read there
/// ([`crate::policy`]).
fn restricts(id: &ObjectIdentifier) -> bool {
    const ALL: [ObjectIdentifier; 5] = [
        oid::BASIC_CONSTRAINTS,
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::PRIVATE_KEY_USAGE_PERIOD,
        oid::NAME_CONSTRAINTS,
    ];
    ALL.contains(id)
}

/// The contents of the only SEQUENCE in `value`.
fn sequence(value: &[u8]) -> Result<Reader<'_>, Asn1Error> {
    Ok(asn1::only(Reader::der(value), SEQUENCE)?.reader())
}

fn read_flag(flag: &Element<'_>) -> Result<bool, Asn1Error> {
    match flag.content {
        [0] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(Asn1Error::NotDer("a BOOLEAN is neither 0x00 nor 0xff")),
    }
}

fn read_oid(element: &Element<'_>) -> Result<ObjectIdentifier, Asn1Error> {
    ObjectIdentifier::from_bytes(element.content)
        .map_err(|_| Asn1Error::Value("an OBJECT IDENTIFIER cannot be read"))
}

/// Reads every member of a sequence that has at least one.
fn members<'a, T>(
    mut reader: Reader<'a>,
    mut read: impl FnMut(Element<'a>) -> Result<T, Asn1Error>,
) -> Result<Vec<T>, Asn1Error> {
    let mut all = Vec::new();
    while let Some(member) = reader.next()? {
        all.push(read(member)?);
    }
    if all.is_empty() {
        return Err(Asn1Error::Value("it is empty, and must not be"));
    }
    Ok(all)
}

/// BasicConstraints (4.2.1.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) is_ca: bool,
    /// 255 for anything larger: no path is as long.
    pub(crate) path_length: Option<u8>,
}

impl BasicConstraints {
    pub(crate) fn read(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut fields = sequence(value)?;
        let is_ca = match fields.optional(BOOLEAN)? {
            Some(flag) => read_flag(&flag)?,
            None => false,
        };
        let path_length = fields.optional(INTEGER)?;
        fields.finish()?;
        let path_length = path_length.map(|length| length.unsigned_saturating());
        Ok(Self {
            is_ca,
            path_length: path_length
                .transpose()?
                .map(|length| u8::try_from(length).unwrap_or(u8::MAX)),
        })
    }
}

/// KeyUsage (4.2.1.3), bit `i` as `1 << i`. Without a bit it allows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyUsage(u16);

impl KeyUsage {
    pub(crate) fn read(value: &[u8]) -> Result<Self, Asn1Error> {
        asn1::only(Reader::der(value), BIT_STRING)?
            .named_bits()
            .map(Self)
    }

    const fn has(self, bit: u8) -> bool {
        self.0 & 1 << bit != 0
    }

    pub(crate) const fn digital_signature(self) -> bool {
        self.has(0)
    }

    pub(crate) const fn non_repudiation(self) -> bool {
        self.has(1)
    }

    pub(crate) const fn key_encipherment(self) -> bool {
        self.has(2)
    }

    pub(crate) const fn data_encipherment(self) -> bool {
        self.has(3)
    }

    pub(crate) const fn key_agreement(self) -> bool {
        self.has(4)
    }

    pub(crate) const fn key_cert_sign(self) -> bool {
        self.has(5)
    }

    pub(crate) const fn crl_sign(self) -> bool {
        self.has(6)
    }
}

/// ExtKeyUsageSyntax (4.2.1.12).
pub(crate) fn extended_key_usage(value: &[u8]) -> Result<Vec<ObjectIdentifier>, Asn1Error> {
    members(sequence(value)?, |purpose| {
        if purpose.tag == OBJECT_IDENTIFIER {
            read_oid(&purpose)
        } else {
            Err(Asn1Error::Unexpected {
                expected: OBJECT_IDENTIFIER,
                found: purpose.tag,
            })
        }
    })
}

/// PrivateKeyUsagePeriod (RFC 3280 4.2.1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPeriod {
    pub(crate) not_before: Option<Time>,
    pub(crate) not_after: Option<Time>,
}

impl KeyPeriod {
    pub(crate) fn read(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut fields = sequence(value)?;
        let mut moment = |number| -> Result<Option<Time>, Asn1Error> {
            let field = fields.optional(context(number))?;
            let time = field.map(|field| Time::from_generalized(field.content));
            time.transpose()
                .map_err(|_| Asn1Error::Value("a date of privateKeyUsagePeriod cannot be read"))
        };
        let (not_before, not_after) = (moment(0)?, moment(1)?);
        fields.finish()?;
        if not_before.is_none() && not_after.is_none() {
            return Err(Asn1Error::Value("privateKeyUsagePeriod is empty"));
        }
        Ok(Self {
            not_before,
            not_after,
        })
    }
}

pub(crate) fn subject_key_identifier(value: &[u8]) -> Result<Vec<u8>, Asn1Error> {
    let identifier = asn1::only(Reader::der(value), OCTET_STRING)?;
    Ok(identifier.content.to_vec())
}

/// SubjectAltName (4.2.1.6), as far as there are names to be taken out of it.
pub(crate) fn subject_alternative_names(value: &[u8]) -> Result<Vec<GeneralName>, Asn1Error> {
    GeneralName::read_all(sequence(value)?)
}

/// SubjectAltName as the standard has it: at least one name, texts of 7 bits, addresses of 4 or 16
/// octets.
fn check_names(value: &[u8]) -> Result<(), Asn1Error> {
    let names = subject_alternative_names(value)?;
    let is_right = |name: &GeneralName| match name {
        GeneralName::Ip(octets) => matches!(octets.len(), 4 | 16),
        _ => name.has_seven_bits(),
    };
    if !names.is_empty() && names.iter().all(is_right) {
        Ok(())
    } else {
        Err(Asn1Error::Value(
            "a name in it has not the syntax of its form",
        ))
    }
}

/// QCStatements (RFC 3739 3.2.6): where the extension is critical, so is every statement in it.
fn check_statements(value: &[u8], critical: bool) -> Result<(), Asn1Error> {
    // EN 319 412-5 4.2 and 4.3, TS 119 495 5.1, RFC 3739 3.2.6.1 and 3.2.6.2.
    const KNOWN: [&str; 11] = [
        "0.4.0.1862.1.1",
        "0.4.0.1862.1.2",
        "0.4.0.1862.1.3",
        "0.4.0.1862.1.4",
        "0.4.0.1862.1.5",
        "0.4.0.1862.1.6",
        "0.4.0.1862.1.7",
        "0.4.0.1862.1.8",
        "0.4.0.19495.2",
        "1.3.6.1.5.5.7.11.1",
        "1.3.6.1.5.5.7.11.2",
    ];
    members(sequence(value)?, |statement| {
        let mut fields = statement.sequence()?;
        fields.expect(OBJECT_IDENTIFIER)?;
        fields.next()?;
        fields.finish()
    })?;
    let stated = QcStatements::read(value)?.identifiers;
    if critical && !stated.iter().all(|id| KNOWN.contains(&id.as_str())) {
        return Err(Asn1Error::Value("a critical statement is not known"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        id: &ObjectIdentifier,
        critical: bool,
        value: &[u8],
    ) -> Option<Result<(), Unreadable>> {
        let extension = Extension {
            id: id.as_bytes().to_vec(),
            critical,
            value: value.to_vec(),
        };
        extension.check()
    }

    #[test]
    fn whatever_may_be_critical_is_read_whole() {
        // One right value each; garbage, and a right value with an octet behind it, are not read.
        let right: [(ObjectIdentifier, &[u8]); 14] = [
            (oid::BASIC_CONSTRAINTS, &[0x30, 0]),
            (oid::KEY_USAGE, &[0x03, 2, 7, 0x80]),
            (oid::EXTENDED_KEY_USAGE, &[0x30, 3, 0x06, 1, 0x2a]),
            (
                oid::PRIVATE_KEY_USAGE_PERIOD,
                b"\x30\x11\x80\x0f20250101000000Z",
            ),
            (oid::SUBJECT_KEY_IDENTIFIER, &[0x04, 1, 1]),
            (oid::SUBJECT_ALT_NAME, &[0x30, 3, 0x82, 1, b'a']),
            (
                oid::NAME_CONSTRAINTS,
                &[0x30, 7, 0xa0, 5, 0x30, 3, 0x82, 1, b'a'],
            ),
            (
                oid::CERTIFICATE_POLICIES,
                &[0x30, 5, 0x30, 3, 0x06, 1, 0x2a],
            ),
            (
                oid::POLICY_MAPPINGS,
                &[0x30, 8, 0x30, 6, 0x06, 1, 0x2a, 0x06, 1, 0x2b],
            ),
            (oid::POLICY_CONSTRAINTS, &[0x30, 3, 0x80, 1, 0]),
            (oid::INHIBIT_ANY_POLICY, &[0x02, 1, 0]),
            (oid::OCSP_NO_CHECK, &[0x05, 0]),
            (
                oid::CRL_DISTRIBUTION_POINTS,
                &[0x30, 9, 0x30, 7, 0xa0, 5, 0xa0, 3, 0x86, 1, b'a'],
            ),
            (
                oid::QC_STATEMENTS,
                &[0x30, 10, 0x30, 8, 0x06, 6, 0x04, 0x00, 0x8e, 0x46, 1, 1],
            ),
        ];
        assert_eq!(right.len(), KNOWN.len());
        for (id, value) in right {
            let needed = restricts(&id);
            assert_eq!(check(&id, true, value), Some(Ok(())), "{id}");
            let longer = [value, &[0]].concat();
            for wrong in [
                &longer[..],
                &[0x04, 0x03, 0xde, 0xad],
                &[0xff],
                &[],
                &[0x30, 0x80, 0, 0],
            ] {
                assert!(
                    matches!(check(&id, true, wrong), Some(Err(_))),
                    "{id} {wrong:02x?}"
                );
                assert_eq!(check(&id, false, wrong) == Some(Ok(())), !needed, "{id}");
            }
            if id != oid::BASIC_CONSTRAINTS {
                assert!(matches!(check(&id, true, &[0x30, 0]), Some(Err(_))), "{id}");
            }
        }
        let other = ObjectIdentifier::new_unwrap("2.5.29.18");
        assert_eq!(check(&other, true, &[0x30, 0]), None);
    }

    #[test]
    fn statements_are_known_where_they_are_critical() {
        let unknown = [0x30, 6, 0x30, 4, 0x06, 2, 0x2a, 3];
        assert!(matches!(
            check(&oid::QC_STATEMENTS, true, &unknown),
            Some(Err(_))
        ));
        assert_eq!(check(&oid::QC_STATEMENTS, false, &unknown), Some(Ok(())));
    }

    #[test]
    fn numbers_are_bounded_not_refused() {
        let large = [0x30, 9, 0x01, 1, 0xff, 0x02, 4, 0x7f, 0xff, 0xff, 0xff];
        let read = BasicConstraints::read(&large).unwrap();
        assert_eq!((read.is_ca, read.path_length), (true, Some(255)));
        assert!(BasicConstraints::read(&[0x30, 3, 0x02, 1, 0xff]).is_err());
        let usage = KeyUsage::read(&[0x03, 1, 0]).unwrap();
        assert!(!usage.key_cert_sign() && !usage.digital_signature());
        // Trailing zero bits, which DER leaves out.
        assert!(
            KeyUsage::read(&[0x03, 3, 0, 0x04, 0])
                .unwrap()
                .key_cert_sign()
        );
        assert!(KeyUsage::read(&[0x03, 2, 8, 0x04]).is_err());
        let flag = |octet| Extension::read(Reader::der(&[0x06, 1, 0x2a, 0x01, 1, octet, 0x04, 0]));
        assert!(!flag(0).unwrap().critical && flag(0xff).unwrap().critical);
        assert!(flag(1).is_err());
    }
}
