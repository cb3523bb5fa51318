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
mod existence;
mod facts;
mod pdf;
mod renewal;
mod report;
mod revocation;
mod rules;

pub use existence::CheckpointToken;
pub use pdf::{Extent, InPdf, Pdf};
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
    Admitted, Anchors, ArtifactType, Certificate, Record, Refusal, Verified, VerifiedToken,
    admit_marking,
};
use ishibumi_tlog::fault::Fault as ProofFault;
use ishibumi_tlog::foreign;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::policy::{Demand, TrustError};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Hash, Policy, ProvenLeaf};

use consult::Sources;
use revocation::{Question, Subject};

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
        let proof = self.check_head(&mut report, evidence.proof);
        // A proof that is shown to be false decides; whatever the artifact is, nothing changes that.
        if report.indication() == Indication::TotalFailed {
            return Ok(report);
        }
        let admitted = self.check_artifact(&mut report, &evidence);
        let proven = match (&proof, &admitted) {
            (Some(proof), Some(admitted)) => self.check_inclusion(&mut report, proof, admitted),
            _ => {
                let why = "not reached: it needs a trusted checkpoint and a record";
                report.note(Step::Inclusion, Outcome::NotChecked, why);
                None
            }
        };
        report.checks.sort_by_key(|check| check.step);
        report.statement = proven.as_ref().map(|leaf| self.statement(leaf));
        let Some(admitted) = admitted else {
            return Ok(report);
        };
        let not_marked = rules::check_mark(self, &mut report, &admitted);
        report.facts = facts::of(&admitted).filter(|_| not_marked);
        let witnessed = proven.as_ref().and_then(|leaf| leaf.head().not_after());
        let sources = self.consult(
            &mut report,
            evidence.revocation,
            path_of(admitted.verified()),
            witnessed.map(rules::time_of),
        );
        if let Some(leaf) = &proven {
            let tokens = evidence.checkpoint_tokens;
            report.existence =
                existence::check(self, &mut report, leaf, &admitted, tokens, &sources);
            if !rules::check_log_algorithms(self, &mut report) {
                report.existence = None;
            }
            let not_after = report.existence.map(|existence| existence.not_after);
            rules::check_algorithms(self, &mut report, admitted.verified(), not_after);
            rules::check_as_of(self, &mut report, admitted.verified());
            rules::check_times(&mut report, admitted.verified(), not_after);
        }
        if let Some(document) = evidence.document {
            let Verified::Token(token) = admitted.verified() else {
                return Err(VerifyError::DocumentNotApplicable);
            };
            check_document(&mut report, token, document)?;
        } else if let Verified::Token(_) = admitted.verified() {
            let why = "no document was given: the token is proven, not what it stamps";
            report.note(Step::Document, Outcome::NotChecked, why);
        }
        self.check_revocation(&mut report, admitted.verified(), &sources);
        Ok(report)
    }

    fn check_revocation(&self, report: &mut Report, verified: &Verified, sources: &Sources) {
        let (path, subject, about) = match verified {
            Verified::Token(token) => (
                token.path(),
                Subject::Token(token.accuracy()),
                token.gen_time().time(),
            ),
            Verified::Certificate(path) => match path.certificates().first() {
                Some(certificate) => (path, Subject::Certificate, certificate.not_before()),
                None => return,
            },
            // A list or a response is a statement; nothing revokes it.
            _ => return,
        };
        let question = Question {
            path,
            subject,
            about,
            existence: report.existence.map(|existence| existence.not_after),
            required: self.require_revocation,
        };
        let answer = question.answer(sources);
        let (outcome, detail) = answer.signer_outcome;
        report.note(Step::Revocation, outcome, detail);
        if let Some((outcome, detail)) = answer.issuers_outcome {
            report.note(Step::IssuerRevocation, outcome, detail);
        }
        report.revocation = answer.signer;
        report.issuers = answer.issuers;
    }

    fn check_head(&self, report: &mut Report, proof: &[u8]) -> Option<TlogProof> {
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
                Some(proof)
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

    fn check_inclusion(
        &self,
        report: &mut Report,
        proof: &TlogProof,
        admitted: &Admitted,
    ) -> Option<ProvenLeaf> {
        match self.policy.check_proof(proof, &admitted.record().encode()) {
            Ok(proven) => {
                report.note(Step::Inclusion, Outcome::Passed, "");
                Some(proven)
            }
            Err(error) => {
                let failed = Outcome::Failed(SubIndication::from(&error));
                let detail = match error {
                    TrustError::Inclusion(error) => {
                        format!("the record of this artifact is not what the proof proves: {error}")
                    }
                    other => other.to_string(),
                };
                report.note(Step::Inclusion, failed, detail);
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

fn check_document(
    report: &mut Report,
    token: &VerifiedToken,
    document: &mut dyn Read,
) -> Result<(), VerifyError> {
    let mut hasher = token.document_hasher();
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = match document.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(VerifyError::Document)?,
        };
        if read == 0 {
            break;
        }
        hasher.update(piece.get(..read).unwrap_or_default());
    }
    let digest = hasher.finish();
    let name = token.imprint_algorithm().name();
    if token.check_document_digest(&digest) {
        report.note(
            Step::Document,
            Outcome::Passed,
            format!("its {name} is the one stamped"),
        );
    } else {
        let detail = format!(
            "the {name} of the document is {}, the token stamps {}",
            hex::encode(&digest),
            hex::encode(token.imprint())
        );
        report.note(
            Step::Document,
            Outcome::Failed(SubIndication::HashFailure),
            detail,
        );
    }
    Ok(())
}
