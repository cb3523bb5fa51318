//! Lists of logs: where they come from, and what they may do to the logs that are followed.
//!
//! A list only ever adds logs. A log that is no longer on it goes on as it was, a key that changed
//! is an error that names both, and a disabled log stays disabled. A list that cannot be read
//! changes nothing.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ishibumi_archive::regular;
use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::log_list::{self, Entry, LIST_LEN_MAX};
use ishibumi_wire::{Net, Request};

use crate::follow::{Added, Follower, LogState, StateError};
use crate::refusal::AddLogError;

/// Where a list is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListSource {
    /// A file.
    File(PathBuf),
    /// An `http` or `https` URL.
    Url(String),
}

impl From<&str> for ListSource {
    /// Text that begins with `http://` or `https://` is a URL, all else a path.
    fn from(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.to_owned())
        } else {
            Self::File(text.into())
        }
    }
}

impl fmt::Display for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// Why a list was not read. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log list {from}: {cause}")]
pub struct ListUnread {
    /// The source.
    pub from: String,
    /// Why it could not be read.
    pub cause: String,
}

impl ListSource {
    /// Reads and parses the list.
    ///
    /// # Errors
    /// [`ListUnread`] if the list cannot be fetched or parsed.
    pub async fn read(&self, net: &dyn Net) -> Result<Vec<Entry>, ListUnread> {
        let unread = |cause: String| ListUnread {
            from: self.to_string(),
            cause,
        };
        let bytes = match self {
            Self::File(path) => read_file(path).map_err(|error| unread(error.to_string()))?,
            Self::Url(url) => {
                let answer = net.send(Request::get(url, LIST_LEN_MAX)).await;
                let answer = answer.map_err(|error| unread(error.to_string()))?;
                if answer.status != 200 {
                    return Err(unread(format!("it was answered with {}", answer.status)));
                }
                answer.body
            }
        };
        log_list::parse(&bytes).map_err(|error| unread(error.to_string()))
    }
}

/// One octet more than may be read says that there is more.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    regular::read(path, LIST_LEN_MAX)
}

/// The changes that a list made, and its lines that could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOutcome {
    /// Origins of the logs that are new.
    pub added: Vec<String>,
    /// How many were there already.
    pub known: usize,
    /// Entries that are not supported here, or that need a command of their own: a line of the list
    /// each.
    pub skipped: Vec<String>,
    /// Entries that contradict what is known: a changed key. A line of the list each.
    pub refused: Vec<String>,
}

/// Adds the logs of a list.
///
/// # Errors
/// The store failed; logs that were added before stay.
pub fn apply<R: Registers, C: Clock>(
    follower: &Follower<R, C>,
    list: &[Entry],
) -> Result<ListOutcome, StateError> {
    let mut outcome = ListOutcome::default();
    for entry in list {
        let told = |cause: &dyn fmt::Display| format!("line {}: {cause}", entry.line);
        let key = match &entry.key {
            Ok(key) => key,
            Err(error) => {
                outcome.skipped.push(told(error));
                continue;
            }
        };
        match follower.add_log(key) {
            Ok(Added::New) => outcome.added.push(key.name().to_owned()),
            Ok(Added::Already) => outcome.known += 1,
            Err(AddLogError::State(error)) => return Err(error),
            Err(error @ AddLogError::OtherKey { .. }) => {
                let log = follower.log(ishibumi_tlog::Hash::of(key.name().as_bytes()))?;
                let mut keys = log.iter().flat_map(LogState::keys);
                let changed = keys.any(|known| known.kind() == key.kind());
                let list = if changed {
                    &mut outcome.refused
                } else {
                    &mut outcome.skipped
                };
                list.push(told(&error));
            }
            Err(error) => outcome.refused.push(told(&error)),
        }
    }
    Ok(outcome)
}
