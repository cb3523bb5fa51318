//! The output of the command `ishibumi`: reports as text, JSON, HTML and PDF ([`render`]), and all
//! time-stamps of a period at once ([`batch`]).
//!
//! Not for embedding; verification is in the crate `ishibumi`.

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod batch;
pub mod render;
