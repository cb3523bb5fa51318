//! The monitor's state machine: every alarm, and beside it what must not raise it.

use crate::support::log::{Log, ORIGIN};
use crate::support::pki::Pki;
use ishibumi::monitor::{
    Alarm, Outcome, OwnArtifacts, ReadingError, Settings, Shown, Standing, State, StateError,
    Watch, WatchList,
};
use ishibumi_artifact::{ArtifactType, Certificate, record_of};
use ishibumi_tlog::Policy;
use ishibumi_tlog::fork::Verdict;
use ishibumi_tlog::hash::leaf_hash;

const T: u64 = 1_800_000_000;
const PATIENT: Settings = Settings {
    stall_s: 3600,
    unreachable_s: 0,
};

fn policy(log: &Log) -> Policy {
    Policy::parse(log.policy().as_bytes()).unwrap()
}

fn log_of(size: u64) -> Log {
    let mut log = Log::new();
    log.grow(size);
    log
}

/// Another history from record 5 on, by the same keys.
fn fork_of(size: u64) -> Log {
    let mut log = log_of(5);
    log.add_octets(log.record(1).to_vec());
    log.grow(size);
    log
}

/// One round at `now`; every claim is decided by tiles of `tiles`.
fn round(
    state: State,
    now: u64,
    tiles: &Log,
    shown: &[(&str, Shown, Vec<u8>)],
) -> (Outcome, State) {
    let policy = policy(tiles);
    let mut watch = Watch::new(&policy, PATIENT, state, now);
    for (place, shown, octets) in shown {
        let Some(claim) = watch.observe(place, *shown, octets) else {
            continue;
        };
        let prefix = tiles.prefix(claim.older(), claim.newer());
        if watch.conclude(&claim, &prefix) == Standing::Open {
            watch.unproven(&claim);
        }
    }
    watch.end(&WatchList::default(), &[])
}

fn newest<'a>(place: &'a str, log: &Log, size: u64) -> (&'a str, Shown, Vec<u8>) {
    (
        place,
        Shown::Newest,
        log.note(size, &[T, T]).encode().into_bytes(),
    )
}

fn kept<'a>(place: &'a str, log: &Log, size: u64) -> (&'a str, Shown, Vec<u8>) {
    (
        place,
        Shown::Kept,
        log.note(size, &[T, T]).encode().into_bytes(),
    )
}

fn kinds(outcome: &Outcome) -> Vec<&'static str> {
    outcome
        .alarms
        .iter()
        .map(|(alarm, _)| alarm.kind())
        .collect()
}

/// What a monitor that stopped and started again knows.
fn again(state: &State, log: &Log) -> State {
    let text = state.encode();
    let read = State::decode(text.as_bytes(), ORIGIN, &policy(log)).unwrap();
    assert_eq!(read, *state);
    read
}

#[test]
fn one_history_raises_nothing_in_whatever_order_it_is_seen() {
    let log = log_of(40);
    let mut state = State::new(ORIGIN);
    for sizes in [[7, 40, 1], [12, 12, 33], [40, 39, 2]] {
        let seen: Vec<_> = sizes.iter().map(|&size| kept("log", &log, size)).collect();
        let (outcome, after) = round(state, T, &log, &seen);
        assert_eq!(kinds(&outcome), [""; 0]);
        state = again(&after, &log);
    }
    assert_eq!(state.size(), 40);
    let (outcome, _) = round(
        state,
        T,
        &log,
        &[newest("a", &log, 40), newest("b", &log, 38)],
    );
    assert_eq!(
        kinds(&outcome),
        [""; 0],
        "b is behind, and has been for no time"
    );
}

#[test]
fn two_roots_of_one_size_convict_for_ever() {
    let (log, fork) = (log_of(20), fork_of(20));
    let (state, seen) = (State::new(ORIGIN), newest("log", &log, 20));
    let (outcome, state) = round(state, T, &log, &[seen.clone(), newest("mirror", &fork, 20)]);
    assert_eq!(kinds(&outcome), ["fork"]);
    assert_eq!(outcome.untold.len(), 1);
    let mut state = again(&state, &log);
    state.told();
    // Told once, standing for ever, and seeing it again makes no second alarm.
    let (outcome, state) = round(state, T, &log, &[seen.clone(), newest("mirror", &fork, 20)]);
    assert_eq!((kinds(&outcome), outcome.untold.len()), (vec!["fork"], 0));
    let (outcome, state) = round(state, T, &log, &[seen]);
    assert_eq!((kinds(&outcome), outcome.cleared.len()), (vec!["fork"], 0));
    let (name, evidence) = state.forks().next().unwrap();
    assert!(name.starts_with("20-20-"), "{name}");
    assert_eq!(evidence.check(&[log.key()]), Ok(Verdict::Proven { key: 0 }));
}

