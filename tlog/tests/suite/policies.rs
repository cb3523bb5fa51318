//! Policy files: the rules of C2SP tlog-policy one by one, and that each refusal names its line.

use std::fmt::Write as _;

use ishibumi_tlog::key::{KeyError, NoteSigner, SignatureType};
use ishibumi_tlog::policy::{
    FILE_LEN_MAX, GROUPS_MAX, LOGS_MAX, Member, Policy, PolicyProblem, Quorum, WITNESSES_MAX,
};
use proptest::prelude::*;

use super::world::{log_key, policy_text, witness};

fn parse(text: impl AsRef<[u8]>) -> Result<Policy, (usize, PolicyProblem)> {
    Policy::parse(text.as_ref()).map_err(|error| (error.line, error.problem))
}

/// The example of the specification, whose groups are X (2 of 3) and Y (any of 3).
fn example() -> String {
    let mut text = String::from("# An example\n");
    writeln!(text, "log {}\n", log_key().verifier()).unwrap();
    for (n, name) in (0_u8..).zip(["X1", "X2", "X3", "Y1", "Y2", "Y3"]) {
        writeln!(text, "witness {name} {}", witness(n).verifier()).unwrap();
    }
    text + "group X-witnesses 2 X1 X2 X3\n\
        group Y-witnesses any Y1 Y2 Y3\n\n\
        group X-and-Y all X-witnesses Y-witnesses\n\
        quorum X-and-Y\n"
}

