//! `ishibumi archive`: the whole of a log as files, from any copy of it (`docs/archive.md`).

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ishibumi::fetch::{Source, SourceError};
use ishibumi_archive::{ExportError, Exported, Form, LogFiles, SinkError};
use ishibumi_tlog::foreign;
use ishibumi_tlog::note::Note;
use serde_json::json;
use tokio::runtime::Runtime;

use super::trust::{self, Trust};
use super::{Exit, Failure, Voice, network};

const EXAMPLES: &str = "Examples:
  ishibumi archive export --policy policy.txt --from https://log.example --out log-2026
  ishibumi archive export --policy policy.txt --from https://mirror.example/log --zip --out volumes
  ishibumi archive export --policy policy.txt --from volumes --out log-2026
  ishibumi archive check --policy policy.txt --from file:///mnt/vault/volumes

An archive is a folder that any web server serves as a log, or ZIP volumes each of which verifies itself
with the commands in its README. Every command with --from reads both, as a path or file:///PATH. The log may
go on: what the newest checkpoint covers is exported. Everything is verified while it is written; OUT appears
when all of it is there, and nothing is written over.

Exit codes: 0 done, 1 a file does not lead to what the log signed (it is named), 2 usage (OUT exists),
3 unavailable (no answer, disk full), 4 the checkpoint lacks log or quorum.";

/// Export a whole log as files, or check such an archive
#[derive(Debug, Args)]
pub(crate) struct ArchiveArguments {
    #[command(subcommand)]
    command: ArchiveCommand,
}

#[derive(Debug, Subcommand)]
enum ArchiveCommand {
    /// Write a whole log to a folder: a static tree, or ZIP volumes with --zip
    #[command(after_help = EXAMPLES)]
    Export(ExportArguments),
    /// Read a whole archive, and name the file that does not lead to the checkpoint
    #[command(after_help = EXAMPLES)]
    Check(FromArguments),
}

#[derive(Debug, Args)]
struct FromArguments {
    #[command(flatten)]
    trust: Trust,
    /// URL of the log or a mirror, or an archive: a directory, a ZIP volume, a directory of volumes
    #[arg(long, value_name = "URL|PATH")]
    from: String,
}

#[derive(Debug, Args)]
struct ExportArguments {
    #[command(flatten)]
    from: FromArguments,
    /// Where to: a folder that is not there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// ZIP volumes instead of a tree
    #[arg(long)]
    zip: bool,
}

/// A source, read from outside of the event loop.
struct Blocking {
    source: Source,
    runtime: Runtime,
}

impl LogFiles for Blocking {
    fn read(&mut self, path: &str, most: usize) -> Result<Option<Vec<u8>>, String> {
        match self.runtime.block_on(self.source.file(path, most)) {
            Ok(octets) => Ok(Some(octets)),
            Err(SourceError::Missing(_)) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn kept_sizes(&mut self) -> Result<Vec<u64>, String> {
        let sizes = self.runtime.block_on(self.source.all_kept_sizes());
        sizes.map_err(|error| error.to_string())
    }
}

pub(crate) fn run(arguments: &ArchiveArguments, voice: Voice) -> Result<Exit, Failure> {
    match &arguments.command {
        ArchiveCommand::Check(from) => read(
            from,
            voice,
            "hold what the log signed",
            |files, note, tell| ishibumi_archive::check(files, note, tell),
        ),
        ArchiveCommand::Export(ExportArguments { from, out, zip }) => {
            let form = if *zip { Form::Volumes } else { Form::Tree };
            let done = format!("are in {}", out.display());
            read(from, voice, &done, |files, note, tell| {
                ishibumi_archive::export(files, note, out, form, tell)
            })
        }
    }
}

fn read(
    arguments: &FromArguments,
    voice: Voice,
    done: &str,
    work: impl FnOnce(&mut Blocking, &Note, &mut dyn FnMut(u64, u64)) -> Result<Exported, ExportError>,
) -> Result<Exit, Failure> {
    let policy = arguments.trust.read()?;
    let mut sources = network::sources(std::slice::from_ref(&arguments.from))?;
    let source = sources
        .pop()
        .ok_or_else(|| Failure::usage("--from names nothing"))?;
    let runtime = network::runtime()?;
    let octets = runtime
        .block_on(source.checkpoint())
        .map_err(Failure::unavailable)?;
    let shown = format!("{source}/checkpoint");
    let note = foreign::named(Note::parse(&octets), &octets)
        .map_err(|error| Failure::unavailable(format!("{shown}: {error}")))?;
    policy
        .check_checkpoint(&note)
        .map_err(|error| trust::failure(&error, format!("{shown}: {error}")))?;
    let bar = network::progress_bar(0, "records");
    let mut tell = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let exported = work(&mut Blocking { source, runtime }, &note, &mut tell);
    bar.finish_and_clear();
    let exported = exported.map_err(|error| failure(&error, &arguments.from))?;
    let missing: Vec<String> = exported
        .missing_blobs
        .iter()
        .map(|hash| hash.to_hex())
        .collect();
    let value = json!({
        "log": exported.origin,
        "tree_size": exported.size,
        "root": exported.root.to_hex(),
        "volumes": exported.volumes,
        "checkpoints": exported.kept,
        "blobs": exported.blobs,
        "missing_blobs": missing,
    });
    let Exported {
        origin,
        size,
        kept,
        blobs,
        ..
    } = &exported;
    let text = format!(
        "{origin}: {size} records, {kept} kept checkpoints and {blobs} blobs {done}; {} blobs are missing",
        missing.len()
    );
    voice.say_line(&value, &text);
    Ok(Exit::Proven)
}

fn failure(error: &ExportError, from: &str) -> Failure {
    let said = format!("{from}: {error}");
    match error {
        ExportError::Wrong { .. } => Failure::new(Exit::Disproven, said)
            .advice("the copy is damaged, or false: take the log from another copy"),
        ExportError::Sink(SinkError::Exists(_) | SinkError::Begun(_)) => Failure::usage(error),
        ExportError::Sink(_) => Failure::unavailable(error),
        _ => Failure::unavailable(said),
    }
}
