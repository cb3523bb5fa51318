//! Certificates and lists made octet by octet and signed with Ed25519, for what OpenSSL would not
//! write: names in every string type, extensions that are garbage, versions that lie.

use ed25519_dalek::{Signer, SigningKey};
use ishibumi_artifact::Certificate;

use super::element;

/// String types of ASN.1, by their identifier octets.
pub(crate) const UTF8: u8 = 0x0c;
pub(crate) const PRINTABLE: u8 = 0x13;
pub(crate) const TELETEX: u8 = 0x14;
pub(crate) const IA5: u8 = 0x16;
pub(crate) const UNIVERSAL: u8 = 0x1c;
pub(crate) const BMP: u8 = 0x1e;

/// Types of attributes: contents of their OIDs.
pub(crate) const CN: &[u8] = &[0x55, 4, 3];
pub(crate) const O: &[u8] = &[0x55, 4, 10];
pub(crate) const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];

/// Extensions: contents of their OIDs.
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];

/// The key that `seed` stands for.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// `text` in the string type of `tag`; what does not fit into it becomes `?`.
pub(crate) fn string(tag: u8, text: &str) -> Vec<u8> {
    let octets = match tag {
        UTF8 => text.as_bytes().to_vec(),
        BMP => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        UNIVERSAL => text
            .chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect(),
        TELETEX => text
            .chars()
            .map(|c| u8::try_from(c).unwrap_or(b'?'))
            .collect(),
        _ => text
            .chars()
            .map(|c| if c.is_ascii() { c as u8 } else { b'?' })
            .collect(),
    };
    element(tag, &octets)
}

/// AttributeTypeAndValue; `value` is DER.
pub(crate) fn attribute(id: &[u8], value: &[u8]) -> Vec<u8> {
    element(0x30, &[&element(0x06, id)[..], value].concat())
}

/// Name of relative names, each given by its attributes.
pub(crate) fn name(relative: &[&[Vec<u8>]]) -> Vec<u8> {
    let sets = relative
        .iter()
        .map(|attributes| element(0x31, &attributes.concat()));
    element(0x30, &sets.collect::<Vec<_>>().concat())
}

/// Name of one attribute.
pub(crate) fn simple(id: &[u8], tag: u8, text: &str) -> Vec<u8> {
    name(&[&[attribute(id, &string(tag, text))]])
}

/// Extension with a value in DER.
pub(crate) fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    element(
        0x30,
        &[&element(0x06, id)[..], flag, &element(0x04, value)].concat(),
    )
}

/// The contents of a certificate to make.
#[derive(Clone)]
pub(crate) struct Draft {
    /// Octet of the version field; none: absent.
    pub(crate) version: Option<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) subject_key: u8,
    /// DER between key and extensions: the unique identifiers.
    pub(crate) between: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Draft {
    /// An end certificate of version 3.
    pub(crate) fn end(issuer: &[u8], subject: &[u8], subject_key: u8) -> Self {
        Self {
            version: Some(2),
            serial: vec![subject_key],
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            subject_key,
            between: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// A CA's, with a path length or none.
    pub(crate) fn ca(issuer: &[u8], subject: &[u8], subject_key: u8, length: Option<u8>) -> Self {
        let length = length.map_or_else(Vec::new, |length| vec![0x02, 0x01, length]);
        let constraints = element(0x30, &[&[0x01, 0x01, 0xff][..], &length].concat());
        Self::end(issuer, subject, subject_key)
            .with(BASIC_CONSTRAINTS, true, &constraints)
            .with(KEY_USAGE, true, &[0x03, 0x02, 0x01, 0x06])
    }

    pub(crate) fn with(mut self, id: &[u8], critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(id, critical, value));
        self
    }

    /// Signed by the key that `issuer_key` stands for.
    pub(crate) fn der(&self, issuer_key: u8) -> Vec<u8> {
        let version = self
            .version
            .map_or_else(Vec::new, |version| element(0xa0, &[0x02, 0x01, version]));
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            element(0xa3, &element(0x30, &self.extensions.concat()))
        };
        let public = key(self.subject_key).verifying_key().to_bytes();
        let public = element(0x03, &[&[0][..], &public].concat());
        let tbs = [
            version,
            element(0x02, &self.serial),
            ed25519(),
            self.issuer.clone(),
            element(
                0x30,
                &[utc(b"250101000000Z"), utc(b"400101000000Z")].concat(),
            ),
            self.subject.clone(),
            element(0x30, &[ed25519(), public].concat()),
            self.between.clone(),
            extensions,
        ];
        signed(&element(0x30, &tbs.concat()), issuer_key)
    }

    pub(crate) fn certificate(&self, issuer_key: u8) -> Certificate {
        Certificate::from_der(&self.der(issuer_key)).unwrap()
    }
}

/// A complete list of 2026 to 2039 that revokes these serials.
pub(crate) fn list(issuer: &[u8], serials: &[&[u8]], issuer_key: u8) -> Vec<u8> {
    let entry = |serial: &&[u8]| {
        element(
            0x30,
            &[element(0x02, serial), utc(b"260101000000Z")].concat(),
        )
    };
    let entries: Vec<u8> = serials.iter().flat_map(entry).collect();
    let entries = if entries.is_empty() {
        entries
    } else {
        element(0x30, &entries)
    };
    let tbs = [
        vec![0x02, 0x01, 0x01],
        ed25519(),
        issuer.to_vec(),
        utc(b"260101000000Z"),
        utc(b"390101000000Z"),
        entries,
    ];
    signed(&element(0x30, &tbs.concat()), issuer_key)
}

/// `tbs` with its signature.
pub(crate) fn signed(tbs: &[u8], issuer_key: u8) -> Vec<u8> {
    let signature = key(issuer_key).sign(tbs).to_bytes();
    let signature = element(0x03, &[&[0][..], &signature].concat());
    element(0x30, &[tbs, &ed25519(), &signature].concat())
}

fn ed25519() -> Vec<u8> {
    element(0x30, &[0x06, 0x03, 0x2b, 0x65, 0x70])
}

fn utc(text: &[u8]) -> Vec<u8> {
    element(0x17, text)
}
