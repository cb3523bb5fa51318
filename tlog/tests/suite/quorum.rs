//! Which cosignatures count, and from when on they were a quorum.

use std::fmt::Write as _;

use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::policy::{Policy, TrustError};
use ishibumi_tlog::{Checkpoint, Hash};
use proptest::prelude::*;

use super::world::{ORIGIN, checkpoint, cosigned, log_key, policy, policy_text, witness};

#[test]
fn the_time_is_that_of_the_last_cosignature_that_the_quorum_needs() {
    let trusted = policy()
        .check_checkpoint(&cosigned(&[(0, 30), (1, 10), (2, 20)]))
        .unwrap();
    assert_eq!(trusted.checkpoint(), &checkpoint());
    assert_eq!(trusted.not_after(), Some(20));
    let listed: Vec<_> = trusted
        .cosignatures()
        .iter()
        .map(|c| (c.witness, c.time))
        .collect();
    assert_eq!(listed, [(1, 10), (2, 20), (0, 30)]);
    assert_eq!(trusted.cosignatures()[0].name, "witness.example/w1");

    let trusted = policy()
        .check_checkpoint(&cosigned(&[(0, 30), (1, 10)]))
        .unwrap();
    assert_eq!(trusted.not_after(), Some(30));
    let trusted = policy()
        .check_checkpoint(&cosigned(&[(0, 5), (1, 5), (2, 5)]))
        .unwrap();
    assert_eq!(trusted.not_after(), Some(5));
}

#[test]
fn too_few_witnesses_are_named() {
    for times in [&[][..], &[(1, 10)], &[(1, 10), (7, 10), (8, 10)]] {
        let error = policy().check_checkpoint(&cosigned(times)).unwrap_err();
        let cosigned: Vec<String> = times
            .iter()
            .filter(|(n, _)| *n == 1)
            .map(|_| "witness.example/w1".to_owned())
            .collect();
        assert_eq!(error, TrustError::NoQuorum { cosigned, known: 3 });
    }
}

#[test]
fn a_witness_counts_once_at_its_earliest_time() {
    let twice = cosigned(&[(1, 10), (1, 20), (1, 15)]);
    assert!(matches!(
        policy().check_checkpoint(&twice),
        Err(TrustError::NoQuorum { .. })
    ));
    let trusted = policy()
        .check_checkpoint(&cosigned(&[(1, 40), (0, 30), (1, 10)]))
        .unwrap();
    assert_eq!(trusted.not_after(), Some(30));
    let listed: Vec<_> = trusted
        .cosignatures()
        .iter()
        .map(|c| (c.witness, c.time))
        .collect();
    assert_eq!(listed, [(1, 10), (0, 30)]);
}

/// A cosignature dated zero is valid and says nothing about time: "existed at time 0" would be a
/// lie that anybody could use as the earliest proof there is.
#[test]
fn a_cosignature_without_a_time_does_not_count() {
    use ed25519_dalek::{Signer as _, SigningKey};
    let mut note = cosigned(&[(1, 10)]);
    let message = format!("cosignature/v1\ntime 0\n{}", checkpoint().to_text());
    let signature = SigningKey::from_bytes(&[100; 32]).sign(message.as_bytes());
    let mut line = witness(0).cosign(&checkpoint(), 1).unwrap();
    line.signature = [&[0; 8][..], &signature.to_bytes()].concat();
    note.push(line);
    assert!(matches!(
        policy().check_checkpoint(&note),
        Err(TrustError::NoQuorum { .. })
    ));
    note.push(witness(2).cosign(&checkpoint(), 12).unwrap());
    assert_eq!(
        policy().check_checkpoint(&note).unwrap().not_after(),
        Some(12)
    );
}

#[test]
fn unknown_witnesses_count_for_nothing_and_are_not_passed_on() {
    let trusted = policy()
        .check_checkpoint(&cosigned(&[(0, 3), (9, 1), (1, 4)]))
        .unwrap();
    assert_eq!(trusted.not_after(), Some(4));
    assert_eq!(trusted.note(), &cosigned(&[(0, 3), (1, 4)]));
}

#[test]
fn a_bad_cosignature_of_a_known_witness_refuses_the_note() {
    let good = cosigned(&[(0, 3), (1, 4), (2, 5)]);
    for at in 0..4 {
        let mut lines = good.signatures().to_vec();
        lines[at].signature[20] ^= 4;
        let note = Note::new(good.text().to_owned(), lines);
        let name = good.signatures()[at].name.clone();
        let refused = Err(TrustError::Note(NoteError::BadSignature(name)));
        assert_eq!(policy().check_checkpoint(&note), refused);
    }
    policy().check_checkpoint(&good).unwrap();
}

