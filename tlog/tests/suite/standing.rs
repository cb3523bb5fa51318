//! Where checkpoints stand, what a post-quantum quorum is, and what is suspicious in a policy.

use std::fmt::Write as _;

use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::{
    AlgorithmRequirement, GroupStanding, Lint, Member, Policy, PolicyProblem, Quorum, Shared,
    TrustError, lint,
};
use proptest::prelude::*;

use super::world::{
    ORIGIN, checkpoint, cosigned, log_key, log_key_ml_dsa, policy, policy_text, proof, record,
    witness, witness_ml_dsa,
};

/// The log with both keys; operators 0 to 2 with a key of each kind in a group, any two operators.
fn both() -> Policy {
    let mut text = format!(
        "log {}\nlog {}\n",
        log_key().verifier(),
        log_key_ml_dsa().verifier()
    );
    for n in 0..3 {
        writeln!(text, "witness w{n} {}", witness(n).verifier()).unwrap();
        writeln!(text, "witness pq{n} {}", witness_ml_dsa(n).verifier()).unwrap();
        writeln!(text, "group o{n} any w{n} pq{n}").unwrap();
    }
    text += "group two 2 o0 o1 o2\nquorum two\n";
    Policy::parse(text.as_bytes()).unwrap()
}

/// Signed by the log's Ed25519 key, cosigned by witnesses `w` and post-quantum witnesses `pq` at
/// times.
fn note(w: &[(u8, u64)], pq: &[(u8, u64)]) -> Note {
    let mut note = cosigned(w);
    for &(n, time) in pq {
        note.push(witness_ml_dsa(n).cosign(&checkpoint(), time).unwrap());
    }
    note
}

/// A witness has an Ed25519 and an ML-DSA-44 key. Where a person reads "1 of 2", it is witnesses
/// that are meant, not keys.
#[test]
fn keys_of_one_name_are_one_witness() {
    let of = |name: &str, kind, seed| {
        let key = NoteSigner::from_seed(name, kind, &[seed; 32]).unwrap();
        Cosigner::new(key).unwrap()
    };
    let [one, two] = ["one.example", "two.example"].map(|name| {
        let seed = name.as_bytes()[0];
        [
            of(name, SignatureType::CosignatureV1, seed),
            of(name, SignatureType::SubtreeV1, seed + 1),
        ]
    });
    let mut text = format!("log {}\n", log_key().verifier());
    for (n, key) in one.iter().chain(&two).enumerate() {
        writeln!(text, "witness k{n} {}", key.verifier()).unwrap();
    }
    text += "group one any k0 k1\ngroup two any k2 k3\ngroup all all one two\nquorum all\n";
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(policy.counted(AlgorithmRequirement::AnyAlgorithm), 2);
    assert_eq!(policy.counted(AlgorithmRequirement::PostQuantum), 2);

    let mut note = cosigned(&[]);
    for key in &one {
        note.push(key.cosign(&checkpoint(), 10).unwrap());
    }
    let Err(TrustError::NoQuorum { cosigned, known }) = policy.check_checkpoint(&note) else {
        panic!("one of two is no quorum");
    };
    assert_eq!(
        (cosigned.as_slice(), known),
        (&["one.example".to_owned()][..], 2)
    );
    note.push(two[1].cosign(&checkpoint(), 20).unwrap());
    let trusted = policy.check_checkpoint(&note).unwrap();
    assert_eq!(
        (trusted.witness_count(), trusted.cosignatures().len()),
        (2, 3)
    );
}

#[test]
fn any_key_of_the_log_suffices() {
    let full = note(&[(0, 10), (1, 20)], &[]);
    let text = full.text().to_owned();
    let by_pq = log_key_ml_dsa().sign(&text).unwrap();
    let cosignatures = &full.signatures()[1..];
    let only_pq = Note::new(
        text.clone(),
        [std::slice::from_ref(&by_pq), cosignatures].concat(),
    );
    let by_both = Note::new(text.clone(), [&[by_pq], full.signatures()].concat());
    let unsigned = Note::new(text, cosignatures.to_vec());
    for (note, logs) in [
        (&full, &[0][..]),
        (&only_pq, &[1]),
        (&by_both, &[0, 1]),
        (&unsigned, &[]),
    ] {
        let standing = both()
            .standing(note, AlgorithmRequirement::AnyAlgorithm)
            .unwrap();
        assert_eq!(
            (standing.logs.as_slice(), standing.quorum),
            (logs, Some(20))
        );
        let found = both().check_checkpoint(note);
        if logs.is_empty() {
            let refused = TrustError::NotSignedByLog(ORIGIN.to_owned());
            assert_eq!(found, Err(refused));
        } else {
            assert_eq!(found.unwrap().not_after(), Some(20));
        }
    }
    // A policy that does not name the ML-DSA-44 key passes over its line.
    let trusted = policy().check_checkpoint(&by_both).unwrap();
    assert_eq!(trusted.note(), &full);
    policy().check_checkpoint(&only_pq).unwrap_err();
}

