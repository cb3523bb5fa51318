//! The statements of a log about itself (kind 1): that it begins, that it will end and has ended,
//! which blobs it erased.
//!
//! Index 0 of every log is `opened`: its name, its keys and its predecessor. A log that closes
//! announces it (`closing`), and its very last record is `closed`. An erased blob leaves an
//! `erased` record behind. Layout in docs/formats/record.md, "1: log-statement".

use super::codec::{Cursor, Moment, Opaque, RECORD_VERSION, RecordError, Writer};

/// Most vkey lines of one log in a statement.
pub const KEYS_MAX: usize = 4;

/// Most custodians in a statement.
pub const CUSTODIANS_MAX: usize = 16;

const OPENED: u8 = 1;
const CLOSING: u8 = 2;
const CLOSED: u8 = 3;
const ERASED: u8 = 4;
const KEY_SIZE_MAX: usize = 4_095;
const KEYS_SIZE_MAX: usize = KEYS_MAX * (KEY_SIZE_MAX + 2);
const PREDECESSOR_SIZE_MAX: usize = 32_768;
const CUSTODIAN_SIZE_MAX: usize = 255;
const CUSTODIANS_SIZE_MAX: usize = CUSTODIANS_MAX * (1 + CUSTODIAN_SIZE_MAX);

/// Longest checkpoint of a predecessor, in octets.
pub const PREDECESSOR_CHECKPOINT_MAX: usize = PREDECESSOR_SIZE_MAX - 2 - KEYS_SIZE_MAX - 2;

type Key = Opaque<1, KEY_SIZE_MAX>;
type Custodian = Opaque<1, CUSTODIAN_SIZE_MAX>;

/// Body of kind 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogStatement {
    /// Code 1: the log begins.
    Opened(LogOpened),
    /// Code 2: the log announces its end.
    Closing(LogEnding),
    /// Code 3: the log has ended. Nothing follows it.
    Closed(LogEnding),
    /// Code 4: a blob was erased.
    Erased(LogErased),
    /// A code that this crate does not know; only decoding makes one.
    Unknown(UnknownStatement),
}

/// A log statement of an unknown code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStatement {
    code: u8,
    body: Opaque<0, 65_531>,
}

impl UnknownStatement {
    /// The code.
    pub const fn code(&self) -> u8 {
        self.code
    }
}

/// The first record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOpened {
    origin: Opaque<1, 255>,
    keys: Vec<Key>,
    record_version: u8,
    predecessor: Option<Predecessor>,
}

impl LogOpened {
    /// `origin` as in the log's checkpoints; `keys`, 1 to [`KEYS_MAX`] vkey lines without line
    /// ends; `predecessor`, the log that this one succeeds.
    ///
    /// # Errors
    /// [`RecordError`], if a field has too few or too many octets or members.
    pub fn new(
        origin: &str,
        keys: &[&str],
        predecessor: Option<Predecessor>,
    ) -> Result<Self, RecordError> {
        Ok(Self {
            origin: Opaque::new("origin", origin)?,
            keys: counted("keys", lines(keys)?, 1)?,
            record_version: RECORD_VERSION,
            predecessor,
        })
    }

    /// Origin octets (UTF-8 as in checkpoints, if the log was honest).
    pub fn origin(&self) -> &[u8] {
        self.origin.as_bytes()
    }

    /// The vkey lines.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(Opaque::as_bytes)
    }

    /// Version of the records that follow.
    pub const fn record_version(&self) -> u8 {
        self.record_version
    }

    /// The log that this one succeeds, if it succeeds any.
    pub const fn predecessor(&self) -> Option<&Predecessor> {
        self.predecessor.as_ref()
    }
}

/// A log that another one succeeds: its keys and its last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    keys: Vec<Key>,
    checkpoint: Opaque<1, PREDECESSOR_CHECKPOINT_MAX>,
}

