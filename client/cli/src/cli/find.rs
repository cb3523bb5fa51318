//! `ishibumi find`: records under a key, each of them proven.

use clap::Args;
use ishibumi::fetch::{Answered, FindError, Findings, Query, Source, find, first_verified};
use ishibumi_cli::render::{kind_name, record_json, rfc3339};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::shown::add_line;
use serde_json::json;

use super::age::{Age, MaxAge};
use super::trust::{self, Trust};
use super::{Exit, Failure, Output, network};

const EXAMPLES: &str = "Examples:
  ishibumi find --log https://log.example --policy policy.txt leaf 9f86d081...
  ishibumi find --log https://log.example --policy policy.txt tsu sha256/1d0c.../04a1
  ishibumi find --log https://log.example --policy policy.txt serial ISSUER_KEY_SHA256/SERIAL
  ishibumi find --log https://log.example --policy policy.txt organization NTRJP-1234567890123
  ishibumi find --log https://log.example --policy policy.txt provider north
  ishibumi find --log https://log.example --policy policy.txt providers
  ishibumi find --from https://log.example --from copy-of-the-log/ --policy policy.txt provider north

Kinds: leaf, content, certificate, tbs-certificate, crl (a SHA-256 each), serial, tsu, organization,
provider, providers; hexadecimal in lowercase. The log's answer is a hint: each record is read from the
log's files and proven under a checkpoint with the policy's quorum. What the log leaves out is not
noticed. Mirrors and directories answer no lookups: there every record is read, so nothing is left out.
What was logged after the checkpoint is not seen: its age is said, and --max-age makes an old one insufficient.

Exit codes: 0 found and proven, 1 the log's answer is false, 2 usage, 3 unavailable, or nothing found,
4 the checkpoint lacks log or quorum, or is too old.";

/// Find records in a log and prove each of them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FindArguments {
    /// URL of the log or a mirror, or a directory with its files; several are asked in their order
    #[arg(long, visible_alias = "log", value_name = "URL|DIR", required = true)]
    from: Vec<String>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    max_age: MaxAge,
    /// The most records to fetch and prove
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    most: usize,
    /// What kind of key
    kind: String,
    /// The key; `providers` has none
    #[arg(default_value = "")]
    value: String,
}

pub(crate) fn run(arguments: &FindArguments, voice: Output) -> Result<Exit, Failure> {
    let policy = arguments.trust.read()?;
    let (kind, value) = (&arguments.kind, &arguments.value);
    let query = Query::from_words(kind, value).ok_or_else(|| {
        Failure::usage(format!("{kind} {value:?} is no key"))
            .advice("ishibumi find --help lists the kinds of keys and their form")
    })?;
    let sources = network::sources(&arguments.from)?;
    let bar = network::progress_bar(0, "records");
    let ended = network::block_on(async {
        let attempt = async |source: &Source| {
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            find(source, &policy, &query, arguments.most, progress).await
        };
        Ok(first_verified(&sources, attempt, FindError::blame).await)
    })?;
    bar.finish_and_clear();
    let won = ended.map_err(|refused| network::nobody(&refused, |_, error| failure(error)))?;
    network::tell_refused(&won.refused, voice.language);
    let findings = &won.answer;
    let age = arguments.max_age.of(&findings.head);
    if findings.found.is_empty() {
        let what = if findings.complete {
            let Checkpoint { size, origin, .. } = findings.head.checkpoint();
            format!("none of the {size} records of {origin} is one for {kind} {value}")
        } else {
            format!("the log names no record for {kind} {value}")
        };
        let message = format!("{what} (its checkpoint: {})", age.sentence(true));
        return Err(match age.exit() {
            Exit::Proven => Failure::unavailable(message),
            exit => Failure::new(exit, message),
        });
    }
    let english = voice.language.is_english();
    voice.say(&to_json(&won, age), &to_text(findings, age, english));
    Ok(age.exit())
}

/// How a command ends if a source found nothing. Octets that are no answer, bundle or tile did not
/// come from a log; a record that is unknown here may be known to others.
pub(super) fn failure(error: &FindError) -> Failure {
    match error {
        FindError::Head(head) => trust::head_failure(head, error),
        FindError::Record { .. } => Failure::new(Exit::Indeterminate, error),
        FindError::Other { .. }
        | FindError::Beyond { .. }
        | FindError::Unproven { .. }
        | FindError::Root { .. } => Failure::new(Exit::Disproven, error),
        _ => Failure::unavailable(error),
    }
}

fn to_json(won: &Answered<Findings, FindError>, age: Age) -> serde_json::Value {
    let findings = &won.answer;
    let checkpoint = findings.head.checkpoint();
    let records: Vec<_> = findings
        .found
        .iter()
        .map(|found| {
            json!({
                "index": found.index(),
                "leaf": found.leaf().to_hex(),
                "kind": kind_name(found.record().kind()),
                "says": record_json(found.record()),
                "record": hex::encode(found.record().encode()),
            })
        })
        .collect();
    json!({
        "log": checkpoint.origin,
        "tree_size": checkpoint.size,
        "root": checkpoint.root.to_hex(),
        "not_after": findings.head.not_after().map(rfc3339),
        "age": age.json(),
        "records": records,
        "more": findings.more,
        "complete": findings.complete,
        "from": won.source,
        "refused": network::refused_json(&won.refused),
    })
}

fn to_text(findings: &Findings, age: Age, english: bool) -> String {
    let checkpoint = findings.head.checkpoint();
    let mut out = String::new();
    for found in &findings.found {
        let (index, kind) = (found.index(), kind_name(found.record().kind()));
        add_line(
            &mut out,
            format_args!("{index}  {kind}  leaf {}", found.leaf()),
        );
        if let Some(says) = record_json(found.record()).as_object() {
            for (name, value) in says {
                let value = value.as_str().map_or(value.to_string(), Into::into);
                add_line(&mut out, format_args!("    {name:<22}{value}"));
            }
        }
    }
    let count = findings.found.len();
    add_line(
        &mut out,
        format_args!(
            "{count} records, each proven in the tree of {} records of {}{}",
            checkpoint.size,
            checkpoint.origin,
            if findings.more {
                "; there are more (--most)"
            } else {
                ""
            }
        ),
    );
    let label = if english {
        "checkpoint"
    } else {
        "チェックポイント"
    };
    add_line(&mut out, format_args!("{label}: {}", age.sentence(english)));
    out
}