#[test]
fn extension_lines_need_a_signature_that_covers_them() {
    let mut extended = checkpoint();
    extended.extensions.push("line".to_owned());
    let text = extended.to_text();
    // The ML-DSA-44 signature of the plain checkpoint is valid under the lines that were added.
    let plain = log_key_ml_dsa().sign(&checkpoint().to_text()).unwrap();
    let mut note = Note::new(text.clone(), vec![plain]);
    for n in 0..2 {
        note.push(witness_ml_dsa(n).cosign(&checkpoint(), 10).unwrap());
    }
    let refused = TrustError::UnsignedExtensions(ORIGIN.to_owned());
    assert_eq!(both().check_checkpoint(&note), Err(refused));
    note.push(log_key().sign(&text).unwrap());
    let trusted = both().check_checkpoint(&note).unwrap();
    assert_eq!(trusted.checkpoint().extensions, ["line"]);
}

#[test]
fn a_post_quantum_quorum_counts_post_quantum_cosignatures_alone() {
    let check = |note: &Note| both().check_checkpoint_with(note, AlgorithmRequirement::PostQuantum);
    let mixed = note(&[(0, 10), (1, 20)], &[(1, 40), (2, 30)]);
    assert_eq!(
        both().check_checkpoint(&mixed).unwrap().not_after(),
        Some(20)
    );
    let trusted = check(&mixed).unwrap();
    assert_eq!(trusted.not_after(), Some(40));
    let listed = trusted.cosignatures().iter().map(|c| (c.witness, c.time));
    assert_eq!(listed.collect::<Vec<_>>(), [(5, 30), (3, 40)]);

    // Any number of Ed25519 cosignatures is not enough, nor with one ML-DSA-44 cosignature.
    let all = [(0, 10), (1, 20), (2, 30)];
    for (note, names) in [
        (note(&all, &[]), vec![]),
        (
            note(&all, &[(1, 5)]),
            vec!["witness.example/pq1".to_owned()],
        ),
        (
            note(&all, &[(1, 5), (1, 6)]),
            vec!["witness.example/pq1".to_owned()],
        ),
    ] {
        both().check_checkpoint(&note).unwrap();
        let refused = TrustError::NoPostQuantumQuorum {
            cosigned: names,
            known: 3,
        };
        assert_eq!(check(&note), Err(refused));
    }
    check(&note(&[], &[(0, 1), (1, 2)])).unwrap();

    let proof_of = |note| proof(5, note);
    let demand = |proof, demand| both().check_proof_with(&proof, &record(5), demand);
    let proven = demand(proof_of(mixed.clone()), AlgorithmRequirement::PostQuantum).unwrap();
    assert_eq!(proven.head().not_after(), Some(40));
    demand(proof_of(mixed), AlgorithmRequirement::AnyAlgorithm).unwrap();
    demand(proof_of(note(&all, &[])), AlgorithmRequirement::PostQuantum).unwrap_err();
    // A bad Ed25519 cosignature still refuses the note.
    let mut lines = note(&[(0, 10)], &[(0, 1), (1, 2)]).signatures().to_vec();
    lines[1].signature[20] ^= 1;
    check(&Note::new(checkpoint().to_text(), lines)).unwrap_err();
}

