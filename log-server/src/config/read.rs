//! Reads the file into the configuration, and goes on behind each key that is wrong, so that all
//! complaints come at once.
//!
//! serde stops at the first error. Its path tells which key that is; the complaint is noted, the
//! key taken out, and the rest read again. A required key that is then missing is filled with some
//! value, since nothing is made of a configuration with a complaint.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use toml::{Table, Value};

/// So many complaints are enough for one reading.
const COMPLAINTS_MAX: usize = 100;

/// Complaints: one sentence each, with the key that it is about.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    sentences: Vec<String>,
    /// Keys that could not be read: their fillers are not to be complained about.
    unread: HashSet<String>,
}

impl Complaints {
    /// Notes that `key` is wrong: "`key` `what`".
    pub(super) fn add(&mut self, key: &str, what: impl std::fmt::Display) {
        if !self.is_unread(key) {
            self.sentences.push(format!("{key} {what}"));
        }
    }

    /// Whether what is under `key` was filled in.
    pub(super) fn is_unread(&self, key: &str) -> bool {
        self.unread.contains(key)
    }

    /// Notes that `key` cannot be read; false if that was known.
    fn unreadable(&mut self, key: &str, what: &str) -> bool {
        let is_new = self.unread.insert(key.to_owned());
        if is_new {
            self.sentences.push(format!("{key} {what}"));
        }
        is_new
    }

    /// `config`, if there are none.
    pub(super) fn unless<T>(self, config: Option<T>) -> Result<T, Vec<String>> {
        config
            .filter(|_| self.sentences.is_empty())
            .ok_or(self.sentences)
    }
}

/// The configuration in `table`, with something filled in for what cannot be read; `None` if that
/// is not possible.
pub(super) fn read<T: DeserializeOwned>(
    mut table: Table,
    complaints: &mut Complaints,
) -> Option<T> {
    take_out_plain_arrays(&mut table, "", complaints);
    while complaints.sentences.len() < COMPLAINTS_MAX {
        let read: Result<T, _> = serde_path_to_error::deserialize(Value::Table(table.clone()));
        let error = match read {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let said = error.inner().message().to_owned();
        let steps = steps(error.path());
        if let Some(key) = quoted(&said, "missing field ") {
            let steps = [&steps[..], &[Step::Key(key)]].concat();
            complaints.unreadable(&shown(&steps), "is missing");
            fill(&mut table, &steps, 0)?;
            continue;
        }
        let key = shown(&steps);
        let there = find(&mut table, &steps)?.clone();
        let what = if said.starts_with("unknown field ") {
            "is not a known key; see docs/configuration.md".to_owned()
        } else if said.starts_with("expected ") {
            format!("is {there}, {said}")
        } else if said.contains(", expected struct ") {
            format!("is {there}, expected a table")
        } else if said.contains(", expected a sequence") {
            format!("is {there}, expected [[{key}]] tables")
        } else {
            said
        };
        if complaints.unreadable(&key, &what) {
            remove(&mut table, &steps);
        } else {
            // The filler does not fit either.
            let tried = FILLERS.iter().position(|filler| filler(&steps) == there)?;
            fill(&mut table, &steps, tried + 1)?;
        }
    }
    None
}

/// Takes out arrays of neither texts nor tables, which no key has: serde would take one for a table
/// without keys.
fn take_out_plain_arrays(table: &mut Table, above: &str, complaints: &mut Complaints) {
    table.retain(|key, value| {
        let key = format!("{above}{key}");
        match value {
            Value::Table(table) => {
                take_out_plain_arrays(table, &format!("{key}."), complaints);
                true
            }
            Value::Array(items) if !items.is_empty() => {
                for (number, item) in items.iter_mut().enumerate() {
                    if let Value::Table(table) = item {
                        let above = format!("{key}[{number}].");
                        take_out_plain_arrays(table, &above, complaints);
                    }
                }
                let takes = |item: &Value| item.is_str() || item.is_table();
                let is_taken = items.iter().any(takes);
                if !is_taken {
                    let what = format!("is {value}, expected a table or a list of texts");
                    complaints.unreadable(&key, &what);
                }
                is_taken
            }
            _ => true,
        }
    });
}

/// Fillers, tried one after the other until one fits.
const FILLERS: [fn(&[Step]) -> Value; 4] = [
    |steps| match steps.last() {
        Some(Step::Key(key)) => Value::String(key.clone()),
        _ => Value::String(String::new()),
    },
    |_| Value::Array(Vec::new()),
    |_| Value::String("accepted".to_owned()),
    |_| {
        let first: Result<toml::value::Datetime, _> = "0001-01-01T00:00:00Z".parse();
        first.map_or(Value::Boolean(false), Value::Datetime)
    },
];

#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

/// `provider[0].status[1].from`.
fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if text.is_empty() => text += key,
            Step::Key(key) => {
                text.push('.');
                text += key;
            }
            Step::Index(index) => {
                text.push('[');
                text += &index.to_string();
                text.push(']');
            }
        }
    }
    text
}

/// The name behind `words`, in back quotes.
fn quoted(said: &str, words: &str) -> Option<String> {
    let (name, _) = said
        .strip_prefix(words)?
        .strip_prefix('`')?
        .split_once('`')?;
    Some(name.to_owned())
}

fn find<'a>(table: &'a mut Table, steps: &[Step]) -> Option<&'a mut Value> {
    let (first, rest) = steps.split_first()?;
    let Step::Key(first) = first else {
        return None;
    };
    rest.iter()
        .try_fold(table.get_mut(first)?, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        })
}

/// The table in which the last of `steps` is a key.
fn parent<'a>(table: &'a mut Table, steps: &[Step]) -> Option<(&'a mut Table, String)> {
    match steps {
        [Step::Key(key)] => Some((table, key.clone())),
        [above @ .., Step::Key(key)] => Some((find(table, above)?.as_table_mut()?, key.clone())),
        _ => None,
    }
}

/// Takes a key out; for an element of an array, whose indices stay as they are, the key of the
/// array.
fn remove(table: &mut Table, steps: &[Step]) {
    let mut steps = steps;
    while let [above @ .., Step::Index(_)] = steps {
        steps = above;
    }
    if let Some((parent, key)) = parent(table, steps) {
        parent.remove(&key);
    }
}

fn fill(table: &mut Table, steps: &[Step], filler: usize) -> Option<()> {
    let value = FILLERS.get(filler)?(steps);
    let (parent, key) = parent(table, steps)?;
    parent.insert(key, value);
    Some(())
}
