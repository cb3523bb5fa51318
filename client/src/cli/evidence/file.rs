//! Evidence files on disk: what the subcommands share.

use std::path::{Path, PathBuf};

use ishibumi::evidence::{Collection, EvidenceFileError, FILE_EXTENSION, FILE_LEN_MAX};

use super::super::{Exit, Failure, files};

/// Reads an evidence file. One that is not what it should be is disproven: it was made or changed by
/// something else.
pub(super) fn read(path: &Path) -> Result<Collection, Failure> {
    let octets = files::read(path, FILE_LEN_MAX)?;
    decode(&octets, &path.display().to_string())
}

pub(super) fn decode(octets: &[u8], shown: &str) -> Result<Collection, Failure> {
    Collection::decode(octets).map_err(|error| {
        let failure = Failure::new(Exit::Disproven, format!("{shown}: {error}"));
        match error {
            EvidenceFileError::Container(_) | EvidenceFileError::Sum { .. } => {
                failure.advice("get the file anew, or from somebody else who has it")
            }
            EvidenceFileError::Format { .. } => failure.advice(
                "a newer ishibumi reads it; META-INF/README.txt inside says how to do without",
            ),
            _ => failure,
        }
    })
}

/// Where a file is written by default: beside `first`, which it is named after.
pub(super) fn default_path(first: &Path) -> PathBuf {
    let mut name = first.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(FILE_EXTENSION);
    first.with_file_name(name)
}

/// What cannot be made into an evidence file.
pub(super) fn refused(error: &EvidenceFileError) -> Failure {
    match error {
        EvidenceFileError::Proof { .. } | EvidenceFileError::TwoEntries { .. } => {
            Failure::new(Exit::Disproven, error)
        }
        _ => Failure::usage(error),
    }
}
