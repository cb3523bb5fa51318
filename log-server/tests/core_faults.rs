//! The core of the log on a disk that fails, under a signer that lies, with memory that flips bits; and
//! a crash at every write, with another one during the recovery.
//!
//! What has to hold throughout: the key signs one root per size, every signed tree continues the one
//! before it, whatever was answered is there, and nothing is signed that was not read back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ishibumi_log::core::{
    HeadError, HeadSigner, Item, Publisher, PublisherError, Sequencer, SequencerError,
};
use ishibumi_store::{
    Batch, HeadFile, KeptCheckpoint, LogStore, MemoryLog, NewRecord, Outcome, Signer, SignerError,
    StoreError, StoredTiles,
};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::tile::{Edge, Tile, TileNodes};
use ishibumi_tlog::tree::root;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

const ORIGIN: &str = "log.example/core";
const NOW: Duration = Duration::ZERO;

fn key(seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[seed; 32]).unwrap()
}

/// What a signer does with what it is asked to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Honest,
    WrongKey,
    OtherBytes,
    Error,
    /// It signs, and the answer is lost.
    SignsAndFails,
}

/// The log's key, with a memory of every text that it signed.
struct Key {
    honest: NoteSigner,
    wrong: NoteSigner,
    conduct: Mutex<Conduct>,
    signed: Mutex<Vec<Checkpoint>>,
}

impl Key {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            honest: key(1),
            wrong: key(2),
            conduct: Mutex::new(Conduct::Honest),
            signed: Mutex::default(),
        })
    }

    fn behave(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    fn signed(&self) -> Vec<Checkpoint> {
        self.signed.lock().unwrap().clone()
    }
}

impl Signer for Key {
    fn verifier(&self) -> &VerifierKey {
        self.honest.verifier()
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, SignerError> {
        let conduct = *self.conduct.lock().unwrap();
        let answer = match conduct {
            Conduct::Error => return Err(SignerError("unplugged".into())),
            Conduct::WrongKey => return Ok(self.wrong.sign(text)?),
            Conduct::OtherBytes => {
                let size = Checkpoint::parse(text).unwrap().size + 1;
                let other = Checkpoint::new(ORIGIN, size, leaf_hash(b"another"));
                return Ok(self.honest.sign(&other.to_text())?);
            }
            Conduct::Honest | Conduct::SignsAndFails => self.honest.sign(text)?,
        };
        let checkpoint = Checkpoint::parse(text).unwrap();
        self.signed.lock().unwrap().push(checkpoint);
        if conduct == Conduct::SignsAndFails {
            return Err(SignerError("the line was cut".into()));
        }
        Ok(answer)
    }
}

/// A log's surroundings: its head file, its key, its one witness.
struct Rig {
    heads: tempfile::TempDir,
    key: Arc<Key>,
    witness: Cosigner,
}

impl Rig {
    fn new() -> Self {
        let heads = tempfile::tempdir().unwrap();
        let key = Key::new();
        drop(HeadFile::create(heads.path(), key.verifier()).unwrap());
        let witness = "witness.example";
        let witness = NoteSigner::from_seed(witness, SignatureType::CosignatureV1, &[9; 32]);
        Self {
            heads,
            key,
            witness: Cosigner::new(witness.unwrap()).unwrap(),
        }
    }

    fn head_file(&self) -> HeadFile {
        HeadFile::open(self.heads.path(), self.key.verifier()).unwrap()
    }

    fn outside(&self) -> Option<(u64, Hash)> {
        let head = self.head_file().read().unwrap();
        head.map(|head| (head.size, head.root))
    }

    fn signer(&self, store: Arc<dyn LogStore>) -> Result<HeadSigner, HeadError> {
        HeadSigner::open(store, Arc::<Key>::clone(&self.key), self.head_file())
    }

    fn publisher(&self, store: Arc<dyn LogStore>) -> Result<Publisher, PublisherError> {
        let (log, witness) = (self.key.verifier(), self.witness.verifier());
        let policy = format!("log {log}\nwitness w {witness}\nquorum w\n");
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let signer = self.signer(Arc::clone(&store))?;
        Publisher::open(store, policy, signer, NOW, Duration::from_secs(60))
    }

    fn cosign(&self, checkpoint: &Checkpoint) -> Vec<SignatureLine> {
        vec![self.witness.cosign(checkpoint, 1_800_000_000).unwrap()]
    }

