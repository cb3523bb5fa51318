//! A whole log as files that need no server of ours (`docs/formats/archive.md`).
//!
//! | module | what |
//! | --- | --- |
//! | [`zip_format`] | the one way in which a ZIP of ours is written: evidence files and volumes |
//! | [`names`] | which files an archive may have |
//! | [`volume`] | a ZIP volume, written and read |
//! | [`reader`] | a directory, a volume or a directory of volumes, read by the paths of a log |
//! | [`mod@export`] | makes one, from whatever gives a log's files, and verifies what it writes; or checks one |
//! | [`regular`] | files that others made, opened without waiting for any of them |
//! | [`writer`] | where an export goes: nothing is there before all of it is |
//!
//! It lies below the client, the log and the mirror, which share it and do not depend on each
//! other. An archive is trusted as little as a server: reading gives the contents of the files,
//! checked against their checksums; whether the log signed them is up to a caller with a policy.

#![deny(missing_docs)]

#[cfg(feature = "files")]
mod compare;
#[cfg(feature = "files")]
pub mod export;
#[cfg(feature = "files")]
mod log_files;
#[cfg(feature = "files")]
pub mod names;
#[cfg(feature = "files")]
pub mod reader;
#[cfg(feature = "files")]
pub mod regular;
#[cfg(feature = "files")]
pub mod volume;
#[cfg(feature = "files")]
pub mod writer;
pub mod zip_format;

#[cfg(feature = "files")]
pub use compare::Beside;
#[cfg(feature = "files")]
pub use export::{Exported, check, check_archive, export};
#[cfg(feature = "files")]
pub use log_files::{ExportError, LogFiles};
#[cfg(feature = "files")]
pub use reader::{ArchiveReader, ArchiveReaderError};
#[cfg(feature = "files")]
pub use volume::{Volume, VolumeError};
#[cfg(feature = "files")]
pub use writer::{Form, SinkError};
