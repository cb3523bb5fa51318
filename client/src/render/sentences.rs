//! What a report says, in plain sentences: who states what, who proves what, what was not checked.

use super::{Language, kind_name, rfc3339};
use crate::verify::{
    ConsultedList, Facts, Indication, Outcome, Report, Revocation, Statement, Step,
};
use ishibumi_artifact::record::{Accuracy, kind};
use ishibumi_tlog::policy::Demand;

/// The sentences of `report`, verdict first.
pub fn sentences(report: &Report, language: Language) -> Vec<String> {
    let english = language == Language::English;
    let mut said = vec![verdict(report, english)];
    if let Some(statement) = report.statement() {
        said.push(existence(statement, english));
        said.extend(post_quantum(statement, english));
    }
    if let Some(facts) = report.facts() {
        said.push(claims(facts, english));
    }
    said.extend(document(report, english));
    said.extend(revocation(report, english));
    said.extend(report.lists().iter().map(|list| consulted(list, english)));
    said
}

fn verdict(report: &Report, english: bool) -> String {
    let Some(check) = report.deciding() else {
        return if english {
            "Proven: everything that was asked for holds.".to_owned()
        } else {
            "証明されました。求められた検査にすべて合格しました。".to_owned()
        };
    };
    let step = step_name(check.step, english);
    match (report.indication(), english) {
        (Indication::TotalFailed, true) => format!("Disproven at {step}: {}.", check.detail),
        (Indication::TotalFailed, false) => {
            format!(
                "否定されました。不合格の検査は「{step}」です（{}）。",
                check.detail
            )
        }
        (_, true) => format!(
            "Not proven, not disproven; what is given does not suffice at {step}: {}.",
            check.detail
        ),
        (_, false) => format!(
            "証明も否定もできません。「{step}」について判断の材料が足りません（{}）。",
            check.detail
        ),
    }
}

/// What a step is called in a sentence.
pub(super) fn step_name(step: Step, english: bool) -> &'static str {
    let (in_english, in_japanese) = match step {
        Step::ProofFile => ("the proof file", "証明ファイル"),
        Step::Checkpoint => (
            "the checkpoint's signatures and quorum",
            "チェックポイントの署名と定足数",
        ),
        Step::Artifact => (
            "the artifact's own signature and rules",
            "対象そのものの署名と規則",
        ),
        Step::Inclusion => ("inclusion of the record in the log", "ログへの記録の包含"),
        Step::ProvenTime => (
            "validity at the proven time",
            "証明された時刻における有効性",
        ),
        Step::TimeOrder => ("the order of times", "時刻の前後関係"),
        Step::Document => ("the document", "文書との照合"),
        Step::Revocation => ("revocation", "失効"),
    };
    if english { in_english } else { in_japanese }
}

fn what(record_kind: u16, english: bool) -> &'static str {
    match (record_kind, english) {
        (kind::TIMESTAMP_TOKEN, true) => "time-stamp token",
        (kind::TIMESTAMP_TOKEN, false) => "タイムスタンプトークン",
        (kind::CERTIFICATE | kind::CERTIFICATE_DIGEST, true) => "certificate",
        (kind::CERTIFICATE | kind::CERTIFICATE_DIGEST, false) => "証明書",
        (kind::CRL, true) => "revocation list",
        (kind::CRL, false) => "失効リスト",
        (other, _) => kind_name(other),
    }
}

fn existence(statement: &Statement, english: bool) -> String {
    let Statement {
        origin,
        size,
        index,
        ..
    } = statement;
    let what = what(statement.kind, english);
    let (seen, known) = (statement.witnesses.len(), statement.witnesses_known);
    match (statement.not_after.map(rfc3339), english) {
        (Some(time), true) => format!(
            "Log and witnesses: this {what} existed before {time}, when the quorum was complete; \
             {seen} of {known} witnesses saw it in the log {origin}, record {index} of a tree of {size}."
        ),
        (Some(time), false) => format!(
            "ログと証人による証明：この{what}は、定足数がそろった {time} より前に存在していました。証人 \
             {known} 者のうち {seen} 者が、ログ {origin} の {size} 件の木の {index} 番として確認しています。"
        ),
        (None, true) => format!(
            "Log only: this {what} is record {index} of a tree of {size} in the log {origin}; the \
             policy asks for no witness, so no time is proven."
        ),
        (None, false) => format!(
            "ログのみによる証明：この{what}はログ {origin} の {size} 件の木の {index} 番です。\
             ポリシーが証人を求めていないため、時刻は証明されません。"
        ),
    }
}

