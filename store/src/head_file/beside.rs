//! Files beside the head file, under its name with another ending: the mark that the log is closed,
//! and evidence against this copy.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ishibumi_tlog::fork::EVIDENCE_LEN_MAX;
use ishibumi_tlog::key::VerifierKey;

use super::{Head, HeadFile, io_failed};
use crate::StoreError;

/// The log is closed.
const SEALED: &str = "closed";
/// Another tree was signed, and this copy must not sign.
const FORKED: &str = "forked";
/// An accusation that came to nothing: the tree that it shows is part of this copy.
const SETTLED: &str = "forked-settled";
/// Another tree was signed, and the witnesses follow this copy.
const ELSEWHERE: &str = "signed-elsewhere";
/// The head file of a key for which it is unknown how far it signed.
const UNKNOWN: &str = "head-unknown";

impl HeadFile {
    /// Marks the log of this key as closed for ever: writes the mark beside the head file and syncs
    /// both. Afterwards [`Self::advance`] refuses. Sealing again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it could not be written; the mark may be there nevertheless.
    pub fn seal(&self) -> Result<(), StoreError> {
        let Head { size, root } = self.newest.head;
        let said = format!("{}\n{size}\n{root}\nclosed\n", self.owner.origin);
        self.put(SEALED, said.as_bytes())
    }

    /// Whether the log of this key is closed for ever.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if that cannot be told.
    pub fn sealed(&self) -> Result<bool, StoreError> {
        is_there(&self.path.with_extension(SEALED))
    }

    /// Whether the log of `key` is closed for ever, while another process may hold its head file.
    ///
    /// # Errors
    /// As [`Self::sealed`].
    pub fn is_sealed(directory: impl AsRef<Path>, key: &VerifierKey) -> Result<bool, StoreError> {
        is_there(&Self::path(directory, key).with_extension(SEALED))
    }

    /// Keeps `evidence` that the key signed another tree: no later start may sign before it is
    /// settled. The first that is kept stays.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it could not be written.
    pub fn accuse(&self, evidence: &[u8]) -> Result<(), StoreError> {
        if is_there(&self.path.with_extension(FORKED))? {
            return Ok(());
        }
        self.put(FORKED, evidence)
    }

    /// The evidence that [`Self::accuse`] kept, and where it lies.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it cannot be read.
    pub fn accusation(&self) -> Result<Option<(PathBuf, Vec<u8>)>, StoreError> {
        self.get(FORKED)
    }

    /// The accusation came to nothing. It is put aside, not thrown away.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if that did not work.
    pub fn settle(&self) -> Result<(), StoreError> {
        let (from, to) = (
            self.path.with_extension(FORKED),
            self.path.with_extension(SETTLED),
        );
        let failed = |error: std::io::Error| io_failed("put an accusation aside", &from, &error);
        std::fs::rename(&from, &to).map_err(failed)?;
        sync_folder(&from).map_err(failed)
    }

    /// Puts the head file itself aside: it says that the key has signed nothing, and that is not
    /// known. Without one nothing starts.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if that did not work.
    pub fn put_aside(self) -> Result<(), StoreError> {
        let to = self.path.with_extension(UNKNOWN);
        let failed = |error: std::io::Error| io_failed("put the head file aside", &to, &error);
        std::fs::rename(&self.path, &to).map_err(failed)?;
        sync_folder(&to).map_err(failed)
    }

    /// Keeps `evidence` that the key signed another tree, which the witnesses did not follow.
    /// Returns where.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it could not be written.
    pub fn keep_evidence(&self, evidence: &[u8]) -> Result<PathBuf, StoreError> {
        self.put(ELSEWHERE, evidence)?;
        Ok(self.path.with_extension(ELSEWHERE))
    }

    /// The evidence that [`Self::keep_evidence`] kept last.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it cannot be read.
    pub fn kept_evidence(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get(ELSEWHERE)?.map(|(_, octets)| octets))
    }

    fn get(&self, ending: &str) -> Result<Option<(PathBuf, Vec<u8>)>, StoreError> {
        let path = self.path.with_extension(ending);
        let failed = |error: std::io::Error| io_failed("read beside the head file", &path, &error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut octets = Vec::new();
        let bound = u64::try_from(EVIDENCE_LEN_MAX)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        file.take(bound).read_to_end(&mut octets).map_err(failed)?;
        Ok(Some((path, octets)))
    }

    /// Writes a file beside the head file: all of it or nothing, and synced.
    fn put(&self, ending: &str, octets: &[u8]) -> Result<(), StoreError> {
        let path = self.path.with_extension(ending);
        let new = self.path.with_extension(format!("{ending}.new"));
        let written = || -> std::io::Result<()> {
            let mut file = File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(octets)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            sync_folder(&path)
        };
        written().map_err(|error| io_failed("wrote beside the head file", &path, &error))
    }
}

fn is_there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists()
        .map_err(|error| io_failed("looked beside the head file", path, &error))
}

fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
