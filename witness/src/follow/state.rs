//! The remembered state of one log, and its durable text (`docs/formats/witness-state.md`).
//!
//! ```text
//! ishibumi-witness log v2
//! origin <origin>
//! key <vkey of the log>       1 to 8 of them
//! status enabled | disabled
//! first <size> <time> | first none
//! latest <octets>
//! halted <octets>
//!
//! <note latest><note halted>
//! ```
//!
//! One register holds one log's state, so that it changes as one. [`LogState::decode`] verifies
//! every signature of both notes and that the value stands under the name of its own log: a
//! damaged, exchanged or edited value is refused, and a [`LogState`] is always one that was
//! verified. Version 1, which had one key and no status, is read as it was written; the next write
//! makes it version 2.

use std::fmt::Write as _;

use ishibumi_store::StoreError;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::tree::{ProofError, check_consistency};
use ishibumi_tlog::{Checkpoint, Hash, hash::EMPTY_ROOT};

use super::cosigner_keys::CosignerKeys;
use super::recorded::Recorded;

/// The most keys that one log may have.
pub const LOG_KEYS_MAX: usize = 8;

const HEADING_V1: &str = "ishibumi-witness log v1";
const HEADING: &str = "ishibumi-witness log v2";

/// Why the stored state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The store holds no witness.
    #[error(
        "the store holds no witness: correct the path. A witness whose state was lost is never made anew with its \
         old key: docs/witness.md, If the state is lost"
    )]
    Absent,
    /// The store was made for other keys.
    #[error("the state belongs to the witness {found}, but the key is that of {expected}")]
    Foreign {
        /// The key that was given.
        expected: String,
        /// The keys that the state names.
        found: String,
    },
    /// A key that the state counts on is not there.
    #[error(
        "the state counts on the key {0}, which the key file does not hold: put the key file back, or \
         retire that key"
    )]
    KeyMissing(String),
    /// A register does not hold what was written.
    #[error(
        "register {register} is damaged: {detail}; nothing is signed for this log. Keep the directory, and put \
         no older copy in its place: docs/witness.md, If the state is lost"
    )]
    Damaged {
        /// The register's name.
        register: String,
        /// A description of the fault.
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
    /// When it was recorded, in seconds since the Epoch.
    pub time: u64,
}

/// The remembered state of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// At least one; all have the origin as their name.
    keys: Vec<VerifierKey>,
    disabled: bool,
    /// The checkpoint that was trusted on first use.
    first: Option<FirstUse>,
    /// The newest checkpoint.
    latest: Option<Recorded>,
    /// A note with our own valid cosignature that this state cannot know of: proof that the state
    /// is older than our signatures. While it is there, nothing is signed.
    halted: Option<Recorded>,
}

impl LogState {
    /// The state of a log of which nothing has been seen.
    pub(super) fn new(key: VerifierKey) -> Self {
        Self {
            keys: vec![key],
            disabled: false,
            first: None,
            latest: None,
            halted: None,
        }
    }

    /// The log.
    pub fn origin(&self) -> &str {
        self.keys.first().map_or("", VerifierKey::name)
    }

    /// The log's keys; the name of each is the origin. Any of them suffices.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Whether the operator disabled the log: nothing is signed then, everything is remembered.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// The checkpoint that was trusted on first use; `None` before the first.
    pub fn first(&self) -> Option<FirstUse> {
        self.first
    }

    /// The newest checkpoint; `None` before the first.
    pub fn latest(&self) -> Option<&Recorded> {
        self.latest.as_ref()
    }

    /// The note that proved that this state is older than our signatures, if there is one.
    pub fn halted(&self) -> Option<&Recorded> {
        self.halted.as_ref()
    }

    /// The size of the newest tree, zero before the first.
    pub fn size(&self) -> u64 {
        let latest = self.latest.as_ref();
        latest.map_or(0, |latest| latest.checkpoint().size)
    }