    /// One root per size, and each is the root of the records that are there in the end.
    fn assert_one_history(&self, store: &MemoryLog) {
        let tiles = StoredTiles(store);
        for checkpoint in self.key.signed() {
            let size = checkpoint.size;
            let stored = root(&TileNodes::new(&tiles, size), size).unwrap();
            assert_eq!(checkpoint.root, stored, "two histories at size {size}");
        }
    }
}

fn record(number: u64) -> NewRecord {
    let octets = format!("record {number}").into_bytes();
    NewRecord {
        leaf: leaf_hash(&octets),
        octets,
        keys: Vec::new(),
    }
}

fn items(numbers: std::ops::Range<u64>) -> Vec<Item> {
    numbers
        .map(|number| Item {
            records: vec![record(number)],
            ..Item::default()
        })
        .collect()
}

/// A log with `size` records, of which `signed` are signed.
fn log(rig: &Rig, signed: u64, size: u64) -> Arc<MemoryLog> {
    let store = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    let (sequencer, _) = sequencer.stage(items(0..signed)).unwrap();
    if signed > 0 {
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        signer.advance().unwrap();
    }
    sequencer.stage(items(signed..size)).unwrap();
    store
}

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

    fn index_of(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        self.store.index_of(leaf)
    }

    fn lookup(&self, key: &[u8], from: u64, most: usize) -> Result<Vec<u64>, StoreError> {
        self.store.lookup(key, from, most)
    }

    fn blob(&self, sha256: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.blob(sha256)
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

#[test]
fn a_signer_that_lies_gets_nothing_published() {
    for conduct in [
        Conduct::WrongKey,
        Conduct::OtherBytes,
        Conduct::Error,
        Conduct::SignsAndFails,
    ] {
        let rig = Rig::new();
        let store = log(&rig, 4, 9);
        let before = (rig.outside(), store.signed_head().unwrap());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        rig.key.behave(conduct);
        let error = signer.advance().err();
        match conduct {
            Conduct::Error | Conduct::SignsAndFails => {
                assert!(matches!(error, Some(HeadError::Signer(_))), "{error:?}");
            }
            _ => assert!(
                matches!(error, Some(HeadError::WrongSignature(_))),
                "{error:?}"
            ),
        }
        assert_eq!(
            before,
            (rig.outside(), store.signed_head().unwrap()),
            "{conduct:?}"
        );
        // More records, and an honest signer: it goes on, and whatever was signed in between is in.
        rig.key.behave(Conduct::Honest);
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        sequencer.stage(items(9..12)).unwrap();
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let head = signer.advance().unwrap();
        assert_eq!(head.head().unwrap().checkpoint.size, 12);
        rig.assert_one_history(&store);
    }
}

#[test]
fn a_swap_that_reports_failure_is_gone_forward_from_either_way() {
    for outcome in [Outcome::NotApplied, Outcome::Applied] {
        let rig = Rig::new();
        let store = log(&rig, 4, 9);
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        store.fail_write(1, outcome);
        let error = signer.advance().err();
        assert!(
            matches!(error, Some(HeadError::Store(StoreError::Failed { .. }))),
            "{error:?}"
        );
        // Never back: the head file knows.
        assert_eq!(rig.outside().unwrap().0, 9);
        let store = Arc::new(store.crash());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let expected = if outcome == Outcome::Applied { 9 } else { 4 };
        assert_eq!(signer.head().unwrap().checkpoint.size, expected);
        let signer = signer.advance().unwrap();
        assert_eq!(signer.head().unwrap().checkpoint.size, 9);
        rig.assert_one_history(&store);
    }
}

#[test]
fn a_batch_that_reports_failure_is_answered_to_nobody_and_staged_once() {
    for outcome in [Outcome::NotApplied, Outcome::Applied] {
        let store = Arc::new(MemoryLog::new());
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        let (sequencer, _) = sequencer.stage(items(0..3)).unwrap();
        store.fail_write(1, outcome);
        assert!(sequencer.stage(items(3..6)).is_err());
        // The store that failed takes nothing more, whoever holds it.
        assert!(
            store
                .stage(
                    3,
                    &Batch {
                        records: vec![record(9)],
                        blobs: Vec::new()
                    }
                )
                .is_err()
        );
        let store = Arc::new(store.crash());
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        let (_, placed) = sequencer.stage(items(0..6)).unwrap();
        let indices: Vec<u64> = placed.iter().map(|placed| placed.index).collect();
        assert_eq!(indices, [0, 1, 2, 3, 4, 5], "{outcome:?}");
        let added: u64 = placed.iter().map(|placed| placed.added).sum();
        assert_eq!(added, if outcome == Outcome::Applied { 0 } else { 3 });
        assert_eq!(store.staged().unwrap().size(), 6);
    }
}

/// The disk stays broken over several starts: nothing is sequenced or signed meanwhile, and it goes on
/// where it was once the disk is mended.
#[test]
fn a_disk_that_stays_broken_costs_time_only() {
    let rig = Rig::new();
    let mut store = log(&rig, 4, 9);
    store.fail_forever(Some(Outcome::NotApplied));
    for _ in 0..5 {
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        assert!(sequencer.stage(items(9..10)).is_err());
        store = Arc::new(store.crash());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        assert!(signer.advance().is_err());
        store = Arc::new(store.crash());
        assert_eq!(store.staged().unwrap().size(), 9);
    }
    store.fail_forever(None);
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    assert_eq!(signer.advance().unwrap().head().unwrap().checkpoint.size, 9);
    rig.assert_one_history(&store);
}

#[test]
fn an_older_or_another_database_is_refused() {
    let rig = Rig::new();
    let store = log(&rig, 9, 9);
    // The last record is gone; all are gone; the last one is another.
    for (records, end) in [(0..8, "older"), (0..0, "empty")] {
        let older = Arc::new(MemoryLog::new());
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&older)).unwrap();
        let staged = records.end;
        sequencer.stage(items(records)).unwrap();
        let error = rig.signer(older).err();
        let Some(HeadError::RolledBack {
            signed: 9,
            staged: found,
            ..
        }) = error
        else {
            panic!("{end}: {error:?}")
        };
        assert_eq!(found, staged);
    }
    let other = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&other)).unwrap();
    let (sequencer, _) = sequencer.stage(items(0..8)).unwrap();
    sequencer.stage(items(100..102)).unwrap();
    let error = rig.signer(other).err();
    assert!(
        matches!(error, Some(HeadError::Forked { size: 9, .. })),
        "{error:?}"
    );
    assert_eq!(rig.key.signed().len(), 1);
    // The right one, and the right one that has grown.
    drop(rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    sequencer.stage(items(9..11)).unwrap();
    rig.signer(store).unwrap().advance().unwrap();
}

