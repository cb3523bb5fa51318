//! Evidence files: one ZIP with all that offline verification needs
//! (`docs/formats/evidence-file.md`).
//!
//! A [`Collection`] is the content of one file: artifacts, their documents, the proofs of their
//! records, and further data about them; and, for information, the policy and anchors that the
//! packer used. [`Collection::encode`] and [`Collection::decode`] are a pair: of each collection
//! there is one file, and a decoded collection is known to encode to that file, octet by octet,
//! except for the pages that explain it.
//!
//! Nothing in a collection is verified. [`Collection::verify`] splits the shared proofs into single
//! ones and gives each item to the [`Verifier`](ishibumi_verify::Verifier) that single artifacts
//! have, with the caller's policy and anchors: an evidence file can bring certificates to build a
//! path with, but no trust.
//!
//! # Example
//!
//! ```no_run
//! use ishibumi_artifact::{Anchors, Certificate};
//! use ishibumi_evidence::Collection;
//! use ishibumi_tlog::Policy;
//! use ishibumi_verify::Verifier;
//!
//! let collection = Collection::decode(&std::fs::read("2026.evidence.zip")?)?;
//! let policy = Policy::parse(&std::fs::read("policy.txt")?)?;
//! let root = Certificate::parse(&std::fs::read("root.crt")?)?;
//! let anchors = Anchors::from_certificates([root])
//!     .with_intermediates(collection.known_certificates());
//! let verifier = Verifier::builder(&policy, &anchors).build();
//! for verdict in collection.verify(&verifier, |_| ()) {
//!     println!("{}: {}", verdict.artifact, verdict.report?.indication().word());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
mod error;
mod extract;
mod index;
mod layout;
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
pub use error::{EvidenceFileError, PROVEN_MAX};
pub use ishibumi_tlog::proof::LoggedEntry;
pub use pack::{PackError, Packed, pack_item, stamp_of, status_data};
pub use policies::{CHAIN_MAX, Policies, PoliciesError};
pub use verify::{StatementVerdict, Verdict};

use std::sync::Arc;

use bytes::Bytes;

/// The file extension of evidence files: ordinary tools open them.
pub const FILE_EXTENSION: &str = "evidence.zip";

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

/// An artifact, its document, and its proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The artifact.
    pub artifact: File,
    /// The document that a token stamps.
    pub document: Option<File>,
    /// The proof of its record, then proofs of the same record under the checkpoints that further
    /// tokens stamp.
    pub proofs: Vec<Arc<LoggedEntry>>,
}

/// A revocation list or an OCSP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusData {
    /// Its octets.
    pub octets: Bytes,
    /// The proof of its own record.
    pub proof: Option<Arc<LoggedEntry>>,
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

/// The content of an evidence file. Nothing of it is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// The artifacts.
    pub items: Vec<Item>,
    /// Lists and responses, for all items.
    pub revocation: Vec<StatusData>,
    /// Tokens over checkpoints that items have proofs under.
    pub checkpoint_tokens: Vec<Stamp>,
    /// Records without an artifact: what a log states about providers, and about itself.
    pub statements: Vec<Arc<LoggedEntry>>,
    /// Certificates below the anchors, DER: known to a verifier, never trusted.
    pub certificates: Vec<Vec<u8>>,
    /// Policies that the packer used. For information: no verifier takes them from here.
    pub policies: Vec<Vec<u8>>,
    /// DER of the anchors that the packer's paths end in. For information: they are not trusted.
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
