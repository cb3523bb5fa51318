//! Lists of logs for witnesses, as the public witness network publishes them (`logs/v0`).
//!
//! ```text
//! # a comment
//! logs/v0
//!
//! vkey log.example/1+4f5a6b7c+AX...
//! origin log.example/1         optional: the origin, if it is not the key's name
//! qpd 86400                    optional: how many requests a day the log may make
//! contact <text>               optional
//! ```
//!
//! The first line that is neither empty nor a comment is `logs/v0`. A line `vkey` begins an entry,
//! the lines after it belong to it. Space around a line and a keyword that is not known are
//! ignored, so that later additions to the format do no harm. An entry that cannot be used does not
//! spoil the others: it is listed with the reason.

use crate::key::{KeyError, SignatureType, VerifierKey};

/// The longest list that is read, in octets: a hundred thousand logs.
pub const LIST_LEN_MAX: usize = 32 << 20;

/// The most entries that are read.
pub const ENTRIES_MAX: usize = 100_000;

const HEADER: &str = "logs/v0";

/// Why octets are no list of logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Longer than [`LIST_LEN_MAX`].
    #[error("the list has {0} octets, at most {LIST_LEN_MAX} are read")]
    TooLong(usize),
    /// More than [`ENTRIES_MAX`] entries.
    #[error("the list has more than {ENTRIES_MAX} entries")]
    TooMany,
    /// Not UTF-8.
    #[error("the list holds an octet that is no text, at offset {0}")]
    NotText(usize),
    /// The first line is not `logs/v0`.
    #[error("the first line that is neither empty nor a comment is not `{HEADER}`")]
    Header,
    /// A line that belongs to an entry, before the first.
    #[error("line {0} comes before the first `vkey`")]
    Order(usize),
}

/// Why an entry of a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The key cannot be read, or is of a type that is not supported here.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The key makes cosignatures.
    #[error("its key is no log key: its type is not 0x01 (Ed25519) or 0x06 (ML-DSA-44)")]
    KeyType,
    /// The origin is not the key's name: such logs are not supported.
    #[error("its origin {0:?} is not its key's name")]
    Origin(String),
}

/// One log of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of the line `vkey`, from 1.
    pub line: usize,
    /// The key as written in the list.
    pub vkey: String,
    /// The key, whose name is the log's origin; or why this entry cannot be used.
    pub key: Result<VerifierKey, EntryError>,
    /// Requests that the log may make a day, as written in the list.
    pub qpd: Option<String>,
    /// How to reach the operator of the log.
    pub contact: Option<String>,
}

/// Reads a list.
///
/// # Errors
/// [`ListError`], if the octets are no list. An entry that cannot be used is no error: see
/// [`Entry::key`].
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, ListError> {
    if bytes.len() > LIST_LEN_MAX {
        return Err(ListError::TooLong(bytes.len()));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| ListError::NotText(error.valid_up_to()))?;
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    if lines.next().map(|(_, line)| line) != Some(HEADER) {
        return Err(ListError::Header);
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in lines {
        let (keyword, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        if keyword == "vkey" {
            if entries.len() == ENTRIES_MAX {
                return Err(ListError::TooMany);
            }
            entries.push(Entry {
                line: number,
                vkey: value.to_owned(),
                key: log_key(value),
                qpd: None,
                contact: None,
            });
            continue;
        }
        let entry = entries.last_mut().ok_or(ListError::Order(number))?;
        match keyword {
            "origin" if entry.key.as_ref().is_ok_and(|key| key.name() != value) => {
                entry.key = Err(EntryError::Origin(value.chars().take(64).collect()));
            }
            "qpd" => entry.qpd = Some(value.to_owned()),
            "contact" => entry.contact = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(entries)
}

fn log_key(vkey: &str) -> Result<VerifierKey, EntryError> {
    let key: VerifierKey = vkey.parse()?;
    if key.kind() == SignatureType::CosignatureV1 {
        return Err(EntryError::KeyType);
    }
    Ok(key)
}
