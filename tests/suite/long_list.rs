//! A revocation list of 100,000 entries through a running log, with its witnesses. No time is
//! asserted; how long it took and how much memory the log had is printed:
//!
//! `cargo test --release -p ishibumi-tests --test suite long_list -- --ignored --nocapture`

use std::time::Instant;

use ishibumi_tests::artifacts::{Artifacts, CRL};
use ishibumi_tests::world::{Setup, World};

const ENTRIES: u32 = 100_000;

/// The most memory that a log may use with this list, in kilobytes.
const MEMORY_KB_MAX: u64 = 512 * 1024;

#[test]
#[ignore = "OpenSSL takes minutes to make such lists"]
fn a_hundred_thousand_entries_are_admitted_once() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let (list, longer) = (made.long_crl(ENTRIES), made.long_crl(ENTRIES + 1));
    let before = world.size();
    let submit = |what: &str, list: &[u8]| {
        let (started, cpu) = (Instant::now(), world.running().cpu_seconds());
        let answer = world.submit("north", CRL, "", list).expect(200);
        let used = world.running().cpu_seconds() - cpu;
        println!(
            "{what}: {} octets, cosigned and answered in {:?}, {used:.1} s of it on a processor",
            list.len(),
            started.elapsed()
        );
        answer.number("ishibumi-added")
    };
    // The statements, and then the list.
    let all = u64::from(ENTRIES) + 1;
    assert_eq!(submit("100,000 entries", &list), all);
    assert_eq!(world.size(), before + all);
    assert_eq!(submit("the same again", &list), 0);
    assert_eq!(submit("with one entry more", &longer), 2);
    assert_eq!(world.size(), before + all + 2);

    let peak = world.running().peak_memory_kb();
    println!("the log had at most {} MiB", peak / 1024);
    assert!(peak <= MEMORY_KB_MAX, "{peak} kB");
    world.stop_log();
    drop(world.operate(&["fsck"]).done());
}
