//! `ishibumi archive`: the whole of a log as files, from any copy of it (`docs/archive.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ishibumi::fetch::{Source, SourceError};
use ishibumi_archive::{ArchiveReader, Beside, ExportError, Exported, Form, LogFiles, SinkError};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::{foreign, shown};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::trust::{self, Trust};
use super::{Exit, Failure, Output, network};

const EXAMPLES: &str = "Examples:
  ishibumi archive export --policy policy.txt --from https://log.example --out log-2026
  ishibumi archive export --policy policy.txt --from https://mirror.example/log --zip --out volumes
  ishibumi archive export --policy policy.txt --from volumes --out log-2026
  ishibumi archive check --policy policy.txt --from file:///mnt/vault/volumes

An archive is a folder that any web server serves as a log, or ZIP volumes each of which verifies itself
with the commands in its README. Every command with --from reads both, as a path or file:///PATH. The log may
go on: what the newest checkpoint covers is exported. Everything is verified while it is written; OUT appears
when all of it is there, and nothing is written over.

check reads everything: what the log signed, and of an archive also what stands beside it in every volume: the
lists of sums, the pages for readers, the listing. A bare copy of a log's files has none of these, and that is
said.

Exit codes: 0 done, 1 a file is not what it has to be (it is named), 2 usage (OUT exists), 3 unavailable (no
answer, a file is missing, disk full), 4 the checkpoint lacks log or quorum, or a page is not this version's.";

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

    fn read_of(
        &mut self,
        volume: &str,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, String> {
        match self.source.place() {
            Some(place) => place
                .read_of(volume, path, most)
                .map_err(|error| error.to_string()),
            None => self.read(path, most),
        }
    }

    fn is_in_volumes(&self) -> bool {
        self.source
            .place()
            .is_some_and(ArchiveReader::is_in_volumes)
    }

    fn is_alone(&self) -> bool {
        self.source.place().is_some_and(ArchiveReader::is_alone)
    }

    fn unlisted(&mut self, expected: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        let place = self.source.place();
        place.map_or_else(Vec::new, |place| place.unlisted(expected))
    }
}

pub(crate) fn run(arguments: &ArchiveArguments, voice: Output) -> Result<Exit, Failure> {
    let english = voice.language.is_english();
    match &arguments.command {
        ArchiveCommand::Check(from) => {
            let exported = read(from, |files, note, tell| {
                ishibumi_archive::check_archive(files, note, tell)
            })?;
            let done = if english {
                "hold what the log signed"
            } else {
                "署名された内容と一致しました"
            };
            let beside = &exported.beside;
            let text = summary(&exported, done, english) + &beside_text(beside, english);
            let mut value = to_json(&exported);
            if let Some(members) = value.as_object_mut() {
                members.insert("beside".into(), beside_json(beside));
            }
            voice.say(&value, &text);
            Ok(if beside.other_pages.is_empty() {
                Exit::Proven
            } else {
                Exit::Indeterminate
            })
        }
        ArchiveCommand::Export(ExportArguments { from, out, zip }) => {
            let form = if *zip { Form::Volumes } else { Form::Tree };
            let exported = read(from, |files, note, tell| {
                ishibumi_archive::export(files, note, out, form, tell)
            })?;
            let place = out.display();
            let done = if english {
                format!("are in {place}")
            } else {
                format!("{place} に書き出しました")
            };
            voice.say(&to_json(&exported), &summary(&exported, &done, english));
            Ok(Exit::Proven)
        }
    }
}

fn read(
    arguments: &FromArguments,
    work: impl FnOnce(&mut Blocking, &Note, &mut dyn FnMut(u64, u64)) -> Result<Exported, ExportError>,
) -> Result<Exported, Failure> {
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
    exported.map_err(|error| failure(&error, &arguments.from))
}

fn to_json(exported: &Exported) -> Value {
    let missing = exported.missing_blobs.iter();
    json!({
        "log": exported.origin,
        "tree_size": exported.size,
        "root": exported.root.to_hex(),
        "volumes": exported.volumes,
        "checkpoints": exported.kept,
        "blobs": exported.blobs,
        "missing_blobs": missing.map(|hash| hash.to_hex()).collect::<Vec<_>>(),
    })
}

fn summary(exported: &Exported, done: &str, english: bool) -> String {
    let Exported {
        origin,
        size,
        kept,
        blobs,
        ..
    } = exported;
    let missing = exported.missing_blobs.len();
    if english {
        format!(
            "{origin}: {size} records, {kept} kept checkpoints and {blobs} blobs {done}; {missing} blobs are missing\n",
            origin = shown::line(origin)
        )
    } else {
        format!(
            "{origin}：記録 {size} 件、チェックポイント {kept} 件、ブロブ {blobs} 件が{done}（欠けているブロブ {missing} 件）\n",
            origin = shown::line(origin)
        )
    }
}

fn beside_text(beside: &Beside, english: bool) -> String {
    let mut out = String::new();
    let mut line = |said: String| {
        out.push_str(&shown::line(&said));
        out.push('\n');
    };
    match (beside.is_there, english) {
        (true, true) => line("Lists of sums, pages and listing are those of this archive.".into()),
        (true, false) => line("チェックサム一覧、説明書、目録もこのアーカイブのものです。".into()),
        (false, true) => line(
            "NOT COMPARED: there are no lists of sums and no pages; this is a bare copy of a log's files, not an archive."
                .into(),
        ),
        (false, false) => line(
            "チェックサム一覧や説明書はありません（比較していません）。アーカイブではなく、ログのファイルの写しです。".into(),
        ),
    }
    if beside.alone {
        line(if english {
            "NOT COMPARED: kept checkpoints, their listing and blobs lie in side volumes, which this one is not.".into()
        } else {
            "チェックポイントの目録とブロブは別のボリュームにあるため、比較していません。".into()
        });
    }
    for page in &beside.other_pages {
        line(if english {
            format!(
                "{page}: NOT THIS VERSION'S TEXT: follow its commands only if you know who wrote them"
            )
        } else {
            format!(
                "{page}：このバージョンの文面ではありません。書いた者が分からなければ、その手順に従わないでください"
            )
        });
    }
    for name in &beside.unlisted {
        line(if english {
            format!("{name}: in no list: nothing vouches for it")
        } else {
            format!("{name}：どの一覧にもありません（何も保証されません）")
        });
    }
    out
}

fn beside_json(beside: &Beside) -> Value {
    json!({
        "compared": beside.is_there,
        "other_pages": beside.other_pages,
        "unlisted": beside.unlisted,
        "side_volumes_compared": beside.is_there && !beside.alone,
    })
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
