//! Certificate policies along a path (RFC 5280 6.1, with the graph of RFC 9618).
//!
//! RFC 5280 draws a tree whose size grows exponentially with mapped policies; RFC 9618 replaces it
//! by a graph with one node per policy and level, which gives the same answers in bounded space. A
//! path can be refused only by what the caller demands and what certificates demand
//! (requireExplicitPolicy): without either, policies are carried along and refuse nothing. So a
//! list of policies that cannot be read, or names one twice, states none; where it is critical, it
//! refuses the path (4.2). Qualifiers are for people; in a critical list each has to be of a known
//! kind (4.2.1.4).

use std::collections::{BTreeMap, BTreeSet};

use const_oid::ObjectIdentifier;

use crate::certificate::Certificate;
use crate::oid;
use crate::policy_extensions::{Constraints, read_inhibit_any, read_mappings, read_policies};
use crate::work::{Exhausted, Work};

/// A caller's demands on a path's policies: the inputs (c) to (g) of RFC 5280 6.1.1. The default
/// demands nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRules {
    /// user-initial-policy-set; empty means any policy.
    pub acceptable: Vec<ObjectIdentifier>,
    /// initial-explicit-policy: the path must be valid for at least one acceptable policy.
    pub require_explicit: bool,
    /// initial-policy-mapping-inhibit.
    pub inhibit_mapping: bool,
    /// initial-any-policy-inhibit.
    pub inhibit_any: bool,
}

/// Why policies refuse a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyViolation {
    /// A policy extension of this certificate cannot be read.
    Unreadable {
        subject: String,
        extension: &'static str,
    },
    /// A critical list of policies of this certificate has a qualifier of an unknown kind.
    Qualifier { subject: String, kind: String },
    /// anyPolicy is mapped (6.1.4 (a)).
    MapsAny,
    /// No policy is left where one is demanded.
    NoneLeft,
    /// The budget is spent.
    Exhausted,
}

impl From<Exhausted> for PolicyViolation {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

fn unreadable<E>(
    certificate: &Certificate,
    extension: &'static str,
) -> impl FnOnce(E) -> PolicyViolation {
    let subject = certificate.subject();
    move |_| PolicyViolation::Unreadable { subject, extension }
}

/// One node: the policies that are expected below it, and its parents' policies a level above.
#[derive(Default)]
struct Node {
    expected: BTreeSet<ObjectIdentifier>,
    parents: BTreeSet<ObjectIdentifier>,
}

type Level = BTreeMap<ObjectIdentifier, Node>;

/// State of 6.1.2 while the certificates are walked from the anchor down.
struct Walk<'w> {
    work: &'w mut Work,
    levels: Vec<Level>,
    explicit: usize,
    mapping: usize,
    any: usize,
}

