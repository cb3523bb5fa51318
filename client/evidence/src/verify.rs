//! The verdicts about the items of an evidence file, each as if it had come alone.

use std::cell::RefCell;

use ishibumi_artifact::Certificate;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Checkpoint, ProvenLeaf};

use super::encode::{stamp_name, status_name};
use super::{Collection, File, Item, LoggedEntry, StatusData, pdf};
use crate::Policies;
use ishibumi_verify::{
    CheckpointToken, Evidence, GivenProof, Pdf, Report, RevocationData, Verifier, VerifyError,
};

/// The verdict about one item.
#[derive(Debug)]
pub struct Verdict {
    /// The artifact's name.
    pub artifact: String,
    /// The document's name, if there is one.
    pub document: Option<String>,
    /// The verdict; an error if the file has a document for an artifact that is about no document.
    pub report: Result<Report, VerifyError>,
}

/// The verdict about one statement.
#[derive(Debug)]
pub struct StatementVerdict {
    /// The proven leaf, or why the proof does not hold.
    pub proven: Result<ProvenLeaf, TrustError>,
}

/// A list or response as a verifier takes it.
pub(super) struct NamedStatus<'a> {
    name: String,
    octets: &'a [u8],
    proof: Option<TlogProof>,
}

impl<'a> NamedStatus<'a> {
    pub(super) fn of(all: impl Iterator<Item = &'a StatusData>) -> Vec<Self> {
        let named = all.map(|data| Self {
            name: status_name(&data.octets),
            octets: &data.octets,
            proof: data.proof.as_ref().map(|it| it.proof()),
        });
        named.collect()
    }

    pub(super) fn given(&self) -> RevocationData<'_> {
        RevocationData::new(&self.name, self.octets).proof(self.proof.as_ref())
    }
}

/// Revocation data beside those in the collection.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Data that were added to the file.
    pub(super) added: &'a [StatusData],
    /// Data that the caller gives.
    pub(super) given: &'a [RevocationData<'a>],
}

impl Beside<'_> {
    const NOTHING: Self = Self {
        added: &[],
        given: &[],
    };
}

/// Verifiers with the same choices, one for each policy, so that each verifies a checkpoint once.
pub(super) struct ByPolicy<'a> {
    first: Verifier<'a>,
    policies: Option<&'a Policies>,
    others: RefCell<Vec<Verifier<'a>>>,
}

impl<'a> ByPolicy<'a> {
    /// `verifier` for everything, unless there are `policies`.
    pub(super) fn new(verifier: &Verifier<'a>, policies: Option<&'a Policies>) -> Self {
        Self {
            first: verifier.clone(),
            policies,
            others: RefCell::default(),
        }
    }

    /// The verifier under the policy that names the log of this checkpoint.
    fn of(&self, checkpoint: Option<&Note>) -> Verifier<'a> {
        let Some((policies, checkpoint)) = self.policies.zip(checkpoint) else {
            return self.first.clone();
        };
        let policy = policies.of(checkpoint);
        let mut others = self.others.borrow_mut();
        let is_under = |it: &&Verifier<'_>| std::ptr::eq(it.policy(), policy);
        let known = [&self.first].into_iter().chain(&*others).find(is_under);
        if let Some(known) = known {
            return known.clone();
        }
        let under = self.first.under(policy);
        others.push(under.clone());
        under
    }

    /// Checks a statement.
    pub(super) fn statement(&self, logged: &LoggedEntry) -> StatementVerdict {
        let verifier = self.of(Some(&logged.checkpoint));
        StatementVerdict {
            proven: verifier.prove_record(&logged.proof(), &logged.entry),
        }
    }
}

impl Collection {
    /// The certificates that the file brings, for [`Anchors::with_intermediates`]: they help to
    /// find paths and are not trusted.
    ///
    /// [`Anchors::with_intermediates`]: ishibumi_artifact::Anchors::with_intermediates
    pub fn known_certificates(&self) -> Vec<Certificate> {
        let all = self.certificates.iter();
        all.filter_map(|der| Certificate::from_der(der).ok())
            .collect()
    }

    /// Verifies every item, with the caller's policy and anchors. `done` is told after each how
    /// many are done.
    pub fn verify(&self, verifier: &Verifier<'_>, done: impl FnMut(usize)) -> Vec<Verdict> {
        self.verify_knowing(verifier, None, Beside::NOTHING, done)
    }

