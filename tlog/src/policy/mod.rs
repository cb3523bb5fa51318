//! Trust policies (C2SP tlog-policy): which logs, which witnesses, which quorum.
//!
//! [`Policy::parse`] reads the file; [`Policy::check_checkpoint`] and [`Policy::check_proof`] are
//! the only ways to a [`TrustedCheckpoint`] and a [`ProvenLeaf`], with their variants that take a
//! [`AlgorithmRequirement`]. The order of the checks is fixed: origin and log signature, quorum,
//! inclusion.
//!
//! Beside deciding, a policy can explain: [`Policy::standing`] says which of its logs, witnesses
//! and groups a checkpoint satisfies, and [`lint`] where it asks for less than it seems to. And it
//! can cut: [`Policy::least`] leaves of a checkpoint's signatures only what it needs.

mod check;
mod demand;
mod error;
mod least;
mod lint;
mod parse;
mod split;
mod standing;

pub use check::{ProvenLeaf, TrustedCheckpoint};
pub use demand::AlgorithmRequirement;
pub use error::TrustError;
pub use lint::{Lint, Shared, lint};
pub use parse::{FILE_LEN_MAX, GROUPS_MAX, LOGS_MAX, PolicyError, PolicyProblem, WITNESSES_MAX};
pub use standing::{Cosignature, GroupStanding, Standing};

use std::collections::BTreeSet;

use crate::key::VerifierKey;

/// A policy file that was read, with every name in it resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Quorum,
    demand: AlgorithmRequirement,
}

/// A `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The log's key; its name is the origin.
    pub key: VerifierKey,
    /// The URL, as written: opaque octets.
    pub url: Option<Vec<u8>>,
}

/// A `witness` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The name inside of the policy: opaque octets.
    pub name: Vec<u8>,
    /// The witness's key.
    pub key: VerifierKey,
    /// The URL, as written: opaque octets.
    pub url: Option<Vec<u8>>,
}

/// A `group` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name inside of the policy: opaque octets.
    pub name: Vec<u8>,
    /// Number of members that have to have witnessed: at least 1 and at most their number.
    pub threshold: usize,
    /// The members, as indices in [`Policy::witnesses`] and earlier indices in [`Policy::groups`].
    pub members: Vec<Member>,
}

/// Something that can witness a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// An index in [`Policy::witnesses`].
    Witness(usize),
    /// An index in [`Policy::groups`].
    Group(usize),
}

/// The `quorum` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// `quorum none`: no cosignature is asked for, and no time is proven.
    None,
    /// This witness or group has to have witnessed.
    Of(Member),
}

impl Policy {
    /// The logs, in the order of the file.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The groups, in the order of the file.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The quorum.
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// This policy with `demand` for every check that states no demand of its own, so that a caller
    /// that requires a post-quantum quorum requires it everywhere. The file cannot state it.
    #[must_use]
    pub fn demanding(self, demand: AlgorithmRequirement) -> Self {
        Self { demand, ..self }
    }

    /// The demand of [`Self::check_checkpoint`] and [`Self::check_proof`].
    pub fn demand(&self) -> AlgorithmRequirement {
        self.demand
    }

    /// Number of witnesses that have a key that counts under `demand`. Keys of one name are one
    /// witness, such as its Ed25519 and its ML-DSA-44 key.
    pub fn counted(&self, demand: AlgorithmRequirement) -> usize {
        let keys = self.witnesses.iter().map(|witness| &witness.key);
        let counting = keys.filter(|key| demand.counts(key));
        counting
            .map(VerifierKey::name)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Whether the quorum can be met under `demand` at all: by all the witnesses that count
    /// together.
    pub fn can_be_met(&self, demand: AlgorithmRequirement) -> bool {
        let asked = self.quorum != Quorum::None || demand == AlgorithmRequirement::AnyAlgorithm;
        let counts = |place: usize| {
            let witness = self.witnesses.get(place);
            witness.is_some_and(|witness| demand.counts(&witness.key))
        };
        asked && self.is_quorum(counts)
    }

    /// Whether the witnesses at the indices for which `has` holds are a quorum.
    pub fn is_quorum(&self, has: impl Fn(usize) -> bool) -> bool {
        let Quorum::Of(member) = self.quorum else {
            return true;
        };
        // Groups name only earlier groups, so one pass decides them all.
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let count = group
                .members
                .iter()
                .filter(|&&m| witnessed(m, &has, &groups))
                .count();
            groups.push(count >= group.threshold);
        }
        witnessed(member, &has, &groups)
    }
}

fn witnessed(member: Member, has: &impl Fn(usize) -> bool, groups: &[bool]) -> bool {
    match member {
        Member::Witness(place) => has(place),
        Member::Group(place) => groups.get(place).copied().unwrap_or(false),
    }
}
