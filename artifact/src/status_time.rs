//! Times of lists and responses, as widely as they are written.
//!
//! RFC 5280 5.1.2.4 wants Zulu time to the second and no fraction. Lists in force have fractions of
//! `.000`, times without seconds, and offsets from UTC; OpenSSL and Bouncy Castle read them, and
//! one such date must not unsay the revocations around it. What the moment is stays exact. A local
//! time without an offset names no moment, and is not read. Tokens are read strictly, by
//! [`crate::time`].

use crate::asn1::{Asn1Error, Element, GENERALIZED_TIME, Reader, UTC_TIME};
use crate::certificate::TimeFieldError;
use crate::time::{Time, TimeError};

/// The next element, which has to be a time.
pub(crate) fn read(fields: &mut Reader<'_>) -> Result<Time, TimeFieldError> {
    match fields.next()? {
        Some(element) => of(&element),
        None => Err(Asn1Error::Missing { expected: UTC_TIME }.into()),
    }
}

/// The time that an element holds: UTCTime or GeneralizedTime.
pub(crate) fn of(element: &Element<'_>) -> Result<Time, TimeFieldError> {
    let text = element.content;
    match element.tag {
        UTC_TIME => {
            // RFC 5280 4.1.2.5.1, also for times after 2049, which should have been the other type.
            let century: &[u8] = if text.first() >= Some(&b'5') {
                b"19"
            } else {
                b"20"
            };
            Ok(of_text(&[century, text].concat(), text)?)
        }
        GENERALIZED_TIME => Ok(of_text(text, text)?),
        found => Err(Asn1Error::Unexpected {
            expected: UTC_TIME,
            found,
        }
        .into()),
    }
}

/// `YYYYMMDDHHMM[SS][.f]` and `Z` or `+HHMM`.
fn of_text(text: &[u8], received: &[u8]) -> Result<Time, TimeError> {
    let wrong = || {
        TimeError::Form(
            received
                .escape_ascii()
                .to_string()
                .chars()
                .take(40)
                .collect(),
        )
    };
    let end = text.iter().position(|octet| !octet.is_ascii_digit());
    let (digits, rest) = text.split_at(end.ok_or_else(wrong)?);
    let seconds: &[u8] = match digits.len() {
        14 => b"",
        12 => b"00",
        _ => return Err(wrong()),
    };
    let (fraction, zone) = match rest {
        [b'.' | b',', rest @ ..] => {
            let end = rest.iter().position(|octet| !octet.is_ascii_digit());
            let (fraction, zone) = rest.split_at(end.ok_or_else(wrong)?);
            if fraction.is_empty() || digits.len() != 14 {
                return Err(wrong());
            }
            (fraction, zone)
        }
        zone => (&[][..], zone),
    };
    let offset = offset_minutes(zone).ok_or_else(wrong)?;
    let kept = fraction.get(..16).unwrap_or(fraction);
    let length = kept
        .iter()
        .rposition(|digit| *digit != b'0')
        .map_or(0, |last| last + 1);
    let kept = kept.get(..length).unwrap_or_default();
    let point: &[u8] = if kept.is_empty() { b"" } else { b"." };
    let time = Time::from_generalized(&[digits, seconds, point, kept, b"Z"].concat())?;
    Ok(time.plus_micros(-i128::from(offset) * 60_000_000))
}

fn offset_minutes(zone: &[u8]) -> Option<i64> {
    let (sign, digits) = match zone {
        b"Z" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::write_element;

    fn read_text(tag: u8, text: &str) -> Option<String> {
        let mut element = Vec::new();
        write_element(&mut element, tag, text.as_bytes());
        let time = read(&mut Reader::der(&element)).ok()?;
        Some(time.to_string())
    }

    #[test]
    fn one_moment_has_many_spellings() {
        let noon = Some("2025-01-01T12:00:00Z".to_owned());
        for text in [
            "20250101120000Z",
            "20250101120000.000Z",
            "20250101120000,0Z",
            "202501011200Z",
            "20250101210000+0900",
            "20250101073000-0430",
        ] {
            assert_eq!(read_text(GENERALIZED_TIME, text), noon, "{text}");
        }
        for text in ["250101120000Z", "2501011200Z", "250101210000+0900"] {
            assert_eq!(read_text(UTC_TIME, text), noon, "{text}");
        }
        let half = Some("2025-01-01T12:00:00.5Z".to_owned());
        assert_eq!(read_text(GENERALIZED_TIME, "20250101120000.500Z"), half);
        let long = "20250101120000.50000000000000000000001Z";
        assert_eq!(read_text(GENERALIZED_TIME, long), half);
        let earlier = Some("1950-01-01T00:00:00Z".to_owned());
        assert_eq!(read_text(UTC_TIME, "500101000000Z"), earlier);
    }

    #[test]
    fn what_names_no_moment_is_not_read() {
        for text in [
            "",
            "Z",
            "20250101120000",
            "2025010112Z",
            "20250101120000.Z",
            "202501011200.5Z",
            "20250101120060Z",
            "20250132120000Z",
            "20250101120000+9",
            "20250101120000+2400",
            "20250101120000Z0",
            "２０２５",
        ] {
            assert_eq!(read_text(GENERALIZED_TIME, text), None, "{text}");
        }
        assert_eq!(read_text(UTC_TIME, "20250101120000Z"), None);
        assert_eq!(read_text(0x0c, "20250101120000Z"), None);
    }
}
