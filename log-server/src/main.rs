//! `ishibumi-log`: the operator's command.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ishibumi_log::config::Config;
use ishibumi_log::operate::predecessor::PredecessorFiles;
use ishibumi_log::operate::{self, OperateError};
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;
use serde_json::json;

/// Runs a transparency log for timestamp tokens, certificates and revocations.
#[derive(Parser)]
#[command(
    name = "ishibumi-log",
    version,
    after_help = "Examples:\n  \
        ishibumi-log token\n  \
        ishibumi-log --config log.toml init\n  \
        ishibumi-log --config log.toml serve\n  \
        ishibumi-log --config log.toml --print-config\n\n\
        Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 usage."
)]
struct Arguments {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "ishibumi-log.toml")]
    config: PathBuf,
    /// Print the configuration in force, with every default, and stop.
    #[arg(long)]
    print_config: bool,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Create a new log: its keys, its head file and its data directory. Refuses if any exists.
    Init {
        /// Use the keys that are in key_file and key_file_ml_dsa_44 already.
        #[arg(long)]
        keep_key: bool,
        /// Continue another log: its last checkpoint, a signed note with its quorum.
        #[arg(long, value_name = "FILE", requires = "predecessor_policy")]
        predecessor: Option<PathBuf>,
        /// The policy under which that checkpoint is verified: the old log's own.
        #[arg(long, value_name = "FILE", requires = "predecessor")]
        predecessor_policy: Option<PathBuf>,
        /// The closing record of that log; its proof is in FILE.tlog-proof.
        #[arg(long, value_name = "FILE", requires = "predecessor")]
        closing_record: Option<PathBuf>,
        /// The other log vanished without a closing record. Verifiers will call it abandoned.
        #[arg(long, requires = "predecessor", conflicts_with = "closing_record")]
        abandoned: bool,
    },
    /// Create the keys of a log that does not exist yet, so that the closing record of another log can
    /// name them; `init --keep-key` takes them.
    Keys,
    /// Create the ML-DSA-44 key of a log that has none yet. It signs from the next start on.
    AddKey,
    /// Run the log until SIGTERM.
    Serve,
    /// Read everything and compare it with everything; repairs nothing. The log must not be running.
    Fsck,
    /// Drop the index and make it anew from the records. The log must not be running.
    Reindex,
    /// Say how the log is.
    Status,
    /// Make a bearer token for a provider: prints the token, and the hash that goes into the
    /// configuration.
    Token,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ishibumi-log: {error}");
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, OperateError> {
    if let Some(Command::Token) = arguments.command {
        return token(arguments.json);
    }
    let config = Config::load(&arguments.config)?;
    if arguments.print_config {
        print!("{}", config.to_toml());
        return Ok(ExitCode::SUCCESS);
    }
    match &arguments.command {
        Some(Command::Init {
            keep_key,
            predecessor,
            predecessor_policy,
            closing_record,
            abandoned,
        }) => {
            let predecessor = predecessor.as_ref().zip(predecessor_policy.as_ref());
            let predecessor = predecessor.map(|(checkpoint, policy)| PredecessorFiles {
                checkpoint: checkpoint.clone(),
                policy: policy.clone(),
                closing: closing_record.clone(),
                abandoned: *abandoned,
            });
            let keys = operate::init::init(&config, *keep_key, predecessor.as_ref())?;
            let said = format!("The log {} exists", config.origin);
            say_keys(arguments.json, &config.origin, &said, &keys);
        }
        Some(Command::Keys) => {
            let keys = operate::keys::create_keys(&config)?;
            let said = "The keys exist. init --keep-key makes the log";
            say_keys(arguments.json, &config.origin, said, &keys);
        }
        Some(Command::AddKey) => {
            let key = operate::keys::add_key(&config)?;
            let said = "The key exists. Once the log's policy names it, restart the log";
            say_keys(arguments.json, &config.origin, said, &[key]);
        }
        Some(Command::Serve) => operate::serve::serve(&config, |public, admin| {
            if arguments.json {
                println!("{}", json!({ "listen": public, "admin_listen": admin }));
            } else {
                println!("listening on http://{public} (admin http://{admin})");
            }
        })?,
        Some(Command::Fsck) => return fsck(&config, arguments.json),
        Some(Command::Reindex) => {
            let bar = progress_bar(arguments.json);
            let count = operate::reindex::reindex(&config, |done, all| {
                bar.set_length(all);
                bar.set_position(done);
            })?;
            bar.finish_and_clear();
            if arguments.json {
                println!("{}", json!({ "records": count }));
            } else {
                println!("The index has all {count} records.");
            }
        }
        Some(Command::Status) => {
            let status = operate::status::status(&config)?;
            if arguments.json {
                println!("{status}");
            } else if let Some(members) = status.as_object() {
                for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                    println!(
                        "{name:<22}{}",
                        value.as_str().map_or(value.to_string(), Into::into)
                    );
                }
            }
        }
        Some(Command::Token) | None => {
            eprintln!(
                "ishibumi-log: name a command: init, keys, add-key, serve, fsck, reindex, status or token"
            );
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says public keys, in text as the lines that policies need.
fn say_keys(as_json: bool, origin: &str, said: &str, keys: &[VerifierKey]) {
    if as_json {
        let vkeys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        println!("{}", json!({ "origin": origin, "vkeys": vkeys }));
        return;
    }
    println!("{said}. For policies:");
    for key in keys {
        println!("log {key}");
    }
}

fn token(json: bool) -> Result<ExitCode, OperateError> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(|error| OperateError::Refused(error.to_string()))?;
    let token = hex::encode(octets);
    let hash = Hash::of(token.as_bytes());
    if json {
        println!(
            "{}",
            json!({ "token": token, "token_sha256": hash.to_hex() })
        );
    } else {
        println!("token         {token}\ntoken_sha256  {hash}");
    }
    Ok(ExitCode::SUCCESS)
}

/// On standard error, if that is a terminal and people are to read it.
fn progress_bar(json: bool) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::hidden();
    if std::io::stderr().is_terminal() && !json {
        bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    }
    bar
}

fn fsck(config: &Config, json: bool) -> Result<ExitCode, OperateError> {
    let bar = progress_bar(json);
    let report = operate::fsck::fsck(config, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if json {
        println!(
            "{}",
            json!({
                "records": report.records, "tiles": report.tiles,
                "checkpoints": report.checkpoints, "wrong": report.wrong,
                "findings": report.findings,
            })
        );
    } else {
        for finding in &report.findings {
            println!("WRONG  {finding}");
        }
        println!(
            "{} records, {} tiles and {} checkpoints read; {} wrong",
            report.records, report.tiles, report.checkpoints, report.wrong
        );
    }
    Ok(ExitCode::from(u8::from(report.wrong > 0)))
}
