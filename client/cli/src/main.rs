//! The `ishibumi` command, for all who trust, or check, a transparency log.
//!
//! `verify` and `policy check` open no socket: they start no runtime and load no TLS, so that a
//! tracer sees nothing but files (a test watches). Exit codes are part of the promise, see
//! [`cli::Exit`] and `docs/verdicts.md`.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
