//! A page that needs nothing but itself: no script, no font, no network.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::words;
use crate::batch::{Batch, Row, Status};
use crate::render::Language;

const STYLE: &str = "body{font:14px/1.5 system-ui,'Noto Sans CJK JP','Yu Gothic','Hiragino Sans',sans-serif;margin:2em auto;max-width:1200px;padding:0 1em;color:#111}\
h1{font-size:22px;border-bottom:2px solid #111}h2{font-size:17px;margin-top:2em}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:3px 6px;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{background:#eee}.n{text-align:right}.disproven{background:#fdd}.indeterminate,.unreadable{background:#ffe9c7}.out-of-period{color:#666}\
.rows{font-size:11px}@media print{body{margin:0;max-width:none}@page{size:A4 landscape;margin:12mm}thead{display:table-header-group}tr{break-inside:avoid}}";

/// The whole report as one HTML page: terms, summary, failures, every row.
pub fn html(batch: &Batch, language: Language) -> String {
    let mut out = String::new();
    let lang = language.pick("en", "ja");
    let title = words::title(language);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<table>"
    );
    for (name, value) in words::terms(batch, language) {
        let _ = writeln!(out, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&value));
    }
    let summary = batch.summary();
    let heading = language.pick("Summary", "集計");
    let _ = write!(out, "</table>\n<h2>{heading}</h2>\n<table>");
    for status in Status::ALL {
        let word = words::counted(batch, status, language);
        let count = summary.count(status);
        let _ = writeln!(out, "<tr><th>{word}</th><td class=\"n\">{count}</td></tr>");
    }
    let (word, total) = (language.pick("in total", "合計"), summary.total());
    let _ = writeln!(
        out,
        "<tr><th>{word}</th><td class=\"n\">{total}</td></tr></table>"
    );
    let _ = writeln!(out, "<p>{}</p>", words::accredited_note(language));
    let heading = language.pick("To be looked at", "確認が必要なもの");
    let _ = writeln!(out, "<h2>{heading}</h2>");
    if batch.failures().next().is_none() {
        let _ = writeln!(out, "<p>{}</p>", language.pick("None.", "なし。"));
    }
    for row in batch.failures() {
        let (class, word) = (row.status.name(), words::status(row.status, language));
        let (file, reasons) = (
            escaped(&row.file),
            escaped(&words::reasons(batch, row, language)),
        );
        let _ = writeln!(
            out,
            "<p class=\"{class}\"><b>{file}</b>: {word}<br>{reasons}</p>"
        );
    }
    let heading = language.pick("Every file", "全件");
    let _ = write!(out, "<h2>{heading}</h2>\n<table class=\"rows\"><thead><tr>");
    for name in columns(language) {
        let _ = write!(out, "<th>{name}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in &batch.rows {
        let _ = write!(out, "<tr class=\"{}\">", row.status.name());
        for cell in cells(batch, row, language) {
            let _ = write!(out, "<td>{}</td>", escaped(&cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n</body></html>\n");
    out
}

fn columns(language: Language) -> [&'static str; 9] {
    [
        language.pick("File", "ファイル"),
        language.pick("Status", "結果"),
        language.pick("genTime", "付与時刻（genTime）"),
        language.pick("Proven before", "証明された時刻"),
        language.pick("TSA certificate, serial number", "TSA証明書・シリアル番号"),
        language.pick("Validity period", "有効期間"),
        language.pick("Hash (Base64)", "ハッシュ値（Base64）"),
        language.pick("Accredited", "総務大臣認定"),
        language.pick("Document", "文書との照合"),
    ]
}

fn cells(batch: &Batch, row: &Row, language: Language) -> [String; 9] {
    let zone = batch.period.zone();
    let status = words::status(row.status, language).to_owned();
    let proven = row.proven_time.map(|it| zone.show(it)).unwrap_or_default();
    let (document, compared) = &row.document;
    let document = format!(
        "{} {}",
        words::compared(*compared, language),
        document.as_deref().unwrap_or_default()
    );
    let Some(it) = &row.stamped else {
        let none = String::new;
        return [
            row.file.clone(),
            status,
            none(),
            proven,
            none(),
            none(),
            none(),
            none(),
            document,
        ];
    };
    [
        row.file.clone(),
        status,
        zone.show(it.gen_time),
        proven,
        format!("{} 0x{}", it.tsu.subject, hex::encode(&it.serial)),
        format!(
            "{} - {}",
            zone.show(it.tsu.not_before),
            zone.show(it.tsu.not_after)
        ),
        format!("{} {}", it.imprint_algorithm, STANDARD.encode(&it.imprint)),
        words::accredited(it.accreditation, language).to_owned(),
        document,
    ]
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Neither control characters nor those that turn the direction of text around.
            it if it.is_control()
                || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.push('\u{fffd}');
            }
            it => out.push(it),
        }
    }
    out
}
