//! A revocation list of 100,000 entries through a running log, with its witnesses. No time is asserted; how
//! long it took and how much memory the log had is printed (`-- --nocapture`).

use std::time::Instant;

use ishibumi_tests::artifacts::{Artifacts, CRL};
use ishibumi_tests::world::{Setup, World};

const ENTRIES: u32 = 100_000;

/// What a log may have at most with this list, in kilobytes.
const MEMORY_KB_MAX: u64 = 512 * 1024;

#[test]
fn a_hundred_thousand_entries_are_admitted_once() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let list = made.long_crl(ENTRIES);
    let before = world.size();
    let started = Instant::now();
    let answer = world.submit("north", CRL, "", &list).expect(200);
    let took = started.elapsed();
    assert_eq!(answer.number("ishibumi-added"), u64::from(ENTRIES) + 1);
    // Statements and list, and no chain.
    assert_eq!(world.size(), before + u64::from(ENTRIES) + 1);

    // The same list again: nothing. Another one with a single new entry: that, and the list.
    drop(world.submit("north", CRL, "", &list).expect(200));
    assert_eq!(world.size(), before + u64::from(ENTRIES) + 1);
    let again = Instant::now();
    drop(
        world
            .submit("north", CRL, "", &made.long_crl(ENTRIES + 1))
            .expect(200),
    );
    let again = again.elapsed();
    assert_eq!(world.size(), before + u64::from(ENTRIES) + 3);

    let peak = world.running().peak_memory_kb();
    println!(
        "{} octets, {ENTRIES} entries: cosigned and answered in {took:?}; with one entry more in {again:?}; \
         the log had at most {} MiB",
        list.len(),
        peak / 1024
    );
    assert!(peak <= MEMORY_KB_MAX, "{peak} kB");
    world.stop_log();
    world.assert_sound();
}
