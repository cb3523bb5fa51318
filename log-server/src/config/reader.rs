//! Takes keys out of a TOML table and remembers what was wrong with them.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ishibumi_artifact::time::Time;
use toml::Value;

/// A table whose keys are taken one by one; what is left over at the end is unknown.
pub(super) struct Reader {
    table: toml::Table,
    prefix: String,
    problems: Vec<String>,
}

impl Reader {
    pub(super) fn new(table: toml::Table, prefix: &str) -> Self {
        Self {
            table,
            prefix: prefix.to_owned(),
            problems: Vec::new(),
        }
    }

    /// Notes that `key` is wrong: "`key` `what`".
    pub(super) fn problem(&mut self, key: &str, what: &str) {
        self.problems.push(format!("{}{key} {what}", self.prefix));
    }

    fn take<T>(
        &mut self,
        key: &str,
        expected: impl Display,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.table.remove(key)?;
        let read = read(&value);
        if read.is_none() {
            self.problem(key, &format!("is {value}, expected {expected}"));
        }
        read
    }

    pub(super) fn string(&mut self, key: &str) -> String {
        if !self.table.contains_key(key) {
            self.problem(key, "is missing");
        }
        self.string_or(key, "")
    }

    pub(super) fn string_or(&mut self, key: &str, default: &str) -> String {
        let text = |value: &Value| value.as_str().filter(|s| !s.is_empty()).map(str::to_owned);
        self.take(key, "a text in quotes", text)
            .unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn strings(&mut self, key: &str) -> Vec<String> {
        if !self.table.contains_key(key) {
            self.problem(key, "is missing");
        }
        self.strings_or_empty(key)
    }

    pub(super) fn strings_or_empty(&mut self, key: &str) -> Vec<String> {
        let texts = |value: &Value| {
            value
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        self.take(key, "a list of texts", texts).unwrap_or_default()
    }

    pub(super) fn address(&mut self, key: &str, default: &'static str) -> SocketAddr {
        let fallback = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = |value: &Value| value.as_str()?.parse().ok();
        self.take(key, "an address like \"127.0.0.1:8080\"", address)
            .or_else(|| default.parse().ok())
            .unwrap_or(fallback)
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.take(key, "true or false", Value::as_bool)
            .unwrap_or(false)
    }

    pub(super) fn count(
        &mut self,
        key: &str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> usize {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = |value: &Value| {
            usize::try_from(value.as_integer()?)
                .ok()
                .filter(|number| range.contains(number))
        };
        self.take(key, expected, number).unwrap_or(default)
    }

    pub(super) fn millis(
        &mut self,
        key: &str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Duration {
        Duration::from_millis(self.count(key, default, range) as u64)
    }

    /// A number that fits 32 bits.
    pub(super) fn number(&mut self, key: &str, default: u32) -> u32 {
        let expected = format!("a whole number from 0 to {}", u32::MAX);
        let number = |value: &Value| u32::try_from(value.as_integer()?).ok();
        self.take(key, expected, number).unwrap_or(default)
    }

    /// A moment, which has to be there: in UTC, to the second.
    pub(super) fn moment(&mut self, key: &str) -> Option<Time> {
        if !self.table.contains_key(key) {
            self.problem(key, "is missing");
        }
        let expected = "a moment like 2026-01-01T00:00:00Z, without quotes, in UTC, to the second";
        self.take(key, expected, |value| {
            let text = value.as_datetime()?.to_string();
            let octets: Vec<u8> = text.bytes().filter(|b| !b"-:T".contains(b)).collect();
            let whole = octets.len() == "20260101000000Z".len();
            Time::from_generalized(&octets).ok().filter(|_| whole)
        })
    }

    /// The table under `key`, empty if there is none; give it back with [`Self::close`].
    pub(super) fn table(&mut self, key: &str) -> Reader {
        let table = self.take(key, "a table", |value| value.as_table().cloned());
        Reader::new(table.unwrap_or_default(), &format!("{}{key}.", self.prefix))
    }

    /// The tables under `[[key]]`; give each back with [`Self::close`].
    pub(super) fn tables(&mut self, key: &str) -> Vec<Reader> {
        let tables = |value: &Value| {
            value
                .as_array()?
                .iter()
                .map(|item| item.as_table().cloned())
                .collect()
        };
        let found: Vec<toml::Table> = self
            .take(key, format!("[[{key}]] tables"), tables)
            .unwrap_or_default();
        let prefix = |n: usize| format!("{}{key}[{n}].", self.prefix);
        found
            .into_iter()
            .enumerate()
            .map(|(n, table)| Reader::new(table, &prefix(n)))
            .collect()
    }

    /// Takes over what was wrong with a table, unknown keys included.
    pub(super) fn close(&mut self, table: Reader) {
        if let Err(problems) = table.finish() {
            self.problems.extend(problems);
        }
    }

    pub(super) fn finish(mut self) -> Result<(), Vec<String>> {
        for key in self.table.keys().cloned().collect::<Vec<_>>() {
            self.problem(&key, "is not a known key; see docs/configuration.md");
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(self.problems)
        }
    }
}
