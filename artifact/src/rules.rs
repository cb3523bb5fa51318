//! The weak algorithms that still count, and until when.
//!
//! A SHA-1 signature of 2009 was sound when it was made; it is worthless now because one could be
//! forged today. So a weak algorithm is accepted only for an artifact that is *proven* to have
//! existed while the algorithm was still reliable (EN 319 102-1 5.6.2.3): by cosignatures over a
//! checkpoint that covers it, by another token, by the statement of an archive that the caller
//! trusts. The artifact's own claim about its age proves nothing here. Without such a proof nothing
//! weak is accepted.
//!
//! Algorithms that count today will be weak one day. [`AlgorithmEnds`] says when each ends; it
//! comes from the caller, since no program of today can know (`docs/formats/renewal.md`). An
//! artifact counts if it is proven to have existed before the end of its algorithms.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::hash::HashAlgorithm;
use crate::time::Time;
use crate::weak::WeakAlgorithms;

/// An end for SHA-1, for callers that have no other: 1 January 2016, 00:00 UTC. From then on public
/// CAs were not to sign with it any more (CA/Browser Forum, ballot 118).
pub const SHA1_END: Time = Time::from_unix(1_451_606_400);

/// Ends of reliability, and how early the artifacts in question are proven to exist. The default
/// accepts no weak algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmRules {
    sha1_until: Option<Time>,
    rsa_1024_until: Option<Time>,
    proven_not_after: Option<Time>,
    /// Whether the time rests on a statement that the caller trusts, rather than a proof.
    on_word: bool,
}

impl AlgorithmRules {
    /// Accepts SHA-1 in signatures and imprints of artifacts that are proven to have existed at
    /// `end`.
    #[must_use]
    pub const fn with_sha1_until(mut self, end: Time) -> Self {
        self.sha1_until = Some(end);
        self
    }

    /// Accepts RSA keys of 1,024 to 2,047 bits for artifacts that are proven to have existed at
    /// `end`.
    #[must_use]
    pub const fn with_rsa_1024_until(mut self, end: Time) -> Self {
        self.rsa_1024_until = Some(end);
        self
    }

    /// States a proof: artifacts judged under these rules existed at `time`.
    #[must_use]
    pub const fn with_proof_of_existence(mut self, time: Time) -> Self {
        self.proven_not_after = Some(time);
        self.on_word = false;
        self
    }

    /// States without proof, on trust, that artifacts judged under these rules existed at `time`.
    /// It does not reach artifacts that state a later time for themselves: the trusted party cannot
    /// have meant those.
    #[must_use]
    pub const fn with_word_of_existence(mut self, time: Time) -> Self {
        self.proven_not_after = Some(time);
        self.on_word = true;
        self
    }

    /// What is accepted of an artifact that says that it was made at `own`.
    pub(crate) fn weak_at(self, own: Time) -> WeakAlgorithms {
        let weak = self.weak();
        let is_later = self.proven_not_after.is_some_and(|existed| own > existed);
        if self.on_word && is_later && weak != WeakAlgorithms::default() {
            return WeakAlgorithms {
                later: true,
                ..WeakAlgorithms::default()
            };
        }
        weak
    }

    fn weak(self) -> WeakAlgorithms {
        let holds = |until: Option<Time>| matches!((until, self.proven_not_after), (Some(until), Some(proven)) if proven <= until);
        WeakAlgorithms {
            sha1: holds(self.sha1_until),
            rsa_1024: holds(self.rsa_1024_until),
            later: false,
        }
    }
}

/// Something that a signature or a proof rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Primitive {
    /// A hash function.
    Hash(HashAlgorithm),
    /// RSA, by the bits of its modulus.
    Rsa(usize),
    /// ECDSA over P-256.
    EcdsaP256,
    /// ECDSA over P-384.
    EcdsaP384,
    /// ECDSA over P-521.
    EcdsaP521,
    /// ECDSA over brainpoolP256r1.
    EcdsaBrainpoolP256,
    /// ECDSA over brainpoolP384r1.
    EcdsaBrainpoolP384,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-44.
    MlDsa44,
}