#[test]
fn the_least_signatures_prove_the_same_and_none_of_them_can_be_left_out() {
    let mut full = note(
        &[(0, 10), (1, 20), (2, 30), (0, 5), (2, 1)],
        &[(1, 40), (2, 30), (0, 35)],
    );
    full.push(log_key_ml_dsa().sign(full.text()).unwrap());
    for (demand, len_max) in [
        (AlgorithmRequirement::AnyAlgorithm, 3),
        (AlgorithmRequirement::PostQuantum, 3),
    ] {
        let whole = both().check_checkpoint_with(&full, demand).unwrap();
        let least = both().least(&full, demand).unwrap();
        assert_eq!(least.not_after(), whole.not_after());
        assert_eq!(least.checkpoint(), whole.checkpoint());
        let lines = least.note().signatures();
        assert_eq!(lines.len(), len_max);
        assert!(lines.iter().all(|line| full.signatures().contains(line)));
        assert_eq!(both().least(least.note(), demand).unwrap(), least);
        for out in 0..lines.len() {
            let mut fewer = lines.to_vec();
            fewer.remove(out);
            let fewer = Note::new(full.text().to_owned(), fewer);
            both().check_checkpoint_with(&fewer, demand).unwrap_err();
        }
    }
    // The shortest: no ML-DSA-44 line where Ed25519 does; and the other way round there is no
    // quorum left.
    let least = both()
        .least(&full, AlgorithmRequirement::AnyAlgorithm)
        .unwrap();
    assert!(
        least
            .note()
            .signatures()
            .iter()
            .all(|line| line.signature.len() < 100)
    );
    both()
        .check_checkpoint_with(least.note(), AlgorithmRequirement::PostQuantum)
        .unwrap_err();
    // A checkpoint that is not trusted is not cut, and extension lines keep the signature that
    // covers them.
    both()
        .least(&note(&[(0, 10)], &[]), AlgorithmRequirement::AnyAlgorithm)
        .unwrap_err();
    let mut extended = checkpoint();
    extended.extensions.push("line".to_owned());
    let text = extended.to_text();
    let plain = log_key_ml_dsa().sign(&checkpoint().to_text()).unwrap();
    let mut note = Note::new(text.clone(), vec![plain]);
    for n in 0..3 {
        note.push(witness_ml_dsa(n).cosign(&checkpoint(), 10).unwrap());
    }
    note.push(log_key().sign(&text).unwrap());
    let least = both()
        .least(&note, AlgorithmRequirement::AnyAlgorithm)
        .unwrap();
    assert_eq!(least.checkpoint().extensions, ["line"]);
    assert_eq!(least.note().signatures().len(), 3);
}

/// A log's untimed signature by a key that is also a witness's says nothing, and "no quorum" is no
/// post-quantum quorum.
#[test]
fn no_time_and_no_quorum_are_not_post_quantum() {
    let pq = witness_ml_dsa(0).verifier().to_string();
    let text = policy_text(0, &format!("witness a {pq}\nquorum a\n"));
    let single = Policy::parse(text.as_bytes()).unwrap();
    let key = NoteSigner::from_seed("witness.example/pq0", SignatureType::SubtreeV1, &[150; 32]);
    let mut untimed = note(&[], &[]);
    untimed.push(key.unwrap().sign(&checkpoint().to_text()).unwrap());
    let standing = single
        .standing(&untimed, AlgorithmRequirement::AnyAlgorithm)
        .unwrap();
    assert_eq!((standing.quorum, standing.passed_over), (None, vec![0]));
    single.check_checkpoint(&untimed).unwrap_err();
    single.check_checkpoint(&note(&[], &[(0, 9)])).unwrap();

    let none = policy_text(0, "quorum none\n");
    let none = Policy::parse_allowing_no_quorum(none.as_bytes()).unwrap();
    none.check_checkpoint(&untimed).unwrap();
    let refused = TrustError::NoPostQuantumQuorum {
        cosigned: vec![],
        known: 0,
    };
    let found = none.check_checkpoint_with(&untimed, AlgorithmRequirement::PostQuantum);
    assert_eq!(found, Err(refused));
}

