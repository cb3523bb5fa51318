//! An index that is made anew equals the former one, and an incomplete one is not served.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::{ORIGIN, Paths};
use crate::{Batch, LogStore, NewRecord, RocksLog, StoreError};
use ishibumi_tlog::hash::leaf_hash;

const COUNT: u64 = 9000;

/// Record `n` says `n % 7000`, so that some are there twice; it is found under its last digit.
fn octets(n: u64) -> Vec<u8> {
    (n % 7000).to_string().into_bytes()
}

fn keys(octets: &[u8]) -> Vec<Vec<u8>> {
    vec![octets[octets.len() - 1..].to_vec(), b"all".to_vec()]
}

fn make(path: &Path) {
    let log = RocksLog::create(path, ORIGIN).unwrap();
    let record = |n| NewRecord {
        leaf: leaf_hash(&octets(n)),
        keys: keys(&octets(n)),
        octets: octets(n),
    };
    for start in (0..COUNT).step_by(3000) {
        let batch = Batch {
            records: (start..start + 3000).map(record).collect(),
            blobs: Vec::new(),
        };
        log.stage(start, &batch).unwrap();
    }
}

fn rebuild(path: &Path, keys: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Result<u64, StoreError> {
    RocksLog::reindex(path, ORIGIN, keys, |_, _| ())
}

/// Every lookup that the index can answer.
fn answers(path: &Path) -> Vec<Vec<u64>> {
    let log = RocksLog::open(path, ORIGIN).unwrap();
    let all = usize::try_from(COUNT).unwrap();
    let words = (0..10_u64).map(|digit| digit.to_string().into_bytes());
    let lookups = words.chain([b"all".to_vec(), b"none".to_vec()]);
    let mut answers: Vec<_> = lookups
        .map(|key| log.lookup(&key, 0, all).unwrap())
        .collect();
    let of_leaf = |n| log.index_of(leaf_hash(&octets(n))).unwrap();
    answers.push((0..COUNT).filter_map(of_leaf).collect());
    answers
}

#[test]
fn the_index_comes_back_as_it_was() {
    let path = Paths::new();
    let path = &path.fresh();
    make(path);
    let before = answers(path);
    assert_eq!(rebuild(path, keys).unwrap(), COUNT);
    assert_eq!(answers(path), before);
    // A control: with other keys it is another index, over the same leaves.
    rebuild(path, |_| Vec::new()).unwrap();
    let without = answers(path);
    assert_ne!(without, before);
    assert_eq!(without.last(), before.last());
    rebuild(path, keys).unwrap();
    assert_eq!(answers(path), before);
}

#[test]
fn an_interrupted_rebuild_is_refused_until_it_is_finished() {
    let path = Paths::new();
    let path = &path.fresh();
    make(path);
    let before = answers(path);
    for records in [0, 1, 5000] {
        let mut left = records;
        let dies = AssertUnwindSafe(|| {
            rebuild(path, |octets| {
                assert!(left > 0, "the process dies here");
                left -= 1;
                keys(octets)
            })
        });
        assert!(catch_unwind(dies).is_err());
        let refused = RocksLog::open(path, ORIGIN).unwrap_err();
        assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    }
    let refused = rebuild(path, |_| vec![vec![0; 65]]).unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    assert!(RocksLog::open(path, ORIGIN).is_err());
    rebuild(path, keys).unwrap();
    assert_eq!(answers(path), before);
}
