//! A log's tokens over its own checkpoints (kind 10), checked against the log itself.
//!
//! Only the log makes these records, so a wrong one is the log's own false statement: a checkpoint
//! of another log, of a tree that was not there yet, or with a root that its records do not have;
//! or a token over something else. Whether the TSA is to be trusted is another question, which
//! takes anchors.

use ishibumi_artifact::TimestampToken;
use ishibumi_artifact::record::CheckpointAnchor;
use ishibumi_tlog::{Checkpoint, Hash};

/// The most tokens whose checkpoints are compared with the tree in one replay; for an honest log,
/// those of decades.
pub const ANCHORS_MAX: usize = 1_000_000;

/// The most false tokens that are named; all are counted.
pub const WRONG_ANCHORS_MAX: usize = 100;

/// A token over a checkpoint that was read, and fits as far as the record alone can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorSeen {
    /// Index of the record.
    pub index: u64,
    /// Size of the checkpoint.
    pub size: u64,
    /// Its root: still to be held against the tree.
    pub root: Hash,
}

/// A record of kind 10 that is false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongAnchor {
    /// Index of the record.
    pub index: u64,
    /// What is wrong with it, in English.
    pub why: String,
}

/// The records of kind 10 that a replay has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnchorsSeen {
    /// Tokens whose checkpoint has yet to be compared with the tree.
    pub fitting: Vec<AnchorSeen>,
    /// Number of further ones, beyond the first [`ANCHORS_MAX`].
    pub forgotten: u64,
    /// The first [`WRONG_ANCHORS_MAX`] of those that are false.
    pub wrong: Vec<WrongAnchor>,
    /// Number of false tokens.
    pub wrong_count: u64,
}

impl AnchorsSeen {
    /// Takes the record `index` of the log `origin`.
    pub(super) fn observe(&mut self, index: u64, anchor: &CheckpointAnchor, origin: &str) {
        match check(index, anchor, origin) {
            Ok(seen) if self.fitting.len() < ANCHORS_MAX => self.fitting.push(seen),
            Ok(_) => self.forgotten += 1,
            Err(why) => self.refute(index, why),
        }
    }

    /// Notes that the record `index` is false.
    pub fn refute(&mut self, index: u64, why: String) {
        self.wrong_count += 1;
        if self.wrong.len() < WRONG_ANCHORS_MAX {
            self.wrong.push(WrongAnchor { index, why });
        }
    }
}

fn check(index: u64, anchor: &CheckpointAnchor, origin: &str) -> Result<AnchorSeen, String> {
    let checkpoint = anchor.checkpoint();
    let Checkpoint { size, root, .. } = *checkpoint;
    if checkpoint.origin != origin {
        return Err(format!(
            "it is about a checkpoint of {:?}, in the log {origin:?}",
            checkpoint.origin
        ));
    }
    if !(1..=index).contains(&size) {
        return Err(format!(
            "it is about a tree of {size} records, of which there were {index} when it was logged"
        ));
    }
    let token = TimestampToken::parse(anchor.token());
    let token = token.map_err(|error| format!("{error} ({})", error.code()))?;
    if token.stamps(checkpoint.to_text().as_bytes()) {
        Ok(AnchorSeen { index, size, root })
    } else {
        Err("its token does not stamp its checkpoint".to_owned())
    }
}
