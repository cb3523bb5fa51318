//! OCSP responses: RFC 6960, as statements of a CA about certificates at a time.
//!
//! A response counts if the CA that issued the certificates signed it, or a responder whose
//! certificate that CA issued with extendedKeyUsage OCSPSigning (4.2.2.2). A responder's certificate
//! must have been valid at producedAt; whether it is revoked is not asked, as with id-pkix-ocsp-nocheck,
//! since the answer would come from the same hand. The CA itself must have a path to an anchor, at no
//! time in particular: the last response of a CA that has closed is what a log is for.
//!
//! Every answer of one response must be about the same CA: a response about several has no record.
//! Nonces are not looked at, since nobody here asked.

use std::sync::Arc;

use thiserror::Error;

use crate::asn1::{
    self, Asn1Error, BIT_STRING, ENUMERATED, Element, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER,
    OCTET_STRING, Reader, SEQUENCE, context, context_constructed,
};
use crate::certificate::Certificate;
use crate::hash::{HashAlgorithm, HashError, dotted, sha256};
use crate::name::Name;
use crate::oid;
use crate::path::{Anchors, Path, PathError, PathRules, Validity, find_path};
use crate::pem::{self, PemError};
use crate::record::{
    Body, Moment, OcspAnswer, OcspBody, OcspStatus, Opaque, Reason, Record, RecordError, Revocation,
};
use crate::rules::{Primitive, Weak};
use crate::signature::{Algorithm, Scheme, SignatureError};
use crate::time::{Time, TimeError};

/// Largest response that is read, in octets.
pub const OCSP_INPUT_MAX: usize = 65_536;

/// Certificates read from one response; more are ignored.
const CERTIFICATES_MAX: usize = 16;

/// Why a response is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OcspError {
    /// Larger than [`OCSP_INPUT_MAX`].
    #[error("an OCSP response of {0} octets; at most {OCSP_INPUT_MAX} are read")]
    Size(usize),
    /// PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// ASN.1 of a part.
    #[error("OCSP response: {0}")]
    Malformed(#[from] Asn1Error),
    /// A date.
    #[error("OCSP response: {0}")]
    Time(#[from] TimeError),
    /// The responder did not answer.
    #[error("OCSP response: status {0}; the responder gave no answer")]
    NotSuccessful(&'static str),
    /// A response type other than id-pkix-ocsp-basic.
    #[error("OCSP response: its type is {0}, not id-pkix-ocsp-basic")]
    Type(String),
    /// A version other than 1.
    #[error("OCSP response: version {0} is stated; 1 is read")]
    Version(u32),
    /// A critical extension that is not understood.
    #[error("OCSP response: critical extension {0} is not understood here")]
    CriticalExtension(String),
    /// The hash that identifies the CA is not one of those that are read.
    #[error("OCSP response, certID: {0}")]
    Hash(#[from] HashError),
    /// No registered CA is the one that the answers are about.
    #[error("OCSP response: the CA that it speaks for is not registered")]
    IssuerUnknown,
    /// Answers about certificates of different CAs.
    #[error(
        "OCSP response: its answers are about certificates of different CAs; send one for each"
    )]
    SeveralIssuers,
    /// Neither the CA nor a responder that it authorised signed.
    #[error(
        "OCSP response: neither the CA `{issuer}` nor a responder that it authorised signed it"
    )]
    ResponderUnknown {
        /// The CA.
        issuer: String,
    },
    /// The responder's certificate was not valid when it answered.
    #[error("OCSP response: the responder's certificate `{subject}` was not valid at {at}")]
    ResponderValidity {
        /// Whose.
        subject: String,
        /// producedAt.
        at: Time,
    },
    /// The signature is wrong.
    #[error("OCSP response: {0}")]
    Signature(#[from] SignatureError),
    /// The CA has no path to an anchor.
    #[error("OCSP response, path of the CA: {0}")]
    Path(#[from] PathError),
    /// A field does not fit a record.
    #[error("OCSP response: {0}")]
    Record(#[from] RecordError),
}

impl OcspError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) => "too-large",
            Self::Pem(_) => "pem-malformed",
            Self::NotSuccessful(_) => "ocsp-not-successful",
            Self::CriticalExtension(_) => "ocsp-critical-extension",
            Self::Hash(_) => "hash-algorithm-refused",
            Self::IssuerUnknown => "ocsp-issuer-unregistered",
            Self::SeveralIssuers => "ocsp-several-issuers",
            Self::ResponderUnknown { .. } => "ocsp-responder-unauthorized",
            Self::ResponderValidity { .. } => "ocsp-responder-not-valid-then",
            Self::Signature(error) => error.code(),
            Self::Path(error) => error.code(),
            Self::Record(_) => "record-bounds",
            _ => "ocsp-malformed",
        }
    }
}

