//! Time as signed: UTCTime and GeneralizedTime, read strictly, compared exactly. No clock.
//!
//! RFC 3161 2.4.2 wants seconds, `Z`, an optional fraction without trailing zeros; RFC 5280 4.1.2.5
//! the same without fractions, and two-digit years for UTCTime. A fraction is kept to 16 digits, so
//! that two genTimes are ordered as their issuer wrote them and no float is involved.

use core::fmt;

use thiserror::Error;

/// Why octets are not a time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeError {
    /// The text is not `YYYYMMDDHHMMSS[.f]Z` (GeneralizedTime) or `YYMMDDHHMMSSZ` (UTCTime).
    #[error("`{0}` is not a time of the form YYYYMMDDHHMMSS[.f]Z")]
    Form(String),
    /// A day, hour, minute or second that does not exist.
    #[error("`{0}` names a moment that does not exist")]
    Calendar(String),
    /// A fraction that ends in zero, or has more than 16 digits.
    #[error("`{0}` has a fraction that ends in zero or is longer than 16 digits")]
    Fraction(String),
}

/// A moment: seconds since 1970-01-01T00:00:00Z, and a fraction in units of 10^-16 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    seconds: i64,
    fraction: u64,
}

/// Units of [`Time::fraction`] in one second.
pub const FRACTIONS_PER_SECOND: u64 = 10_000_000_000_000_000;

