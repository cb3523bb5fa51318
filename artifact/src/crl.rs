//! Certificate revocation lists: RFC 5280 section 5; complete and delta, direct and indirect ones.
//!
//! A list is read in one pass over its octets; entries are walked, not copied, so 100,000 of them
//! cost linear time and the list's own memory. Verification asks whether a registered CA's key
//! signed the list. It does not ask whether that CA is still valid: the last list of a CA that
//! closed years ago is exactly what a log is for, and is accepted as the historical statement that
//! it is.
//!
//! An entry is a statement of its own, whichever list carries it: a delta's entries (a release from
//! hold, removeFromCRL, too) and those of a list for some reasons are statements like any other. What
//! a list does *not* name is another matter: that only a list whose scope covers the certificate
//! tells, and [`crate::revocation`] decides about. In an indirect list an entry is about the
//! certificates of the CA that it names (certificateIssuer, which holds for the entries after it), so
//! the key of that CA must be known. Lists for attribute certificates are refused by name.

use core::cmp::Ordering;
use core::ops::Range;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use thiserror::Error;

use crate::asn1::{
    self, Asn1Error, BIT_STRING, BOOLEAN, ENUMERATED, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER,
    OCTET_STRING, Reader, SEQUENCE, UTC_TIME, context, context_constructed,
};
use crate::certificate::{Certificate, TimeFieldError, read_time};
use crate::distribution::{PointName, read_reasons};
use crate::general_name::{GeneralName, has_directory_name};
use crate::hash::{dotted, sha256};
use crate::name::Name;
use crate::oid;
use crate::path::{Anchors, Path, PathError, PathRules, Validity, find_path};
use crate::pem::{self, PemError};
use crate::record::{
    Body, CrlBody, Moment, Opaque, Reason, Record, RecordError, Revocation, Scope,
};
use crate::rules::{Primitive, Weak};
use crate::signature::{Algorithm, Scheme, SignatureError};
use crate::time::{Time, TimeError};

/// Largest list that is read, in octets.
pub const CRL_INPUT_MAX: usize = 20_000_000;

/// CAs that one indirect list may speak for: each is looked for among all that are known.
const ENTRY_ISSUERS_MAX: usize = 256;

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
    /// Its scope is one that no record of version 1 can express.
    #[error("CRL: {0}")]
    Scope(&'static str),
    /// An indirect list names an issuer of certificates whose key is not known, or is not one.
    #[error(
        "CRL: it is indirect, and of the issuer of certificates `{issuer}` {found} keys are known; exactly one must be"
    )]
    EntryIssuer {
        /// The name.
        issuer: String,
        /// Different keys of CA certificates of this name.
        found: usize,
    },
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
            Self::Scope(_) => "crl-scope-unsupported",
            Self::EntryIssuer { .. } => "crl-entry-issuer-unregistered",
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

/// nextUpdate of a list that will have no successor (RFC 5280 4.1.2.5, EN 319 411-1 CSS-6.3.9-06):
/// 99991231235959Z.
pub const LAST_LIST_NEXT_UPDATE: Time = Time::from_unix(253_402_300_799);

/// What crlExtensions say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// cRLNumber: contents octets of the INTEGER; empty if absent.
    number: Vec<u8>,
    /// BaseCRLNumber of a delta: contents octets; empty for a complete list.
    base_number: Vec<u8>,
    pub(crate) point: Option<PointName>,
    pub(crate) only_user: bool,
    pub(crate) only_ca: bool,
    pub(crate) indirect: bool,
    /// Reasons that it covers; none: all.
    pub(crate) reasons: Option<u16>,
    expired_certs_on: Option<Time>,
}

impl Extensions {
    fn scope(&self) -> Scope {
        Scope {
            user_certificates: self.only_user,
            ca_certificates: self.only_ca,
            indirect: self.indirect,
            some_reasons: self.reasons.is_some(),
            one_point: self.point.is_some(),
        }
    }

    /// Whether two lists differ in what RFC 5280 5.2.4 wants equal in a delta and its base.
    pub(crate) fn same_point(&self, other: &Self) -> bool {
        (
            &self.point,
            self.only_user,
            self.only_ca,
            self.indirect,
            self.reasons,
        ) == (
            &other.point,
            other.only_user,
            other.only_ca,
            other.indirect,
            other.reasons,
        )
    }
}

/// What a list covers. Equal for two lists that differ in nothing that RFC 5280 5.2.4 wants equal.
#[derive(Clone, Debug)]
pub struct Coverage(Extensions);

impl PartialEq for Coverage {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_point(&other.0)
    }
}

