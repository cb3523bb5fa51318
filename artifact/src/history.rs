//! What lists and OCSP responses of different times together say about one certificate.
//!
//! [`crate::revocation`] asks for the state at one time, with lists that were valid then (RFC 5280
//! 6.3). A verifier that works for decades has other material: the lists that somebody kept, with gaps
//! between them. So every list and response is heard as what it is, a signed word about one
//! certificate as of one time, and then:
//!
//! - A definitive revocation is never undone (EN 319 411-1 REV-6.3.9-04), whatever a later list omits.
//! - A hold is undone by any later word about the same certificate: a release (removeFromCRL), the
//!   silence of a list that would have to name it, an OCSP "good", or a definitive revocation.
//! - A delta's silence is a word only over a complete list that it builds on (5.2.4).
//! - Silence, and "good", say something about an expired certificate only where the issuer keeps such
//!   certificates listed (expiredCertsOnCRL, archiveCutoff) or names the very certificate (certHash).
//!
//! Which of these words can be believed, since their signer's own certificate may be revoked in turn, is
//! decided by whoever walks the path; see [`Word::source`].

use crate::certificate::Certificate;
use crate::crl::{VerifiedCrl, number_order};
use crate::general_name::has_directory_name;
use crate::ocsp::VerifiedOcsp;
use crate::path::{Anchors, is_name_of};
use crate::record::{Reason, Revocation};
use crate::revocation::points_of;
use crate::rules::Primitive;
use crate::time::Time;
use crate::{Crl, OcspResponse, Refusal};

const CERTIFICATE_HOLD: u8 = 6;
const REMOVE_FROM_CRL: u8 = 8;

/// A verified list or response: revocation status information, in the words of EN 319 102-1.
#[derive(Clone, Debug)]
pub enum StatusInformation {
    /// A list, complete or delta.
    Crl(Box<VerifiedCrl>),
    /// An OCSP response.
    Ocsp(Box<VerifiedOcsp>),
}

impl StatusInformation {
    /// Reads and verifies a list or a response, whichever it is, DER or PEM. What is neither gets the
    /// error of a list.
    pub fn verify(bytes: &[u8], anchors: &Anchors) -> Result<Self, Refusal> {
        match (Crl::parse(bytes), OcspResponse::parse(bytes)) {
            (Ok(list), _) => Ok(Self::Crl(Box::new(list.verify(anchors)?))),
            (Err(_), Ok(response)) => Ok(Self::Ocsp(Box::new(response.verify(anchors)?))),
            // A responder's "try later" is a response, and says so better than a list's reader.
            (Err(_), Err(error)) if error.code() == "ocsp-not-successful" => Err(error.into()),
            (Err(error), Err(_)) => Err(error.into()),
        }
    }

    /// Every algorithm that it rests on.
    pub fn primitives(&self) -> Result<Vec<Primitive>, Refusal> {
        Ok(match self {
            Self::Crl(list) => list.primitives()?,
            Self::Ocsp(response) => response.primitives()?,
        })
    }

    /// Its own log entry.
    pub fn record(&self) -> &crate::Record {
        match self {
            Self::Crl(list) => list.record(),
            Self::Ocsp(response) => response.record(),
        }
    }
}

/// What one list or response says about the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Which list or response it is from: its place among those that were given.
    pub source: usize,
    /// As of when: thisUpdate.
    pub issued: Time,
    /// Until when it claims to be current: nextUpdate, if stated.
    pub until: Option<Time>,
    /// cRLNumber, to order lists of one second; empty for a response.
    number: Vec<u8>,
    /// What it says.
    pub says: Says,
}

/// The three things that can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Not revoked.
    NotRevoked,
    /// Released from hold (removeFromCRL).
    Released,
    /// Revoked or on hold.
    Revoked(Box<Revocation>),
}

impl Word {
    /// Whether it says that the certificate is good, as of a time.
    pub const fn is_good(&self) -> bool {
        matches!(self.says, Says::NotRevoked | Says::Released)
    }

