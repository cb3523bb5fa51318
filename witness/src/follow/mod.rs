//! Following a log: what a witness and a mirror do alike, before either signs anything.
//!
//! A [`Follower`] checks the log's signature, reads and verifies what is stored, checks that the
//! log has grown from it, and writes by compare-and-swap. A witness signs between the last two; a
//! mirror records the checkpoint as pending and signs later (C2SP tlog-mirror: `add-checkpoint` is
//! handled as a witness does). A checkpoint that does not fit is kept as evidence, or stops the
//! log.
//!
//! There is no state in memory. Each request takes its log's lock, reads and verifies what is
//! stored, decides, and writes by compare-and-swap; signatures leave only after that write. So
//! there is nothing stale to go on with after a failed write (rule R4): the next request reads what
//! is there.
//!
//! Stricter than C2SP: checkpoints with extension lines are refused (an Ed25519 cosignature would
//! cover lines that we do not understand), and a witness that meets a signature of its own that its
//! memory does not cover stops signing for that log (the memory was restored from an older copy, or
//! the key runs twice).

mod cosigner_keys;
mod evidence;
mod list;
mod locks;
mod recorded;
mod state;
mod subtree;

pub use cosigner_keys::CosignerKeys;
pub use evidence::SUSPICIONS_MAX;
pub use list::Added;
pub use locks::{Held, Locks};
pub use recorded::Recorded;
pub use state::{FirstUse, LOG_KEYS_MAX, LogState, StateError};

use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};
use ishibumi_tlog::protocol::AddCheckpoint;
use ishibumi_tlog::{Checkpoint, Hash};

use self::locks::StdLocks;
use crate::alarm::{Alarm, Alarms};
use crate::refusal::Refusal;

const LOG_PREFIX: &str = "log/";

/// The most lines in our own names that are checked in a submitted note: honest notes have one per
/// key.
const OWN_LINES_MAX: usize = 8;

/// Follows logs over a store and a clock. Methods may be called from any thread and block on the
/// store.
pub struct Follower<R, C> {
    registers: R,
    clock: C,
    cosigner_keys: CosignerKeys,
    alarms: Alarms,
    locks: Box<dyn Locks>,
}

/// A log's verified state, and the stored value that it was read from.
struct Loaded {
    id: Hash,
    state: LogState,
    value: Vec<u8>,
}

/// A checkpoint that the log signed, with its signatures; every other line was left behind.
struct Submitted {
    checkpoint: Checkpoint,
    log_lines: Vec<SignatureLine>,
}

impl Submitted {
    fn note(&self) -> Note {
        Note::new(self.checkpoint.to_text(), self.log_lines.clone())
    }
}

impl<R: Registers, C: Clock> Follower<R, C> {
    /// Follows the logs in `registers`, after verifying the state of each.
    ///
    /// # Errors
    /// [`StateError`] if the store fails, or was made for other keys, or a state does not verify.
    pub fn open(
        registers: R,
        clock: C,
        own: CosignerKeys,
        alarms: Alarms,
    ) -> Result<Self, StateError> {
        let follower = Self {
            registers,
            clock,
            cosigner_keys: own,
            alarms,
            locks: Box::new(StdLocks::new()),
        };
        follower.logs()?;
        Ok(follower)
    }

    /// Uses other locks, for model checkers.
    #[must_use]
    pub fn with_locks(self, locks: Box<dyn Locks>) -> Self {
        Self { locks, ..self }
    }

    /// The store.
    pub fn registers(&self) -> &R {
        &self.registers
    }

    /// The clock, in seconds since the Epoch.
    pub fn now(&self) -> u64 {
        self.clock.unix_time()
    }

