//! Lists and responses that a log holds about the certificates of artifacts, kept beside the
//! artifacts: where `verify`, `verify --batch` and `evidence pack` look for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;
use ishibumi::fetch::{
    AskedAbout, Attribution, HeldStatus, Source, StatusError, first_verified, held_status,
};
use ishibumi::verify::{Answer, SubIndication};
use ishibumi::{Evidence, RevocationData, Verifier};
use ishibumi_artifact::{ArtifactType, admit_marking};
use ishibumi_cli::render::Language;
use ishibumi_tlog::Hash;
use ishibumi_tlog::shown::{add_line, line};
use serde_json::{Value, json};

use super::dated::clock;
use super::trust::Terms;
use super::{Failure, files, network};

/// The folder beside artifacts that has what tells about their revocation.
pub(super) const FOLDER: &str = "revocation";

/// The folder of revocation data beside `artifact`, if there is one.
pub(super) fn beside(artifact: &Path) -> Option<PathBuf> {
    let folder = artifact.with_file_name(FOLDER);
    folder.is_dir().then_some(folder)
}

/// Whether `path` is a list or a response in such a folder.
pub(super) fn is_status_beside(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    let octets = || files::read(path, files::ARTIFACT_LEN_MAX).ok();
    folder.is_some_and(|name| name == FOLDER)
        && octets().is_some_and(|octets| {
            let kind = ArtifactType::detect(&octets);
            matches!(kind, Some(ArtifactType::Crl | ArtifactType::OcspResponse))
        })
}

/// An artifact with the proof that was just fetched.
pub(super) struct Fresh<'a> {
    pub(super) artifact: &'a Path,
    pub(super) proof: &'a Path,
}

/// The result of collecting.
#[derive(Default)]
pub(super) struct Collected {
    /// Digests of the files that were written, or were there already, by folder.
    folders: BTreeMap<PathBuf, BTreeSet<Hash>>,
    /// Number of artifacts whose validity can now be judged, among those that need it.
    told: usize,
    of: usize,
    /// Why nothing could be collected.
    refused: Option<String>,
}

