//! The rules of C2SP tlog-witness for `add-checkpoint`, without HTTP: faults F27 and F31 to F36 of
//! docs/reliability.md. Every refusal stands beside the request that is accepted but for the one
//! defect.

use crate::common::*;
use ishibumi_store::MemoryRegisters;
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::hash::EMPTY_ROOT;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};
use ishibumi_tlog::protocol::RequestError;
use ishibumi_tlog::tree::ProofError;
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_witness::{AddLogError, Added, Refusal, Witness};

fn fresh() -> Witness<MemoryRegisters, HandClock> {
    witness(MemoryRegisters::new(), clock())
}

#[test]
fn a_growing_log_is_cosigned_at_every_step() {
    let (witness, log) = (fresh(), log(600));
    let mut old = 0;
    for new in [0, 1, 2, 3, 7, 8, 255, 256, 257, 512, 512, 600] {
        assert_eq!(cosigned(&witness, &log, old, new), START);
        assert_eq!(shown_size(&witness), new);
        old = new;
    }
}

#[test]
fn the_first_submission_is_trusted_and_recorded() {
    let (witness, log) = (fresh(), log(40));
    assert!(witness.follower().logs().unwrap()[0].first().is_none());
    cosigned(&witness, &log, 0, 30);
    cosigned(&witness, &log, 30, 40);
    let first = witness.follower().logs().unwrap()[0].first().unwrap();
    assert_eq!((first.size, first.time), (30, START));
}

#[test]
fn f27_wrong_sizes_change_nothing() {
    let (witness, log) = (fresh(), log(64));
    cosigned(&witness, &log, 0, 40);
    for old in [0, 39, 41, 50] {
        let refused = refusal(&witness, &log.request(old, 50));
        assert!(
            matches!(refused, Refusal::Conflict { known: 40, .. }),
            "{old}: {refused}"
        );
    }
    // An older checkpoint is never cosigned, whatever the request says of the old size.
    assert_eq!(status(&witness, &body(39, &[], &log.note(39))), 409);
    assert_eq!(status(&witness, &body(40, &[], &log.note(39))), 400);
    assert_eq!(status(&witness, &body(u64::MAX, &[], &log.note(50))), 400);
    for (good, bad) in [
        ("old 40", "old 040"),
        ("old 40", "old +40"),
        ("\n\n", "\n"),
        ("old 40", "old"),
    ] {
        let text = String::from_utf8(log.request(40, 50)).unwrap();
        assert_eq!(
            status(&witness, text.replacen(good, bad, 1).as_bytes()),
            400,
            "{bad:?}"
        );
    }
    let crowded = body(40, &[EMPTY_ROOT; 64], &log.note(50));
    assert!(matches!(
        refusal(&witness, &crowded),
        Refusal::Malformed(RequestError::TooManyProofLines)
    ));
    assert_eq!(shown_size(&witness), 40);
    cosigned(&witness, &log, 40, 50);
}

#[test]
fn forged_consistency_proofs_are_refused() {
    let (witness, log) = (fresh(), log(100));
    cosigned(&witness, &log, 0, 37);
    let proof = log.proof(37, 100);
    for i in 0..proof.len() {
        let mut forged = proof.clone();
        forged[i].0[i] ^= 1;
        assert_eq!(status(&witness, &body(37, &forged, &log.note(100))), 422);
        let mut short = proof.clone();
        short.remove(i);
        assert_eq!(status(&witness, &body(37, &short, &log.note(100))), 422);
    }
    let long = [proof.clone(), vec![EMPTY_ROOT]].concat();
    assert_eq!(status(&witness, &body(37, &long, &log.note(100))), 422);
    // A log that changed leaf 20 has no proof at all.
    let other = TestLog::new(100, 20);
    assert_eq!(status(&witness, &other.request(37, 100)), 422);
    assert_eq!(shown_size(&witness), 37);
    cosigned(&witness, &log, 37, 100);
}

