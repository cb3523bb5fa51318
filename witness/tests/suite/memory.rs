//! The witness's memory (docs/reliability.md): writes that fail (F29), a state that is restored
//! from an older copy (F30), values that were damaged or exchanged (I29), restarts.

use std::sync::Arc;

use crate::common::*;
use ishibumi_store::{MemoryRegisters, Outcome, Registers as _, StoreError};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_witness::{Cosigners, LogError, Refusal, ResumeError, StateError, Witness};

type Opened = Witness<Shared<MemoryRegisters>, HandClock>;

fn open(registers: &Arc<MemoryRegisters>, clock: &HandClock) -> Opened {
    witness(Shared(Arc::clone(registers)), clock.clone())
}

#[test]
fn f29_after_a_failed_write_no_signature_leaves_and_the_state_is_read_again() {
    let log = log(50);
    for outcome in [Outcome::NotApplied, Outcome::Applied] {
        let clock = clock();
        let registers = Arc::new(MemoryRegisters::new());
        let first = open(&registers, &clock);
        cosigned(&first, &log, 0, 10);

        registers.fail_write(1, outcome);
        let refused = refusal(&first, &log.request(10, 20));
        assert!(
            matches!(refused, Refusal::State(StateError::Store(_))),
            "{refused}"
        );
        assert_eq!(refused.status(), 503);
        // The store takes no more writes, so nothing that is new is signed.
        clock.set(START + 1);
        for (old, new) in [(10, 10), (10, 20), (10, 30), (20, 30)] {
            assert!(first.add_checkpoint(&log.request(old, new)).is_err());
        }

        let registers = Arc::new(registers.crash());
        let next = open(&registers, &clock);
        let known = if outcome == Outcome::Applied { 20 } else { 10 };
        assert_eq!(shown_size(&next), known);
        let refused = refusal(&next, &log.request(0, 30));
        assert!(matches!(refused, Refusal::Conflict { known: size, .. } if size == known));
        cosigned(&next, &log, known, 30);
    }
}

/// A store that says that it wrote, and did not: what the test above would see if signatures left
/// before they were durable.
struct Liar(Arc<MemoryRegisters>);

impl ishibumi_store::Registers for Liar {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(name)
    }

    fn swap(&self, _: &[u8], _: Option<&[u8]>, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.names()
    }
}

#[test]
fn f29_control_a_signature_that_leaves_before_it_is_durable_is_seen() {
    let (log, clock) = (log(50), clock());
    let registers = Arc::new(MemoryRegisters::new());
    cosigned(&open(&registers, &clock), &log, 0, 10);
    let liar = Liar(Arc::clone(&registers));
    let witness = Witness::open(liar, clock.clone(), cosigners(), Box::new(|_| {})).unwrap();
    cosigned(&witness, &log, 10, 20);
    let next = open(&Arc::new(registers.crash()), &clock);
    assert_eq!(shown_size(&next), 10);
    // The next start would sign another history of what was signed.
    cosigned(&next, &TestLog::new(50, 15), 10, 20);
}

#[test]
fn a_failed_write_of_fork_evidence_is_no_signature_either() {
    let clock = clock();
    let registers = Arc::new(MemoryRegisters::new());
    let witness = open(&registers, &clock);
    cosigned(&witness, &log(50), 0, 10);
    registers.fail_write(1, Outcome::NotApplied);
    assert_eq!(status(&witness, &TestLog::new(50, 3).request(10, 10)), 503);
}

#[test]
fn a_restart_remembers() {
    let (clock, log) = (clock(), log(50));
    let registers = Arc::new(MemoryRegisters::new());
    cosigned(&open(&registers, &clock), &log, 0, 10);
    let registers = Arc::new(registers.crash());
    let next = open(&registers, &clock);
    assert_eq!(status(&next, &log.request(0, 20)), 409);
    assert_eq!(cosigned(&next, &log, 10, 20), START);
}

