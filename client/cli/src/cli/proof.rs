//! `ishibumi proof`: any C2SP tlog-proof of any log, verified offline, or cut to what it needs.
//!
//! What the entry means is not known here. `ishibumi verify` is for artifacts: it rebuilds the
//! record from the artifact and says what it proves.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ishibumi::verify::SubIndication;
use ishibumi_cli::render::rfc3339;
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::policy::{AlgorithmRequirement, TrustError};
use ishibumi_tlog::tile::ENTRY_LEN_MAX;
use serde_json::json;

use super::trust::{self, Trust};
use super::{Exit, Failure, Output, files, proof_least};

const EXAMPLES: &str = "Examples:
  ishibumi proof verify --policy policy.txt --entry entry.bin entry.tlog-proof
  ishibumi proof verify --policy policy.txt --leaf 4a5e1e4b... --post-quantum entry.tlog-proof
  ishibumi proof verify --policy sigsum.txt --allow-no-quorum --entry leaf.bin leaf.tlog-proof

For proofs of any log (C2SP tlog-proof). What is proven: the entry with these octets is in a tree that
the log signed and the policy's quorum cosigned. What the entry says is not looked at; for artifacts,
ishibumi verify does.

Exit codes: 0 proven, 1 disproven (another entry, a false signature), 2 usage, 3 a file is missing,
4 the proof cannot be read, the policy does not know the log, or the quorum is not met.";

/// Work with proofs of any log (C2SP tlog-proof)
#[derive(Debug, Args)]
pub(crate) struct ProofArguments {
    #[command(subcommand)]
    command: ProofCommand,
}

#[derive(Debug, Subcommand)]
enum ProofCommand {
    /// Verify offline that an entry is in a log: no socket is opened
    #[command(after_help = EXAMPLES)]
    Verify(VerifyArguments),
    /// Write a proof with the fewest signatures that the policy accepts, for where room is short
    #[command(after_help = proof_least::EXAMPLES)]
    Least(proof_least::LeastArguments),
}

#[derive(Debug, Args)]
struct VerifyArguments {
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    entry: Entry,
    /// The proof; `-` for standard input
    proof: PathBuf,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Entry {
    /// The entry, its very octets; `-` for standard input
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Instead of the entry, its RFC 6962 leaf hash: 64 lowercase hexadecimal digits
    #[arg(long, value_name = "HASH", value_parser = leaf)]
    leaf: Option<Hash>,
}

fn leaf(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "expected 64 lowercase hexadecimal digits".to_owned())
}

pub(crate) fn run(arguments: &ProofArguments, voice: Output) -> Result<Exit, Failure> {
    match &arguments.command {
        ProofCommand::Verify(arguments) => verify(arguments, voice),
        ProofCommand::Least(arguments) => proof_least::run(arguments, voice),
    }
}

fn verify(arguments: &VerifyArguments, voice: Output) -> Result<Exit, Failure> {
    let policy = arguments.trust.read()?;
    let leaf = match (&arguments.entry.entry, arguments.entry.leaf) {
        (Some(path), _) => leaf_hash(&files::read(path, ENTRY_LEN_MAX)?),
        (None, Some(leaf)) => leaf,
        (None, None) => return Err(Failure::usage("neither --entry nor --leaf is given")),
    };
    let shown = arguments.proof.display();
    let proof = files::parsed_proof(&files::read_proof(&arguments.proof)?, &shown)?;
    let head = policy
        .check_leaf(&proof, leaf, policy.demand())
        .map_err(|error| refusal(&error, &shown))?;
    let checkpoint = head.checkpoint();
    let index = proof.index;
    let names: Vec<&str> = head.cosignatures().iter().map(|c| &*c.name).collect();
    let post_quantum = policy.demand() == AlgorithmRequirement::PostQuantum;
    let value = json!({
        "proven": true,
        "leaf": leaf.to_hex(),
        "index": index,
        "log": checkpoint.origin,
        "tree_size": checkpoint.size,
        "root": checkpoint.root.to_hex(),
        "witnesses": names,
        "witnesses_in_policy": policy.counted(policy.demand()),
        "post_quantum": post_quantum,
        "not_after": head.not_after().map(rfc3339),
    });
    let (origin, size) = (&checkpoint.origin, checkpoint.size);
    let by = if post_quantum {
        " (ML-DSA-44 alone)"
    } else {
        ""
    };
    let (seen, known) = (head.witness_count(), policy.counted(policy.demand()));
    let time = head.not_after().map(rfc3339);
    let text = match (time, voice.language.is_english()) {
        (Some(time), true) => format!(
            "PROVEN: the entry {leaf} is number {index} in a tree of {size} of the log {origin}.\n\
             It existed before {time}, when the quorum{by} was complete; {seen} of {known} witnesses saw it.\n"
        ),
        (Some(time), false) => format!(
            "証明済み：エントリー {leaf} はログ {origin} の {size} 件の木の {index} 番です。\n\
             定足数{by}がそろった {time} より前に存在していました。証人 {known} 者のうち {seen} 者が確認しています。\n"
        ),
        (None, true) => format!(
            "PROVEN on the log's word: the entry {leaf} is number {index} in a tree of {size} of the log {origin}.\n\
             The policy asks for no witness, so no time is proven.\n"
        ),
        (None, false) => format!(
            "ログのみによる証明：エントリー {leaf} はログ {origin} の {size} 件の木の {index} 番です。\n\
             ポリシーが証人を求めていないため、時刻は証明されません。\n"
        ),
    };
    voice.say(&value, &text);
    Ok(Exit::Proven)
}

fn refusal(error: &TrustError, shown: &impl std::fmt::Display) -> Failure {
    let failure = trust::failure(error, format!("{shown}: {error}"));
    match SubIndication::from(error) {
        SubIndication::HashFailure => failure.advice(
            "either this is not the entry that the proof is about, or proof and checkpoint do not fit",
        ),
        _ => failure,
    }
}
