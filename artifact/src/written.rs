//! Dates and times as people write them: 2026-11-30, 2026/11/30, 2026年11月30日, 令和8年11月30日, R8.11.30,
//! 20261130, with a time behind them or without. People who enter a period copy it from a calendar,
//! a contract or another program's list. Files that programs write have one form only, and are not
//! read by this.

/// A date, and the time behind it, digits only: `20261130` and `090000`. What follows is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// Year, month and day. Whether that day exists is not asked.
    pub date: String,
    /// Hours, minutes and seconds, if they are there.
    pub time: Option<String>,
    /// The text after date and time, such as an offset from UTC.
    pub rest: &'a str,
}

/// Eras in which dates are still written: name, letter, the year before the first one, and the
/// first day.
const ERAS: [(&str, &str, u16, &str); 3] = [
    ("令和", "R", 2018, "20190501"),
    ("平成", "H", 1988, "19890108"),
    ("昭和", "S", 1925, "19261225"),
];

/// The day in `text` as `YYYY-MM-DD`, if it is a date alone. Whether that day exists is not asked.
pub fn day(text: &str) -> Option<String> {
    let narrow = narrow(text);
    let written = Written::read(&narrow)?;
    let alone = written.time.is_none() && written.rest.is_empty();
    let (year, month, day) = (
        written.date.get(..4)?,
        written.date.get(4..6)?,
        written.date.get(6..)?,
    );
    alone.then(|| format!("{year}-{month}-{day}"))
}

/// Full-width digits and signs as the others, as a Japanese keyboard makes them.
pub fn narrow(text: &str) -> String {
    let narrow = |it: char| match u32::from(it) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(it),
        0x3000 => ' ',
        _ => it,
    };
    text.trim().chars().map(narrow).collect()
}

impl<'a> Written<'a> {
    /// Reads a text that [`narrow`] has made narrow.
    pub fn read(text: &'a str) -> Option<Self> {
        let Year {
            number,
            begins,
            rest,
        } = Year::read(text)?;
        let is_era = begins.is_some();
        let (month, day, rest) = if !is_era && rest.starts_with(|it: char| it.is_ascii_digit()) {
            let (month, rest) = digits(rest, 2, 2)?;
            let (day, rest) = digits(rest, 2, 2)?;
            (month, day, rest)
        } else {
            let mark = rest.chars().next()?;
            let (between, end) = match mark {
                '-' | '/' | '.' => (mark, ""),
                '年' => ('月', "日"),
                _ => return None,
            };
            let (month, rest) = digits(rest.strip_prefix(mark)?.trim_start(), 1, 2)?;
            let (day, rest) = digits(rest.strip_prefix(between)?.trim_start(), 1, 2)?;
            (month, day, rest.strip_prefix(end)?)
        };
        let date = format!("{number:04}{month:0>2}{day:0>2}");
        // No year of an era is before it. One behind its end is what contracts have that were
        // written before.
        if begins.is_some_and(|begins| *date < *begins) {
            return None;
        }
        let behind = rest.strip_prefix('T').unwrap_or(rest).trim_start();
        if behind.is_empty() {
            let rest = if rest.trim().is_empty() { "" } else { rest };
            return Some(Self {
                date,
                time: None,
                rest,
            });
        }
        let (time, rest) = time(behind)?;
        Some(Self {
            date,
            time: Some(time),
            rest: rest.trim_start(),
        })
    }
}

/// A year, what follows it, and of an era's year the first day of the era.
struct Year<'a> {
    number: u16,
    begins: Option<&'static str>,
    rest: &'a str,
}

