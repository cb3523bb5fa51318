//! The acknowledged records, line by line, for tests that kill the log and then ask for all of it.
//!
//! A line is handed to the kernel before its connection submits again, and not synced: it outlives
//! this process and the log, not the machine.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use crate::answer::Acknowledged;

/// An open journal.
pub(crate) struct Journal(File);

impl Journal {
    /// Opens `path` to append to it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self(file))
    }

    /// Appends `INDEX LEAF` for each of `acknowledged`, in one write.
    pub(crate) fn append<'a>(
        &mut self,
        acknowledged: impl Iterator<Item = &'a Acknowledged>,
    ) -> io::Result<()> {
        let mut lines = String::new();
        for Acknowledged { index, leaf, .. } in acknowledged {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{index} {leaf}");
        }
        self.0.write_all(lines.as_bytes())
    }
}
