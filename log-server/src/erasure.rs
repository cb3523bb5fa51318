//! Blobs that had to go: the record that says so, and where everybody finds it.
//!
//! A blob (a list, a response) lies beside the log; no leaf, and so no proof, rests on it. It is erased in
//! two steps, each durable before the next: first the log says so (a log-statement `erased`), then the
//! blob is deleted. Whatever happens in between, the record stands, so the blob is not served any more,
//! never taken again, and deleted at the next start.

use ishibumi_artifact::record::LogStatement;
use ishibumi_artifact::{Body, LookupKey, Record};
use ishibumi_store::{LogStore, StoreError};
use ishibumi_tlog::Hash;

/// Indices that are read at once.
const PAGE: usize = 1000;

/// The index of the record that says that the blob with this SHA-256 was erased.
pub fn record_of(store: &dyn LogStore, blob: Hash) -> Result<Option<u64>, StoreError> {
    let key = LookupKey::ErasedBlob(blob.0).to_bytes();
    Ok(store.lookup(&key, 0, 1)?.first().copied())
}

/// What the log says about itself, `opened` left out, each with its index.
pub fn statements(store: &dyn LogStore) -> Result<Vec<(u64, LogStatement)>, StoreError> {
    let key = LookupKey::LogStatements.to_bytes();
    let (mut said, mut from) = (Vec::new(), 0);
    loop {
        let indices = store.lookup(&key, from, PAGE)?;
        for &index in &indices {
            let octets = store.record(index)?.unwrap_or_default();
            let record = Record::decode(&octets).ok();
            match record.as_ref().map(Record::body) {
                Some(Body::Log(statement)) => said.push((index, statement.clone())),
                _ => {
                    return Err(StoreError::Damaged {
                        what: format!("record {index}"),
                        detail: "the index says that it is a log statement; run fsck, then reindex"
                            .to_owned(),
                    });
                }
            }
        }
        match indices.last() {
            Some(last) if indices.len() == PAGE => from = last + 1,
            _ => return Ok(said),
        }
    }
}

/// Deletes what the log says is erased and what is there all the same: a crash came between. Returns how
/// many.
pub fn finish(store: &dyn LogStore) -> Result<usize, StoreError> {
    let mut deleted = 0;
    for (_, statement) in statements(store)? {
        if let LogStatement::Erased(erased) = statement {
            let blob = Hash(erased.blob);
            if store.blob(blob)?.is_some() {
                store.delete_blob(blob)?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}
