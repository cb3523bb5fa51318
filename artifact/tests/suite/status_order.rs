//! Several statements about one certificate, in any order: the worst counts, in one list or
//! response or in several, and however those are ordered.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::support::status::*;
use crate::support::{Node, P256, Pki};
use ishibumi_artifact::history::{SilenceKind, Status};
use ishibumi_artifact::record::Reason;
use ishibumi_artifact::revocation::{RevocationState, revocation_state};
use ishibumi_artifact::status::worst;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, Crl, History, StatusInformation, VerifiedCrl};
use proptest::prelude::*;

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");

struct Scene {
    pki: Pki,
    anchors: Anchors,
    issuing: Certificate,
    one: Certificate,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        pki.unit("one", P256, "issuing", "v3_plain", DATES);
        Self {
            anchors: pki.anchors(),
            issuing: pki.certificate("issuing"),
            one: pki.certificate("one"),
            pki,
        }
    }

    fn list(&self, entries: Vec<Node>) -> List {
        List::of(&self.issuing, entries)
    }

    fn signed(&self, list: List) -> StatusInformation {
        self.read(&list.signed(&self.pki, "issuing"))
    }

    fn read(&self, octets: &[u8]) -> StatusInformation {
        StatusInformation::verify(octets, &self.anchors).unwrap()
    }

    fn history(&self, sources: &[StatusInformation]) -> History {
        let above = [self.issuing.clone(), self.pki.certificate("root")].map(Arc::new);
        History::of(&self.one, &above, sources, None)
    }

    fn about(&self, code: u8) -> Node {
        entry(&self.one, vec![reason(code)])
    }

    fn single(&self, hash: &str, status: CertStatus) -> Node {
        single(
            cert_id(&self.pki, hash, &self.issuing, &self.one),
            status,
            vec![],
        )
    }
}

/// The reason that decides; 8 for a release, none if no list or response says "revoked".
fn decides(history: &History) -> Option<u8> {
    let entries: Vec<_> = history.revocations().map(|(_, entry)| entry).collect();
    worst(entries)
        .and_then(|entry| entry.reason)
        .map(Reason::code)
}

fn list_of(information: &StatusInformation) -> VerifiedCrl {
    match information {
        StatusInformation::Crl(list) => VerifiedCrl::clone(list),
        StatusInformation::Ocsp(_) => panic!("a list"),
    }
}

/// Every function that asks a list, with the same answer.
#[test]
fn a_serial_that_stands_twice_in_a_list_is_the_worst_of_both() {
    let scene = Scene::new();
    let february = Time::from_generalized(b"20260210000000Z").unwrap();
    let cases: [(&[u8], Option<u8>); 8] = [
        (&[8, 1], Some(1)),
        (&[6, 1], Some(1)),
        (&[6, 8], Some(6)),
        (&[4, 1], Some(1)),
        (&[4, 9], Some(9)),
        (&[5, 6, 8, 2], Some(2)),
        (&[8], None),
        (&[8, 8], None),
    ];
    for (codes, expected) in cases {
        let mut turned = codes.to_vec();
        turned.reverse();
        for codes in [codes.to_vec(), turned] {
            let entries = codes.iter().map(|code| scene.about(*code)).collect();
            let list = scene.signed(scene.list(entries));
            let history = scene.history(std::slice::from_ref(&list));
            assert_eq!(decides(&history), expected, "{codes:?}");
            let list = list_of(&list);
            let worst = list.revocation_of(&scene.one).unwrap();
            let worst = worst.reason.map(Reason::code).filter(|code| *code != 8);
            assert_eq!(worst, expected, "{codes:?}");
            // A release in a complete list, too, is a release for every function.
            let state = revocation_state(&scene.one, &[list], &scene.anchors, february);
            match (&state, expected) {
                (RevocationState::Revoked(entry), Some(code)) => {
                    assert_eq!(entry.reason.map(Reason::code), Some(code));
                }
                (RevocationState::NotRevoked, None) => {}
                _ => panic!("{codes:?}: {state:?}"),
            }
        }
    }
    // Of two revocations for one reason, the one with effect from the earlier time.
    let dated = |date: &str| {
        let invalid = extension(INVALIDITY_DATE, false, &generalized(date));
        entry(&scene.one, vec![reason(1), invalid])
    };
    for dates in [
        ["20250601000000Z", "20250301000000Z"],
        ["20250301000000Z", "20250601000000Z"],
    ] {
        let list = list_of(&scene.signed(scene.list(dates.map(dated).to_vec())));
        let from = list.revocation_of(&scene.one).unwrap().invalid_from();
        assert_eq!(from.to_string(), "2025-03-01T00:00:00Z");
    }
}

