//! Both stores under the conformance suite, against a model, under faults, and on damaged disks.

mod damage;
mod faults;
mod model;
mod reindex;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::conformance::{check_log, check_registers};
use ishibumi_tlog::Hash;

use crate::{Batch, LogStore as _, MemoryLog, MemoryRegisters, RocksLog, RocksRegisters};

pub(crate) const ORIGIN: &str = "example.com/conformance";

/// Fresh paths below one directory that goes away at the end.
struct Paths {
    root: tempfile::TempDir,
    count: AtomicU64,
}

impl Paths {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            count: AtomicU64::new(0),
        }
    }

    fn fresh(&self) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.root.path().join(number.to_string())
    }
}

#[test]
fn memory_stores_conform() {
    check_log(|_| MemoryLog::new(), |log| log.crash());
    check_registers(MemoryRegisters::new, |registers| registers.crash());
}

#[test]
fn rocks_log_conforms() {
    let paths = Paths::new();
    check_log(
        |origin| RocksLog::create(paths.fresh(), origin).unwrap(),
        |log| {
            let path = log.path().to_owned();
            drop(log);
            RocksLog::open(path, ORIGIN).unwrap()
        },
    );
}

/// A deletion alone would leave the octets in RocksDB's files.
#[test]
fn no_file_has_a_deleted_blob() {
    let path = Paths::new().fresh();
    let marked = |mark: &str| [mark.as_bytes(), &[b'.'; 9_000]].concat();
    let (stays, goes) = (marked("this stays"), marked("this goes away"));
    let log = RocksLog::create(&path, ORIGIN).unwrap();
    let batch = |blob: &[u8]| Batch {
        blobs: vec![blob.to_vec()],
        ..Batch::default()
    };
    log.stage(0, &batch(&goes)).unwrap();
    log.stage(0, &batch(&stays)).unwrap();
    let files = |mark: &str| {
        let files = std::fs::read_dir(&path).unwrap();
        let holding = files.filter(|file| {
            let path = file.as_ref().unwrap().path();
            let octets = std::fs::read(path).unwrap();
            octets
                .windows(mark.len())
                .any(|window| window == mark.as_bytes())
        });
        holding.count()
    };
    assert!(files("this stays") > 0 && files("this goes away") > 0);
    log.delete_blob(Hash::of(&goes)).unwrap();
    // RocksDB removes files that nothing needs at the latest when it opens the directory.
    drop(log);
    drop(RocksLog::open(&path, ORIGIN).unwrap());
    assert!(files("this stays") > 0);
    assert_eq!(files("this goes away"), 0);
}

#[test]
fn rocks_registers_conform() {
    let paths = Paths::new();
    check_registers(
        || RocksRegisters::create(paths.fresh()).unwrap(),
        |registers| {
            let path = registers.path().to_owned();
            drop(registers);
            RocksRegisters::open(path).unwrap()
        },
    );
}
