//! `erase`: the log says that a blob had to go, and then it goes. The log must not be running.

use ishibumi_artifact::Body;
use ishibumi_artifact::record::{LogErased, LogStatement, Moment, Opaque};
use ishibumi_artifact::time::Time;
use ishibumi_store::{Clock as _, SystemClock};
use ishibumi_tlog::Hash;

use super::{OperateError, open};
use crate::admission::new_record;
use crate::config::Config;
use crate::core::{Item, Sequencer};
use crate::erasure;

/// What `erase` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The record that says so.
    pub index: u64,
    /// Whether the record was there before: then this finished, or repeated, an earlier erasure.
    pub before: bool,
}

/// Erases the blob with this SHA-256 for `reason`, which everybody will read: the record first, durable,
/// then the blob. The record is signed and published by the next `serve`.
///
/// # Errors
/// [`OperateError::Refused`] if the log has no such blob, or is closed.
pub fn erase(config: &Config, blob: Hash, reason: &str) -> Result<Erased, OperateError> {
    let refused = |error: &dyn std::fmt::Display| OperateError::Refused(error.to_string());
    let (store, signer, _) = open(config)?;
    if let Some(index) = erasure::record_of(store.as_ref(), blob)? {
        store.delete_blob(blob)?;
        let before = true;
        return Ok(Erased { index, before });
    }
    if store.blob(blob)?.is_none() {
        return Err(OperateError::Refused(format!(
            "no blob with SHA-256 {blob} is kept: blobs are lists and responses, named by the digest in \
             their records; records themselves cannot be erased"
        )));
    }
    let statements = erasure::statements(store.as_ref())?;
    if let Some((index, LogStatement::Closed(_))) = statements.last() {
        return Err(OperateError::Refused(format!(
            "the log is closed (record {index}): nothing can be stated in it any more"
        )));
    }
    let now = i64::try_from(SystemClock.unix_time()).unwrap_or(i64::MAX);
    let erased = LogErased {
        blob: blob.0,
        date: Moment::new("date", Time::from_unix(now)).map_err(|error| refused(&error))?,
        reason: Opaque::new("reason", reason).map_err(|error| refused(&error))?,
    };
    let record = new_record(&Body::Log(LogStatement::Erased(erased)).into());
    let item = Item {
        records: vec![record.map_err(|problem| refused(&problem.detail))?],
        ..Item::default()
    };
    let sequencer = Sequencer::open(std::sync::Arc::clone(&store)).map_err(|e| refused(&e))?;
    let (_, placed) = sequencer.stage(vec![item]).map_err(|e| refused(&e))?;
    store.delete_blob(blob)?;
    // Held until here: whoever has the head file's lock is the only one that works on this log.
    drop(signer);
    let index = placed.first().map_or(0, |placed| placed.index);
    Ok(Erased {
        index,
        before: false,
    })
}
