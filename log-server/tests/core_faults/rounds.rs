//! Rounds of cosigning: the first after a start, late cosignatures, witnesses that contradict.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_log::core::{Publisher, PublisherError, Sequencer};
use ishibumi_store::{LogStore, MemoryLog, Signer as _};
use ishibumi_tlog::Policy;
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::{NoteSigner, SignatureType};

use super::rig::{NOW, Rig, items, log};

/// After a start, nothing new is signed before a quorum has answered for what was signed before.
#[test]
fn a_start_signs_nothing_until_the_quorum_knows_the_old_head() {
    let rig = Rig::new();
    let store = log(&rig, 4, 9);
    let publisher = rig.publisher(Arc::<MemoryLog>::clone(&store)).unwrap();
    let (mut publisher, outcome) = publisher.start(NOW).unwrap();
    let round = outcome.round.unwrap();
    assert_eq!(round.head.checkpoint.size, 4);
    for minute in 0..10 {
        let (next, outcome) = publisher.tick(Duration::from_secs(60 * minute)).unwrap();
        assert!(outcome.round.is_none() && outcome.published.is_none());
        publisher = next;
    }
    // A cosignature of another round counts for nothing.
    let lines = rig.cosign(&round.head.checkpoint);
    let (publisher, outcome) = publisher
        .cosigned(round.number + 1, lines.clone(), NOW)
        .unwrap();
    assert!(outcome.published.is_none());
    assert_eq!(rig.key.signed().len(), 1);
    let (_, outcome) = publisher.cosigned(round.number, lines, NOW).unwrap();
    assert_eq!(outcome.published.unwrap().checkpoint().size, 4);
    assert_eq!(outcome.round.unwrap().head.checkpoint.size, 9);
}

/// A witness that is always late still counts for what is kept, as long as that is remembered.
#[test]
fn cosignatures_that_come_late_are_added_to_what_is_kept() {
    let rig = Rig::new();
    let store = log(&rig, 1, 1);
    let late = NoteSigner::from_seed("late.example", SignatureType::SubtreeV1, &[8; 32]);
    let late = Cosigner::new(late.unwrap()).unwrap();
    let policy = format!(
        "log {}\nlog {}\nwitness w {}\nwitness l {}\ngroup g any w l\nquorum g\n",
        rig.key.verifier(),
        rig.beside.as_ref().unwrap().verifier(),
        rig.witness.verifier(),
        late.verifier(),
    );
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    let second = Duration::from_secs(1);
    let shared = Arc::<MemoryLog>::clone(&store);
    let publisher = Publisher::open(shared, policy, signer, second, 60 * second).unwrap();
    let (mut publisher, mut outcome) = publisher.start(NOW).unwrap();
    let mut sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    let mut rounds = Vec::new();
    // Four rounds a second: one of them is kept.
    for quarter in 0..12_u32 {
        let now = second * quarter / 4;
        let size = u64::from(quarter) + 1;
        let round = outcome.round.take().unwrap();
        assert_eq!(round.head.checkpoint.size, size);
        let lines = rig.cosign(&round.head.checkpoint);
        let (next, done) = publisher.cosigned(round.number, lines, now).unwrap();
        assert_eq!(done.published.unwrap().checkpoint().size, size);
        rounds.push(round);
        sequencer = sequencer.stage(items(size..size + 1)).unwrap().0;
        (publisher, outcome) = next.tick(now + second / 4).unwrap();
    }
    let flagged: Vec<u64> = rounds.iter().filter(|r| r.keep).map(|r| r.number).collect();
    assert_eq!(flagged, [1, 5, 9]);
    assert_eq!(store.kept_sizes(0, 99).unwrap(), [1, 5, 9]);
    let published = store.published().unwrap();
    for round in &rounds[..10] {
        let line = late.cosign(&round.head.checkpoint, 1_800_000_001).unwrap();
        let (next, outcome) = publisher
            .cosigned(round.number, vec![line], second)
            .unwrap();
        assert!(outcome.published.is_none() && outcome.round.is_none());
        publisher = next;
    }
    assert_eq!(
        store.published().unwrap(),
        published,
        "nothing else changed"
    );
    for size in [1, 5, 9] {
        let kept = store.kept(size).unwrap().unwrap().note;
        assert_eq!(
            kept.signatures().len(),
            4,
            "the log's two, and both witnesses'"
        );
    }
    assert_eq!(store.kept_sizes(0, 99).unwrap(), [1, 5, 9]);
}

