//! Object identifiers that this crate knows, by the names of the standards that register them.

use const_oid::ObjectIdentifier;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

// CMS (RFC 5652), ESS (RFC 2634, RFC 5035), time-stamping (RFC 3161)
pub(crate) const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
pub(crate) const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
pub(crate) const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
pub(crate) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
pub(crate) const CMS_ALGORITHM_PROTECTION: ObjectIdentifier = oid("1.2.840.113549.1.9.52");
pub(crate) const KP_TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");

// Unsigned attributes (RFC 3161 appendix A, RFC 5126 6.4, EN 319 122-1)
pub(crate) const SIGNATURE_TIME_STAMP: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.14");
pub(crate) const ARCHIVE_TIMESTAMP: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.27");
pub(crate) const ARCHIVE_TIMESTAMP_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.48");
pub(crate) const LONG_TERM_VALIDATION: ObjectIdentifier = oid("0.4.0.1733.2.2");

pub(crate) const KP_SERVER_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.1");
pub(crate) const SMTP_UTF8_MAILBOX: ObjectIdentifier = oid("1.3.6.1.5.5.7.8.9");
pub(crate) const HARDWARE_MODULE_NAME: ObjectIdentifier = oid("1.3.6.1.5.5.7.8.4");
pub(crate) const KP_OCSP_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.9");

// OCSP (RFC 6960; certHash: Common PKI)
pub(crate) const OCSP_BASIC: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.1");
pub(crate) const OCSP_ARCHIVE_CUTOFF: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.6");
pub(crate) const CERT_HASH: ObjectIdentifier = oid("1.3.36.8.3.13");

pub(crate) const OCSP_NONCE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.2");
pub(crate) const OCSP_NO_CHECK: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.5");
pub(crate) const OCSP_CRL_REFERENCE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.3");
pub(crate) const OCSP_EXTENDED_REVOKE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.9");

// Hashes
pub(crate) const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
pub(crate) const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
pub(crate) const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
pub(crate) const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");
pub(crate) const SHA224: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.4");
pub(crate) const SHA512_224: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.5");
pub(crate) const SHA512_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.6");
pub(crate) const SHA3_224: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.7");
pub(crate) const SHA3_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.8");
pub(crate) const SHA3_384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.9");
pub(crate) const SHA3_512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.10");
pub(crate) const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");

// Signatures and keys (RFC 8017, RFC 5758, RFC 8410, RFC 9688, RFC 5639)
pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
pub(crate) const RSA_SHA1: ObjectIdentifier = oid("1.2.840.113549.1.1.5");
pub(crate) const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
pub(crate) const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
pub(crate) const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
pub(crate) const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
pub(crate) const RSA_SHA3_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.14");
pub(crate) const RSA_SHA3_384: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.15");
pub(crate) const RSA_SHA3_512: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.16");
pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
pub(crate) const ECDSA_SHA1: ObjectIdentifier = oid("1.2.840.10045.4.1");
pub(crate) const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
pub(crate) const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
pub(crate) const ECDSA_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
pub(crate) const ECDSA_SHA3_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.10");
pub(crate) const ECDSA_SHA3_384: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.11");
pub(crate) const ECDSA_SHA3_512: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.12");
pub(crate) const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
pub(crate) const P384: ObjectIdentifier = oid("1.3.132.0.34");
pub(crate) const P521: ObjectIdentifier = oid("1.3.132.0.35");
pub(crate) const BRAINPOOL_P256R1: ObjectIdentifier = oid("1.3.36.3.3.2.8.1.1.7");
pub(crate) const BRAINPOOL_P384R1: ObjectIdentifier = oid("1.3.36.3.3.2.8.1.1.11");
pub(crate) const ED25519: ObjectIdentifier = oid("1.3.101.112");

