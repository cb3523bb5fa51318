//! Reaching a log: its static files, its submission API, its lookups, and a whole audit; and
//! reaching several sources, of which the first with a verified answer wins ([`first_verified`]).
//!
//! Nothing that this crate returns is trusted: files go into [`ishibumi_audit`], proofs into
//! [`Verifier`](ishibumi_verify::Verifier). Every request has a deadline and a bound on the answer.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod audit;
mod beside;
mod checkpoint_timestamps;
mod entry;
mod evidence;
mod fallback;
mod find;
mod log;
mod monitor;
mod prefetch;
mod prover;
mod revocation;
mod source;
mod stamp;
mod succession;

pub use audit::{AuditError, AuditReport, ListsRead, Terms, audit};
pub use beside::{Agreement, Beside, Compared, Fork, Seen, compare};
pub use checkpoint_timestamps::{AnchorReader, Covered, Covering};
pub use entry::{Place, entry};
pub use evidence::{EvidenceError, evidence};
pub use fallback::{Answered, Attribution, Refused, first_verified};
pub use find::{FindError, Findings, Found, Query, every_record, find, proven_not_after};
pub use log::{
    ApiError, LogClient, Problem, ProofAnswer, STATEMENT, Staged, Submission, Submitted, Wait,
};
pub use monitor::{Post, PostKind, Targets, watch_round};
pub use prover::prefix_of;
pub use revocation::{AskedAbout, HeldStatus, StatusError, held_status};
pub use source::{HeadError, Source, SourceError};
pub use stamp::{StampError, Stamped, Tsa, stamp};
pub use succession::{Committed, Step, StepError, step_down};
