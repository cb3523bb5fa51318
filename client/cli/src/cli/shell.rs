//! How every command ends, and its output.

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
    /// A file is missing, or no server answers.
    Unavailable = 3,
    /// What was given does not suffice to decide.
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
    /// The exit code of a command that met a refused artifact: only if something is shown to be
    /// false, it is disproven.
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

    /// The worse of two exit codes: disproven before everything else that is not proven, and that
    /// before proven.
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

/// Why a command could not do its work: the error, the file or place, and what to do.
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

    /// Message, details, and what to do, line by line. In Japanese the English text stays behind
    /// it, since a web search finds that.
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

    /// The member `error` of JSON output.
    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "kind": self.exit.name(),
            "message": self.message,
            "lines": self.lines,
            "advice": self.advice,
            "message_ja": self.japanese,
        })
    }

    /// Adds the error, the file or place and what to do in Japanese; the English text stays behind
    /// it, since a web search finds that.
    pub(crate) fn in_japanese(mut self, said: impl Display) -> Self {
        self.japanese = Some(said.to_string());
        self
    }
}

/// The form of the output: language, and text or JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(super) json: bool,
    pub(super) language: Language,
}

impl Output {
    /// Prints the outcome: `value` for programs, `text` for people.
    pub(crate) fn say(self, value: &serde_json::Value, text: &str) {
        let said = if self.json {
            shown::json(&format!("{value:#}\n"))
        } else {
            shown::lines(text)
        };
        // If standard output is closed, there is no way left to report it; the exit code still says
        // it.
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

    /// Reports an error on standard error, beside a report.
    pub(crate) fn tell(self, failure: &Failure) {
        let told = failure.told(self.language);
        let told: Vec<String> = told.iter().map(|line| shown::line(line)).collect();
        let _ = writeln!(io::stderr(), "ishibumi: {}", told.join("\n  "));
    }
}

/// Says something on standard error that is no failure of the command.
pub(crate) fn tell(text: &str) {
    // If standard error is closed, there is no way left to report it.
    let _ = writeln!(io::stderr(), "ishibumi: {}", shown::line(text));
}

#[cfg(test)]
mod verdict_table {
    //! Every error, in every role in which it can be met, with the verdict, the exit code and the
    //! status of the log: `docs/verdict-table.tsv`. `ISHIBUMI_BLESS=1` writes it anew; the
    //! difference is a change of verdicts.

    use std::collections::BTreeMap;
    use std::fs;

    use ishibumi::verify::{Consequence, Role};
    use ishibumi_artifact::Fault;

    use super::Exit;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    const HEAD: &str = "met in\trole\tcode\tclass\tindication\tsub-indication\texit\tstatus\n";

    /// In which roles an error of this kind can be met.
    fn roles(of: &str) -> &'static [Role] {
        use Role::{Artifact, CheckpointToken, EvidenceRecord, RevocationData};
        match of {
            "token" => &[Artifact, CheckpointToken],
            "certificate" => &[Artifact],
            "list" | "signer of a list" | "response" | "responder" => &[Artifact, RevocationData],
            "evidence record" => &[EvidenceRecord],
            "anything" => &[Artifact, RevocationData, CheckpointToken],
            other => panic!("in which roles is {other} met?"),
        }
    }

    /// The status that a log answers with, by class; the log's own test holds that it does.
    fn statuses() -> BTreeMap<String, String> {
        let page = fs::read_to_string(format!("{ROOT}/docs/verdicts.md")).unwrap();
        let of = |fault: Fault| {
            let row = format!("\n| `{}` | ", fault.name());
            let (_, row) = page.split_once(&row).unwrap();
            let (row, _) = row.split_once('\n').unwrap();
            let status = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
            (fault.name().to_owned(), status.to_owned())
        };
        Fault::ALL.map(of).into()
    }

    fn table() -> String {
        let path = format!("{ROOT}/testdata/verdicts/errors.tsv");
        let errors = fs::read_to_string(path).unwrap();
        let statuses = statuses();
        let mut table = HEAD.to_owned();
        for error in errors.lines() {
            let [of, code, class] = error.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{error}");
            };
            let fault = Fault::ALL.into_iter().find(|it| it.name() == class);
            for role in roles(of) {
                let (indication, sub, exit) = match role.consequence(fault.unwrap()) {
                    Consequence::Fails(sub) => {
                        let exit = (Exit::from(sub.indication()) as u8).to_string();
                        (sub.indication().word(), sub.word(), exit)
                    }
                    Consequence::LeftOut => ("left out", "-", "-".to_owned()),
                };
                // What is no artifact of a submission has no status.
                let status = match role {
                    Role::Artifact => &*statuses[class],
                    _ => "-",
                };
                let role = role.name();
                let row = [of, role, code, class, indication, sub, &exit, status];
                table.push_str(&row.join("\t"));
                table.push('\n');
            }
        }
        table
    }

    #[test]
    fn every_error_has_its_verdict_exit_code_and_status() {
        let (path, table) = (format!("{ROOT}/docs/verdict-table.tsv"), table());
        if std::env::var_os("ISHIBUMI_BLESS").is_some() {
            fs::write(&path, &table).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), table);
    }

    /// Only what is shown to be false is disproven, and only where it is the thing to be proven.
    #[test]
    fn what_cannot_be_used_disproves_nothing_else() {
        let table = table();
        let disproven = table.lines().filter(|row| row.contains("TOTAL-FAILED"));
        let mut seen = 0;
        for row in disproven {
            let columns: Vec<&str> = row.split('\t').collect();
            let shown = ["format", "digest", "signature", "not-yet-valid", "expired"];
            assert!(shown.contains(&columns[3]), "{row}");
            assert!(
                ["artifact", "evidence-record"].contains(&columns[1]),
                "{row}"
            );
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
    }

    /// The fault of this kind that was handed in: what a path shows is the same under every
    /// artifact.
    #[test]
    fn a_path_means_the_same_under_a_token_a_list_and_a_response() {
        let table = table();
        let verdict = |of: &str, code: &str| {
            let mut rows = table.lines().map(|row| row.split('\t').collect::<Vec<_>>());
            let row = rows.find(|row| row[0] == of && row[1] == "artifact" && row[2] == code);
            row.unwrap_or_else(|| panic!("{of} {code}"))[4..6].join(" ")
        };
        for code in [
            "issuer-unregistered",
            "certificate-not-valid-then",
            "name-constraints-violated",
        ] {
            let of_token = verdict("token", code);
            for of in ["certificate", "signer of a list", "responder"] {
                assert_eq!(verdict(of, code), of_token, "{of} {code}");
            }
        }
    }
}
