//! Dates and times as people write them: 2026-11-30, 2026/11/30, 2026年11月30日, 20261130, with a time behind them or
//! without. Whoever types a period types what stands in a calendar or in another program's list.

/// A date, and the time behind it, digits only: `20261130` and `090000`. What follows is left.
pub(super) struct Written<'a> {
    pub(super) date: String,
    pub(super) time: Option<String>,
    pub(super) rest: &'a str,
}

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
pub(super) fn narrow(text: &str) -> String {
    let narrow = |it: char| match u32::from(it) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(it),
        0x3000 => ' ',
        _ => it,
    };
    text.trim().chars().map(narrow).collect()
}

impl<'a> Written<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (year, rest) = digits(text, 4, 4)?;
        let (month, day, rest) = if rest.starts_with(|it: char| it.is_ascii_digit()) {
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
            let (month, rest) = digits(rest.strip_prefix(mark)?, 1, 2)?;
            let (day, rest) = digits(rest.strip_prefix(between)?, 1, 2)?;
            (month, day, rest.strip_prefix(end)?)
        };
        let date = format!("{year}{month:0>2}{day:0>2}");
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
            "令和8年4月1日",
            "2026-04-01T00:00:00",
            "2026-04-01x",
            "-2009-02-2",
        ] {
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
        ] {
            let written = Written::read(text).unwrap();
            assert_eq!(written.date, "20260401", "{text}");
            assert_eq!(written.time.as_deref(), Some("090500"), "{text}");
            assert_eq!(written.rest, "", "{text}");
        }
    }
}
