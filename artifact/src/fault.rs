//! What an error shows: that the artifact is false, or only that this program cannot tell.
//!
//! Codes name errors for people and programs, and nothing is decided by them. The class of an
//! error, given here in one file, decides about the verdict and the HTTP status. Every `match`
//! names every error, so a new one has to be classed before it compiles. In doubt an error shows
//! nothing: that this program does not read or accept an artifact is no fault of the artifact
//! (docs/verdicts.md, "What the artifact step says").

use crate::Refusal;
use crate::asn1::Asn1Error;
use crate::certificate::CertificateError;
use crate::cms::CmsError;
use crate::crl::CrlError;
use crate::evidence_record::EvidenceRecordError;
use crate::hash::HashError;
use crate::ocsp::OcspError;
use crate::path::PathError;
use crate::pem::PemError;
use crate::record::RecordError;
use crate::reply::ReplyError;
use crate::shape::Unrecognised;
use crate::signature::SignatureError;
use crate::token::TokenError;
use crate::tst::TstError;

/// What an error shows about an artifact that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Nothing: it is larger than this program reads or records.
    Limit,
    /// Nothing: it cannot be read here; another reader may.
    Unread,
    /// Nothing: it is something else than an artifact that could be judged, such as a TSA's
    /// rejection.
    Other,
    /// Nothing: an algorithm or key is not accepted.
    Algorithm,
    /// Nothing: the certificate of the signer is unknown.
    Signer,
    /// Nothing: no path leads to an anchor.
    Chain,
    /// That a CA of the path may not issue as it did, by rules that may differ from those of the
    /// relying party.
    ChainConstraints,
    /// That the form of the signature, or the signer's certificate, is not what the standard
    /// demands.
    Constraints,
    /// That times contradict each other.
    TimeOrder,
    /// That these octets are no encoding at all.
    Format,
    /// That the content is not the one whose digest was signed.
    Digest,
    /// That the signature was not made by the key of the certificate that it names.
    Signature,
    /// That it was signed before the certificate was valid, by its own time.
    NotYetValid,
    /// That it was signed after the certificate had ended, by its own time.
    Expired,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Limit,
        Self::Unread,
        Self::Other,
        Self::Algorithm,
        Self::Signer,
        Self::Chain,
        Self::ChainConstraints,
        Self::Constraints,
        Self::TimeOrder,
        Self::Format,
        Self::Digest,
        Self::Signature,
        Self::NotYetValid,
        Self::Expired,
    ];

    /// Its name in docs/errors.md and docs/verdicts.md.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Unread => "unread",
            Self::Other => "other",
            Self::Algorithm => "algorithm",
            Self::Signer => "signer",
            Self::Chain => "chain",
            Self::ChainConstraints => "chain-constraints",
            Self::Constraints => "constraints",
            Self::TimeOrder => "times",
            Self::Format => "format",
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
        }
    }
}

impl Asn1Error {
    /// What the error shows about the artifact. Only octets that no encoding rules allow are shown
    /// to be no artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Truncated { .. } => Fault::Format,
            Self::Cut { .. }
            | Self::Length { .. }
            | Self::Depth
            | Self::HighTag { .. }
            | Self::Unexpected { .. }
            | Self::Missing { .. }
            | Self::Trailing { .. }
            | Self::NotDer(_)
            | Self::Value(_) => Fault::Unread,
        }
    }
}

impl PemError {
    /// What an error of the armour shows about the artifact.
    pub const fn fault(&self) -> Fault {
        Fault::Unread
    }
}

impl RecordError {
    /// What the error shows about the artifact: a value that does not fit a record may be fine
    /// elsewhere.
    pub const fn fault(&self) -> Fault {
        Fault::Limit
    }
}

impl Unrecognised {
    /// What the error shows about the artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Empty | Self::Unknown | Self::Seems(_) => Fault::Other,
        }
    }
}

impl HashError {
    /// What the error shows about the artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Sha1 | Self::Sha1Later | Self::NotAccepted(_) | Self::Unknown(_) => {
                Fault::Algorithm
            }
        }
    }
}

impl SignatureError {
    /// What the error shows about the artifact, if the certificate is known to be the signer's.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::UnknownAlgorithm(_)
            | Self::Parameters(_)
            | Self::Key(_)
            | Self::KeyMismatch { .. }
            | Self::KeyRestricted { .. }
            | Self::Encoding(_) => Fault::Algorithm,
            Self::Hash(error) => error.fault(),
            Self::Invalid => Fault::Signature,
        }
    }

    /// What the error shows about the artifact, if the certificate was found by a name: another key
    /// of that name may be right.
    pub const fn fault_by_name(&self, otherwise: Fault) -> Fault {
        match self.fault() {
            Fault::Signature => otherwise,
            fault => fault,
        }
    }
}

impl CertificateError {
    /// What the error shows about the artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Size(_) => Fault::Limit,
            Self::Pem(error) => error.fault(),
            Self::Malformed(error) => error.fault(),
            Self::Part { .. }
            | Self::Validity(_)
            | Self::AlgorithmsDiffer
            | Self::DuplicateExtension(_) => Fault::Unread,
        }
    }
}

impl PathError {
    /// What an error of the path shows about the artifact. Another CA of the same name is no
    /// forgery of this one, and an expired CA certificate may have been reissued.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::IssuerUnknown { .. } | Self::Validity { .. } | Self::Limit => Fault::Chain,
            Self::Signature { source, .. } => source.fault_by_name(Fault::Chain),
            Self::NotCa { .. }
            | Self::KeyUsage { .. }
            | Self::PathLength { .. }
            | Self::CriticalExtension { .. }
            | Self::NameConstraints { .. }
            | Self::NameNotComparable { .. }
            | Self::Version { .. }
            | Self::NoPolicy
            | Self::PolicyMapping
            | Self::Extension { .. }
            | Self::Purpose { .. } => Fault::ChainConstraints,
        }
    }
}

