//! `ishibumi evidence extract`: an evidence file taken apart into the files that `verify` takes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi_tlog::proof::FILE_EXTENSION;
use serde_json::json;

use super::super::{Exit, Failure, Voice};
use super::file;

const EXAMPLES: &str = "Examples:
  ishibumi evidence extract --out contract/ contract.tst.evidence.zip
  ishibumi verify --policy policy.txt --anchors anchors/ --document contract/contract.pdf \\
      --revocation contract/revocation contract/contract.tst

Artifacts and documents go into the folder, each artifact with its own proof beside it; lists, responses
and their proofs into `revocation`; tokens over checkpoints into `checkpoint-tokens/ARTIFACT`;
certificates below the anchors into `certificates`; statements, with their proofs, into `statements`;
policy and anchors of the packer, which nobody has to trust, into `information`. Nothing that is there
already is overwritten. Nothing is verified.

Exit codes: 0 done, 1 the file is damaged, 2 a file is there already, 3 unavailable.";

/// Take an evidence file apart into ordinary files
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExtractArguments {
    /// The folder to write to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The evidence file
    file: PathBuf,
}

pub(crate) fn run(arguments: &ExtractArguments, voice: Voice) -> Result<Exit, Failure> {
    let renewed = file::open(&arguments.file)?;
    let collection = renewed.collection();
    let mut written = Vec::new();
    for (name, octets) in collection.extracted() {
        let path = arguments.out.join(&name);
        write_new(&path, &octets)?;
        written.push(name);
    }
    let shown = arguments.out.display().to_string();
    let text = if voice.language.is_english() {
        format!("{shown}: {} files, not verified\n", written.len())
    } else {
        format!("{shown}：{} ファイル（未検証）\n", written.len())
    };
    let proof = format!(".{FILE_EXTENSION}");
    let proofs = written.iter().filter(|name| name.ends_with(&proof)).count();
    let value = json!({
        "folder": shown,
        "files": written,
        "proofs": proofs,
        "verified": false,
    });
    voice.say(&value, &text);
    Ok(Exit::Proven)
}

/// Writes a file that was not there. Names come from the evidence file, so nothing is ever replaced,
/// nor is a link followed at the last step.
fn write_new(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let failure = format!("{}: {error}", path.display());
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::usage(failure).advice("choose another folder with --out")
        } else {
            Failure::unavailable(failure)
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(octets).map_err(failed)
}
