//! `ishibumi verify FILE.pdf`: every time-stamp in a PDF, and what that says about the PDF in hand.

use std::path::Path;

use ishibumi::evidence::pdf::{self, Beside, NoVerdict, PdfError, PdfTokens, PdfVerdict};
use ishibumi::verify::{Indication, Outcome, Step};
use ishibumi::{Report, Verifier};
use ishibumi_cli::batch::Zone;
use ishibumi_cli::render::{self, Language};
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::{Exit, Failure, Output, mistaken};

/// Verifies the time-stamps in the PDF `octets`, which was read from `path`.
pub(super) fn run(
    (path, octets): (&Path, &[u8]),
    verifier: &Verifier<'_>,
    beside: Beside<'_>,
    zone: Zone,
    voice: Output,
) -> Result<Exit, Failure> {
    let found = pdf::tokens(octets);
    let shown = path.display().to_string();
    let refused = found.refused.iter();
    let refused =
        refused.map(|(at, error)| format!("{shown}: {}", refusal(*at, error, Language::English)));
    let refused: Vec<String> = refused.collect();
    if found.tokens.is_empty() {
        return Err(mistaken::no_time_stamp(path, found.without).lines(refused));
    }
    for (at, error) in &found.refused {
        super::tell(&format!("{shown}: {}", refusal(*at, error, voice.language)));
    }
    let verdicts = judge(octets, &found, verifier, beside);
    let value = to_json(&shown, &verdicts, &refused);
    let text = to_text(&shown, &verdicts, voice.language);
    voice.say(&value, &zone.retold(&text));
    let unread = if refused.is_empty() {
        Exit::Proven
    } else {
        Exit::Unavailable
    };
    let exits = verdicts.iter().map(exit);
    Ok(exits
        .chain([unread])
        .max_by_key(|exit| weight(*exit))
        .unwrap_or(Exit::Proven))
}

pub(super) fn judge(
    octets: &[u8],
    found: &PdfTokens,
    verifier: &Verifier<'_>,
    beside: Beside<'_>,
) -> Vec<PdfVerdict> {
    let imprints = found.imprints(octets);
    let numbers = 1..=found.tokens.len();
    let judge = |number| found.judge(number, (octets, &imprints), verifier, beside);
    numbers.filter_map(judge).collect()
}

/// Whether the file as it is now is proven: a time-stamp over the PDF itself that reaches to its
/// end.
pub(super) fn is_whole_file_proven(verdicts: &[PdfVerdict]) -> bool {
    verdicts.iter().any(|verdict| {
        let whole = verdict.standing.covered == verdict.standing.length;
        verdict.report.as_ref().is_ok_and(|report| {
            whole && report.is_proven() && report.outcome(Step::Document) == Some(Outcome::Passed)
        })
    })
}

fn exit(verdict: &PdfVerdict) -> Exit {
    match verdict.report.as_ref().map(Report::indication) {
        Ok(Indication::TotalPassed) => Exit::Proven,
        Ok(Indication::TotalFailed) => Exit::Disproven,
        Ok(Indication::Indeterminate) => Exit::Indeterminate,
        Err(_) => Exit::Unavailable,
    }
}

const fn weight(exit: Exit) -> u8 {
    match exit {
        Exit::Disproven => 3,
        Exit::Indeterminate => 2,
        Exit::Proven => 0,
        _ => 1,
    }
}

/// What the PDF itself is, in one line, before what its time-stamps are.
fn headline(shown: &str, verdicts: &[PdfVerdict], language: Language) -> String {
    let all = verdicts.len();
    let proven = verdicts
        .iter()
        .filter(|it| exit(it) == Exit::Proven)
        .count();
    let changed = verdicts
        .iter()
        .any(|it| !render::pdf_sentences(&it.standing, language).is_empty());
    match (
        is_whole_file_proven(verdicts),
        changed,
        language.is_english(),
    ) {
        (true, _, true) => format!(
            "{shown}: the PDF is proven as it is; {proven} of {all} time-stamps are proven."
        ),
        (true, _, false) => format!(
            "{shown}：このPDFは現在の内容のまま証明されています（タイムスタンプ {all} 個中 {proven} 個が証明済み）。"
        ),
        (false, true, true) => format!(
            "{shown}: THE PDF AS IT IS NOW IS NOT PROVEN, see below; {proven} of {all} time-stamps are proven."
        ),
        (false, true, false) => format!(
            "{shown}：このPDFの現在の内容は証明されていません（下記参照）。タイムスタンプ {all} 個中 {proven} 個が証明済みです。"
        ),
        (false, false, true) => format!("{shown}: {proven} of {all} time-stamps are proven."),
        (false, false, false) => {
            format!("{shown}：タイムスタンプ {all} 個中 {proven} 個が証明済みです。")
        }
    }
}

fn to_text(shown: &str, verdicts: &[PdfVerdict], language: Language) -> String {
    let mut out = String::new();
    add_line(&mut out, headline(shown, verdicts, language));
    let all = verdicts.len();
    for verdict in verdicts {
        let number = verdict.standing.number;
        let heading = if language.is_english() {
            format!("Time-stamp {number} of {all}")
        } else {
            format!("タイムスタンプ {number}／{all}")
        };
        out.push('\n');
        add_line(&mut out, heading);
        match &verdict.report {
            Ok(report) => out.push_str(&render::text(report, language)),
            Err(error) => {
                add_line(&mut out, no_verdict(error, language));
                for sentence in render::pdf_sentences(&verdict.standing, language) {
                    add_line(&mut out, sentence);
                }
            }
        }
    }
    out
}

/// A signature that could not be read.
pub(super) fn refusal(at: usize, error: &PdfError, language: Language) -> String {
    if language.is_english() {
        format!("signature at octet {at}: {error}")
    } else {
        format!(
            "{at} オクテット目の署名：{}",
            language.said(&error.to_string())
        )
    }
}

/// Why there is no verdict, as text.
pub(super) fn no_verdict(error: &NoVerdict, language: Language) -> String {
    if language.is_english() {
        return error.to_string();
    }
    format!("{}。", language.said(&error.to_string()))
}

fn to_json(shown: &str, verdicts: &[PdfVerdict], refused: &[String]) -> Value {
    let one = |verdict: &PdfVerdict| {
        json!({
            "number": verdict.standing.number,
            "pdf": render::pdf_json(&verdict.standing),
            "report": verdict.report.as_ref().ok().map(render::json),
            "error": verdict.report.as_ref().err().map(ToString::to_string),
        })
    };
    let proven = verdicts.iter().filter(|it| exit(it) == Exit::Proven);
    json!({
        "file": shown,
        "file_proven": is_whole_file_proven(verdicts),
        "proven": proven.count(),
        "of": verdicts.len(),
        "time_stamps": verdicts.iter().map(one).collect::<Vec<_>>(),
        "refused": refused,
    })
}
