//! The command line of the witness's operator.

mod cli;
mod failure;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