fn post_quantum(statement: &Statement, english: bool) -> Option<String> {
    let said = if english {
        "The quorum was met by post-quantum cosignatures (ML-DSA-44) alone, as was demanded."
    } else {
        "求められたとおり、定足数は耐量子署名（ML-DSA-44）の連署だけで満たされています。"
    };
    (statement.demand == Demand::PostQuantum).then(|| said.to_owned())
}

fn accuracy_words(accuracy: Option<Accuracy>, english: bool) -> String {
    match (accuracy.map(Accuracy::total_micros), english) {
        (Some(micros), true) => format!("give or take {} s", decimal_seconds(micros)),
        (Some(micros), false) => format!("誤差 {} 秒以内", decimal_seconds(micros)),
        (None, true) => "accuracy not stated".to_owned(),
        (None, false) => "誤差の記載なし".to_owned(),
    }
}

/// Microseconds as seconds, without superfluous digits.
fn decimal_seconds(micros: u64) -> String {
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
    if fraction == 0 {
        return whole.to_string();
    }
    format!("{whole}.{fraction:06}")
        .trim_end_matches('0')
        .to_owned()
}

fn claims(facts: &Facts, english: bool) -> String {
    match (facts, english) {
        (
            Facts::Token {
                gen_time,
                accuracy,
                policy,
                tsu,
                ..
            },
            true,
        ) => format!(
            "The time-stamping unit \"{}\" states, and its signature and path were checked: stamped \
             at {gen_time} ({}), policy {policy}.",
            tsu.subject,
            accuracy_words(*accuracy, english)
        ),
        (
            Facts::Token {
                gen_time,
                accuracy,
                policy,
                tsu,
                ..
            },
            false,
        ) => format!(
            "時刻認証局「{}」の主張（署名と認証パスは検査済み）：{gen_time} に付与（{}）、ポリシー {policy}。",
            tsu.subject,
            accuracy_words(*accuracy, english)
        ),
        (Facts::Certificate(facts), true) => format!(
            "The CA \"{}\" states, and its signature and path were checked: a certificate for \
             \"{}\", valid from {} to {}.",
            facts.issuer, facts.subject, facts.not_before, facts.not_after
        ),
        (Facts::Certificate(facts), false) => format!(
            "認証局「{}」の主張（署名と認証パスは検査済み）：「{}」の証明書、有効期間 {} から {} まで。",
            facts.issuer, facts.subject, facts.not_before, facts.not_after
        ),
        (Facts::Crl(facts), true) => format!(
            "The CA \"{}\" states, and its signature and path were checked: {} revocations as of {}.",
            facts.issuer, facts.entries, facts.this_update
        ),
        (Facts::Crl(facts), false) => format!(
            "認証局「{}」の主張（署名と認証パスは検査済み）：{} 現在の失効 {} 件。",
            facts.issuer, facts.this_update, facts.entries
        ),
    }
}

fn document(report: &Report, english: bool) -> Option<String> {
    let said = match (report.outcome(Step::Document)?, english) {
        (Outcome::Passed, true) => "The document is the one that was stamped.",
        (Outcome::Passed, false) => "文書はタイムスタンプが付与されたものと一致します。",
        (Outcome::Failed(_), true) => "The document is NOT the one that was stamped.",
        (Outcome::Failed(_), false) => "文書はタイムスタンプが付与されたものと一致しません。",
        (Outcome::NotChecked, true) => {
            "Not compared with a document: the token is proven, not what it stamps."
        }
        (Outcome::NotChecked, false) => {
            "文書とは照合していません。証明の対象はトークンであり、文書ではありません。"
        }
    };
    Some(said.to_owned())
}