/// A witness whose memory was put back to size 10 after it cosigned size 20 in `note`.
fn rolled_back(log: &TestLog) -> (Arc<MemoryRegisters>, Opened, Note) {
    let clock = clock();
    let registers = Arc::new(MemoryRegisters::new());
    let witness = open(&registers, &clock);
    cosigned(&witness, log, 0, 10);
    let backup = registers.read(&log_register()).unwrap().unwrap();
    clock.set(START + 100);
    cosigned(&witness, log, 10, 20);
    let note = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    overwrite(registers.as_ref(), &log_register(), &backup);
    (registers, witness, note)
}

#[test]
fn f30_a_cosignature_that_the_memory_does_not_cover_stops_the_log() {
    let log = log(50);
    let (registers, witness, note) = rolled_back(&log);
    // The danger: without the note, the old memory would sign any continuation of size 10.
    let refused = refusal(&witness, &body(20, &[], &note));
    assert!(
        matches!(
            refused,
            Refusal::RolledBack {
                recorded: 10,
                signed: 20,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(refused.status(), 503);
    // From now on nothing is signed, with or without the note, for honest trees or others, nor
    // after a restart; other logs go on.
    let fork = TestLog::new(50, 15);
    let restarted = open(&Arc::new(registers.crash()), &clock());
    for witness in [&witness, &restarted] {
        for request in [
            log.request(10, 10),
            log.request(10, 20),
            fork.request(10, 20),
        ] {
            assert!(matches!(
                refusal(witness, &request),
                Refusal::RolledBack { signed: 20, .. }
            ));
        }
        assert_eq!(shown_size(witness), 10);
    }
    let other = TestLog::named("second.example", 5, 5, 0);
    restarted.follower().add_log(other.vkey()).unwrap();
    restarted.add_checkpoint(&other.request(0, 5)).unwrap();

    // The operator may go on from the note, and from there only.
    assert_eq!(restarted.follower().resume(ORIGIN).unwrap(), 20);
    assert!(matches!(
        restarted.follower().resume(ORIGIN),
        Err(ResumeError::NotHalted(_))
    ));
    assert!(matches!(
        restarted.follower().resume("x"),
        Err(ResumeError::Log(LogError::UnknownOrigin(_)))
    ));
    assert_eq!(status(&restarted, &fork.request(10, 20)), 409);
    // The clock of the restarted one stands before the note's time.
    assert!(matches!(
        refusal(&restarted, &log.request(20, 30)),
        Refusal::Clock { .. }
    ));
}

#[test]
fn f30_our_newest_cosignature_in_a_note_is_no_reason_to_stop() {
    let (clock, log) = (clock(), log(50));
    let witness = open(&Arc::new(MemoryRegisters::new()), &clock);
    cosigned(&witness, &log, 0, 10);
    let ten = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    clock.set(START + 1);
    witness.add_checkpoint(&body(10, &[], &ten)).unwrap();
    cosigned(&witness, &log, 10, 20);
    let twenty = witness
        .checkpoint(Hash::of(ORIGIN.as_bytes()))
        .unwrap()
        .unwrap();
    assert_eq!(status(&witness, &body(10, &[], &ten)), 409);
    witness.add_checkpoint(&body(20, &[], &twenty)).unwrap();
    // Cosignatures of others, however late and large, are not ours.
    let thirty = Checkpoint::parse(log.note(30).text()).unwrap();
    let mut note = log.note(30);
    note.push(
        cosigner_named(WITNESS, 10)
            .cosign(&thirty, START + 999)
            .unwrap(),
    );
    note.push(
        cosigner_named("w2.example", 11)
            .cosign(&thirty, START + 999)
            .unwrap(),
    );
    witness
        .add_checkpoint(&body(20, &log.proof(20, 30), &note))
        .unwrap();
}

#[test]
fn f30_a_later_time_or_another_root_of_ours_also_proves_it() {
    let log = log(50);
    let (_, witness, _) = rolled_back(&log);
    for (checkpoint, time, resumable) in [
        // Cosigned again at the recorded size, later than recorded.
        (log.checkpoint(10), START + 50, true),
        // Another tree at the recorded size, and a smaller one later: the key runs twice.
        (TestLog::new(50, 3).checkpoint(10), START, false),
        (log.checkpoint(5), START + 50, false),
    ] {
        let (_, witness, _) = rolled_back(&log);
        let mut note = log.sign(&checkpoint.to_text());
        note.push(cosigner().cosign(&checkpoint, time).unwrap());
        let refused = refusal(&witness, &body(checkpoint.size, &[], &note));
        assert!(matches!(refused, Refusal::RolledBack { .. }), "{refused}");
        assert_eq!(status(&witness, &log.request(10, 20)), 503);
        match witness.follower().resume(ORIGIN) {
            Ok(size) => assert!(resumable && size == 10),
            Err(error) => assert!(!resumable && matches!(error, ResumeError::TwoHistories { .. })),
        }
    }
    // The control: nothing but the recorded cosignature.
    cosigned(&witness, &log, 10, 20);
}

#[test]
fn damaged_and_exchanged_values_are_refused() {
    let (clock, log) = (clock(), log(50));
    let other = TestLog::named("second.example", 5, 5, 0);
    let registers = Arc::new(MemoryRegisters::new());
    let witness = open(&registers, &clock);
    witness.follower().add_log(other.vkey()).unwrap();
    cosigned(&witness, &log, 0, 10);
    witness.add_checkpoint(&other.request(0, 5)).unwrap();
    let good = registers.read(&log_register()).unwrap().unwrap();
    let theirs = format!("log/{}", Hash::of(b"second.example"));
    let theirs = registers.read(theirs.as_bytes()).unwrap().unwrap();

    let refuses = |value: &[u8], what: &str| {
        overwrite(registers.as_ref(), &log_register(), value);
        assert!(witness.follower().logs().is_err(), "{what}");
        let opened = Witness::open(
            Shared(Arc::clone(&registers)),
            clock.clone(),
            cosigners(),
            Box::new(|_| {}),
        );
        assert!(
            matches!(opened.err(), Some(StateError::Damaged { .. })),
            "{what}"
        );
        assert!(
            witness.add_checkpoint(&log.request(10, 20)).is_err(),
            "{what}"
        );
    };
    refuses(&theirs, "the value of another log");
    // The sizes and times of the first use are for people, nothing rests on them; they alone are
    // not signed.
    let text = String::from_utf8(good.clone()).unwrap();
    let first = text.find("first ").unwrap() + "first ".len();
    let unsigned = first..text.find("\nlatest ").unwrap();
    // The 3,300 octets of the ML-DSA-44 line are all alike: every 16th of them.
    let long = text.rfind(WITNESS).unwrap()..good.len();
    let sampled = |at: &usize| !long.contains(at) || at.is_multiple_of(16);
    for at in (0..good.len()).filter(|at| !unsigned.contains(at) && sampled(at)) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x01;
        refuses(
            &flipped,
            &format!("octet {at} of {}", String::from_utf8_lossy(&good)),
        );
    }
    for end in (0..good.len()).filter(sampled) {
        refuses(&good[..end], &format!("cut to {end} octets"));
    }
    refuses(&[good.as_slice(), b"\n"].concat(), "a newline too many");
    overwrite(registers.as_ref(), &log_register(), &good);
    cosigned(&witness, &log, 10, 20);
}

#[test]
fn a_store_belongs_to_one_key() {
    let registers = Arc::new(MemoryRegisters::new());
    let clock = clock();
    let open_as = |cosigners: Vec<Cosigner>| {
        Witness::open(
            Shared(Arc::clone(&registers)),
            clock.clone(),
            Cosigners::new(cosigners).unwrap(),
            Box::new(|_| {}),
        )
        .map(drop)
    };
    let both = || vec![cosigner(), pq_cosigner()];
    assert!(matches!(open_as(both()), Err(StateError::Absent)));
    drop(open(&registers, &clock));
    for others in [
        vec![cosigner_named(WITNESS, 10), pq_cosigner()],
        vec![cosigner_named("w2.example", 9)],
        vec![cosigner(), pq_cosigner(), cosigner_named(WITNESS, 10)],
    ] {
        assert!(matches!(open_as(others), Err(StateError::Foreign { .. })));
    }
    let alone = open_as(vec![cosigner()]);
    assert!(matches!(alone, Err(StateError::KeyMissing(_))));
    open_as(both()).unwrap();
    let again = Witness::<_, HandClock>::init(&Shared(registers), &identity());
    assert!(again.is_err());
}
