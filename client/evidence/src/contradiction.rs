//! Proven statements in one evidence file that cannot all be true: a log has two histories, or went
//! on after its end.
//!
//! A file holds many checkpoints, of many moments and from many sources, and each is proven by
//! itself. If two of one log do not fit together, that log is convicted, and the other proofs in
//! the file do not change that. Only checkpoints that the log's quorum cosigned count: anybody can
//! add others.

use std::collections::BTreeMap;
use std::sync::Arc;

use ishibumi_artifact::end::closing_record;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::{Checkpoint, Hash};

use super::{Collection, LoggedEntry};
use crate::Policies;

/// Two proven statements of one log that cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// Two trees of one size.
    #[error("fork: {log:?} has two trees of {size} records, with the roots {} and {}", .roots[0], .roots[1])]
    Fork {
        /// Its origin.
        log: String,
        /// Size of both.
        size: u64,
        /// Their roots.
        roots: [Hash; 2],
    },
    /// Two records at one index.
    #[error("fork: {log:?} has two different records at the index {index}")]
    TwoRecords {
        /// Its origin.
        log: String,
        /// The index.
        index: u64,
    },
    /// Records after the one that closed it.
    #[error("{log:?} closed with {closed} records, and has {size} all the same")]
    AfterClosed {
        /// Its origin.
        log: String,
        /// Number of records, the closing one included.
        closed: u64,
        /// Size of the larger tree.
        size: u64,
    },
}

impl Contradiction {
    /// Its stable name, kebab-case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fork { .. } => "fork",
            Self::TwoRecords { .. } => "two-records",
            Self::AfterClosed { .. } => "after-closed",
        }
    }

    /// The log that is convicted.
    pub fn log(&self) -> &str {
        match self {
            Self::Fork { log, .. }
            | Self::TwoRecords { log, .. }
            | Self::AfterClosed { log, .. } => log,
        }
    }
}

impl Collection {
    /// Every proof in the file.
    pub fn proofs(&self) -> impl Iterator<Item = &Arc<LoggedEntry>> {
        let of_items = self.items.iter().flat_map(|item| &item.proofs);
        let of_lists = self.revocation.iter();
        let of_lists = of_lists.filter_map(|data| data.proof.as_ref());
        of_items.chain(of_lists).chain(&self.statements)
    }
}

/// Contradictions among `proofs`, each log under the policy that names it: one finding of each kind
/// for each log.
pub fn contradictions<'a>(
    proofs: impl IntoIterator<Item = &'a Arc<LoggedEntry>>,
    policies: &Policies,
) -> Vec<Contradiction> {
    let mut logs: BTreeMap<String, Log<'_>> = BTreeMap::new();
    for logged in proofs {
        if let Ok(tree) = Checkpoint::parse(logged.checkpoint.text()) {
            logs.entry(tree.origin.clone())
                .or_default()
                .add(logged, &tree);
        }
    }
    let found = logs.iter().flat_map(|(origin, log)| {
        let forked = log.fork(origin, policies);
        let twice = log.two_records(origin, policies);
        let beyond = log.after_closed(origin, policies);
        [forked, twice, beyond]
    });
    found.flatten().collect()
}

/// The proofs that a file has of one log. They are verified only if two do not fit.
#[derive(Default)]
struct Log<'a> {
    /// The proofs under each tree, by size and root.
    trees: BTreeMap<u64, BTreeMap<[u8; 32], Vec<&'a LoggedEntry>>>,
    /// The records, by index and leaf hash.
    records: BTreeMap<u64, BTreeMap<[u8; 32], Vec<&'a LoggedEntry>>>,
    closings: Vec<&'a LoggedEntry>,
}

impl<'a> Log<'a> {
    fn add(&mut self, logged: &'a LoggedEntry, tree: &Checkpoint) {
        let trees = self.trees.entry(tree.size).or_default();
        let under = trees.entry(tree.root.0).or_default();
        // Proofs share their notes, and one of each is enough.
        let known = |it: &&LoggedEntry| Arc::ptr_eq(&it.checkpoint, &logged.checkpoint);
        if !under.iter().any(known) {
            under.push(logged);
        }
        let records = self.records.entry(logged.index).or_default();
        let leaf = leaf_hash(&logged.entry).0;
        records.entry(leaf).or_default().push(logged);
        if closing_record(&logged.entry).is_some() {
            self.closings.push(logged);
        }
    }

    fn fork(&self, origin: &str, policies: &Policies) -> Option<Contradiction> {
        let several = self.trees.iter().filter(|(_, roots)| roots.len() > 1);
        several.into_iter().find_map(|(size, roots)| {
            let mut trusted = roots
                .iter()
                .filter(|(_, under)| under.iter().any(|logged| is_trusted(logged, policies)));
            let roots = [trusted.next()?.0, trusted.next()?.0];
            Some(Contradiction::Fork {
                log: origin.to_owned(),
                size: *size,
                roots: roots.map(|root| Hash(*root)),
            })
        })
    }

    fn two_records(&self, origin: &str, policies: &Policies) -> Option<Contradiction> {
        let several = self.records.iter().filter(|(_, leaves)| leaves.len() > 1);
        several.into_iter().find_map(|(index, leaves)| {
            let mut proven = leaves
                .values()
                .filter(|under| under.iter().any(|logged| is_proven(logged, policies)));
            proven.next()?;
            proven.next()?;
            Some(Contradiction::TwoRecords {
                log: origin.to_owned(),
                index: *index,
            })
        })
    }

    fn after_closed(&self, origin: &str, policies: &Policies) -> Option<Contradiction> {
        self.closings.iter().find_map(|closing| {
            let closed = closing.index.checked_add(1)?;
            let mut larger = self.trees.range(closed.checked_add(1)?..);
            larger.clone().next()?;
            if !is_proven(closing, policies) {
                return None;
            }
            let trusted = larger.find(|(_, roots)| {
                let mut under = roots.values().flatten();
                under.any(|logged| is_trusted(logged, policies))
            });
            Some(Contradiction::AfterClosed {
                log: origin.to_owned(),
                closed,
                size: *trusted?.0,
            })
        })
    }
}

fn is_trusted(logged: &LoggedEntry, policies: &Policies) -> bool {
    let policy = policies.of(&logged.checkpoint);
    policy.check_checkpoint(&logged.checkpoint).is_ok()
}

fn is_proven(logged: &LoggedEntry, policies: &Policies) -> bool {
    let policy = policies.of(&logged.checkpoint);
    policy.check_proof(&logged.proof(), &logged.entry).is_ok()
}
