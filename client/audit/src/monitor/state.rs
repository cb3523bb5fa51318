//! The state that a monitor keeps of one log between two rounds (docs/formats/monitor-state.md).
//!
//! A file is trusted no more than the log is: when it is read, every note is checked under the
//! policy again, and the hashes in it have to fit its size.

use std::collections::{BTreeMap, BTreeSet};

use ishibumi_tlog::fork::{CheckError, Evidence, EvidenceError};
use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::policy::{AlgorithmRequirement, TrustError};
use ishibumi_tlog::tree::Frontier;
use ishibumi_tlog::{Checkpoint, Hash, Policy};
use serde::{Deserialize, Serialize};

use super::conviction::log_keys;
use super::reading::Named;

/// The member `format` of every file.
const FORMAT: &str = "ishibumi/monitor-state/v1";

/// Checkpoints whose notes are kept, the largest ones.
pub(super) const NOTES_MAX: usize = 128;

/// Forks of one log that are kept: one convicts.
pub(super) const FORKS_MAX: usize = 16;

/// Unexpected records that are kept; further ones are only counted.
pub const UNEXPECTED_MAX: usize = 10_000;

/// The known state of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The log.
    pub(super) origin: String,
    /// Checkpoints that are consistent with each other, by size, with the log's signatures.
    pub(super) proven: BTreeMap<u64, Signed>,
    /// When the largest of them was first seen.
    pub(super) grown: u64,
    /// The newest time that a quorum states.
    pub(super) fresh: u64,
    /// The tree of the records that were read.
    pub(super) read: Frontier,
    /// For which list they were read.
    pub(super) list: Option<Hash>,
    pub(super) places: BTreeMap<String, Place>,
    pub(super) forks: Vec<Evidence>,
    pub(super) unexpected: Vec<Named>,
    /// Unexpected records beyond those that are kept.
    pub(super) more_unexpected: u64,
    /// OwnArtifacts records that are proven to be in the log.
    pub(super) own: BTreeSet<Hash>,
    /// Alarms that stand, by key.
    pub(super) raised: BTreeMap<String, Raised>,
}

/// A checkpoint that the log signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub(super) checkpoint: Checkpoint,
    pub(super) note: Note,
}

/// What one place showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// The largest tree that it showed as its newest.
    pub(super) size: u64,
    /// The largest of its kept checkpoints that was looked at.
    pub(super) kept: u64,
    /// Since when it does not answer.
    pub(super) failing_since: Option<u64>,
    /// Since when it shows an older tree than others.
    pub(super) behind_since: Option<u64>,
}

