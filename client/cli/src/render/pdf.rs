//! The output about a token whose document is a PDF. A user asks about the PDF at hand, and a proof
//! about an earlier version of it must not be taken for one.

use serde_json::{Value, json};

use super::Language;
use ishibumi::verify::{Extent, InPdf, Pdf, Report};

/// Sentences about a time-stamp inside of a PDF that the reader has to know; empty if it covers the
/// whole file and is about it.
pub fn pdf_sentences(inside: &InPdf, language: Language) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(changed_inside(inside, language.is_english()));
    said.extend(changed_later(inside, language.is_english()));
    said
}

fn changed_inside(inside: &InPdf, english: bool) -> Option<String> {
    let number = inside.number;
    Some(match (inside.holds, inside.over_signature, english) {
        (Some(true), _, _) | (None, true, _) => return None,
        (Some(false), false, true) => format!(
            "THE PDF WAS CHANGED where time-stamp {number} covers it: it does not stamp these octets."
        ),
        (Some(false), false, false) => format!(
            "このPDFは、タイムスタンプ{number}の対象部分が変更されています。タイムスタンプの対象とは一致しません。"
        ),
        (Some(false), true, true) => format!(
            "THE PDF WAS CHANGED where the signature of time-stamp {number} covers it: that signature is not \
             about these octets."
        ),
        (Some(false), true, false) => format!(
            "このPDFは、タイムスタンプ{number}が付された署名の対象部分が変更されています。署名の対象とは一致しません。"
        ),
        (None, false, true) => format!(
            "Whether time-stamp {number} stamps the octets of the PDF that it covers cannot be told."
        ),
        (None, false, false) => format!(
            "タイムスタンプ{number}がこのPDFの対象部分に付与されたものかどうかは判断できません。"
        ),
    })
}

fn changed_later(inside: &InPdf, english: bool) -> Option<String> {
    let InPdf {
        number,
        covered,
        length,
        ..
    } = inside;
    let later = length.saturating_sub(*covered);
    let subject = match (inside.over_signature, english) {
        (false, true) => format!("time-stamp {number}"),
        (true, true) => format!("the signature of time-stamp {number}"),
        (false, false) => format!("タイムスタンプ{number}"),
        (true, false) => format!("タイムスタンプ{number}が付された署名"),
    };
    Some(match (inside.extent, english) {
        (Extent::Whole, _) => return None,
        (Extent::ChangedLater, true) => format!(
            "THE PDF WAS CHANGED AFTER {subject}, which covers its first {covered} octets: {later} octets were \
             added behind them, and no time-stamp in the file covers those. What is proven of the earlier \
             version is not proven of this PDF."
        ),
        (Extent::ChangedLater, false) => format!(
            "このPDFは{subject}の後に変更されています。対象は先頭の {covered} オクテットで、その後に追加された {later} \
             オクテットはどのタイムスタンプの対象でもありません。変更前の版について証明されたことは、このPDFについての証明にはなりません。"
        ),
        (Extent::CoveredLater(by), true) => format!(
            "The PDF was added to after {subject}, which covers its first {covered} octets; time-stamp {by} \
             covers the whole file."
        ),
        (Extent::CoveredLater(by), false) => format!(
            "このPDFは{subject}の後に追記されています（対象は先頭の {covered} オクテット）。ファイル全体はタイムスタンプ{by}の対象です。"
        ),
    })
}

/// The sentences about the PDF of a report; empty if it has none.
pub(super) fn of_report(report: &Report, language: Language) -> Vec<String> {
    match report.pdf() {
        None => Vec::new(),
        Some(Pdf::Inside(inside)) => pdf_sentences(&inside, language),
        Some(Pdf::CutOut) => vec![
            language
                .pick(
                    "This document is one version of a PDF, cut out of it: the octets that a time-stamp in it covers. \
                     Whether the PDF was changed later is not known here: ishibumi verify FILE.pdf says so.",
                    "この文書は、PDFからタイムスタンプの対象部分を取り出した一つの版です。PDFがその後に変更されたかどうかは\
                     ここでは分かりません。`ishibumi verify ファイル名.pdf` で確認してください。",
                )
                .to_owned(),
        ],
    }
}

/// For programs: how a time-stamp stands to the PDF that it is in.
pub fn pdf_json(inside: &InPdf) -> Value {
    let by = match inside.extent {
        Extent::CoveredLater(by) => Some(by),
        _ => None,
    };
    json!({
        "time_stamp": inside.number,
        "over_signature": inside.over_signature,
        "covers_octets": inside.covered,
        "file_octets": inside.length,
        "extent": inside.extent.name(),
        "covered_by": by,
        "stamps_what_it_covers": inside.holds,
    })
}

pub(super) fn json_of_report(report: &Report) -> Value {
    match report.pdf() {
        None => Value::Null,
        Some(Pdf::CutOut) => json!({ "extent": "cut-out" }),
        Some(Pdf::Inside(inside)) => pdf_json(&inside),
    }
}
