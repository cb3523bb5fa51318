//! How far writing had come: a small file beside the database that tells a crash from a loss.
//!
//! A crash within a write leaves a cut last batch in RocksDB's write-ahead log. That batch was not
//! acknowledged, and the log has to start again by itself. A log file that lost its end *after* its
//! batches were acknowledged (a bad copy, a bad disk, a restored file) looks the same, or, cut
//! between two batches, like nothing at all; starting on it would be a rollback.
//!
//! So after each synced write the number of the last change (RocksDB's sequence number) is written
//! here: magic, number, SHA-256 of both, 48 octets in one write to one sector. Opening demands that
//! the database has at least that number. The file is not synced: it survives the death of the
//! process at once and that of the machine within the kernel's write-back time, and it never states
//! more than is on disk. What a power cut may hide from it, the head file and the witnesses see.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use ishibumi_tlog::hash::Hash;

use super::failure::{failed, shown};
use crate::StoreError;

const NAME: &str = "ACKNOWLEDGED";
const MAGIC: &[u8; 8] = b"ishiACK1";

/// The open mark file and its number when it was opened.
pub(super) struct Mark {
    file: File,
    stated: u64,
}

impl Mark {
    /// Makes the file of a new database.
    pub(super) fn create(directory: &Path) -> Result<Self, StoreError> {
        let io = |error: std::io::Error| failed("made the file ACKNOWLEDGED", error.to_string());
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(directory.join(NAME))
            .map_err(io)?;
        file.write_all_at(&encode(0), 0).map_err(io)?;
        file.sync_all().map_err(io)?;
        Ok(Self { file, stated: 0 })
    }

    /// Reads the file of an existing database.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(NAME);
        let damaged = |detail: String| StoreError::Damaged {
            what: shown(&path),
            detail,
        };
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| damaged(error.to_string()))?;
        let mut octets = [0; 48];
        file.read_exact_at(&mut octets, 0)
            .map_err(|error| damaged(error.to_string()))?;
        let stated =
            decode(&octets).ok_or_else(|| damaged("its checksum does not fit".to_owned()))?;
        Ok(Self { file, stated })
    }

    /// Checks that a database whose last change is `sequence` holds all that was acknowledged.
    pub(super) fn check(&self, sequence: u64) -> Result<(), StoreError> {
        if sequence >= self.stated {
            return Ok(());
        }
        Err(StoreError::Damaged {
            what: "the write-ahead log".into(),
            detail: format!(
                "change {} was acknowledged, the database ends at change {sequence}",
                self.stated
            ),
        })
    }

    /// States that everything up to `sequence` is on disk.
    pub(super) fn advance(&mut self, sequence: u64) -> Result<(), String> {
        self.file
            .write_all_at(&encode(sequence), 0)
            .map_err(|error| format!("{NAME}: {error}"))
    }
}

fn encode(sequence: u64) -> [u8; 48] {
    let mut octets = [0; 48];
    octets[..8].copy_from_slice(MAGIC);
    octets[8..16].copy_from_slice(&sequence.to_be_bytes());
    let sum = Hash::of(&octets[..16]);
    octets[16..].copy_from_slice(&sum.0);
    octets
}

fn decode(octets: &[u8; 48]) -> Option<u64> {
    let (body, sum) = octets.split_at(16);
    let (magic, sequence) = body.split_first_chunk::<8>()?;
    let right = magic == MAGIC && Hash::of(body).0 == sum;
    right.then_some(u64::from_be_bytes(sequence.try_into().ok()?))
}
