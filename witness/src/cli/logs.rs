//! Commands about the logs that the witness follows.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use ishibumi_store::{RocksRegisters, SystemClock};
use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_wire::HttpNet;
use ishibumi_witness::follow::Follower;
use ishibumi_witness::{Added, Alarms, Home, ListSource, LogState, Recorded, apply_log_list};
use serde_json::json;

use super::common::{Common, Printed, utc};
use super::failure::Failure;
use super::keys::lines;

/// For commands that sign nothing: no alarm can be raised.
pub(super) fn silent() -> Alarms {
    Box::new(|_| {})
}

pub(super) fn parse_key(vkey: &str) -> Result<VerifierKey, Failure> {
    vkey.parse()
        .map_err(|error| Failure::usage(&format!("--vkey: {error}")))
}

pub(super) fn add(common: &Common, vkey: &str, origin: Option<&str>) -> Result<Printed, Failure> {
    let key = parse_key(vkey)?;
    if let Some(origin) = origin.filter(|&origin| origin != key.name()) {
        let name = key.name();
        return Err(Failure::usage(&format!(
            "the key is that of {name:?}, not of {origin:?}"
        )));
    }
    let witness = Home::at(&common.dir).open(silent())?;
    Ok(added(&key, witness.follower().add_log(&key)?))
}

/// Follows logs: a witness's, or a mirror's.
pub(super) type LogFollower = Follower<RocksRegisters, SystemClock>;

/// Runs a command over the logs of a witness that is not running.
pub(super) fn of_witness(
    common: &Common,
    command: impl FnOnce(&LogFollower) -> Result<Printed, Failure>,
) -> Result<Printed, Failure> {
    command(Home::at(&common.dir).open(silent())?.follower())
}

pub(super) fn add_key(follower: &LogFollower, vkey: &str) -> Result<Printed, Failure> {
    let key = parse_key(vkey)?;
    Ok(added(&key, follower.add_log_key(&key)?))
}

pub(super) fn add_list(common: &Common, from: &str) -> Result<Printed, Failure> {
    let source = ListSource::from(from);
    let unavailable = |error: &dyn ToString| Failure::unavailable(&error.to_string());
    let entries = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| unavailable(&error))?
        .block_on(source.read(&HttpNet::new()))
        .map_err(|error| unavailable(&error))?;
    let witness = Home::at(&common.dir).open(silent())?;
    let outcome = apply_log_list(witness.follower(), &entries)?;
    if !outcome.refused.is_empty() {
        let added = outcome.added.len();
        let refused = outcome.refused.join("\n");
        return Err(Failure::refused(&format!(
            "{added} logs were added, and {source} contradicts what is known:\n{refused}"
        )));
    }
    let (added, known) = (outcome.added.len(), outcome.known);
    let skipped = outcome.skipped.iter();
    let mut said: Vec<String> = skipped.map(|line| format!("skipped: {line}")).collect();
    said.push(format!("{added} logs added, {known} were there already"));
    Ok(Printed {
        text: lines(&said),
        json: json!({ "added": outcome.added, "known": known, "skipped": outcome.skipped }),
    })
}

pub(super) fn added(key: &VerifierKey, added: Added) -> Printed {
    let (word, new) = match added {
        Added::New => ("added", true),
        Added::Already => ("was there already", false),
    };
    Printed {
        text: format!("{} {word}\n", key.name()),
        json: json!({ "origin": key.name(), "vkey": key.to_string(), "new": new }),
    }
}

pub(super) fn disable(
    follower: &LogFollower,
    origin: &str,
    disabled: bool,
) -> Result<Printed, Failure> {
    let changed = follower.disable_log(origin, disabled)?;
    let word = if disabled { "disabled" } else { "enabled" };
    let was = if changed { "is" } else { "was already" };
    Ok(Printed {
        text: format!("{origin} {was} {word}\n"),
        json: json!({ "origin": origin, "disabled": disabled, "changed": changed }),
    })
}

