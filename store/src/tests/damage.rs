//! Directories that are not what they were: wrong owner, two owners, cut and flipped files.

use std::path::{Path, PathBuf};

use rocksdb::{DB, DBRecoveryMode, Options};

use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::tiles;

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

/// The negative control: with RocksDB's own recovery mode the same directory opens, with less in
/// it.
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

/// A crash within a write leaves octets of a batch that was not acknowledged: that is no damage.
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

/// Everything that a log of 600 records says, or the first error.
fn everything(path: &Path) -> Result<Vec<Vec<u8>>, StoreError> {
    let log = RocksLog::open(path, ORIGIN)?;
    let mut said = log.records(0, u64::MAX)?;
    for (level, index, width) in tiles(log.staged()?.size()) {
        let tile = log.tile(level, index, width)?;
        said.extend(tile.hashes().iter().map(|hash| hash.0.to_vec()));
    }
    for octets in octets(600) {
        said.push(format!("{:?}", log.index_of(leaf_hash(&octets))?).into_bytes());
    }
    said.push(format!("{:?}{:?}", log.signed_head()?, log.published()?).into_bytes());
    Ok(said)
}

/// Flips `count` bits, evenly spread over a file, one at a time. Returns how many were found out;
/// the others must have changed nothing.
fn flip_bits(paths: &Paths, good: &Path, file: &Path, count: usize) -> usize {
    let expected = everything(&{
        let control = paths.fresh();
        copy(good, &control);
        control
    });
    let expected = expected.unwrap();
    let octets = std::fs::read(file).unwrap();
    let bits = octets.len() * 8;
    let flip = |number: usize| {
        let (bad, bit) = (paths.fresh(), number * bits / count + number % 8);
        copy(good, &bad);
        let mut flipped = octets.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(bad.join(file.file_name().unwrap()), flipped).unwrap();
        let found_out = match everything(&bad) {
            Ok(said) => {
                assert_eq!(said, expected, "bit {bit} of {}", file.display());
                false
            }
            Err(StoreError::Damaged { .. } | StoreError::Foreign { .. }) => true,
            Err(error) => panic!("bit {bit} of {}: {error}", file.display()),
        };
        std::fs::remove_dir_all(bad).unwrap();
        found_out
    };
    (0..count).map(flip).filter(|&found_out| found_out).count()
}

#[test]
fn flipped_bits_are_found_out_or_change_nothing() {
    let paths = Paths::new();
    let (logged, flushed) = (paths.fresh(), paths.fresh());
    closed_log(&logged, false);
    closed_log(&flushed, true);
    let all = |good: &Path, file: &Path, count| {
        assert_eq!(
            flip_bits(&paths, good, file, count),
            count,
            "{}",
            file.display()
        );
    };
    all(&logged, &wal(&logged), 40);
    all(&flushed, &flushed.join("CURRENT"), 10);
    all(&flushed, &flushed.join("ACKNOWLEDGED"), 10);
    let mut manifests = files(&flushed, "").into_iter();
    let manifest = manifests.rfind(|file| file.to_str().unwrap().contains("MANIFEST"));
    all(&flushed, &manifest.unwrap(), 30);
    let tables = files(&flushed, ".sst");
    assert!(tables.len() >= 4, "records, tiles, state and leaves");
    for table in tables {
        let found_out = flip_bits(&paths, &flushed, &table, 30);
        assert!(found_out > 0, "{}", table.display());
    }
}

#[test]
fn missing_and_cut_files_are_refused() {
    let paths = Paths::new();
    let good = paths.fresh();
    closed_log(&good, true);
    let mut needed = files(&good, ".sst");
    needed.extend(["CURRENT", "ACKNOWLEDGED"].map(|name| good.join(name)));
    for file in needed {
        for by in [None, Some(1)] {
            let bad = paths.fresh();
            copy(&good, &bad);
            let file = bad.join(file.file_name().unwrap());
            match by {
                None => std::fs::remove_file(&file).unwrap(),
                Some(by) => cut(&file, by),
            }
            let refused = RocksLog::open(&bad, ORIGIN);
            let damaged = matches!(refused, Err(StoreError::Damaged { .. }));
            assert!(damaged, "{} cut by {by:?}: {refused:?}", file.display());
        }
    }
    RocksLog::open(&good, ORIGIN).unwrap();
}

/// One wrong hash in the edge would enter every later root.
#[test]
fn rows_that_are_whole_but_wrong_are_refused() {
    /// A column family, a key, and the value to put there; none removes it.
    type Wrong<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);
    let wrong: [Wrong<'_>; 5] = [
        ("records", &599_u64.to_be_bytes(), Some(b"600")),
        ("records", &600_u64.to_be_bytes(), Some(b"600")),
        ("records", &598_u64.to_be_bytes(), None),
        ("tiles", &[0; 9], Some(&[7; 8192])),
        ("state", b"signed", Some(b"a note\n\n")),
    ];
    let paths = Paths::new();
    let good = paths.fresh();
    closed_log(&good, true);
    for (family, key, value) in wrong {
        let bad = paths.fresh();
        copy(&good, &bad);
        let families = DB::list_cf(&Options::default(), &bad).unwrap();
        let db = DB::open_cf(&Options::default(), &bad, families).unwrap();
        let column = db.cf_handle(family).unwrap();
        match value {
            Some(value) => db.put_cf(column, key, value).unwrap(),
            None => db.delete_cf(column, key).unwrap(),
        }
        drop(db);
        let refused = RocksLog::open(&bad, ORIGIN);
        assert!(
            matches!(refused, Err(StoreError::Damaged { .. })),
            "{family}: {refused:?}"
        );
    }
    RocksLog::open(&good, ORIGIN).unwrap();
}
