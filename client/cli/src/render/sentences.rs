//! A report in plain sentences: who states what, who proves what, what was not checked.

use super::{Language, advice, in_japanese, kind_name, rfc3339, status};
use ishibumi::verify::{
    Answer, ConsultedToken, Extent, Facts, InPdf, Indication, Outcome, Pdf, ProvenBy, Report,
    ResponseFacts, StampedCheckpoint, Statement, Step,
};
use ishibumi_artifact::record::{Accuracy, kind};
use ishibumi_tlog::policy::AlgorithmRequirement;
use ishibumi_tlog::shown::line;

/// The sentences of `report`, verdict first.
pub fn sentences(report: &Report, language: Language) -> Vec<String> {
    let english = language == Language::English;
    let mut said = vec![verdict(report, english)];
    said.extend(advice::next_step(report, english).map(str::to_owned));
    if let Some(statement) = report.statement() {
        said.push(existence(statement, english));
        said.extend(post_quantum(statement, english));
    }
    let tokens = report.checkpoint_tokens().iter();
    said.extend(tokens.map(|token| stamped(token, english)));
    said.extend(rests_on(report, english));
    if let Some(facts) = report.facts() {
        said.push(claims(facts, english));
    }
    said.extend(document(report, english));
    said.extend(super::pdf::of_report(report, language));
    said.extend(status::sentences(report, english));
    // Names in certificates and of files are in them, and each is one line.
    said.iter().map(|sentence| line(sentence)).collect()
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
                in_japanese(&check.detail)
            )
        }
        (_, true) if is_existence_proven(report) => format!(
            "Existence is proven, validity is not judged; what is given does not suffice at {step}: {}.",
            check.detail
        ),
        (_, false) if is_existence_proven(report) => format!(
            "存在は証明されましたが、有効性は判定していません。「{step}」について判断の材料が足りません（{}）。",
            in_japanese(&check.detail)
        ),
        (_, true) => format!(
            "Not proven, not disproven; what is given does not suffice at {step}: {}.",
            check.detail
        ),
        (_, false) => format!(
            "証明も否定もできません。「{step}」について判断の材料が足りません（{}）。",
            in_japanese(&check.detail)
        ),
    }
}