impl<'a> Year<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let of_era = ERAS.iter().find_map(|(name, letter, before, begins)| {
            let small = letter.to_ascii_lowercase();
            let rest = [*name, *letter, &small]
                .iter()
                .find_map(|it| text.strip_prefix(it))?;
            Some((*before, *begins, rest.trim_start()))
        });
        let Some((before, begins, rest)) = of_era else {
            let (year, rest) = digits(text, 4, 4)?;
            let number = year.parse().ok()?;
            return Some(Self {
                number,
                begins: None,
                rest,
            });
        };
        let (number, rest) = match rest.strip_prefix('元') {
            Some(rest) => (1, rest),
            None => {
                let (number, rest) = digits(rest, 1, 2)?;
                (number.parse().ok().filter(|it| *it > 0)?, rest)
            }
        };
        Some(Self {
            number: before + number,
            begins: Some(begins),
            rest,
        })
    }
}

/// Hours, minutes, and seconds if they are there: `9:00`, `09:00:00`, `090000`, `9時`, `9時30分`.
fn time(text: &str) -> Option<(String, &str)> {
    if let Some((all, rest)) = digits(text, 6, 6) {
        return Some((all.to_owned(), rest));
    }
    let (hour, rest) = digits(text, 1, 2)?;
    if let Some(rest) = rest.strip_prefix('時') {
        let Some((minute, rest)) = digits(rest, 1, 2) else {
            return Some((format!("{hour:0>2}0000"), rest));
        };
        let rest = rest.strip_prefix('分')?;
        let Some((second, rest)) = digits(rest, 1, 2) else {
            return Some((format!("{hour:0>2}{minute:0>2}00"), rest));
        };
        return Some((
            format!("{hour:0>2}{minute:0>2}{second:0>2}"),
            rest.strip_prefix('秒')?,
        ));
    }
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
    let Some(behind) = rest.strip_prefix(':') else {
        return Some((format!("{hour:0>2}{minute}00"), rest));
    };
    let (second, rest) = digits(behind, 2, 2)?;
    Some((format!("{hour:0>2}{minute}{second}"), rest))
}

/// From `least` to `most` digits at the start, as many as there are, and what follows.
fn digits(text: &str, least: usize, most: usize) -> Option<(&str, &str)> {
    let there = text.bytes().take_while(u8::is_ascii_digit).count();
    if there < least {
        return None;
    }
    text.split_at_checked(there.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_as_people_write_it() {
        for text in [
            "2026-04-01",
            "2026/04/01",
            "2026/4/1",
            "2026.4.1",
            "20260401",
            "2026年4月1日",
            "２０２６／０４／０１",
            " 2026-04-01 ",
            "2026年 4月 1日",
            "令和8年4月1日",
            "令和８年４月１日",
            "R8.4.1",
            "Ｒ８．４．１",
            "r08/04/01",
            "平成38年4月1日",
            "H38.4.1",
        ] {
            assert_eq!(day(text).as_deref(), Some("2026-04-01"), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-04",
            "2026年4月",
            "01/04/2026",
            "2026-4/1",
            "202641",
            "20260-4-01",
            "令和8年4月",
            "令和0年4月1日",
            "令和8",
            "R80401",
            "T15.4.1",
            "2026-04-01T00:00:00",
            "2026-04-01x",
            "-2009-02-2",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn an_era_begins_on_its_day() {
        for (text, date) in [
            ("令和元年5月1日", "2019-05-01"),
            ("R1.5.1", "2019-05-01"),
            ("平成31年4月30日", "2019-04-30"),
            ("平成元年1月8日", "1989-01-08"),
            ("S64.1.7", "1989-01-07"),
            ("昭和元年12月25日", "1926-12-25"),
        ] {
            assert_eq!(day(text).as_deref(), Some(date), "{text}");
        }
        for text in ["令和元年4月30日", "R1.4.30", "平成元年1月7日", "S1.12.24"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_behind_the_day() {
        for text in [
            "2026-04-01T09:05:00",
            "2026/4/1 9:05",
            "2026年4月1日 9時5分",
            "20260401T090500",
            "2026-04-01 09:05:00",
            "令和8年4月1日 9時5分",
        ] {
            let written = Written::read(text).unwrap();
            assert_eq!(written.date, "20260401", "{text}");
            assert_eq!(written.time.as_deref(), Some("090500"), "{text}");
            assert_eq!(written.rest, "", "{text}");
        }
    }
}
