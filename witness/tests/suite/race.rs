//! F28 live: many submitters at once. C2SP's race: N and N+K are both checked, N+K is stored and
//! answered, then N is stored: K leaves are forgotten. Here the recorded size never falls.
//! `schedules.rs` runs the same code under a model checker, with the control that finds the race.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::common::*;
use ishibumi_store::{MemoryRegisters, Registers, RocksRegisters};
use ishibumi_witness::{Identity, Refusal, Witness};

/// Submits from `threads` threads until the log has `end` leaves; returns how many were cosigned.
fn race<R: Registers>(
    witness: &Witness<R, HandClock>,
    clock: &HandClock,
    end: u64,
    threads: u64,
) -> u64 {
    let log = log(end + 64);
    let (done, signed, watched) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let known = |refusal: Refusal| match refusal {
        Refusal::Conflict { known, .. } => known,
        other => panic!("{other}"),
    };
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (log, done, signed) = (&log, &done, &signed);
            scope.spawn(move || {
                let mut old = 0;
                while old < end {
                    // Every thread goes on from what it last heard, in steps of its own: N and N+K.
                    let new = old + 1 + thread * 7;
                    match witness.add_checkpoint(&log.request(old, new)) {
                        Ok(lines) => {
                            check_lines(&lines, log, new, witness.identity().active());
                            signed.fetch_add(1, Ordering::Relaxed);
                            clock.advance(Duration::from_secs(1));
                            old = new;
                        }
                        Err(refusal) => {
                            let heard = known(refusal);
                            assert!(heard > old, "told {heard} after {old}");
                            old = heard;
                        }
                    }
                }
                done.store(true, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            let mut last = 0;
            // At least once, however late this thread gets its turn.
            let mut over = false;
            while !over {
                over = done.load(Ordering::SeqCst);
                let size = shown_size(witness);
                assert!(size >= last, "fell from {last} to {size}");
                last = size;
                watched.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    assert!(shown_size(witness) >= end && watched.into_inner() > 0);
    signed.into_inner()
}

#[test]
fn the_recorded_size_never_falls() {
    let clock = clock();
    let witness = witness(MemoryRegisters::new(), clock.clone());
    let signed = race(&witness, &clock, 4_000, 4);
    assert!(signed >= 150, "{signed} cosigned");
}

#[test]
fn nor_on_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let registers = RocksRegisters::create(dir.path().join("state")).unwrap();
    let witness = witness(registers, clock.clone());
    assert!(race(&witness, &clock, 1_500, 3) >= 50);
    let size = shown_size(&witness);
    drop(witness);
    let registers = RocksRegisters::open(dir.path().join("state")).unwrap();
    assert_eq!(shown_size(&crate::common::witness(registers, clock)), size);
}

/// Two at once, from one size: N+1 and N+2, ten thousand times. One of them is signed, and what was
/// signed is what is recorded.
#[test]
fn a_smaller_and_a_larger_size_at_once_ten_thousand_times() {
    const ROUNDS: usize = 10_000;
    let registers = MemoryRegisters::new();
    let identity = Identity::new(vec![cosigner().verifier().clone()]).unwrap();
    Witness::<_, HandClock>::init(&registers, &identity).unwrap();
    let alarms = Box::new(|_: &_| {});
    let witness = Witness::open(registers, clock(), cosigner(), alarms).unwrap();
    witness.follower().add_log(log(0).vkey()).unwrap();
    let log = log(2 * ROUNDS as u64 + 2);
    let mut won = [0, 0];
    for _ in 0..ROUNDS {
        let old = shown_size(&witness);
        let requests = [1, 2].map(|step| log.request(old, old + step));
        let together = Barrier::new(2);
        let answers = std::thread::scope(|scope| {
            let submit = |request| {
                let (witness, together) = (&witness, &together);
                scope.spawn(move || {
                    together.wait();
                    witness.add_checkpoint(request)
                })
            };
            let threads = [submit(&requests[0]), submit(&requests[1])];
            threads.map(|thread| thread.join().unwrap())
        });
        let [smaller, larger] = answers;
        let (step, signed, refused) = match larger {
            Ok(lines) => (2, Ok(lines), smaller),
            refused => (1, smaller, refused),
        };
        check_lines(
            &signed.unwrap(),
            &log,
            old + step,
            witness.identity().active(),
        );
        let known = match refused {
            Err(Refusal::Conflict { known, .. }) => known,
            other => panic!("{other:?}"),
        };
        assert_eq!((known, shown_size(&witness)), (old + step, old + step));
        won[usize::from(step == 2)] += 1;
    }
    assert_eq!(won[0] + won[1], ROUNDS);
    println!(
        "{} times the smaller size came first, {} times the larger",
        won[0], won[1]
    );
}
