//! `ishibumi evidence`: the proof of an artifact that is already in a log (here), and evidence files (each
//! subcommand in a file of its own).

mod extract;
mod file;
mod merge;
mod pack;
mod renew;
mod renewals;
mod show;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ishibumi::fetch::{
    Blame, EvidenceError, Refused, Source, SourceError, evidence, first_verified,
};
use ishibumi_artifact::{ArtifactType, record_of};
use ishibumi_tlog::hash::leaf_hash;
use serde_json::json;

use super::sha1::{self, ExistedOn};
use super::trust::{self, Terms};
use super::{Exit, Failure, Voice, files, network};

const EXAMPLES: &str = "Examples:
  ishibumi evidence get --log https://log.example --anchors anchors/ contract.tst
  ishibumi evidence get --log https://log.example --anchors anchors/ --policy policy.txt contract.tst
  ishibumi evidence get --from https://log.example --from https://mirror.example/log --from copy/ \
      --anchors anchors/ --policy policy.txt contract.tst

The record is rebuilt from the artifact, here; the log learns nothing but its leaf hash. Of several
sources the first with a proof that verifies wins, and what the others failed with is told. A directory
or mirror without /v1/proof suffices: the record is searched in its tiles (that takes a policy).

Exit codes: 0 done, 1 the artifact breaks the rules or the answer is false, 2 usage,
3 unavailable (also: the log does not hold it), 4 its checkpoint has no quorum yet.";

/// Work with evidence
#[derive(Debug, Args)]
pub(crate) struct EvidenceArguments {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Fetch the proof of an artifact that is already in a log
    #[command(after_help = EXAMPLES)]
    Get(GetArguments),
    Pack(pack::PackArguments),
    Show(show::ShowArguments),
    Verify(verify::VerifyArguments),
    Extract(extract::ExtractArguments),
    Merge(merge::MergeArguments),
    Renew(renew::RenewArguments),
}

#[derive(Debug, Args)]
struct GetArguments {
    /// URL of the log or a mirror, or a directory with its files; several are asked in their order
    #[arg(long, visible_alias = "log", value_name = "URL|DIR", required = true)]
    from: Vec<String>,
    /// Trusted certificates, as for `verify`: the record is rebuilt with them
    #[arg(long, value_name = "DIR")]
    anchors: PathBuf,
    /// Verify the proof under this policy before it is written
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The quorum has to be met by ML-DSA-44 cosignatures alone
    #[arg(long, requires = "policy")]
    post_quantum: bool,
    #[arg(long, value_name = "DATE", help = sha1::HELP)]
    accept_sha1: Option<ExistedOn>,
    /// Seconds to wait for a busy log
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// Where to write the proof; by default ARTIFACT.tlog-proof
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Time-stamp token or reply, certificate, or CRL; DER or PEM
    artifact: PathBuf,
}

pub(crate) fn run(arguments: &EvidenceArguments, voice: Voice) -> Result<Exit, Failure> {
    match &arguments.command {
        EvidenceCommand::Get(arguments) => get(arguments, voice),
        EvidenceCommand::Pack(arguments) => pack::run(arguments, voice),
        EvidenceCommand::Show(arguments) => show::run(arguments, voice),
        EvidenceCommand::Verify(arguments) => verify::run(arguments, voice),
        EvidenceCommand::Extract(arguments) => extract::run(arguments, voice),
        EvidenceCommand::Merge(arguments) => merge::run(arguments, voice),
        EvidenceCommand::Renew(arguments) => renew::run(arguments, voice),
    }
}

fn get(arguments: &GetArguments, voice: Voice) -> Result<Exit, Failure> {
    let octets = files::read(&arguments.artifact, files::ARTIFACT_LEN_MAX)?;
    let anchors = files::anchors(&arguments.anchors, arguments.accept_sha1)?;
    let name = arguments.artifact.display();
    let kind = ArtifactType::detect(&octets).ok_or_else(|| {
        Failure::usage(format!(
            "{name}: neither a time-stamp token or reply, nor a certificate, nor a CRL"
        ))
    })?;
    let record = record_of(kind, &octets, &anchors)
        .map_err(|refusal| Failure::new(Exit::Disproven, format!("{name}: {refusal}")))?;
    let leaf = leaf_hash(&record.encode());
    let sources = network::sources(&arguments.from)?;
    let policy = arguments.policy.as_ref();
    let terms = policy.map(|policy| Terms::read(policy, arguments.post_quantum, anchors));
    let terms = terms.transpose()?;
    let policy = terms.as_ref().map(Terms::policy);
    let timeout = Duration::from_secs(arguments.timeout);
    let bar = network::progress_bar(0, "records searched");
    let ended = network::block_on(async {
        let attempt = async |source: &Source| {
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            let proof = evidence(source, leaf, policy, timeout, progress).await;
            let proof = proof.map_err(|error| (error.blame(), failure(&error)))?;
            let found = proof.encode().into_bytes();
            // The rules of the artifact at the proven time are the artifact's affair, not the source's.
            let verified = terms
                .as_ref()
                .map_or(Ok(()), |terms| terms.verify(&octets, &found));
            verified.map_err(|failure| (Blame::Silent, failure))?;
            Ok((proof.index, found))
        };
        Ok(first_verified(&sources, attempt, |(blame, _)| *blame).await)
    })?;
    bar.finish_and_clear();
    let won = ended.map_err(|refused| {
        network::nobody(&refused, |_, (_, failure): &(Blame, Failure)| {
            failure.clone()
        })
    })?;
    let refused: Vec<Refused<String>> = won.refused.iter().map(spoken).collect();
    network::tell_refused(&refused);
    let (index, proof) = &won.answer;
    let out = arguments.out.clone();
    let path = out.unwrap_or_else(|| files::proof_path(&arguments.artifact, None));
    files::write(&path, proof)?;
    let verified = arguments.policy.is_some();
    let shown = path.display().to_string();
    let value = json!({
        "leaf": leaf.to_hex(),
        "index": index,
        "proof": shown,
        "verified": verified,
        "from": won.source,
        "refused": network::refused_json(&refused),
    });
    let how = if verified { "verified" } else { "not verified" };
    voice.say(
        &value,
        &format!("{name}: record {index}, proof in {shown} ({how})\n"),
    );
    Ok(Exit::Proven)
}

fn spoken(refused: &Refused<(Blame, Failure)>) -> Refused<String> {
    let (_, failure) = &refused.error;
    Refused {
        source: refused.source.clone(),
        error: failure.message.clone(),
    }
}

fn failure(error: &EvidenceError) -> Failure {
    match error {
        EvidenceError::Api(error) => network::api_failure(error),
        EvidenceError::NotYet(_) => {
            Failure::new(Exit::Indeterminate, error).advice("ask again in a few seconds")
        }
        EvidenceError::NeedsPolicy => Failure::unavailable(error).advice("--policy names one"),
        EvidenceError::NotHeld { .. } => Failure::unavailable(error)
            .advice("submit the artifact, or ask another source: this one may be behind"),
        EvidenceError::Head(head) => trust::head_failure(head, error),
        EvidenceError::Unproven(untrusted) => trust::failure(untrusted, error),
        EvidenceError::Source(SourceError::Malformed(_)) => Failure::new(Exit::Disproven, error),
        EvidenceError::Source(_) => Failure::unavailable(error),
        _ => Failure::new(Exit::Disproven, error),
    }
}
