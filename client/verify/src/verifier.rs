//! Under which terms evidence is verified, and what a verifier knows of itself.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::rules::{Ended, Primitive};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Record};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::{AlgorithmRequirement, TrustError};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Hash, Policy, ProvenLeaf};

use super::memo::{Checked, Memo};
use super::parts::{Statement, Witnessed};

/// Whether validity is judged without knowing about revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevocationRule {
    /// Without usable data about every certificate below the anchor validity is not judged:
    /// INDETERMINATE, TRY_LATER (EN 319 102-1 5.2.5, 5.6.2.4).
    #[default]
    Required,
    /// The caller chose not to ask: missing data leave the verdict as it is, and the report says
    /// so. What is given and speaks against the artifact counts all the same.
    NotAsked,
}

/// Verifies evidence under one policy and one set of anchors.
///
/// ```
/// use ishibumi_verify::{Evidence, Verifier};
/// # fn verify(policy: &ishibumi_tlog::Policy, anchors: &ishibumi_artifact::Anchors, token: &[u8],
/// #     proof: &[u8], mut document: std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::builder(policy, anchors).build();
/// let report = verifier.verify(Evidence::new(token, proof).document(&mut document))?;
/// if let Ok(proven) = report.into_proven() {
///     println!("existed before {:?}", proven.existence());
/// }
/// # Ok(())
/// # }
/// ```
///
/// Use one for many artifacts: each distinct checkpoint and each distinct set of lists is verified
/// once, and clones share what they know.
#[derive(Clone, Debug)]
pub struct Verifier<'a> {
    pub(super) policy: &'a Policy,
    pub(super) anchors: &'a Anchors,
    pub(super) revocation: RevocationRule,
    pub(super) now: Option<Time>,
    pub(super) memo: Arc<Memo>,
}

/// What a verifier and its clones have verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Checkpoints: the log's signature and the quorum's cosignatures.
    pub checkpoints: usize,
    /// Sets of lists and responses, for the certificates of one path.
    pub status_sets: usize,
}

/// What a [`Verifier`] is made of, one call for each choice.
#[derive(Clone, Debug)]
pub struct VerifierBuilder<'a> {
    verifier: Verifier<'a>,
}

impl<'a> VerifierBuilder<'a> {
    /// Whether validity is judged without knowing about revocation; it is not, unless this says so.
    #[must_use]
    pub fn revocation(mut self, rule: RevocationRule) -> Self {
        self.verifier.revocation = rule;
        self
    }

    /// What time it is: lists and responses of a later time are of no time that has been, and say
    /// nothing in favour of a certificate. The verifier has no clock of its own; without this it
    /// asks nothing of the kind.
    #[must_use]
    pub fn now(mut self, now: Time) -> Self {
        self.verifier.now = Some(now);
        self
    }

    /// The verifier.
    pub fn build(self) -> Verifier<'a> {
        self.verifier
    }
}

/// Why no verdict could be reached. A verdict that is not in favour is no error but a
/// [`Report`](crate::Report).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The document could not be read to its end.
    #[error("the document cannot be read: {0}")]
    Document(#[source] io::Error),
    /// A document was given for something that is not about one.
    #[error(
        "a document was given, but the artifact is no time-stamp token: leave the document out"
    )]
    DocumentNotApplicable,
}

