//! The memory stores' faults: what a failed write leaves, and what an unsynced one loses.

use super::ORIGIN;
use crate::conformance::{batch_of, check_tree, note_of};
use crate::{LogStore, MemoryLog, MemoryRegisters, Outcome, Registers, StoreError};

fn octets(end: u64) -> Vec<Vec<u8>> {
    (0..end).map(|n| n.to_string().into_bytes()).collect()
}

fn assert_failed<T>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Failed { .. })));
}

#[test]
fn a_failed_write_is_there_after_a_crash_or_not() {
    for (outcome, size) in [(Outcome::NotApplied, 300), (Outcome::Applied, 600)] {
        let log = MemoryLog::new();
        log.fail_write(2, outcome);
        log.stage(0, &batch_of(0, 300)).unwrap();
        assert_failed(&log.stage(300, &batch_of(300, 600)));
        // Reads go on with the acknowledged data, writes do not.
        check_tree(&log, &octets(300));
        assert_failed(&log.stage(300, &batch_of(300, 600)));
        assert_failed(&log.publish(
            1,
            &note_of(ORIGIN, 1, log.staged().unwrap().root(), 1),
            true,
        ));
        let log = log.crash();
        check_tree(&log, &octets(size));
        log.stage(size, &batch_of(size, size + 1)).unwrap();
    }
}

#[test]
fn a_conflict_is_no_write() {
    let log = MemoryLog::new();
    log.fail_write(1, Outcome::NotApplied);
    assert!(matches!(
        log.stage(5, &batch_of(5, 6)),
        Err(StoreError::Conflict { .. })
    ));
    assert_failed(&log.stage(0, &batch_of(0, 1)));
}

#[test]
fn a_dead_disk_stays_dead_across_crashes_until_it_is_mended() {
    let log = MemoryLog::new();
    log.fail_forever(Some(Outcome::NotApplied));
    assert_failed(&log.stage(0, &batch_of(0, 1)));
    let log = log.crash();
    assert_failed(&log.stage(0, &batch_of(0, 1)));
    log.fail_forever(None);
    let log = log.crash();
    log.stage(0, &batch_of(0, 1)).unwrap();
}

/// The negative control of all crash tests: without sync, acknowledged data are lost.
#[test]
fn without_sync_a_crash_loses_what_was_acknowledged() {
    for (sync, size) in [(true, 2), (false, 1)] {
        let log = MemoryLog::new();
        log.stage(0, &batch_of(0, 1)).unwrap();
        log.set_sync(sync);
        log.stage(1, &batch_of(1, 2)).unwrap();
        check_tree(&log, &octets(2));
        check_tree(&log.crash(), &octets(size));
    }
    let log = MemoryLog::new();
    log.set_sync(false);
    log.stage(0, &batch_of(0, 1)).unwrap();
    log.sync();
    log.stage(1, &batch_of(1, 2)).unwrap();
    check_tree(&log.crash(), &octets(1));
}

#[test]
fn the_process_that_crashed_writes_no_more() {
    let log = MemoryLog::new();
    let next = log.crash();
    assert_failed(&log.stage(0, &batch_of(0, 1)));
    next.stage(0, &batch_of(0, 1)).unwrap();
}

#[test]
fn registers_fail_and_crash_alike() {
    for (outcome, value) in [(Outcome::NotApplied, b"1"), (Outcome::Applied, b"2")] {
        let registers = MemoryRegisters::new();
        registers.swap(b"n", None, b"1").unwrap();
        registers.fail_write(1, outcome);
        assert_failed(&registers.swap(b"n", Some(b"1"), b"2"));
        assert_failed(&registers.swap(b"n", Some(b"1"), b"2"));
        assert_eq!(registers.crash().read(b"n").unwrap().unwrap(), value);
    }
    let registers = MemoryRegisters::new();
    registers.set_sync(false);
    registers.swap(b"n", None, b"1").unwrap();
    assert_eq!(registers.crash().read(b"n").unwrap(), None);
}