/// Whether only the answer about validity is open.
fn is_existence_proven(report: &Report) -> bool {
    let existed =
        matches!(report.existed(), Answer::InFavour(existed) if existed.existence().is_some());
    existed
        && matches!(report.valid(), Answer::Open(_))
        && report.about_document().sub_indication().is_none()
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
        Step::CheckpointTokens => (
            "tokens over checkpoints",
            "チェックポイントのタイムスタンプ",
        ),
        Step::ProvenTime => (
            "validity at the proven time",
            "証明された時刻における有効性",
        ),
        Step::LogAlgorithms => (
            "the log's algorithms, by the dated rules",
            "期限付き規則によるログのアルゴリズム",
        ),
        Step::Algorithms => (
            "the algorithms, by the dated rules",
            "期限付き規則によるアルゴリズム",
        ),
        Step::TimeOrder => ("the order of times", "時刻の前後関係"),
        Step::Document => ("the document", "文書との照合"),
        Step::Revocation => ("revocation", "失効"),
        Step::IssuerRevocation => ("revocation of the CAs above", "上位認証局の失効"),
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
        (kind::OCSP_RESPONSE, true) => "OCSP response",
        (kind::OCSP_RESPONSE, false) => "OCSPレスポンス",
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
    let (seen, known) = (statement.witness_count, statement.witnesses_known);
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

/// A token over a checkpoint: another party than the witnesses, in a sentence of its own.
fn stamped(token: &ConsultedToken, english: bool) -> String {
    let name = &token.name;
    let StampedCheckpoint {
        size,
        gen_time,
        accuracy,
        not_after,
        tsu,
        ..
    } = match (&token.stamped, english) {
        (Ok(stamped), _) => stamped,
        (Err(why), true) => return format!("The checkpoint token {name} was not used: {why}."),
        (Err(why), false) => {
            return format!(
                "チェックポイントのタイムスタンプ {name} は使用していません（{}）。",
                in_japanese(why)
            );
        }
    };
    let accuracy = accuracy_words(*accuracy, english);
    let tsu = &tsu.subject;
    if english {
        format!(
            "Time-stamp over the log: the unit \"{tsu}\" stamped the checkpoint of the tree of {size} at \
             {gen_time}, {accuracy}; so this record existed before {not_after} ({name})."
        )
    } else {
        format!(
            "ログに対するタイムスタンプ：「{tsu}」が {size} 件の木のチェックポイントに {gen_time}（{accuracy}）に\
             付与しました。よってこの記録は {not_after} より前に存在していました（{name}）。"
        )
    }
}

/// Where there are two kinds of proof: which of them the verdict rests on.
fn rests_on(report: &Report, english: bool) -> Option<String> {
    let existence = report.existence()?;
    if report.checkpoint_tokens().is_empty() {
        return None;
    }
    let time = existence.not_after;
    Some(match (existence.by, english) {
        (ProvenBy::Witnesses, true) => {
            format!("The verdict rests on the witnesses' time, {time}, the earlier one.")
        }
        (ProvenBy::Witnesses, false) => {
            format!("判定は、より早い証人の時刻 {time} に基づきます。")
        }
        (ProvenBy::CheckpointToken(place), _) => {
            let name = report.checkpoint_tokens().get(place);
            let name = name.map(|token| token.name.as_str()).unwrap_or_default();
            if english {
                format!("The verdict rests on the time of the checkpoint token {name}, {time}.")
            } else {
                format!(
                    "判定は、チェックポイントのタイムスタンプ {name} の時刻 {time} に基づきます。"
                )
            }
        }
    })
}

fn post_quantum(statement: &Statement, english: bool) -> Option<String> {
    let said = if english {
        "The quorum was met by post-quantum cosignatures (ML-DSA-44) alone, as was demanded."
    } else {
        "求められたとおり、定足数は耐量子署名（ML-DSA-44）の連署だけで満たされています。"
    };
    (statement.demand == AlgorithmRequirement::PostQuantum).then(|| said.to_owned())
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
        (Facts::Ocsp(facts), _) => answers(facts, english),
    }
}

fn answers(facts: &ResponseFacts, english: bool) -> String {
    let ResponseFacts {
        issuer,
        responder,
        produced_at,
        ..
    } = facts;
    let each: Vec<String> = facts
        .answers
        .iter()
        .map(|answer| {
            let status = match (english, answer.status) {
                (false, "good") => "有効",
                (false, "revoked") => "失効",
                (false, "unknown") => "不明",
                (_, status) => status,
            };
            format!("{} {status}", hex::encode(&answer.serial))
        })
        .collect();
    let each = each.join(", ");
    if english {
        format!(
            "The responder \"{responder}\" states for the CA \"{issuer}\", and its signature and \
             authority were checked, at {produced_at}: {each}."
        )
    } else {
        format!(
            "認証局「{issuer}」のためのレスポンダ「{responder}」の主張（署名と権限は検査済み）、\
             {produced_at} 現在：{each}。"
        )
    }
}

fn document(report: &Report, english: bool) -> Option<String> {
    if let Some(Pdf::Inside(inside)) = report.pdf() {
        return in_pdf(&inside, english).map(str::to_owned);
    }
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

/// What a token in a PDF stamps; problems with it have sentences of their own.
fn in_pdf(inside: &InPdf, english: bool) -> Option<&'static str> {
    let said = match (inside.over_signature, inside.holds, inside.extent) {
        (true, _, _) => (
            "It stamps a signature in the PDF, not the PDF: whether that signature is valid, a PDF validator says.",
            "対象はPDF内の署名であり、PDFそのものではありません。署名の有効性はPDFの検証ソフトウェアで確認してください。",
        ),
        (false, Some(true), Extent::Whole) => (
            "The PDF is the one that was stamped, to its last octet.",
            "このPDFは末尾まで、タイムスタンプが付与されたものと一致します。",
        ),
        (false, Some(true), _) => (
            "An earlier version of the PDF is the one that was stamped.",
            "タイムスタンプが付与されたのは、このPDFの以前の版です。",
        ),
        (false, _, _) => return None,
    };
    Some(if english { said.0 } else { said.1 })
}