/// certID of RFC 6960 4.1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct IssuerId {
    algorithm: HashAlgorithm,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
}

impl IssuerId {
    fn is(&self, issuer: &Certificate) -> bool {
        self.algorithm.digest(issuer.subject_name().der()) == self.name_hash
            && issuer.key_digest(self.algorithm) == Some(self.key_hash.clone())
    }
}

/// One SingleResponse, before its issuer is known.
#[derive(Clone, Debug)]
struct Single {
    issuer: IssuerId,
    answer: OcspAnswer,
    /// revocationTime, revocationReason and, from the extensions, invalidityDate.
    revoked: Option<(Moment, Option<Reason>, Option<Moment>)>,
}

#[derive(Clone, Debug)]
enum ResponderId {
    Name(Name),
    /// SHA-1 of the value of its subjectPublicKey.
    KeyHash(Vec<u8>),
}

/// A response that could be read. Nothing about it is verified.
#[derive(Clone, Debug)]
pub struct OcspResponse {
    der: Vec<u8>,
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    responder: ResponderId,
    produced_at: Time,
    singles: Vec<Single>,
    certificates: Vec<Arc<Certificate>>,
}

impl OcspResponse {
    /// Reads an OCSPResponse, DER or PEM.
    pub fn parse(bytes: &[u8]) -> Result<Self, OcspError> {
        if bytes.len() > OCSP_INPUT_MAX * 3 / 2 {
            return Err(OcspError::Size(bytes.len()));
        }
        let der = pem::unwrap_one(bytes)?;
        if der.len() > OCSP_INPUT_MAX {
            return Err(OcspError::Size(der.len()));
        }
        let mut outer = asn1::only(Reader::der(&der), SEQUENCE)?.reader();
        let status = outer.expect(ENUMERATED)?.unsigned()?;
        if status != 0 {
            return Err(OcspError::NotSuccessful(status_name(status)));
        }
        let wrapper = outer.expect(context_constructed(0))?;
        outer.finish()?;
        let mut fields = asn1::only(wrapper.reader(), SEQUENCE)?.reader();
        let kind = fields.expect(OBJECT_IDENTIFIER)?.content;
        if kind != oid::OCSP_BASIC.as_bytes() {
            return Err(OcspError::Type(dotted(kind)));
        }
        let basic = fields.expect(OCTET_STRING)?.content;
        fields.finish()?;

        let mut fields = asn1::only(Reader::der(basic), SEQUENCE)?.reader();
        let signed = fields.expect(SEQUENCE)?;
        let algorithm = fields.expect(SEQUENCE)?.raw.to_vec();
        let signature = fields.expect(BIT_STRING)?.bit_octets()?.to_vec();
        let certificates = match fields.optional(context_constructed(0))? {
            Some(wrapper) => read_certificates(asn1::only(wrapper.reader(), SEQUENCE)?.reader())?,
            None => Vec::new(),
        };
        fields.finish()?;
        let (responder, produced_at, singles) = read_data(signed.reader())?;
        Ok(Self {
            signed: signed.raw.to_vec(),
            algorithm,
            signature,
            responder,
            produced_at,
            singles,
            certificates,
            der,
        })
    }

    /// Verifies that the registered CA of the certificates answered, or a responder for it.
    pub fn verify(self, anchors: &Anchors) -> Result<VerifiedOcsp, OcspError> {
        let first = self.singles.first().ok_or(OcspError::IssuerUnknown)?;
        let mut reason = OcspError::IssuerUnknown;
        for issuer in anchors.known().filter(|known| first.issuer.is(known)) {
            if !self.singles.iter().all(|single| single.issuer.is(issuer)) {
                return Err(OcspError::SeveralIssuers);
            }
            let responder = match self.find_responder(issuer, anchors) {
                Ok(responder) => responder,
                Err(error) => {
                    reason = error;
                    continue;
                }
            };
            let path = find_path(
                issuer,
                &self.certificates,
                anchors,
                &PathRules::plain(Validity::NotAsked),
            )?;
            let record = self.record(issuer, &responder)?;
            return Ok(VerifiedOcsp {
                response: self,
                record,
                path,
                responder,
            });
        }
        Err(reason)
    }