/// What is about to be stamped is kept whatever the interval says, and gathers cosignatures like the others.
#[test]
fn what_is_to_be_stamped_is_kept_whatever_the_interval_says() {
    let rig = Rig::new();
    let store = log(&rig, 1, 1);
    let late = NoteSigner::from_seed("late.example", SignatureType::SubtreeV1, &[8; 32]);
    let late = Cosigner::new(late.unwrap()).unwrap();
    let policy = format!(
        "log {}\nlog {}\nwitness w {}\nwitness l {}\ngroup g any w l\nquorum g\n",
        rig.key.verifier(),
        rig.beside.as_ref().unwrap().verifier(),
        rig.witness.verifier(),
        late.verifier(),
    );
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
    let hour = Duration::from_secs(3_600);
    let shared = Arc::<MemoryLog>::clone(&store);
    let publisher = Publisher::open(shared, policy, signer, hour, hour).unwrap();
    let (publisher, outcome) = publisher.start(NOW).unwrap();
    let (publisher, kept) = publisher.keep_published(NOW).unwrap();
    assert!(kept.is_none(), "nothing is published yet");
    let mut round = outcome.round.unwrap();
    let mut publisher = publisher;
    let mut sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
    for size in 1..=4 {
        let lines = rig.cosign(&round.head.checkpoint);
        let (next, outcome) = publisher.cosigned(round.number, lines, NOW).unwrap();
        assert_eq!(outcome.published.unwrap().checkpoint().size, size);
        sequencer = sequencer.stage(items(size..size + 1)).unwrap().0;
        // The next round is open, and the published checkpoint is that of the one before.
        let (next, outcome) = next.tick(NOW).unwrap();
        publisher = next;
        if size == 3 {
            let (next, kept) = publisher.keep_published(NOW).unwrap();
            assert_eq!(kept.unwrap().checkpoint().size, 3);
            publisher = next;
        }
        let line = late.cosign(&round.head.checkpoint, 1_800_000_001).unwrap();
        let (next, _) = publisher.cosigned(round.number, vec![line], NOW).unwrap();
        publisher = next;
        round = outcome.round.unwrap();
    }
    // The first by the interval, the third since it was asked for.
    assert_eq!(store.kept_sizes(0, 99).unwrap(), [1, 3]);
    let kept = store.kept(3).unwrap().unwrap().note;
    assert_eq!(kept.signatures().len(), 4, "the late witness's as well");
}

/// One witness may lie; a quorum that knows more than this log is believed.
#[test]
fn a_quorum_that_contradicts_stops_the_log_and_a_single_witness_does_not() {
    let names = ["a.example", "b.example", "c.example"];
    let keys = names.map(|name| {
        let seed = [name.as_bytes()[0]; 32];
        let key = NoteSigner::from_seed(name, SignatureType::CosignatureV1, &seed).unwrap();
        key.verifier().to_string()
    });
    let rig = Rig::new();
    let store = log(&rig, 4, 4);
    let open = || {
        let policy = format!(
            "log {}\nlog {}\nwitness a {}\nwitness b {}\nwitness c {}\ngroup g 2 a b c\nquorum g\n",
            rig.key.verifier(),
            rig.beside.as_ref().unwrap().verifier(),
            keys[0],
            keys[1],
            keys[2],
        );
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let store: Arc<dyn LogStore> = Arc::<MemoryLog>::clone(&store);
        let signer = rig.signer(Arc::clone(&store)).unwrap();
        let minute = Duration::from_secs(60);
        let publisher = Publisher::open(store, policy, signer, NOW, minute).unwrap();
        publisher.start(NOW).unwrap().0
    };
    let error = open().contradicted(names[0], 5, 4, false).err();
    assert!(
        matches!(
            error,
            Some(PublisherError::WitnessAhead {
                theirs: 5,
                ours: 4,
                ..
            })
        ),
        "{error:?}"
    );

    let mut publisher = open();
    for _ in 0..3 {
        publisher = publisher.contradicted(names[0], 5, 4, true).unwrap();
    }
    // Nor do others that were asked about another head, or that nobody knows.
    publisher = publisher.contradicted(names[1], 9, 3, true).unwrap();
    publisher = publisher.contradicted("d.example", 9, 4, true).unwrap();
    let error = publisher.contradicted(names[2], 6, 4, true).err();
    assert!(
        matches!(
            error,
            Some(PublisherError::SignedElsewhere { theirs: 6, ours: 4 })
        ),
        "{error:?}"
    );
}
