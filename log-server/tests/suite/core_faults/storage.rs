//! Writes that report failure, disks that stay broken, and data that is older than what was signed.

use std::sync::Arc;

use ishibumi_log::core::{HeadError, Sequencer};
use ishibumi_store::{Batch, HeadFile, LogStore as _, MemoryLog, Outcome, Signer as _, StoreError};

use super::rig::{Rig, items, log, record};

#[test]
fn a_swap_that_reports_failure_is_gone_forward_from_either_way() {
    for outcome in [Outcome::NotApplied, Outcome::Applied] {
        let rig = Rig::new();
        let store = log(&rig, 4, 9);
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        store.fail_write(1, outcome);
        let error = signer.advance().err();
        assert!(
            matches!(error, Some(HeadError::Store(StoreError::Failed { .. }))),
            "{error:?}"
        );
        // Never back: the head file knows.
        assert_eq!(rig.outside().unwrap().0, 9);
        let store = Arc::new(store.crash());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let expected = if outcome == Outcome::Applied { 9 } else { 4 };
        assert_eq!(signer.head().unwrap().checkpoint.size, expected);
        let signer = signer.advance().unwrap();
        assert_eq!(signer.head().unwrap().checkpoint.size, 9);
        rig.assert_one_history(&store);
    }
}

#[test]
fn a_batch_that_reports_failure_is_answered_to_nobody_and_staged_once() {
    for outcome in [Outcome::NotApplied, Outcome::Applied] {
        let store = Arc::new(MemoryLog::new());
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        let (sequencer, _) = sequencer.stage(items(0..3)).unwrap();
        store.fail_write(1, outcome);
        assert!(sequencer.stage(items(3..6)).is_err());
        // The store that failed takes nothing more, no matter which value holds it.
        assert!(
            store
                .stage(
                    3,
                    &Batch {
                        records: vec![record(9)],
                        blobs: Vec::new()
                    }
                )
                .is_err()
        );
        let store = Arc::new(store.crash());
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        let (_, placed) = sequencer.stage(items(0..6)).unwrap();
        let indices: Vec<u64> = placed.iter().map(|placed| placed.index).collect();
        assert_eq!(indices, [0, 1, 2, 3, 4, 5], "{outcome:?}");
        let added: u64 = placed.iter().map(|placed| placed.added).sum();
        assert_eq!(added, if outcome == Outcome::Applied { 0 } else { 3 });
        assert_eq!(store.staged().unwrap().size(), 6);
    }
}

/// The disk stays broken over several starts: nothing is sequenced or signed meanwhile, and it goes
/// on where it was once the disk is mended.
#[test]
fn a_disk_that_stays_broken_costs_time_only() {
    let rig = Rig::new();
    let mut store = log(&rig, 4, 9);
    store.fail_forever(Some(Outcome::NotApplied));
    for _ in 0..5 {
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        assert!(sequencer.stage(items(9..10)).is_err());
        store = Arc::new(store.crash());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        assert!(signer.advance().is_err());
        store = Arc::new(store.crash());
        assert_eq!(store.staged().unwrap().size(), 9);
    }
    store.fail_forever(None);
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    assert_eq!(signer.advance().unwrap().head().unwrap().checkpoint.size, 9);
    rig.assert_one_history(&store);
}

#[test]
fn an_older_or_another_database_is_refused() {
    let rig = Rig::new();
    let store = log(&rig, 9, 9);
    // The last record is gone; all are gone; the last one is another.
    for (records, end) in [(0..8, "older"), (0..0, "empty")] {
        let older = Arc::new(MemoryLog::new());
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&older)).unwrap();
        let staged = records.end;
        sequencer.stage(items(records)).unwrap();
        let error = rig.signer(older).err();
        let Some(HeadError::RolledBack {
            signed: 9,
            staged: found,
            ..
        }) = error
        else {
            panic!("{end}: {error:?}")
        };
        assert_eq!(found, staged);
    }
    let other = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&other)).unwrap();
    let (sequencer, _) = sequencer.stage(items(0..8)).unwrap();
    sequencer.stage(items(100..102)).unwrap();
    let error = rig.signer(other).err();
    assert!(
        matches!(error, Some(HeadError::Forked { size: 9, .. })),
        "{error:?}"
    );
    assert_eq!(rig.key.signed().len(), 1);
    // The right one, and the right one that has grown.
    drop(rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    sequencer.stage(items(9..11)).unwrap();
    rig.signer(store).unwrap().advance().unwrap();
}

/// A head file that was restored alone is behind the database, which proves the newer head.
#[test]
fn an_older_head_file_is_brought_forward() {
    let rig = Rig::new();
    let store = log(&rig, 4, 9);
    let path = HeadFile::path(rig.heads.path(), rig.key.verifier());
    let older = std::fs::read(&path).unwrap();
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    drop(signer.advance().unwrap());
    std::fs::write(&path, older).unwrap();
    assert_eq!(rig.outside().unwrap().0, 4);
    drop(rig.signer(store).unwrap());
    assert_eq!(rig.outside().unwrap().0, 9);
}
