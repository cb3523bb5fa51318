//! One line per row, RFC 4180, every field quoted, safe to open in a spreadsheet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::words;
use crate::batch::{Accreditation, Batch, Row, Stamped};
use crate::render::Language;
use ishibumi::verify::SubIndication;

const HEADER: [&str; 16] = [
    "file",
    "status",
    "verification_time",
    "tsa_certificate",
    "tsa_certificate_sha256",
    "serial_number",
    "gen_time",
    "valid_from",
    "valid_to",
    "hash_algorithm",
    "hash_base64",
    "accredited",
    "proven_time",
    "document",
    "sub_indication",
    "reasons",
];

/// The header in Japanese. The values stay as they are.
const JAPANESE_HEADER: [&str; HEADER.len()] = [
    "ファイル",
    "結果",
    "検証日時",
    "TSA証明書",
    "TSA証明書のSHA-256",
    "シリアル番号",
    "付与時刻（genTime）",
    "有効期間の開始",
    "有効期間の終了",
    "ハッシュアルゴリズム",
    "ハッシュ値（Base64）",
    "総務大臣認定",
    "証明された時刻",
    "文書との照合",
    "サブインディケーション",
    "理由",
];

/// The rows as CSV in UTF-8, with CRLF; with a byte order mark if asked for, which Excel wants.
pub fn csv(batch: &Batch, byte_order_mark: bool, language: Language) -> String {
    let mut out = String::new();
    if byte_order_mark {
        out.push('\u{feff}');
    }
    let header = match language {
        Language::English => HEADER,
        Language::Japanese => JAPANESE_HEADER,
    };
    line(&mut out, &header.map(str::to_owned));
    for row in &batch.rows {
        line(&mut out, &fields(batch, row, language));
    }
    out
}

fn fields(batch: &Batch, row: &Row, language: Language) -> [String; HEADER.len()] {
    let zone = batch.period.zone();
    let of = |show: &dyn Fn(&Stamped) -> String| row.stamped.as_ref().map(show).unwrap_or_default();
    let accredited = row.stamped.as_ref();
    let accredited = accredited.map_or(Accreditation::Unknown, |it| it.accreditation);
    [
        row.file.clone(),
        row.status.name().to_owned(),
        zone.show(batch.verified_at),
        of(&|it| it.tsu.subject.clone()),
        of(&|it| hex::encode(it.tsu.digest)),
        of(&|it| format!("0x{}", hex::encode(&it.serial))),
        of(&|it| zone.show(it.gen_time)),
        of(&|it| zone.show(it.tsu.not_before)),
        of(&|it| zone.show(it.tsu.not_after)),
        of(&|it| it.imprint_algorithm.to_owned()),
        of(&|it| STANDARD.encode(&it.imprint)),
        accredited.name().to_owned(),
        row.proven_time.map(|it| zone.show(it)).unwrap_or_default(),
        row.document.1.name().to_owned(),
        row.sub_indication
            .map(SubIndication::word)
            .unwrap_or_default()
            .to_owned(),
        words::reasons(batch, row, language),
    ]
}

fn line(out: &mut String, fields: &[String; HEADER.len()]) {
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push('"');
        // A spreadsheet takes these for a formula; the apostrophe makes it text. A field that began
        // with one gets a second, so that a program can take it off again.
        if field.starts_with([
            '=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠',
        ]) {
            out.push('\'');
        }
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_ends_early() {
        let mut out = String::new();
        let mut fields = HEADER.map(|_| String::new());
        fields[0] = "=cmd|' /C calc'!A0".to_owned();
        fields[1] = "a\"b,c\r\nd".to_owned();
        fields[2] = "'kept".to_owned();
        line(&mut out, &fields);
        let expected = "\"'=cmd|' /C calc'!A0\",\"a\"\"b,c\r\nd\",\"''kept\"";
        assert!(out.starts_with(expected), "{out}");
    }
}
