//! `ishibumi evidence merge`: several evidence files into one.

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use ishibumi::evidence::Collection;
use serde_json::json;

use super::super::{Exit, Failure, Output, files};
use super::file;

const EXAMPLES: &str = "Examples:
  ishibumi evidence merge --out 2026.evidence.zip january.evidence.zip february.evidence.zip

Artifacts under one checkpoint then share their proof, and what several files have is there once: the
result is the same, octet by octet, as if all had been packed at once. Nothing is verified; `ishibumi
evidence verify` does.

Exit codes: 0 done, 1 a file is damaged, or two proofs contradict each other, 2 usage, 3 unavailable,
4 a file is no evidence file that is read here.";

/// Merge evidence files into one
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MergeArguments {
    /// Where to write the result
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Evidence files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &MergeArguments, voice: Output) -> Result<Exit, Failure> {
    files::check_free(&arguments.out, Some(file::BEGINS))?;
    let read = arguments.files.iter().map(|path| file::read(path));
    let all = Collection::merged(read.collect::<Result<Vec<_>, _>>()?);
    let octets = Bytes::from(all.encode().map_err(|error| file::refused(&error))?);
    let merged = file::decode(&octets, "the merged file")?;
    files::write(&arguments.out, &octets)?;
    let (shown, items) = (arguments.out.display().to_string(), merged.items.len());
    let from = arguments.files.len();
    let text = if voice.language.is_english() {
        format!("{shown}: {items} artifacts of {from} files, not verified")
    } else {
        format!("{shown}：{from} ファイルから {items} 件（未検証）")
    };
    let value = json!({
        "file": shown,
        "octets": octets.len(),
        "items": items,
        "verified": false,
    });
    voice.say_line(&value, &text);
    Ok(Exit::Proven)
}
