//! `ishibumi verify --batch`: all timestamps of a period in a folder, in one run (一括検証).
//!
//! Nothing that is wrong with a file stops the run: it becomes that file's row.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Args;
use indicatif::ProgressBar;
use ishibumi::batch::{AccreditedList, Batch, Period, Row, Status, Zone, claimed_time};
use ishibumi::evidence;
use ishibumi::evidence::embed::decisive;
use ishibumi::evidence::renewal::{self, Renewed};
use ishibumi::render::{self, Language};
use ishibumi::succession::Policies;
use ishibumi::verify::{Indication, SubIndication};
use ishibumi::{CheckpointToken, Evidence, RevocationData, Verifier};
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::rules::AlgorithmEnds;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Refusal, TimestampToken};
use ishibumi_tlog::proof::FILE_EXTENSION;
use ishibumi_tlog::{Hash, policy};

use super::dated::clock;
use super::verify::proofs;
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
    /// The policy, and those of the logs that its log continues.
    pub(super) policies: &'a Policies,
    pub(super) policy_file: &'a Path,
    /// Reads the anchors once more: an evidence file brings certificates of its own beside them.
    pub(super) anchors: &'a (dyn Fn() -> Result<Anchors, Failure> + Sync),
    /// Until when algorithms count, and as of when.
    pub(super) ends: AlgorithmEnds,
    pub(super) now: Time,
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
        verified_at: clock(),
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
        let (mut found, mut others) = (Vec::new(), Vec::new());
        walk(self.folder, 0, &mut found, &mut others);
        found.sort_by(|a, b| a.path().cmp(b.path()));
        others.sort();
        let documents = Documents::find(&found, &others);
        let bar = network::progress_bar(found.len() as u64, "files verified");
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Vec<Row>)>> = Mutex::new(Vec::with_capacity(found.len()));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| self.worker(&found, &documents, &next, &done, &bar));
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
        documents: &Documents,
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
                Found::Token(path) => self.token(path, &name, documents).into_iter().collect(),
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
    fn token(&self, path: &Path, name: &str, documents: &Documents) -> Option<Row> {
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
        if time.is_none() {
            return Some(self.unread(name, &octets));
        }
        Some(match proofs(path, None, &octets) {
            Ok(proofs) => self.verified(path, name, &octets, (&proofs, documents)),
            Err(failure)
                if failure.exit == Exit::Unavailable && files::proof_beside(path).is_none() =>
            {
                let why = self.said(&failure);
                Row::bare(
                    name.to_owned(),
                    Status::Indeterminate,
                    Some(SubIndication::NoPoe),
                    why,
                )
            }
            Err(failure) => Row::unreadable(name.to_owned(), self.said(&failure)),
        })
    }

    /// The row of what should be a token and cannot be read as one.
    fn unread(&self, name: &str, octets: &[u8]) -> Row {
        let refusal = match ArtifactType::of(octets) {
            Ok(_) => TimestampToken::parse(octets).err().map(Refusal::from),
            Err(error) => Some(error.into()),
        };
        let sub = refusal.as_ref().map(|it| SubIndication::from(it.fault()));
        let why = refusal.map_or_else(String::new, |refusal| {
            let code = refusal.code();
            self.pick(
                &format!("it is no token that can be read: {refusal} ({code})"),
                &format!("タイムスタンプトークンとして読み取れません（{code}：{refusal}）。"),
            )
        });
        let indication = sub.map_or(Indication::Indeterminate, SubIndication::indication);
        Row::bare(name.to_owned(), indication.into(), sub, why)
    }

    fn verified(
        &self,
        path: &Path,
        name: &str,
        octets: &[u8],
        (proofs, documents): (&[Vec<u8>], &Documents),
    ) -> Row {
        let document = files::document_beside(path).or_else(|| documents.of(octets).cloned());
        let mut reports = Vec::new();
        for proof in proofs {
            let opened = document.as_ref().map(File::open).transpose();
            let mut opened = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    let failure = files::unreadable(path, &error);
                    return Row::unreadable(name.to_owned(), self.said(&failure));
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
            match report {
                Ok(report) => reports.push(report),
                Err(error) => return Row::unreadable(name.to_owned(), error.to_string()),
            }
        }
        let document = document.map(|path| self.name(&path));
        match decisive(reports) {
            Some(report) => Row::of(
                name.to_owned(),
                document,
                &report,
                &self.accredited,
                self.language,
            ),
            None => Row::unreadable(name.to_owned(), "no proof in it".to_owned()),
        }
    }

    /// A row for every token in an evidence file, or one that says why there are none.
    fn evidence_file(&self, path: &Path, name: &str) -> Vec<Row> {
        let octets = match files::read(path, evidence::FILE_LEN_MAX) {
            Ok(octets) => octets,
            Err(failure) => return vec![Row::unreadable(name.to_owned(), self.said(&failure))],
        };
        let renewed = match Renewed::open(&octets) {
            Ok(renewed) => renewed,
            Err(error) => {
                let (sub, why) = if error.is_unread() {
                    (SubIndication::Generic, error.to_string())
                } else {
                    (SubIndication::FormatFailure, error.to_string())
                };
                let status = sub.indication().into();
                return vec![Row::bare(name.to_owned(), status, Some(sub), why)];
            }
        };
        let anchors = match (self.terms.anchors)() {
            Ok(anchors) => remembering(anchors),
            Err(failure) => return vec![Row::unreadable(name.to_owned(), self.said(&failure))],
        };
        let terms = renewal::Terms {
            policies: self.terms.policies,
            anchors: &anchors,
            require_revocation: self.terms.verifier.require_revocation,
            ends: self.terms.ends.clone(),
            now: self.terms.now,
        };
        let verdict = renewed.verify(&terms, |_| {});
        let whole = whole_file(name, &renewed, &verdict, self.terms.policies);
        let verdicts = verdict.items;
        let collection = renewed.collection();
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
        rows.chain(whole).collect()
    }
}

