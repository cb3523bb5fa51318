//! Revocation status information: lists and OCSP responses as they were given, read and verified.
//!
//! Information that cannot be used is not ignored. A list by the right issuer that cannot be read
//! may say "revoked"; so every refused file keeps what is known about the issuer it may be from,
//! and a caller that asks about a certificate learns whether the file may be about it
//! ([`Unusable::may_concern`]). Only files that are plainly about other certificates, or plainly no
//! revocation data, are left aside.

use std::sync::Arc;

use crate::asn1::{self, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME};
use crate::certificate::Certificate;
use crate::crl::{Crl, CrlError, VerifiedCrl};
use crate::general_name::has_directory_name;
use crate::name::Name;
use crate::ocsp::{Answered, OcspError, OcspResponse, VerifiedOcsp};
use crate::path::Anchors;
use crate::pem;
use crate::revocation::points_of;
use crate::rules::Primitive;
use crate::shape::Outline;
use crate::time::Time;
use crate::{ArtifactType, Record, Refusal, TimestampToken};

/// A verified list or response: revocation status information, in the words of EN 319 102-1.
#[derive(Clone, Debug)]
pub enum StatusInformation {
    /// A list, complete or delta.
    Crl(Box<VerifiedCrl>),
    /// The answers of an OCSP response about certificates of one CA.
    Ocsp(Box<VerifiedOcsp>),
}

/// A list or response that was given and cannot be used.
#[derive(Clone, Debug)]
pub struct Unusable {
    why: String,
    whose: Whose,
}

/// The issuer whose certificates the information is about.
#[derive(Clone, Debug)]
enum Whose {
    /// The issuer cannot be told.
    Unknown,
    /// Those of the issuer of a list, and of others if it is indirect.
    List(Box<Name>),
    /// Those that answers name.
    Answers(Answered),
    /// None: it is another kind of artifact.
    Nobodys,
}

/// The contents of one file: a list, or answers about certificates of each CA.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Verified information.
    pub usable: Vec<StatusInformation>,
    /// Information that cannot be used.
    pub unusable: Vec<Unusable>,
}

impl StatusInformation {
    /// Reads and verifies a list or a response, DER or PEM. All of it has to be about one CA.
    ///
    /// # Errors
    /// [`Refusal`]: why the list or response is not accepted.
    pub fn verify(bytes: &[u8], anchors: &Anchors) -> Result<Self, Refusal> {
        match (Crl::parse(bytes), OcspResponse::parse(bytes)) {
            (Ok(list), _) => Ok(Self::Crl(Box::new(list.verify(anchors)?))),
            (Err(_), Ok(response)) => Ok(Self::Ocsp(Box::new(response.verify(anchors)?))),
            (Err(list), Err(response)) => Err(fitting(bytes, list, response)),
        }
    }

    /// Reads and verifies the information in `bytes`. `others` are further known certificates, such
    /// as those of the artifact's path.
    pub fn read(bytes: &[u8], anchors: &Anchors, others: &[Arc<Certificate>]) -> Reading {
        let mut reading = Reading::default();
        match (Crl::parse(bytes), OcspResponse::parse(bytes)) {
            (Ok(list), _) => {
                let whose = Whose::List(Box::new(list.issuer().clone()));
                match list.verify_among(anchors, others) {
                    Ok(list) => reading.usable.push(Self::Crl(Box::new(list))),
                    Err(error) => reading.refuse(&error.into(), whose),
                }
            }
            (Err(_), Ok(response)) => {
                for (answered, verified) in response.verify_among(anchors, others) {
                    match verified {
                        Ok(verified) => reading.usable.push(Self::Ocsp(Box::new(verified))),
                        Err(error) => reading.refuse(&error.into(), Whose::Answers(answered)),
                    }
                }
            }
            (Err(list), Err(response)) => {
                reading.refuse(&fitting(bytes, list, response), whose_outline(bytes));
            }
        }
        reading
    }

