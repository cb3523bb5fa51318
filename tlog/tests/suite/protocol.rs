//! Requests and answers of C2SP tlog-witness: one spelling, every limit, and the example of C2SP.

use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};
use ishibumi_tlog::protocol::{
    AddCheckpoint, AnswerError, PROOF_LINES_MAX, RequestError, SignSubtree, checkpoint_path,
    encode_signatures, encode_size, parse_signatures, parse_size,
};

const NOTE: &str = "log.example/1\n14\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\
                    \u{2014} log.example/1 AAAAAAAA\n";
const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

/// Spellings of a number that are not ours.
const NUMBERS: [&str; 11] = [
    "",
    "00",
    "05",
    "+1",
    "-0",
    " 1",
    "1 ",
    "1\r",
    "0x5",
    "１",
    "18446744073709551616",
];

fn add(head: &str) -> Result<AddCheckpoint, RequestError> {
    AddCheckpoint::parse(format!("{head}{NOTE}").as_bytes())
}

fn sign(head: &str) -> Result<SignSubtree, RequestError> {
    SignSubtree::parse(format!("{head}{NOTE}").as_bytes())
}

#[test]
fn good_requests_parse_and_encode_back() {
    let long = HASH.repeat(PROOF_LINES_MAX);
    for head in [
        "old 0\n\n".to_owned(),
        format!("old 18446744073709551615\n{long}\n"),
    ] {
        let request = add(&head).unwrap();
        assert_eq!(request.encode(), format!("{head}{NOTE}"));
        assert_eq!(request.checkpoint.size, 14);
        let made = AddCheckpoint::new(request.old, request.proof.clone(), request.note.clone());
        assert_eq!(made, Ok(request));
    }
    for (head, proof) in [
        (format!("subtree 8 13\n{HASH}\n"), 0),
        (format!("subtree 0 14\n{HASH}{long}\n"), PROOF_LINES_MAX),
    ] {
        let request = sign(&head).unwrap();
        assert_eq!(request.encode(), format!("{head}{NOTE}"));
        assert_eq!(request.proof.len(), proof);
    }
}

#[test]
fn the_example_of_c2sp_is_read() {
    let body = "subtree 8 13\n\
        mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=\n\
        CD82D2LDm0phY0+xKbHyZfq3Hw21lVkuV7Zis5EFg0k=\n\
        h/ghL5nyaXTIBAklqDnisM+SFdbA3izoGZ5oRYMZzc0=\n\
        8qtnAAU9sTKQx/zt3E4v8Jt2a9IMQUf0QUawvePF9y0=\n\
        KuO5BNOmginG34Lm5G3e2GuiWliGo3K0ebzGpvI0fEg=\n\
        \n\
        example.com/behind-the-sofa\n14\n/CcKVZM9n65aH7jLaIZuUB4/MSlEFQ4+ldwUC21rDHM=\n\n\
        \u{2014} witness.example/w1 LijDAFSp\n";
    let request = SignSubtree::parse(body.as_bytes()).unwrap();
    assert_eq!((request.subtree.start(), request.subtree.end()), (8, 13));
    assert_eq!(
        (request.proof.len(), request.checkpoint.origin.as_str()),
        (4, "example.com/behind-the-sofa")
    );
    assert_eq!(request.encode(), body);
}

#[test]
fn a_number_has_one_spelling() {
    for number in NUMBERS {
        let old = add(&format!("old {number}\n\n"));
        assert_eq!(old, Err(RequestError::OldSize), "{number:?}");
        for range in [format!("{number} 8"), format!("8 {number}")] {
            let range = sign(&format!("subtree {range}\n{HASH}\n"));
            assert_eq!(range, Err(RequestError::SubtreeRange), "{number:?}");
        }
        assert_eq!(
            parse_size(format!("{number}\n").as_bytes()),
            Err(AnswerError::Size)
        );
    }
    for line in ["OLD 5", "old5", "old\t5", "size 5", "old", "subtree 0 5"] {
        assert_eq!(
            add(&format!("{line}\n\n")),
            Err(RequestError::OldSize),
            "{line:?}"
        );
    }
    for line in ["subtree 0", "subtree 0 5 6", "Subtree 0 5", "old 5", ""] {
        let head = format!("{line}\n{HASH}\n");
        assert_eq!(sign(&head), Err(RequestError::SubtreeRange), "{line:?}");
    }
}