/// What is wrong with an evidence file that is not about one of its artifacts.
fn whole_file(
    name: &str,
    renewed: &Renewed,
    verdict: &renewal::RenewedVerdict,
    policies: &Policies,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let broken = verdict.renewals.as_ref().map(|renewals| &renewals.proven);
    if let Some(Err((sub, why))) = broken {
        let status = match sub.indication() {
            Indication::TotalFailed => Status::Disproven,
            _ => Status::Indeterminate,
        };
        rows.push(Row::bare(name.to_owned(), status, Some(*sub), why.clone()));
    }
    for found in evidence::contradictions(renewed.proofs(), policies) {
        let why = found.to_string();
        rows.push(Row::bare(name.to_owned(), Status::Disproven, None, why));
    }
    rows
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
fn walk(folder: &Path, depth: usize, found: &mut Vec<Found>, others: &mut Vec<PathBuf>) {
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
            walk(&path, depth + 1, found, others);
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
        } else {
            others.push(path);
        }
    }
}

/// Documents that no name leads to, found by the hash that a token stamps.
struct Documents(HashMap<Imprint, PathBuf>);

/// Hash algorithm and digest.
type Imprint = (HashAlgorithm, Vec<u8>);

impl Documents {
    /// Hashes `others`, if there are tokens without a document beside them.
    fn find(found: &[Found], others: &[PathBuf]) -> Self {
        let mut wanted: HashSet<Imprint> = HashSet::new();
        for one in found {
            if let Found::Token(path) = one
                && files::document_beside(path).is_none()
                && let Ok(octets) = files::read(path, files::ARTIFACT_LEN_MAX)
            {
                wanted.extend(imprint(&octets));
            }
        }
        let algorithms: HashSet<HashAlgorithm> = wanted.iter().map(|(it, _)| *it).collect();
        let mut documents = HashMap::new();
        if wanted.is_empty() {
            return Self(documents);
        }
        let bar = network::progress_bar(others.len() as u64, "documents hashed");
        for path in others {
            for algorithm in &algorithms {
                // What cannot be read is no document of anybody's: its token says that it had none.
                let digest = digest(path, *algorithm).map(|digest| (*algorithm, digest));
                if let Ok(imprint) = digest
                    && wanted.contains(&imprint)
                {
                    documents.entry(imprint).or_insert_with(|| path.clone());
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Self(documents)
    }

    fn of(&self, token: &[u8]) -> Option<&PathBuf> {
        self.0.get(&imprint(token)?)
    }
}

fn imprint(token: &[u8]) -> Option<Imprint> {
    let token = TimestampToken::parse(token).ok()?;
    Some((token.imprint_algorithm(), token.imprint().to_vec()))
}

fn digest(path: &Path, algorithm: HashAlgorithm) -> io::Result<Vec<u8>> {
    let (mut file, mut hasher) = (File::open(path)?, algorithm.hasher());
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(piece.get(..read).unwrap_or_default()),
        }
    }
}