    /// Who signed: the CA, or who has a certificate of it for the purpose.
    fn find_responder(
        &self,
        issuer: &Arc<Certificate>,
        anchors: &Anchors,
    ) -> Result<Arc<Certificate>, OcspError> {
        let outer = asn1::only(Reader::der(&self.algorithm), SEQUENCE)?;
        let scheme = Scheme::read(&Algorithm::read(outer.reader())?, None)?;
        let mut reason = OcspError::ResponderUnknown {
            issuer: issuer.subject(),
        };
        let known = self.certificates.iter().chain(anchors.known());
        let candidates = core::iter::once(issuer).chain(known);
        for candidate in candidates.filter(|candidate| self.is_responder(candidate)) {
            if candidate.key_hash() != issuer.key_hash() {
                let facts = candidate.facts();
                if !facts.extended_key_usage.contains(&oid::KP_OCSP_SIGNING)
                    || !crate::path::is_name_of(candidate, issuer)
                {
                    continue;
                }
                match anchors.verify_link(candidate, issuer) {
                    Ok(()) => {}
                    // Another CA's certificate of the same name says nothing; a weak one says why.
                    Err(SignatureError::Invalid) => continue,
                    Err(error) => {
                        reason = error.into();
                        continue;
                    }
                }
                let validity = candidate.not_before()..=candidate.not_after();
                if !validity.contains(&self.produced_at) {
                    reason = OcspError::ResponderValidity {
                        subject: candidate.subject(),
                        at: self.produced_at,
                    };
                    continue;
                }
            }
            let weak = anchors.weak_at(self.produced_at);
            let verified = candidate
                .public_key(weak)
                .and_then(|key| key.verify(scheme, &self.signed, &self.signature, weak));
            match verified {
                Ok(()) => return Ok(candidate.clone()),
                Err(error) => reason = error.into(),
            }
        }
        Err(reason)
    }

    fn is_responder(&self, certificate: &Certificate) -> bool {
        match &self.responder {
            ResponderId::Name(name) => certificate.subject_name() == name,
            ResponderId::KeyHash(hash) => {
                certificate.key_digest(HashAlgorithm::Sha1).as_ref() == Some(hash)
            }
        }
    }

    fn record(&self, issuer: &Certificate, responder: &Certificate) -> Result<Record, RecordError> {
        let answers = self.singles.iter().map(|single| single.answer.clone());
        let body = OcspBody::new(
            issuer.key_hash(),
            responder.key_hash(),
            sha256(&self.der),
            Moment::new("produced_at", self.produced_at)?,
            answers.collect(),
        )?;
        Ok(Body::Ocsp(body).into())
    }
}

const fn status_name(status: u32) -> &'static str {
    match status {
        1 => "malformedRequest",
        2 => "internalError",
        3 => "tryLater",
        5 => "sigRequired",
        6 => "unauthorized",
        _ => "unknown",
    }
}

fn read_certificates(mut elements: Reader<'_>) -> Result<Vec<Arc<Certificate>>, OcspError> {
    let mut certificates = Vec::new();
    while let Some(element) = elements.next()? {
        if certificates.len() < CERTIFICATES_MAX {
            certificates.extend(Certificate::from_der(element.raw).ok().map(Arc::new));
        }
    }
    Ok(certificates)
}

/// ResponseData.
fn read_data(mut fields: Reader<'_>) -> Result<(ResponderId, Time, Vec<Single>), OcspError> {
    if let Some(version) = fields.optional(context_constructed(0))? {
        let version = asn1::only(version.reader(), INTEGER)?.unsigned()?;
        if version != 0 {
            return Err(OcspError::Version(version.saturating_add(1)));
        }
    }
    let responder = match fields.next()? {
        Some(field) if field.tag == context_constructed(1) => {
            let name = asn1::only(field.reader(), SEQUENCE)?;
            ResponderId::Name(Name::from_der(name.raw)?)
        }
        Some(field) if field.tag == context_constructed(2) => {
            ResponderId::KeyHash(asn1::only(field.reader(), OCTET_STRING)?.content.to_vec())
        }
        _ => return Err(Asn1Error::Value("responderID is neither a name nor a key hash").into()),
    };
    let produced_at = Time::from_generalized(fields.expect(GENERALIZED_TIME)?.content)?;
    let mut elements = fields.expect(SEQUENCE)?.reader();
    let mut singles = Vec::new();
    while let Some(single) = elements.next()? {
        singles.push(read_single(single.reader())?);
    }
    read_extensions(fields.optional(context_constructed(1))?, |_, _| Ok(false))?;
    fields.finish()?;
    Ok((responder, produced_at, singles))
}

