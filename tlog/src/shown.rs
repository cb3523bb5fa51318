//! Foreign text, as a person may be shown it: file names, names in certificates, origins, what a
//! server answered.
//!
//! A terminal obeys control characters: text that an attacker chose could erase a verdict, or write
//! another one. Marks that turn the direction of writing, and invisible characters, make one name
//! look like another (Unicode TR 36, CVE-2021-42574). All of them are shown as `\u{202e}`, which
//! hides nothing. Other text stays as it is, in any script.

use std::fmt::{self, Write as _};

/// Whether a terminal obeys the character, or it is invisible.
///
/// C0, DEL and C1; marks that turn the direction of writing; line and paragraph separators;
/// characters without width. Variation selectors are left alone: names in Japanese are written with
/// them.
pub const fn is_unsafe(character: char) -> bool {
    character.is_ascii_control()
        || matches!(
            character,
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
        )
        // The block of tags contains the variation selectors of ideographs.
        && !matches!(character, '\u{e0100}'..='\u{e01ef}')
}

/// Text as part of a line: unsafe characters are spelled out, line breaks too.
pub fn line(text: &str) -> String {
    spelled(text, is_unsafe)
}

/// Octets that ought to be text, as part of a line.
pub fn octets(octets: &[u8]) -> String {
    line(&String::from_utf8_lossy(octets))
}

/// Text of several lines, as a program lays it out for people: unsafe characters are spelled out,
/// line feeds stay.
pub fn lines(text: &str) -> String {
    spelled(text, |character| character != '\n' && is_unsafe(character))
}

/// Appends a line to text of several lines.
pub fn add_line(out: &mut String, text: impl fmt::Display) {
    out.push_str(&line(&text.to_string()));
    out.push('\n');
}

/// A JSON document with unsafe characters in its strings as JSON escapes (RFC 8259 section 7):
/// programs read the same text, and a terminal obeys none of it. Line feeds between its members
/// stay.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for character in document.chars() {
        if character != '\n' && is_unsafe(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

fn spelled(text: &str, is_unsafe: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            // Writing to a String does not fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_or_hides_is_left() {
        let controls = (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32);
        let marks = "\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}";
        for character in controls.chain(marks.chars()) {
            assert!(is_unsafe(character), "{character:?}");
            let shown = line(&format!("a{character}b"));
            assert_eq!(shown, format!("a\\u{{{:x}}}b", u32::from(character)));
            let document = serde_like(character);
            assert!(!json(&document).contains(character) || character == '\n');
        }
        assert_eq!(lines("a\nb\r\u{1b}[2J"), "a\nb\\u{d}\\u{1b}[2J");
        assert_eq!(
            json("\"\u{202e}\u{e0041}\u{9b}\"\n"),
            "\"\\u202e\\udb40\\udc41\\u009b\"\n"
        );
    }

    /// A string as a JSON writer leaves it: it escapes C0, and nothing else.
    fn serde_like(character: char) -> String {
        if character < ' ' {
            String::new()
        } else {
            format!("\"{character}\"")
        }
    }

    #[test]
    fn names_of_people_and_places_stay() {
        for name in [
            "碑 タイムスタンプ株式会社",
            "葛\u{e0100}飾区",
            "Zeitstempel für Österreich (e.V.)",
            "חותמת זמן",
            "ختم زمني",
            "\u{1f58b}\u{fe0f}",
        ] {
            assert_eq!(line(name), name);
            assert_eq!(json(name), name);
        }
    }
}
