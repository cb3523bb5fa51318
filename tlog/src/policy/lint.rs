//! Finds where a policy asks for less than it seems to: two keys of one operator that count as two
//! witnesses, a log that witnesses itself, or two quorums without a common witness.
//!
//! C2SP counts keys, since names and URLs prove nothing. A person who writes a policy counts
//! operators, and an operator with an Ed25519 and an ML-DSA-44 key, or with two machines, appears
//! twice. Such keys belong in one group of threshold 1. The findings are suspicions drawn from
//! names; nothing is decided by them, and an operator who hides is not found.
//!
//! Two witnesses can count twice exactly if the smallest group above both asks for at least two of
//! its members and is itself part of the quorum: then there are other witnesses with whom both
//! together are a quorum while neither alone is one.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::split::two_quorums;
use super::{Member, Policy, Quorum, Witness};
use crate::key::VerifierKey;

/// A finding. It is a warning; what to say about it is the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lint {
    /// Two witnesses that seem to be one operator's, and that the quorum can count as two.
    CountsTwice {
        /// Index of the first in [`Policy::witnesses`].
        first: usize,
        /// Index of the second in [`Policy::witnesses`], greater than the first.
        second: usize,
        /// What the two have in common.
        shared: Shared,
    },
    /// A witness that the quorum can count and that seems to be the log itself.
    LogWitnessesItself {
        /// Index in [`Policy::logs`].
        log: usize,
        /// Index in [`Policy::witnesses`].
        witness: usize,
        /// What the two have in common.
        shared: Shared,
    },
    /// A witness that is in no group of the quorum: its cosignatures are verified and never count.
    NeverCounts {
        /// Index in [`Policy::witnesses`].
        witness: usize,
    },
    /// Two sets of witnesses, neither with a witness of the other, that are each a quorum: a log
    /// can show each of them another tree. Keys of a group that seem to be one operator's are one
    /// witness.
    TwoQuorums {
        /// Indices of one quorum in [`Policy::witnesses`], ascending.
        first: Vec<usize>,
        /// Indices of the other quorum in [`Policy::witnesses`], ascending.
        second: Vec<usize>,
    },
}

/// What makes two keys look like one operator's, the strongest sign that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Shared {
    /// The public key itself (between a log and a witness; a policy with two witnesses of one
    /// public key does not read).
    PublicKey,
    /// The key name, as an operator with keys of two algorithms has it.
    KeyName(String),
    /// A host, of the URL or at the beginning of the key name; lowercase, other octets than ASCII
    /// as U+FFFD.
    Host(String),
    /// The domain that the hosts belong to: their last two labels, or three under a registry like
    /// `co.jp` (a country's two letters below at most three). A guess, made without a list of
    /// registries.
    Domain(String),
}

/// Looks for keys of one operator that could count twice, for witnesses that never count, and for
/// quorums without a common witness. Ordered by the indices of the witnesses, then of the logs, two
/// quorums last; empty for a policy of `quorum none`.
pub fn lint(policy: &Policy) -> Vec<Lint> {
    let Quorum::Of(quorum) = policy.quorum else {
        return Vec::new();
    };
    let above = Above::new(policy, quorum);
    let witnesses: Vec<(usize, Traits)> = traits(policy.witnesses.iter().map(known_witness));
    let logs: Vec<(usize, Traits)> = traits(policy.logs.iter().map(|l| (&l.key, l.url.as_deref())));
    let mut found = Vec::new();
    for (second, this) in &witnesses {
        if !above.counts(Member::Witness(*second)) {
            found.push(Lint::NeverCounts { witness: *second });
            continue;
        }
        for (first, other) in witnesses.iter().take(*second) {
            if !above.counts(Member::Witness(*first)) {
                continue;
            }
            let twice =
                |_: &Shared| above.count_twice(Member::Witness(*first), Member::Witness(*second));
            if let Some(shared) = this.shared(other).filter(twice) {
                found.push(Lint::CountsTwice {
                    first: *first,
                    second: *second,
                    shared,
                });
            }
        }
        for (log, other) in &logs {
            if let Some(shared) = this.shared(other) {
                found.push(Lint::LogWitnessesItself {
                    log: *log,
                    witness: *second,
                    shared,
                });
            }
        }
    }
    let is_one = |places: &[usize]| {
        let mut traits = places.iter().filter_map(|&place| witnesses.get(place));
        let first = traits.next();
        first.is_some_and(|(_, first)| traits.all(|(_, other)| first.shared(other).is_some()))
    };
    if let Some([first, second]) = two_quorums(policy, quorum, &is_one) {
        found.push(Lint::TwoQuorums { first, second });
    }
    found
}

