//! Why a response is not accepted, or has no record.

use thiserror::Error;

use crate::asn1::Asn1Error;
use crate::certificate::TimeFieldError;
use crate::path::PathError;
use crate::pem::PemError;
use crate::record::RecordError;
use crate::signature::SignatureError;
use crate::status_extension::ExtensionError;
use crate::time::{Time, TimeError};

/// Largest response that is read, in octets.
pub const OCSP_INPUT_MAX: usize = 65_536;

/// Why a response is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OcspError {
    /// Larger than [`OCSP_INPUT_MAX`].
    #[error("an OCSP response of {0} octets; at most {OCSP_INPUT_MAX} are read")]
    Size(usize),
    /// PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// ASN.1 of a part.
    #[error("OCSP response: {0}")]
    Malformed(#[from] Asn1Error),
    /// A date of the response itself.
    #[error("OCSP response: {0}")]
    Time(#[from] TimeError),
    /// The responder did not answer.
    #[error("OCSP response: status {0}; the responder gave no answer")]
    NotSuccessful(&'static str),
    /// A response type other than id-pkix-ocsp-basic.
    #[error("OCSP response: its type is {0}, not id-pkix-ocsp-basic")]
    Type(String),
    /// A version other than 1.
    #[error("OCSP response: version {0} is stated; 1 is read")]
    Version(u32),
    /// Two extensions have the same type: which of them counts is undefined.
    #[error("OCSP response: extension {0} stands twice")]
    ExtensionTwice(String),
    /// A critical extension that is not understood.
    #[error("OCSP response: critical extension {0} is not understood here")]
    CriticalExtension(String),
    /// An answer cannot be read, so that not all statements can be made into records. The response
    /// can still be used about other certificates.
    #[error(
        "OCSP response: {0}: such a response has no record, since its statements would be incomplete"
    )]
    Incomplete(String),
    /// The answers are about a CA that is not registered.
    #[error("OCSP response: the CA that it speaks for is not registered")]
    IssuerUnknown,
    /// Answers about certificates of different CAs.
    #[error(
        "OCSP response: its answers are about certificates of different CAs; send one for each"
    )]
    SeveralIssuers,
    /// Neither the CA nor a responder that it authorised signed.
    #[error(
        "OCSP response: neither the CA `{issuer}` nor a responder that it authorised signed it"
    )]
    ResponderUnknown {
        /// The CA.
        issuer: String,
    },
    /// The responder's certificate was not valid when it answered.
    #[error("OCSP response: the responder's certificate `{subject}` was not valid at {at}")]
    ResponderValidity {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// producedAt.
        at: Time,
    },
    /// The responder's certificate is not for signing responses.
    #[error("OCSP response: the responder's certificate `{subject}` {why}")]
    ResponderPurpose {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// The use that its keyUsage or extendedKeyUsage lacks.
        why: &'static str,
    },
    /// The responder's certificate has no path to an anchor.
    #[error("OCSP response, path of the responder: {0}")]
    ResponderPath(#[source] PathError),
    /// The signature is wrong, or made by another key of that name.
    #[error("OCSP response: {0}")]
    Signature(#[from] SignatureError),
    /// The CA has no path to an anchor.
    #[error("OCSP response, path of the CA: {0}")]
    Path(#[from] PathError),
    /// A field does not fit a record.
    #[error("OCSP response: {0}")]
    Record(#[from] RecordError),
}

impl OcspError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) => "too-large",
            Self::Pem(_) => "pem-malformed",
            Self::NotSuccessful(_) => "ocsp-not-successful",
            Self::CriticalExtension(_) => "ocsp-critical-extension",
            Self::Incomplete(_) => "ocsp-incomplete",
            Self::IssuerUnknown => "ocsp-issuer-unregistered",
            Self::SeveralIssuers => "ocsp-several-issuers",
            Self::ResponderUnknown { .. } | Self::ResponderPurpose { .. } => {
                "ocsp-responder-unauthorized"
            }
            Self::ResponderValidity { .. } => "ocsp-responder-not-valid-then",
            Self::Signature(error) => error.code(),
            Self::Path(error) | Self::ResponderPath(error) => error.code(),
            Self::Record(_) => "record-bounds",
            Self::Malformed(_)
            | Self::Time(_)
            | Self::Type(_)
            | Self::Version(_)
            | Self::ExtensionTwice(_) => "ocsp-malformed",
        }
    }
}

impl From<TimeFieldError> for OcspError {
    fn from(error: TimeFieldError) -> Self {
        match error {
            TimeFieldError::Element(error) => error.into(),
            TimeFieldError::Text(error) => error.into(),
        }
    }
}

impl From<ExtensionError> for OcspError {
    fn from(error: ExtensionError) -> Self {
        match error {
            ExtensionError::Malformed(error) => error.into(),
            ExtensionError::Twice(name) => Self::ExtensionTwice(name),
        }
    }
}
