//! Decimal numbers as the C2SP formats write them: ASCII digits, no sign, no leading zero.

/// Reads a canonical decimal that fits `u64`; `None` for any other spelling.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let canonical = text == "0"
        || text
            .bytes()
            .next()
            .is_some_and(|b| (b'1'..=b'9').contains(&b));
    if !canonical || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn one_number_has_one_spelling() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for bad in [
            "",
            "00",
            "01",
            "+1",
            "-0",
            " 1",
            "1 ",
            "1e3",
            "18446744073709551616",
            "１",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
