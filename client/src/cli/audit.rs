//! `ishibumi audit`: a log, replayed from what it publishes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi::audit::{AnchorsSeen, AuditState, Entries, Suspect, Suspects};
use ishibumi::fetch::{
    AuditError, AuditReport, ListsRead, Source, SourceError, Step, StepError, Terms, Won, audit,
    first_verified, step_down,
};
use ishibumi::render::{kind_name, record_json, rfc3339, shown};
use ishibumi::succession::Policies;
use ishibumi_artifact::Body;
use ishibumi_artifact::record::{LogStatement, Suspicion};
use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::Demand;
use ishibumi_tlog::shown;
use serde_json::{Value, json};

use super::succession::{self, OldPolicies};
use super::trust::{self, Trust};
use super::{Exit, Failure, Voice, files, network};

const EXAMPLES: &str = "Examples:
  ishibumi audit --policy policy.txt https://log.example
  ishibumi audit --policy policy.txt --state log.audit-state https://log.example
  ishibumi audit --policy policy.txt --full --state log.audit-state copy-of-the-log/
  ishibumi audit --policy policy.txt https://log.example https://mirror.example/log copy-of-the-log/
  ishibumi audit --policy other.txt --any-entries --allow-no-quorum https://other-log.example

Every record is decoded and hashed, every tile is computed and compared, the root and the quorum are
checked. With --state the next visit goes on where this one ended and proves that the log only grew;
--full reads everything again all the same. docs/formats/audit-state.md describes the file.
Suspicions come from records alone. With --blobs complete revocation lists are fetched as well (blob/SHA-256
beside the log) and held against the earlier ones of their issuer and scope: records cannot show what a later
list leaves out.
Of several sources the first whose files hold decides; what the others failed with is told. A fork that
any of them shows convicts the log. With --any-entries it audits any log on C2SP tlog-tiles: entries are hashed and counted, not read.

A log that continues another one is followed down with --predecessor, one source for each log; the old log's
policy is --old-policy, if --policy does not name it (docs/succession.md).

TSAs' tokens over the log's checkpoints (checkpoint-anchor records) have to be about trees that the log had.

Exit codes: 0 the log holds what it signed, 1 it does not, or a checkpoint-anchor is false (a fork or rollback is kept as evidence in
STATE.fork or STATE.rollback), 2 usage, 3 unavailable, 4 the checkpoint lacks log or quorum.";

/// The longest state file that is read, in octets.
const STATE_LEN_MAX: usize = 4 << 20;

/// Replay a whole log and check everything that it published
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuditArguments {
    #[command(flatten)]
    trust: Trust,
    /// What the last visit saw; read if it is there, written after success
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read every record from the first on, also what the last visit read
    #[arg(long)]
    full: bool,
    /// Fetch complete revocation lists, too, and hold them against each other
    #[arg(long, conflicts_with = "any_entries")]
    blobs: bool,
    /// A log of others: entries are hashed and not read as records of ours
    #[arg(long)]
    any_entries: bool,
    #[command(flatten)]
    old: OldPolicies,
    /// A source of the log that this one continues, then of the one before that: each is audited from
    /// its first record on, and the link between the two verified
    #[arg(long, value_name = "URL|DIR", conflicts_with = "any_entries")]
    predecessor: Vec<String>,
    /// Another source, to be asked if those before it do not help
    #[arg(long, value_name = "URL|DIR")]
    from: Vec<String>,
    /// URL of the log or a mirror, or a directory with its files; several are asked in their order
    #[arg(required_unless_present = "from", value_name = "URL|DIR")]
    sources: Vec<String>,
}

