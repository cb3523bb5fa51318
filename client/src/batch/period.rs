//! Periods: two ends in ISO 8601, in a time zone that is a fixed offset from UTC.

use std::fmt;
use std::str::FromStr;

use ishibumi_artifact::time::Time;

const DAY: i64 = 86_400;

/// Why a text is no end of a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeriodError {
    /// Neither a date nor a date with a time.
    #[error(
        "`{0}` is neither a date like 2026-04-01 nor a time like 2026-04-01T09:00:00 (with Z or +09:00 behind it, or in --time-zone)"
    )]
    Form(String),
    /// No offset.
    #[error("`{0}` is no time zone: Z, or an offset from UTC like +09:00")]
    Zone(String),
    /// The end lies before the start.
    #[error("the period ends before it starts")]
    Reversed,
}

/// An offset from UTC, in minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone(i64);

impl FromStr for Zone {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        if text == "Z" || text == "UTC" {
            return Ok(Self(0));
        }
        let wrong = || PeriodError::Zone(text.to_owned());
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str, most: i64| {
            let digits = text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
            let number: Option<i64> = text.parse().ok();
            let number = number.filter(|number| *number <= most);
            number.filter(|_| digits).ok_or_else(wrong)
        };
        Ok(Self(
            sign * (number(hours, 14)? * 60 + number(minutes, 59)?),
        ))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("Z");
        }
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Zone {
    /// `time` in this zone, RFC 3339.
    pub fn show(self, time: Time) -> String {
        let moved = time
            .plus_micros(i128::from(self.0) * 60_000_000)
            .to_string();
        format!("{}{self}", moved.trim_end_matches('Z'))
    }
}

/// From one moment to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    from: Time,
    to: Time,
    /// Whether `to` itself is outside: it is the start of the next day.
    open: bool,
    zone: Zone,
}

impl Period {
    /// Reads the ends. A date alone is the whole day; what names no offset is in `zone`.
    pub fn parse(from: &str, to: &str, zone: Zone) -> Result<Self, PeriodError> {
        let (from, _) = moment(from, zone)?;
        let (to, open) = moment(to, zone)?;
        let day = if open { i128::from(DAY) * 1_000_000 } else { 0 };
        let to = to.plus_micros(day);
        if to < from || (open && to == from) {
            return Err(PeriodError::Reversed);
        }
        Ok(Self {
            from,
            to,
            open,
            zone,
        })
    }

    /// Whether `time` is inside.
    pub fn contains(&self, time: Time) -> bool {
        self.from <= time && (time < self.to || (!self.open && time == self.to))
    }

    /// The zone in which times are shown.
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// The first moment, RFC 3339.
    pub fn from_shown(&self) -> String {
        self.zone.show(self.from)
    }

    /// The last second, RFC 3339.
    pub fn to_shown(&self) -> String {
        let last = if self.open { -1_000_000 } else { 0 };
        self.zone.show(self.to.plus_micros(last))
    }
}

/// A moment, and whether it is a whole day.
fn moment(text: &str, zone: Zone) -> Result<(Time, bool), PeriodError> {
    let wrong = || PeriodError::Form(text.to_owned());
    let (date, rest) = text.split_at_checked(10).ok_or_else(wrong)?;
    let (time, zone) = match rest.strip_prefix('T') {
        None if rest.is_empty() => ("00:00:00", zone),
        None => return Err(wrong()),
        Some(rest) => {
            let (time, named) = rest.split_at_checked(8).ok_or_else(wrong)?;
            let named = (!named.is_empty()).then(|| named.parse());
            (time, named.unwrap_or(Ok(zone))?)
        }
    };
    let separated = |text: &str, places: [usize; 2], by: char| {
        let mut found = text.match_indices(by).map(|(place, _)| place);
        found.by_ref().eq(places)
    };
    if !separated(date, [4, 7], '-') || !separated(time, [2, 5], ':') {
        return Err(wrong());
    }
    let digits: String = [date, time].concat().replace(['-', ':'], "");
    let utc = Time::from_generalized(format!("{digits}Z").as_bytes()).map_err(|_| wrong())?;
    let utc = utc.plus_micros(i128::from(-zone.0) * 60_000_000);
    Ok((utc, rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, to: &str, zone: &str) -> Result<Period, PeriodError> {
        Period::parse(from, to, zone.parse()?)
    }

    #[test]
    fn a_date_alone_is_the_whole_day_of_its_zone() {
        let utc = period("2026-04-01", "2026-04-01", "Z").unwrap();
        let japan = period("2026-04-01", "2026-04-01", "+09:00").unwrap();
        let at = |text: &str| moment(text, Zone(0)).unwrap().0;
        assert!(utc.contains(at("2026-04-01T23:59:59Z").plus_micros(999_999)));
        assert!(!utc.contains(at("2026-04-02T00:00:00Z")));
        assert!(japan.contains(at("2026-03-31T15:00:00Z")));
        assert!(!japan.contains(at("2026-03-31T14:59:59Z")));
        assert!(!japan.contains(at("2026-04-01T15:00:00Z")));
        assert_eq!(japan.from_shown(), "2026-04-01T00:00:00+09:00");
        assert_eq!(japan.to_shown(), "2026-04-01T23:59:59+09:00");
    }

    #[test]
    fn a_time_is_included_at_both_ends() {
        let one = period(
            "2026-04-01T09:00:00+09:00",
            "2026-04-01T00:00:00Z",
            "-03:30",
        )
        .unwrap();
        assert!(one.contains(moment("2026-04-01T00:00:00Z", Zone(0)).unwrap().0));
        assert_eq!(one.from_shown(), "2026-03-31T20:30:00-03:30");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "2026",
            "2026-4-01",
            "2026-02-30",
            "2026-04-01 09:00:00",
            "2026-04-01T25:00:00",
            "2026-04-01T09:00:00JST",
            "2026年04月",
            "20260-4-01",
        ] {
            assert!(period(text, "2099-01-01", "Z").is_err(), "{text}");
        }
        for zone in ["9", "+9:00", "+0900", "+15:00", "Asia/Tokyo", "", "+-1:00"] {
            assert!(zone.parse::<Zone>().is_err(), "{zone}");
        }
        assert_eq!(
            period("2026-04-03", "2026-04-01", "Z"),
            Err(PeriodError::Reversed)
        );
    }
}
