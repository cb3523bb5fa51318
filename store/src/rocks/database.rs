//! One RocksDB directory: its settings, its creation, its opening and its only way to write.
//!
//! RocksDB's defaults are wrong for a log: writes are not synced, and a damaged write-ahead log (WAL)
//! opens with less than was acknowledged. Here every write is one atomic batch that is synced;
//! recovery is absolute but for one case that [`super::mark`] decides; checksums are verified on
//! every read; and the first failed write ends all writing through this value, since nobody knows
//! what it left behind (rules R2 to R4).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor,
    CompactOptions, DB, DBCompressionType, DBPinnableSlice, DBRecoveryMode, Direction, ErrorKind,
    IteratorMode, LogLevel, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::mark::Mark;
use crate::StoreError;

/// Octets of uncompressed blocks, indices and filters in memory.
const BLOCK_CACHE_LEN: usize = 192 << 20;
/// Octets of memory that all column families together write into before they are flushed.
const WRITE_BUFFERS_LEN: usize = 96 << 20;
/// Octets of write-ahead log after which the oldest is flushed: bounds the time of an opening.
const WAL_LEN_MAX: u64 = 256 << 20;
/// Files that are held open.
const OPEN_FILES_MAX: i32 = 512;
/// Bits a key in a bloom filter: one look in a hundred for an absent key reads a block in vain.
const BLOOM_BITS: f64 = 10.0;

/// RocksDB's words for a directory that another process, or this one, has open already.
const LOCKED: [&str; 2] = ["While lock file", "lock hold by current process"];

/// Part of a write buffer's size that its own bloom filter takes: some 13 bits for each of the
/// smallest rows, an index row under a leaf hash. Every new record is looked for before it is
/// written, in vain as a rule; without the filter each look walks the buffer's skip list.
const WRITE_BUFFER_BLOOM: f64 = 0.02;

/// Where a directory says what it is, in the default column family.
const FORMAT_KEY: &[u8] = b"format";

/// A key and its value.
pub(super) type Row = (Box<[u8]>, Box<[u8]>);

/// What a directory holds: its column families, and the text that names format, version and owner.
pub(super) struct Layout<'a> {
    /// The column families beside the default one.
    pub(super) families: &'a [&'static str],
    /// For example "an Ishibumi log store, version 1, of example.com/log".
    pub(super) label: String,
}

/// An open directory. Reads may come from any thread and wait for nobody.
pub(super) struct Database {
    db: DB,
    path: PathBuf,
    writer: Mutex<Writer>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", shown(&self.path))
    }
}

struct Writer {
    mark: Mark,
    /// Why writing ended.
    stopped: Option<String>,
}

/// The right to write, held by one thread at a time.
pub(super) struct Writing<'a> {
    database: &'a Database,
    writer: MutexGuard<'a, Writer>,
}

impl Database {
    /// Makes a new directory with the rows of `first`.
    pub(super) fn create(
        path: &Path,
        layout: &Layout<'_>,
        first: impl FnOnce(&Database, &mut WriteBatch),
    ) -> Result<Self, StoreError> {
        refuse_existing(path)?;
        let io = |error: std::io::Error| failed("made the directory", error.to_string());
        std::fs::create_dir_all(path).map_err(io)?;
        let mut options = options(DBRecoveryMode::AbsoluteConsistency);
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_error_if_exists(true);
        let db = open_db(&options, path, layout)?;
        let mark = Mark::create(path)?;
        sync_directory(path).map_err(io)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(parent.unwrap_or(Path::new("."))).map_err(io)?;
        let database = Self::with(db, path, mark);
        let mut batch = WriteBatch::default();
        batch.put(FORMAT_KEY, layout.label.as_bytes());
        first(&database, &mut batch);
        database.writing()?.commit(batch, "wrote its first rows")?;
        Ok(database)
    }

    /// Opens a directory that [`Self::create`] made for the same layout.
    pub(super) fn open(path: &Path, layout: &Layout<'_>) -> Result<Self, StoreError> {
        require_existing(path)?;
        check_families(path, layout)?;
        let mark = Mark::open(path)?;
        let db = match open_with(DBRecoveryMode::AbsoluteConsistency, path, layout) {
            Err(StoreError::Damaged { what, detail }) => {
                // A crash within a write leaves a cut last batch, which nobody was told of.
                if !Self::only_the_tail_is_cut(path, layout, &mark)? {
                    return Err(StoreError::Damaged { what, detail });
                }
                open_with(DBRecoveryMode::TolerateCorruptedTailRecords, path, layout)?
            }
            opened => opened?,
        };
        mark.check(db.latest_sequence_number())?;
        let database = Self::with(db, path, mark);
        database.check_label(layout)?;
        Ok(database)
    }

