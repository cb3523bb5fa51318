//! The artifact that carried a revocation, found in the store.
//!
//! The record of a list or response stands after the revocations that it brought, in one batch with
//! them (docs/formats/record.md, "Order in the log"). Reading on from a revocation finds it; the
//! records that were read are remembered as a span, so that a list of many entries is read on once
//! and not once for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use ishibumi_artifact::record::{Body, Record, Revocation};
use ishibumi_artifact::time::Time;
use ishibumi_store::{LogStore, StoreError};

/// Records that are read at once.
const CHUNK: u64 = 1024;
/// Spans that are remembered.
const SPANS_MAX: usize = 1024;

/// Revocations and what carried them: by the index of that record, the first index, and the record.
pub(super) struct RevocationSources {
    store: Arc<dyn LogStore>,
    spans: BTreeMap<u64, (u64, Record)>,
}

impl RevocationSources {
    pub(super) fn new(store: Arc<dyn LogStore>) -> Self {
        Self {
            store,
            spans: BTreeMap::new(),
        }
    }

    /// When `revocation`, record `index`, was stated; none if its carrier does not say so.
    pub(super) fn stated_at(
        &mut self,
        index: u64,
        revocation: &Revocation,
    ) -> Result<Option<Time>, StoreError> {
        let mut at = index;
        let end = loop {
            if let Some((&end, (start, _))) = self.spans.range(at..).next()
                && *start <= at
            {
                break end;
            }
            let records = self.store.records(at, at + CHUNK)?;
            if records.is_empty() {
                return Ok(None);
            }
            let mut carrier = None;
            for octets in records {
                let record = Record::decode(&octets).ok();
                if !matches!(record.as_ref().map(Record::body), Some(Body::Revocation(_))) {
                    carrier = Some(record);
                    break;
                }
                at += 1;
            }
            match carrier {
                Some(Some(record)) if record.is_carrier() => {
                    self.spans.insert(at, (at, record));
                }
                Some(_) => return Ok(None),
                None => {}
            }
        };
        let Some((start, carrier)) = self.spans.get_mut(&end) else {
            return Ok(None);
        };
        *start = index.min(*start);
        let stated_at = carrier.stated_at(revocation);
        if self.spans.len() > SPANS_MAX {
            self.spans.pop_first();
        }
        Ok(stated_at)
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_artifact::record::{CrlBody, Moment, Opaque, Scope};
    use ishibumi_store::{Batch, MemoryLog};

    use super::*;
    use crate::admission::new_record;

    fn revocation(serial: u16) -> Revocation {
        Revocation {
            issuer_key_hash: [1; 32],
            serial: Opaque::new("serial", serial.to_be_bytes()).expect("fits"),
            revocation_date: Moment::new("date", Time::from_unix(0)).expect("fits"),
            reason: None,
            invalidity_date: None,
        }
    }

    fn list(this_update: i64) -> Record {
        Body::Crl(CrlBody {
            issuer_key_hash: [1; 32],
            digest: [2; 32],
            number: Opaque::new("number", []).expect("fits"),
            base_number: Opaque::new("base_number", []).expect("fits"),
            scope: Scope::default(),
            this_update: Moment::new("date", Time::from_unix(this_update)).expect("fits"),
            next_update: None,
            expired_certs_on: None,
            count: 1,
        })
        .into()
    }

    #[test]
    fn the_next_list_is_the_one_from_wherever_one_begins() {
        let store = MemoryLog::new();
        let first = 0..3_000_u16;
        let second = 3_000..3_010_u16;
        let mut records: Vec<Record> = first
            .map(|serial| Body::Revocation(revocation(serial)).into())
            .collect();
        records.push(list(7));
        records.extend(second.map(|serial| Record::from(Body::Revocation(revocation(serial)))));
        records.push(list(8));
        records.push(Body::Revocation(revocation(4_000)).into());
        let batch = Batch {
            records: records
                .iter()
                .map(|record| new_record(record).expect("fits"))
                .collect(),
            ..Batch::default()
        };
        store.stage(0, &batch).expect("stages");
        let mut sources = RevocationSources::new(Arc::new(store));
        for (index, seconds) in [
            (2_999, 7),
            (2_000, 7),
            (0, 7),
            (1_500, 7),
            (3_001, 8),
            (3_005, 8),
        ] {
            let at = sources.stated_at(index, &revocation(0)).expect("reads");
            assert_eq!(at, Some(Time::from_unix(seconds)), "{index}");
        }
        assert_eq!(sources.spans.len(), 2);
        // The last one's list never came.
        assert_eq!(
            sources.stated_at(3_012, &revocation(0)).expect("reads"),
            None
        );
    }
}
