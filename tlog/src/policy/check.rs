//! Checking checkpoints and proofs against a policy (C2SP tlog-proof, "Verifying a tlog proof").

use super::{Policy, Quorum};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::leaf_hash;
use crate::key::VerifierKey;
use crate::note::{Note, NoteError};
use crate::proof::TlogProof;
use crate::tree::{ProofError, check_inclusion};

/// Why a checkpoint or a proof is not to be trusted under a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The note's text is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// No `log` line of the policy has this origin.
    #[error("the policy names no log with the origin {0:?}")]
    UnknownLog(String),
    /// The note is refused as a whole.
    #[error("the checkpoint's signatures: {0}")]
    Note(#[from] NoteError),
    /// No key of that log signed.
    #[error("the log {0:?} did not sign this checkpoint")]
    NotSignedByLog(String),
    /// Too few witnesses.
    #[error(
        "the quorum is not met: {} of the policy's {known} witnesses cosigned ({})",
        .cosigned.len(), .cosigned.join(", ")
    )]
    NoQuorum {
        /// Key names of the witnesses that did cosign.
        cosigned: Vec<String>,
        /// How many witnesses the policy knows.
        known: usize,
    },
    /// The audit path does not lead to the checkpoint's root.
    #[error("the inclusion proof: {0}")]
    Inclusion(#[from] ProofError),
}

/// A cosignature that verified, by a witness of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The place of the witness in [`Policy::witnesses`].
    pub witness: usize,
    /// The witness's key name.
    pub name: String,
    /// When the witness says that it saw this tree, in seconds since the Epoch.
    pub time: u64,
}

/// A checkpoint that its log signed and a quorum of witnesses cosigned.
///
/// Only [`Policy::check_checkpoint`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedCheckpoint {
    checkpoint: Checkpoint,
    cosignatures: Vec<Cosignature>,
    not_after: Option<u64>,
    note: Note,
}

impl TrustedCheckpoint {
    /// Origin, size and root.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The policy's witnesses that cosigned, each with its earliest time, ordered by that time.
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    /// The smallest time T such that the cosignatures dated at or before T are a quorum: this tree
    /// existed at T, in seconds since the Epoch. `None` under `quorum none`, which proves no time.
    pub fn not_after(&self) -> Option<u64> {
        self.not_after
    }

    /// The note with its verified signatures only, the log's and those of known witnesses.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// Octets that are proven to be in a log.
///
/// Only [`Policy::check_proof`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenLeaf {
    record: Vec<u8>,
    index: u64,
    head: TrustedCheckpoint,
}

impl ProvenLeaf {
    /// The very octets that were proven.
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// The zero-based index of the leaf.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The tree that holds it, and who saw that tree.
    pub fn head(&self) -> &TrustedCheckpoint {
        &self.head
    }
}

impl Policy {
    /// Checks that a log of this policy signed the checkpoint in `note` and that the quorum cosigned.
    pub fn check_checkpoint(&self, note: &Note) -> Result<TrustedCheckpoint, TrustError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        checkpoint.check_empty_root()?;
        let logs: Vec<&VerifierKey> = self
            .logs
            .iter()
            .map(|log| &log.key)
            .filter(|key| key.name() == checkpoint.origin)
            .collect();
        if logs.is_empty() {
            return Err(TrustError::UnknownLog(checkpoint.origin));
        }
        let witnesses = self.witnesses.iter().map(|witness| &witness.key);
        let keys: Vec<VerifierKey> = logs.iter().copied().chain(witnesses).cloned().collect();
        let verified = note.verify(&keys)?;
        if !verified.iter().any(|v| v.key < logs.len()) {
            return Err(TrustError::NotSignedByLog(checkpoint.origin));
        }

        // A witness that signed twice counts once, at its earliest time; a cosignature without a
        // time makes no statement about one and does not count.
        let mut cosignatures: Vec<Cosignature> = Vec::new();
        for v in &verified {
            let Some(witness) = v.key.checked_sub(logs.len()) else {
                continue;
            };
            let (Some(time), Some(known)) = (v.time, self.witnesses.get(witness)) else {
                continue;
            };
            if let Some(earlier) = cosignatures.iter_mut().find(|c| c.witness == witness) {
                earlier.time = earlier.time.min(time);
            } else {
                let name = known.key.name().to_owned();
                cosignatures.push(Cosignature {
                    witness,
                    name,
                    time,
                });
            }
        }
        cosignatures.sort_by_key(|c| (c.time, c.witness));

        let not_after = self.quorum_time(&cosignatures);
        if not_after.is_none() && self.quorum != Quorum::None {
            return Err(TrustError::NoQuorum {
                cosigned: cosignatures.into_iter().map(|c| c.name).collect(),
                known: self.witnesses.len(),
            });
        }
        Ok(TrustedCheckpoint {
            checkpoint,
            cosignatures,
            not_after,
            note: note.retain(&verified),
        })
    }

    /// Checks that `record` is in a log of this policy, as `proof` says (C2SP tlog-proof).
    pub fn check_proof(&self, proof: &TlogProof, record: &[u8]) -> Result<ProvenLeaf, TrustError> {
        let head = self.check_checkpoint(&proof.checkpoint)?;
        let Checkpoint { size, root, .. } = head.checkpoint;
        check_inclusion(leaf_hash(record), proof.index, size, root, &proof.hashes)?;
        Ok(ProvenLeaf {
            record: record.to_vec(),
            index: proof.index,
            head,
        })
    }

    /// The time at which the cosignatures, ordered by time, became a quorum.
    fn quorum_time(&self, cosignatures: &[Cosignature]) -> Option<u64> {
        if self.quorum == Quorum::None {
            return None;
        }
        cosignatures.iter().map(|c| c.time).find(|&time| {
            self.is_quorum(|w| {
                cosignatures
                    .iter()
                    .any(|c| c.witness == w && c.time <= time)
            })
        })
    }
}