/// Algorithms and curves that certificates name and nothing here verifies, so that a refusal can
/// say which it is. brainpoolP512r1 is among them for want of a library that is kept.
const REFUSED: [(ObjectIdentifier, &str); 24] = [
    (oid("1.2.840.113549.1.1.2"), "RSA with MD2"),
    (oid("1.2.840.113549.1.1.4"), "RSA with MD5"),
    (oid("1.2.840.113549.1.1.14"), "RSA with SHA-224"),
    (oid("2.16.840.1.101.3.4.3.13"), "RSA with SHA3-224"),
    (oid("1.2.840.10045.4.3.1"), "ECDSA with SHA-224"),
    (oid("2.16.840.1.101.3.4.3.9"), "ECDSA with SHA3-224"),
    (oid("1.2.840.10040.4.1"), "DSA"),
    (oid("1.2.840.10040.4.3"), "DSA with SHA-1"),
    (oid("2.16.840.1.101.3.4.3.2"), "DSA with SHA-256"),
    (oid("1.3.132.1.12"), "ECDH only"),
    (oid("1.3.101.110"), "X25519"),
    (oid("1.3.101.113"), "Ed448"),
    (oid("2.16.840.1.101.3.4.3.17"), "ML-DSA-44"),
    (oid("2.16.840.1.101.3.4.3.18"), "ML-DSA-65"),
    (oid("2.16.840.1.101.3.4.3.19"), "ML-DSA-87"),
    (oid("1.3.132.0.10"), "secp256k1"),
    (oid("1.2.840.10045.3.1.1"), "P-192"),
    (oid("1.3.132.0.33"), "P-224"),
    (oid("1.3.36.3.3.2.8.1.1.5"), "brainpoolP224r1"),
    (oid("1.3.36.3.3.2.8.1.1.8"), "brainpoolP256t1"),
    (oid("1.3.36.3.3.2.8.1.1.9"), "brainpoolP320r1"),
    (oid("1.3.36.3.3.2.8.1.1.12"), "brainpoolP384t1"),
    (oid("1.3.36.3.3.2.8.1.1.13"), "brainpoolP512r1"),
    (oid("1.2.156.10197.1.301"), "SM2"),
];

/// Dotted form of an OID's contents octets, for messages.
pub(crate) fn dotted(octets: &[u8]) -> String {
    ObjectIdentifier::from_bytes(octets)
        .map_or_else(|_| octets.escape_ascii().to_string(), |oid| oid.to_string())
}

/// For messages: the dotted form, and the name beside it if it is one of [`REFUSED`].
pub(crate) fn named(octets: &[u8]) -> String {
    let dotted = dotted(octets);
    let known = REFUSED.iter().find(|(oid, _)| oid.as_bytes() == octets);
    known.map_or(dotted.clone(), |(_, name)| format!("{name} ({dotted})"))
}

// Certificate and CRL extensions (RFC 5280, RFC 3739, X.509)
pub(crate) const PRIVATE_KEY_USAGE_PERIOD: ObjectIdentifier = oid("2.5.29.16");
pub(crate) const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
pub(crate) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.14");
pub(crate) const SUBJECT_DIRECTORY_ATTRIBUTES: ObjectIdentifier = oid("2.5.29.9");
pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
pub(crate) const ISSUER_ALT_NAME: ObjectIdentifier = oid("2.5.29.18");
pub(crate) const CRL_NUMBER: ObjectIdentifier = oid("2.5.29.20");
pub(crate) const CRL_REASON: ObjectIdentifier = oid("2.5.29.21");
pub(crate) const HOLD_INSTRUCTION_CODE: ObjectIdentifier = oid("2.5.29.23");
pub(crate) const INVALIDITY_DATE: ObjectIdentifier = oid("2.5.29.24");
pub(crate) const DELTA_CRL_INDICATOR: ObjectIdentifier = oid("2.5.29.27");
pub(crate) const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = oid("2.5.29.28");
pub(crate) const CERTIFICATE_ISSUER: ObjectIdentifier = oid("2.5.29.29");
pub(crate) const NAME_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.30");
pub(crate) const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = oid("2.5.29.31");
pub(crate) const ANY_POLICY: ObjectIdentifier = oid("2.5.29.32.0");
pub(crate) const QUALIFIER_CPS: ObjectIdentifier = oid("1.3.6.1.5.5.7.2.1");
pub(crate) const QUALIFIER_NOTICE: ObjectIdentifier = oid("1.3.6.1.5.5.7.2.2");
pub(crate) const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.35");
pub(crate) const POLICY_MAPPINGS: ObjectIdentifier = oid("2.5.29.33");
pub(crate) const POLICY_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.36");
pub(crate) const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37.0");
pub(crate) const FRESHEST_CRL: ObjectIdentifier = oid("2.5.29.46");
pub(crate) const EXPIRED_CERTS_ON_CRL: ObjectIdentifier = oid("2.5.29.60");
pub(crate) const CERTIFICATE_POLICIES: ObjectIdentifier = oid("2.5.29.32");
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");
pub(crate) const INHIBIT_ANY_POLICY: ObjectIdentifier = oid("2.5.29.54");
pub(crate) const AUTHORITY_INFO_ACCESS: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.1");
pub(crate) const QC_STATEMENTS: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.3");

