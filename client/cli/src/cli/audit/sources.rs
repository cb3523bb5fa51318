//! What several sources of one log show together, and the evidence if it has forked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ishibumi::fetch::{Agreement, Beside, Compared, Fork};
use ishibumi::monitor::fork_name;
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::super::{Exit, Failure, files};

/// The result of comparing sources.
pub(super) struct Sources {
    compared: Compared,
    /// Of each fork, where the evidence was written, or why it was not.
    written: Vec<Result<PathBuf, String>>,
}

impl Sources {
    /// Writes the evidence of every fork before anything is said: beside the state, or where the
    /// command was started.
    pub(super) fn keep(compared: Compared, state: Option<&Path>) -> Self {
        let places = (0..).zip(&compared.forks);
        let written = places.map(|(place, fork)| {
            let path = path_of(fork, place, state);
            let octets = fork.evidence.encode();
            let is_same = |there: &[u8]| is_same_fork(there, &fork.evidence);
            let kept = files::keep_evidence(&path, octets.as_bytes(), is_same);
            kept.map_err(|failure| failure.message)
        });
        let written = written.collect();
        Self { compared, written }
    }

    /// Whether something convicts the log.
    pub(super) fn is_forked(&self) -> bool {
        let forked = |beside: &Beside| beside.agreement == Agreement::Forked;
        !self.compared.forks.is_empty() || self.compared.sources.iter().any(forked)
    }

    /// The exit code. A source that shows nothing does not change it; a tree that the log signed
    /// and that cannot be compared is no answer.
    pub(super) fn exit(&self) -> Exit {
        let open = |beside: &Beside| {
            matches!(
                beside.agreement,
                Agreement::NotShown(_) | Agreement::OtherLog(_)
            )
        };
        if self.is_forked() {
            Exit::Disproven
        } else if self.compared.sources.iter().any(open) {
            Exit::Indeterminate
        } else {
            Exit::Proven
        }
    }

    /// The failure that reports a fork, instead of a report or beside it.
    pub(super) fn failure(&self) -> Failure {
        let mut message = "fork: the log signed two histories".to_owned();
        let mut japanese = "ログが分岐しています。両立しない二つの木に署名しています".to_owned();
        for fork in &self.compared.forks {
            let [a, b] = fork.evidence.checkpoints();
            let [first, second] = &fork.shown_by;
            let (at, and) = (a.size, b.size);
            // Writing to a String does not fail.
            let _ = write!(
                message,
                "; the tree of {at} that {first} shows and the tree of {and} that {second} shows do not fit together"
            );
            let _ = write!(
                japanese,
                "。{first} の示す {at} 件の木と {second} の示す {and} 件の木は両立しません"
            );
        }
        let failure = Failure::new(Exit::Disproven, message).in_japanese(japanese);
        failure.lines(self.written.iter().map(said))
    }

    /// Lines for people; none where there is one source and nothing to say.
    pub(super) fn text(&self, english: bool) -> String {
        let mut out = String::new();
        let [only] = &self.compared.sources[..] else {
            return self.table(english);
        };
        if only.agreement != Agreement::Agrees {
            out = self.table(english);
        }
        out
    }

    fn table(&self, english: bool) -> String {
        let mut out = String::new();
        let mut label = if english { "sources" } else { "取得元" };
        for beside in &self.compared.sources {
            let said = words(beside, english);
            let source = &beside.source;
            add_line(&mut out, format_args!("{label:<12}{source}: {said}"));
            label = "";
        }
        for (fork, written) in self.compared.forks.iter().zip(&self.written) {
            let mut label = "FORK";
            for (tree, source) in fork.evidence.checkpoints().iter().zip(&fork.shown_by) {
                let (size, root) = (tree.size, &tree.root);
                add_line(
                    &mut out,
                    format_args!("{label:<12}{size} {root} ({source})"),
                );
                label = "";
            }
            add_line(&mut out, format_args!("{label:<12}{}", said(written)));
        }
        out
    }