#[test]
fn f33_size_zero_has_one_root_and_no_proof() {
    let (witness, log) = (fresh(), log(5));
    let odd = Checkpoint::new(ORIGIN, 0, Hash::of(b"x"));
    let refused = refusal(&witness, &body(0, &[], &log.sign(&odd.to_text())));
    assert!(
        matches!(refused, Refusal::Inconsistent(ProofError::Root { .. })),
        "{refused}"
    );
    assert_eq!(status(&witness, &body(0, &[EMPTY_ROOT], &log.note(0))), 422);
    assert_eq!(status(&witness, &body(0, &[EMPTY_ROOT], &log.note(5))), 422);
    assert!(
        witness
            .checkpoint(Hash::of(ORIGIN.as_bytes()))
            .unwrap()
            .is_none()
    );
    cosigned(&witness, &log, 0, 0);
    assert_eq!(
        status(&witness, &body(0, &[], &log.sign(&odd.to_text()))),
        422
    );
    cosigned(&witness, &log, 0, 5);
}

#[test]
fn f34_extension_lines_are_refused() {
    let (witness, log) = (fresh(), log(5));
    let mut extended = log.checkpoint(5);
    extended.extensions.push("an opinion".to_owned());
    let refused = refusal(&witness, &body(0, &[], &log.sign(&extended.to_text())));
    assert!(matches!(refused, Refusal::Extensions(1)));
    assert_eq!(refused.status(), 400);
    cosigned(&witness, &log, 0, 5);
}

#[test]
fn f34_logs_are_added_once_and_never_changed() {
    let (witness, log) = (fresh(), log(5));
    cosigned(&witness, &log, 0, 5);
    assert_eq!(
        witness.follower().add_log(log.vkey()).unwrap(),
        Added::Already
    );
    let rotated = TestLog::named(ORIGIN, 2, 5, 0);
    assert!(matches!(
        witness.follower().add_log(rotated.vkey()),
        Err(AddLogError::OtherKey { .. })
    ));
    assert_eq!(status(&witness, &rotated.request(5, 5)), 403);
    assert_eq!(shown_size(&witness), 5);

    let named_like_us = TestLog::named(WITNESS, 3, 5, 0);
    assert!(matches!(
        witness.follower().add_log(named_like_us.vkey()),
        Err(AddLogError::OwnIdentity(_))
    ));
    let our_key = TestLog::named("other.example", 9, 5, 0);
    assert!(matches!(
        witness.follower().add_log(our_key.vkey()),
        Err(AddLogError::OwnIdentity(_))
    ));
    let another_witness = cosigner_named("w.example", 4);
    assert!(matches!(
        witness.follower().add_log(another_witness.verifier()),
        Err(AddLogError::KeyType(_))
    ));
    let second = TestLog::named("second.example", 5, 5, 0);
    assert_eq!(
        witness.follower().add_log(second.vkey()).unwrap(),
        Added::New
    );
    assert_eq!(witness.follower().logs().unwrap().len(), 2);
}

#[test]
fn f36_unknown_origins_and_foreign_keys() {
    let (witness, log) = (fresh(), log(5));
    let stranger = TestLog::named("stranger.example", 6, 5, 0);
    assert_eq!(status(&witness, &stranger.request(0, 5)), 404);
    // However long a stranger's name is, the answer is short.
    let long = stranger.sign(&Checkpoint::new("x".repeat(100_000), 0, EMPTY_ROOT).to_text());
    let refused = refusal(&witness, &body(0, &[], &long));
    assert!(refused.status() == 404 && refused.to_string().len() < 200);
    // The stranger is known now, but its key is good for its own origin only.
    witness.follower().add_log(stranger.vkey()).unwrap();
    let text = log.checkpoint(5).to_text();
    assert_eq!(status(&witness, &body(0, &[], &stranger.sign(&text))), 403);
    witness.add_checkpoint(&stranger.request(0, 5)).unwrap();
    cosigned(&witness, &log, 0, 5);
}

/// The log's note with more lines around its signature.
fn with_lines(log: &TestLog, size: u64, lines: impl IntoIterator<Item = SignatureLine>) -> Note {
    let note = log.note(size);
    let all = lines.into_iter().chain(note.signatures().to_vec());
    Note::new(note.text().to_owned(), all.collect())
}