#[test]
fn the_log_has_to_have_signed_under_its_origin() {
    let good = cosigned(&[(0, 3), (1, 4)]);
    let without = Note::new(good.text().to_owned(), good.signatures()[1..].to_vec());
    let refused = Err(TrustError::NotSignedByLog(ORIGIN.to_owned()));
    assert_eq!(policy().check_checkpoint(&without), refused);
    let nobody = Note::new(good.text().to_owned(), Vec::new());
    assert_eq!(
        policy().check_checkpoint(&nobody),
        Err(TrustError::Note(NoteError::NoKnownKey(0)))
    );

    // Another origin, signed by the key of this log or of a second log in the policy.
    let second = NoteSigner::from_seed("second.example", SignatureType::Ed25519, &[2; 32]).unwrap();
    let text = policy_text(2, &format!("log {}\nquorum w0\n", second.verifier()));
    let both = Policy::parse(text.as_bytes()).unwrap();
    let sign = |origin: &str, signer: &NoteSigner| {
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            ..checkpoint()
        };
        let text = checkpoint.to_text();
        let cosignature = witness(0).cosign(&checkpoint, 9).unwrap();
        Note::new(text.clone(), vec![signer.sign(&text).unwrap(), cosignature])
    };
    both.check_checkpoint(&sign(ORIGIN, &log_key())).unwrap();
    both.check_checkpoint(&sign("second.example", &second))
        .unwrap();
    for (origin, signer) in [(ORIGIN, &second), ("second.example", &log_key())] {
        let refused = Err(TrustError::NotSignedByLog(origin.to_owned()));
        assert_eq!(both.check_checkpoint(&sign(origin, signer)), refused);
    }
    assert_eq!(
        both.check_checkpoint(&sign("third.example", &second)),
        Err(TrustError::UnknownLog("third.example".to_owned()))
    );
}

#[test]
fn what_is_signed_has_to_be_a_checkpoint() {
    let sign = |text: &str| Note::new(text.to_owned(), vec![log_key().sign(text).unwrap()]);
    let lax = Policy::parse_allowing_no_quorum(policy_text(0, "quorum none\n").as_bytes()).unwrap();
    let trusted = lax
        .check_checkpoint(&sign(&checkpoint().to_text()))
        .unwrap();
    assert_eq!(
        (trusted.not_after(), trusted.cosignatures().len()),
        (None, 0)
    );
    let empty_with_a_root = Checkpoint::new(ORIGIN, 0, Hash([3; 32])).to_text();
    for text in [
        &format!("{ORIGIN}\n"),
        &format!("{ORIGIN}\n1\nx\n"),
        &empty_with_a_root,
    ] {
        let refused = lax.check_checkpoint(&sign(text));
        assert!(
            matches!(refused, Err(TrustError::Checkpoint(_))),
            "{text:?}"
        );
    }
    lax.check_checkpoint(&sign(
        &Checkpoint::new(ORIGIN, 0, ishibumi_tlog::hash::EMPTY_ROOT).to_text(),
    ))
    .unwrap();
}

/// A tree of groups over six witnesses, evaluated by its definition and nothing else.
#[derive(Clone, Debug)]
enum Rule {
    Witness(u8),
    Group(usize, Vec<Rule>),
}

impl Rule {
    fn holds(&self, has: u32) -> bool {
        match self {
            Self::Witness(n) => has >> n & 1 == 1,
            Self::Group(threshold, members) => {
                members.iter().filter(|member| member.holds(has)).count() >= *threshold
            }
        }
    }

    /// Writes the groups below this rule, innermost first, and gives its name.
    fn write(&self, text: &mut String, groups: &mut usize) -> String {
        match self {
            Self::Witness(n) => format!("w{n}"),
            Self::Group(threshold, members) => {
                let names: Vec<String> = members.iter().map(|m| m.write(text, groups)).collect();
                *groups += 1;
                writeln!(text, "group g{groups} {threshold} {}", names.join(" ")).unwrap();
                format!("g{groups}")
            }
        }
    }
}

/// Each witness once, cut into groups at random positions.
fn rules() -> impl Strategy<Value = Rule> {
    let order = Just((0..6_u8).collect::<Vec<_>>()).prop_shuffle();
    (order, any::<[u8; 6]>(), any::<[u8; 4]>()).prop_map(|(order, joins, thresholds)| {
        let mut rules: Vec<Rule> = order.into_iter().map(Rule::Witness).collect();
        for (&join, &threshold) in joins.iter().zip(&thresholds) {
            let at = usize::from(join) % rules.len();
            let count = (1 + usize::from(join) / 64).min(rules.len() - at);
            let members: Vec<Rule> = rules.drain(at..at + count).collect();
            let threshold = 1 + usize::from(threshold) % members.len();
            rules.insert(at, Rule::Group(threshold, members));
        }
        let threshold = 1 + usize::from(joins[5]) % rules.len();
        Rule::Group(threshold, rules)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The proven time is the least, over all sets of cosignatures that are a quorum, of the latest
    /// time in the set; there is none exactly if no set is a quorum.
    #[test]
    fn the_proven_time_is_the_least_over_all_quorums(
        rule in rules(),
        times in prop::collection::vec((0..6_u8, 1..12_u64), 0..8),
    ) {
        let mut text = policy_text(6, "");
        let name = rule.write(&mut text, &mut 0);
        writeln!(text, "quorum {name}").unwrap();
        let policy = Policy::parse(text.as_bytes()).unwrap();

        let expected = (0..1_u32 << times.len())
            .filter(|set| {
                let members = times.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1);
                rule.holds(members.fold(0, |has, (_, (w, _))| has | 1 << w))
            })
            .map(|set| {
                let members = times.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1);
                members.map(|(_, (_, time))| *time).max().unwrap()
            })
            .min();
        let found = policy.check_checkpoint(&cosigned(&times));
        match found {
            Ok(trusted) => prop_assert_eq!(trusted.not_after(), expected),
            Err(TrustError::NoQuorum { .. }) => prop_assert_eq!(expected, None),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