#[test]
fn a_standing_says_what_is_missing() {
    let standing = both().standing(
        &note(&[(0, 10), (2, 7)], &[(0, 30)]),
        AlgorithmRequirement::AnyAlgorithm,
    );
    let standing = standing.unwrap();
    let group = |witnessed, since| GroupStanding { witnessed, since };
    assert_eq!(
        standing.groups,
        [
            group(2, Some(10)),
            group(0, None),
            group(1, Some(7)),
            group(2, Some(10))
        ]
    );
    assert_eq!((standing.quorum, standing.passed_over), (Some(10), vec![]));
    assert_eq!(standing.checkpoint, checkpoint());

    let standing = both().standing(
        &note(&[(0, 10), (2, 7)], &[(0, 30)]),
        AlgorithmRequirement::PostQuantum,
    );
    let standing = standing.unwrap();
    let expected = [
        group(1, Some(30)),
        group(0, None),
        group(0, None),
        group(1, None),
    ];
    assert_eq!(standing.groups, expected);
    assert_eq!((standing.quorum, standing.passed_over), (None, vec![0, 4]));
    // What cannot be explained is refused as it is by the check.
    let other = Note::new("other\n1\n".to_owned(), vec![]);
    let (standing, checked) = (
        both()
            .standing(&other, AlgorithmRequirement::AnyAlgorithm)
            .unwrap_err(),
        both().check_checkpoint(&other).unwrap_err(),
    );
    assert_eq!(standing, checked);
}

/// A tree is as fresh as its quorum says, however often one witness alone repeats it.
#[test]
fn one_witness_makes_no_tree_fresh() {
    let of = |w: &[(u8, u64)], pq: &[(u8, u64)]| {
        let standing = both().standing(&note(w, pq), AlgorithmRequirement::AnyAlgorithm);
        let standing = standing.unwrap();
        (standing.quorum, standing.fresh, standing.newest)
    };
    assert_eq!(of(&[(0, 10), (2, 7)], &[]), (Some(10), Some(7), Some(10)));
    // The first operator's other key says it anew: two operators are asked for.
    assert_eq!(
        of(&[(0, 10), (2, 7)], &[(0, 30)]),
        (Some(10), Some(7), Some(30))
    );
    // Then a second operator does.
    assert_eq!(
        of(&[(0, 10), (2, 7)], &[(0, 30), (1, 28)]),
        (Some(10), Some(28), Some(30))
    );
    assert_eq!(of(&[(0, 10)], &[(0, 30)]), (None, None, Some(30)));
    let trusted = both().check_checkpoint(&note(&[(0, 10), (2, 7)], &[(1, 28)]));
    let trusted = trusted.unwrap();
    assert_eq!((trusted.fresh(), trusted.newest()), (Some(10), Some(28)));
}

#[test]
fn post_quantum_keys_have_their_place_in_policies() {
    let parse = |text: String| Policy::parse(text.as_bytes()).map_err(|e| (e.line, e.problem));
    let pq = witness_ml_dsa(0).verifier().to_string();
    let again = NoteSigner::from_seed("another.name", SignatureType::SubtreeV1, &[150; 32]);
    let again = again.unwrap().verifier().to_string();
    let text = policy_text(0, &format!("witness a {pq}\nwitness b {again}\nquorum a\n"));
    assert_eq!(parse(text), Err((3, PolicyProblem::DuplicateKey(2))));
    let text = policy_text(
        0,
        &format!("log {pq}\nlog {again}\nwitness a {pq}\nquorum a\n"),
    );
    assert_eq!(parse(text), Err((3, PolicyProblem::DuplicateKey(2))));
    let policy = parse(policy_text(
        0,
        &format!("log {pq}\nwitness a {pq}\nquorum a\n"),
    ))
    .unwrap();
    let kind = SignatureType::SubtreeV1;
    assert_eq!(
        (
            policy.logs()[1].key.kind(),
            policy.witnesses()[0].key.kind()
        ),
        (kind, kind)
    );
}

