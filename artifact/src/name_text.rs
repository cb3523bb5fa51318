//! Text in names: the string types of ASN.1, and what has to be equal for two texts to be the same
//! (RFC 5280 7.1, RFC 4518).
//!
//! Done of RFC 4518: transcoding to Unicode; case folding and NFKC, again and again until nothing
//! changes any more (what appendix B.2 of RFC 3454 tabulates); every white space as SPACE, several
//! as one, none at the ends. Not done: characters that RFC 4518 removes without a trace (soft
//! hyphen, zero-width and directional marks, control characters) or prohibits (private use, U+FFFD,
//! no characters). A text with one of these has no prepared form, so it is compared by its octets
//! alone: two different names that look alike must not become one CA. Unassigned code points are
//! not looked for, since the set changes from year to year.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The string types of ASN.1 that names are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StringType {
    Utf8,
    /// NumericString, PrintableString, IA5String, VisibleString: each allows less than ASCII, but
    /// issuers put an `@` or a `*` into a PrintableString, and other implementations read it.
    Ascii,
    /// TeletexString: read as Latin-1. By its definition (T.61) accents stand before their letters;
    /// in practice it is not written so, and OpenSSL, Java and Windows read Latin-1. Escape
    /// sequences, with which T.61 changes its character set, are control characters and leave the
    /// text without a prepared form.
    Teletex,
    /// BMPString: UTF-16, big endian. Pairs, which it should not have, are read, as Windows writes
    /// them.
    Bmp,
    /// UniversalString: UTF-32, big endian.
    Universal,
    /// VideotexString, GraphicString, GeneralString: strings that are not read here.
    Unreadable,
}

impl StringType {
    /// The string type by the identifier octet; `None` if it is no string.
    pub(crate) const fn of(tag: u8) -> Option<Self> {
        match tag {
            0x0c => Some(Self::Utf8),
            0x12 | 0x13 | 0x16 | 0x1a => Some(Self::Ascii),
            0x14 => Some(Self::Teletex),
            0x1e => Some(Self::Bmp),
            0x1c => Some(Self::Universal),
            0x15 | 0x19 | 0x1b => Some(Self::Unreadable),
            _ => None,
        }
    }

    /// The text; `None` if the octets are not of this type.
    pub(crate) fn decode(self, octets: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => core::str::from_utf8(octets).ok().map(str::to_owned),
            Self::Ascii => octets
                .is_ascii()
                .then(|| octets.iter().copied().map(char::from).collect()),
            Self::Teletex => Some(octets.iter().copied().map(char::from).collect()),
            Self::Bmp => {
                let (units, rest) = octets.as_chunks::<2>();
                let units = units.iter().copied().map(u16::from_be_bytes);
                let text = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
                rest.is_empty().then_some(text)
            }
            Self::Universal => {
                let (letters, rest) = octets.as_chunks::<4>();
                let letters = letters.iter().copied().map(u32::from_be_bytes);
                let text = letters.map(char::from_u32).collect::<Option<_>>()?;
                rest.is_empty().then_some(text)
            }
            Self::Unreadable => None,
        }
    }
}

/// Rounds of folding and normalizing; the characters assigned today need two.
const ROUNDS_MAX: usize = 8;

/// The prepared form of a text, equal for texts that are the same; `None` if the text has none (see
/// above).
pub(crate) fn prepare(text: &str) -> Option<String> {
    if !text.chars().all(is_prepared) {
        return None;
    }
    if text.is_ascii() {
        return Some(squeeze(&text.to_ascii_lowercase()));
    }
    let mut prepared = text.to_owned();
    for _ in 0..ROUNDS_MAX {
        let folded: String = prepared.chars().flat_map(fold).collect();
        let next = squeeze(&normalize(&folded));
        if next == prepared {
            return Some(prepared);
        }
        prepared = next;
    }
    None
}

fn normalize(text: &str) -> String {
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        _ => text.nfkc().collect(),
    }
}

/// Case folding (Unicode 3.13, full), made of the mappings that the standard library has. Upper
/// case and back joins what lower case alone does not (`ß` and `SS`, both small sigmas); it would
/// also join the dotless `ı` with `i`, which folding does not.
fn fold(letter: char) -> impl Iterator<Item = char> {
    const DOTLESS_I: char = '\u{131}';
    let folded: Vec<char> = if letter == DOTLESS_I {
        vec![letter]
    } else {
        let lower = letter.to_lowercase();
        let upper = lower.flat_map(char::to_uppercase);
        upper.flat_map(char::to_lowercase).collect()
    };
    folded.into_iter()
}

