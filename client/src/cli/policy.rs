//! `ishibumi policy check`: what a policy demands, in words.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::{FILE_LEN_MAX, Member, PolicyError, PolicyProblem, Quorum};
use serde_json::json;

use super::{Exit, Failure, Voice, files};

const EXAMPLES: &str = "Examples:
  ishibumi policy check policy.txt
  ishibumi policy check --json policy.txt

Exit codes: 0 the policy can be used, 2 it cannot (every problem is named), 3 the file is missing.";

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
    /// Say in words what a policy demands, or what is wrong with it
    #[command(after_help = EXAMPLES)]
    Check {
        /// Accept `quorum none`, which trusts the log alone and proves no time
        #[arg(long)]
        allow_no_quorum: bool,
        /// The policy
        policy: PathBuf,
    },
}

pub(crate) fn run(arguments: &PolicyArguments, voice: Voice) -> Result<Exit, Failure> {
    let PolicyCommand::Check {
        allow_no_quorum,
        policy: path,
    } = &arguments.command;
    let octets = files::read(path, FILE_LEN_MAX)?;
    match check(&octets, *allow_no_quorum) {
        Ok(policy) => {
            let lines = describe(&policy);
            let value = json!({
                "usable": true,
                "logs": policy.logs().len(),
                "witnesses": policy.witnesses().len(),
                "quorum": policy.quorum() != Quorum::None,
                "demands": lines,
            });
            voice.say(&value, &format!("{}\n", lines.join("\n")));
            Ok(Exit::Proven)
        }
        Err(problems) => {
            let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let mut text = String::new();
            for problem in &shown {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{}: {problem}", path.display());
            }
            voice.say(&json!({ "usable": false, "problems": shown }), &text);
            Ok(Exit::Usage)
        }
    }
}

/// Reads a policy, and on a problem goes on without the line that has it, so that all are named. A
/// line that names what a bad line would have defined is then a problem too.
fn check(octets: &[u8], allow_no_quorum: bool) -> Result<Policy, Vec<PolicyError>> {
    let parse = if allow_no_quorum {
        Policy::parse_allowing_no_quorum
    } else {
        Policy::parse
    };
    let mut lines: Vec<&[u8]> = octets.split(|&octet| octet == b'\n').collect();
    let mut problems: Vec<PolicyError> = Vec::new();
    loop {
        match parse(&lines.join(&b'\n')) {
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

fn describe(policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    for log in policy.logs() {
        let url = log
            .url
            .as_deref()
            .map(|url| format!(", at {}", String::from_utf8_lossy(url)));
        let key = format!("key id {:08x}", log.key.id());
        lines.push(format!(
            "log: checkpoints of {} count ({key}){}",
            log.key.name(),
            url.unwrap_or_default()
        ));
    }
    for witness in policy.witnesses() {
        let url = witness
            .url
            .as_deref()
            .map(|url| format!(", at {}", String::from_utf8_lossy(url)));
        lines.push(format!(
            "witness {}: cosignatures of {} count (key id {:08x}){}",
            String::from_utf8_lossy(&witness.name),
            witness.key.name(),
            witness.key.id(),
            url.unwrap_or_default()
        ));
    }
    for group in policy.groups() {
        let members: Vec<String> = group
            .members
            .iter()
            .map(|&member| name(policy, member))
            .collect();
        lines.push(format!(
            "group {}: has witnessed when {} of these {} have: {}",
            String::from_utf8_lossy(&group.name),
            group.threshold,
            members.len(),
            members.join(", ")
        ));
    }
    lines.push(match policy.quorum() {
        Quorum::None => {
            "quorum: none; the log alone is trusted, and no time is ever proven".to_owned()
        }
        Quorum::Of(member) => format!(
            "quorum: a checkpoint is trusted when its log signed it and {} has witnessed it",
            name(policy, member)
        ),
    });
    lines
}

fn name(policy: &Policy, member: Member) -> String {
    let name = match member {
        Member::Witness(place) => policy.witnesses().get(place).map(|witness| &witness.name),
        Member::Group(place) => policy.groups().get(place).map(|group| &group.name),
    };
    name.map(|name| String::from_utf8_lossy(name).into_owned())
        .unwrap_or_default()
}
