//! What a log says about itself (kind 1) and about providers (kind 2).
//!
//! Index 0 of every log is `opened`: who it is, with which keys, after whom. Statements about
//! providers carry what was decided and against which anchors; a reader shows codes that it does
//! not know as numbers.

use super::codec::{Cursor, Opaque, RecordError, Writer};

/// Most vkey lines in an `opened` statement.
pub const KEYS_MAX: usize = 4;

/// Most anchors in a provider statement.
pub const ANCHORS_MAX: usize = 256;

const OPENED: u8 = 1;
const KEY_SIZE_MAX: usize = 4_095;
const KEYS_SIZE_MAX: usize = KEYS_MAX * (KEY_SIZE_MAX + 2);
const ANCHORS_SIZE_MAX: usize = ANCHORS_MAX * 32;

/// Body of kind 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogStatement {
    /// Code 1: the log begins.
    Opened(LogOpened),
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
    keys: Vec<Opaque<1, KEY_SIZE_MAX>>,
    record_version: u8,
    predecessor: Opaque<0, 32_768>,
}

impl LogOpened {
    /// `origin` as in the log's checkpoints; `keys`, 1 to [`KEYS_MAX`] vkey lines without line
    /// ends; `predecessor`, the last checkpoint of the log that this one succeeds, or empty.
    pub fn new(origin: &str, keys: &[&str], predecessor: &[u8]) -> Result<Self, RecordError> {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| Opaque::new("keys", key.as_bytes()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            origin: Opaque::new("origin", origin)?,
            keys: counted(keys)?,
            record_version: super::RECORD_VERSION,
            predecessor: Opaque::new("predecessor", predecessor)?,
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

    /// Last checkpoint of the predecessor, or empty.
    pub fn predecessor(&self) -> &[u8] {
        self.predecessor.as_bytes()
    }
}

fn counted<T>(keys: Vec<T>) -> Result<Vec<T>, RecordError> {
    if (1..=KEYS_MAX).contains(&keys.len()) {
        Ok(keys)
    } else {
        Err(RecordError::Bounds {
            field: "keys (count)",
            length: keys.len(),
            min: 1,
            max: KEYS_MAX,
        })
    }
}

impl LogStatement {
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Self::Opened(opened) => {
                out.u8(OPENED);
                out.opaque(&opened.origin);
                let mut keys = Writer(Vec::new());
                opened.keys.iter().for_each(|key| keys.opaque(key));
                out.prefixed(&keys.0, KEYS_SIZE_MAX);
                out.u8(opened.record_version);
                out.opaque(&opened.predecessor);
            }
            Self::Unknown(unknown) => {
                out.u8(unknown.code);
                out.fixed(unknown.body.as_bytes());
            }
        }
    }

    pub(crate) fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        let code = fields.u8("statement")?;
        if code != OPENED {
            let body = Opaque::new("statement body", fields.rest())?;
            return Ok(Self::Unknown(UnknownStatement { code, body }));
        }
        let origin = fields.opaque("origin")?;
        let length = fields.length("keys", KEYS_SIZE_MAX)?;
        let mut list = Cursor::new(fields.take("keys", length)?);
        let mut keys = Vec::new();
        while !list.is_empty() {
            keys.push(list.opaque("keys")?);
        }
        Ok(Self::Opened(LogOpened {
            origin,
            keys: counted(keys)?,
            record_version: fields.u8("record_version")?,
            predecessor: fields.opaque("predecessor")?,
        }))
    }
}

/// What happened to a provider. Codes beyond these are for later versions of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatementCode(pub u8);

impl StatementCode {
    /// Its artifacts are accepted from here on, under these anchors.
    pub const ACCEPTED: Self = Self(1);
    /// Its artifacts are not accepted for now.
    pub const SUSPENDED: Self = Self(2);
    /// It has announced its end.
    pub const TERMINATING: Self = Self(3);
    /// It has ended.
    pub const TERMINATED: Self = Self(4);
    /// It has another name.
    pub const RENAMED: Self = Self(5);
    /// Another provider has taken over.
    pub const SUCCESSOR: Self = Self(6);
    /// It has attested that a key was destroyed.
    pub const KEY_DESTROYED: Self = Self(7);
    /// Somebody keeps its archive.
    pub const ARCHIVE_CUSTODIAN: Self = Self(8);

    /// The name in the registry, or none for an unknown code.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "accepted",
            2 => "suspended",
            3 => "terminating",
            4 => "terminated",
            5 => "renamed",
            6 => "successor",
            7 => "key-destroyed",
            8 => "archive-custodian",
            _ => return None,
        })
    }
}

/// Body of kind 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatement {
    code: StatementCode,
    provider: Opaque<1, 64>,
    anchors: Vec<[u8; 32]>,
    detail: Opaque<0, 4_096>,
}

impl ProviderStatement {
    /// `provider`: the registry's identifier, 1 to 64 octets; `anchors`: SHA-256 of each anchor
    /// certificate's DER, at most [`ANCHORS_MAX`]; `detail`: free text, at most 4,096 octets.
    pub fn new(
        code: StatementCode,
        provider: &str,
        anchors: Vec<[u8; 32]>,
        detail: &[u8],
    ) -> Result<Self, RecordError> {
        if anchors.len() > ANCHORS_MAX {
            let (length, max) = (anchors.len(), ANCHORS_MAX);
            return Err(RecordError::Bounds {
                field: "anchors (count)",
                length,
                min: 0,
                max,
            });
        }
        let provider = Opaque::new("provider", provider)?;
        Ok(Self {
            code,
            provider,
            anchors,
            detail: Opaque::new("detail", detail)?,
        })
    }

    /// What happened.
    pub const fn code(&self) -> StatementCode {
        self.code
    }

    /// The registry's identifier.
    pub fn provider(&self) -> &[u8] {
        self.provider.as_bytes()
    }

    /// SHA-256 of each anchor certificate's DER.
    pub fn anchors(&self) -> &[[u8; 32]] {
        &self.anchors
    }

    /// Free text.
    pub fn detail(&self) -> &[u8] {
        self.detail.as_bytes()
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.u8(self.code.0);
        out.opaque(&self.provider);
        out.prefixed(&self.anchors.concat(), ANCHORS_SIZE_MAX);
        out.opaque(&self.detail);
    }

    pub(crate) fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        let code = StatementCode(fields.u8("statement")?);
        let provider = fields.opaque("provider")?;
        let length = fields.length("anchors", ANCHORS_SIZE_MAX)?;
        let octets = fields.take("anchors", length)?;
        let (anchors, rest) = octets.as_chunks::<32>();
        if !rest.is_empty() || length > ANCHORS_SIZE_MAX {
            return Err(RecordError::Bounds {
                field: "anchors",
                length,
                min: 0,
                max: ANCHORS_SIZE_MAX,
            });
        }
        Ok(Self {
            code,
            provider,
            anchors: anchors.to_vec(),
            detail: fields.opaque("detail")?,
        })
    }
}
