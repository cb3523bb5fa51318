//! Several keys: all of them sign, a retired one signs no more but is still known for ours, and a
//! log with two keys needs one of them.

use crate::common::*;
use ishibumi_store::MemoryRegisters;
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};
use ishibumi_witness::{
    AddLogError, Added, Cosigners, Home, HomeError, Identity, KeyChangeError, Refusal, StateError,
    Witness,
};

/// A directory of a witness that cosigned [`ORIGIN`] at size 10.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        place.home().init(WITNESS).unwrap();
        place.with(|witness| {
            witness.follower().add_log(log(0).vkey()).unwrap();
            witness.add_checkpoint(&log(50).request(0, 10)).unwrap();
        });
        place
    }

    fn home(&self) -> Home {
        Home::at(self.dir.path().join("w"))
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&Witness<ishibumi_store::RocksRegisters, ishibumi_store::SystemClock>) -> T,
    ) -> T {
        act(&self.home().open(Box::new(|_| {})).unwrap())
    }

    /// How many lines a growing checkpoint gets.
    fn grow(&self, old: u64, new: u64) -> Vec<SignatureLine> {
        self.with(|witness| {
            let lines = witness.add_checkpoint(&log(50).request(old, new)).unwrap();
            check_lines(&lines, &log(50), new, witness.identity().active());
            lines
        })
    }
}

#[test]
fn init_makes_two_keys_and_both_sign() {
    let place = Place::new();
    let lines = place.grow(10, 20);
    let kinds = place.with(|witness| {
        let keys = witness.identity().active().iter();
        keys.map(VerifierKey::kind).collect::<Vec<_>>()
    });
    assert_eq!(
        kinds,
        [SignatureType::CosignatureV1, SignatureType::SubtreeV1]
    );
    assert_eq!(
        (lines[0].signature.len(), lines[1].signature.len()),
        (72, 2428)
    );
}

#[test]
fn keys_are_added_and_retired() {
    let place = Place::new();
    let home = place.home();
    let added = home.add_key(SignatureType::CosignatureV1).unwrap();
    assert_eq!(added.name(), WITNESS);
    assert_eq!(place.grow(10, 20).len(), 3);
    let first = place.with(|witness| witness.identity().active()[0].clone());
    let twenty = place.with(|witness| witness.checkpoint(Hash::of(ORIGIN.as_bytes())).unwrap());

    let identity = home.retire_key(first.id()).unwrap();
    assert_eq!(
        (identity.active().len(), identity.retired()),
        (2, &[first.clone()][..])
    );
    // Retiring it again changes nothing, and its private half is gone.
    assert_eq!(home.retire_key(first.id()).unwrap(), identity);
    assert!(
        home.keys()
            .unwrap()
            .iter()
            .all(|key| *key.verifier() != first)
    );
    let lines = place.grow(20, 30);
    assert!(lines.len() == 2 && lines.iter().all(|line| line.id != first.id()));
    // A note with the retired key's cosignature of what is known is no reason to stop.
    place.with(|witness| {
        let request = body(20, &[], &twenty.unwrap());
        assert!(matches!(
            witness.add_checkpoint(&request),
            Err(Refusal::Conflict { known: 30, .. })
        ));
    });

    assert!(matches!(
        home.retire_key(0xffff_ffff),
        Err(HomeError::Change(KeyChangeError::Unknown(0xffff_ffff)))
    ));
    let rest = identity.active();
    home.retire_key(rest[0].id()).unwrap();
    assert!(matches!(
        home.retire_key(rest[1].id()),
        Err(HomeError::Change(KeyChangeError::Last(_)))
    ));
    assert_eq!(place.grow(30, 40).len(), 1);
}

#[test]
fn a_crash_between_state_and_key_file_leaves_no_key_that_signs_unknown_to_the_state() {
    let place = Place::new();
    let home = place.home();
    let file = place.dir.path().join("w/key");
    let before = std::fs::read(&file).unwrap();

    // The state knows a key that the file lost: nothing is served, and retiring it is the way on.
    let lost = home.add_key(SignatureType::SubtreeV1).unwrap();
    std::fs::write(&file, &before).unwrap();
    assert!(matches!(
        home.open(Box::new(|_| {})).err(),
        Some(HomeError::State(StateError::KeyMissing(key))) if key == lost.to_string()
    ));
    home.retire_key(lost.id()).unwrap();
    assert_eq!(place.grow(10, 20).len(), 2);

    // The file still holds a key that the state retired: it does not sign.
    let identity = place.with(|witness| witness.identity().clone());
    home.retire_key(identity.active()[0].id()).unwrap();
    std::fs::write(&file, &before).unwrap();
    assert_eq!(place.grow(20, 30).len(), 1);

    // The file holds a key that the state never knew: nothing is served.
    let foreign = NoteSigner::from_seed(WITNESS, SignatureType::CosignatureV1, &[77; 32]).unwrap();
    let text = String::from_utf8(before).unwrap();
    std::fs::write(&file, format!("{text}{}\n", foreign.to_private_text())).unwrap();
    assert!(matches!(
        home.open(Box::new(|_| {})).err(),
        Some(HomeError::State(StateError::Foreign { .. }))
    ));
    // A leftover of an interrupted replacement does no harm.
    std::fs::write(&file, text).unwrap();
    std::fs::write(place.dir.path().join("w/key.new"), "rubbish").unwrap();
    home.add_key(SignatureType::CosignatureV1).unwrap();
    assert_eq!(place.grow(30, 40).len(), 2);
}

