//! A process of its own, which starts itself as the child that writes and is killed, over and over:
//! all that the child reported as done has to be there.
//!
//! The writer is this very test binary. It reports each finished write on its
//! standard output; the journal of those reports is what the reopened stores are held against.
//! Batches are large, so that many kills fall within a write of RocksDB's log and leave it cut.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ishibumi_store::{
    Batch, LogStore, NewRecord, Registers, RocksLog, RocksRegisters, StoreError, StoredTiles,
};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::root;

const ORIGIN: &str = "example.com/crash";
const DIRECTORY: &str = "ISHIBUMI_STORE_CRASH_TEST";
const KILLS: u64 = 12;

/// The record `index`: up to 4 KiB, and different from every other.
fn record(index: u64) -> NewRecord {
    let len = usize::try_from(index * 37 % 4096).unwrap();
    let mut octets = index.to_be_bytes().to_vec();
    octets.resize(8 + len, 0x55);
    let leaf = leaf_hash(&octets);
    NewRecord {
        octets,
        leaf,
        keys: vec![index.to_be_bytes().to_vec()],
    }
}

/// The stores that are open in either process.
fn open_both(directory: &Path) -> (RocksLog, RocksRegisters) {
    let log = RocksLog::open(directory.join("log"), ORIGIN).unwrap();
    let registers = RocksRegisters::open(directory.join("registers")).unwrap();
    (log, registers)
}

#[test]
#[ignore = "the child of the test below, which starts it"]
fn writer() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let (log, registers) = open_both(Path::new(&directory));
    let mut size = log.staged().unwrap().size();
    let mut counter = registers.read(b"size").unwrap();
    loop {
        let end = size + 1 + size * 7 % 900;
        let records = (size..end).map(record).collect();
        let blobs = vec![end.to_be_bytes().repeat(100)];
        let edge = log.stage(size, &Batch { records, blobs }).unwrap();
        size = end;
        let next = size.to_be_bytes().to_vec();
        registers.swap(b"size", counter.as_deref(), &next).unwrap();
        counter = Some(next);
        println!("done {size} {}", edge.root());
        std::io::stdout().flush().unwrap();
    }
}

/// Starts the writer, kills it a moment after its report number `reports`, and returns all reports.
fn write_and_kill(directory: &Path, reports: usize, moment: Duration) -> Vec<(u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut done = Vec::new();
    for line in lines {
        let line = line.unwrap();
        // The test harness may have written text of its own at the beginning of the first line.
        let Some((_, report)) = line.split_once("done ") else {
            continue;
        };
        let (size, root) = report.split_once(' ').unwrap();
        done.push((size.parse().unwrap(), root.to_owned()));
        if done.len() == reports {
            std::thread::sleep(moment);
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(done.len() >= reports, "the writer ended by itself");
    done
}

#[test]
fn all_that_was_reported_survives_kills() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    drop(RocksLog::create(directory.join("log"), ORIGIN).unwrap());
    drop(RocksRegisters::create(directory.join("registers")).unwrap());
    let mut journal = Vec::new();
    for kill in 0..KILLS {
        let reports = usize::try_from(3 + kill % 4).unwrap();
        journal.extend(write_and_kill(
            directory,
            reports,
            Duration::from_micros(700 * kill),
        ));
        let (log, registers) = open_both(directory);
        let (last, _) = journal.last().unwrap();
        let staged = log.staged().unwrap();
        assert!(
            staged.size() >= *last,
            "{} staged, {last} reported",
            staged.size()
        );
        for (size, reported) in &journal {
            let tiles = StoredTiles(&log);
            let found = root(&TileNodes::new(&tiles, *size), *size).unwrap();
            assert_eq!(found.to_hex(), *reported, "root of size {size}");
        }
        let counter = registers.read(b"size").unwrap().unwrap();
        assert!(u64::from_be_bytes(counter.try_into().unwrap()) >= *last);
        // A batch is there as a whole: with its records, its index rows and its keys.
        for index in last.saturating_sub(50)..staged.size() {
            let expected = record(index);
            assert_eq!(log.record(index).unwrap().unwrap(), expected.octets);
            assert_eq!(log.index_of(expected.leaf).unwrap(), Some(index));
            assert_eq!(log.lookup(&index.to_be_bytes(), 0, 9).unwrap(), [index]);
        }
    }
}

#[test]
#[ignore = "the child of the test below, which starts it"]
fn writer_on_a_full_disk() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let (log, _) = open_both(Path::new(&directory));
    let batch = |start: u64| Batch {
        records: (start..start + 50).map(record).collect(),
        blobs: Vec::new(),
    };
    let mut size = 0;
    let failure = loop {
        match log.stage(size, &batch(size)) {
            Ok(edge) => size = edge.size(),
            Err(failure) => break failure,
        }
    };
    assert!(matches!(failure, StoreError::Failed { .. }), "{failure}");
    // Even the smallest write is refused from now on; reads end where the acknowledged batches do.
    let again = log.stage(size, &Batch::default()).unwrap_err();
    assert!(again.to_string().contains("open it again"), "{again}");
    assert_eq!(log.staged().unwrap().size(), size);
    assert_eq!(log.records(0, u64::MAX).unwrap().len() as u64, size);
    assert_eq!(log.record(size).unwrap(), None);
    assert_eq!(log.index_of(record(size).leaf).unwrap(), None);
    println!("done {size} {}", log.staged().unwrap().root());
}

/// A real failed write: the shell forbids the child files of more than 2 MiB. The data acknowledged
/// before are there when the limit is gone, and the log goes on.
#[test]
fn a_failed_write_ends_writing_until_the_store_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    drop(RocksLog::create(&path, ORIGIN).unwrap());
    drop(RocksRegisters::create(directory.path().join("registers")).unwrap());
    let limited = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args([
            "writer_on_a_full_disk",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report = said
        .lines()
        .find_map(|line| line.split_once("done "))
        .unwrap()
        .1;
    let (size, reported) = report.split_once(' ').unwrap();
    let size: u64 = size.parse().unwrap();
    assert!(size >= 500, "{size} records fit");

    let log = RocksLog::open(&path, ORIGIN).unwrap();
    let staged = log.staged().unwrap().size();
    assert!(
        staged == size || staged == size + 50,
        "all of the failed batch or nothing"
    );
    let tiles = StoredTiles(&log);
    assert_eq!(
        root(&TileNodes::new(&tiles, size), size).unwrap().to_hex(),
        reported
    );
    let records = vec![record(staged)];
    let blobs = Vec::new();
    log.stage(staged, &Batch { records, blobs }).unwrap();
}

/// While another process has the directory, this one is told so; after its death it is free.
#[test]
fn two_processes_do_not_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    drop(RocksLog::create(&path, ORIGIN).unwrap());
    drop(RocksRegisters::create(directory.path().join("registers")).unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("done ")));
    assert!(matches!(
        RocksLog::open(&path, ORIGIN),
        Err(StoreError::InUse { .. })
    ));
    child.kill().unwrap();
    child.wait().unwrap();
    RocksLog::open(&path, ORIGIN).unwrap();
}
