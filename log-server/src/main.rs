//! `ishibumi-log`: the operator's command.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ishibumi_log::config::Config;
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
    },
    /// Create the ML-DSA-44 key of a log that has none yet. It signs from the next start on.
    AddKey,
    /// Run the log until SIGTERM.
    Serve,
    /// Read everything and compare it with everything; repairs nothing. The log must not be running.
    Fsck,
    /// Drop the index and make it anew from the records. The log must not be running.
    Reindex,
    /// Erase a blob: the log states it in a record, then the blob is deleted. The log must not be running.
    Erase {
        /// SHA-256 of the blob (a revocation list or an OCSP response), 64 hexadecimal digits.
        #[arg(value_parser = blob)]
        sha256: Hash,
        /// Why; published for ever in the record. Do not repeat there what had to be erased.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say how the log is.
    Status,
    /// Make a bearer token for a provider: prints the token, and the hash that goes into the
    /// configuration.
    Token,
}

fn blob(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "expected 64 lowercase hexadecimal digits".to_owned())
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
        Some(Command::Init { keep_key }) => {
            let keys = operate::init::init(&config, *keep_key)?;
            let said = format!("The log {} exists", config.origin);
            say_keys(arguments.json, &config.origin, &said, &keys);
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
        Some(Command::Erase { sha256, reason }) => {
            let erased = operate::erase::erase(&config, *sha256, reason)?;
            let index = erased.index;
            if arguments.json {
                println!(
                    "{}",
                    json!({ "blob": sha256.to_hex(), "record": index, "stated_before": erased.before })
                );
            } else if erased.before {
                println!("Record {index} said so already; the blob {sha256} is gone.");
            } else {
                println!(
                    "Record {index} says that the blob {sha256} was erased, and it is gone. The next serve \
                     publishes the record."
                );
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
                "ishibumi-log: name a command: init, add-key, serve, fsck, reindex, erase, status or token"
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
