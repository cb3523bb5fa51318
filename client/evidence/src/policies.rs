//! Several policies, each for logs of its own: a successor may have other witnesses than its
//! predecessor.
//!
//! A tlog-policy file has one quorum for all of its logs. Joining two files into one would let the
//! new log's witnesses vouch for the old log, so they stay apart: a checkpoint is judged under the
//! file that names its log. A log that two files name is refused, since it would then have two
//! quorums.

use ishibumi_tlog::note::Note;
use ishibumi_tlog::{Checkpoint, Policy};

/// The most logs of one chain of successions, and so the most policies.
pub const CHAIN_MAX: usize = 64;

/// Policies, no two of which name the same log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    first: Policy,
    others: Vec<Policy>,
}

/// Why policies cannot be used together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoliciesError {
    /// Two of them name one origin.
    #[error(
        "two policies name the log {0:?}: it would have two quorums; leave its log line in one of them"
    )]
    TwoQuorums(String),
    /// More than [`CHAIN_MAX`].
    #[error("{0} policies, at most {CHAIN_MAX} are used together")]
    TooMany(usize),
}

impl Policies {
    /// `first` and `others`, which name different logs.
    ///
    /// # Errors
    /// [`PoliciesError`], if two policies name one log, or there are too many.
    pub fn new(first: Policy, others: Vec<Policy>) -> Result<Self, PoliciesError> {
        let count = others.len().saturating_add(1);
        if count > CHAIN_MAX {
            return Err(PoliciesError::TooMany(count));
        }
        let mut known: Vec<&str> = origins(&first).collect();
        for policy in &others {
            if let Some(twice) = origins(policy).find(|origin| known.contains(origin)) {
                return Err(PoliciesError::TwoQuorums(twice.to_owned()));
            }
            known.extend(origins(policy));
        }
        Ok(Self { first, others })
    }

    /// The first.
    pub const fn first(&self) -> &Policy {
        &self.first
    }

    /// The policy that names the log of that origin. Whether it trusts a checkpoint is another
    /// question.
    pub fn of_origin(&self, origin: &str) -> Option<&Policy> {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.into_iter()
            .find(|policy| origins(policy).any(|known| known == origin))
    }

    /// The policy to judge `note` under; the first, where none names its log, so that it says so.
    pub fn of(&self, note: &Note) -> &Policy {
        let named = Checkpoint::parse(note.text()).ok();
        named
            .and_then(|checkpoint| self.of_origin(&checkpoint.origin))
            .unwrap_or(&self.first)
    }
}

fn origins(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.logs().iter().map(|log| log.key.name())
}
