//! The rows of a batch: every error with a file becomes its row.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use indicatif::ProgressBar;
use ishibumi::evidence;
use ishibumi::evidence::embed::decisive;
use ishibumi::evidence::renewal::{self, Renewed};
use ishibumi::verify::{Indication, SubIndication};
use ishibumi::{Evidence, RevocationData};
use ishibumi_artifact::{ArtifactType, Refusal, TimestampToken};
use ishibumi_cli::batch::{AccreditedList, Period, Row, Status, claimed_time};
use ishibumi_cli::render::Language;

use super::super::below::{Below, Documents, Found, has_extension};
use super::super::with_proof::{WithProof, proofs, with_proofs};
use super::super::{Exit, Failure, files, network};
use super::terms::{Terms, remembering};

/// Where to look, and under which terms to verify.
pub(super) struct Work<'a> {
    pub(super) folder: &'a Path,
    pub(super) period: Period,
    pub(super) accredited: AccreditedList,
    pub(super) terms: &'a Terms<'a>,
    /// Whether a token whose document was not compared proves too little.
    pub(super) require_document: bool,
    pub(super) language: Language,
}

/// The files in the folder beside the timestamps.
struct Beside<'a> {
    documents: Documents,
    revocation: Vec<RevocationData<'a>>,
}