impl<'a> Verifier<'a> {
    /// Begins a verifier under `policy`, which names the logs and witnesses that are trusted and
    /// their quorum (see also [`Policy::demanding`]), and `anchors`, the certificates that are
    /// trusted or known.
    pub fn builder(policy: &'a Policy, anchors: &'a Anchors) -> VerifierBuilder<'a> {
        VerifierBuilder {
            verifier: Self {
                policy,
                anchors,
                revocation: RevocationRule::Required,
                now: None,
                memo: Arc::default(),
            },
        }
    }

    /// The same choices under another policy.
    #[must_use]
    pub fn under(&self, policy: &'a Policy) -> Self {
        if std::ptr::eq(policy, self.policy) {
            return self.clone();
        }
        // What was verified under one policy says nothing under another.
        let memo = Arc::default();
        Self {
            policy,
            memo,
            ..self.clone()
        }
    }

    /// What was verified so far.
    pub fn work(&self) -> Work {
        Work {
            checkpoints: self.memo.checkpoints.made(),
            status_sets: self.memo.consulted.made(),
        }
    }

    /// The policy.
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// Whether validity is judged without knowing about revocation.
    pub const fn revocation_rule(&self) -> RevocationRule {
        self.revocation
    }

    /// The anchors.
    pub const fn anchors(&self) -> &'a Anchors {
        self.anchors
    }
}

impl Verifier<'_> {
    /// The policy, as far as its algorithms count: where Ed25519 has ended, only a quorum without
    /// it still proves something.
    pub fn policy_then(&self) -> Cow<'_, Policy> {
        let ended = self.anchors.is_expired(Primitive::Ed25519);
        if ended && self.policy.can_be_met(AlgorithmRequirement::PostQuantum) {
            return Cow::Owned(
                self.policy
                    .clone()
                    .demanding(AlgorithmRequirement::PostQuantum),
            );
        }
        Cow::Borrowed(self.policy)
    }

    /// Which algorithm of the log had ended by the time at which everything is proven to have been
    /// there.
    pub fn log_ended(&self) -> Option<Ended> {
        let signature = match self.policy_then().demand() {
            AlgorithmRequirement::PostQuantum => Primitive::MlDsa44,
            AlgorithmRequirement::AnyAlgorithm => Primitive::Ed25519,
        };
        let rests_on = [Primitive::Hash(HashAlgorithm::Sha256), signature];
        self.anchors.check_algorithms(&rests_on, None).err()
    }

    /// Verifies a checkpoint under the policy, once.
    pub(super) fn trusted(&self, note: &Note) -> Checked {
        // The quorum that is asked for, which may be another one where an algorithm has ended.
        let demand = [u8::from(
            self.policy.demand() == AlgorithmRequirement::PostQuantum,
        )];
        let text = note.encode();
        let key = Hash::of(&[&demand, text.as_bytes()].concat());
        let check = || self.policy.check_checkpoint(note).map(Arc::new);
        self.memo.checkpoints.get(key, text.len(), check)
    }

    /// Verifies a proof of `record` under the policy, as far as its algorithms count: what log and
    /// witnesses say about any record, whatever it is.
    ///
    /// # Errors
    /// If the checkpoint is not to be trusted, or the path does not lead to its root.
    pub fn prove_record(&self, proof: &TlogProof, record: &[u8]) -> Result<ProvenLeaf, TrustError> {
        let policy = &*self.policy_then();
        let effective = Verifier {
            policy,
            ..self.clone()
        };
        let head = effective.trusted(&proof.checkpoint)?;
        Ok(head.prove(proof.index, &proof.hashes, record)?)
    }

    pub(super) fn statement(&self, leaf: &ProvenLeaf) -> Statement {
        let checkpoint = leaf.head().checkpoint();
        let witnesses = leaf.head().cosignatures().iter();
        let known = self.policy.witnesses();
        Statement {
            leaf: leaf_hash(leaf.record()),
            kind: Record::decode(leaf.record()).map_or(0, |record| record.kind()),
            index: leaf.index(),
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root,
            witnesses: witnesses
                .map(|seen| Witnessed {
                    name: seen.name.clone(),
                    algorithm: known
                        .get(seen.witness)
                        .map_or("", |known| known.key.kind().algorithm()),
                    time: seen.time,
                })
                .collect(),
            witness_count: leaf.head().witness_count(),
            witnesses_known: self.policy.counted(self.policy.demand()),
            demand: self.policy.demand(),
            not_after: leaf.head().not_after(),
        }
    }
}
