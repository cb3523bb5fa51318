//! `ishibumi keygen`: a key for a log or a witness.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Exit, Failure, Output};

const EXAMPLES: &str = "Examples:
  ishibumi keygen --name log.example/2026 --out log.key
  ishibumi keygen --name witness.example/w1 --kind witness --out w1.key

The private key is written with mode 0600; the public one is printed as a vkey (C2SP signed-note),
as policies want it. An existing file is never overwritten.

Exit codes: 0 done, 2 usage, or the file exists, 3 unavailable (it cannot be written).";

/// Make an Ed25519 key for a log or a witness
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeygenArguments {
    /// Name of the key: a log's origin, a witness's name; a URL without its scheme
    #[arg(long)]
    name: String,
    /// Who will sign with it
    #[arg(long, value_enum, default_value = "log")]
    kind: Kind,
    /// Where to write the private key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Signs checkpoints (type 0x01)
    Log,
    /// Cosigns them with a time (type 0x04)
    Witness,
}

pub(crate) fn run(arguments: &KeygenArguments, voice: Output) -> Result<Exit, Failure> {
    let path = &arguments.out;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| Failure::unavailable(format!("no randomness from the system: {error}")))?;
    let kind = match arguments.kind {
        Kind::Log => SignatureType::Ed25519,
        Kind::Witness => SignatureType::CosignatureV1,
    };
    let signer = NoteSigner::from_seed(&arguments.name, kind, &seed).map_err(Failure::usage)?;
    let text = Zeroizing::new(format!("{}\n", signer.to_private_text()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        });
    written.map_err(|error| {
        let failure = format!("{}: {error}", path.display());
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::usage(failure)
                .advice("a key is never overwritten: choose another file, or move that one away")
        } else {
            Failure::unavailable(failure)
        }
    })?;
    let vkey = signer.verifier().to_string();
    let value = json!({ "vkey": vkey, "file": path.display().to_string() });
    voice.say(&value, &format!("{vkey}\n"));
    Ok(Exit::Proven)
}
