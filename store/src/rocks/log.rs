//! [`LogStore`] on RocksDB.
//!
//! | column family | key | value |
//! | --- | --- | --- |
//! | `records` | index, u64 | the record's octets |
//! | `tiles` | level, u8; index, u64 | 8,192 octets: full tiles only |
//! | `state` | `edge`, `signed`, `published`, `reindexing`, `paged` | edge row; note; size, u64, and note; nothing; nothing |
//! | `leaves` | leaf hash | index row |
//! | `lookup` | key length, u8; key; index, u64 | nothing |
//! | `blobs` | SHA-256 | octets |
//! | `kept` | size, u64 | note |
//!
//! Integers are big-endian, so that keys sort by value. A full tile is written once; partial tiles
//! are the edge. The edge in memory says what is staged: it is replaced only after the write that
//! it describes has been synced, and reads look no further than it, whatever a failed write left
//! behind.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ishibumi_tlog::hash::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{Edge, TILE_LEN, TILE_WIDTH, Tile};
use rocksdb::WriteBatch;

use super::database::Database;
use super::settings::{Access, Family};
use crate::codec;
use crate::log_store::{
    TilePlace, adds_to_kept, check_lookup_key, head_conflict, publish_conflict, start_conflict,
    tile_name, tile_place,
};
use crate::{Batch, IndexKind, IndexRow, KeptCheckpoint, LogStore, StoreError};

const RECORDS: &str = "records";
const TILES: &str = "tiles";
pub(super) const STATE: &str = "state";
pub(super) const LEAVES: &str = "leaves";
pub(super) const LOOKUP: &str = "lookup";
const BLOBS: &str = "blobs";
const KEPT: &str = "kept";

pub(super) const FAMILIES: &[Family] = &[
    Family::new(RECORDS, Access::Ascending),
    Family::new(TILES, Access::Ascending),
    Family::new(STATE, Access::Few),
    Family::new(LEAVES, Access::Absent),
    Family::new(LOOKUP, Access::Ranges),
    Family::new(BLOBS, Access::Few),
    Family::new(KEPT, Access::Few),
];

pub(super) const EDGE_KEY: &[u8] = b"edge";
const SIGNED_KEY: &[u8] = b"signed";
const PUBLISHED_KEY: &[u8] = b"published";

/// The durable state of one log in one directory, owned by one process.
#[derive(Debug)]
pub struct RocksLog {
    database: Database,
    /// Locked for as long as it takes to copy or replace a pointer.
    edge: RwLock<Arc<Edge>>,
    absent: Mutex<Absent>,
}

/// Leaves that were looked for and not found, in a tree of `size` leaves: as long as it has that
/// size they need not be looked for again. The sequencer asks for all leaves of a batch before it
/// stages it, and staging decides for itself which are new; this halves what the two cost, which at
/// size is most of a batch.
#[derive(Debug, Default)]
struct Absent {
    size: u64,
    leaves: HashSet<Hash>,
}

impl RocksLog {
    /// The directory.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    pub(super) fn with(database: Database, edge: Edge) -> Self {
        Self {
            database,
            edge: RwLock::new(Arc::new(edge)),
            absent: Mutex::default(),
        }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Whether `state` has a row under `key`.
    pub(super) fn state_row(&self, key: &[u8]) -> Result<bool, StoreError> {
        let row = self.database.read(STATE, key, || "a state row".into())?;
        Ok(row.is_some())
    }