    /// The members `sources` and `forks` of the report.
    pub(super) fn json(&self) -> [(&'static str, Value); 2] {
        let sources = self.compared.sources.iter().map(|beside| {
            let (word, reason) = word(&beside.agreement);
            json!({
                "source": beside.source,
                "tree_size": beside.shown.as_ref().map(|shown| shown.size),
                "root": beside.shown.as_ref().map(|shown| shown.root.to_hex()),
                "agreement": word,
                "reason": reason,
            })
        });
        let forks = self.compared.forks.iter().zip(&self.written);
        let forks = forks.map(|(fork, written)| {
            let [a, b] = fork.evidence.checkpoints();
            json!({
                "sizes": [a.size, b.size],
                "roots": [a.root.to_hex(), b.root.to_hex()],
                "shown_by": fork.shown_by,
                "evidence": written.as_ref().ok().map(|path| path.display().to_string()),
                "not_kept": written.as_ref().err(),
            })
        });
        [("sources", sources.collect()), ("forks", forks.collect())]
    }
}

/// Whether a file shows the same fork: if it was seen at two times, the first evidence is as good.
pub(in crate::cli) fn is_same_fork(file: &[u8], evidence: &Evidence) -> bool {
    Evidence::parse(file).is_ok_and(|there| {
        let texts = |it: &Evidence| [it.first().text().to_owned(), it.second().text().to_owned()];
        texts(&there) == texts(evidence) && there.check(evidence.keys()).is_ok()
    })
}

fn path_of(fork: &Fork, place: usize, state: Option<&Path>) -> PathBuf {
    let named = fork_name(&fork.evidence);
    match state {
        None => PathBuf::from(named),
        Some(state) if place == 0 => {
            let name = state.file_name().unwrap_or_default().to_string_lossy();
            state.with_file_name(format!("{name}.fork"))
        }
        Some(state) => state.with_file_name(named),
    }
}

fn said(written: &Result<PathBuf, String>) -> String {
    match written {
        Ok(path) => format!(
            "both checkpoints are kept in {}: ishibumi fork verify checks it, show it to the log's other users",
            path.display()
        ),
        Err(unwritten) => format!("the evidence could not be kept: {unwritten}"),
    }
}

const fn word(agreement: &Agreement) -> (&'static str, Option<&String>) {
    match agreement {
        Agreement::Agrees => ("agrees", None),
        Agreement::Forked => ("forked", None),
        Agreement::NotShown(why) => ("not-shown", Some(why)),
        Agreement::OtherLog(origin) => ("other-log", Some(origin)),
        Agreement::Nothing(why) => ("nothing", Some(why)),
    }
}

fn words(beside: &Beside, english: bool) -> String {
    let size = beside.shown.as_ref().map_or(0, |shown| shown.size);
    match (&beside.agreement, english) {
        (Agreement::Agrees, true) => format!("a tree of {size}, one history with the audited one"),
        (Agreement::Agrees, false) => format!("{size} 件の木（監査した木と矛盾しません）"),
        (Agreement::Forked, true) => format!("a tree of {size}, FORKED"),
        (Agreement::Forked, false) => format!("{size} 件の木（分岐しています）"),
        (Agreement::NotShown(why), true) => format!("NOT SHOWN TO FIT: {why}"),
        (Agreement::NotShown(why), false) => {
            format!("監査した木との整合を確認できません（{why}）")
        }
        (Agreement::OtherLog(origin), true) => {
            format!("NOT COMPARED: a source of the log {origin}")
        }
        (Agreement::OtherLog(origin), false) => {
            format!("比較していません。別のログ {origin} の取得元です")
        }
        (Agreement::Nothing(why), true) => format!("not compared: {why}"),
        (Agreement::Nothing(why), false) => format!("比較していません（{why}）"),
    }
}
