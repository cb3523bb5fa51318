//! Bits that flip, in memory or on the disk, between what was written and what is read back:
//! nothing is signed over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ishibumi_log::core::{HeadError, Sequencer, SequencerError};
use ishibumi_store::{Batch, IndexKind, IndexRow, KeptCheckpoint, LogStore, MemoryLog, StoreError};
use ishibumi_tlog::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{Edge, Tile};

use super::rig::{Rig, items, log};

/// A store whose memory or disk flips bits between what was written and what is read.
struct Flipping {
    store: Arc<MemoryLog>,
    record: Option<u64>,
    tile: AtomicBool,
    edge: bool,
}

impl Flipping {
    fn over(store: &Arc<MemoryLog>) -> Self {
        Self {
            store: Arc::clone(store),
            record: None,
            tile: AtomicBool::new(false),
            edge: false,
        }
    }
}

impl LogStore for Flipping {
    fn staged(&self) -> Result<Edge, StoreError> {
        let edge = self.store.staged()?;
        if !self.edge {
            return Ok(edge);
        }
        let mut levels = edge.levels().to_vec();
        levels[0].last_mut().unwrap().0[0] ^= 1;
        Ok(Edge::from_levels(edge.size(), levels).unwrap())
    }

    fn stage(&self, start: u64, batch: &Batch) -> Result<Edge, StoreError> {
        self.store.stage(start, batch)
    }

    fn signed_head(&self) -> Result<Option<Note>, StoreError> {
        self.store.signed_head()
    }

    fn swap_signed_head(&self, expected: Option<&Note>, new: &Note) -> Result<(), StoreError> {
        self.store.swap_signed_head(expected, new)
    }

    fn published(&self) -> Result<Option<Note>, StoreError> {
        self.store.published()
    }

    fn publish(&self, size: u64, note: &Note, keep: bool) -> Result<(), StoreError> {
        self.store.publish(size, note, keep)
    }

    fn keep(&self, size: u64, note: &Note) -> Result<(), StoreError> {
        self.store.keep(size, note)
    }

    fn record(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.record(index)
    }

    fn records(&self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut records = self.store.records(start, end)?;
        let at = self.record.and_then(|index| index.checked_sub(start));
        let record = at.and_then(|at| records.get_mut(usize::try_from(at).unwrap()));
        if let Some(octet) = record.and_then(|record| record.last_mut()) {
            *octet ^= 1;
        }
        Ok(records)
    }

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, StoreError> {
        let tile = self.store.tile(level, index, width)?;
        if level > 0 || !self.tile.load(Ordering::SeqCst) {
            return Ok(tile);
        }
        let mut octets = Tile::encode(tile.hashes());
        octets[0] ^= 1;
        Ok(Tile::decode(width, &octets).unwrap())
    }

    fn index_rows(
        &self,
        kind: IndexKind,
        after: Option<&IndexRow>,
        most: usize,
    ) -> Result<Vec<IndexRow>, StoreError> {
        self.store.index_rows(kind, after, most)
    }

    fn index_of(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        self.store.index_of(leaf)
    }

    fn lookup(&self, key: &[u8], from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        self.store.lookup(key, from, most)
    }

    fn blob(&self, sha256: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.blob(sha256)
    }

    fn erase_blob(&self, sha256: Hash) -> Result<bool, StoreError> {
        self.store.erase_blob(sha256)
    }

    fn kept_covering(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError> {
        self.store.kept_covering(size)
    }

    fn kept(&self, size: u64) -> Result<Option<KeptCheckpoint>, StoreError> {
        self.store.kept(size)
    }

    fn kept_sizes(&self, from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        self.store.kept_sizes(from, most)
    }
}

#[test]
fn a_bit_that_flips_between_writing_and_signing_is_never_signed() {
    for flipped in 10..25 {
        let rig = Rig::new();
        let store = log(&rig, 10, 25);
        let before = (
            rig.key.signed(),
            rig.outside(),
            store.signed_head().unwrap(),
        );
        let mut flipping = Flipping::over(&store);
        flipping.record = Some(flipped);
        let error = rig.signer(Arc::new(flipping)).unwrap().advance().err();
        let Some(HeadError::ReadBack {
            old: 10,
            new: 25,
            written,
            read_back,
        }) = error
        else {
            panic!("{error:?}")
        };
        assert_ne!(written, read_back);
        let after = (
            rig.key.signed(),
            rig.outside(),
            store.signed_head().unwrap(),
        );
        assert_eq!(before, after, "nothing was signed and nothing said");
        // Without the flip the same log goes on.
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        assert_eq!(
            signer.advance().unwrap().head().unwrap().checkpoint.size,
            25
        );
    }
}

#[test]
fn an_edge_that_changed_in_memory_is_never_signed() {
    let rig = Rig::new();
    let store = log(&rig, 10, 25);
    let mut flipping = Flipping::over(&store);
    flipping.edge = true;
    let error = rig.signer(Arc::new(flipping)).unwrap().advance().err();
    assert!(
        matches!(error, Some(HeadError::ReadBack { .. })),
        "{error:?}"
    );
    assert_eq!(rig.key.signed().len(), 1);
}

#[test]
fn tiles_that_changed_stop_signing() {
    let rig = Rig::new();
    let store = log(&rig, 300, 700);
    let flipping = Arc::new(Flipping::over(&store));
    let signer = rig.signer(Arc::<Flipping>::clone(&flipping)).unwrap();
    flipping.tile.store(true, Ordering::SeqCst);
    let error = signer.advance().err();
    assert!(
        matches!(error, Some(HeadError::Inconsistent(_))),
        "{error:?}"
    );
    assert_eq!(rig.key.signed().len(), 1);
    // At the next start the damaged tiles do not even contain the signed head.
    let error = rig.signer(flipping).err();
    assert!(
        matches!(error, Some(HeadError::Forked { size: 300, .. })),
        "{error:?}"
    );
    let signer = rig.signer(store).unwrap();
    assert_eq!(
        signer.advance().unwrap().head().unwrap().checkpoint.size,
        700
    );
}

#[test]
fn octets_that_changed_since_admission_are_not_staged() {
    let store = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    let mut changed = items(0..3);
    changed[1].records[0].octets[0] ^= 1;
    let error = sequencer.stage(changed).err();
    let Some(SequencerError::Store(StoreError::Refused { what, .. })) = error else {
        panic!("{error:?}")
    };
    assert_eq!(what, "record 1");
    assert_eq!(store.staged().unwrap().size(), 0);
}
