//! Evidence files: one ZIP with all that offline verification needs (`docs/formats/evidence-file.md`).
//!
//! A [`Collection`] is what is in one: artifacts, their documents, and the proofs of their records; what
//! belongs to them; and, for information, the policy and anchors that the packer used.
//! [`Collection::encode`] and [`Collection::decode`] are a pair: of each collection there is one file, and
//! what was decoded is known to be that file, octet by octet, but for the pages that explain it.
//!
//! Nothing in a collection is verified. [`Collection::verify`] splits the shared proofs into single ones
//! and gives each item to the [`Verifier`](ishibumi_verify::Verifier) that single artifacts have, with the caller's
//! policy and anchors: an evidence file can bring certificates to build a path with, and trust in nothing.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod container;
mod contradiction;
mod decode;
pub mod embed;
mod encode;
mod extract;
mod index;
mod names;
mod pack;
mod pages;
pub mod pdf;
mod policies;
mod proofs;
mod readme;
pub mod renewal;
mod verify;

pub use container::{ContainerError, ENTRIES_MAX, FILE_LEN_MAX};
pub use contradiction::{Contradiction, contradictions};
pub use ishibumi_tlog::proof::Logged;
pub use pack::{PackError, Packed, pack_item, stamp_of, status_data};
pub use policies::{CHAIN_MAX, Policies, PoliciesError};
pub use verify::{StatementVerdict, Verdict};

use std::sync::Arc;

use bytes::Bytes;
use index::FORMAT;
use ishibumi_artifact::certificate::CertificateError;
use ishibumi_tlog::multiproof::MultiproofError;

/// The file extension of evidence files: ordinary tools open them.
pub const FILE_EXTENSION: &str = "evidence.zip";

/// The most entries of logs that are proven in one file: a proof takes up to 2 kB of memory, however little
/// it takes in the file.
pub const PROVEN_MAX: usize = 2 * ENTRIES_MAX;

/// A file with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name, without folders.
    pub name: String,
    /// The content, as it was; of a file that was decoded a part of its memory.
    pub octets: Bytes,
}

impl File {
    /// A file, under its own name as far as every file system takes it.
    pub fn new(name: &str, octets: impl Into<Bytes>) -> Self {
        Self {
            name: names::kept(name),
            octets: octets.into(),
        }
    }
}

/// An artifact, what it is about, and how it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The artifact.
    pub artifact: File,
    /// The document that a token stamps.
    pub document: Option<File>,
    /// The proof of its record, then proofs of the same record under other checkpoints, for the tokens
    /// over those.
    pub proofs: Vec<Arc<Logged>>,
}

/// A revocation list or an OCSP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusData {
    /// Its octets.
    pub octets: Bytes,
    /// The proof of its own record.
    pub proof: Option<Arc<Logged>>,
}

/// A time-stamp token over a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Origin of the log whose checkpoint it stamps.
    pub log: String,
    /// Size of the tree.
    pub size: u64,
    /// The token or reply.
    pub token: Bytes,
}

/// What is in an evidence file. Nothing of it is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// The artifacts.
    pub items: Vec<Item>,
    /// Lists and responses, for all items.
    pub revocation: Vec<StatusData>,
    /// Tokens over checkpoints that items have proofs under.
    pub checkpoint_tokens: Vec<Stamp>,
    /// Records without an artifact: what a log states about providers, and about itself.
    pub statements: Vec<Arc<Logged>>,
    /// Certificates below the anchors, DER: known to a verifier, never trusted.
    pub certificates: Vec<Vec<u8>>,
    /// Policies that the packer used. For information: no verifier takes them from here.
    pub policies: Vec<Vec<u8>>,
    /// The anchors that the packer's paths end in, DER. For information, likewise.
    pub anchors: Vec<Vec<u8>>,
}

impl Collection {
    /// Everything of several collections. What several have is there once when it is encoded.
    #[must_use]
    pub fn merged(collections: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for one in collections {
            all.items.extend(one.items);
            all.revocation.extend(one.revocation);
            all.checkpoint_tokens.extend(one.checkpoint_tokens);
            all.statements.extend(one.statements);
            all.certificates.extend(one.certificates);
            all.policies.extend(one.policies);
            all.anchors.extend(one.anchors);
        }
        all
    }
}

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
        /// What the file says.
        found: String,
    },
    /// A multiproof cannot be read, or its hashes do not fit.
    #[error("{name}: {source}")]
    Proof {
        /// The entry, or the origin of the log.
        name: String,
        /// What is wrong.
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
        /// What is wrong.
        source: CertificateError,
    },
    /// An entry is not what is written for this content: left over, in another spelling, or elsewhere.
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
    /// Nothing to pack.
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
