//! Checking checkpoints and proofs against a policy (C2SP tlog-proof, "Verifying a tlog proof").

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AlgorithmRequirement, Cosignature, Policy, Quorum, Standing, TrustError};
use crate::checkpoint::Checkpoint;
use crate::hash::{Hash, leaf_hash};
use crate::multiproof::Multiproof;
use crate::note::Note;
use crate::proof::TlogProof;
use crate::tree::{ProofError, check_inclusion};

/// A checkpoint that its log signed and a quorum of witnesses cosigned.
///
/// Only [`Policy::check_checkpoint`], [`Policy::check_checkpoint_with`] and [`Policy::check_leaf`]
/// make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedCheckpoint {
    checkpoint: Checkpoint,
    cosignatures: Vec<Cosignature>,
    not_after: Option<u64>,
    fresh: Option<u64>,
    newest: Option<u64>,
    note: Note,
}

impl TrustedCheckpoint {
    /// Origin, size and root.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The policy's witnesses that cosigned, each with its earliest time, ordered by that time.
    /// Where a post-quantum quorum was demanded, those with ML-DSA-44 keys only.
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    /// Number of witnesses among them: keys of one name are one witness, as in [`Policy::counted`].
    pub fn witness_count(&self) -> usize {
        let names = self.cosignatures.iter().map(|seen| &seen.name);
        names.collect::<BTreeSet<_>>().len()
    }

    /// The smallest time T such that the cosignatures dated at or before T are a quorum: this tree
    /// existed at T, in seconds since the Epoch. `None` under `quorum none`, which proves no time.
    pub fn not_after(&self) -> Option<u64> {
        self.not_after
    }

    /// How fresh the quorum's view is: the largest time T such that the cosignatures dated at or
    /// after T are a quorum, in seconds since the Epoch. At a later time there may be a newer tree.
    /// `None` under `quorum none`.
    pub fn fresh(&self) -> Option<u64> {
        self.fresh
    }

    /// The newest time of a cosignature that counts, in seconds since the Epoch.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Checks that `record` is in this tree at the zero-based `index`, as `hashes`, its audit path
    /// from the leaf up (RFC 6962 section 2.1.1), say. No signature is verified again, and all
    /// leaves of one tree share it.
    ///
    /// # Errors
    /// If the path does not lead to this tree's root.
    pub fn prove(
        self: &Arc<Self>,
        index: u64,
        hashes: &[Hash],
        record: &[u8],
    ) -> Result<ProvenLeaf, ProofError> {
        let Checkpoint { size, root, .. } = self.checkpoint;
        check_inclusion(leaf_hash(record), index, size, root, hashes)?;
        Ok(ProvenLeaf {
            record: record.to_vec(),
            index,
            head: Arc::clone(self),
        })
    }

    /// The note with its verified signatures only, the log's and those of known witnesses.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// Octets that are proven to be in a log.
///
/// Only [`TrustedCheckpoint::prove`], [`Policy::check_proof`], [`Policy::check_proof_with`] and
/// [`Policy::check_multiproof`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenLeaf {
    record: Vec<u8>,
    index: u64,
    head: Arc<TrustedCheckpoint>,
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

    /// The checkpoint of the tree that holds the entry, with its signatures.
    pub fn head(&self) -> &TrustedCheckpoint {
        &self.head
    }
}

impl Policy {
    /// Checks that a log of this policy signed the checkpoint in `note` and that the quorum
    /// cosigned, as [`Policy::demanding`] asks.
    ///
    /// # Errors
    /// [`TrustError`]: the first condition that is not met.
    pub fn check_checkpoint(&self, note: &Note) -> Result<TrustedCheckpoint, TrustError> {
        self.check_checkpoint_with(note, self.demand)
    }

