//! The library that everybody trusts: it verifies evidence of the Ishibumi transparency log.
//!
//! | question | entry point |
//! | --- | --- |
//! | Does this evidence prove what it claims? | [`Verifier::verify`] gives a [`Report`] |
//! | What is in this evidence file, and does it hold? | [`evidence::Collection`] |
//! | Does this log hold what it signed? (feature `audit`) | `audit::Replay` |
//! | Did a TSU use one serial twice? (`audit`) | `misissue::Misissue` |
//! | Which log continues which, and did the old one close in order? (`audit`) | `succession::Link` |
//! | Does anybody see another log than I do? (`audit`) | `monitor::Watch` |
//! | How do I reach a log? (feature `fetch`) | `fetch` |
//!
//! All but the last have no clock, disk, network or thread, and build for wasm32. A report can only
//! be made by verifying; what was not verified is not in it. `docs/verdicts.md` says what each
//! verdict means and what it does not.
//!
//! Each of these is a crate of its own (`ishibumi-verify`, `ishibumi-evidence`, `ishibumi-audit`,
//! `ishibumi-fetch`); this one only gathers them, with [`tlog`] and [`artifact`], whose types they
//! take.

#![deny(missing_docs)]

pub use ishibumi_artifact as artifact;
#[cfg(feature = "audit")]
pub use ishibumi_audit::{self as audit, misissue, monitor, provider, succession};
pub use ishibumi_evidence as evidence;
#[cfg(feature = "fetch")]
pub use ishibumi_fetch as fetch;
pub use ishibumi_tlog as tlog;
pub use ishibumi_verify as verify;

pub use verify::{
    CheckpointToken, Evidence, Report, RevocationData, RevocationRule, Verifier, VerifyError,
};
