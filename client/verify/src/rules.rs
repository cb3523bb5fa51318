//! Which terms of EN 319 102-1 a finding gets, and the artifact's rules at the proven time.

use std::sync::Arc;

use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Admitted, Certificate, Verified};
use ishibumi_tlog::fault::Fault as ProofFault;
use ishibumi_tlog::policy::TrustError;

use super::Verifier;
use super::parts::{Noted, Outcome, Step, SubIndication};

/// How far the witnesses' clocks may be behind the issuer's, in seconds, before a genTime after the
/// proven time counts as a contradiction. A genTime in the future is of no use to an attacker, so
/// this can be generous.
pub(super) const CLOCK_TOLERANCE_SECONDS: i64 = 10;

/// How far two clocks may be apart, in seconds, whose owners never saw each other's times: that of
/// a time-stamp around the evidence, or the caller's, and those inside the evidence.
const CLOCKS_APART_SECONDS: i64 = 300;

impl From<&TrustError> for SubIndication {
    fn from(error: &TrustError) -> Self {
        Self::from(error.fault())
    }
}

impl From<ProofFault> for SubIndication {
    /// A checkpoint or proof that is missing or cannot be read proves nothing and disproves
    /// nothing.
    fn from(fault: ProofFault) -> Self {
        match fault {
            ProofFault::Unread | ProofFault::Unvouched => Self::NoPoe,
            ProofFault::Signature => Self::SigCryptoFailure,
            ProofFault::Inclusion => Self::HashFailure,
        }
    }
}

/// Proof that the artifact's statement may be believed. Made by [`check_mark`] alone.
pub(super) struct Believed {
    _made_here: (),
}

/// Proof that every algorithm counted when it was needed. Made by [`check_algorithms`] alone.
pub(super) struct AlgorithmsCount {
    _made_here: (),
}

/// Proof that no times contradict each other, as far as times are proven. Made by [`check_times`]
/// alone.
pub(super) struct TimesAgree {
    _made_here: (),
}

/// Proof that the log's own algorithms count. Made by [`check_log_algorithms`] alone.
pub(super) struct LogAlgorithmsCount {
    _made_here: (),
}

/// Whether the log's own algorithms count, by the caller's dated rules: they had to at the time at
/// which the evidence is proven to have existed, by a renewal, or now.
pub(super) fn check_log_algorithms(
    verifier: &Verifier<'_>,
    report: &mut Noted,
) -> Option<LogAlgorithmsCount> {
    let Some(ended) = verifier.log_ended() else {
        return Some(LogAlgorithmsCount { _made_here: () });
    };
    let detail = format!(
        "{ended}; the proof of the log rests on it, and no renewal proves that this evidence is older"
    );
    let failed = Outcome::Failed(SubIndication::CryptoConstraintsFailureNoPoe);
    report.note(Step::LogAlgorithms, failed, detail);
    None
}

/// Whether the artifact's statement may be believed. Whether it existed is a separate question.
pub(super) fn check_mark(
    verifier: &Verifier<'_>,
    report: &mut Noted,
    admitted: &Admitted,
) -> Option<Believed> {
    let Some(mark) = admitted.mark() else {
        return Some(Believed { _made_here: () });
    };
    let over = mark.name().unwrap_or("an algorithm that is not known here");
    let is_late = matches!(admitted.verified(), Verified::Token(token)
        if verifier.anchors.is_beyond_word(token.gen_time().time()));
    let word = if is_late {
        "; it was allowed for what existed by a day, and this says of itself that it is of a later time"
    } else {
        ""
    };
    let detail = format!(
        "the token is signed over {over}, where whoever can find a collision can forge one: that it existed \
         is judged, what it says is not believed{word}"
    );
    let failed = Outcome::Failed(SubIndication::CryptoConstraintsFailureNoPoe);
    report.note(Step::Algorithms, failed, detail);
    None
}