    /// The last time that it says anything about: nextUpdate, or thisUpdate where none is stated.
    pub fn reach(&self) -> Time {
        self.until.unwrap_or(self.issued).max(self.issued)
    }

    fn is_hold(&self) -> bool {
        matches!(&self.says, Says::Revoked(entry)
            if entry.reason.map(Reason::code) == Some(CERTIFICATE_HOLD))
    }

    fn is_after(&self, other: &Self) -> bool {
        self.issued > other.issued
            || (self.issued == other.issued && number_order(&self.number, &other.number).is_gt())
    }
}

/// A source that is by the certificate's issuer and yet says nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Its place among those that were given.
    pub source: usize,
    /// Why, in English.
    pub why: String,
}

/// Everything that was said about one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    words: Vec<Word>,
    silences: Vec<Silence>,
}

impl History {
    /// Hears every source about `certificate`. `issuer` is the certificate above it in its path; none
    /// for an anchor, whose own word about itself is taken by name.
    pub fn of(
        certificate: &Certificate,
        issuer: Option<&Certificate>,
        sources: &[StatusInformation],
    ) -> Self {
        let subject = Subject {
            certificate,
            issuer,
            sources,
        };
        let mut history = Self::default();
        for (place, source) in sources.iter().enumerate() {
            let word = match source {
                StatusInformation::Crl(list) => subject.ask_list(place, list),
                StatusInformation::Ocsp(response) => subject.ask_response(place, response),
            };
            match word {
                Some(Ok(word)) => history.words.push(word),
                Some(Err(why)) => history.silences.push(Silence { source: place, why }),
                None => {}
            }
        }
        history
    }

    /// The revocations that stand: definitive ones, and a hold that no later word has ended.
    pub fn revocations(&self) -> impl Iterator<Item = (&Word, &Revocation)> {
        self.words.iter().filter_map(|word| match &word.says {
            Says::Revoked(entry) if !self.is_ended(word) => Some((word, entry.as_ref())),
            _ => None,
        })
    }

    /// The words that it is not revoked, in the order of the sources.
    pub fn good(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|word| word.is_good())
    }

    /// Sources by its issuer that say nothing.
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    fn is_ended(&self, hold: &Word) -> bool {
        hold.is_hold()
            && self
                .words
                .iter()
                .any(|later| later.is_after(hold) && !later.is_hold())
    }
}

struct Subject<'a> {
    certificate: &'a Certificate,
    issuer: Option<&'a Certificate>,
    sources: &'a [StatusInformation],
}

