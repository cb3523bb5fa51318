//! `ishibumi evidence entry`: one entry of a log by its index, with its proof and the checkpoint.

use std::path::PathBuf;

use clap::Args;
use ishibumi::fetch::{Place, Source, entry, first_verified};
use ishibumi_tlog::proof::FILE_EXTENSION;
use serde_json::json;

use super::get::failure;
use crate::cli::age::MaxAge;
use crate::cli::trust::Trust;
use crate::cli::{Exit, Failure, Output, files, network};

const EXAMPLES: &str = "Examples:
  ishibumi evidence entry --from https://log.example --policy policy.txt --last --out closed/
  ishibumi evidence entry --from mirror-copy/ --policy policy.txt --index 0 --out opened/

Writes DIR/entry (the entry's octets), DIR/entry.tlog-proof and DIR/checkpoint. The last entry of a log
that closed is its closing record, entry 0 of every log says which log it continues: what
`ishibumi-log init --predecessor` and `evidence pack --statement` take (docs/succession.md).

Which entry is the last one changes with every checkpoint: its age is said, and --max-age refuses an old one.

Exit codes: 0 done, 1 what came is false, 2 usage, 3 unavailable (also: no such entry), 4 no quorum, or the
checkpoint is too old.";

/// Fetch one entry of a log by its place, with its proof
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EntryArguments {
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    max_age: MaxAge,
    /// URL of the log or a mirror, or a copy of its files; several are asked in their order
    #[arg(long, value_name = "URL|DIR|ZIP", required = true)]
    from: Vec<String>,
    /// Its index, from 0
    #[arg(long, value_name = "N", required_unless_present = "last")]
    index: Option<u64>,
    /// The last one of the newest tree
    #[arg(long, conflicts_with = "index")]
    last: bool,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &EntryArguments, voice: Output) -> Result<Exit, Failure> {
    let policy = arguments.trust.read()?;
    let sources = network::sources(&arguments.from)?;
    let place = arguments.index.map_or(Place::Last, Place::Index);
    let won = network::block_on(async {
        let attempt = async |source: &Source| entry(source, &policy, place).await;
        Ok(first_verified(&sources, attempt, ishibumi::fetch::EvidenceError::blame).await)
    })?;
    let won = won.map_err(|refused| network::nobody(&refused, |_, error| failure(error)))?;
    network::tell_refused(&won.refused, voice.language);
    let (head, logged) = &won.answer;
    let (age, english) = (arguments.max_age.of(head), voice.language.is_english());
    if age.is_too_old() {
        let message = format!("{}/checkpoint: {}", won.source, age.sentence(true));
        return Err(Failure::new(age.exit(), message).in_japanese(age.sentence(false)));
    }
    files::make_folder(&arguments.out)?;
    let (proof, note) = (logged.proof().encode(), head.note().encode());
    let all = [
        ("entry".to_owned(), &*logged.entry),
        (format!("entry.{FILE_EXTENSION}"), proof.as_bytes()),
        ("checkpoint".to_owned(), note.as_bytes()),
    ];
    let all = all.map(|(name, octets)| (arguments.out.join(name), octets));
    // All or none: an entry beside another one's checkpoint is worse than neither.
    for (path, octets) in &all {
        files::check_same(path, &[octets])?;
    }
    for (path, octets) in &all {
        files::write(path, octets)?;
    }
    let (folder, index) = (arguments.out.display(), logged.index);
    let size = head.checkpoint().size;
    voice.say_line(
        &json!({
            "index": index,
            "size": size,
            "folder": folder.to_string(),
            "from": won.source,
            "age": age.json(),
        }),
        &if english {
            format!(
                "{folder}: entry {index} of {size}, its proof and the checkpoint ({})",
                age.sentence(true)
            )
        } else {
            format!(
                "{folder}：{size} 件中の {index} 番の項目、その証明、チェックポイント（{}）",
                age.sentence(false)
            )
        },
    );
    Ok(Exit::Proven)
}
