//! A small log with real keys: it signs, three witnesses cosign, and its files are written out as
//! C2SP tlog-tiles has them.

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use ishibumi_artifact::record::{Body, LogOpened, LogStatement, Opaque, Record};
use ishibumi_artifact::{Anchors, ArtifactType, admit};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::fork::Prefix;
use ishibumi_tlog::hash::{leaf_hash, node_hash};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tile::{Tile, TileKind, TilePath, encode_bundle, tiles};
use ishibumi_tlog::tree::{NodeReader, prove_consistency, prove_inclusion, root};
use ishibumi_tlog::{Checkpoint, Hash};

pub(crate) const ORIGIN: &str = "t.example/log";

pub(crate) struct Log {
    origin: String,
    signer: NoteSigner,
    witnesses: Vec<Cosigner>,
    quantum: Vec<Cosigner>,
    records: Vec<Vec<u8>>,
    leaves: Leaves,
}

#[derive(Default)]
struct Leaves(Vec<Vec<Hash>>);

impl Leaves {
    fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.0.len() == level {
                self.0.push(Vec::new());
            }
            self.0[level].push(hash);
            let [.., left, right] = self.0[level][..] else {
                return;
            };
            if self.0[level].len() % 2 == 1 {
                return;
            }
            hash = node_hash(left, right);
        }
    }
}

impl NodeReader for Leaves {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        Ok(self.0[usize::from(level)][usize::try_from(index).unwrap()])
    }
}

impl Log {
    /// A log with its opening statement, and keys that are the same in every test.
    pub(crate) fn new() -> Self {
        let mut log = Self::foreign();
        let vkey = log.signer.verifier().to_string();
        let opened = LogOpened::new(ORIGIN, &[&vkey], None).unwrap();
        log.add(&Body::Log(LogStatement::Opened(opened)).into());
        log
    }

    /// A log of another operator, still empty, with the same keys.
    pub(crate) fn foreign() -> Self {
        Self::named(ORIGIN, 0)
    }

    /// A log that is still empty, with keys and witnesses of its own for each `family`.
    pub(crate) fn named(origin: &str, family: u8) -> Self {
        let seed = 1 + 100 * family;
        let signer = NoteSigner::from_seed(origin, SignatureType::Ed25519, &[seed; 32]).unwrap();
        let witness = |n: u8| {
            let name = format!("w{n}.example");
            let seed = 10 + n + 100 * family;
            let key = NoteSigner::from_seed(&name, SignatureType::CosignatureV1, &[seed; 32]);
            Cosigner::new(key.unwrap()).unwrap()
        };
        let quantum = |n: u8| {
            let name = format!("q{n}.example");
            let key = NoteSigner::from_seed(&name, SignatureType::SubtreeV1, &[20 + n; 32]);
            Cosigner::new(key.unwrap()).unwrap()
        };
        Self {
            origin: origin.to_owned(),
            signer,
            witnesses: (1..=3).map(witness).collect(),
            quantum: (1..=2).map(quantum).collect(),
            records: Vec::new(),
            leaves: Leaves::default(),
        }
    }

    /// A policy of three Ed25519 witnesses and two with ML-DSA-44 keys, of which any two are a
    /// quorum.
    pub(crate) fn mixed_policy(&self) -> String {
        let mut policy = format!("log {}\n", self.signer.verifier());
        for (letter, witnesses) in [("w", &self.witnesses), ("q", &self.quantum)] {
            for (n, witness) in (1_u8..).zip(witnesses) {
                let key = witness.verifier();
                policy += &[
                    "witness ",
                    letter,
                    &n.to_string(),
                    " ",
                    &key.to_string(),
                    "\n",
                ]
                .concat();
            }
        }
        policy + "group two 2 w1 w2 w3 q1 q2\nquorum two\n"
    }

    /// The checkpoint of `size`, cosigned also by the first ML-DSA-44 witnesses at these times.
    pub(crate) fn mixed_note(&self, size: u64, times: &[u64], quantum: &[u64]) -> Note {
        let mut note = self.note(size, times);
        for (witness, &time) in self.quantum.iter().zip(quantum) {
            note.push(witness.cosign(&self.checkpoint(size), time).unwrap());
        }
        note
    }

    pub(crate) fn policy(&self) -> String {
        let mut policy = format!("log {}\n", self.signer.verifier());
        for (n, witness) in (1_u8..).zip(&self.witnesses) {
            policy += &[
                "witness w",
                n.to_string().as_str(),
                " ",
                &witness.verifier().to_string(),
                "\n",
            ]
            .concat();
        }
        policy + "group two 2 w1 w2 w3\nquorum two\n"
    }

    pub(crate) fn size(&self) -> u64 {
        self.records.len() as u64
    }