#[test]
fn the_example_of_c2sp_is_read_and_decides() {
    let policy = parse(example()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    let thresholds: Vec<usize> = policy
        .groups()
        .iter()
        .map(|group| group.threshold)
        .collect();
    assert_eq!(thresholds, [2, 1, 2]);
    assert_eq!(
        policy.groups()[2].members,
        [Member::Group(0), Member::Group(1)]
    );
    assert_eq!(policy.quorum(), Quorum::Of(Member::Group(2)));
    for set in 0..64_u32 {
        let (x, y) = ((set & 7).count_ones(), (set >> 3).count_ones());
        let decided = policy.is_quorum(|place| set >> place & 1 == 1);
        assert_eq!(decided, x >= 2 && y >= 1, "{set:06b}");
    }
    assert!(
        !policy.is_quorum(|place| place > 5),
        "no witness beyond the list"
    );
}

#[test]
fn space_is_space_and_tab_and_a_comment_is_a_line() {
    let spaced = example()
        .replace("witness X1 ", " \t witness\t\tX1 \t ")
        .replace(
            "quorum X-and-Y\n",
            "\t\n   \n\t # quorum none\n#\nquorum\tX-and-Y  \t\n",
        );
    assert_eq!(parse(spaced), parse(example()));
    // Elsewhere # is a letter, and other white space too.
    let named = policy_text(1, "group #1 any w0\nquorum #1\n");
    assert_eq!(parse(named).unwrap().groups()[0].name, b"#1");
    let tail = policy_text(1, "quorum w0 # comment\n");
    assert_eq!(
        parse(tail),
        Err((3, PolicyProblem::Form("quorum <name>|none")))
    );
    let wide = policy_text(
        1,
        "group a\u{a0}b\u{3000}c any w0\nquorum a\u{a0}b\u{3000}c\n",
    );
    assert_eq!(
        parse(wide).unwrap().groups()[0].name,
        "a\u{a0}b\u{3000}c".as_bytes()
    );
}

#[test]
fn names_and_urls_are_octets() {
    let mut text = policy_text(1, "group ").into_bytes();
    text.extend(b"\xe2\x84\xaa any w0\nwitness K ");
    text.extend(witness(1).verifier().to_string().bytes());
    text.extend(b" \xff\xfe://\x80\n# \xc0\ngroup \xff 1 \xe2\x84\xaa K\nquorum \xff\n");
    let policy = parse(&text).unwrap();
    assert_eq!(policy.groups()[0].name, b"\xe2\x84\xaa");
    assert_eq!(policy.groups()[1].name, b"\xff");
    assert_eq!(
        policy.witnesses()[1].url.as_deref(),
        Some(&b"\xff\xfe://\x80"[..])
    );
    let unknown = policy_text(1, "quorum \u{212a}\n");
    assert_eq!(
        parse(unknown),
        Err((3, PolicyProblem::UnknownName("\u{212a}".to_owned())))
    );
}

#[test]
fn control_characters_are_refused_in_comments_too() {
    for control in (0..0x20).chain([0x7f]).filter(|c| !b"\t\n".contains(c)) {
        let mut text = b"# comment ".to_vec();
        text.push(control);
        text.push(b'\n');
        text.extend(example().bytes());
        assert_eq!(parse(&text), Err((1, PolicyProblem::Control(control))));
    }
    let crlf = example().replace('\n', "\r\n");
    assert_eq!(parse(crlf), Err((1, PolicyProblem::Control(b'\r'))));
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    let whole = example();
    parse(&whole).unwrap();
    for length in 1..whole.len() {
        parse(&whole[..length]).unwrap_err();
    }
    assert_eq!(parse(whole.trim_end()), Err((0, PolicyProblem::NoNewline)));
    assert_eq!(parse(""), Err((0, PolicyProblem::NoQuorum)));
    assert_eq!(parse("\n"), Err((0, PolicyProblem::NoQuorum)));
    let long = "#".repeat(FILE_LEN_MAX) + "\n";
    assert_eq!(
        parse(long),
        Err((0, PolicyProblem::TooLong(FILE_LEN_MAX + 1)))
    );
}

#[test]
fn each_rule_of_names_and_groups_is_kept() {
    let duplicate = |name: &str| PolicyProblem::DuplicateName(name.to_owned());
    let unknown = |name: &str| PolicyProblem::UnknownName(name.to_owned());
    let member = |name: &str| PolicyProblem::DuplicateMember(name.to_owned());
    let threshold = |found: &str, members| PolicyProblem::Threshold {
        found: found.to_owned(),
        members,
    };
    let group_form = || PolicyProblem::Form("group <name> all|any|<number> <name>...");
    for (rest, line, problem) in [
        ("group g any w9\nquorum g\n", 4, unknown("w9")),
        ("group g any h\ngroup h any w0\nquorum g\n", 4, unknown("h")),
        ("group g any g\nquorum g\n", 4, unknown("g")),
        ("quorum g\ngroup g any w0\n", 4, unknown("g")),
        ("group g any none\nquorum g\n", 4, unknown("none")),
        ("quorum W0\n", 4, unknown("W0")),
        ("group none any w0\nquorum none\n", 4, duplicate("none")),
        ("group w0 any w1\nquorum w0\n", 4, duplicate("w0")),
        (
            "group g any w0\ngroup g any w1\nquorum g\n",
            5,
            duplicate("g"),
        ),
        ("group g 1 w0 w0\nquorum g\n", 4, member("w0")),
        (
            "group g any w0\ngroup h any w0\nquorum h\n",
            5,
            member("w0"),
        ),
        (
            "group g any w0\ngroup h any g\ngroup i all g h\nquorum i\n",
            6,
            member("g"),
        ),
        ("group g 0 w0 w1\nquorum g\n", 4, threshold("0", 2)),
        ("group g 3 w0 w1\nquorum g\n", 4, threshold("3", 2)),
        ("group g 01 w0 w1\nquorum g\n", 4, threshold("01", 2)),
        ("group g +1 w0 w1\nquorum g\n", 4, threshold("+1", 2)),
        ("group g -1 w0 w1\nquorum g\n", 4, threshold("-1", 2)),
        ("group g ALL w0 w1\nquorum g\n", 4, threshold("ALL", 2)),
        ("group g w0 w1\nquorum g\n", 4, threshold("w0", 1)),
        (
            "group g 18446744073709551617 w0\nquorum g\n",
            4,
            threshold("18446744073709551617", 1),
        ),
        ("group g any\nquorum g\n", 4, group_form()),
        ("group g\nquorum g\n", 4, group_form()),
        ("group\nquorum g\n", 4, group_form()),
        ("quorum\n", 4, PolicyProblem::Form("quorum <name>|none")),
        (
            "quorum w0 w1\n",
            4,
            PolicyProblem::Form("quorum <name>|none"),
        ),
        ("quorum w0\nquorum w0\n", 5, PolicyProblem::SecondQuorum(4)),
        (
            "quorum w0\nquorum none\n",
            5,
            PolicyProblem::SecondQuorum(4),
        ),
        ("group g any w0\n", 0, PolicyProblem::NoQuorum),
        (
            "Quorum w0\n",
            4,
            PolicyProblem::Keyword("Quorum".to_owned()),
        ),
        (
            "witnesses w0\n",
            4,
            PolicyProblem::Keyword("witnesses".to_owned()),
        ),
        (
            "witness w7\nquorum w0\n",
            4,
            PolicyProblem::Form("witness <name> <vkey> [<url>]"),
        ),
        (
            "log\nquorum w0\n",
            4,
            PolicyProblem::Form("log <vkey> [<url>]"),
        ),
    ] {
        assert_eq!(
            parse(policy_text(2, rest)),
            Err((line, problem)),
            "{rest:?}"
        );
    }
    for rest in [
        "quorum w0\n",
        "quorum w1\n# below\ngroup g any w0\n",
        "group g 1 w0 w1\nquorum g\n",
        "group g 2 w0 w1\nquorum g\n",
        "group all all w0 w1\nquorum all\n",
        "group any any w0\ngroup 2 2 any w1\nquorum 2\n",
        "group quorum any w0\nquorum quorum\n",
    ] {
        parse(policy_text(2, rest)).unwrap();
    }
}

#[test]
fn a_key_counts_once_and_in_its_place() {
    let named = |name: &str, kind, seed: u8| {
        let key = NoteSigner::from_seed(name, kind, &[seed; 32]).unwrap();
        key.verifier().to_string()
    };
    let (log, cosigner) = (SignatureType::Ed25519, SignatureType::CosignatureV1);
    // One public key under two names, as a witness and as a log.
    let again = named("another.name", cosigner, 100);
    let text = policy_text(1, &format!("witness x {again}\nquorum w0\n"));
    assert_eq!(parse(text), Err((3, PolicyProblem::DuplicateKey(2))));
    let again = named("another.name", log, 1);
    let text = policy_text(1, &format!("log {again}\nquorum w0\n"));
    assert_eq!(parse(text), Err((3, PolicyProblem::DuplicateKey(1))));
    // Another key under the same name is another log of that origin, and another witness.
    let second = named("log.example/stone", log, 2);
    let third = named("witness.example/w0", cosigner, 3);
    let text = policy_text(
        1,
        &format!("log {second}\nwitness x {third} https://x\nquorum w0\n"),
    );
    assert_eq!(parse(text).unwrap().logs().len(), 2);
    // The log's key type in a witness line, and the reverse.
    let wrong = |place, expected, found| PolicyProblem::KeyType {
        place,
        expected,
        found,
    };
    let text = policy_text(1, &format!("witness x {}\nquorum w0\n", named("x", log, 9)));
    assert_eq!(parse(text), Err((3, wrong("witness", 4, 1))));
    let text = policy_text(1, &format!("log {}\nquorum w0\n", named("x", cosigner, 9)));
    assert_eq!(parse(text), Err((3, wrong("log", 1, 4))));
    let text = policy_text(1, "witness x nonsense\nquorum w0\n");
    assert_eq!(parse(text), Err((3, PolicyProblem::Key(KeyError::Form))));
    let mut text = policy_text(1, "witness x ").into_bytes();
    text.extend(b"\xff+00000000+AA==\nquorum w0\n");
    assert_eq!(parse(text), Err((3, PolicyProblem::Key(KeyError::Form))));
    let text = policy_text(
        1,
        &format!("witness w0 {}\nquorum w0\n", named("x", cosigner, 9)),
    );
    assert_eq!(
        parse(text),
        Err((3, PolicyProblem::DuplicateName("w0".to_owned())))
    );
    let text = policy_text(
        1,
        &format!("witness none {}\nquorum w0\n", named("x", cosigner, 9)),
    );
    assert_eq!(
        parse(text),
        Err((3, PolicyProblem::DuplicateName("none".to_owned())))
    );
    let text = policy_text(
        1,
        &format!("witness x {} url url\nquorum w0\n", named("x", cosigner, 9)),
    );
    assert_eq!(
        parse(text),
        Err((3, PolicyProblem::Form("witness <name> <vkey> [<url>]")))
    );
}

#[test]
fn no_quorum_has_to_be_allowed() {
    let text = policy_text(0, "quorum none\n");
    assert_eq!(parse(&text), Err((0, PolicyProblem::QuorumNone)));
    let policy = Policy::parse_allowing_no_quorum(text.as_bytes()).unwrap();
    assert_eq!(policy.quorum(), Quorum::None);
    assert!(policy.is_quorum(|_| false));
    // Nothing else becomes lax with it.
    Policy::parse_allowing_no_quorum(b"quorum x\n").unwrap_err();
    Policy::parse_allowing_no_quorum(policy_text(1, "quorum w0\n").as_bytes()).unwrap();
    let policy = Policy::parse_allowing_no_quorum(b"quorum none\n").unwrap();
    assert!(policy.logs().is_empty());
}

#[test]
fn more_of_each_kind_than_c2sp_asks_for() {
    let key = |place: &str, n: usize| {
        let kind = match place {
            "log" => SignatureType::Ed25519,
            _ => SignatureType::CosignatureV1,
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&n.to_be_bytes());
        let name = format!("{place}.example/{n}");
        NoteSigner::from_seed(&name, kind, &seed)
            .unwrap()
            .verifier()
            .to_string()
    };
    let file = |logs: usize, witnesses: usize, groups: usize| {
        let mut text = String::new();
        for n in 0..logs {
            writeln!(text, "log {}", key("log", n)).unwrap();
        }
        for n in 0..witnesses {
            writeln!(text, "witness w{n} {}", key("witness", n)).unwrap();
        }
        writeln!(text, "group g0 any w0").unwrap();
        for n in 1..groups {
            writeln!(text, "group g{n} all g{}", n - 1).unwrap();
        }
        writeln!(text, "quorum g{}", groups - 1).unwrap();
        text
    };
    parse(file(32, 32, 32)).unwrap();
    let policy = parse(file(LOGS_MAX, WITNESSES_MAX, GROUPS_MAX)).unwrap();
    assert!(policy.is_quorum(|place| place == 0) && !policy.is_quorum(|place| place == 1));
    for (text, kind, most) in [
        (file(LOGS_MAX + 1, 1, 1), "log", LOGS_MAX),
        (file(1, WITNESSES_MAX + 1, 1), "witness", WITNESSES_MAX),
        (file(1, 1, GROUPS_MAX + 1), "group", GROUPS_MAX),
    ] {
        let (_, problem) = parse(text).unwrap_err();
        assert_eq!(problem, PolicyProblem::TooMany { kind, most });
    }
}

#[test]
fn errors_say_where_and_what() {
    let error =
        Policy::parse(policy_text(2, "group g 3 w0 w1\nquorum g\n").as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: the threshold \"3\" is not \"any\", \"all\" or a number from 1 to 2"
    );
    let error = Policy::parse(b"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no quorum line: there has to be exactly one"
    );
}

proptest! {
    /// Lines shuffled, doubled and left out: a policy that can be read keeps the invariants of the
    /// type.
    #[test]
    fn what_reads_is_sound(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..14),
        octet in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let example = example();
        let lines: Vec<&str> = example.lines().collect();
        let mut text = String::new();
        for pick in picks {
            text += lines[pick.index(lines.len())];
            text += "\n";
        }
        let mut octets = text.into_bytes();
        if let Some((at, octet)) = octet {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Ok(policy) = parse(&octets) {
            for (place, group) in policy.groups().iter().enumerate() {
                prop_assert!((1..=group.members.len()).contains(&group.threshold));
                for member in &group.members {
                    match *member {
                        Member::Witness(w) => prop_assert!(w < policy.witnesses().len()),
                        Member::Group(g) => prop_assert!(g < place),
                    }
                }
            }
            prop_assert!(policy.is_quorum(|_| true));
            prop_assert!(!policy.is_quorum(|_| false));
        }
    }
}