/// Whether what is in the evidence is of a later time than the one as of which it is judged: then
/// one of the two is false, and no rule about algorithms can be asked. Nothing is asked without
/// such rules.
fn check_as_of(verifier: &Verifier<'_>, report: &mut Noted, verified: &Verified) -> bool {
    let Some(as_of) = verifier.anchors.judged_as_of() else {
        return true;
    };
    let latest = as_of.plus_micros(i128::from(CLOCKS_APART_SECONDS) * 1_000_000);
    let statement = report.statement.as_ref();
    let cosigned = statement.and_then(|statement| statement.not_after);
    let cosigned = cosigned.map(|time| ("the quorum's cosignature", time_of(time)));
    let mut stated = cosigned.into_iter().chain(own_time(verified));
    let Some((what, time)) = stated.find(|(_, time)| *time > latest) else {
        return true;
    };
    let detail = format!(
        "{what} is {time}, later than {as_of}, as of which all of it is said to have existed and is judged: \
         one of the two times is false"
    );
    let failed = Outcome::Failed(SubIndication::TimestampOrderFailure);
    report.note(Step::TimeOrder, failed, detail);
    false
}

/// Whether the artifact's algorithms counted at the time at which it is proven to have existed.
pub(super) fn check_algorithms(
    verifier: &Verifier<'_>,
    report: &mut Noted,
    verified: &Verified,
    not_after: Option<Time>,
) -> Option<AlgorithmsCount> {
    let all = AlgorithmsCount { _made_here: () };
    if !verifier.anchors.has_algorithm_ends() {
        return Some(all);
    }
    let checked = verified.primitives().map_err(|error| error.to_string());
    let checked = checked.and_then(|primitives| {
        let checked = verifier.anchors.check_algorithms(&primitives, not_after);
        checked.map_err(|ended| {
            format!("{ended}; nothing proves that the artifact, which rests on it, is older")
        })
    });
    match checked {
        Ok(()) => {
            // A mark has added the step already.
            if report.outcome(Step::Algorithms).is_none() {
                report.note(Step::Algorithms, Outcome::Passed, "");
            }
            Some(all)
        }
        Err(detail) => {
            let failed = Outcome::Failed(SubIndication::CryptoConstraintsFailureNoPoe);
            report.note(Step::Algorithms, failed, detail);
            None
        }
    }
}

/// The rules that the proven time decides: the signature existed while its certificates were valid,
/// and the artifact does not claim a time after the one at which it was seen. Without a proven time
/// the rules do not apply.
pub(super) fn check_times(
    verifier: &Verifier<'_>,
    report: &mut Noted,
    verified: &Verified,
    not_after: Option<Time>,
) -> Option<TimesAgree> {
    let of_today = check_as_of(verifier, report, verified);
    let proven = check_proven_time(report, verified, not_after);
    (of_today && proven).then_some(TimesAgree { _made_here: () })
}

fn check_proven_time(report: &mut Noted, verified: &Verified, not_after: Option<Time>) -> bool {
    let Some(proven) = not_after else {
        let why = if report.outcome(Step::LogAlgorithms).is_some() {
            "an algorithm has ended, so no time is proven"
        } else {
            "the policy asks for no quorum, so no time is proven"
        };
        report.note(Step::ProvenTime, Outcome::NotChecked, why);
        return true;
    };
    let in_bounds = match verified {
        Verified::Token(token) => check_bounds(report, token.path().certificates(), proven),
        Verified::Certificate(_) | Verified::Crl(_) | Verified::Ocsp(_) => true,
    };
    let in_order =
        own_time(verified).is_none_or(|(what, claimed)| check_order(report, what, claimed, proven));
    in_bounds && in_order
}

/// The earliest time at which an artifact says that it was made. `None` for a certificate: it may
/// be issued ahead of its validity and logged after it.
pub(super) fn own_time(verified: &Verified) -> Option<(&'static str, Time)> {
    match verified {
        Verified::Token(token) => {
            let micros = token
                .accuracy()
                .map_or(0, |accuracy| i128::from(accuracy.total_micros()));
            let earliest = token.gen_time().time().plus_micros(-micros);
            Some(("genTime (less its accuracy)", earliest))
        }
        Verified::Crl(crl) => Some(("thisUpdate", crl.this_update())),
        Verified::Ocsp(response) => Some(("producedAt", response.produced_at())),
        Verified::Certificate(_) => None,
    }
}

