//! The output about logs that continue others, and the policies of the old ones.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use ishibumi::succession::{Finding, LinkError, Policies, Standing, Succession};
use ishibumi_cli::render::Language;
use ishibumi_cli::render::rfc3339;
use ishibumi_tlog::Policy;
use ishibumi_tlog::shown;
use serde_json::{Value, json};

use super::{Exit, Failure, trust};

/// The policies of logs that other ones continue.
#[derive(Debug, Args)]
pub(super) struct OldPolicies {
    /// The policy of a log that the log of --policy continues, with its own witnesses and quorum;
    /// may be given several times
    #[arg(long, value_name = "FILE")]
    pub(super) old_policy: Vec<PathBuf>,
}

impl OldPolicies {
    /// These beside `first`: no two name one log.
    pub(super) fn beside(&self, first: Policy, post_quantum: bool) -> Result<Policies, Failure> {
        let read = |path: &PathBuf| trust::read(path, false, post_quantum);
        let others = self.old_policy.iter().map(read).collect::<Result<_, _>>()?;
        Policies::new(first, others).map_err(Failure::usage)
    }
}

/// A link that was looked at.
pub(super) type LinkCheck = Result<Succession, LinkError>;

/// The exit code that follows from the link. A link raises no verdict; but if it shows nothing, or
/// is about a tree that no source shows, it was compared with nothing.
pub(super) fn exit(looked: &LinkCheck) -> Exit {
    match looked {
        Ok(link) => match exit_of_findings(link) {
            Exit::Proven if !link.is_witnessed() => Exit::Indeterminate,
            exit => exit,
        },
        Err(_) => Exit::Indeterminate,
    }
}

/// The exit code that follows from contradictions.
pub(super) fn exit_of_findings(link: &Succession) -> Exit {
    if link.findings().iter().any(Finding::is_contradiction) {
        Exit::Disproven
    } else if link.standing() == Standing::Disputed {
        Exit::Indeterminate
    } else {
        Exit::Proven
    }
}

/// Lines for people.
pub(super) fn text(looked: &LinkCheck, english: bool) -> String {
    match looked {
        Ok(link) => link_text(link, link.is_witnessed(), english),
        Err(error) => refused_text(error, english),
    }
}

const fn language(english: bool) -> Language {
    if english {
        Language::English
    } else {
        Language::Japanese
    }
}

pub(super) fn refused_text(error: &LinkError, english: bool) -> String {
    let error = shown::line(&language(english).said(&error.to_string()));
    if english {
        format!("succession: NOT SHOWN: {error}\n")
    } else {
        format!("承継：示されていません（{error}）\n")
    }
}

/// Of a link; `is_shown`: whether the tree that it is about is.
pub(super) fn link_text(link: &Succession, is_shown: bool, english: bool) -> String {
    let (old, new) = (
        shown::line(link.predecessor()),
        shown::line(link.successor()),
    );
    let size = link.committed().size;
    let how = match (link.standing(), is_shown, english) {
        (Standing::InOrder, _, true) => "closed in order and names it",
        (Standing::InOrder, _, false) => "は正式に終了し、後継を指名しています",
        (Standing::Abandoned, true, true) => {
            "has that tree, and no closing record of it is known: that it goes on here, only the new log says"
        }
        (Standing::Abandoned, true, false) => {
            "はその木を持ちますが、終了記録は知られておらず、承継は新しいログの主張だけです"
        }
        (Standing::Abandoned, false, true) => {
            "has no closing record here, and NOBODY SHOWS THAT TREE: all of it is the new log's word"
        }
        (Standing::Abandoned, false, false) => {
            "の終了記録も、その木を示すものもありません。すべて新しいログの主張だけです"
        }
        (Standing::Disputed, _, true) => "does not agree",
        (Standing::Disputed, _, false) => "と食い違いがあります",
    };
    let mut out = if english {
        format!(
            "succession: {new} says that it continues {old} from its {size} records; {old} {how}\n"
        )
    } else {
        format!("承継：{new} は {old}（{size} 件）を引き継ぐと述べています。{old} {how}。\n")
    };
    if let Some((date, Some(seen))) = link.closed() {
        let (date, seen) = (date.time(), rfc3339(seen));
        // Writing to a String does not fail.
        let _ = if english {
            writeln!(
                out,
                "            closed {date}, as it says; proven not after {seen}"
            )
        } else {
            writeln!(
                out,
                "            終了日 {date}（申告）、{seen} 以前に存在したことは証明済み"
            )
        };
    }
    for finding in link.findings() {
        let finding = language(english).said(&finding.to_string());
        shown::add_line(&mut out, format_args!("            {finding}"));
    }
    out
}

/// The link as JSON.
pub(super) fn json(looked: &LinkCheck) -> Value {
    match looked {
        Ok(link) => json!({
            "standing": link.standing().word(),
            "predecessor": link.predecessor(),
            "successor": link.successor(),
            "committed_size": link.committed().size,
            "committed_root": link.committed().root.to_string(),
            "witnessed": link.is_witnessed(),
            "closed": link.closed().map(|(date, _)| date.time().to_string()),
            "closed_not_after": link.closed().and_then(|(_, seen)| seen).map(rfc3339),
            "findings": link.findings().iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "standing": "not-shown", "error": error.to_string() }),
    }
}
