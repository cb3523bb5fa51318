//! Evidence that a log has two histories, as a file that convicts on its own
//! (`docs/formats/fork-evidence.md`).
//!
//! ```text
//! ishibumi fork-evidence v1
//! kind fork | suspicion
//! origin <origin>
//! key <vkey>                1 to 16 of them: the log's keys, as known to the keeper of this file
//! seen <time>
//! prefix <base64 root>      only if the sizes differ and a proof follows
//! proof <base64 hash>       0 to 63 of them, only after `prefix`
//! first <octets>
//! second <octets>
//!
//! <note first><note second>
//! ```
//!
//! Two notes contradict each other in two ways. Either they have one size and two roots. Or a
//! consistency proof shows that the second tree begins with *another* tree of the first's size than
//! the first note says: the root of a tree fixes every prefix of it.
//!
//! A consistency proof that *fails* is neither: anybody can send a true checkpoint with a wrong
//! proof. Two notes of different sizes without a proof of contradiction are therefore a
//! [`Kind::Suspicion`]. A reader of the log's tiles can find out which tree the second note begins
//! with, and then either drops the suspicion or makes a fork of it ([`Evidence::with_prefix`]).
//!
//! A file's statements about itself prove nothing. [`Evidence::check`] takes the log's keys from
//! its caller, and says [`Verdict::Proven`] only if one of them signed both notes.

use std::fmt::Write as _;

use crate::checkpoint::CheckpointError;
use crate::key::{SignatureType, VerifierKey};
use crate::note::{NOTE_LEN_MAX, Note, NoteError};
use crate::tree::{PROOF_HASHES_MAX, check_consistency};
use crate::{Checkpoint, Hash, decimal};

/// The most keys that a file may name.
pub const KEYS_MAX: usize = 16;

/// The longest file that is read, in octets: two of the longest notes, the keys, the proof.
pub const EVIDENCE_LEN_MAX: usize = 2 * NOTE_LEN_MAX + (64 << 10);

const HEADING: &str = "ishibumi fork-evidence v1";

/// Why octets are no evidence, or why two notes are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Longer than [`EVIDENCE_LEN_MAX`].
    #[error("the evidence has {0} octets, at most {EVIDENCE_LEN_MAX} are read")]
    TooLong(usize),
    /// Not the lines of the format, in its order and spelling.
    #[error("not in the format `{HEADING}`: {0}")]
    Form(&'static str),
    /// One of the notes cannot be read.
    #[error("the note: {0}")]
    Note(#[from] NoteError),
    /// One of the notes is not a checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The notes, or the keys, are not of one log.
    #[error("{0:?} and {1:?} are not one log")]
    Origins(String, String),
    /// A key that makes cosignatures: no log signs with it.
    #[error("the key of {0} is no log key: its type is not 0x01 (Ed25519) or 0x06 (ML-DSA-44)")]
    KeyType(String),
    /// There is no key, or more than [`KEYS_MAX`].
    #[error("{0} keys are named, there have to be 1 to {KEYS_MAX}")]
    Keys(usize),
    /// The two checkpoints have one size and one root.
    #[error("both checkpoints have size {0} and the same root: nothing contradicts anything")]
    Agreement(u64),
    /// A proof where it says nothing: the sizes are equal, or one is zero, or its prefix is the
    /// tree that the first note names.
    #[error("a proof from size {first} to size {second} says nothing here")]
    NoUse {
        /// The size of the first checkpoint.
        first: u64,
        /// The size of the second.
        second: u64,
    },
}

impl EvidenceError {
    /// Whether the octets are not evidence of this format at all. Then they show nothing about the
    /// log, and they do not disprove what their author claims.
    pub const fn is_unread(&self) -> bool {
        match self {
            Self::TooLong(_)
            | Self::Form(_)
            | Self::Note(_)
            | Self::Checkpoint(_)
            | Self::KeyType(_)
            | Self::Keys(_) => true,
            Self::Origins(..) | Self::Agreement(_) | Self::NoUse { .. } => false,
        }
    }
}

/// What a file claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The two notes contradict each other.
    Fork,
    /// The two notes have different sizes; a contradiction between them has not been shown.
    Suspicion,
}