fn junk(name: &str, id: u32, len: usize) -> SignatureLine {
    SignatureLine {
        name: name.to_owned(),
        id,
        signature: vec![0x5a; len],
    }
}

#[test]
fn f35_many_signatures() {
    let (witness, log) = (fresh(), log(50));
    let others = |count: u8| {
        let text = log.checkpoint(10).to_text();
        let checkpoint = Checkpoint::parse(&text).unwrap();
        (0..count).map(move |i| {
            cosigner_named(&format!("w{i}.example"), 100 + i)
                .cosign(&checkpoint, START)
                .unwrap()
        })
    };
    // 16 and 17 in all, post-quantum lengths, and as many as may be.
    for count in [15, 16] {
        let note = with_lines(&log, 10, others(count));
        let old = shown_size(&witness);
        witness.add_checkpoint(&body(old, &[], &note)).unwrap();
    }
    let large = (0..159).map(|i| junk("pq.example", i, 4_800));
    witness
        .add_checkpoint(&body(10, &log.proof(10, 20), &with_lines(&log, 20, large)))
        .unwrap();
    let crowd = with_lines(&log, 30, (0..160).map(|i| junk("x", i, 4)));
    let refused = refusal(&witness, &body(20, &log.proof(20, 30), &crowd));
    assert!(matches!(
        refused,
        Refusal::Malformed(RequestError::Note(NoteError::TooManySignatures(161)))
    ));
    let crowd = with_lines(&log, 30, (0..10_000).map(|i| junk("x", i, 4)));
    assert_eq!(status(&witness, &body(20, &log.proof(20, 30), &crowd)), 400);
    cosigned(&witness, &log, 20, 30);
}

#[test]
fn f35_lines_in_the_log_s_name() {
    let (witness, log) = (fresh(), log(50));
    let (name, id) = (log.vkey().name(), log.vkey().id());
    // Name and id of the log's key with a bad signature: the whole note is refused.
    let bad = with_lines(&log, 10, [junk(name, id, 64)]);
    assert!(matches!(
        refusal(&witness, &body(0, &[], &bad)),
        Refusal::Signature(NoteError::BadSignature(_))
    ));
    // No line by the log's key.
    let unsigned = Note::new(log.checkpoint(10).to_text(), vec![junk("x", 1, 64)]);
    assert_eq!(status(&witness, &body(0, &[], &unsigned)), 403);
    // Only one of name and id: an unknown key. The same line twice counts once.
    let twice = log.note(10).signatures()[0].clone();
    let odd = with_lines(&log, 10, [junk(name, id ^ 1, 64), junk("x", id, 64), twice]);
    witness.add_checkpoint(&body(0, &[], &odd)).unwrap();
    let stored = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    assert_eq!(stored.signatures().len(), 3);
}

#[test]
fn f31_forged_lines_are_not_stored_and_wedge_nothing() {
    // A witness of others kept what it had not verified; a line in its own name then stopped it.
    let (witness, log) = (fresh(), log(50));
    let [own, pq] = witness.identity().active() else {
        panic!("two keys");
    };
    let forged = |size| {
        let other = log.note(1).signatures()[0].clone();
        let lines = [
            junk(own.name(), own.id(), 72),
            junk(own.name(), own.id(), 3),
            junk(own.name(), pq.id(), 2428),
            junk(own.name(), 7, 72),
            junk("mirror.example", 8, 72),
            SignatureLine {
                name: "other-log.example".to_owned(),
                ..other
            },
        ];
        with_lines(&log, size, lines)
    };
    let lines = witness.add_checkpoint(&body(0, &[], &forged(10))).unwrap();
    check_lines(&lines, &log, 10, witness.identity().active());
    let stored = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    assert_eq!(
        stored.signatures(),
        [log.note(10).signatures(), &lines].concat()
    );
    witness
        .add_checkpoint(&body(10, &log.proof(10, 20), &forged(20)))
        .unwrap();
    witness.add_checkpoint(&body(20, &[], &forged(20))).unwrap();
    cosigned(&witness, &log, 20, 30);
}

