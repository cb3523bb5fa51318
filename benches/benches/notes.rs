//! The cost of signatures: signing and cosigning a checkpoint, reading and verifying the note of a
//! log and three witnesses, and checking a whole proof under a 2-of-3 policy.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tree::Frontier;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

const ORIGIN: &str = "log.example/bench";
const RECORD: &[u8] = b"the record that is proven";
/// Seconds since the Epoch, 2026.
const TIME: u64 = 1_790_000_000;
const SIZE: u64 = 1 << 20;

struct World {
    log: NoteSigner,
    witnesses: [Cosigner; 3],
    checkpoint: Checkpoint,
    proof: TlogProof,
}

impl World {
    /// A tree of 2^20 leaves, the first of which is [`RECORD`] and whose others are all alike, so
    /// that the audit path of the first is made of the complete subtrees of equal leaves.
    fn new() -> Self {
        let other = leaf_hash(b"all others");
        let mut frontier = Frontier::new();
        let mut path: Vec<Hash> = Vec::new();
        frontier.append(leaf_hash(RECORD), |_, _, _| {});
        let mut subtree = other;
        for _ in 0..20 {
            path.push(subtree);
            subtree = ishibumi_tlog::hash::node_hash(subtree, subtree);
        }
        for _ in 1..SIZE {
            frontier.append(other, |_, _, _| {});
        }
        let checkpoint = Checkpoint::new(ORIGIN, SIZE, frontier.root());
        let key = |name: &str, kind, seed| NoteSigner::from_seed(name, kind, &[seed; 32]);
        let log = key(ORIGIN, SignatureType::Ed25519, 1).expect("a key");
        let witnesses = [1, 2, 3].map(|n| {
            let name = format!("witness{n}.example");
            let key = key(&name, SignatureType::CosignatureV1, 1 + n).expect("a key");
            Cosigner::new(key).expect("a cosigner's key")
        });
        let text = checkpoint.to_text();
        let mut lines = vec![log.sign(&text).expect("a log's key")];
        let cosigned = witnesses.iter().filter_map(|w| w.cosign(&checkpoint, TIME));
        lines.extend(cosigned);
        let proof = TlogProof {
            index: 0,
            hashes: path,
            checkpoint: Note::new(text, lines),
        };
        Self {
            log,
            witnesses,
            checkpoint,
            proof,
        }
    }

    fn keys(&self) -> Vec<VerifierKey> {
        let witnesses = self.witnesses.iter().map(Cosigner::verifier);
        std::iter::once(self.log.verifier())
            .chain(witnesses)
            .cloned()
            .collect()
    }

    fn policy(&self) -> Policy {
        let log = self.log.verifier();
        let [w1, w2, w3] = &self.witnesses;
        let (w1, w2, w3) = (w1.verifier(), w2.verifier(), w3.verifier());
        let text = format!(
            "log {log}\nwitness w1 {w1}\nwitness w2 {w2}\nwitness w3 {w3}\n\
             group g 2 w1 w2 w3\nquorum g\n"
        );
        Policy::parse(text.as_bytes()).expect("a policy")
    }
}

fn notes(c: &mut Criterion) {
    let world = World::new();
    let text = world.checkpoint.to_text();
    let mut group = c.benchmark_group("note");
    group.bench_function("sign", |b| b.iter(|| world.log.sign(black_box(&text))));
    let witness = &world.witnesses[0];
    group.bench_function("cosign", |b| {
        b.iter(|| witness.cosign(black_box(&world.checkpoint), TIME));
    });
    let encoded = world.proof.checkpoint.encode();
    group.bench_function("parse, 4 signatures", |b| {
        b.iter(|| Note::parse(black_box(encoded.as_bytes())));
    });
    let keys = world.keys();
    group.bench_function("verify log and 3 cosignatures", |b| {
        b.iter(|| black_box(&world.proof.checkpoint).verify(&keys));
    });
    group.finish();
    let verified = world.proof.checkpoint.verify(&keys).expect("all are right");
    assert_eq!(verified.len(), 4);
}

fn proofs(c: &mut Criterion) {
    let world = World::new();
    let policy = world.policy();
    let text = world.proof.encode();
    let mut group = c.benchmark_group("tlog-proof, 2^20 leaves");
    group.bench_function("encode", |b| b.iter(|| world.proof.encode()));
    group.bench_function("parse", |b| {
        b.iter(|| TlogProof::parse(black_box(text.as_bytes())));
    });
    group.bench_function("check under a policy of 2 of 3", |b| {
        b.iter(|| policy.check_proof(black_box(&world.proof), RECORD));
    });
    group.finish();
    let proven = policy.check_proof(&world.proof, RECORD);
    proven.expect("the measured proof is right");
}

criterion_group!(all, notes, proofs);
criterion_main!(all);
