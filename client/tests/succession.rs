//! Succession: who continues whom, and that a link never proves what the old quorum does not.

mod support;

use std::sync::Arc;

use ishibumi::evidence::Logged;
use ishibumi::succession::{End, EndError, Finding, Link, LinkError, Policies, Standing};
use ishibumi_artifact::record::{Body, LogEnding, LogOpened, LogStatement, Moment, Predecessor};
use ishibumi_artifact::time::Time;
use ishibumi_tlog::Policy;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::proof::TlogProof;
use support::log::Log;

const TIMES: [u64; 3] = [1_800_000_000; 3];

/// A log of `family` that continues another one, or none.
fn open(family: u8, before: Option<(&Log, &Note)>) -> Log {
    let origin = format!("log{family}.example");
    let mut log = Log::named(&origin, family);
    let predecessor = before.map(|(old, note)| {
        Predecessor::new(&[&old.key().to_string()], note.encode().as_bytes()).unwrap()
    });
    let opened = LogOpened::new(&origin, &[&log.key().to_string()], predecessor).unwrap();
    log.add(&Body::Log(LogStatement::Opened(opened)).into());
    log
}

/// The closing record, naming `successor`.
fn close(log: &mut Log, successor: Option<&Log>) -> u64 {
    let date = Moment::new("date", Time::from_unix(1_799_999_000)).unwrap();
    let key = successor.map(|log| log.key().to_string());
    let keys: Vec<&str> = key.iter().map(String::as_str).collect();
    let ending = LogEnding::new(date, ("retired", ""), &keys, &[]).unwrap();
    log.add(&Body::Log(LogStatement::Closed(ending)).into())
}

fn logged(log: &Log, index: u64, times: &[u64]) -> Logged {
    let proof = log.proof(index, times);
    Logged::read(log.record(index).to_vec(), proof.as_bytes()).unwrap()
}

fn policy(log: &Log) -> Policy {
    Policy::parse(log.policy().as_bytes()).unwrap()
}

fn policies(new: &Log, old: &Log) -> Policies {
    Policies::new(policy(new), vec![policy(old)]).unwrap()
}

/// The checkpoint with the log's own signature alone, as record 0 has it.
fn last(log: &Log) -> Note {
    log.note(log.size(), &[])
}

/// An old log of seven records that closed in order, and its heir.
fn in_order() -> (Log, Log, u64) {
    let mut old = open(0, None);
    old.grow(6);
    let heir = Log::named("log1.example", 1);
    let closing = close(&mut old, Some(&heir));
    let mut new = open(1, Some((&old, &last(&old))));
    new.grow(4);
    (old, new, closing)
}

fn link<'a>(opening: &'a Logged, closing: Option<&'a Logged>) -> Link<'a> {
    Link {
        opening,
        closing,
        heads: &[],
    }
}

#[test]
fn a_log_that_closed_in_order_and_its_heir() {
    let (old, new, at) = in_order();
    let (opening, closing) = (logged(&new, 0, &TIMES), logged(&old, at, &TIMES));
    let proven = link(&opening, Some(&closing)).verify(&policies(&new, &old));
    let proven = proven.unwrap();
    assert_eq!(proven.standing(), Standing::InOrder, "{proven:?}");
    assert_eq!(
        (proven.predecessor(), proven.successor()),
        ("log0.example", "log1.example")
    );
    assert_eq!(proven.committed(), &old.checkpoint(7));
    assert!(proven.is_witnessed());
    assert_eq!(proven.closed().unwrap().1, Some(TIMES[0]));

    // Found among statements in whatever order, each policy first.
    let statements = [Arc::new(closing), Arc::new(opening)];
    let found = Link::among(&statements, &[]);
    let [found] = &found[..] else {
        panic!("{found:?}")
    };
    let others = Policies::new(policy(&old), vec![policy(&new)]).unwrap();
    assert_eq!(found.verify(&others).unwrap(), proven);
}

#[test]
fn a_log_that_vanished_is_told_from_one_that_closed() {
    let mut old = open(0, None);
    old.grow(6);
    let new = open(1, Some((&old, &last(&old))));
    let opening = logged(&new, 0, &TIMES);
    let policies = policies(&new, &old);
    let proven = link(&opening, None).verify(&policies).unwrap();
    assert_eq!(proven.standing(), Standing::Abandoned);
    assert!(!proven.is_witnessed(), "the successor's word alone");
    let head = old.note(6, &TIMES);
    let heads = [&head];
    let with_head = Link {
        heads: &heads,
        ..link(&opening, None)
    };
    assert!(with_head.verify(&policies).unwrap().is_witnessed());
    assert_eq!(
        End::abandoned(&policy(&old), &head)
            .unwrap()
            .checkpoint()
            .size,
        6
    );
    // One cosignature where two are asked for.
    let alone = End::abandoned(&policy(&old), &old.note(6, &TIMES[..1]));
    assert!(matches!(
        alone,
        Err(EndError::Untrusted(TrustError::NoQuorum { .. }))
    ));
}

