//! `ishibumi verify --batch`: all timestamps of a period in a folder, in one run (一括検証).
//!
//! Nothing that is wrong with a file stops the run: it becomes that file's row.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use indicatif::ProgressBar;
use ishibumi::batch::{AccreditedList, Batch, Period, Row, Status, Zone, claimed_time};
use ishibumi::evidence::{self, Collection};
use ishibumi::render::{self, Language};
use ishibumi::verify::SubIndication;
use ishibumi::{CheckpointToken, Evidence, RevocationData, Verifier};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType};
use ishibumi_tlog::proof::FILE_EXTENSION;
use ishibumi_tlog::{Hash, policy};

use super::sha1::ExistedOn;
use super::{Exit, Failure, Voice, files, network};

/// Certificates of paths that are verified once for all tokens.
const MEMO: usize = 4_096;

/// Folders inside of folders.
const DEPTH_MAX: usize = 64;

/// The largest list of accredited units, in octets.
const LIST_LEN_MAX: usize = 1 << 20;

/// What `verify` is told about a batch.
#[derive(Debug, Args)]
pub(super) struct BatchArguments {
    /// Verify every timestamp below this folder: tokens with their proofs beside them, and evidence files
    #[arg(long, value_name = "DIR", requires_all = ["from", "to"], conflicts_with_all = ["artifact", "document"])]
    pub(super) batch: Option<PathBuf>,
    /// Start of the period of genTime: 2026-04-01, or 2026-04-01T09:00:00+09:00
    #[arg(long, value_name = "DATE", requires = "batch")]
    from: Option<String>,
    /// End of the period, included; a date alone is the whole day
    #[arg(long, value_name = "DATE", requires = "batch")]
    to: Option<String>,
    /// Offset from UTC of dates and of the times in reports: +09:00 in Japan
    #[arg(long, value_name = "OFFSET", requires = "batch", default_value = "Z")]
    time_zone: String,
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

/// What else `verify` was told.
pub(super) struct Terms<'a> {
    pub(super) verifier: Verifier<'a>,
    pub(super) policy_file: &'a Path,
    pub(super) anchors: &'a Path,
    pub(super) accept_sha1: Option<ExistedOn>,
    pub(super) revocation: &'a [RevocationData<'a>],
    pub(super) checkpoint_tokens: &'a [CheckpointToken<'a>],
}

