//! Commands, their output, and their exit codes, which are part of the promise:
//! 0 done, 1 refused or failed, 2 usage, 3 unavailable for now.

mod common;
mod failure;
mod import;
mod keys;
mod logs;
mod mirror;
mod mirror_source;
mod serve;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ishibumi_store::private;
use ishibumi_tlog::shown;
use serde_json::json;

use self::common::{BastionArgs, Common, EXIT_CODES, Lists, say};
use self::keys::KeyType;
use self::logs::LogFollower;
use self::mirror::MirrorCommand;

const EXAMPLES: &str = "\
Examples:
  ishibumi-witness init --dir /var/lib/witness --name witness.example/w1
  ishibumi-witness add-log --dir /var/lib/witness --vkey 'log.example/1+4f5a6b7c+AX...'
  ishibumi-witness serve --dir /var/lib/witness --listen 127.0.0.1:8080 --admin-listen 127.0.0.1:9090

Exit codes: 0 done; 1 refused or failed; 2 usage, or something exists already; 3 unavailable for now (the
directory is in use by another process, the address is taken, the disk failed).";

/// A witness of transparency logs: cosigns a log's checkpoints as long as the log only grows
/// (C2SP tlog-witness).
///
/// Never restore the state directory from a backup: a witness that forgets what it signed can be made
/// to sign a second history. If the state is lost, make a new witness with a new key.
#[derive(Parser)]
#[command(name = "ishibumi-witness", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create the keys and the empty state of a witness, and print its public keys (vkeys)
    ///
    /// An Ed25519 key, which every verifier knows, on the first line; an ML-DSA-44 key, which a quantum
    /// computer does not break, on the second. Every checkpoint is signed with both.
    #[command(after_help = EXIT_CODES)]
    Init {
        #[command(flatten)]
        common: Common,
        /// The witness's name in its cosignatures: a URL without scheme
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Watch another log; its first checkpoint will be trusted. Not while `serve` runs
    ///
    /// Logs are added, never removed, and a log's key never changes: whoever could make the witness
    /// forget a log could have it sign a second history.
    #[command(after_help = EXIT_CODES)]
    AddLog {
        #[command(flatten)]
        common: Common,
        /// The log's public key; the name in it is the log's origin
        #[arg(long, value_name = "VKEY")]
        vkey: String,
        /// Refuse unless the name in the key is this origin
        #[arg(long, value_name = "ORIGIN")]
        origin: Option<String>,
    },
    /// Add the logs of a list (`logs/v0`). Not while `serve` runs, which can follow lists itself
    ///
    /// Only ever adds: a log that is no longer on the list stays, a disabled one stays disabled. A changed
    /// key is an error that names both keys; what else is on the list is added all the same.
    #[command(after_help = EXIT_CODES)]
    AddLogs {
        #[command(flatten)]
        common: Common,
        /// A file, or an http(s) URL
        #[arg(long, value_name = "FILE|URL")]
        from: String,
    },
    /// Trust a second key of a log: of another type than those that it has. Not while `serve` runs
    ///
    /// Any of a log's keys suffices from then on. A key of the same type is a changed key, which is
    /// refused.
    #[command(after_help = EXIT_CODES)]
    AddLogKey {
        #[command(flatten)]
        common: Common,
        /// The log's other public key; the name in it is the log's origin
        #[arg(long, value_name = "VKEY")]
        vkey: String,
    },
    /// Sign nothing more for a log; everything stays remembered. Not while `serve` runs
    ///
    /// Its submissions are answered with 403. There is no command that removes a log.
    #[command(after_help = EXIT_CODES)]
    DisableLog {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// Sign for a disabled log again, from where it was. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    EnableLog {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// List the logs and what is remembered of each. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Logs {
        #[command(flatten)]
        common: Common,
    },
    /// Print the evidence that logs forked, or may have. Not while `serve` runs
    ///
    /// A fork is two checkpoints of one size with two roots, both signed by the log. A suspicion is a
    /// signed checkpoint whose consistency proof failed: anybody can send a true checkpoint with a wrong
    /// proof, so it says nothing before somebody has read the log. With --out, each is a file that
    /// `ishibumi fork verify` checks.
    #[command(after_help = EXIT_CODES)]
    Forks {
        #[command(flatten)]
        common: Common,
        /// Write each to a file in this directory, which is created; nothing is overwritten
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Let a halted log go on from the note that halted it. Not while `serve` runs
    ///
    /// A log is halted when somebody submits a checkpoint with a valid cosignature of this witness that
    /// its state does not know: the state is an older copy, or the key runs in two places. Find out
    /// which. If no other process holds the key, and the note is the newest that this witness can have
    /// signed (ask the log and its monitors), resume; otherwise make a new witness with a new key.
    #[command(after_help = EXIT_CODES)]
    Resume {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// Answer add-checkpoint requests until SIGTERM or SIGINT
    ///
    /// Prints `listening on http://ADDRESS` when ready. Put a reverse proxy with TLS in front.
    #[command(after_help = EXIT_CODES)]
    Serve {
        /// The witness's directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Address for logs and monitors; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// Address for GET /metrics; keep it off the public network
        #[arg(long, value_name = "ADDR")]
        admin_listen: Option<SocketAddr>,
        #[command(flatten)]
        lists: Lists,
        #[command(flatten)]
        bastion: BastionArgs,
    },
    /// Print the hash by which a bastion knows this witness; makes the key for it at the first call
    ///
    /// That key authenticates the connection of `serve --bastion` and signs no checkpoint. The witness's
    /// URL there is https://BASTION/HASH/, and the bastion's operator has to allow the hash.
    #[command(after_help = EXIT_CODES)]
    BastionKey {
        #[command(flatten)]
        common: Common,
    },
    /// Print the witness's public keys (vkeys), a line each, also while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Vkey {
        #[command(flatten)]
        common: Common,
    },
    /// Make another key and sign with it as well, from the next `serve` on. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    AddKey {
        #[command(flatten)]
        common: Common,
        /// What it signs with
        #[arg(long = "type", value_name = "TYPE")]
        kind: KeyType,
    },
    /// Sign no more with a key, and erase its private half. Not while `serve` runs
    ///
    /// What it signed stays known for this witness's, so that a state that is older than those signatures
    /// is still found out.
    #[command(after_help = EXIT_CODES)]
    RetireKey {
        #[command(flatten)]
        common: Common,
        /// The key's id, 8 hex digits: the part between the first two plus signs of its vkey
        #[arg(long, value_name = "HEX", value_parser = keys::parse_id)]
        id: u32,
    },
    /// Hold copies of logs, cosign that, and serve them (C2SP tlog-mirror)
    #[command(subcommand)]
    Mirror(MirrorCommand),
}

