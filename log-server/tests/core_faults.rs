//! The core of the log on a disk that fails, under a signer that lies, with memory that flips bits; and
//! a crash at every write, with another one during the recovery.
//!
//! What has to hold throughout: the key signs one root per size, every signed tree continues the one
//! before it, whatever was answered is there, and nothing is signed that was not read back.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ishibumi_log::core::{
    HeadError, HeadSigner, Item, LogKeys, Publisher, PublisherError, Sequencer, SequencerError,
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

fn key(kind: SignatureType, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, kind, &[seed; 32]).unwrap()
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
    /// It states a time (ML-DSA-44; the other has none to state).
    Timed,
}

/// A key of the log, with a memory of every text that it signed.
struct Key {
    honest: NoteSigner,
    wrong: NoteSigner,
    conduct: Mutex<Conduct>,
    signed: Mutex<Vec<Checkpoint>>,
}

impl Key {
    fn new(kind: SignatureType) -> Arc<Self> {
        Arc::new(Self {
            honest: key(kind, 1),
            wrong: key(kind, 2),
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
            Conduct::Timed if self.verifier().kind().is_post_quantum() => {
                let cosigner = Cosigner::new(key(self.verifier().kind(), 1)).unwrap();
                let checkpoint = Checkpoint::parse(text).unwrap();
                return Ok(cosigner.cosign(&checkpoint, 1_800_000_000).unwrap());
            }
            Conduct::Honest | Conduct::SignsAndFails | Conduct::Timed => self.honest.sign(text)?,
        };
        let checkpoint = Checkpoint::parse(text).unwrap();
        self.signed.lock().unwrap().push(checkpoint);
        if conduct == Conduct::SignsAndFails {
            return Err(SignerError("the line was cut".into()));
        }
        Ok(answer)
    }
}

/// A log's surroundings: its head file, its keys, its one witness.
struct Rig {
    heads: tempfile::TempDir,
    key: Arc<Key>,
    beside: Option<Arc<Key>>,
    witness: Cosigner,
}

impl Rig {
    fn new() -> Self {
        let heads = tempfile::tempdir().unwrap();
        let key = Key::new(SignatureType::Ed25519);
        drop(HeadFile::create(heads.path(), key.verifier()).unwrap());
        let witness = "witness.example";
        let witness = NoteSigner::from_seed(witness, SignatureType::CosignatureV1, &[9; 32]);
        Self {
            heads,
            key,
            beside: Some(Key::new(SignatureType::SubtreeV1)),
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
        let signer = |key: &Arc<Key>| Arc::<Key>::clone(key) as Arc<dyn Signer>;
        let keys = LogKeys {
            ed25519: signer(&self.key),
            ml_dsa_44: self.beside.as_ref().map(signer),
        };
        HeadSigner::open(store, keys, self.head_file())
    }

    fn publisher(&self, store: Arc<dyn LogStore>) -> Result<Publisher, PublisherError> {
        let mut policy = format!("log {}\n", self.key.verifier());
        if let Some(beside) = &self.beside {
            writeln!(policy, "log {}", beside.verifier()).unwrap();
        }
        write!(policy, "witness w {}\nquorum w\n", self.witness.verifier()).unwrap();
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
        let beside = self.beside.iter().flat_map(|key| key.signed());
        for checkpoint in self.key.signed().into_iter().chain(beside) {
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
    let conducts = [
        Conduct::WrongKey,
        Conduct::OtherBytes,
        Conduct::Error,
        Conduct::SignsAndFails,
    ];
    let of_either = conducts.map(|conduct| [(false, conduct), (true, conduct)]);
    let all = of_either.into_iter().flatten();
    for (second, conduct) in all.chain([(true, Conduct::Timed)]) {
        let rig = Rig::new();
        let store = log(&rig, 4, 9);
        let before = (rig.outside(), store.signed_head().unwrap());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let beside = rig.beside.as_ref().unwrap();
        let key = if second { beside } else { &rig.key };
        key.behave(conduct);
        let error = signer.advance().err();
        match conduct {
            Conduct::Error | Conduct::SignsAndFails => {
                assert!(matches!(error, Some(HeadError::Signer(_))), "{error:?}");
            }
            _ => assert!(
                matches!(&error, Some(HeadError::WrongSignature { key: named, .. })
                    if *named == key.verifier().id()),
                "{error:?}"
            ),
        }
        assert_eq!(
            before,
            (rig.outside(), store.signed_head().unwrap()),
            "{conduct:?}"
        );
        // More records, and an honest signer: it goes on, and whatever was signed in between is in.
        key.behave(Conduct::Honest);
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        sequencer.stage(items(9..12)).unwrap();
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let head = signer.advance().unwrap();
        assert_eq!(head.head().unwrap().checkpoint.size, 12);
        rig.assert_one_history(&store);
    }
}

/// How many of the log's keys have signed the head that the store holds; all that is there verifies.
fn signatures(rig: &Rig, store: &MemoryLog) -> usize {
    let mut keys = vec![rig.key.verifier().clone()];
    keys.extend(rig.beside.iter().map(|key| key.verifier().clone()));
    let head = store.signed_head().unwrap().unwrap();
    let verified = head.verify(&keys).unwrap();
    assert_eq!(verified.len(), head.signatures().len());
    verified.len()
}

/// A log that has signed with Ed25519 alone gets its second key: the head that is there already is signed
/// with it, but not before the quorum has said that this head is not an old one.
#[test]
fn a_key_that_is_added_signs_the_old_head_once_the_quorum_knows_it() {
    for failing in [None, Some(Outcome::NotApplied), Some(Outcome::Applied)] {
        let mut rig = Rig::new();
        let beside = rig.beside.take();
        let store = log(&rig, 4, 4);
        assert_eq!(signatures(&rig, &store), 1);
        let text = store.signed_head().unwrap().unwrap().text().to_owned();
        let outside = rig.outside();

        rig.beside = beside;
        let publisher = rig.publisher(Arc::<MemoryLog>::clone(&store)).unwrap();
        let (publisher, outcome) = publisher.start(NOW).unwrap();
        let round = outcome.round.unwrap();
        assert_eq!(signatures(&rig, &store), 1, "the witness has not answered");
        if let Some(outcome) = failing {
            // The second write: the first is what publishes.
            store.fail_write(2, outcome);
        }
        let lines = rig.cosign(&round.head.checkpoint);
        let cosigned = publisher.cosigned(round.number, lines, NOW);
        let Some(failing) = failing else {
            let (_, outcome) = cosigned.unwrap();
            let head = outcome.round.unwrap().head;
            assert_eq!(
                head.note.text(),
                text,
                "the same head, with one signature more"
            );
            assert_eq!(signatures(&rig, &store), 2);
            assert_eq!(rig.outside(), outside);
            continue;
        };
        assert!(cosigned.is_err());
        let store = Arc::new(store.crash());
        let applied = usize::from(failing == Outcome::Applied);
        assert_eq!(signatures(&rig, &store), 1 + applied);
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        signer.advance().unwrap();
        assert_eq!(signatures(&rig, &store), 2);
        rig.assert_one_history(&store);
    }
}

#[test]
fn a_stored_head_whose_second_signature_is_damaged_is_refused() {
    let rig = Rig::new();
    let store = log(&rig, 4, 9);
    let whole = store.signed_head().unwrap().unwrap();
    let mut lines = whole.signatures().to_vec();
    *lines[1].signature.last_mut().unwrap() ^= 1;
    let damaged = Note::new(whole.text().to_owned(), lines);
    store.swap_signed_head(Some(&whole), &damaged).unwrap();
    let error = rig.signer(Arc::<MemoryLog>::clone(&store)).err();
    assert!(
        matches!(error, Some(HeadError::ForeignHead(_))),
        "{error:?}"
    );
    store.swap_signed_head(Some(&damaged), &whole).unwrap();
    rig.signer(store).unwrap().advance().unwrap();
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

/// A witness that is always late still counts for what is kept, as long as that is remembered.
#[test]
fn cosignatures_that_come_late_are_added_to_what_is_kept() {
    let rig = Rig::new();
    let store = log(&rig, 1, 1);
    let late = NoteSigner::from_seed("late.example", SignatureType::SubtreeV1, &[8; 32]);
    let late = Cosigner::new(late.unwrap()).unwrap();
    let policy = format!(
        "log {}\nlog {}\nwitness w {}\nwitness l {}\ngroup g any w l\nquorum g\n",
        rig.key.verifier(),
        rig.beside.as_ref().unwrap().verifier(),
        rig.witness.verifier(),
        late.verifier(),
    );
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    let second = Duration::from_secs(1);
    let shared = Arc::<MemoryLog>::clone(&store);
    let publisher = Publisher::open(shared, policy, signer, second, 60 * second).unwrap();
    let (mut publisher, mut outcome) = publisher.start(NOW).unwrap();
    let mut sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    let mut rounds = Vec::new();
    // Four rounds a second: one of them is kept.
    for quarter in 0..12_u32 {
        let now = second * quarter / 4;
        let size = u64::from(quarter) + 1;
        let round = outcome.round.take().unwrap();
        assert_eq!(round.head.checkpoint.size, size);
        let lines = rig.cosign(&round.head.checkpoint);
        let (next, done) = publisher.cosigned(round.number, lines, now).unwrap();
        assert_eq!(done.published.unwrap().checkpoint().size, size);
        rounds.push(round);
        sequencer = sequencer.stage(items(size..size + 1)).unwrap().0;
        (publisher, outcome) = next.tick(now + second / 4).unwrap();
    }
    let flagged: Vec<u64> = rounds.iter().filter(|r| r.keep).map(|r| r.number).collect();
    assert_eq!(flagged, [1, 5, 9]);
    assert_eq!(store.kept_sizes(0, 99).unwrap(), [1, 5, 9]);
    let published = store.published().unwrap();
    for round in &rounds[..10] {
        let line = late.cosign(&round.head.checkpoint, 1_800_000_001).unwrap();
        let (next, outcome) = publisher
            .cosigned(round.number, vec![line], second)
            .unwrap();
        assert!(outcome.published.is_none() && outcome.round.is_none());
        publisher = next;
    }
    assert_eq!(
        store.published().unwrap(),
        published,
        "nothing else changed"
    );
    for size in [1, 5, 9] {
        let kept = store.kept(size).unwrap().unwrap().note;
        assert_eq!(
            kept.signatures().len(),
            4,
            "the log's two, and both witnesses'"
        );
    }
    assert_eq!(store.kept_sizes(0, 99).unwrap(), [1, 5, 9]);
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
            "log {}\nlog {}\nwitness a {}\nwitness b {}\nwitness c {}\ngroup g 2 a b c\nquorum g\n",
            rig.key.verifier(),
            rig.beside.as_ref().unwrap().verifier(),
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
