//! `sign-subtree` (C2SP tlog-witness): a range of a tree that we signed is signed by itself.
//!
//! Nothing is recorded: the signed range follows from a checkpoint that we stand for already. That
//! checkpoint has to bear a signature by one of the keys that sign now; a key may have been retired
//! because another party has it.

use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::{SignatureType, VerifierKey};
use ishibumi_tlog::note::SignatureLine;
use ishibumi_tlog::protocol::SignSubtree;
use ishibumi_tlog::tree::check_subtree_consistency;

use super::{Follower, Submitted};
use crate::cosigners::Cosigners;
use crate::refusal::Refusal;

impl<R: Registers, C: Clock> Follower<R, C> {
    /// The ML-DSA-44 signatures of `cosigners` over the range in `request`, without a time.
    ///
    /// The keys that signed the reference checkpoint sign; if only keys of other types did, all
    /// keys of that type do. `cosigners` are one identity: the caller does not mix the keys of two.
    ///
    /// # Errors
    /// [`Refusal`], which names its status.
    pub fn sign_subtree(
        &self,
        request: &SignSubtree,
        cosigners: &Cosigners,
    ) -> Result<Vec<SignatureLine>, Refusal> {
        let checkpoint = &request.checkpoint;
        if !checkpoint.extensions.is_empty() {
            return Err(Refusal::Extensions(checkpoint.extensions.len()));
        }
        let active: Vec<VerifierKey> = cosigners.verifiers().cloned().collect();
        let id = Hash::of(checkpoint.origin.as_bytes());
        {
            let _held = self.locks.lock(id);
            let loaded = self.load_known(id, &checkpoint.origin)?;
            // The log's signatures need not be there; those that are may let a halted log resume.
            let verified = request.note.verify(loaded.state.keys());
            let log_lines = verified.map_or_else(
                |_| Vec::new(),
                |verified| request.note.retain(&verified).signatures().to_vec(),
            );
            let submitted = Submitted {
                checkpoint: checkpoint.clone(),
                log_lines,
            };
            self.check_own_memory(&loaded, &request.note, &submitted)?;
        }
        let verified = request.note.verify(&active);
        let signed = verified.map_err(Refusal::Reference)?;
        check_subtree_consistency(
            request.subtree,
            request.hash,
            checkpoint.size,
            checkpoint.root,
            &request.proof,
        )
        .map_err(Refusal::Subtree)?;

        let signs = |key: &VerifierKey| key.kind() == SignatureType::SubtreeV1;
        let signed_it = |key: &VerifierKey| {
            let signed = signed.iter().filter_map(|line| active.get(line.key));
            signed.into_iter().any(|signer| signer == key)
        };
        let both = active.iter().any(|key| signs(key) && signed_it(key));
        let chosen = |key: &VerifierKey| signs(key) && (!both || signed_it(key));
        let lines =
            cosigners.sign_subtree(&checkpoint.origin, request.subtree, request.hash, chosen);
        if lines.is_empty() {
            return Err(Refusal::NoSubtreeKey);
        }
        Ok(lines)
    }
}
