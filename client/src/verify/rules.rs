//! Which words of EN 319 102-1 a finding gets, and the artifact's rules at the proven time.

use std::sync::Arc;

use ishibumi_artifact::path::PathError;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::token::TokenError;
use ishibumi_artifact::{Certificate, Refusal, Verified};
use ishibumi_tlog::note::NoteError;
use ishibumi_tlog::policy::TrustError;

use super::Verifier;
use super::report::{Outcome, Report, Step, SubIndication};

/// How far the witnesses' clocks may be behind the issuer's, in seconds, before a genTime after the
/// proven time counts as a contradiction. A genTime in the future gains nobody anything, so this
/// can be generous.
pub(super) const CLOCK_TOLERANCE_SECONDS: i64 = 10;

impl From<&TrustError> for SubIndication {
    /// What a checkpoint or proof that is not trusted means. A missing signature proves nothing and
    /// disproves nothing: more cosignatures, or another policy, would mend it.
    fn from(error: &TrustError) -> Self {
        match error {
            TrustError::UnknownLog(_)
            | TrustError::NotSignedByLog(_)
            | TrustError::UnsignedExtensions(_)
            | TrustError::NoQuorum { .. }
            | TrustError::NoPostQuantumQuorum { .. }
            | TrustError::Note(NoteError::NoKnownKey(_)) => Self::NoPoe,
            TrustError::Note(NoteError::BadSignature(_)) => Self::SigCryptoFailure,
            TrustError::Inclusion(_) => Self::HashFailure,
            _ => Self::FormatFailure,
        }
    }
}

/// What a refusal by the rules of admission means. By code, so that an error inside of another one
/// needs no arm of its own; what is left over are octets that cannot be read.
pub(super) fn of_refusal(refusal: &Refusal) -> SubIndication {
    if let Refusal::Token(TokenError::GenTimeOutsideCertificate {
        gen_time,
        not_before,
        ..
    }) = refusal
    {
        return bounds(*gen_time < *not_before);
    }
    // Another CA of the same name is no forgery of this one, and one that had ended may have an heir.
    if let Refusal::Token(TokenError::Path(error)) | Refusal::CertificatePath(error) = refusal {
        match error {
            PathError::Signature { source, .. } if source.code() != "signature-invalid" => {
                return SubIndication::CryptoConstraintsFailureNoPoe;
            }
            PathError::Signature { .. } | PathError::Validity { .. } => {
                return SubIndication::NoCertificateChainFound;
            }
            _ => {}
        }
    }
    match refusal.code() {
        "message-digest-mismatch" => SubIndication::HashFailure,
        "signature-invalid" => SubIndication::SigCryptoFailure,
        "signature-algorithm-refused"
        | "hash-algorithm-refused"
        | "imprint-refused"
        | "public-key-refused" => SubIndication::CryptoConstraintsFailureNoPoe,
        "signer-unknown" | "ocsp-responder-unauthorized" => {
            SubIndication::NoSigningCertificateFound
        }
        "issuer-unregistered"
        | "issuer-key-unknown"
        | "crl-issuer-unregistered"
        | "crl-entry-issuer-unregistered"
        | "ocsp-issuer-unregistered"
        | "path-search-limit" => SubIndication::NoCertificateChainFound,
        "issuer-not-ca"
        | "issuer-key-usage"
        | "issuer-purpose"
        | "path-length-exceeded"
        | "critical-extension-unknown"
        | "name-constraints-violated"
        | "name-constraints-unprocessable"
        | "certificate-extension-malformed"
        | "certificate-version"
        | "no-valid-policy"
        | "policy-mapping-of-any" => SubIndication::ChainConstraintsFailure,
        "content-type-mismatch"
        | "algorithm-protection-mismatch"
        | "ess-mismatch"
        | "ess-missing"
        | "eku-not-timestamping"
        | "eku-not-critical"
        | "tsu-key-usage"
        | "tsa-name-mismatch"
        | "tst-critical-extension"
        | "crl-critical-extension"
        | "crl-scope-unsupported"
        | "ocsp-critical-extension"
        | "ocsp-several-issuers"
        | "ocsp-responder-not-valid-then" => SubIndication::SigConstraintsFailure,
        // What is no more than too large for us is not shown to be false.
        "too-large" | "record-bounds" => SubIndication::Generic,
        "gen-time-outside-key-period" => SubIndication::Expired,
        _ => SubIndication::FormatFailure,
    }
}

const fn bounds(too_early: bool) -> SubIndication {
    if too_early {
        SubIndication::NotYetValid
    } else {
        SubIndication::Expired
    }
}

/// Whether the log's own algorithms count, by the caller's dated rules: they had to at the time at which the
/// evidence is proven to have been there, by a renewal, or now.
pub(super) fn check_log_algorithms(verifier: &Verifier<'_>, report: &mut Report) -> bool {
    let Some(ended) = verifier.log_ended() else {
        return true;
    };
    let detail = format!(
        "{ended}; the proof of the log rests on it, and no renewal proves that this evidence is older"
    );
    let failed = Outcome::Failed(SubIndication::CryptoConstraintsFailureNoPoe);
    report.note(Step::Algorithms, failed, detail);
    false
}

