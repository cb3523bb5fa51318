//! `ishibumi audit`: a log, replayed from what it publishes.

mod chain;
mod failure;
mod sources;
mod words;

pub(super) use sources::is_same_fork;

use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi::audit::{AuditState, Entries, Misbehaviour};
use ishibumi::fetch::{AuditError, Refused, Seen, Source, Terms, audit, compare, first_verified};
use ishibumi_tlog::{Policy, TrustedCheckpoint};

use super::age::MaxAge;
use super::succession::OldPolicies;
use super::trust::Trust;
use super::{Exit, Failure, Output, dated, files, network};
use failure::failure;
use sources::Sources;

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
Of several sources the first whose files hold is replayed. What the others show, with a quorum or without,
has to be one history with it: a fork that any of them shows convicts the log, in whatever order they are
named. With --any-entries it audits any log on C2SP tlog-tiles: entries are hashed and counted, not read.

The report says how old the checkpoint is by this machine's clock. --max-age 24h makes an older one
insufficient: whoever shows an old checkpoint hides what came since.

A log that continues another one is followed down with --predecessor, one source for each log; the old log's
policy is --old-policy, if --policy does not name it (docs/succession.md).

TSAs' tokens over the log's checkpoints (checkpoint-anchor records) have to be about trees that the log had.

Exit codes: 0 the log holds what it signed, 1 it does not, or a checkpoint-anchor is false (a fork or rollback
is kept as evidence in STATE.fork or STATE.rollback, or STATE.fork.2 if that name is taken; without --state a fork
in SIZE-SIZE-ID.fork here), 2 usage,
3 unavailable, 4 the checkpoint lacks log or quorum or is too old, or something that the log signed, or what
its successor says of it, is shown by nobody.";

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
    max_age: MaxAge,
    #[command(flatten)]
    old: OldPolicies,
    /// A source of the log that this one continues, then of the one before that: each is audited
    /// from its first record on, and the link between the two verified
    #[arg(long, value_name = "URL|DIR", conflicts_with = "any_entries")]
    predecessor: Vec<String>,
    /// Another source, replayed if those before it do not help; what it shows is compared in any
    /// case
    #[arg(long, value_name = "URL|DIR")]
    from: Vec<String>,
    /// URL of the log or a mirror, or a directory with its files; several are asked in their order
    #[arg(required_unless_present = "from", value_name = "URL|DIR")]
    sources: Vec<String>,
}

pub(crate) fn run(arguments: &AuditArguments, voice: Output) -> Result<Exit, Failure> {
    let trust = &arguments.trust;
    let policies = arguments.old.beside(trust.read()?, trust.post_quantum)?;
    let policy = policies.first().clone();
    let last = match &arguments.state {
        Some(path) if path.exists() => Some(read_state(path, &policy)?),
        _ => None,
    };
    let named: Vec<String> = [&*arguments.sources, &arguments.from].concat();
    let sources = network::sources(&named)?;
    let old = network::sources(&arguments.predecessor)?;
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
    let won = match ended {
        Ok(won) => won,
        Err(refused) => return Err(nobody(&refused, &sources, &terms, arguments)),
    };
    network::tell_refused(&won.refused, voice.language);
    let report = &won.answer;
    let head = report.state.head();
    let place = sources.iter().position(|it| it.to_string() == won.source);
    let beside = beside(
        &sources,
        &policy,
        place.map(|place| (place, head)),
        None,
        arguments,
    )?;
    let (age, english) = (arguments.max_age.of(head), voice.language.is_english());
    let honest = report.anchors.wrong_count == 0;
    let own = if honest {
        Exit::Proven
    } else {
        Exit::Disproven
    };
    // A later visit would not read the false records again, and would say nothing of them.
    if let Some(path) = arguments
        .state
        .as_ref()
        .filter(|_| own.worse(beside.exit()) == Exit::Proven)
    {
        files::replace(path, report.state.encode().as_bytes())?;
    }
    let mut value = words::to_json(&won, age);
    let mut text = words::to_text(report, age, beside.is_forked(), english);
    text.push_str(&beside.text(english));
    let newest = place.and_then(|place| sources.get(place));
    let chain = newest.map_or(Ok(Vec::new()), |newest| {
        chain::follow((newest, head), &old, &policies)
    });
    // That the log has forked is not to be lost because an older log cannot be read.
    let chain = match chain {
        Err(_) if beside.is_forked() => Vec::new(),
        chain => chain?,
    };
    for step in &chain {
        text.push_str(&chain::text(step, english));
    }
    let links = chain.iter().map(chain::json).collect();
    let failure = beside.is_forked().then(|| beside.failure());
    if let Some(members) = value.as_object_mut() {
        members.insert("predecessors".into(), links);
        for (name, member) in beside.json() {
            members.insert(name.into(), member);
        }
        if let Some(failure) = &failure {
            members.insert("error".into(), failure.json());
        }
    }
    voice.say(&value, &text);
    if let Some(failure) = &failure {
        voice.tell(failure);
    }
    let exits = chain.iter().map(chain::exit);
    let exits = exits.chain([beside.exit(), age.exit()]);
    Ok(exits.fold(own, Exit::worse))
}

/// Compares the sources with each other.
fn beside(
    sources: &[Source],
    policy: &Policy,
    audited: Option<(usize, &TrustedCheckpoint)>,
    last: Option<&TrustedCheckpoint>,
    arguments: &AuditArguments,
) -> Result<Sources, Failure> {
    let now = u64::try_from(dated::clock().unix_seconds()).unwrap_or(0);
    let seen = Seen { audited, last, now };
    let compared = network::block_on(async { Ok(compare(sources, policy, seen).await) })?;
    Ok(Sources::keep(compared, arguments.state.as_deref()))
}

/// The end of an audit to which no source answered. The sources may still show a fork that convicts
/// the log.
fn nobody(
    refused: &[Refused<AuditError>],
    sources: &[Source],
    terms: &Terms<'_>,
    arguments: &AuditArguments,
) -> Failure {
    let state = arguments.state.as_deref();
    let is_fork = |error: &AuditError| {
        matches!(error, AuditError::Misbehaviour { evidence, .. }
            if evidence.misbehaviour == Misbehaviour::Fork)
    };
    if !refused.iter().any(|refused| is_fork(&refused.error)) {
        let last = terms.last.map(AuditState::head);
        match beside(sources, terms.policy, None, last, arguments) {
            Ok(beside) if beside.is_forked() => return beside.failure(),
            Ok(_) => {}
            Err(failure) => return failure,
        }
    }
    network::nobody(refused, |_, error| failure(error, state))
}

fn read_state(path: &Path, policy: &Policy) -> Result<AuditState, Failure> {
    let octets = files::read(path, STATE_LEN_MAX)?;
    AuditState::decode(&octets, policy).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display())).advice(
            "move the file away to begin from the first record, without the proof of growth",
        )
    })
}
