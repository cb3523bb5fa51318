//! Tells the kind of an artifact by its outline alone.
//!
//! A reply counts as the token in it. The holder of a file wants to know what is wrong with the
//! token in it, not that it is no certificate. So its kind is told from the tags at its beginning,
//! before anything in it has to be right: the reader of that kind then names what it refuses. Files
//! of any length keep their kind, also if they are cut off or hold parts that are not understood.
//!
//! The formats differ early (RFC 5652 3, RFC 3161 2.4.2, RFC 5280 4.1 and 5.1, RFC 6960 4.2.1):
//!
//! | begins with | is |
//! | --- | --- |
//! | SEQUENCE { OBJECT IDENTIFIER signedData | a token |
//! | SEQUENCE { SEQUENCE { INTEGER, and then text, bits or nothing | a reply |
//! | SEQUENCE { SEQUENCE { `[0]` { INTEGER }, INTEGER | a certificate |
//! | SEQUENCE { SEQUENCE { INTEGER, SEQUENCE { OID, SEQUENCE, SEQUENCE | one of version 1 |
//! | SEQUENCE { SEQUENCE { (INTEGER,) SEQUENCE { OID, SEQUENCE, time | a list |
//! | SEQUENCE { ENUMERATED | an OCSP response |

use std::borrow::Cow;

use ishibumi_tlog::foreign::Foreign;
use ishibumi_tlog::proof;
use thiserror::Error;

use crate::asn1::{
    BIT_STRING, ENUMERATED, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    SET, UTC_TIME, context_constructed,
};
use crate::oid;
use crate::pem;

/// Octets of no kind of artifact.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unrecognised {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// Octets of no known kind, and without a guess.
    #[error("{NEITHER}")]
    Unknown,
    /// Octets of no known kind, with a guess at what they are.
    #[error("{NEITHER}; it is {0}")]
    Seems(Cow<'static, str>),
}

const NEITHER: &str = "the file is neither a time-stamp token or reply, nor a certificate, nor a CRL, nor an OCSP response";

impl Unrecognised {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        "artifact-unrecognised"
    }
}

/// The type of an artifact, as its submitter states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArtifactType {
    /// TimeStampResp.
    TimestampReply,
    /// A bare token.
    TimestampToken,
    /// A certificate.
    Certificate,
    /// A revocation list.
    Crl,
    /// An OCSP response.
    OcspResponse,
}

impl ArtifactType {
    /// From a media type without parameters, in any case; `None` for media types of other data.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        Some(match essence.as_str() {
            // RFC 3161 3.4 spells both; -response is its erratum.
            "application/timestamp-reply" | "application/timestamp-response" => {
                Self::TimestampReply
            }
            "application/vnd.etsi.timestamp-token" | "application/timestamp-token" => {
                Self::TimestampToken
            }
            "application/pkix-cert" | "application/x-x509-ca-cert" | "application/x-pem-file" => {
                Self::Certificate
            }
            "application/pkix-crl" | "application/x-pkcs7-crl" => Self::Crl,
            "application/ocsp-response" => Self::OcspResponse,
            _ => return None,
        })
    }

    /// The media type that clients send.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::TimestampReply => "application/timestamp-reply",
            Self::TimestampToken => "application/vnd.etsi.timestamp-token",
            Self::Certificate => "application/pkix-cert",
            Self::Crl => "application/pkix-crl",
            Self::OcspResponse => "application/ocsp-response",
        }
    }
}

impl ArtifactType {
    /// The type of the octets, DER, BER or PEM, by their outline: reading them may still fail.
    ///
    /// # Errors
    /// [`Unrecognised`]: what the octets seem to be instead.
    pub fn of(bytes: &[u8]) -> Result<Self, Unrecognised> {
        let seems = |what: String| Unrecognised::Seems(what.into());
        let Some(label) = pem::label(bytes) else {
            return of_octets(bytes).ok_or_else(|| other(bytes));
        };
        match pem::unwrap_one(bytes) {
            Ok(octets) => of_octets(&octets)
                .or_else(|| of_label(label))
                .ok_or_else(|| seems(format!("PEM of the kind {label:?}"))),
            // The reader of the kind says what is wrong with the armour.
            Err(error) => of_label(label)
                .ok_or_else(|| seems(format!("PEM of the kind {label:?}, and {error}"))),
        }
    }

    /// The kind of the octets, as by [`Self::of`], for callers that only sort files; `None` for an
    /// unknown kind.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        Self::of(bytes).ok()
    }
}

/// The labels in use (RFC 7468, OpenSSL), for what cannot be told otherwise.
fn of_label(label: &str) -> Option<ArtifactType> {
    Some(match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => ArtifactType::Certificate,
        "X509 CRL" | "CRL" => ArtifactType::Crl,
        "CMS" | "PKCS7" | "TIMESTAMP TOKEN" | "TIMESTAMP REPLY" => ArtifactType::TimestampToken,
        "OCSP RESPONSE" => ArtifactType::OcspResponse,
        _ => return None,
    })
}

