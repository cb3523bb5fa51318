//! What lists and OCSP responses say about a path, and the consequences for the artifact.
//!
//! The path is walked from below its anchor down to the signer (validation-time sliding, EN 319
//! 102-1 5.6.2.2). A CA that was revoked moves the *control time* down to its revocation: anything
//! signed by its key counts only if it is proven to be older, including the lists and responses
//! that come with it, which speak in favour only with a proof of their own. A statement *against* a
//! certificate needs no such proof: it is believed from any source.
//!
//! For a token's unit, RFC 3161 section 4 decides (`ishibumi_artifact::status`), with the proven
//! time as the audit trail that its paragraph 2 asks for. For a certificate, its state is a fact to
//! report: revocation does not make it any less proven that it existed. Of several statements that
//! disagree, the worst counts.
//!
//! There is no clock here. The standard starts from "now"; this starts from the time of
//! verification, whenever that is. A list speaks about the times up to its nextUpdate.

use core::cmp::Reverse;
use std::sync::Arc;

use ishibumi_artifact::history::{SilenceKind, StatusEvent};
use ishibumi_artifact::record::{Accuracy, Moment, Reason, Revocation as Entry};
use ishibumi_artifact::status::{
    Indication as TokenIndication, TokenStatus, mildness, token_status, worst,
};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, History, Path};

use super::parts::{IssuerState, Outcome, Revocation, RevocationKnown, SubIndication};
use super::sources::Sources;
use super::verifier::RevocationRule;

/// What the path was built for.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    /// A token with this accuracy, if it states one.
    Token(Option<Accuracy>),
    /// A certificate.
    Certificate,
}

/// The question whether a path or its signer was revoked, with the times that decide it.
pub(super) struct RevocationCheck<'a> {
    pub(super) path: &'a Path,
    pub(super) subject: Subject,
    /// The time at which the artifact says that it was made: genTime, or notBefore.
    pub(super) about: Time,
    /// The time before which it is proven to have existed.
    pub(super) existence: Option<Time>,
    /// Whether missing information is a failure.
    pub(super) rule: RevocationRule,
}

/// The revocation state of the signer's certificate and the CAs above it.
pub(super) struct Standing {
    /// Whether the signer's certificate is itself an anchor, about which no list is asked.
    is_anchor: bool,
    pub(super) signer: Revocation,
    pub(super) signer_outcome: (Outcome, String),
    pub(super) issuers: Vec<IssuerState>,
    /// `None` if there is no CA between signer and anchor.
    pub(super) issuers_outcome: Option<(Outcome, String)>,
}

/// Proof that no revocation, and no missing information that was required, stands against the
/// artifact. Made in this file only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RevocationHolds(RevocationKnown);

impl RevocationHolds {
    /// For a list or a response, which nothing revokes.
    pub(super) const NOT_APPLICABLE: Self = Self(RevocationKnown::NotApplicable);

    pub(super) const fn known(self) -> RevocationKnown {
        self.0
    }
}

impl Standing {
    /// What is known, if none of it stands against the artifact.
    pub(super) fn holds(&self) -> Option<RevocationHolds> {
        let outcomes = [Some(&self.signer_outcome), self.issuers_outcome.as_ref()];
        let outcomes = outcomes.into_iter().flatten().map(|(outcome, _)| outcome);
        let mut known = RevocationKnown::Known;
        for outcome in outcomes {
            match outcome {
                Outcome::Passed => {}
                Outcome::NotChecked => known = RevocationKnown::NotAsked,
                Outcome::Failed(_) => return None,
            }
        }
        Some(RevocationHolds(match known {
            RevocationKnown::NotAsked if self.is_anchor => RevocationKnown::TrustedDirectly,
            known => known,
        }))
    }

    /// Why the artifact cannot be relied on, in English; `None` if it can.
    pub(super) fn objection(&self) -> Option<&str> {
        self.failure().map(|(_, why)| why)
    }

