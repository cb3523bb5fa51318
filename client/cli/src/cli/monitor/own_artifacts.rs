//! The operator's own artifacts, whose records are expected: those of a folder, and lists of leaf
//! hashes.
//!
//! Every artifact is checked by the rules of admission, which make its records; results for files
//! that did not change are remembered, so that a round costs only what is new.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ishibumi::monitor::{OwnArtifacts, WatchList};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Verified, admit_marking};
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::proof::FILE_EXTENSION;

use super::super::{Failure, files};
use super::config::Records;

/// The longest list of leaf hashes that is read, in octets: about a million of them.
const LEAVES_LEN_MAX: usize = 80 << 20;

/// Results about files.
#[derive(Default)]
pub(super) struct Remembered(HashMap<PathBuf, (u64, Option<SystemTime>, Known)>);

/// The records of an artifact, its own last, and when it was made; or why there are none.
type Known = Result<(Vec<Hash>, u64), String>;

/// The parties to look for, and the operator's own artifacts.
pub(super) struct Watched {
    pub(super) list: WatchList,
    pub(super) own: Vec<OwnArtifacts>,
    /// Files that are no artifact, or that no log accepts, each with the reason.
    pub(super) refused: Vec<String>,
}

/// Reads everything that `records` names.
pub(super) fn watched(records: &Records, remembered: &mut Remembered) -> Result<Watched, Failure> {
    let mut watched = Watched {
        list: WatchList::default(),
        own: Vec::new(),
        refused: Vec::new(),
    };
    for organization in &records.organizations {
        watched.list.organization(organization);
    }
    for tsu in &records.tsus {
        let hash = hex::decode(tsu).map_err(|error| {
            Failure::usage(format!("tsus: {tsu:?} is no hash in hexadecimal: {error}"))
        })?;
        watched.list.tsu(hash);
    }
    for path in &records.tsu_certificates {
        let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
        let certificate = Certificate::parse(&octets)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        watched.list.tsu_certificate(&certificate);
    }
    for path in &records.own_leaves {
        leaves(path, &mut watched)?;
    }
    if let Some(anchors) = &records.anchors {
        let anchors = files::anchors(anchors, records.accept_sha1)?;
        for path in &records.own {
            artifacts(path, &anchors, records.deadline_s, remembered, &mut watched)?;
        }
    }
    Ok(watched)
}

/// A line is a leaf hash in hexadecimal and, if it has to be in the log, a space and the time by
/// which, in seconds since the Epoch. Empty lines and those that begin with `#` are passed over.
fn leaves(path: &Path, watched: &mut Watched) -> Result<(), Failure> {
    let octets = files::read(path, LEAVES_LEN_MAX)?;
    let text = String::from_utf8_lossy(&octets);
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (leaf, due) = line.split_once(' ').unwrap_or((line, ""));
        let due_s: Option<u64> = due.parse().ok();
        let Some(leaf) = Hash::from_hex(leaf).filter(|_| due.is_empty() || due_s.is_some()) else {
            return Err(Failure::usage(format!(
                "{}: line {number} is not a leaf hash in hexadecimal and, if it is due, a number of seconds since 1970",
                path.display()
            )));
        };
        watched.list.expect(leaf);
        if let Some(due) = due_s {
            let name = format!("{} line {number}", path.display());
            watched.own.push(OwnArtifacts { name, leaf, due });
        }
    }
    Ok(())
}

fn artifacts(
    path: &Path,
    anchors: &Anchors,
    deadline_s: u64,
    remembered: &mut Remembered,
    watched: &mut Watched,
) -> Result<(), Failure> {
    let paths = if path.is_dir() {
        files::files_in(path)?
    } else {
        vec![path.to_owned()]
    };
    for path in paths {
        if path
            .extension()
            .is_some_and(|known| known == FILE_EXTENSION)
        {
            continue;
        }
        let name = path.display().to_string();
        match remembered.known(&path, anchors)? {
            Ok((leaves, made)) => {
                for leaf in leaves {
                    watched.list.expect(*leaf);
                }
                if let Some(&leaf) = leaves.last() {
                    let due = made.saturating_add(deadline_s);
                    watched.own.push(OwnArtifacts { name, leaf, due });
                }
            }
            Err(reason) => watched.refused.push(format!("{name}: {reason}")),
        }
    }
    Ok(())
}

impl Remembered {
    fn known(&mut self, path: &Path, anchors: &Anchors) -> Result<&Known, Failure> {
        let failed =
            |error: std::io::Error| Failure::unavailable(format!("{}: {error}", path.display()));
        let facts = std::fs::metadata(path).map_err(failed)?;
        let (length, changed) = (facts.len(), facts.modified().ok());
        let same = |(known_length, known_changed, _): &(u64, Option<SystemTime>, Known)| {
            *known_length == length && *known_changed == changed
        };
        if !self.0.get(path).is_some_and(same) {
            let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
            let known = records_of(&octets, anchors);
            self.0.insert(path.to_owned(), (length, changed, known));
        }
        let known = self.0.get(path).map(|(_, _, known)| known);
        known.ok_or_else(|| Failure::unavailable(format!("{}: forgotten", path.display())))
    }
}

fn records_of(octets: &[u8], anchors: &Anchors) -> Known {
    let kind = ArtifactType::of(octets).map_err(|error| format!("it is not watched: {error}"))?;
    let admitted = admit_marking(kind, octets, anchors).map_err(|refusal| refusal.to_string())?;
    let records = admitted.records().iter();
    let leaves: Vec<Hash> = records.map(|record| leaf_hash(&record.encode())).collect();
    let made = match admitted.verified() {
        Verified::Token(token) => token.gen_time().time(),
        Verified::Certificate(path) => path
            .certificates()
            .first()
            .map(|certificate| certificate.not_before())
            .ok_or("a path without a certificate")?,
        Verified::Crl(list) => list.this_update(),
        Verified::Ocsp(response) => response.produced_at(),
    };
    let made = u64::try_from(made.unix_seconds()).unwrap_or(0);
    Ok((leaves, made))
}