    /// Whether the log without its cut tail holds all that was acknowledged. Changes nothing on disk.
    fn only_the_tail_is_cut(
        path: &Path,
        layout: &Layout<'_>,
        mark: &Mark,
    ) -> Result<bool, StoreError> {
        let options = options(DBRecoveryMode::TolerateCorruptedTailRecords);
        let families = std::iter::once("default").chain(layout.families.iter().copied());
        let probe = DB::open_cf_for_read_only(&options, path, families, false);
        match probe {
            Ok(db) => mark.check(db.latest_sequence_number()).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    fn with(db: DB, path: &Path, mark: Mark) -> Self {
        Self {
            db,
            path: path.to_owned(),
            writer: Mutex::new(Writer {
                mark,
                stopped: None,
            }),
        }
    }

    fn check_label(&self, layout: &Layout<'_>) -> Result<(), StoreError> {
        let found = self
            .db
            .get(FORMAT_KEY)
            .map_err(|error| read_error("the format row", &error))?
            .map(|label| String::from_utf8_lossy(&label).into_owned());
        if found.as_ref() == Some(&layout.label) {
            return Ok(());
        }
        Err(StoreError::Foreign {
            path: shown(&self.path),
            expected: layout.label.clone(),
            found: found.unwrap_or_else(|| "a directory whose creation did not end".into()),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The column family `name`, one of those of the layout.
    pub(super) fn family(&self, name: &str) -> &ColumnFamily {
        self.db
            .cf_handle(name)
            .expect("an open database has the families of its layout")
    }

    /// The value under `key`. `what` names it in errors.
    pub(super) fn read(
        &self,
        family: &str,
        key: &[u8],
        what: impl Fn() -> String,
    ) -> Result<Option<DBPinnableSlice<'_>>, StoreError> {
        self.db
            .get_pinned_cf_opt(self.family(family), key, &read_options())
            .map_err(|error| read_error(&what(), &error))
    }

    /// Whether there is a value under each of `keys`.
    pub(super) fn have(
        &self,
        family: &str,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<Vec<bool>, StoreError> {
        let sorted = false;
        self.db
            .batched_multi_get_cf_opt(
                self.family(family),
                keys.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
                sorted,
                &read_options(),
            )
            .into_iter()
            .map(|value| value.map(|value| value.is_some()))
            .collect::<Result<_, _>>()
            .map_err(|error| read_error(&format!("the column family {family}"), &error))
    }

    /// Keys and values from `start` up to, but not including, `end`, in order of their octets.
    pub(super) fn range<'a>(
        &'a self,
        family: &'static str,
        start: &[u8],
        end: Option<Vec<u8>>,
    ) -> impl Iterator<Item = Result<Row, StoreError>> + use<'a> {
        let mut options = read_options();
        if let Some(end) = end {
            options.set_iterate_upper_bound(end);
        }
        let mode = IteratorMode::From(start, Direction::Forward);
        self.db
            .iterator_cf_opt(self.family(family), options, mode)
            .map(move |row| {
                row.map_err(|error| read_error(&format!("the column family {family}"), &error))
            })
    }

    /// Writes the files of `family` anew, without what was deleted: a deletion alone leaves it in them.
    /// `families`, all of the layout, are flushed, so that nothing needs the write-ahead log's files, which
    /// RocksDB then removes.
    pub(super) fn rewrite(&self, family: &str, families: &[&str]) -> Result<(), StoreError> {
        for name in families.iter().copied().chain(std::iter::once("default")) {
            let flushed = self.db.flush_cf(self.family(name));
            flushed.map_err(|error| failed("flushed its memory", error.to_string()))?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let all = None::<&[u8]>;
        self.db
            .compact_range_cf_opt(self.family(family), all, all, &options);
        Ok(())
    }

    /// Waits for the right to write.
    ///
    /// # Errors
    /// [`StoreError::Failed`] for ever after one write has failed.
    pub(super) fn writing(&self) -> Result<Writing<'_>, StoreError> {
        // A thread that panicked while it held the right has left the disk alone or committed.
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cause) = &writer.stopped {
            let cause = format!(
                "an earlier write failed ({cause}); close {} and open it again",
                shown(&self.path)
            );
            return Err(failed("refused a write", cause));
        }
        Ok(Writing {
            database: self,
            writer,
        })
    }
}

impl Writing<'_> {
    /// Writes `batch` at once and syncs it. A failure ends all writing through this database.
    pub(super) fn commit(
        &mut self,
        batch: WriteBatch,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        let db = &self.database.db;
        let written = db
            .write_opt(batch, &options)
            .map_err(|error| error.to_string())
            .and_then(|()| self.writer.mark.advance(db.latest_sequence_number()));
        written.map_err(|cause| {
            self.writer.stopped = Some(format!("it {doing}: {cause}"));
            failed(doing, cause)
        })
    }
}

fn options(recovery: DBRecoveryMode) -> Options {
    let mut options = Options::default();
    options.set_wal_recovery_mode(recovery);
    options.set_paranoid_checks(true);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_db_write_buffer_size(WRITE_BUFFERS_LEN);
    options.set_max_total_wal_size(WAL_LEN_MAX);
    options.set_max_background_jobs(2);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_stats_dump_period_sec(0);
    options
}

fn family_options(cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_bloom_filter(BLOOM_BITS, false);
    table.set_format_version(5);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_paranoid_checks(true);
    // Hashes and signatures do not shrink, and which codecs there are differs from build to build.
    options.set_compression_type(DBCompressionType::None);
    options.set_write_buffer_size(32 << 20);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_memtable_prefix_bloom_ratio(WRITE_BUFFER_BLOOM);
    options.set_memtable_whole_key_filtering(true);
    options
}

fn read_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options
}

