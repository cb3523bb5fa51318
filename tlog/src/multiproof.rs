//! Multiproof files (`docs/formats/multiproof.md`): entries of one log, the hashes that prove them
//! all, and one cosigned checkpoint in one text. Ours: what [`crate::proof`] is for one entry.
//!
//! The entries themselves are inside, since a proof about several leaves can only be checked with
//! all of them. Reading is strict: what [`Multiproof::parse`] accepts, [`Multiproof::encode`]
//! writes back octet by octet. [`crate::Policy::check_multiproof`] is the checker.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::decimal;
use crate::hash::{Hash, leaf_hash};
use crate::note::{Note, NoteError};
use crate::tile::ENTRY_LEN_MAX;
use crate::tree::{
    Leaf, ProofError, check_inclusion, check_multi_inclusion, merge_inclusion,
    split_multi_inclusion,
};

/// The first line of every multiproof.
pub const HEADER: &str = "ishibumi/multiproof/v1";

/// The file extension.
pub const FILE_EXTENSION: &str = "tlog-multiproof";

/// The longest multiproof that is read, in octets.
pub const MULTIPROOF_LEN_MAX: usize = 64 << 20;

/// The most entries of one multiproof.
pub const ENTRIES_MAX: usize = 65_536;

/// Entries of one log, and the proof that they are in it. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiproof {
    /// The entries with their zero-based indices, in ascending order.
    pub entries: Vec<(u64, Vec<u8>)>,
    /// The hashes of the gaps between them ([`crate::tree::prove_multi_inclusion`]).
    pub hashes: Vec<Hash>,
    /// The checkpoint with its signatures.
    pub checkpoint: Note,
}

/// Why a multiproof cannot be read, or proofs not be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MultiproofError {
    /// Longer than [`MULTIPROOF_LEN_MAX`].
    #[error("the multiproof has {0} octets, at most {MULTIPROOF_LEN_MAX} are read")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the multiproof is not UTF-8 text, from offset {0} on")]
    NotText(usize),
    /// The first line is another one.
    #[error("the first line is not \"{HEADER}\": this is no multiproof of version 1")]
    Header,
    /// A line `entry` without a canonical index or base64, or out of order.
    #[error(
        "line {0} is not \"entry <decimal number> <base64>\" with an index above the one before it"
    )]
    Entry(usize),
    /// An entry that no log can hold.
    #[error("line {0}: an entry has at most {ENTRY_LEN_MAX} octets")]
    EntryTooLong(usize),
    /// There is no entry, or more than [`ENTRIES_MAX`].
    #[error("{0} entries, there have to be 1 to {ENTRIES_MAX}")]
    Entries(usize),
    /// A line of the proof is no hash.
    #[error("line {0} is not the base64 of a 32-octet hash")]
    HashLine(usize),
    /// There is no blank line between hashes and checkpoint.
    #[error("no blank line before the checkpoint")]
    NoCheckpoint,
    /// The checkpoint is no signed note.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The note's text is no checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A proof does not lead from its entry to the checkpoint's root.
    #[error("the proof of entry {index}: {source}")]
    Proof {
        /// Index of the entry in the log.
        index: u64,
        /// Why its proof does not hold.
        source: ProofError,
    },
    /// The hashes of the file do not fit its entries and its checkpoint.
    #[error("the hashes: {0}")]
    Hashes(#[from] ProofError),
}

impl Multiproof {
    /// Reads a multiproof (`docs/formats/multiproof.md`).
    ///
    /// # Errors
    /// [`MultiproofError`], if the octets are not as the format demands.
    pub fn parse(bytes: &[u8]) -> Result<Self, MultiproofError> {
        if bytes.len() > MULTIPROOF_LEN_MAX {
            return Err(MultiproofError::TooLong(bytes.len()));
        }
        let mut rest = std::str::from_utf8(bytes)
            .map_err(|error| MultiproofError::NotText(error.valid_up_to()))?;
        let mut number = 0;
        let mut next_line = || {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            number += 1;
            Some((number, line))
        };
        if next_line().is_none_or(|(_, line)| line != HEADER) {
            return Err(MultiproofError::Header);
        }
        let mut entries: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut hashes = Vec::new();
        loop {
            let (number, line) = next_line().ok_or(MultiproofError::NoCheckpoint)?;
            if line.is_empty() {
                break;
            }
            if let Some(entry) = line.strip_prefix("entry ").filter(|_| hashes.is_empty()) {
                let before = entries.last().map(|(index, _)| *index);
                entries.push(parse_entry(entry, before, number)?);
                if entries.len() > ENTRIES_MAX {
                    return Err(MultiproofError::Entries(entries.len()));
                }
            } else {
                hashes.push(Hash::from_base64(line).ok_or(MultiproofError::HashLine(number))?);
            }
        }
        if entries.is_empty() {
            return Err(MultiproofError::Entries(0));
        }
        Ok(Self {
            entries,
            hashes,
            checkpoint: Note::parse(rest.as_bytes())?,
        })
    }