pub(super) fn run(
    arguments: &BatchArguments,
    terms: &Terms<'_>,
    voice: Voice,
) -> Result<Exit, Failure> {
    let folder = arguments.batch.as_deref().unwrap_or(Path::new("."));
    let zone: Zone = arguments.time_zone.parse().map_err(Failure::usage)?;
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
    let anchors = terms.verifier.anchors.anchors().iter();
    let mut anchors: Vec<String> = anchors.map(|it| hex::encode(it.digest())).collect();
    anchors.sort();
    // A folder that cannot be listed at all is no batch.
    fs::read_dir(folder).map_err(|error| files::unreadable(folder, &error))?;
    let work = Work {
        folder,
        period,
        accredited,
        terms,
        language: voice.language,
    };
    let batch = Batch {
        folder: folder.display().to_string(),
        period,
        verified_at: now(),
        policy_digest,
        anchors,
        accredited_digest: list.as_deref().map(|list| Hash::of(list).to_hex()),
        rows: work.rows(),
    };
    if let Some([csv, html, pdf]) = &reports {
        files::write(
            csv,
            render::batch::csv(&batch, arguments.csv_bom).as_bytes(),
        )?;
        files::write(html, render::batch::html(&batch, voice.language).as_bytes())?;
        files::write(pdf, &render::batch::pdf(&batch, voice.language))?;
    }
    if voice.json {
        voice.say(&render::batch::json(&batch), "");
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

fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

impl BatchArguments {
    /// Where the reports go. Known to be possible before hours of work are done.
    fn reports(&self) -> Result<Option<[PathBuf; 3]>, Failure> {
        let Some(folder) = &self.report else {
            return Ok(None);
        };
        fs::create_dir_all(folder).map_err(|error| files::unreadable(folder, &error))?;
        let paths = ["report.csv", "report.html", "report.pdf"].map(|name| folder.join(name));
        match paths.iter().find(|path| path.symlink_metadata().is_ok()) {
            Some(path) if !self.overwrite => {
                let message = format!("{}: it exists", path.display());
                Err(Failure::unavailable(message)
                    .advice("name another folder, or --overwrite")
                    .in_japanese(format!("{}：既に存在します。別のフォルダを指定するか、--overwrite を付けてください。", path.display())))
            }
            _ => Ok(Some(paths)),
        }
    }
}

/// What is found below the folder.
enum Found {
    Token(PathBuf),
    EvidenceFile(PathBuf),
    /// Something that can be no more than a row.
    Problem(PathBuf, String),
}

impl Found {
    fn path(&self) -> &Path {
        match self {
            Self::Token(path) | Self::EvidenceFile(path) | Self::Problem(path, _) => path,
        }
    }
}

struct Work<'a> {
    folder: &'a Path,
    period: Period,
    accredited: AccreditedList,
    terms: &'a Terms<'a>,
    language: Language,
}

impl Work<'_> {
    /// Everything, by path, on all cores.
    fn rows(&self) -> Vec<Row> {
        let mut found = Vec::new();
        walk(self.folder, 0, &mut found);
        found.sort_by(|a, b| a.path().cmp(b.path()));
        let bar = network::progress_bar(found.len() as u64, "files verified");
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Vec<Row>)>> = Mutex::new(Vec::with_capacity(found.len()));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| self.worker(&found, &next, &done, &bar));
            }
        });
        bar.finish_and_clear();
        let mut done = done
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().flat_map(|(_, rows)| rows).collect()
    }

    fn worker(
        &self,
        found: &[Found],
        next: &AtomicUsize,
        done: &Mutex<Vec<(usize, Vec<Row>)>>,
        bar: &ProgressBar,
    ) {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = found.get(place) else {
                return;
            };
            let name = self.name(one.path());
            let rows = match one {
                Found::Problem(_, why) => vec![Row::unreadable(name, why.clone())],
                Found::Token(path) => self.token(path, &name).into_iter().collect(),
                Found::EvidenceFile(path) => self.evidence_file(path, &name),
            };
            done.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push((place, rows));
            bar.inc(1);
        }
    }

    fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(self.folder).unwrap_or(path);
        below.to_string_lossy().replace('\\', "/")
    }

    fn said(&self, failure: &Failure) -> String {
        match (&failure.japanese, self.language) {
            (Some(japanese), Language::Japanese) => japanese.clone(),
            _ => failure.message.clone(),
        }
    }

    fn pick(&self, english: &str, japanese: &str) -> String {
        if self.language.is_english() {
            english
        } else {
            japanese
        }
        .to_owned()
    }

    fn outside(&self, name: &str) -> Row {
        let why = self.pick(
            "its genTime is outside of the period; not verified",
            "付与時刻（genTime）が期間外のため、検証していません。",
        );
        Row::bare(name.to_owned(), Status::OutOfPeriod, None, why)
    }

    /// The row of a token; none for a certificate or list with a proof, which is no timestamp.
    fn token(&self, path: &Path, name: &str) -> Option<Row> {
        let octets = match files::read(path, files::ARTIFACT_LEN_MAX) {
            Ok(octets) => octets,
            Err(failure) => return Some(Row::unreadable(name.to_owned(), self.said(&failure))),
        };
        let time = claimed_time(&octets);
        let kind = ArtifactType::detect(&octets);
        if time.is_none() && !is_token_name(path) && kind != Some(ArtifactType::TimestampToken) {
            return None;
        }
        if time.is_some_and(|time| !self.period.contains(time)) {
            return Some(self.outside(name));
        }
        let Some(proof) = files::proof_beside(path) else {
            let (status, sub, why) = if time.is_some() {
                (Status::Indeterminate, SubIndication::NoPoe, self.pick("no proof beside it (.tlog-proof): nothing proves that it existed; fetch it with `ishibumi evidence get`", "証明（.tlog-proof）が見つからず、存在を証明できません。`ishibumi evidence get` で取得してください。"))
            } else {
                (
                    Status::Disproven,
                    SubIndication::FormatFailure,
                    self.pick(
                        "it is no time-stamp token or reply",
                        "タイムスタンプトークンとして読み取れません。",
                    ),
                )
            };
            return Some(Row::bare(name.to_owned(), status, Some(sub), why));
        };
        Some(match files::read_proof(&proof) {
            Ok(proof) => self.verified(path, name, &octets, &proof),
            Err(failure) => Row::unreadable(name.to_owned(), self.said(&failure)),
        })
    }

    fn verified(&self, path: &Path, name: &str, octets: &[u8], proof: &[u8]) -> Row {
        let document = files::document_beside(path);
        let mut opened = match document.as_ref().map(File::open).transpose() {
            Ok(opened) => opened,
            Err(error) => {
                return Row::unreadable(
                    name.to_owned(),
                    self.said(&files::unreadable(path, &error)),
                );
            }
        };
        let report = self.terms.verifier.verify(Evidence {
            artifact: octets,
            artifact_type: Some(ArtifactType::TimestampToken),
            proof,
            document: opened.as_mut().map(|file| -> &mut dyn Read { file }),
            revocation: self.terms.revocation,
            checkpoint_tokens: self.terms.checkpoint_tokens,
        });
        let document = document.map(|path| self.name(&path));
        match report {
            Ok(report) => Row::of(
                name.to_owned(),
                document,
                &report,
                &self.accredited,
                self.language,
            ),
            Err(error) => Row::unreadable(name.to_owned(), error.to_string()),
        }
    }

    /// A row for every token in an evidence file, or one that says why there are none.
    fn evidence_file(&self, path: &Path, name: &str) -> Vec<Row> {
        let octets = match files::read(path, evidence::FILE_LEN_MAX) {
            Ok(octets) => octets,
            Err(failure) => return vec![Row::unreadable(name.to_owned(), self.said(&failure))],
        };
        let collection = match Collection::decode(&octets) {
            Ok(collection) => collection,
            Err(error) => {
                let why = error.to_string();
                return vec![Row::bare(
                    name.to_owned(),
                    Status::Disproven,
                    Some(SubIndication::FormatFailure),
                    why,
                )];
            }
        };
        let anchors = match files::anchors(self.terms.anchors, self.terms.accept_sha1) {
            Ok(anchors) => remembering(anchors).with_intermediates(collection.known_certificates()),
            Err(failure) => return vec![Row::unreadable(name.to_owned(), self.said(&failure))],
        };
        let verifier = Verifier {
            anchors: &anchors,
            ..self.terms.verifier
        };
        let verdicts = collection.verify(&verifier, |_| {});
        let rows = collection
            .items
            .iter()
            .zip(verdicts)
            .filter_map(|(item, verdict)| {
                let time = claimed_time(&item.artifact.octets)?;
                let name = format!("{name}!{}", item.artifact.name);
                if !self.period.contains(time) {
                    return Some(self.outside(&name));
                }
                Some(match verdict.report {
                    Ok(report) => Row::of(
                        name,
                        verdict.document,
                        &report,
                        &self.accredited,
                        self.language,
                    ),
                    Err(error) => Row::unreadable(name, error.to_string()),
                })
            });
        rows.collect()
    }
}

