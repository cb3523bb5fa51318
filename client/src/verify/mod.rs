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

mod consult;
mod document;
mod existence;
mod facts;
mod pdf;
mod proven;
mod renewal;
mod report;
mod revocation;
mod rules;

pub use existence::CheckpointToken;
pub use pdf::{Extent, InPdf, Pdf};
pub use proven::{AboutDocument, Proven, RevocationKnown};
pub use renewal::{RenewalFacts, RenewalReport};
pub use report::{
    AnswerFacts, CertificateFacts, Check, ConsultedInformation, ConsultedToken, Existence, Facts,
    Indication, InformationFacts, IssuerState, ListFacts, Outcome, ProvenBy, Report, ResponseFacts,
    Revocation, StampedCheckpoint, Statement, Step, SubIndication, Witnessed,
};

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
use ishibumi_tlog::foreign;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::policy::{Demand, TrustedCheckpoint};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Hash, Policy, ProvenLeaf};

use consult::Sources;
use proven::Pieces;
use revocation::{Question, RevocationHolds, Subject};

/// Verifies evidence under one policy and one set of anchors.
#[derive(Debug)]
pub struct Verifier<'a> {
    /// Which logs and witnesses are trusted, and what quorum: see also [`Policy::demanding`].
    pub policy: &'a Policy,
    /// Which certificates are trusted or known.
    pub anchors: &'a Anchors,
    /// Whether missing revocation data make the verdict INDETERMINATE.
    pub require_revocation: bool,
    /// What time it is, if somebody knows: lists and responses of a later time are of no time that has been,
    /// and say nothing in favour of a certificate. The verifier has no clock of its own.
    pub now: Option<Time>,
}

/// What is to be verified.
pub struct Evidence<'a> {
    /// The artifact, DER, BER or PEM.
    pub artifact: &'a [u8],
    /// What it is; none to find out by reading it.
    pub artifact_type: Option<ArtifactType>,
    /// The `tlog-proof@v1` file.
    pub proof: &'a [u8],
    /// The document that a token is about, if it is at hand. Read to its end, in pieces.
    pub document: Option<&'a mut dyn Read>,
    /// Lists and OCSP responses to learn about revocation from.
    pub revocation: &'a [RevocationData<'a>],
    /// Time-stamp tokens over checkpoints.
    pub checkpoint_tokens: &'a [CheckpointToken<'a>],
}

/// A revocation list or an OCSP response, and the proof that it is in the log, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct RevocationData<'a> {
    /// The caller's name for it, such as a path. It is in the report.
    pub name: &'a str,
    /// The CRL or OCSPResponse, DER or PEM.
    pub octets: &'a [u8],
    /// Its own `tlog-proof@v1` file.
    pub proof: Option<&'a [u8]>,
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

impl Verifier<'_> {
    /// Verifies `evidence`.
    pub fn verify(&self, evidence: Evidence<'_>) -> Result<Report, VerifyError> {
        let policy = &*self.policy_then();
        Verifier { policy, ..*self }.judge(evidence)
    }

    /// The policy, as far as its algorithms count: where Ed25519 has ended, only a quorum without it still
    /// proves something.
    pub(crate) fn policy_then(&self) -> Cow<'_, Policy> {
        let ended = self.anchors.had_ended(Primitive::Ed25519);
        if ended && self.policy.can_be_met(Demand::PostQuantum) {
            return Cow::Owned(self.policy.clone().demanding(Demand::PostQuantum));
        }
        Cow::Borrowed(self.policy)
    }

    /// Which algorithm of the log had ended by the time at which everything is proven to have been there.
    pub(crate) fn log_ended(&self) -> Option<Ended> {
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
                check_inclusion(&mut report, head, &proof, admitted)
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
            let proven = self.judge_admitted(&mut report, evidence, &admitted, leaf)?;
            report.proven = proven.map(Box::new);
        }
        Ok(report)
    }

    /// What follows once the artifact keeps its rules. Every step is taken, whatever the others find; all of
    /// them together are the verdict in favour.
    fn judge_admitted(
        &self,
        report: &mut Report,
        evidence: Evidence<'_>,
        admitted: &Admitted,
        leaf: Option<ProvenLeaf>,
    ) -> Result<Option<Proven>, VerifyError> {
        let verified = admitted.verified();
        let believed = rules::check_mark(self, report, admitted);
        report.facts = facts::of(admitted).filter(|_| believed.is_some());
        let witnessed = leaf.as_ref().and_then(|leaf| leaf.head().not_after());
        let (sources, consulted) = self.consult(
            evidence.revocation,
            path_of(verified),
            witnessed.map(rules::time_of),
        );
        report.information = consulted;
        let timed = leaf.map(|leaf| {
            let tokens = evidence.checkpoint_tokens;
            let existence = existence::check(self, report, &leaf, admitted, tokens, &sources);
            let of_log = rules::check_log_algorithms(self, report);
            report.existence = existence.filter(|_| of_log.is_some());
            let not_after = report.existence.map(|existence| existence.not_after);
            let algorithms = rules::check_algorithms(self, report, verified, not_after, of_log);
            let times = rules::check_times(self, report, verified, not_after);
            (leaf, algorithms, times)
        });
        let document = document::check(report, verified, evidence.document)?;
        let revocation = self.check_revocation(report, verified, &sources);
        let pieces = || {
            let (leaf, algorithms, times) = timed?;
            Some(Pieces {
                leaf,
                believed: believed?,
                existence: report.existence,
                algorithms: algorithms?,
                times: times?,
                document: document?,
                revocation: revocation?,
            })
        };
        Ok(pieces().map(Pieces::conclude))
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
            _ => return None,
        };
        let question = Question {
            path,
            subject,
            about,
            existence: report.existence.map(|existence| existence.not_after),
            required: self.require_revocation,
        };
        let answer = question.answer(sources);
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

    fn check_head(
        &self,
        report: &mut Report,
        proof: &[u8],
    ) -> Option<(TrustedCheckpoint, TlogProof)> {
        let proof = match foreign::named(TlogProof::parse(proof), proof) {
            Ok(proof) => proof,
            Err(error) => {
                // As good as none: somebody else's copy of it may prove everything.
                let failed = Outcome::Failed(SubIndication::from(ProofFault::Unread));
                report.note(Step::ProofFile, failed, error.to_string());
                return None;
            }
        };
        report.note(Step::ProofFile, Outcome::Passed, "");
        match self.policy.check_checkpoint(&proof.checkpoint) {
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
                let failed = Outcome::Failed(SubIndication::from(refusal.fault()));
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
            proven: None,
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
        _ => &[],
    }
}

/// The checkpoint is trusted already: its signatures are not verified again.
fn check_inclusion(
    report: &mut Report,
    head: TrustedCheckpoint,
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
