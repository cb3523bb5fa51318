//! The verdicts about a renewed file: about the evidence record, and about each item as of the time
//! that the record proves.
//!
//! The evidence record proves that the octets of the evidence file existed at its first time-stamp.
//! So its contents are judged by the algorithms of that time, and not of today. A record that
//! proves nothing any more changes nothing: the items are judged as of the time of verification.
//! Nor does a record prove anything over a file that states a later time ([`super::order`]). Newer
//! proofs are not covered by the record; each is judged as of the time of verification, and helps
//! where the old one does not suffice.

use std::sync::Arc;

use ishibumi_artifact::Anchors;
use ishibumi_artifact::rules::{AlgorithmEnds, Ended};
use ishibumi_artifact::time::Time;
use ishibumi_tlog::policy::AlgorithmRequirement;

use super::super::verify::{Beside, NamedStatus};
use super::super::{Collection, Item, LoggedEntry, StatementVerdict, Verdict};
use super::{Renewed, order};
use crate::Policies;
use ishibumi_verify::{
    Indication, RenewalReport, Report, RevocationData, RevocationRule, SubIndication, Verifier,
};

/// The terms under which a renewed file is judged.
#[derive(Debug)]
pub struct Terms<'a> {
    /// The trusted logs and witnesses: each log under the policy that names it.
    pub policies: &'a Policies,
    /// The certificates that are trusted or known.
    pub anchors: &'a Anchors,
    /// Whether validity is judged without knowing about revocation.
    pub rule: RevocationRule,
    /// Lists and responses beside those in the file.
    pub revocation: &'a [RevocationData<'a>],
    /// Until when each algorithm counts.
    pub ends: AlgorithmEnds,
    /// The time of verification.
    pub now: Time,
}

/// The verdicts about one file.
#[derive(Debug)]
pub struct RenewedVerdict {
    /// The result for the evidence record, if there is one.
    pub renewals: Option<RenewalReport>,
    /// The verdict about each item, in the order of the collection.
    pub items: Vec<Verdict>,
    /// An algorithm of the log that had ended before the time as of which statements are judged:
    /// none of them is then proven.
    pub log_ended: Option<Ended>,
    /// The verdict about each statement.
    pub statements: Vec<StatementVerdict>,
}

impl Renewed {
    /// Verifies everything. `done` is told after each item how many are done.
    pub fn verify(&self, terms: &Terms<'_>, done: impl FnMut(usize)) -> RenewedVerdict {
        let now = self.anchors(terms, terms.now);
        let verifier = |anchors| {
            Verifier::builder(terms.policies.first(), anchors)
                .revocation(terms.rule)
                .now(terms.now)
                .build()
        };
        let of_now = verifier(&now);
        let mut renewals = self.record().map(|record| {
            let lists = self.collection.revocation.iter();
            let named = NamedStatus::of(lists.chain(&self.additions.revocation));
            let given = terms.revocation.iter().copied();
            let given: Vec<_> = named.iter().map(NamedStatus::given).chain(given).collect();
            of_now.check_renewals(record, &self.evidence, &given, &terms.ends, terms.now)
        });
        let proven = renewals.as_ref().and_then(|it| it.proven.as_ref().ok());
        let proven = proven.copied();
        // Every signature of a token falls with a quantum computer.
        let counts = terms.policies.first().demand() != AlgorithmRequirement::PostQuantum;
        let then = self.anchors(terms, proven.filter(|_| counts).unwrap_or(terms.now));
        let of_then = verifier(&then);
        let mut as_of = &of_then;
        let more = self.beside(terms);
        let policies = Some(terms.policies);
        let mut items = self.collection.verify_knowing(as_of, policies, more, done);
        let mut statements = self.collection.verify_statements(as_of, terms.policies);
        if let Some(proven) = proven
            && let Some(why) = order::later_than(proven, &self.collection, &items, &statements)
        {
            if let Some(renewals) = &mut renewals {
                renewals.proven = Err((SubIndication::TimestampOrderFailure, why));
            }
            as_of = &of_now;
            let without = self
                .collection
                .verify_knowing(as_of, policies, more, |_| ());
            for (verdict, without) in items.iter_mut().zip(without) {
                // Where nothing helps, the contradiction has to be cleared up.
                if is_proven(&without) || !is_out_of_order(verdict) {
                    *verdict = without;
                }
            }
            statements = self.collection.verify_statements(as_of, terms.policies);
        }
        for (item, verdict) in self.collection.items.iter().zip(&mut items) {
            if !is_proven(verdict)
                && let Some(better) = self.by_newer_proof(item, &of_now, terms)
            {
                *verdict = better;
            }
        }
        RenewedVerdict {
            renewals,
            items,
            log_ended: as_of.log_ended(),
            statements,
        }
    }

    /// The anchors by which what existed at `existed` is judged.
    fn anchors(&self, terms: &Terms<'_>, existed: Time) -> Anchors {
        let anchors = terms.anchors.clone();
        let anchors = anchors.with_intermediates(self.known_certificates());
        anchors.with_algorithm_ends(terms.ends.clone(), existed)
    }

    /// The verdict under a newer proof of the item's record, if one of them suffices.
    fn by_newer_proof(
        &self,
        item: &Item,
        verifier: &Verifier<'_>,
        terms: &Terms<'_>,
    ) -> Option<Verdict> {
        let record = &item.proofs.first()?.entry;
        let newer = self.newer_proofs().iter();
        let mut newer = newer.filter(|logged| logged.entry == *record);
        newer.find_map(|logged| {
            let verdict = self.under(item, logged, verifier, terms)?;
            is_proven(&verdict).then_some(verdict)
        })
    }

    fn under(
        &self,
        item: &Item,
        logged: &Arc<LoggedEntry>,
        verifier: &Verifier<'_>,
        terms: &Terms<'_>,
    ) -> Option<Verdict> {
        let mut proofs = vec![Arc::clone(logged)];
        proofs.extend(item.proofs.iter().cloned());
        let alone = Collection {
            items: vec![Item {
                proofs,
                ..item.clone()
            }],
            revocation: self.collection.revocation.clone(),
            checkpoint_tokens: self.collection.checkpoint_tokens.clone(),
            ..Collection::default()
        };
        alone
            .verify_knowing(verifier, Some(terms.policies), self.beside(terms), |_| ())
            .pop()
    }

    /// Revocation data beside those in the evidence file.
    fn beside<'a>(&'a self, terms: &Terms<'a>) -> Beside<'a> {
        Beside {
            added: &self.additions.revocation,
            given: terms.revocation,
        }
    }
}

fn is_proven(verdict: &Verdict) -> bool {
    let indication = verdict.report.as_ref().map(Report::indication);
    matches!(indication, Ok(Indication::TotalPassed))
}

fn is_out_of_order(verdict: &Verdict) -> bool {
    let sub = verdict.report.as_ref().map(Report::sub_indication);
    matches!(sub, Ok(Some(SubIndication::TimestampOrderFailure)))
}
