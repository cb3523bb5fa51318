//! The command line of the witness's operator.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
