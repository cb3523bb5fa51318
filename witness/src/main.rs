//! The command line of the witness's operator.

// The time comes in by `Clock`.
#![deny(clippy::disallowed_methods)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
