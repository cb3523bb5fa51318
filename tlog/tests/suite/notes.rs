//! Signed notes and checkpoints: what the strict reader refuses, and what it must not refuse.

use ishibumi_tlog::checkpoint::{Checkpoint, CheckpointError, EXTENSIONS_MAX};
use ishibumi_tlog::hash::EMPTY_ROOT;
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::{
    NOTE_LEN_MAX, Note, NoteError, SIGNATURES_MAX, SignatureLine, VerifiedSignature,
};
use ishibumi_tlog::tree::SIZE_MAX;
use proptest::prelude::*;

use super::keys::FOO;

/// C2SP signed-note, "Example".
const FOO_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// C2SP signed-note, introduction.
const QUASIMODO: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n\
    ed \u{e8} subito sera.\n\n\u{2014} quasimodo.example/salvatore \
    NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

/// C2SP tlog-cosignature, introduction.
const SOFA: &str = "example.com/behind-the-sofa\n20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

fn signer(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(name, SignatureType::Ed25519, &[seed; 32]).unwrap()
}

fn signed_by(text: &str, signers: &[&NoteSigner]) -> Note {
    let lines = signers.iter().map(|s| s.sign(text).unwrap()).collect();
    Note::new(text.to_owned(), lines)
}

#[test]
fn the_examples_of_c2sp_read_and_verify() {
    let note = Note::parse(FOO_NOTE.as_bytes()).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    let key: VerifierKey = FOO.parse().unwrap();
    let verified = VerifiedSignature {
        key: 0,
        line: 0,
        time: None,
    };
    assert_eq!(note.verify(&[key]), Ok(vec![verified]));

    let note = Note::parse(QUASIMODO.as_bytes()).unwrap();
    assert!(
        note.text()
            .ends_with("di sole:\n\ned \u{e8} subito sera.\n"),
        "the last blank line counts"
    );
    assert_eq!(note.encode(), QUASIMODO);

    let note = Note::parse(SOFA.as_bytes()).unwrap();
    assert_eq!(note.encode(), SOFA);
    assert_eq!(note.signatures()[1].name, "witness.example.com/w1");
    assert_eq!(
        note.signatures()[1].signature[..8],
        1_679_315_147_u64.to_be_bytes()
    );
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!(
        (checkpoint.origin.as_str(), checkpoint.size),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(checkpoint.to_text(), note.text());
}

#[test]
fn what_is_no_note_is_refused() {
    let parse = |text: &str| Note::parse(text.as_bytes());
    parse(FOO_NOTE).unwrap();
    for (from, to) in [
        ("\n\n", "\n"),
        ("aQM=\n", "aQM="),
        ("aQM=\n", "aQM=\n\n"),
        ("aQM=\n", "aQM=\n\n\n"),
    ] {
        assert_eq!(
            parse(&FOO_NOTE.replace(from, to)),
            Err(NoteError::NoSignatures),
            "{to:?}"
        );
    }
    for text in [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "\n\u{2014} a AAAAAAE=\n",
    ] {
        assert_eq!(parse(text), Err(NoteError::NoSignatures), "{text:?}");
    }
    for (from, to) in [
        ("\u{2014} ", "\u{2014}"),
        ("\u{2014} ", "\u{2014}  "),
        ("\u{2014} ", "- "),
        ("\u{2014} ", " \u{2014} "),
        ("\u{2014} ", "\u{2013} "),
        ("\u{2014} example.com/foo ", "\u{2014} "),
        ("/foo ", "/foo  "),
        ("/foo ", "/f+oo "),
        ("/foo ", "/f\u{a0}oo "),
        ("/foo ", "/f\u{7f}oo "),
        ("aQM=\n", "aQM= \n"),
        ("aQM=\n", "aQM\n"),
        ("aQM=\n", "aQN=\n"),
        ("aQM=\n", "aQM==\n"),
        ("Uw2Q", "Uw-Q"),
        ("aQM=\n", "aQM=\n\u{2014} other AAAAAA==\n"),
        ("aQM=\n", "aQM=\n\u{2014} other AAA=\n"),
        ("aQM=\n", "aQM=\nno signature\n"),
    ] {
        let text = FOO_NOTE.replace(from, to);
        assert_ne!(text, FOO_NOTE);
        assert!(
            matches!(parse(&text), Err(NoteError::SignatureLine(1 | 2))),
            "{from:?} {to:?}"
        );
    }
    let long = format!("\u{2014} {} ", "n".repeat(256));
    let text = FOO_NOTE.replace("\u{2014} example.com/foo ", &long);
    assert_eq!(parse(&text), Err(NoteError::SignatureLine(1)));
}

#[test]
fn control_characters_are_refused_wherever_they_stand() {
    for control in (0_u8..0x20).filter(|&c| c != b'\n') {
        for at in 0..FOO_NOTE.len() {
            let mut octets = FOO_NOTE.as_bytes().to_vec();
            if !FOO_NOTE.is_char_boundary(at) {
                continue;
            }
            octets.insert(at, control);
            assert_eq!(Note::parse(&octets), Err(NoteError::NotText(at)));
        }
    }
    let crlf = FOO_NOTE.replace('\n', "\r\n");
    assert_eq!(Note::parse(crlf.as_bytes()), Err(NoteError::NotText(27)));
    let mut octets = FOO_NOTE.as_bytes().to_vec();
    octets[3] = 0xff;
    assert_eq!(Note::parse(&octets), Err(NoteError::NotText(3)));
    let octets = vec![b'x'; NOTE_LEN_MAX + 1];
    assert_eq!(
        Note::parse(&octets),
        Err(NoteError::TooLong(NOTE_LEN_MAX + 1))
    );
}

fn with_unknown_lines(known: &NoteSigner, unknown: usize) -> Note {
    let mut note = signed_by("text\n", &[known]);
    for n in 0..unknown {
        note.push(SignatureLine {
            name: format!("unknown.example/{n}"),
            id: 7,
            signature: vec![1; 64],
        });
    }
    note
}

#[test]
fn up_to_160_signatures_are_read_and_more_are_refused_unseen() {
    let key = signer("log.example", 1);
    let keys = [key.verifier().clone()];
    for unknown in [0, 15, SIGNATURES_MAX - 1] {
        let note = with_unknown_lines(&key, unknown);
        let note = Note::parse(note.encode().as_bytes()).unwrap();
        assert_eq!(note.signatures().len(), unknown + 1);
        assert_eq!(note.verify(&keys).unwrap().len(), 1);
    }
    let too_many = Err(NoteError::TooManySignatures(161));
    let note = with_unknown_lines(&key, SIGNATURES_MAX);
    assert_eq!(Note::parse(note.encode().as_bytes()), too_many);
    // Even lines that are no signatures are only counted; and a note that was put together by hand
    // is refused for its number before its first, bad, signature is looked at.
    let text = format!("text\n\n{}", "garbage\n".repeat(161));
    assert_eq!(Note::parse(text.as_bytes()), too_many);
    let mut lines = note.signatures().to_vec();
    lines[0].signature[0] ^= 1;
    let bad = Note::new("text\n".to_owned(), lines);
    assert_eq!(bad.verify(&keys), Err(NoteError::TooManySignatures(161)));

    // 160 lines of nearly 5 kB, as post-quantum signatures have, fit.
    let lines = (0..160).map(|n| SignatureLine {
        name: format!("pq.example/{n}"),
        id: n,
        signature: vec![9; 4_700],
    });
    let note = Note::new("text\n".to_owned(), lines.collect());
    assert_eq!(Note::parse(note.encode().as_bytes()), Ok(note));
}

#[test]
fn a_bad_signature_by_a_known_key_refuses_the_whole_note() {
    let (a, b, stranger) = (signer("a", 1), signer("b", 2), signer("stranger", 3));
    let keys = [a.verifier().clone(), b.verifier().clone()];
    let good = signed_by("text\n", &[&a, &b, &stranger]);
    assert_eq!(good.verify(&keys).unwrap().len(), 2);
    for octet in [0, 31, 32, 63] {
        for (line, name) in [(0, "a"), (1, "b")] {
            let mut lines = good.signatures().to_vec();
            lines[line].signature[octet] ^= 0x10;
            let note = Note::new("text\n".to_owned(), lines);
            assert_eq!(
                note.verify(&keys),
                Err(NoteError::BadSignature(name.to_owned()))
            );
        }
        let mut lines = good.signatures().to_vec();
        lines[2].signature[octet] ^= 0x10;
        let note = Note::new("text\n".to_owned(), lines);
        assert_eq!(
            note.verify(&keys).unwrap().len(),
            2,
            "a stranger's line is nobody's business"
        );
    }
    // A second line of a known key counts against the note as well, before and after the good one.
    for at in [0, 3] {
        let mut lines = good.signatures().to_vec();
        let mut bad = lines[0].clone();
        bad.signature[5] ^= 1;
        lines.insert(at, bad);
        let note = Note::new("text\n".to_owned(), lines);
        note.verify(&keys).unwrap_err();
    }
    for wrong in [0, 1, 63, 65, 128] {
        let mut lines = good.signatures().to_vec();
        lines[0].signature.resize(wrong, 0);
        let note = Note::new("text\n".to_owned(), lines);
        assert_eq!(
            note.verify(&keys),
            Err(NoteError::BadSignature("a".to_owned()))
        );
    }
    let other_text = Note::new("texT\n".to_owned(), good.signatures().to_vec());
    other_text.verify(&keys).unwrap_err();
}

/// R = identity and s = SHA-512(R || A || text) * a mod L solve the equation that a lenient
/// verifier checks: a signature that only some verifiers accept, which two relying parties must not
/// differ over.
#[test]
fn a_signature_with_an_r_of_small_order_is_refused() {
    use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
    let key = signer("a", 1);
    let s = "3777571940ee7be9f8ff4e09e1fb6f0740d2ca4e806a6ab4c0d6f35bddf19c0f";
    let mut signature = vec![0; 32];
    signature[0] = 1;
    signature.extend(hex::decode(s).unwrap());

    let lenient =
        VerifyingKey::from_bytes(key.verifier().public_key().try_into().unwrap()).unwrap();
    let parsed = Signature::from_slice(&signature).unwrap();
    lenient.verify(b"text\n", &parsed).unwrap();

    let good = key.sign("text\n").unwrap();
    let line = SignatureLine {
        signature,
        ..good.clone()
    };
    let verify =
        |line| Note::new("text\n".to_owned(), vec![line]).verify(&[key.verifier().clone()]);
    verify(good).unwrap();
    assert_eq!(verify(line), Err(NoteError::BadSignature("a".to_owned())));
}

#[test]
fn name_and_id_together_are_the_key() {
    let key = signer("log.example", 1);
    let keys = [key.verifier().clone()];
    let good = signed_by("text\n", &[&key]).signatures()[0].clone();
    let junk = SignatureLine {
        signature: vec![0; 64],
        ..good.clone()
    };
    let same_name = SignatureLine {
        id: good.id ^ 1,
        ..junk.clone()
    };
    let same_id = SignatureLine {
        name: "other.example".to_owned(),
        ..junk.clone()
    };
    let verify = |lines: &[&SignatureLine]| {
        Note::new(
            "text\n".to_owned(),
            lines.iter().map(|&l| l.clone()).collect(),
        )
        .verify(&keys)
    };
    let verified = |line| {
        Ok(vec![VerifiedSignature {
            key: 0,
            line,
            time: None,
        }])
    };
    assert_eq!(verify(&[&same_name, &same_id, &good]), verified(2));
    assert_eq!(
        verify(&[&same_name, &same_id]),
        Err(NoteError::NoKnownKey(2))
    );
    assert_eq!(
        verify(&[&good, &junk]),
        Err(NoteError::BadSignature("log.example".to_owned()))
    );
    // The same line twice is one signature.
    assert_eq!(verify(&[&good, &good, &good]), verified(0));
    assert_eq!(verify(&[]), Err(NoteError::NoKnownKey(0)));
}

#[test]
fn what_is_passed_on_holds_verified_lines_only() {
    let (a, b) = (signer("a", 1), signer("b", 2));
    let mut note = with_unknown_lines(&a, 3);
    note.push(b.sign("text\n").unwrap());
    note.push(a.sign("text\n").unwrap());
    assert_eq!(
        note.signatures().len(),
        5,
        "the same line is not added twice"
    );
    let verified = note
        .verify(&[b.verifier().clone(), a.verifier().clone()])
        .unwrap();
    let kept = note.retain(&verified);
    assert_eq!(kept, signed_by("text\n", &[&a, &b]));
    let twice = note
        .verify(&[a.verifier().clone(), a.verifier().clone()])
        .unwrap();
    assert_eq!(note.retain(&twice), signed_by("text\n", &[&a]));
}

#[test]
fn one_checkpoint_has_one_text() {
    let root = EMPTY_ROOT.to_base64();
    let parse = |text: &str| Checkpoint::parse(text);
    for size in ["0", "1", "9223372036854775808"] {
        let text = format!("origin of a log\n{size}\n{root}\n");
        assert_eq!(parse(&text).unwrap().to_text(), text);
    }
    for text in [
        String::new(),
        "o\n".to_owned(),
        "o\n1\n".to_owned(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\next\n"),
    ] {
        assert_eq!(parse(&text), Err(CheckpointError::Lines), "{text:?}");
    }
    for size in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "9223372036854775809",
        "1e3",
    ] {
        let text = format!("o\n{size}\n{root}\n");
        assert_eq!(parse(&text), Err(CheckpointError::Size(size.to_owned())));
    }
    let (short, spare, hexed) = (&root[..40], root.replace("FU=", "FV="), EMPTY_ROOT.to_hex());
    for bad in ["", short, &spare, &hexed, &root[..43], &format!("{root} ")] {
        assert!(
            matches!(
                parse(&format!("o\n1\n{bad}\n")),
                Err(CheckpointError::Root(_))
            ),
            "{bad}"
        );
    }
    let extended = |count: usize| format!("o\n1\n{root}\n{}", "line\n".repeat(count));
    for count in [1, EXTENSIONS_MAX] {
        let checkpoint = parse(&extended(count)).unwrap();
        assert_eq!(checkpoint.extensions.len(), count);
        assert_eq!(checkpoint.to_text(), extended(count));
    }
    assert_eq!(
        parse(&extended(EXTENSIONS_MAX + 1)),
        Err(CheckpointError::Extensions)
    );
    assert_eq!(
        parse(&format!("o\n{SIZE_MAX}\n{root}\n")).unwrap().size,
        SIZE_MAX
    );
}

#[test]
fn size_zero_has_the_empty_root() {
    Checkpoint::new("o", 0, EMPTY_ROOT)
        .check_empty_root()
        .unwrap();
    let other = ishibumi_tlog::hash::leaf_hash(b"");
    Checkpoint::new("o", 1, other).check_empty_root().unwrap();
    assert_eq!(
        Checkpoint::new("o", 0, other).check_empty_root(),
        Err(CheckpointError::EmptyRoot(other))
    );
}

proptest! {
    #[test]
    fn notes_read_back(
        text in "([^\\x00-\\x1f]{0,12}\n){1,5}",
        lines in prop::collection::vec(
            ("[a-z\u{7891}./]{1,20}", any::<u32>(), prop::collection::vec(any::<u8>(), 1..80)),
            1..20,
        ),
    ) {
        let lines = lines.into_iter().map(|(name, id, signature)| SignatureLine { name, id, signature });
        let note = Note::new(text, lines.collect());
        prop_assert_eq!(Note::parse(note.encode().as_bytes()), Ok(note));
    }

    /// One octet replaced, put in or left out: what still reads is written back exactly as it came.
    #[test]
    fn what_reads_is_its_only_spelling(
        at in any::<prop::sample::Index>(),
        octet in any::<u8>(),
        how in 0..3,
        example in prop::sample::select(vec![FOO_NOTE, QUASIMODO, SOFA]),
    ) {
        let mut octets = example.as_bytes().to_vec();
        let at = at.index(octets.len());
        match how {
            0 => octets[at] = octet,
            1 => octets.insert(at, octet),
            _ => drop(octets.remove(at)),
        }
        if let Ok(note) = Note::parse(&octets) {
            prop_assert_eq!(note.encode().into_bytes(), octets);
            if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
                prop_assert_eq!(checkpoint.to_text(), note.text());
            }
        }
    }
}
