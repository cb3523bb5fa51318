//! The mirror itself: C2SP tlog-mirror without HTTP.
//!
//! Three steps, each durable before the next: a checkpoint of the log becomes *pending*, by the
//! very code by which a witness follows a log; entries that are proven to belong to it are appended
//! to the copy; and once the copy reaches the pending checkpoint and was read back, it is cosigned
//! and becomes the *mirror checkpoint*. A crash between any two loses nothing that was answered.
//!
//! Any number of clients may be at it at once. No thread holds a lock while it waits for a client.

use std::collections::BTreeMap;

use ishibumi_store::{Clock, KeptCheckpoint, Registers, StoreError};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::{SIGNATURES_MAX, SignatureLine};
use ishibumi_tlog::protocol::add_entries::{Package, UploadHead};
use ishibumi_tlog::protocol::mirror_info::MirrorInfo;
use ishibumi_tlog::protocol::{AddCheckpoint, SignSubtree};
use ishibumi_tlog::tree::ProofError;

use super::copy::LogCopy;
use super::ticket::TicketKey;
use crate::cosigners::Cosigners;
use crate::follow::{Follower, LogState, Recorded, StateError};
use crate::identity::Identity;
use crate::refusal::Refusal;

/// The most entries of one upload that the mirror may have already: what one request may carry by
/// C2SP's advice.
pub const EXCESS_ENTRIES_MAX: u64 = 8192;

/// Why entries were not taken, or a checkpoint not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadRefusal {
    /// 404: no such log was added.
    #[error("this mirror does not copy a log with the origin {0:?}")]
    UnknownOrigin(String),
    /// 422: no checkpoint of the log has come yet.
    #[error("this mirror has no checkpoint of {0:?} yet: send one to add-checkpoint first")]
    NoPending(String),
    /// 409: the upload does not fit where the mirror stands.
    #[error("{reason}")]
    Conflict {
        /// Why the package does not fit.
        reason: String,
        /// Where the mirror stands.
        info: MirrorInfo,
    },
    /// 422: a package does not belong to the checkpoint.
    #[error("the package of the entries [{start}, {end}) is not part of the checkpoint: {cause}")]
    Forged {
        /// The first entry of the package.
        start: u64,
        /// The index after its last.
        end: u64,
        /// The fault of the proof.
        cause: ProofError,
    },
    /// Nothing is signed for this log, or the state cannot be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<StoreError> for UploadRefusal {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StateError> for UploadRefusal {
    fn from(error: StateError) -> Self {
        Self::Refused(error.into())
    }
}

/// A mirror over a store of registers, a store per log, a clock and keys. Methods may be called
/// from any thread and block on the stores.
pub struct Mirror<R, C> {
    follower: Follower<R, C>,
    cosigners: Cosigners,
    identity: Identity,
    tickets: TicketKey,
    copies: BTreeMap<Hash, LogCopy>,
}

/// Where a mirror stands with one log.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The log, and its pending checkpoint.
    pub log: LogState,
    /// The index of the first entry that is not stored.
    pub next: u64,
    /// The mirror checkpoint; `None` before the first.
    pub signed: Option<Recorded>,
}

/// An upload that was begun: to which checkpoint it leads.
#[derive(Clone, Debug)]
pub struct Upload {
    log: Hash,
    target: Recorded,
}

impl<R: Registers, C: Clock> Mirror<R, C> {
    /// A mirror of the logs that `follower` follows, of each of which `copies` has the copy.
    ///
    /// # Errors
    /// If a copy does not fit what is remembered of its log: one of both is an older copy of
    /// itself.
    pub(super) fn open(
        follower: Follower<R, C>,
        cosigners: Cosigners,
        identity: Identity,
        tickets: TicketKey,
        copies: Vec<LogCopy>,
    ) -> Result<Self, StateError> {
        let mirror = Self {
            follower,
            cosigners,
            identity,
            tickets,
            copies: copies.into_iter().map(|copy| (copy.id(), copy)).collect(),
        };
        for state in mirror.follower.logs()? {
            mirror.check_copy(&state)?;
        }
        Ok(mirror)
    }

