//! `ishibumi proof least`: makes the shortest proof that still holds.
//!
//! For where space is short. The whole proof stays as it is, since another policy, or another
//! century, may need the signatures that are cut off.

use std::path::PathBuf;

use clap::Args;
use ishibumi_cli::render::rfc3339;
use ishibumi_tlog::proof::TlogProof;
use serde_json::json;

use super::trust::{self, Trust};
use super::{Exit, Failure, Output, files};

pub(super) const EXAMPLES: &str = "Examples:
  ishibumi proof least --policy policy.txt --out small.tlog-proof contract.tst.tlog-proof
  ishibumi proof least --policy policy.txt --post-quantum --out small.tlog-proof contract.tst.tlog-proof

Keep the whole proof too: what is left out may be what another policy asks for, and without --post-quantum the
small one is worth nothing once Ed25519 is broken. Whether the entry is in the tree is not looked at here:
ishibumi verify and ishibumi proof verify do that, with either proof.

Exit codes: 0 written, 1 a signature is false, 2 usage, or the file to write is another one already, 3 a file is missing,
4 the proof cannot be read, the policy does not know the log, or the quorum is not met.";

#[derive(Debug, Args)]
pub(super) struct LeastArguments {
    #[command(flatten)]
    trust: Trust,
    /// Where to write the small proof; nothing is written over
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The proof; `-` for standard input
    proof: PathBuf,
}

pub(super) fn run(arguments: &LeastArguments, voice: Output) -> Result<Exit, Failure> {
    let (out, shown) = (arguments.out.display(), arguments.proof.display());
    let policy = arguments.trust.read()?;
    let proof = files::parsed_proof(&files::read_proof(&arguments.proof)?, &shown)?;
    let head = policy
        .least(&proof.checkpoint, policy.demand())
        .map_err(|error| trust::failure(&error, format!("{shown}: {error}")))?;
    let whole = proof.encode().len();
    let small = TlogProof {
        checkpoint: head.note().clone(),
        ..proof
    }
    .encode();
    files::write(&arguments.out, small.as_bytes())?;
    let signatures = head.note().signatures().len();
    let time = head.not_after().map(rfc3339);
    let value = json!({
        "written": arguments.out,
        "octets": small.len(),
        "octets_before": whole,
        "signatures": signatures,
        "post_quantum": arguments.trust.post_quantum,
        "not_after": time,
    });
    let len = small.len();
    let text = if voice.language.is_english() {
        format!(
            "{out}: {len} octets with {signatures} signatures, of {whole}. Keep the whole proof as well.\n"
        )
    } else {
        format!(
            "{out}：署名 {signatures} 個、{len} オクテット（元は {whole} オクテット）。元の証明も保管してください。\n"
        )
    };
    voice.say(&value, &text);
    Ok(Exit::Proven)
}
