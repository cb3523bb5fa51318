//! The offline verifier: artifact, proof, policy and anchors in, a [`Report`] out.
//!
//! It has no clock: the only times are those that witnesses and issuers signed, and, if the caller says so,
//! what time it is, so that a list of tomorrow is not believed today. The order of the checks is fixed (`docs/verdicts.md`): the proof file; the checkpoint's
//! log signature and quorum; the artifact by the rules of admission, which is the only code that
//! makes a record; inclusion of that very record; tokens over checkpoints; then the artifact's rules at
//! the proven time, the document, and revocation. Every step that was reached is in the report. A proof that is shown
//! to be false ends it; after any other failed step the rest is still done, as far as it can be.
//!
//! What is not promised: that the issuer told the truth. The report says who claims what.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod answers;
mod consult;
mod document;
mod existence;
mod facts;
mod given;
mod memo;
mod pdf;
mod proven;
mod renewal;
mod report;
mod revocation;
mod role;
mod rules;

pub use answers::{Answer, Asked};
pub use existence::CheckpointToken;
pub use given::{GivenProof, RevocationData};
pub use pdf::{Extent, InPdf, Pdf};
pub use proven::{AboutDocument, Existed, Proven, RevocationKnown, Valid};
pub use renewal::{RenewalFacts, RenewalReport};
pub use report::{
    AnswerFacts, CertificateFacts, Check, ConsultedInformation, ConsultedToken, Existence, Facts,
    Indication, InformationFacts, IssuerState, ListFacts, Outcome, ProvenBy, Report, ResponseFacts,
    Revocation, StampedCheckpoint, Statement, Step, SubIndication, Witnessed,
};

pub use role::{Consequence, Role};

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::rules::{Ended, Primitive};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{
    Admitted, Anchors, ArtifactType, Certificate, Record, Refusal, Verified, admit_marking,
};
use ishibumi_tlog::fault::Fault as ProofFault;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::{Demand, TrustError, TrustedCheckpoint};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Hash, Policy, ProvenLeaf};

use consult::Sources;
use memo::Memo;
use proven::Found;
use revocation::{RevocationCheck, RevocationHolds, Subject};

/// Whether validity is judged without knowing about revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevocationRule {
    /// Without usable data about every certificate below the anchor validity is not judged: INDETERMINATE,
    /// TRY_LATER (EN 319 102-1 5.2.5, 5.6.2.4).
    #[default]
    Required,
    /// The caller chose not to ask: missing data leave the verdict as it is, and the report says so. What is
    /// given and speaks against the artifact counts all the same.
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
/// Use one for many artifacts: each distinct checkpoint and each distinct set of lists is verified once, and clones
/// share what they know.
#[derive(Clone, Debug)]
pub struct Verifier<'a> {
    policy: &'a Policy,
    anchors: &'a Anchors,
    revocation: RevocationRule,
    now: Option<Time>,
    memo: Arc<Memo>,
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

    /// What time it is: lists and responses of a later time are of no time that has been, and say nothing in
    /// favour of a certificate. The verifier has no clock of its own; without this it asks nothing of the kind.
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

/// What is to be verified: an artifact and its proof, and whatever helps to judge them.
pub struct Evidence<'a> {
    artifact: &'a [u8],
    artifact_type: Option<ArtifactType>,
    proof: GivenProof<'a>,
    document: Option<&'a mut dyn Read>,
    revocation: &'a [RevocationData<'a>],
    checkpoint_tokens: &'a [CheckpointToken<'a>],
}

impl<'a> Evidence<'a> {
    /// `artifact` in DER, BER or PEM, and its `tlog-proof@v1`.
    pub fn new(artifact: &'a [u8], proof: impl Into<GivenProof<'a>>) -> Self {
        Self {
            artifact,
            artifact_type: None,
            proof: proof.into(),
            document: None,
            revocation: &[],
            checkpoint_tokens: &[],
        }
    }

    /// What the artifact is; without this it is found out by reading it.
    #[must_use]
    pub const fn artifact_type(mut self, artifact_type: ArtifactType) -> Self {
        self.artifact_type = Some(artifact_type);
        self
    }

    /// The document that a token is about. Read to its end, in pieces.
    #[must_use]
    pub fn document(mut self, document: &'a mut dyn Read) -> Self {
        self.document = Some(document);
        self
    }

    /// Lists and OCSP responses to learn about revocation from.
    #[must_use]
    pub const fn revocation(mut self, data: &'a [RevocationData<'a>]) -> Self {
        self.revocation = data;
        self
    }

    /// Time-stamp tokens over checkpoints.
    #[must_use]
    pub const fn checkpoint_tokens(mut self, tokens: &'a [CheckpointToken<'a>]) -> Self {
        self.checkpoint_tokens = tokens;
        self
    }
}

