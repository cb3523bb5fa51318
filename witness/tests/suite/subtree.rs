//! `sign-subtree` as C2SP tlog-witness has it: every status beside a request that is answered.

use std::sync::Arc;

use crate::common::*;
use ishibumi_store::{MemoryRegisters, Registers as _};
use ishibumi_tlog::cosignature::check_subtree;
use ishibumi_tlog::key::SignatureType;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::SignSubtree;
use ishibumi_tlog::tree::{Subtree, prove_subtree_consistency};
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_witness::{Cosigners, Identity, Refusal, ResumeError, Witness};

type Opened = Witness<Shared<MemoryRegisters>, HandClock>;

/// A witness that cosigned 50 leaves of [`ORIGIN`], its store, and the note that it shows.
fn cosigned_fifty() -> (Arc<MemoryRegisters>, Opened, Note) {
    let registers = Arc::new(MemoryRegisters::new());
    let witness = witness(Shared(Arc::clone(&registers)), clock());
    cosigned(&witness, &log(50), 0, 50);
    let note = witness.checkpoint(Hash::of(ORIGIN.as_bytes()));
    (registers, witness, note.unwrap().unwrap())
}

fn request(log: &TestLog, start: u64, end: u64, note: &Note) -> SignSubtree {
    let size = Checkpoint::parse(note.text()).unwrap().size;
    let subtree = Subtree::new(start, end).unwrap();
    let Ok(proof) = prove_subtree_consistency(log, subtree, size);
    let Ok(hash) = subtree.hash(log);
    SignSubtree::new(subtree, hash, proof.unwrap(), note.clone()).unwrap()
}

fn refused(witness: &Opened, request: &SignSubtree) -> Refusal {
    let body = request.encode();
    witness.sign_subtree(body.as_bytes()).unwrap_err()
}

/// Only our own lines, as C2SP recommends.
fn own_only(note: &Note) -> Note {
    let lines = note.signatures().iter();
    let lines = lines.filter(|line| line.name == WITNESS).cloned();
    Note::new(note.text().to_owned(), lines.collect())
}

#[test]
fn ranges_of_a_cosigned_tree_are_signed_without_a_time() {
    let (_, witness, note) = cosigned_fifty();
    let log = log(50);
    for (start, end) in [(0, 50), (0, 1), (8, 13), (32, 50), (48, 50), (49, 50)] {
        for note in [&note, &own_only(&note)] {
            let request = request(&log, start, end, note);
            let lines = witness.sign_subtree(request.encode().as_bytes()).unwrap();
            assert_eq!(lines.len(), 1);
            let key = pq_cosigner().verifier().clone();
            let time = check_subtree(&key, ORIGIN, request.subtree, request.hash, &lines[0]);
            assert_eq!(time, Ok(None));
        }
    }
    // An older checkpoint that we cosigned is as good a reference.
    cosigned(&witness, &TestLog::new(60, u64::MAX), 50, 60);
    let request = request(&log, 8, 13, &note);
    witness.sign_subtree(request.encode().as_bytes()).unwrap();
}

#[test]
fn malformed_is_400_unknown_is_404_unsigned_is_403_unproven_is_422() {
    let (_, witness, note) = cosigned_fifty();
    let log = log(50);
    let good = request(&log, 8, 13, &note);
    let text = good.encode();
    for (from, to) in [
        ("subtree 8 13", "subtree 8 08"),
        ("subtree 8 13", "subtree 9 13"),
        ("subtree 8 13", "subtree 8 8"),
        ("subtree 8 13", "subtree 0 51"),
        ("\n\n", "\n"),
    ] {
        let bad = text.replacen(from, to, 1);
        assert_ne!(bad, text);
        let refused = witness.sign_subtree(bad.as_bytes()).unwrap_err();
        assert_eq!(refused.status(), 400, "{to:?}: {refused}");
    }
    let mut extended = good.clone();
    extended.checkpoint.extensions.push("x".to_owned());
    let lines = note.signatures().to_vec();
    extended.note = Note::new(extended.checkpoint.to_text(), lines.clone());
    assert_eq!(refused(&witness, &extended).status(), 400);

    let stranger = TestLog::named("stranger.example", 6, 50, u64::MAX);
    let mut foreign = stranger.note(50);
    for line in cosigners().cosign(&stranger.checkpoint(50), START).unwrap() {
        foreign.push(line);
    }
    let unknown = refused(&witness, &request(&stranger, 8, 13, &foreign));
    assert!(matches!(unknown, Refusal::UnknownOrigin(_)));
    assert_eq!(unknown.status(), 404);

    // Not signed by us; signed by a key of ours over another tree.
    let other = TestLog::new(50, 3);
    let moved = Note::new(other.checkpoint(50).to_text(), lines);
    for (log, note) in [(&log, log.note(50)), (&other, moved)] {
        let refused = refused(&witness, &request(log, 8, 13, &note));
        assert!(matches!(refused, Refusal::Reference(_)), "{refused}");
        assert_eq!(refused.status(), 403);
    }

    for hash in 0..good.proof.len() {
        let mut bad = good.clone();
        bad.proof[hash].0[3] ^= 1;
        assert_eq!(refused(&witness, &bad).status(), 422);
    }
    let mut bad = good.clone();
    bad.hash.0[0] ^= 1;
    assert!(matches!(refused(&witness, &bad), Refusal::Subtree(_)));
    let mut short = good.clone();
    short.proof.pop();
    assert_eq!(refused(&witness, &short).status(), 422);
    // The control, and that nothing was recorded.
    let before = witness.follower().logs().unwrap();
    witness.sign_subtree(text.as_bytes()).unwrap();
    assert_eq!(witness.follower().logs().unwrap(), before);
}

