//! Certificate revocation lists: RFC 5280 section 5, complete and direct ones.
//!
//! A list is read in one pass over its octets; entries are walked, not copied, so 100,000 of them
//! cost linear time and the list's own memory. Verification asks whether a registered CA's key
//! signed the list. It does not ask whether that CA is still valid: the last list of a CA that
//! closed years ago is exactly what a log is for, and is accepted as the historical statement that
//! it is. Delta lists, indirect lists and lists for some reasons only are refused by name: their
//! entries mean something else.

use core::ops::Range;
use std::sync::Arc;

use der::Decode;
use thiserror::Error;
use x509_cert::name::Name;

use crate::asn1::{
    self, Asn1Error, BIT_STRING, BOOLEAN, ENUMERATED, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER,
    OCTET_STRING, Reader, SEQUENCE, UTC_TIME, context, context_constructed,
};
use crate::certificate::{Certificate, TimeFieldError, names_match, read_time};
use crate::hash::{dotted, sha256};
use crate::oid;
use crate::path::{Anchors, Path, PathError, Validity, find_path};
use crate::pem::{self, PemError};
use crate::record::{Body, CrlBody, Moment, Opaque, Reason, Record, RecordError, Revocation};
use crate::signature::{Algorithm, Scheme, SignatureError};
use crate::time::{Time, TimeError};

/// Largest list that is read, in octets.
pub const CRL_INPUT_MAX: usize = 20_000_000;

/// Why a list is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlError {
    /// Larger than [`CRL_INPUT_MAX`].
    #[error("a CRL of {0} octets; at most {CRL_INPUT_MAX} are read")]
    Size(usize),
    /// PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// ASN.1 of its outline.
    #[error("CRL: {0}")]
    Malformed(#[from] Asn1Error),
    /// An entry cannot be read.
    #[error("CRL, entry {entry}: {reason}")]
    Entry {
        /// Which, from 0.
        entry: usize,
        /// What is wrong.
        reason: String,
    },
    /// A date.
    #[error("CRL: {0}")]
    Time(#[from] TimeError),
    /// Issuer's name cannot be read.
    #[error("CRL, issuer: {0}")]
    IssuerName(String),
    /// The algorithm inside the signature and the one outside differ.
    #[error("CRL: signature algorithm inside and outside differ")]
    AlgorithmsDiffer,
    /// A delta CRL.
    #[error("CRL: this is a delta CRL, which is not supported yet; send the complete CRL")]
    Delta,
    /// An indirect CRL, or one that covers some reasons or attribute certificates only.
    #[error("CRL: {0}, which is not supported yet; send the complete CRL of the CA itself")]
    Scope(&'static str),
    /// A critical extension that is not understood.
    #[error("CRL: critical extension {0} is not understood here")]
    CriticalExtension(String),
    /// No registered certificate has the issuer's name and may sign CRLs.
    #[error(
        "CRL: no registered CA certificate has the issuer's name, `{issuer}`, and may sign CRLs"
    )]
    IssuerUnknown {
        /// The issuer's name.
        issuer: String,
    },
    /// The signature is wrong.
    #[error("CRL of `{issuer}`: {source}")]
    Signature {
        /// The issuer's name.
        issuer: String,
        /// Why.
        source: SignatureError,
    },
    /// The issuer has no path to an anchor.
    #[error("CRL, path of its issuer: {0}")]
    Path(#[from] PathError),
    /// A field does not fit a record.
    #[error("CRL: {0}")]
    Record(#[from] RecordError),
}

impl CrlError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) => "too-large",
            Self::Pem(_) => "pem-malformed",
            Self::Delta => "crl-delta-unsupported",
            Self::Scope(_) => "crl-scope-unsupported",
            Self::CriticalExtension(_) => "crl-critical-extension",
            Self::IssuerUnknown { .. } => "crl-issuer-unregistered",
            Self::Signature { source, .. } => source.code(),
            Self::Path(error) => error.code(),
            Self::Record(_) => "record-bounds",
            _ => "crl-malformed",
        }
    }
}

