//! `fsck`: reads everything and believes nothing, see [`crate::examine`]. It repairs nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use ishibumi_store::{HeadFile, LogStore, RocksLog};
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;
use crate::core::scrub;
use crate::examine::{Ended, Report, Subject, Sums, differences, index, records};

/// No process writes meanwhile: every row of the index is to be there, and no other.
const ALL: u64 = u64::MAX;

/// How far an examination is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Records and rows of the index of leaf hashes that were read.
    pub done: u64,
    /// How many there are.
    pub all: u64,
}

/// Checks the whole log.
///
/// # Errors
/// [`OperateError`] if the log runs or its data cannot be read at all; damage that is found is in
/// the report.
pub fn fsck(config: &Config, progress: impl FnMut(Progress)) -> Result<Report, OperateError> {
    let keys = public_keys(config)?;
    let head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    let store = RocksLog::open_with(&config.data_dir, &config.origin, config.store.cache_len)?;
    let outside = head_file.read()?.map(|head| (head.size, head.root));
    let mut report = check(&store, &keys, outside, progress).map_err(|ended| match ended {
        Ended::Store(error) => error.into(),
        Ended::Told => OperateError::system(ended),
    })?;
    // It is written first: where it says nothing, nothing outside of the database was compared.
    if outside.is_none() && store.signed_head()?.is_some() {
        report.wrong("the head file says that nothing was signed, the database has a head".into());
    }
    if report.wrong == 0 {
        // Whatever a running log found is mended.
        scrub::clear_note(&config.data_dir)
            .map_err(|error| OperateError::file(&config.data_dir, error))?;
    }
    Ok(report)
}

/// Checks `store`: the records on this thread, the index beside it on another.
fn check(
    store: &dyn LogStore,
    keys: &[VerifierKey],
    outside: Option<(u64, Hash)>,
    mut progress: impl FnMut(Progress),
) -> Result<Report, Ended> {
    let staged = store.staged()?;
    let size = staged.size();
    let subject = Subject {
        store,
        staged: &staged,
        keys,
        outside,
        runs: false,
    };
    let all = size.saturating_mul(2);
    let (mut wanted, mut found) = {
        let empty = Sums::new();
        (empty.clone(), empty)
    };
    let rows = AtomicU64::new(0);
    let mut report = std::thread::scope(|scope| {
        let indexing = scope.spawn(|| {
            let mut pace = |count: u64| {
                rows.fetch_add(count, Ordering::Relaxed);
                Ok::<(), Ended>(())
            };
            index(store, ALL, &mut found, &mut pace)
        });
        let mut done = 0;
        let mut pace = |count: u64| {
            done += count;
            let done = done + rows.load(Ordering::Relaxed).min(size);
            progress(Progress { done, all });
            Ok::<(), Ended>(())
        };
        let report = records(subject, &mut wanted, &mut pace);
        let indexed = indexing.join().unwrap_or_else(|panic| {
            // It has said so on standard error.
            std::panic::resume_unwind(panic)
        });
        let report = report?;
        indexed?;
        Ok::<_, Ended>(report)
    })?;
    report.index_rows = found.rows();
    let mut pace = |_: u64| Ok::<(), Ended>(());
    differences(store, ALL, &wanted, &found, &mut report, &mut pace)?;
    Ok(report)
}