fn evidence(witness: &Witness<MemoryRegisters, HandClock>) -> Option<Evidence> {
    let follower = witness.follower();
    follower.fork(&follower.logs().unwrap()[0]).unwrap()
}

#[test]
fn f32_a_fork_is_refused_kept_and_said() {
    let alarms = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&alarms);
    let registers = MemoryRegisters::new();
    Witness::<_, HandClock>::init(&registers, &identity()).unwrap();
    let hear =
        Box::new(move |alarm: &ishibumi_witness::Alarm| heard.lock().unwrap().push(alarm.clone()));
    let witness = Witness::open(registers, clock(), cosigners(), hear).unwrap();
    let (log, other, third) = (log(50), TestLog::new(50, 3), TestLog::new(50, 4));
    witness.follower().add_log(log.vkey()).unwrap();
    cosigned(&witness, &log, 0, 20);
    cosigned(&witness, &log, 20, 20);
    assert!(alarms.lock().unwrap().is_empty() && evidence(&witness).is_none());

    // With a wrong old size the answer is 409, and the evidence is kept all the same.
    assert_eq!(status(&witness, &body(0, &[], &other.note(20))), 409);
    let refused = refusal(&witness, &body(20, &[], &other.note(20)));
    assert!(matches!(
        refused,
        Refusal::Inconsistent(ProofError::Fork { size: 20, .. })
    ));
    assert_eq!(refused.status(), 422);
    assert_eq!(status(&witness, &body(20, &[], &third.note(20))), 422);

    let kept = evidence(&witness).unwrap();
    let roots = [(kept.first(), &log), (kept.second(), &other)].map(|(note, log)| {
        note.verify(std::slice::from_ref(log.vkey())).unwrap();
        Checkpoint::parse(note.text()).unwrap()
    });
    assert_eq!(roots, [log.checkpoint(20), other.checkpoint(20)]);
    let kept: Vec<bool> = alarms
        .lock()
        .unwrap()
        .iter()
        .map(|alarm| matches!(alarm, ishibumi_witness::Alarm::Fork { kept: true, .. }))
        .collect();
    assert_eq!(kept, [true, false, false]);
    // A fork that the log did not sign convicts no log.
    let unsigned = Note::new(other.checkpoint(20).to_text(), vec![junk("x", 1, 64)]);
    assert_eq!(status(&witness, &body(20, &[], &unsigned)), 403);
    assert_eq!(alarms.lock().unwrap().len(), 3);
    cosigned(&witness, &log, 20, 50);
}

#[test]
fn cosignature_times_never_go_back() {
    let (clock, log) = (clock(), log(50));
    let witness = witness(MemoryRegisters::new(), clock.clone());
    cosigned(&witness, &log, 0, 10);
    clock.set(START - 1);
    for (old, new) in [(10, 10), (10, 20)] {
        let refused = refusal(&witness, &log.request(old, new));
        assert!(
            matches!(refused, Refusal::Clock { now, last } if (now, last) == (START - 1, START))
        );
        assert_eq!(refused.status(), 503);
    }
    clock.set(START);
    assert_eq!(cosigned(&witness, &log, 10, 20), START);
    clock.set(START + 60);
    assert_eq!(cosigned(&witness, &log, 20, 20), START + 60);
    clock.set(START + 59);
    assert_eq!(status(&witness, &log.request(20, 20)), 503);
    // A clock that was never set states no time.
    let unset = HandClock::at(0);
    let refused = refusal(
        &crate::common::witness(MemoryRegisters::new(), unset),
        &log.request(0, 10),
    );
    assert!(matches!(refused, Refusal::Clock { now: 0, .. }));
}

#[test]
fn a_key_of_the_other_kind_makes_no_witness() {
    let key = NoteSigner::from_seed(WITNESS, SignatureType::Ed25519, &[9; 32]).unwrap();
    assert!(ishibumi_tlog::cosignature::Cosigner::new(key).is_err());
}
