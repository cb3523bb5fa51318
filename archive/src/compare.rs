//! Compares an archive, octet by octet, with what an export of the same log writes.
//!
//! The log's signature covers entries and tiles, and nothing else that an archive brings: the lists
//! of sums, the pages for readers, the listing of kept checkpoints. A reader in thirty years goes
//! by them, so they are made anew from the entries and compared, in every volume. A page may be of
//! another version of this program; then it has to be the one that the list of sums names, and is
//! reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ishibumi_tlog::hash::Hash;

use crate::log_files::{ExportError, LogFiles, wrong};
use crate::names;

/// The longest list of sums, in octets: as many lines as a volume has entries.
const SUMS_LEN_MAX: usize = 16 << 20;

/// The longest other file: a blob.
const FILE_LEN_MAX: usize = 64 << 20;

/// Files that are in no list and are named.
const UNLISTED_MAX: usize = 100;

/// Files that an archive has beside the log, and how they were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Whether there are sums and pages at all: a bare copy of a log's files has none, and none
    /// were compared.
    pub is_there: bool,
    /// Pages whose text is not the one that this version writes, although the list of sums names
    /// it.
    pub other_pages: Vec<String>,
    /// Files that no list names: nothing vouches for them. The first hundred.
    pub unlisted: Vec<String>,
    /// Whether it is one volume by itself: kept checkpoints and blobs lie in others and were not
    /// compared.
    pub alone: bool,
}

/// A comparison under way.
#[derive(Debug, Default)]
pub(crate) struct Compare {
    volume: String,
    sums: String,
    /// Every file that belongs to the archive, by volume.
    expected: BTreeMap<String, BTreeSet<String>>,
    other_pages: BTreeSet<String>,
}

/// Whether `files` is an archive, and not a bare copy: whether anything is there that only an
/// archive has.
pub(crate) fn is_archive(files: &mut dyn LogFiles) -> Result<bool, ExportError> {
    let first = names::sums(&names::volume(0));
    for name in [names::README, names::README_JA, &first] {
        let there = files.read(name, SUMS_LEN_MAX).map_err(ExportError::Files)?;
        if there.is_some() {
            return Ok(true);
        }
    }
    Ok(files.is_in_volumes())
}

impl Compare {
    pub(crate) fn begin(
        &mut self,
        files: &mut dyn LogFiles,
        volume: &str,
    ) -> Result<(), ExportError> {
        volume.clone_into(&mut self.volume);
        self.sums.clear();
        // By its list a volume is known.
        let path = names::sums(volume);
        let there = files.read_of(volume, &path, SUMS_LEN_MAX);
        if there.map_err(ExportError::Files)?.is_none() {
            return Err(ExportError::Missing(self.place(files, &path)));
        }
        Ok(())
    }

    /// Compares the next file of the volume with `octets`.
    pub(crate) fn add(
        &mut self,
        files: &mut dyn LogFiles,
        path: &str,
        octets: &[u8],
    ) -> Result<(), ExportError> {
        let is_page = matches!(path, names::README | names::README_JA);
        let stored = files.read_of(&self.volume, path, FILE_LEN_MAX);
        let stored = stored.map_err(ExportError::Files)?;
        let stored = stored.ok_or_else(|| ExportError::Missing(self.place(files, path)))?;
        if stored != octets {
            if !is_page {
                let reason = "it is another file than the log's entries make".to_owned();
                return Err(wrong(&self.place(files, path), reason));
            }
            self.other_pages.insert(path.to_owned());
        }
        let sum = Hash::of(&stored).to_hex();
        // Writing to a String does not fail.
        let _ = writeln!(self.sums, "{sum}  {path}");
        let listed = self.expected.entry(self.volume.clone()).or_default();
        listed.insert(path.to_owned());
        Ok(())
    }

    /// The list of sums of the volume has to be that of its files.
    pub(crate) fn end(&mut self, files: &mut dyn LogFiles) -> Result<(), ExportError> {
        let path = names::sums(&self.volume);
        let stored = files.read_of(&self.volume, &path, SUMS_LEN_MAX);
        let stored = stored.map_err(ExportError::Files)?;
        let stored = stored.ok_or_else(|| ExportError::Missing(self.place(files, &path)))?;
        let listed = self.expected.entry(self.volume.clone()).or_default();
        listed.insert(path.clone());
        if stored == self.sums.as_bytes() {
            return Ok(());
        }
        let stored = String::from_utf8_lossy(&stored);
        let mut lines = self.sums.lines().zip(stored.lines());
        let Some((made, listed)) = lines.find(|(made, listed)| made != listed) else {
            let reason = "it lists more files, or fewer, than the volume has".to_owned();
            return Err(wrong(&self.place(files, &path), reason));
        };
        let file = made.get(66..).unwrap_or_default();
        // Nothing else tells the expected octets of a page.
        if self.other_pages.contains(file) && listed.get(66..) == Some(file) {
            let sum = listed.get(..64).unwrap_or_default();
            let reason = format!("its SHA-256 is not {sum}, which {path} lists: it was changed");
            return Err(wrong(&self.place(files, file), reason));
        }
        let reason = format!("its line for {file} is not that of the file which is there");
        Err(wrong(&self.place(files, &path), reason))
    }

    /// Files that are there and belong to nothing: in volumes, which have one spelling, they are
    /// damage.
    pub(crate) fn finish(self, files: &mut dyn LogFiles) -> Result<Beside, ExportError> {
        let mut unlisted = files.unlisted(&self.expected);
        if let Some(first) = unlisted.first().filter(|_| files.is_in_volumes()) {
            let reason = "no list of sums names it: it does not belong to this archive".to_owned();
            return Err(wrong(first, reason));
        }
        unlisted.truncate(UNLISTED_MAX);
        Ok(Beside {
            is_there: true,
            other_pages: self.other_pages.into_iter().collect(),
            unlisted,
            alone: files.is_alone(),
        })
    }

    fn place(&self, files: &dyn LogFiles, path: &str) -> String {
        if files.is_in_volumes() {
            format!("{}.zip: {path}", self.volume)
        } else {
            path.to_owned()
        }
    }
}
