//! Both stores under the conformance suite, against a model, under faults, and on damaged disks.

mod damage;
mod faults;
mod model;
mod reindex;
mod rows;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::conformance::{check_log, check_registers};
use crate::{MemoryLog, MemoryRegisters, RocksLog, RocksRegisters};

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
