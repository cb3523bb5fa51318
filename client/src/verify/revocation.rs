//! What lists say about the signer's certificate, and what follows from it.
//!
//! For a token, RFC 3161 section 4 decides (`ishibumi_artifact::status`), with the proven time as
//! the audit trail that its paragraph 2 asks for. For a certificate, its state is a fact to report:
//! that it was revoked does not make it any less proven that it existed. Of several lists that
//! disagree, the worst statement counts.

use ishibumi_artifact::record::{Moment, Reason, Revocation as Entry};
use ishibumi_artifact::status::{Indication as TokenIndication, TokenStatus, token_status};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, Crl, Path, Verified, VerifiedCrl, VerifiedToken};

use super::report::{ConsultedList, Outcome, Report, Revocation, Step, SubIndication};
use super::rules::time_of;
use super::{RevocationList, Verifier, list_facts};

pub(super) fn check(
    verifier: &Verifier<'_>,
    report: &mut Report,
    verified: &Verified,
    lists: &[RevocationList<'_>],
    not_after: Option<u64>,
) {
    let lists = consult(verifier, report, lists);
    let (path, about) = match verified {
        Verified::Token(token) => (token.path(), token.gen_time().time()),
        Verified::Certificate(path) => match path.certificates().first() {
            Some(certificate) => (path, certificate.not_before()),
            None => return,
        },
        // A list is a statement; nothing revokes it.
        _ => return,
    };
    let Some(subject) = path.certificates().first() else {
        return;
    };
    let entries: Vec<Entry> = lists
        .iter()
        .filter(|list| covers(list, path, 0))
        .filter_map(|list| list.revocation_of(subject))
        .collect();
    let proven = not_after.map(time_of);
    match verified {
        Verified::Token(token) if !entries.is_empty() => {
            decide_about_token(report, token, &entries, proven);
        }
        _ => match worst(&entries, |entry| {
            u8::from(entry.reason.map(Reason::code) != Some(8))
        }) {
            Some(entry) => {
                report.revocation = revoked(entry);
                report.note(
                    Step::Revocation,
                    Outcome::Passed,
                    "the state of the certificate is known",
                );
            }
            None => not_listed(verifier, report, &lists, path, about),
        },
    }
    check_issuers(report, &lists, path, about, proven);
}

/// Verifies each list, and its own proof if it has one.
fn consult(
    verifier: &Verifier<'_>,
    report: &mut Report,
    lists: &[RevocationList<'_>],
) -> Vec<VerifiedCrl> {
    let mut usable = Vec::new();
    for list in lists {
        let crl = Crl::parse(list.crl).and_then(|crl| crl.verify(verifier.anchors));
        let crl = crl.map_err(|error| error.to_string());
        let logged = match (&crl, list.proof) {
            (Ok(crl), Some(proof)) => Some(verifier.prove(proof, crl.record())),
            _ => None,
        };
        let name = list.name.to_owned();
        let facts = crl.as_ref().map(list_facts).map_err(Clone::clone);
        report.lists.push(ConsultedList {
            name,
            list: facts,
            logged,
        });
        usable.extend(crl);
    }
    usable
}

/// Whether the key that signed `list` is the one that issued the certificate at `place` of `path`.
/// A directly trusted certificate's issuer is not in the path; the name in the list has to do.
fn covers(list: &VerifiedCrl, path: &Path, place: usize) -> bool {
    let issuer = path.certificates().get(place + 1);
    issuer.is_none_or(|issuer| issuer.key_hash() == list.issuer_key_hash())
}

fn decide_about_token(
    report: &mut Report,
    token: &VerifiedToken,
    entries: &[Entry],
    proven: Option<Time>,
) {
    let status = |entry: &Entry| {
        token_status(
            token.gen_time().time(),
            token.accuracy(),
            Some(entry),
            proven,
        )
    };
    let Some(entry) = worst(entries, |entry| severity(status(entry))) else {
        return;
    };
    report.revocation = revoked(entry);
    let status = status(entry);
    let outcome = match status.sub_indication() {
        None => Outcome::Passed,
        Some("REVOKED") => Outcome::Failed(SubIndication::Revoked),
        Some("TRY_LATER") => Outcome::Failed(SubIndication::TryLater),
        Some(_) => Outcome::Failed(SubIndication::RevokedNoPoe),
    };
    report.note(
        Step::Revocation,
        outcome,
        format!("{status} ({})", status.code()),
    );
}

fn severity(status: TokenStatus) -> u8 {
    match (status.indication(), status) {
        (TokenIndication::Failed, _) => 3,
        (TokenIndication::Indeterminate, _) => 2,
        (TokenIndication::Passed, TokenStatus::NotRevoked) => 0,
        (TokenIndication::Passed, _) => 1,
    }
}

fn worst(entries: &[Entry], severity: impl Fn(&Entry) -> u8) -> Option<&Entry> {
    entries.iter().max_by_key(|entry| severity(entry))
}

fn revoked(entry: &Entry) -> Revocation {
    Revocation::Revoked {
        date: entry.revocation_date.time(),
        reason: entry.reason.map(Reason::name),
        invalidity_date: entry.invalidity_date.map(Moment::time),
    }
}

/// No list names the certificate: that means something only if a list would have to.
fn not_listed(
    verifier: &Verifier<'_>,
    report: &mut Report,
    lists: &[VerifiedCrl],
    path: &Path,
    about: Time,
) {
    let Some(subject) = path.certificates().first() else {
        return;
    };
    let issued_by_anchor_itself = path.certificates().len() < 2;
    let mut reason = if report.lists.is_empty() {
        None
    } else {
        Some("no list that was given is by the certificate's issuer".to_owned())
    };
    let mut as_of: Option<Time> = None;
    for list in lists
        .iter()
        .filter(|list| !issued_by_anchor_itself && covers(list, path, 0))
    {
        match silence_means_nothing(list, subject, about) {
            Some(why) => reason = Some(why),
            None => as_of = as_of.max(Some(list.this_update())),
        }
    }
    if let Some(as_of) = as_of {
        report.revocation = Revocation::NotRevoked { as_of };
        report.note(Step::Revocation, Outcome::Passed, "");
        return;
    }
    let outcome = if verifier.require_revocation {
        Outcome::Failed(SubIndication::TryLater)
    } else {
        Outcome::NotChecked
    };
    let detail = reason
        .clone()
        .unwrap_or_else(|| "no revocation list was given".to_owned());
    report.note(Step::Revocation, outcome, detail);
    report.revocation = reason.map_or(Revocation::NotChecked, Revocation::NotCovered);
}

/// Why it says nothing that `list` does not name `certificate`; none if it does say something.
fn silence_means_nothing(
    list: &VerifiedCrl,
    certificate: &Certificate,
    about: Time,
) -> Option<String> {
    if !list.covers(certificate) {
        return Some("the list covers only a part of what its issuer revokes".to_owned());
    }
    let this_update = list.this_update();
    if this_update < about {
        return Some(format!("the list is of {this_update}, before {about}"));
    }
    let expired = certificate.not_after();
    // expiredCertsOnCRL: certificates that expired since then stay listed.
    let stays_listed = list
        .expired_certs_on()
        .is_some_and(|since| since <= expired);
    (this_update > expired && !stays_listed).then(|| {
        format!(
            "the list is of {this_update}, after the certificate expired at {expired}: \
             it need not be listed any more"
        )
    })
}

/// CAs between signer and anchor. What they issued stays good if it is older than the revocation,
/// by the proven time or, for a harmless reason, by the artifact's own.
fn check_issuers(
    report: &mut Report,
    lists: &[VerifiedCrl],
    path: &Path,
    about: Time,
    proven: Option<Time>,
) {
    let below_anchor = path.certificates().len().saturating_sub(1);
    for (place, ca) in path
        .certificates()
        .iter()
        .enumerate()
        .take(below_anchor)
        .skip(1)
    {
        let entries = lists.iter().filter(|list| covers(list, path, place));
        for entry in entries.filter_map(|list| list.revocation_of(ca)) {
            let date = entry.revocation_date.time();
            let from = entry
                .invalidity_date
                .map_or(date, |invalid| invalid.time().min(date));
            let harmless = matches!(entry.reason.map(Reason::code), Some(0 | 3 | 4 | 5));
            let spared = proven.is_some_and(|proven| proven < from) || (harmless && about < date);
            if !spared {
                let detail = format!("the CA {} was revoked at {date}", ca.subject());
                report.note(
                    Step::Revocation,
                    Outcome::Failed(SubIndication::RevokedCaNoPoe),
                    detail,
                );
            }
        }
    }
}