fn check_bounds(report: &mut Noted, path: &[Arc<Certificate>], proven: Time) -> bool {
    // An anchor is trusted as such, whatever it says about its own validity; a TSU certificate that
    // is itself the anchor is still the signer.
    let below_anchor = path.len().saturating_sub(1).max(1);
    let expired = path
        .iter()
        .take(below_anchor)
        .find(|one| one.not_after() < proven);
    let Some(certificate) = expired else {
        report.note(Step::ProvenTime, Outcome::Passed, "");
        return true;
    };
    let detail = format!(
        "the signature is proven to have existed at {proven}, but {} had expired at {}: \
         nothing proves that it was made before",
        certificate.subject(),
        certificate.not_after()
    );
    let failed = Outcome::Failed(SubIndication::OutOfBoundsNoPoe);
    report.note(Step::ProvenTime, failed, detail);
    false
}

fn check_order(report: &mut Noted, what: &str, claimed: Time, proven: Time) -> bool {
    let latest = proven.plus_micros(i128::from(CLOCK_TOLERANCE_SECONDS) * 1_000_000);
    if claimed <= latest {
        report.note(Step::TimeOrder, Outcome::Passed, "");
        return true;
    }
    let detail = format!(
        "{what} is {claimed}, later than {proven}, when it is proven to have existed already: \
         one of the clocks is wrong, or the time is made up"
    );
    report.note(
        Step::TimeOrder,
        Outcome::Failed(SubIndication::TimestampOrderFailure),
        detail,
    );
    false
}

/// Seconds since the Epoch as a [`Time`].
pub(super) fn time_of(seconds: u64) -> Time {
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use ishibumi_artifact::Fault;
    use ishibumi_tlog::checkpoint::CheckpointError;
    use ishibumi_tlog::note::NoteError;
    use ishibumi_tlog::tree::ProofError;

    use super::*;
    use crate::Indication;

    #[test]
    fn the_page_says_which_verdict_follows_from_each_class() {
        let page = include_str!("../../../docs/verdicts.md");
        for fault in Fault::ALL {
            let sub = SubIndication::from(fault);
            let row = format!("\n| `{}` | ", fault.name());
            let (_, row) = page.split_once(&row).unwrap();
            let verdict = format!(" | {}, {} | ", sub.indication().word(), sub.word());
            let (row, _) = row.split_once('\n').unwrap();
            assert!(row.contains(&verdict), "{verdict:?} is not in {row:?}");
        }
    }

    /// A proof that cannot be read, or that no trusted key vouches for, is as good as none.
    #[test]
    fn of_proofs_only_false_signatures_and_other_records_are_shown_to_be_false() {
        let text = || "x".to_owned();
        let (cosigned, known) = (Vec::new(), 2);
        let open = [
            CheckpointError::Lines.into(),
            TrustError::UnknownLog(text()),
            TrustError::NotSignedByLog(text()),
            TrustError::UnsignedExtensions(text()),
            TrustError::NoPostQuantumQuorum {
                cosigned: cosigned.clone(),
                known,
            },
            TrustError::NoQuorum { cosigned, known },
            NoteError::TooLong(1).into(),
            NoteError::NotText(1).into(),
            NoteError::NoSignatures.into(),
            NoteError::TooManySignatures(1).into(),
            NoteError::SignatureLine(1).into(),
            NoteError::NoKnownKey(1).into(),
        ];
        for error in open {
            assert_eq!(SubIndication::from(&error), SubIndication::NoPoe, "{error}");
        }
        assert_eq!(SubIndication::NoPoe.indication(), Indication::Indeterminate);
        let of = |error: TrustError| SubIndication::from(&error);
        let signature = of(NoteError::BadSignature(text()).into());
        assert_eq!(signature, SubIndication::SigCryptoFailure);
        assert_eq!(of(ProofError::NoLeaves.into()), SubIndication::HashFailure);
    }
}
