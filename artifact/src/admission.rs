//! Admission: from an artifact's octets to log entries, or to a refusal that says why.
//!
//! The log runs this before it accepts; a verifier runs the same code to rebuild the record that a
//! proof is about. Neither has a second implementation to disagree with. Everything is a function
//! of the octets and the anchors: no clock, so an artifact of a provider that closed long ago is
//! judged as of its own time.

use std::collections::HashSet;
use std::sync::Arc;

use thiserror::Error;

use crate::certificate::{Certificate, CertificateError};
use crate::crl::{Crl, CrlError, VerifiedCrl};
use crate::hash::sha256;
use crate::ocsp::{OcspError, OcspResponse, VerifiedOcsp};
use crate::path::{Anchors, Path, PathError, PathRules, Validity, find_path};
use crate::record::{Body, Mark, Record, RecordError, Revocation, TokenMark};
use crate::record_of::certificate_record;
use crate::rules::Primitive;
use crate::shape::{ArtifactType, Unrecognised};
use crate::token::{TimestampToken, TokenError, VerifiedToken};
use crate::work::Work;

/// Why an artifact is not admitted. The inner error says what must change.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is of no kind.
    #[error(transparent)]
    Unrecognised(#[from] Unrecognised),
    /// A token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A certificate has no path to an anchor.
    #[error("certificate, path at its notBefore: {0}")]
    CertificatePath(#[source] PathError),
    /// A certificate's issuer key is not at hand, so it has no record.
    #[error(
        "certificate `{subject}` is trusted directly, and the key that signed it is not registered; register its issuer"
    )]
    IssuerKeyUnknown {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
    },
    /// A list.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// An OCSP response.
    #[error(transparent)]
    Ocsp(#[from] OcspError),
    /// A field does not fit a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It would make more records than it may.
    #[error("it would make {found} records, and at most {most} are taken of one artifact here")]
    TooManyRecords {
        /// As many as it has entries, and its own.
        found: usize,
        /// [`Bounds::records_max`].
        most: usize,
    },
}

impl Refusal {
    /// Stable code, kebab-case; `urn:ishibumi:error:CODE` in problem details.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unrecognised(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Certificate(CertificateError::Size(_)) => "too-large",
            Self::Certificate(CertificateError::Pem(_)) => "pem-malformed",
            Self::Certificate(_) => "certificate-malformed",
            Self::CertificatePath(error) => error.code(),
            Self::IssuerKeyUnknown { .. } => "issuer-key-unknown",
            Self::Crl(error) => error.code(),
            Self::Ocsp(error) => error.code(),
            Self::Record(_) => "record-bounds",
            Self::TooManyRecords { .. } => "records-too-many",
        }
    }
}

/// The verified artifact, by kind. Exhaustive on purpose: code that judges an artifact has to
/// decide about a further kind before it compiles.
#[derive(Clone, Debug)]
pub enum Verified {
    /// A token.
    Token(Box<VerifiedToken>),
    /// A certificate with its path: end certificate first, anchor last.
    Certificate(Path),
    /// A list.
    Crl(Box<VerifiedCrl>),
    /// An OCSP response.
    Ocsp(Box<VerifiedOcsp>),
}

impl Verified {
    /// Every algorithm that the artifact rests on.
    ///
    /// # Errors
    /// [`Refusal`], if an algorithm of the artifact cannot be named.
    pub fn primitives(&self) -> Result<Vec<Primitive>, Refusal> {
        Ok(match self {
            Self::Token(token) => token.primitives().to_vec(),
            Self::Certificate(path) => path
                .primitives()
                .map_err(|error| Refusal::Token(error.into()))?,
            Self::Crl(list) => list.primitives()?,
            Self::Ocsp(response) => response.primitives()?,
        })
    }
}

/// An artifact that was admitted.
#[derive(Clone, Debug)]
pub struct Admitted {
    records: Vec<Record>,
    record: Record,
    blobs: Vec<Vec<u8>>,
    verified: Verified,
}

