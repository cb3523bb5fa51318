//! Arguments, and dispatch.

mod age;
mod archive;
mod audit;
mod batch;
mod below;
mod collect;
mod dated;
mod day;
mod evidence;
mod files;
mod find;
mod fork;
mod in_pdf;
mod keygen;
mod misissue;
mod mistaken;
mod monitor;
mod network;
mod policy;
mod proof;
mod proof_least;
mod report;
mod revocation;
mod sha1;
mod shell;
mod stamp;
mod statement;
mod submit;
mod succession;
mod trust;
mod verify;
mod with_proof;

pub(crate) use shell::{Exit, Failure, Output, tell};

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ContextValue;
use clap::{Parser, Subcommand, ValueEnum};
use ishibumi_cli::render::Language;
use ishibumi_tlog::shown;

const EXIT_CODES: &str = "Exit codes:
  0  proven, or done
  1  disproven: something that was asked for is shown to be false
  2  usage: the command line, or a policy or anchor file, cannot be used
  3  unavailable: a file is missing, or a network or log does not answer
  4  indeterminate: what was given does not suffice to tell";

/// Verifies, fetches, submits and audits evidence of the Ishibumi transparency log.
#[derive(Debug, Parser)]
#[command(name = "ishibumi", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    /// Print one JSON object on standard output instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Language of reports; by default what LC_ALL, LC_MESSAGES or LANG ask for
    #[arg(long, global = true, value_name = "LANGUAGE")]
    lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    En,
    Ja,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::VerifyArguments),
    Submit(submit::SubmitArguments),
    Evidence(evidence::EvidenceArguments),
    Archive(archive::ArchiveArguments),
    Audit(audit::AuditArguments),
    Find(find::FindArguments),
    Fork(fork::ForkArguments),
    Keygen(keygen::KeygenArguments),
    Misissue(misissue::MisissueArguments),
    Monitor(monitor::MonitorArguments),
    Policy(policy::PolicyArguments),
    Proof(proof::ProofArguments),
    Stamp(stamp::StampArguments),
    Report(report::ReportArguments),
    Statement(statement::StatementArguments),
}

/// Reads the command line. A wrong argument is repeated in the error, and may be the name of a
/// foreign file.
fn arguments() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|mut error| {
        if !error.use_stderr() {
            error.exit();
        }
        let words: Vec<_> = error
            .context()
            .map(|(kind, it)| (kind, it.clone()))
            .collect();
        for (kind, word) in words {
            if let ContextValue::String(word) = word {
                error.insert(kind, ContextValue::String(shown::line(&word)));
            }
        }
        let said = shown::lines(&error.render().to_string());
        let _ = write!(io::stderr(), "{said}");
        std::process::exit(error.exit_code());
    })
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let arguments = arguments();
    let language = match arguments.lang {
        Some(Lang::Ja) => Language::Japanese,
        Some(Lang::En) => Language::English,
        None => environment_language(),
    };
    let voice = Output {
        json: arguments.json,
        language,
    };
    let ended = match arguments.command {
        Command::Verify(arguments) => verify::run(&arguments, voice),
        Command::Submit(arguments) => submit::run(&arguments, voice),
        Command::Evidence(arguments) => evidence::run(&arguments, voice),
        Command::Archive(arguments) => archive::run(&arguments, voice),
        Command::Audit(arguments) => audit::run(&arguments, voice),
        Command::Find(arguments) => find::run(&arguments, voice),
        Command::Fork(arguments) => fork::run(&arguments, voice),
        Command::Keygen(arguments) => keygen::run(&arguments, voice),
        Command::Misissue(arguments) => misissue::run(&arguments, voice),
        Command::Monitor(arguments) => monitor::run(&arguments, voice),
        Command::Policy(arguments) => policy::run(&arguments, voice),
        Command::Proof(arguments) => proof::run(&arguments, voice),
        Command::Stamp(arguments) => stamp::run(&arguments, voice),
        Command::Report(arguments) => report::run(&arguments, voice),
        Command::Statement(arguments) => statement::run(&arguments, voice),
    };
    let exit = ended.unwrap_or_else(|failure| {
        voice.complain(&failure);
        failure.exit
    });
    ExitCode::from(exit as u8)
}

/// POSIX: LC_ALL over LC_MESSAGES over LANG.
fn environment_language() -> Language {
    let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let mut set = variables
        .iter()
        .filter_map(std::env::var_os)
        .filter(|value| !value.is_empty());
    match set.next() {
        Some(locale) if locale.as_encoded_bytes().starts_with(b"ja") => Language::Japanese,
        _ => Language::English,
    }
}