    pub(super) fn edge(&self) -> Arc<Edge> {
        let edge = self.edge.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&edge)
    }

    /// The first index from `from` on under which there is a record, staged or not.
    pub(super) fn record_from(&self, from: u64) -> Result<Option<u64>, StoreError> {
        let mut rows = self.database.range(RECORDS, &from.to_be_bytes(), None);
        let first = rows.next().transpose()?;
        first.map(|(key, _)| number(&key)).transpose()
    }

    fn full_tile(&self, level: u8, index: u64) -> Result<Option<Tile>, StoreError> {
        let name = || tile_name(level, index, TILE_WIDTH);
        let octets = self.database.read(TILES, &tile_key(level, index), name)?;
        let Some(octets) = octets else {
            return Ok(None);
        };
        let tile = Tile::decode(TILE_WIDTH, &octets);
        let tile = tile.ok_or_else(|| {
            let detail = format!("{} octets instead of {TILE_LEN}", octets.len());
            damaged(&name(), &detail)
        })?;
        Ok(Some(tile))
    }

    /// Adds a filled tile to `rows`. A tile that is there already is never written again.
    fn put_tile(
        &self,
        rows: &mut WriteBatch,
        level: u8,
        index: u64,
        tile: &Tile,
    ) -> Result<(), StoreError> {
        let octets = Tile::encode(tile.hashes());
        assert_eq!(octets.len(), TILE_LEN, "only full tiles are stored");
        match self.full_tile(level, index)? {
            None => {
                let family = self.database.family(TILES);
                rows.put_cf(family, tile_key(level, index), octets);
                Ok(())
            }
            Some(found) if found == *tile => Ok(()),
            Some(_) => Err(damaged(
                &tile_name(level, index, TILE_WIDTH),
                "it is there already, with other hashes",
            )),
        }
    }

    /// The rows of `batch`, and the edge after it.
    fn rows(&self, edge: &Edge, batch: &Batch) -> Result<(WriteBatch, Edge), StoreError> {
        let family = |name| self.database.family(name);
        let mut rows = WriteBatch::default();
        let mut edge = edge.clone();
        let mut filled = Vec::new();
        let leaves: Vec<Hash> = batch.records.iter().map(|record| record.leaf).collect();
        let known = self.known(edge.size(), &leaves)?;
        let mut seen = HashSet::new();
        for (record, known) in batch.records.iter().zip(known) {
            let index = edge.size();
            rows.put_cf(family(RECORDS), index.to_be_bytes(), &record.octets);
            for key in &record.keys {
                rows.put_cf(family(LOOKUP), lookup_key(key, index)?, []);
            }
            if !known && seen.insert(record.leaf) {
                rows.put_cf(family(LEAVES), record.leaf.0, codec::encode_leaf(index));
            }
            edge.append(record.leaf, |level, index, tile| {
                filled.push((level, index, tile));
            });
        }
        for (level, index, tile) in &filled {
            self.put_tile(&mut rows, *level, *index, tile)?;
        }
        let names: Vec<[u8; 32]> = batch.blobs.iter().map(|blob| Hash::of(blob).0).collect();
        let known = self.database.have(BLOBS, &names)?;
        for ((blob, name), _) in batch.blobs.iter().zip(names).zip(known).filter(|(_, k)| !k) {
            rows.put_cf(family(BLOBS), name, blob);
        }
        if !batch.records.is_empty() {
            rows.put_cf(family(STATE), EDGE_KEY, codec::encode_edge(&edge));
        }
        Ok((rows, edge))
    }

    /// Whether each of `leaves` has a row already, in a tree of `size` leaves.
    fn known(&self, size: u64, leaves: &[Hash]) -> Result<Vec<bool>, StoreError> {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if absent.size == size && leaves.iter().all(|leaf| absent.leaves.contains(leaf)) {
            return Ok(vec![false; leaves.len()]);
        }
        drop(absent);
        let keys: Vec<[u8; 32]> = leaves.iter().map(|leaf| leaf.0).collect();
        self.database.have(LEAVES, &keys)
    }

    /// Adds `note` to the kept ones, if it adds anything.
    fn put_kept(&self, rows: &mut WriteBatch, size: u64, note: &Note) -> Result<(), StoreError> {
        let kept = self.kept(size)?.map(|kept| kept.note);
        if adds_to_kept(kept.as_ref(), note) {
            let family = self.database.family(KEPT);
            rows.put_cf(family, size.to_be_bytes(), note.encode());
        }
        Ok(())
    }

    fn note(&self, family: &str, key: &[u8], what: &str) -> Result<Option<Note>, StoreError> {
        let octets = self.database.read(family, key, || what.to_owned())?;
        octets.map(|octets| parse_note(what, &octets)).transpose()
    }

    fn published_row(&self) -> Result<Option<(u64, Note)>, StoreError> {
        let what = "the published checkpoint";
        let row = self.database.read(STATE, PUBLISHED_KEY, || what.into())?;
        let Some(row) = row else {
            return Ok(None);
        };
        let (size, note) = row
            .split_first_chunk::<8>()
            .ok_or_else(|| damaged(what, "it has no size"))?;
        Ok(Some((u64::from_be_bytes(*size), parse_note(what, note)?)))
    }

    /// The size of the published checkpoint.
    pub(super) fn published_size(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.published_row()?.map(|(size, _)| size))
    }

    fn kept_from(
        &self,
        from: u64,
    ) -> impl Iterator<Item = Result<(u64, Box<[u8]>), StoreError>> + '_ {
        self.database
            .range(KEPT, &from.to_be_bytes(), None)
            .map(|row| row.and_then(|(key, note)| Ok((number(&key)?, note))))
    }
}