    /// The mirror's name and keys.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The logs, and the pending checkpoint of each.
    pub fn follower(&self) -> &Follower<R, C> {
        &self.follower
    }

    /// The copies, by the hashes of their origins.
    pub fn copies(&self) -> impl Iterator<Item = &LogCopy> {
        self.copies.values()
    }

    /// The copy of the log whose origin has the hash `id`.
    pub fn copy(&self, id: Hash) -> Option<&LogCopy> {
        self.copies.get(&id)
    }

    /// The mirror checkpoint of a log; `None` before the first.
    ///
    /// # Errors
    /// If the store fails, or a signature does not verify.
    pub fn checkpoint(&self, log: &LogState) -> Result<Option<Recorded>, StateError> {
        let Some(copy) = self.copies.get(&Hash::of(log.origin().as_bytes())) else {
            return Ok(None);
        };
        Ok(copy.checkpoint(log.keys(), &self.identity.all())?)
    }

    /// Where the mirror stands with each log.
    ///
    /// # Errors
    /// If a state cannot be used.
    pub fn standings(&self) -> Result<Vec<Standing>, StateError> {
        let standing = |log: LogState| {
            let copy = self.copies.get(&Hash::of(log.origin().as_bytes()));
            Ok(Standing {
                next: copy.map_or(Ok(0), LogCopy::next)?,
                signed: self.checkpoint(&log)?,
                log,
            })
        };
        self.follower.logs()?.into_iter().map(standing).collect()
    }

    /// The mirror checkpoint as it is shown: with the cosignatures of others that are kept for its
    /// size.
    ///
    /// # Errors
    /// If the store fails.
    pub fn shown(&self, copy: &LogCopy) -> Result<Option<KeptCheckpoint>, StoreError> {
        let Some(mut newest) = copy.newest()? else {
            return Ok(None);
        };
        let kept = copy.store().kept(newest.size)?;
        let kept = kept.filter(|kept| kept.note.text() == newest.note.text());
        // Lines under the log's name and ours were verified; no other lines are shown under them.
        let known = [copy.origin(), self.identity.name()];
        let lines = kept.iter().flat_map(|kept| kept.note.signatures());
        for line in lines.filter(|line| !known.contains(&line.name.as_str())) {
            if newest.note.signatures().len() < SIGNATURES_MAX {
                newest.note.push(line.clone());
            }
        }
        Ok(Some(newest))
    }