impl Kind {
    /// The value of the `kind` line in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Suspicion => "suspicion",
        }
    }
}

/// Proof that the second tree begins with a tree of the first's size that has another root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The root of the first leaves of the second tree, as many as the first tree has.
    pub root: Hash,
    /// The consistency proof from that tree to the second (RFC 6962 section 2.1.2).
    pub proof: Vec<Hash>,
}

/// Two signed checkpoints of one log. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    keys: Vec<VerifierKey>,
    seen: u64,
    first: Signed,
    second: Signed,
    prefix: Option<Prefix>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signed {
    note: Note,
    checkpoint: Checkpoint,
}

/// The result of [`Evidence::check`]. Indices are those of the keys that the caller gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One key of the log signed both checkpoints, and they contradict each other: the log forked.
    Proven {
        /// Index of the key.
        key: usize,
    },
    /// They contradict each other, but no one key signed both: the log forked, if both keys were
    /// its own.
    AcrossKeys {
        /// Index of a key that signed the first checkpoint.
        first: usize,
        /// A key that signed the second.
        second: usize,
    },
    /// Both are signed by the log, and nothing here shows that they contradict each other.
    Open,
}

/// Why evidence says nothing about the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// None of the given keys bears the log's name, or signs as logs do.
    #[error("none of the keys is a key of the log {0:?}")]
    NoKey(String),
    /// One of the checkpoints is not signed by any of the keys.
    #[error("the {which} checkpoint is not signed by the log: {cause}")]
    Unsigned {
        /// `first` or `second`.
        which: &'static str,
        /// Why the note is refused.
        cause: NoteError,
    },
    /// The proof of contradiction does not verify.
    #[error("the proof that the second tree begins with another tree does not verify: {0}")]
    Proof(crate::tree::ProofError),
}

