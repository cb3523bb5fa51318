//! Why an evidence file cannot be read or made.

use ishibumi_artifact::certificate::CertificateError;
use ishibumi_tlog::multiproof::MultiproofError;

use super::container::{ContainerError, ENTRIES_MAX};
use super::layout::FORMAT;

/// The most entries of logs that are proven in one file: a proof takes up to 2 kB of memory,
/// however little it takes in the file.
pub const PROVEN_MAX: usize = 2 * ENTRIES_MAX;

/// Why an evidence file cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceFileError {
    /// The ZIP around it.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// An entry that has to be there, or that another one names, is missing.
    #[error("the entry {0} is missing")]
    Missing(String),
    /// The list of SHA-256 sums is not that of the entries.
    #[error("{name}: its SHA-256 is not the one listed: the file is damaged or was changed")]
    Sum {
        /// The first entry that differs.
        name: String,
    },
    /// A renewed file, where one is wanted that was not.
    #[error(
        "this is a renewed evidence file; the evidence file itself is the entry evidence.zip in it"
    )]
    Renewed,
    /// The index cannot be read.
    #[error("META-INF/evidence.json: {0}")]
    Index(String),
    /// Another format, or a later version.
    #[error("META-INF/evidence.json: the format is {found:?}, this program reads {FORMAT:?}")]
    Format {
        /// The value in the file.
        found: String,
    },
    /// A multiproof cannot be read, or its hashes do not fit.
    #[error("{name}: {source}")]
    Proof {
        /// The entry, or the origin of the log.
        name: String,
        /// Why the proof cannot be read.
        source: MultiproofError,
    },
    /// A proof that the index names is not in the multiproof.
    #[error("{name}: it proves no entry {index}")]
    NoSuchEntry {
        /// The multiproof.
        name: String,
        /// The index that was asked for.
        index: u64,
    },
    /// More proofs than are read.
    #[error(
        "more than {PROVEN_MAX} entries of logs are proven, which is the most for one evidence file"
    )]
    TooManyProven,
    /// A certificate cannot be read.
    #[error("{name}: {source}")]
    Certificate {
        /// The entry.
        name: String,
        /// Why the certificate cannot be read.
        source: CertificateError,
    },
    /// An entry is not as this content is written: left over, in another spelling, or under another
    /// name.
    #[error(
        "the entry {0} is not as an evidence file of this content has it (left over, renamed, or in \
         another spelling)"
    )]
    Spelling(String),
    /// Two proofs under one checkpoint state two entries at one index.
    #[error(
        "two different entries are said to be number {index} of {log}: one of the proofs is false"
    )]
    TwoEntries {
        /// The log's origin.
        log: String,
        /// The index.
        index: u64,
    },
    /// A checkpoint that is none.
    #[error("{name}: its checkpoint cannot be read")]
    Checkpoint {
        /// The artifact.
        name: String,
    },
    /// An item without a proof proves nothing.
    #[error("{0}: no proof of it is there")]
    NoProof(String),
    /// There is nothing to pack.
    #[error("there is nothing to pack: no artifact and no statement")]
    Empty,
}

impl EvidenceFileError {
    /// Whether it is no evidence file that is known here: nothing in it is then shown to be false.
    pub const fn is_unread(&self) -> bool {
        match self {
            Self::Container(error) => error.is_unread(),
            Self::Format { .. } => true,
            _ => false,
        }
    }
}