#[test]
fn two_sizes_convict_by_a_proof_and_by_nothing_less() {
    let (log, fork) = (log_of(20), fork_of(30));
    for (first, second) in [((&log, 20), (&fork, 30)), ((&fork, 30), (&log, 20))] {
        let shown = [
            newest("a", first.0, first.1),
            newest("b", second.0, second.1),
        ];
        // The tiles of the larger tree decide.
        let (outcome, state) = round(State::new(ORIGIN), T, &fork, &shown);
        assert_eq!(kinds(&outcome), ["fork"]);
        let (_, evidence) = state.forks().next().unwrap();
        assert_eq!(evidence.check(&[log.key()]), Ok(Verdict::Proven { key: 0 }));
        // Those of another tree do not: their server may be the one that lies.
        let (outcome, _) = round(State::new(ORIGIN), T, &log_of(30), &shown);
        assert_eq!(kinds(&outcome), ["unproven"]);
    }
    // Consistent up to where they part.
    let shown = [newest("a", &log, 5), newest("b", &fork, 30)];
    assert_eq!(
        kinds(&round(State::new(ORIGIN), T, &fork, &shown).0),
        [""; 0]
    );
}

#[test]
fn a_place_that_shows_less_than_before_has_rolled_back() {
    let log = log_of(20);
    let (_, state) = round(State::new(ORIGIN), T, &log, &[newest("a", &log, 20)]);
    let (outcome, state) = round(again(&state, &log), T, &log, &[newest("a", &log, 10)]);
    let expected = Alarm::Rollback {
        place: "a".into(),
        seen: 20,
        shown: 10,
    };
    assert_eq!(outcome.alarms, [(expected, T)]);
    let policy = policy(&log);
    let watch = Watch::new(&policy, PATIENT, state.clone(), T);
    assert!(watch.is_suspect("a", &newest("a", &log, 10).2));
    assert!(!watch.is_suspect("a", &newest("a", &log, 20).2));
    // A kept checkpoint is older by its nature, and another place has its own past.
    let (outcome, state) = round(state, T, &log, &[kept("a", &log, 9), newest("b", &log, 10)]);
    assert_eq!(kinds(&outcome), [""; 0]);
    assert_eq!(outcome.cleared, ["rollback a"]);
    let (outcome, _) = round(state, T, &log, &[newest("a", &log, 20)]);
    assert_eq!(kinds(&outcome), [""; 0]);
}

#[test]
fn what_the_log_did_not_sign_is_a_false_answer() {
    let log = log_of(20);
    let honest = log.note(20, &[T]).encode();
    let unsigned = honest.replace("\u{2014} t.example/log ", "\u{2014} u.example/log ");
    for lie in [
        String::new(),
        "<html>".to_owned(),
        honest.replace("\n20\n", "\n19\n"),
        honest.replace("t.example/log\n20", "u.example/log\n20"),
        unsigned,
    ] {
        let shown = [("a", Shown::Newest, lie.clone().into_bytes())];
        let (outcome, state) = round(State::new(ORIGIN), T, &log, &shown);
        assert_eq!(kinds(&outcome), ["false-answer"], "{lie}");
        assert_eq!(state.size(), 0);
    }
    let shown = [("a", Shown::Newest, honest.into_bytes())];
    assert_eq!(
        kinds(&round(State::new(ORIGIN), T, &log, &shown).0),
        [""; 0]
    );
}

