//! The files that `submit` sends: the named ones, those of folders, and those of a list.
//!
//! A file that is named is sent. From folders and lists, files that have their proof already are
//! skipped, so that an interrupted run can go on; and from folders, files that are no artifact,
//! since documents lie there, too.

use std::path::{Path, PathBuf};

use ishibumi_artifact::ArtifactType;
use ishibumi_tlog::proof::FILE_EXTENSION;

use super::super::{Failure, files};

/// The longest list of files that is read, in octets.
const LIST_LEN_MAX: usize = 64 << 20;

/// The files to be sent, and how many were passed over.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) files: Vec<PathBuf>,
    /// Number of files that have their proof already.
    pub(super) proven: usize,
    /// What lies in a folder and is no artifact.
    pub(super) others: usize,
}

impl Inputs {
    /// `out` is the folder of the proofs; by default they are beside the artifacts.
    pub(super) fn gather(
        named: &[PathBuf],
        list: Option<&Path>,
        out: Option<&Path>,
    ) -> Result<Self, Failure> {
        let mut inputs = Self::default();
        for path in named {
            if path.is_dir() {
                inputs.add_folder(path, out)?;
            } else {
                inputs.files.push(path.clone());
            }
        }
        if let Some(list) = list {
            inputs.add_list(list, out)?;
        }
        Ok(inputs)
    }

    fn add_folder(&mut self, folder: &Path, out: Option<&Path>) -> Result<(), Failure> {
        for path in files::files_in(folder)? {
            if path.extension().is_some_and(|it| it == FILE_EXTENSION) {
                continue;
            }
            if has_proof(&path, out) {
                self.proven += 1;
                continue;
            }
            // An unreadable file is not skipped: sending it reports the error.
            let octets = files::read(&path, files::ARTIFACT_LEN_MAX);
            if octets.is_ok_and(|octets| ArtifactType::of(&octets).is_err()) {
                self.others += 1;
            } else {
                self.files.push(path);
            }
        }
        Ok(())
    }

    /// A path in each line.
    fn add_list(&mut self, list: &Path, out: Option<&Path>) -> Result<(), Failure> {
        let octets = files::read(list, LIST_LEN_MAX)?;
        let text = std::str::from_utf8(&octets).map_err(|error| {
            Failure::usage(format!("{}: {error}", list.display()))
                .advice("a list of files is text in UTF-8, a path in each line")
        })?;
        // Windows editors put a byte order mark in front.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for line in text.lines().filter(|line| !line.is_empty()) {
            let path = PathBuf::from(line);
            if has_proof(&path, out) {
                self.proven += 1;
            } else {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

fn has_proof(artifact: &Path, out: Option<&Path>) -> bool {
    files::proof_path(artifact, out).is_file()
        || out.is_none() && files::proof_beside(artifact).is_some()
}