/// An alarm that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raised {
    pub(super) since: u64,
    /// Whether the operator was told.
    pub(super) told: bool,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file is not JSON of the format.
    #[error("not a {FORMAT} file: {0}")]
    Json(#[from] serde_json::Error),
    /// Another format or version.
    #[error("its format is {0:?}, not {FORMAT:?}")]
    Format(String),
    /// It is about another log.
    #[error("it is about the log {found:?}, not {wanted:?}")]
    Origin {
        /// The log that the file is about.
        found: String,
        /// The log that is watched.
        wanted: String,
    },
    /// A checkpoint is no note.
    #[error("a checkpoint in it: {0}")]
    Note(#[from] NoteError),
    /// A checkpoint is not the log's under this policy: the policy changed, or the file did.
    #[error("a checkpoint in it, under this policy: {0}")]
    Trust(#[from] TrustError),
    /// A fork is not in the format.
    #[error("the evidence of a fork in it: {0}")]
    Fork(#[from] EvidenceError),
    /// A fork is not one of this log, under this policy.
    #[error("the evidence of a fork in it, under this policy: {0}")]
    NoFork(#[from] CheckError),
    /// Something that ought to be a hash is none, or there are too few or too many for the size.
    #[error("{0} in it are not the hashes that they have to be")]
    Hashes(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    origin: String,
    checkpoints: Vec<String>,
    grown: u64,
    fresh: u64,
    read: u64,
    peaks: Vec<String>,
    list: Option<String>,
    places: BTreeMap<String, Place>,
    forks: Vec<String>,
    unexpected: Vec<Unexpected>,
    more_unexpected: u64,
    own: Vec<String>,
    raised: BTreeMap<String, Raised>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unexpected {
    index: u64,
    leaf: String,
    names: String,
}

impl State {
    /// The state of a log of which nothing is known yet.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            ..Self::default()
        }
    }

    /// The file's octets.
    pub fn encode(&self) -> String {
        let hashes = |hashes: &[Hash]| hashes.iter().map(|hash| hash.to_base64()).collect();
        let unexpected = self.unexpected.iter().map(|record| Unexpected {
            index: record.index,
            leaf: record.leaf.to_hex(),
            names: record.names.clone(),
        });
        let file = File {
            format: FORMAT.to_owned(),
            origin: self.origin.clone(),
            checkpoints: self
                .proven
                .values()
                .map(|seen| seen.note.encode())
                .collect(),
            grown: self.grown,
            fresh: self.fresh,
            read: self.read.size(),
            peaks: hashes(self.read.peaks()),
            list: self.list.map(Hash::to_base64),
            places: self.places.clone(),
            forks: self.forks.iter().map(Evidence::encode).collect(),
            unexpected: unexpected.collect(),
            more_unexpected: self.more_unexpected,
            own: self.own.iter().map(|leaf| leaf.to_hex()).collect(),
            raised: self.raised.clone(),
        };
        // Strings, numbers and string keys only: there is nothing in it that JSON cannot say.
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the file of the log `origin` and checks it under `policy`.
    ///
    /// # Errors
    /// [`StateError`], if the file cannot be read, is of another log, or does not hold under
    /// `policy`.
    pub fn decode(octets: &[u8], origin: &str, policy: &Policy) -> Result<Self, StateError> {
        let file: File = serde_json::from_slice(octets)?;
        if file.format != FORMAT {
            return Err(StateError::Format(file.format));
        }
        if file.origin != origin {
            return Err(StateError::Origin {
                found: file.origin,
                wanted: origin.to_owned(),
            });
        }
        let mut proven = BTreeMap::new();
        for note in &file.checkpoints {
            let seen = Signed::read(&Note::parse(note.as_bytes())?, policy)?;
            proven.insert(seen.checkpoint.size, seen);
        }
        let peaks = file.peaks.iter().map(|peak| Hash::from_base64(peak));
        let peaks: Option<Vec<Hash>> = peaks.collect();
        let read = peaks.and_then(|peaks| Frontier::from_peaks(file.read, peaks));
        let mut forks = Vec::new();
        for fork in &file.forks {
            let fork = Evidence::parse(fork.as_bytes())?;
            fork.check(&log_keys(policy, origin))?;
            forks.push(fork);
        }
        let unexpected = file.unexpected.into_iter().map(|record| {
            Some(Named {
                index: record.index,
                leaf: Hash::from_hex(&record.leaf)?,
                names: record.names,
            })
        });
        let unexpected: Option<Vec<Named>> = unexpected.collect();
        let own: Option<BTreeSet<Hash>> =
            file.own.iter().map(|leaf| Hash::from_hex(leaf)).collect();
        let list = file.list.map(|list| Hash::from_base64(&list));
        let list = match list {
            None => None,
            Some(list) => Some(list.ok_or(StateError::Hashes("list"))?),
        };
        Ok(Self {
            origin: file.origin,
            proven,
            grown: file.grown,
            fresh: file.fresh,
            read: read.ok_or(StateError::Hashes("peaks"))?,
            list,
            places: file.places,
            forks,
            unexpected: unexpected.ok_or(StateError::Hashes("unexpected"))?,
            more_unexpected: file.more_unexpected,
            own: own.ok_or(StateError::Hashes("own"))?,
            raised: file.raised,
        })
    }

    /// The largest tree, of which every other one is a beginning.
    pub(super) fn trunk(&self) -> Option<&Signed> {
        self.proven.values().next_back()
    }

    /// Drops observations dated after `latest`, since they cannot have been made; returns the
    /// latest such time. Alarms that stand since then stand since `now`.
    pub(super) fn forget_after(&mut self, latest: u64, now: u64) -> Option<u64> {
        let places = self.places.values_mut();
        let places = places.flat_map(|place| [&mut place.failing_since, &mut place.behind_since]);
        let raised = self.raised.values_mut().map(|raised| &mut raised.since);
        let times = places.flatten().chain(raised).chain([&mut self.grown]);
        let mut found = None;
        for time in times.filter(|time| **time > latest) {
            found = found.max(Some(*time));
            *time = now;
        }
        if self.fresh > latest {
            found = found.max(Some(self.fresh));
            self.fresh = 0;
        }
        found
    }

    /// Keeps a checkpoint that is consistent with all others.
    pub(super) fn keep(&mut self, seen: Signed) {
        self.proven.insert(seen.checkpoint.size, seen);
        while self.proven.len() > NOTES_MAX {
            self.proven.pop_first();
        }
    }
}

impl Signed {
    /// Reads a checkpoint that a log of the policy signed; of its signatures, the log's are kept.
    ///
    /// # Errors
    /// [`TrustError`], if the note is no checkpoint, or no log of the policy signed it.
    pub fn read(note: &Note, policy: &Policy) -> Result<Self, TrustError> {
        let standing = policy.standing(note, AlgorithmRequirement::AnyAlgorithm)?;
        let checkpoint = standing.checkpoint;
        if standing.logs.is_empty() {
            return Err(TrustError::NotSignedByLog(checkpoint.origin));
        }
        let places = standing.logs.iter();
        let keys: Vec<_> = places
            .filter_map(|&place| policy.logs().get(place))
            .map(|log| log.key.clone())
            .collect();
        let note = note.retain(&note.verify(&keys)?);
        Ok(Self { checkpoint, note })
    }

    /// The checkpoint in the note.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, with the signatures of the log alone.
    pub const fn note(&self) -> &Note {
        &self.note
    }
}
