//! One RocksDB directory: its settings, its creation, its opening and its only way to write.
//!
//! RocksDB's defaults are wrong for a log: writes are not synced, and a damaged write-ahead log
//! (WAL) opens with less than was acknowledged. Here every write is one atomic batch that is
//! synced; recovery is absolute but for one case that [`super::mark`] decides; checksums are
//! verified on every read; and the first failed write ends all writing through this value, since
//! its effect is unknown (rules R2 to R4).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rocksdb::{
    BottommostLevelCompaction, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBPinnableSlice, DBRecoveryMode, Direction, ErrorKind, FlushOptions, IteratorMode, Options,
    WriteBatch, WriteOptions,
};

use super::failure::{failed, shown};
use super::mark::Mark;
use super::settings::{Caches, Family, database_options, read_once_options, read_options};
use crate::{StoreError, private, room};

/// RocksDB's error texts for a directory that another process, or this one, has open already.
const LOCKED: [&str; 2] = ["While lock file", "lock hold by current process"];

/// The key of a directory's format text, in the default column family.
const FORMAT_KEY: &[u8] = b"format";

/// A key and its value.
pub(super) type Row = (Box<[u8]>, Box<[u8]>);

/// The layout of a directory: its column families, and the text that names format, version and
/// owner.
pub(super) struct Layout<'a> {
    /// The column families beside the default one.
    pub(super) families: &'a [Family],
    /// For example "an Ishibumi log store, version 1, of example.com/log".
    pub(super) label: String,
    /// Octets that its caches may take.
    pub(super) cache_len: usize,
}

impl Layout<'_> {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let named = self.families.iter().map(|family| family.name);
        std::iter::once(Family::DEFAULT.name).chain(named)
    }
}

/// An open directory. Reads may come from any thread and do not wait for writes.
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
    /// Why writing ended, in English.
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
        private::make_dir(path).map_err(io)?;
        private::close_dir(path).map_err(io)?;
        room::to_open(path)?;
        let mut options = database_options(DBRecoveryMode::AbsoluteConsistency);
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
        let io = |error: std::io::Error| failed("opened the database", error.to_string());
        private::close_dir(path).map_err(io)?;
        room::to_open(path)?;
        let db = match open_with(DBRecoveryMode::AbsoluteConsistency, path, layout) {
            Err(StoreError::Damaged { what, detail }) => {
                // A crash within a write leaves a cut last batch, which was not acknowledged.
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

    /// Opens a directory that [`Self::create`] made for the same layout and changes nothing in it,
    /// so that it can be read while its disk is full. Takes no lock: the caller makes sure that no
    /// process writes.
    pub(super) fn open_for_reading(path: &Path, layout: &Layout<'_>) -> Result<Self, StoreError> {
        require_existing(path)?;
        check_families(path, layout)?;
        let mark = Mark::open(path)?;
        // A cut tail was never acknowledged, if the mark says so; without a mark the present data
        // are read.
        let options = database_options(DBRecoveryMode::TolerateCorruptedTailRecords);
        let caches = caches(layout)?;
        let db =
            DB::open_cf_descriptors_read_only(&options, path, descriptors(layout, &caches), false)
                .map_err(|error| open_error(path, &error))?;
        mark.check(db.latest_sequence_number())?;
        let database = Self::with(db, path, mark);
        database.check_label(layout)?;
        let mut writer = database.writing()?;
        writer.writer.stopped = Some("it was opened to be read alone".to_owned());
        drop(writer);
        Ok(database)
    }

    /// Whether the log without its cut tail holds all that was acknowledged. Changes nothing on
    /// disk.
    fn only_the_tail_is_cut(
        path: &Path,
        layout: &Layout<'_>,
        mark: &Mark,
    ) -> Result<bool, StoreError> {
        let options = database_options(DBRecoveryMode::TolerateCorruptedTailRecords);
        let probe = DB::open_cf_for_read_only(&options, path, layout.names(), false);
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
        let values = self.values(family, keys)?;
        Ok(values.iter().map(Option::is_some).collect())
    }

    /// The value under each of `keys`. Looks for all of them together: a filter is asked for many
    /// at once.
    pub(super) fn values(
        &self,
        family: &str,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>, StoreError> {
        let sorted = false;
        self.db
            .batched_multi_get_cf_opt(
                self.family(family),
                keys.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
                sorted,
                &read_options(),
            )
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| read_error(&format!("the column family {family}"), &error))
    }

    /// Shows `each` the rows from `start` on, in order of their octets, as long as it wants more.
    /// These reads do not fill the caches.
    pub(super) fn visit(
        &self,
        family: &str,
        start: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let family_handle = self.family(family);
        let mut rows = self
            .db
            .raw_iterator_cf_opt(family_handle, read_once_options());
        rows.seek(start);
        while let Some((key, value)) = rows.item() {
            if !each(key, value) {
                return Ok(());
            }
            rows.next();
        }
        let ended = rows.status();
        ended.map_err(|error| read_error(&format!("the column family {family}"), &error))
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

    /// Octets of the table files of `family`.
    pub(super) fn tables_len(&self, family: &str) -> Result<u64, StoreError> {
        let name = "rocksdb.live-sst-files-size";
        let found = self.db.property_int_value_cf(self.family(family), name);
        let found = found.map_err(|error| read_error(&format!("the size of {family}"), &error))?;
        Ok(found.unwrap_or(0))
    }

    /// Waits for the right to write.
    ///
    /// # Errors
    /// [`StoreError::Failed`] for ever after one write has failed.
    pub(super) fn writing(&self) -> Result<Writing<'_>, StoreError> {
        // A thread that panicked while it held the right has left the disk alone or committed.
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cause) = &writer.stopped {
            return Err(failed("refused a write", cause.clone()));
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
            self.writer.stopped = Some(format!(
                "an earlier write failed (it {doing}: {cause}); close {} and open it again",
                shown(&self.database.path)
            ));
            failed(doing, cause)
        })
    }
}

