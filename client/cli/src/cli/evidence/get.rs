//! `ishibumi evidence get`: fetches the proofs of artifacts that are already in a log, from any
//! source that has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use ishibumi::fetch::{Attribution, EvidenceError, Refused, Source, evidence, first_verified};
use ishibumi_artifact::{Anchors, ArtifactType, record_of};
use ishibumi_cli::render::Language;
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::proof::FILE_EXTENSION;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::cli::collect::{Collected, Fresh, collect};
use crate::cli::sha1::{self, ExistedOn};
use crate::cli::submit::{kept_line, proof_line};
use crate::cli::trust::{self, Terms};
use crate::cli::{Exit, Failure, Output, files, mistaken, network};

const EXAMPLES: &str = "Examples:
  ishibumi evidence get --log https://log.example --anchors anchors/ contract.tst
  ishibumi evidence get --from https://log.example --from https://mirror.example/log --from copy/ \
      --anchors anchors/ --policy policy.txt contract.tst
  ishibumi evidence get --from https://mirror.example/log --anchors anchors/ --policy policy.txt \
      --jobs 16 artifacts/

The record is rebuilt from the artifact, here; the log learns nothing but its leaf hash. Of several
sources the first with a proof that verifies wins, and what the others failed with is told. A directory
or mirror without /v1/proof suffices: the record is searched in its tiles (that takes a policy). Of a
folder, every file without a proof beside it is asked for; so a run that broke off goes on. A proof that is
there and says other things is kept, as NAME.2.tlog-proof.
With --policy, what the log holds about the revocation of the artifacts' certificates is fetched, too, into a
folder `revocation` beside the proofs, where `verify` finds it; of a folder, for every artifact that has its
proof. Until the log holds a list of a later time than an artifact, its validity is not judged: ask again later.

Exit codes: 0 done, 1 the artifact breaks the rules or the answer is false, 2 usage,
3 unavailable (also: the log does not hold it), 4 its checkpoint has no quorum yet. Of several artifacts,
the first in this order decides: 1, 4, 3, 2, 0.";

/// Fetch the proofs of artifacts that are already in a log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct GetArguments {
    /// URL of the log or a mirror, or a directory with its files; several are asked in their order
    #[arg(long, visible_alias = "log", value_name = "URL|DIR", required = true)]
    from: Vec<String>,
    /// Trusted certificates, as for `verify`: the record is rebuilt with them
    #[arg(long, value_name = "DIR|FILE")]
    anchors: PathBuf,
    /// Verify the proofs under this policy before they are written
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The quorum has to be met by ML-DSA-44 cosignatures alone
    #[arg(long, requires = "policy")]
    post_quantum: bool,
    #[arg(long, value_name = "DATE", help = sha1::HELP)]
    accept_sha1: Option<ExistedOn>,
    /// Seconds to wait for a busy log
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// Where to write: of one artifact the proof's file, of several a folder; by default beside
    /// each artifact as ARTIFACT.tlog-proof
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Fetch no lists and OCSP responses about the artifacts' certificates
    #[arg(long)]
    without_revocation: bool,
    /// Artifacts that are asked for at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Time-stamp tokens or replies, certificates, CRLs or OCSP responses; DER or PEM; or folders
    /// of them
    #[arg(required = true, value_name = "ARTIFACT")]
    artifacts: Vec<PathBuf>,
}

/// Signatures on chains that are remembered: of one TSU's tokens the chain is verified once.
const MEMO: usize = 4_096;

/// By what a record is made anew, and its proof verified if there is a policy.
enum Trust {
    Anchors(Anchors),
    Terms(Terms),
}

impl Trust {
    const fn anchors(&self) -> &Anchors {
        match self {
            Self::Anchors(anchors) => anchors,
            Self::Terms(terms) => terms.anchors(),
        }
    }

    const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Anchors(_) => None,
            Self::Terms(terms) => Some(terms),
        }
    }
}

/// The terms that are the same for every artifact.
struct Job {
    trust: Trust,
    sources: Vec<Source>,
    timeout: Duration,
}

