//! Logs are added, disabled and enabled, never removed (rule R8, F34); and what is kept of a log
//! whose consistency proof fails.

use std::sync::{Arc, Mutex};

use crate::common::*;
use ishibumi_store::MemoryRegisters;
use ishibumi_tlog::fork::{Kind, Prefix, Verdict};
use ishibumi_tlog::tree;
use ishibumi_witness::follow::SUSPICIONS_MAX;
use ishibumi_witness::{Alarm, LogError, Refusal, Witness};

#[test]
fn f34_a_disabled_log_is_refused_and_forgets_nothing() {
    let registers = Arc::new(MemoryRegisters::new());
    let open = || witness(Shared(Arc::clone(&registers)), clock());
    let witness = open();
    let log = log(50);
    cosigned(&witness, &log, 0, 10);
    assert!(witness.follower().disable_log(ORIGIN, true).unwrap());
    assert!(!witness.follower().disable_log(ORIGIN, true).unwrap());

    let refused = refusal(&witness, &log.request(10, 20));
    assert!(matches!(refused, Refusal::Disabled(_)), "{refused}");
    assert_eq!(refused.status(), 403);
    // Its cosigned checkpoint is still shown, a fork is still kept, a restart changes nothing, and
    // adding the log again does not enable it.
    drop(witness);
    let restarted = open();
    assert_eq!(shown_size(&restarted), 10);
    assert_eq!(status(&restarted, &log.request(10, 20)), 403);
    assert_eq!(
        status(&restarted, &TestLog::new(50, 3).request(10, 10)),
        403
    );
    let state = &restarted.follower().logs().unwrap()[0];
    assert!(state.is_disabled() && restarted.follower().fork(state).unwrap().is_some());

    // Enabled, it goes on from where it was, and from nowhere else.
    assert!(restarted.follower().disable_log(ORIGIN, false).unwrap());
    assert_eq!(status(&restarted, &log.request(0, 20)), 409);
    assert_eq!(
        status(&restarted, &TestLog::new(50, 3).request(10, 20)),
        422
    );
    cosigned(&restarted, &log, 10, 20);
    assert!(matches!(
        restarted.follower().disable_log("x", true),
        Err(LogError::UnknownOrigin(_))
    ));
}

#[test]
fn a_failed_proof_is_kept_as_a_suspicion_and_a_reader_of_the_log_settles_it() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    let registers = MemoryRegisters::new();
    Witness::<_, HandClock>::init(&registers, &identity()).unwrap();
    let alarms = Box::new(move |alarm: &Alarm| hear.lock().unwrap().push(alarm.clone()));
    let witness = Witness::open(registers, clock(), cosigners(), alarms).unwrap();
    let (log, other) = (log(50), TestLog::new(50, 3));
    witness.follower().add_log(log.vkey()).unwrap();
    cosigned(&witness, &log, 0, 10);
    let suspicions = || {
        let state = &witness.follower().logs().unwrap()[0];
        assert!(witness.follower().fork(state).unwrap().is_none());
        witness.follower().suspicions(state).unwrap()
    };
    // Conflicts and honest growth are none, nor is a note that the log did not sign.
    assert_eq!(status(&witness, &log.request(0, 20)), 409);
    let stranger = TestLog::named(ORIGIN, 2, 50, 3);
    assert_eq!(status(&witness, &stranger.request(10, 20)), 403);
    cosigned(&witness, &log, 10, 11);
    assert!(suspicions().is_empty() && heard.lock().unwrap().is_empty());

    // A true checkpoint with a wrong proof, and a checkpoint of another history: they look alike.
    assert_eq!(status(&witness, &body(11, &[], &log.note(30))), 422);
    assert_eq!(status(&witness, &other.request(11, 20)), 422);
    assert_eq!(status(&witness, &other.request(11, 20)), 422);
    let kept = suspicions();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|kept| kept.kind() == Kind::Suspicion));
    let keys = [log.vkey().clone()];
    assert!(
        kept.iter()
            .all(|kept| kept.check(&keys) == Ok(Verdict::Open))
    );
    let words = |alarms: &[Alarm]| -> Vec<bool> {
        let kept = |alarm: &Alarm| matches!(alarm, Alarm::Suspicion { kept: true, .. });
        alarms.iter().map(kept).collect()
    };
    assert_eq!(words(&heard.lock().unwrap()), [true, true, false]);

    // Who reads the logs tells them apart.
    let prefix = |log: &TestLog, size| Prefix {
        root: tree::root(log, 11).unwrap(),
        proof: log.proof(11, size),
    };
    assert!(kept[0].clone().with_prefix(prefix(&log, 30)).is_err());
    let fork = kept[1].clone().with_prefix(prefix(&other, 20)).unwrap();
    assert_eq!(fork.check(&keys), Ok(Verdict::Proven { key: 0 }));

    // However many come, a bounded number is kept, and the log is cosigned all the same.
    for size in 12..40 {
        assert_eq!(status(&witness, &other.request(11, size)), 422);
    }
    assert_eq!(suspicions().len(), SUSPICIONS_MAX);
    cosigned(&witness, &log, 11, 50);
}