    /// The time of the newest cosignature, zero before the first.
    pub fn time(&self) -> u64 {
        self.latest.as_ref().and_then(Recorded::time).unwrap_or(0)
    }

    /// The state with another key of the same log.
    pub(super) fn with_key(&self, key: VerifierKey) -> Self {
        let mut next = self.clone();
        next.keys.push(key);
        next
    }

    /// The state, disabled or not.
    pub(super) fn with_disabled(&self, disabled: bool) -> Self {
        Self {
            disabled,
            ..self.clone()
        }
    }

    /// The state after `latest` was recorded at `now`; the first one is noted as trusted on first
    /// use.
    pub(super) fn after(&self, latest: Recorded, now: u64) -> Self {
        let first = self.first.unwrap_or(FirstUse {
            size: latest.checkpoint().size,
            time: latest.time().unwrap_or(now),
        });
        Self {
            first: Some(first),
            latest: Some(latest),
            ..self.clone()
        }
    }

    /// The state that signs nothing any more, since `note` proved it to be an old one.
    pub(super) fn after_halt(&self, note: Recorded) -> Self {
        Self {
            halted: Some(note),
            ..self.clone()
        }
    }

    /// The state that goes on from the note that halted it; `None` if there is none.
    pub(super) fn after_resuming(&self, now: u64) -> Option<Self> {
        let latest = self.halted.clone()?;
        let resumed = Self {
            halted: None,
            ..self.clone()
        };
        Some(resumed.after(latest, now))
    }

    /// Checks that `checkpoint` grew from the remembered tree.
    pub(super) fn check_growth(
        &self,
        checkpoint: &Checkpoint,
        proof: &[Hash],
    ) -> Result<(), ProofError> {
        let latest = self.latest.as_ref();
        let root = latest.map_or(EMPTY_ROOT, |latest| latest.checkpoint().root);
        check_consistency(self.size(), root, checkpoint.size, checkpoint.root, proof)
    }

    /// Whether this state cannot know of a signature of ours over `checkpoint` at `time`.
    ///
    /// Sizes and times of our signatures over a log's checkpoints only rise, and each is stored
    /// before it leaves. So none of them is above the stored size, nor above the stored time if
    /// times are stored, nor has another root at the stored size.
    pub(super) fn is_older_than(&self, checkpoint: &Checkpoint, time: Option<u64>) -> bool {
        let Some(latest) = &self.latest else {
            return true;
        };
        let later = |stored| time.is_some_and(|time| time > stored);
        checkpoint.size > latest.checkpoint().size
            || latest.time().is_some_and(later)
            || self.forks_from(checkpoint)
    }

    /// Whether the remembered tree has the size of `checkpoint` and another root.
    pub(super) fn forks_from(&self, checkpoint: &Checkpoint) -> bool {
        self.latest.as_ref().is_some_and(|latest| {
            let latest = latest.checkpoint();
            latest.size == checkpoint.size && latest.root != checkpoint.root
        })
    }