pub(super) fn list(follower: &LogFollower) -> Result<Printed, Failure> {
    let mut text = String::new();
    let mut list = Vec::new();
    for log in follower.logs()? {
        let forked = follower.fork(&log)?.is_some();
        let suspicions = follower.suspicions(&log)?.len();
        text.push_str(&line(&log, forked, suspicions));
        let first = log
            .first()
            .map(|first| json!({ "size": first.size, "time": first.time }));
        let keys: Vec<String> = log.keys().iter().map(VerifierKey::to_string).collect();
        list.push(json!({
            "origin": log.origin(),
            "vkey": keys.first(),
            "vkeys": keys,
            "disabled": log.is_disabled(),
            "first": first,
            "size": log.size(),
            "root": log.latest().map(|latest| latest.checkpoint().root.to_hex()),
            "time": log.latest().and_then(Recorded::time),
            "halted_by_size": log.halted().map(|note| note.checkpoint().size),
            "forked": forked,
            "suspicions": suspicions,
        }));
    }
    Ok(Printed {
        text,
        json: json!({ "logs": list }),
    })
}

fn line(log: &LogState, forked: bool, suspicions: usize) -> String {
    let mut parts = vec![match log.latest() {
        Some(latest) => format!(
            "{}: size {}, root {}, cosigned at {}",
            log.origin(),
            log.size(),
            latest.checkpoint().root,
            utc(log.time()),
        ),
        None => format!("{}: nothing cosigned yet", log.origin()),
    }];
    if log.is_disabled() {
        parts.push("DISABLED".to_owned());
    }
    if let Some(note) = log.halted() {
        let size = note.checkpoint().size;
        parts.push(format!(
            "HALTED: this witness cosigned size {size} and forgot it"
        ));
    }
    if forked {
        parts.push("FORKED: see `ishibumi-witness forks`".to_owned());
    }
    if suspicions > 0 {
        parts.push(format!("{suspicions} suspicions"));
    }
    parts.join("; ") + "\n"
}

pub(super) fn forks(follower: &LogFollower, out: Option<&Path>) -> Result<Printed, Failure> {
    let (mut text, mut list) = (String::new(), Vec::new());
    for log in follower.logs()? {
        let found = follower.fork(&log)?.into_iter();
        for evidence in found.chain(follower.suspicions(&log)?) {
            let file = out.map(|out| export(out, &evidence)).transpose()?;
            match &file {
                Some(file) => text.push_str(&lines(std::slice::from_ref(file))),
                None => text.push_str(&evidence.encode()),
            }
            let keys: Vec<String> = evidence.keys().iter().map(VerifierKey::to_string).collect();
            list.push(json!({
                "kind": evidence.kind().word(),
                "origin": evidence.origin(),
                "vkeys": keys,
                "seen": evidence.seen(),
                "first": evidence.first().encode(),
                "second": evidence.second().encode(),
                "evidence": evidence.encode(),
                "file": file,
            }));
        }
    }
    if list.is_empty() {
        text.push_str("no log forked, none is suspected\n");
    }
    Ok(Printed {
        text,
        json: json!({ "forks": list }),
    })
}

/// Writes evidence under a name that its content gives it.
fn export(out: &Path, evidence: &Evidence) -> Result<String, Failure> {
    let text = evidence.encode();
    let [hash, ..] = Hash::of(text.as_bytes()).0;
    let [_, second] = evidence.checkpoints();
    let origin: String = (evidence.origin().chars())
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(100)
        .collect();
    let kind = evidence.kind().word();
    let path = out.join(format!("{origin}-{}-{hash:02x}.{kind}", second.size));
    let failed = |error: std::io::Error| Failure::refused(&format!("{}: {error}", path.display()));
    fs::create_dir_all(out).map_err(failed)?;
    let mut file = OpenOptions::new();
    let mut file = file
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    Ok(path.display().to_string())
}

pub(super) fn resume(follower: &LogFollower, origin: &str) -> Result<Printed, Failure> {
    let size = follower.resume(origin)?;
    Ok(Printed {
        text: format!("{origin} goes on from size {size}\n"),
        json: json!({ "origin": origin, "size": size }),
    })
}
