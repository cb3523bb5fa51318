//! How a log ends, read from its own records: `closed` is the last one, and nothing follows it.

use ishibumi_artifact::record::{LogEnding, LogStatement, RECORD_VERSION, kind};
use ishibumi_artifact::{Body, Record};
use ishibumi_store::{LogStore, StoreError};

/// What `octets` say if they are the record that closes a log.
pub fn closing_record(octets: &[u8]) -> Option<LogEnding> {
    let [high, low] = kind::LOG_STATEMENT.to_be_bytes();
    // Every record is asked: few are log statements at all.
    if !octets.starts_with(&[RECORD_VERSION, high, low]) {
        return None;
    }
    match Record::decode(octets).ok()?.body() {
        Body::Log(LogStatement::Closed(ending)) => Some(ending.clone()),
        _ => None,
    }
}

/// How the log ended whose first `size` records are `store`'s; `None` if it has not.
pub fn ending(store: &dyn LogStore, size: u64) -> Result<Option<LogEnding>, StoreError> {
    let Some(last) = size.checked_sub(1) else {
        return Ok(None);
    };
    Ok(store
        .record(last)?
        .and_then(|octets| closing_record(&octets)))
}