/// In an indirect list a serial is one of each CA that the list speaks for.
#[test]
fn in_an_indirect_list_each_ca_has_its_own_serials() {
    let scene = Scene::new();
    let Scene {
        pki, issuing, one, ..
    } = &scene;
    let scope = sequence(vec![Node::Leaf(0x84, vec![0xff])]);
    let indirect = |entries| {
        scene
            .list(entries)
            .with(extension(DISTRIBUTION_POINT, true, &scope))
    };
    let of = |name: &str, code: u8| {
        let names = sequence(vec![Node::Tree(
            0xa4,
            vec![subject(&pki.certificate(name))],
        )]);
        let issuer = extension(CERTIFICATE_ISSUER, true, &names);
        entry(one, vec![reason(code), issuer])
    };
    let state = |entries| {
        let octets = indirect(entries).signed(pki, "issuing");
        decides(&scene.history(&[scene.read(&octets)]))
    };
    assert_eq!(state(vec![of("root", 1)]), None);
    assert_eq!(state(vec![of("root", 1), of("issuing", 4)]), Some(4));
    assert_eq!(state(vec![of("issuing", 4), of("root", 1)]), Some(4));
    assert_eq!(state(vec![of("issuing", 8), of("issuing", 1)]), Some(1));
    // The name holds for the entries after it.
    assert_eq!(state(vec![of("root", 1), scene.about(4)]), None);
    assert_eq!(state(vec![scene.about(4), of("root", 1)]), Some(4));
    // In a list that is not marked as indirect, it may or may not: that cannot be told.
    let octets = scene
        .list(vec![of("root", 1), scene.about(4)])
        .signed(pki, "issuing");
    let history = scene.history(&[scene.read(&octets)]);
    assert_eq!(decides(&history), None);
    assert_eq!(history.silences()[0].kind, SilenceKind::Unusable);
    let octets = scene
        .list(vec![scene.about(4), of("root", 1)])
        .signed(pki, "issuing");
    assert_eq!(decides(&scene.history(&[scene.read(&octets)])), Some(4));
    assert_eq!(
        list_of(&scene.read(&octets)).record().unwrap_err().code(),
        "crl-incomplete"
    );
    let _ = issuing;
}

#[test]
fn two_answers_about_one_certificate_are_the_worst_of_both() {
    let scene = Scene::new();
    let response = |singles: Vec<Node>| {
        let response = Response::of(&scene.issuing, singles);
        scene.read(&response.signed(&scene.pki, "issuing"))
    };
    let all = [
        CertStatus::Good,
        CertStatus::Unknown,
        CertStatus::Revoked(Some(6)),
        CertStatus::Revoked(Some(4)),
        CertStatus::Revoked(Some(1)),
        CertStatus::Revoked(None),
    ];
    let code = |status: &CertStatus| match status {
        CertStatus::Revoked(Some(code)) => Some(*code),
        _ => None,
    };
    for (place, one) in all.iter().enumerate() {
        for other in &all[place..] {
            for (first, second) in [("sha1", "sha1"), ("sha1", "sha256"), ("sha256", "sha1")] {
                let pair = [scene.single(first, *one), scene.single(second, *other)];
                let mut turned = pair.to_vec();
                turned.reverse();
                let (there, back) = (response(pair.to_vec()), response(turned));
                let here = scene.history(std::slice::from_ref(&there));
                assert_eq!(decides(&here), decides(&scene.history(&[back])));
                // The list above is in order of gravity.
                let revoked = matches!(other, CertStatus::Revoked(_));
                assert_eq!(here.revocations().next().is_some(), revoked);
                assert_eq!(decides(&here), code(other));
            }
        }
    }
}

#[test]
fn what_stands_in_one_source_or_under_one_number_ends_no_hold() {
    let scene = Scene::new();
    let on_hold = |sources: &[StatusInformation]| decides(&scene.history(sources)) == Some(6);
    let hold = || scene.list(vec![scene.about(6)]);
    let silent = || scene.list(vec![]);
    // A later list with a larger number ends it; in any order.
    let (held, later) = (scene.signed(hold()), scene.signed(silent().at(3).number(6)));
    assert!(!on_hold(&[held.clone(), later.clone()]) && !on_hold(&[later, held.clone()]));
    // A list with the same number, or a smaller one, contradicts it.
    for contradiction in [
        silent().at(3),
        silent().at(3).number(4),
        silent(),
        silent().at(1).number(6),
    ] {
        let other = scene.signed(contradiction);
        assert!(on_hold(&[held.clone(), other.clone()]) && on_hold(&[other, held.clone()]));
    }
    // Without numbers the dates decide.
    let plain = |mut list: List| {
        list.extensions = None;
        scene.signed(list)
    };
    assert!(!on_hold(&[plain(hold()), plain(silent().at(3))]));
    assert!(on_hold(&[plain(hold()), plain(silent())]));
    // Two answers of one response, one of them later.
    let mut good = scene.single("sha256", CertStatus::Good);
    *good.child(2) = generalized("20260202000000Z");
    let response = Response::of(
        &scene.issuing,
        vec![scene.single("sha1", CertStatus::Revoked(Some(6))), good],
    );
    let response = scene.read(&response.signed(&scene.pki, "issuing"));
    assert!(on_hold(std::slice::from_ref(&response)));
    // A delta that is silent leaves the hold of its base, and a release in it ends that.
    let delta = |entries| {
        let list = scene.list(entries).at(3).number(6);
        scene.signed(list.with(extension(DELTA, true, &integer(&[5]))))
    };
    let silent = delta(vec![]);
    let history = scene.history(&[held.clone(), silent]);
    assert!(decides(&history) == Some(6) && history.good().count() == 0);
    let history = scene.history(&[held, delta(vec![scene.about(8)])]);
    assert_eq!(decides(&history), None);
    assert!(history.good().any(|word| word.says == Status::Released));
}

