//! `ishibumi submit`: artifacts to a log, proofs back.

mod inputs;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use ishibumi::fetch::{ApiError, LogClient, Source, Staged, Submission, Submitted, Wait, evidence};
use ishibumi_artifact::ArtifactType;
use ishibumi_cli::render::Language;
use ishibumi_tlog::foreign;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::inputs::Inputs;
use super::collect::{Collected, Fresh, collect};
use super::trust::Terms;
use super::{Exit, Failure, Output, files, mistaken, network};

const EXAMPLES: &str = "Examples:
  ishibumi submit --log http://127.0.0.1:8080 --token-file token.txt contract.tst
  ishibumi submit --log https://log.example --policy policy.txt --anchors anchors/ *.tst
  ishibumi submit --log https://log.example --wait durable --out proofs/ ca.crl
  ishibumi submit --log https://log.example --token-file token.txt tokens-of-march/
  find . -name '*.tst' | ishibumi submit --log https://log.example --list -

The proof of FILE is written to FILE.tlog-proof, whole or not at all; a proof that is there and says other
things is kept as FILE.2.tlog-proof. With --policy and --anchors it
is verified first, and not written if it proves nothing; and what the log holds about the revocation of the
artifacts' certificates is fetched into a folder `revocation` beside the proofs, once there is a list of a later
time than the artifact (ishibumi evidence get fetches it later). Submitting again is harmless. Of folders and
lists what has its proof already is passed over: after a run that broke off, give the same command.

Exit codes: 0 done, 1 the log refused or its answer is false, 2 usage, 3 unavailable,
4 no quorum in time (nothing is lost: ishibumi evidence get fetches the proof later).";

/// The longest token file that is read, in octets.
const TOKEN_LEN_MAX: usize = 4096;

/// Submit artifacts to a log and write the proofs that come back
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SubmitArguments {
    /// URL of the log
    #[arg(long, value_name = "URL", value_parser = network::log_url)]
    log: String,
    /// File with the bearer token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Verify what comes back under this policy
    #[arg(long, value_name = "FILE", requires = "anchors")]
    policy: Option<PathBuf>,
    /// The quorum has to be met by ML-DSA-44 cosignatures alone
    #[arg(long, requires = "policy")]
    post_quantum: bool,
    /// Trusted certificates for that, as for `verify`
    #[arg(long, value_name = "DIR|FILE", requires = "policy")]
    anchors: Option<PathBuf>,
    /// A mirror, or a directory with a copy of the log, to fetch a late proof from if the log does
    /// not give it; any number
    #[arg(long, value_name = "URL|DIR", requires = "policy")]
    from: Vec<String>,
    /// Fetch no lists and OCSP responses about the artifacts' certificates
    #[arg(long, requires = "policy")]
    without_revocation: bool,
    /// What to wait for
    #[arg(long, value_enum, default_value = "quorum")]
    wait: WaitFor,
    /// Stop after so many files in a row to which nobody answers; 0: never
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    give_up: usize,
    /// File with a path in each line, `-` for standard input: more files, but for those that have
    /// their proof
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Seconds to wait for each file, busy answers and late quorums included
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Folder for the proofs; by default beside each file
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What the files are; by default found out by reading them
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,
    /// Files that are submitted at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Time-stamp tokens or replies, certificates, CRLs, OCSP responses; DER or PEM; or folders of
    /// them
    #[arg(required_unless_present = "list")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WaitFor {
    /// A checkpoint that the quorum cosigned, and so a proof
    Quorum,
    /// The record is durable; the proof comes later
    Durable,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    TimestampReply,
    TimestampToken,
    Certificate,
    Crl,
    OcspResponse,
}

impl From<Kind> for ArtifactType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::TimestampReply => Self::TimestampReply,
            Kind::TimestampToken => Self::TimestampToken,
            Kind::Certificate => Self::Certificate,
            Kind::Crl => Self::Crl,
            Kind::OcspResponse => Self::OcspResponse,
        }
    }
}