impl Admitted {
    /// The log entries in their order, none of them twice. The artifact's own record is the last: a
    /// token's after its chain's certificates (anchor first) and its mark, a list's or response's
    /// after its revocations.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The artifact's own record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Octets to keep beside the log, by their SHA-256: the DER of a list or an OCSP response.
    pub fn blobs(&self) -> &[Vec<u8>] {
        &self.blobs
    }

    /// Why the artifact is not to be believed: only artifacts that [`admit_marking`] took have a
    /// mark.
    pub fn mark(&self) -> Option<Mark> {
        match &self.verified {
            Verified::Token(token) => token.mark(),
            _ => None,
        }
    }

    /// The verified artifact.
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Takes it apart into records, blobs and the verified artifact.
    pub fn into_parts(self) -> (Vec<Record>, Vec<Vec<u8>>, Verified) {
        (self.records, self.blobs, self.verified)
    }
}

/// Limits for the admission of one artifact.
#[derive(Debug)]
pub struct Bounds {
    /// Takes tokens that are signed over SHA-1, too, under a mark ([`Admitted::mark`]).
    pub marking: bool,
    /// The most records that it may make, its own included. More are refused before any of them is
    /// made.
    pub records_max: usize,
    /// The work that finding its paths may still cost. A caller that tries several sets of anchors
    /// continues with the rest.
    pub work: Work,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            marking: false,
            records_max: usize::MAX,
            work: Work::new(),
        }
    }
}

/// Verifies an artifact and makes its log entries.
///
/// # Errors
/// [`Refusal`]: the first rule of admission that the artifact does not keep.
pub fn admit(kind: ArtifactType, bytes: &[u8], anchors: &Anchors) -> Result<Admitted, Refusal> {
    admit_within(kind, bytes, anchors, &mut Bounds::default())
}

/// Admits as [`admit`] does, and also tokens that are signed over SHA-1, under a mark
/// ([`Admitted::mark`]): for callers that keep them, or prove that they existed. Do not believe the
/// statement of a marked token.
///
/// # Errors
/// [`Refusal`]: the first rule of admission that the artifact does not keep.
pub fn admit_marking(
    kind: ArtifactType,
    bytes: &[u8],
    anchors: &Anchors,
) -> Result<Admitted, Refusal> {
    let mut bounds = Bounds {
        marking: true,
        ..Bounds::default()
    };
    admit_within(kind, bytes, anchors, &mut bounds)
}

/// Verifies an artifact and makes its log entries, within `bounds`.
///
/// # Errors
/// [`Refusal`]: the first rule of admission that the artifact does not keep, or the bound that it
/// exceeds.
pub fn admit_within(
    kind: ArtifactType,
    bytes: &[u8],
    anchors: &Anchors,
    bounds: &mut Bounds,
) -> Result<Admitted, Refusal> {
    match kind {
        ArtifactType::TimestampReply | ArtifactType::TimestampToken => {
            let token = TimestampToken::parse(bytes)?;
            let token = token.verify_within(anchors, bounds.marking, &mut bounds.work)?;
            admit_token(token, anchors, &mut bounds.work)
        }
        ArtifactType::Certificate => admit_certificate(bytes, anchors, &mut bounds.work),
        ArtifactType::Crl => admit_crl(bytes, anchors, bounds),
        ArtifactType::OcspResponse => admit_ocsp(bytes, anchors, bounds),
    }
}

/// The artifact's own record, which a verifier compares with the leaf of a proof. Also that of a
/// token signed over SHA-1: looking up its proof does not mean to believe it.
///
/// # Errors
/// [`Refusal`]: the first rule of admission that the artifact does not keep.
pub fn record_of(kind: ArtifactType, bytes: &[u8], anchors: &Anchors) -> Result<Record, Refusal> {
    match kind {
        ArtifactType::TimestampReply | ArtifactType::TimestampToken => {
            Ok(TimestampToken::parse(bytes)?
                .verify_marking(anchors)?
                .record()
                .clone())
        }
        other => admit(other, bytes, anchors).map(|it| it.record().clone()),
    }
}

