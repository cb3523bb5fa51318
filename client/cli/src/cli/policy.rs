//! `ishibumi policy`: explains what a policy demands, and how a checkpoint is judged under it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ishibumi_cli::render::Explanation;
use ishibumi_tlog::Policy;
use ishibumi_tlog::note::NOTE_LEN_MAX;
use ishibumi_tlog::policy::{PolicyError, PolicyProblem};
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::age::MaxAge;
use super::{Exit, Failure, Output, files, mistaken, trust};

const CHECK_EXAMPLES: &str = "Examples:
  ishibumi policy check policy.txt
  ishibumi policy check --json policy.txt

Exit codes: 0 the policy can be used, 2 it cannot (every problem is named), 3 the file is missing.";

const EXPLAIN_EXAMPLES: &str = "Examples:
  ishibumi policy explain policy.txt
  ishibumi policy explain policy.txt --checkpoint checkpoint.txt
  curl -s https://log.example/checkpoint | ishibumi policy explain policy.txt --checkpoint - --lang ja
  ishibumi policy explain policy.txt --checkpoint checkpoint.txt --post-quantum --json

Says what has to be true of a checkpoint, which cosignatures of this one satisfy what, who is missing,
and since when the quorum holds. Warnings name keys of one operator that could count twice, logs that
witness themselves, and witnesses that never count; they are drawn from names and decide nothing.

Exit codes: 0 the policy can be met and the checkpoint, if given, is trusted, 1 a signature on it is
false, 2 the policy cannot be used, 3 a file is missing, 4 it is no checkpoint, log or quorum are missing,
the checkpoint is older than --max-age, or the quorum can never be met.";

/// How many problems of one file are named.
const PROBLEMS_MAX: usize = 20;

/// Work with policies (C2SP tlog-policy)
#[derive(Debug, Args)]
pub(crate) struct PolicyArguments {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Say in words what each line of a policy means, or what is wrong with it
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// Accept `quorum none`, which trusts the log alone and proves no time
        #[arg(long)]
        allow_no_quorum: bool,
        /// The policy
        policy: PathBuf,
    },
    /// Say in words what a policy demands, and which cosignatures of a checkpoint satisfy it
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// A checkpoint to explain, a signed note; `-` for standard input
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Count ML-DSA-44 cosignatures alone
        #[arg(long)]
        post_quantum: bool,
        /// Accept `quorum none`, which trusts the log alone and proves no time
        #[arg(long)]
        allow_no_quorum: bool,
        #[command(flatten)]
        max_age: MaxAge,
        /// The policy
        policy: PathBuf,
    },
}

pub(crate) fn run(arguments: &PolicyArguments, voice: Output) -> Result<Exit, Failure> {
    match &arguments.command {
        PolicyCommand::Check {
            allow_no_quorum,
            policy,
        } => check(policy, *allow_no_quorum, voice),
        PolicyCommand::Explain {
            checkpoint,
            post_quantum,
            allow_no_quorum,
            max_age,
            policy,
        } => {
            let octets = trust::octets(policy)?;
            match parse(&octets, *allow_no_quorum) {
                Ok(policy) => explain(
                    &policy.demanding(trust::demand(*post_quantum)),
                    checkpoint.as_deref(),
                    *max_age,
                    voice,
                ),
                Err(problems) => Ok(unusable(policy, &octets, &problems, voice)),
            }
        }
    }
}

fn check(path: &Path, allow_no_quorum: bool, voice: Output) -> Result<Exit, Failure> {
    let octets = trust::octets(path)?;
    match parse(&octets, allow_no_quorum) {
        Ok(policy) => {
            let explanation = Explanation::new(&policy);
            let mut text = explanation.lines(voice.language).join("\n") + "\n";
            for warning in explanation.warnings(voice.language) {
                add_line(&mut text, format_args!("{}: {warning}", path.display()));
            }
            voice.say(&explanation.json(), &text);
            Ok(Exit::Proven)
        }
        Err(problems) => Ok(unusable(path, &octets, &problems, voice)),
    }
}