    /// Takes the body of an `add-checkpoint` request: makes its checkpoint the pending one. Nothing
    /// is signed.
    ///
    /// # Errors
    /// [`Refusal`], which names its status.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<(), Refusal> {
        self.advance(&AddCheckpoint::parse(body)?).map(drop)
    }

    /// Makes the checkpoint of a parsed `add-checkpoint` request the pending one, and returns it.
    /// Nothing is signed.
    ///
    /// # Errors
    /// [`Refusal`], which names its status.
    pub fn advance(&self, request: &AddCheckpoint) -> Result<Recorded, Refusal> {
        let pending = self.follower.advance(request, |_, _| Ok(Vec::new()))?;
        let id = Hash::of(pending.checkpoint().origin.as_bytes());
        if let Some(copy) = self.copies.get(&id) {
            copy.remember(pending.clone());
        }
        Ok(pending)
    }

    /// Answers a `sign-subtree` request with lines by the mirror's keys.
    ///
    /// # Errors
    /// [`Refusal`], which names its status.
    pub fn sign_subtree(&self, body: &[u8]) -> Result<Vec<SignatureLine>, Refusal> {
        let request = SignSubtree::parse(body)?;
        self.follower.sign_subtree(&request, &self.cosigners)
    }

    /// Begins the upload that `head` announces (C2SP tlog-mirror, "Processing").
    ///
    /// # Errors
    /// [`UploadRefusal`], which names its status.
    pub fn begin(&self, head: &UploadHead) -> Result<Upload, UploadRefusal> {
        let log = Hash::of(head.origin.as_bytes());
        let (copy, state) = self.known(log, &head.origin)?;
        check_signing(&state)?;
        let pending = state
            .latest()
            .ok_or_else(|| UploadRefusal::NoPending(state.origin().to_owned()))?;
        let signed = copy.checkpoint(state.keys(), &self.identity.all())?;
        let next = copy.next()?;
        let conflict = |target: &Recorded, reason: String| UploadRefusal::Conflict {
            reason,
            info: self.info(target, next),
        };

        let is_end = |known: &Recorded| known.checkpoint().size == head.end;
        let target = Some(pending)
            .filter(|pending| is_end(pending))
            .cloned()
            .or_else(|| copy.recalled(head.end))
            .or_else(|| signed.clone().filter(is_end))
            // A ticket from before a state that was put back leads beyond what is pending.
            .or_else(|| {
                let known = self.tickets.open(&head.ticket, state.keys());
                known.filter(|known| is_end(known) && head.end <= state.size())
            });
        let Some(target) = target else {
            let reason = format!("{} is the size of no pending checkpoint", head.end);
            return Err(conflict(pending, reason));
        };
        let signed = signed.map_or(0, |signed| signed.checkpoint().size);
        if head.end < signed {
            let reason = format!("the mirror checkpoint has size {signed} already");
            return Err(conflict(pending, reason));
        }
        if head.start > next {
            let reason = format!(
                "the upload begins at {}, the next entry is {next}",
                head.start
            );
            return Err(conflict(&target, reason));
        }
        let excess = head.end.min(next).saturating_sub(head.start);
        if excess > EXCESS_ENTRIES_MAX {
            let reason = format!(
                "{excess} of the entries are here already, {EXCESS_ENTRIES_MAX} are let pass"
            );
            return Err(conflict(&target, reason));
        }
        Ok(Upload { log, target })
    }

    /// Checks a package of an upload and appends what of it is missing. Durable once this returns.
    ///
    /// # Errors
    /// [`UploadRefusal`] if the package does not fit the stored entries or does not belong to the
    /// checkpoint, or the store fails.
    pub fn append(&self, upload: &Upload, package: Package) -> Result<(), UploadRefusal> {
        let copy = self.copy_of(upload)?;
        let range = package.range();
        let authentic = package
            .check(&copy.before(range)?, upload.target.checkpoint())
            .map_err(|cause| UploadRefusal::Forged {
                start: range.start(),
                end: range.end(),
                cause,
            })?;
        copy.append(authentic)?;
        Ok(())
    }

    /// Where the mirror stands with an upload: the body of a 202.
    ///
    /// # Errors
    /// [`UploadRefusal`] if the state cannot be used.
    pub fn standing(&self, upload: &Upload) -> Result<MirrorInfo, UploadRefusal> {
        let next = self.copy_of(upload)?.next()?;
        Ok(self.info(&upload.target, next))
    }

    /// Cosigns the checkpoint of an upload whose packages were all appended, and makes it the
    /// mirror checkpoint. Durable once this returns; only then may the lines leave.
    ///
    /// # Errors
    /// [`UploadRefusal`] if entries are missing, nothing is signed for this log, or the store
    /// fails.
    pub fn finish(&self, upload: &Upload) -> Result<Vec<SignatureLine>, UploadRefusal> {
        let (copy, state) = self.known(upload.log, &upload.target.checkpoint().origin)?;
        check_signing(&state)?;
        let own = self.identity.all();
        let target = upload.target.checkpoint();
        let size = |signed: &Option<Recorded>| signed.as_ref().map_or(0, |s| s.checkpoint().size);
        // Entries never change, so they are read back before any client has to wait.
        let read_back = size(&copy.checkpoint(state.keys(), &own)?).min(target.size);
        copy.check_stored(read_back, target.size, target.root)?;

        let _growing = copy.grow();
        let signed = copy.checkpoint(state.keys(), &own)?;
        if target.size < size(&signed) {
            let pending = state.latest().unwrap_or(&upload.target);
            return Err(UploadRefusal::Conflict {
                reason: format!("the mirror checkpoint has size {} by now", size(&signed)),
                info: self.info(pending, copy.next()?),
            });
        }
        let now = self.follower.now();
        let last = signed.as_ref().and_then(Recorded::time).unwrap_or(0);
        if now < last {
            return Err(Refusal::Clock { now, last }.into());
        }
        // The same tree in the same second has the same cosignatures, which are stored already.
        if let Some(signed) = signed.filter(|signed| signed.checkpoint() == target && last == now) {
            return Ok(signed.own_lines().to_vec());
        }
        let lines = self.cosigners.cosign(target, now);
        let lines = lines.ok_or(Refusal::Clock { now, last })?;
        let log_lines = upload.target.log_lines().to_vec();
        let signed = Recorded::check(target.clone(), log_lines, lines.clone(), state.keys(), &own)
            .map_err(Refusal::Signer)?;
        copy.publish(&signed)?;
        Ok(lines)
    }

    /// An upload of the pending checkpoint of a log by the mirror itself; `None` before the first.
    pub(super) fn begin_own(&self, log: Hash) -> Result<Option<Upload>, StateError> {
        let pending = self.follower.latest(log)?;
        Ok(pending.map(|target| Upload { log, target }))
    }

    fn known(&self, log: Hash, origin: &str) -> Result<(&LogCopy, LogState), UploadRefusal> {
        let copy = self.copies.get(&log);
        let state = copy.map(|_| self.follower.log(log)).transpose()?.flatten();
        let known = copy.zip(state);
        known.ok_or_else(|| UploadRefusal::UnknownOrigin(origin.chars().take(64).collect()))
    }

    fn copy_of(&self, upload: &Upload) -> Result<&LogCopy, UploadRefusal> {
        let origin = &upload.target.checkpoint().origin;
        let copy = self.copies.get(&upload.log);
        copy.ok_or_else(|| UploadRefusal::UnknownOrigin(origin.clone()))
    }

    fn info(&self, target: &Recorded, next: u64) -> MirrorInfo {
        MirrorInfo {
            size: target.checkpoint().size,
            next,
            ticket: self.tickets.seal(target),
        }
    }

    /// Checks that the copy of a log is there, holds the tree of its mirror checkpoint, and is not
    /// ahead of the pending checkpoint.
    fn check_copy(&self, state: &LogState) -> Result<(), StateError> {
        let id = Hash::of(state.origin().as_bytes());
        let damaged = |detail: String| StateError::Damaged {
            register: format!("log/{id}"),
            detail,
        };
        let copy = self.copies.get(&id);
        let copy = copy.ok_or_else(|| damaged("the copy of its log is not there".into()))?;
        let Some(signed) = copy.checkpoint(state.keys(), &self.identity.all())? else {
            return Ok(());
        };
        let signed = signed.checkpoint();
        if signed.size > state.size() {
            return Err(damaged(format!(
                "it is older than the copy: pending is size {}, cosigned is size {}",
                state.size(),
                signed.size
            )));
        }
        copy.check_stored(signed.size, signed.size, signed.root)?;
        Ok(())
    }
}

/// Checks that signing for a log is allowed: it is neither halted nor disabled.
fn check_signing(state: &LogState) -> Result<(), Refusal> {
    if let Some(halted) = state.halted() {
        return Err(Refusal::RolledBack {
            recorded: state.size(),
            signed: halted.checkpoint().size,
        });
    }
    if state.is_disabled() {
        return Err(Refusal::Disabled(state.origin().to_owned()));
    }
    Ok(())
}

impl Upload {
    /// The checkpoint that the upload leads to.
    pub fn target(&self) -> &Recorded {
        &self.target
    }
}
