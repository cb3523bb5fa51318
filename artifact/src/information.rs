//! Revocation status information: lists and OCSP responses as somebody gave them, read and verified.
//!
//! What cannot be used is not as if it had not been given. A list by the right issuer that nobody here can
//! read may say "revoked"; so whatever is refused keeps what can be told about whose word it is, and whoever
//! asks about a certificate learns whether it may be about that one ([`Unusable::may_concern`]). Only what is
//! plainly about others, or plainly no revocation data, is left aside.

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

/// What was given and cannot be used.
#[derive(Clone, Debug)]
pub struct Unusable {
    why: String,
    whose: Whose,
}

/// About whose certificates something is.
#[derive(Clone, Debug)]
enum Whose {
    /// That cannot be told.
    Unknown,
    /// Those of the issuer of a list, and of others if it is indirect.
    List(Box<Name>),
    /// Those that answers name.
    Answers(Answered),
    /// Nobody's: it is another kind of artifact.
    Nobodys,
}

/// What is in one file: a list, or answers about certificates of each CA.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What can be used.
    pub usable: Vec<StatusInformation>,
    /// What cannot.
    pub unusable: Vec<Unusable>,
}

impl StatusInformation {
    /// Reads and verifies a list or a response, whichever it is, DER or PEM, all of which is about one CA.
    pub fn verify(bytes: &[u8], anchors: &Anchors) -> Result<Self, Refusal> {
        match (Crl::parse(bytes), OcspResponse::parse(bytes)) {
            (Ok(list), _) => Ok(Self::Crl(Box::new(list.verify(anchors)?))),
            (Err(_), Ok(response)) => Ok(Self::Ocsp(Box::new(response.verify(anchors)?))),
            (Err(list), Err(response)) => Err(fitting(bytes, list, response)),
        }
    }

    /// Reads and verifies whatever is in `bytes`. `others` are certificates that are known besides, such as
    /// those of the artifact's path.
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

    /// Whether it may be about `certificate`, which is below `issuer` in its path, or an anchor without one:
    /// it is in the name of the certificate's issuer or has its key, or of whom the certificate names for
    /// lists, or it cannot be told whose it is.
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

/// The error of the reader whose format it is, as far as can be told.
fn fitting(bytes: &[u8], list: CrlError, response: OcspError) -> Refusal {
    match ArtifactType::of(bytes) {
        Ok(ArtifactType::OcspResponse) => response.into(),
        Ok(_) => list.into(),
        Err(unrecognised) => unrecognised.into(),
    }
}

/// Whose word something is that cannot be read as a whole: cut off, too large, or of another kind.
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
