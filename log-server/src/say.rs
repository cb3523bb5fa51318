//! The output of the commands: text for people, or JSON with `--json`. Text of others is escaped so
//! that it stays on one line.

use ishibumi_log::erasure::Erasure;
use ishibumi_log::operate::check::{Checked, CheckedWitness};
use ishibumi_log::operate::close::Done;
use ishibumi_log::operate::recover::Recovered;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::shown::line;
use serde_json::{Value, json};

pub(crate) fn closed(as_json: bool, origin: &str, done: &Done) {
    let destroyed: Vec<String> = done
        .destroyed
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if as_json {
        let said = json!({
            "origin": origin, "closed": true, "size": done.size, "checkpoint": done.checkpoint,
            "cosigned": done.cosigned, "missing": done.missing, "destroyed": destroyed,
        });
        println!("{said}");
        return;
    }
    println!(
        "{origin} is closed with {} records. Its last checkpoint:\n\n{}",
        done.size, done.checkpoint
    );
    println!("cosigned by {}", done.cosigned.join(", "));
    if !done.missing.is_empty() {
        println!("not by     {}", done.missing.join(", "));
    }
    for path in &destroyed {
        println!("destroyed  {path}");
    }
    println!(
        "Overwritten and removed is all that a program can do to a file: copies in backups and snapshots, and\n\
         what the disk itself still holds, are yours to destroy. `serve` goes on serving what is there."
    );
}

/// Says public keys, in text as the lines that policies need.
pub(crate) fn keys(as_json: bool, origin: &str, said: &str, keys: &[VerifierKey]) {
    if as_json {
        vkeys(true, origin, keys);
        return;
    }
    println!("{said}. For policies:");
    vkeys(false, origin, keys);
}

/// The lines that policies need, and nothing else.
pub(crate) fn vkeys(as_json: bool, origin: &str, keys: &[VerifierKey]) {
    if as_json {
        let vkeys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        println!("{}", json!({ "origin": origin, "vkeys": vkeys }));
        return;
    }
    for key in keys {
        println!("log {key}");
    }
}

/// How a log is: a line for each member that is known.
pub(crate) fn status(as_json: bool, status: &Value) {
    if as_json {
        println!("{status}");
        return;
    }
    for (name, value) in status.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(text) => println!("{name:<22}{}", line(text)),
            other => println!("{name:<22}{other}"),
        }
    }
}

pub(crate) fn erased(as_json: bool, Erasure { index, was_there }: Erasure) {
    if as_json {
        println!("{}", json!({ "record": index, "was_there": was_there }));
        return;
    }
    let done = if was_there { "erased" } else { "gone already" };
    println!("{done}; record {index} says so. Start the log again to have it signed");
}

/// Prints the recovered data, and whether the log may sign.
pub(crate) fn recovered(as_json: bool, origin: &str, done: &Recovered) {
    let [records, blobs, checkpoints] = done.brought;
    if as_json {
        let said = json!({
            "origin": origin, "size": done.size, "root": done.root.to_base64(),
            "published_size": done.published, "records": records, "blobs": blobs,
            "checkpoints": checkpoints, "missing_blobs": done.missing_blobs, "lost": done.lost,
            "may_sign": done.obstacles.is_empty(), "obstacles": done.obstacles, "witnesses": done.seen,
            "complaints": done.complaints,
        });
        println!("{said}");
        return;
    }
    for complaint in &done.complaints {
        println!("left out  {}", line(complaint));
    }
    for seen in &done.seen {
        println!("asked     {}", line(seen));
    }
    println!(
        "{origin} has {} records again, root {}; brought were {records} records, {blobs} blobs and \
         {checkpoints} kept checkpoints. The newest with the quorum is of {} records.",
        done.size, done.root, done.published
    );
    if done.missing_blobs > 0 {
        println!(
            "{} blobs that records name are in no source.",
            done.missing_blobs
        );
    }
    if done.obstacles.is_empty() {
        println!(
            "Nobody holds more: the log may be started. What it acknowledged without a proof before its data \
             were lost may be gone: have your providers send again what they have no proof of."
        );
        return;
    }
    println!("IT MUST NOT SIGN:");
    for obstacle in &done.obstacles {
        println!("  - {}", line(obstacle));
    }
    if done.lost > 0 {
        println!(
            "{} records that its key signed are in no source.",
            done.lost
        );
    }
    println!(
        "Find who has what is missing and run recover again with --from; what is here can be read meanwhile with \
         `ishibumi-log serve --read-only`. What else can be done: docs/recovery.md, IT MUST NOT SIGN"
    );
}

/// Prints the findings about the witnesses and mirrors.
pub(crate) fn checked(as_json: bool, checked: &Checked) {
    if as_json {
        let mut said = serde_json::to_value(checked).unwrap_or(Value::Null);
        said["well"] = checked.is_well().into();
        println!("{said}");
        return;
    }
    for problem in &checked.problems {
        println!("WRONG  {}", line(problem));
    }
    match checked.shown_size {
        Some(size) => println!("shown: the head of {size} records"),
        None => println!("the log has signed nothing that could be shown: only asked who is there"),
    }
    for witness in &checked.witnesses {
        say_witness(witness, checked.shown_size.is_some());
    }
    let quorum = if checked.quorum {
        "are a quorum"
    } else {
        "are NO QUORUM"
    };
    println!("those with whom nothing is wrong {quorum}");
}

fn say_witness(witness: &CheckedWitness, shown: bool) {
    let kind = if witness.mirror { "mirror" } else { "witness" };
    let (name, url) = (&witness.name, &witness.url);
    if witness.problems.is_empty() {
        let how = match (shown, witness.cosigned, witness.size) {
            (true, true, _) => "cosigned it".to_owned(),
            (_, _, Some(size)) => format!("is at {size} records, and will be sent the rest"),
            _ => "is there, and knows this log".to_owned(),
        };
        println!("ok     {kind} {name} ({url}) {how}");
    }
    for problem in &witness.problems {
        println!("WRONG  {kind} {name} ({url}): {}", line(problem));
    }
}
