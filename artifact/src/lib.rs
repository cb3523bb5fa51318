//! Trust artifacts, and the records that a log keeps of them.
//!
//! Timestamp tokens (RFC 3161), X.509 certificates and revocation lists (RFC 5280) come in as
//! octets; out come either records, ready to be logged or compared with a log entry, or a refusal
//! with a stable code. One implementation serves the log's admission and every verifier
//! ([`admission`]). Sans-IO: no clock, no disk, no network; each artifact is judged as of its own
//! time, against anchors that the caller brings.
//!
//! ```text
//!   octets --parse--> TimestampToken | Certificate | Crl | OcspResponse   (read, not believed)
//!                        | verify(&Anchors)
//!                        v
//!                     VerifiedToken | Path | VerifiedCrl | VerifiedOcsp  (only these have records)
//!                        | record()
//!                        v
//!                     record::Record --encode--> a log entry (docs/formats/record.md)
//! ```
//!
//! What is not promised: revocation is not looked up. A caller with lists decides about
//! certificates by [`revocation::revocation_state`], with lists and responses of several times by
//! [`history::History`], and about tokens by [`status::token_status`].
//!
//! # Example
//!
//! ```no_run
//! use ishibumi_artifact::{Anchors, ArtifactType, Certificate, admit};
//!
//! let anchor = Certificate::parse(&std::fs::read("root.crt")?)?;
//! let token = std::fs::read("contract.tst")?;
//! let anchors = Anchors::from_certificates([anchor]);
//! let admitted = admit(ArtifactType::of(&token)?, &token, &anchors)?;
//! println!("{} records, the last is the token's", admitted.records().len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod admission;
mod anchors;
pub mod asn1;
pub mod certificate;
mod certificate_extension;
pub mod cms;
pub mod crl;
pub mod detached;
mod distribution;
pub mod end;
mod ess;
pub mod evidence_record;
pub mod fault;
mod general_name;
pub mod hash;
pub mod history;
mod hosts;
pub mod information;
mod issuers;
pub mod key;
pub mod name;
mod name_constraints;
mod name_text;
pub mod ocsp;
mod oid;
pub mod path;
pub mod pem;
mod person;
pub mod policy;
mod policy_extensions;
mod qc_statements;
pub mod qualified;
pub mod query;
pub mod record;
pub mod record_of;
pub mod reply;
pub mod revocation;
pub mod rules;
pub mod shape;
pub mod signature;
pub mod status;
mod status_extension;
mod status_time;
mod subtrees;
pub mod time;
pub mod token;
pub mod tst;
pub mod unsigned;
mod weak;
mod work;
pub mod written;

pub use admission::{
    Admitted, Bounds, Refusal, Verified, admit, admit_marking, admit_within, record_of,
};
pub use certificate::Certificate;
pub use crl::{Crl, VerifiedCrl};
pub use evidence_record::EvidenceRecord;
pub use fault::Fault;
pub use history::History;
pub use information::StatusInformation;
pub use ocsp::{OcspResponse, VerifiedOcsp};
pub use path::{Anchors, Path};
pub use query::TimestampQuery;
pub use record::{Body, Record};
pub use record_of::LookupKey;
pub use shape::ArtifactType;
pub use token::{TimestampToken, VerifiedToken};
pub use work::Work;