impl Eq for Coverage {}

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
    extensions: Extensions,
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
        let issuer_der = fields.expect(SEQUENCE)?.raw;
        let issuer =
            Name::from_der(issuer_der).map_err(|error| CrlError::IssuerName(error.to_string()))?;
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
        let extensions = match extensions {
            Some(wrapper) => read_extensions(asn1::only(wrapper.reader(), SEQUENCE)?.reader())?,
            None => Extensions::default(),
        };

        let mut count = 0_u32;
        let mut walk = Entries::new(entries);
        while let Some((issuer, _)) = walk.step().map_err(|reason| reason.at(count))? {
            if issuer.is_some() && !extensions.indirect {
                return Err(CrlError::Scope(
                    "an entry names another issuer, in a list that is not indirect",
                ));
            }
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
            extensions,
            count,
            der,
        })
    }

    /// What it covers.
    pub fn coverage(&self) -> Coverage {
        Coverage(self.extensions.clone())
    }

    /// The entries as statements about certificates of the key `issuer_key_hash`, for whoever knows from
    /// elsewhere (a log's record) who signed the list. Nothing of an indirect list.
    pub fn unverified_entries(
        &self,
        issuer_key_hash: [u8; 32],
    ) -> impl Iterator<Item = Revocation> + '_ {
        let entries = if self.extensions.indirect {
            &[]
        } else {
            self.entries()
        };
        let mut walk = Entries::new(entries);
        // Parsing has read every entry once; what it accepted reads again.
        core::iter::from_fn(move || walk.step().ok().flatten()).map(move |(_, entry)| Revocation {
            issuer_key_hash,
            ..entry
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
        let weak = anchors.weak_at(self.this_update);
        for issuer in anchors
            .known()
            .filter(|issuer| may_issue(issuer, &self.issuer))
        {
            let verified = issuer
                .public_key(weak)
                .and_then(|key| key.verify(scheme, message, &self.signature, weak));
            if let Err(source) = verified {
                reason = wrong(source);
                continue;
            }
            let path = find_path(issuer, &[], anchors, &PathRules::plain(Validity::NotAsked))?;
            let record = self.record(issuer.key_hash())?;
            let (entry_issuers, unresolved) = self.entry_issuers(issuer, anchors)?;
            return Ok(VerifiedCrl {
                digest: sha256(&self.der),
                crl: self,
                record,
                path,
                entry_issuers,
                unresolved,
            });
        }
        Err(reason)
    }

    /// The key hash of each certificateIssuer that an indirect list names, by the octets that name it,
    /// and the first that has none or several.
    fn entry_issuers(
        &self,
        signer: &Certificate,
        anchors: &Anchors,
    ) -> Result<(EntryIssuers, Option<CrlError>), CrlError> {
        let mut issuers = EntryIssuers::new();
        let mut unresolved = None;
        let mut walk = Entries::new(self.entries());
        while let Ok(Some((issuer, _))) = walk.step() {
            let Some(issuer) = issuer.filter(|issuer| !issuers.contains_key(*issuer)) else {
                continue;
            };
            if issuers.len() >= ENTRY_ISSUERS_MAX {
                return Err(CrlError::Scope(
                    "it is indirect and speaks for more than 256 CAs",
                ));
            }
            let names = entry_issuer_names(issuer)?;
            let is_named =
                |certificate: &Certificate| has_directory_name(&names, certificate.subject_name());
            let keys: HashSet<[u8; 32]> = if is_named(signer) {
                HashSet::from([signer.key_hash()])
            } else {
                let known = anchors.known();
                let issuing = known.filter(|known| known.is_ca() && is_named(known));
                issuing.map(|known| known.key_hash()).collect()
            };
            let only = keys.iter().next().filter(|_| keys.len() == 1).copied();
            if only.is_none() && unresolved.is_none() {
                let mut shown = names.iter().filter_map(GeneralName::directory);
                unresolved = Some(CrlError::EntryIssuer {
                    issuer: shown.next().map(Name::to_string).unwrap_or_default(),
                    found: keys.len(),
                });
            }
            issuers.insert(issuer.to_vec(), only);
        }
        Ok((issuers, unresolved))
    }

    fn entries(&self) -> &[u8] {
        self.der.get(self.entries.clone()).unwrap_or_default()
    }

    fn record(&self, issuer_key_hash: [u8; 32]) -> Result<Record, RecordError> {
        let optional =
            |field, time: Option<Time>| time.map(|time| Moment::new(field, time)).transpose();
        Ok(Body::Crl(CrlBody {
            issuer_key_hash,
            digest: sha256(&self.der),
            number: Opaque::new("number", self.extensions.number.as_slice())?,
            base_number: Opaque::new("base_number", self.extensions.base_number.as_slice())?,
            scope: self.extensions.scope(),
            this_update: Moment::new("this_update", self.this_update)?,
            next_update: optional("next_update", self.next_update)?,
            expired_certs_on: optional("expired_certs_on", self.extensions.expired_certs_on)?,
            count: self.count,
        })
        .into())
    }
}

