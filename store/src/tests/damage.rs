//! Directories that are not what they were: wrong owner, two owners, cut and flipped files.

use std::path::{Path, PathBuf};

use rocksdb::{DB, DBRecoveryMode, Options};

use super::{ORIGIN, Paths};
use crate::conformance::{batch_of, check_tree, note_of};
use crate::{LogStore, Registers, RocksLog, RocksRegisters, StoreError};

fn octets(end: u64) -> Vec<Vec<u8>> {
    (0..end).map(|n| n.to_string().into_bytes()).collect()
}

/// A log of 600 records with a signed head, closed. With `flushed`, it was opened once more, which
/// moves everything from the write-ahead log into tables.
fn closed_log(path: &Path, flushed: bool) {
    let log = RocksLog::create(path, ORIGIN).unwrap();
    for start in [0, 200, 400] {
        log.stage(start, &batch_of(start, start + 200)).unwrap();
    }
    let head = note_of(ORIGIN, 600, log.staged().unwrap().root(), 1);
    log.swap_signed_head(None, &head).unwrap();
    drop(log);
    if flushed {
        drop(RocksLog::open(path, ORIGIN).unwrap());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn files(path: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// The write-ahead log that has something in it.
fn wal(path: &Path) -> PathBuf {
    let wals = files(path, ".log").into_iter();
    wals.max_by_key(|path| path.metadata().unwrap().len())
        .unwrap()
}

fn cut(path: &Path, by: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len - by).unwrap();
}

#[test]
fn nothing_is_created_by_opening_and_nothing_overwritten_by_creating() {
    let paths = Paths::new();
    let path = paths.fresh();
    assert!(matches!(
        RocksLog::open(&path, ORIGIN),
        Err(StoreError::Absent { .. })
    ));
    assert!(!path.exists());
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(
        RocksLog::open(&path, ORIGIN),
        Err(StoreError::Absent { .. })
    ));
    drop(RocksLog::create(&path, ORIGIN).unwrap());
    assert!(matches!(
        RocksLog::create(&path, ORIGIN),
        Err(StoreError::Exists { .. })
    ));
    assert!(matches!(
        RocksRegisters::create(&path),
        Err(StoreError::Exists { .. })
    ));
    let file = paths.fresh();
    std::fs::write(&file, "").unwrap();
    assert!(matches!(
        RocksLog::create(&file, ORIGIN),
        Err(StoreError::Exists { .. })
    ));
    RocksLog::open(&path, ORIGIN).unwrap();
}

#[test]
fn another_origin_and_another_kind_are_foreign() {
    let paths = Paths::new();
    let (log, registers) = (paths.fresh(), paths.fresh());
    closed_log(&log, false);
    drop(RocksRegisters::create(&registers).unwrap());
    let other = RocksLog::open(&log, "example.com/other").unwrap_err();
    assert!(
        matches!(&other, StoreError::Foreign { found, .. } if found.contains(ORIGIN)),
        "{other}"
    );
    assert!(matches!(
        RocksRegisters::open(&log),
        Err(StoreError::Foreign { .. })
    ));
    assert!(matches!(
        RocksLog::open(&registers, ORIGIN),
        Err(StoreError::Foreign { .. })
    ));
    RocksLog::open(&log, ORIGIN).unwrap();
}

#[test]
fn one_directory_has_one_owner() {
    let paths = Paths::new();
    let (log, registers) = (paths.fresh(), paths.fresh());
    let first = RocksLog::create(&log, ORIGIN).unwrap();
    assert!(matches!(
        RocksLog::open(&log, ORIGIN),
        Err(StoreError::InUse { .. })
    ));
    first.stage(0, &batch_of(0, 1)).unwrap();
    drop(first);
    RocksLog::open(&log, ORIGIN).unwrap();
    let first = RocksRegisters::create(&registers).unwrap();
    assert!(matches!(
        RocksRegisters::open(&registers),
        Err(StoreError::InUse { .. })
    ));
    first.swap(b"n", None, b"1").unwrap();
}

/// A write-ahead log that lost acknowledged octets, however many, is refused and stays refused.
#[test]
fn a_cut_write_ahead_log_is_refused() {
    let paths = Paths::new();
    let good = paths.fresh();
    closed_log(&good, false);
    let len = wal(&good).metadata().unwrap().len();
    for by in [1, 7, 100, 5000, len / 2, len - 1, len] {
        let bad = paths.fresh();
        copy(&good, &bad);
        cut(&wal(&bad), by);
        for _ in 0..2 {
            let refused = RocksLog::open(&bad, ORIGIN);
            assert!(
                matches!(refused, Err(StoreError::Damaged { .. })),
                "cut by {by}: {refused:?}"
            );
        }
    }
    let lost = paths.fresh();
    copy(&good, &lost);
    std::fs::remove_file(wal(&lost)).unwrap();
    assert!(matches!(
        RocksLog::open(&lost, ORIGIN),
        Err(StoreError::Damaged { .. })
    ));
    check_tree(&RocksLog::open(&good, ORIGIN).unwrap(), &octets(600));
}

/// The negative control: with RocksDB's own recovery mode the same directory opens, with less in it.
#[test]
fn the_default_recovery_mode_opens_a_cut_log_with_less() {
    let paths = Paths::new();
    let path = paths.fresh();
    closed_log(&path, false);
    cut(&wal(&path), 100);
    let mut options = Options::default();
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    let families = DB::list_cf(&options, &path).unwrap();
    let db = DB::open_cf(&options, &path, families).unwrap();
    let signed = db
        .get_cf(db.cf_handle("state").unwrap(), b"signed")
        .unwrap();
    assert_eq!(signed, None, "the signed head was acknowledged and is gone");
}

/// What a crash within a write leaves, octets of a batch that nobody was told of, is no damage.
#[test]
fn a_cut_batch_behind_the_acknowledged_ones_is_dropped() {
    let paths = Paths::new();
    let path = paths.fresh();
    let log = RocksLog::create(&path, ORIGIN).unwrap();
    log.stage(0, &batch_of(0, 300)).unwrap();
    let mark = std::fs::read(path.join("ACKNOWLEDGED")).unwrap();
    let len = wal(&path).metadata().unwrap().len();
    log.stage(300, &batch_of(300, 5000)).unwrap();
    drop(log);
    std::fs::write(path.join("ACKNOWLEDGED"), mark).unwrap();
    let whole = wal(&path).metadata().unwrap().len();
    for keep in [len + 1, len + 8, len + 40_000, whole - 1] {
        let torn = paths.fresh();
        copy(&path, &torn);
        cut(&wal(&torn), whole - keep);
        let log = RocksLog::open(&torn, ORIGIN).unwrap();
        check_tree(&log, &octets(300));
        log.stage(300, &batch_of(300, 400)).unwrap();
        drop(log);
        check_tree(&RocksLog::open(&torn, ORIGIN).unwrap(), &octets(400));
    }
    // The control: had the batch been acknowledged, cutting it is damage.
    check_tree(&RocksLog::open(&path, ORIGIN).unwrap(), &octets(5000));
}
