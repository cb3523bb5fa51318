//! How a log ends, read from its own records: `closed` is the last one, and nothing follows it.

pub use ishibumi_artifact::end::closing_record;
use ishibumi_artifact::record::LogEnding;
use ishibumi_store::{LogStore, StoreError};

/// How the log ended whose first `size` records are `store`'s; `None` if it has not.
pub fn ending(store: &dyn LogStore, size: u64) -> Result<Option<LogEnding>, StoreError> {
    let Some(last) = size.checked_sub(1) else {
        return Ok(None);
    };
    Ok(store
        .record(last)?
        .and_then(|octets| closing_record(&octets)))
}
