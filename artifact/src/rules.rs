//! Which weak algorithms still count, and until when.
//!
//! A SHA-1 signature of 2009 was sound when it was made; what makes it worthless is that one could be
//! forged today. So a weak algorithm is accepted only for something that is *proven* to have existed
//! while the algorithm was still reliable (EN 319 102-1 5.6.2.3): by cosignatures over a checkpoint
//! that covers it, by another token, by an archive's word that the caller trusts. What an artifact
//! says about its own age proves nothing here. Without such a proof nothing weak is accepted.

use crate::time::Time;

/// An end for SHA-1, for whoever has no other: 1 January 2016, 00:00 UTC, from which on public CAs were not
/// to sign with it any more (CA/Browser Forum, ballot 118).
pub const SHA1_END: Time = Time::from_unix(1_451_606_400);

/// Ends of reliability, and how early the artifacts in question are proven to exist. The default
/// accepts no weak algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmRules {
    sha1_until: Option<Time>,
    rsa_1024_until: Option<Time>,
    proven_not_after: Option<Time>,
}

impl AlgorithmRules {
    /// Accepts SHA-1 in signatures and imprints of what is proven to have existed at `end`.
    #[must_use]
    pub const fn with_sha1_until(mut self, end: Time) -> Self {
        self.sha1_until = Some(end);
        self
    }

    /// Accepts RSA keys of 1,024 to 2,047 bits for what is proven to have existed at `end`.
    #[must_use]
    pub const fn with_rsa_1024_until(mut self, end: Time) -> Self {
        self.rsa_1024_until = Some(end);
        self
    }

    /// The proof: what is judged under these rules existed at `time`.
    #[must_use]
    pub const fn with_proof_of_existence(mut self, time: Time) -> Self {
        self.proven_not_after = Some(time);
        self
    }

    pub(crate) fn weak(self) -> Weak {
        let holds = |until: Option<Time>| matches!((until, self.proven_not_after), (Some(until), Some(proven)) if proven <= until);
        Weak {
            sha1: holds(self.sha1_until),
            rsa_1024: holds(self.rsa_1024_until),
        }
    }
}

/// Which weak algorithms are accepted in one judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weak {
    pub(crate) sha1: bool,
    pub(crate) rsa_1024: bool,
}

impl Weak {
    /// Everything that is recognised, for signatures that nothing rests on.
    pub(crate) const ALL: Self = Self {
        sha1: true,
        rsa_1024: true,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_weak_without_a_proof_that_is_early_enough() {
        let end = Time::from_unix(1_000);
        let rules = AlgorithmRules::default().with_sha1_until(end);
        assert_eq!(rules.weak(), Weak::default());
        let late = rules.with_proof_of_existence(Time::from_unix(1_001));
        assert_eq!(late.weak(), Weak::default());
        let early = rules.with_proof_of_existence(end);
        let accepted = Weak {
            sha1: true,
            rsa_1024: false,
        };
        assert_eq!(early.weak(), accepted);
    }
}