impl From<TimeFieldError> for CrlError {
    fn from(error: TimeFieldError) -> Self {
        match error {
            TimeFieldError::Element(error) => error.into(),
            TimeFieldError::Text(error) => error.into(),
        }
    }
}

/// A list that could be read. Nothing about it is verified.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    tbs: Range<usize>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    this_update: Time,
    next_update: Option<Time>,
    number: Vec<u8>,
    entries: Range<usize>,
    count: u32,
}

impl Crl {
    /// Reads a CertificateList, DER or PEM, with every entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, CrlError> {
        if bytes.len() > CRL_INPUT_MAX * 3 / 2 {
            return Err(CrlError::Size(bytes.len()));
        }
        let der = pem::unwrap_one(bytes)?;
        if der.len() > CRL_INPUT_MAX {
            return Err(CrlError::Size(der.len()));
        }
        let position = |inner: &[u8]| asn1::range_within(&der, inner);
        let mut outer = asn1::only(Reader::der(&der), SEQUENCE)?.reader();
        let tbs = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?;
        let signature = outer.expect(BIT_STRING)?.bit_octets()?.to_vec();
        outer.finish()?;

        let mut fields = tbs.reader();
        if let Some(version) = fields.optional(INTEGER)?
            && version.unsigned()? != 1
        {
            return Err(Asn1Error::Value("a CRL version other than 2 is stated").into());
        }
        if fields.expect(SEQUENCE)?.raw != algorithm.raw {
            return Err(CrlError::AlgorithmsDiffer);
        }
        let issuer = fields.expect(SEQUENCE)?.raw;
        let issuer =
            Name::from_der(issuer).map_err(|error| CrlError::IssuerName(error.to_string()))?;
        let this_update = read_time(&mut fields)?;
        let has_next = matches!(fields.peek_tag(), Some(UTC_TIME | GENERALIZED_TIME));
        let next_update = if has_next {
            Some(read_time(&mut fields)?)
        } else {
            None
        };
        let entries = fields
            .optional(SEQUENCE)?
            .map_or(&[][..], |entries| entries.content);
        let extensions = fields.optional(context_constructed(0))?;
        fields.finish()?;
        let number = match extensions {
            Some(wrapper) => read_extensions(asn1::only(wrapper.reader(), SEQUENCE)?.reader())?,
            None => Vec::new(),
        };

        let mut count = 0_u32;
        let mut walk = Reader::der(entries);
        while let Some(entry) = walk.next()? {
            read_entry(&entry, [0; 32]).map_err(|reason| reason.at(count))?;
            count += 1;
        }
        Ok(Self {
            tbs: position(tbs.raw),
            entries: if entries.is_empty() {
                0..0
            } else {
                position(entries)
            },
            algorithm: algorithm.raw.to_vec(),
            signature,
            issuer,
            this_update,
            next_update,
            number,
            count,
            der,
        })
    }

    /// Verifies that a registered CA signed the list, and that the CA has a path to an anchor.
    pub fn verify(self, anchors: &Anchors) -> Result<VerifiedCrl, CrlError> {
        let issuer_name = || self.issuer.to_string();
        let wrong = |source| CrlError::Signature {
            issuer: issuer_name(),
            source,
        };
        let outer = asn1::only(Reader::der(&self.algorithm), SEQUENCE)?;
        let scheme = Scheme::read(&Algorithm::read(outer.reader())?, None).map_err(wrong)?;
        let message = self.der.get(self.tbs.clone()).unwrap_or_default();
        let mut reason = CrlError::IssuerUnknown {
            issuer: issuer_name(),
        };
        for issuer in anchors
            .known()
            .filter(|issuer| may_issue(issuer, &self.issuer))
        {
            let verified = issuer.public_key().and_then(|key| {
                key.verify(scheme, message, &self.signature, anchors.accepts_sha1())
            });
            if let Err(source) = verified {
                reason = wrong(source);
                continue;
            }
            let path = find_path(issuer, &[], anchors, Validity::NotAsked)?;
            let record = self.record(issuer.key_hash())?;
            return Ok(VerifiedCrl {
                digest: sha256(&self.der),
                crl: self,
                record,
                path,
            });
        }
        Err(reason)
    }

    fn record(&self, issuer_key_hash: [u8; 32]) -> Result<Record, RecordError> {
        let next = self
            .next_update
            .map(|next| Moment::new("next_update", next))
            .transpose()?;
        Ok(Body::Crl(CrlBody {
            issuer_key_hash,
            digest: sha256(&self.der),
            number: Opaque::new("number", self.number.as_slice())?,
            this_update: Moment::new("this_update", self.this_update)?,
            next_update: next,
            count: self.count,
        })
        .into())
    }
}