    /// Why the artifact cannot be relied on, with the sub-indication; `None` if it can.
    pub(super) fn failure(&self) -> Option<(SubIndication, &str)> {
        let outcomes = [Some(&self.signer_outcome), self.issuers_outcome.as_ref()];
        let mut outcomes = outcomes.into_iter().flatten();
        outcomes.find_map(|(outcome, why)| match outcome {
            Outcome::Failed(sub) => Some((*sub, why.as_str())),
            Outcome::Passed | Outcome::NotChecked => None,
        })
    }
}

impl RevocationCheck<'_> {
    /// Walks the path from the anchor down.
    pub(super) fn answer(&self, sources: &Sources) -> Standing {
        let mut walk = PathWalk {
            check: self,
            sources,
            control: None,
            issuers: Vec::new(),
            failures: Vec::new(),
        };
        let certificates = self.path.certificates();
        for place in (1..certificates.len().saturating_sub(1)).rev() {
            if let Some((ca, above)) = certificates.get(place..).and_then(<[_]>::split_first) {
                walk.check_ca(ca, above);
            }
        }
        let has_issuers = !walk.issuers.is_empty();
        let (signer, signer_outcome) = certificates.split_first().map_or_else(
            || (Revocation::NotChecked, (Outcome::NotChecked, String::new())),
            |(subject, above)| walk.check_signer(subject, above),
        );
        // The worst comes first: it names the step's sub-indication.
        let failure = walk.failures.into_iter().reduce(|one, other| {
            if other.0 == SubIndication::RevokedCaNoPoe && one.0 != other.0 {
                other
            } else {
                one
            }
        });
        let all_known = walk.issuers.iter().all(|issuer| {
            !matches!(
                issuer.revocation,
                Revocation::NotChecked | Revocation::NotCovered(_)
            )
        });
        let issuers_outcome = has_issuers.then(|| match failure {
            Some((sub, why)) => (Outcome::Failed(sub), why),
            None if all_known => (Outcome::Passed, String::new()),
            None => (
                Outcome::NotChecked,
                "nothing that was given tells about every CA between signer and anchor".to_owned(),
            ),
        });
        Standing {
            is_anchor: certificates.len() == 1,
            signer,
            signer_outcome,
            issuers: walk.issuers,
            issuers_outcome,
        }
    }

    fn proven_before(&self, time: Time) -> bool {
        self.existence.is_some_and(|proven| proven < time)
    }
}

struct PathWalk<'a> {
    check: &'a RevocationCheck<'a>,
    sources: &'a Sources,
    /// Signatures made by the keys above are not believed from this time on; `None` if no CA above
    /// was revoked.
    control: Option<Time>,
    issuers: Vec<IssuerState>,
    failures: Vec<(SubIndication, String)>,
}