impl Job {
    /// What the log holds about the revocation of these artifacts' certificates; nothing without a
    /// policy, which alone proves its records.
    async fn collect(
        &self,
        arguments: &GetArguments,
        proven: &[(&Path, &Path)],
    ) -> Option<Collected> {
        match self.trust.terms() {
            Some(terms) if !arguments.without_revocation => {
                let fresh = proven.iter();
                let fresh = fresh.map(|&(artifact, proof)| Fresh { artifact, proof });
                let fresh: Vec<_> = fresh.collect();
                Some(collect(&self.sources, terms, &fresh, self.timeout).await)
            }
            _ => None,
        }
    }
}

/// A proof that was fetched, and by whom.
struct Fetched {
    leaf: Hash,
    index: u64,
    proof: PathBuf,
    /// Where the proof is now that was there.
    kept: Option<PathBuf>,
    from: String,
    refused: Vec<Refused<String>>,
}

type Ended = Vec<(PathBuf, Result<Fetched, Failure>)>;

pub(super) fn run(arguments: &GetArguments, voice: Output) -> Result<Exit, Failure> {
    let anchors = files::anchors(&arguments.anchors, arguments.accept_sha1)?.with_memo(MEMO);
    let job = Job {
        trust: match &arguments.policy {
            Some(policy) => Trust::Terms(Terms::read(policy, arguments.post_quantum, anchors)?),
            None => Trust::Anchors(anchors),
        },
        sources: network::sources(&arguments.from)?,
        timeout: Duration::from_secs(arguments.timeout),
    };
    let verified = job.trust.terms().is_some();
    if let [artifact] = &arguments.artifacts[..]
        && !artifact.is_dir()
    {
        let out = arguments.out.clone();
        let out = out.unwrap_or_else(|| files::proof_path(artifact, None));
        let bar = network::progress_bar(0, "records searched");
        let (fetched, collected) = network::block_on(async {
            let fetched = fetch(&job, artifact, out, Some(&bar)).await?;
            let collected = job.collect(arguments, &[(artifact, &fetched.proof)]).await;
            Ok((fetched, collected))
        })?;
        bar.finish_and_clear();
        network::tell_refused(&fetched.refused, voice.language);
        let mut value = to_json(&fetched, verified);
        let mut said = text(artifact, &fetched, verified, voice.language);
        if let Some(collected) = collected {
            if let Some(members) = value.as_object_mut() {
                members.insert("revocation".to_owned(), collected.json());
            }
            said.push_str(&collected.text(voice.language));
        }
        voice.say(&value, &said);
        return Ok(Exit::Proven);
    }
    let artifacts = artifacts(&arguments.artifacts)?;
    if let Some(folder) = &arguments.out {
        files::make_folder(folder)?;
    }
    let out = arguments.out.clone();
    let jobs = usize::from(arguments.jobs);
    let job = Rc::new(job);
    let mut proven = with_proofs(arguments)?;
    let ended = network::block_on(fetch_all(Rc::clone(&job), artifacts, out, jobs))?;
    let fetched = ended.iter().filter_map(|(artifact, fetched)| {
        let fetched = fetched.as_ref().ok()?;
        Some((artifact.clone(), fetched.proof.clone()))
    });
    proven.extend(fetched);
    let proven: Vec<(&Path, &Path)> = proven.iter().map(|(a, p)| (&**a, &**p)).collect();
    let collected = network::block_on(async { Ok(job.collect(arguments, &proven).await) })?;
    say(&ended, verified, collected.as_ref(), voice);
    Ok(worst(&ended))
}

/// The artifacts that were named, and those without a proof in the folders that were.
fn artifacts(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in named {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let is_proof = |path: &Path| path.extension().is_some_and(|e| e == FILE_EXTENSION);
        let wanted = |path: &PathBuf| !is_proof(path) && files::proof_beside(path).is_none();
        all.extend(files::files_in(path)?.into_iter().filter(wanted));
    }
    Ok(all)
}

