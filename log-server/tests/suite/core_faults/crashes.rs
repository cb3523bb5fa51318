//! A crash at every write, and another one in every recovery.

use std::sync::{Arc, Mutex};

use ishibumi_log::core::Sequencer;
use ishibumi_store::{LogStore as _, MemoryLog, Outcome};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::note::Note;

use super::rig::{NOW, Rig, items, record};

/// One life of the log, until its end or the first error: stage, sign, cosign, publish, five times.
/// `acked` learns what was answered.
fn live(rig: &Rig, store: &Arc<MemoryLog>, acked: &Mutex<Vec<(u64, u64)>>) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let shared = || Arc::<MemoryLog>::clone(store);
    let mut sequencer = Sequencer::open(shared()).map_err(|e| text(&e))?;
    let publisher = rig.publisher(shared()).map_err(|e| text(&e))?;
    let (mut publisher, mut outcome) = publisher.start(NOW).map_err(|e| text(&e))?;
    for batch in 0..5 {
        let numbers = batch * 60..batch * 60 + 75;
        let (next, placed) = sequencer
            .stage(items(numbers.clone()))
            .map_err(|e| text(&e))?;
        sequencer = next;
        let indices = placed.iter().map(|placed| placed.index);
        acked.lock().unwrap().extend(numbers.zip(indices));
        while let Some(round) = outcome.round.take() {
            let lines = rig.cosign(&round.head.checkpoint);
            let cosigned = publisher.cosigned(round.number, lines, NOW);
            (publisher, outcome) = cosigned.map_err(|e| text(&e))?;
        }
        (publisher, outcome) = publisher.tick(NOW).map_err(|e| text(&e))?;
    }
    while let Some(round) = outcome.round.take() {
        let lines = rig.cosign(&round.head.checkpoint);
        (publisher, outcome) = publisher
            .cosigned(round.number, lines, NOW)
            .map_err(|e| text(&e))?;
    }
    Ok(())
}

/// Lives and crashes at the given writes until a life comes to its end; the number of crashes.
fn crash_at(writes: &[(u64, Outcome)]) -> usize {
    let rig = Rig::new();
    // As `init` leaves it: with the record that opens the log.
    let mut store = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    sequencer.stage(items(1000..1001)).unwrap();
    for (nth, outcome) in writes {
        store.fail_write(*nth, *outcome);
    }
    let acked = Mutex::new(Vec::new());
    let mut published = 0;
    let mut crashes = 0;
    while live(&rig, &store, &acked).is_err() {
        crashes += 1;
        assert!(crashes <= writes.len(), "{writes:?}: it does not recover");
        store = Arc::new(store.crash());
        let size = |note: Note| Checkpoint::parse(note.text()).unwrap().size;
        let now = store.published().unwrap().map_or(0, size);
        assert!(
            now >= published,
            "{writes:?}: published {published}, then {now}"
        );
        published = now;
    }
    for (number, index) in acked.into_inner().unwrap() {
        let stored = store.record(index).unwrap();
        assert_eq!(
            stored.as_ref(),
            Some(&record(number).octets),
            "{writes:?}: {number}"
        );
    }
    rig.assert_one_history(&store);
    let newest = store.published().unwrap().unwrap();
    assert_eq!(Checkpoint::parse(newest.text()).unwrap().size, 316);
    assert_eq!(store.staged().unwrap().size(), 316);
    crashes
}

#[test]
fn a_crash_at_every_write_and_in_every_recovery() {
    const BOTH: [Outcome; 2] = [Outcome::NotApplied, Outcome::Applied];
    assert_eq!(crash_at(&[]), 0);
    let mut nth = 1;
    // Until a life ends before it gets to the nth write.
    while crash_at(&[(nth, BOTH[0])]) == 1 {
        assert_eq!(crash_at(&[(nth, BOTH[1])]), 1);
        for second in 1..=4 {
            for (one, two) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let both = [(nth, BOTH[one]), (nth + second, BOTH[two])];
                assert!(crash_at(&both) >= 1, "{both:?}");
            }
        }
        nth += 1;
    }
    assert!(
        nth > 15,
        "only {nth} writes: stage, sign and publish, five times each"
    );
}
