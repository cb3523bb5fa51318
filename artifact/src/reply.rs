//! TimeStampResp (RFC 3161 2.4.2): a status, and the token if it was granted.
//!
//! A TSA that refuses answers with HTTP 200 as well; taking that for success is the commonest
//! mistake of clients. Here a reply without a grant is an error with the TSA's own reason.

use thiserror::Error;

use crate::asn1::{self, Asn1Error, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// Why a reply yields no token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// ASN.1.
    #[error("timestamp reply: {0}")]
    Malformed(#[from] Asn1Error),
    /// The TSA did not grant the request.
    #[error("timestamp reply: status {status}{failure}; the TSA issued no token")]
    NotGranted {
        /// PKIStatus as text.
        status: &'static str,
        /// failInfo and status text, beginning with `: `, or empty.
        failure: String,
    },
    /// Granted, and no token.
    #[error("timestamp reply: the status says granted, but the token is missing")]
    TokenMissing,
}

impl ReplyError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "reply-malformed",
            Self::NotGranted { .. } => "reply-not-granted",
            Self::TokenMissing => "reply-token-missing",
        }
    }
}

/// The ContentInfo in a reply, or `octets` themselves if they are one.
pub(crate) fn unwrap(octets: &[u8]) -> Result<&[u8], ReplyError> {
    let fields = asn1::only(Reader::ber(octets), SEQUENCE)?.reader();
    if fields.peek_tag() == Some(OBJECT_IDENTIFIER) {
        return Ok(octets);
    }
    granted(octets)
}

/// The ContentInfo in a reply that grants one.
pub(crate) fn granted(reply: &[u8]) -> Result<&[u8], ReplyError> {
    let mut fields = asn1::only(Reader::ber(reply), SEQUENCE)?.reader();
    let status = fields.expect(SEQUENCE)?;
    check_status(status.reader())?;
    let token = fields.optional(SEQUENCE)?.ok_or(ReplyError::TokenMissing)?;
    fields.finish()?;
    Ok(token.raw)
}

fn check_status(mut fields: Reader<'_>) -> Result<(), ReplyError> {
    let status = match fields.expect(INTEGER)?.unsigned()? {
        0 | 1 => return Ok(()),
        2 => "rejection",
        3 => "waiting",
        4 => "revocationWarning",
        5 => "revocationNotification",
        _ => "unknown",
    };
    let mut said = Vec::new();
    if let Some(texts) = fields.optional(SEQUENCE)? {
        let mut texts = texts.reader();
        while let Some(text) = texts.next()? {
            said.push(
                String::from_utf8_lossy(text.content)
                    .chars()
                    .take(200)
                    .collect(),
            );
        }
    }
    if let Some(bits) = fields.optional(asn1::BIT_STRING)? {
        said.extend(failures(bits.content));
    }
    let failure = if said.is_empty() {
        String::new()
    } else {
        format!(": {}", said.join(", "))
    };
    Err(ReplyError::NotGranted { status, failure })
}

/// PKIFailureInfo bits as text, those that RFC 3161 does not define by their number; the first
/// octet counts unused bits.
fn failures(content: &[u8]) -> impl Iterator<Item = String> {
    const WORDS: [(usize, &str); 8] = [
        (0, "algorithm not recognised (badAlg)"),
        (2, "request not allowed (badRequest)"),
        (5, "data in the wrong format (badDataFormat)"),
        (14, "no time source (timeNotAvailable)"),
        (15, "policy not supported (unacceptedPolicy)"),
        (16, "extension not supported (unacceptedExtension)"),
        (
            17,
            "additional information not available (addInfoNotAvailable)",
        ),
        (25, "system failure (systemFailure)"),
    ];
    /// The most bits that are named.
    const BITS_MAX: usize = 32;
    let octets = content.get(1..).unwrap_or_default();
    let is_set = |bit: &usize| {
        octets
            .get(bit / 8)
            .is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0)
    };
    let named = |bit| {
        let mut words = WORDS.iter();
        let known = words.find(|(known, _)| *known == bit);
        known.map_or_else(
            || format!("unknown failure (bit {bit})"),
            |(_, word)| (*word).to_owned(),
        )
    };
    (0..BITS_MAX)
        .filter(is_set)
        .map(named)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_says_why() {
        // status rejection(2), failInfo badAlg
        let reply = [
            0x30, 0x09, 0x30, 0x07, 0x02, 0x01, 0x02, 0x03, 0x02, 0x07, 0x80,
        ];
        let error = unwrap(&reply).unwrap_err();
        assert_eq!(error.code(), "reply-not-granted");
        assert!(error.to_string().contains("badAlg"), "{error}");
        // failInfo bit 1, which RFC 3161 does not define, is named nevertheless
        let unknown = [
            0x30, 0x09, 0x30, 0x07, 0x02, 0x01, 0x02, 0x03, 0x02, 0x06, 0x40,
        ];
        let said = granted(&unknown).unwrap_err().to_string();
        assert!(said.contains("bit 1"), "{said}");
        let granted = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00];
        assert_eq!(unwrap(&granted).unwrap_err(), ReplyError::TokenMissing);
    }
}