fn of_octets(octets: &[u8]) -> Option<ArtifactType> {
    let outer = Outline::of(octets).next().filter(|it| it.tag == SEQUENCE)?;
    let mut fields = Outline::of(outer.content);
    let (first, second) = (fields.next()?, fields.next());
    match first.tag {
        ENUMERATED => Some(ArtifactType::OcspResponse),
        OBJECT_IDENTIFIER => {
            let wraps = second.is_some_and(|field| field.tag == context_constructed(0));
            let is_cms = first.content == oid::SIGNED_DATA.as_bytes() || wraps;
            is_cms.then_some(ArtifactType::TimestampToken)
        }
        // With any status, a token follows, and nothing else.
        SEQUENCE if fields.next().is_none() && second.as_ref().is_some_and(is_signed_data) => {
            Some(ArtifactType::TimestampToken)
        }
        SEQUENCE => of_first_field(first.content),
        _ => None,
    }
}

fn is_signed_data(part: &Part<'_>) -> bool {
    let kind = Outline::of(part.content).next();
    part.tag == SEQUENCE && kind.is_some_and(|it| it.content == oid::SIGNED_DATA.as_bytes())
}

/// The type by the first field: TBSCertificate, TBSCertList or PKIStatusInfo.
fn of_first_field(content: &[u8]) -> Option<ArtifactType> {
    const VERSION: u8 = context_constructed(0);
    let fields: Vec<Part<'_>> = Outline::of(content).take(4).collect();
    let tags: Vec<u8> = fields.iter().map(|field| field.tag).collect();
    match *tags.as_slice() {
        [VERSION, INTEGER, ..] => {
            let is_number = fields.first().and_then(Part::first) == Some(INTEGER);
            is_number.then_some(ArtifactType::Certificate)
        }
        [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, ..] => Some(ArtifactType::Certificate),
        [INTEGER, SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..]
        | [SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..] => Some(ArtifactType::Crl),
        [INTEGER] | [INTEGER, BIT_STRING] => Some(ArtifactType::TimestampToken),
        // statusString: SEQUENCE OF UTF8String; what begins otherwise is a name or an algorithm.
        [INTEGER, SEQUENCE] | [INTEGER, SEQUENCE, BIT_STRING] => {
            let text = fields.get(1).and_then(Part::first);
            let is_text = !matches!(text, Some(SET | SEQUENCE | OBJECT_IDENTIFIER));
            is_text.then_some(ArtifactType::TimestampToken)
        }
        _ => None,
    }
}

/// What octets of no known kind seem to be.
fn other(bytes: &[u8]) -> Unrecognised {
    if bytes.starts_with(proof::HEADER.as_bytes()) {
        return Unrecognised::Seems("a proof of a log: perhaps two files were swapped".into());
    }
    if let Some(request) = of_requests(bytes) {
        return Unrecognised::Seems(request.into());
    }
    match Foreign::of(bytes) {
        Some(Foreign::Empty) => Unrecognised::Empty,
        // DER of an unknown kind.
        None | Some(Foreign::Asn1) => Unrecognised::Unknown,
        Some(foreign) => Unrecognised::Seems(foreign.to_string().into()),
    }
}

/// Names requests, which are sent to issuers of artifacts.
fn of_requests(bytes: &[u8]) -> Option<&'static str> {
    let outer = Outline::of(bytes).next().filter(|it| it.tag == SEQUENCE)?;
    let fields: Vec<Part<'_>> = Outline::of(outer.content).take(3).collect();
    match fields.as_slice() {
        // TimeStampReq: version, MessageImprint.
        [version, imprint, ..] if version.tag == INTEGER && imprint.first() == Some(SEQUENCE) => {
            Some("a time-stamp query: what the TSA answered to it is wanted")
        }
        [version, algorithm, key, ..]
            if version.tag == INTEGER
                && algorithm.first() == Some(OBJECT_IDENTIFIER)
                && key.tag == OCTET_STRING =>
        {
            Some("a PRIVATE KEY, which belongs nowhere near here")
        }
        // CertificationRequestInfo: version, a name.
        [info, ..] if info.tag == SEQUENCE => {
            let info: Vec<Part<'_>> = Outline::of(info.content).take(2).collect();
            let is_request = matches!(info.as_slice(), [version, name]
                if version.tag == INTEGER && name.first() == Some(SET));
            is_request.then_some("a certificate request: the certificate is wanted")
        }
        _ => None,
    }
}

/// An element, as far as it is there.
pub(crate) struct Part<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
}

impl Part<'_> {
    /// The tag of the first element in it.
    fn first(&self) -> Option<u8> {
        let is_constructed = self.tag & 0x20 != 0;
        self.content.first().copied().filter(|_| is_constructed)
    }
}

/// The elements of one level, until something cannot be told.
pub(crate) struct Outline<'a> {
    rest: &'a [u8],
}

impl<'a> Outline<'a> {
    pub(crate) const fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl<'a> Iterator for Outline<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let (tag, length, body) = match *self.rest {
            // The end of an element without a length.
            [0, 0, ..] => return None,
            [tag, 0x80, ref body @ ..] => (tag, None, body),
            [tag, length @ ..0x80, ref body @ ..] => (tag, Some(usize::from(length)), body),
            [tag, count @ 0x81..=0x84, ref after @ ..] => {
                let (digits, body) = after.split_at_checked(usize::from(count & 0x7f))?;
                let shift = |value: usize, digit: &u8| value << 8 | usize::from(*digit);
                (tag, Some(digits.iter().fold(0, shift)), body)
            }
            _ => return None,
        };
        let whole = length.and_then(|length| body.split_at_checked(length));
        // If it is cut off or has no length, the rest is its contents, and nothing is known to
        // follow.
        let (content, rest) = whole.unwrap_or((body, &[]));
        self.rest = rest;
        Some(Part { tag, content })
    }
}
