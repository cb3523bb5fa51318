//! The witness itself: C2SP tlog-witness without HTTP.
//!
//! There is no state in memory. Each request takes its log's lock, reads and verifies what is stored,
//! decides, and writes by compare-and-swap; the signature leaves only after that write. So there is
//! nothing stale to go on with after a failed write (rule R4): the next request reads what is there.
//!
//! Stricter than C2SP: checkpoints with extension lines are refused (an Ed25519 cosignature would
//! cover lines that the witness does not understand), cosignature times of a log never go back, and a
//! witness that meets a cosignature of its own that its memory does not cover stops signing for that
//! log (the memory was restored from an older copy, or the key runs twice).

use std::sync::{Mutex, MutexGuard, PoisonError};

use ishibumi_store::{Clock, Registers, StoreError};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::{SignatureType, VerifierKey};
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};
use ishibumi_tlog::protocol::AddCheckpoint;
use ishibumi_tlog::{Checkpoint, Hash};

use crate::alarm::{Alarm, Alarms};
use crate::evidence::ForkEvidence;
use crate::refusal::{AddLogError, Refusal, ResumeError};
use crate::state::{Cosigned, LogState, StateError, stored_key};

/// Register that binds the store to the witness's key.
const WITNESS_REGISTER: &[u8] = b"witness";
const WITNESS_HEADING: &str = "ishibumi-witness v1\nkey ";
const LOG_PREFIX: &str = "log/";
const FORK_PREFIX: &str = "fork/";

/// Logs share this many locks, by the first octet of their origin's hash.
const LOCKS: usize = 64;

/// The most lines in our own name that are checked in a submitted note: honest notes have one.
const OWN_LINES_MAX: usize = 4;

/// What [`Witness::add_log`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// The log is new.
    New,
    /// The log was there with this key; nothing changed.
    Already,
}

/// A witness over a store, a clock and a key. Methods may be called from any thread and block on the
/// store.
pub struct Witness<R, C> {
    registers: R,
    clock: C,
    cosigner: Cosigner,
    alarms: Alarms,
    locks: [Mutex<()>; LOCKS],
}

impl<R: Registers, C: Clock> Witness<R, C> {
    /// Binds an empty store to a witness key. Once per store.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store has a witness already.
    pub fn init(registers: &R, key: &VerifierKey) -> Result<(), StoreError> {
        registers.swap(WITNESS_REGISTER, None, witness_value(key).as_bytes())
    }

    /// Opens a store that [`Witness::init`] made for this key, and verifies everything in it.
    pub fn open(
        registers: R,
        clock: C,
        cosigner: Cosigner,
        alarms: Alarms,
    ) -> Result<Self, StateError> {
        let witness = Self {
            registers,
            clock,
            cosigner,
            alarms,
            locks: std::array::from_fn(|_| Mutex::new(())),
        };
        witness.check_binding()?;
        witness.logs()?;
        Ok(witness)
    }

    /// The witness's public key.
    pub fn verifier(&self) -> &VerifierKey {
        self.cosigner.verifier()
    }

    /// Checks that the store answers and belongs to this key.
    pub fn check_binding(&self) -> Result<(), StateError> {
        let found = self
            .registers
            .read(WITNESS_REGISTER)?
            .ok_or(StateError::Absent)?;
        let expected = witness_value(self.verifier());
        if found == expected.as_bytes() {
            return Ok(());
        }
        let found = String::from_utf8_lossy(&found);
        Err(StateError::Foreign {
            expected: self.verifier().to_string(),
            found: found
                .strip_prefix(WITNESS_HEADING)
                .unwrap_or(&found)
                .trim()
                .to_owned(),
        })
    }

    /// Watches another log, whose first checkpoint will be trusted. Adding it again changes nothing.
    pub fn add_log(&self, key: &VerifierKey) -> Result<Added, AddLogError> {
        let origin = key.name();
        if key.kind() != SignatureType::Ed25519 {
            return Err(AddLogError::KeyType(origin.to_owned()));
        }
        let own = self.verifier();
        if origin == own.name() || key.public_key() == own.public_key() {
            return Err(AddLogError::OwnIdentity(origin.to_owned()));
        }
        let id = Hash::of(origin.as_bytes());
        let _lock = self.lock(id);
        match self.load(id)? {
            None => {
                let value = LogState::new(key.clone()).encode();
                self.registers
                    .swap(log_register(id).as_bytes(), None, &value)
                    .map_err(StateError::from)?;
                Ok(Added::New)
            }
            Some((state, _)) if state.key() == key => Ok(Added::Already),
            Some((state, _)) => Err(AddLogError::OtherKey {
                origin: origin.to_owned(),
                known: state.key().to_string(),
                given: key.to_string(),
            }),
        }
    }