    /// Every algorithm that it rests on.
    ///
    /// # Errors
    /// [`Refusal`], if one of them cannot be named.
    pub fn primitives(&self) -> Result<Vec<Primitive>, Refusal> {
        Ok(match self {
            Self::Crl(list) => list.primitives()?,
            Self::Ocsp(response) => response.primitives()?,
        })
    }

    /// When it was made: thisUpdate of a list, producedAt of a response.
    pub fn made_at(&self) -> Time {
        match self {
            Self::Crl(list) => list.this_update(),
            Self::Ocsp(response) => response.produced_at(),
        }
    }

    /// Its own log entry, or why it has none.
    ///
    /// # Errors
    /// [`Refusal`]: why it has no record.
    pub fn record(&self) -> Result<&Record, Refusal> {
        match self {
            Self::Crl(list) => list.record().map_err(|error| error.clone().into()),
            Self::Ocsp(response) => response.record().map_err(|error| error.clone().into()),
        }
    }
}

impl Reading {
    fn refuse(&mut self, refusal: &Refusal, whose: Whose) {
        let why = format!("{refusal} ({})", refusal.code());
        self.unusable.push(Unusable { why, whose });
    }
}

impl Unusable {
    /// Something that was verified, and is not to be used for a reason of the caller's.
    pub fn of(information: &StatusInformation, why: String) -> Self {
        let whose = match information {
            StatusInformation::Crl(list) => Whose::List(Box::new(list.issuer_name().clone())),
            StatusInformation::Ocsp(response) => Whose::Answers(response.answered().clone()),
        };
        Self { why, whose }
    }

    /// Why it cannot be used, with the code of the refusal.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Whether it may be about `certificate`, whose path continues with `issuer` (`None` for an
    /// anchor): it bears the name or key of the certificate's issuer, or the name of a party that
    /// the certificate names for lists; or its issuer cannot be told.
    pub fn may_concern(&self, certificate: &Certificate, issuer: Option<&Certificate>) -> bool {
        match &self.whose {
            Whose::Unknown => true,
            Whose::List(name) => {
                let points = points_of(certificate).unwrap_or_default();
                name.as_ref() == certificate.issuer_name()
                    || points
                        .iter()
                        .any(|point| has_directory_name(&point.issuer, name))
            }
            Whose::Answers(answered) => answered.may_be_about(certificate, issuer),
            Whose::Nobodys => false,
        }
    }
}

/// The error of the reader for the likelier of the two formats.
fn fitting(bytes: &[u8], list: CrlError, response: OcspError) -> Refusal {
    match ArtifactType::of(bytes) {
        Ok(ArtifactType::OcspResponse) => response.into(),
        Ok(_) => list.into(),
        Err(unrecognised) => unrecognised.into(),
    }
}

/// The issuer of octets that cannot be read as a whole: cut off, too large, or of another kind.
fn whose_outline(bytes: &[u8]) -> Whose {
    if Certificate::parse(bytes).is_ok() || TimestampToken::parse(bytes).is_ok() {
        return Whose::Nobodys;
    }
    let octets = pem::unwrap_one(bytes).unwrap_or_default();
    list_issuer(&octets).map_or(Whose::Unknown, |issuer| Whose::List(Box::new(issuer)))
}

/// The issuer's name in what begins like a list.
fn list_issuer(octets: &[u8]) -> Option<Name> {
    let of = |octets, tag| Outline::of(octets).next().filter(|part| part.tag == tag);
    let list = of(octets, SEQUENCE)?;
    let to_sign = of(list.content, SEQUENCE)?;
    let mut fields = Outline::of(to_sign.content).skip_while(|part| part.tag == INTEGER);
    let (_algorithm, issuer, time) = (fields.next()?, fields.next()?, fields.next()?);
    if !matches!(time.tag, UTC_TIME | GENERALIZED_TIME) {
        return None;
    }
    let mut whole = Vec::new();
    asn1::write_element(&mut whole, issuer.tag, issuer.content);
    Name::from_der(&whole).ok()
}
