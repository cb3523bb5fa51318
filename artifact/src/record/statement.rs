//! The statements of a log about providers, and of providers about their own end (kind 2).
//!
//! Statements carry the decision and the anchors against which it was made; a reader shows unknown
//! codes as numbers.

use super::codec::{Cursor, Opaque, RecordError, Writer};

/// Most anchors in a provider statement.
pub const ANCHORS_MAX: usize = 256;

const ANCHORS_SIZE_MAX: usize = ANCHORS_MAX * 32;

/// The event that a statement is about. Further codes are for later versions of the registry.
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
    /// A custodian keeps the provider's archive.
    pub const ARCHIVE_CUSTODIAN: Self = Self(8);
    /// A revocation list is the last of its issuer.
    pub const LAST_CRL: Self = Self(9);
    /// A unit has issued its last token, and how many there were.
    pub const LAST_COUNT: Self = Self(10);

    /// Whether the provider itself makes the statement ([`super::EndingStatement`]); all others are
    /// the log's, about its registry.
    pub const fn is_by_provider(self) -> bool {
        matches!(self.0, 7..=10)
    }

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
            9 => "last-crl",
            10 => "last-count",
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
    /// certificate's DER, at most [`ANCHORS_MAX`]; `detail`: at most 4,096 octets, by code.
    ///
    /// # Errors
    /// [`RecordError`], if a field has too few or too many octets or members.
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

    /// The code of the event that it states.
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

    /// A [`super::ProviderEntry`] or [`super::EndingStatement`], by code; perhaps something else.
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