/// A CA certificate of the issuer's name that may sign CRLs (RFC 5280 6.3.3 (f)).
fn may_issue(certificate: &Arc<Certificate>, issuer: &Name) -> bool {
    let facts = certificate.facts();
    names_match(certificate.subject_name(), issuer)
        && (facts.is_ca || !facts.has_basic_constraints)
        && facts.key_usage.is_none_or(|usage| usage.crl_sign())
}

/// Reads crlExtensions; answers with the cRLNumber's octets, empty if absent.
fn read_extensions(mut extensions: Reader<'_>) -> Result<Vec<u8>, CrlError> {
    let mut number = Vec::new();
    while let Some(extension) = extensions.next()? {
        let (name, critical, value) = read_extension(extension.reader())?;
        if name == oid::CRL_NUMBER.as_bytes() {
            number = asn1::only(Reader::der(value), INTEGER)?
                .integer_octets()?
                .to_vec();
        } else if name == oid::DELTA_CRL_INDICATOR.as_bytes() {
            return Err(CrlError::Delta);
        } else if name == oid::ISSUING_DISTRIBUTION_POINT.as_bytes() {
            check_scope(asn1::only(Reader::der(value), SEQUENCE)?.reader())?;
        } else if critical {
            return Err(CrlError::CriticalExtension(dotted(name)));
        }
    }
    Ok(number)
}

/// OID, criticality and value of one Extension.
fn read_extension(mut fields: Reader<'_>) -> Result<(&[u8], bool, &[u8]), Asn1Error> {
    let name = fields.expect(OBJECT_IDENTIFIER)?.content;
    let critical = fields
        .optional(BOOLEAN)?
        .is_some_and(|flag| flag.content != [0]);
    let value = fields.expect(OCTET_STRING)?.content;
    fields.finish()?;
    Ok((name, critical, value))
}

