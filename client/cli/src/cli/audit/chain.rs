//! Down the chain of logs that continue one another.

use ishibumi::fetch::{Committed, Source, Step, StepError, step_down};
use ishibumi::succession::Policies;
use ishibumi_tlog::TrustedCheckpoint;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::super::{Exit, Failure, evidence, network, succession};
use super::failure::failure;

/// Follows the chain of logs, from `newest`, whose audited tree is `head`, to the ones that it
/// continues.
pub(super) fn follow(
    (newest, head): (&Source, &TrustedCheckpoint),
    old: &[Source],
    policies: &Policies,
) -> Result<Vec<Step>, Failure> {
    let mut chain: Vec<Step> = Vec::new();
    let mut origins = vec![head.checkpoint().origin.clone()];
    let mut new = (newest, head.clone());
    for source in old {
        let bar = network::progress_bar(0, "records of a predecessor");
        let step = network::block_on(async {
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            Ok(step_down((new.0, &new.1), source, policies, progress).await)
        })?;
        bar.finish_and_clear();
        let step = step.map_err(|error| match &error {
            StepError::Audit(error) => failure(error, None),
            StepError::Entry(entry) => evidence::entry_failure(entry),
            _ => Failure::unavailable(&error),
        })?;
        if origins.contains(&step.origin) {
            let origin = &step.origin;
            let message =
                format!("{source}: the log {origin} was there before: a chain has no rings");
            return Err(Failure::new(Exit::Disproven, message));
        }
        origins.push(step.origin.clone());
        let audited = step.report.as_ref().map(|report| report.state.head());
        // Logs further down depend on a link that was not shown.
        let Some(audited) = audited.cloned() else {
            chain.push(step);
            break;
        };
        chain.push(step);
        new = (source, audited);
    }
    Ok(chain)
}

/// Here a predecessor was named: that nothing shows the link, or the tree that it is about, is no
/// answer.
pub(super) fn exit(step: &Step) -> Exit {
    let anchors = step.report.as_ref().map(|report| &report.anchors);
    if anchors.is_some_and(|anchors| anchors.wrong_count > 0) {
        return Exit::Disproven;
    }
    match (&step.link, step.committed) {
        (Ok(_), Committed::Diverged(_)) => Exit::Disproven,
        (Ok(link), committed) => match succession::exit_of_findings(link) {
            Exit::Proven if committed != Committed::Held => Exit::Indeterminate,
            exit => exit,
        },
        (Err(_), _) => Exit::Indeterminate,
    }
}

pub(super) fn text(step: &Step, english: bool) -> String {
    let mut out = match &step.link {
        Ok(link) => succession::link_text(link, step.committed == Committed::Held, english),
        Err(error) => succession::refused_text(error, english),
    };
    let Some(report) = &step.report else {
        return out;
    };
    let head = report.state.head().checkpoint();
    let (origin, size, wrong) = (&head.origin, head.size, report.anchors.wrong_count);
    let mut line = |english_words: String, japanese: String| {
        let said = if english { english_words } else { japanese };
        add_line(&mut out, format_args!("            {said}"));
    };
    if wrong == 0 {
        line(
            format!("{origin} holds what it signed: {size} records"),
            format!("{origin} は署名した内容を保持しています（{size} 件）"),
        );
    } else {
        line(
            format!(
                "{origin} HOLDS FALSE STATEMENTS ABOUT ITSELF: {wrong} of its checkpoint-anchors"
            ),
            format!(
                "{origin} には、自身についての誤った記録（checkpoint-anchor）が {wrong} 件あります"
            ),
        );
    }
    let committed = step.link.as_ref().map(|link| link.committed().size);
    match (step.committed, committed) {
        (Committed::Diverged(root), _) => line(
            format!(
                "FORKED: the old log's root at that size is {root}, not the one that the new log states"
            ),
            format!(
                "分岐しています。旧ログのその時点のルートは {root} で、新ログの述べるものと異なります"
            ),
        ),
        (Committed::NotShown, Ok(committed)) => line(
            format!(
                "NOT SHOWN: the new log commits to {committed} records of it, and the source does not show that tree"
            ),
            format!(
                "未確認：新ログは {committed} 件の木を引き継ぐと述べていますが、この取得元はその木を示していません"
            ),
        ),
        _ => {}
    }
    out
}

pub(super) fn json(step: &Step) -> Value {
    let audited = step
        .report
        .as_ref()
        .map(|report| report.state.head().checkpoint());
    let diverged = match step.committed {
        Committed::Diverged(root) => Some(root.to_string()),
        _ => None,
    };
    json!({
        "log": step.origin,
        "size": audited.map(|head| head.size),
        "link": succession::json(&step.link),
        "committed": step.committed.word(),
        "diverged": diverged,
        "wrong_checkpoint_anchors": step.report.as_ref().map(|report| report.anchors.wrong_count),
    })
}