fn read_single(mut fields: Reader<'_>) -> Result<Single, OcspError> {
    let mut id = fields.expect(SEQUENCE)?.reader();
    let algorithm = Algorithm::read(id.expect(SEQUENCE)?.reader())?;
    let issuer = IssuerId {
        algorithm: HashAlgorithm::from_oid_octets(algorithm.oid)?,
        name_hash: id.expect(OCTET_STRING)?.content.to_vec(),
        key_hash: id.expect(OCTET_STRING)?.content.to_vec(),
    };
    let serial = Opaque::new("serial", id.expect(INTEGER)?.integer_octets()?)?;
    id.finish()?;
    let status = fields.next()?.ok_or(Asn1Error::Missing {
        expected: context(0),
    })?;
    let (status, mut revoked) = match status.tag {
        tag if tag == context(0) => (OcspStatus::Good, None),
        tag if tag == context_constructed(1) => {
            (OcspStatus::Revoked, Some(read_revoked(status.reader())?))
        }
        tag if tag == context(2) => (OcspStatus::Unknown, None),
        found => {
            return Err(Asn1Error::Unexpected {
                expected: context(0),
                found,
            }
            .into());
        }
    };
    let moment = |field, element: Element<'_>| -> Result<Moment, OcspError> {
        Ok(Moment::new(
            field,
            Time::from_generalized(element.content)?,
        )?)
    };
    let this_update = moment("this_update", fields.expect(GENERALIZED_TIME)?)?;
    let next_update = match fields.optional(context_constructed(0))? {
        Some(wrapper) => Some(moment(
            "next_update",
            asn1::only(wrapper.reader(), GENERALIZED_TIME)?,
        )?),
        None => None,
    };
    let mut archive_cutoff = None;
    let mut cert_hash = (Opaque::new("cert_hash", [])?, Opaque::new("cert_hash", [])?);
    read_extensions(fields.optional(context_constructed(1))?, |name, value| {
        let time = || asn1::only(Reader::der(value), GENERALIZED_TIME);
        if name == oid::OCSP_ARCHIVE_CUTOFF.as_bytes() {
            archive_cutoff = Some(moment("archive_cutoff", time()?)?);
        } else if name == oid::INVALIDITY_DATE.as_bytes() {
            if let Some((_, _, invalidity)) = &mut revoked {
                *invalidity = Some(moment("invalidity_date", time()?)?);
            }
        } else if name == oid::CERT_HASH.as_bytes() {
            let mut fields = asn1::only(Reader::der(value), SEQUENCE)?.reader();
            let named = Algorithm::read(fields.expect(SEQUENCE)?.reader())?;
            let hash = fields.expect(OCTET_STRING)?.content;
            fields.finish()?;
            cert_hash = (
                Opaque::new("cert_hash", named.oid)?,
                Opaque::new("cert_hash", hash)?,
            );
        } else {
            return Ok(false);
        }
        Ok(true)
    })?;
    fields.finish()?;
    let answer = OcspAnswer {
        serial,
        status,
        this_update,
        next_update,
        archive_cutoff,
        cert_hash,
    };
    Ok(Single {
        issuer,
        answer,
        revoked,
    })
}

type Revoked = (Moment, Option<Reason>, Option<Moment>);

/// RevokedInfo.
fn read_revoked(mut fields: Reader<'_>) -> Result<Revoked, OcspError> {
    let time = Time::from_generalized(fields.expect(GENERALIZED_TIME)?.content)?;
    let reason = match fields.optional(context_constructed(0))? {
        Some(wrapper) => {
            let code = asn1::only(wrapper.reader(), ENUMERATED)?.unsigned()?;
            Some(Reason::new(u8::try_from(code).unwrap_or(u8::MAX))?)
        }
        None => None,
    };
    fields.finish()?;
    Ok((Moment::new("revocation_date", time)?, reason, None))
}

