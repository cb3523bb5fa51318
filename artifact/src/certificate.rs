//! A certificate as received, with what path building and the record need read out of it.
//!
//! The octets are kept and never re-encoded: signatures, ESS hashes and records rest on them. The
//! outline is walked here so that ranges stay exact.
//! Reading proves nothing: a [`Certificate`] is a claim until a path is found for it.

use core::ops::Range;
use std::collections::HashSet;

use const_oid::ObjectIdentifier;
use thiserror::Error;

use crate::asn1::{self, Asn1Error, Element, INTEGER, Reader, SEQUENCE};
use crate::certificate_extension::{
    self as extension, BasicConstraints, Extension, KeyPeriod, KeyUsage,
};
use crate::general_name::GeneralName;
use crate::hash::{HashAlgorithm, sha256};
use crate::key::PublicKey;
use crate::name::{Attribute, Name};
use crate::oid;
use crate::oid::dotted;
use crate::pem::{self, PemError};
use crate::rules::Primitive;
use crate::signature::{Algorithm, Scheme, SignatureError};
use crate::time::{Time, TimeError};
use crate::weak::WeakAlgorithms;

/// Largest certificate that is read, in octets.
pub const CERTIFICATE_INPUT_MAX: usize = 65_535;

/// Why octets are not a certificate.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// Larger than [`CERTIFICATE_INPUT_MAX`].
    #[error("a certificate of {0} octets; at most {CERTIFICATE_INPUT_MAX} are read")]
    Size(usize),
    /// PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// ASN.1 of its outline.
    #[error("certificate: {0}")]
    Malformed(#[from] Asn1Error),
    /// A part that cannot be read.
    #[error("certificate, {part}: {reason}")]
    Part {
        /// Name of the field.
        part: &'static str,
        /// What is wrong with it, in English.
        reason: String,
    },
    /// A date of its validity.
    #[error("certificate, validity: {0}")]
    Validity(#[from] TimeError),
    /// The algorithm inside the signature and the one outside differ (RFC 5280 4.1.1.2).
    #[error("certificate: signature algorithm inside and outside differ")]
    AlgorithmsDiffer,
    /// The certificate has an extension twice (RFC 5280 4.2).
    #[error("certificate: extension {0} stands twice")]
    DuplicateExtension(String),
}

/// The values of extensions that path building needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) is_ca: bool,
    pub(crate) path_length: Option<u8>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Vec<ObjectIdentifier>,
    pub(crate) extended_key_usage_critical: bool,
    pub(crate) private_key_not_before: Option<Time>,
    pub(crate) private_key_not_after: Option<Time>,
    pub(crate) subject_key_identifier: Option<Vec<u8>>,
    /// Why it must not be used for anything: the first flaw that was found.
    pub(crate) flaw: Option<Flaw>,
}

/// Why nothing may rest on a certificate, although it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A critical extension that is not known: its OID.
    UnknownCritical(String),
    /// An extension that had to be understood and cannot be read: its name.
    Unreadable(&'static str),
    /// Fields that came only with a later version than it states (RFC 5280 4.1.2.8 and 4.1.2.9).
    Version,
}

