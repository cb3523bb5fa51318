//! Which time-stamping units are accredited: what the caller says, since no token can.
//!
//! The format of the list is in `docs/formats/batch-report.md`. Nothing is guessed: a unit that the
//! list does not name is *unknown*, never "not accredited".

use std::collections::HashMap;

use ishibumi_artifact::time::Time;

use super::period::{Period, PeriodError, Zone};

/// The most octets of a list.
const LEN_MAX: usize = 1 << 20;

/// What the caller's list says about a unit at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accreditation {
    /// It names the certificate, and the time is inside of the dates.
    Yes,
    /// It names the certificate, with other dates.
    No,
    /// It does not name the certificate, or there is no list.
    Unknown,
}

impl Accreditation {
    /// Stable name in CSV and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccreditedListError {
    /// No text, or too much of it.
    #[error("it is not UTF-8 text of at most {LEN_MAX} octets")]
    Text,
    /// A line that is not `SHA-256 FROM TO`.
    #[error(
        "line {0}: `SHA-256-of-the-certificate FROM TO` is wanted, with dates like 2023-02-16, or `-` for an open end"
    )]
    Line(usize),
    /// A date.
    #[error("line {0}: {1}")]
    Date(usize, PeriodError),
}

/// Certificates of accredited units, by SHA-256 of their DER, with the periods of accreditation.
#[derive(Clone, Debug, Default)]
pub struct AccreditedList {
    periods: HashMap<[u8; 32], Vec<Period>>,
}

impl AccreditedList {
    /// Reads a list; dates are whole days in `zone`. A byte order mark, which Windows editors put
    /// in front, is skipped.
    ///
    /// # Errors
    /// [`AccreditedListError`]: the first line that cannot be read.
    pub fn parse(octets: &[u8], zone: Zone) -> Result<Self, AccreditedListError> {
        let text = std::str::from_utf8(octets).ok();
        let text = text.filter(|text| text.len() <= LEN_MAX);
        let text = text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut list = Self::default();
        for (place, line) in text.ok_or(AccreditedListError::Text)?.lines().enumerate() {
            let number = place + 1;
            let line = line.split('#').next().unwrap_or_default();
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (digest, from, to) = match fields[..] {
                [] => continue,
                [digest, from, to] => (digest, from, to),
                _ => return Err(AccreditedListError::Line(number)),
            };
            let mut key = [0; 32];
            hex::decode_to_slice(digest.replace(':', ""), &mut key)
                .map_err(|_| AccreditedListError::Line(number))?;
            let from = if from == "-" { "0001-01-01" } else { from };
            let to = if to == "-" { "9999-12-30" } else { to };
            let period = Period::parse(from, to, zone);
            let period = period.map_err(|error| AccreditedListError::Date(number, error))?;
            list.periods.entry(key).or_default().push(period);
        }
        Ok(list)
    }

    /// What it says about the unit with this certificate at `time`.
    pub fn says(&self, certificate: &[u8; 32], time: Time) -> Accreditation {
        match self.periods.get(certificate) {
            None => Accreditation::Unknown,
            Some(periods) if periods.iter().any(|it| it.contains(time)) => Accreditation::Yes,
            Some(_) => Accreditation::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_names_is_known() {
        let text = format!("# units\n{} 2023-02-16 2024-12-31 # one\n", "ab".repeat(32));
        let list = AccreditedList::parse(text.as_bytes(), Zone::default()).unwrap();
        let at = |text: &[u8]| Time::from_generalized(text).unwrap();
        let says = |digest, time| list.says(digest, at(time));
        assert_eq!(says(&[0xab; 32], b"20230216000000Z"), Accreditation::Yes);
        assert_eq!(says(&[0xab; 32], b"20230215235959Z"), Accreditation::No);
        assert_eq!(says(&[0xab; 32], b"20250101000000Z"), Accreditation::No);
        assert_eq!(
            says(&[0xac; 32], b"20240101000000Z"),
            Accreditation::Unknown
        );
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line) in [("\nab - -", 2), ("x y", 1)] {
            let read = AccreditedList::parse(text.as_bytes(), Zone::default());
            assert_eq!(read.unwrap_err(), AccreditedListError::Line(line));
        }
    }
}