impl LogStore for RocksLog {
    fn staged(&self) -> Result<Edge, StoreError> {
        Ok(Edge::clone(&self.edge()))
    }

    fn stage(&self, start: u64, batch: &Batch) -> Result<Edge, StoreError> {
        batch.check(start)?;
        let mut writing = self.database.writing()?;
        let edge = self.edge();
        if edge.size() != start {
            return Err(start_conflict(start, edge.size()));
        }
        let (rows, edge) = self.rows(&edge, batch)?;
        if !rows.is_empty() {
            writing.commit(rows, "staged a batch")?;
        }
        let mut current = self.edge.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(edge.clone());
        Ok(edge)
    }

    fn signed_head(&self) -> Result<Option<Note>, StoreError> {
        self.note(STATE, SIGNED_KEY, "the signed head")
    }

    fn swap_signed_head(&self, expected: Option<&Note>, new: &Note) -> Result<(), StoreError> {
        let mut writing = self.database.writing()?;
        let found = self.signed_head()?;
        if found.as_ref() != expected {
            return Err(head_conflict(expected, found.as_ref()));
        }
        let mut rows = WriteBatch::default();
        rows.put_cf(self.database.family(STATE), SIGNED_KEY, new.encode());
        writing.commit(rows, "replaced the signed head")
    }

    fn published(&self) -> Result<Option<Note>, StoreError> {
        Ok(self.published_row()?.map(|(_, note)| note))
    }

    fn publish(&self, size: u64, note: &Note, keep: bool) -> Result<(), StoreError> {
        let mut writing = self.database.writing()?;
        if let Some(present) = self.published_size()?
            && size < present
        {
            return Err(publish_conflict(size, present));
        }
        let mut rows = WriteBatch::default();
        let row = [&size.to_be_bytes(), note.encode().as_bytes()].concat();
        rows.put_cf(self.database.family(STATE), PUBLISHED_KEY, row);
        if keep {
            self.put_kept(&mut rows, size, note)?;
        }
        writing.commit(rows, "published a checkpoint")
    }

    fn keep(&self, size: u64, note: &Note) -> Result<(), StoreError> {
        let mut writing = self.database.writing()?;
        let mut rows = WriteBatch::default();
        self.put_kept(&mut rows, size, note)?;
        if rows.is_empty() {
            return Ok(());
        }
        writing.commit(rows, "kept a checkpoint")
    }

    fn record(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if index >= self.edge().size() {
            return Ok(None);
        }
        let name = || format!("record {index}");
        let octets = self.database.read(RECORDS, &index.to_be_bytes(), name)?;
        let octets = octets.ok_or_else(|| damaged(&name(), "it is missing"))?;
        Ok(Some(octets.to_vec()))
    }