#[test]
fn a_log_that_stands_still_stalls_unless_its_quorum_is_fresh() {
    let log = log_of(20);
    let seen = |time| {
        let note = log.note(20, &[time, time]).encode().into_bytes();
        [("a", Shown::Newest, note)]
    };
    let (_, state) = round(State::new(ORIGIN), T, &log, &seen(T));
    let late = T + 3601;
    assert_eq!(
        kinds(&round(state.clone(), T + 3600, &log, &seen(T)).0),
        [""; 0]
    );
    let (outcome, _) = round(state.clone(), late, &log, &seen(T));
    assert_eq!(
        outcome.alarms.first().unwrap().0,
        Alarm::Stalled {
            place: None,
            since: T
        }
    );
    assert_eq!(
        kinds(&round(state.clone(), late, &log, &seen(late - 5)).0),
        [""; 0]
    );
    // One cosignature is no quorum, and what a clock says of the future is not fresh for ever.
    let lone = [(
        "a",
        Shown::Newest,
        log.note(20, &[late]).encode().into_bytes(),
    )];
    assert_eq!(kinds(&round(state.clone(), late, &log, &lone).0), ["stall"]);
    let (_, ahead) = round(state.clone(), T + 10, &log, &seen(T + 1_000_000));
    assert_eq!(kinds(&round(ahead, T + 3700, &log, &seen(T)).0), ["stall"]);
    // A larger tree is news without any quorum.
    let grown = log_of(21);
    let shown = [(
        "a",
        Shown::Newest,
        grown.note(21, &[]).encode().into_bytes(),
    )];
    assert_eq!(kinds(&round(state, late, &grown, &shown).0), [""; 0]);
}

/// A log that is seen for the first time is as old as its quorum says: it does not stand still
/// since today.
#[test]
fn a_log_that_stood_still_before_anybody_looked_stalls_at_once() {
    let log = log_of(20);
    let seen = [newest("a", &log, 20)];
    let (outcome, state) = round(State::new(ORIGIN), T + 3601, &log, &seen);
    let place = None;
    assert_eq!(
        outcome.alarms,
        [(Alarm::Stalled { place, since: T }, T + 3601)]
    );
    // Without a quorum its age is unknown.
    let lone = log.note(20, &[]).encode().into_bytes();
    let lone = [("a", Shown::Newest, lone)];
    let (outcome, _) = round(State::new(ORIGIN), T + 3601, &log, &lone);
    assert_eq!(kinds(&outcome), [""; 0]);
    let grown = log_of(21);
    let (outcome, _) = round(state, T + 3602, &grown, &[newest("a", &grown, 21)]);
    assert_eq!(kinds(&outcome), [""; 0]);
}

/// The clock was ahead, or the file was forged: a time in the future keeps no alarm away.
#[test]
fn a_state_from_the_future_is_not_believed() {
    let log = log_of(20);
    let seen = |time| {
        let note = log.note(20, &[time, time]).encode().into_bytes();
        [("a", Shown::Newest, note)]
    };
    let ahead = T + 1_000_000;
    let (_, state) = round(State::new(ORIGIN), ahead, &log, &seen(ahead));
    let (outcome, state) = round(again(&state, &log), T, &log, &seen(T));
    assert_eq!(outcome.alarms, [(Alarm::Clock { time: ahead }, T)]);
    assert_eq!(outcome.untold.len(), 1);
    // It is told once, and the remembered time is dropped.
    let (outcome, state) = round(again(&state, &log), T + 1, &log, &seen(T));
    assert_eq!((kinds(&outcome), outcome.cleared.len()), (vec![], 1));
    let (outcome, _) = round(state, T + 3601, &log, &seen(T));
    assert_eq!(kinds(&outcome), ["stall"]);
    // A few seconds are no future.
    let (_, state) = round(State::new(ORIGIN), T + 30, &log, &seen(T));
    assert_eq!(kinds(&round(state, T, &log, &seen(T)).0), [""; 0]);
    // Nor does silence begin in the future.
    let policy = policy(&log);
    let settings = Settings {
        unreachable_s: 100,
        ..PATIENT
    };
    let silent = |state, now| {
        let mut watch = Watch::new(&policy, settings, state, now);
        watch.failed("a", "connection refused");
        watch.end(&WatchList::default(), &[])
    };
    let (outcome, state) = silent(State::new(ORIGIN), ahead);
    assert_eq!((kinds(&outcome), outcome.answered), (vec![], 0));
    let (_, state) = silent(state, T);
    assert_eq!(kinds(&silent(state, T + 100).0), ["unreachable"]);
}