/// The artifacts in the folders that were named which have their proof beside them, and no lists
/// yet.
fn with_proofs(arguments: &GetArguments) -> Result<BTreeMap<PathBuf, PathBuf>, Failure> {
    let mut proven = BTreeMap::new();
    for folder in arguments.artifacts.iter().filter(|path| path.is_dir()) {
        for path in files::files_in(folder)? {
            if let Some(proof) = files::proof_beside(&path) {
                proven.insert(path, proof);
            }
        }
    }
    Ok(proven)
}

async fn fetch_all(
    job: Rc<Job>,
    artifacts: Vec<PathBuf>,
    folder: Option<PathBuf>,
    jobs: usize,
) -> Result<Ended, Failure> {
    let bar = network::progress_bar(u64::try_from(artifacts.len()).unwrap_or(0), "artifacts");
    let slots = Rc::new(Semaphore::new(jobs));
    let mut tasks = JoinSet::new();
    let local = LocalSet::new();
    for (place, artifact) in artifacts.into_iter().enumerate() {
        let (job, slots, bar) = (Rc::clone(&job), Rc::clone(&slots), bar.clone());
        let out = files::proof_path(&artifact, folder.as_deref());
        let task = async move {
            // Closed never: the semaphore is ours.
            let _slot = slots.acquire().await;
            let fetched = fetch(&job, &artifact, out, None).await;
            bar.inc(1);
            (place, artifact, fetched)
        };
        tasks.spawn_local_on(task, &local);
    }
    let mut ended = Vec::new();
    let joined = local.run_until(async {
        while let Some(task) = tasks.join_next().await {
            ended.push(task.map_err(|error| Failure::unavailable(format!("a task: {error}")))?);
        }
        Ok(())
    });
    joined.await?;
    bar.finish_and_clear();
    ended.sort_by_key(|(place, _, _)| *place);
    let named = |(_, artifact, fetched)| (artifact, fetched);
    Ok(ended.into_iter().map(named).collect())
}

/// Fetches one proof and writes it.
async fn fetch(
    job: &Job,
    artifact: &Path,
    out: PathBuf,
    bar: Option<&ProgressBar>,
) -> Result<Fetched, Failure> {
    let octets = files::read(artifact, files::ARTIFACT_LEN_MAX)?;
    let name = artifact.display();
    let kind = ArtifactType::of(&octets);
    let kind = kind.map_err(|error| mistaken::nothing_to_send(artifact, &octets, &error))?;
    let record = record_of(kind, &octets, job.trust.anchors()).map_err(|refusal| {
        let said = format!("{name}: {refusal} ({})", refusal.code());
        Failure::new(refusal.fault().into(), said)
    })?;
    let leaf = leaf_hash(&record.encode());
    let terms = job.trust.terms();
    let policy = terms.map(Terms::policy);
    let attempt = async |source: &Source| {
        let progress = |done, total| {
            if let Some(bar) = bar {
                bar.set_length(total);
                bar.set_position(done);
            }
        };
        let proof = evidence(source, leaf, policy, job.timeout, progress).await;
        let proof = proof.map_err(|error| (error.blame(), failure(&error)))?;
        let found = proof.encode().into_bytes();
        // The rules of the artifact at the proven time are the artifact's affair, not the source's.
        let verified = terms.map_or(Ok(()), |terms| terms.verify(&octets, &found));
        verified.map_err(|failure| (Attribution::Silent, failure))?;
        Ok((proof.index, found))
    };
    let won = first_verified(&job.sources, attempt, |(blame, _)| *blame).await;
    let won = won.map_err(|refused| {
        network::nobody(&refused, |_, (_, failure): &(Attribution, Failure)| {
            failure.clone()
        })
    })?;
    let (index, proof) = won.answer;
    let kept = files::keep_proof(&out, &proof)?;
    Ok(Fetched {
        leaf,
        index,
        proof: out,
        kept,
        from: won.source,
        refused: won.refused.iter().map(spoken).collect(),
    })
}

