//! What a revocation of the TSU's certificate means for a token: RFC 3161 section 4.
//!
//! A TSA that closes in an orderly way revokes its certificates (EN 319 421 OVR-7.14), so "revoked"
//! is not "invalid". The stated reason and the order of genTime and revocationDate decide. This is
//! a pure function; the caller knows where the statement came from, and whether it is the latest.

use core::fmt;

use crate::record::{Accuracy, Reason, Revocation};
use crate::time::Time;

/// certificateHold (RFC 5280 5.3.1).
pub(crate) const CERTIFICATE_HOLD: u8 = 6;
/// removeFromCRL (RFC 5280 5.3.1): the end of a hold.
pub(crate) const REMOVE_FROM_CRL: u8 = 8;

/// EN 319 102-1's main indications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indication {
    /// TOTAL-PASSED.
    Passed,
    /// TOTAL-FAILED.
    Failed,
    /// INDETERMINATE.
    Indeterminate,
}

impl fmt::Display for Indication {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Passed => "TOTAL-PASSED",
            Self::Failed => "TOTAL-FAILED",
            Self::Indeterminate => "INDETERMINATE",
        })
    }
}

/// The status of a token, and why.
///
/// Exhaustive on purpose: a verifier has to decide about each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// No source says that the TSU's certificate is revoked. The caller has to report whether any
    /// source covers it.
    NotRevoked,
    /// Revoked for a harmless reason after the token was made: it remains valid (section 4 (1)).
    MadeBeforeRevocation,
    /// Revoked, for compromise or without a reason, but the token was proven to exist before.
    ProvenBeforeRevocation,
    /// Revoked, and the token was made at or after that.
    MadeAfterRevocation,
    /// The token's accuracy spans the revocation date.
    TooCloseToRevocation,
    /// Revoked for a harmless reason after the token was made, but counted as invalid from an
    /// earlier time on (invalidityDate), before which the token is neither made nor proven.
    MadeAfterInvalidity,
    /// Revoked without a reason: all tokens are considered invalid (section 4 (1)).
    ReasonMissing,
    /// Revoked for compromise, or a reason that removes trust: no token counts by itself.
    Compromised,
    /// The certificate is on hold: the hold may be lifted.
    OnHold,
}

impl TokenStatus {
    /// The main indication.
    pub const fn indication(self) -> Indication {
        match self {
            Self::NotRevoked | Self::MadeBeforeRevocation | Self::ProvenBeforeRevocation => {
                Indication::Passed
            }
            Self::MadeAfterRevocation | Self::ReasonMissing => Indication::Failed,
            Self::Compromised
            | Self::TooCloseToRevocation
            | Self::MadeAfterInvalidity
            | Self::OnHold => Indication::Indeterminate,
        }
    }

    /// Stable code, kebab-case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotRevoked => "not-revoked",
            Self::MadeBeforeRevocation => "made-before-revocation",
            Self::ProvenBeforeRevocation => "proven-before-revocation",
            Self::MadeAfterRevocation => "made-after-revocation",
            Self::TooCloseToRevocation => "too-close-to-revocation",
            Self::MadeAfterInvalidity => "made-after-invalidity-date",
            Self::ReasonMissing => "revocation-reason-missing",
            Self::Compromised => "key-compromised",
            Self::OnHold => "certificate-on-hold",
        }
    }
}

/// One plain sentence.
impl fmt::Display for TokenStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotRevoked => "No statement says that the TSU's certificate was revoked.",
            Self::MadeBeforeRevocation => {
                "The TSU's certificate was revoked later, for a reason that leaves its earlier tokens valid (RFC 3161, section 4)."
            }
            Self::ProvenBeforeRevocation => {
                "The TSU's certificate was revoked, but the token is proven to have existed before."
            }
            Self::MadeAfterRevocation => {
                "The token says that it was made at or after the revocation of the TSU's certificate."
            }
            Self::TooCloseToRevocation => {
                "The token's accuracy does not tell whether it was made before the revocation of the TSU's certificate."
            }
            Self::MadeAfterInvalidity => {
                "The TSU's certificate was revoked after the token was made, but counts as invalid from an earlier date on (invalidityDate)."
            }
            Self::ReasonMissing => {
                "The TSU's certificate was revoked without a reason, so all of its tokens count as invalid (RFC 3161, section 4), unless one is proven to have existed before."
            }
            Self::Compromised => {
                "The TSU's key was compromised or lost its privilege: a token counts only if it is proven to have existed before."
            }
            Self::OnHold => "The TSU's certificate is on hold; ask again when the hold has ended.",
        })
    }
}

/// The worst of several statements about one certificate, in any order: a definitive revocation
/// before a hold, a hold before a release; of definitive ones first those that leave nothing valid,
/// then the one with effect from the earliest time.
pub fn worst<'a>(entries: impl IntoIterator<Item = &'a Revocation>) -> Option<&'a Revocation> {
    entries.into_iter().min_by_key(|entry| mildness(entry))
}

/// The order of statements about one certificate: the smaller, the worse. Equal only for identical
/// statements.
pub fn mildness(entry: &Revocation) -> impl Ord + use<> {
    let reason = entry.reason.map(Reason::code);
    let class = match reason {
        Some(REMOVE_FROM_CRL) => 3,
        Some(CERTIFICATE_HOLD) => 2,
        _ if entry.leaves_earlier_valid() => 1,
        _ => 0,
    };
    let date = entry.revocation_date;
    (
        class,
        entry.invalid_from(),
        date,
        reason,
        entry.invalidity_date,
    )
}

