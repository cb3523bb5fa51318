//! Revocation status information: lists and OCSP responses as somebody gave them, read and verified.
//!
//! What cannot be used is not as if it had not been given. A list by the right issuer that nobody here can
//! read may say "revoked"; so whatever is refused keeps what can be told about whose word it is, and whoever
//! asks about a certificate learns whether it may be about that one ([`Unusable::may_concern`]). Only what is
//! plainly about others, or plainly no revocation data, is left aside.

use std::sync::Arc;

use crate::asn1::{ENUMERATED, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME};
use crate::certificate::Certificate;
use crate::crl::{Crl, CrlError, VerifiedCrl};
use crate::general_name::has_directory_name;
use crate::name::Name;
use crate::ocsp::{Answered, OcspError, OcspResponse, VerifiedOcsp};
use crate::path::Anchors;
use crate::pem;
use crate::revocation::points_of;
use crate::rules::Primitive;
use crate::time::Time;
use crate::{Record, Refusal, TimestampToken};

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
    let octets = pem::unwrap_one(bytes).unwrap_or_default();
    let begins_like_a_response = Part::first_of(&octets)
        .filter(|outer| outer.tag == SEQUENCE)
        .and_then(|outer| Part::first_of(outer.content))
        .is_some_and(|status| status.tag == ENUMERATED);
    if begins_like_a_response {
        response.into()
    } else {
        list.into()
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
    let part = |octets, tag| Part::first_of(octets).filter(|part| part.tag == tag);
    let list = part(octets, SEQUENCE)?;
    let to_sign = part(list.content, SEQUENCE)?;
    let algorithm = match part(to_sign.content, INTEGER) {
        Some(version) => part(version.rest, SEQUENCE)?,
        None => part(to_sign.content, SEQUENCE)?,
    };
    let issuer = part(algorithm.rest, SEQUENCE)?;
    let after = Part::first_of(issuer.rest)?;
    let is_time = matches!(after.tag, UTC_TIME | GENERALIZED_TIME);
    Name::from_der(issuer.whole).ok().filter(|_| is_time)
}

/// An element, as far as it is there.
#[derive(Clone, Copy)]
struct Part<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Part<'a> {
    fn first_of(octets: &'a [u8]) -> Option<Self> {
        let (&tag, after_tag) = octets.split_first()?;
        let (&first, after) = after_tag.split_first()?;
        let (length, body) = if first < 0x80 {
            (Some(usize::from(first)), after)
        } else {
            let (digits, body) = after.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits.iter().try_fold(0_usize, |value, digit| {
                value.checked_mul(256)?.checked_add(usize::from(*digit))
            });
            (length.filter(|_| first != 0x80), body)
        };
        // Of what is cut off, or has no length, the rest is the contents, and nothing is known to follow.
        let (content, rest) = length
            .and_then(|length| body.split_at_checked(length))
            .unwrap_or((body, &[]));
        let whole = octets.get(..octets.len() - rest.len()).unwrap_or_default();
        Some(Self {
            tag,
            content,
            whole,
            rest,
        })
    }
}
