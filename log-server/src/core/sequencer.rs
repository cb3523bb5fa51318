//! Gives records their indices.
//!
//! One sequencer per log. A batch is one atomic, synced write; the records that are answered
//! afterwards are durable. A record that the log has already keeps its index: submitting is
//! idempotent, across restarts too, since the index of leaf hashes is part of the same write.

use std::collections::HashMap;
use std::sync::Arc;

use ishibumi_artifact::end::closing_record;
use ishibumi_artifact::record::LogEnding;
use ishibumi_store::{Batch, LogStore, NewRecord, StoreError};
use ishibumi_tlog::Hash;

/// The records and blobs that one artifact adds to the log.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its records, in order; the last one stands for the artifact.
    pub records: Vec<NewRecord>,
    /// The blobs that are kept beside the log.
    pub blobs: Vec<Vec<u8>>,
    /// Whether its genTime is farther back than its provider's threshold allows; counted if it is
    /// new.
    pub backdated: bool,
}

/// Where an artifact's records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Index of the last record, the one that stands for the artifact.
    pub index: u64,
    /// Leaf hash of that record.
    pub leaf: Hash,
    /// How many of the records are new; 0 if the log had them all.
    pub added: u64,
    /// Index of the first new record, if any is new.
    pub first: Option<u64>,
}

/// Why nothing can be sequenced any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index leads to a record that is not the submitted one: the index is damaged.
    #[error("the index says that leaf {leaf} is record {index}, which has other octets; run fsck")]
    Index {
        /// The leaf hash that was looked up.
        leaf: Hash,
        /// Where the index pointed to.
        index: u64,
    },
    /// An item without records.
    #[error("an item without records")]
    Empty,
    /// A record that would follow the one that closed the log.
    #[error("the log is closed: its last record says so, and nothing may follow it")]
    Closed,
}

/// Appends to one log.
pub struct Sequencer {
    store: Arc<dyn LogStore>,
    size: u64,
    /// Whether the last record closed the log. Nothing but this keeps records from following it.
    closed: bool,
}

impl Sequencer {
    /// A sequencer that continues the staged tree of `store`.
    ///
    /// # Errors
    /// [`SequencerError`] if the store fails.
    pub fn open(store: Arc<dyn LogStore>) -> Result<Self, SequencerError> {
        let size = store.staged()?.size();
        let closed = ending(store.as_ref(), size)?.is_some();
        Ok(Self {
            store,
            size,
            closed,
        })
    }

    /// Records that are staged.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Stages `items` in one write and says where each is. All or nothing: with an error, nothing
    /// of the batch was answered, and this value is gone. What a closed log has already is found as
    /// ever.
    ///
    /// # Errors
    /// [`SequencerError`] if the store fails, its index leads to another record, an item has no
    /// records, or a record would follow the one that closed the log.
    pub fn stage(mut self, items: Vec<Item>) -> Result<(Self, Vec<Placed>), SequencerError> {
        let mut batch = Batch::default();
        let mut fresh: HashMap<Hash, u64> = HashMap::new();
        let mut placements = Vec::with_capacity(items.len());
        // All of them at once: together they are found for half of what each alone costs.
        let records = items.iter().flat_map(|item| &item.records);
        let leaves: Vec<Hash> = records.map(|record| record.leaf).collect();
        let mut stored = self.store.indices_of(&leaves)?.into_iter();
        for item in items {
            let mut placed: Option<Placed> = None;
            let mut new_blobs = false;
            for record in item.records {
                let leaf = record.leaf;
                let (index, added) = match self.find(&fresh, stored.next().flatten(), &record)? {
                    Some(index) => (index, 0),
                    None => {
                        if self.closed {
                            return Err(SequencerError::Closed);
                        }
                        self.closed = closing_record(&record.octets).is_some();
                        let index = self.size + batch.records.len() as u64;
                        fresh.insert(leaf, index);
                        batch.records.push(record);
                        new_blobs = true;
                        (index, 1)
                    }
                };
                let before = placed.take();
                placed = Some(Placed {
                    index,
                    leaf,
                    added: before.map_or(0, |p| p.added) + added,
                    first: before
                        .and_then(|p| p.first)
                        .or((added == 1).then_some(index)),
                });
            }
            placements.push(placed.ok_or(SequencerError::Empty)?);
            if new_blobs {
                batch.blobs.extend(item.blobs);
            }
        }
        if !batch.records.is_empty() {
            self.size = self.store.stage(self.size, &batch)?.size();
        }
        Ok((self, placements))
    }

    /// The index that the record has already, in this batch or in the log, where its leaf is
    /// `stored`. The whole leaf hash is the key, and a hit counts only if the stored record has the
    /// same octets.
    fn find(
        &self,
        fresh: &HashMap<Hash, u64>,
        stored: Option<u64>,
        record: &NewRecord,
    ) -> Result<Option<u64>, SequencerError> {
        if let Some(&index) = fresh.get(&record.leaf) {
            return Ok(Some(index));
        }
        let Some(index) = stored else {
            return Ok(None);
        };
        if self.store.record(index)?.as_deref() != Some(&record.octets) {
            return Err(SequencerError::Index {
                leaf: record.leaf,
                index,
            });
        }
        Ok(Some(index))
    }
}

/// How the log ended whose first `size` records are `store`'s; `None` if it has not.
///
/// # Errors
/// If the store fails.
pub fn ending(store: &dyn LogStore, size: u64) -> Result<Option<LogEnding>, StoreError> {
    let Some(last) = size.checked_sub(1) else {
        return Ok(None);
    };
    Ok(store
        .record(last)?
        .and_then(|octets| closing_record(&octets)))
}