#[test]
fn ranges_are_subtrees_with_leaves_within_the_checkpoint() {
    let range = |start: u64, end: u64| sign(&format!("subtree {start} {end}\n{HASH}\n")).err();
    for (start, end) in [(0, 1), (0, 14), (8, 14), (12, 14), (13, 14), (4, 8)] {
        assert_eq!(range(start, end), None, "{start} {end}");
    }
    for (start, end) in [(0, 0), (5, 5), (8, 7), (1, 3), (4, 9), (0, u64::MAX)] {
        let refused = Some(RequestError::NoSubtree { start, end });
        assert_eq!(range(start, end), refused, "{start} {end}");
    }
    let beyond = Some(RequestError::SubtreeBeyondCheckpoint { end: 15, size: 14 });
    assert_eq!(range(0, 15), beyond);
    let unhashed = sign("subtree 0 14\nAAAA\n\n");
    assert_eq!(unhashed, Err(RequestError::SubtreeHash));
}

#[test]
fn limits_and_lines() {
    let many = HASH.repeat(PROOF_LINES_MAX + 1);
    let too_many = Err(RequestError::TooManyProofLines);
    assert_eq!(add(&format!("old 1\n{many}\n")), too_many);
    let head = format!("subtree 0 14\n{HASH}{many}\n");
    assert_eq!(sign(&head).err(), too_many.clone().err());
    let request = add("old 1\n\n").unwrap();
    let proof = vec![ishibumi_tlog::hash::EMPTY_ROOT; PROOF_LINES_MAX + 1];
    assert_eq!(AddCheckpoint::new(1, proof, request.note), too_many);

    // Without the blank line the note's first line is taken for a hash.
    assert_eq!(add("old 1\n"), Err(RequestError::ProofLine(2)));
    assert_eq!(
        add(&format!("old 1\n{HASH}")),
        Err(RequestError::ProofLine(3))
    );
    let long = format!("old 1\n{}\n\n", "A".repeat(65));
    assert_eq!(add(&long), Err(RequestError::Line(2)));
    let unpadded = HASH.replace('=', "");
    assert_eq!(
        add(&format!("old 1\n{unpadded}\n")),
        Err(RequestError::ProofLine(2))
    );
    for (body, line) in [("", 1), ("old 1", 1), ("old 1\n", 2)] {
        let refused = AddCheckpoint::parse(body.as_bytes());
        assert_eq!(refused, Err(RequestError::Line(line)), "{body:?}");
    }
    let no_text = AddCheckpoint::parse(b"old \xff\n\n");
    assert_eq!(no_text, Err(RequestError::Line(1)));
}

#[test]
fn notes_that_are_no_checkpoints_are_refused() {
    let body = |note: &str| AddCheckpoint::parse(format!("old 0\n\n{note}").as_bytes());
    assert!(matches!(
        body("x\n"),
        Err(RequestError::Note(NoteError::NoSignatures))
    ));
    let no_checkpoint = body("text\n\n\u{2014} a AAAAAAAA\n");
    assert_eq!(
        no_checkpoint,
        Err(RequestError::Checkpoint(CheckpointError::Lines))
    );
    assert!(matches!(
        body(&NOTE.replace("\n14\n", "\n9223372036854775809\n")),
        Err(RequestError::Checkpoint(CheckpointError::Size(_)))
    ));
    let crowd = format!("{NOTE}{}", "\u{2014} x AAAAAAAA\n".repeat(10_000));
    assert!(matches!(
        body(&crowd),
        Err(RequestError::Note(NoteError::TooManySignatures(10_001)))
    ));
}

#[test]
fn answers_have_one_spelling() {
    for size in [0, 1, 1 << 63] {
        assert_eq!(parse_size(encode_size(size).as_bytes()), Ok(size));
    }
    for bad in ["5", "5\n\n", "9223372036854775809\n"] {
        assert_eq!(
            parse_size(bad.as_bytes()),
            Err(AnswerError::Size),
            "{bad:?}"
        );
    }
    let line = |name: &str| SignatureLine {
        name: name.to_owned(),
        id: 7,
        signature: vec![1; 72],
    };
    let lines = vec![line("w1"), line("w2")];
    let text = encode_signatures(&lines);
    assert_eq!(parse_signatures(text.as_bytes()), Ok(lines));
    let bad = |text: &str, line| {
        let refused = parse_signatures(text.as_bytes());
        assert_eq!(refused, Err(AnswerError::SignatureLine(line)), "{text:?}");
    };
    bad("", 1);
    bad(text.trim_end(), 2);
    bad(&format!("{text}\n"), 3);
    bad(&format!("x\n{text}"), 1);
    bad(&text.replace('\n', "\r\n"), 1);
    let crowd = parse_signatures(text.repeat(81).as_bytes());
    assert_eq!(crowd, Err(AnswerError::TooManySignatures));
    // The lines complete the note that they were asked for.
    let note = Note::parse(format!("text\n\n{text}").as_bytes()).unwrap();
    assert_eq!(encode_signatures(note.signatures()), text);
    assert_eq!(
        checkpoint_path("example.com/behind-the-sofa"),
        format!(
            "/{}/checkpoint",
            ishibumi_tlog::Hash::of(b"example.com/behind-the-sofa")
        )
    );
}
