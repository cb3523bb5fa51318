//! The report for people.

use ishibumi_tlog::shown::add_line;

use super::sentences::step_name;
use super::{Language, answers, kind_name, rfc3339, sentences};
use ishibumi::verify::{Facts, Indication, Outcome, Report, SubIndication};

/// The report as lines of text, with a final newline.
pub fn text(report: &Report, language: Language) -> String {
    let mut out = String::new();
    headline(&mut out, report, language);
    for (mark, question) in answers::lines(report, language) {
        add_line(&mut out, format!("{mark:<5} {question}"));
    }
    add_line(&mut out, "");
    for sentence in sentences(report, language) {
        add_line(&mut out, &sentence);
    }
    add_line(&mut out, "");
    for (name, value) in details(report, language) {
        add_line(&mut out, format!("{} {value}", padded(name)));
    }
    add_line(&mut out, "");
    for check in report.checks() {
        let mark = match check.outcome {
            Outcome::Passed => language.pick("ok", "合格").to_owned(),
            Outcome::Failed(sub) => sub.word().to_owned(),
            Outcome::NotChecked => "--".to_owned(),
        };
        let step = step_name(check.step, language == Language::English);
        let detail = if check.detail.is_empty() {
            String::new()
        } else {
            format!(
                "{}{}",
                language.pick(": ", "："),
                language.said(&check.detail)
            )
        };
        add_line(&mut out, format!("{mark:<4} {step}{detail}"));
    }
    out
}

fn headline(out: &mut String, report: &Report, language: Language) {
    let indication = report.indication();
    let word = match indication {
        Indication::TotalPassed => language.pick("PROVEN", "証明済み"),
        Indication::TotalFailed => language.pick("DISPROVEN", "否定"),
        Indication::Indeterminate => language.pick("INDETERMINATE", "判定不能"),
    };
    let sub = report.sub_indication().map(SubIndication::word);
    let sub = sub.map(|sub| format!(", {sub}")).unwrap_or_default();
    add_line(out, format!("{word} ({}{sub})", indication.word()));
}

/// A name, padded to the width of the column: Japanese letters are twice as wide.
fn padded(name: &str) -> String {
    let width: usize = name
        .chars()
        .map(|it| if it.is_ascii() { 1 } else { 2 })
        .sum();
    format!("{name}{}", " ".repeat(12_usize.saturating_sub(width)))
}

/// Names and values that a person may want to compare or copy.
fn details(report: &Report, language: Language) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(statement) = report.statement() {
        rows.push((language.pick("record", "記録"), statement.leaf.to_hex()));
        rows.push((
            language.pick("kind", "種類"),
            kind_name(statement.kind).to_owned(),
        ));
        rows.push((language.pick("log", "ログ"), statement.origin.clone()));
        rows.push((
            language.pick("tree", "木"),
            format!("{} {}", statement.size, statement.root),
        ));
        for witness in &statement.witnesses {
            let time = rfc3339(witness.time);
            let signed = format!("{time} {} ({})", witness.name, witness.algorithm);
            rows.push((language.pick("witness", "証人"), signed));
        }
        let none = language.pick("no time proven", "時刻の証明なし");
        rows.push((
            language.pick("not after", "証明時刻"),
            statement.not_after.map_or_else(|| none.to_owned(), rfc3339),
        ));
    }
    for token in report.checkpoint_tokens() {
        if let Ok(stamped) = &token.stamped {
            let (time, tsu) = (stamped.not_after, &stamped.tsu.subject);
            rows.push((
                language.pick("stamped", "ログの時刻印"),
                format!("{time} {tsu}"),
            ));
        }
    }
    match report.facts() {
        Some(Facts::Token {
            serial,
            imprint_algorithm,
            imprint,
            tsu,
            ..
        }) => {
            rows.push((language.pick("serial", "シリアル番号"), hex::encode(serial)));
            rows.push((
                language.pick("imprint", "ハッシュ値"),
                format!("{imprint_algorithm} {}", hex::encode(imprint)),
            ));
            rows.push((
                language.pick("tsu", "時刻認証局"),
                format!("{} (SHA-256 {})", tsu.subject, hex::encode(tsu.digest)),
            ));
        }
        Some(Facts::Certificate(facts)) => {
            rows.push((
                language.pick("serial", "シリアル番号"),
                hex::encode(&facts.serial),
            ));
            rows.push((
                language.pick("sha-256", "SHA-256"),
                hex::encode(facts.digest),
            ));
        }
        Some(Facts::Crl(facts)) => {
            rows.push((language.pick("number", "番号"), hex::encode(&facts.number)));
            rows.push((
                language.pick("sha-256", "SHA-256"),
                hex::encode(facts.digest),
            ));
        }
        Some(Facts::Ocsp(facts)) => rows.push((
            language.pick("sha-256", "SHA-256"),
            hex::encode(facts.digest),
        )),
        None => {}
    }
    rows.push((
        language.pick("file", "ファイル"),
        format!("SHA-256 {}", report.artifact_digest()),
    ));
    rows
}