impl Predecessor {
    /// `keys`, 1 to [`KEYS_MAX`] vkey lines without line ends; `checkpoint`, the signed note, at
    /// most [`PREDECESSOR_CHECKPOINT_MAX`] octets: with the log's own signatures at least.
    ///
    /// # Errors
    /// [`RecordError`], if a field has too few or too many octets or members.
    pub fn new(keys: &[&str], checkpoint: &[u8]) -> Result<Self, RecordError> {
        Ok(Self {
            keys: counted("predecessor.keys", lines(keys)?, 1)?,
            checkpoint: Opaque::new("predecessor.checkpoint", checkpoint)?,
        })
    }

    /// The vkey lines.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(Opaque::as_bytes)
    }

    /// The signed note of the last checkpoint.
    pub fn checkpoint(&self) -> &[u8] {
        self.checkpoint.as_bytes()
    }
}

/// How a log ends: body of `closing` and of `closed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEnding {
    date: Moment,
    reason: Opaque<1, 1_024>,
    reason_ja: Opaque<0, 1_024>,
    successor: Vec<Key>,
    custodians: Vec<Custodian>,
}

impl LogEnding {
    /// `date`: when it is to close, or closed; `reason` in English and, optionally, in Japanese;
    /// `successor`, up to [`KEYS_MAX`] vkey lines of the log that continues, empty if there is
    /// none; `custodians`, up to [`CUSTODIANS_MAX`] parties that keep a copy and where, a line of
    /// UTF-8 each.
    ///
    /// # Errors
    /// [`RecordError`], if a field has too few or too many octets or members.
    pub fn new(
        date: Moment,
        (reason, reason_ja): (&str, &str),
        successor: &[&str],
        custodians: &[&str],
    ) -> Result<Self, RecordError> {
        let custodian = |line: &&str| Opaque::new("custodians", *line);
        let custodians: Vec<Custodian> =
            custodians.iter().map(custodian).collect::<Result<_, _>>()?;
        at_most("custodians (count)", custodians.len(), 0, CUSTODIANS_MAX)?;
        Ok(Self {
            date,
            reason: Opaque::new("reason", reason)?,
            reason_ja: Opaque::new("reason_ja", reason_ja)?,
            successor: counted("successor", lines(successor)?, 0)?,
            custodians,
        })
    }

    /// When the log is to close, or closed, as its operator says.
    pub const fn date(&self) -> Moment {
        self.date
    }

    /// The reason in English, UTF-8.
    pub fn reason(&self) -> &[u8] {
        self.reason.as_bytes()
    }

    /// The reason in Japanese, UTF-8; may be empty.
    pub fn reason_ja(&self) -> &[u8] {
        self.reason_ja.as_bytes()
    }

    /// The vkey lines of the log that continues; empty if there is none.
    pub fn successor(&self) -> impl Iterator<Item = &[u8]> {
        self.successor.iter().map(Opaque::as_bytes)
    }

    /// Parties that keep a copy, and where, a line of UTF-8 each.
    pub fn custodians(&self) -> impl Iterator<Item = &[u8]> {
        self.custodians.iter().map(Opaque::as_bytes)
    }

    fn write(&self, out: &mut Writer) {
        out.moment(self.date);
        out.opaque(&self.reason);
        out.opaque(&self.reason_ja);
        write_list(out, &self.successor, KEYS_SIZE_MAX);
        write_list(out, &self.custodians, CUSTODIANS_SIZE_MAX);
    }

    fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        let date = fields.moment("date")?;
        let reason = fields.opaque("reason")?;
        let reason_ja = fields.opaque("reason_ja")?;
        let successor = read_list(fields, "successor", KEYS_SIZE_MAX)?;
        let custodians: Vec<Custodian> = read_list(fields, "custodians", CUSTODIANS_SIZE_MAX)?;
        at_most("custodians (count)", custodians.len(), 0, CUSTODIANS_MAX)?;
        Ok(Self {
            date,
            reason,
            reason_ja,
            successor: counted("successor", successor, 0)?,
            custodians,
        })
    }
}

/// The statement that a blob was erased. Every record stays, and every proof with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogErased {
    /// SHA-256 of the blob.
    pub blob: [u8; 32],
    /// The date of the erasure, as the log's operator states it.
    pub date: Moment,
    /// The reason; UTF-8.
    pub reason: Opaque<1, 1_024>,
}