/// Why no verdict could be reached. A verdict that is not in favour is no error but a [`Report`].
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
    /// Begins a verifier under `policy`, which names the logs and witnesses that are trusted and their quorum
    /// (see also [`Policy::demanding`]), and `anchors`, the certificates that are trusted or known.
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
    /// Verifies `evidence`. Whatever was found is in the report; the verdict in favour is
    /// [`Report::into_proven`].
    ///
    /// # Errors
    /// If the document cannot be read to its end, or if one was given for what is about none.
    pub fn verify(&self, evidence: Evidence<'_>) -> Result<Report, VerifyError> {
        let policy = &*self.policy_then();
        let effective = Verifier {
            policy,
            ..self.clone()
        };
        effective.judge(evidence)
    }

    /// The policy, as far as its algorithms count: where Ed25519 has ended, only a quorum without it still
    /// proves something.
    pub fn policy_then(&self) -> Cow<'_, Policy> {
        let ended = self.anchors.had_ended(Primitive::Ed25519);
        if ended && self.policy.can_be_met(Demand::PostQuantum) {
            return Cow::Owned(self.policy.clone().demanding(Demand::PostQuantum));
        }
        Cow::Borrowed(self.policy)
    }

    /// Which algorithm of the log had ended by the time at which everything is proven to have been there.
    pub fn log_ended(&self) -> Option<Ended> {
        let signature = match self.policy_then().demand() {
            Demand::PostQuantum => Primitive::MlDsa44,
            Demand::AnyAlgorithm => Primitive::Ed25519,
        };
        let rests_on = [Primitive::Hash(HashAlgorithm::Sha256), signature];
        self.anchors.check_algorithms(&rests_on, None).err()
    }

    fn judge(&self, evidence: Evidence<'_>) -> Result<Report, VerifyError> {
        let mut report = Report::new(evidence.artifact);
        let head = self.check_head(&mut report, evidence.proof);
        // A proof that is shown to be false decides; whatever the artifact is, nothing changes that.
        if report.indication() == Indication::TotalFailed {
            return Ok(report);
        }
        let admitted = self.check_artifact(&mut report, &evidence);
        let leaf = match (head, &admitted) {
            (Some((head, proof)), Some(admitted)) => {
                check_inclusion(&mut report, &head, &proof, admitted)
            }
            _ => {
                let why = "not reached: it needs a trusted checkpoint and a record";
                report.note(Step::Inclusion, Outcome::NotChecked, why);
                None
            }
        };
        report.checks.sort_by_key(|check| check.step);
        report.statement = leaf.as_ref().map(|leaf| self.statement(leaf));
        if let Some(admitted) = admitted {
            report.found = self.judge_admitted(&mut report, evidence, &admitted, leaf)?;
        }
        Ok(report)
    }

    /// What follows once the artifact keeps its rules. Every step is taken, whatever the others find; the pieces
    /// of each answer are put together where all of them hold.
    fn judge_admitted(
        &self,
        report: &mut Report,
        evidence: Evidence<'_>,
        admitted: &Admitted,
        leaf: Option<ProvenLeaf>,
    ) -> Result<Found, VerifyError> {
        let verified = admitted.verified();
        let believed = rules::check_mark(self, report, admitted);
        report.facts = facts::of(admitted).filter(|_| believed.is_some());
        let witnessed = leaf.as_ref().and_then(|leaf| leaf.head().not_after());
        let sources = self.consult(
            evidence.revocation,
            path_of(verified),
            witnessed.map(rules::time_of),
        );
        report.information.clone_from(&sources.says);
        let (mut existed, mut timed) = (None, None);
        if let Some(leaf) = leaf {
            let tokens = evidence.checkpoint_tokens;
            let existence = existence::check(self, report, &leaf, admitted, tokens, &sources);
            let log_algorithms = rules::check_log_algorithms(self, report);
            report.existence = existence.filter(|_| log_algorithms.is_some());
            let not_after = report.existence.map(|existence| existence.not_after);
            let algorithms = rules::check_algorithms(self, report, verified, not_after);
            let times = rules::check_times(self, report, verified, not_after);
            timed = algorithms.zip(times);
            existed =
                log_algorithms.map(|counts| Existed::conclude(leaf, report.existence, counts));
        }
        let document = document::check(report, verified, evidence.document)?;
        let revocation = self.check_revocation(report, verified, &sources);
        let valid = || {
            let (algorithms, times) = timed?;
            Some(Valid::conclude(believed?, algorithms, times, revocation?))
        };
        Ok(Found {
            existed: existed.map(Box::new),
            valid: valid(),
            document,
        })
    }

    fn check_revocation(
        &self,
        report: &mut Report,
        verified: &Verified,
        sources: &Sources,
    ) -> Option<RevocationHolds> {
        let (path, subject, about) = match verified {
            Verified::Token(token) => (
                token.path(),
                Subject::Token(token.accuracy()),
                token.gen_time().time(),
            ),
            Verified::Certificate(path) => {
                let certificate = path.certificates().first()?;
                (path, Subject::Certificate, certificate.not_before())
            }
            // A list or a response is a statement; nothing revokes it.
            Verified::Crl(_) | Verified::Ocsp(_) => return Some(RevocationHolds::NOT_APPLICABLE),
        };
        let check = RevocationCheck {
            path,
            subject,
            about,
            existence: report.existence.map(|existence| existence.not_after),
            rule: self.revocation,
        };
        let answer = check.answer(sources);
        let holds = answer.holds();
        let (outcome, detail) = answer.signer_outcome;
        report.note(Step::Revocation, outcome, detail);
        if let Some((outcome, detail)) = answer.issuers_outcome {
            report.note(Step::IssuerRevocation, outcome, detail);
        }
        report.revocation = answer.signer;
        report.issuers = answer.issuers;
        holds
    }

    fn check_head<'p>(
        &self,
        report: &mut Report,
        proof: GivenProof<'p>,
    ) -> Option<(Arc<TrustedCheckpoint>, Cow<'p, TlogProof>)> {
        let proof = match proof.read() {
            Ok(proof) => proof,
            Err(error) => {
                // As good as none: somebody else's copy of it may prove everything.
                let failed = Outcome::Failed(SubIndication::from(ProofFault::Unread));
                report.note(Step::ProofFile, failed, error.to_string());
                return None;
            }
        };
        report.note(Step::ProofFile, Outcome::Passed, "");
        match self.trusted(&proof.checkpoint) {
            Ok(head) => {
                let detail = format!(
                    "signed by {}, cosigned by {} of {} witnesses",
                    head.checkpoint().origin,
                    head.witness_count(),
                    self.policy.counted(self.policy.demand())
                );
                report.note(Step::Checkpoint, Outcome::Passed, detail);
                Some((head, proof))
            }
            Err(error) => {
                let failed = Outcome::Failed(SubIndication::from(&error));
                report.note(Step::Checkpoint, failed, error.to_string());
                None
            }
        }
    }

    /// Verifies a checkpoint under the policy, once.
    fn trusted(&self, note: &Note) -> memo::Checked {
        // The quorum that is asked for, which may be another one where an algorithm has ended.
        let demand = [u8::from(self.policy.demand() == Demand::PostQuantum)];
        let key = Hash::of(&[&demand, note.encode().as_bytes()].concat());
        let check = || self.policy.check_checkpoint(note).map(Arc::new);
        self.memo.checkpoints.get(key, check)
    }

    /// Verifies a proof of `record` under the policy, as far as its algorithms count: what log and witnesses say
    /// about any record, whatever it is.
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

    fn check_artifact(&self, report: &mut Report, evidence: &Evidence<'_>) -> Option<Admitted> {
        let kind = match evidence.artifact_type {
            Some(kind) => Ok(kind),
            None => ArtifactType::of(evidence.artifact).map_err(Refusal::from),
        };
        match kind.and_then(|kind| admit_marking(kind, evidence.artifact, self.anchors)) {
            Ok(admitted) => {
                report.note(Step::Artifact, Outcome::Passed, "");
                Some(admitted)
            }
            Err(refusal) => {
                let failed = Role::Artifact.consequence(refusal.fault()).outcome();
                let detail = format!("{refusal} ({})", refusal.code());
                report.note(Step::Artifact, failed, detail);
                None
            }
        }
    }

    fn statement(&self, leaf: &ProvenLeaf) -> Statement {
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

impl Report {
    fn new(artifact: &[u8]) -> Self {
        Self {
            checks: Vec::new(),
            statement: None,
            facts: None,
            artifact_digest: Hash::of(artifact),
            existence: None,
            checkpoint_tokens: Vec::new(),
            revocation: Revocation::NotChecked,
            issuers: Vec::new(),
            information: Vec::new(),
            pdf: None,
            found: Found::default(),
        }
    }

    fn note(&mut self, step: Step, outcome: Outcome, detail: impl Into<String>) {
        self.checks.push(Check {
            step,
            outcome,
            detail: detail.into(),
        });
    }
}

/// The certificates of an artifact, from its signer to the anchor.
fn path_of(verified: &Verified) -> &[Arc<Certificate>] {
    match verified {
        Verified::Token(token) => token.path().certificates(),
        Verified::Certificate(path) => path.certificates(),
        // A list or a response is a statement; nothing revokes it.
        Verified::Crl(_) | Verified::Ocsp(_) => &[],
    }
}

/// The checkpoint is trusted already: its signatures are not verified again.
fn check_inclusion(
    report: &mut Report,
    head: &Arc<TrustedCheckpoint>,
    proof: &TlogProof,
    admitted: &Admitted,
) -> Option<ProvenLeaf> {
    match head.prove(proof.index, &proof.hashes, &admitted.record().encode()) {
        Ok(leaf) => {
            report.note(Step::Inclusion, Outcome::Passed, "");
            Some(leaf)
        }
        Err(error) => {
            let failed = Outcome::Failed(SubIndication::from(ProofFault::Inclusion));
            let detail =
                format!("the record of this artifact is not what the proof proves: {error}");
            report.note(Step::Inclusion, failed, detail);
            None
        }
    }
}
