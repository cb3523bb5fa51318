//! `ishibumi-log`: the operator's command.

// The time comes in by `Clock`.
#![deny(clippy::disallowed_methods)]

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ishibumi_archive::Form;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::written::day;
use ishibumi_log::config::Config;
use ishibumi_log::operate::close::{Waiting, Words};
use ishibumi_log::operate::predecessor::PredecessorFiles;
use ishibumi_log::operate::recover::{Phase, Wishes};
use ishibumi_log::operate::{self, OperateError};
use ishibumi_store::{Clock, SystemClock, private};
use ishibumi_tlog::Hash;
use serde_json::json;

/// Prints text or JSON in which no foreign octet steers a terminal: the escapes of JSON do for
/// both.
macro_rules! println {
    ($($text:tt)*) => { std::println!("{}", ishibumi_tlog::shown::json(&format!($($text)*))) };
}

/// Prints text on standard error in which no foreign octet steers a terminal: all but line ends is
/// escaped.
macro_rules! eprintln {
    ($($text:tt)*) => { std::eprintln!("{}", ishibumi_tlog::shown::lines(&format!($($text)*))) };
}

// Below the macros: its output goes through them.
mod say;

/// Runs a transparency log for timestamp tokens, certificates and revocations.
#[derive(Parser)]
#[command(
    name = "ishibumi-log",
    version,
    after_help = "Examples:\n  \
        ishibumi-log token\n  \
        ishibumi-log --config log.toml init\n  \
        ishibumi-log --config log.toml serve\n  \
        ishibumi-log --config log.toml check\n  \
        ishibumi-log --config log.toml recover --from https://mirror.example\n  \
        ishibumi-log --config log.toml erase 5f70bf18…a7c2 --reason 'order of the court of Example, 2027-03-01'\n  \
        ishibumi-log --config log.toml announce-closing --date 2027-03-31 --reason \"the operator retires\"\n  \
        ishibumi-log --config log.toml close\n  \
        ishibumi-log --config log.toml --print-config\n\n\
        Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 usage, or something exists \
        already, 3 unavailable for now (in use by another process, the address is taken)."
)]
struct Arguments {
    /// The configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "ishibumi-log.toml"
    )]
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
        #[command(flatten)]
        predecessor: ContinuedLog,
    },
    /// Create the keys of a log that does not exist yet, so that the closing record of another log can
    /// name them; `init --keep-key` takes them.
    Keys,
    /// Create the ML-DSA-44 key of a log that has none yet. It signs from the next start on.
    AddKey,
    /// Run the log until SIGTERM, SIGINT or SIGHUP.
    Serve {
        /// Only serve what has its quorum: nothing is taken and nothing signed, and no key is needed.
        #[arg(long)]
        read_only: bool,
    },
    /// Ask every witness and mirror once, and name what is wrong with each. The log may run.
    Check,
    /// Make a lost or older data directory anew from mirrors, archives or other copies, and say whether the
    /// log may sign again. The log must not be running. Can be run again after anything.
    ///
    /// Every record is verified against checkpoints that the log's own key signed. The log may sign only if
    /// neither its head file nor any witness or mirror of its policy knows of more.
    Recover {
        /// Where from: URL of a mirror or log, an archive (file or folder), or a data directory; once for
        /// each. Without any: the mirrors of the configuration.
        #[arg(long, value_name = "URL|PATH")]
        from: Vec<String>,
        /// A witness or mirror that is gone for ever and need not be asked, by its key name; once for each.
        /// If it has more than what is found here, the log forks.
        #[arg(long, value_name = "NAME")]
        without: Vec<String>,
    },
    /// Say that the machine that held the head file will never run this log again. The log must not be
    /// running.
    TakeOver,
    /// Print the log's public keys as the lines that policies need.
    Vkey,
    /// Read everything and compare it with everything; repairs nothing. The log must not be running.
    Fsck,
    /// Drop the index and make it anew from the records. The log must not be running.
    Reindex,
    /// Erase a revocation list or OCSP response that lies beside the log, and have the log say so. The log
    /// must not be running.
    ///
    /// Every record and every proof stays. Mirrors keep their copies until their operators erase them too.
    Erase {
        /// SHA-256 of the list or response, as its record has it
        #[arg(value_name = "SHA256", value_parser = digest)]
        blob: Hash,
        /// Why, in a sentence; it becomes public
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Write the whole log as files that need no server: a static tree, or ZIP volumes with --zip.
    ///
    /// The log must not be running; one that runs is exported with `ishibumi archive export`.
    Export {
        /// Where to: a folder that is not there yet. It appears when all of it is written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// ZIP volumes, each of which verifies itself, instead of a tree.
        #[arg(long)]
        zip: bool,
    },
    /// Say how the log is.
    Status,
    /// State in the log that it will close, and when. The log may run.
    AnnounceClosing {
        /// The day on which it is to close: YYYY-MM-DD, in UTC
        #[arg(long, value_name = "DATE")]
        date: String,
        #[command(flatten)]
        end: End,
    },
    /// Close the log for ever: state it, have the last checkpoint cosigned, destroy the keys. The log must
    /// not be running. Can be run again after anything. Cannot be undone.
    Close(Closing),
    /// Make a bearer token for a provider: prints the token, and the hash that goes into the
    /// configuration.
    Token,
}