    /// Checks like [`Self::check_checkpoint`], counting only the cosignatures that `demand`
    /// accepts, also for the proven time.
    ///
    /// With [`AlgorithmRequirement::PostQuantum`] a policy of `quorum none` is refused: it has no
    /// quorum to reach.
    ///
    /// # Errors
    /// [`TrustError`]: the first condition that is not met.
    pub fn check_checkpoint_with(
        &self,
        note: &Note,
        demand: AlgorithmRequirement,
    ) -> Result<TrustedCheckpoint, TrustError> {
        let standing = self.standing(note, demand)?;
        let Standing {
            checkpoint,
            cosignatures,
            ..
        } = &standing;
        let origin = || checkpoint.origin.clone();
        if standing.logs.is_empty() {
            return Err(TrustError::NotSignedByLog(origin()));
        }
        let covers = |&log: &usize| {
            let log = self.logs.get(log);
            log.is_some_and(|log| log.key.kind().covers_extensions())
        };
        if !checkpoint.extensions.is_empty() && !standing.logs.iter().any(covers) {
            return Err(TrustError::UnsignedExtensions(origin()));
        }
        let asks_nothing =
            self.quorum == Quorum::None && demand == AlgorithmRequirement::AnyAlgorithm;
        if standing.quorum.is_none() && !asks_nothing {
            let names: BTreeSet<&String> = cosignatures.iter().map(|c| &c.name).collect();
            let cosigned = names.into_iter().cloned().collect();
            let known = self.counted(demand);
            return Err(match demand {
                AlgorithmRequirement::AnyAlgorithm => TrustError::NoQuorum { cosigned, known },
                AlgorithmRequirement::PostQuantum => {
                    TrustError::NoPostQuantumQuorum { cosigned, known }
                }
            });
        }
        Ok(TrustedCheckpoint {
            checkpoint: standing.checkpoint,
            cosignatures: standing.cosignatures,
            not_after: standing.quorum,
            fresh: standing.fresh,
            newest: standing.newest,
            note: standing.note,
        })
    }

    /// Checks that `record` is in a log of this policy, as `proof` says (C2SP tlog-proof) and
    /// [`Policy::demanding`] asks.
    ///
    /// # Errors
    /// [`TrustError`], if the checkpoint is not trusted, or the path does not lead from `record` to
    /// its root.
    pub fn check_proof(&self, proof: &TlogProof, record: &[u8]) -> Result<ProvenLeaf, TrustError> {
        self.check_proof_with(proof, record, self.demand)
    }

    /// Checks like [`Self::check_proof`], under a checkpoint that
    /// [`Self::check_checkpoint_with`] accepts with `demand`.
    ///
    /// # Errors
    /// [`TrustError`], if the checkpoint is not trusted, or the path does not lead from `record` to
    /// its root.
    pub fn check_proof_with(
        &self,
        proof: &TlogProof,
        record: &[u8],
        demand: AlgorithmRequirement,
    ) -> Result<ProvenLeaf, TrustError> {
        let head = Arc::new(self.check_checkpoint_with(&proof.checkpoint, demand)?);
        Ok(head.prove(proof.index, &proof.hashes, record)?)
    }

    /// Checks that every entry of `proof` is in a log of this policy, as [`Policy::demanding`]
    /// asks. All of them are proven, in their order, or none is.
    ///
    /// # Errors
    /// [`TrustError`], if the checkpoint is not trusted, or the entries are not in its tree.
    pub fn check_multiproof(&self, proof: &Multiproof) -> Result<Vec<ProvenLeaf>, TrustError> {
        let head = Arc::new(self.check_checkpoint(&proof.checkpoint)?);
        proof.check_in(head.checkpoint.size, head.checkpoint.root)?;
        let proven = |(index, entry): &(u64, Vec<u8>)| ProvenLeaf {
            record: entry.clone(),
            index: *index,
            head: Arc::clone(&head),
        };
        Ok(proof.entries.iter().map(proven).collect())
    }

    /// Checks that an entry with the leaf hash `leaf` is in a log of this policy, at the index that
    /// `proof` names, and gives the checkpoint of the tree that holds it. For callers that have the
    /// hash and not the entry; the content of the entry is then not known.
    ///
    /// # Errors
    /// [`TrustError`], if the checkpoint is not trusted, or the path does not lead from `leaf` to
    /// its root.
    pub fn check_leaf(
        &self,
        proof: &TlogProof,
        leaf: Hash,
        demand: AlgorithmRequirement,
    ) -> Result<TrustedCheckpoint, TrustError> {
        let head = self.check_checkpoint_with(&proof.checkpoint, demand)?;
        let Checkpoint { size, root, .. } = head.checkpoint;
        check_inclusion(leaf, proof.index, size, root, &proof.hashes)?;
        Ok(head)
    }
}
