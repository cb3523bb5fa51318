//! What a witness remembers of one log, and its durable text (`docs/formats/witness-state.md`).
//!
//! ```text
//! ishibumi-witness log v1
//! origin <origin>
//! key <vkey of the log>
//! first <size> <time> | first none
//! latest <octets>
//! halted <octets>
//!
//! <note latest><note halted>
//! ```
//!
//! One register holds one log's state, so that it changes as one. [`LogState::decode`] verifies both
//! signatures of both notes and that the value stands under the name of its own log: a damaged,
//! exchanged or edited value is refused, and a [`LogState`] is always one that was verified.

use ishibumi_store::StoreError;
use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};
use ishibumi_tlog::tree::{ProofError, check_consistency};
use ishibumi_tlog::{Checkpoint, Hash, hash::EMPTY_ROOT};

const HEADING: &str = "ishibumi-witness log v1";

/// Why the stored state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The store holds no witness.
    #[error("the store holds no witness: create one with `init`")]
    Absent,
    /// The store was made for another key.
    #[error("the state belongs to the witness {found}, but the key is that of {expected}")]
    Foreign {
        /// The key that was given.
        expected: String,
        /// The key that the state names.
        found: String,
    },
    /// A register does not hold what the witness wrote.
    #[error(
        "register {register} is damaged: {detail}; nothing is signed for this log; restore the newest \
         copy of the state, or retire this witness key"
    )]
    Damaged {
        /// The register's name.
        register: String,
        /// What was found.
        detail: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The checkpoint that was trusted without proof, because none came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstUse {
    /// Its size.
    pub size: u64,
    /// When it was cosigned, in seconds since the Epoch.
    pub time: u64,
}

/// A checkpoint with a signature of its log and a cosignature of ours, both verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    log_line: SignatureLine,
    cosignature: SignatureLine,
    time: u64,
}

impl Cosigned {
    /// Verifies that `log` and `own` both signed `checkpoint` with these lines.
    pub(crate) fn check(
        checkpoint: Checkpoint,
        log_line: SignatureLine,
        cosignature: SignatureLine,
        log: &VerifierKey,
        own: &VerifierKey,
    ) -> Result<Self, NoteError> {
        let lines = vec![log_line, cosignature];
        let count = lines.len();
        let note = Note::new(checkpoint.to_text(), lines);
        let verified = note.verify(&[log.clone(), own.clone()])?;
        let line = |key| {
            let found = verified.iter().find(|signature| signature.key == key)?;
            Some((note.signatures().get(found.line)?.clone(), found.time))
        };
        let (Some((log_line, _)), Some((cosignature, Some(time)))) = (line(0), line(1)) else {
            return Err(NoteError::NoKnownKey(count));
        };
        Ok(Self {
            checkpoint,
            log_line,
            cosignature,
            time,
        })
    }

    fn parse(bytes: &[u8], log: &VerifierKey, own: &VerifierKey) -> Result<Self, String> {
        let note = Note::parse(bytes).map_err(|error| error.to_string())?;
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|error: CheckpointError| error.to_string())?;
        if checkpoint.origin != log.name() {
            return Err(format!(
                "it holds a checkpoint of {}, not of {}",
                checkpoint.origin,
                log.name()
            ));
        }
        let [log_line, cosignature] = note.signatures() else {
            return Err(format!(
                "its note has {} signatures, not 2",
                note.signatures().len()
            ));
        };
        Self::check(checkpoint, log_line.clone(), cosignature.clone(), log, own)
            .map_err(|error| error.to_string())
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Our cosignature.
    pub fn cosignature(&self) -> &SignatureLine {
        &self.cosignature
    }

    /// The time that our cosignature states, in seconds since the Epoch.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The note: our encoding of the checkpoint, the log's signature, our cosignature.
    pub fn note(&self) -> Note {
        Note::new(
            self.checkpoint.to_text(),
            vec![self.log_line.clone(), self.cosignature.clone()],
        )
    }
}

/// What the witness remembers of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    key: VerifierKey,
    /// The checkpoint that was trusted on first use.
    first: Option<FirstUse>,
    /// The newest checkpoint that was cosigned.
    latest: Option<Cosigned>,
    /// A note with our own valid cosignature that this state cannot know of: proof that the state is
    /// older than our signatures. While it is there, nothing is signed.
    halted: Option<Cosigned>,
}

impl LogState {
    /// The state of a log of which nothing has been seen.
    pub(crate) fn new(key: VerifierKey) -> Self {
        Self {
            key,
            first: None,
            latest: None,
            halted: None,
        }
    }

    /// The log's key; its name is the origin.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The checkpoint that was trusted on first use; `None` before the first.
    pub fn first(&self) -> Option<FirstUse> {
        self.first
    }

    /// The newest checkpoint that was cosigned; `None` before the first.
    pub fn latest(&self) -> Option<&Cosigned> {
        self.latest.as_ref()
    }

    /// The note that proved that this state is older than our signatures, if there is one.
    pub fn halted(&self) -> Option<&Cosigned> {
        self.halted.as_ref()
    }

    /// The size of the newest tree that was cosigned, zero before the first.
    pub fn size(&self) -> u64 {
        self.latest
            .as_ref()
            .map_or(0, |latest| latest.checkpoint.size)
    }

    /// The time of the newest cosignature, zero before the first.
    pub fn time(&self) -> u64 {
        self.latest.as_ref().map_or(0, |latest| latest.time)
    }

