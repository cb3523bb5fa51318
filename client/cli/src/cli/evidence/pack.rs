//! `ishibumi evidence pack`: artifacts, proofs, and all that belongs to them, in one file.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use ishibumi_tlog::shown::add_line;
use serde_json::json;

use super::super::with_proof::with_proofs;
use super::super::{Exit, Failure, Output, files, network};
use super::left_out::{self, Inputs, LeftOut};
use super::packer::Packer;
use super::{anchored, file, verify};

const EXAMPLES: &str = "Examples:
  ishibumi evidence pack --policy policy.txt --anchors anchors/ --document contract.pdf contract.tst
  ishibumi evidence pack --policy policy.txt --anchors anchors/ --document documents/ \\
      --revocation ca.crl --checkpoint-token log.tst --out 2026.evidence.zip artifacts/
  ishibumi evidence pack --policy policy.txt --anchors anchors/ --from https://log.example contract.tst

Of a folder, and of those in it, every artifact with a proof beside it, or in it (`ishibumi evidence embed`), is
packed. A document is found as
`verify --batch` finds it: beside its token, or in the folder by the hash that the token stamps, whatever it
is called. What is left out is named: a file without a proof, a token without its document, a document with
another hash than the one stamped. Certificates between artifact and anchor are packed too; policy and
anchors only for information, since whoever verifies uses his own. What does not verify is not packed.
With --from, what the log holds of TSAs' tokens over its checkpoints is packed as well, if --anchors has the
TSAs' certificates: a proof of time for whoever trusts no witness.
The file is a ZIP that any tool opens; META-INF/README.txt inside says how to verify by hand. Nothing is
written over: where another file is already, it stays.

Exit codes: 0 all of it is packed, 1 something is disproven, or a document beside a token is not the one
stamped, 2 usage, 3 unavailable, 4 something cannot be proven, or was left out.";

/// Pack artifacts, documents, proofs and revocation data into one file
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PackArguments {
    #[command(flatten)]
    terms: verify::TermsArguments,
    /// A document that a token stamps, or a folder in which to look for them
    #[arg(long, value_name = "PATH")]
    document: Vec<PathBuf>,
    /// Pack no documents: the tokens are proven then, not what they stamp
    #[arg(long, conflicts_with = "document")]
    no_documents: bool,
    /// A revocation list or an OCSP response, or a folder of them; a proof beside one is packed too
    #[arg(long, value_name = "PATH")]
    revocation: Vec<PathBuf>,
    /// A time-stamp token over the text of a checkpoint, or a folder of them; with a proof beside
    /// it, over the checkpoint of that proof
    #[arg(long, value_name = "PATH")]
    checkpoint_token: Vec<PathBuf>,
    /// A record about a provider or the log, its very octets, with its proof beside it; or a folder
    #[arg(long, value_name = "PATH")]
    statement: Vec<PathBuf>,
    /// Fetch the first token of each TSA over a checkpoint that covers an artifact, from this log,
    /// mirror or folder; several are asked in their order
    #[arg(long, value_name = "URL|DIR")]
    from: Vec<String>,
    /// Pack also what does not verify, and say so
    #[arg(long)]
    unverified: bool,
    /// Where to write; by default beside the first artifact, with `.evidence.zip` behind its name
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Artifacts with their proofs beside or in them, or folders
    #[arg(required = true)]
    artifacts: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &PackArguments, voice: Output) -> Result<Exit, Failure> {
    let terms = arguments.terms.read()?;
    let mut packer = Packer::new(terms.policies(), terms.anchors());
    packer
        .collection
        .policies
        .push(terms.policy_file().to_vec());
    let out = out(arguments);
    files::check_free(&out, Some(file::BEGINS))?;
    let Inputs {
        artifacts,
        others,
        status,
        mut left,
    } = Inputs::look(&arguments.artifacts, &out)?;
    packer.add_artifacts(&artifacts)?;
    if !arguments.no_documents {
        left.extend(packer.add_named_documents(&arguments.document)?);
        left.extend(packer.find_documents(&others)?);
    }
    left_out::keep_first(&mut left);
    for data in with_proofs(&[&arguments.revocation[..], &status].concat())? {
        packer.add_revocation(data)?;
    }
    for token in with_proofs(&arguments.checkpoint_token)? {
        packer.add_stamp(token)?;
    }
    for record in with_proofs(&arguments.statement)? {
        packer.add_statement(&record)?;
    }
    let anchored = if arguments.from.is_empty() {
        None
    } else {
        let sources = network::sources(&arguments.from)?;
        let items = &packer.collection.items;
        let found = anchored::fetch(&sources, &terms, items, voice.language)?;
        Some(packer.add_anchors(found)?)
    };
    let octets = std::mem::take(&mut packer.collection).encode();
    let octets = Bytes::from(octets.map_err(|error| file::refused(&error))?);
    // The verdict is about the file as others will read it.
    let read = file::decode(&octets, "the packed file")?;
    let judged = verify::judge(&read, terms);
    if judged.exit() != Exit::Proven && !arguments.unverified {
        let failures = judged.failures(voice.language);
        let failures = failures.lines().filter(|line| !line.is_empty());
        let message = "nothing was packed, since not all of it verifies";
        return Err(Failure::new(judged.exit(), message)
            .lines(failures.map(str::to_owned))
            .advice("--unverified packs it all the same")
            .in_japanese(
                "検証できないものがあるため、何も格納していません（下記参照）。それでも格納する場合は --unverified を付けてください。",
            ));
    }
    files::write(&out, &octets)?;
    let verified = judged.exit() == Exit::Proven;
    let (shown, items) = (out.display().to_string(), read.items.len());
    let documents = read.items.iter().filter(|item| item.document.is_some());
    let documents = documents.count();
    let line = match (voice.language.is_english(), verified) {
        (true, true) => format!("{shown}: {items} artifacts, {documents} documents, all verified"),
        (true, false) => {
            format!("{shown}: {items} artifacts, {documents} documents, NOT ALL VERIFIED")
        }
        (false, true) => {
            format!("{shown}：成果物 {items} 件、文書 {documents} 件（すべて検証済み）")
        }
        (false, false) => {
            format!("{shown}：成果物 {items} 件、文書 {documents} 件（検証できないものがあります）")
        }
    };
    let mut text = String::new();
    add_line(&mut text, line);
    if !verified {
        text.push_str(&judged.failures(voice.language));
    }
    text.push_str(&left_out::text(&left, voice.language));
    let value = json!({
        "file": shown,
        "octets": octets.len(),
        "items": items,
        "documents": documents,
        "verified": verified,
        "covered_by_tsa_tokens": anchored,
        "left_out": left.iter().map(LeftOut::json).collect::<Vec<_>>(),
    });
    voice.say(&value, &text);
    Ok(left_out::exit(&left))
}

/// The path of the file to write.
fn out(arguments: &PackArguments) -> PathBuf {
    let first = arguments.artifacts.first().map(PathBuf::as_path);
    let beside = || file::default_path(first.unwrap_or(Path::new("evidence")));
    arguments.out.clone().unwrap_or_else(beside)
}
