//! The extensions of lists, their entries, and responses (RFC 5280 5.2 and 5.3, RFC 6960 4.4).
//!
//! One extension stands once. If two have the same type, it is undefined which counts, so what
//! carries both is not used. Criticality says what may be ignored: a non-critical extension that
//! cannot be read counts as absent, with the consequences of that.

use thiserror::Error;

use crate::asn1::{Asn1Error, BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, Reader};
use crate::oid::dotted;

/// One extension, its value unread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    /// Contents of the OID.
    pub(crate) name: &'a [u8],
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl Extension<'_> {
    /// The value that was read; `None` if it cannot be read and may be ignored.
    pub(crate) fn or_ignored<T, E>(&self, read: Result<T, E>) -> Result<Option<T>, E> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if self.critical => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Why extensions cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum ExtensionError {
    #[error(transparent)]
    Malformed(#[from] Asn1Error),
    #[error("extension {0} stands twice")]
    Twice(String),
}

/// Reads the contents of Extensions.
pub(crate) fn read_all(mut list: Reader<'_>) -> Result<Vec<Extension<'_>>, ExtensionError> {
    let mut all: Vec<Extension<'_>> = Vec::new();
    while let Some(element) = list.next()? {
        let mut fields = element.reader();
        let name = fields.expect(OBJECT_IDENTIFIER)?.content;
        // A FALSE that is written out, and a TRUE other than 0xff, are in use.
        let critical = fields.optional(BOOLEAN)?;
        let value = fields.expect(OCTET_STRING)?.content;
        fields.finish()?;
        if all.iter().any(|other| other.name == name) {
            return Err(ExtensionError::Twice(dotted(name)));
        }
        all.push(Extension {
            name,
            critical: critical.is_some_and(|flag| flag.content != [0]),
            value,
        });
    }
    Ok(all)
}