impl Time {
    /// From whole seconds since 1970-01-01T00:00:00Z.
    pub const fn from_unix(seconds: i64) -> Self {
        Self {
            seconds,
            fraction: 0,
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub const fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// The part beyond the whole seconds, in units of 10^-16 s.
    pub const fn fraction(self) -> u64 {
        self.fraction
    }

    /// Moves by whole microseconds, saturating; negative is earlier.
    #[must_use]
    pub fn plus_micros(self, micros: i128) -> Self {
        let units = i128::from(FRACTIONS_PER_SECOND);
        let total = (i128::from(self.seconds) * units + i128::from(self.fraction))
            .saturating_add(micros.saturating_mul(units / 1_000_000));
        let seconds = i64::try_from(total.div_euclid(units)).unwrap_or(i64::MAX);
        let fraction = u64::try_from(total.rem_euclid(units)).unwrap_or(0);
        Self { seconds, fraction }
    }

    /// Reads contents of a GeneralizedTime, `YYYYMMDDHHMMSS[.f]Z`.
    ///
    /// # Errors
    /// [`TimeError`], if the octets have another form, or there is no such date or time.
    pub fn from_generalized(text: &[u8]) -> Result<Self, TimeError> {
        let body = text
            .strip_suffix(b"Z")
            .ok_or_else(|| TimeError::Form(shown(text)))?;
        let (whole, fraction) = match body.iter().position(|byte| *byte == b'.') {
            Some(dot) => (body.get(..dot), body.get(dot + 1..)),
            None => (Some(body), None),
        };
        let fraction = fraction.map_or(Ok(0), |digits| read_fraction(digits, text))?;
        let whole = whole.filter(|whole| whole.len() == 14);
        let seconds = read_civil(whole.ok_or_else(|| TimeError::Form(shown(text)))?, text)?;
        Ok(Self { seconds, fraction })
    }

    /// Reads contents of a UTCTime, `YYMMDDHHMMSSZ`; 50 to 99 are the 1900s (RFC 5280 4.1.2.5.1).
    ///
    /// # Errors
    /// [`TimeError`], if the octets have another form, or there is no such date or time.
    pub fn from_utc_time(text: &[u8]) -> Result<Self, TimeError> {
        let body = text.strip_suffix(b"Z").filter(|body| body.len() == 12);
        let body = body.ok_or_else(|| TimeError::Form(shown(text)))?;
        let century: &[u8] = if body.first() >= Some(&b'5') {
            b"19"
        } else {
            b"20"
        };
        let seconds = read_civil(&[century, body].concat(), text)?;
        Ok(Self {
            seconds,
            fraction: 0,
        })
    }

    /// The 15 octets `YYYYMMDDHHMMSSZ`; a fraction is dropped.
    pub fn to_generalized(self) -> String {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        format!(
            "{year:04}{month:02}{day:02}{:02}{:02}{:02}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// RFC 3339, with the fraction's digits if there are any.
/// nextUpdate of a list that will have no successor (RFC 5280 4.1.2.5, EN 319 411-1 CSS-6.3.9-06):
/// 99991231235959Z.
pub const LAST_LIST_NEXT_UPDATE: Time = Time::from_unix(253_402_300_799);

/// Seconds since the Epoch in RFC 3339.
pub fn rfc3339(seconds: u64) -> String {
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX)).to_string()
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        write!(
            out,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )?;
        if self.fraction != 0 {
            let digits = format!("{:016}", self.fraction);
            write!(out, ".{}", digits.trim_end_matches('0'))?;
        }
        write!(out, "Z")
    }
}

fn shown(text: &[u8]) -> String {
    text.escape_ascii().to_string().chars().take(40).collect()
}

fn read_fraction(digits: &[u8], text: &[u8]) -> Result<u64, TimeError> {
    let plausible = matches!(digits.len(), 1..=16) && digits.last() != Some(&b'0');
    if !plausible {
        return Err(TimeError::Fraction(shown(text)));
    }
    let padded = digits.iter().chain(core::iter::repeat(&b'0')).take(16);
    padded.copied().try_fold(0_u64, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
            .ok_or_else(|| TimeError::Form(shown(text)))
    })
}

/// Seconds since 1970 of 14 digits `YYYYMMDDHHMMSS`.
fn read_civil(digits: &[u8], text: &[u8]) -> Result<i64, TimeError> {
    let number = |from: usize, to: usize| -> Result<i64, TimeError> {
        let part = digits
            .get(from..to)
            .ok_or_else(|| TimeError::Form(shown(text)))?;
        part.iter().try_fold(0_i64, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + i64::from(digit - b'0'))
                .ok_or_else(|| TimeError::Form(shown(text)))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let exists = matches!(month, 1..=12)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !exists {
        return Err(TimeError::Calendar(shown(text)));
    }
    Ok(days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the
/// leap day comes last and eras of 400 years are alike.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_standards_write() {
        let read = |text: &str| Time::from_generalized(text.as_bytes());
        assert_eq!(read("19700101000000Z").unwrap(), Time::from_unix(0));
        assert_eq!(
            read("20261121103000Z").unwrap().unix_seconds(),
            1_795_257_000
        );
        assert_eq!(
            read("99991231235959Z").unwrap().to_generalized(),
            "99991231235959Z"
        );
        assert_eq!(
            read("20260101000000.5Z").unwrap().fraction(),
            FRACTIONS_PER_SECOND / 2
        );
        assert!(read("20260101000000.25Z").unwrap() < read("20260101000000.3Z").unwrap());
        assert_eq!(
            read("20240229120000.034Z").unwrap().to_string(),
            "2024-02-29T12:00:00.034Z"
        );
        assert_eq!(
            Time::from_utc_time(b"491231235959Z")
                .unwrap()
                .to_generalized(),
            "20491231235959Z"
        );
        assert_eq!(
            Time::from_utc_time(b"500101000000Z")
                .unwrap()
                .to_generalized(),
            "19500101000000Z"
        );
    }

    #[test]
    fn refuses_what_they_do_not() {
        for text in [
            "",
            "Z",
            "2026010100000Z",
            "20260101000000",
            "20260101000000.Z",
            "20260101000000.10Z",
            "20260230000000Z",
            "20250229000000Z",
            "20261301000000Z",
            "20260101240000Z",
            "20260101000060Z",
            "20260101000000+0900",
            "2026010100000 Z",
            "20260101000000.12345678901234567Z",
        ] {
            assert!(Time::from_generalized(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Time::from_utc_time(b"2601010000Z").is_err());
    }

    #[test]
    fn every_day_of_eight_centuries_comes_back() {
        for day in (-150_000..150_000_i64).step_by(1) {
            let time = Time::from_unix(day * 86_400 + 43_199);
            assert_eq!(
                Time::from_generalized(time.to_generalized().as_bytes()).unwrap(),
                time
            );
        }
    }

    #[test]
    fn micros_move_across_seconds() {
        let time = Time::from_generalized(b"20260101000000.000001Z").unwrap();
        assert_eq!(
            time.plus_micros(-1),
            Time::from_generalized(b"20260101000000Z").unwrap()
        );
        assert_eq!(
            time.plus_micros(-2).to_string(),
            "2025-12-31T23:59:59.999999Z"
        );
    }
}
