//! A process of its own, since what it counts is the process's: octets that were read from files.
//!
//! What looking for an absent leaf costs once the filters of the index do not fit its cache: pages,
//! not whole filters. Nothing here depends on how fast the machine is.

use ishibumi_store::{Batch, LogStore as _, NewRecord, RocksLog};
use ishibumi_tlog::hash::{Hash, leaf_hash};
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamilyDescriptor, CompactOptions,
    DB, DBCompressionType, Options,
};

const ORIGIN: &str = "example.com/growth";
const RECORDS: u64 = 200_000;
/// Of these, an eighth five times is for the index: its filters have 250,000 octets.
const CACHE_LEN: usize = 64 << 10;
const LOOKS: u64 = 2000;

fn octets(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn batch(start: u64) -> Batch {
    let records = (start..start + 2000).map(|number| {
        let octets = octets(number);
        NewRecord {
            leaf: leaf_hash(&octets),
            octets,
            keys: Vec::new(),
        }
    });
    Batch {
        records: records.collect(),
        blobs: Vec::new(),
    }
}

/// Octets that this process has read from files, cached by the system or not.
fn read_so_far() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

/// Octets that are read for each of [`LOOKS`] leaves that are not there.
fn read_for_a_look(log: &RocksLog) -> u64 {
    let before = read_so_far();
    for number in 0..LOOKS {
        let absent = leaf_hash(&number.to_be_bytes());
        assert_eq!(log.index_of(absent).unwrap(), None);
    }
    (read_so_far() - before) / LOOKS
}

/// All families as the store had them before its filters were cut into pages.
fn families_of_before() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(1 << 20).unwrap();
    let names = [
        "default", "records", "tiles", "state", "leaves", "lookup", "blobs", "kept",
    ];
    let families = names.map(|name| {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table.set_bloom_filter(10.0, false);
        table.set_format_version(5);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::None);
        options.set_level_compaction_dynamic_level_bytes(true);
        ColumnFamilyDescriptor::new(name, options)
    });
    families.into()
}

/// Makes the directory what a version from before left.
fn rewrite_as_before(path: &std::path::Path) {
    let db = DB::open_cf_descriptors(&Options::default(), path, families_of_before()).unwrap();
    let mut compact = CompactOptions::default();
    compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    let all: Option<&[u8]> = None;
    for name in ["records", "tiles", "state", "leaves"] {
        let family = db.cf_handle(name).unwrap();
        if name == "state" {
            db.delete_cf(family, b"paged").unwrap();
        }
        db.flush_cf(family).unwrap();
        db.compact_range_cf_opt(family, all, all, &compact);
    }
}

#[test]
fn a_look_for_an_absent_leaf_reads_pages_however_large_the_filters() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let log = RocksLog::create(&path, ORIGIN).unwrap();
    for start in (0..RECORDS).step_by(2000) {
        log.stage(start, &batch(start)).unwrap();
    }
    drop(log);

    // Opened anew, all of it is in tables.
    let log = RocksLog::open_with(&path, ORIGIN, CACHE_LEN).unwrap();
    let paged = read_for_a_look(&log);
    drop(log);
    assert!(paged < 30_000, "{paged} octets read for each look");

    // The control: with whole filters each look reads one. The mark keeps the store from mending
    // it.
    rewrite_as_before(&path);
    let db = DB::open_cf_descriptors(&Options::default(), &path, families_of_before()).unwrap();
    db.put_cf(db.cf_handle("state").unwrap(), b"paged", [])
        .unwrap();
    drop(db);
    let log = RocksLog::open_with(&path, ORIGIN, CACHE_LEN).unwrap();
    let whole = read_for_a_look(&log);
    drop(log);
    assert!(whole > 200_000, "{whole} octets read for each look");

    // A directory of a version from before has no mark: it opens as ever, and is mended once.
    rewrite_as_before(&path);
    drop(RocksLog::open_with(&path, ORIGIN, CACHE_LEN).unwrap());
    let log = RocksLog::open_with(&path, ORIGIN, CACHE_LEN).unwrap();
    let mended = read_for_a_look(&log);
    assert!(mended < 30_000, "{mended} octets read for each look");
    assert_eq!(log.staged().unwrap().size(), RECORDS);
    for number in [0, 1, RECORDS / 2, RECORDS - 1] {
        let octets = octets(number);
        assert_eq!(log.index_of(leaf_hash(&octets)).unwrap(), Some(number));
        assert_eq!(log.record(number).unwrap(), Some(octets));
    }
    let leaves: Vec<Hash> = (0..100).map(|number| leaf_hash(&octets(number))).collect();
    let found = log.indices_of(&leaves).unwrap();
    assert_eq!(found, (0..100).map(Some).collect::<Vec<_>>());
    log.stage(RECORDS, &batch(RECORDS)).unwrap();
}
