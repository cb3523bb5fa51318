//! `ishibumi find`: records under a key, each of them proven.

use std::fmt::Write as _;

use clap::Args;
use ishibumi::fetch::{FindError, Findings, Query, Source, SourceError, find};
use ishibumi::render::{kind_name, record_json, rfc3339};
use serde_json::json;

use super::trust::{self, Trust};
use super::{Exit, Failure, Voice, network};

const EXAMPLES: &str = "Examples:
  ishibumi find --log https://log.example --policy policy.txt leaf 9f86d081...
  ishibumi find --log https://log.example --policy policy.txt tsu sha256/1d0c.../04a1
  ishibumi find --log https://log.example --policy policy.txt serial ISSUER_KEY_SHA256/SERIAL
  ishibumi find --log https://log.example --policy policy.txt organization NTRJP-1234567890123
  ishibumi find --log https://log.example --policy policy.txt provider north
  ishibumi find --log https://log.example --policy policy.txt providers

Kinds: leaf, content, certificate, tbs-certificate, crl (a SHA-256 each), serial, tsu, organization,
provider, providers; hexadecimal in lowercase. The log's answer is a hint: each record is read from the
log's files and proven under a checkpoint with the policy's quorum. What the log leaves out is not
noticed; an audit reads everything.

Exit codes: 0 found and proven, 1 the log's answer is false, 2 usage, 3 unavailable, or nothing found,
4 the checkpoint lacks log or quorum.";

/// Find records in a log and prove each of them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FindArguments {
    /// URL of the log
    #[arg(long, value_name = "URL", value_parser = network::log_url)]
    log: String,
    #[command(flatten)]
    trust: Trust,
    /// The most records to fetch and prove
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    most: usize,
    /// What kind of key
    kind: String,
    /// The key; `providers` has none
    #[arg(default_value = "")]
    value: String,
}

pub(crate) fn run(arguments: &FindArguments, voice: Voice) -> Result<Exit, Failure> {
    let policy = arguments.trust.read()?;
    let (kind, value) = (&arguments.kind, &arguments.value);
    let query = Query::from_words(kind, value).ok_or_else(|| {
        Failure::usage(format!("{kind} {value:?} is no key"))
            .advice("ishibumi find --help lists the kinds of keys and their form")
    })?;
    let source = Source::url(network::net(), &arguments.log);
    let findings = network::block_on(async {
        let found = find(&source, &policy, &query, arguments.most).await;
        found.map_err(|error| failure(&error))
    })?;
    if findings.found.is_empty() {
        return Err(Failure::unavailable(format!(
            "the log names no record for {kind} {value}"
        )));
    }
    voice.say(&to_json(&findings), &to_text(&findings));
    Ok(Exit::Proven)
}

fn failure(error: &FindError) -> Failure {
    match error {
        FindError::Source(SourceError::Missing(_)) => Failure::unavailable(error)
            .advice("does the log have lookups, and is this the URL of the log itself?"),
        FindError::Source(_) | FindError::NotUnderstood(_) => Failure::unavailable(error),
        FindError::Trust(untrusted) => trust::failure(untrusted, error),
        _ => Failure::new(Exit::Disproven, error),
    }
}

fn to_json(findings: &Findings) -> serde_json::Value {
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
        "records": records,
        "more": findings.more,
    })
}

fn to_text(findings: &Findings) -> String {
    let checkpoint = findings.head.checkpoint();
    let mut out = String::new();
    for found in &findings.found {
        let (index, kind) = (found.index(), kind_name(found.record().kind()));
        // Writing to a String does not fail.
        let _ = writeln!(out, "{index}  {kind}  leaf {}", found.leaf());
        if let Some(says) = record_json(found.record()).as_object() {
            for (name, value) in says {
                let value = value.as_str().map_or(value.to_string(), Into::into);
                let _ = writeln!(out, "    {name:<22}{value}");
            }
        }
    }
    let count = findings.found.len();
    let _ = writeln!(
        out,
        "{count} records, each proven in the tree of {} records of {}{}",
        checkpoint.size,
        checkpoint.origin,
        if findings.more {
            "; the log names more (--most)"
        } else {
            ""
        }
    );
    out
}