// The log that a new one continues. No doc comment: clap would show it.
#[derive(clap::Args)]
struct ContinuedLog {
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
}

// How a log is closed.
#[derive(clap::Args)]
struct Closing {
    #[command(flatten)]
    end: End,
    /// Close although no mirror is known to hold a copy.
    #[arg(long)]
    without_mirror: bool,
    /// Seconds to wait for the quorum and a mirror.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What is said about the end of a log.
#[derive(clap::Args)]
struct End {
    /// Why, in English. `close` may leave it out if the end was announced.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    /// Why, in Japanese.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason_ja: String,
    /// A key of the log that continues, as a vkey line; once for each key.
    #[arg(long, value_name = "VKEY")]
    successor: Vec<String>,
    /// Who keeps a copy of this log, and where; once for each.
    #[arg(long, value_name = "TEXT")]
    custodian: Vec<String>,
}

impl End {
    fn words(&self) -> Words {
        Words {
            reason: self.reason.clone(),
            reason_ja: self.reason_ja.clone(),
            successor: self.successor.clone(),
            custodians: self.custodian.clone(),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ishibumi-log: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, OperateError> {
    private::keep_memory().map_err(|error| {
        OperateError::system(format!("cannot keep its memory from others: {error}"))
    })?;
    // An export is for others; every other file is for the operator alone.
    if !matches!(arguments.command, Some(Command::Export { .. })) {
        private::keep_files();
    }
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
        }) => init(&config, *keep_key, predecessor, arguments.json)?,
        Some(Command::Keys) => {
            let keys = operate::keys::create_keys(&config)?;
            let said = "The keys exist. init --keep-key makes the log";
            say::keys(arguments.json, &config.origin, said, &keys);
        }
        Some(Command::AddKey) => {
            let key = operate::keys::add_key(&config)?;
            let said = "The key exists. Once the log's policy names it, restart the log";
            say::keys(arguments.json, &config.origin, said, &[key]);
        }
        Some(Command::Serve { read_only }) => serve(&config, *read_only, arguments.json)?,
        Some(Command::Check) => {
            let checked = operate::check::check(&config)?;
            say::checked(arguments.json, &checked);
            return Ok(ExitCode::from(u8::from(!checked.is_well())));
        }
        Some(Command::Recover { from, without }) => {
            let (from, without) = (from.clone(), without.clone());
            return recover(&config, &Wishes { from, without }, arguments.json);
        }
        Some(Command::TakeOver) => {
            operate::take_over::take_over(&config)?;
            println!("this machine has the log now; the other one must never run it again");
        }
        Some(Command::Vkey) => {
            let keys = operate::keys::verifier_keys(&config)?;
            say::vkeys(arguments.json, &config.origin, &keys);
        }
        Some(Command::Fsck) => return fsck(&config, arguments.json),
        Some(Command::Reindex) => reindex(&config, arguments.json)?,
        Some(Command::Erase { blob, reason }) => {
            let erasure = operate::erase::erase(&config, *blob, reason, &SystemClock)?;
            say::erased(arguments.json, erasure);
        }
        Some(Command::Export { out, zip }) => export(&config, out, *zip, arguments.json)?,
        Some(Command::Status) => {
            say::status(arguments.json, &operate::status::status(&config)?);
        }
        Some(Command::AnnounceClosing { date, end }) => {
            announce(&config, date, end, arguments.json)?;
        }
        Some(Command::Close(closing)) => close(&config, closing, arguments.json)?,
        Some(Command::Token) | None => {
            eprintln!(
                "ishibumi-log: name a command: init, keys, add-key, vkey, serve, check, status, fsck, reindex, recover, \
                 take-over, erase, export, announce-closing, close or token"
            );
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(config: &Config, read_only: bool, as_json: bool) -> Result<(), OperateError> {
    let ready = |public, admin| {
        if as_json {
            println!("{}", json!({ "listen": public, "admin_listen": admin }));
        } else {
            println!("listening on http://{public} (admin http://{admin})");
        }
    };
    if read_only {
        return operate::serve::serve_read_only(config, ready);
    }
    operate::serve::serve(config, ready)
}

fn recover(config: &Config, wishes: &Wishes, as_json: bool) -> Result<ExitCode, OperateError> {
    let bar = progress_bar(as_json);
    let mut progress = |phase: Phase, done, all| {
        bar.set_message(match phase {
            Phase::Records => "records",
            Phase::Blobs => "looking for blobs",
            Phase::Checkpoints => "kept checkpoints",
        });
        bar.set_length(all);
        bar.set_position(done);
    };
    let done = operate::recover::recover(config, wishes, &mut progress);
    bar.finish_and_clear();
    let done = done?;
    say::recovered(as_json, &config.origin, &done);
    Ok(ExitCode::from(u8::from(!done.obstacles.is_empty())))
}

fn init(
    config: &Config,
    keep_key: bool,
    predecessor: &ContinuedLog,
    as_json: bool,
) -> Result<(), OperateError> {
    let named = predecessor.predecessor.as_ref();
    let named = named.zip(predecessor.predecessor_policy.as_ref());
    let files = named.map(|(checkpoint, policy)| PredecessorFiles {
        checkpoint: checkpoint.clone(),
        policy: policy.clone(),
        closing: predecessor.closing_record.clone(),
        abandoned: predecessor.abandoned,
    });
    let keys = operate::init::init(config, keep_key, files.as_ref())?;
    let said = format!("The log {} exists", config.origin);
    say::keys(as_json, &config.origin, &said, &keys);
    Ok(())
}

fn close(config: &Config, closing: &Closing, as_json: bool) -> Result<(), OperateError> {
    if !closing.yes {
        confirm(&config.origin)?;
    }
    let waiting = Waiting {
        without_mirror: closing.without_mirror,
        deadline: Duration::from_secs(closing.timeout),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let told = |what: &str| eprintln!("ishibumi-log: {what}");
    let words = closing.end.words();
    let done = operate::close::close(config, &words, waiting, &clock, told)?;
    say::closed(as_json, &config.origin, &done);
    Ok(())
}

fn announce(config: &Config, date: &str, end: &End, as_json: bool) -> Result<(), OperateError> {
    let digits = day(date).map(|day| format!("{}000000Z", day.replace('-', "")));
    let date = digits.and_then(|digits| Time::from_generalized(digits.as_bytes()).ok());
    let date = date.ok_or_else(|| {
        let what = "--date: no day; 2027-03-31 is one, also written 2027/3/31, 2027年3月31日, 令和9年3月31日 or R9.3.31";
        OperateError::Usage(what.to_owned())
    })?;
    let index = operate::close::announce(config, &end.words(), date)?;
    if as_json {
        println!("{}", json!({ "index": index }));
    } else {
        println!("record {index} says that {} will close", config.origin);
    }
    Ok(())
}

/// Asks the operator to type the log's name: closing cannot be undone.
fn confirm(origin: &str) -> Result<(), OperateError> {
    eprintln!(
        "{origin} will be closed for ever: it takes nothing any more and its signing keys are destroyed.\n\
         This cannot be undone. Type the log's name to go on:"
    );
    let mut line = String::new();
    // Unreadable input counts as not typed.
    let _ = std::io::stdin().read_line(&mut line);
    if line.trim() == origin {
        return Ok(());
    }
    let what = "not confirmed, so nothing was done; --yes closes without asking";
    Err(OperateError::Usage(what.to_owned()))
}

fn reindex(config: &Config, as_json: bool) -> Result<(), OperateError> {
    let bar = progress_bar(as_json);
    let count = operate::reindex::reindex(config, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if as_json {
        println!("{}", json!({ "records": count }));
    } else {
        println!("The index has all {count} records.");
    }
    Ok(())
}

fn digest(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "expected 64 hexadecimal digits".to_owned())
}

fn token(json: bool) -> Result<ExitCode, OperateError> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(OperateError::system)?;
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

fn export(config: &Config, out: &Path, zip: bool, json: bool) -> Result<(), OperateError> {
    let form = if zip { Form::Volumes } else { Form::Tree };
    let bar = progress_bar(json);
    let exported = operate::export::export(config, out, form, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let missing = exported.missing_blobs.len();
    if json {
        println!(
            "{}",
            json!({
                "origin": exported.origin, "size": exported.size, "root": exported.root.to_hex(),
                "volumes": exported.volumes, "checkpoints": exported.kept, "blobs": exported.blobs,
                "missing_blobs": missing,
            })
        );
        return Ok(());
    }
    println!(
        "{}: {} records, {} kept checkpoints and {} blobs are in {}; {missing} blobs are missing",
        exported.origin,
        exported.size,
        exported.kept,
        exported.blobs,
        out.display()
    );
    Ok(())
}

fn fsck(config: &Config, json: bool) -> Result<ExitCode, OperateError> {
    let bar = progress_bar(json);
    let report = operate::fsck::fsck(config, |progress| {
        bar.set_length(progress.all);
        bar.set_position(progress.done);
    })?;
    bar.finish_and_clear();
    if json {
        println!(
            "{}",
            json!({
                "records": report.records, "tiles": report.tiles,
                "checkpoints": report.checkpoints, "index_rows": report.index_rows,
                "wrong": report.wrong, "findings": report.findings,
            })
        );
    } else {
        for finding in &report.findings {
            println!("WRONG  {finding}");
        }
        println!(
            "{} records, {} tiles, {} checkpoints and {} index rows read; {} wrong",
            report.records, report.tiles, report.checkpoints, report.index_rows, report.wrong
        );
    }
    Ok(ExitCode::from(u8::from(report.wrong > 0)))
}
