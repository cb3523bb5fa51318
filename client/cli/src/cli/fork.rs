//! `ishibumi fork`: evidence that a log has two histories (docs/formats/fork-evidence.md).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use ishibumi::fetch::{Source, prefix_of};
use ishibumi_cli::render::rfc3339;
use ishibumi_tlog::fork::{CheckError, EVIDENCE_LEN_MAX, Evidence, EvidenceError, Verdict};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note, NoteError};
use ishibumi_tlog::tree::check_consistency;
use serde_json::json;

use super::{Exit, Failure, Output, files, network, trust};

const VERIFY_EXAMPLES: &str = "Examples:
  ishibumi fork verify --policy policy.txt log.fork
  ishibumi fork verify --key log.example/2026+1234abcd+AeX... log.fork --json

The log's keys come from the policy or from --key, never from the file. What is proven: one key of the
log signed two trees of which neither extends the other. No socket is opened.

Exit codes: 0 proven, the log has forked; 1 the file proves nothing (a false signature or proof),
2 usage, 3 a file is missing, 4 open: a suspicion without a proof, two keys that each signed one of the
two, no key of this log is known, or the file cannot be read as such evidence.";

const MAKE_EXAMPLES: &str = "Examples:
  ishibumi fork make --policy policy.txt --out log.fork mine.checkpoint theirs.checkpoint
  ishibumi fork make --policy policy.txt --out log.fork --from https://log.example a.txt b.txt

Two checkpoints of one size suffice. For two sizes --from names whose tiles show with which tree the
larger one begins; without them the file is a suspicion.

Exit codes: 0 written, and it proves a fork; 1 the two are consistent, or not the log's; 2 usage,
3 unavailable, 4 written, and it is a suspicion.";

/// Make and verify evidence that a log has two histories
#[derive(Debug, Args)]
pub(crate) struct ForkArguments {
    #[command(subcommand)]
    command: ForkCommand,
}

