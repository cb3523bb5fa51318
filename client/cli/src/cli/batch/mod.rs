//! `ishibumi verify --batch`: all timestamps of a period in a folder, in one run (一括検証).
//!
//! Nothing that is wrong with a file stops the run: it becomes that file's row.

mod pdf;
mod rows;
mod terms;

pub(super) use terms::{Terms, remembering};

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi_cli::batch::{AccreditedList, Batch, Period, Status, Zone};
use ishibumi_cli::render;
use ishibumi_tlog::{Hash, policy};

use super::dated::clock;
use super::{Exit, Failure, Output, files};
use rows::Work;

/// The largest list of accredited units, in octets.
const LIST_LEN_MAX: usize = 1 << 20;

/// What `verify` is told about a batch.
#[derive(Debug, Args)]
pub(super) struct BatchArguments {
    /// Verify every timestamp below this folder: tokens with their proofs beside them, time-stamps
    /// in PDFs, and evidence files
    #[arg(long, value_name = "DIR", requires_all = ["from", "to"], conflicts_with_all = ["artifact", "document"])]
    pub(super) batch: Option<PathBuf>,
    /// Start of the period of genTime: 2026-04-01, 2026/4/1, 20260401, 2026年4月1日, 令和8年4月1日 or
    /// R8.4.1, or with a time, 2026-04-01T09:00:00+09:00
    #[arg(long, value_name = "DATE", requires = "batch")]
    from: Option<String>,
    /// End of the period, included; a date alone is the whole day
    #[arg(long, value_name = "DATE", requires = "batch")]
    to: Option<String>,
    /// A token whose document was not compared does not suffice: its row is indeterminate
    #[arg(long, requires = "batch")]
    require_document: bool,
    /// Which TSU certificates are accredited, and from when to when; without, that is unknown
    #[arg(long, value_name = "FILE", requires = "batch")]
    accredited: Option<PathBuf>,
    /// Write report.csv, report.html and report.pdf into this folder
    #[arg(long, value_name = "DIR", requires = "batch")]
    report: Option<PathBuf>,
    /// Replace reports that are there
    #[arg(long, requires = "report")]
    overwrite: bool,
    /// Put a byte order mark before report.csv, for Excel
    #[arg(long, requires = "report")]
    csv_bom: bool,
}

pub(super) fn run(
    arguments: &BatchArguments,
    terms: &Terms<'_>,
    zone: Zone,
    voice: Output,
) -> Result<Exit, Failure> {
    let folder = arguments.batch.as_deref().unwrap_or(Path::new("."));
    let ends = (arguments.from.as_deref(), arguments.to.as_deref());
    let (from, to) = (ends.0.unwrap_or_default(), ends.1.unwrap_or_default());
    let period = Period::parse(from, to, zone).map_err(Failure::usage)?;
    let list = arguments
        .accredited
        .as_deref()
        .map(|path| files::read(path, LIST_LEN_MAX))
        .transpose()?;
    let accredited =
        AccreditedList::parse(list.as_deref().unwrap_or_default(), zone).map_err(|error| {
            let path = arguments.accredited.as_deref().unwrap_or(Path::new(""));
            Failure::usage(format!("{}: {error}", path.display()))
        })?;
    let reports = arguments.reports()?;
    let policy_digest = Hash::of(&files::read(terms.policy_file, policy::FILE_LEN_MAX)?).to_hex();
    let anchors = terms.verifier.anchors().anchors().iter();
    let mut anchors: Vec<String> = anchors.map(|it| hex::encode(it.digest())).collect();
    anchors.sort();
    // A folder that cannot be listed at all is no batch.
    fs::read_dir(folder).map_err(|error| files::unreadable(folder, &error))?;
    let work = Work {
        folder,
        period,
        accredited,
        terms,
        require_document: arguments.require_document,
        language: voice.language,
    };
    let batch = Batch {
        folder: folder.display().to_string(),
        period,
        verified_at: clock(),
        policy_digest,
        anchors,
        accredited_digest: list.as_deref().map(|list| Hash::of(list).to_hex()),
        require_document: arguments.require_document,
        revocation: terms.verifier.revocation_rule(),
        rows: work.rows(),
    };
    if let Some([csv, html, pdf]) = &reports {
        let write = if arguments.overwrite {
            files::write_over
        } else {
            files::write
        };
        let table = render::batch::csv(&batch, arguments.csv_bom, voice.language);
        write(csv, table.as_bytes())?;
        write(html, render::batch::html(&batch, voice.language).as_bytes())?;
        write(pdf, &render::batch::pdf(&batch, voice.language))?;
    }
    if voice.json {
        voice.say(&render::batch::json(&batch, voice.language), "");
    } else {
        voice.say(
            &serde_json::Value::Null,
            &render::batch::summary_text(&batch, voice.language),
        );
    }
    Ok(exit(&batch))
}

/// The worst: disproven, indeterminate, unreadable. A period without any timestamp proves nothing.
fn exit(batch: &Batch) -> Exit {
    let summary = batch.summary();
    let any = |status| summary.count(status) > 0;
    if any(Status::Disproven) {
        Exit::Disproven
    } else if any(Status::Indeterminate) {
        Exit::Indeterminate
    } else if any(Status::Unreadable) || !any(Status::Proven) {
        Exit::Unavailable
    } else {
        Exit::Proven
    }
}

impl BatchArguments {
    /// Where the reports go. Known to be possible before hours of work are done.
    fn reports(&self) -> Result<Option<[PathBuf; 3]>, Failure> {
        let Some(folder) = &self.report else {
            return Ok(None);
        };
        files::make_folder(folder)?;
        let paths = ["report.csv", "report.html", "report.pdf"].map(|name| folder.join(name));
        match paths.iter().find(|path| path.symlink_metadata().is_ok()) {
            Some(path) if !self.overwrite => {
                let name = path.display();
                let message = format!("{name}: a report is there already; nothing was verified");
                Err(Failure::usage(message)
                    .advice("name another folder with --report, or replace the reports in this one with --overwrite")
                    .in_japanese(format!(
                        "{name}：報告書が既にあるため、検証を行っていません。--report で別のフォルダを指定するか、--overwrite を付けて置き換えてください。"
                    )))
            }
            _ => Ok(Some(paths)),
        }
    }
}