/// What every submission of one run shares.
struct Job {
    client: LogClient,
    /// Its URL.
    log: String,
    terms: Option<Terms>,
    from: Vec<Source>,
    wait: Wait,
    timeout: Duration,
    out: Option<PathBuf>,
    kind: Option<ArtifactType>,
    give_up: usize,
    /// Number of files in a row that got no answer.
    silent: AtomicUsize,
}

impl Job {
    /// Whether the log is there, as far as the last files tell.
    fn answers(&self) -> Result<(), Failure> {
        let silent = self.silent.load(Ordering::Relaxed);
        if self.give_up == 0 || silent < self.give_up {
            return Ok(());
        }
        let message = format!("not sent: nobody answered to {silent} files in a row");
        Err(Failure::unavailable(message).advice(
            "give the same command when the log answers; of folders and lists, what has its proof is not sent again",
        ))
    }

    /// The data that the log holds about the revocation of the certificates of the submitted
    /// artifacts.
    async fn collect(&self, arguments: &SubmitArguments, ended: &Ended) -> Option<Collected> {
        let terms = match &self.terms {
            Some(terms) if !arguments.without_revocation => terms,
            _ => return None,
        };
        let fresh: Vec<Fresh<'_>> = ended
            .iter()
            .filter_map(|(artifact, done)| match done {
                Ok(Done::Proven { proof, .. }) => Some(Fresh { artifact, proof }),
                _ => None,
            })
            .collect();
        let log = Source::url(network::net(), &self.log);
        let sources = [&[log][..], &self.from].concat();
        Some(collect(&sources, terms, &fresh, self.timeout).await)
    }

    fn heard<T>(&self, answer: Result<T, ApiError>) -> Result<T, ApiError> {
        if matches!(answer, Err(ApiError::Silent(_))) {
            self.silent.fetch_add(1, Ordering::Relaxed);
        } else {
            self.silent.store(0, Ordering::Relaxed);
        }
        answer
    }
}

enum Done {
    Proven {
        index: u64,
        proof: PathBuf,
        /// Where the proof is now that was there.
        kept: Option<PathBuf>,
        verified: bool,
    },
    Durable(Staged),
}

pub(crate) fn run(arguments: &SubmitArguments, voice: Output) -> Result<Exit, Failure> {
    let terms = match (&arguments.policy, &arguments.anchors) {
        (Some(policy), Some(anchors)) => {
            let anchors = files::anchors(anchors, None)?;
            Some(Terms::read(policy, arguments.post_quantum, anchors)?)
        }
        _ => None,
    };
    if let Some(folder) = &arguments.out {
        files::make_folder(folder)?;
    }
    let token = arguments.token_file.as_deref().map(token).transpose()?;
    let job = Job {
        client: LogClient::new(network::net(), &arguments.log, token),
        log: arguments.log.clone(),
        terms,
        from: network::sources(&arguments.from)?,
        wait: match arguments.wait {
            WaitFor::Quorum => Wait::Quorum,
            WaitFor::Durable => Wait::Durable,
        },
        timeout: Duration::from_secs(arguments.timeout),
        out: arguments.out.clone(),
        kind: arguments.kind.map(ArtifactType::from),
        give_up: arguments.give_up,
        silent: AtomicUsize::new(0),
    };
    let inputs = Inputs::gather(
        &arguments.files,
        arguments.list.as_deref(),
        arguments.out.as_deref(),
    )?;
    let jobs = usize::from(arguments.jobs);
    let job = Arc::new(job);
    let (ended, collected) = network::block_on(async {
        let ended = submit_all(Arc::clone(&job), inputs.files, jobs).await?;
        let collected = job.collect(arguments, &ended).await;
        Ok((ended, collected))
    })?;
    report(
        &ended,
        (inputs.proven, inputs.others),
        collected.as_ref(),
        voice,
    );
    // Of several failures the one decides that says most: refused, then late, then unavailable.
    let failed = |wanted: Exit| {
        ended
            .iter()
            .any(|(_, done)| done.as_ref().is_err_and(|f| f.exit == wanted))
    };
    let order = [
        Exit::Disproven,
        Exit::Indeterminate,
        Exit::Unavailable,
        Exit::Usage,
    ];
    Ok(order
        .into_iter()
        .find(|&exit| failed(exit))
        .unwrap_or(Exit::Proven))
}

