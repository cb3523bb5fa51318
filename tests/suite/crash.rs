//! `kill -9`, again and again, while a thousand records and more are submitted.
//!
//! The submitters keep a journal of what was answered; watchers keep every checkpoint that was ever
//! published. After each restart every answered record has a proof. In the end there is one
//! history: the naive oracle computes the roots of all checkpoints ever seen from the records that
//! are there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ishibumi_tests::http;
use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record, submit};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Checkpoint, Policy};

/// Records go on being submitted until there are as many, and until the log was killed as often.
const RECORDS: usize = 1000;
const KILLS: usize = 8;

/// An answered submission.
#[derive(Clone, Debug)]
struct Ack {
    octets: Vec<u8>,
    index: u64,
}

/// The state that survives the processes.
#[derive(Default)]
struct Journal {
    acks: Mutex<Vec<Ack>>,
    checkpoints: Mutex<Vec<Checkpoint>>,
    next: AtomicUsize,
    /// How many records were ever sent, answered or not.
    sent: AtomicUsize,
}

/// Moments that differ from run to run, and are printed so that a failure can be told of.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(now.subsec_nanos()) | 1);
        println!("SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn octets(number: usize) -> Vec<u8> {
    let len = number * 31 % 3000;
    [format!("record {number} ").as_bytes(), &vec![b'.'; len]].concat()
}

impl Journal {
    /// Sends one record after the other until the log no longer answers, or until `end`.
    fn submit(&self, end: usize, (url, token): (&str, &str), policy: &Policy) {
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= end {
                return;
            }
            self.sent.fetch_max(number + 1, Ordering::SeqCst);
            let octets = octets(number);
            let query = if number.is_multiple_of(3) {
                "?wait=durable"
            } else {
                ""
            };
            let Ok(answer) = submit(url, token, OPAQUE, query, &octets) else {
                // It is unknown whether it is in; sending it again is harmless.
                self.next.fetch_min(number, Ordering::SeqCst);
                return;
            };
            assert!([200, 202].contains(&answer.status), "{answer}");
            let index = answer.number("ishibumi-index");
            if answer.status == 200 {
                let proof = TlogProof::parse(&answer.body).unwrap();
                let proven = policy.check_proof(&proof, &opaque_record(&octets));
                assert_eq!(proven.unwrap().index(), index);
                self.see(&proof.checkpoint);
            }
            self.acks.lock().unwrap().push(Ack { octets, index });
        }
    }

    fn watch(&self, url: &str, stop: &AtomicBool) {
        while !stop.load(Ordering::SeqCst) {
            let answer = http::get(url, "/checkpoint").ok();
            if let Some(answer) = answer.filter(|answer| answer.status == 200) {
                self.see(&Note::parse(&answer.body).unwrap());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn see(&self, note: &Note) {
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        let mut seen = self.checkpoints.lock().unwrap();
        if !seen.contains(&checkpoint) {
            seen.push(checkpoint);
        }
    }

    /// Every answered record from number `from` on is proven, at the index that was answered.
    fn assert_proven(&self, world: &World, from: usize) -> usize {
        let acks = self.acks.lock().unwrap().clone();
        for ack in &acks[from..] {
            let proof = world.proven(&opaque_record(&ack.octets));
            assert_eq!(proof.index, ack.index, "{:?}", &ack.octets[..12]);
        }
        acks.len()
    }
}

#[test]
fn kill_9_during_a_thousand_submissions_loses_nothing_that_was_answered() {
    let mut dice = Dice::new();
    let mut world = World::new(Setup::default());
    let before = world.size();
    let journal = Journal::default();
    let mut proven = 0;
    let mut kills = 0;
    loop {
        let (url, token, policy) = (world.url(), world.token("lab"), world.policy());
        let stop = AtomicBool::new(false);
        let spared = kills >= KILLS;
        let sent = journal.sent.load(Ordering::SeqCst);
        // There is always a client that a kill leaves without an answer.
        let end = if spared {
            RECORDS.max(sent)
        } else {
            100 * RECORDS
        };
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| journal.watch(url, &stop));
            let submitters: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| journal.submit(end, (url, token), &policy)))
                .collect();
            if !spared {
                // In the number of answers, so that kills are spread over the records on any
                // machine; and a random moment more, so that they fall anywhere within a batch.
                let enough = proven + 20 + usize::try_from(dice.below(140)).unwrap();
                eventually("answers", || {
                    let answered = journal.acks.lock().unwrap().len();
                    (answered >= enough).then_some(())
                });
                std::thread::sleep(Duration::from_micros(dice.below(20_000)));
                world.running().kill();
            }
            for submitter in submitters {
                submitter.join().unwrap();
            }
            stop.store(true, Ordering::SeqCst);
            watcher.join().unwrap();
        });
        if spared {
            break;
        }
        kills += 1;
        // Two witnesses die as well, every other time; one comes back after the log has.
        let witnesses_too = kills % 2 == 0;
        if witnesses_too {
            world.kill_witness(0);
            world.kill_witness(1);
            world.start_witness(1);
        }
        world.kill_log();
        if kills % 3 == 0 {
            world.assert_sound();
        }
        world.start_log();
        if witnesses_too {
            world.start_witness(0);
        }
        proven = journal.assert_proven(&world, proven);
    }
    // Once more from the first on: records that were answered long ago are still there.
    assert!(journal.assert_proven(&world, 0) >= RECORDS);
    let seen = journal.checkpoints.lock().unwrap().clone();
    assert!(seen.len() > 50, "{}", seen.len());
    world.assert_one_history(&seen);
    // The check itself notices: one that sees no difference would pass everything above.
    let mut other = seen[0].clone();
    other.root.0[0] ^= 1;
    let noticed = catch_unwind(AssertUnwindSafe(|| world.assert_one_history(&[other])));
    assert!(noticed.is_err());
    let sent = journal.sent.load(Ordering::SeqCst);
    assert_eq!(world.size(), before + sent as u64, "each record once");
    let audited = world.audit();
    assert_eq!(audited.code, 0, "{}", audited.err);
    world.stop_log();
    world.assert_sound();
    println!(
        "{kills} kills, {sent} records, {} checkpoints seen",
        seen.len()
    );
}

/// Kills in the first moments: while it starts, recovers and shows its head to the witnesses.
#[test]
fn kill_9_during_recovery_is_recovered_from() {
    let mut dice = Dice::new();
    let mut world = World::new(Setup::default());
    let before = world.size();
    let mut seen = Vec::new();
    for number in 0..300 {
        let answer = world.submit("lab", OPAQUE, "?wait=durable", &octets(number));
        let _ = answer.expect(202);
    }
    seen.push(world.checkpoint().checkpoint().clone());
    world.kill_log();
    for _ in 0..12 {
        let Ok(log) = world.try_start_log() else {
            panic!("it does not start again")
        };
        std::thread::sleep(Duration::from_micros(dice.below(15_000)));
        log.kill();
    }
    world.start_log();
    seen.push(world.checkpoint().checkpoint().clone());
    for number in 0..300 {
        world.proven(&opaque_record(&octets(number)));
    }
    world.assert_one_history(&seen);
    assert_eq!(world.size(), before + 300);
    world.stop_log();
    world.assert_sound();
}