impl PathWalk<'_> {
    /// Checks a CA between signer and anchor. Certificates that it issued stay good if they are
    /// proven to be older than the revocation, or, for a reason that says nothing against its key,
    /// by the artifact's own time (the standard's chain model).
    fn check_ca(&mut self, ca: &Certificate, above: &[Arc<Certificate>]) {
        let subject = ca.subject();
        if let Some(control) = self.control {
            // A thief of the key above can certify any key, also one that was certified before.
            let why = format!(
                "a CA above {subject} was revoked with effect from {control}, and nothing proves that \
                 the certificate of {subject} is older"
            );
            self.failures.push((SubIndication::RevokedCaNoPoe, why));
        }
        let history = self.history(ca, above);
        let mut entries: Vec<&Entry> = history.revocations().map(|(_, entry)| entry).collect();
        entries.sort_by_key(|entry| mildness(entry));
        let mut state = None;
        for entry in entries {
            let (date, from) = (entry.revocation_date.time(), entry.invalid_from());
            let on_hold = is_hold(entry);
            if !self.is_orderly(entry) && !on_hold {
                self.control = Some(self.control.map_or(from, |control| control.min(from)));
            }
            let spared = self.spares(entry);
            if !spared {
                self.failures.push(if on_hold {
                    let why = format!("the CA {subject} is on hold since {date}");
                    (SubIndication::TryLater, why)
                } else {
                    let why = format!(
                        "the CA {subject} was revoked at {date}, and nothing proves that the artifact is older"
                    );
                    (SubIndication::RevokedCaNoPoe, why)
                });
            }
            // The worst that is not spared, else the worst.
            let (_, is_shown_spared) = *state.get_or_insert((entry, spared));
            if is_shown_spared && !spared {
                state = Some((entry, spared));
            }
        }
        let objection = self.objection(ca, above, &history);
        let revocation = match (state, &objection) {
            (Some((entry, _)), _) => revoked(entry),
            (None, Some((_, why))) => Revocation::NotCovered(why.clone()),
            (None, None) => {
                let (state, missing) = self.favourable(&history, None);
                if let Some(missing) = missing.filter(|it| it.counts(self.check.rule)) {
                    let why = format!("the CA {subject}: {}", explain(&state));
                    self.failures.push((missing.sub, why));
                }
                state
            }
        };
        self.failures
            .extend(objection.map(|(sub, why)| (sub, format!("the CA {subject}: {why}"))));
        self.issuers.push(IssuerState {
            subject,
            revocation,
        });
    }

    fn history(&self, certificate: &Certificate, above: &[Arc<Certificate>]) -> History {
        let Sources { latest, .. } = *self.sources;
        History::of(certificate, above, &self.sources.information, latest)
    }

    /// Why the state of the certificate cannot be told, whatever else is said in its favour: a
    /// source that cannot be used may be about it.
    fn objection(
        &self,
        certificate: &Certificate,
        above: &[Arc<Certificate>],
        history: &History,
    ) -> Option<(SubIndication, String)> {
        let issuer = above.first().map(AsRef::as_ref);
        let unusable = || {
            let mut silences = history.silences().iter();
            let silence = silences.find(|silence| silence.kind == SilenceKind::Unusable)?;
            let why = format!(
                "a list or response of its issuer that was given cannot be used: {}",
                silence.why
            );
            Some((SubIndication::TryLater, why))
        };
        self.sources
            .objection(certificate, issuer)
            .or_else(unusable)
    }

    /// Checks the signer of a token, or the certificate that is judged.
    fn check_signer(
        &self,
        subject: &Certificate,
        above: &[Arc<Certificate>],
    ) -> (Revocation, (Outcome, String)) {
        let history = self.history(subject, above);
        let entries: Vec<&Entry> = history.revocations().map(|(_, entry)| entry).collect();
        let objection = self.objection(subject, above, &history);
        let Some(entry) = worst(entries.iter().copied()) else {
            return match objection {
                Some((sub, why)) => (
                    Revocation::NotCovered(why.clone()),
                    (Outcome::Failed(sub), why),
                ),
                None => self.not_named(&history, above),
            };
        };
        let (state, outcome) = match self.check.subject {
            Subject::Token(accuracy) => self.decide_about_token(&entries, accuracy),
            Subject::Certificate => self.decide_about_certificate(&entries, entry),
        };
        match (objection, &outcome.0) {
            // What cannot be used may say worse than what spares it.
            (Some((sub, why)), Outcome::Passed | Outcome::NotChecked) => {
                (state, (Outcome::Failed(sub), why))
            }
            _ => (state, outcome),
        }
    }

    /// Decides about a certificate as about a CA of a path ([`Self::spares`]): if it was revoked
    /// before it was first seen, for a reason that may say something against its key, it was not
    /// valid then.
    fn decide_about_certificate(
        &self,
        entries: &[&Entry],
        worst: &Entry,
    ) -> (Revocation, (Outcome, String)) {
        let unspared = entries.iter().filter(|entry| !self.spares(entry));
        let Some(entry) = unspared.min_by_key(|entry| mildness(entry)) else {
            let said = "the state of the certificate is known".to_owned();
            return (revoked(worst), (Outcome::Passed, said));
        };
        let date = entry.revocation_date.time();
        let outcome = if is_hold(entry) {
            let why = format!("it is on hold since {date}");
            (Outcome::Failed(SubIndication::TryLater), why)
        } else {
            let why = format!("it was revoked at {date}, and nothing proves that it is older");
            (Outcome::Failed(SubIndication::RevokedNoPoe), why)
        };
        (revoked(entry), outcome)
    }

    /// Whether a revocation spares the artifact: either the artifact is proven to be older, or the
    /// certificate ended in order, for a reason that says nothing against the key, after the
    /// artifact's own time (the standard's chain model).
    fn spares(&self, entry: &Entry) -> bool {
        let from = entry.invalid_from();
        self.is_orderly(entry) || self.check.proven_before(from)
    }

    fn is_orderly(&self, entry: &Entry) -> bool {
        entry.leaves_earlier_valid() && self.check.about < entry.invalid_from()
    }

    fn decide_about_token(
        &self,
        entries: &[&Entry],
        accuracy: Option<Accuracy>,
    ) -> (Revocation, (Outcome, String)) {
        let RevocationCheck {
            about, existence, ..
        } = *self.check;
        let status = |entry: &Entry| token_status(about, accuracy, Some(entry), existence);
        let by_weight = |entry: &&&Entry| (Reverse(severity(status(entry))), mildness(entry));
        let Some(entry) = entries.iter().min_by_key(by_weight) else {
            return (Revocation::NotChecked, (Outcome::NotChecked, String::new()));
        };
        let status = status(entry);
        let outcome = match status {
            TokenStatus::NotRevoked
            | TokenStatus::MadeBeforeRevocation
            | TokenStatus::ProvenBeforeRevocation => Outcome::Passed,
            TokenStatus::MadeAfterRevocation | TokenStatus::ReasonMissing => {
                Outcome::Failed(SubIndication::Revoked)
            }
            TokenStatus::Compromised
            | TokenStatus::TooCloseToRevocation
            | TokenStatus::MadeAfterInvalidity => Outcome::Failed(SubIndication::RevokedNoPoe),
            TokenStatus::OnHold => Outcome::Failed(SubIndication::TryLater),
        };
        let said = format!("{status} ({})", status.code());
        (revoked(entry), (outcome, said))
    }

    /// No list names the certificate: that counts only if a list covers it (RFC 5280 6.3).
    fn not_named(
        &self,
        history: &History,
        above: &[Arc<Certificate>],
    ) -> (Revocation, (Outcome, String)) {
        if above.is_empty() {
            // RFC 5280 6.1: an anchor is input to validation, not subject to it.
            let why = "it is trusted directly: nobody is asked about it".to_owned();
            return (self.uncovered(&why), (Outcome::NotChecked, why));
        }
        let (state, missing) = self.favourable(history, Some(self.check.about));
        let outcome = match missing {
            None => (Outcome::Passed, String::new()),
            Some(missing) if missing.counts(self.check.rule) => {
                (Outcome::Failed(missing.sub), explain(&state))
            }
            Some(_) => (Outcome::NotChecked, explain(&state)),
        };
        (state, outcome)
    }

    /// The newest statement in favour that counts, or why there is none, with its sub-indication.
    /// Statements older than `not_before` do not count.
    fn favourable(
        &self,
        history: &History,
        not_before: Option<Time>,
    ) -> (Revocation, Option<Missing>) {
        let mut refused: Option<(Time, String, SubIndication)> = None;
        let mut as_of: Option<Time> = None;
        for word in history.good() {
            match self.counts(word, not_before) {
                Ok(()) => as_of = as_of.max(Some(word.issued)),
                // The reason given for the newest, so that the order in which they were given does
                // not matter.
                Err((why, sub)) => {
                    let newer = Some((word.issued, why, sub));
                    let key = |it: &Option<(Time, String, SubIndication)>| {
                        it.as_ref().map(|(issued, why, _)| (*issued, why.clone()))
                    };
                    if key(&newer) > key(&refused) {
                        refused = newer;
                    }
                }
            }
        }
        if let Some(as_of) = as_of {
            return (Revocation::NotRevoked { as_of }, None);
        }
        let unknown = history.silences().iter();
        let mut unknown = unknown.filter(|silence| silence.kind == SilenceKind::Unknown);
        if let Some(silence) = unknown.next() {
            let missing = Missing {
                sub: SubIndication::TryLater,
                whatever_is_required: true,
            };
            return (Revocation::NotCovered(silence.why.clone()), Some(missing));
        }
        if let Some((_, why, sub)) = refused {
            return (Revocation::NotCovered(why), Some(Missing::of(sub)));
        }
        let state = match history.silences().first() {
            Some(silence) => Revocation::NotCovered(silence.why.clone()),
            None => self.uncovered("nothing that was given is about the certificate"),
        };
        (state, Some(Missing::of(SubIndication::TryLater)))
    }

    fn counts(
        &self,
        word: &StatusEvent,
        not_before: Option<Time>,
    ) -> Result<(), (String, SubIndication)> {
        let issued = word.issued;
        if let Some(early) = not_before.filter(|early| issued < *early) {
            let why = format!("the word of {issued} is older than the artifact, {early}");
            return Err((why, SubIndication::TryLater));
        }
        // At the proven time the key could be used; a statement that ends earlier says nothing
        // about it.
        let needed = self.check.existence.unwrap_or(self.check.about);
        if word.reach() < needed {
            let why = format!(
                "the word of {issued} holds until {}, and only for {needed} is the artifact proven",
                word.reach()
            );
            return Err((why, SubIndication::TryLater));
        }
        if let Some(control) = self.control {
            let proven = self.sources.proven.get(word.source).copied().flatten();
            if issued >= control || proven.is_none_or(|proven| proven >= control) {
                let why = format!(
                    "a CA above was revoked with effect from {control}, and nothing proves that the \
                     word of {issued} is older"
                );
                return Err((why, SubIndication::NoPoe));
            }
        }
        Ok(())
    }

    fn uncovered(&self, why: &str) -> Revocation {
        if self.sources.given {
            Revocation::NotCovered(why.to_owned())
        } else {
            Revocation::NotChecked
        }
    }
}

