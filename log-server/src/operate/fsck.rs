//! `fsck`: reads everything and believes nothing, see [`crate::examine`]. It repairs nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use ishibumi_store::{HeadFile, LogStore, RocksLog, StoreError};
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;
use crate::examine::{Report, Subject, Sums, differences, index, records};

/// How far an examination is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Records and rows of the index of leaf hashes that were read.
    pub done: u64,
    /// How many there are.
    pub all: u64,
}

/// Checks the whole log.
pub fn fsck(config: &Config, progress: impl FnMut(Progress)) -> Result<Report, OperateError> {
    let keys = public_keys(config)?;
    let head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    let store = RocksLog::open(&config.data_dir, &config.origin)?;
    let outside = head_file.read()?.map(|head| (head.size, head.root));
    let mut report = check(&store, &keys, outside, progress)?;
    // It is written first: where it says nothing, nothing outside of the database was compared.
    if outside.is_none() && store.signed_head()?.is_some() {
        report.wrong("the head file says that nothing was signed, the database has a head".into());
    }
    Ok(report)
}

/// Checks `store`: the records on this thread, the index beside it on another.
fn check(
    store: &dyn LogStore,
    keys: &[VerifierKey],
    outside: Option<(u64, Hash)>,
    mut progress: impl FnMut(Progress),
) -> Result<Report, StoreError> {
    let staged = store.staged()?;
    let size = staged.size();
    let subject = Subject {
        store,
        staged: &staged,
        keys,
        outside,
    };
    let all = size.saturating_mul(2);
    let mut wanted = Sums::new();
    let mut found = wanted.clone();
    let rows = AtomicU64::new(0);
    let mut report = std::thread::scope(|scope| {
        let indexing = scope.spawn(|| {
            index(store, &mut found, |count| {
                rows.fetch_add(count, Ordering::Relaxed);
            })
        });
        let mut done = 0;
        let report = records(subject, &mut wanted, |count| {
            done += count;
            let done = done + rows.load(Ordering::Relaxed).min(size);
            progress(Progress { done, all });
        });
        let indexed = indexing.join().unwrap_or_else(|panic| {
            // It has said so on standard error.
            std::panic::resume_unwind(panic)
        });
        let report = report?;
        indexed?;
        Ok::<_, StoreError>(report)
    })?;
    report.index_rows = found.rows();
    differences(store, size, &wanted, &found, &mut report)?;
    Ok(report)
}
