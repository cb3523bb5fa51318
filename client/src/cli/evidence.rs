//! `ishibumi evidence get`: the proof of an artifact that is already in a log.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ishibumi::fetch::{ApiError, LogClient, ProofAnswer};
use ishibumi_artifact::{ArtifactType, record_of};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::proof::TlogProof;
use serde_json::json;

use super::trust::Terms;
use super::{Exit, Failure, Voice, files, network};

const EXAMPLES: &str = "Examples:
  ishibumi evidence get --log https://log.example --anchors anchors/ contract.tst
  ishibumi evidence get --log https://log.example --anchors anchors/ --policy policy.txt contract.tst

The record is rebuilt from the artifact, here; the log learns nothing but its leaf hash.

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
}

#[derive(Debug, Args)]
struct GetArguments {
    /// URL of the log
    #[arg(long, value_name = "URL", value_parser = network::log_url)]
    log: String,
    /// Trusted certificates, as for `verify`: the record is rebuilt with them
    #[arg(long, value_name = "DIR")]
    anchors: PathBuf,
    /// Verify the proof under this policy before it is written
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The quorum has to be met by ML-DSA-44 cosignatures alone
    #[arg(long, requires = "policy")]
    post_quantum: bool,
    /// Accept SHA-1 in artifacts of the years before 2016
    #[arg(long)]
    accept_sha1: bool,
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
    let EvidenceCommand::Get(arguments) = &arguments.command;
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
    let client = LogClient::new(network::net(), &arguments.log, None);
    let timeout = Duration::from_secs(arguments.timeout);
    let answer = network::block_on(async {
        client
            .proof(leaf, timeout)
            .await
            .map_err(|error| network::api_failure(&error))
    })?;
    let ProofAnswer::Proof(proof) = answer else {
        let message = format!(
            "{name}: the log holds the record {leaf}, but no quorum cosigned a checkpoint with it yet"
        );
        return Err(Failure::new(Exit::Indeterminate, message).advice("ask again in a few seconds"));
    };
    let parsed = TlogProof::parse(&proof).map_err(|error| {
        let reason = error.to_string();
        network::api_failure(&ApiError::NotUnderstood {
            status: 200,
            reason,
        })
    })?;
    if let Some(policy) = &arguments.policy {
        Terms::read(policy, arguments.post_quantum, anchors)?.verify(&octets, &proof)?;
    }
    let out = arguments.out.clone();
    let path = out.unwrap_or_else(|| files::proof_path(&arguments.artifact, None));
    files::write(&path, &proof)?;
    let verified = arguments.policy.is_some();
    let (index, shown) = (parsed.index, path.display().to_string());
    let value =
        json!({ "leaf": leaf.to_hex(), "index": index, "proof": shown, "verified": verified });
    let how = if verified { "verified" } else { "not verified" };
    voice.say(
        &value,
        &format!("{name}: record {index}, proof in {shown} ({how})\n"),
    );
    Ok(Exit::Proven)
}