/// Decides about a token from one statement about its TSU's certificate.
///
/// `proven_not_after`: the time before which independent witnesses prove that the token existed,
/// if there is such a proof; it rescues tokens that the reason alone would discard (section 4 (2)).
/// An unknown accuracy counts as zero.
pub fn token_status(
    gen_time: Time,
    accuracy: Option<Accuracy>,
    revocation: Option<&Revocation>,
    proven_not_after: Option<Time>,
) -> TokenStatus {
    let Some(revocation) = revocation else {
        return TokenStatus::NotRevoked;
    };
    let revoked_at = revocation.revocation_date.time();
    let invalid_from = revocation.invalid_from();
    let micros = accuracy.map_or(0, |accuracy| i128::from(accuracy.total_micros()));
    let proven = proven_not_after.is_some_and(|proven| proven < invalid_from);
    let latest = gen_time.plus_micros(micros);
    match revocation.reason.map(Reason::code) {
        Some(REMOVE_FROM_CRL) => TokenStatus::NotRevoked,
        _ if proven => TokenStatus::ProvenBeforeRevocation,
        // A hold may be lifted, and is then as if it had never been.
        Some(CERTIFICATE_HOLD) => TokenStatus::OnHold,
        _ if gen_time.plus_micros(-micros) >= revoked_at => TokenStatus::MadeAfterRevocation,
        None => TokenStatus::ReasonMissing,
        Some(_) if !revocation.leaves_earlier_valid() => TokenStatus::Compromised,
        Some(_) if latest < invalid_from => TokenStatus::MadeBeforeRevocation,
        Some(_) if latest >= revoked_at => TokenStatus::TooCloseToRevocation,
        Some(_) => TokenStatus::MadeAfterInvalidity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Moment, Opaque};

    fn status(
        reason: Option<u8>,
        gen_time: i64,
        invalidity: Option<i64>,
        proven: Option<i64>,
    ) -> TokenStatus {
        let moment = |seconds| Moment::new("test", Time::from_unix(seconds)).unwrap();
        let revocation = Revocation {
            issuer_key_hash: [0; 32],
            serial: Opaque::new("serial", [1]).unwrap(),
            revocation_date: moment(1_000),
            reason: reason.map(|code| Reason::new(code).unwrap()),
            invalidity_date: invalidity.map(moment),
        };
        let accuracy = Some(Accuracy::new(2, 0, 0).unwrap());
        token_status(
            Time::from_unix(gen_time),
            accuracy,
            Some(&revocation),
            proven.map(Time::from_unix),
        )
    }

    #[test]
    fn the_table_of_rfc_3161_section_4() {
        for reason in [0, 3, 4, 5] {
            assert_eq!(
                status(Some(reason), 900, None, None),
                TokenStatus::MadeBeforeRevocation
            );
            assert_eq!(
                status(Some(reason), 997, None, None),
                TokenStatus::MadeBeforeRevocation
            );
            assert_eq!(
                status(Some(reason), 999, None, None),
                TokenStatus::TooCloseToRevocation
            );
            assert_eq!(
                status(Some(reason), 1_002, None, None),
                TokenStatus::MadeAfterRevocation
            );
        }
        assert_eq!(status(None, 900, None, None), TokenStatus::ReasonMissing);
        assert_eq!(
            status(None, 900, None, Some(950)),
            TokenStatus::ProvenBeforeRevocation
        );
        for reason in [1, 2, 9, 10] {
            assert_eq!(
                status(Some(reason), 900, None, None),
                TokenStatus::Compromised
            );
            assert_eq!(
                status(Some(reason), 900, None, Some(950)),
                TokenStatus::ProvenBeforeRevocation
            );
            assert_eq!(
                status(Some(reason), 900, Some(940), Some(950)),
                TokenStatus::Compromised
            );
            assert_eq!(
                status(Some(reason), 900, None, Some(1_000)),
                TokenStatus::Compromised
            );
        }
        assert_eq!(status(Some(6), 900, None, None), TokenStatus::OnHold);
        // A token that is made on hold waits with the others; one proven to be older does not.
        assert_eq!(status(Some(6), 1_500, None, None), TokenStatus::OnHold);
        assert_eq!(
            status(Some(6), 900, None, Some(950)),
            TokenStatus::ProvenBeforeRevocation
        );
        // A harmless reason with an invalidityDate: between the two dates only a proof helps.
        assert_eq!(
            status(Some(4), 900, Some(940), None),
            TokenStatus::MadeBeforeRevocation
        );
        assert_eq!(
            status(Some(4), 960, Some(940), None),
            TokenStatus::MadeAfterInvalidity
        );
        assert_eq!(
            status(Some(4), 920, Some(940), Some(930)),
            TokenStatus::ProvenBeforeRevocation
        );
        assert_eq!(status(Some(8), 900, None, None), TokenStatus::NotRevoked);
        assert_eq!(
            token_status(Time::from_unix(1), None, None, None).indication(),
            Indication::Passed
        );
    }
}
