//! Succession: which log continues which, and that a link never proves what the old quorum does
//! not.

use std::sync::Arc;

use crate::support::log::Log;
use ishibumi::evidence::{Collection, Contradiction, LoggedEntry, contradictions};
use ishibumi::succession::{
    End, EndError, Finding, Link, LinkError, Policies, Standing, Succession, links_among,
};
use ishibumi_artifact::record::{Body, LogEnding, LogOpened, LogStatement, Moment, Predecessor};
use ishibumi_artifact::time::Time;
use ishibumi_tlog::Policy;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::proof::TlogProof;

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

fn logged(log: &Log, index: u64, times: &[u64]) -> LoggedEntry {
    let proof = log.proof(index, times);
    LoggedEntry::read(log.record(index).to_vec(), proof.as_bytes()).unwrap()
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

fn link<'a>(opening: &'a LoggedEntry, closing: Option<&'a LoggedEntry>) -> Link<'a> {
    Link {
        opening,
        closings: Vec::from_iter(closing),
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

    // Found among statements in any order, each policy first.
    let statements = [Arc::new(closing), Arc::new(opening)];
    let others = Policies::new(policy(&old), vec![policy(&new)]).unwrap();
    let found = links_among(&statements, &[], &others);
    assert_eq!(found, [Ok(proven)]);
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
    // A record of the old log, in the very tree that the successor commits to, with too few
    // witnesses.
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
    let statements: Vec<Arc<LoggedEntry>> = [
        logged(&third, 0, &TIMES),
        logged(&second, 0, &TIMES),
        logged(&first, at_first, &TIMES),
        logged(&second, at_second, &TIMES),
    ]
    .into_iter()
    .map(Arc::new)
    .collect();
    let all = Policies::new(policy(&third), vec![policy(&second), policy(&first)]).unwrap();
    let links = links_among(&statements, &[], &all);
    let found: Vec<_> = links.into_iter().map(Result::unwrap).collect();
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

/// A stranger's additions: opening and closing records of the same logs by name, under keys that
/// are not trusted, in trees of every size.
fn strangers() -> Vec<Arc<LoggedEntry>> {
    let mut all = Vec::new();
    for size in [1, 2, 3, 7, 9, 40] {
        let mut bogus = Log::named("log0.example", 2);
        bogus.grow(size - 1);
        let at = close(&mut bogus, None);
        all.push(Arc::new(logged(&bogus, at, &TIMES)));
        let mut bogus = Log::named("log1.example", 2);
        let opened = {
            let old = in_order().0;
            let before = last(&old);
            let keys = old.key().to_string();
            let before = Predecessor::new(&[&keys], before.encode().as_bytes()).unwrap();
            LogOpened::new("log1.example", &[&bogus.key().to_string()], Some(before)).unwrap()
        };
        bogus.add(&Body::Log(LogStatement::Opened(opened)).into());
        bogus.grow(size);
        all.push(Arc::new(logged(&bogus, 0, &TIMES)));
    }
    all
}

/// A record that proves nothing hides nothing that is proven, wherever it stands and however many
/// there are.
#[test]
fn a_strangers_records_mask_no_conviction() {
    let (mut old, new, at) = in_order();
    old.grow(12);
    let policies = policies(&new, &old);
    let guilty = [logged(&new, 0, &TIMES), logged(&old, at, &TIMES)].map(Arc::new);
    let appended = Finding::Appended {
        closed: 7,
        size: 12,
    };
    let convicts = |statements: &[Arc<LoggedEntry>], heads: &[&Note]| {
        let links = links_among(statements, heads, &policies);
        let findings = links.iter().flatten().flat_map(Succession::findings);
        findings.into_iter().any(|found| *found == appended)
    };
    assert!(convicts(&guilty, &[]));
    let stranger = strangers();
    let before = [&stranger[..], &guilty[..]].concat();
    let behind = [&guilty[..], &stranger[..]].concat();
    // More openings than are listed.
    let many: Vec<_> = std::iter::repeat_n(&stranger[..], 40)
        .flatten()
        .cloned()
        .collect();
    let crowd = [&many[..], &guilty[..]].concat();
    for statements in [&before, &behind, &crowd] {
        assert!(convicts(statements, &[]));
        let links = links_among(statements, &[], &policies);
        assert!(
            links.iter().any(Result::is_err),
            "and what is not shown is told"
        );
    }
    // A conviction by a checkpoint stays, although the only closing record is bogus.
    let mut forked = open(0, None);
    forked.grow(6);
    forked.add_octets(vec![1, 0xff, 0xff, b'!']);
    let head = forked.note(7, &TIMES);
    let opening = Arc::new(logged(&new, 0, &TIMES));
    let statements = [&[opening][..], &stranger[..]].concat();
    let links = links_among(&statements, &[&head], &policies);
    let link = links.iter().flatten().next().expect("it is shown");
    assert!(
        matches!(link.findings(), [Finding::Fork { size: 7, .. }]),
        "{link:?}"
    );
    // Without either, a bogus record is no end of the log, and no agreement.
    let links = links_among(&statements, &[], &policies);
    assert!(links.iter().all(Result::is_err), "{links:?}");
}

/// Through the real binary: a file that convicts, merged with a stranger's, convicts, in either
/// order; and the honest pair is the control.
#[test]
fn a_merged_file_convicts_as_each_of_them_does() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let run = |line: &str| crate::support::ishibumi(place.path(), line);
    let write = |name: &str, statements: Vec<Arc<LoggedEntry>>| {
        let collection = Collection {
            statements,
            ..Collection::default()
        };
        std::fs::write(path(name), collection.encode().unwrap()).unwrap();
    };
    let (mut old, new, at) = in_order();
    std::fs::write(path("new.txt"), new.policy()).unwrap();
    std::fs::write(path("old.txt"), old.policy()).unwrap();
    std::fs::create_dir(path("anchors")).unwrap();
    let pki = crate::support::pki::Pki::new();
    std::fs::copy(pki.path("ca.crt"), path("anchors/ca.crt")).unwrap();
    let opening = Arc::new(logged(&new, 0, &TIMES));
    let honest = vec![Arc::clone(&opening), Arc::new(logged(&old, at, &TIMES))];
    write("honest.evidence.zip", honest);
    write("stranger.evidence.zip", strangers());
    old.grow(12);
    let guilty = vec![Arc::clone(&opening), Arc::new(logged(&old, at, &TIMES))];
    write("guilty.evidence.zip", guilty);
    let verify = |file: &str, code: i32| {
        let line = "evidence verify --without-revocation --json --policy new.txt --old-policy old.txt --anchors anchors";
        run(&format!("{line} {file}")).expect(code).json()
    };
    verify("honest.evidence.zip", 0);
    verify("guilty.evidence.zip", 1);
    verify("stranger.evidence.zip", 4);
    for (one, other, code) in [
        ("guilty", "stranger", 1),
        ("stranger", "guilty", 1),
        ("guilty", "honest", 1),
        ("honest", "stranger", 4),
    ] {
        let merged = format!("{one}-{other}.evidence.zip");
        let line = format!("evidence merge --out {merged} {one}.evidence.zip {other}.evidence.zip");
        run(&line).expect(0);
        let judged = verify(&merged, code);
        let convicted = judged["contradictions"].as_array().unwrap();
        assert_eq!(convicted.len(), usize::from(code == 1), "{judged:#}");
    }
    // A link that shows nothing is no success: here the old log is not trusted.
    let alone = "evidence verify --without-revocation --json --policy new.txt --anchors anchors honest.evidence.zip";
    let judged = run(alone).expect(4).json();
    assert_eq!(
        judged["successions"][0]["standing"], "not-shown",
        "{judged:#}"
    );
    // Nor is a tree that no source shows.
    write("alone.evidence.zip", vec![opening]);
    let judged = verify("alone.evidence.zip", 4);
    assert_eq!(judged["successions"][0]["witnessed"], false, "{judged:#}");
    let said = run(
        "evidence verify --without-revocation --policy new.txt --old-policy old.txt --anchors anchors alone.evidence.zip",
    );
    assert!(
        said.stdout.contains("NOBODY SHOWS THAT TREE"),
        "{}",
        said.stdout
    );
}

/// Two histories of one log in one file convict it, whatever is about them; other logs' do not
/// matter.
#[test]
fn a_file_with_two_histories_convicts_the_log() {
    let of = |parts: Option<u64>, size: u64| {
        let mut log = open(0, None);
        if let Some(parts) = parts {
            log.grow(parts);
            log.add_octets(vec![1, 0xff, 0xff, b'!']);
        }
        log.grow(size);
        log
    };
    let (one, other, longer) = (of(None, 9), of(Some(5), 9), of(None, 12));
    let policies = Policies::new(policy(&one), Vec::new()).unwrap();
    let arc = |log: &Log, index: u64, times: &[u64]| Arc::new(logged(log, index, times));
    let found = |proofs: &[Arc<LoggedEntry>]| contradictions(proofs, &policies);
    assert_eq!(found(&[arc(&one, 3, &TIMES), arc(&longer, 3, &TIMES)]), []);
    let forked = found(&[arc(&one, 3, &TIMES), arc(&other, 2, &TIMES)]);
    assert!(
        matches!(&forked[..], [Contradiction::Fork { size: 9, .. }]),
        "{forked:?}"
    );
    let twice = found(&[arc(&longer, 5, &TIMES), arc(&other, 5, &TIMES)]);
    assert!(
        matches!(&twice[..], [Contradiction::TwoRecords { index: 5, .. }]),
        "{twice:?}"
    );
    // A tree that no quorum saw accuses nobody.
    assert_eq!(
        found(&[arc(&one, 3, &TIMES), arc(&other, 5, &TIMES[..1])]),
        []
    );
    let (mut closed, _, at) = in_order();
    closed.grow(9);
    let alone = found(&[arc(&closed, at, &TIMES)]);
    assert!(
        matches!(
            &alone[..],
            [Contradiction::AfterClosed {
                closed: 7,
                size: 9,
                ..
            }]
        ),
        "{alone:?}"
    );
}

/// Every octet of both entries and of both proofs, in turn: a changed one that is still accepted
/// says the same.
#[test]
fn no_octet_of_a_link_can_be_changed() {
    let (old, new, at) = in_order();
    let policies = policies(&new, &old);
    let (opening, closing) = (logged(&new, 0, &TIMES), logged(&old, at, &TIMES));
    let genuine = link(&opening, Some(&closing)).verify(&policies).unwrap();
    assert_eq!(genuine.standing(), Standing::InOrder);
    let mut tried = 0;
    for (is_opening, whole) in [(true, &opening), (false, &closing)] {
        let mut judge = |changed: LoggedEntry| {
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
            judge(LoggedEntry {
                entry: whole.entry.clone(),
                index: read.index,
                path: read.hashes,
                checkpoint: Arc::new(read.checkpoint),
            });
        }
    }
    assert!(tried > 1_000, "{tried}");
}
