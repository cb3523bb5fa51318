//! `load`: submits to a log and measures how it answers. See [`ishibumi_benches::Options`].

use std::process::ExitCode;

use clap::Parser as _;
use ishibumi_benches::{LoadError, Options, run};

fn main() -> ExitCode {
    let options = Options::parse();
    let report = match run(&options) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::from(if matches!(error, LoadError::Usage(_)) {
                2
            } else {
                3
            });
        }
    };
    if options.json {
        // A report is numbers and strings; nothing in it can fail to serialize.
        println!(
            "{}",
            serde_json::to_string_pretty(&report).unwrap_or_default()
        );
    } else {
        println!("{report}");
    }
    ExitCode::from(u8::from(report.checks_failed > 0))
}
