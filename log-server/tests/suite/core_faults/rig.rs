//! Parts that the tests share: a log's keys, which may misbehave, its head file and its one
//! witness.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ishibumi_log::core::{
    HeadError, HeadSigner, Item, LogKeys, Publisher, PublisherError, Sequencer,
};
use ishibumi_store::{HeadFile, LogStore, MemoryLog, NewRecord, Signer, SignerError, StoredTiles};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::SignatureLine;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::root;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

pub(crate) const ORIGIN: &str = "log.example/core";
pub(crate) const NOW: Duration = Duration::ZERO;

pub(crate) fn key(kind: SignatureType, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, kind, &[seed; 32]).unwrap()
}

/// The conduct of a signer that is asked to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
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
pub(crate) struct Key {
    pub(crate) honest: NoteSigner,
    pub(crate) wrong: NoteSigner,
    pub(crate) conduct: Mutex<Conduct>,
    pub(crate) signed: Mutex<Vec<Checkpoint>>,
}

impl Key {
    pub(crate) fn new(kind: SignatureType) -> Arc<Self> {
        Arc::new(Self {
            honest: key(kind, 1),
            wrong: key(kind, 2),
            conduct: Mutex::new(Conduct::Honest),
            signed: Mutex::default(),
        })
    }

    pub(crate) fn behave(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    pub(crate) fn signed(&self) -> Vec<Checkpoint> {
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
pub(crate) struct Rig {
    pub(crate) heads: tempfile::TempDir,
    pub(crate) key: Arc<Key>,
    pub(crate) beside: Option<Arc<Key>>,
    pub(crate) witness: Cosigner,
}

impl Rig {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn head_file(&self) -> HeadFile {
        HeadFile::open(self.heads.path(), self.key.verifier()).unwrap()
    }

    pub(crate) fn outside(&self) -> Option<(u64, Hash)> {
        let head = self.head_file().read().unwrap();
        head.map(|head| (head.size, head.root))
    }

    pub(crate) fn signer(&self, store: Arc<dyn LogStore>) -> Result<HeadSigner, HeadError> {
        HeadSigner::open(store, self.keys(), self.head_file())
    }

    pub(crate) fn keys(&self) -> LogKeys {
        let signer = |key: &Arc<Key>| Arc::<Key>::clone(key) as Arc<dyn Signer>;
        LogKeys {
            ed25519: signer(&self.key),
            ml_dsa_44: self.beside.as_ref().map(signer),
        }
    }

    pub(crate) fn publisher(&self, store: Arc<dyn LogStore>) -> Result<Publisher, PublisherError> {
        let mut policy = format!("log {}\n", self.key.verifier());
        if let Some(beside) = &self.beside {
            writeln!(policy, "log {}", beside.verifier()).unwrap();
        }
        write!(policy, "witness w {}\nquorum w\n", self.witness.verifier()).unwrap();
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let signer = self.signer(Arc::clone(&store))?;
        Publisher::open(store, policy, signer, NOW, Duration::from_secs(60))
    }

    pub(crate) fn cosign(&self, checkpoint: &Checkpoint) -> Vec<SignatureLine> {
        vec![self.witness.cosign(checkpoint, 1_800_000_000).unwrap()]
    }

    /// One root per size, and each is the root of the records that are there in the end.
    pub(crate) fn assert_one_history(&self, store: &MemoryLog) {
        let tiles = StoredTiles(store);
        let beside = self.beside.iter().flat_map(|key| key.signed());
        for checkpoint in self.key.signed().into_iter().chain(beside) {
            let size = checkpoint.size;
            let stored = root(&TileNodes::new(&tiles, size), size).unwrap();
            assert_eq!(checkpoint.root, stored, "two histories at size {size}");
        }
    }
}

pub(crate) fn record(number: u64) -> NewRecord {
    let octets = format!("record {number}").into_bytes();
    NewRecord {
        leaf: leaf_hash(&octets),
        octets,
        keys: Vec::new(),
    }
}

pub(crate) fn items(numbers: std::ops::Range<u64>) -> Vec<Item> {
    numbers
        .map(|number| Item {
            records: vec![record(number)],
            ..Item::default()
        })
        .collect()
}

/// A log with `size` records, of which `signed` are signed.
pub(crate) fn log(rig: &Rig, signed: u64, size: u64) -> Arc<MemoryLog> {
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
