//! How every command ends, and how it talks to whoever called.

use std::fmt::Display;
use std::io::{self, Write as _};

use ishibumi::verify::{Indication, SubIndication};
use ishibumi_artifact::Fault;
use ishibumi_cli::render::{Language, known_in_japanese};
use ishibumi_tlog::shown;
use serde_json::json;

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
    pub(super) const fn name(self) -> &'static str {
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
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) advice: Option<String>,
    /// Message and advice in Japanese, where there is a translation.
    pub(super) japanese: Option<String>,
    /// What belongs to the message, line by line.
    pub(super) lines: Vec<String>,
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
    pub(super) json: bool,
    pub(super) language: Language,
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

    pub(super) fn complain(self, failure: &Failure) {
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