impl LogStatement {
    /// The name in the registry, or none for an unknown code.
    pub const fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Opened(_) => "opened",
            Self::Closing(_) => "closing",
            Self::Closed(_) => "closed",
            Self::Erased(_) => "erased",
            Self::Unknown(_) => return None,
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Self::Opened(opened) => {
                out.u8(OPENED);
                out.opaque(&opened.origin);
                write_list(out, &opened.keys, KEYS_SIZE_MAX);
                out.u8(opened.record_version);
                let mut predecessor = Writer(Vec::new());
                if let Some(before) = &opened.predecessor {
                    write_list(&mut predecessor, &before.keys, KEYS_SIZE_MAX);
                    predecessor.opaque(&before.checkpoint);
                }
                out.prefixed(&predecessor.0, PREDECESSOR_SIZE_MAX);
            }
            Self::Closing(ending) => {
                out.u8(CLOSING);
                ending.write(out);
            }
            Self::Closed(ending) => {
                out.u8(CLOSED);
                ending.write(out);
            }
            Self::Erased(erased) => {
                out.u8(ERASED);
                out.fixed(&erased.blob);
                out.moment(erased.date);
                out.opaque(&erased.reason);
            }
            Self::Unknown(unknown) => {
                out.u8(unknown.code);
                out.fixed(unknown.body.as_bytes());
            }
        }
    }

    pub(crate) fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        Ok(match fields.u8("statement")? {
            OPENED => Self::Opened(LogOpened {
                origin: fields.opaque("origin")?,
                keys: counted("keys", read_list(fields, "keys", KEYS_SIZE_MAX)?, 1)?,
                record_version: fields.u8("record_version")?,
                predecessor: read_predecessor(fields)?,
            }),
            CLOSING => Self::Closing(LogEnding::read(fields)?),
            CLOSED => Self::Closed(LogEnding::read(fields)?),
            ERASED => Self::Erased(LogErased {
                blob: fields.array("blob")?,
                date: fields.moment("date")?,
                reason: fields.opaque("reason")?,
            }),
            code => Self::Unknown(UnknownStatement {
                code,
                body: Opaque::new("statement body", fields.rest())?,
            }),
        })
    }
}

fn read_predecessor(fields: &mut Cursor<'_>) -> Result<Option<Predecessor>, RecordError> {
    let length = fields.length("predecessor", PREDECESSOR_SIZE_MAX)?;
    if length == 0 {
        return Ok(None);
    }
    let mut fields = Cursor::new(fields.take("predecessor", length)?);
    let keys = read_list(&mut fields, "predecessor.keys", KEYS_SIZE_MAX)?;
    let predecessor = Predecessor {
        keys: counted("predecessor.keys", keys, 1)?,
        checkpoint: fields.opaque("predecessor.checkpoint")?,
    };
    fields.finish()?;
    Ok(Some(predecessor))
}

fn lines(keys: &[&str]) -> Result<Vec<Key>, RecordError> {
    let key = |key: &&str| Opaque::new("keys", *key);
    keys.iter().map(key).collect()
}

fn counted(field: &'static str, keys: Vec<Key>, min: usize) -> Result<Vec<Key>, RecordError> {
    at_most(field, keys.len(), min, KEYS_MAX).map(|()| keys)
}

fn at_most(field: &'static str, length: usize, min: usize, max: usize) -> Result<(), RecordError> {
    if (min..=max).contains(&length) {
        return Ok(());
    }
    Err(RecordError::Bounds {
        field,
        length,
        min,
        max,
    })
}

fn write_list<const MAX: usize>(out: &mut Writer, list: &[Opaque<1, MAX>], max: usize) {
    let mut octets = Writer(Vec::new());
    for one in list {
        octets.opaque(one);
    }
    out.prefixed(&octets.0, max);
}

fn read_list<const MAX: usize>(
    fields: &mut Cursor<'_>,
    field: &'static str,
    max: usize,
) -> Result<Vec<Opaque<1, MAX>>, RecordError> {
    let length = fields.length(field, max)?;
    let mut octets = Cursor::new(fields.take(field, length)?);
    let mut list = Vec::new();
    while !octets.is_empty() {
        list.push(octets.opaque(field)?);
    }
    Ok(list)
}