/// A certificate that could be read.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    digest: [u8; 32],
    tbs: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    serial: Range<usize>,
    key_info: Range<usize>,
    key_hash: [u8; 32],
    issuer_name: Name,
    subject_name: Name,
    not_before: Time,
    not_after: Time,
    /// As stated, from 0: version 3 is 2.
    version: u32,
    extensions: Vec<Extension>,
    facts: Facts,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Reads one certificate, DER or PEM.
    ///
    /// # Errors
    /// [`CertificateError`], if the octets are not exactly one certificate.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        Self::from_der(&pem::unwrap_one(bytes)?)
    }

    /// Reads every certificate of a PEM bundle, or the one of a DER file.
    ///
    /// # Errors
    /// [`CertificateError`], if the file holds no certificate, or one that cannot be read.
    pub fn parse_bundle(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        pem::unwrap_all(bytes)?
            .iter()
            .map(|der| Self::from_der(der))
            .collect()
    }

    /// Reads one certificate, DER.
    ///
    /// # Errors
    /// [`CertificateError`], if the octets are not exactly one certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_INPUT_MAX {
            return Err(CertificateError::Size(der.len()));
        }
        let range = |element: &Element<'_>| asn1::range_within(der, element.raw);
        let mut outer = asn1::only(Reader::der(der), SEQUENCE)?.reader();
        let tbs = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?;
        let signature = outer.expect(asn1::BIT_STRING)?.bit_octets()?;
        outer.finish()?;

        let mut fields = tbs.reader();
        let version = fields.optional(asn1::context_constructed(0))?;
        let serial = fields.expect(INTEGER)?.integer_octets()?;
        if fields.expect(SEQUENCE)?.raw != algorithm.raw {
            return Err(CertificateError::AlgorithmsDiffer);
        }
        let issuer = fields.expect(SEQUENCE)?;
        let mut validity = fields.expect(SEQUENCE)?.reader();
        let (not_before, not_after) = (read_time(&mut validity)?, read_time(&mut validity)?);
        validity.finish()?;
        let subject = fields.expect(SEQUENCE)?;
        let key_info = fields.expect(SEQUENCE)?;
        let has_identifiers = fields.optional(asn1::context(1))?.is_some()
            | fields.optional(asn1::context(2))?.is_some();
        let wrapper = fields.optional(asn1::context_constructed(3))?;
        let extensions = wrapper.map(|wrapper| read_extensions(wrapper.reader()));
        let extensions = extensions.transpose()?.unwrap_or_default();
        fields.finish()?;
        let version = match version {
            Some(version) => asn1::only(version.reader(), INTEGER)?.unsigned()?,
            None => 0,
        };
        let needed = match (has_identifiers, wrapper) {
            (_, Some(_)) => 2,
            (true, None) => 1,
            (false, None) => 0,
        };
        if version > 2 {
            return Err(Asn1Error::Value("a certificate version above 3").into());
        }
        let mut facts = read_facts(&extensions);
        if version < needed && facts.flaw.is_none() {
            facts.flaw = Some(Flaw::Version);
        }

        Ok(Self {
            digest: sha256(der),
            tbs: range(&tbs),
            algorithm: range(&algorithm),
            signature: asn1::range_within(der, signature),
            serial: asn1::range_within(der, serial),
            key_info: range(&key_info),
            key_hash: sha256(key_value(&key_info)?),
            issuer_name: part("issuer", Name::from_der(issuer.raw))?,
            subject_name: part("subject", Name::from_der(subject.raw))?,
            not_before,
            not_after,
            version,
            facts,
            extensions,
            der: der.to_vec(),
        })
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of [`Self::der`].
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// TBSCertificate, as received: what the issuer signed.
    pub fn tbs(&self) -> &[u8] {
        self.slice(&self.tbs)
    }

    /// serialNumber: contents octets of the INTEGER.
    pub fn serial(&self) -> &[u8] {
        self.slice(&self.serial)
    }

    /// SubjectPublicKeyInfo, DER.
    pub fn subject_public_key_info(&self) -> &[u8] {
        self.slice(&self.key_info)
    }

    /// SHA-256 of the value of subjectPublicKey (RFC 6960 4.1.1): what the records of everything
    /// that this certificate's key signed carry as issuer key hash.
    pub const fn key_hash(&self) -> [u8; 32] {
        self.key_hash
    }

    /// Digest of the value of subjectPublicKey under any algorithm, as OCSP's certID wants it.
    pub(crate) fn key_digest(&self, algorithm: HashAlgorithm) -> Option<Vec<u8>> {
        let key_info = asn1::only(Reader::der(self.subject_public_key_info()), SEQUENCE).ok()?;
        key_value(&key_info)
            .ok()
            .map(|value| algorithm.digest(value))
    }

    /// Start of validity.
    pub const fn not_before(&self) -> Time {
        self.not_before
    }

    /// End of validity.
    pub const fn not_after(&self) -> Time {
        self.not_after
    }

    /// Subject as RFC 4514 text, for people; an organizationIdentifier is written out.
    pub fn subject(&self) -> String {
        self.subject_name.to_string()
    }

    /// Issuer as RFC 4514 text, for people; an organizationIdentifier is written out.
    pub fn issuer(&self) -> String {
        self.issuer_name.to_string()
    }

    /// Values of organizationIdentifier (2.5.4.97) in the subject, those that are text.
    pub fn organization_identifiers(&self) -> Vec<String> {
        let attributes = self.subject_name.attributes();
        attributes
            .filter(|attribute| attribute.is(&oid::ORGANIZATION_IDENTIFIER))
            .filter_map(Attribute::text)
            .collect()
    }

    /// Whether basicConstraints says CA.
    pub const fn is_ca(&self) -> bool {
        self.facts.is_ca
    }

    /// Version of X.509 that it states, from 1.
    pub(crate) const fn version(&self) -> u32 {
        self.version + 1
    }

    /// Whether its version can say by an extension what it may do: version 3.
    pub(crate) const fn has_room_for_extensions(&self) -> bool {
        self.version >= 2
    }

    pub(crate) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) const fn issuer_name(&self) -> &Name {
        &self.issuer_name
    }

    pub(crate) const fn subject_name(&self) -> &Name {
        &self.subject_name
    }

    /// Value of an extension.
    pub(crate) fn extension(&self, oid: &ObjectIdentifier) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|extension| extension.is(oid));
        found.map(|extension| extension.value.as_slice())
    }

    /// Whether it has this extension, marked critical.
    pub(crate) fn is_critical(&self, oid: &ObjectIdentifier) -> bool {
        let mut extensions = self.extensions.iter();
        extensions.any(|extension| extension.is(oid) && extension.critical)
    }

    pub(crate) fn subject_alternative_names(&self) -> Result<Vec<GeneralName>, CertificateError> {
        match self.extension(&oid::SUBJECT_ALT_NAME) {
            Some(value) => part(
                "subjectAltName",
                extension::subject_alternative_names(value),
            ),
            None => Ok(Vec::new()),
        }
    }

    /// The key, ready to verify with.
    pub(crate) fn public_key(&self, weak: WeakAlgorithms) -> Result<PublicKey, SignatureError> {
        PublicKey::read(self.subject_public_key_info(), weak)
    }

    /// Whether `key` signed this certificate.
    pub(crate) fn verify_signed_by(
        &self,
        key: &PublicKey,
        weak: WeakAlgorithms,
    ) -> Result<(), SignatureError> {
        let scheme = self.scheme()?;
        key.verify(scheme, self.tbs(), self.slice(&self.signature), weak)
    }

    /// The algorithms that the signature on it rests on, if `issuer` signed it.
    pub(crate) fn primitives(&self, issuer: &Self) -> Result<Vec<Primitive>, SignatureError> {
        let hash = self.scheme()?.hash().map(Primitive::Hash);
        let key = issuer.public_key(WeakAlgorithms::ALL)?.primitive();
        Ok(hash.into_iter().chain([key]).collect())
    }

    /// How it is signed.
    pub(crate) fn scheme(&self) -> Result<Scheme, SignatureError> {
        let outer = asn1::only(Reader::der(self.slice(&self.algorithm)), SEQUENCE)?;
        Scheme::read(&Algorithm::read(outer.reader())?, None)
    }

    /// Whether issuer and subject are one name.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer_name == self.subject_name
    }
}