    /// The state of every log, in order of the hashes of their origins.
    pub fn logs(&self) -> Result<Vec<LogState>, StateError> {
        let mut logs = Vec::new();
        for name in self.registers.names()? {
            let Some(id) = name.strip_prefix(LOG_PREFIX.as_bytes()) else {
                continue;
            };
            let id = std::str::from_utf8(id).ok().and_then(Hash::from_hex);
            let state = id.map(|id| self.load(id)).transpose()?.flatten();
            let (state, _) = state.ok_or_else(|| StateError::Damaged {
                register: String::from_utf8_lossy(&name).into_owned(),
                detail: "its name is not the hash of an origin".to_owned(),
            })?;
            logs.push(state);
        }
        Ok(logs)
    }

    /// The newest cosigned checkpoint of the log whose origin has this SHA-256; `None` if there is no
    /// such log or nothing was cosigned.
    pub fn checkpoint(&self, origin: Hash) -> Result<Option<Note>, StateError> {
        Ok(self
            .load(origin)?
            .and_then(|(state, _)| state.latest().map(Cosigned::note)))
    }

    /// The proof that the log forked, if one was seen.
    pub fn fork(&self, origin: &str) -> Result<Option<ForkEvidence>, StateError> {
        let register = fork_register(Hash::of(origin.as_bytes()));
        let Some(value) = self.registers.read(register.as_bytes())? else {
            return Ok(None);
        };
        let evidence = ForkEvidence::decode(&value).ok_or_else(|| StateError::Damaged {
            register,
            detail: "it is not in the format v1".to_owned(),
        })?;
        Ok(Some(evidence))
    }

    /// Lets a halted log go on from the note that halted it. That note bears the log's signature and
    /// ours, so the witness did stand for it; whether it signed something even newer is the operator's
    /// to know.
    pub fn resume(&self, origin: &str) -> Result<u64, ResumeError> {
        let id = Hash::of(origin.as_bytes());
        let _lock = self.lock(id);
        let Some((state, value)) = self.load(id)? else {
            return Err(ResumeError::UnknownOrigin(origin.to_owned()));
        };
        let (Some(halted), Some(resumed)) = (state.halted(), state.after_resuming()) else {
            return Err(ResumeError::NotHalted(origin.to_owned()));
        };
        let signed = halted.checkpoint().size;
        if signed < state.size() || state.forks_from(halted.checkpoint()) {
            return Err(ResumeError::TwoHistories {
                recorded: state.size(),
                signed,
            });
        }
        self.store(id, &value, &resumed)?;
        Ok(signed)
    }

    /// Answers an `add-checkpoint` request with our signature lines over the checkpoint in it.
    ///
    /// The statuses come in the order of C2SP: 400 for what does not parse, 404, 403, 400, 409, 422.
    /// A log's signature is checked before anything is locked; what the submitter may cost is bounded
    /// by the limits of the parser and two signature checks.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<SignatureLine>, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let submitted = self.check_log_signature(&request)?;
        let id = Hash::of(submitted.checkpoint.origin.as_bytes());

        let _lock = self.lock(id);
        let Some((state, value)) = self.load(id)? else {
            return Err(unknown(&submitted.checkpoint.origin));
        };
        if state.forks_from(&submitted.checkpoint) {
            self.keep_fork(id, &state, &submitted)?;
        }
        self.check_own_memory(id, &state, &value, &submitted, &request.note)?;
        check_request(&state, &request)?;

