//! Collects what each source says about one certificate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::events::{
    CLOCK_TOLERANCE_SECONDS, History, NoStatement, SilenceKind, Status, StatusEvent,
};
use crate::certificate::Certificate;
use crate::crl::{AboutCertificate, VerifiedCrl};
use crate::general_name::has_directory_name;
use crate::information::StatusInformation;
use crate::ocsp::VerifiedOcsp;
use crate::record::{Moment, OcspAnswer, OcspStatus, Reason, Revocation};
use crate::revocation::points_of;
use crate::status::{REMOVE_FROM_CRL, worst};
use crate::time::Time;

pub(super) struct Hearing<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) above: &'a [Arc<Certificate>],
    pub(super) sources: &'a [StatusInformation],
    pub(super) latest: Option<Time>,
    /// Results about signers of sources, by the digest of their certificates: many sources share
    /// one.
    pub(super) signers: RefCell<HashMap<[u8; 32], Rc<History>>>,
}

/// Whether a list may speak about the certificate.
enum Voice {
    Yes,
    No,
    /// It is in the name of the certificate's issuer, but whether it is that CA's cannot be told.
    Unsure,
}

/// The statements that were heard so far.
#[derive(Default)]
struct Heard {
    words: Vec<StatusEvent>,
    silences: Vec<NoStatement>,
}

