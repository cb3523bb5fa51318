//! `ishibumi verify`: evidence, offline.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi::evidence::embed::decisive;
use ishibumi::evidence::pdf::{self, Beside, Place};
use ishibumi::succession::Policies;
use ishibumi::verify::Pdf;
use ishibumi::{Evidence, Verifier, VerifyError};
use ishibumi_artifact::Anchors;
use ishibumi_cli::render;
use ishibumi_tlog::Policy;

use super::batch::{self, BatchArguments};
use super::dated::{DatedRules, TimeZone};
use super::revocation::AskRevocation;
use super::sha1::{self, ExistedOn};
use super::trust::Trust;
use super::with_proof::{WithProof, no_proof, proofs, read, with_proofs};
use super::{Exit, Failure, Output, collect, files, in_pdf, mistaken};

const EXAMPLES: &str = "Examples:
  ishibumi verify --policy policy.txt --anchors anchors/ contract.tst
  ishibumi verify --policy policy.txt --anchors anchors/ --document contract.pdf contract.tst
  ishibumi verify --policy policy.txt --anchors anchors/ --revocation ca.crl seal.crt seal.tlog-proof
  ishibumi verify --policy policy.txt --anchors anchors/ --checkpoint-token log.tst contract.tst
  ishibumi verify --policy policy.txt --anchors anchors/ --post-quantum contract.tst
  ishibumi verify --policy policy.txt --anchors anchors/ invoice.pdf
  ishibumi verify --policy policy.txt --anchors anchors/ --batch 2026/ --from 2026-04-01 \\
      --to 2027-03-31 --require-document --time-zone +09:00 --report report/

Of a PDF every time-stamp in it is verified, with the proof that `ishibumi evidence embed` put into it, or
the one beside the PDF; and whether the PDF was changed after it is said.

Exit codes: 0 proven, 1 disproven, 2 usage, 3 unavailable (a file is missing), 4 indeterminate (also: a PDF
that was changed after its last time-stamp).
docs/verdicts.md says what each verdict means.";

/// Verify evidence offline: no socket is opened
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    trust: Trust,
    /// Trusted certificates: a folder of PEM or DER files, or one file; certificates in the
    /// subfolder `intermediates` are known without being trusted, and those in `responders` are
    /// OCSP responders whose answers are believed
    #[arg(long, value_name = "DIR|FILE")]
    anchors: PathBuf,
    /// The document that the token stamps
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// A revocation list or an OCSP response, or a folder of them; a proof beside one is verified
    /// too. The folder `revocation` beside the artifact is read without being named
    #[arg(long, value_name = "PATH")]
    revocation: Vec<PathBuf>,
    /// A time-stamp token over the text of the proof's checkpoint, or a folder of them; with a
    /// proof beside it, over that proof's checkpoint
    #[arg(long, value_name = "PATH")]
    checkpoint_token: Vec<PathBuf>,
    #[command(flatten)]
    ask_revocation: AskRevocation,
    #[arg(long, value_name = "DATE", help = sha1::HELP)]
    accept_sha1: Option<ExistedOn>,
    #[command(flatten)]
    dated: DatedRules,
    #[command(flatten)]
    zone: TimeZone,
    #[command(flatten)]
    batch: BatchArguments,
    /// Time-stamp token or reply, certificate, CRL or OCSP response, DER or PEM; or a PDF with
    /// time-stamps
    #[arg(required_unless_present = "batch")]
    artifact: Option<PathBuf>,
    /// The proof; by default ARTIFACT.tlog-proof, or ARTIFACT with that extension instead of its
    /// own, or what `ishibumi evidence embed` put into the token
    evidence: Option<PathBuf>,
}

impl VerifyArguments {
    fn anchors(&self) -> Result<Anchors, Failure> {
        let anchors = self
            .dated
            .judging(files::anchors(&self.anchors, self.accept_sha1)?);
        Ok(anchors.with_algorithm_ends(self.dated.ends()?, self.dated.now()))
    }

    /// The lists and responses that were named, and those beside the artifact.
    fn lists(&self) -> Vec<PathBuf> {
        let beside = self.artifact.as_deref().and_then(collect::beside);
        let named = |folder: &PathBuf| self.revocation.iter().any(|it| files::is_one(it, folder));
        let beside = beside.filter(|folder| !named(folder));
        self.revocation.iter().cloned().chain(beside).collect()
    }

    fn verifier<'a>(&self, policy: &'a Policy, anchors: &'a Anchors) -> Verifier<'a> {
        Verifier::builder(policy, anchors)
            .revocation(self.ask_revocation.rule())
            .now(self.dated.now())
            .build()
    }
}