fn say(ended: &Ended, verified: bool, collected: Option<&Collected>, voice: Output) {
    let (mut said, mut rows) = (String::new(), Vec::new());
    for (artifact, fetched) in ended {
        let mut row = match fetched {
            Ok(fetched) => {
                network::tell_refused(&fetched.refused, voice.language);
                said.push_str(&text(artifact, fetched, verified, voice.language));
                to_json(fetched, verified)
            }
            Err(failure) => {
                said.push_str(&complaint(artifact, failure, voice.language));
                json!({ "error": { "kind": failure.exit.name(), "message": failure.message } })
            }
        };
        if let Some(members) = row.as_object_mut() {
            members.insert("file".into(), artifact.display().to_string().into());
        }
        rows.push(row);
    }
    let fetched = ended.iter().filter(|(_, fetched)| fetched.is_ok()).count();
    let of = ended.len();
    let sum = if voice.language.is_english() {
        format!("{fetched} of {of} proofs fetched")
    } else {
        format!("証明 {of} 件中 {fetched} 件を取得しました。")
    };
    if let Some(collected) = collected {
        said.push_str(&collected.text(voice.language));
    }
    add_line(&mut said, sum);
    let revocation = collected.map(Collected::json);
    voice.say(
        &json!({ "fetched": fetched, "of": of, "files": rows, "revocation": revocation }),
        &said,
    );
}

fn to_json(fetched: &Fetched, verified: bool) -> Value {
    json!({
        "leaf": fetched.leaf.to_hex(),
        "index": fetched.index,
        "proof": fetched.proof.display().to_string(),
        "earlier_proof": fetched.kept,
        "verified": verified,
        "from": fetched.from,
        "refused": network::refused_json(&fetched.refused),
    })
}

fn text(artifact: &Path, fetched: &Fetched, verified: bool, language: Language) -> String {
    let mut out = String::new();
    let (index, proof) = (fetched.index, &fetched.proof);
    add_line(
        &mut out,
        proof_line(artifact, index, proof, verified, language),
    );
    if let Some(kept) = &fetched.kept {
        add_line(&mut out, kept_line(kept, language));
    }
    out
}

fn complaint(artifact: &Path, failure: &Failure, language: Language) -> String {
    let mut out = String::new();
    let (name, mark) = (artifact.display(), language.pick(": ", "："));
    for (place, line) in failure.told(language).into_iter().enumerate() {
        let line = match place {
            0 => format!("{name}{mark}{line}"),
            _ => format!("  {line}"),
        };
        add_line(&mut out, line);
    }
    out
}

/// Of several failures the one decides that says most: false, then insufficient, then unavailable.
fn worst(ended: &Ended) -> Exit {
    let failed = |exit: &Exit| {
        let mut failures = ended
            .iter()
            .filter_map(|(_, fetched)| fetched.as_ref().err());
        failures.any(|failure| failure.exit == *exit)
    };
    let order = [
        Exit::Disproven,
        Exit::Indeterminate,
        Exit::Unavailable,
        Exit::Usage,
    ];
    order.into_iter().find(failed).unwrap_or(Exit::Proven)
}

fn spoken(refused: &Refused<(Attribution, Failure)>) -> Refused<String> {
    let (_, failure) = &refused.error;
    Refused {
        source: refused.source.clone(),
        error: failure.message.clone(),
    }
}

pub(in crate::cli) fn failure(error: &EvidenceError) -> Failure {
    match error {
        EvidenceError::Api(error) => network::api_failure(error),
        EvidenceError::NotYet(_) => {
            Failure::new(Exit::Indeterminate, error).advice("ask again in a few seconds")
        }
        EvidenceError::NeedsPolicy => Failure::unavailable(error).advice("--policy names one"),
        EvidenceError::NotHeld { .. } => Failure::unavailable(error)
            .advice("submit the artifact, or ask another source: this one may be behind"),
        EvidenceError::Head(head) => trust::head_failure(head, error),
        EvidenceError::Unproven(untrusted) => trust::failure(untrusted, error),
        // The answer was read, and leads to another root.
        EvidenceError::Path(_) => Failure::new(Exit::Disproven, error),
        _ => Failure::unavailable(error),
    }
}