/// Checks the certificates of a path, the one below the anchor first.
pub(crate) fn check(
    path: &[&Certificate],
    rules: &PolicyRules,
    work: &mut Work,
) -> Result<(), PolicyViolation> {
    let start = |inhibited: bool| if inhibited { 0 } else { path.len() + 1 };
    let root = Node {
        expected: BTreeSet::from([oid::ANY_POLICY]),
        parents: BTreeSet::new(),
    };
    let mut walk = Walk {
        work,
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
            if constraints_of(certificate)?.require_explicit == Some(0) {
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

fn constraints_of(certificate: &Certificate) -> Result<Constraints, PolicyViolation> {
    certificate
        .extension(&oid::POLICY_CONSTRAINTS)
        .map_or(Ok(Constraints::default()), Constraints::read)
        .map_err(unreadable(certificate, "policyConstraints"))
}

/// The policies that a certificate states; empty if it has no list, or a list that says nothing.
fn policies_of(
    certificate: &Certificate,
) -> Result<Option<BTreeSet<ObjectIdentifier>>, PolicyViolation> {
    let Some(extension) = certificate.extension(&oid::CERTIFICATE_POLICIES) else {
        return Ok(None);
    };
    let is_critical = certificate.is_critical(&oid::CERTIFICATE_POLICIES);
    let (policies, unknown) = match read_policies(extension) {
        Ok(read) => read,
        Err(_) if !is_critical => return Ok(None),
        Err(error) => return Err(unreadable(certificate, "certificatePolicies")(error)),
    };
    match unknown {
        Some(kind) if is_critical => Err(PolicyViolation::Qualifier {
            subject: certificate.subject(),
            kind,
        }),
        _ => Ok(Some(policies)),
    }
}

impl Walk<'_> {
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
        let Some(policies) = policies_of(certificate)? else {
            self.levels.push(Level::new());
            return Ok(());
        };
        self.work.spend(policies.len())?;
        let above = self.levels.last().map_or_else(BTreeMap::new, expecting);
        let has_any = self
            .levels
            .last()
            .is_some_and(|level| level.contains_key(&oid::ANY_POLICY));
        let mut level = Level::new();
        let mut add = |policy: ObjectIdentifier, parents: BTreeSet<ObjectIdentifier>| {
            let expected = BTreeSet::from([policy]);
            level.insert(policy, Node { expected, parents });
        };
        for policy in policies.iter().filter(|policy| **policy != oid::ANY_POLICY) {
            match above.get(policy) {
                Some(parents) => add(*policy, parents.clone()),
                None if has_any => add(*policy, BTreeSet::from([oid::ANY_POLICY])),
                None => {}
            }
        }
        let counts_any = self.any > 0 || (!is_last && certificate.is_self_issued());
        if policies.contains(&oid::ANY_POLICY) && counts_any {
            for (policy, parents) in above {
                if policy == oid::ANY_POLICY || !policies.contains(&policy) {
                    add(policy, parents);
                }
            }
        }
        self.levels.push(level);
        self.prune()
    }

    /// 6.1.4 (a), (b), (h) to (j).
    fn prepare_next(&mut self, certificate: &Certificate) -> Result<(), PolicyViolation> {
        if let Some(extension) = certificate.extension(&oid::POLICY_MAPPINGS) {
            let mappings = read_mappings(extension);
            let mappings = mappings.map_err(unreadable(certificate, "policyMappings"))?;
            self.work.spend(mappings.len())?;
            let mut by_issuer: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> =
                BTreeMap::new();
            for (from, to) in mappings {
                if from == oid::ANY_POLICY || to == oid::ANY_POLICY {
                    return Err(PolicyViolation::MapsAny);
                }
                by_issuer.entry(from).or_default().insert(to);
            }
            self.map(by_issuer)?;
        }
        if !certificate.is_self_issued() {
            for counter in [&mut self.explicit, &mut self.mapping, &mut self.any] {
                *counter = counter.saturating_sub(1);
            }
        }
        let lower = |counter: &mut usize, value: Option<usize>| {
            *counter = value.map_or(*counter, |value| value.min(*counter));
        };
        let constraints = constraints_of(certificate)?;
        lower(&mut self.explicit, constraints.require_explicit);
        lower(&mut self.mapping, constraints.inhibit_mapping);
        let inhibit = certificate.extension(&oid::INHIBIT_ANY_POLICY);
        let inhibit = inhibit.map(read_inhibit_any).transpose();
        let inhibit = inhibit.map_err(unreadable(certificate, "inhibitAnyPolicy"))?;
        lower(&mut self.any, inhibit);
        Ok(())
    }

    fn map(
        &mut self,
        mappings: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>>,
    ) -> Result<(), PolicyViolation> {
        let is_allowed = self.mapping > 0;
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
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
        self.prune()
    }

    /// Removes nodes that have no child on the level below, from the bottom up.
    fn prune(&mut self) -> Result<(), PolicyViolation> {
        let nodes = self.levels.iter().flat_map(BTreeMap::values);
        self.work
            .spend(nodes.map(|node| 1 + node.parents.len()).sum())?;
        let mut wanted: Option<BTreeSet<ObjectIdentifier>> = None;
        for level in self.levels.iter_mut().rev() {
            if let Some(wanted) = &wanted {
                level.retain(|policy, _| wanted.contains(policy));
            }
            let parents = level.values().flat_map(|node| node.parents.iter().copied());
            wanted = Some(parents.collect());
        }
        Ok(())
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