#[test]
fn a_place_that_stays_behind_is_named() {
    let log = log_of(20);
    let at = |now| log.note(20, &[now, now]).encode().into_bytes();
    let shown = |now| [("a", Shown::Newest, at(now)), newest("mirror", &log, 10)];
    let (_, state) = round(State::new(ORIGIN), T, &log, &shown(T));
    let (outcome, state) = round(state, T + 3600, &log, &shown(T + 3600));
    assert_eq!(kinds(&outcome), [""; 0]);
    let (outcome, state) = round(again(&state, &log), T + 3601, &log, &shown(T + 3601));
    let place = Some("mirror".to_owned());
    assert_eq!(
        outcome.alarms,
        [(Alarm::Stalled { place, since: T }, T + 3601)]
    );
    let caught_up = [("mirror", Shown::Newest, at(T + 3601))];
    let (outcome, _) = round(state, T + 3602, &log, &caught_up);
    assert_eq!(kinds(&outcome), [""; 0]);
}

#[test]
fn silence_is_an_alarm_when_patience_ends() {
    let log = log_of(20);
    let policy = policy(&log);
    let settings = Settings {
        unreachable_s: 100,
        ..PATIENT
    };
    let silent = |state, now| {
        let mut watch = Watch::new(&policy, settings, state, now);
        watch.failed("a", "connection refused");
        watch.end(&WatchList::default(), &[])
    };
    let (outcome, state) = silent(State::new(ORIGIN), T);
    assert_eq!(kinds(&outcome), [""; 0]);
    let (outcome, state) = silent(again(&state, &log), T + 100);
    assert_eq!(kinds(&outcome), ["unreachable"]);
    // An answer, even a false one, ends the silence.
    let (outcome, state) = round(state, T + 101, &log, &[newest("a", &log, 20)]);
    assert_eq!((kinds(&outcome), outcome.cleared.len()), (vec![], 1));
    assert_eq!(kinds(&silent(state, T + 150).0), [""; 0]);
}

#[test]
fn records_in_ones_own_name_are_expected_or_an_alarm() {
    let pki = Pki::new();
    pki.stamp("d0", "document 0\n");
    pki.stamp("d1", "document 1\n");
    let anchors = pki.anchors();
    let mut log = log_of(300);
    let token = ArtifactType::TimestampToken;
    log.submit(token, &pki.read("d0.tst"), &anchors);
    let index = log.submit(token, &pki.read("d1.tst"), &anchors);
    log.submit(ArtifactType::Certificate, &pki.read("seal.crt"), &anchors);
    log.grow(600);
    let leaf = |name: &str| {
        let record = record_of(token, &pki.read(name), &anchors).unwrap();
        leaf_hash(&record.encode())
    };
    let policy = policy(&log);
    // Reads everything that is new; `spoil` may change the first bundle.
    let read = |state, list: &WatchList, spoil: &dyn Fn(&mut Vec<u8>)| {
        let mut watch = Watch::new(&policy, PATIENT, state, T);
        let (place, shown, octets) = newest("log", &log, 600);
        assert_eq!(watch.observe(place, shown, &octets), None);
        let mut failed = None;
        if let Some(mut reading) = watch.reading(list) {
            for path in reading.plan() {
                let mut octets = log.file(path);
                spoil(&mut octets);
                reading.take(path, &octets).unwrap();
            }
            match reading.finish() {
                Ok(read) => watch.read(read),
                Err(error) => failed = Some(error),
            }
        }
        let (outcome, state) = watch.end(list, &[]);
        (outcome, state, failed)
    };
    let mut list = WatchList::default();
    let certificate = Certificate::parse(&pki.read("tsa.crt")).unwrap();
    list.tsu_certificate(&certificate);
    list.expect(leaf("d0.tst"));
    let (outcome, state, _) = read(State::new(ORIGIN), &list, &|_| {});
    assert_eq!(kinds(&outcome), ["unexpected-record"]);
    let Alarm::UnexpectedRecord { index: found, .. } = outcome.alarms[0].0 else {
        panic!("{outcome:?}")
    };
    assert_eq!((found, state.records_read()), (index, 600));
    // It stands until its leaf is expected, without being read again.
    let (outcome, state, _) = read(again(&state, &log), &list, &|_| panic!("read again"));
    assert_eq!(kinds(&outcome), ["unexpected-record"]);
    list.expect(leaf("d1.tst"));
    let (outcome, state, _) = read(state, &list, &|_| panic!("read again"));
    assert_eq!((kinds(&outcome), outcome.cleared.len()), (vec![], 1));
    // A list with another party begins anew.
    list.organization("NTRJP-8040001079502");
    let (outcome, _, _) = read(state, &list, &|_| {});
    assert_eq!(kinds(&outcome), ["unexpected-record"]);

    let mut others = WatchList::default();
    others.organization("NTRJP-1");
    others.tsu(vec![7; 32]);
    let (outcome, _, failed) = read(State::new(ORIGIN), &others, &|_| {});
    assert_eq!((kinds(&outcome), failed), (vec![], None));
    // Records that do not hash to the root name no party.
    let mut list = WatchList::default();
    list.tsu_certificate(&certificate);
    let (outcome, state, failed) = read(State::new(ORIGIN), &list, &|octets| octets[9] ^= 1);
    assert!(
        matches!(failed, Some(ReadingError::Root { size: 600, .. })),
        "{failed:?}"
    );
    assert_eq!((kinds(&outcome), state.records_read()), (vec![], 0));
}