/// The reason why no statement in favour of a certificate counts.
#[derive(Clone, Copy)]
struct Missing {
    sub: SubIndication,
    /// Whether the verdict fails even where no statement in favour is required: the issuer was
    /// asked, and knows of no such certificate.
    whatever_is_required: bool,
}

impl Missing {
    const fn of(sub: SubIndication) -> Self {
        Self {
            sub,
            whatever_is_required: false,
        }
    }

    const fn counts(self, rule: RevocationRule) -> bool {
        matches!(rule, RevocationRule::Required) || self.whatever_is_required
    }
}

fn is_hold(entry: &Entry) -> bool {
    entry.reason.map(Reason::code) == Some(6)
}

fn explain(state: &Revocation) -> String {
    match state {
        Revocation::NotCovered(why) => why.clone(),
        _ => "no revocation list and no OCSP response was given".to_owned(),
    }
}

fn severity(status: TokenStatus) -> u8 {
    match (status.indication(), status) {
        (TokenIndication::Failed, _) => 3,
        (TokenIndication::Indeterminate, _) => 2,
        (TokenIndication::Passed, TokenStatus::NotRevoked) => 0,
        (TokenIndication::Passed, _) => 1,
    }
}

fn revoked(entry: &Entry) -> Revocation {
    Revocation::Revoked {
        date: entry.revocation_date.time(),
        reason: entry.reason.map(Reason::name),
        invalidity_date: entry.invalidity_date.map(Moment::time),
    }
}
