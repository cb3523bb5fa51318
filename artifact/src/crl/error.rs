//! Why a list is not accepted, or has no record.

use thiserror::Error;

use crate::asn1::Asn1Error;
use crate::certificate::TimeFieldError;
use crate::path::PathError;
use crate::pem::PemError;
use crate::record::RecordError;
use crate::signature::SignatureError;
use crate::status_extension::ExtensionError;
use crate::time::TimeError;

/// Largest list that is read, in octets.
pub const CRL_INPUT_MAX: usize = 20_000_000;

/// Why a list is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlError {
    /// Larger than [`CRL_INPUT_MAX`].
    #[error("a CRL of {0} octets; at most {CRL_INPUT_MAX} are read")]
    Size(usize),
    /// PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// ASN.1 of its outline.
    #[error("CRL: {0}")]
    Malformed(#[from] Asn1Error),
    /// A date of the list itself.
    #[error("CRL: {0}")]
    Time(#[from] TimeError),
    /// Issuer's name cannot be read.
    #[error("CRL, issuer: {0}")]
    IssuerName(String),
    /// The algorithm inside the signature and the one outside differ.
    #[error("CRL: signature algorithm inside and outside differ")]
    AlgorithmsDiffer,
    /// Two extensions have the same type: which of them counts is undefined.
    #[error("CRL: extension {0} stands twice")]
    ExtensionTwice(String),
    /// A part of the list cannot be read, so that not all of its statements can be made into
    /// records. The list can still be used about certificates that this part is not about.
    #[error("CRL: {0}: such a list has no record, since its statements would be incomplete")]
    Incomplete(String),
    /// Records of version 1 cannot express its scope.
    #[error("CRL: {0}")]
    Scope(&'static str),
    /// An indirect list names an issuer of certificates whose key is not known, or for whose name
    /// several keys are known.
    #[error(
        "CRL: it is indirect, and of the issuer of certificates `{issuer}` {found} keys are known; exactly one must be"
    )]
    EntryIssuer {
        /// The name.
        issuer: String,
        /// Number of different keys of CA certificates of this name.
        found: usize,
    },
    /// A critical extension that is not understood: the list must not be used (RFC 5280 5.2 and
    /// 5.3).
    #[error("CRL: critical extension {0} is not understood here")]
    CriticalExtension(String),
    /// No registered certificate has the issuer's name and may sign CRLs.
    #[error(
        "CRL: no registered CA certificate has the issuer's name, `{issuer}`, and may sign CRLs"
    )]
    IssuerUnknown {
        /// The issuer's name.
        issuer: String,
    },
    /// The signature is wrong, or made by another key of that name.
    #[error("CRL of `{issuer}`: {source}")]
    Signature {
        /// The issuer's name.
        issuer: String,
        /// Why the signature is not accepted.
        source: SignatureError,
    },
    /// The issuer has no path to an anchor.
    #[error("CRL, path of its issuer: {0}")]
    Path(#[from] PathError),
    /// A field does not fit a record.
    #[error("CRL: {0}")]
    Record(#[from] RecordError),
}

impl CrlError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) => "too-large",
            Self::Pem(_) => "pem-malformed",
            Self::Incomplete(_) => "crl-incomplete",
            Self::Scope(_) => "crl-scope-unsupported",
            Self::EntryIssuer { .. } => "crl-entry-issuer-unregistered",
            Self::CriticalExtension(_) => "crl-critical-extension",
            Self::IssuerUnknown { .. } => "crl-issuer-unregistered",
            Self::Signature { source, .. } => source.code(),
            Self::Path(error) => error.code(),
            Self::Record(_) => "record-bounds",
            Self::Malformed(_)
            | Self::Time(_)
            | Self::IssuerName(_)
            | Self::AlgorithmsDiffer
            | Self::ExtensionTwice(_) => "crl-malformed",
        }
    }
}

impl From<TimeFieldError> for CrlError {
    fn from(error: TimeFieldError) -> Self {
        match error {
            TimeFieldError::Element(error) => error.into(),
            TimeFieldError::Text(error) => error.into(),
        }
    }
}

impl From<ExtensionError> for CrlError {
    fn from(error: ExtensionError) -> Self {
        match error {
            ExtensionError::Malformed(error) => error.into(),
            ExtensionError::Twice(name) => Self::ExtensionTwice(name),
        }
    }
}