    /// The file's octets.
    pub fn encode(&self) -> String {
        let mut out = format!("{HEADER}\n");
        for (index, entry) in &self.entries {
            // Writing to a String does not fail.
            let _ = write!(out, "entry {index} ");
            STANDARD.encode_string(entry, &mut out);
            out.push('\n');
        }
        for hash in &self.hashes {
            out.push_str(&hash.to_base64());
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.checkpoint.encode());
        out
    }

    /// Puts the proofs of several entries under one checkpoint together: `proven` are the entries
    /// with their indices, in ascending order, and their audit paths. Each path is checked against
    /// the checkpoint's root, lest one false proof spoil all; signatures are not.
    ///
    /// # Errors
    /// [`MultiproofError`], if an entry is too long, the indices do not ascend, or a path does not
    /// lead to the checkpoint's root.
    pub fn merge(
        checkpoint: Note,
        proven: &[(u64, &[u8], &[Hash])],
    ) -> Result<Self, MultiproofError> {
        if proven.is_empty() || proven.len() > ENTRIES_MAX {
            return Err(MultiproofError::Entries(proven.len()));
        }
        let Checkpoint { size, root, .. } = Checkpoint::parse(checkpoint.text())?;
        let mut leaves: Vec<Leaf> = Vec::with_capacity(proven.len());
        let mut paths = Vec::with_capacity(proven.len());
        for &(index, entry, path) in proven {
            let leaf = leaf_hash(entry);
            check_inclusion(leaf, index, size, root, path)
                .map_err(|source| MultiproofError::Proof { index, source })?;
            leaves.push((index, leaf));
            paths.push(path);
        }
        let hashes = merge_inclusion(&leaves, size, &paths)?;
        let entries = proven.iter();
        let entries = entries.map(|&(index, entry, _)| (index, entry.to_vec()));
        Ok(Self {
            entries: entries.collect(),
            hashes,
            checkpoint,
        })
    }

    /// The audit path of each entry, in their order: with its index and the checkpoint, what every
    /// reader of C2SP tlog-proof takes. Not checked: of a false multiproof, at least one of these
    /// is false.
    ///
    /// A path has at most 63 hashes; so many for each entry are made, however few the file has.
    ///
    /// # Errors
    /// [`MultiproofError`], if the checkpoint cannot be read, or the number of hashes does not fit
    /// the indices and the size.
    pub fn split(&self) -> Result<Vec<Vec<Hash>>, MultiproofError> {
        let Checkpoint { size, .. } = Checkpoint::parse(self.checkpoint.text())?;
        Ok(split_multi_inclusion(&self.leaves(), size, &self.hashes)?)
    }

    /// Checks that the entries are in the tree of `size` and `root`.
    pub(crate) fn check_in(&self, size: u64, root: Hash) -> Result<(), ProofError> {
        check_multi_inclusion(&self.leaves(), size, root, &self.hashes)
    }

    fn leaves(&self) -> Vec<Leaf> {
        let entries = self.entries.iter();
        entries
            .map(|(index, entry)| (*index, leaf_hash(entry)))
            .collect()
    }
}

/// Parses the part of line `number` that follows `entry `.
fn parse_entry(
    text: &str,
    before: Option<u64>,
    number: usize,
) -> Result<(u64, Vec<u8>), MultiproofError> {
    let malformed = || MultiproofError::Entry(number);
    let (index, entry) = text.split_once(' ').ok_or_else(malformed)?;
    let index = decimal::parse(index).ok_or_else(malformed)?;
    if before.is_some_and(|before| before >= index) {
        return Err(malformed());
    }
    if entry.len() > ENTRY_LEN_MAX.div_ceil(3) * 4 {
        return Err(MultiproofError::EntryTooLong(number));
    }
    let entry = STANDARD.decode(entry).map_err(|_| malformed())?;
    if entry.len() > ENTRY_LEN_MAX {
        return Err(MultiproofError::EntryTooLong(number));
    }
    Ok((index, entry))
}