/// A certificate of the issuer's name that may sign lists (RFC 5280 6.3.3 (f)): keyUsage says so, or
/// there is none and it is a CA's. Who signs indirect lists need not be a CA.
fn may_issue(certificate: &Arc<Certificate>, issuer: &Name) -> bool {
    let facts = certificate.facts();
    let silent = facts.is_ca || !facts.has_basic_constraints;
    certificate.subject_name() == issuer && facts.key_usage.map_or(silent, |usage| usage.crl_sign())
}

fn read_extensions(mut extensions: Reader<'_>) -> Result<Extensions, CrlError> {
    let mut all = Extensions::default();
    while let Some(extension) = extensions.next()? {
        let (name, critical, value) = read_extension(extension.reader())?;
        let number = || {
            let number = asn1::only(Reader::der(value), INTEGER)?;
            number.integer_octets().map(<[u8]>::to_vec)
        };
        if name == oid::CRL_NUMBER.as_bytes() {
            all.number = number()?;
        } else if name == oid::DELTA_CRL_INDICATOR.as_bytes() {
            all.base_number = number()?;
        } else if name == oid::ISSUING_DISTRIBUTION_POINT.as_bytes() {
            read_scope(asn1::only(Reader::der(value), SEQUENCE)?.reader(), &mut all)?;
        } else if name == oid::EXPIRED_CERTS_ON_CRL.as_bytes() {
            let time = asn1::only(Reader::der(value), GENERALIZED_TIME)?;
            all.expired_certs_on = Some(Time::from_generalized(time.content)?);
        } else if critical {
            return Err(CrlError::CriticalExtension(dotted(name)));
        }
    }
    Ok(all)
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

/// IssuingDistributionPoint (5.2.5).
fn read_scope(mut fields: Reader<'_>, all: &mut Extensions) -> Result<(), CrlError> {
    while let Some(field) = fields.next()? {
        let is_set = field.content != [0];
        match field.tag {
            tag if tag == context_constructed(0) => all.point = Some(PointName::read(&field)?),
            tag if tag == context(1) => all.only_user = is_set,
            tag if tag == context(2) => all.only_ca = is_set,
            tag if tag == context(3) => all.reasons = Some(read_reasons(&field)?),
            tag if tag == context(4) => all.indirect = is_set,
            tag if tag == context(5) && is_set => {
                return Err(CrlError::Scope("it covers attribute certificates only"));
            }
            _ => {}
        }
    }
    if all.only_user && all.only_ca {
        return Err(CrlError::Scope(
            "it covers user certificates only and CA certificates only, which is nothing",
        ));
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

/// Key hashes of the CAs that an indirect list speaks for, where exactly one key is known.
type EntryIssuers = HashMap<Vec<u8>, Option<[u8; 32]>>;

/// Octets of the certificateIssuer that holds for an entry, if any does, and what the entry says.
type Entry<'a> = (Option<&'a [u8]>, Revocation);

/// Walks the entries of a list; keeps the certificateIssuer that holds for those after it.
struct Entries<'a> {
    reader: Reader<'a>,
    issuer: Option<&'a [u8]>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [u8]) -> Self {
        Self {
            reader: Reader::der(entries),
            issuer: None,
        }
    }

    /// The next entry.
    fn step(&mut self) -> Result<Option<Entry<'a>>, EntryError> {
        let Some(entry) = self.reader.next()? else {
            return Ok(None);
        };
        let (issuer, revocation) = read_entry(&entry)?;
        self.issuer = issuer.or(self.issuer);
        Ok(Some((self.issuer, revocation)))
    }
}

fn entry_issuer_names(extension: &[u8]) -> Result<Vec<GeneralName>, CrlError> {
    let names = asn1::only(Reader::der(extension), SEQUENCE)?;
    Ok(GeneralName::read_all(names.reader())?)
}

/// The certificateIssuer of an entry, and what it says; the issuer's key is not filled in.
fn read_entry<'a>(entry: &asn1::Element<'a>) -> Result<Entry<'a>, EntryError> {
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
    let mut issuer = None;
    let mut revocation = Revocation {
        issuer_key_hash: [0; 32],
        serial,
        revocation_date,
        reason: None,
        invalidity_date: None,
    };
    let Some(extensions) = extensions else {
        return Ok((None, revocation));
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
            asn1::only(Reader::der(value), SEQUENCE)?;
            issuer = Some(value);
        } else if critical {
            return Err(EntryError::Refused(CrlError::CriticalExtension(dotted(
                name,
            ))));
        }
    }
    Ok((issuer, revocation))
}

/// A list that a registered CA signed.
#[derive(Clone, Debug)]
pub struct VerifiedCrl {
    crl: Crl,
    digest: [u8; 32],
    record: Record,
    path: Path,
    entry_issuers: EntryIssuers,
    unresolved: Option<CrlError>,
}