fn explain(
    policy: &Policy,
    checkpoint: Option<&Path>,
    max_age: MaxAge,
    voice: Output,
) -> Result<Exit, Failure> {
    let mut explanation = Explanation::new(policy);
    if let Some(path) = checkpoint {
        let octets = files::read(path, NOTE_LEN_MAX)?;
        let shown = path.display();
        let note = files::parsed_note(&octets, &shown)?;
        explanation = explanation
            .with_checkpoint(&note)
            .map_err(|error| trust::failure(&error, format!("{shown}: {error}")))?;
    }
    let (mut value, mut text) = (explanation.json(), explanation.text(voice.language));
    let mut exit = Exit::Proven;
    if let Some(Ok(head)) = explanation.decision() {
        let age = max_age.of(head);
        let shown = value.get_mut("checkpoint").and_then(Value::as_object_mut);
        if let Some(members) = shown {
            members.insert("age".into(), age.json());
        }
        text = text + &age.sentence(voice.language.is_english()) + "\n";
        exit = age.exit();
    }
    voice.say(&value, &text);
    Ok(match explanation.decision() {
        Some(Err(error)) => trust::failure(error, error).exit,
        _ if explanation.holds() => exit,
        _ => Exit::Indeterminate,
    })
}

/// Names every problem of a policy that cannot be used; of a file that is none, what it is instead.
fn unusable(path: &Path, octets: &[u8], problems: &[PolicyError], voice: Output) -> Exit {
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let (mut text, name) = (String::new(), path.display());
    let (language, mark) = (voice.language, voice.language.pick(": ", "："));
    let cause = mistaken::no_policy(octets);
    // Every line of such a file has the same problem.
    let told = if cause.is_some() { 1 } else { shown.len() };
    for problem in shown.iter().take(told) {
        add_line(
            &mut text,
            format_args!("{name}{mark}{}", language.said(problem)),
        );
    }
    if let Some((english, japanese)) = &cause {
        add_line(
            &mut text,
            format_args!("{name}{mark}{}", language.pick(english, japanese)),
        );
    }
    let advice = cause.map(|(english, _)| english);
    voice.say(
        &json!({ "usable": false, "problems": shown, "advice": advice }),
        &text,
    );
    Exit::Usage
}

/// Reads a policy, and on a problem goes on without the line that has it, so that all are named. A
/// line that names what a bad line would have defined is then a problem too.
fn parse(octets: &[u8], allow_no_quorum: bool) -> Result<Policy, Vec<PolicyError>> {
    let read = if allow_no_quorum {
        Policy::parse_allowing_no_quorum
    } else {
        Policy::parse
    };
    let mut lines: Vec<&[u8]> = octets.split(|&octet| octet == b'\n').collect();
    let mut problems: Vec<PolicyError> = Vec::new();
    loop {
        match read(&lines.join(&b'\n')) {
            Ok(policy) if problems.is_empty() => return Ok(policy),
            Ok(_) => return Err(problems),
            Err(problem) => {
                let line = problem
                    .line
                    .checked_sub(1)
                    .and_then(|line| lines.get_mut(line));
                let quorum_was_bad = matches!(problem.problem, PolicyProblem::NoQuorum)
                    && problems
                        .iter()
                        .any(|earlier| is_quorum_line(octets, earlier.line));
                if !quorum_was_bad {
                    problems.push(problem);
                }
                match line {
                    Some(line) if problems.len() < PROBLEMS_MAX => *line = b"#",
                    _ => return Err(problems),
                }
            }
        }
    }
}

fn is_quorum_line(octets: &[u8], number: usize) -> bool {
    let line = number
        .checked_sub(1)
        .and_then(|index| octets.split(|&octet| octet == b'\n').nth(index));
    line.is_some_and(|line| line.trim_ascii_start().starts_with(b"quorum"))
}
