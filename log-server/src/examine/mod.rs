//! Reading a whole log and believing nothing: what `fsck` does at once and the scrub of a running
//! log does slowly.
//!
//! Two passes, each over rows in the order in which they lie on the disk. [`records`] hashes every
//! record anew and computes from those hashes every tile of every level, the root of every head and
//! of every kept checkpoint, and compares them with what is stored; and it sums up which index rows
//! the records ask for. [`index`] sums up which rows there are. The sums agree exactly if the rows
//! do, both ways; only where they do not, the rows themselves are looked at ([`differences`]). So a
//! log costs the same for each record, however large it is, and a look-up for none of them. It
//! repairs nothing.

mod differences;
mod kept;
mod report;
mod sums;

use std::collections::BTreeSet;

use ishibumi_artifact::{Body, Record};
use ishibumi_store::{IndexKind, IndexRow, LogStore, StoreError};
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::{Edge, TILE_WIDTH};

use crate::erasure;

use self::kept::Claims;
pub use differences::differences;
pub use report::{Report, Subject};
use sums::KINDS;
pub use sums::Sums;

/// Records or rows that are read at once.
const CHUNK: u64 = 1024;

/// Decides after each chunk whether the reading goes on, and may delay it; `count` is the number of
/// records or rows that were read since the last call. An error ends the reading.
pub trait Pace {
    /// Called after each chunk.
    ///
    /// # Errors
    /// To end the reading.
    fn read(&mut self, count: u64) -> Result<(), Ended>;
}

impl<F: FnMut(u64) -> Result<(), Ended>> Pace for F {
    fn read(&mut self, count: u64) -> Result<(), Ended> {
        self(count)
    }
}

/// Why an examination gave no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// Stored data could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The caller ended the examination.
    #[error("the examination was told to end")]
    Told,
}

/// Reads the staged records, and what is computed from them. Puts into `sums` which index rows they
/// ask for.
///
/// # Errors
/// [`Ended`] if something cannot be read at all, or `pace` says so.
pub fn records(
    subject: Subject<'_>,
    sums: &mut Sums,
    pace: &mut dyn Pace,
) -> Result<Report, Ended> {
    let Subject { store, staged, .. } = subject;
    let mut report = Report::default();
    let mut claims = Claims::new(subject, &mut report)?;
    let mut edge = Edge::new();
    while edge.size() < staged.size() {
        let at = edge.size();
        let records = store.records(at, staged.size().min(at + CHUNK))?;
        let count = records.len() as u64;
        if records.is_empty() {
            report.wrong(format!("record {at} is staged, but not there"));
            break;
        }
        for octets in records {
            let leaf = leaf_hash(&octets);
            check_record(store, edge.size(), leaf, &octets, sums, &mut report)?;
            let mut filled = Vec::new();
            edge.append(leaf, |level, index, tile| {
                filled.push((level, index, tile));
            });
            for (level, index, tile) in filled {
                report.tiles += 1;
                match store.tile(level, index, TILE_WIDTH) {
                    Ok(stored) if stored == tile => {}
                    Ok(_) => report.wrong(format!(
                        "tile {index} of level {level} is not what its records hash to"
                    )),
                    Err(error) => {
                        report.wrong(format!("tile {index} of level {level}: {error}"));
                    }
                }
            }
            claims.compare(&edge, &mut report)?;
        }
        report.records = edge.size();
        pace.read(count)?;
    }
    if edge != *staged {
        report.wrong(format!(
            "the stored edge (size {}, root {}) is not the records' (size {}, root {})",
            staged.size(),
            staged.root(),
            edge.size(),
            edge.root()
        ));
    }
    claims.beyond(edge.size(), &mut report)?;
    Ok(report)
}

/// Reads both indices, as far as they are about records below `end`, into `sums`.
///
/// # Errors
/// [`Ended`] if something cannot be read at all, or `pace` says so.
pub fn index(
    store: &dyn LogStore,
    end: u64,
    sums: &mut Sums,
    pace: &mut dyn Pace,
) -> Result<(), Ended> {
    for kind in KINDS {
        each_row(store, kind, pace, |row| {
            // Records staged meanwhile are left to the next examination.
            if row.index < end {
                sums.add(kind, &row.key, row.index);
            }
        })?;
    }
    Ok(())
}

/// Calls `each` with every row of an index, in its order.
fn each_row(
    store: &dyn LogStore,
    kind: IndexKind,
    pace: &mut dyn Pace,
    mut each: impl FnMut(IndexRow),
) -> Result<(), Ended> {
    let most = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    let mut after: Option<IndexRow> = None;
    loop {
        let rows = store.index_rows(kind, after.as_ref(), most)?;
        let count = rows.len() as u64;
        after = rows.last().cloned();
        rows.into_iter().for_each(&mut each);
        pace.read(count)?;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn check_record(
    store: &dyn LogStore,
    index: u64,
    leaf: Hash,
    octets: &[u8],
    sums: &mut Sums,
    report: &mut Report,
) -> Result<(), StoreError> {
    sums.add(IndexKind::Leaves, &leaf.0, index);
    let record = match Record::decode(octets) {
        Ok(record) => record,
        Err(error) => {
            report.wrong(format!("record {index}: {error}"));
            return Ok(());
        }
    };
    for key in distinct_keys(&record) {
        sums.add(IndexKind::Keys, &key, index);
    }
    if let Some(digest) = record.body().blob().map(Hash) {
        let what = match record.body() {
            Body::Crl(_) => "list",
            _ => "response",
        };
        match store.blob(digest)? {
            Some(blob) if Hash::of(&blob) == digest => {}
            Some(_) => report.wrong(format!("the {what} of record {index} is damaged")),
            None if erasure::stated(store, digest)?.is_some() => {}
            None => report.wrong(format!("the {what} of record {index} is not kept")),
        }
    }
    Ok(())
}

/// Under what a record is looked up. It may say a key twice (a response about one serial number, a
/// subject with two equal identifiers), and stands under it once.
fn distinct_keys(record: &Record) -> BTreeSet<Vec<u8>> {
    let keys = record.lookup_keys();
    keys.iter().map(|key| key.to_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests;