/// IssuingDistributionPoint (5.2.5): user or CA certificates only is a scope that a statement per
/// issuer and serial can carry; the others change what an entry, or its absence, means.
fn check_scope(mut fields: Reader<'_>) -> Result<(), CrlError> {
    while let Some(field) = fields.next()? {
        let is_set = field.content != [0];
        match field.tag {
            tag if tag == context(3) || tag == context_constructed(3) => {
                return Err(CrlError::Scope("it covers some revocation reasons only"));
            }
            tag if tag == context(4) && is_set => {
                return Err(CrlError::Scope("it is an indirect CRL"));
            }
            tag if tag == context(5) && is_set => {
                return Err(CrlError::Scope("it covers attribute certificates only"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Why an entry is refused, before its number is known.
enum EntryError {
    Reason(String),
    Refused(CrlError),
}

impl EntryError {
    fn at(self, entry: u32) -> CrlError {
        match self {
            Self::Reason(reason) => CrlError::Entry {
                entry: usize::try_from(entry).unwrap_or(usize::MAX),
                reason,
            },
            Self::Refused(error) => error,
        }
    }
}

impl<E: core::error::Error> From<E> for EntryError {
    fn from(error: E) -> Self {
        Self::Reason(error.to_string())
    }
}

fn read_entry(
    entry: &asn1::Element<'_>,
    issuer_key_hash: [u8; 32],
) -> Result<Revocation, EntryError> {
    if entry.tag != SEQUENCE {
        return Err(Asn1Error::Unexpected {
            expected: SEQUENCE,
            found: entry.tag,
        }
        .into());
    }
    let mut fields = entry.reader();
    let serial = Opaque::new("serial", fields.expect(INTEGER)?.integer_octets()?)?;
    let revocation_date = Moment::new("revocation_date", read_time(&mut fields)?)?;
    let extensions = fields.optional(SEQUENCE)?;
    fields.finish()?;
    let mut revocation = Revocation {
        issuer_key_hash,
        serial,
        revocation_date,
        reason: None,
        invalidity_date: None,
    };
    let Some(extensions) = extensions else {
        return Ok(revocation);
    };
    let mut extensions = extensions.reader();
    while let Some(extension) = extensions.next()? {
        let (name, critical, value) = read_extension(extension.reader())?;
        if name == oid::CRL_REASON.as_bytes() {
            let code = asn1::only(Reader::der(value), ENUMERATED)?.unsigned()?;
            revocation.reason = Some(Reason::new(u8::try_from(code).unwrap_or(u8::MAX))?);
        } else if name == oid::INVALIDITY_DATE.as_bytes() {
            let date = asn1::only(Reader::der(value), GENERALIZED_TIME)?;
            let date = Time::from_generalized(date.content)?;
            revocation.invalidity_date = Some(Moment::new("invalidity_date", date)?);
        } else if name == oid::CERTIFICATE_ISSUER.as_bytes() {
            return Err(EntryError::Refused(CrlError::Scope(
                "an entry names another issuer",
            )));
        } else if critical {
            return Err(EntryError::Refused(CrlError::CriticalExtension(dotted(
                name,
            ))));
        }
    }
    Ok(revocation)
}

/// A list that a registered CA signed.
#[derive(Clone, Debug)]
pub struct VerifiedCrl {
    crl: Crl,
    digest: [u8; 32],
    record: Record,
    path: Path,
}

impl VerifiedCrl {
    /// The list's own log entry, which stands after its revocations.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// SHA-256 of the list's DER.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The list's octets.
    pub fn der(&self) -> &[u8] {
        &self.crl.der
    }

    /// thisUpdate.
    pub const fn this_update(&self) -> Time {
        self.crl.this_update
    }

    /// nextUpdate, if stated.
    pub const fn next_update(&self) -> Option<Time> {
        self.crl.next_update
    }

    /// Entries in the list.
    pub const fn count(&self) -> u32 {
        self.crl.count
    }

    /// SHA-256 of the value of the signing CA's subjectPublicKey.
    pub fn issuer_key_hash(&self) -> [u8; 32] {
        self.path
            .certificates()
            .first()
            .map_or([0; 32], |issuer| issuer.key_hash())
    }

    /// The CA's certificate first, anchor last.
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// The entries, in the list's order, as statements.
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> + '_ {
        let issuer_key_hash = self.issuer_key_hash();
        let mut walk = Reader::der(
            self.crl
                .der
                .get(self.crl.entries.clone())
                .unwrap_or_default(),
        );
        // Parsing has read every entry once; what it accepted reads again.
        core::iter::from_fn(move || walk.next().ok().flatten())
            .filter_map(move |entry| read_entry(&entry, issuer_key_hash).ok())
    }

    /// What the list says about `certificate`: none if it is not listed or not this CA's.
    pub fn revocation_of(&self, certificate: &Certificate) -> Option<Revocation> {
        let ours = names_match(certificate.issuer_name(), &self.crl.issuer);
        let mut entries = self.revocations();
        entries.find(|entry| ours && entry.serial.as_bytes() == certificate.serial())
    }
}
