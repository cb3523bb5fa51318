//! The record that closes a log is the last one that is appended, and its tree the last one that is
//! signed.

use std::sync::Arc;

use ishibumi_artifact::record::{LogEnding, LogStatement, Moment};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, Record};
use ishibumi_log::admission::new_record;
use ishibumi_log::core::{HeadError, HeadSigner, Item, Sequencer, SequencerError};
use ishibumi_store::{Batch, LogStore as _, MemoryLog, NewRecord};

use super::rig::{Rig, items, log, record};

fn closed(reason: &str) -> NewRecord {
    let date = Moment::new("date", Time::from_unix(1_900_000_000)).unwrap();
    let end = LogEnding::new(date, (reason, ""), &[], &[]).unwrap();
    new_record(&Record::from(Body::Log(LogStatement::Closed(end)))).unwrap()
}

fn item(records: Vec<NewRecord>) -> Vec<Item> {
    vec![Item {
        records,
        ..Item::default()
    }]
}

fn sequencer(store: &Arc<MemoryLog>) -> Sequencer {
    Sequencer::open(Arc::<MemoryLog>::clone(store)).unwrap()
}

#[test]
fn nothing_is_appended_to_a_closed_log() {
    let rig = Rig::new();
    let store = log(&rig, 4, 4);
    let after = [
        item(vec![closed("an end"), record(9)]),
        item(vec![closed("an end"), closed("another")]),
    ];
    for batch in after {
        let refused = sequencer(&store).stage(batch).err();
        assert!(
            matches!(refused, Some(SequencerError::Closed)),
            "{refused:?}"
        );
        assert_eq!(store.staged().unwrap().size(), 4, "all or nothing");
    }
    let (open, _) = sequencer(&store).stage(items(4..6)).unwrap();
    let (at_once, placed) = open.stage(item(vec![closed("an end")])).unwrap();
    assert_eq!(placed[0].index, 6);
    // By the value that appended it, by a new one, and by neither twice.
    for sequencer in [at_once, sequencer(&store)] {
        let (sequencer, placed) = sequencer.stage(items(2..3)).unwrap();
        assert_eq!(
            (placed[0].index, placed[0].added),
            (2, 0),
            "what is there is found"
        );
        let (sequencer, placed) = sequencer.stage(item(vec![closed("an end")])).unwrap();
        assert_eq!((placed[0].index, placed[0].added), (6, 0));
        let refused = sequencer.stage(items(7..8)).err();
        assert!(
            matches!(refused, Some(SequencerError::Closed)),
            "{refused:?}"
        );
    }
    let twice = sequencer(&store).stage(item(vec![closed("another")])).err();
    assert!(matches!(twice, Some(SequencerError::Closed)), "{twice:?}");
}

#[test]
fn the_last_tree_is_signed_to_close_and_nothing_else_is() {
    let rig = Rig::new();
    let store = log(&rig, 4, 4);
    sequencer(&store)
        .stage(item(vec![closed("an end")]))
        .unwrap();
    let open_to_close = |store: &Arc<MemoryLog>| {
        HeadSigner::open_to_close(Arc::<MemoryLog>::clone(store), rig.keys(), rig.head_file())
    };
    let refused = rig.signer(Arc::<MemoryLog>::clone(&store)).err();
    assert!(
        matches!(refused, Some(HeadError::Closed { .. })),
        "{refused:?}"
    );
    let signed = open_to_close(&store).unwrap().advance().unwrap();
    assert_eq!(signed.head().unwrap().checkpoint.size, 5);
    drop(signed);

    // Records that came past the sequencer: after a signed end, and after one that was not signed
    // yet.
    let intruder = |start| Batch {
        records: vec![record(start)],
        ..Batch::default()
    };
    let before = rig.outside();
    store.stage(5, &intruder(5)).unwrap();
    let refused = open_to_close(&store).unwrap().advance().err();
    assert!(
        matches!(refused, Some(HeadError::Closed { .. })),
        "{refused:?}"
    );
    assert_eq!(rig.outside(), before);
    let other = Rig::new();
    let unsigned = log(&other, 4, 4);
    sequencer(&unsigned)
        .stage(item(vec![closed("an end")]))
        .unwrap();
    unsigned.stage(5, &intruder(5)).unwrap();
    let signer = other.signer(Arc::<MemoryLog>::clone(&unsigned)).unwrap();
    let refused = signer.advance().err();
    assert!(
        matches!(refused, Some(HeadError::Closed { .. })),
        "{refused:?}"
    );

    // Sealed: not even to close.
    let third = Rig::new();
    let store = log(&third, 4, 4);
    drop(third.signer(Arc::<MemoryLog>::clone(&store)).unwrap());
    third.head_file().seal().unwrap();
    let refused = third.signer(store).err();
    assert!(
        matches!(refused, Some(HeadError::Closed { place: "head file" })),
        "{refused:?}"
    );
}