#[test]
fn of_two_heirs_the_named_one_is_the_heir() {
    let (old, new, at) = in_order();
    let other = open(2, Some((&old, &last(&old))));
    let closing = logged(&old, at, &TIMES);
    let all = Policies::new(policy(&new), vec![policy(&old), policy(&other)]).unwrap();
    let (named, unnamed) = (logged(&new, 0, &TIMES), logged(&other, 0, &TIMES));
    let named = link(&named, Some(&closing)).verify(&all).unwrap();
    assert_eq!(named.standing(), Standing::InOrder);
    let unnamed = link(&unnamed, Some(&closing)).verify(&all).unwrap();
    assert_eq!(unnamed.standing(), Standing::Disputed);
    assert!(
        matches!(unnamed.findings(), [Finding::NotNamed { .. }]),
        "{unnamed:?}"
    );
    assert!(!unnamed.findings()[0].is_contradiction());
}

#[test]
fn a_commitment_to_an_earlier_tree_covers_only_that() {
    let mut old = open(0, None);
    old.grow(6);
    let heir = Log::named("log1.example", 1);
    let early = old.note(4, &[]);
    let at = close(&mut old, Some(&heir));
    let new = open(1, Some((&old, &early)));
    let (opening, closing) = (logged(&new, 0, &TIMES), logged(&old, at, &TIMES));
    let said = link(&opening, Some(&closing))
        .verify(&policies(&new, &old))
        .unwrap();
    assert_eq!(
        said.findings(),
        [Finding::Behind {
            committed: 4,
            size: 7
        }]
    );
    // What lies beyond is proven as before: by the old log's own quorum.
    let beyond = TlogProof::parse(old.proof(5, &TIMES).as_bytes()).unwrap();
    policy(&old).check_proof(&beyond, old.record(5)).unwrap();
}

#[test]
fn a_fork_and_records_after_the_end_convict_the_old_log() {
    let (old, new, at) = in_order();
    // The same keys, another history.
    let mut forked = open(0, None);
    forked.grow(5);
    forked.add(
        &Body::Opaque(ishibumi_artifact::record::Opaque::new("body", b"other").unwrap()).into(),
    );
    let forked_at = close(&mut forked, Some(&new));
    let opening = logged(&new, 0, &TIMES);
    let policies = policies(&new, &old);
    let closing = logged(&forked, forked_at, &TIMES);
    let said = link(&opening, Some(&closing)).verify(&policies).unwrap();
    assert!(
        matches!(said.findings(), [Finding::Fork { size: 7, .. }]),
        "{said:?}"
    );
    assert!(said.findings()[0].is_contradiction());

    // A larger tree of the old log, with its quorum: and without, which says nothing.
    let closing = logged(&old, at, &TIMES);
    let (mut longer, _, _) = in_order();
    longer.grow(9);
    for (times, appended) in [(&TIMES[..], true), (&TIMES[..1], false)] {
        let head = longer.note(9, times);
        let heads = [&head];
        let link = Link {
            heads: &heads,
            ..link(&opening, Some(&closing))
        };
        let said = link.verify(&policies).unwrap();
        let finding = Finding::Appended { closed: 7, size: 9 };
        assert_eq!(said.findings().contains(&finding), appended, "{said:?}");
    }
    // A closing record that is not the last one.
    let late = logged(&longer, at, &TIMES);
    let said = link(&opening, Some(&late)).verify(&policies).unwrap();
    assert_eq!(said.findings(), [Finding::Appended { closed: 7, size: 9 }]);
}