#[test]
fn a_retired_key_s_cosignature_is_no_reference_and_an_ed25519_key_signs_no_range() {
    let log = log(50);
    let only = |cosigner: ishibumi_tlog::cosignature::Cosigner, retired: &str| {
        let registers = MemoryRegisters::new();
        let identity = format!(
            "ishibumi-witness v2\nkey {}\n{retired}",
            cosigner.verifier()
        );
        overwrite(&registers, b"witness", identity.as_bytes());
        let keys = Cosigners::from(cosigner);
        let witness = Witness::open(registers, clock(), keys, Box::new(|_| {})).unwrap();
        witness.follower().add_log(log.vkey()).unwrap();
        witness.add_checkpoint(&log.request(0, 50)).unwrap();
        witness
    };
    let by_ed25519 = |note: &Note| {
        let line = cosigner().cosign(&log.checkpoint(50), START).unwrap();
        Note::new(note.text().to_owned(), vec![line])
    };
    let request = |note: &Note| request(&log, 8, 13, note).encode().into_bytes();

    let retired = format!("retired {}\n", cosigner().verifier());
    let witness = only(pq_cosigner(), &retired);
    let refused = witness.sign_subtree(&request(&by_ed25519(&log.note(50))));
    assert!(matches!(refused, Err(Refusal::Reference(_))));
    let shown = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    witness.sign_subtree(&request(&shown)).unwrap();

    let classical = only(cosigner(), "");
    let refused = classical.sign_subtree(&request(&by_ed25519(&log.note(50))));
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Refusal::NoSubtreeKey) && refused.status() == 404);
    // With both keys, a reference that only the Ed25519 key signed is good, and the other key
    // answers.
    let (_, both, note) = cosigned_fifty();
    let lines = both.sign_subtree(&request(&by_ed25519(&note))).unwrap();
    assert_eq!(lines[0].id, pq_cosigner().verifier().id());
}

#[test]
fn the_keys_that_signed_the_reference_sign_the_range() {
    let log = log(50);
    let second = || made(WITNESS, SignatureType::SubtreeV1, 7);
    let keys = Cosigners::new(vec![pq_cosigner(), second()]).unwrap();
    let registers = MemoryRegisters::new();
    let identity = Identity::new(keys.verifiers().cloned().collect()).unwrap();
    Witness::<_, HandClock>::init(&registers, &identity).unwrap();
    let witness = Witness::open(registers, clock(), keys, Box::new(|_| {})).unwrap();
    witness.follower().add_log(log.vkey()).unwrap();
    let lines = witness.add_checkpoint(&log.request(0, 50)).unwrap();
    for count in [1, 2] {
        let note = Note::new(log.checkpoint(50).to_text(), lines[..count].to_vec());
        let request = request(&log, 8, 13, &note).encode();
        let signed = witness.sign_subtree(request.as_bytes()).unwrap();
        let ids = |lines: &[_]| {
            let lines: &[ishibumi_tlog::note::SignatureLine] = lines;
            lines.iter().map(|line| line.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&signed), ids(&lines[..count]));
    }
}

#[test]
fn f30_a_reference_that_the_memory_does_not_cover_stops_the_log() {
    let (registers, witness, _) = cosigned_fifty();
    let backup = registers.read(&log_register()).unwrap().unwrap();
    let longer = TestLog::new(60, u64::MAX);
    cosigned(&witness, &longer, 50, 60);
    let sixty = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    witness
        .sign_subtree(request(&longer, 8, 13, &sixty).encode().as_bytes())
        .unwrap();

    overwrite(registers.as_ref(), &log_register(), &backup);
    let bare = request(&longer, 8, 13, &own_only(&sixty));
    let stopped = refused(&witness, &bare);
    assert!(matches!(
        stopped,
        Refusal::RolledBack {
            recorded: 50,
            signed: 60
        }
    ));
    assert_eq!(stopped.status(), 503);
    // From now on nothing is signed, not even what the memory covers.
    assert_eq!(status(&witness, &longer.request(50, 60)), 503);
    // Without the log's signature there is nothing to go on from; with it there is.
    assert!(matches!(
        witness.follower().resume(ORIGIN),
        Err(ResumeError::Incomplete { signed: 60 })
    ));
    assert_eq!(status(&witness, &body(60, &[], &sixty)), 503);
    assert_eq!(witness.follower().resume(ORIGIN).unwrap(), 60);
    witness.sign_subtree(bare.encode().as_bytes()).unwrap();
}
