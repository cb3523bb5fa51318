//! Evidence files on disk: what the subcommands share.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ishibumi::evidence::renewal::{RenewalError, Renewed};
use ishibumi::evidence::{
    Collection, ContainerError, EvidenceFileError, FILE_EXTENSION, FILE_LEN_MAX,
};
use ishibumi_cli::render::Language;
use ishibumi_tlog::foreign::Foreign;
use ishibumi_tlog::shown::add_line;

use super::super::{Exit, Failure, files};

/// The first octets of every evidence file: a ZIP's.
pub(super) const BEGINS: &[u8] = b"PK\x03\x04";

/// Reads an evidence file. A file that contradicts itself is disproven: it was made or changed by
/// another program. A file that is no evidence file, is cut off, or is of a later version shows
/// nothing.
pub(super) fn read(path: &Path) -> Result<Collection, Failure> {
    decode(&whole(path)?, &path.display().to_string())
}

/// All octets of an evidence file.
pub(super) fn whole(path: &Path) -> Result<Bytes, Failure> {
    files::read(path, FILE_LEN_MAX).map(Bytes::from)
}

/// Reads an evidence file that may have been renewed.
pub(super) fn open(path: &Path) -> Result<Renewed, Failure> {
    opened(&whole(path)?, &path.display().to_string())
}

/// Opens the octets of an evidence file, renewed or not; errors name the file `shown`.
pub(super) fn opened(octets: &Bytes, shown: &str) -> Result<Renewed, Failure> {
    Renewed::open_shared(octets).map_err(|error| match error {
        RenewalError::NotEvidence(error) => refusal(&error, octets, &shown),
        RenewalError::Container(error) if error.is_unread() => {
            refusal(&error.into(), octets, &shown)
        }
        RenewalError::Evidence(EvidenceFileError::Container(_) | EvidenceFileError::Sum { .. })
        | RenewalError::Container(_) => Failure::new(Exit::Disproven, format!("{shown}: {error}"))
            .advice("get the file anew, or from somebody else who has it"),
        _ => Failure::new(Exit::Disproven, format!("{shown}: {error}")).advice(
            "the evidence file in it, evidence.zip, may be whole: take it out with any ZIP tool",
        ),
    })
}

pub(super) fn decode(octets: &Bytes, shown: &str) -> Result<Collection, Failure> {
    Collection::decode_shared(octets).map_err(|error| refusal(&error, octets, &shown))
}

fn refusal(error: &EvidenceFileError, octets: &[u8], shown: &dyn std::fmt::Display) -> Failure {
    let exit = if error.is_unread() {
        Exit::Indeterminate
    } else {
        Exit::Disproven
    };
    let failure = Failure::new(exit, format!("{shown}: {error}"));
    match error {
        EvidenceFileError::Container(ContainerError::NotZip) => {
            let seems = Foreign::of(octets);
            let seems = seems.map_or_else(String::new, |foreign| format!("; this is {foreign}"));
            Failure::new(exit, format!("{shown}: {error}{seems}"))
                .advice("an evidence file is wanted; ishibumi verify takes a token, certificate or list")
        }
        EvidenceFileError::Container(_) | EvidenceFileError::Sum { .. } => {
            failure.advice("get the file anew, or from somebody else who has it")
        }
        EvidenceFileError::Format { .. } => failure
            .advice("a newer ishibumi reads it; META-INF/README.txt inside says how to do without"),
        EvidenceFileError::Renewed => Failure::usage(format!("{shown}: {error}")).advice(
            "renewals are about the very octets of one evidence file: take evidence.zip out with any ZIP tool",
        ),
        _ => failure,
    }
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

/// A warning about pages for people that are not those of this version; empty if all are.
pub(super) fn foreign_pages(renewed: &Renewed, language: Language) -> String {
    let pages = renewed.foreign_pages();
    let mut text = String::new();
    if pages.is_empty() {
        return text;
    }
    let names = pages.join(", ");
    let line = if language.is_english() {
        format!(
            "Pages in the file that are not those of this version of ishibumi: {names}. Another version wrote them, \
             or anybody: nothing verifies what they say."
        )
    } else {
        format!(
            "このバージョンの ishibumi のものではない説明ページがあります：{names}。別のバージョンか第三者が書いたもので、内容は検証の対象外です。"
        )
    };
    add_line(&mut text, line);
    text
}
