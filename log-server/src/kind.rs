//! The kinds of submissions, and their names in a header, in a batch and in the configuration.

use ishibumi_artifact::ArtifactType;

/// The kind that a submitter declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A trust artifact.
    Artifact(ArtifactType),
    /// Any octets; in laboratories only.
    Opaque,
}

impl Kind {
    /// The kind of a submission with this media type.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "application/octet-stream" => Some(Self::Opaque),
            other => ArtifactType::from_media_type(other).map(Self::Artifact),
        }
    }

    /// The kind of a batch item with this type octet.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Artifact(ArtifactType::TimestampReply)),
            2 => Some(Self::Artifact(ArtifactType::TimestampToken)),
            3 => Some(Self::Artifact(ArtifactType::Certificate)),
            4 => Some(Self::Artifact(ArtifactType::Crl)),
            5 => Some(Self::Artifact(ArtifactType::OcspResponse)),
            255 => Some(Self::Opaque),
            _ => None,
        }
    }

    /// The word for this kind in a provider's `kinds`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Artifact(ArtifactType::Certificate) => "certificate",
            Self::Artifact(ArtifactType::Crl) => "crl",
            Self::Artifact(ArtifactType::OcspResponse) => "ocsp-response",
            Self::Artifact(ArtifactType::TimestampReply | ArtifactType::TimestampToken) => {
                "timestamp-token"
            }
            // A kind that the crate `artifact` knows and this one does not: no provider may submit
            // it.
            Self::Artifact(_) => "unsupported",
            Self::Opaque => "opaque",
        }
    }
}