impl Work<'_> {
    /// Everything, by path, on all cores.
    pub(super) fn rows(&self) -> Vec<Row> {
        let Below {
            mut found,
            others,
            status: paths,
        } = Below::look(self.folder);
        let mut status = Vec::new();
        for path in paths {
            match with_proofs(std::slice::from_ref(&path)) {
                Ok(read) => status.extend(read),
                // A row of its own: it stops nothing, and what it would have said is missing.
                Err(failure) => found.push(Found::Problem(path, failure)),
            }
        }
        let status = status.iter().map(WithProof::revocation);
        let beside = Beside {
            documents: Documents::find(&found, &others),
            revocation: self
                .terms
                .revocation
                .iter()
                .copied()
                .chain(status)
                .collect(),
        };
        let bar = network::progress_bar(found.len() as u64, "files verified");
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Vec<Row>)>> = Mutex::new(Vec::with_capacity(found.len()));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| self.worker(&found, &beside, &next, &done, &bar));
            }
        });
        bar.finish_and_clear();
        let mut done = done
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_by_key(|(place, _)| *place);
        let mut rows: Vec<Row> = done.into_iter().flat_map(|(_, rows)| rows).collect();
        if self.require_document {
            let rows = rows.iter_mut();
            rows.for_each(Row::demand_document);
        }
        rows
    }

    fn worker(
        &self,
        found: &[Found],
        beside: &Beside<'_>,
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
                Found::Problem(_, why) => vec![Row::unreadable(name, self.said(why))],
                Found::Pdf(path) => self.pdf(path, &name, &beside.revocation),
                Found::Token(path) => self.token(path, &name, beside).into_iter().collect(),
                Found::EvidenceFile(path) => self.evidence_file(path, &name, &beside.revocation),
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

    pub(super) fn said(&self, failure: &Failure) -> String {
        failure.said(self.language)
    }

    pub(super) fn pick(&self, english: &str, japanese: &str) -> String {
        if self.language.is_english() {
            english
        } else {
            japanese
        }
        .to_owned()
    }

    pub(super) fn outside(&self, name: &str) -> Row {
        let why = self.pick(
            "its genTime is outside of the period; not verified",
            "付与時刻（genTime）が期間外のため、検証していません。",
        );
        Row::bare(name.to_owned(), Status::OutOfPeriod, None, why)
    }

    /// The row of a token; none for a certificate or list with a proof, which is no timestamp.
    fn token(&self, path: &Path, name: &str, beside: &Beside<'_>) -> Option<Row> {
        let octets = match files::read(path, files::ARTIFACT_LEN_MAX) {
            Ok(octets) => octets,
            Err(failure) => return Some(Row::unreadable(name.to_owned(), self.said(&failure))),
        };
        let time = claimed_time(&octets);
        let kind = ArtifactType::detect(&octets);
        if time.is_none()
            && !has_extension(path, &["tst", "tsr"])
            && kind != Some(ArtifactType::TimestampToken)
        {
            return None;
        }
        if time.is_some_and(|time| !self.period.contains(time)) {
            return Some(self.outside(name));
        }
        if time.is_none() {
            return Some(self.unread(name, &octets));
        }
        Some(match proofs(path, None, &octets) {
            Ok(proofs) => self.verified(path, name, &octets, (&proofs, beside)),
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
    pub(super) fn unread(&self, name: &str, octets: &[u8]) -> Row {
        let refusal = match ArtifactType::of(octets) {
            Ok(_) => TimestampToken::parse(octets).err().map(Refusal::from),
            Err(error) => Some(error.into()),
        };
        let sub = refusal.as_ref().map(|it| SubIndication::from(it.fault()));
        let why = refusal.map_or_else(String::new, |refusal| {
            let code = refusal.code();
            self.pick(
                &format!("it is no token that can be read: {refusal} ({code})"),
                &format!(
                    "タイムスタンプトークンとして読み取れません（{code}：{}）。",
                    self.language.said(&refusal.to_string())
                ),
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
        (proofs, beside): (&[Vec<u8>], &Beside<'_>),
    ) -> Row {
        let of = || beside.documents.of(octets).cloned();
        let document = files::document_beside(path).or_else(of);
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
            let mut evidence = Evidence::new(octets, proof)
                .artifact_type(ArtifactType::TimestampToken)
                .revocation(&beside.revocation)
                .checkpoint_tokens(self.terms.checkpoint_tokens);
            if let Some(document) = &mut opened {
                evidence = evidence.document(document);
            }
            match self.terms.verifier.verify(evidence) {
                Ok(report) => reports.push(report),
                Err(error) => {
                    let why = self.language.said(&error.to_string());
                    return Row::unreadable(name.to_owned(), why);
                }
            }
        }
        let document = document.map(|path| self.name(&path));
        match decisive(reports) {
            Some(report) => Row::of(name.to_owned(), document, report, &self.accredited),
            None => Row::unreadable(
                name.to_owned(),
                self.pick("no proof in it", "証明が含まれていません。"),
            ),
        }
    }

    /// A row for every token in an evidence file, or one row with the reason why there are none.
    fn evidence_file(
        &self,
        path: &Path,
        name: &str,
        revocation: &[RevocationData<'_>],
    ) -> Vec<Row> {
        let octets = match files::read(path, evidence::FILE_LEN_MAX) {
            Ok(octets) => Bytes::from(octets),
            Err(failure) => return vec![Row::unreadable(name.to_owned(), self.said(&failure))],
        };
        let renewed = match Renewed::open_shared(&octets) {
            Ok(renewed) => renewed,
            Err(error) => {
                let sub = if error.is_unread() {
                    SubIndication::Generic
                } else {
                    SubIndication::FormatFailure
                };
                let why = self.language.said(&error.to_string());
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
            rule: self.terms.verifier.revocation_rule(),
            revocation,
            ends: self.terms.ends.clone(),
            now: self.terms.now,
        };
        let verdict = renewed.verify(&terms, |_| {});
        let whole = self.whole_file(name, &renewed, &verdict);
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
                    Ok(report) => Row::of(name, verdict.document, report, &self.accredited),
                    Err(error) => Row::unreadable(name, self.language.said(&error.to_string())),
                })
            });
        rows.chain(whole).collect()
    }

    /// Errors of an evidence file that are not about one of its artifacts.
    fn whole_file(
        &self,
        name: &str,
        renewed: &Renewed,
        verdict: &renewal::RenewedVerdict,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        let broken = verdict.renewals.as_ref().map(|renewals| &renewals.proven);
        if let Some(Err((sub, why))) = broken {
            let (status, why) = (sub.indication().into(), self.language.said(why));
            rows.push(Row::bare(name.to_owned(), status, Some(*sub), why));
        }
        for found in evidence::contradictions(renewed.proofs(), self.terms.policies) {
            let why = self.language.said(&found.to_string());
            rows.push(Row::bare(name.to_owned(), Status::Disproven, None, why));
        }
        rows
    }
}