impl core::fmt::Display for Primitive {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Hash(hash) => out.write_str(hash.name()),
            Self::Rsa(bits) => write!(out, "RSA with {bits} bits"),
            Self::EcdsaP256 => out.write_str("ECDSA P-256"),
            Self::EcdsaP384 => out.write_str("ECDSA P-384"),
            Self::EcdsaP521 => out.write_str("ECDSA P-521"),
            Self::EcdsaBrainpoolP256 => out.write_str("ECDSA brainpoolP256r1"),
            Self::EcdsaBrainpoolP384 => out.write_str("ECDSA brainpoolP384r1"),
            Self::Ed25519 => out.write_str("Ed25519"),
            Self::MlDsa44 => out.write_str("ML-DSA-44"),
        }
    }
}

/// Names of primitives in rules. RSA goes by size: `rsa-below-3072`.
const NAMES: [(&str, Primitive); 14] = [
    ("sha-1", Primitive::Hash(HashAlgorithm::Sha1)),
    ("sha-256", Primitive::Hash(HashAlgorithm::Sha256)),
    ("sha-384", Primitive::Hash(HashAlgorithm::Sha384)),
    ("sha-512", Primitive::Hash(HashAlgorithm::Sha512)),
    ("sha3-256", Primitive::Hash(HashAlgorithm::Sha3With256)),
    ("sha3-384", Primitive::Hash(HashAlgorithm::Sha3With384)),
    ("sha3-512", Primitive::Hash(HashAlgorithm::Sha3With512)),
    ("ecdsa-p256", Primitive::EcdsaP256),
    ("ecdsa-p384", Primitive::EcdsaP384),
    ("ecdsa-p521", Primitive::EcdsaP521),
    ("ecdsa-brainpoolp256r1", Primitive::EcdsaBrainpoolP256),
    ("ecdsa-brainpoolp384r1", Primitive::EcdsaBrainpoolP384),
    ("ed25519", Primitive::Ed25519),
    ("ml-dsa-44", Primitive::MlDsa44),
];

const RSA_BELOW: &str = "rsa-below-";

/// The most rules: no standard lists as many algorithms.
const RULES_MAX: usize = 256;

/// The end of each algorithm. An algorithm without an end counts for ever. The default has no ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmEnds {
    ends: BTreeMap<Primitive, Time>,
    /// Ends of RSA, by the number of bits below which each holds.
    rsa: BTreeMap<usize, Time>,
}

/// An algorithm had ended when it was still needed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{algorithm} ended at {end}")]
pub struct Ended {
    /// The algorithm.
    pub algorithm: Primitive,
    /// The end, by the caller's rule.
    pub end: Time,
}

/// A rule that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// There is no such algorithm.
    #[error(
        "{0:?} is no algorithm of the rules; there are {names}, and rsa-below-BITS",
        names = NAMES.map(|(name, _)| name).join(", ")
    )]
    Algorithm(String),
    /// The text is not a day.
    #[error("{0:?} is no day of the form YYYY-MM-DD")]
    Day(String),
    /// Two ends for one algorithm.
    #[error("{0} has an end already")]
    Twice(String),
    /// The line is not a name and a day.
    #[error("a rule is a name and a day, such as `sha-256 2045-12-31`, and {0:?} is none")]
    Form(String),
    /// More rules than are accepted.
    #[error("more than {RULES_MAX} rules")]
    TooMany,
}

impl AlgorithmEnds {
    /// Reads rules: in each line the name of an algorithm and the last day (UTC, to its end) on
    /// which it counts; `#` begins a comment. A byte order mark and line ends as Windows editors
    /// write them are skipped: the rules are the reader's own text, and unsigned.
    ///
    /// # Errors
    /// The number of the line, from one, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, RuleError)> {
        let mut ends = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (place, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let read = match (words.next(), words.next(), words.next()) {
                (None, ..) => continue,
                (Some(name), Some(day), None) => ends.add(name, day),
                _ => Err(RuleError::Form(line.trim().chars().take(80).collect())),
            };
            read.map_err(|error| (place + 1, error))?;
        }
        Ok(ends)
    }

    /// Adds one rule: the algorithm of this name counts until the end of `day`, `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`RuleError`], if the algorithm or the day cannot be read, the algorithm has an end already,
    /// or there are too many rules.
    pub fn add(&mut self, name: &str, day: &str) -> Result<(), RuleError> {
        if self.ends.len() + self.rsa.len() >= RULES_MAX {
            return Err(RuleError::TooMany);
        }
        let shown = |text: &str| text.chars().take(80).collect::<String>();
        let end = end_of_day(day).ok_or_else(|| RuleError::Day(shown(day)))?;
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let before = if let Some((_, primitive)) = known {
            self.ends.insert(*primitive, end)
        } else {
            let bits = name.strip_prefix(RSA_BELOW);
            let bits = bits.filter(|bits| bits.bytes().all(|it| it.is_ascii_digit()));
            let bits = bits.and_then(|bits| bits.parse().ok());
            let bits = bits.ok_or_else(|| RuleError::Algorithm(shown(name)))?;
            self.rsa.insert(bits, end)
        };
        before.map_or(Ok(()), |_| Err(RuleError::Twice(shown(name))))
    }

    /// Whether nothing ever ends.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.rsa.is_empty()
    }

    /// When an algorithm ends, if a rule says so: of several, the earliest.
    pub fn end_of(&self, primitive: Primitive) -> Option<Time> {
        if let Primitive::Rsa(bits) = primitive {
            let below = self.rsa.range(bits + 1..);
            return below.map(|(_, end)| *end).min();
        }
        self.ends.get(&primitive).copied()
    }

    /// Whether all of these still counted at `time`.
    ///
    /// # Errors
    /// [`Ended`]: an algorithm that had ended by then.
    pub fn check(&self, primitives: &[Primitive], time: Time) -> Result<(), Ended> {
        let ended = primitives.iter().find_map(|primitive| {
            let end = self.end_of(*primitive)?;
            (time > end).then_some(Ended {
                algorithm: *primitive,
                end,
            })
        });
        ended.map_or(Ok(()), Err)
    }
}

