//! F28 under a model checker: the race of C2SP tlog-witness through every schedule of two
//! submitters, and through many of three. The witness that ships runs here, with the checker's
//! locks instead of the standard library's ([`ishibumi_witness::follow::Locks`]) and with a store
//! whose every access is a point at which the checker may switch.
//!
//! The race: N and N+K are both checked; N+K is stored and answered; then N is stored, and K leaves
//! are forgotten. Two defences stand against it, a lock per log and compare-and-swap. Each
//! suffices; the control is that without both the checker finds the race.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use crate::common::*;
use ishibumi_store::{MemoryRegisters, Registers, StoreError};
use ishibumi_tlog::Hash;
use ishibumi_witness::follow::{Held, Locks};
use ishibumi_witness::{Identity, Witness};
use shuttle::scheduler::{DfsScheduler, RandomScheduler};
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::{Config, Runner, thread};

#[derive(Clone, Copy)]
struct Defences {
    lock: bool,
    compare: bool,
}

const BOTH: Defences = Defences {
    lock: true,
    compare: true,
};

/// The state that every run begins with: a witness that cosigned 10 leaves.
type Values = BTreeMap<Vec<u8>, Vec<u8>>;

static START_VALUES: LazyLock<Values> = LazyLock::new(|| {
    let registers = Arc::new(MemoryRegisters::new());
    let identity = Identity::new(vec![cosigner().verifier().clone()]).unwrap();
    let shared = Shared(Arc::clone(&registers));
    Witness::<_, HandClock>::init(&shared, &identity).unwrap();
    let alarms = Box::new(|_: &_| {});
    let witness = Witness::open(shared, clock(), cosigner(), alarms).unwrap();
    witness.follower().add_log(log(0).vkey()).unwrap();
    witness.add_checkpoint(&LOG.request(0, 10)).unwrap();
    let names = registers.names().unwrap();
    let value = |name: Vec<u8>| (name.clone(), registers.read(&name).unwrap().unwrap());
    names.into_iter().map(value).collect()
});

static LOG: LazyLock<TestLog> = LazyLock::new(|| log(64));

/// Registers whose every access is a point at which the checker may switch. One thread runs at a
/// time, and none is switched from within an access, so that the lock of the standard library never
/// waits.
struct Checked {
    values: std::sync::Mutex<Values>,
    compare: bool,
}

impl Registers for Checked {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        thread::yield_now();
        Ok(self.values.lock().unwrap().get(name).cloned())
    }

    fn swap(&self, name: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<(), StoreError> {
        thread::yield_now();
        let mut values = self.values.lock().unwrap();
        let found = values.get(name).map(Vec::as_slice);
        if self.compare && found != expected {
            return Err(StoreError::Conflict {
                what: "register".to_owned(),
                expected: String::new(),
                found: String::new(),
            });
        }
        values.insert(name.to_owned(), new.to_owned());
        Ok(())
    }

    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.values.lock().unwrap().keys().cloned().collect())
    }
}

struct CheckedLocks(Mutex<()>);

struct Guard<'a>(#[allow(dead_code)] MutexGuard<'a, ()>);

impl Held for Guard<'_> {}

impl Locks for CheckedLocks {
    fn lock(&self, _: Hash) -> Box<dyn Held + '_> {
        Box::new(Guard(self.0.lock().unwrap()))
    }
}

struct NoLocks;

struct Nothing;

impl Held for Nothing {}

impl Locks for NoLocks {
    fn lock(&self, _: Hash) -> Box<dyn Held + '_> {
        Box::new(Nothing)
    }
}

/// One run: all submitters submit different sizes, from size 10, at once. A submitter that gets a
/// signature finds that size, or a larger one, recorded then and in the end.
fn submit(sizes: &'static [u64], defences: Defences) {
    let registers = Checked {
        values: std::sync::Mutex::new(START_VALUES.clone()),
        compare: defences.compare,
    };
    let alarms = Box::new(|_: &_| {});
    let witness = Witness::open(registers, clock(), cosigner(), alarms).unwrap();
    let locks: Box<dyn Locks> = if defences.lock {
        Box::new(CheckedLocks(Mutex::new(())))
    } else {
        Box::new(NoLocks)
    };
    let witness = Arc::new(witness.with_locks(locks));
    let threads: Vec<_> = sizes
        .iter()
        .map(|&size| {
            let witness = Arc::clone(&witness);
            thread::spawn(move || {
                let answer = witness.add_checkpoint(&LOG.request(10, size));
                let signed = answer.is_ok().then_some(size);
                let recorded = shown_size(&witness);
                assert!(
                    signed.is_none_or(|size| size <= recorded),
                    "fell to {recorded}"
                );
                signed
            })
        })
        .collect();
    let signed: Vec<u64> = threads
        .into_iter()
        .filter_map(|thread| thread.join().unwrap())
        .collect();
    // One was first, and the largest size that was signed is recorded.
    assert_eq!(signed.iter().max(), Some(&shown_size(&witness)));
    if defences.lock {
        // All began at the same size, so that there is one winner.
        assert_eq!(signed.len(), 1);
    }
}

/// Signing and checking ML-DSA-44 takes more stack than the checker gives its threads by itself.
fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config
}

fn check_random(run: impl Fn() + Send + Sync + 'static, times: usize) {
    Runner::new(RandomScheduler::new(times), config()).run(run);
}

#[test]
fn every_schedule_of_two_submitters() {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let run = move || {
        count.fetch_add(1, Ordering::Relaxed);
        submit(&[20, 30], BOTH);
    };
    Runner::new(DfsScheduler::new(None, false), config()).run(run);
    let runs = runs.load(Ordering::Relaxed);
    assert!(runs > 1000, "{runs} schedules are not all");
    println!("{runs} schedules");
}

#[test]
fn many_schedules_of_three_submitters() {
    check_random(|| submit(&[20, 30, 40], BOTH), 500);
}

#[test]
fn each_defence_suffices() {
    for (lock, compare) in [(true, false), (false, true)] {
        check_random(move || submit(&[30, 20], Defences { lock, compare }), 500);
    }
}

#[test]
fn without_both_defences_the_checker_finds_the_race() {
    let none = Defences {
        lock: false,
        compare: false,
    };
    let found = catch_unwind(AssertUnwindSafe(|| {
        check_random(move || submit(&[30, 20], none), 500);
    }));
    assert!(
        found.is_err(),
        "the model sees no race, so it proves nothing"
    );
}
