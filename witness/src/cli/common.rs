//! Parts that commands share: their arguments, and how they report what they did.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use ishibumi_artifact::time::Time;
use serde_json::Value;

pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused or failed; 2 usage, or something exists already; 3 unavailable for now (the
directory is in use by another process, the address is taken, the disk failed).";

#[derive(Args)]
pub(super) struct Common {
    /// The witness's directory
    #[arg(long, value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct Lists {
    /// A list of logs to add (`logs/v0`), read at start and then again and again; may be repeated
    #[arg(long = "log-list", value_name = "FILE|URL")]
    pub(super) sources: Vec<String>,
    /// From one reading of the lists to the next
    #[arg(long = "log-list-seconds", value_name = "N", default_value_t = 3600,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seconds: u64,
}

#[derive(Args)]
pub(super) struct BastionArgs {
    /// Also answer through a bastion (C2SP https-bastion) at this address; see `bastion-key`
    #[arg(long = "bastion", value_name = "HOST:PORT")]
    pub(super) address: Option<String>,
    /// The certificates (PEM) that the bastion's is issued below, instead of those that the system trusts
    #[arg(long = "bastion-ca", value_name = "FILE", requires = "address")]
    pub(super) roots: Option<PathBuf>,
}

/// The output of a command: for people, and with `--json`.
pub(super) struct Printed {
    pub(super) text: String,
    pub(super) json: Value,
}

/// A time as a person reads it.
pub(super) fn utc(seconds: u64) -> Time {
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Standard output may be a pipe that was closed; then there is no reader.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
