//! Which records a TSA has covered, out of the log's own records.
//!
//! Nothing beside the log remembers it: the newest timestamps are found through the index when the
//! log starts. Where that finds none, a TSA is asked once more than necessary, which does no harm.

use ishibumi_artifact::record::{Body, Record};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{LookupKey, TimestampToken};
use ishibumi_store::{LogStore, StoreError};

use super::tsas::Tsas;

/// Indices that are read at once.
const PAGE: usize = 1000;

/// The newest timestamps that are looked through for the last one of each TSA.
const LOOKED_BACK: usize = 256;

/// The last token of a TSA that the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// Size of the checkpoint that it stamps.
    pub size: u64,
    /// Its genTime.
    pub gen_time: Time,
}

/// Whether the tree of `size` leaves holds a record from index `covered` on that is no checkpoint
/// timestamp.
pub(super) fn has_news(store: &dyn LogStore, covered: u64, size: u64) -> Result<bool, StoreError> {
    let key = LookupKey::CheckpointAnchors.to_bytes();
    let mut next = covered;
    while next < size {
        let timestamps = store.lookup(&key, next, PAGE)?;
        for index in &timestamps {
            if *index != next {
                return Ok(next < size);
            }
            next += 1;
        }
        if timestamps.len() < PAGE {
            break;
        }
    }
    Ok(next < size)
}

/// The last token of every TSA in the log, in their order. The keys of their units are remembered
/// in `tsas`.
pub(super) fn last_timestamps(
    store: &dyn LogStore,
    tsas: &Tsas,
) -> Result<Vec<Option<Last>>, StoreError> {
    let mut found = vec![None; tsas.all.len()];
    for index in newest(store)? {
        if found.iter().all(Option::is_some) {
            break;
        }
        let octets = store.record(index)?.unwrap_or_default();
        let Ok(Body::Anchor(timestamp)) = Record::decode(&octets).map(|it| it.body().clone())
        else {
            return Err(StoreError::Damaged {
                what: "the index".to_owned(),
                detail: format!("record {index} is no checkpoint-anchor, as it says; run fsck"),
            });
        };
        // One that is none of theirs, as of a TSA that was configured once, says nothing about
        // them.
        let Ok(token) = TimestampToken::parse(timestamp.token()) else {
            continue;
        };
        let without = tsas.all.iter().zip(&mut found);
        for (tsa, last) in without.filter(|(_, last)| last.is_none()) {
            if let Ok(verified) = token.verify(&tsa.anchors) {
                tsas.units.claim(&tsa.name, verified.signer().key_hash());
                *last = Some(Last {
                    size: timestamp.checkpoint().size,
                    gen_time: verified.gen_time().time(),
                });
            }
        }
    }
    Ok(found)
}

/// Indices of the newest checkpoint timestamps, the last one first.
fn newest(store: &dyn LogStore) -> Result<Vec<u64>, StoreError> {
    let key = LookupKey::CheckpointAnchors.to_bytes();
    let mut newest = Vec::new();
    let mut from = 0;
    loop {
        let page = store.lookup(&key, from, PAGE)?;
        let full = page.len() == PAGE;
        if let Some(last) = page.last() {
            from = last + 1;
        }
        newest.extend(page);
        newest.drain(..newest.len().saturating_sub(LOOKED_BACK));
        if !full {
            newest.reverse();
            return Ok(newest);
        }
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_artifact::record::{CheckpointAnchor, Opaque};
    use ishibumi_store::{Batch, MemoryLog, NewRecord};
    use ishibumi_tlog::Checkpoint;
    use ishibumi_tlog::hash::leaf_hash;

    use super::*;
    use crate::admission::new_record;

    fn timestamp(number: u64) -> NewRecord {
        let checkpoint = Checkpoint::new("log.example", number, leaf_hash(b"root"));
        let timestamp = CheckpointAnchor::new(checkpoint, b"a token").unwrap();
        new_record(&Body::Anchor(timestamp).into()).unwrap()
    }

    fn other(number: u64) -> NewRecord {
        let octets = Opaque::new("opaque", number.to_be_bytes()).unwrap();
        new_record(&Body::Opaque(octets).into()).unwrap()
    }

    fn log(records: impl IntoIterator<Item = NewRecord>) -> MemoryLog {
        let store = MemoryLog::new();
        let batch = Batch {
            records: records.into_iter().collect(),
            ..Batch::default()
        };
        store.stage(0, &batch).unwrap();
        store
    }

    #[test]
    fn checkpoint_timestamps_alone_are_no_news() {
        let many = PAGE as u64 + 7;
        let records = [other(0)].into_iter().chain((1..=many).map(timestamp));
        let store = log(records.chain([other(1)]));
        assert!(has_news(&store, 0, 1).unwrap(), "the first record");
        assert!(!has_news(&store, 1, 1).unwrap(), "nothing grew");
        assert!(!has_news(&store, 1, 2).unwrap(), "one timestamp");
        let timestamps_end = many + 1;
        assert!(
            !has_news(&store, 1, timestamps_end).unwrap(),
            "many timestamps"
        );
        assert!(!has_news(&store, 500, timestamps_end).unwrap());
        assert!(has_news(&store, 1, timestamps_end + 1).unwrap(), "a record");
        assert!(has_news(&store, timestamps_end, timestamps_end + 1).unwrap());
    }

    #[test]
    fn the_newest_timestamps_are_found_behind_many_others() {
        let many = 2 * PAGE as u64;
        let store = log((0..many).map(timestamp));
        let found = newest(&store).unwrap();
        assert_eq!(found.len(), LOOKED_BACK);
        assert_eq!(found.first(), Some(&(many - 1)));
        assert!(newest(&MemoryLog::new()).unwrap().is_empty());
    }
}