impl Hearing<'_> {
    pub(super) fn history(&self) -> History {
        let mut heard = Heard::default();
        for (place, source) in self.sources.iter().enumerate() {
            self.ask(place, source, Trust::Asked, &mut heard);
        }
        History::new(heard.words, heard.silences, self.sources)
    }

    /// The statements of every source that may speak, whether its signer was revoked or not:
    /// statements against the signers of sources need no proof.
    fn unproven(&self) -> History {
        let mut heard = Heard::default();
        for (place, source) in self.sources.iter().enumerate() {
            self.ask(place, source, Trust::NotAsked, &mut heard);
        }
        History::new(heard.words, heard.silences, self.sources)
    }

    fn ask(&self, place: usize, source: &StatusInformation, trust: Trust, heard: &mut Heard) {
        match source {
            StatusInformation::Crl(list) => self.ask_list(place, list, trust, heard),
            StatusInformation::Ocsp(response) => self.ask_response(place, response, trust, heard),
        }
    }

    fn issuer(&self) -> Option<&Certificate> {
        self.above.first().map(AsRef::as_ref)
    }

    fn ask_list(&self, source: usize, list: &VerifiedCrl, trust: Trust, heard: &mut Heard) {
        let unusable = |why: String| NoStatement {
            kind: SilenceKind::Unusable,
            why,
            source,
        };
        match self.voice_of(list) {
            Voice::Yes => {}
            Voice::No => return,
            Voice::Unsure => {
                heard.silences.push(unusable(
                    "it is by another CA of the issuer's name, with another key and anchor"
                        .to_owned(),
                ));
                return;
            }
        }
        let signed_at = list.this_update();
        if trust == Trust::Asked {
            let signers = list
                .paths()
                .filter_map(|path| path.certificates().split_first());
            // An anchor is trusted as such.
            let signers = signers.filter(|(_, above)| !above.is_empty());
            let signers = signers.map(|(signer, above)| (signer.as_ref(), above));
            if let Some(why) = self.discredited(signers, signed_at) {
                heard.silences.push(unusable(why));
                return;
            }
        }
        let word = |says| StatusEvent {
            source,
            issued: signed_at,
            until: list.next_update(),
            says,
            stands: true,
        };
        let about = list.about(self.certificate);
        let is_silent = about.revocations.is_empty() && about.unclear.is_none();
        let mut words: Vec<StatusEvent> =
            about.revocations.into_iter().map(says).map(word).collect();
        heard.silences.extend(about.unclear.map(|what| {
            unusable(format!(
                "what it says about the certificate cannot be read: {what}"
            ))
        }));
        if is_silent {
            match self.silence_of(list) {
                Ok(()) => words.push(word(Status::NotRevoked)),
                Err(why) => heard.silences.push(NoStatement {
                    kind: SilenceKind::NotCovered,
                    why,
                    source,
                }),
            }
        }
        self.keep(words, signed_at, source, heard);
    }

    fn ask_response(
        &self,
        source: usize,
        response: &VerifiedOcsp,
        trust: Trust,
        heard: &mut Heard,
    ) {
        let by_another = |issuer: &Certificate| issuer.key_hash() != response.issuer_key_hash();
        if self.issuer().is_some_and(by_another) {
            return;
        }
        let about = response.about(self.certificate);
        if about.is_empty() {
            return;
        }
        let silence = |kind, why: String| NoStatement { kind, why, source };
        if trust == Trust::Asked {
            let why = self.discredited(response.delegates(), response.produced_at());
            if let Some(why) = why {
                heard.silences.push(silence(SilenceKind::Unusable, why));
                return;
            }
        }
        for about in about {
            heard.silences.extend(about.unclear.map(|what| {
                let why = format!("what it says about the certificate cannot be read: {what}");
                silence(SilenceKind::Unusable, why)
            }));
            let Some(answer) = about.answer else {
                continue;
            };
            let says = match (answer.status, about.revocation) {
                (OcspStatus::Revoked, Some(entry)) => Ok(says(entry)),
                (OcspStatus::Good, _) => match self.good_counts(&answer) {
                    Ok(()) => Ok(Status::NotRevoked),
                    Err(why) => Err(silence(SilenceKind::NotCovered, why)),
                },
                (OcspStatus::Unknown | OcspStatus::Revoked, _) => Err(silence(
                    SilenceKind::Unknown,
                    "the responder does not know the certificate".to_owned(),
                )),
            };
            match says {
                Ok(says) => {
                    let issued = answer.this_update.time();
                    let word = StatusEvent {
                        source,
                        issued,
                        until: answer.next_update.map(Moment::time),
                        says,
                        stands: true,
                    };
                    let of = issued.max(response.produced_at());
                    self.keep(vec![word], of, source, heard);
                }
                Err(silence) => heard.silences.push(silence),
            }
        }
    }

    /// Keeps the statements of a source that was made at `made`: of a source from the future, only
    /// those against the certificate.
    fn keep(&self, mut words: Vec<StatusEvent>, made: Time, source: usize, heard: &mut Heard) {
        let tolerated =
            |latest: Time| latest.plus_micros(i128::from(CLOCK_TOLERANCE_SECONDS) * 1_000_000);
        if let Some(latest) = self.latest.filter(|latest| made > tolerated(*latest)) {
            words.retain(|word| !word.is_good());
            heard.silences.push(NoStatement {
                kind: SilenceKind::Unusable,
                why: format!(
                    "it is of {made}, and no later time than {latest} is known to have been"
                ),
                source,
            });
        }
        heard.words.extend(words);
    }

    /// Whether `list` is by the certificate's issuer, or by a party that this issuer names in the
    /// certificate (cRLIssuer, an indirect list). Other lists are not heard.
    fn voice_of(&self, list: &VerifiedCrl) -> Voice {
        let is_named = list.issuer_name() == self.certificate.issuer_name();
        let Some(issuer) = self.issuer() else {
            return if is_named { Voice::Yes } else { Voice::No };
        };
        let is_pointed_to = || {
            let points = points_of(self.certificate).unwrap_or_default();
            let mut points = points.iter();
            points.any(|point| has_directory_name(&point.issuer, list.issuer_name()))
        };
        if issuer.key_hash() == list.issuer_key_hash()
            || (list.extensions().indirect && is_pointed_to())
        {
            return Voice::Yes;
        }
        if !is_named {
            return Voice::No;
        }
        // RFC 5280 6.3.3 (f): a CA may sign its lists by another key, below the same anchor.
        let anchor = self.above.last().map(|anchor| anchor.digest());
        let mut anchors = list.paths().filter_map(|path| path.certificates().last());
        if anchors.any(|other| Some(other.digest()) == anchor) {
            Voice::Yes
        } else {
            Voice::Unsure
        }
    }

    /// Why the absence of the certificate from `list` says nothing, if it does not.
    fn silence_of(&self, list: &VerifiedCrl) -> Result<(), String> {
        if list.is_delta() {
            let bases = self.sources.iter().filter_map(|source| match source {
                StatusInformation::Crl(base) if list.builds_on(base) => Some(base),
                _ => None,
            });
            let mut bases = bases
                .filter(|base| base.covers(self.certificate))
                .peekable();
            if bases.peek().is_none() {
                return Err("it is a delta list, and no list that it builds on is given".to_owned());
            }
            if bases.any(|base| base.about(self.certificate) != AboutCertificate::default()) {
                return Err(
                    "it is a delta list, and leaves as it is what a list that it builds on says"
                        .to_owned(),
                );
            }
        } else if !list.covers(self.certificate) {
            return Err("the list covers only a part of what its issuer revokes".to_owned());
        }
        self.still_listed("list", list.this_update(), list.expired_certs_on())
    }

    fn good_counts(&self, answer: &OcspAnswer) -> Result<(), String> {
        let names_it = !answer.cert_hash.1.as_bytes().is_empty();
        if names_it {
            return Ok(());
        }
        let kept_since = answer.archive_cutoff.map(Moment::time);
        self.still_listed("response", answer.this_update.time(), kept_since)
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

    /// Why a signer other than the issuer is not believed: a source that may speak about its
    /// certificate, or that of a CA above it, says that it was revoked, and not for an orderly end
    /// after it had signed. Each signer comes with its path; several are certificates of one key,
    /// all of which have to be sound.
    fn discredited<'b>(
        &self,
        signers: impl Iterator<Item = (&'b Certificate, &'b [Arc<Certificate>])>,
        signed_at: Time,
    ) -> Option<String> {
        let issuer = self.issuer()?.key_hash();
        for (signer, above) in signers {
            let below_anchor = above.len().max(1);
            let path = core::iter::once(signer).chain(above.iter().map(AsRef::as_ref));
            // From the issuer on it is the certificate's own path, about which a caller asks by
            // itself.
            let path = path
                .take(below_anchor)
                .take_while(|one| one.key_hash() != issuer);
            for (place, one) in path.enumerate() {
                let history = self.about_signer(one, above.get(place..).unwrap_or_default());
                if let Some(why) = objection(&history, signed_at) {
                    return Some(format!("its signer, {}, {why}", one.subject()));
                }
            }
        }
        None
    }

    fn about_signer(&self, certificate: &Certificate, above: &[Arc<Certificate>]) -> Rc<History> {
        let known = self.signers.borrow().get(&certificate.digest()).cloned();
        known.unwrap_or_else(|| {
            let hearing = Hearing {
                certificate,
                above,
                sources: self.sources,
                latest: None,
                signers: RefCell::default(),
            };
            let history = Rc::new(hearing.unproven());
            let mut signers = self.signers.borrow_mut();
            signers.insert(certificate.digest(), history.clone());
            history
        })
    }
}

/// Why a signature of that time is not believed.
fn objection(history: &History, signed_at: Time) -> Option<String> {
    let against = history.revocations().map(|(_, entry)| entry);
    let against = against.filter(|entry| {
        !(entry.leaves_earlier_valid() && signed_at < entry.revocation_date.time())
    });
    if let Some(entry) = worst(against) {
        return Some(format!(
            "was itself revoked at {}",
            entry.revocation_date.time()
        ));
    }
    let mut unclear = history.silences().iter();
    let unclear = unclear.find(|silence| silence.kind == SilenceKind::Unusable)?;
    Some(format!("may itself be revoked: {}", unclear.why))
}

/// Whether it is asked if a source was itself revoked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Asked,
    NotAsked,
}

fn says(entry: Revocation) -> Status {
    if entry.reason.map(Reason::code) == Some(REMOVE_FROM_CRL) {
        Status::Released
    } else {
        Status::Revoked(Box::new(entry))
    }
}