    fn records(&self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let end = end.min(self.edge().size());
        let upper = Some(end.to_be_bytes().to_vec());
        if start >= end {
            return Ok(Vec::new());
        }
        let mut records = Vec::new();
        let mut next = start;
        for row in self.database.range(RECORDS, &start.to_be_bytes(), upper) {
            let (key, octets) = row?;
            if number(&key)? != next {
                break;
            }
            records.push(octets.into_vec());
            next += 1;
        }
        if next < end {
            return Err(damaged(&format!("record {next}"), "it is missing"));
        }
        Ok(records)
    }

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, StoreError> {
        match tile_place(&self.edge(), level, index, width)? {
            TilePlace::Edge(tile) => Ok(tile),
            TilePlace::Full => {
                let name = tile_name(level, index, width);
                let full = self.full_tile(level, index)?;
                let full = full.ok_or_else(|| damaged(&name, "it is missing"))?;
                let hashes = full.hashes().get(..usize::from(width));
                hashes
                    .and_then(|hashes| Tile::decode(width, &Tile::encode(hashes)))
                    .ok_or_else(|| damaged(&name, "it is too short"))
            }
        }
    }

    fn index_of(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        let name = || format!("the index row of leaf {leaf}");
        let row = self.database.read(LEAVES, &leaf.0, name)?;
        let index = row.map(|row| codec::decode_leaf(leaf, &row)).transpose()?;
        Ok(index.filter(|&index| index < self.edge().size()))
    }

    fn indices_of(&self, leaves: &[Hash]) -> Result<Vec<Option<u64>>, StoreError> {
        // Before the rows: a leaf that is not found then was not staged by this size.
        let size = self.edge().size();
        let keys: Vec<[u8; 32]> = leaves.iter().map(|leaf| leaf.0).collect();
        let rows = self.database.values(LEAVES, &keys)?;
        let mut absent = HashSet::new();
        let mut indices = Vec::with_capacity(leaves.len());
        for (&leaf, row) in leaves.iter().zip(rows) {
            let index = row.map(|row| codec::decode_leaf(leaf, &row)).transpose()?;
            if index.is_none() {
                absent.insert(leaf);
            }
            indices.push(index.filter(|&index| index < size));
        }
        let mut last = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Absent {
            size,
            leaves: absent,
        };
        Ok(indices)
    }

    fn index_rows(
        &self,
        kind: IndexKind,
        after: Option<&IndexRow>,
        most: usize,
    ) -> Result<Vec<IndexRow>, StoreError> {
        let family = match kind {
            IndexKind::Leaves => LEAVES,
            IndexKind::Keys => LOOKUP,
        };
        let start = match (kind, after) {
            (_, None) => Vec::new(),
            // A leaf hash has one row: the next key is the one behind it.
            (IndexKind::Leaves, Some(row)) => [&row.key[..], &[0]].concat(),
            (IndexKind::Keys, Some(row)) => [lookup_key(&row.key, row.index)?, vec![0]].concat(),
        };
        let mut rows = Vec::new();
        let mut wrong = None;
        self.database.visit(family, &start, |key, value| {
            if rows.len() == most {
                return false;
            }
            match index_row(kind, key, value) {
                Ok(row) => rows.push(row),
                Err(error) => wrong = Some(error),
            }
            wrong.is_none()
        })?;
        wrong.map_or(Ok(rows), Err)
    }

    fn lookup(&self, key: &[u8], from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        let size = self.edge().size();
        if from >= size {
            return Ok(Vec::new());
        }
        let (start, end) = (lookup_key(key, from)?, lookup_key(key, size)?);
        self.database
            .range(LOOKUP, &start, Some(end))
            .take(most)
            .map(|row| row.and_then(|(row, _)| number(row.get(1 + key.len()..).unwrap_or(&[]))))
            .collect()
    }