/// Fetches what the log holds about the certificates of `fresh`, and writes it beside each proof.
/// That nothing can be had or written is part of the result: the proofs are there already, and what
/// became of them is still to be told.
pub(super) async fn collect(
    sources: &[Source],
    terms: &Terms,
    fresh: &[Fresh<'_>],
    timeout: Duration,
) -> Collected {
    let mut collected = Collected::default();
    if let Err(failure) = collected.all(sources, terms, fresh, timeout).await {
        collected.refused = Some(failure.message);
    }
    collected
}

/// The certificates whose revocation has to be asked about; empty for an artifact that is not
/// understood.
fn asked_about(octets: &[u8], terms: &Terms) -> BTreeSet<AskedAbout> {
    let admitted = ArtifactType::of(octets)
        .ok()
        .and_then(|kind| admit_marking(kind, octets, terms.anchors()).ok());
    let asked = admitted.map(|admitted| AskedAbout::of(admitted.verified()));
    asked.unwrap_or_default().into_iter().collect()
}

async fn held(
    sources: &[Source],
    terms: &Terms,
    asked: &BTreeSet<AskedAbout>,
    timeout: Duration,
    bar: &ProgressBar,
) -> Result<BTreeMap<Hash, HeldStatus>, Failure> {
    let attempt = async |source: &Source| {
        let progress = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        held_status(source, terms.policy(), asked, timeout, progress).await
    };
    let blame = |error: &StatusError| match error {
        StatusError::Find(error) => error.blame(),
        StatusError::Proof(error) => error.blame(),
        _ => Attribution::Silent,
    };
    let won = first_verified(sources, attempt, blame).await;
    won.map(|won| won.answer).map_err(|refused| {
        let said = refused
            .iter()
            .map(|it| format!("{}: {}", it.source, it.error));
        Failure::unavailable(said.collect::<Vec<_>>().join("; "))
    })
}

fn write(folder: &Path, held: &BTreeMap<Hash, HeldStatus>) -> Result<(), Failure> {
    files::make_folder(folder)?;
    for (digest, status) in held {
        let extension = if status.is_response { "ors" } else { "crl" };
        let path = folder.join(format!("{digest}.{extension}"));
        if !files::holds(&path, &[&status.octets]) {
            files::write(&path, &status.octets)?;
        }
        // One that is there proves an earlier time, or as early a one.
        if files::proof_beside(&path).is_none() {
            let proof = files::proof_path(&path, None);
            files::keep_proof(&proof, status.proof.encode().as_bytes())?;
        }
    }
    Ok(())
}

impl Collected {
    async fn all(
        &mut self,
        sources: &[Source],
        terms: &Terms,
        fresh: &[Fresh<'_>],
        timeout: Duration,
    ) -> Result<(), Failure> {
        let mut together: BTreeMap<BTreeSet<AskedAbout>, Vec<&Fresh<'_>>> = BTreeMap::new();
        for one in fresh {
            let octets = files::read(one.artifact, files::ARTIFACT_LEN_MAX)?;
            let asked = asked_about(&octets, terms);
            if !asked.is_empty() {
                together.entry(asked).or_default().push(one);
            }
        }
        let bar = network::progress_bar(0, "records searched for lists");
        let verifier = Verifier::builder(terms.policy(), terms.anchors())
            .now(clock())
            .build();
        for (asked, artifacts) in &together {
            let held = held(sources, terms, asked, timeout, &bar).await?;
            let names: Vec<String> = held.keys().map(|digest| digest.to_hex()).collect();
            let given = held.values().zip(&names).map(|(status, name)| {
                RevocationData::new(name, &status.octets).proof(Some(&status.proof))
            });
            let given: Vec<RevocationData<'_>> = given.collect();
            for one in artifacts {
                // Read once more: all of a folder's artifacts together may be more than the memory.
                let octets = files::read(one.artifact, files::ARTIFACT_LEN_MAX)?;
                let proof = files::read_proof(one.proof)?;
                let evidence = Evidence::new(&octets, &proof).revocation(&given);
                let Ok(report) = verifier.verify(evidence) else {
                    continue;
                };
                // A proof by another log: its lists are there.
                if !matches!(report.existed(), Answer::InFavour(_)) {
                    continue;
                }
                self.of += 1;
                // Lists that are older than the artifact tell nothing, and later ones will come.
                if report.valid().sub_indication() != Some(SubIndication::TryLater) {
                    self.told += 1;
                    self.keep(&one.proof.with_file_name(FOLDER), &held)?;
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Writes what is not in the folder yet: artifacts of several issuers share it.
    fn keep(&mut self, folder: &Path, held: &BTreeMap<Hash, HeldStatus>) -> Result<(), Failure> {
        let there = self.folders.get(folder);
        let is_there = |digest| there.is_some_and(|there| there.contains(digest));
        if held.keys().all(is_there) {
            return Ok(());
        }
        write(folder, held)?;
        let there = self.folders.entry(folder.to_owned()).or_default();
        there.extend(held.keys());
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "folders": self.folders.iter().map(|(folder, files)| json!({
                "folder": folder.display().to_string(),
                "files": files.len(),
            })).collect::<Vec<_>>(),
            "judged": self.told,
            "of": self.of,
            "refused": self.refused,
        })
    }

    /// Where the lists are, or what to do where there are none yet.
    pub(super) fn text(&self, language: Language) -> String {
        let mut out = String::new();
        let english = language.is_english();
        for (folder, files) in &self.folders {
            let (folder, files) = (folder.display(), files.len());
            add_line(
                &mut out,
                if english {
                    format!("revocation: {files} lists and responses in {folder}")
                } else {
                    format!("失効情報：リストとレスポンス {files} 件を {folder} に保存しました")
                },
            );
        }
        if let Some(why) = &self.refused {
            let why = line(why);
            add_line(
                &mut out,
                if english {
                    format!(
                        "revocation: nothing could be had ({why}); ishibumi evidence get asks again"
                    )
                } else {
                    format!(
                        "失効情報：取得できませんでした（{}）。`ishibumi evidence get` で取得し直せます",
                        language.said(&why)
                    )
                },
            );
        } else if self.told < self.of {
            let open = self.of - self.told;
            add_line(
                &mut out,
                if english {
                    format!(
                        "revocation: about {open} of {} artifacts the log holds no list of a later time yet; until \
                         then their validity is not judged (exit 4). ishibumi evidence get fetches it later",
                        self.of
                    )
                } else {
                    format!(
                        "失効情報：{} 件のうち {open} 件について、より新しい失効リストがまだログにありません。それまで有効性は\
                         判定されません（終了コード 4）。後日 `ishibumi evidence get` で取得してください",
                        self.of
                    )
                },
            );
        }
        out
    }
}