#[test]
fn a_perfect_link_never_replaces_the_old_quorum() {
    let (old, new, at) = in_order();
    let policies = policies(&new, &old);
    let opening = logged(&new, 0, &TIMES);
    let closing = logged(&old, at, &TIMES);
    let perfect = link(&opening, Some(&closing)).verify(&policies).unwrap();
    assert_eq!(perfect.standing(), Standing::InOrder);
    // A record of the old log, in the very tree that the successor commits to, with too few witnesses.
    for (times, is_proven) in [(&TIMES[..1], false), (&TIMES[..2], true)] {
        let proof = TlogProof::parse(old.proof(3, times).as_bytes()).unwrap();
        let under = policies.of(&proof.checkpoint);
        assert_eq!(under.check_proof(&proof, old.record(3)).is_ok(), is_proven);
    }
    // Nor is a closing record believed that the old quorum did not see.
    let unseen = logged(&old, at, &TIMES[..1]);
    let refused = link(&opening, Some(&unseen)).verify(&policies);
    assert!(
        matches!(refused, Err(LinkError::Closing(EndError::Untrusted(_)))),
        "{refused:?}"
    );
    // Nor under the successor's witnesses: its policy alone does not name the old log.
    let alone = Policies::new(policy(&new), Vec::new()).unwrap();
    let refused = link(&opening, Some(&closing)).verify(&alone);
    let unknown = LinkError::CommittedTrust(TrustError::UnknownLog("log0.example".into()));
    assert_eq!(refused, Err(unknown));
}

#[test]
fn a_chain_of_three_is_two_links() {
    let (mut first, third) = (open(0, None), Log::named("log2.example", 2));
    first.grow(3);
    let at_first = close(&mut first, Some(&Log::named("log1.example", 1)));
    let mut second = open(1, Some((&first, &last(&first))));
    let at_second = close(&mut second, Some(&third));
    let third = open(2, Some((&second, &last(&second))));
    let statements: Vec<Arc<Logged>> = [
        logged(&third, 0, &TIMES),
        logged(&second, 0, &TIMES),
        logged(&first, at_first, &TIMES),
        logged(&second, at_second, &TIMES),
    ]
    .into_iter()
    .map(Arc::new)
    .collect();
    let all = Policies::new(policy(&third), vec![policy(&second), policy(&first)]).unwrap();
    let links = Link::among(&statements, &[]);
    let found: Vec<_> = links
        .iter()
        .map(|link| link.verify(&all).unwrap())
        .collect();
    let pairs: Vec<_> = found
        .iter()
        .map(|it| (it.predecessor(), it.successor(), it.standing()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("log1.example", "log2.example", Standing::InOrder),
            ("log0.example", "log1.example", Standing::InOrder),
        ]
    );
}

#[test]
fn a_log_has_one_quorum_and_does_not_continue_itself() {
    let old = open(0, None);
    let twice = Policies::new(policy(&old), vec![policy(&old)]);
    assert!(twice.is_err(), "two quorums");
    let itself = open(0, Some((&old, &last(&old))));
    let opening = logged(&itself, 0, &TIMES);
    let alone = Policies::new(policy(&old), Vec::new()).unwrap();
    let refused = link(&opening, None).verify(&alone);
    assert_eq!(refused, Err(LinkError::Itself("log0.example".into())));
}

/// Every octet of both entries and of both proofs, in turn: what is still accepted says the same.
#[test]
fn no_octet_of_a_link_can_be_changed() {
    let (old, new, at) = in_order();
    let policies = policies(&new, &old);
    let (opening, closing) = (logged(&new, 0, &TIMES), logged(&old, at, &TIMES));
    let genuine = link(&opening, Some(&closing)).verify(&policies).unwrap();
    assert_eq!(genuine.standing(), Standing::InOrder);
    let mut tried = 0;
    for (is_opening, whole) in [(true, &opening), (false, &closing)] {
        let mut judge = |changed: Logged| {
            tried += 1;
            let link = if is_opening {
                link(&changed, Some(&closing))
            } else {
                link(&opening, Some(&changed))
            };
            if let Ok(said) = link.verify(&policies) {
                let same = said.committed() == genuine.committed()
                    && said.successor() == genuine.successor()
                    && said.findings().is_empty()
                    // A changed cosignature may be left out, while a quorum remains.
                    && said.closed() == genuine.closed();
                assert!(same, "{said:?}");
            }
        };
        for place in 0..whole.entry.len() {
            let mut changed = whole.clone();
            changed.entry[place] ^= 1;
            judge(changed);
        }
        let proof = whole.proof().encode().into_bytes();
        for place in 0..proof.len() {
            let mut octets = proof.clone();
            octets[place] ^= 1;
            let Ok(read) = TlogProof::parse(&octets) else {
                continue;
            };
            judge(Logged {
                entry: whole.entry.clone(),
                index: read.index,
                path: read.hashes,
                checkpoint: Arc::new(read.checkpoint),
            });
        }
    }
    assert!(tried > 1_000, "{tried}");
}
