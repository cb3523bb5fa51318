//! Periods: two ends in ISO 8601, in a time zone that is a fixed offset from UTC.

use std::fmt;
use std::str::FromStr;

use ishibumi_artifact::time::Time;
use ishibumi_artifact::written::{Written, narrow};

const DAY: i64 = 86_400;

/// Why a text is no end of a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeriodError {
    /// Neither a date nor a date with a time.
    #[error(
        "`{0}` is neither a date like 2026-04-01 (or 2026/4/1, 20260401, 2026年4月1日, 令和8年4月1日, R8.4.1) nor one with a time behind it, like 2026-04-01T09:00:00 (with Z or +09:00, or in --time-zone)"
    )]
    Form(String),
    /// No moment that names its zone.
    #[error(
        "`{0}` is no moment: date, time and offset from UTC are wanted, like 2026-04-01T09:00:00+09:00 (or 20260401000000Z, 令和8年4月1日 9時0分 +09:00)"
    )]
    Instant(String),
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

impl Zone {
    /// Japan's.
    pub const JAPAN: Self = Self(9 * 60);

    /// A report with its times in this zone. The report's times are in UTC and RFC 3339. A time
    /// that is part of a name (in quotation marks, or with more of a name around it) stays.
    pub fn retold(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        if self.0 == 0 {
            return text.to_owned();
        }
        while let Some(found) = rest.find('T') {
            let start = found.saturating_sub(10);
            let time = rest.get(start..).and_then(utc_time);
            let before = rest.get(..start).unwrap_or_default();
            let behind = time.and_then(|(_, length)| rest.get(start + length..));
            match (time, behind) {
                (Some((time, _)), Some(behind))
                    if stands_alone(
                        before.chars().next_back().or(out.chars().next_back()),
                        behind,
                    ) =>
                {
                    out.push_str(before);
                    out.push_str(&self.show(time));
                    rest = behind;
                }
                _ => {
                    let (kept, behind) = rest.split_at(found + 1);
                    out.push_str(kept);
                    rest = behind;
                }
            }
        }
        out + rest
    }
}

/// The time in UTC at the start of `text`, and its length.
fn utc_time(text: &str) -> Option<(Time, usize)> {
    let end = text.find('Z')?;
    let whole = text.get(..end)?;
    let (date, time) = whole.split_once('T')?;
    let (clock, fraction) = time.split_at_checked(8)?;
    let has_form = date.len() == 10
        && fraction.len() <= 20
        && date
            .bytes()
            .chain(clock.bytes())
            .chain(fraction.bytes())
            .all(|it| it.is_ascii_digit() || matches!(it, b'-' | b':' | b'.'));
    let digits = [date, clock].concat().replace(['-', ':'], "");
    let read = Time::from_generalized(format!("{digits}{fraction}Z").as_bytes()).ok()?;
    has_form.then_some((read, end + 1))
}

fn stands_alone(before: Option<char>, behind: &str) -> bool {
    let is_name = |it: char| it.is_ascii_alphanumeric() || "-_/.:+!'\"`「\\".contains(it);
    let ends = behind.chars().next();
    let ends = match ends {
        // The end of a sentence, and not of a name with an extension.
        Some('.' | ':') => behind.chars().nth(1).is_none_or(char::is_whitespace),
        Some(it) => !is_name(it) && it != '」',
        None => true,
    };
    ends && !before.is_some_and(is_name)
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
    ///
    /// # Errors
    /// [`PeriodError`], if an end cannot be read, or the period ends before it begins.
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

/// One moment, for what has no zone to be meant in: date, time and offset,
/// `2026-04-01T09:00:00+09:00`.
///
/// # Errors
/// [`PeriodError::Instant`] for any other text.
pub fn instant(text: &str) -> Result<Time, PeriodError> {
    let narrow = narrow(text);
    let has_all = Written::read(&narrow).is_some_and(|it| it.time.is_some() && !it.rest.is_empty());
    match moment(text, Zone::default()) {
        Ok((time, _)) if has_all => Ok(time),
        _ => Err(PeriodError::Instant(text.to_owned())),
    }
}

/// A moment, and whether it is a whole day.
fn moment(text: &str, zone: Zone) -> Result<(Time, bool), PeriodError> {
    let wrong = || PeriodError::Form(text.to_owned());
    let narrow = narrow(text);
    let Written { date, time, rest } = Written::read(&narrow).ok_or_else(wrong)?;
    let zone = match (&time, rest) {
        (_, "") => zone,
        (Some(_), named) => named.parse().map_err(|_| wrong())?,
        (None, _) => return Err(wrong()),
    };
    let digits = date + time.as_deref().unwrap_or("000000");
    let utc = Time::from_generalized(format!("{digits}Z").as_bytes()).map_err(|_| wrong())?;
    let utc = utc.plus_micros(i128::from(-zone.0) * 60_000_000);
    Ok((utc, time.is_none()))
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
    fn times_of_a_report_are_told_in_the_zone_and_names_stay() {
        let japan = Zone::JAPAN;
        for (text, told) in [
            (
                "before 2026-11-30T15:00:00Z, when",
                "before 2026-12-01T00:00:00+09:00, when",
            ),
            ("2026-01-01T00:00:00.5Z", "2026-01-01T09:00:00.5+09:00"),
            (
                "定足数がそろった 2026-01-01T00:00:00Z より",
                "定足数がそろった 2026-01-01T09:00:00+09:00 より",
            ),
            ("at 2026-01-01T00:00:00Z.", "at 2026-01-01T09:00:00+09:00."),
            ("TTT 2026-01-01T00:00:00Z", "TTT 2026-01-01T09:00:00+09:00"),
            (
                "scan-2026-01-01T00:00:00Z.tst",
                "scan-2026-01-01T00:00:00Z.tst",
            ),
            ("2026-01-01T00:00:00Z.tst", "2026-01-01T00:00:00Z.tst"),
            ("「2026-01-01T00:00:00Z」", "「2026-01-01T00:00:00Z」"),
            ("タT2026-01-01T00:00:00Z", "タT2026-01-01T00:00:00Z"),
            ("タ 2026-99-01T00:00:00Z", "タ 2026-99-01T00:00:00Z"),
        ] {
            assert_eq!(japan.retold(text), told);
            assert_eq!(Zone::default().retold(text), text);
        }
    }

    #[test]
    fn one_moment_names_its_zone() {
        let wanted = moment("2026-04-01T00:00:00Z", Zone(0)).unwrap().0;
        for text in [
            "20260401000000Z",
            "2026-04-01T09:00:00+09:00",
            "2026/4/1 9:00 +09:00",
            "令和８年４月１日 ９時０分 +09:00",
        ] {
            assert_eq!(instant(text), Ok(wanted), "{text}");
        }
        for text in ["2026-04-01", "2026-04-01T09:00:00", "R8.4.1", "", "Z"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "2026",
            "2026-02-30",
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
