//! A log that lives in memory, signs whatever a test wants, and proves what is true, on a clock
//! that stands still.

use std::convert::Infallible;
use std::sync::Arc;

pub(crate) use ishibumi_store::HandClock;
use ishibumi_store::{Clock, Registers, StoreError};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::{leaf_hash, node_hash};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::tree::{self, NodeReader};
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_witness::{Cosigners, Identity, Refusal, Witness};

pub(crate) const ORIGIN: &str = "log.example/2026";
pub(crate) const WITNESS: &str = "witness.example/w1";
pub(crate) const START: u64 = 1_800_000_000;

pub(crate) struct TestLog {
    pub(crate) key: NoteSigner,
    origin: String,
    levels: Vec<Vec<Hash>>,
}

impl NodeReader for TestLog {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        Ok(self.levels[usize::from(level)][usize::try_from(index).unwrap()])
    }
}

impl TestLog {
    /// `size` leaves; those from `fork` on differ from those of every other `fork`.
    pub(crate) fn new(size: u64, fork: u64) -> Self {
        Self::named(ORIGIN, 1, size, fork)
    }

    pub(crate) fn named(origin: &str, seed: u8, size: u64, fork: u64) -> Self {
        let leaf =
            |i: u64| leaf_hash(format!("{i} {}", if i < fork { 0 } else { fork }).as_bytes());
        let mut levels = vec![(0..size).map(leaf).collect::<Vec<_>>()];
        while levels.last().unwrap().len() > 1 {
            let below = levels.last().unwrap();
            levels.push(
                below
                    .chunks_exact(2)
                    .map(|pair| node_hash(pair[0], pair[1]))
                    .collect(),
            );
        }
        Self {
            key: NoteSigner::from_seed(origin, SignatureType::Ed25519, &[seed; 32]).unwrap(),
            origin: origin.to_owned(),
            levels,
        }
    }

    pub(crate) fn vkey(&self) -> &VerifierKey {
        self.key.verifier()
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint::new(&self.origin, size, tree::root(self, size).unwrap())
    }

    pub(crate) fn note(&self, size: u64) -> Note {
        self.sign(&self.checkpoint(size).to_text())
    }

    pub(crate) fn sign(&self, text: &str) -> Note {
        Note::new(text.to_owned(), vec![self.key.sign(text).unwrap()])
    }

    pub(crate) fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        tree::prove_consistency(self, old, new).unwrap().unwrap()
    }

    /// An honest request.
    pub(crate) fn request(&self, old: u64, new: u64) -> Vec<u8> {
        body(old, &self.proof(old, new), &self.note(new))
    }
}

/// A log that never forks.
pub(crate) fn log(size: u64) -> TestLog {
    TestLog::new(size, u64::MAX)
}

pub(crate) fn body(old: u64, proof: &[Hash], note: &Note) -> Vec<u8> {
    let lines: String = proof.iter().map(|hash| hash.to_base64() + "\n").collect();
    format!("old {old}\n{lines}\n{}", note.encode()).into_bytes()
}

/// A clock that shows [`START`] until the test moves it.
pub(crate) fn clock() -> HandClock {
    HandClock::at(START)
}

/// The Ed25519 key of the witness.
pub(crate) fn cosigner() -> Cosigner {
    cosigner_named(WITNESS, 9)
}

/// The ML-DSA-44 key of the witness.
pub(crate) fn pq_cosigner() -> Cosigner {
    made(WITNESS, SignatureType::SubtreeV1, 8)
}

pub(crate) fn cosigner_named(name: &str, seed: u8) -> Cosigner {
    made(name, SignatureType::CosignatureV1, seed)
}

pub(crate) fn made(name: &str, kind: SignatureType, seed: u8) -> Cosigner {
    Cosigner::new(NoteSigner::from_seed(name, kind, &[seed; 32]).unwrap()).unwrap()
}

/// Both keys of the witness: as `init` makes them.
pub(crate) fn cosigners() -> Cosigners {
    Cosigners::new(vec![cosigner(), pq_cosigner()]).unwrap()
}

pub(crate) fn own_keys() -> Vec<VerifierKey> {
    cosigners().verifiers().cloned().collect()
}

pub(crate) fn identity() -> Identity {
    Identity::new(own_keys()).unwrap()
}

/// A witness that watches [`ORIGIN`], over `registers` that may hold one already.
pub(crate) fn witness<R: Registers>(registers: R, clock: HandClock) -> Witness<R, HandClock> {
    if registers.names().unwrap().is_empty() {
        Witness::<R, HandClock>::init(&registers, &identity()).unwrap();
    }
    let witness = Witness::open(registers, clock, cosigners(), Box::new(|_| {})).unwrap();
    witness.follower().add_log(log(0).vkey()).unwrap();
    witness
}

/// Submits, and checks that what comes back is a valid cosignature over the log's checkpoint of
/// `new`.
pub(crate) fn cosigned<R: Registers, C: Clock>(
    witness: &Witness<R, C>,
    log: &TestLog,
    old: u64,
    new: u64,
) -> u64 {
    let lines = witness.add_checkpoint(&log.request(old, new)).unwrap();
    check_lines(&lines, log, new, witness.identity().active())
}

/// Checks that each of `keys` made one of `lines`, all at one time, which is returned.
pub(crate) fn check_lines(
    lines: &[SignatureLine],
    log: &TestLog,
    size: u64,
    keys: &[VerifierKey],
) -> u64 {
    let note = Note::new(log.checkpoint(size).to_text(), lines.to_vec());
    let verified = note.verify(keys).unwrap();
    assert_eq!((lines.len(), verified.len()), (keys.len(), keys.len()));
    let times: Vec<Option<u64>> = verified.iter().map(|line| line.time).collect();
    assert!(times.iter().all(|time| *time == times[0]));
    times[0].unwrap()
}

/// The status of a refused request.
pub(crate) fn status<R: Registers, C: Clock>(witness: &Witness<R, C>, body: &[u8]) -> u16 {
    refusal(witness, body).status()
}

pub(crate) fn refusal<R: Registers, C: Clock>(witness: &Witness<R, C>, body: &[u8]) -> Refusal {
    witness.add_checkpoint(body).unwrap_err()
}

/// The size that the witness shows to the world.
pub(crate) fn shown_size<R: Registers, C: Clock>(witness: &Witness<R, C>) -> u64 {
    let note = witness.checkpoint(Hash::of(ORIGIN.as_bytes())).unwrap();
    note.map_or(0, |note| Checkpoint::parse(note.text()).unwrap().size)
}

/// Registers that the test keeps a hand on.
pub(crate) struct Shared<R>(pub(crate) Arc<R>);

impl<R: Registers> Registers for Shared<R> {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(name)
    }

    fn swap(&self, name: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<(), StoreError> {
        self.0.swap(name, expected, new)
    }

    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.names()
    }
}

/// Sets a register to a value of the test's choice, as a restored backup or a vandal would.
pub(crate) fn overwrite<R: Registers>(registers: &R, name: &[u8], value: &[u8]) {
    let present = registers.read(name).unwrap();
    registers.swap(name, present.as_deref(), value).unwrap();
}

/// The register of [`ORIGIN`]'s state.
pub(crate) fn log_register() -> Vec<u8> {
    format!("log/{}", Hash::of(ORIGIN.as_bytes())).into_bytes()
}