    /// The value to be stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let status = if self.disabled { "disabled" } else { "enabled" };
        self.encode_as(HEADING, &format!("status {status}\n"))
    }

    fn encode_as(&self, heading: &str, status: &str) -> Vec<u8> {
        let mut head = format!("{heading}\norigin {}\n", self.origin());
        // Writing to a String does not fail.
        for key in &self.keys {
            let _ = writeln!(head, "key {key}");
        }
        head.push_str(status);
        let first = self.first.map_or_else(
            || "none".to_owned(),
            |first| format!("{} {}", first.size, first.time),
        );
        let text = |note: &Option<Recorded>| {
            let text = note.as_ref().map(|note| note.note().encode());
            text.unwrap_or_default()
        };
        let (latest, halted) = (text(&self.latest), text(&self.halted));
        let (a, b) = (latest.len(), halted.len());
        let _ = write!(
            head,
            "first {first}\nlatest {a}\nhalted {b}\n\n{latest}{halted}"
        );
        head.into_bytes()
    }

    /// Reads and verifies the value of the register `name`, whose log has the origin hash `id`.
    pub(super) fn decode(
        bytes: &[u8],
        name: &str,
        id: Hash,
        own: &CosignerKeys,
    ) -> Result<Self, StateError> {
        let damaged = |detail: String| StateError::Damaged {
            register: name.to_owned(),
            detail,
        };
        let value = Value::parse(bytes)
            .ok_or_else(|| damaged("it is not in the format v1 or v2".into()))?;
        let origin = value.keys.first().map_or("", VerifierKey::name);
        if Hash::of(origin.as_bytes()) != id {
            return Err(damaged(format!("it holds the log {origin}")));
        }
        let read = |what: &str, bytes: &[u8]| {
            if bytes.is_empty() {
                return Ok(None);
            }
            Recorded::parse(bytes, &value.keys, own.keys())
                .map(Some)
                .map_err(|detail| damaged(format!("the note `{what}`: {detail}")))
        };
        let state = Self {
            disabled: value.disabled,
            first: value.first,
            latest: read("latest", value.latest)?,
            halted: read("halted", value.halted)?,
            keys: value.keys.clone(),
        };
        if state
            .latest
            .as_ref()
            .is_some_and(|latest| !own.suffices(latest))
        {
            return Err(damaged("the note `latest` lacks a signature".into()));
        }
        let halted = state.halted.as_ref();
        if halted.is_some_and(|note| note.own_lines().is_empty()) {
            return Err(damaged("the note `halted` lacks our signature".into()));
        }
        let consistent = match (state.first, &state.latest) {
            (None, None) => true,
            (Some(first), Some(latest)) => {
                first.size <= state.size() && latest.time().is_none_or(|time| first.time <= time)
            }
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !consistent {
            return Err(damaged("`first` cannot come before `latest`".into()));
        }
        // The text that is read is exactly what would be written: no other spelling, no octet
        // beside it.
        let spelled = match value.version {
            Version::One => state.encode_as(HEADING_V1, ""),
            Version::Two => state.encode(),
        };
        if spelled != bytes {
            return Err(damaged(
                "it is not spelled as this witness spells it".into(),
            ));
        }
        Ok(state)
    }
}

/// The keys of the log in a stored value, without verifying the notes in it.
///
/// For refusing submissions that the log did not sign before anything is locked. Code that signs
/// goes through [`LogState::decode`].
pub(super) fn stored_keys(bytes: &[u8]) -> Option<Vec<VerifierKey>> {
    Value::parse(bytes).map(|value| value.keys)
}

enum Version {
    One,
    Two,
}

/// A stored value, cut into its parts.
struct Value<'a> {
    version: Version,
    keys: Vec<VerifierKey>,
    disabled: bool,
    first: Option<FirstUse>,
    latest: &'a [u8],
    halted: &'a [u8],
}

impl<'a> Value<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, notes) = bytes.split_at(end + 2);
        let mut lines = std::str::from_utf8(head).ok()?.lines().peekable();
        let version = match lines.next()? {
            HEADING_V1 => Version::One,
            HEADING => Version::Two,
            _ => return None,
        };
        let origin = lines.next()?.strip_prefix("origin ")?;
        let mut keys: Vec<VerifierKey> = Vec::new();
        while let Some(key) = lines.peek().and_then(|line| line.strip_prefix("key ")) {
            let key: VerifierKey = key.parse().ok()?;
            let known = keys.contains(&key) || keys.len() == LOG_KEYS_MAX;
            (key.name() == origin && !known).then_some(())?;
            keys.push(key);
            lines.next();
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let disabled = match version {
            Version::One => (keys.len() == 1).then_some(false)?,
            Version::Two => match field("status")? {
                "enabled" => false,
                "disabled" => true,
                _ => return None,
            },
        };
        (!keys.is_empty()).then_some(())?;
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
            version,
            keys,
            disabled,
            first,
            latest,
            halted,
        })
    }
}