    /// The state after `latest` was cosigned; the first one is recorded as trusted on first use.
    pub(crate) fn after_cosigning(&self, latest: Cosigned) -> Self {
        let first = self.first.unwrap_or(FirstUse {
            size: latest.checkpoint.size,
            time: latest.time,
        });
        Self {
            first: Some(first),
            latest: Some(latest),
            ..self.clone()
        }
    }

    /// The state that signs nothing any more, since `note` proved it to be an old one.
    pub(crate) fn after_halt(&self, note: Cosigned) -> Self {
        Self {
            halted: Some(note),
            ..self.clone()
        }
    }

    /// The state that goes on from the note that halted it; `None` if there is none.
    pub(crate) fn after_resuming(&self) -> Option<Self> {
        let latest = self.halted.clone()?;
        let resumed = Self {
            halted: None,
            ..self.clone()
        };
        Some(resumed.after_cosigning(latest))
    }

    /// Checks that `checkpoint` grew from the remembered tree.
    pub(crate) fn check_growth(
        &self,
        checkpoint: &Checkpoint,
        proof: &[Hash],
    ) -> Result<(), ProofError> {
        let root = self
            .latest
            .as_ref()
            .map_or(EMPTY_ROOT, |latest| latest.checkpoint.root);
        check_consistency(self.size(), root, checkpoint.size, checkpoint.root, proof)
    }

    /// That this state cannot know of a cosignature of ours over `checkpoint` at `time`.
    ///
    /// Sizes and times of a log's cosignatures only rise, and each is stored before it leaves. So none
    /// of them is above the stored size or the stored time, nor has another root at the stored size.
    pub(crate) fn is_older_than(&self, checkpoint: &Checkpoint, time: u64) -> bool {
        checkpoint.size > self.size() || time > self.time() || self.forks_from(checkpoint)
    }

    /// That the remembered tree has the same size and another root.
    pub(crate) fn forks_from(&self, checkpoint: &Checkpoint) -> bool {
        self.latest.as_ref().is_some_and(|latest| {
            latest.checkpoint.size == checkpoint.size && latest.checkpoint.root != checkpoint.root
        })
    }

    /// The value to be stored.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let first = self.first.map_or_else(
            || "none".to_owned(),
            |first| format!("{} {}", first.size, first.time),
        );
        let text = |cosigned: &Option<Cosigned>| {
            cosigned
                .as_ref()
                .map_or_else(String::new, |cosigned| cosigned.note().encode())
        };
        let (latest, halted) = (text(&self.latest), text(&self.halted));
        format!(
            "{HEADING}\norigin {}\nkey {}\nfirst {first}\nlatest {}\nhalted {}\n\n{latest}{halted}",
            self.key.name(),
            self.key,
            latest.len(),
            halted.len(),
        )
        .into_bytes()
    }

    /// Reads and verifies the value of the register `name`, whose log has the origin hash `id`.
    pub(crate) fn decode(
        bytes: &[u8],
        name: &str,
        id: Hash,
        own: &VerifierKey,
    ) -> Result<Self, StateError> {
        let damaged = |detail: String| StateError::Damaged {
            register: name.to_owned(),
            detail,
        };
        let value =
            Value::parse(bytes).ok_or_else(|| damaged("it is not in the format v1".into()))?;
        if Hash::of(value.key.name().as_bytes()) != id {
            return Err(damaged(format!("it holds the log {}", value.key.name())));
        }
        let read = |what: &str, bytes: &[u8]| {
            if bytes.is_empty() {
                return Ok(None);
            }
            Cosigned::parse(bytes, &value.key, own)
                .map(Some)
                .map_err(|detail| damaged(format!("the note `{what}`: {detail}")))
        };
        let state = Self {
            first: value.first,
            latest: read("latest", value.latest)?,
            halted: read("halted", value.halted)?,
            key: value.key.clone(),
        };
        let consistent = match (state.first, &state.latest) {
            (None, None) => true,
            (Some(first), Some(_)) => first.size <= state.size() && first.time <= state.time(),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !consistent {
            return Err(damaged("`first` cannot come before `latest`".into()));
        }
        // What is read is exactly what would be written: no other spelling, no octet beside it.
        if state.encode() != bytes {
            return Err(damaged(
                "it is not spelled as this witness spells it".into(),
            ));
        }
        Ok(state)
    }
}

/// The key of the log in a stored value, without verifying the notes in it.
///
/// For refusing submissions that the log did not sign before anything is locked; a log's key never
/// changes. Whoever signs goes through [`LogState::decode`].
pub(crate) fn stored_key(bytes: &[u8]) -> Option<VerifierKey> {
    Value::parse(bytes).map(|value| value.key)
}

/// A stored value, cut into its parts.
struct Value<'a> {
    key: VerifierKey,
    first: Option<FirstUse>,
    latest: &'a [u8],
    halted: &'a [u8],
}

impl<'a> Value<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, notes) = bytes.split_at(end + 2);
        let mut lines = std::str::from_utf8(head).ok()?.lines();
        (lines.next()? == HEADING).then_some(())?;
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let origin = field("origin")?;
        let key: VerifierKey = field("key")?.parse().ok()?;
        (key.name() == origin).then_some(())?;
        let first = match field("first")? {
            "none" => None,
            text => {
                let (size, time) = text.split_once(' ')?;
                Some(FirstUse {
                    size: size.parse().ok()?,
                    time: time.parse().ok()?,
                })
            }
        };
        let latest_len: usize = field("latest")?.parse().ok()?;
        let halted_len: usize = field("halted")?.parse().ok()?;
        let (latest, halted) = notes.split_at_checked(latest_len)?;
        (halted.len() == halted_len).then_some(Self {
            key,
            first,
            latest,
            halted,
        })
    }
}
