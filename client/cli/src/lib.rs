//! What the command `ishibumi` says, and how it counts: reports in words, JSON, HTML and PDF ([`render`]),
//! and all time-stamps of a period at once ([`batch`]).
//!
//! Nobody embeds this; what decides is in the crate `ishibumi`.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod batch;
pub mod render;