pub(crate) fn run(arguments: &AuditArguments, voice: Voice) -> Result<Exit, Failure> {
    let trust = &arguments.trust;
    let policies = arguments.old.beside(trust.read()?, trust.post_quantum)?;
    let policy = policies.first().clone();
    let last = match &arguments.state {
        Some(path) if path.exists() => Some(read_state(path, &policy)?),
        _ => None,
    };
    let named: Vec<String> = [&*arguments.sources, &arguments.from].concat();
    let sources = network::sources(&named)?;
    let terms = Terms {
        policy: &policy,
        last: last.as_ref(),
        full: arguments.full,
        entries: if arguments.any_entries {
            Entries::Any
        } else {
            Entries::Records
        },
        blobs: arguments.blobs,
    };
    let bar = network::progress_bar(0, "records");
    let ended = network::block_on(async {
        let attempt = async |source: &Source| {
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            audit(source, terms, progress).await
        };
        Ok(first_verified(&sources, attempt, AuditError::blame).await)
    })?;
    bar.finish_and_clear();
    let won = ended.map_err(|refused| {
        network::nobody(&refused, |_, error| {
            failure(error, arguments.state.as_deref())
        })
    })?;
    network::tell_refused(&won.refused);
    let report = &won.answer;
    let honest = report.anchors.wrong_count == 0;
    // A later visit would not read the false records again, and would say nothing of them.
    if let Some(path) = arguments.state.as_ref().filter(|_| honest) {
        files::replace(path, report.state.encode().as_bytes())?;
    }
    let (mut value, mut text) = (to_json(&won), to_text(report));
    let old = network::sources(&arguments.predecessor)?;
    let newest = sources.iter().find(|it| it.to_string() == won.source);
    let origin = &report.state.head().checkpoint().origin;
    let chain = newest.map_or(Ok(Vec::new()), |newest| {
        follow((newest, origin), &old, &policies)
    })?;
    for step in &chain {
        text.push_str(&step_text(step, voice.language.is_english()));
    }
    let links = chain.iter().map(step_json).collect();
    if let Some(members) = value.as_object_mut() {
        members.insert("predecessors".into(), links);
    }
    voice.say(&value, &text);
    let exits = chain.iter().map(exit_of_step);
    let own = if honest {
        Exit::Proven
    } else {
        Exit::Disproven
    };
    let weight = |exit: &Exit| match exit {
        Exit::Disproven => 2,
        Exit::Proven => 0,
        _ => 1,
    };
    Ok(exits.chain([own]).max_by_key(weight).unwrap_or(own))
}

/// Goes down the chain of logs, from `newest` to the ones that it continues.
fn follow(
    (newest, newest_origin): (&Source, &str),
    old: &[Source],
    policies: &Policies,
) -> Result<Vec<Step>, Failure> {
    let mut chain: Vec<Step> = Vec::new();
    let mut origins = vec![newest_origin.to_owned()];
    let (mut new, mut policy) = (newest, policies.first());
    for source in old {
        let bar = network::progress_bar(0, "records of a predecessor");
        let step = network::block_on(async {
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            Ok(step_down((new, policy), source, policies, progress).await)
        })?;
        bar.finish_and_clear();
        let step = step.map_err(|error| match &error {
            StepError::Audit(error) => failure(error, None),
            StepError::Entry(entry) => super::evidence::entry_failure(entry),
            _ => Failure::unavailable(&error),
        })?;
        let origin = step.report.state.head().checkpoint().origin.clone();
        if origins.contains(&origin) {
            let message =
                format!("{source}: the log {origin} was there before: a chain has no rings");
            return Err(Failure::new(Exit::Disproven, message));
        }
        chain.push(step);
        origins.push(origin.clone());
        (new, policy) = (source, policies.of_origin(&origin).unwrap_or(policy));
    }
    Ok(chain)
}

fn exit_of_step(step: &Step) -> Exit {
    // Here a predecessor was named: that nothing shows the link is no answer.
    match (&step.diverged, &step.link) {
        (Some(_), _) => Exit::Disproven,
        (None, Err(_)) => Exit::Indeterminate,
        (None, link) => succession::exit(link),
    }
}

fn step_text(step: &Step, english: bool) -> String {
    let head = step.report.state.head().checkpoint();
    let (origin, size) = (&head.origin, head.size);
    let mut out = succession::text(&step.link, english);
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "            {origin} holds what it signed: {size} records"
    );
    if let Some(root) = step.diverged {
        let _ = writeln!(
            out,
            "            FORKED: the old log's root at that size is {root}, not the one that the new log states"
        );
    }
    out
}

fn step_json(step: &Step) -> Value {
    let head = step.report.state.head().checkpoint();
    json!({
        "log": head.origin,
        "size": head.size,
        "link": succession::json(&step.link),
        "diverged": step.diverged.map(|root| root.to_string()),
    })
}

fn read_state(path: &Path, policy: &Policy) -> Result<AuditState, Failure> {
    let octets = files::read(path, STATE_LEN_MAX)?;
    AuditState::decode(&octets, policy).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display())).advice(
            "move the file away to begin from the first record, without the proof of growth",
        )
    })
}