/// Anchors for many artifacts.
pub(super) fn remembering(anchors: Anchors) -> Anchors {
    anchors.with_memo(MEMO)
}

fn is_token_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension.is_some_and(|it| {
        ["tst", "tsr"]
            .iter()
            .any(|known| it.eq_ignore_ascii_case(known))
    })
}

/// Files below `folder`. Symbolic links are not followed, so that there are no loops.
fn walk(folder: &Path, depth: usize, found: &mut Vec<Found>) {
    let problem =
        |path: &Path, why: &dyn std::fmt::Display| Found::Problem(path.to_owned(), why.to_string());
    if depth > DEPTH_MAX {
        found.push(problem(folder, &"folders inside of folders, too many"));
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.push(problem(folder, &error)),
    };
    for entry in entries {
        let (path, kind) = match entry.and_then(|it| Ok((it.path(), it.file_type()?))) {
            Ok(known) => known,
            Err(error) => {
                found.push(problem(folder, &error));
                continue;
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if kind.is_symlink() {
            found.push(problem(
                &path,
                &"a symbolic link, which is not followed: verify what it leads to",
            ));
        } else if kind.is_dir() {
            walk(&path, depth + 1, found);
        } else if !kind.is_file() {
            found.push(problem(&path, &"neither a file nor a folder"));
        } else if name.ends_with(&format!(".{}", evidence::FILE_EXTENSION)) {
            found.push(Found::EvidenceFile(path));
        } else if path.extension().is_some_and(|it| it == FILE_EXTENSION) {
            // Belongs to what is beside it.
        } else if is_token_name(&path)
            || path.extension().is_some_and(|it| it == "pem")
            || files::proof_path(&path, None).is_file()
        {
            found.push(Found::Token(path));
        }
    }
}
