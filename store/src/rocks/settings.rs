//! RocksDB's settings, and the limit of its memory.
//!
//! A column family is set up for how its keys come and how they are asked for. At size, the index
//! of leaf hashes decides: its keys are hashes, so a new record may sort anywhere, and before it is
//! written it is looked for, in vain as a rule. Each look-up asks one bloom filter for every sorted
//! run of rows. A filter over a whole file is some megabytes; once they do not all fit the cache,
//! each look-up reads one from the disk, and the log falls to a tenth of its rate from one hour to
//! the next. So filters and indices are cut into pages of 4 KiB, which come and go one by one, and
//! have a cache of their own.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompactionStyle,
    DBCompressionType, DBRecoveryMode, LogLevel, Options, ReadOptions, UniversalCompactOptions,
};

/// Octets that the caches of a store take by default.
pub const CACHE_LEN: usize = 256 << 20;

/// The share of the caches for the filters of the index of leaf hashes, in eighths: at 10 bits a
/// record, those of 134 million records stay in the default.
const INDEX_EIGHTHS: usize = 5;

/// Octets of memory that all column families together write into before they are flushed.
const WRITE_BUFFERS_LEN: usize = 96 << 20;
/// Octets of one write buffer.
const WRITE_BUFFER_LEN: usize = 32 << 20;
/// Octets of write-ahead log after which the oldest is flushed: bounds the time of an opening.
const WAL_LEN_MAX: u64 = 256 << 20;
/// Files that are held open.
const OPEN_FILES_MAX: i32 = 512;
/// Octets of one table file, but for the small families: the files of 400 million records fit those
/// that are held open, and a look in a large run finds its file among few.
const FILE_LEN: u64 = 256 << 20;
/// Bits a key in a bloom filter: one look in a hundred for an absent key reads a block in vain.
const BLOOM_BITS: f64 = 10.0;
/// Octets of one page of a filter or an index.
const PAGE_LEN: usize = 4096;

/// Part of a write buffer's size that its own bloom filter takes: some 13 bits for each of the
/// smallest rows, an index row under a leaf hash. Every new record is looked for before it is
/// written, in vain as a rule; without the filter each look walks the buffer's skip list.
const WRITE_BUFFER_BLOOM: f64 = 0.02;

/// Flushes of an index that may wait for a long merge of it before writes are slowed down, and
/// before they are stopped. A merge of all of a large index may outlast the 20 flushes that the
/// default allows.
const RUNS_SLOW: i32 = 40;
const RUNS_STOP: i32 = 80;

/// How the keys of a column family come, and how they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Ascending, and asked for where they are: records, tiles.
    Ascending,
    /// Anywhere, and looked for in vain: leaf hashes.
    Absent,
    /// Anywhere, and read in ranges: lookup keys.
    Ranges,
    /// Few rows.
    Few,
}

/// A column family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) access: Access,
}

/// The caches of one store.
pub(super) struct Caches {
    /// For [`Access::Absent`].
    index: Cache,
    /// For everything else.
    rest: Cache,
}

impl Caches {
    pub(super) fn new(len: usize) -> Result<Self, rocksdb::Error> {
        let index = len / 8 * INDEX_EIGHTHS;
        Ok(Self {
            index: Cache::new_lru_cache(index)?,
            rest: Cache::new_lru_cache(len - index)?,
        })
    }
}

impl Family {
    pub(super) const DEFAULT: Self = Self::new("default", Access::Few);

    pub(super) const fn new(name: &'static str, access: Access) -> Self {
        Self { name, access }
    }

    pub(super) fn descriptor(&self, caches: &Caches) -> ColumnFamilyDescriptor {
        ColumnFamilyDescriptor::new(self.name, self.options(caches))
    }

    fn options(&self, caches: &Caches) -> Options {
        let mut options = Options::default();
        options.set_block_based_table_factory(&self.table(caches));
        options.set_paranoid_checks(true);
        // Hashes and signatures do not shrink, and which codecs there are differs from build to
        // build.
        options.set_compression_type(DBCompressionType::None);
        options.set_write_buffer_size(WRITE_BUFFER_LEN);
        options.set_level_compaction_dynamic_level_bytes(true);
        if self.access != Access::Few {
            options.set_target_file_size_base(FILE_LEN);
        }
        if self.access != Access::Ascending {
            options.set_memtable_prefix_bloom_ratio(WRITE_BUFFER_BLOOM);
            options.set_memtable_whole_key_filtering(true);
        }
        if matches!(self.access, Access::Absent | Access::Ranges) {
            // Random keys overlap everything, so each step from level to level rewrites old rows;
            // merging runs of like size rewrites a row less often. The price is space for a second
            // copy of an index while all of it is merged.
            options.set_compaction_style(DBCompactionStyle::Universal);
            options.set_universal_compaction_options(&UniversalCompactOptions::default());
            options.set_level_zero_slowdown_writes_trigger(RUNS_SLOW);
            options.set_level_zero_stop_writes_trigger(RUNS_STOP);
        }
        options
    }

    fn table(&self, caches: &Caches) -> BlockBasedOptions {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(match self.access {
            Access::Absent => &caches.index,
            _ => &caches.rest,
        });
        table.set_format_version(5);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
        table.set_metadata_block_size(PAGE_LEN);
        table.set_pin_top_level_index_and_filter(true);
        // A filter answers for one key: of use where keys are asked for that may not be there.
        if matches!(self.access, Access::Absent | Access::Few) {
            table.set_bloom_filter(BLOOM_BITS, false);
            table.set_partition_filters(true);
        }
        table
    }
}

/// The settings of the whole database.
pub(super) fn database_options(recovery: DBRecoveryMode) -> Options {
    let mut options = Options::default();
    options.set_wal_recovery_mode(recovery);
    options.set_paranoid_checks(true);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_db_write_buffer_size(WRITE_BUFFERS_LEN);
    options.set_max_total_wal_size(WAL_LEN_MAX);
    // One flushes, the others merge: a long merge of an index holds up no short one.
    options.set_max_background_jobs(4);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_stats_dump_period_sec(0);
    options
}

pub(super) fn read_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options
}

/// For reads that pass through the data once, from end to end.
pub(super) fn read_once_options() -> ReadOptions {
    let mut options = read_options();
    options.fill_cache(false);
    options.set_readahead_size(1 << 20);
    options
}
