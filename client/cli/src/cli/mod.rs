//! Arguments, dispatch, and how every command ends.

mod age;
mod archive;
mod audit;
mod batch;
mod below;
mod collect;
mod dated;
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
mod stamp;
mod statement;
mod submit;
mod succession;
mod trust;
mod verify;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ContextValue;
use clap::{Parser, Subcommand, ValueEnum};
use ishibumi::verify::{Indication, SubIndication};
use ishibumi_artifact::Fault;
use ishibumi_cli::render::Language;
use ishibumi_cli::render::known_in_japanese;
use ishibumi_tlog::shown;
use serde_json::json;

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

/// How a command ends (docs/verdicts.md, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Proven, or done.
    Proven = 0,
    /// Something that was asked for is shown to be false.
    Disproven = 1,
    /// The command line, or a file that sets the terms, cannot be used.
    Usage = 2,
    /// A file is missing, or nobody answers.
    Unavailable = 3,
    /// What was given does not suffice to tell.
    Indeterminate = 4,
}

impl From<Indication> for Exit {
    fn from(indication: Indication) -> Self {
        match indication {
            Indication::TotalPassed => Self::Proven,
            Indication::TotalFailed => Self::Disproven,
            Indication::Indeterminate => Self::Indeterminate,
        }
    }
}

impl From<Fault> for Exit {
    /// How a command ends that met an artifact which was refused: only what is shown to be false is
    /// disproven.
    fn from(fault: Fault) -> Self {
        SubIndication::from(fault).indication().into()
    }
}

impl Exit {
    const fn name(self) -> &'static str {
        match self {
            Self::Proven => "done",
            Self::Disproven => "disproven",
            Self::Usage => "usage",
            Self::Unavailable => "unavailable",
            Self::Indeterminate => "indeterminate",
        }
    }

    /// Of two answers about several things the one that counts: disproven before anything else that is not
    /// proven, and that before proven.
    pub(crate) fn worse(self, other: Self) -> Self {
        let weight = |exit: Self| match exit {
            Self::Disproven => 2,
            Self::Proven => 0,
            _ => 1,
        };
        if weight(other) > weight(self) {
            other
        } else {
            self
        }
    }
}

/// Why a command could not do its work: what was wrong, where, and what to do.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    advice: Option<String>,
    /// Message and advice in Japanese, where there is a translation.
    japanese: Option<String>,
    /// What belongs to the message, line by line.
    lines: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            advice: None,
            japanese: None,
            lines: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn unavailable(message: impl Display) -> Self {
        Self::new(Exit::Unavailable, message)
    }

    /// Adds what to do about it.
    pub(crate) fn advice(mut self, advice: impl Display) -> Self {
        self.advice = Some(advice.to_string());
        self
    }

    /// Adds lines below the message.
    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// Message, what belongs to it, and what to do, line by line. In Japanese the English words stay behind
    /// it, since they are what a search finds.
    pub(crate) fn told(&self, language: Language) -> Vec<String> {
        let english = format!("({})", self.message);
        let (said, advice) = match (language, &self.japanese) {
            (Language::English, _) => (vec![self.message.clone()], self.advice.clone()),
            // What to do is in it.
            (Language::Japanese, Some(japanese)) => (vec![japanese.clone(), english], None),
            (Language::Japanese, None) => {
                let advice = self.advice.clone();
                let advice = advice.map(|it| known_in_japanese(&it).unwrap_or(it));
                match known_in_japanese(&self.message) {
                    Some(japanese) => (vec![japanese, english], advice),
                    None => (vec![self.message.clone()], advice),
                }
            }
        };
        let below = self.lines.iter().cloned();
        said.into_iter().chain(below).chain(advice).collect()
    }

    /// The message for a report in this language.
    pub(crate) fn said(&self, language: Language) -> String {
        match (&self.japanese, language) {
            (Some(japanese), Language::Japanese) => japanese.clone(),
            _ => language.said(&self.message),
        }
    }

    /// The member `error` of what is printed for programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "kind": self.exit.name(),
            "message": self.message,
            "lines": self.lines,
            "advice": self.advice,
            "message_ja": self.japanese,
        })
    }

    /// Adds what, where and what to do in Japanese; the English words stay behind it, since they are
    /// what a search finds.
    pub(crate) fn in_japanese(mut self, said: impl Display) -> Self {
        self.japanese = Some(said.to_string());
        self
    }
}

/// How to talk to whoever called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    json: bool,
    language: Language,
}

impl Voice {
    /// Prints the outcome: `value` for programs, `text` for people.
    pub(crate) fn say(self, value: &serde_json::Value, text: &str) {
        let said = if self.json {
            shown::json(&format!("{value:#}\n"))
        } else {
            shown::lines(text)
        };
        // Nobody is left to tell that standard output is closed; the exit code still says it.
        let _ = io::stdout().lock().write_all(said.as_bytes());
    }

    /// Prints an outcome of one line.
    pub(crate) fn say_line(self, value: &serde_json::Value, line: &str) {
        self.say(value, &format!("{}\n", shown::line(line)));
    }

    fn complain(self, failure: &Failure) {
        if self.json {
            self.say(&json!({ "error": failure.json() }), "");
        }
        self.tell(failure);
    }

    /// Says on standard error what is wrong, beside a report.
    pub(crate) fn tell(self, failure: &Failure) {
        let told = failure.told(self.language);
        let told: Vec<String> = told.iter().map(|line| shown::line(line)).collect();
        let _ = writeln!(io::stderr(), "ishibumi: {}", told.join("\n  "));
    }
}

/// Says something on standard error that is no failure of the command.
pub(crate) fn tell(text: &str) {
    // Nobody is left to tell that standard error is closed.
    let _ = writeln!(io::stderr(), "ishibumi: {}", shown::line(text));
}

/// Reads the command line. What is wrong with it is repeated, and may be the name of a foreign file.
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
    let voice = Voice {
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