#[test]
fn a_policy_carries_its_demand_into_every_check() {
    let classic = note(&[(0, 10), (1, 20)], &[(2, 30)]);
    let quantum = note(&[(0, 10), (1, 20)], &[(1, 30), (2, 40)]);
    let policy = both();
    assert_eq!(policy.demand(), AlgorithmRequirement::AnyAlgorithm);
    assert_eq!(
        policy.check_checkpoint(&classic).unwrap().not_after(),
        Some(20)
    );
    let demanding = policy.clone().demanding(AlgorithmRequirement::PostQuantum);
    assert!(matches!(
        demanding.check_checkpoint(&classic),
        Err(TrustError::NoPostQuantumQuorum { known: 3, .. })
    ));
    assert_eq!(
        demanding.check_checkpoint(&quantum).unwrap().not_after(),
        Some(40)
    );
    assert_eq!(
        (
            policy.counted(AlgorithmRequirement::AnyAlgorithm),
            policy.counted(AlgorithmRequirement::PostQuantum)
        ),
        (6, 3)
    );
    assert!(demanding.can_be_met(AlgorithmRequirement::PostQuantum));
    // The world's own policy has Ed25519 witnesses alone.
    let old = super::world::policy();
    assert!(
        old.can_be_met(AlgorithmRequirement::AnyAlgorithm)
            && !old.can_be_met(AlgorithmRequirement::PostQuantum)
    );
    let none = Policy::parse_allowing_no_quorum(b"quorum none\n").unwrap();
    assert!(
        none.can_be_met(AlgorithmRequirement::AnyAlgorithm)
            && !none.can_be_met(AlgorithmRequirement::PostQuantum)
    );
}

#[test]
fn a_leaf_hash_is_proven_like_its_entry() {
    let (policy, any) = (policy(), AlgorithmRequirement::AnyAlgorithm);
    let mut made = proof(2, cosigned(&[(0, 10), (1, 20)]));
    let leaf = leaf_hash(&record(2));
    let head = policy.check_leaf(&made, leaf, any).unwrap();
    assert_eq!(&head, policy.check_proof(&made, &record(2)).unwrap().head());
    let other = policy.check_leaf(&made, leaf_hash(b"another entry"), any);
    assert!(matches!(other, Err(TrustError::Inclusion(_))));
    made.index += 1;
    let moved = policy.check_leaf(&made, leaf, any);
    assert!(matches!(moved, Err(TrustError::Inclusion(_))));
}

fn named(name: &str, seed: u8) -> String {
    let key = NoteSigner::from_seed(name, SignatureType::CosignatureV1, &[seed; 32]).unwrap();
    key.verifier().to_string()
}

/// A policy with a log `log.example/stone`, witnesses of these names and URLs, and `rest`.
fn suspects(witnesses: &[(&str, &str)], rest: &str) -> Vec<Lint> {
    let mut text = policy_text(0, "");
    for (n, (name, url)) in (0..).zip(witnesses) {
        writeln!(text, "witness w{n} {} {url}", named(name, 30 + n)).unwrap();
    }
    lint(&Policy::parse((text + rest).as_bytes()).unwrap())
}

#[test]
fn signs_of_one_operator_are_found() {
    let two = |a, b| suspects(&[a, b], "group g all w0 w1\nquorum g\n");
    let found = |shared| {
        vec![Lint::CountsTwice {
            first: 0,
            second: 1,
            shared,
        }]
    };
    let host = |text: &str| found(Shared::Host(text.to_owned()));
    let domain = |text: &str| found(Shared::Domain(text.to_owned()));
    let name = found(Shared::KeyName("a.test/w".to_owned()));
    assert_eq!(two(("a.test/w", ""), ("a.test/w", "")), name);
    assert_eq!(two(("a.test/w", ""), ("A.TEST./x", "")), host("a.test"));
    assert_eq!(
        two(("a", "https://h.test"), ("b", "http://u@H.test:81/x")),
        host("h.test")
    );
    assert_eq!(
        two(("h.test:9/w", ""), ("b", "https://h.test/x")),
        host("h.test")
    );
    assert_eq!(
        two(
            ("a", "https://[2001:db8::1]:2/"),
            ("b", "https://[2001:db8::1]/")
        ),
        host("[2001:db8::1]")
    );
    assert_eq!(
        two(("a.x.test/w", ""), ("b.x.test/w", "")),
        domain("x.test")
    );
    assert_eq!(
        two(("x.test/w", ""), ("b", "https://c.d.x.test")),
        domain("x.test")
    );
    assert_eq!(
        two(("a.x.co.jp/w", ""), ("b.x.co.jp/w", "")),
        domain("x.co.jp")
    );
    for strangers in [
        (("a.test/w", ""), ("b.test/w", "")),
        (("x.co.jp/w", ""), ("y.co.jp/w", "")),
        (("co.jp/w", ""), ("x.co.jp/w", "")),
        (("oid/1.3.6.1", ""), ("oid/1.3.6.2", "")),
        (("w", ""), ("v", "")),
        (("a", "x.test"), ("b", "x.test")),
        (("a", "https://10.0.0.1/"), ("b", "https://10.9.0.1/")),
        (("a", "https://[::1]/"), ("b", "https://[::2]/")),
        (("a", "https:///x"), ("b", "https:///y")),
        // On one machine, where everything is tried out, everything is on it.
        (("a", "http://127.0.0.1:1"), ("b", "http://127.0.0.1:2")),
        (("a", "http://localhost:1"), ("b", "http://localhost:2")),
        (("a", "http://[::1]:1"), ("b", "http://[::1]:2")),
        (("w..", ""), ("v..", "")),
    ] {
        assert_eq!(two(strangers.0, strangers.1), [], "{strangers:?}");
    }
    // In one group that asks for one of them they count once.
    let same = [("a.test/w", ""), ("a.test/x", ""), ("b.test", "")];
    assert_eq!(
        suspects(&same, "group o any w0 w1\ngroup q all o w2\nquorum q\n"),
        []
    );
    assert_eq!(suspects(&same[..1], "quorum w0\n"), []);
}