/// How an audit that did not succeed ends; evidence is written before anything is said.
fn failure(error: &AuditError, state: Option<&Path>) -> Failure {
    match error {
        AuditError::Misbehaviour { evidence, .. } => {
            let failure = Failure::new(Exit::Disproven, error);
            let Some(state) = state else { return failure };
            let name = state.file_name().unwrap_or_default().to_string_lossy();
            let kind = evidence.misbehaviour.name();
            let path = state.with_file_name(format!("{name}.{kind}"));
            match files::write(&path, evidence.encode().as_bytes()) {
                Ok(()) => failure.advice(format!(
                    "both checkpoints are kept in {}: show them to the log's other users",
                    path.display()
                )),
                Err(unwritten) => failure.advice(format!(
                    "the evidence could not be kept: {}",
                    unwritten.message
                )),
            }
        }
        AuditError::Source(SourceError::Missing(_)) => Failure::unavailable(error)
            .advice("a log has to serve every tile and bundle below its checkpoint"),
        AuditError::Source(_) => Failure::unavailable(error),
        AuditError::Head(head) => trust::head_failure(head, error),
        _ => Failure::new(Exit::Disproven, error),
    }
}

fn to_json(won: &Won<AuditReport, AuditError>) -> Value {
    let report = &won.answer;
    let head = report.state.head();
    let checkpoint = head.checkpoint();
    let kinds = report.tally.kinds.iter();
    let kinds: serde_json::Map<String, Value> = kinds
        .map(|(&kind, &count)| (label(kind), count.into()))
        .collect();
    let suspects = &report.suspects;
    let suspicions = suspects.listed.iter().map(|suspect| {
        json!({
            "suspicion": suspect.suspicion.name(),
            "index": suspect.index,
            "other": suspect.other,
            "moment": suspect.moment.map(|moment| moment.to_string()),
        })
    });
    let suspicions: Vec<Value> = suspicions.collect();
    let counted = Suspicion::ALL.into_iter().map(|suspicion| {
        let count = suspects.counts.get(&suspicion).copied().unwrap_or(0);
        (suspicion.name().to_owned(), Value::from(count))
    });
    let counted: serde_json::Map<String, Value> = counted.collect();
    json!({
        "log": checkpoint.origin,
        "from": won.source,
        "refused": network::refused_json(&won.refused),
        "tree_size": checkpoint.size,
        "root": checkpoint.root.to_hex(),
        "witnesses": head.cosignatures().iter().map(|seen| &seen.name).collect::<Vec<_>>(),
        "not_after": head.not_after().map(rfc3339),
        "records": report.tally.records,
        "octets": report.tally.octets,
        "tiles": report.tally.tiles,
        "kinds": kinds,
        "entries_not_read": report.tally.opaque,
        "post_quantum": report.demand == Demand::PostQuantum,
        "ends": report.ends.iter().map(|(index, said)| json!({
            "index": index,
            "says": record_json(&Body::Log(said.clone()).into()),
        })).collect::<Vec<_>>(),
        "suspicions": suspicions,
        "suspicions_counted": counted,
        "records_not_compared": suspects.forgotten,
        "checkpoint_anchors": {
            "compared": report.anchors.fitting.len(),
            "not_compared": report.anchors.forgotten,
            "wrong": report.anchors.wrong_count,
            "reasons": report.anchors.wrong.iter()
                .map(|wrong| json!({ "index": wrong.index, "reason": wrong.why }))
                .collect::<Vec<_>>(),
        },
        "lists": report.lists.as_ref().map(|lists| json!({
            "compared": lists.compared,
            "left_out": lists.left_out,
            "reasons": lists.reasons.iter().map(|(index, reason)| json!({ "index": index, "reason": reason }))
                .collect::<Vec<_>>(),
        })),
        "from_the_beginning": report.from_the_beginning,
        "grew_from": report.since.map(|seen| json!({ "tree_size": seen.size, "root": seen.root.to_hex() })),
    })
}

fn label(kind: u16) -> String {
    match kind_name(kind) {
        "unknown" => format!("unknown-{kind}"),
        name => name.to_owned(),
    }
}