// Qualified certificate statements (EN 319 412-5)
pub(crate) const QC_COMPLIANCE: ObjectIdentifier = oid("0.4.0.1862.1.1");
pub(crate) const QC_SSCD: ObjectIdentifier = oid("0.4.0.1862.1.4");
pub(crate) const QC_LEGISLATION: ObjectIdentifier = oid("0.4.0.1862.1.7");
pub(crate) const QC_TYPE: ObjectIdentifier = oid("0.4.0.1862.1.6");
pub(crate) const QC_TYPE_ESIGN: ObjectIdentifier = oid("0.4.0.1862.1.6.1");
pub(crate) const QC_TYPE_ESEAL: ObjectIdentifier = oid("0.4.0.1862.1.6.2");
pub(crate) const QC_TYPE_WEB: ObjectIdentifier = oid("0.4.0.1862.1.6.3");
pub(crate) const QTST_STATEMENT: ObjectIdentifier = oid("0.4.0.19422.1.1");

// Attributes of names (X.520, RFC 4519, RFC 3739)
pub(crate) const SURNAME: ObjectIdentifier = oid("2.5.4.4");
pub(crate) const SERIAL_NUMBER: ObjectIdentifier = oid("2.5.4.5");
pub(crate) const TITLE: ObjectIdentifier = oid("2.5.4.12");
pub(crate) const GIVEN_NAME: ObjectIdentifier = oid("2.5.4.42");
pub(crate) const INITIALS: ObjectIdentifier = oid("2.5.4.43");
pub(crate) const GENERATION_QUALIFIER: ObjectIdentifier = oid("2.5.4.44");
pub(crate) const PSEUDONYM: ObjectIdentifier = oid("2.5.4.65");
pub(crate) const ORGANIZATION_IDENTIFIER: ObjectIdentifier = oid("2.5.4.97");
pub(crate) const EMAIL_ADDRESS: ObjectIdentifier = oid("1.2.840.113549.1.9.1");
pub(crate) const USER_ID: ObjectIdentifier = oid("0.9.2342.19200300.100.1.1");
pub(crate) const MAIL: ObjectIdentifier = oid("0.9.2342.19200300.100.1.3");
pub(crate) const DATE_OF_BIRTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.9.1");
pub(crate) const PLACE_OF_BIRTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.9.2");
pub(crate) const GENDER: ObjectIdentifier = oid("1.3.6.1.5.5.7.9.3");
pub(crate) const COUNTRY_OF_CITIZENSHIP: ObjectIdentifier = oid("1.3.6.1.5.5.7.9.4");
pub(crate) const COUNTRY_OF_RESIDENCE: ObjectIdentifier = oid("1.3.6.1.5.5.7.9.5");
