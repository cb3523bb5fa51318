//! The three answers of a report, a line for each.

use serde_json::{Value, json};

use super::Language;
use ishibumi::verify::{Answer, Existed, Facts, Report, RevocationKnown, SubIndication};

/// Mark and line of each answer, in their order.
pub(super) fn lines(report: &Report, language: Language) -> [(&'static str, String); 3] {
    let valid = report.valid();
    let about = report.about_document();
    [
        (
            mark(&report.existed(), language),
            existed(report.existed(), language),
        ),
        (
            mark(&valid, language),
            validity(report, language).to_owned(),
        ),
        (mark(&about, language), document(about, language).to_owned()),
    ]
}

fn mark<T>(answer: &Answer<T>, language: Language) -> &'static str {
    match answer {
        Answer::InFavour(_) => language.pick("yes", "○"),
        Answer::Against(_) => language.pick("NO", "×"),
        Answer::Open(_) => language.pick("open", "？"),
        Answer::NotAsked | Answer::NotApplicable => language.pick("--", "－"),
    }
}

fn existed(answer: Answer<&Existed>, language: Language) -> String {
    let in_log = language.pick("it existed in the log", "ログに存在していた");
    match answer {
        Answer::InFavour(existed) => match existed.existence() {
            Some(existence) => {
                let time = existence.not_after;
                match language {
                    Language::English => format!("{in_log} before {time}"),
                    Language::Japanese => format!("{time} より前に{in_log}"),
                }
            }
            None => match language {
                Language::English => format!("{in_log}; no time is proven"),
                Language::Japanese => format!("{in_log}（時刻の証明なし）"),
            },
        },
        _ => in_log.to_owned(),
    }
}

fn validity(report: &Report, language: Language) -> &'static str {
    let known = match report.valid() {
        Answer::InFavour(valid) => valid.revocation(),
        _ if is_statement(report) => RevocationKnown::NotApplicable,
        _ => RevocationKnown::Known,
    };
    match known {
        RevocationKnown::Known => language.pick(
            "it was valid by its issuer's rules then, revocation included",
            "その時点で発行者の規則により有効だった（失効を含む）",
        ),
        RevocationKnown::NotAsked => language.pick(
            "it was valid by its issuer's rules then; REVOCATION WAS NOT ASKED ABOUT",
            "その時点で発行者の規則により有効だった（失効は確認していない）",
        ),
        RevocationKnown::TrustedDirectly => language.pick(
            "it was valid by its issuer's rules then; its signer is trusted directly",
            "その時点で発行者の規則により有効だった（署名者を直接信頼）",
        ),
        RevocationKnown::NotApplicable => language.pick(
            "it was valid by its issuer's rules then",
            "その時点で発行者の規則により有効だった",
        ),
    }
}

/// Whether it is a list or a response, which nothing revokes.
fn is_statement(report: &Report) -> bool {
    matches!(report.facts(), Some(Facts::Crl(_) | Facts::Ocsp(_)))
}

fn document(answer: Answer<()>, language: Language) -> &'static str {
    match answer {
        Answer::NotAsked => language.pick(
            "whether it is about a document was not asked",
            "文書との照合は求められていない",
        ),
        Answer::NotApplicable => language.pick("it is about no document", "対象となる文書はない"),
        _ => language.pick("it is about this document", "この文書を対象としている"),
    }
}

/// The answers for programs.
pub(super) fn json(report: &Report) -> Value {
    let existed = report.existed();
    let not_after = match existed {
        Answer::InFavour(existed) => existed.existence().map(|it| it.not_after.to_string()),
        _ => None,
    };
    let valid = report.valid();
    let revocation = match valid {
        Answer::InFavour(valid) => Some(valid.revocation().name()),
        _ => None,
    };
    let about = report.about_document();
    json!({
        "existed": {
            "answer": existed.name(),
            "sub_indication": existed.sub_indication().map(SubIndication::word),
            "not_after": not_after,
        },
        "valid": {
            "answer": valid.name(),
            "sub_indication": valid.sub_indication().map(SubIndication::word),
            "revocation": revocation,
        },
        "about_document": {
            "answer": about.name(),
            "sub_indication": about.sub_indication().map(SubIndication::word),
        },
    })
}
