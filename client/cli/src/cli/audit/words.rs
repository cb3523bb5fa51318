//! The result of an audit, as text and as JSON.

use std::fmt::Write as _;

use ishibumi::audit::{AnchorsSeen, Suspect, Suspects};
use ishibumi::fetch::{Answered, AuditError, AuditReport, ListsRead};
use ishibumi_artifact::Body;
use ishibumi_artifact::record::{LogStatement, Suspicion};
use ishibumi_cli::render::{kind_name, record_json, rfc3339, shown};
use ishibumi_tlog::policy::AlgorithmRequirement;
use ishibumi_tlog::shown::line;
use serde_json::{Value, json};

use super::super::age::Age;
use super::super::network;

pub(super) fn to_json(won: &Answered<AuditReport, AuditError>, age: Age) -> Value {
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
        "age": age.json(),
        "records": report.tally.records,
        "octets": report.tally.octets,
        "tiles": report.tally.tiles,
        "kinds": kinds,
        "entries_not_read": report.tally.opaque,
        "post_quantum": report.demand == AlgorithmRequirement::PostQuantum,
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

pub(super) fn to_text(report: &AuditReport, age: Age, forked: bool, english: bool) -> String {
    let head = report.state.head();
    let (checkpoint, tally) = (head.checkpoint(), &report.tally);
    let mut out = String::new();
    // Writing to a String does not fail.
    let holds = match (forked, report.anchors.wrong_count) {
        (true, _) => "HAS FORKED: it signed two histories.",
        (false, 0) => "holds what it signed.",
        (false, _) => "HOLDS FALSE STATEMENTS ABOUT ITSELF.",
    };
    let _ = writeln!(out, "{} {holds}", checkpoint.origin);
    let _ = writeln!(out, "tree        {} {}", checkpoint.size, checkpoint.root);
    let when = head
        .not_after()
        .map_or_else(|| "no time proven".to_owned(), rfc3339);
    let alone = match report.demand {
        AlgorithmRequirement::PostQuantum => " (ML-DSA-44 alone)",
        AlgorithmRequirement::AnyAlgorithm => "",
    };
    let _ = writeln!(
        out,
        "witnesses   {}{alone}, not after {when}",
        head.cosignatures().len()
    );
    let _ = writeln!(out, "age         {}", age.sentence(english));
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
        let why = line(&wrong.why);
        let _ = writeln!(out, "            record {}: {why}", wrong.index);
    }
}

/// Writes the log's statements about its end. The dates and reasons are the operator's.
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
        let reason = line(reason);
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