fn revocation(report: &Report, english: bool) -> Option<String> {
    report.outcome(Step::Revocation)?;
    let passed = report.outcome(Step::Revocation) == Some(Outcome::Passed);
    Some(match (report.revocation(), english) {
        (Revocation::NotChecked, true) => {
            "Revocation was not checked: no revocation list was given.".to_owned()
        }
        (Revocation::NotChecked, false) => {
            "失効は検査していません（失効リストが与えられていません）。".to_owned()
        }
        (Revocation::NotCovered(why), true) => {
            format!("Revocation was not checked, the lists that were given do not tell: {why}.")
        }
        (Revocation::NotCovered(why), false) => {
            format!("失効は検査していません。与えられた失効リストからは判断できません（{why}）。")
        }
        (Revocation::NotRevoked { as_of }, true) => format!("Not revoked as of {as_of}."),
        (Revocation::NotRevoked { as_of }, false) => format!("{as_of} 現在、失効していません。"),
        (Revocation::Revoked { date, reason, .. }, _) => {
            revoked(report, &date.to_string(), *reason, passed, english)
        }
    })
}

fn revoked(
    report: &Report,
    date: &str,
    reason: Option<&str>,
    spared: bool,
    english: bool,
) -> String {
    let of_token = matches!(report.facts(), Some(Facts::Token { .. }));
    let state = match (reason, english) {
        (Some(reason), true) => format!("The certificate was revoked at {date}, reason {reason}"),
        (None, true) => format!("The certificate was revoked at {date}, no reason stated"),
        (Some(reason), false) => format!("証明書は {date} に失効しました（理由 {reason}）"),
        (None, false) => format!("証明書は {date} に失効しました（理由の記載なし）"),
    };
    let effect = match (of_token, spared, english) {
        (true, true, true) => ": that does not touch this token (RFC 3161, section 4).",
        (true, true, false) => "。ただし、このトークンの有効性には影響しません（RFC 3161 第4節）。",
        (true, false, true) => ": that decides against this token (RFC 3161, section 4).",
        (true, false, false) => {
            "。このため、このトークンは有効と認められません（RFC 3161 第4節）。"
        }
        (false, _, true) => ".",
        (false, _, false) => "。",
    };
    format!("{state}{effect}")
}

fn consulted(list: &ConsultedList, english: bool) -> String {
    let name = &list.name;
    let facts = match (&list.list, english) {
        (Ok(facts), _) => facts,
        (Err(why), true) => return format!("The list {name} was not used: {why}."),
        (Err(why), false) => return format!("失効リスト {name} は使用していません（{why}）。"),
    };
    let of = facts.this_update;
    match (&list.logged, english) {
        (None, true) => format!("The list {name} is of {of}; no proof came with it."),
        (None, false) => {
            format!("失効リスト {name} は {of} 付です。包含証明は添付されていません。")
        }
        (Some(Ok(statement)), true) => match statement.not_after.map(rfc3339) {
            Some(time) => format!("The list {name} is of {of} and was in the log before {time}."),
            None => format!("The list {name} is of {of} and is in the log; no time is proven."),
        },
        (Some(Ok(statement)), false) => match statement.not_after.map(rfc3339) {
            Some(time) => {
                format!("失効リスト {name} は {of} 付で、{time} より前にログに記録されています。")
            }
            None => {
                format!("失効リスト {name} は {of} 付でログに記録されています（時刻の証明なし）。")
            }
        },
        (Some(Err(why)), true) => {
            format!("The list {name} is of {of}; its own proof was not accepted: {why}.")
        }
        (Some(Err(why)), false) => {
            format!("失効リスト {name} は {of} 付です。その包含証明は認められません（{why}）。")
        }
    }
}