/// If an extension stands twice, it is undefined which counts.
#[test]
fn an_extension_that_stands_twice_is_refused_wherever_it_stands() {
    let scene = Scene::new();
    let number = || extension(CRL_NUMBER, false, &integer(&[5]));
    let list = scene
        .list(vec![])
        .with(number())
        .signed(&scene.pki, "issuing");
    let error = Crl::parse(&list)
        .unwrap()
        .verify(&scene.anchors)
        .unwrap_err();
    assert!(
        error.to_string().contains("2.5.29.20 stands twice"),
        "{error}"
    );
    let twice = entry(&scene.one, vec![reason(8), reason(1)]);
    let history = scene.history(&[scene.signed(scene.list(vec![twice]))]);
    assert!(history.good().next().is_none() && history.revocations().next().is_none());
    assert!(
        history.silences()[0].why.contains("2.5.29.21 stands twice"),
        "{history:?}"
    );
}

/// Statements of all kinds, and their combined result.
fn words(scene: &Scene) -> Vec<StatusInformation> {
    let list = |month: u8, number: u8, codes: &[u8]| {
        let entries = codes.iter().map(|code| scene.about(*code)).collect();
        scene.signed(scene.list(entries).at(month).number(number))
    };
    let response = |first: CertStatus, second: Option<CertStatus>| {
        let mut singles = vec![scene.single("sha1", first)];
        singles.extend(second.map(|second| scene.single("sha256", second)));
        let response = Response::of(&scene.issuing, singles);
        scene.read(&response.signed(&scene.pki, "issuing"))
    };
    vec![
        list(1, 4, &[6]),
        list(2, 5, &[]),
        list(2, 5, &[6]),
        list(3, 6, &[8]),
        list(3, 6, &[4, 8]),
        list(4, 7, &[1]),
        list(5, 8, &[]),
        response(CertStatus::Good, None),
        response(CertStatus::Good, Some(CertStatus::Revoked(Some(5)))),
        response(CertStatus::Revoked(Some(6)), Some(CertStatus::Good)),
        response(CertStatus::Unknown, None),
    ]
}

/// The parts of a history that can be compared, without the indices of its sources.
fn summary(history: &History, chosen: &[usize]) -> BTreeSet<String> {
    let revoked = history
        .revocations()
        .map(|(word, entry)| format!("{} {entry:?}", chosen[word.source]));
    let good = history
        .good()
        .map(|word| format!("{} {:?}", chosen[word.source], word.says));
    let silences = history.silences().iter();
    let silences = silences.map(|it| format!("{} {:?} {}", chosen[it.source], it.kind, it.why));
    revoked.chain(good).chain(silences).collect()
}

#[test]
fn the_order_of_sources_changes_nothing() {
    let scene = Scene::new();
    let all = words(&scene);
    let order = Just((0..all.len()).collect::<Vec<_>>()).prop_shuffle();
    let chosen = (order, 1..=all.len()).prop_map(|(mut order, count)| {
        order.truncate(count);
        order
    });
    let at = Time::from_generalized(b"20260210000000Z").unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let sources = |chosen: &[usize]| -> Vec<StatusInformation> {
        chosen.iter().map(|place| all[*place].clone()).collect()
    };
    let state = |sources: &[StatusInformation]| {
        let lists = sources
            .iter()
            .filter(|source| matches!(source, StatusInformation::Crl(_)));
        let lists: Vec<VerifiedCrl> = lists.map(list_of).collect();
        revocation_state(&scene.one, &lists, &scene.anchors, at)
    };
    runner
        .run(&chosen, |chosen| {
            let mut sorted = chosen.clone();
            sorted.sort_unstable();
            let (given, other) = (sources(&chosen), sources(&sorted));
            let (one, another) = (scene.history(&given), scene.history(&other));
            prop_assert_eq!(summary(&one, &chosen), summary(&another, &sorted));
            prop_assert_eq!(decides(&one), decides(&another));
            prop_assert_eq!(state(&given), state(&other));
            // A definitive revocation among them stands.
            let definitive = [4, 5, 8].iter().any(|place| chosen.contains(place));
            prop_assert!(!definitive || decides(&one).is_some_and(|code| code != 6));
            Ok(())
        })
        .unwrap();
}