        let now = self.clock.unix_time();
        let clock = Refusal::Clock {
            now,
            last: state.time(),
        };
        if now < state.time() {
            return Err(clock);
        }
        // The same tree in the same second has the same cosignature, which is stored already.
        if let Some(latest) = state.latest().filter(|latest| latest.time() == now)
            && *latest.checkpoint() == submitted.checkpoint
        {
            return Ok(vec![latest.cosignature().clone()]);
        }
        let line = self
            .cosigner
            .cosign(&submitted.checkpoint, now)
            .ok_or(clock)?;
        let latest = self
            .cosigned(&state, submitted, line.clone())
            .map_err(Refusal::Signer)?;
        self.store(id, &value, &state.after_cosigning(latest))?;
        Ok(vec![line])
    }

    /// The submitted checkpoint with the log's signature, verified; every other line is left behind.
    fn check_log_signature(&self, request: &AddCheckpoint) -> Result<Submitted, Refusal> {
        let origin = &request.checkpoint.origin;
        let register = log_register(Hash::of(origin.as_bytes()));
        let value = self.registers.read(register.as_bytes())?;
        let value = value.ok_or_else(|| unknown(origin))?;
        let key = stored_key(&value).ok_or_else(|| StateError::Damaged {
            register,
            detail: "it is not in the format v1".to_owned(),
        })?;
        let verified = request
            .note
            .verify(std::slice::from_ref(&key))
            .map_err(Refusal::Signature)?;
        let log_line = verified
            .first()
            .and_then(|signature| request.note.signatures().get(signature.line))
            .ok_or(Refusal::Signature(NoteError::NoKnownKey(0)))?;
        Ok(Submitted {
            checkpoint: request.checkpoint.clone(),
            log_line: log_line.clone(),
        })
    }

    /// Refuses if the state is known to be older than our own signatures, or turns out to be by this note.
    fn check_own_memory(
        &self,
        id: Hash,
        state: &LogState,
        value: &[u8],
        submitted: &Submitted,
        note: &Note,
    ) -> Result<(), Refusal> {
        let own = self.verifier();
        let lines = note.signatures().iter();
        let lines = lines.filter(|line| line.name == own.name() && line.id == own.id());
        // A line in our name that does not verify is somebody else's invention and says nothing.
        let newest = lines
            .take(OWN_LINES_MAX)
            .filter_map(|line| self.cosigned(state, submitted.clone(), line.clone()).ok())
            .max_by_key(Cosigned::time)
            .filter(|own| state.is_older_than(own.checkpoint(), own.time()));
        let known = state.halted();
        let Some(newest) = newest else {
            return known.map_or(Ok(()), |halted| Err(rolled_back(state, halted)));
        };
        let refusal = rolled_back(state, &newest);
        if known.is_none_or(|known| known.checkpoint().size < newest.checkpoint().size) {
            (self.alarms)(&Alarm::RolledBack {
                origin: submitted.checkpoint.origin.clone(),
                recorded: state.size(),
                signed: newest.checkpoint().size,
            });
            self.store(id, value, &state.after_halt(newest))?;
        }
        Err(refusal)
    }

    fn keep_fork(&self, id: Hash, state: &LogState, submitted: &Submitted) -> Result<(), Refusal> {
        let Some(latest) = state.latest() else {
            return Ok(());
        };
        let evidence = ForkEvidence {
            seen: self.clock.unix_time(),
            held: latest.note(),
            submitted: Note::new(
                submitted.checkpoint.to_text(),
                vec![submitted.log_line.clone()],
            ),
        };
        let register = fork_register(id);
        let kept = self.registers.read(register.as_bytes())?.is_none();
        (self.alarms)(&Alarm::Fork {
            origin: submitted.checkpoint.origin.clone(),
            size: submitted.checkpoint.size,
            held: latest.checkpoint().root,
            submitted: submitted.checkpoint.root,
            kept,
        });
        if kept {
            self.registers
                .swap(register.as_bytes(), None, &evidence.encode())?;
        }
        Ok(())
    }

    fn cosigned(
        &self,
        state: &LogState,
        submitted: Submitted,
        line: SignatureLine,
    ) -> Result<Cosigned, NoteError> {
        let Submitted {
            checkpoint,
            log_line,
        } = submitted;
        Cosigned::check(checkpoint, log_line, line, state.key(), self.verifier())
    }

    /// The verified state of a log and the stored value that it was read from.
    fn load(&self, id: Hash) -> Result<Option<(LogState, Vec<u8>)>, StateError> {
        let register = log_register(id);
        let Some(value) = self.registers.read(register.as_bytes())? else {
            return Ok(None);
        };
        let state = LogState::decode(&value, &register, id, self.verifier())?;
        Ok(Some((state, value)))
    }

    fn store(&self, id: Hash, expected: &[u8], next: &LogState) -> Result<(), StateError> {
        let register = log_register(id);
        Ok(self
            .registers
            .swap(register.as_bytes(), Some(expected), &next.encode())?)
    }

    /// One request per log at a time. The lock guards nothing in memory, so a panic of its holder
    /// leaves nothing half done.
    fn lock(&self, id: Hash) -> MutexGuard<'_, ()> {
        let [first, ..] = id.0;
        self.locks[usize::from(first) % LOCKS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A checkpoint that the log signed.
#[derive(Clone)]
struct Submitted {
    checkpoint: Checkpoint,
    log_line: SignatureLine,
}

/// The checks of sizes and growth, in C2SP's order: 400, 409, 422.
fn check_request(state: &LogState, request: &AddCheckpoint) -> Result<(), Refusal> {
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
    Ok(state.check_growth(checkpoint, &request.proof)?)
}

/// Origins of strangers may be long; the answer is not.
fn unknown(origin: &str) -> Refusal {
    Refusal::UnknownOrigin(origin.chars().take(64).collect())
}

fn rolled_back(state: &LogState, own: &Cosigned) -> Refusal {
    Refusal::RolledBack {
        recorded: state.size(),
        signed: own.checkpoint().size,
        time: own.time(),
    }
}

fn witness_value(key: &VerifierKey) -> String {
    format!("{WITNESS_HEADING}{key}\n")
}

fn log_register(id: Hash) -> String {
    format!("{LOG_PREFIX}{id}")
}

fn fork_register(id: Hash) -> String {
    format!("{FORK_PREFIX}{id}")
}
