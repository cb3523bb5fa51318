//! F28: many submitters at once. C2SP's race: N and N+K are both checked, N+K is stored and answered,
//! then N is stored: K leaves are forgotten. Here the recorded size never falls.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::*;
use ishibumi_store::{MemoryRegisters, Registers, RocksRegisters};
use ishibumi_witness::{Refusal, Witness};

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
                            check_lines(&lines, log, new, witness.verifier());
                            signed.fetch_add(1, Ordering::Relaxed);
                            clock.0.fetch_add(1, Ordering::Relaxed);
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
    let clock = HandClock::new();
    let witness = witness(MemoryRegisters::new(), clock.clone());
    let signed = race(&witness, &clock, 24_000, 4);
    assert!(signed >= 1_000, "{signed} cosigned");
}

#[test]
fn nor_on_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    let registers = RocksRegisters::create(dir.path().join("state")).unwrap();
    let witness = witness(registers, clock.clone());
    assert!(race(&witness, &clock, 1_500, 3) >= 50);
    let size = shown_size(&witness);
    drop(witness);
    let registers = RocksRegisters::open(dir.path().join("state")).unwrap();
    assert_eq!(shown_size(&common::witness(registers, clock)), size);
}