fn part<T, E: core::fmt::Display>(
    part: &'static str,
    read: Result<T, E>,
) -> Result<T, CertificateError> {
    read.map_err(|error| CertificateError::Part {
        part,
        reason: error.to_string(),
    })
}

fn key_value<'a>(key_info: &Element<'a>) -> Result<&'a [u8], Asn1Error> {
    let mut fields = key_info.reader();
    fields.expect(SEQUENCE)?;
    let value = fields.expect(asn1::BIT_STRING)?.bit_octets()?;
    fields.finish()?;
    Ok(value)
}

/// A Time: UTCTime or GeneralizedTime.
pub(crate) fn read_time(reader: &mut Reader<'_>) -> Result<Time, TimeFieldError> {
    match reader.next()? {
        Some(element) if element.tag == asn1::UTC_TIME => Ok(Time::from_utc_time(element.content)?),
        Some(element) if element.tag == asn1::GENERALIZED_TIME => {
            Ok(Time::from_generalized(element.content)?)
        }
        Some(element) => Err(Asn1Error::Unexpected {
            expected: asn1::UTC_TIME,
            found: element.tag,
        }
        .into()),
        None => Err(Asn1Error::Missing {
            expected: asn1::UTC_TIME,
        }
        .into()),
    }
}

/// Why a Time could not be read: its element, or its text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum TimeFieldError {
    #[error(transparent)]
    Element(#[from] Asn1Error),
    #[error(transparent)]
    Text(#[from] TimeError),
}

impl From<TimeFieldError> for CertificateError {
    fn from(error: TimeFieldError) -> Self {
        match error {
            TimeFieldError::Element(error) => error.into(),
            TimeFieldError::Text(error) => error.into(),
        }
    }
}

/// Extensions, given by the contents of the `[3]` around them.
fn read_extensions(wrapper: Reader<'_>) -> Result<Vec<Extension>, CertificateError> {
    let mut extensions = asn1::only(wrapper, SEQUENCE)?.reader();
    let mut all: Vec<Extension> = Vec::new();
    let mut seen = HashSet::new();
    while let Some(extension) = extensions.next()? {
        let extension = Extension::read(extension.sequence()?)?;
        if !seen.insert(extension.id.clone()) {
            return Err(CertificateError::DuplicateExtension(dotted(&extension.id)));
        }
        all.push(extension);
    }
    Ok(all)
}

/// Reads the extensions. One that cannot be read counts as absent; where that matters, the
/// certificate has a flaw.
fn read_facts(extensions: &[Extension]) -> Facts {
    let mut facts = Facts::default();
    for extension in extensions {
        let value = extension.value.as_slice();
        if extension.is(&oid::BASIC_CONSTRAINTS) {
            let constraints = BasicConstraints::read(value).unwrap_or_default();
            facts.is_ca = constraints.is_ca;
            facts.path_length = constraints.path_length;
        } else if extension.is(&oid::KEY_USAGE) {
            facts.key_usage = Some(KeyUsage::read(value).unwrap_or_default());
        } else if extension.is(&oid::EXTENDED_KEY_USAGE) {
            facts.extended_key_usage = extension::extended_key_usage(value).unwrap_or_default();
            facts.extended_key_usage_critical = extension.critical;
        } else if extension.is(&oid::PRIVATE_KEY_USAGE_PERIOD) {
            let period = KeyPeriod::read(value).unwrap_or_default();
            facts.private_key_not_before = period.not_before;
            facts.private_key_not_after = period.not_after;
        } else if extension.is(&oid::SUBJECT_KEY_IDENTIFIER) {
            facts.subject_key_identifier = extension::subject_key_identifier(value).ok();
        }
        let flaw = match extension.check() {
            None if extension.critical => Some(Flaw::UnknownCritical(dotted(&extension.id))),
            Some(Err(unreadable)) => Some(Flaw::Unreadable(unreadable.0)),
            _ => None,
        };
        facts.flaw = facts.flaw.or(flaw);
    }
    facts
}
