//! Reaching a log: its static files, its submission API, its lookups, and a whole audit.
//!
//! Nothing that comes from here is trusted: files go into [`crate::audit`], proofs into
//! [`crate::Verifier`]. Every request has a deadline and a bound on the answer.

mod audit;
mod find;
mod log;
mod source;

pub use audit::{AuditError, AuditReport, Terms, audit};
pub use find::{FindError, Findings, Found, Query, find};
pub use log::{ApiError, LogClient, Problem, ProofAnswer, Staged, Submission, Submitted, Wait};
pub use source::{Source, SourceError};
