//! Erasing what lies beside the log: a list or response that had to go.
//!
//! A record says that it was erased, and when, and why; it is durable before the octets go. Every
//! record and every proof stays: holders of the octets can still prove what they were. A blob that
//! a record names as erased is removed again at each start, so that a crash between the two steps
//! ends as the erasure that it was to be; and since its own record is in the log already,
//! submitting it again brings nothing back.

use ishibumi_artifact::record::{LogErased, LogStatement, Moment, Opaque};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, LookupKey, Record};
use ishibumi_store::{LogStore, StoreError};
use ishibumi_tlog::Hash;

use crate::admission::new_record;
use crate::core::{Item, Sequencer, SequencerError};
use crate::refusal::RecordTooLarge;

/// Statements that are read at once.
const PAGE: usize = 1000;

/// Why a blob was not erased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasureError {
    /// No record of this log names it, so that this log does not keep it.
    #[error("no record of this log names a blob with SHA-256 {0}; nothing was erased")]
    Unknown(Hash),
    /// The reason does not fit a record.
    #[error("the reason: {0}")]
    Reason(#[from] ishibumi_artifact::record::RecordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record could not be staged.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The record could not be made.
    #[error(transparent)]
    Record(#[from] RecordTooLarge),
}

/// The result of [`erase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Index of the record that says so.
    pub index: u64,
    /// Whether the octets were still there.
    pub was_there: bool,
}

/// States durably that `blob` is erased, then erases it. An erasure that was stated before is not
/// stated again.
///
/// # Errors
/// [`ErasureError`] if no record names `blob`, the reason does not fit a record, or the store
/// fails.
pub fn erase(
    store: &dyn LogStore,
    sequencer: Sequencer,
    blob: Hash,
    reason: &str,
    now: Time,
) -> Result<Erasure, ErasureError> {
    let index = match stated(store, blob)? {
        Some(index) => index,
        None if named(store, blob)? => state(sequencer, blob, reason, now)?,
        None => return Err(ErasureError::Unknown(blob)),
    };
    Ok(Erasure {
        index,
        was_there: store.erase_blob(blob)?,
    })
}

/// The index of the record that says that `blob` was erased.
///
/// # Errors
/// If the store fails.
pub fn stated(store: &dyn LogStore, blob: Hash) -> Result<Option<u64>, StoreError> {
    let key = LookupKey::ErasedBlob(blob.0).to_bytes();
    Ok(store.lookup(&key, 0, 1)?.first().copied())
}

/// Removes what records say was erased, if any of it is still there: the end of an erasure that was
/// cut off.
///
/// # Errors
/// If the store fails.
pub fn finish(store: &dyn LogStore) -> Result<(), StoreError> {
    let key = LookupKey::LogStatements.to_bytes();
    let mut from = 0;
    loop {
        let indices = store.lookup(&key, from, PAGE)?;
        for &index in &indices {
            let octets = store.record(index)?.unwrap_or_default();
            let Ok(record) = Record::decode(&octets) else {
                continue;
            };
            if let Body::Log(LogStatement::Erased(erased)) = record.body() {
                let blob = Hash(erased.blob);
                if store.blob(blob)?.is_some() {
                    store.erase_blob(blob)?;
                }
            }
        }
        match indices.last() {
            Some(last) if indices.len() == PAGE => from = last + 1,
            _ => return Ok(()),
        }
    }
}

/// Whether a list or response with this digest is a record of the log.
fn named(store: &dyn LogStore, blob: Hash) -> Result<bool, StoreError> {
    for key in [LookupKey::Crl(blob.0), LookupKey::OcspResponse(blob.0)] {
        if !store.lookup(&key.to_bytes(), 0, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn state(sequencer: Sequencer, blob: Hash, reason: &str, now: Time) -> Result<u64, ErasureError> {
    let erased = LogErased {
        blob: blob.0,
        date: Moment::new("date", now)?,
        reason: Opaque::new("reason", reason)?,
    };
    let record = Record::from(Body::Log(LogStatement::Erased(erased)));
    let item = Item {
        records: vec![new_record(&record)?],
        ..Item::default()
    };
    let (_, placed) = sequencer.stage(vec![item])?;
    let placed = placed.first().ok_or(SequencerError::Empty)?;
    Ok(placed.index)
}