    /// Records the checkpoint of an `add-checkpoint` request as its log's newest, with the
    /// signatures that `sign` makes for it: none for a mirror.
    ///
    /// `sign` is called once everything else was checked, with the state that the checkpoint
    /// follows, and its signatures are verified. They may leave once this has returned: the record
    /// is durable then.
    ///
    /// The statuses come in the order of C2SP: 404, 403, 400, 409, 422. A log's signature is
    /// checked before anything is locked; what a submitter may cost is bounded by the limits of the
    /// parser and one check per signature of a known key.
    ///
    /// # Errors
    /// [`Refusal`], which names its status. No signature leaves then.
    pub fn advance(
        &self,
        request: &AddCheckpoint,
        sign: impl FnOnce(&LogState, &Checkpoint) -> Result<Vec<SignatureLine>, Refusal>,
    ) -> Result<Recorded, Refusal> {
        let submitted = self.check_log_signature(request)?;
        let id = Hash::of(submitted.checkpoint.origin.as_bytes());

        let _held = self.locks.lock(id);
        let loaded = self.load_known(id, &submitted.checkpoint.origin)?;
        let state = &loaded.state;
        if state.forks_from(&submitted.checkpoint) {
            self.keep_fork(&loaded, &submitted)?;
        }
        self.check_own_memory(&loaded, &request.note, &submitted)?;
        check_sizes(state, request)?;
        if let Err(error) = state.check_growth(&submitted.checkpoint, &request.proof) {
            self.keep_suspicion(&loaded, &submitted)?;
            return Err(error.into());
        }

        let own_lines = sign(state, &submitted.checkpoint)?;
        let Submitted {
            checkpoint,
            log_lines,
        } = submitted;
        let count = own_lines.len();
        let latest = Recorded::check(
            checkpoint,
            log_lines,
            own_lines,
            state.keys(),
            self.cosigner_keys.keys(),
        )
        .map_err(Refusal::Signer)?;
        if !self.cosigner_keys.suffices(&latest) {
            return Err(Refusal::Signer(NoteError::NoKnownKey(count)));
        }
        self.store(&loaded, &state.after(latest.clone(), self.now()))?;
        Ok(latest)
    }

    /// The submitted checkpoint with the log's signatures, verified.
    fn check_log_signature(&self, request: &AddCheckpoint) -> Result<Submitted, Refusal> {
        let origin = &request.checkpoint.origin;
        let register = log_register(Hash::of(origin.as_bytes()));
        let value = self.registers.read(register.as_bytes())?;
        let value = value.ok_or_else(|| unknown(origin))?;
        let keys = state::stored_keys(&value).ok_or_else(|| StateError::Damaged {
            register,
            detail: "it is not in the format v1 or v2".to_owned(),
        })?;
        let verified = request.note.verify(&keys).map_err(Refusal::Signature)?;
        Ok(Submitted {
            checkpoint: request.checkpoint.clone(),
            log_lines: request.note.retain(&verified).signatures().to_vec(),
        })
    }

    /// Refuses if the state is known to be older than our own signatures, or turns out to be by
    /// this note; and if the operator disabled the log.
    fn check_own_memory(
        &self,
        loaded: &Loaded,
        note: &Note,
        submitted: &Submitted,
    ) -> Result<(), Refusal> {
        let state = &loaded.state;
        // A line in our name that does not verify is another party's invention and says nothing.
        let verified = |line: &SignatureLine| {
            let (checkpoint, own) = (submitted.checkpoint.clone(), vec![line.clone()]);
            Recorded::check(checkpoint, Vec::new(), own, &[], self.cosigner_keys.keys()).ok()
        };
        let lines = note.signatures().iter();
        let lines = lines.filter(|line| self.cosigner_keys.is_claimed(line));
        let unknown = lines
            .take(OWN_LINES_MAX)
            .filter_map(verified)
            .filter(|own| state.is_older_than(own.checkpoint(), own.time()))
            .max_by_key(Recorded::time);
        let Some(unknown) = unknown else {
            if let Some(halted) = state.halted() {
                return Err(rolled_back(state, halted));
            }
            if state.is_disabled() {
                return Err(Refusal::Disabled(state.origin().to_owned()));
            }
            return Ok(());
        };
        let newest = Recorded::check(
            submitted.checkpoint.clone(),
            submitted.log_lines.clone(),
            unknown.own_lines().to_vec(),
            state.keys(),
            self.cosigner_keys.keys(),
        )
        .map_err(Refusal::Signature)?;
        let refusal = rolled_back(state, &newest);
        // The largest such note is kept; of one size, one from which the log can be resumed.
        let rank = |note: &Recorded| (note.checkpoint().size, self.cosigner_keys.suffices(note));
        if state
            .halted()
            .is_none_or(|known| rank(known) < rank(&newest))
        {
            (self.alarms)(&Alarm::RolledBack {
                origin: submitted.checkpoint.origin.clone(),
                recorded: state.size(),
                signed: newest.checkpoint().size,
            });
            self.store(loaded, &state.after_halt(newest))?;
        }
        Err(refusal)
    }