fn admit_token(
    token: VerifiedToken,
    anchors: &Anchors,
    work: &mut Work,
) -> Result<Admitted, Refusal> {
    let mut records = Vec::new();
    let path = token.path().certificates();
    for (index, certificate) in path.iter().enumerate().rev() {
        let next = path.get(index + 1).map(Arc::as_ref);
        // A directly trusted certificate has no record if its issuer is unknown; its token has one.
        let key_hash = anchors.issuer_key_hash(certificate, next, token.carried(), work);
        if let Some(key_hash) = key_hash {
            records.push(certificate_record(certificate, key_hash)?);
        }
    }
    let record = token.record().clone();
    if let (Some(mark), Body::Token(body)) = (token.mark(), record.body()) {
        let content = body.content;
        records.push(Body::Mark(TokenMark { content, mark }).into());
    }
    records.push(record.clone());
    Ok(Admitted {
        records,
        record,
        blobs: Vec::new(),
        verified: Verified::Token(Box::new(token)),
    })
}

/// As of its own notBefore, so that certificates that have expired can still be logged.
fn admit_certificate(
    bytes: &[u8],
    anchors: &Anchors,
    work: &mut Work,
) -> Result<Admitted, Refusal> {
    let certificate = Arc::new(Certificate::parse(bytes)?);
    let validity = Validity::At(certificate.not_before());
    let rules = PathRules::plain(validity);
    let path = find_path(&certificate, &[], anchors, &rules, work);
    let path = path.map_err(Refusal::CertificatePath)?;
    let next = path.certificates().get(1).map(Arc::as_ref);
    let key_hash = anchors
        .issuer_key_hash(&certificate, next, &[], work)
        .ok_or_else(|| Refusal::IssuerKeyUnknown {
            subject: certificate.subject(),
        })?;
    let record = certificate_record(&certificate, key_hash)?;
    Ok(Admitted {
        records: vec![record.clone()],
        record,
        blobs: Vec::new(),
        verified: Verified::Certificate(path),
    })
}

/// Admits a list of which every entry can be made into a statement: only such a list has a record.
fn admit_crl(bytes: &[u8], anchors: &Anchors, bounds: &mut Bounds) -> Result<Admitted, Refusal> {
    let crl = Crl::parse(bytes)?;
    check_count(crl.count(), bounds)?;
    let crl = crl.verify_within(anchors, &[], &mut bounds.work)?;
    let record = crl.record().map_err(Clone::clone)?.clone();
    Ok(Admitted {
        records: after_revocations(crl.revocations(), &record),
        record,
        blobs: vec![crl.der().to_vec()],
        verified: Verified::Crl(Box::new(crl)),
    })
}

fn admit_ocsp(bytes: &[u8], anchors: &Anchors, bounds: &mut Bounds) -> Result<Admitted, Refusal> {
    let ocsp = OcspResponse::parse(bytes)?.verify_within(anchors, &mut bounds.work)?;
    check_count(ocsp.revocations().count(), bounds)?;
    let record = ocsp.record().map_err(Clone::clone)?.clone();
    Ok(Admitted {
        records: after_revocations(ocsp.revocations(), &record),
        record,
        blobs: vec![ocsp.der().to_vec()],
        verified: Verified::Ocsp(Box::new(ocsp)),
    })
}

/// Before the records of that many statements are made: they take many times the octets of their
/// list.
fn check_count(statements: usize, bounds: &Bounds) -> Result<(), Refusal> {
    let (found, most) = (statements.saturating_add(1), bounds.records_max);
    if found > most {
        return Err(Refusal::TooManyRecords { found, most });
    }
    Ok(())
}

/// Each statement once, then the record of what carried them.
fn after_revocations(
    revocations: impl Iterator<Item = Revocation>,
    carrier: &Record,
) -> Vec<Record> {
    // Digests, since the statements themselves would take as much again as the records.
    let mut seen = HashSet::new();
    let statements = revocations.map(|revocation| Record::from(Body::Revocation(revocation)));
    let once = statements.filter(|record| seen.insert(sha256(&record.encode())));
    let mut records: Vec<Record> = once.collect();
    records.push(carrier.clone());
    records
}
