//! The library that everybody trusts: it verifies evidence of the Ishibumi transparency log.
//!
//! | question | entry point |
//! | --- | --- |
//! | Does this evidence prove what it claims? | [`Verifier::verify`] gives a [`Report`] |
//! | What is in this evidence file, and does it hold? | [`evidence::Collection`] |
//! | How do I show that to a person or a program? | [`render::text`], [`render::json`] |
//! | Does this log hold what it signed? | [`audit::Replay`] |
//! | What became of all timestamps of a period? | [`batch::Batch`] |
//! | Did a TSU use one serial twice? | [`misissue::Misissue`] |
//! | Which log continues which, and did the old one close in order? | [`succession::Link`] |
//! | Does anybody see another log than I do? | [`monitor::Watch`] |
//! | How do I reach a log? (feature `net`) | `fetch` |
//!
//! All but the last have no clock, disk, network or thread, and build for wasm32 without default
//! features. A report can only be made by verifying; what was not verified is not in it.
//! `docs/verdicts.md` says what each verdict means and what it does not.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod audit;
pub mod batch;
pub mod evidence;
#[cfg(feature = "net")]
pub mod fetch;
pub mod misissue;
pub mod monitor;
pub mod provider;
pub mod render;
pub mod succession;
pub mod verify;

pub use ishibumi_artifact as artifact;
pub use ishibumi_tlog as tlog;
pub use render::Language;
pub use verify::{
    CheckpointToken, Evidence, Report, RevocationData, RevocationRule, Verifier, VerifyError,
};