pub(crate) fn run(arguments: &VerifyArguments, voice: Output) -> Result<Exit, Failure> {
    let zone = arguments.zone.of(voice.language);
    let policy = arguments.trust.read()?;
    let anchors = arguments.anchors()?;
    let revocation = with_proofs(&arguments.lists())?;
    let revocation: Vec<_> = revocation.iter().map(WithProof::revocation).collect();
    let tokens = with_proofs(&arguments.checkpoint_token)?;
    let tokens: Vec<_> = tokens.iter().map(WithProof::checkpoint_token).collect();
    let Some(path) = &arguments.artifact else {
        let anchors = batch::remembering(anchors);
        let policies = Policies::new(policy.clone(), Vec::new()).map_err(Failure::usage)?;
        let terms = batch::Terms {
            verifier: arguments.verifier(&policy, &anchors),
            policies: &policies,
            policy_file: &arguments.trust.policy,
            anchors: &|| arguments.anchors(),
            ends: arguments.dated.ends()?,
            now: arguments.dated.now(),
            revocation: &revocation,
            checkpoint_tokens: &tokens,
        };
        return batch::run(&arguments.batch, &terms, zone, voice);
    };
    let artifact = read(path)?;
    let verifier = arguments.verifier(&policy, &anchors);
    if pdf::is_pdf(&artifact) {
        let proof = proof_for_pdf(arguments, path)?;
        let beside = Beside {
            proof: proof.as_deref(),
            revocation: &revocation,
            checkpoint_tokens: &tokens,
        };
        return in_pdf::run((path, &artifact), &verifier, beside, zone, voice);
    }
    let proofs = proofs(path, arguments.evidence.as_deref(), &artifact)?;
    let place = document_in_pdf(arguments, &artifact)?;
    let verify = |proof: &Vec<u8>| {
        let mut document = match &arguments.document {
            // What the token covers there is compared instead.
            _ if matches!(place, Some(InDocument::Token(_))) => None,
            Some(path) => Some(files::open(path)?),
            None => None,
        };
        let mut evidence = Evidence::new(&artifact, proof)
            .revocation(&revocation)
            .checkpoint_tokens(&tokens);
        if let Some(document) = &mut document {
            evidence = evidence.document(document);
        }
        verifier
            .verify(evidence)
            .map_err(|error| refusal(error, arguments))
    };
    let reports = proofs.iter().map(verify).collect::<Result<Vec<_>, _>>()?;
    let report = decisive(reports).ok_or_else(|| no_proof(path))?;
    if let Some(failure) = mistaken::no_artifact(path, &artifact) {
        voice.tell(&failure);
    }
    let report = match place {
        Some(InDocument::Token(place)) => place.judge(report),
        Some(InDocument::CutOut) => report.with_pdf(Pdf::CutOut),
        None => report,
    };
    voice.say(
        &render::json(&report),
        &zone.retold(&render::text(&report, voice.language)),
    );
    Ok(report.indication().into())
}

/// The proof that is named for a PDF, else the one beside it; most have theirs inside.
fn proof_for_pdf(arguments: &VerifyArguments, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    if arguments.document.is_some() {
        return Err(
            Failure::usage(format!("{}: a PDF is its own document", path.display()))
                .advice("leave --document out")
                .in_japanese(format!(
                    "{}：PDF自体が対象文書です。--document を外してください。",
                    path.display()
                )),
        );
    }
    let proof = arguments.evidence.clone();
    let proof = proof.or_else(|| files::proof_beside(path));
    proof.map(|proof| files::read_proof(&proof)).transpose()
}

/// What the document that was named has to do with a PDF.
enum InDocument {
    /// It is a PDF, in which the token stands.
    Token(Place),
    /// It is one version of a PDF, without the token.
    CutOut,
}

fn document_in_pdf(
    arguments: &VerifyArguments,
    token: &[u8],
) -> Result<Option<InDocument>, Failure> {
    let Some(path) = &arguments.document else {
        return Ok(None);
    };
    // Documents of other kinds are of any length, and only hashed.
    let mut start = Vec::new();
    let opened = files::open(path)?;
    let read = opened
        .take(pdf::HEADER_WITHIN as u64)
        .read_to_end(&mut start);
    read.map_err(|error| files::unreadable(path, &error))?;
    if !pdf::is_pdf(&start) {
        return Ok(None);
    }
    let octets = files::read(path, pdf::PDF_LEN_MAX)?;
    if pdf::is_cut_out(&octets) {
        return Ok(Some(InDocument::CutOut));
    }
    Ok(Place::of(token, &octets).map(InDocument::Token))
}

fn refusal(error: VerifyError, arguments: &VerifyArguments) -> Failure {
    match (error, &arguments.document) {
        (VerifyError::Document(error), Some(path)) => files::unreadable(path, &error),
        (error @ VerifyError::DocumentNotApplicable, _) => Failure::usage(error).in_japanese(
            "文書が指定されましたが、対象はタイムスタンプトークンではありません。--document を外してください。",
        ),
        (other, _) => Failure::unavailable(other),
    }
}
