//! The witness itself: C2SP tlog-witness without HTTP.
//!
//! It follows logs ([`crate::follow`]) and cosigns each checkpoint before it is recorded: with all
//! of its keys, at one time. Cosignature times of a log never go back. The keys that sign are bound
//! to the store, so that a state is never used with keys that it does not know.

use ishibumi_store::{Clock, Registers, StoreError};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::protocol::{AddCheckpoint, SignSubtree};
use ishibumi_tlog::{Checkpoint, Hash};

use crate::alarm::Alarms;
use crate::cosigners::Cosigners;
use crate::follow::{CosignerKeys, Follower, Locks, LogState, Recorded, StateError};
use crate::identity::Identity;
use crate::refusal::Refusal;

/// A witness over a store, a clock and keys. Methods may be called from any thread and block on the
/// store.
pub struct Witness<R, C> {
    follower: Follower<R, C>,
    cosigners: Cosigners,
    identity: Identity,
}

impl<R: Registers, C: Clock> Witness<R, C> {
    /// Binds an empty store to a witness. Once per store.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store has a witness already.
    pub fn init(registers: &R, identity: &Identity) -> Result<(), StoreError> {
        identity.create(registers)
    }

    /// Opens a store that [`Witness::init`] made for these keys, and verifies everything in it.
    ///
    /// # Errors
    /// [`StateError::Foreign`] or [`StateError::KeyMissing`] if `cosigners` are not exactly the
    /// keys that the store says to sign with.
    pub fn open(
        registers: R,
        clock: C,
        cosigners: impl Into<Cosigners>,
        alarms: Alarms,
    ) -> Result<Self, StateError> {
        let cosigners = cosigners.into();
        let identity = Identity::load(&registers)?;
        check_binding(&registers, &identity, &cosigners)?;
        let own = CosignerKeys::witness(identity.all());
        Ok(Self {
            follower: Follower::open(registers, clock, own, alarms)?,
            cosigners,
            identity,
        })
    }

    /// Uses other locks, for model checkers.
    #[must_use]
    pub fn with_locks(mut self, locks: Box<dyn Locks>) -> Self {
        self.follower = self.follower.with_locks(locks);
        self
    }

    /// The witness's name and keys.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The logs that the witness follows, and what is remembered of each.
    pub fn follower(&self) -> &Follower<R, C> {
        &self.follower
    }

    /// Checks that the store answers and belongs to these keys.
    ///
    /// # Errors
    /// [`StateError`] if the store fails or was made for other keys.
    pub fn check_binding(&self) -> Result<(), StateError> {
        check_binding(self.follower.registers(), &self.identity, &self.cosigners)
    }

    /// The newest cosigned checkpoint of the log whose origin has this SHA-256; `None` if there is
    /// no such log or nothing was cosigned.
    ///
    /// # Errors
    /// If its state cannot be used.
    pub fn checkpoint(&self, origin: Hash) -> Result<Option<Note>, StateError> {
        Ok(self.follower.latest(origin)?.map(|latest| latest.note()))
    }

    /// Answers an `add-checkpoint` request with our signature lines over the checkpoint in it.
    ///
    /// # Errors
    /// [`Refusal`], which names its status.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<SignatureLine>, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let cosign = |state: &LogState, checkpoint: &Checkpoint| self.cosign(state, checkpoint);
        let recorded = self.follower.advance(&request, cosign)?;
        Ok(recorded.own_lines().to_vec())
    }

    /// Answers a `sign-subtree` request with our signature lines over the range in it.
    ///
    /// # Errors
    /// [`Refusal`], which names its status.
    pub fn sign_subtree(&self, body: &[u8]) -> Result<Vec<SignatureLine>, Refusal> {
        let request = SignSubtree::parse(body)?;
        self.follower.sign_subtree(&request, &self.cosigners)
    }

    fn cosign(
        &self,
        state: &LogState,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<SignatureLine>, Refusal> {
        let now = self.follower.now();
        let last = state.time();
        if now < last {
            return Err(Refusal::Clock { now, last });
        }
        // The same tree in the same second has the same cosignatures, which are stored already.
        let same = |latest: &&Recorded| {
            let by = latest.own_lines().iter().map(|line| line.id);
            latest.time() == Some(now)
                && latest.checkpoint() == checkpoint
                && by.eq(self.cosigners.verifiers().map(VerifierKey::id))
        };
        if let Some(latest) = state.latest().filter(same) {
            return Ok(latest.own_lines().to_vec());
        }
        let lines = self.cosigners.cosign(checkpoint, now);
        lines.ok_or(Refusal::Clock { now, last })
    }
}

/// Checks that the store names exactly these keys as signing.
pub(crate) fn check_binding<R: Registers>(
    registers: &R,
    identity: &Identity,
    cosigners: &Cosigners,
) -> Result<(), StateError> {
    let found = Identity::load(registers)?;
    let joined = |keys: &[VerifierKey]| {
        let keys: Vec<String> = keys.iter().map(VerifierKey::to_string).collect();
        keys.join(" ")
    };
    if let Some(key) = cosigners
        .verifiers()
        .find(|&key| !found.active().contains(key))
    {
        return Err(StateError::Foreign {
            expected: key.to_string(),
            found: joined(found.active()),
        });
    }
    let held = |key: &&VerifierKey| !cosigners.verifiers().any(|held| held == *key);
    if let Some(key) = found.active().iter().find(held) {
        return Err(StateError::KeyMissing(key.to_string()));
    }
    if found != *identity {
        return Err(StateError::Foreign {
            expected: joined(identity.active()),
            found: joined(found.active()),
        });
    }
    Ok(())
}