    /// Verifies every item as [`Self::verify`] does, with more lists and responses than are in the
    /// collection, and each item under the policy that names its log, if there are several.
    pub(super) fn verify_knowing(
        &self,
        verifier: &Verifier<'_>,
        policies: Option<&Policies>,
        beside: Beside<'_>,
        mut done: impl FnMut(usize),
    ) -> Vec<Verdict> {
        let named = NamedStatus::of(self.revocation.iter().chain(beside.added));
        let given = beside.given.iter().copied();
        let revocation: Vec<_> = named.iter().map(NamedStatus::given).chain(given).collect();
        let mut verdicts = Vec::with_capacity(self.items.len());
        let verifiers = ByPolicy::new(verifier, policies);
        for item in &self.items {
            let checkpoint = item.proofs.first().map(|proof| &*proof.checkpoint);
            let verifier = verifiers.of(checkpoint);
            verdicts.push(Verdict {
                artifact: item.artifact.name.clone(),
                document: item.document.as_ref().map(|file| file.name.clone()),
                report: self.verify_item(&verifier, item, &revocation),
            });
            done(verdicts.len());
        }
        verdicts
    }

    /// Verifies every item as [`Self::verify`] does, under the policy that names its log.
    pub fn verify_under(
        &self,
        verifier: &Verifier<'_>,
        policies: &Policies,
        done: impl FnMut(usize),
    ) -> Vec<Verdict> {
        self.verify_knowing(verifier, Some(policies), Beside::NOTHING, done)
    }

    /// Checks every statement under the policy that names its log.
    pub fn verify_statements(
        &self,
        verifier: &Verifier<'_>,
        policies: &Policies,
    ) -> Vec<StatementVerdict> {
        let verifiers = ByPolicy::new(verifier, Some(policies));
        let all = self.statements.iter();
        all.map(|logged| verifiers.statement(logged)).collect()
    }

    fn verify_item(
        &self,
        verifier: &Verifier<'_>,
        item: &Item,
        revocation: &[RevocationData<'_>],
    ) -> Result<Report, VerifyError> {
        let proofs: Vec<TlogProof> = item.proofs.iter().map(|it| it.proof()).collect();
        let no_proof = GivenProof::File(&[]);
        let proof = proofs.first().map_or(no_proof, GivenProof::Read);
        let stamps = self.stamps_of(item);
        let names: Vec<String> = stamps.iter().map(|(_, token)| stamp_name(token)).collect();
        let tokens: Vec<CheckpointToken<'_>> = stamps
            .iter()
            .zip(&names)
            .map(|((place, token), name)| {
                // The item's own proof is the evidence itself.
                let proof = proofs.get(*place).filter(|_| *place > 0);
                CheckpointToken::new(name, token).proof(proof)
            })
            .collect();
        let mut document = item.document.as_ref().map(|file| &file.octets[..]);
        let mut evidence = Evidence::new(&item.artifact.octets, proof)
            .revocation(revocation)
            .checkpoint_tokens(&tokens);
        if let Some(octets) = &mut document {
            evidence = evidence.document(octets);
        }
        let report = verifier.verify(evidence)?;
        let cut_out = |file: &File| pdf::is_cut_out(&file.octets);
        Ok(if item.document.as_ref().is_some_and(cut_out) {
            report.with_pdf(Pdf::CutOut)
        } else {
            report
        })
    }

    /// The tokens over checkpoints under which the item has a proof, each with the index of that
    /// proof.
    pub fn stamps_of<'a>(&'a self, item: &Item) -> Vec<(usize, &'a [u8])> {
        let mut found = Vec::new();
        for (place, logged) in item.proofs.iter().enumerate() {
            let Ok(tree) = Checkpoint::parse(logged.checkpoint.text()) else {
                continue;
            };
            let over = |log: &str, size| log == tree.origin && size == tree.size;
            let stamps = self.checkpoint_tokens.iter();
            let stamps = stamps.filter(|stamp| over(&stamp.log, stamp.size));
            found.extend(stamps.map(|stamp| (place, &stamp.token[..])));
        }
        found
    }
}