#[test]
fn f30_a_signature_of_a_retired_key_proves_a_rollback_too() {
    // Two keys cosigned size 20; then the first was retired; then the memory of size 10 came back.
    let log = log(50);
    let retired = cosigner();
    let mut note = log.note(20);
    note.push(retired.cosign(&log.checkpoint(20), START + 5).unwrap());
    let open = |identity: &Identity| {
        let registers = MemoryRegisters::new();
        Witness::<_, HandClock>::init(&registers, identity).unwrap();
        let keys = Cosigners::from(pq_cosigner());
        Witness::open(registers, clock(), keys, Box::new(|_| {}))
    };
    let only = Identity::new(vec![pq_cosigner().verifier().clone()]).unwrap();
    // The control: to a witness that never had that key, the line is a stranger's.
    let stranger = open(&only).unwrap();
    stranger.follower().add_log(log.vkey()).unwrap();
    stranger.add_checkpoint(&log.request(0, 10)).unwrap();
    stranger
        .add_checkpoint(&body(10, &log.proof(10, 20), &note))
        .unwrap();

    let registers = MemoryRegisters::new();
    let text = format!(
        "ishibumi-witness v2\nkey {}\nretired {}\n",
        pq_cosigner().verifier(),
        retired.verifier()
    );
    overwrite(&registers, b"witness", text.as_bytes());
    let keys = Cosigners::from(pq_cosigner());
    let witness = Witness::open(registers, clock(), keys, Box::new(|_| {})).unwrap();
    witness.follower().add_log(log.vkey()).unwrap();
    witness.add_checkpoint(&log.request(0, 10)).unwrap();
    assert!(matches!(
        refusal(&witness, &body(10, &log.proof(10, 20), &note)),
        Refusal::RolledBack {
            recorded: 10,
            signed: 20
        }
    ));
    assert_eq!(status(&witness, &log.request(10, 20)), 503);
}

#[test]
fn a_log_with_two_keys_needs_one_signature_and_no_bad_one() {
    let log = log(50);
    let second = NoteSigner::from_seed(ORIGIN, SignatureType::SubtreeV1, &[2; 32]).unwrap();
    let witness = witness(MemoryRegisters::new(), clock());
    let by = |keys: &[&NoteSigner], size| {
        let text = log.checkpoint(size).to_text();
        let lines = keys.iter().map(|key| key.sign(&text).unwrap());
        Note::new(text.clone(), lines.collect())
    };
    let request = |old, new, note: &Note| body(old, &log.proof(old, new), note);
    // Before it was added, the second key is a stranger's.
    assert_eq!(status(&witness, &request(0, 5, &by(&[&second], 5))), 403);
    assert!(matches!(
        witness.follower().add_log(second.verifier()),
        Err(AddLogError::OtherKey { .. })
    ));
    let added = witness.follower().add_log_key(second.verifier()).unwrap();
    assert_eq!(added, Added::New);
    let again = witness.follower().add_log_key(second.verifier()).unwrap();
    assert_eq!(again, Added::Already);

    witness
        .add_checkpoint(&request(0, 5, &by(&[&second], 5)))
        .unwrap();
    witness
        .add_checkpoint(&request(5, 10, &by(&[&log.key], 10)))
        .unwrap();
    witness
        .add_checkpoint(&request(10, 20, &by(&[&log.key, &second], 20)))
        .unwrap();
    let shown = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    assert_eq!(shown.signatures().len(), 4);
    // Either key with a bad signature refuses the whole note, however good the other's is.
    let other = by(&[&log.key, &second], 21);
    for bad in 0..2 {
        let mut lines = by(&[&log.key, &second], 30).signatures().to_vec();
        lines[bad] = other.signatures()[bad].clone();
        let note = Note::new(log.checkpoint(30).to_text(), lines);
        let refused = refusal(&witness, &request(20, 30, &note));
        assert!(matches!(
            refused,
            Refusal::Signature(NoteError::BadSignature(_))
        ));
        assert_eq!(refused.status(), 403);
    }
    witness
        .add_checkpoint(&request(20, 30, &by(&[&log.key, &second], 30)))
        .unwrap();

    // A second key of a type that is there is a changed key, and the error names both.
    for (kind, known) in [
        (SignatureType::Ed25519, log.vkey()),
        (SignatureType::SubtreeV1, second.verifier()),
    ] {
        let changed = NoteSigner::from_seed(ORIGIN, kind, &[3; 32]).unwrap();
        let refused = witness
            .follower()
            .add_log_key(changed.verifier())
            .unwrap_err();
        assert!(matches!(refused, AddLogError::SameType { .. }));
        let said = refused.to_string();
        let named = |key: &dyn ToString| said.contains(&key.to_string());
        assert!(named(known) && named(changed.verifier()));
    }
    let stranger = TestLog::named("stranger.example", 6, 5, 0);
    assert!(matches!(
        witness.follower().add_log_key(stranger.vkey()),
        Err(AddLogError::UnknownOrigin(_))
    ));
}