pub(super) fn token(path: &Path) -> Result<String, Failure> {
    let octets = files::read(path, TOKEN_LEN_MAX)?;
    let text = std::str::from_utf8(&octets).unwrap_or_default().trim();
    let usable = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
    if usable {
        Ok(text.to_owned())
    } else {
        let name = path.display();
        let message = format!("{name}: not a bearer token on one line");
        Err(Failure::usage(message)
            .advice("the file holds the token and nothing else, without a byte order mark: echo TOKEN >FILE")
            .in_japanese(format!(
                "{name}：1行のベアラートークンではありません。トークンだけを、BOM なしで保存してください：echo トークン >ファイル"
            )))
    }
}

type Ended = Vec<(PathBuf, Result<Done, Failure>)>;

async fn submit_all(job: Arc<Job>, files: Vec<PathBuf>, jobs: usize) -> Result<Ended, Failure> {
    let bar = network::progress_bar(u64::try_from(files.len()).unwrap_or(0), "files");
    let slots = Arc::new(Semaphore::new(jobs));
    let mut tasks = JoinSet::new();
    for (place, file) in files.into_iter().enumerate() {
        // Closed never: the semaphore is ours.
        let slot = Arc::clone(&slots).acquire_owned().await.ok();
        let (job, bar) = (Arc::clone(&job), bar.clone());
        tasks.spawn(async move {
            let done = submit_one(&job, &file).await;
            bar.inc(1);
            drop(slot);
            (place, file, done)
        });
    }
    let mut ended = Vec::new();
    while let Some(task) = tasks.join_next().await {
        ended.push(task.map_err(|error| Failure::unavailable(format!("a submission: {error}")))?);
    }
    bar.finish_and_clear();
    ended.sort_by_key(|(place, _, _)| *place);
    Ok(ended
        .into_iter()
        .map(|(_, file, done)| (file, done))
        .collect())
}

async fn submit_one(job: &Job, file: &Path) -> Result<Done, Failure> {
    job.answers()?;
    let octets = files::read(file, files::ARTIFACT_LEN_MAX)?;
    let kind = job.kind.map_or_else(|| ArtifactType::of(&octets), Ok);
    let kind = kind.map_err(|error| mistaken::nothing_to_send(file, &octets, &error))?;
    let submission = Submission {
        artifact_type: kind,
        octets: &octets,
    };
    let began = Instant::now();
    let answer = job.client.submit(submission, job.wait, job.timeout).await;
    let proof = match (
        job.heard(answer)
            .map_err(|error| network::api_failure(&error))?,
        job.wait,
    ) {
        (Submitted::Proof(proof), _) => proof,
        (Submitted::Staged(staged), Wait::Durable) => return Ok(Done::Durable(staged)),
        (Submitted::Staged(staged), Wait::Quorum) => {
            let left = job.timeout.saturating_sub(began.elapsed());
            match job.client.await_proof(staged, left).await {
                Ok(proof) => proof,
                Err(error) => elsewhere(job, staged)
                    .await
                    .ok_or_else(|| network::api_failure(&error))?,
            }
        }
    };
    let index = foreign::named(TlogProof::parse(&proof), &proof)
        .map_err(|error| Failure::unavailable(format!("the log's answer is no proof: {error}")))?
        .index;
    if let Some(terms) = &job.terms {
        terms.verify(&octets, &proof)?;
    }
    let path = files::proof_path(file, job.out.as_deref());
    let kept = files::keep_proof(&path, &proof)?;
    Ok(Done::Proven {
        index,
        proof: path,
        kept,
        verified: job.terms.is_some(),
    })
}

/// The proof of a record, from holders of a copy of the log, if the log itself does not give it. It
/// is verified like every other.
async fn elsewhere(job: &Job, staged: Staged) -> Option<Vec<u8>> {
    let policy = job.terms.as_ref().map(Terms::policy);
    for source in &job.from {
        let asked = [Some(source.clone()), source.past_caches()];
        for source in asked.into_iter().flatten() {
            let found = evidence(&source, staged.leaf, policy, job.timeout, |_, _| {}).await;
            if let Ok(proof) = found {
                return Some(proof.encode().into_bytes());
            }
        }
    }
    None
}

