//! The steps of a verification, in their order, and what is made of them.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use ishibumi_artifact::{Admitted, ArtifactType, Certificate, Refusal, Verified, admit_marking};
use ishibumi_tlog::fault::Fault as ProofFault;
use ishibumi_tlog::policy::TrustedCheckpoint;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Hash, ProvenLeaf};

use super::existence::{self, CheckpointToken};
use super::given::{GivenProof, RevocationData};
use super::parts::{Noted, Outcome, Step, SubIndication};
use super::proven::{Existed, Found, Valid};
use super::report::Report;
use super::revocation::{RevocationCheck, RevocationHolds, Subject};
use super::role::Role;
use super::sources::Sources;
use super::verifier::{Verifier, VerifyError};
use super::{document, facts, rules};

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

    fn judge(&self, evidence: Evidence<'_>) -> Result<Report, VerifyError> {
        let mut report = Noted::new();
        let digest = Hash::of(evidence.artifact);
        let head = self.check_head(&mut report, evidence.proof);
        // A proof that is shown to be false decides; whatever the artifact is, nothing changes
        // that.
        if report.is_disproven() {
            return Ok(Report::new(digest, report, Found::default()));
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
        let found = match admitted {
            Some(admitted) => self.judge_admitted(&mut report, evidence, &admitted, leaf)?,
            None => Found::default(),
        };
        Ok(Report::new(digest, report, found))
    }

    /// What follows once the artifact keeps its rules. Every step is taken, whatever the others
    /// find; the pieces of each answer are put together where all of them hold.
    fn judge_admitted(
        &self,
        report: &mut Noted,
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
        report: &mut Noted,
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
        report: &mut Noted,
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

    fn check_artifact(&self, report: &mut Noted, evidence: &Evidence<'_>) -> Option<Admitted> {
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
    report: &mut Noted,
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