/// White space as SPACE, several as one, none at the ends (RFC 4518 2.6.1).
fn squeeze(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}

/// Whether RFC 4518 neither removes (2.2) nor prohibits (2.4) it.
fn is_prepared(letter: char) -> bool {
    if letter.is_whitespace() {
        return true;
    }
    let code = u32::from(letter);
    let is_removed = matches!(code,
        0xad | 0x34f | 0x6dd | 0x70f | 0x180b..=0x180e | 0x1806 | 0x200b..=0x200f | 0x202a..=0x202e
        | 0x2060..=0x2063 | 0x206a..=0x206f | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffc
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff);
    let is_prohibited = matches!(code,
        0xe000..=0xf8ff | 0xf0000..=0x10_ffff | 0xfffd | 0xfdd0..=0xfdef)
        || code & 0xfffe == 0xfffe;
    // Newer directional marks and fillers, which RFC 4518 could not know and which are invisible.
    let is_invisible = matches!(
        code,
        0x61c | 0x115f | 0x1160 | 0x2064..=0x2069 | 0x3164 | 0xffa0
    );
    !(letter.is_control() || is_removed || is_prohibited || is_invisible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_type_is_read() {
        let read = |tag, octets: &[u8]| StringType::of(tag).and_then(|it| it.decode(octets));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(0x0c, "日本".as_bytes()), some("日本"));
        assert_eq!(read(0x0c, &[0xff]), None);
        for tag in [0x12, 0x13, 0x16, 0x1a] {
            assert_eq!(read(tag, b"1 2"), some("1 2"));
            assert_eq!(read(tag, &[0xe9]), None);
        }
        assert_eq!(read(0x14, &[0xe9]), some("é"));
        assert_eq!(read(0x1e, &[0x65, 0xe5, 0x67, 0x2c]), some("日本"));
        assert_eq!(read(0x1e, &[0xd8, 0x3d, 0xde, 0x00]), some("😀"));
        assert_eq!(read(0x1e, &[0xd8, 0x3d]), None);
        assert_eq!(read(0x1e, &[0x65]), None);
        assert_eq!(read(0x1c, &[0, 0, 0x65, 0xe5]), some("日"));
        assert_eq!(read(0x1c, &[0, 0x11, 0, 0]), None);
        assert_eq!(read(0x1c, &[0, 0, 0x65]), None);
        assert_eq!(read(0x1b, b"a"), None);
        assert_eq!(StringType::of(0x04), None);
    }

    #[test]
    fn texts_that_are_the_same() {
        for (one, other) in [
            ("Test CA", "  test \t ca\u{3000}"),
            ("É", "e\u{301}"),
            ("STRASSE", "straße"),
            ("ẞ", "ss"),
            ("ΣΑΣ", "σας"),
            ("ＣＡ", "ca"),
            ("ｶﾞ", "ガ"),
            ("ﬁ", "FI"),
            ("株式会社", "㍿"),
            ("", "  "),
            ("K", "\u{212a}"),
        ] {
            let prepared = prepare(one);
            assert!(prepared.is_some());
            assert_eq!(prepared, prepare(other), "{one} {other}");
        }
    }

    #[test]
    fn texts_that_are_not() {
        for (one, other) in [
            ("Test CA", "TestCA"),
            ("ı", "i"),
            ("e", "é"),
            ("か", "が"),
            ("日本", "日木"),
            ("а", "a"),
        ] {
            assert_ne!(prepare(one), prepare(other), "{one} {other}");
        }
    }

    #[test]
    fn texts_with_what_nobody_sees_have_no_prepared_form() {
        for text in [
            "a\0b",
            "a\u{ad}b",
            "a\u{200b}b",
            "\u{feff}a",
            "a\u{202e}b",
            "\u{e000}",
            "\u{fffd}",
            "\u{ffff}",
            "\u{e0101}",
            "\u{85}\u{86}",
            "\u{7f}",
        ] {
            assert_eq!(prepare(text), None, "{text:?}");
        }
    }

    #[test]
    fn preparing_twice_changes_nothing() {
        for code in 0..=0x10_ffff_u32 {
            let Some(letter) = char::from_u32(code) else {
                continue;
            };
            if let Some(prepared) = prepare(&letter.to_string()) {
                assert_eq!(prepare(&prepared), Some(prepared.clone()), "{code:x}");
            }
        }
    }

    #[test]
    fn folding_joins_what_lower_case_joins() {
        for letter in ('\0'..=char::MAX).filter(|letter| is_prepared(*letter)) {
            let lower: String = letter.to_lowercase().collect();
            assert_eq!(prepare(&letter.to_string()), prepare(&lower), "{letter:?}");
        }
    }
}