impl ReplyError {
    /// What the error shows about the artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Malformed(error) => error.fault(),
            Self::NotGranted { .. } | Self::TokenMissing => Fault::Other,
        }
    }
}

impl CmsError {
    /// What the error shows about the artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Malformed { source, .. } => source.fault(),
            Self::NotSignedData(_) | Self::ContentType(_) | Self::NoContent => Fault::Other,
            Self::DuplicateAttribute(_) | Self::AttributeValues(_) => Fault::Unread,
            Self::SignerCount(_)
            | Self::NoSignedAttributes
            | Self::AttributeMissing(_)
            | Self::SignedAttributesNotDer(_) => Fault::Constraints,
        }
    }
}

impl TstError {
    /// What the error shows about the artifact.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Malformed { source, .. } => source.fault(),
            Self::Version(_) => Fault::Other,
            Self::Field(_) | Self::TsaName(_) => Fault::Unread,
            Self::ImprintAlgorithm(_) | Self::ImprintLength { .. } => Fault::Algorithm,
            Self::CriticalExtension(_) => Fault::Constraints,
        }
    }
}

impl TokenError {
    /// What the error shows about the artifact.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Size(_) => Fault::Limit,
            Self::Pem(error) => error.fault(),
            Self::Reply(error) => error.fault(),
            Self::Cms(error) => error.fault(),
            Self::Tst(error) => error.fault(),
            Self::Attribute { source, .. } => source.fault(),
            Self::Hash(error) => error.fault(),
            Self::Signature(error) => error.fault(),
            Self::Path(error) => error.fault(),
            Self::Record(error) => error.fault(),
            Self::MessageDigest(_) => Fault::Digest,
            Self::SignerUnknown => Fault::Signer,
            Self::ContentTypeAttribute
            | Self::AlgorithmProtection
            | Self::AttributeOrder
            | Self::EssMismatch { .. }
            | Self::EssMissing
            | Self::ExtendedKeyUsage { .. }
            | Self::ExtendedKeyUsageNotCritical { .. }
            | Self::KeyUsage { .. }
            | Self::TsaName { .. }
            | Self::GenTimeOutsideKeyPeriod { .. } => Fault::Constraints,
            Self::GenTimeOutsideCertificate {
                gen_time,
                not_before,
                ..
            } => {
                if gen_time < not_before {
                    Fault::NotYetValid
                } else {
                    Fault::Expired
                }
            }
        }
    }
}

impl CrlError {
    /// What an error of a list shows. The signer was looked for by name.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Size(_) => Fault::Limit,
            Self::Pem(error) => error.fault(),
            Self::Malformed(error) => error.fault(),
            Self::Time(_)
            | Self::IssuerName(_)
            | Self::AlgorithmsDiffer
            | Self::ExtensionTwice(_) => Fault::Unread,
            Self::Scope(_) | Self::CriticalExtension(_) | Self::Incomplete(_) => Fault::Constraints,
            Self::EntryIssuer { .. } | Self::IssuerUnknown { .. } => Fault::Chain,
            Self::Signature { source, .. } => source.fault_by_name(Fault::Signer),
            Self::Path(error) => error.fault(),
            Self::Record(error) => error.fault(),
        }
    }
}

impl OcspError {
    /// What an error of a response shows. The signer was looked for by name.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Size(_) => Fault::Limit,
            Self::Pem(error) => error.fault(),
            Self::Malformed(error) => error.fault(),
            Self::Time(_) | Self::Type(_) | Self::Version(_) | Self::ExtensionTwice(_) => {
                Fault::Unread
            }
            Self::NotSuccessful(_) => Fault::Other,
            Self::CriticalExtension(_)
            | Self::Incomplete(_)
            | Self::SeveralIssuers
            | Self::ResponderValidity { .. } => Fault::Constraints,
            Self::IssuerUnknown => Fault::Chain,
            Self::ResponderUnknown { .. } | Self::ResponderPurpose { .. } => Fault::Signer,
            Self::Signature(error) => error.fault_by_name(Fault::Signer),
            Self::Path(error) | Self::ResponderPath(error) => error.fault(),
            Self::Record(error) => error.fault(),
        }
    }
}

impl Refusal {
    /// What the refusal shows about the artifact.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unrecognised(error) => error.fault(),
            Self::Token(error) => error.fault(),
            Self::Certificate(error) => error.fault(),
            Self::CertificatePath(error) => error.fault(),
            Self::IssuerKeyUnknown { .. } => Fault::Chain,
            Self::Crl(error) => error.fault(),
            Self::Ocsp(error) => error.fault(),
            Self::Record(error) => error.fault(),
            Self::TooManyRecords { .. } => Fault::Limit,
        }
    }
}

impl EvidenceRecordError {
    /// What the error shows about an evidence record.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Size(_) | Self::Limit => Fault::Limit,
            Self::Malformed(error) => error.fault(),
            Self::Empty(_) => Fault::Unread,
            Self::Version(_) | Self::Encrypted => Fault::Other,
            Self::Hash(error) => error.fault(),
            Self::WeakHash(_) => Fault::Algorithm,
            Self::HashLength { .. }
            | Self::Unlisted { .. }
            | Self::ChainHash { .. }
            | Self::ImprintHash { .. }
            | Self::OtherImprint { .. }
            | Self::NotStronger { .. } => Fault::Constraints,
            Self::NotCovered(_) | Self::NotRenewed(_) | Self::Root(_) => Fault::Digest,
            Self::Token { source, .. } => source.fault(),
            Self::Order { .. } => Fault::TimeOrder,
        }
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
