//! The requirements on every implementation of [`crate::LogStore`] and [`crate::Registers`], as
//! code.
//!
//! Behind the feature `conformance`, so that a store of another crate passes the same suite. Each
//! function panics with what it expected. Roots are recomputed by the definition of RFC 6962, from
//! the records alone.

// Panicking is how a suite reports, for every function of it.
#![allow(clippy::missing_panics_doc)]

mod log;
mod registers;

pub use log::{batch_of, check_log, check_tree, naive_root, note_of, record};
pub use registers::check_registers;