/// Walks Extensions in their explicit wrapper; `take` says whether it knows one.
fn read_extensions(
    wrapper: Option<Element<'_>>,
    mut take: impl FnMut(&[u8], &[u8]) -> Result<bool, OcspError>,
) -> Result<(), OcspError> {
    let Some(wrapper) = wrapper else {
        return Ok(());
    };
    let mut extensions = asn1::only(wrapper.reader(), SEQUENCE)?.reader();
    while let Some(extension) = extensions.next()? {
        let mut fields = extension.reader();
        let name = fields.expect(OBJECT_IDENTIFIER)?.content;
        let critical = fields
            .optional(asn1::BOOLEAN)?
            .is_some_and(|flag| flag.content != [0]);
        let value = fields.expect(OCTET_STRING)?.content;
        fields.finish()?;
        if !take(name, value)? && critical {
            return Err(OcspError::CriticalExtension(dotted(name)));
        }
    }
    Ok(())
}

/// A response that the CA, or a responder for it, signed.
#[derive(Clone, Debug)]
pub struct VerifiedOcsp {
    response: OcspResponse,
    record: Record,
    path: Path,
    responder: Arc<Certificate>,
}

impl VerifiedOcsp {
    /// Every algorithm that its signature, its responder's and its issuer's certificates rest on.
    pub fn primitives(&self) -> Result<Vec<Primitive>, OcspError> {
        let outer = asn1::only(Reader::der(&self.response.algorithm), SEQUENCE)?;
        let scheme = Scheme::read(&Algorithm::read(outer.reader())?, None)?;
        let mut all: Vec<Primitive> = scheme.hash().map(Primitive::Hash).into_iter().collect();
        all.push(self.responder.public_key(Weak::ALL)?.primitive());
        if let Some(issuer) = self.path.certificates().first()
            && issuer.key_hash() != self.responder.key_hash()
        {
            all.extend(self.responder.primitives(issuer)?);
        }
        all.extend(self.path.primitives()?);
        Ok(all)
    }

    /// The response's own log entry, which stands after its revocations.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// SHA-256 of the response's DER.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.response.der)
    }

    /// The response's octets.
    pub fn der(&self) -> &[u8] {
        &self.response.der
    }

    /// producedAt.
    pub const fn produced_at(&self) -> Time {
        self.response.produced_at
    }

    /// The CA's certificate first, anchor last.
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// Certificate of whoever signed: the CA's, or an authorised responder's.
    pub fn responder(&self) -> &Certificate {
        &self.responder
    }

    /// SHA-256 of the value of the CA's subjectPublicKey.
    pub fn issuer_key_hash(&self) -> [u8; 32] {
        self.path
            .certificates()
            .first()
            .map_or([0; 32], |issuer| issuer.key_hash())
    }

    /// The answers, in the response's order.
    pub fn answers(&self) -> impl Iterator<Item = &OcspAnswer> {
        self.response.singles.iter().map(|single| &single.answer)
    }

    /// The revocations that it states, as statements.
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> + '_ {
        let singles = self.response.singles.iter();
        singles.filter_map(|single| self.statement(single))
    }

    fn statement(&self, single: &Single) -> Option<Revocation> {
        let (revocation_date, reason, invalidity_date) = single.revoked?;
        Some(Revocation {
            issuer_key_hash: self.issuer_key_hash(),
            serial: single.answer.serial.clone(),
            revocation_date,
            reason,
            invalidity_date,
        })
    }

    /// What it says about `certificate`; none if it says nothing about it, or if certHash names
    /// another certificate of this serial.
    pub fn answer_for(&self, certificate: &Certificate) -> Option<&OcspAnswer> {
        self.single_for(certificate).map(|single| &single.answer)
    }

    /// The revocation of `certificate` that it states; none unless its answer is "revoked".
    pub fn revocation_of(&self, certificate: &Certificate) -> Option<Revocation> {
        self.statement(self.single_for(certificate)?)
    }

    fn single_for(&self, certificate: &Certificate) -> Option<&Single> {
        let issuer = self.path.certificates().first()?;
        let is_ours = crate::path::is_name_of(certificate, issuer);
        self.response.singles.iter().find(|single| {
            let (algorithm, hash) = &single.answer.cert_hash;
            let hash_fits = hash.as_bytes().is_empty()
                || HashAlgorithm::from_oid_octets(algorithm.as_bytes())
                    .is_ok_and(|named| named.digest(certificate.der()) == hash.as_bytes());
            is_ours && hash_fits && single.answer.serial.as_bytes() == certificate.serial()
        })
    }
}
