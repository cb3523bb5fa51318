//! `tokens`: makes a TSA and many distinct real tokens with OpenSSL, for `load --kind tokens`.
//!
//! Costs about five milliseconds of CPU a token; tokens that are there already are kept, so a
//! folder is a cache.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ishibumi_benches::tsa::{Tsa, TsuKey};

/// Makes `DIR/tsa/` (its anchor: `DIR/tsa/ca.crt`) and `DIR/tokens/*.tst`.
///
/// Exit codes: 0 all there, 2 usage, 3 OpenSSL or a file failed.
#[derive(Debug, Parser)]
#[command(name = "tokens", version)]
struct Options {
    /// The folder.
    #[arg(long)]
    out: PathBuf,
    /// How many tokens there have to be.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,
    /// The TSU's key, if the folder has no TSA yet.
    #[arg(long, value_enum, default_value_t = Key::Rsa2048)]
    key: Key,
    /// OpenSSL processes at a time.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
    Rsa2048,
    P256,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let key = match options.key {
        Key::Rsa2048 => TsuKey::Rsa2048,
        Key::P256 => TsuKey::P256,
    };
    let progress = |made: u64| {
        if made.is_multiple_of(1000) {
            eprintln!("{made} of {} tokens", options.count);
        }
    };
    let outcome = Tsa::open(&options.out.join("tsa"), key).and_then(|tsa| {
        let folder = options.out.join("tokens");
        tsa.tokens(&folder, options.count, options.jobs, progress)
    });
    match outcome {
        Ok(()) => {
            println!(
                "{} tokens in {}",
                options.count,
                options.out.join("tokens").display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tokens: {error}");
            ExitCode::from(3)
        }
    }
}
