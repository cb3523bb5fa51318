//! Names octets that were given as a note or a proof and are something else.
//!
//! Signatures are over octets, so nothing is mended here: a note whose line ends were changed by a
//! mail gateway is refused. But the error "the first line is another one" tells no reader that an
//! editor or a login page stood in between. This is a guess for people, from the first octets, once
//! reading has failed ([`named`]); nothing is decided by it.

use std::fmt;

/// Why octets cannot be read, and what they seem to be instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}{}", .foreign.map(|it| format!("; this is {it}")).unwrap_or_default())]
pub struct Unread<E: fmt::Display> {
    /// Why the reader refused the octets.
    pub error: E,
    /// What the octets look like instead; `None` without a guess.
    pub foreign: Option<Foreign>,
}

/// `read`, with what `octets` seem to be if reading them failed.
///
/// # Errors
/// The error of `read`, with a guess at what the octets are.
pub fn named<T, E: fmt::Display>(read: Result<T, E>, octets: &[u8]) -> Result<T, Unread<E>> {
    read.map_err(|error| Unread {
        error,
        foreign: Foreign::of(octets),
    })
}

/// What a file seems to be instead of a note or proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// The file is empty.
    Empty,
    /// UTF-16, or UTF-32.
    Utf16,
    /// Text behind a UTF-8 byte order mark.
    ByteOrderMark,
    /// Text whose lines end in CR LF, or in CR.
    CarriageReturns,
    /// HTML or XML.
    Markup,
    /// JSON.
    Json,
    /// Compressed by gzip.
    Gzip,
    /// A ZIP.
    Zip,
    /// A PDF.
    Pdf,
    /// PEM.
    Pem,
    /// DER or BER.
    Asn1,
}

impl Foreign {
    /// What `octets` seem to be; `None` without a guess.
    pub fn of(octets: &[u8]) -> Option<Self> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        const BEGINNINGS: [(&[u8], Foreign); 8] = [
            (b"\xff\xfe", Foreign::Utf16),
            (b"\xfe\xff", Foreign::Utf16),
            (b"\x1f\x8b", Foreign::Gzip),
            (b"PK\x03\x04", Foreign::Zip),
            (b"%PDF-", Foreign::Pdf),
            (b"-----BEGIN ", Foreign::Pem),
            (b"\x30\x80", Foreign::Asn1),
            (b"\x30\x82", Foreign::Asn1),
        ];
        if octets.is_empty() {
            return Some(Self::Empty);
        }
        let marked = octets.strip_prefix(BYTE_ORDER_MARK);
        let text = marked.unwrap_or(octets).trim_ascii_start();
        let begins = |(beginning, _): &&(&[u8], Self)| text.starts_with(beginning);
        if let Some((_, foreign)) = BEGINNINGS.iter().find(begins) {
            return Some(*foreign);
        }
        match text.first() {
            Some(b'<') => Some(Self::Markup),
            Some(b'{' | b'[') => Some(Self::Json),
            _ if marked.is_some() => Some(Self::ByteOrderMark),
            _ if octets.contains(&b'\r') => Some(Self::CarriageReturns),
            _ => None,
        }
    }
}

impl Foreign {
    /// Whether it is a page with which a server or a portal on the way answers instead of the file.
    pub const fn is_page(self) -> bool {
        matches!(self, Self::Markup | Self::Json | Self::Gzip)
    }
}

impl fmt::Display for Foreign {
    /// Its name and what to do, to follow "this is ".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "an empty file",
            Self::Utf16 => {
                "text in UTF-16, which an editor made of it: get the original, unchanged"
            }
            Self::ByteOrderMark => {
                "text behind a byte order mark, which an editor put there: get the original, unchanged"
            }
            Self::CarriageReturns => {
                "text with Windows line endings, which a mail gateway or an editor put there: get the \
                 original, unchanged"
            }
            Self::Markup => {
                "a web page (HTML or XML), such as a login page or an error page on the way: get the file \
                 itself"
            }
            Self::Json => {
                "JSON, such as a server answers with instead of a file: what it says may tell why"
            }
            Self::Gzip => "compressed by gzip: unpack it",
            Self::Zip => "a ZIP file: unpack it; ishibumi evidence reads an evidence file",
            Self::Pdf => "a PDF document",
            Self::Pem => "PEM: a certificate, list or token? Perhaps two files were swapped",
            Self::Asn1 => "DER: a token, certificate or list? Perhaps two files were swapped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_a_file_is_named() {
        for (octets, foreign) in [
            (&b""[..], Some(Foreign::Empty)),
            (b"\xff\xfec\0", Some(Foreign::Utf16)),
            (
                b"\xef\xbb\xbfc2sp.org/tlog-proof@v1\n",
                Some(Foreign::ByteOrderMark),
            ),
            (b"log.example\r\n1\r\n", Some(Foreign::CarriageReturns)),
            (b"\xef\xbb\xbf\r\n<!DOCTYPE html>", Some(Foreign::Markup)),
            (b"{\"type\":\"about:blank\"}\r\n", Some(Foreign::Json)),
            (b"\x1f\x8b\x08", Some(Foreign::Gzip)),
            (b"PK\x03\x04", Some(Foreign::Zip)),
            (b"%PDF-1.7\r\n", Some(Foreign::Pdf)),
            (b"-----BEGIN CMS-----\r\n", Some(Foreign::Pem)),
            (b"\x30\x82\x01\x00\x06", Some(Foreign::Asn1)),
            (b"log.example\n1\n", None),
        ] {
            assert_eq!(Foreign::of(octets), foreign, "{}", octets.escape_ascii());
        }
    }
}
