//! Signers that lie or fail, and a second key that joins a log.

use std::sync::Arc;

use ishibumi_log::core::{HeadError, Sequencer};
use ishibumi_store::{LogStore as _, MemoryLog, Outcome, Signer};
use ishibumi_tlog::note::Note;

use super::rig::{Conduct, NOW, Rig, items, log};

#[test]
fn a_signer_that_lies_gets_nothing_published() {
    let conducts = [
        Conduct::WrongKey,
        Conduct::OtherBytes,
        Conduct::Error,
        Conduct::SignsAndFails,
    ];
    let of_either = conducts.map(|conduct| [(false, conduct), (true, conduct)]);
    let all = of_either.into_iter().flatten();
    for (second, conduct) in all.chain([(true, Conduct::Timed)]) {
        let rig = Rig::new();
        let store = log(&rig, 4, 9);
        let before = (rig.outside(), store.signed_head().unwrap());
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let beside = rig.beside.as_ref().unwrap();
        let key = if second { beside } else { &rig.key };
        key.behave(conduct);
        let error = signer.advance().err();
        match conduct {
            Conduct::Error | Conduct::SignsAndFails => {
                assert!(matches!(error, Some(HeadError::Signer(_))), "{error:?}");
            }
            _ => assert!(
                matches!(&error, Some(HeadError::WrongSignature { key: named, .. })
                    if *named == key.verifier().id()),
                "{error:?}"
            ),
        }
        assert_eq!(
            before,
            (rig.outside(), store.signed_head().unwrap()),
            "{conduct:?}"
        );
        // More records, and an honest signer: it goes on, and whatever was signed in between is in.
        key.behave(Conduct::Honest);
        let sequencer = Sequencer::open(Arc::<MemoryLog>::clone(&store)).unwrap();
        sequencer.stage(items(9..12)).unwrap();
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        let head = signer.advance().unwrap();
        assert_eq!(head.head().unwrap().checkpoint.size, 12);
        rig.assert_one_history(&store);
    }
}

/// How many of the log's keys have signed the head that the store holds; all that is there
/// verifies.
fn signatures(rig: &Rig, store: &MemoryLog) -> usize {
    let mut keys = vec![rig.key.verifier().clone()];
    keys.extend(rig.beside.iter().map(|key| key.verifier().clone()));
    let head = store.signed_head().unwrap().unwrap();
    let verified = head.verify(&keys).unwrap();
    assert_eq!(verified.len(), head.signatures().len());
    verified.len()
}

/// A log that has signed with Ed25519 alone gets its second key: the head that is there already is
/// signed with it, but not before the quorum has said that this head is not an old one.
#[test]
fn a_key_that_is_added_signs_the_old_head_once_the_quorum_knows_it() {
    for failing in [None, Some(Outcome::NotApplied), Some(Outcome::Applied)] {
        let mut rig = Rig::new();
        let beside = rig.beside.take();
        let store = log(&rig, 4, 4);
        assert_eq!(signatures(&rig, &store), 1);
        let text = store.signed_head().unwrap().unwrap().text().to_owned();
        let outside = rig.outside();

        rig.beside = beside;
        let publisher = rig.publisher(Arc::<MemoryLog>::clone(&store)).unwrap();
        let (publisher, outcome) = publisher.start(NOW).unwrap();
        let round = outcome.round.unwrap();
        assert_eq!(signatures(&rig, &store), 1, "the witness has not answered");
        if let Some(outcome) = failing {
            // The second write: the first is what publishes.
            store.fail_write(2, outcome);
        }
        let lines = rig.cosign(&round.head.checkpoint);
        let cosigned = publisher.cosigned(round.number, lines, NOW);
        let Some(failing) = failing else {
            let (_, outcome) = cosigned.unwrap();
            let head = outcome.round.unwrap().head;
            assert_eq!(
                head.note.text(),
                text,
                "the same head, with one signature more"
            );
            assert_eq!(signatures(&rig, &store), 2);
            assert_eq!(rig.outside(), outside);
            continue;
        };
        assert!(cosigned.is_err());
        let store = Arc::new(store.crash());
        let applied = usize::from(failing == Outcome::Applied);
        assert_eq!(signatures(&rig, &store), 1 + applied);
        let signer = rig.signer(Arc::<MemoryLog>::clone(&store)).unwrap();
        signer.advance().unwrap();
        assert_eq!(signatures(&rig, &store), 2);
        rig.assert_one_history(&store);
    }
}

#[test]
fn a_stored_head_whose_second_signature_is_damaged_is_refused() {
    let rig = Rig::new();
    let store = log(&rig, 4, 9);
    let whole = store.signed_head().unwrap().unwrap();
    let mut lines = whole.signatures().to_vec();
    *lines[1].signature.last_mut().unwrap() ^= 1;
    let damaged = Note::new(whole.text().to_owned(), lines);
    store.swap_signed_head(Some(&whole), &damaged).unwrap();
    let error = rig.signer(Arc::<MemoryLog>::clone(&store)).err();
    assert!(
        matches!(error, Some(HeadError::ForeignHead(_))),
        "{error:?}"
    );
    store.swap_signed_head(Some(&damaged), &whole).unwrap();
    rig.signer(store).unwrap().advance().unwrap();
}