/// Whether the artifact's algorithms counted when it is proven to have existed.
pub(super) fn check_algorithms(
    verifier: &Verifier<'_>,
    report: &mut Report,
    verified: &Verified,
    not_after: Option<Time>,
) {
    if !verifier.anchors.has_algorithm_ends() {
        return;
    }
    let checked = verified.primitives().map_err(|error| error.to_string());
    let checked = checked.and_then(|primitives| {
        let checked = verifier.anchors.check_algorithms(&primitives, not_after);
        checked.map_err(|ended| {
            format!("{ended}; nothing proves that the artifact, which rests on it, is older")
        })
    });
    match checked {
        Ok(()) if report.checks.iter().any(|it| it.step == Step::Algorithms) => {}
        Ok(()) => report.note(Step::Algorithms, Outcome::Passed, ""),
        Err(detail) => {
            let failed = Outcome::Failed(SubIndication::CryptoConstraintsFailureNoPoe);
            report.note(Step::Algorithms, failed, detail);
        }
    }
}

/// The rules that the proven time decides: the signature existed while its certificates were valid,
/// and the artifact does not claim a time after the one at which it was seen.
pub(super) fn check_times(report: &mut Report, verified: &Verified, not_after: Option<Time>) {
    let Some(proven) = not_after else {
        let why = if report.checks.iter().any(|it| it.step == Step::Algorithms) {
            "an algorithm has ended, so no time is proven"
        } else {
            "the policy asks for no quorum, so no time is proven"
        };
        report.note(Step::ProvenTime, Outcome::NotChecked, why);
        return;
    };
    match verified {
        Verified::Token(token) => {
            check_bounds(report, token.path().certificates(), proven);
            let micros = token
                .accuracy()
                .map_or(0, |accuracy| i128::from(accuracy.total_micros()));
            let earliest = token.gen_time().time().plus_micros(-micros);
            check_order(report, "genTime (less its accuracy)", earliest, proven);
        }
        Verified::Crl(crl) => check_order(report, "thisUpdate", crl.this_update(), proven),
        Verified::Ocsp(response) => {
            check_order(report, "producedAt", response.produced_at(), proven);
        }
        // A certificate may be issued ahead of its validity and logged after it.
        _ => {}
    }
}

fn check_bounds(report: &mut Report, path: &[Arc<Certificate>], proven: Time) {
    // An anchor is trusted as such, whatever it says about its own validity; a TSU certificate that
    // is itself the anchor is the signer all the same.
    let below_anchor = path.len().saturating_sub(1).max(1);
    let expired = path
        .iter()
        .take(below_anchor)
        .find(|one| one.not_after() < proven);
    match expired {
        None => report.note(Step::ProvenTime, Outcome::Passed, ""),
        Some(certificate) => {
            let detail = format!(
                "the signature is proven to have existed at {proven}, but {} had expired at {}: \
                 nothing proves that it was made before",
                certificate.subject(),
                certificate.not_after()
            );
            let failed = Outcome::Failed(SubIndication::OutOfBoundsNoPoe);
            report.note(Step::ProvenTime, failed, detail);
        }
    }
}

fn check_order(report: &mut Report, what: &str, claimed: Time, proven: Time) {
    let latest = proven.plus_micros(i128::from(CLOCK_TOLERANCE_SECONDS) * 1_000_000);
    if claimed <= latest {
        report.note(Step::TimeOrder, Outcome::Passed, "");
        return;
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
}

/// Seconds since the Epoch as a [`Time`].
pub(super) fn time_of(seconds: u64) -> Time {
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use ishibumi_artifact::crl::CrlError;
    use ishibumi_artifact::ocsp::OcspError;
    use ishibumi_artifact::signature::SignatureError;

    use super::*;
    use crate::verify::Indication;

    /// Only what is shown to be false is TOTAL-FAILED; what we cannot use or may not accept is not.
    #[test]
    fn what_cannot_be_used_is_not_shown_to_be_false() {
        let subject = || "CN=CA".to_owned();
        let name = subject();
        let constraints = [
            PathError::NameConstraints {
                subject: subject(),
                name,
            },
            PathError::NoPolicy,
            PathError::PolicyMapping,
            PathError::NotCa { subject: subject() },
        ];
        for error in constraints {
            let sub = of_refusal(&Refusal::CertificatePath(error));
            assert_eq!(sub, SubIndication::ChainConstraintsFailure);
        }
        let of = |refusal: Refusal| of_refusal(&refusal);
        let signed = |source| {
            let subject = subject();
            of(Refusal::CertificatePath(PathError::Signature {
                subject,
                source,
            }))
        };
        let by_another = signed(SignatureError::Invalid);
        assert_eq!(by_another, SubIndication::NoCertificateChainFound);
        let unknown = of(OcspError::IssuerUnknown.into());
        assert_eq!(unknown, SubIndication::NoCertificateChainFound);
        let scope = of(CrlError::Scope("it covers attribute certificates only").into());
        assert_eq!(scope, SubIndication::SigConstraintsFailure);
        assert_eq!(of(CrlError::Size(1 << 30).into()), SubIndication::Generic);
        for sub in [unknown, scope, SubIndication::Generic] {
            assert_eq!(sub.indication(), Indication::Indeterminate);
        }
        let broken = of(CrlError::IssuerName("broken".to_owned()).into());
        assert_eq!(broken.indication(), Indication::TotalFailed);
    }
}