    fn room_needed(&self) -> Result<u64, StoreError> {
        Ok(self.database.tables_len(LEAVES)? + self.database.tables_len(LOOKUP)?)
    }

    fn blob(&self, sha256: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let name = || format!("blob {sha256}");
        let Some(octets) = self.database.read(BLOBS, &sha256.0, name)? else {
            return Ok(None);
        };
        let found = Hash::of(&octets);
        if found != sha256 {
            return Err(damaged(&name(), &format!("its SHA-256 is {found}")));
        }
        Ok(Some(octets.to_vec()))
    }

    fn erase_blob(&self, sha256: Hash) -> Result<bool, StoreError> {
        let mut writing = self.database.writing()?;
        // Damaged or not, it goes.
        let was_there = self.database.have(BLOBS, &[sha256.0])? == [true];
        if was_there {
            let mut rows = WriteBatch::default();
            rows.delete_cf(self.database.family(BLOBS), sha256.0);
            writing.commit(rows, "erased a blob")?;
        }
        // Also if it was not: an earlier call may have been cut off between the two.
        writing.purge(BLOBS)?;
        Ok(was_there)
    }

    fn kept_covering(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError> {
        let Some((size, note)) = self.kept_from(size).next().transpose()? else {
            return Ok(None);
        };
        let note = parse_note(&kept_name(size), &note)?;
        Ok(Some(KeptCheckpoint { size, note }))
    }

    fn kept(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError> {
        let note = self.note(KEPT, &size.to_be_bytes(), &kept_name(size))?;
        Ok(note.map(|note| KeptCheckpoint { size, note }))
    }

    fn kept_sizes(&self, from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        self.kept_from(from)
            .take(most)
            .map(|row| row.map(|(size, _)| size))
            .collect()
    }
}

fn tile_key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [level; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The length stands before the key, so that no key is the beginning of another.
pub(super) fn lookup_key(key: &[u8], index: u64) -> Result<Vec<u8>, StoreError> {
    check_lookup_key(key)?;
    let len = u8::try_from(key.len()).unwrap_or(u8::MAX);
    Ok([&[len], key, &index.to_be_bytes()].concat())
}

fn index_row(kind: IndexKind, key: &[u8], value: &[u8]) -> Result<IndexRow, StoreError> {
    match kind {
        IndexKind::Leaves => {
            let leaf = key.try_into().map(Hash).map_err(|_| {
                let detail = format!("{} octets instead of 32", key.len());
                damaged("a key of the index of leaf hashes", &detail)
            })?;
            Ok(IndexRow {
                key: key.to_vec(),
                index: codec::decode_leaf(leaf, value)?,
            })
        }
        IndexKind::Keys => {
            let parts = key.split_first().and_then(|(&len, rest)| {
                let (key, index) = rest.split_at_checked(usize::from(len))?;
                Some((key.to_vec(), index))
            });
            let (key, index) = parts.ok_or_else(|| damaged("a lookup key", "it is cut"))?;
            Ok(IndexRow {
                key,
                index: number(index)?,
            })
        }
    }
}

fn number(octets: &[u8]) -> Result<u64, StoreError> {
    let octets = octets.try_into().map_err(|_| {
        let detail = format!("{} octets instead of 8", octets.len());
        damaged("a key", &detail)
    })?;
    Ok(u64::from_be_bytes(octets))
}

fn kept_name(size: u64) -> String {
    format!("the kept checkpoint of size {size}")
}

fn parse_note(what: &str, octets: &[u8]) -> Result<Note, StoreError> {
    Note::parse(octets).map_err(|error| damaged(what, &error.to_string()))
}

pub(super) fn damaged(what: &str, detail: &str) -> StoreError {
    StoreError::Damaged {
        what: what.to_owned(),
        detail: detail.to_owned(),
    }
}