fn to_text(report: &AuditReport) -> String {
    let head = report.state.head();
    let (checkpoint, tally) = (head.checkpoint(), &report.tally);
    let mut out = String::new();
    // Writing to a String does not fail.
    let holds = if report.anchors.wrong_count == 0 {
        "holds what it signed."
    } else {
        "HOLDS FALSE STATEMENTS ABOUT ITSELF."
    };
    let _ = writeln!(out, "{} {holds}", checkpoint.origin);
    let _ = writeln!(out, "tree        {} {}", checkpoint.size, checkpoint.root);
    let when = head
        .not_after()
        .map_or_else(|| "no time proven".to_owned(), rfc3339);
    let alone = match report.demand {
        Demand::PostQuantum => " (ML-DSA-44 alone)",
        Demand::AnyAlgorithm => "",
    };
    let _ = writeln!(
        out,
        "witnesses   {}{alone}, not after {when}",
        head.cosignatures().len()
    );
    let scope = if report.from_the_beginning {
        "from the first on"
    } else {
        "since the last visit"
    };
    let _ = writeln!(
        out,
        "records     {} {scope}, {} octets",
        tally.records, tally.octets
    );
    if tally.opaque > 0 {
        let _ = writeln!(out, "            {} hashed and not read", tally.opaque);
    }
    for (&kind, count) in &tally.kinds {
        let _ = writeln!(out, "            {count} {}", label(kind));
    }
    let _ = writeln!(out, "tiles       {} compared", tally.tiles);
    write_anchors(&mut out, &report.anchors);
    write_ends(&mut out, &report.ends);
    write_suspects(&mut out, &report.suspects);
    write_lists(&mut out, report.lists.as_ref());
    match report.since {
        Some(seen) => {
            let _ = writeln!(
                out,
                "growth      extends the tree of {} of the last visit",
                seen.size
            );
        }
        None => {
            let _ = writeln!(out, "growth      not checked: there was no earlier visit");
        }
    }
    out
}

fn write_anchors(out: &mut String, anchors: &AnchorsSeen) {
    if *anchors == AnchorsSeen::default() {
        return;
    }
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "anchors     {} tokens over checkpoints held against the tree, {} false, {} not compared",
        anchors.fitting.len(),
        anchors.wrong_count,
        anchors.forgotten
    );
    for wrong in &anchors.wrong {
        let why = shown::line(&wrong.why);
        let _ = writeln!(out, "            record {}: {why}", wrong.index);
    }
}

/// The dates and reasons are the operator's word.
fn write_ends(out: &mut String, ends: &[(u64, LogStatement)]) {
    for (index, said) in ends {
        let (LogStatement::Closing(end) | LogStatement::Closed(end)) = said else {
            continue;
        };
        let name = said.name().unwrap_or_default();
        let (date, reason) = (end.date().time(), shown(end.reason()));
        // Writing to a String does not fail.
        let _ = writeln!(out, "{name:<12}{date}, as record {index} says: {reason}");
        for (what, line) in end
            .successor()
            .map(|line| ("successor", line))
            .chain(end.custodians().map(|line| ("custodian", line)))
        {
            let _ = writeln!(out, "            {what} {}", shown(line));
        }
    }
}

fn write_lists(out: &mut String, lists: Option<&ListsRead>) {
    let Some(lists) = lists else {
        out.push_str(
            "lists       not read: what a later revocation list leaves out is seen with --blobs only\n",
        );
        return;
    };
    let ListsRead {
        compared, left_out, ..
    } = lists;
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "lists       {compared} complete ones compared, {left_out} left out"
    );
    for (index, reason) in &lists.reasons {
        let reason = shown::line(reason);
        let _ = writeln!(out, "            record {index}: {reason}");
    }
}

fn write_suspects(out: &mut String, suspects: &Suspects) {
    let count: u64 = suspects.counts.values().sum();
    // Writing to a String does not fail.
    let _ = writeln!(out, "suspicions  {count}");
    for suspect in &suspects.listed {
        let Suspect {
            suspicion, index, ..
        } = suspect;
        let _ = write!(out, "            {}: record {index}", suspicion.name());
        if let Some(other) = suspect.other {
            let _ = write!(out, " and record {other}");
        }
        if let Some(moment) = suspect.moment {
            let _ = write!(out, ", held against {moment}");
        }
        out.push('\n');
    }
    if count > 0 {
        out.push_str(
            "            Records raise suspicion and prove nothing: nothing in them is signed by the \n            \
             issuer. Two tokens prove a reused serial: ishibumi misissue pack.\n",
        );
    }
    if suspects.forgotten > 0 {
        let forgotten = suspects.forgotten;
        let _ = writeln!(
            out,
            "            {forgotten} records were beyond what is remembered"
        );
    }
}