#[derive(Debug, Subcommand)]
enum ForkCommand {
    /// Verify the evidence of a fork offline
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        #[command(flatten)]
        keys: Keys,
        /// The evidence; `-` for standard input
        evidence: PathBuf,
    },
    /// Make evidence of two checkpoints
    #[command(after_help = MAKE_EXAMPLES)]
    Make {
        #[command(flatten)]
        keys: Keys,
        /// Where to look for tiles, if the sizes differ: URLs or directories, asked in their order
        #[arg(long, value_name = "URL|DIR")]
        from: Vec<String>,
        /// Where to write the evidence
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// A checkpoint, a signed note
        one: PathBuf,
        /// Another one of the same log
        other: PathBuf,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Keys {
    /// A policy that names the log
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A key of the log, as its operator publishes it
    #[arg(long, value_name = "VKEY")]
    key: Vec<VerifierKey>,
}

impl Keys {
    fn read(&self) -> Result<Vec<VerifierKey>, Failure> {
        let mut keys = self.key.clone();
        if let Some(path) = &self.policy {
            // Witnesses play no part here, and so no quorum does.
            let policy = trust::read(path, true, false)?;
            keys.extend(policy.logs().iter().map(|log| log.key.clone()));
        }
        Ok(keys)
    }
}

pub(crate) fn run(arguments: &ForkArguments, voice: Output) -> Result<Exit, Failure> {
    match &arguments.command {
        ForkCommand::Verify { keys, evidence } => {
            let octets = files::read(evidence, EVIDENCE_LEN_MAX)?;
            let shown = evidence.display();
            let evidence = Evidence::parse(&octets).map_err(|error| {
                let exit = if error.is_unread() {
                    Exit::Indeterminate
                } else {
                    Exit::Disproven
                };
                Failure::new(exit, format!("{shown}: {error}"))
            })?;
            verdict(&evidence, &keys.read()?, voice)
        }
        ForkCommand::Make {
            keys,
            from,
            out,
            one,
            other,
        } => {
            let keys = keys.read()?;
            let evidence = make(&keys, read_note(one)?, read_note(other)?, from)?;
            // Nothing that is not the log's is written as evidence against it.
            evidence.check(&keys).map_err(|error| unproven(&error))?;
            files::write(out, evidence.encode().as_bytes())?;
            verdict(&evidence, &keys, voice)
        }
    }
}

fn read_note(path: &Path) -> Result<Note, Failure> {
    files::parsed_note(&files::read(path, NOTE_LEN_MAX)?, &path.display())
}

fn make(
    keys: &[VerifierKey],
    one: Note,
    other: Note,
    from: &[String],
) -> Result<Evidence, Failure> {
    let origin = one.text().lines().next().unwrap_or_default();
    let own: Vec<VerifierKey> = keys
        .iter()
        .filter(|key| key.name() == origin)
        .cloned()
        .collect();
    if own.is_empty() {
        let message = format!("no key of the log {origin:?} is known");
        return Err(Failure::usage(message).advice("--key or --policy has to name it"));
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seen = since.map_or(0, |since| since.as_secs());
    let evidence = Evidence::new(own, seen, one, other)
        .map_err(|error| Failure::new(Exit::Disproven, error))?;
    let [older, newer] = evidence.checkpoints().map(Clone::clone);
    if older.size == newer.size || from.is_empty() {
        return Ok(evidence);
    }
    let mut failed = Vec::new();
    for source in network::sources(from)? {
        let asked: [Option<Source>; 2] = [Some(source.clone()), source.past_caches()];
        for source in asked.into_iter().flatten() {
            let found =
                network::block_on(async { Ok(prefix_of(&source, older.size, newer.size).await) })?;
            let prefix = match found {
                Ok(Some(prefix)) => prefix,
                Ok(None) => continue,
                Err(error) => {
                    failed.push(error.to_string());
                    continue;
                }
            };
            let (old, new) = (older.size, newer.size);
            if check_consistency(old, prefix.root, new, newer.root, &prefix.proof).is_err() {
                failed.push(format!(
                    "{source}: its tiles are not those of the larger tree"
                ));
                continue;
            }
            return evidence.with_prefix(prefix).map_err(|error| match error {
                EvidenceError::NoUse { .. } => Failure::new(
                    Exit::Disproven,
                    format!("the tree of {new} begins with the tree of {old}: there is no fork"),
                ),
                other => Failure::new(Exit::Disproven, other),
            });
        }
    }
    failed.dedup();
    Err(Failure::unavailable(format!(
        "nobody has tiles that show with which tree the larger one begins: {}",
        failed.join("; ")
    ))
    .advice("name another source, or leave --from out: the file is then a suspicion"))
}

fn unproven(error: &CheckError) -> Failure {
    match error {
        CheckError::NoKey(_) => Failure::new(Exit::Indeterminate, error)
            .advice("--key or --policy has to name the log that the evidence is about"),
        CheckError::Unsigned {
            cause: NoteError::NoKnownKey(_),
            ..
        } => Failure::new(Exit::Indeterminate, error)
            .advice("the log may have had another key then: name it with --key"),
        _ => Failure::new(Exit::Disproven, error),
    }
}

fn verdict(evidence: &Evidence, keys: &[VerifierKey], voice: Output) -> Result<Exit, Failure> {
    let verdict = evidence.check(keys).map_err(|error| unproven(&error))?;
    let [a, b] = evidence.checkpoints();
    let origin = evidence.origin();
    let english = voice.language.is_english();
    let id = |place: usize| {
        let key = keys.get(place);
        key.map(|key| format!("{:08x}", key.id()))
            .unwrap_or_default()
    };
    let (word, exit, said) = match (&verdict, english) {
        (Verdict::Proven { key }, true) => (
            "proven",
            Exit::Proven,
            format!(
                "PROVEN: the log {origin} has forked. Its key {} signed both trees.",
                id(*key)
            ),
        ),
        (Verdict::Proven { key }, false) => (
            "proven",
            Exit::Proven,
            format!(
                "証明済み：ログ {origin} は分岐しました。鍵 {} が両方の木に署名しています。",
                id(*key)
            ),
        ),
        (Verdict::AcrossKeys { first, second }, true) => (
            "across-keys",
            Exit::Indeterminate,
            format!(
                "CONTRADICTION ACROSS KEYS: {} signed one tree of {origin}, {} the other. The log has forked if both were its own.",
                id(*first),
                id(*second)
            ),
        ),
        (Verdict::AcrossKeys { first, second }, false) => (
            "across-keys",
            Exit::Indeterminate,
            format!(
                "鍵をまたぐ矛盾：{origin} の木の一方は鍵 {}、他方は鍵 {} が署名しています。両方がログ自身の鍵であれば、ログは分岐しています。",
                id(*first),
                id(*second)
            ),
        ),
        (Verdict::Open, true) => (
            "open",
            Exit::Indeterminate,
            format!(
                "OPEN: {origin} signed both, and nothing here shows that they contradict each other."
            ),
        ),
        (Verdict::Open, false) => (
            "open",
            Exit::Indeterminate,
            format!("未確定：{origin} は両方に署名していますが、矛盾することは示されていません。"),
        ),
    };
    let seen = rfc3339(evidence.seen());
    let value = json!({
        "verdict": word,
        "kind": evidence.kind().word(),
        "log": origin,
        "first": { "tree_size": a.size, "root": a.root.to_hex() },
        "second": { "tree_size": b.size, "root": b.root.to_hex() },
        "prefix": evidence.prefix().map(|prefix| prefix.root.to_hex()),
        "seen": seen,
    });
    let mut text = format!(
        "{said}\nfirst   {} {}\nsecond  {} {}\n",
        a.size, a.root, b.size, b.root
    );
    if let Some(prefix) = evidence.prefix() {
        // Writing to a String does not fail.
        let _ = writeln!(text, "prefix  {} {}", a.size, prefix.root);
    }
    let _ = writeln!(text, "seen    {seen}, by the clock of whoever kept it");
    voice.say(&value, &text);
    Ok(exit)
}