/// The groups above each member that is part of the quorum: each is a member of one group at most.
struct Above<'a> {
    policy: &'a Policy,
    parents: HashMap<Member, usize>,
    quorum: Member,
}

impl<'a> Above<'a> {
    fn new(policy: &'a Policy, quorum: Member) -> Self {
        let groups = policy.groups.iter().enumerate();
        let parents = groups
            .flat_map(|(place, group)| group.members.iter().map(move |&member| (member, place)))
            .collect();
        Self {
            policy,
            parents,
            quorum,
        }
    }

    /// The groups above `member`, from the nearest up to the quorum.
    fn path(&self, member: Member) -> impl Iterator<Item = usize> {
        let mut at = member;
        std::iter::from_fn(move || {
            let parent = *self.parents.get(&at).filter(|_| at != self.quorum)?;
            at = Member::Group(parent);
            Some(parent)
        })
    }

    /// Whether `member` is the quorum, or part of it.
    fn counts(&self, member: Member) -> bool {
        let top = self.path(member).last().map_or(member, Member::Group);
        top == self.quorum
    }

    /// For two members that count.
    fn count_twice(&self, first: Member, second: Member) -> bool {
        let over_first: HashSet<usize> = self.path(first).collect();
        let nearest = self.path(second).find(|group| over_first.contains(group));
        let group = nearest.and_then(|place| self.policy.groups.get(place));
        group.is_some_and(|group| group.threshold >= 2)
    }
}

/// Signs in a key of its operator.
struct Traits<'a> {
    key: &'a VerifierKey,
    hosts: Vec<String>,
}

fn known_witness(witness: &Witness) -> (&VerifierKey, Option<&[u8]>) {
    (&witness.key, witness.url.as_deref())
}

fn traits<'a>(
    keys: impl Iterator<Item = (&'a VerifierKey, Option<&'a [u8]>)>,
) -> Vec<(usize, Traits<'a>)> {
    let traits = |(key, url): (&'a VerifierKey, Option<&[u8]>)| {
        let of_url = url.map(String::from_utf8_lossy);
        let of_url = of_url.as_deref().and_then(url_host);
        let hosts = name_host(key.name()).into_iter().chain(of_url);
        let hosts = hosts.map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        Traits {
            key,
            hosts: hosts.filter(|host| says_who(host)).collect(),
        }
    };
    keys.map(traits).enumerate().collect()
}

impl Traits<'_> {
    /// The strongest sign that both are one operator's.
    fn shared(&self, other: &Self) -> Option<Shared> {
        if self.key.public_key() == other.key.public_key() {
            return Some(Shared::PublicKey);
        }
        if self.key.name() == other.key.name() {
            return Some(Shared::KeyName(self.key.name().to_owned()));
        }
        if let Some(host) = self.hosts.iter().find(|host| other.hosts.contains(host)) {
            return Some(Shared::Host(host.clone()));
        }
        let domains: Vec<&str> = other.hosts.iter().filter_map(|host| domain(host)).collect();
        let mut own = self.hosts.iter().filter_map(|host| domain(host));
        let domain = own.find(|domain| domains.contains(domain))?;
        Some(Shared::Domain(domain.to_owned()))
    }
}

/// Whether a host identifies its operator. A loopback address does not: every machine has it.
fn says_who(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    let own = address.is_ok_and(|address: IpAddr| address.is_loopback());
    !host.is_empty() && host != "localhost" && !own
}

/// The host of a key name that is a schema-less URL; `None` for one like `oid/1.2.3`.
fn name_host(name: &str) -> Option<&str> {
    let host = without_port(name.split('/').next()?);
    host.contains('.').then_some(host)
}

/// The host of a URL with a scheme (RFC 3986 section 3.2).
fn url_host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(without_port(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address has its colons in brackets.
        Some((before, port)) if port.bytes().all(|b| b.is_ascii_digit()) => before,
        _ => host,
    }
}

/// The domain that `host` belongs to, as [`Shared::Domain`] has it; `None` for addresses and single
/// labels.
fn domain(host: &str) -> Option<&str> {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let last = dots.next()?;
    let top = host.get(last + 1..)?;
    if host.starts_with('[') || top.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let second = dots.next();
    let registry = host.get(second.map_or(0, |at| at + 1)..last)?;
    let start = if top.len() == 2 && registry.len() <= 3 {
        second?;
        dots.next()
    } else {
        second
    };
    host.get(start.map_or(0, |at| at + 1)..)
}