/// `passed_over`: how many have their proof, and how many are no artifacts.
fn report(
    ended: &Ended,
    passed_over: (usize, usize),
    collected: Option<&Collected>,
    voice: Output,
) {
    let mut text = String::new();
    let mut rows = Vec::new();
    for (file, done) in ended {
        let (row, lines) = describe(file, done, voice.language);
        rows.push(row);
        for line in lines {
            add_line(&mut text, line);
        }
    }
    let submitted = ended.iter().filter(|(_, done)| done.is_ok()).count();
    let (proven, others) = passed_over;
    if proven + others > 0 {
        let said = if voice.language.is_english() {
            format!("passed over: {proven} that have their proof, {others} that are no artifacts")
        } else {
            format!("送信していないもの：証明があるもの {proven} 件、成果物でないもの {others} 件")
        };
        add_line(&mut text, said);
    }
    if let Some(collected) = collected {
        text.push_str(&collected.text(voice.language));
    }
    voice.say(
        &json!({
            "submitted": submitted,
            "of": ended.len(),
            "proven_before": proven,
            "no_artifacts": others,
            "files": rows,
            "revocation": collected.map(Collected::json),
        }),
        &text,
    );
}

/// For programs, and line by line for people.
fn describe(file: &Path, done: &Result<Done, Failure>, language: Language) -> (Value, Vec<String>) {
    let name = file.display().to_string();
    match done {
        Ok(Done::Proven {
            index,
            proof,
            kept,
            verified,
        }) => {
            let line = proof_line(file, *index, proof, *verified, language);
            let mut lines = vec![line];
            lines.extend(kept.as_ref().map(|kept| kept_line(kept, language)));
            (
                json!({
                    "file": name,
                    "index": index,
                    "proof": proof.display().to_string(),
                    "earlier_proof": kept,
                    "verified": verified,
                }),
                lines,
            )
        }
        Ok(Done::Durable(Staged { index, leaf })) => {
            let line = if language.is_english() {
                format!("{name}: record {index} is durable, leaf {leaf}; its proof comes later")
            } else {
                format!(
                    "{name}：記録 {index} 番は保存されました（リーフ {leaf}）。証明は後から取得できます。"
                )
            };
            (
                json!({ "file": name, "index": index, "leaf": leaf.to_hex(), "proof": null }),
                vec![line],
            )
        }
        Err(failure) => {
            let told = failure.told(language);
            let mark = language.pick(": ", "：");
            let told = told.into_iter().enumerate();
            let lines = told.map(|(place, line)| match place {
                0 => format!("{name}{mark}{line}"),
                _ => format!("  {line}"),
            });
            let error = json!({ "kind": failure.exit.name(), "message": failure.message, "advice": failure.advice });
            (json!({ "file": name, "error": error }), lines.collect())
        }
    }
}

/// The line about a proof that was written.
pub(super) fn proof_line(
    artifact: &Path,
    index: u64,
    proof: &Path,
    verified: bool,
    language: Language,
) -> String {
    let (artifact, proof) = (artifact.display(), proof.display());
    match (language.is_english(), verified) {
        (true, true) => format!("{artifact}: record {index}, proof in {proof} (verified)"),
        (true, false) => format!("{artifact}: record {index}, proof in {proof} (not verified)"),
        (false, true) => format!("{artifact}：記録 {index} 番、証明は {proof}（検証済み）"),
        (false, false) => format!("{artifact}：記録 {index} 番、証明は {proof}（未検証）"),
    }
}

/// The line about an earlier proof, under the name that it has now.
pub(super) fn kept_line(kept: &Path, language: Language) -> String {
    let kept = kept.display();
    if language.is_english() {
        format!("  the proof that was there says other things, and is kept as {kept}")
    } else {
        format!("  以前からあった証明は内容が異なるため、{kept} として残しました。")
    }
}
