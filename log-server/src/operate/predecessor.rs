//! The log that a new one continues: its end is verified before the new log commits to it.
//!
//! By the code that will verify the succession later, so that no log opens with a link that nobody
//! accepts. Record 0 takes the checkpoint with the old log's own signatures; its quorum is shown by
//! evidence, and would not fit.

use std::path::{Path, PathBuf};

use ishibumi_archive::regular;
use ishibumi_artifact::end::End;
use ishibumi_artifact::record::Predecessor;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::policy::FILE_LEN_MAX;
use ishibumi_tlog::proof::{FILE_EXTENSION, PROOF_LEN_MAX, TlogProof};
use ishibumi_tlog::tile::ENTRY_LEN_MAX;
use ishibumi_tlog::{Checkpoint, Policy};

use super::OperateError;

/// Where the end of the predecessor is read from.
#[derive(Clone, Debug)]
pub struct PredecessorFiles {
    /// Its last checkpoint, a signed note.
    pub checkpoint: PathBuf,
    /// The policy that names the old log and its quorum.
    pub policy: PathBuf,
    /// Its closing record, beside which `.tlog-proof` has the proof.
    pub closing: Option<PathBuf>,
    /// Whether it never closed, as the operator of the new log says.
    pub abandoned: bool,
}

/// A verified end, and the keys of the log that ended.
pub(super) struct VerifiedEnd {
    end: End,
    keys: Vec<VerifierKey>,
}

impl PredecessorFiles {
    /// Reads and verifies: log signature and quorum under the old policy, and that the closing
    /// record is the last record of that very tree. `successor`: the origin of the new log.
    pub(super) fn verify(&self, successor: &str) -> Result<VerifiedEnd, OperateError> {
        let policy = Policy::parse(&read(&self.policy, FILE_LEN_MAX)?)
            .map_err(|error| OperateError::file(&self.policy, error))?;
        let shown = &self.checkpoint;
        let note = Note::parse(&read(shown, NOTE_LEN_MAX)?)
            .map_err(|error| OperateError::file(shown, error))?;
        let last =
            End::abandoned(&policy, &note).map_err(|error| OperateError::file(shown, error))?;
        let origin = last.checkpoint().origin.clone();
        if origin == successor {
            return Err(OperateError::Usage(format!(
                "{origin:?} is this log's own origin: a successor has another one"
            )));
        }
        let end = match (&self.closing, self.abandoned) {
            (Some(path), _) => closed(&policy, path, last.checkpoint())?,
            (None, true) => last,
            (None, false) => {
                return Err(OperateError::Usage(format!(
                    "{}: nothing shows that {origin:?} closed. Give its closing record with \
                     --closing-record; if it vanished without one, say so with --abandoned",
                    shown.display()
                )));
            }
        };
        let signed = end.head().note().signatures();
        let keys = policy.logs().iter().map(|log| &log.key);
        let keys = keys.filter(|key| {
            key.name() == origin && signed.iter().any(|signature| signature.is_by(key))
        });
        let keys = keys.cloned().collect();
        Ok(VerifiedEnd { end, keys })
    }
}

/// The closing record: the last one of the tree `last`.
fn closed(policy: &Policy, path: &Path, last: &Checkpoint) -> Result<End, OperateError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{FILE_EXTENSION}"));
    let beside = PathBuf::from(beside);
    let proof = TlogProof::parse(&read(&beside, PROOF_LEN_MAX)?)
        .map_err(|error| OperateError::file(&beside, error))?;
    let record = read(path, ENTRY_LEN_MAX)?;
    let end = End::closed(policy, &proof, &record);
    let end = end.map_err(|error| OperateError::file(path, error))?;
    let found = end.checkpoint();
    if found == last {
        return Ok(end);
    }
    let what = format!(
        "{:?} closed with the tree {} {}, but the checkpoint is of {:?}, tree {} {}: a successor commits to \
         the very last tree",
        found.origin, found.size, found.root, last.origin, last.size, last.root
    );
    Err(OperateError::file(path, what))
}

impl VerifiedEnd {
    /// The commitment to the predecessor in record 0 of the log with `keys`. A closing record has
    /// to name each of them.
    pub(super) fn committed_by(&self, keys: &[VerifierKey]) -> Result<Predecessor, OperateError> {
        let end = &self.end;
        let origin = &end.checkpoint().origin;
        let unnamed = keys.iter().find(|key| !end.names(&key.to_string()));
        if let (Some(_), Some(key)) = (end.closing(), unnamed) {
            return Err(OperateError::Usage(format!(
                "the closing record of {origin:?} does not name this log's key {key}: no verifier would take \
                 this log for the successor"
            )));
        }
        let signed = end.head().note();
        let own = signed.signatures().iter();
        let own = own.filter(|line| self.keys.iter().any(|key| line.is_by(key)));
        let note = Note::new(signed.text().to_owned(), own.cloned().collect());
        let lines: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        Predecessor::new(&lines, note.encode().as_bytes())
            .map_err(|error| OperateError::Usage(format!("{origin:?}: {error}")))
    }
}

/// A file of at most `most` octets.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, OperateError> {
    let octets = regular::read(path, most).map_err(|error| OperateError::file(path, error))?;
    if octets.len() > most {
        return Err(OperateError::file(
            path,
            format!("more than {most} octets, so it is another file"),
        ));
    }
    Ok(octets)
}