impl Writing<'_> {
    /// Rewrites the files of `family`, so that nothing is in any file that was deleted. What the
    /// write-ahead log still holds goes with it: such a file is removed once everything in it is in
    /// tables.
    pub(super) fn purge(&mut self, family: &str) -> Result<(), StoreError> {
        let database = self.database;
        let doing = "rewrote its files to be rid of what was deleted";
        let failed = |error: rocksdb::Error| failed(doing, error.to_string());
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        let names = DB::list_cf(&Options::default(), &database.path).map_err(failed)?;
        for name in &names {
            if let Some(handle) = database.db.cf_handle(name) {
                database.db.flush_cf_opt(handle, &flush).map_err(failed)?;
            }
        }
        let mut compact = CompactOptions::default();
        compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let all: Option<&[u8]> = None;
        database
            .db
            .compact_range_cf_opt(database.family(family), all, all, &compact);
        Ok(())
    }
}

fn open_with(recovery: DBRecoveryMode, path: &Path, layout: &Layout<'_>) -> Result<DB, StoreError> {
    open_db(&database_options(recovery), path, layout)
}

fn open_db(options: &Options, path: &Path, layout: &Layout<'_>) -> Result<DB, StoreError> {
    let caches = caches(layout)?;
    DB::open_cf_descriptors(options, path, descriptors(layout, &caches))
        .map_err(|error| open_error(path, &error))
}

fn caches(layout: &Layout<'_>) -> Result<Caches, StoreError> {
    Caches::new(layout.cache_len).map_err(|error| failed("made its caches", error.to_string()))
}

fn descriptors<'a>(
    layout: &'a Layout<'_>,
    caches: &'a Caches,
) -> impl Iterator<Item = ColumnFamilyDescriptor> + 'a {
    let families = std::iter::once(&Family::DEFAULT).chain(layout.families);
    families.map(|family| family.descriptor(caches))
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
    let mut expected: Vec<_> = layout.names().collect();
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

fn sync_directory(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