impl Evidence {
    /// Makes evidence of two notes, in any order. `keys` are the log's; `seen` is the time, in
    /// seconds since the Epoch, at which the keeper of this evidence received the second note.
    ///
    /// # Errors
    /// [`EvidenceError`], if the notes are not checkpoints of one log that differ, or if the keys
    /// are not one to 16 keys of a log.
    pub fn new(
        keys: Vec<VerifierKey>,
        seen: u64,
        one: Note,
        other: Note,
    ) -> Result<Self, EvidenceError> {
        let (one, other) = (Signed::read(one)?, Signed::read(other)?);
        let (first, second) = if one.checkpoint.size <= other.checkpoint.size {
            (one, other)
        } else {
            (other, one)
        };
        let (a, b) = (&first.checkpoint, &second.checkpoint);
        let not_of = |name: &str| Err(EvidenceError::Origins(a.origin.clone(), name.to_owned()));
        if a.origin != b.origin {
            return not_of(&b.origin);
        }
        if a.size == b.size && a.root == b.root {
            return Err(EvidenceError::Agreement(a.size));
        }
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(EvidenceError::Keys(keys.len()));
        }
        if let Some(key) = keys.iter().find(|key| key.name() != a.origin) {
            return not_of(key.name());
        }
        if let Some(key) = keys.iter().find(|key| !signs_logs(key)) {
            return Err(EvidenceError::KeyType(key.name().to_owned()));
        }
        Ok(Self {
            keys,
            seen,
            first,
            second,
            prefix: None,
        })
    }

    /// These notes with the proof that makes a fork of a suspicion: the second tree begins with a
    /// tree of the first's size and root `prefix.root`, which is not the first's.
    ///
    /// # Errors
    /// [`EvidenceError::NoUse`] if the sizes are equal, the first is zero, the root is the first's,
    /// or the proof has too many hashes. [`Self::check`] tells whether the proof holds.
    pub fn with_prefix(self, prefix: Prefix) -> Result<Self, EvidenceError> {
        let (first, second) = (self.first.checkpoint.size, self.second.checkpoint.size);
        let same_root = prefix.root == self.first.checkpoint.root;
        if first == 0 || first == second || same_root || prefix.proof.len() > PROOF_HASHES_MAX {
            return Err(EvidenceError::NoUse { first, second });
        }
        let prefix = Some(prefix);
        Ok(Self { prefix, ..self })
    }

    /// The kind of contradiction, if both notes are the log's.
    pub fn kind(&self) -> Kind {
        if self.prefix.is_some() || self.first.checkpoint.size == self.second.checkpoint.size {
            Kind::Fork
        } else {
            Kind::Suspicion
        }
    }

    /// The log.
    pub fn origin(&self) -> &str {
        &self.first.checkpoint.origin
    }

    /// The log's keys, as known to the keeper of this evidence. To convict a log, take its keys
    /// from elsewhere.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// When the keeper of this evidence received the second note, by the keeper's clock, in seconds
    /// since the Epoch.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The note with the smaller tree; if both have one size, the note that the keeper had first.
    pub fn first(&self) -> &Note {
        &self.first.note
    }

    /// The other note.
    pub fn second(&self) -> &Note {
        &self.second.note
    }

    /// The checkpoints of [`Self::first`] and [`Self::second`]. Unverified.
    pub fn checkpoints(&self) -> [&Checkpoint; 2] {
        [&self.first.checkpoint, &self.second.checkpoint]
    }

    /// The proof of contradiction of two sizes, if there is one. Unverified.
    pub fn prefix(&self) -> Option<&Prefix> {
        self.prefix.as_ref()
    }

    /// Checks both signatures, and the contradiction. Of `keys`, those are the log's that bear its
    /// name and sign as logs do (types `0x01` and `0x06`); signatures of others are ignored.
    ///
    /// # Errors
    /// [`CheckError`], if no key is the log's, a note is not signed by one, or the proof does not
    /// hold.
    pub fn check(&self, keys: &[VerifierKey]) -> Result<Verdict, CheckError> {
        let is_log = |key: &&VerifierKey| key.name() == self.origin() && signs_logs(key);
        let own: Vec<VerifierKey> = keys.iter().filter(is_log).cloned().collect();
        if own.is_empty() {
            return Err(CheckError::NoKey(self.origin().to_owned()));
        }
        let signers = |signed: &Signed, which| {
            let verified = signed.note.verify(&own);
            let verified = verified.map_err(|cause| CheckError::Unsigned { which, cause })?;
            let index = |key: usize| keys.iter().position(|given| Some(given) == own.get(key));
            Ok(verified
                .iter()
                .filter_map(|signature| index(signature.key))
                .collect::<Vec<_>>())
        };
        let first = signers(&self.first, "first")?;
        let second = signers(&self.second, "second")?;
        if let Some(Prefix { root, proof }) = &self.prefix {
            let [a, b] = self.checkpoints();
            check_consistency(a.size, *root, b.size, b.root, proof).map_err(CheckError::Proof)?;
        } else if self.kind() == Kind::Suspicion {
            return Ok(Verdict::Open);
        }
        if let Some(&key) = first.iter().find(|key| second.contains(key)) {
            return Ok(Verdict::Proven { key });
        }
        // Neither is empty: a note that no key signed did not verify.
        Ok(match (first.first(), second.first()) {
            (Some(&first), Some(&second)) => Verdict::AcrossKeys { first, second },
            _ => Verdict::Open,
        })
    }

    /// The octets of the file; parsing them gives this evidence again.
    pub fn encode(&self) -> String {
        let (first, second) = (self.first.note.encode(), self.second.note.encode());
        let (kind, origin, seen) = (self.kind().word(), self.origin(), self.seen);
        let mut text = format!("{HEADING}\nkind {kind}\norigin {origin}\n");
        // Writing to a String does not fail.
        for key in &self.keys {
            let _ = writeln!(text, "key {key}");
        }
        let _ = writeln!(text, "seen {seen}");
        if let Some(Prefix { root, proof }) = &self.prefix {
            let _ = writeln!(text, "prefix {}", root.to_base64());
            for hash in proof {
                let _ = writeln!(text, "proof {}", hash.to_base64());
            }
        }
        let (a, b) = (first.len(), second.len());
        let _ = write!(text, "first {a}\nsecond {b}\n\n{first}{second}");
        text
    }

    /// Reads a file. It has one spelling.
    ///
    /// # Errors
    /// [`EvidenceError`], if the octets are not as [`Self::encode`] writes them.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        if bytes.len() > EVIDENCE_LEN_MAX {
            return Err(EvidenceError::TooLong(bytes.len()));
        }
        let head_len = bytes.windows(2).position(|pair| pair == b"\n\n");
        let head_len = head_len.ok_or(EvidenceError::Form("no blank line after its head"))?;
        let (head, notes) = bytes.split_at(head_len);
        let head = std::str::from_utf8(head).map_err(|_| EvidenceError::Form("not text"))?;
        let mut fields = Fields(head.split('\n'));
        if fields.0.next() != Some(HEADING) {
            return Err(EvidenceError::Form("its first line"));
        }
        let form = EvidenceError::Form;
        let kind = fields.required("kind").ok_or(form("`kind`"))?;
        let origin = fields.required("origin").ok_or(form("`origin`"))?;
        let mut keys = Vec::new();
        while let Some(key) = fields.optional("key") {
            if keys.len() == KEYS_MAX {
                return Err(EvidenceError::Keys(KEYS_MAX + 1));
            }
            keys.push(key.parse().map_err(|_| form("`key`"))?);
        }
        let seen = fields.number("seen").ok_or(form("`seen`"))?;
        let prefix = match fields.optional("prefix") {
            Some(root) => Some(Prefix {
                root: Hash::from_base64(root).ok_or(form("`prefix`"))?,
                proof: fields.proof().ok_or(form("`proof`"))?,
            }),
            None => None,
        };
        let len = |number: Option<u64>| usize::try_from(number?).ok();
        let first = len(fields.number("first")).ok_or(form("`first`"))?;
        let second = len(fields.number("second")).ok_or(form("`second`"))?;
        if fields.0.next().is_some() {
            return Err(form("a line too many in its head"));
        }
        let lengths = form("the lengths of its notes");
        let notes = notes.get(2..).unwrap_or_default();
        let (first, rest) = notes.split_at_checked(first).ok_or(lengths.clone())?;
        if rest.len() != second {
            return Err(lengths);
        }
        let found = Self::new(keys, seen, Note::parse(first)?, Note::parse(rest)?)?;
        let found = match prefix {
            Some(prefix) => found.with_prefix(prefix)?,
            None => found,
        };
        // The file must be exactly as it would be written: order of the notes, kind and origin as
        // well.
        if found.kind().word() != kind || found.origin() != origin {
            return Err(form("`kind` or `origin` is not that of its notes"));
        }
        if found.encode().as_bytes() != bytes {
            return Err(form("another spelling, or the notes in the other order"));
        }
        Ok(found)
    }
}

impl Signed {
    fn read(note: Note) -> Result<Self, EvidenceError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { note, checkpoint })
    }
}

/// Types `0x01` and `0x06`; signatures of type `0x04` are cosignatures, which no log makes.
fn signs_logs(key: &VerifierKey) -> bool {
    key.kind() != SignatureType::CosignatureV1
}

/// The lines `<name> <value>` of a head.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn required(&mut self, name: &str) -> Option<&'a str> {
        self.0.next()?.strip_prefix(name)?.strip_prefix(' ')
    }

    /// Takes the next line only if it has this name.
    fn optional(&mut self, name: &str) -> Option<&'a str> {
        let value = self
            .0
            .clone()
            .next()?
            .strip_prefix(name)?
            .strip_prefix(' ')?;
        self.0.next();
        Some(value)
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        decimal::parse(self.required(name)?)
    }

    fn proof(&mut self) -> Option<Vec<Hash>> {
        let mut proof = Vec::new();
        while let Some(hash) = self.optional("proof") {
            if proof.len() == PROOF_HASHES_MAX {
                return None;
            }
            proof.push(Hash::from_base64(hash)?);
        }
        Some(proof)
    }
}