#[test]
fn an_own_artifact_is_missed_after_its_deadline_alone() {
    let log = log_of(20);
    let policy = policy(&log);
    let own = [OwnArtifacts {
        name: "contract.tst".into(),
        leaf: leaf_hash(log.record(3)),
        due: T,
    }];
    let watch = |state, now| Watch::new(&policy, PATIENT, state, now);
    assert!(watch(State::new(ORIGIN), T - 1).due(&own).is_empty());
    let mut late = watch(State::new(ORIGIN), T);
    assert_eq!(late.due(&own), [&own[0]]);
    late.missed(&own[0]);
    let (outcome, state) = late.end(&WatchList::default(), &own);
    assert_eq!(kinds(&outcome), ["missed-record"]);
    let mut found = watch(again(&state, &log), T + 1);
    found.proven(own[0].leaf);
    let (outcome, state) = found.end(&WatchList::default(), &own);
    assert_eq!((kinds(&outcome), outcome.cleared.len()), (vec![], 1));
    assert!(watch(again(&state, &log), T + 2).due(&own).is_empty());
}

#[test]
fn a_state_is_believed_no_more_than_the_log() {
    let log = log_of(20);
    let (_, state) = round(State::new(ORIGIN), T, &log, &[newest("a", &log, 20)]);
    let text = state.encode();
    let read = |text: &str| State::decode(text.as_bytes(), ORIGIN, &policy(&log));
    read(&text).unwrap();
    assert!(matches!(
        read(&text.replace("\\n20\\n", "\\n19\\n")),
        Err(StateError::Trust(_))
    ));
    assert!(matches!(read("{}"), Err(StateError::Json(_))));
    assert!(matches!(
        read(&text.replace("state/v1", "state/v2")),
        Err(StateError::Format(_))
    ));
    assert!(matches!(
        read(&text.replace("\"read\": 0", "\"read\": 3")),
        Err(StateError::Hashes(_))
    ));
    let other = State::decode(text.as_bytes(), "u.example/log", &policy(&log));
    assert!(matches!(other, Err(StateError::Origin { .. })));
}

/// `testdata/monitor/` is written anew with `ISHIBUMI_BLESS=1`; docs/formats/monitor-state.md
/// describes it.
#[test]
fn golden_file() {
    let (log, fork) = (log_of(20), fork_of(30));
    let first = [kept("log", &log, 3), newest("log", &log, 13)];
    let (_, state) = round(State::new(ORIGIN), T, &log, &first);
    let shown = [newest("mirror", &fork, 30), newest("log", &log, 12)];
    let (_, mut state) = round(state, T + 60, &fork, &shown);
    state.told();
    let path = "../../testdata/monitor/t.example.monitor-state";
    if std::env::var_os("ISHIBUMI_BLESS").is_some() {
        std::fs::create_dir_all("../../testdata/monitor").unwrap();
        std::fs::write(path, state.encode()).unwrap();
        std::fs::write("../../testdata/monitor/policy.txt", log.policy()).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert_eq!(golden, state.encode());
    assert_eq!(again(&state, &log).forks().count(), 1);
}
