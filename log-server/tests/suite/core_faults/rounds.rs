//! Rounds of cosigning: the first after a start, late cosignatures, witnesses that contradict.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_log::core::{Claim, Foreign, HeadError, Publisher, PublisherError, Sequencer};
use ishibumi_store::{LogStore, MemoryLog, Signer as _, StoredTiles};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::root;
use ishibumi_tlog::{Checkpoint, Policy};

use super::rig::{NOW, ORIGIN, Rig, items, log};

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

/// A checkpoint that is about to be stamped is kept whatever the interval says, and gathers
/// cosignatures like the others.
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

/// One witness may lie as it likes; what the log's own key signed elsewhere stops the log, and
/// every later start of it, until that tree is part of it.
#[test]
fn words_stop_nobody_and_what_the_key_signed_elsewhere_does() {
    let rig = Rig::new();
    let store = log(&rig, 4, 6);
    let open = || {
        let publisher = rig.publisher(Arc::<MemoryLog>::clone(&store)).unwrap();
        publisher.start(NOW).unwrap().0
    };
    let witness = rig.witness.verifier();
    let ask = |publisher: Publisher, claim, shown: Option<&Arc<Foreign>>| {
        publisher.contradicted(std::iter::once(witness), &claim, shown, 1_800_000_000, NOW)
    };
    // A claim, of any size, holds the log for as long as the quorum needs the witness that makes
    // it.
    for claim in [
        Claim::Larger(99),
        Claim::SameSize(4),
        Claim::Refused("422".into()),
    ] {
        let (mut publisher, alarm) = ask(open(), claim, None).unwrap();
        assert_eq!((alarm, publisher.held(NOW)), (None, None));
        let later = Duration::from_secs(3);
        let why = publisher.held(NOW + later).unwrap();
        assert!(
            why.starts_with("CONTRADICTED") && why.contains("witness.example"),
            "{why}"
        );
    }

    // A head of another copy: the same records, and then others.
    let other = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&other)).unwrap();
    let (sequencer, _) = sequencer.stage(items(0..4)).unwrap();
    let (sequencer, _) = sequencer.stage(items(90..91)).unwrap();
    let sign = |size: u64| {
        let root = root(&TileNodes::new(&StoredTiles(other.as_ref()), size), size).unwrap();
        let text = Checkpoint::new(ORIGIN, size, root).to_text();
        let line = rig.key.honest.sign(&text).unwrap();
        let note = Note::new(text, vec![line]).encode();
        let keys = [rig.key.verifier().clone()];
        Foreign::read(note.as_bytes(), &keys, ORIGIN, store.as_ref(), 4).unwrap()
    };
    assert_eq!(sign(4), None, "it is part of this one");
    let newer = Arc::new(sign(5).unwrap());
    drop(sequencer);
    let error = ask(open(), Claim::Shown, Some(&newer)).err();
    assert!(
        matches!(
            error,
            Some(PublisherError::Behind {
                theirs: 5,
                ours: 4,
                ..
            })
        ),
        "{error:?}"
    );
    let said = error.unwrap().to_string();
    assert!(said.contains("Remove and overwrite nothing"), "{said}");
    // The next start knows of it, and signs nothing.
    let before = rig.key.signed().len();
    for _ in 0..2 {
        let error = rig.signer(Arc::<MemoryLog>::clone(&store)).err();
        assert!(
            matches!(error, Some(HeadError::Accused { size: 5, .. })),
            "{error:?}"
        );
    }
    assert_eq!(rig.key.signed().len(), before);
    // The other copy is the log: with its data, it is settled.
    drop(rig.signer(Arc::<MemoryLog>::clone(&other)).unwrap());
    drop(rig.signer(other).unwrap().advance().unwrap());
}

/// A proof is judged by who signed it and by what is in it, not by who shows it.
#[test]
fn only_what_the_key_signed_and_the_log_does_not_have_is_foreign() {
    let rig = Rig::new();
    let store = log(&rig, 9, 9);
    let keys = [
        rig.key.verifier().clone(),
        rig.beside.as_ref().unwrap().verifier().clone(),
    ];
    let ours = |size| root(&TileNodes::new(&StoredTiles(store.as_ref()), size), size).unwrap();
    let read = |origin: &str, size, root, key: &NoteSigner| {
        let text = Checkpoint::new(origin, size, root).to_text();
        let line = key.sign(&text).unwrap();
        let note = Note::new(text, vec![line]).encode();
        Foreign::read(note.as_bytes(), &keys, ORIGIN, store.as_ref(), 9).unwrap()
    };
    let honest = &rig.key.honest;
    for size in [1, 5, 9] {
        assert_eq!(read(ORIGIN, size, ours(size), honest), None);
        assert!(read(ORIGIN, size, leaf_hash(b"x"), honest).is_some());
        assert!(
            read(
                ORIGIN,
                size,
                leaf_hash(b"x"),
                &rig.beside.as_ref().unwrap().honest
            )
            .is_some()
        );
        assert_eq!(
            read(ORIGIN, size, leaf_hash(b"x"), &rig.key.wrong),
            None,
            "another key"
        );
        assert_eq!(
            read("log.example/x", size, leaf_hash(b"x"), honest),
            None,
            "another log"
        );
    }
    assert!(
        read(ORIGIN, 10, leaf_hash(b"x"), honest).is_some(),
        "more than was signed here"
    );
    for octets in [&b""[..], b"nonsense", b"log.example/core\n5\n"] {
        let read = Foreign::read(octets, &keys, ORIGIN, store.as_ref(), 9);
        assert_eq!(read.unwrap(), None);
    }
}