fn open_with(recovery: DBRecoveryMode, path: &Path, layout: &Layout<'_>) -> Result<DB, StoreError> {
    open_db(&options(recovery), path, layout)
}

fn open_db(options: &Options, path: &Path, layout: &Layout<'_>) -> Result<DB, StoreError> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_LEN)
        .map_err(|error| failed("made its cache", error.to_string()))?;
    let families = std::iter::once("default")
        .chain(layout.families.iter().copied())
        .map(|name| ColumnFamilyDescriptor::new(name, family_options(&cache)));
    DB::open_cf_descriptors(options, path, families).map_err(|error| open_error(path, &error))
}

/// Refuses a path at which there is anything but an empty directory.
fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    let empty = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if empty {
        return Ok(());
    }
    Err(StoreError::Exists { path: shown(path) })
}

/// Refuses a path at which there is no RocksDB.
fn require_existing(path: &Path) -> Result<(), StoreError> {
    let absent = StoreError::Absent { path: shown(path) };
    let mut entries = std::fs::read_dir(path).map_err(|_| absent)?;
    if entries.next().is_none() {
        return Err(StoreError::Absent { path: shown(path) });
    }
    if path.join("CURRENT").exists() {
        return Ok(());
    }
    Err(damaged(
        path,
        "its file CURRENT is missing, so it is no whole RocksDB".into(),
    ))
}

fn check_families(path: &Path, layout: &Layout<'_>) -> Result<(), StoreError> {
    let mut found =
        DB::list_cf(&Options::default(), path).map_err(|error| open_error(path, &error))?;
    let mut expected = vec!["default"];
    expected.extend(layout.families);
    expected.sort_unstable();
    found.sort_unstable();
    if found == expected {
        return Ok(());
    }
    Err(StoreError::Foreign {
        path: shown(path),
        expected: layout.label.clone(),
        found: format!("a RocksDB with the column families {}", found.join(", ")),
    })
}

fn open_error(path: &Path, error: &rocksdb::Error) -> StoreError {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::IOError if LOCKED.iter().any(|words| text.contains(words)) => {
            StoreError::InUse { path: shown(path) }
        }
        ErrorKind::IOError if !text.contains("No such file") => failed("opened the database", text),
        _ => damaged(path, text),
    }
}

fn read_error(what: &str, error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::Damaged {
            what: what.to_owned(),
            detail: error.to_string(),
        },
        _ => failed("read", format!("{what}: {error}")),
    }
}

fn damaged(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged {
        what: format!("the store at {}", shown(path)),
        detail,
    }
}

pub(super) fn failed(doing: &'static str, cause: String) -> StoreError {
    StoreError::Failed { doing, cause }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