/// A head file that was restored alone is behind the database, which proves the newer head.
#[test]
fn an_older_head_file_is_brought_forward() {
    let rig = Rig::new();
    let store = log(&rig, 4, 9);
    let path = HeadFile::path(rig.heads.path(), rig.key.verifier());
    let older = std::fs::read(&path).unwrap();
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    drop(signer.advance().unwrap());
    std::fs::write(&path, older).unwrap();
    assert_eq!(rig.outside().unwrap().0, 4);
    drop(rig.signer(store).unwrap());
    assert_eq!(rig.outside().unwrap().0, 9);
}

/// After a start, nothing new is signed before a quorum has answered for what was signed before.
#[test]
fn a_start_signs_nothing_until_the_quorum_knows_the_old_head() {
    let rig = Rig::new();
    let store = log(&rig, 4, 9);
    let publisher = rig.publisher(Arc::<MemoryLog>::clone(&store)).unwrap();
    let (mut publisher, outcome) = publisher.start(NOW).unwrap();
    let round = outcome.round.unwrap();
    assert_eq!(round.head.checkpoint.size, 4);
    for minute in 0..10 {
        let (next, outcome) = publisher.tick(Duration::from_secs(60 * minute)).unwrap();
        assert!(outcome.round.is_none() && outcome.published.is_none());
        publisher = next;
    }
    // A cosignature of another round counts for nothing.
    let lines = rig.cosign(&round.head.checkpoint);
    let (publisher, outcome) = publisher
        .cosigned(round.number + 1, lines.clone(), NOW)
        .unwrap();
    assert!(outcome.published.is_none());
    assert_eq!(rig.key.signed().len(), 1);
    let (_, outcome) = publisher.cosigned(round.number, lines, NOW).unwrap();
    assert_eq!(outcome.published.unwrap().checkpoint().size, 4);
    assert_eq!(outcome.round.unwrap().head.checkpoint.size, 9);
}

/// One witness may lie; a quorum that knows more than this log is believed.
#[test]
fn a_quorum_that_contradicts_stops_the_log_and_a_single_witness_does_not() {
    let names = ["a.example", "b.example", "c.example"];
    let keys = names.map(|name| {
        let seed = [name.as_bytes()[0]; 32];
        let key = NoteSigner::from_seed(name, SignatureType::CosignatureV1, &seed).unwrap();
        key.verifier().to_string()
    });
    let rig = Rig::new();
    let store = log(&rig, 4, 4);
    let open = || {
        let policy = format!(
            "log {}\nwitness a {}\nwitness b {}\nwitness c {}\ngroup g 2 a b c\nquorum g\n",
            rig.key.verifier(),
            keys[0],
            keys[1],
            keys[2],
        );
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let store: Arc<dyn LogStore> = Arc::<MemoryLog>::clone(&store);
        let signer = rig.signer(Arc::clone(&store)).unwrap();
        let minute = Duration::from_secs(60);
        let publisher = Publisher::open(store, policy, signer, NOW, minute).unwrap();
        publisher.start(NOW).unwrap().0
    };
    let error = open().contradicted(names[0], 5, 4, false).err();
    assert!(
        matches!(
            error,
            Some(PublisherError::WitnessAhead {
                theirs: 5,
                ours: 4,
                ..
            })
        ),
        "{error:?}"
    );

    let mut publisher = open();
    for _ in 0..3 {
        publisher = publisher.contradicted(names[0], 5, 4, true).unwrap();
    }
    // Nor do others that were asked about another head, or that nobody knows.
    publisher = publisher.contradicted(names[1], 9, 3, true).unwrap();
    publisher = publisher.contradicted("d.example", 9, 4, true).unwrap();
    let error = publisher.contradicted(names[2], 6, 4, true).err();
    assert!(
        matches!(
            error,
            Some(PublisherError::SignedElsewhere { theirs: 6, ours: 4 })
        ),
        "{error:?}"
    );
}