impl Subject<'_> {
    /// None: the source is not about this certificate. An error: it is, and says nothing.
    fn ask_list(&self, source: usize, list: &VerifiedCrl) -> Option<Result<Word, String>> {
        if !self.may_speak(list) {
            return None;
        }
        let word = |says| Word {
            source,
            issued: list.this_update(),
            until: list.next_update(),
            number: list.number().to_vec(),
            says,
        };
        let signer = list.path().certificates().first();
        if let Some(why) = signer.and_then(|signer| self.discredited(signer, list.this_update())) {
            return Some(Err(why));
        }
        Some(match list.revocation_of(self.certificate) {
            Some(entry) if is_release(&entry) => Ok(word(Says::Released)),
            Some(entry) => Ok(word(Says::Revoked(Box::new(entry)))),
            None => self.silence_of(list).map(|()| word(Says::NotRevoked)),
        })
    }

    fn ask_response(&self, source: usize, response: &VerifiedOcsp) -> Option<Result<Word, String>> {
        if self
            .issuer
            .is_some_and(|issuer| issuer.key_hash() != response.issuer_key_hash())
        {
            return None;
        }
        let answer = response.answer_for(self.certificate)?;
        let word = |says| Word {
            source,
            issued: answer.this_update.time(),
            until: answer.next_update.map(crate::record::Moment::time),
            number: Vec::new(),
            says,
        };
        let responder = response.responder();
        if let Some(why) = self.discredited(responder, response.produced_at()) {
            return Some(Err(why));
        }
        Some(match answer.status {
            crate::record::OcspStatus::Revoked => {
                let entry = response.revocation_of(self.certificate)?;
                Ok(if is_release(&entry) {
                    word(Says::Released)
                } else {
                    word(Says::Revoked(Box::new(entry)))
                })
            }
            crate::record::OcspStatus::Unknown => {
                Err("the responder does not know the certificate".to_owned())
            }
            crate::record::OcspStatus::Good => {
                let names_it = !answer.cert_hash.1.as_bytes().is_empty();
                let kept_since = answer.archive_cutoff.map(crate::record::Moment::time);
                if names_it {
                    Ok(word(Says::NotRevoked))
                } else {
                    self.still_listed("response", answer.this_update.time(), kept_since)
                        .map(|()| word(Says::NotRevoked))
                }
            }
        })
    }

    /// Whether `list` is by the certificate's issuer, or by whom that issuer names in the certificate
    /// (cRLIssuer, an indirect list). Nobody else has a say.
    fn may_speak(&self, list: &VerifiedCrl) -> bool {
        let Some(issuer) = self.issuer else {
            return list.issuer_name() == self.certificate.issuer_name();
        };
        issuer.key_hash() == list.issuer_key_hash()
            || (list.scope().indirect
                && points_of(self.certificate)
                    .unwrap_or_default()
                    .iter()
                    .any(|point| has_directory_name(&point.issuer, list.issuer_name())))
    }

    /// Why it says nothing that `list` does not name the certificate, if it says nothing.
    fn silence_of(&self, list: &VerifiedCrl) -> Result<(), String> {
        if list.is_delta() {
            let has_base = self.sources.iter().any(|source| {
                matches!(source, StatusInformation::Crl(base)
                    if list.builds_on(base) && base.covers(self.certificate))
            });
            if !has_base {
                return Err("it is a delta list, and no list that it builds on is given".to_owned());
            }
        } else if !list.covers(self.certificate) {
            return Err("the list covers only a part of what its issuer revokes".to_owned());
        }
        self.still_listed("list", list.this_update(), list.expired_certs_on())
    }

    /// Whether a certificate that has expired would still be named at `issued`.
    fn still_listed(
        &self,
        what: &str,
        issued: Time,
        kept_since: Option<Time>,
    ) -> Result<(), String> {
        let expired = self.certificate.not_after();
        if issued <= expired || kept_since.is_some_and(|since| since <= expired) {
            return Ok(());
        }
        Err(format!(
            "the {what} is of {issued}, after the certificate expired at {expired}: \
             it need not be named any more"
        ))
    }

    /// Why a signer other than the issuer is not believed: a list by its own issuer names it, and not
    /// for an orderly end after it had signed.
    fn discredited(&self, signer: &Certificate, signed_at: Time) -> Option<String> {
        if self
            .issuer
            .is_none_or(|issuer| issuer.key_hash() == signer.key_hash())
        {
            return None;
        }
        let entries = self.sources.iter().filter_map(|source| match source {
            StatusInformation::Crl(list) => {
                let by_its_issuer = list
                    .path()
                    .certificates()
                    .first()
                    .is_some_and(|issuer| is_name_of(signer, issuer));
                by_its_issuer.then(|| list.revocation_of(signer)).flatten()
            }
            StatusInformation::Ocsp(_) => None,
        });
        let mut against = entries.filter(|entry| {
            let spared = entry.leaves_earlier_valid() && signed_at < entry.revocation_date.time();
            !spared && !is_release(entry)
        });
        against.next().map(|entry| {
            let date = entry.revocation_date.time();
            format!(
                "its signer, {}, was itself revoked at {date}",
                signer.subject()
            )
        })
    }
}

fn is_release(entry: &Revocation) -> bool {
    entry.reason.map(Reason::code) == Some(REMOVE_FROM_CRL)
}
