//! Certificate policies along a path (RFC 5280 6.1, with the graph of RFC 9618).
//!
//! RFC 5280 draws a tree whose size grows exponentially with mapped policies; RFC 9618 replaces it by
//! a graph with one node per policy and level, which gives the same answers in bounded space. Only
//! what the caller asks for, and what certificates demand (requireExplicitPolicy), can refuse a path:
//! without either, policies are carried along and refuse nothing. Qualifiers are not processed.

use std::collections::{BTreeMap, BTreeSet};

use const_oid::ObjectIdentifier;
use der::Decode;

use x509_cert::ext::pkix::{CertificatePolicies, PolicyConstraints, PolicyMappings};

use crate::certificate::Certificate;
use crate::oid;

/// What a caller asks of a path's policies: the inputs (c) to (g) of RFC 5280 6.1.1. The default
/// asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRules {
    /// user-initial-policy-set; empty stands for any policy.
    pub acceptable: Vec<ObjectIdentifier>,
    /// initial-explicit-policy: the path must be valid for at least one acceptable policy.
    pub require_explicit: bool,
    /// initial-policy-mapping-inhibit.
    pub inhibit_mapping: bool,
    /// initial-any-policy-inhibit.
    pub inhibit_any: bool,
}

/// Why policies refuse a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyViolation {
    /// A policy extension cannot be read.
    Unreadable,
    /// anyPolicy is mapped (6.1.4 (a)).
    MapsAny,
    /// No policy is left where one is demanded.
    NoneLeft,
}

/// One node: the policies that are expected below it, and its parents' policies a level above.
#[derive(Default)]
struct Node {
    expected: BTreeSet<ObjectIdentifier>,
    parents: BTreeSet<ObjectIdentifier>,
}

type Level = BTreeMap<ObjectIdentifier, Node>;

/// State of 6.1.2 while the certificates are walked from the anchor down.
struct Walk {
    levels: Vec<Level>,
    explicit: usize,
    mapping: usize,
    any: usize,
}

/// Checks the certificates of a path, the one below the anchor first.
pub(crate) fn check(path: &[&Certificate], rules: &PolicyRules) -> Result<(), PolicyViolation> {
    let start = |inhibited: bool| if inhibited { 0 } else { path.len() + 1 };
    let root = Node {
        expected: BTreeSet::from([oid::ANY_POLICY]),
        parents: BTreeSet::new(),
    };
    let mut walk = Walk {
        levels: vec![Level::from([(oid::ANY_POLICY, root)])],
        explicit: start(rules.require_explicit),
        mapping: start(rules.inhibit_mapping),
        any: start(rules.inhibit_any),
    };
    for (index, certificate) in path.iter().enumerate() {
        let is_last = index + 1 == path.len();
        walk.add_level(certificate, is_last)?;
        if walk.explicit == 0 && walk.is_empty() {
            return Err(PolicyViolation::NoneLeft);
        }
        if is_last {
            walk.explicit = walk.explicit.saturating_sub(1);
            if constraints_of(certificate)?.and_then(|it| it.require_explicit_policy) == Some(0) {
                walk.explicit = 0;
            }
        } else {
            walk.prepare_next(certificate)?;
        }
    }
    if walk.explicit == 0 && !walk.satisfies(&rules.acceptable) {
        return Err(PolicyViolation::NoneLeft);
    }
    Ok(())
}

fn constraints_of(certificate: &Certificate) -> Result<Option<PolicyConstraints>, PolicyViolation> {
    certificate
        .extension(&oid::POLICY_CONSTRAINTS)
        .map(PolicyConstraints::from_der)
        .transpose()
        .map_err(|_| PolicyViolation::Unreadable)
}

impl Walk {
    /// Whether valid_policy_graph is NULL.
    fn is_empty(&self) -> bool {
        self.levels.last().is_none_or(BTreeMap::is_empty)
    }