/// 23:59:59 UTC of a day of the form `YYYY-MM-DD`.
pub fn end_of_day(day: &str) -> Option<Time> {
    let has_form = day.len() == 10
        && day.char_indices().all(|(at, letter)| match at {
            4 | 7 => letter == '-',
            _ => letter.is_ascii_digit(),
        });
    let time = format!("{}235959Z", day.replace('-', ""));
    let time = Time::from_generalized(time.as_bytes()).ok()?;
    has_form.then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_weak_without_a_proof_that_is_early_enough() {
        let end = Time::from_unix(1_000);
        let rules = AlgorithmRules::default().with_sha1_until(end);
        assert_eq!(rules.weak(), WeakAlgorithms::default());
        let late = rules.with_proof_of_existence(Time::from_unix(1_001));
        assert_eq!(late.weak(), WeakAlgorithms::default());
        let early = rules.with_proof_of_existence(end);
        let accepted = WeakAlgorithms {
            sha1: true,
            rsa_1024: false,
            later: false,
        };
        assert_eq!(early.weak(), accepted);
        // The statement does not cover an artifact that states a later time for itself.
        let later = Time::from_unix(1_001);
        assert_eq!(early.weak_at(later), accepted, "that was a proof");
        let word = rules.with_word_of_existence(end);
        assert_eq!(word.weak_at(end), accepted);
        let later = word.weak_at(later);
        assert!(!later.sha1 && !later.rsa_1024 && later.later);
        assert_eq!(rules.weak_at(Time::from_unix(0)), WeakAlgorithms::default());
    }

    #[test]
    fn an_algorithm_counts_until_the_end_of_its_last_day() {
        let rules = "# ours\nsha-256 2045-12-31\n\nrsa-below-2048 2010-12-31 # long ago\nrsa-below-3072 2030-12-31\n";
        let ends = AlgorithmEnds::parse(rules).unwrap();
        let sha256 = Primitive::Hash(HashAlgorithm::Sha256);
        let end = end_of_day("2045-12-31").unwrap();
        assert_eq!(ends.check(&[sha256], end), Ok(()));
        let ended = ends.check(&[Primitive::Ed25519, sha256], end.plus_micros(1));
        assert_eq!(ended.unwrap_err().algorithm, sha256);
        let of = |bits| ends.end_of(Primitive::Rsa(bits));
        assert_eq!(of(3_072), None);
        assert_eq!(of(3_071), end_of_day("2030-12-31"));
        assert_eq!(of(1_024), end_of_day("2010-12-31"));
    }

    #[test]
    fn rules_that_say_nothing_are_refused() {
        for (bad, line) in [
            ("sha-256", 1),
            ("sha-256 2045-12-31 x", 1),
            ("\nsha256 2045-12-31", 2),
            ("sha-256 2045-02-30", 1),
            ("sha-256 20451231", 1),
            ("rsa-below-+3072 2030-12-31", 1),
            ("sha-256 2045-12-31\nsha-256 2046-12-31", 2),
        ] {
            assert_eq!(AlgorithmEnds::parse(bad).unwrap_err().0, line, "{bad:?}");
        }
    }
}
