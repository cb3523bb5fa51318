//! A log, three witnesses and a tree of 13 leaves, all from fixed seeds: what the tests of notes,
//! policies and proofs share.

use std::fmt::Write as _;

use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tree::prove_inclusion;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

use super::memory::Nodes;
use super::oracle;

pub(crate) const ORIGIN: &str = "log.example/stone";
pub(crate) const SIZE: u64 = 13;

/// The log's key, from a seed of ones.
pub(crate) fn log_key() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[1; 32]).unwrap()
}

/// Witness `n`, from a seed of `100 + n`.
pub(crate) fn witness(n: u8) -> Cosigner {
    let name = format!("witness.example/w{n}");
    let key = NoteSigner::from_seed(&name, SignatureType::CosignatureV1, &[100 + n; 32]).unwrap();
    Cosigner::new(key).unwrap()
}

/// The log's second key, of ML-DSA-44, from a seed of twos.
pub(crate) fn log_key_ml_dsa() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, SignatureType::SubtreeV1, &[2; 32]).unwrap()
}

/// Post-quantum witness `n`, from a seed of `150 + n`.
pub(crate) fn witness_ml_dsa(n: u8) -> Cosigner {
    let name = format!("witness.example/pq{n}");
    let key = NoteSigner::from_seed(&name, SignatureType::SubtreeV1, &[150 + n; 32]).unwrap();
    Cosigner::new(key).unwrap()
}

/// A policy over the log above and `count` witnesses named `w0`, `w1`, ...; `rest` comes below
/// them.
pub(crate) fn policy_text(count: u8, rest: &str) -> String {
    let mut text = format!("log {}\n", log_key().verifier());
    for n in 0..count {
        writeln!(text, "witness w{n} {}", witness(n).verifier()).unwrap();
    }
    text + rest
}

/// Two of three.
pub(crate) fn policy() -> Policy {
    Policy::parse(policy_text(3, "group all 2 w0 w1 w2\nquorum all\n").as_bytes()).unwrap()
}

pub(crate) fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

fn tree() -> Vec<oracle::H> {
    (0..SIZE)
        .map(|index| oracle::leaf(&record(index)))
        .collect()
}

pub(crate) fn checkpoint() -> Checkpoint {
    Checkpoint::new(ORIGIN, SIZE, Hash(oracle::mth(&tree())))
}

/// The checkpoint, signed by the log and cosigned by each witness at its time.
pub(crate) fn cosigned(times: &[(u8, u64)]) -> Note {
    let checkpoint = checkpoint();
    let text = checkpoint.to_text();
    let mut note = Note::new(text.clone(), vec![log_key().sign(&text).unwrap()]);
    for &(n, time) in times {
        note.push(witness(n).cosign(&checkpoint, time).unwrap());
    }
    note
}

/// A proof of record `index` whose checkpoint is `note`.
pub(crate) fn proof(index: u64, note: Note) -> TlogProof {
    let nodes = Nodes::over(&tree());
    let Ok(hashes) = prove_inclusion(&nodes.first(SIZE), index, SIZE);
    TlogProof {
        index,
        hashes: hashes.unwrap(),
        checkpoint: note,
    }
}