    /// 6.1.3 (d) and (e).
    fn add_level(
        &mut self,
        certificate: &Certificate,
        is_last: bool,
    ) -> Result<(), PolicyViolation> {
        let Some(extension) = certificate.extension(&oid::CERTIFICATE_POLICIES) else {
            self.levels.push(Level::new());
            return Ok(());
        };
        let policies = CertificatePolicies::from_der(extension)
            .map_err(|_| PolicyViolation::Unreadable)?
            .0;
        let above = self.levels.last().map_or_else(BTreeMap::new, expecting);
        let mut level = Level::new();
        let mut add = |policy: ObjectIdentifier, parents: BTreeSet<ObjectIdentifier>| {
            let expected = BTreeSet::from([policy]);
            level.insert(policy, Node { expected, parents });
        };
        for policy in policies.iter().map(|policy| policy.policy_identifier) {
            if policy == oid::ANY_POLICY {
                continue;
            }
            let has_any = self
                .levels
                .last()
                .is_some_and(|level| level.contains_key(&oid::ANY_POLICY));
            match above.get(&policy) {
                Some(parents) => add(policy, parents.clone()),
                None if has_any => add(policy, BTreeSet::from([oid::ANY_POLICY])),
                None => {}
            }
        }
        let says_any = policies
            .iter()
            .any(|policy| policy.policy_identifier == oid::ANY_POLICY);
        if says_any && (self.any > 0 || (!is_last && certificate.is_self_issued())) {
            let listed: BTreeSet<_> = policies
                .iter()
                .map(|policy| policy.policy_identifier)
                .filter(|policy| *policy != oid::ANY_POLICY)
                .collect();
            for (policy, parents) in above {
                if !listed.contains(&policy) {
                    add(policy, parents);
                }
            }
        }
        self.levels.push(level);
        self.prune();
        Ok(())
    }

    /// 6.1.4 (a), (b), (h) to (j).
    fn prepare_next(&mut self, certificate: &Certificate) -> Result<(), PolicyViolation> {
        if let Some(extension) = certificate.extension(&oid::POLICY_MAPPINGS) {
            let mappings = PolicyMappings::from_der(extension)
                .map_err(|_| PolicyViolation::Unreadable)?
                .0;
            let mut by_issuer: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> =
                BTreeMap::new();
            for mapping in mappings {
                let (from, to) = (mapping.issuer_domain_policy, mapping.subject_domain_policy);
                if from == oid::ANY_POLICY || to == oid::ANY_POLICY {
                    return Err(PolicyViolation::MapsAny);
                }
                by_issuer.entry(from).or_default().insert(to);
            }
            self.map(by_issuer);
        }
        if !certificate.is_self_issued() {
            for counter in [&mut self.explicit, &mut self.mapping, &mut self.any] {
                *counter = counter.saturating_sub(1);
            }
        }
        let lower = |counter: &mut usize, value: Option<u32>| {
            if let Some(value) = value {
                *counter = (*counter).min(usize::try_from(value).unwrap_or(usize::MAX));
            }
        };
        if let Some(constraints) = constraints_of(certificate)? {
            lower(&mut self.explicit, constraints.require_explicit_policy);
            lower(&mut self.mapping, constraints.inhibit_policy_mapping);
        }
        if let Some(extension) = certificate.extension(&oid::INHIBIT_ANY_POLICY) {
            let skip = u32::from_der(extension).map_err(|_| PolicyViolation::Unreadable)?;
            lower(&mut self.any, Some(skip));
        }
        Ok(())
    }

    fn map(&mut self, mappings: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>>) {
        let is_allowed = self.mapping > 0;
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        for (from, to) in mappings {
            if !is_allowed {
                level.remove(&from);
            } else if let Some(node) = level.get_mut(&from) {
                node.expected = to;
            } else if let Some(any) = level.get(&oid::ANY_POLICY) {
                let parents = any.parents.clone();
                let expected = to;
                level.insert(from, Node { expected, parents });
            }
        }
        self.prune();
    }

    /// Removes nodes that have no child on the level below, from the bottom up.
    fn prune(&mut self) {
        let mut wanted: Option<BTreeSet<ObjectIdentifier>> = None;
        for level in self.levels.iter_mut().rev() {
            if let Some(wanted) = &wanted {
                level.retain(|policy, _| wanted.contains(policy));
            }
            let parents = level.values().flat_map(|node| node.parents.iter().copied());
            wanted = Some(parents.collect());
        }
    }

    /// 6.1.5 (g), as RFC 9618 section 5.6 has it: is any acceptable policy left?
    fn satisfies(&self, acceptable: &[ObjectIdentifier]) -> bool {
        if self.is_empty() {
            return false;
        }
        if acceptable.is_empty() || acceptable.contains(&oid::ANY_POLICY) {
            return true;
        }
        let has_any_at_end = self
            .levels
            .last()
            .is_some_and(|level| level.contains_key(&oid::ANY_POLICY));
        let mut constrained = self.levels.iter().flatten().filter(|(policy, node)| {
            **policy != oid::ANY_POLICY && node.parents.contains(&oid::ANY_POLICY)
        });
        has_any_at_end || constrained.any(|(policy, _)| acceptable.contains(policy))
    }
}

/// For each policy that a level expects, the nodes that expect it.
fn expecting(level: &Level) -> BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> {
    let mut by_policy: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
    for (policy, node) in level {
        for expected in &node.expected {
            by_policy.entry(*expected).or_default().insert(*policy);
        }
    }
    by_policy
}