#[test]
fn idle_witnesses_and_a_log_that_witnesses_itself_are_found() {
    let idle = |witness| Lint::NeverCounts { witness };
    let three = [("a.test", ""), ("b.test", ""), ("a.test", "")];
    assert_eq!(suspects(&three, "quorum w1\n"), [idle(0), idle(2)]);
    let rest = "group o all w0 w1\ngroup idle any w2\nquorum o\n";
    assert_eq!(suspects(&three, rest), [idle(2)]);
    let own = |shared| {
        let (log, witness) = (0, 0);
        vec![Lint::LogWitnessesItself {
            log,
            witness,
            shared,
        }]
    };
    let host = Shared::Host("log.example".to_owned());
    assert_eq!(suspects(&[("log.example/w", "")], "quorum w0\n"), own(host));
    let name = Shared::KeyName(ORIGIN.to_owned());
    assert_eq!(suspects(&[(ORIGIN, "")], "quorum w0\n"), own(name));
    // The log's very key, as a witness of another name.
    let text = policy_text(
        0,
        &format!("witness w {}\nquorum w\n", {
            let kind = SignatureType::CosignatureV1;
            let key = NoteSigner::from_seed("w", kind, &[1; 32]).unwrap();
            key.verifier().to_string()
        }),
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(lint(&policy), own(Shared::PublicKey));
    let none = Policy::parse_allowing_no_quorum(policy_text(2, "quorum none\n").as_bytes());
    assert_eq!(lint(&none.unwrap()), []);
}

/// By trying every set of witnesses: there is one with which both are a quorum and neither alone
/// is.
fn counts_twice(policy: &Policy, first: usize, second: usize) -> bool {
    let others = 0..1_u32 << policy.witnesses().len();
    others
        .filter(|set| set >> first & 1 == 0 && set >> second & 1 == 0)
        .any(|set| {
            let with =
                |more: &[usize]| policy.is_quorum(|w| set >> w & 1 == 1 || more.contains(&w));
            with(&[first, second]) && !with(&[first]) && !with(&[second])
        })
}

fn matters(policy: &Policy, witness: usize) -> bool {
    let sets = 0..1_u32 << policy.witnesses().len();
    sets.into_iter().any(|set| {
        let without = policy.is_quorum(|w| set >> w & 1 == 1 && w != witness);
        !without && policy.is_quorum(|w| set >> w & 1 == 1 || w == witness)
    })
}

#[test]
fn two_quorums_that_have_nobody_in_common_are_found() {
    let three = [("a.test", ""), ("b.test", ""), ("c.test", "")];
    let two = |first: &[usize], second: &[usize]| {
        let (first, second) = (first.to_vec(), second.to_vec());
        vec![Lint::TwoQuorums { first, second }]
    };
    let any = "group q any w0 w1 w2\nquorum q\n";
    assert_eq!(suspects(&three, any), two(&[0], &[1]));
    // Controls: a majority, and the keys of one operator.
    assert_eq!(suspects(&three, "group q 2 w0 w1 w2\nquorum q\n"), []);
    let one = [("a.test/1", ""), ("a.test/2", ""), ("a.test/3", "")];
    assert_eq!(suspects(&one, any), []);
    // A group that can be met twice counts for both sides.
    let nested = "group g any w0 w1\ngroup q all g w2\nquorum q\n";
    assert_eq!(suspects(&three, nested), []);
    let four = [three[0], three[1], three[2], ("d.test", "")];
    let nested = "group g any w0 w1\ngroup h any w2 w3\ngroup q all g h\nquorum q\n";
    assert_eq!(suspects(&four, nested), two(&[0, 2], &[1, 3]));
}

/// A random policy over six witnesses of the given names: groups take the members that are still
/// free, from the left.
fn nested(plan: Vec<(usize, usize)>, name: impl Fn(u8) -> String) -> Policy {
    let mut text = policy_text(0, "");
    for n in 0..6 {
        writeln!(text, "witness w{n} {}", named(&name(n), 30 + n)).unwrap();
    }
    let mut free: Vec<String> = (0..6).map(|n| format!("w{n}")).collect();
    let mut last = "w0".to_owned();
    for (n, (count, threshold)) in plan.into_iter().enumerate() {
        let members: Vec<String> = free.drain(..count.min(free.len())).collect();
        last = format!("g{n}");
        let threshold = threshold.min(members.len());
        writeln!(text, "group {last} {threshold} {}", members.join(" ")).unwrap();
        free.push(last.clone());
    }
    writeln!(text, "quorum {last}").unwrap();
    Policy::parse(text.as_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// By trying every set of witnesses: there is a quorum whose complement is one, too.
    #[test]
    fn two_quorums_are_what_sets_of_witnesses_say(
        plan in prop::collection::vec((1..4_usize, 1..4_usize), 1..5),
    ) {
        let policy = nested(plan, |n| format!("{n}.test"));
        let mut sets = 0..1_u32 << 6;
        let splits = sets.any(|set| {
            policy.is_quorum(|w| set >> w & 1 == 1) && policy.is_quorum(|w| set >> w & 1 == 0)
        });
        let found = lint(&policy).into_iter().find_map(|lint| match lint {
            Lint::TwoQuorums { first, second } => Some([first, second]),
            _ => None,
        });
        prop_assert_eq!(found.is_some(), splits);
        if let Some([first, second]) = found {
            prop_assert!(policy.is_quorum(|w| first.contains(&w)));
            prop_assert!(policy.is_quorum(|w| second.contains(&w)));
            prop_assert!(first.iter().all(|place| !second.contains(place)));
        }
    }

    /// The rule about thresholds is the definition, for any nesting of groups; and a group's time
    /// is the quorum's as `is_quorum` has it.
    #[test]
    fn what_can_count_twice_is_what_sets_of_witnesses_say(
        plan in prop::collection::vec((1..4_usize, 1..4_usize), 1..5),
        times in prop::collection::vec(prop::option::of(1..20_u64), 6),
    ) {
        let policy = nested(plan, |_| "same.test".to_owned());
        let found = lint(&policy);
        let shared = Shared::KeyName("same.test".to_owned());
        for second in 0..6 {
            let idle = found.contains(&Lint::NeverCounts { witness: second });
            prop_assert_eq!(idle, !matters(&policy, second));
            for first in 0..second {
                let lint = Lint::CountsTwice { first, second, shared: shared.clone() };
                prop_assert_eq!(found.contains(&lint), counts_twice(&policy, first, second));
            }
        }

        let mut note = cosigned(&[]);
        for (n, time) in (0..6).zip(&times) {
            let kind = SignatureType::CosignatureV1;
            let key = NoteSigner::from_seed("same.test", kind, &[30 + n; 32]).unwrap();
            let cosigner = ishibumi_tlog::cosignature::Cosigner::new(key).unwrap();
            if let Some(time) = *time {
                note.push(cosigner.cosign(&checkpoint(), time).unwrap());
            }
        }
        let standing = policy.standing(&note, AlgorithmRequirement::AnyAlgorithm).unwrap();
        let by = |limit| policy.is_quorum(|w| times[w].is_some_and(|time| time <= limit));
        prop_assert_eq!(standing.quorum, (1..20).find(|&limit| by(limit)));
        prop_assert_eq!(policy.quorum(), Quorum::Of(Member::Group(policy.groups().len() - 1)));
    }
}