pub(crate) fn run() -> ExitCode {
    let command = Cli::parse().command;
    if let Err(error) = private::keep_memory() {
        eprintln!("ishibumi-witness: cannot keep its memory from others: {error}");
        return ExitCode::from(1);
    }
    private::keep_files();
    let (json, outcome) = match command {
        Command::Init { common, name } => (common.json, keys::init(&common, &name)),
        Command::AddLog {
            common,
            vkey,
            origin,
        } => (common.json, logs::add(&common, &vkey, origin.as_deref())),
        Command::AddLogs { common, from } => (common.json, logs::add_list(&common, &from)),
        Command::AddLogKey { common, vkey } => {
            let add = |logs: &LogFollower| logs::add_key(logs, &vkey);
            (common.json, logs::of_witness(&common, add))
        }
        Command::DisableLog { common, origin } => {
            let disable = |logs: &LogFollower| logs::disable(logs, &origin, true);
            (common.json, logs::of_witness(&common, disable))
        }
        Command::EnableLog { common, origin } => {
            let enable = |logs: &LogFollower| logs::disable(logs, &origin, false);
            (common.json, logs::of_witness(&common, enable))
        }
        Command::Logs { common } => (common.json, logs::of_witness(&common, logs::list)),
        Command::Forks { common, out } => {
            let forks = |logs: &LogFollower| logs::forks(logs, out.as_deref());
            (common.json, logs::of_witness(&common, forks))
        }
        Command::Resume { common, origin } => {
            let resume = |logs: &LogFollower| logs::resume(logs, &origin);
            (common.json, logs::of_witness(&common, resume))
        }
        Command::Mirror(command) => command.run(),
        Command::Vkey { common } => (common.json, keys::print(&common)),
        Command::AddKey { common, kind } => (common.json, keys::add(&common, kind)),
        Command::RetireKey { common, id } => (common.json, keys::retire(&common, id)),
        Command::Serve {
            dir,
            listen,
            admin_listen,
            lists,
            bastion,
        } => {
            let addresses = (listen, admin_listen);
            (false, serve::serve(&dir, addresses, &lists, &bastion))
        }
        Command::BastionKey { common } => (common.json, keys::bastion(&common)),
    };
    match outcome {
        Ok(printed) => {
            let text = if json {
                shown::json(&format!("{}\n", printed.json))
            } else {
                shown::lines(&printed.text)
            };
            say(&text);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if json {
                let error = json!({ "error": failure.message });
                say(&shown::json(&format!("{error}\n")));
            }
            let message = shown::line(&failure.message);
            let _ = writeln!(std::io::stderr(), "ishibumi-witness: {message}");
            ExitCode::from(failure.code)
        }
    }
}