    pub(crate) fn add(&mut self, record: &Record) -> u64 {
        self.add_octets(record.encode())
    }

    pub(crate) fn add_octets(&mut self, record: Vec<u8>) -> u64 {
        self.leaves.push(leaf_hash(&record));
        self.records.push(record);
        self.size() - 1
    }

    /// Adds records that only say how many they are.
    pub(crate) fn grow(&mut self, to: u64) {
        while self.size() < to {
            let text = format!("record {}", self.size());
            self.add(&Body::Opaque(Opaque::new("body", text.as_bytes()).unwrap()).into());
        }
    }

    /// Admits an artifact; the index of its own record.
    pub(crate) fn submit(&mut self, kind: ArtifactType, octets: &[u8], anchors: &Anchors) -> u64 {
        let admitted = admit(kind, octets, anchors).unwrap();
        let indices: Vec<u64> = admitted
            .records()
            .iter()
            .map(|record| self.add(record))
            .collect();
        *indices.last().unwrap()
    }

    /// What tiles of this log say about the first `old` leaves of the tree of `new`.
    pub(crate) fn prefix(&self, old: u64, new: u64) -> Prefix {
        let Ok(root) = root(&self.leaves, old);
        let Ok(proof) = prove_consistency(&self.leaves, old, new);
        let proof = proof.unwrap();
        Prefix { root, proof }
    }

    /// The log's key.
    pub(crate) fn key(&self) -> VerifierKey {
        self.signer.verifier().clone()
    }

    pub(crate) fn record(&self, index: u64) -> &[u8] {
        &self.records[usize::try_from(index).unwrap()]
    }

    pub(crate) fn index_of(&self, leaf: Hash) -> Option<u64> {
        self.records
            .iter()
            .position(|record| leaf_hash(record) == leaf)
            .map(|at| at as u64)
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        let Ok(root) = root(&self.leaves, size);
        Checkpoint::new(&*self.origin, size, root)
    }

    /// The checkpoint of `size`, signed, and cosigned by the first witnesses at these times.
    pub(crate) fn note(&self, size: u64, times: &[u64]) -> Note {
        let checkpoint = self.checkpoint(size);
        let text = checkpoint.to_text();
        let mut lines = vec![self.signer.sign(&text).unwrap()];
        for (witness, &time) in self.witnesses.iter().zip(times) {
            lines.push(witness.cosign(&checkpoint, time).unwrap());
        }
        Note::new(text, lines)
    }

    /// Any text, signed by the log alone.
    pub(crate) fn signed(&self, text: String) -> Note {
        let line = self.signer.sign(&text).unwrap();
        Note::new(text, vec![line])
    }

    pub(crate) fn proof(&self, index: u64, times: &[u64]) -> String {
        self.proof_under(index, self.note(self.size(), times))
    }

    /// The proof under `checkpoint`, a note of the present size.
    pub(crate) fn proof_under(&self, index: u64, checkpoint: Note) -> String {
        let Ok(hashes) = prove_inclusion(&self.leaves, index, self.size());
        let proof = TlogProof {
            index,
            hashes: hashes.unwrap(),
            checkpoint,
        };
        proof.encode()
    }

    /// The file at `path` in the tree of `size` leaves.
    pub(crate) fn file(&self, path: TilePath) -> Vec<u8> {
        let start = usize::try_from(path.index * 256).unwrap();
        let range = start..start + usize::from(path.width);
        match path.kind {
            TileKind::Entries => encode_bundle(&self.records[range]).unwrap(),
            TileKind::Hashes(level) => Tile::encode(&self.leaves.0[usize::from(level) * 8][range]),
        }
    }

    /// Writes everything below a checkpoint of the present size that all witnesses cosigned.
    pub(crate) fn publish(&self, folder: &Path, time: u64) {
        let size = self.size();
        for (level, index, width) in tiles(size) {
            let mut paths = vec![TilePath {
                kind: TileKind::Hashes(level),
                index,
                width,
            }];
            if level == 0 {
                paths.push(TilePath {
                    kind: TileKind::Entries,
                    index,
                    width,
                });
            }
            for path in paths {
                let file = folder.join(path.to_string());
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, self.file(path)).unwrap();
            }
        }
        fs::write(
            folder.join("checkpoint"),
            self.note(size, &[time; 3]).encode(),
        )
        .unwrap();
    }

    /// Keeps the checkpoint of `size`, as all witnesses cosigned it.
    pub(crate) fn keep(&self, folder: &Path, size: u64, time: u64) {
        let folder = folder.join("checkpoints");
        fs::create_dir_all(&folder).unwrap();
        let note = self.note(size, &[time; 3]).encode();
        fs::write(folder.join(size.to_string()), note).unwrap();
    }
}