impl VerifiedCrl {
    /// Every algorithm that its signature and its issuer's certificate rest on.
    pub fn primitives(&self) -> Result<Vec<Primitive>, CrlError> {
        let outer = asn1::only(Reader::der(&self.crl.algorithm), SEQUENCE)?;
        let algorithm = Algorithm::read(outer.reader())?;
        let wrong = |source| CrlError::Signature {
            issuer: self.crl.issuer.to_string(),
            source,
        };
        let scheme = Scheme::read(&algorithm, None).map_err(wrong)?;
        let mut all: Vec<Primitive> = scheme.hash().map(Primitive::Hash).into_iter().collect();
        if let Some(issuer) = self.path.certificates().first() {
            all.push(issuer.public_key(Weak::ALL).map_err(wrong)?.primitive());
        }
        all.extend(self.path.primitives().map_err(wrong)?);
        Ok(all)
    }

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

    /// cRLNumber: contents octets of the INTEGER, empty if the list has none. Numbers grow with each
    /// list of one issuer and scope; [`Self::is_later_than`] compares them.
    pub fn number(&self) -> &[u8] {
        &self.crl.extensions.number
    }

    /// BaseCRLNumber of a delta list (RFC 5280 5.2.4): contents octets; empty for a complete list.
    pub fn base_number(&self) -> &[u8] {
        &self.crl.extensions.base_number
    }

    /// Whether it holds only what has changed since the list with [`Self::base_number`].
    pub fn is_delta(&self) -> bool {
        !self.base_number().is_empty()
    }

    /// Which certificates and reasons it covers.
    pub fn scope(&self) -> Scope {
        self.crl.extensions.scope()
    }

    /// expiredCertsOnCRL (X.509 9.5.2.8): certificates that expired at or after this time stay listed.
    pub const fn expired_certs_on(&self) -> Option<Time> {
        self.crl.extensions.expired_certs_on
    }

    /// Whether the issuer says that no list will follow (nextUpdate 99991231235959Z).
    pub fn is_last(&self) -> bool {
        self.crl.next_update == Some(LAST_LIST_NEXT_UPDATE)
    }

    /// Whether this list is of the same issuer key and scope as `other` and has a larger number; none
    /// if they cannot be compared.
    pub fn is_later_than(&self, other: &Self) -> Option<bool> {
        let comparable = self.issuer_key_hash() == other.issuer_key_hash()
            && self.crl.extensions.same_point(&other.crl.extensions)
            && !self.number().is_empty()
            && !other.number().is_empty();
        comparable.then(|| number_order(self.number(), other.number()).is_gt())
    }

    pub(crate) const fn extensions(&self) -> &Extensions {
        &self.crl.extensions
    }

    pub(crate) const fn issuer_name(&self) -> &Name {
        &self.crl.issuer
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

    /// Why some entries of an indirect list cannot be made into statements: the CA that they are
    /// about is not known, or has several keys. Such a list is not admitted.
    pub const fn unresolved(&self) -> Option<&CrlError> {
        self.unresolved.as_ref()
    }

    /// The entries, in the list's order, as statements; those of a CA that is not known are left out,
    /// see [`Self::unresolved`].
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> + '_ {
        self.entries().map(|(_, revocation)| revocation)
    }

    /// The entries with the octets of their certificateIssuer.
    fn entries(&self) -> impl Iterator<Item = Entry<'_>> + '_ {
        let own = self.issuer_key_hash();
        let mut walk = Entries::new(self.crl.entries());
        // Parsing has read every entry once; what it accepted reads again.
        let steps = core::iter::from_fn(move || walk.step().ok().flatten());
        steps.filter_map(move |(issuer, mut entry)| {
            let key = match issuer {
                Some(issuer) => self.entry_issuers.get(issuer).copied().flatten(),
                None => Some(own),
            };
            entry.issuer_key_hash = key?;
            Some((issuer, entry))
        })
    }

    /// What the list says about `certificate`: none if it is not listed or not of the CA that the
    /// entry is about.
    pub fn revocation_of(&self, certificate: &Certificate) -> Option<Revocation> {
        let is_own = *certificate.issuer_name() == self.crl.issuer;
        let is_about = |issuer: Option<&[u8]>| match issuer {
            Some(issuer) => entry_issuer_names(issuer)
                .is_ok_and(|names| has_directory_name(&names, certificate.issuer_name())),
            None => is_own,
        };
        let mut entries = self.entries();
        let found = entries.find(|(issuer, entry)| {
            entry.serial.as_bytes() == certificate.serial() && is_about(*issuer)
        });
        found.map(|(_, revocation)| revocation)
    }
}

/// Order of two CRL numbers: contents octets of non-negative INTEGERs, which are minimal.
pub(crate) fn number_order(one: &[u8], other: &[u8]) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}