    /// Keeps two checkpoints of one size with two roots.
    fn keep_fork(&self, loaded: &Loaded, submitted: &Submitted) -> Result<(), Refusal> {
        let Some((held, evidence)) = self.evidence(loaded, submitted) else {
            return Ok(());
        };
        let kept = evidence::keep_fork(&self.registers, loaded.id, &evidence)?;
        (self.alarms)(&Alarm::Fork {
            origin: submitted.checkpoint.origin.clone(),
            size: submitted.checkpoint.size,
            held,
            submitted: submitted.checkpoint.root,
            kept,
        });
        Ok(())
    }

    /// Keeps a checkpoint whose consistency proof failed, beside the one that it does not follow.
    fn keep_suspicion(&self, loaded: &Loaded, submitted: &Submitted) -> Result<(), Refusal> {
        // No proof is needed from the empty tree, and two of one size are agreement or a fork.
        let size = loaded.state.size();
        if size == 0 || size == submitted.checkpoint.size {
            return Ok(());
        }
        let Some((_, evidence)) = self.evidence(loaded, submitted) else {
            return Ok(());
        };
        let kept = evidence::keep_suspicion(&self.registers, loaded.id, &evidence)?;
        (self.alarms)(&Alarm::Suspicion {
            origin: submitted.checkpoint.origin.clone(),
            recorded: size,
            submitted: submitted.checkpoint.size,
            root: submitted.checkpoint.root,
            kept,
        });
        Ok(())
    }

    /// The recorded root, and both notes as a file.
    fn evidence(&self, loaded: &Loaded, submitted: &Submitted) -> Option<(Hash, Evidence)> {
        let latest = loaded.state.latest()?;
        let keys = loaded.state.keys().to_vec();
        let evidence = Evidence::new(keys, self.now(), latest.note(), submitted.note()).ok()?;
        Some((latest.checkpoint().root, evidence))
    }

    fn load_known(&self, id: Hash, origin: &str) -> Result<Loaded, Refusal> {
        self.load(id)?.ok_or_else(|| unknown(origin))
    }

    fn load(&self, id: Hash) -> Result<Option<Loaded>, StateError> {
        let register = log_register(id);
        let Some(value) = self.registers.read(register.as_bytes())? else {
            return Ok(None);
        };
        let state = LogState::decode(&value, &register, id, &self.cosigner_keys)?;
        Ok(Some(Loaded { id, state, value }))
    }

    /// Writes the state that follows, unless it is stored already.
    fn store(&self, loaded: &Loaded, next: &LogState) -> Result<(), StateError> {
        let (register, next) = (log_register(loaded.id), next.encode());
        if next != loaded.value {
            self.registers
                .swap(register.as_bytes(), Some(&loaded.value), &next)?;
        }
        Ok(())
    }
}

/// The checks of sizes, in C2SP's order: 400, 409.
fn check_sizes(state: &LogState, request: &AddCheckpoint) -> Result<(), Refusal> {
    let checkpoint = &request.checkpoint;
    if request.old > checkpoint.size {
        return Err(Refusal::OldAboveSize {
            old: request.old,
            size: checkpoint.size,
        });
    }
    if !checkpoint.extensions.is_empty() {
        return Err(Refusal::Extensions(checkpoint.extensions.len()));
    }
    if request.old != state.size() {
        return Err(Refusal::Conflict {
            old: request.old,
            known: state.size(),
        });
    }
    Ok(())
}

/// Origins of strangers may be long; the answer is not.
fn unknown(origin: &str) -> Refusal {
    Refusal::UnknownOrigin(origin.chars().take(64).collect())
}

fn rolled_back(state: &LogState, own: &Recorded) -> Refusal {
    Refusal::RolledBack {
        recorded: state.size(),
        signed: own.checkpoint().size,
    }
}

fn log_register(id: Hash) -> String {
    format!("{LOG_PREFIX}{id}")
}