/// What one life of the log does, until its end or the first error: stage, sign, cosign, publish, five
/// times. `acked` learns what was answered.
fn live(rig: &Rig, store: &Arc<MemoryLog>, acked: &Mutex<Vec<(u64, u64)>>) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let shared = || Arc::<MemoryLog>::clone(store);
    let mut sequencer = Sequencer::open(shared()).map_err(|e| text(&e))?;
    let publisher = rig.publisher(shared()).map_err(|e| text(&e))?;
    let (mut publisher, mut outcome) = publisher.start(NOW).map_err(|e| text(&e))?;
    for batch in 0..5 {
        let numbers = batch * 60..batch * 60 + 75;
        let (next, placed) = sequencer
            .stage(items(numbers.clone()))
            .map_err(|e| text(&e))?;
        sequencer = next;
        let indices = placed.iter().map(|placed| placed.index);
        acked.lock().unwrap().extend(numbers.zip(indices));
        while let Some(round) = outcome.round.take() {
            let lines = rig.cosign(&round.head.checkpoint);
            let cosigned = publisher.cosigned(round.number, lines, NOW);
            (publisher, outcome) = cosigned.map_err(|e| text(&e))?;
        }
        (publisher, outcome) = publisher.tick(NOW).map_err(|e| text(&e))?;
    }
    while let Some(round) = outcome.round.take() {
        let lines = rig.cosign(&round.head.checkpoint);
        (publisher, outcome) = publisher
            .cosigned(round.number, lines, NOW)
            .map_err(|e| text(&e))?;
    }
    Ok(())
}

/// Lives and crashes at the given writes until a life comes to its end; the number of crashes.
fn crash_at(writes: &[(u64, Outcome)]) -> usize {
    let rig = Rig::new();
    // As `init` leaves it: with the record that opens the log.
    let mut store = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    sequencer.stage(items(1000..1001)).unwrap();
    for (nth, outcome) in writes {
        store.fail_write(*nth, *outcome);
    }
    let acked = Mutex::new(Vec::new());
    let mut published = 0;
    let mut crashes = 0;
    while live(&rig, &store, &acked).is_err() {
        crashes += 1;
        assert!(crashes <= writes.len(), "{writes:?}: it does not recover");
        store = Arc::new(store.crash());
        let size = |note: Note| Checkpoint::parse(note.text()).unwrap().size;
        let now = store.published().unwrap().map_or(0, size);
        assert!(
            now >= published,
            "{writes:?}: published {published}, then {now}"
        );
        published = now;
    }
    for (number, index) in acked.into_inner().unwrap() {
        let stored = store.record(index).unwrap();
        assert_eq!(
            stored.as_ref(),
            Some(&record(number).octets),
            "{writes:?}: {number}"
        );
    }
    rig.assert_one_history(&store);
    let newest = store.published().unwrap().unwrap();
    assert_eq!(Checkpoint::parse(newest.text()).unwrap().size, 316);
    assert_eq!(store.staged().unwrap().size(), 316);
    crashes
}

#[test]
fn a_crash_at_every_write_and_in_every_recovery() {
    const BOTH: [Outcome; 2] = [Outcome::NotApplied, Outcome::Applied];
    assert_eq!(crash_at(&[]), 0);
    let mut nth = 1;
    // Until a life ends before it gets to the nth write.
    while crash_at(&[(nth, BOTH[0])]) == 1 {
        assert_eq!(crash_at(&[(nth, BOTH[1])]), 1);
        for second in 1..=4 {
            for (one, two) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let both = [(nth, BOTH[one]), (nth + second, BOTH[two])];
                assert!(crash_at(&both) >= 1, "{both:?}");
            }
        }
        nth += 1;
    }
    assert!(
        nth > 15,
        "only {nth} writes: stage, sign and publish, five times each"
    );
}
