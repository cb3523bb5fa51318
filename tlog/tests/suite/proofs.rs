//! `tlog-proof` files: read strictly, checked completely, and attacked octet by octet.

use std::collections::BTreeSet;

use ishibumi_tlog::policy::{Policy, ProvenLeaf, TrustError};
use ishibumi_tlog::proof::{PROOF_LEN_MAX, ProofFileError, TlogProof};
use ishibumi_tlog::tree::ProofError;
use ishibumi_tlog::{Checkpoint, Hash};
use proptest::prelude::*;

use super::tampering::spoiled;
use super::world::{ORIGIN, SIZE, cosigned, policy, policy_text, proof, record};

const INDEX: u64 = 6;

fn good() -> TlogProof {
    proof(INDEX, cosigned(&[(0, 30), (1, 10), (2, 20)]))
}

fn check(bytes: &[u8], policy: &Policy, record: &[u8]) -> Option<ProvenLeaf> {
    policy
        .check_proof(&TlogProof::parse(bytes).ok()?, record)
        .ok()
}

#[test]
fn a_proof_reads_back_and_proves_the_octets() {
    for index in 0..SIZE {
        let made = proof(index, cosigned(&[(0, 30), (2, 20)]));
        let read = TlogProof::parse(made.encode().as_bytes()).unwrap();
        assert_eq!(read, made);
        let proven = policy().check_proof(&read, &record(index)).unwrap();
        assert_eq!(
            (proven.record(), proven.index()),
            (&record(index)[..], index)
        );
        assert_eq!(proven.head().not_after(), Some(30));
        assert_eq!(proven.head().checkpoint().size, SIZE);
        for other in (0..SIZE).filter(|&other| other != index) {
            let refused = policy().check_proof(&read, &record(other));
            assert!(matches!(refused, Err(TrustError::Inclusion(_))));
        }
    }
}

#[test]
fn what_is_no_proof_file_is_refused() {
    let text = good().encode();
    let parse = |text: &str| TlogProof::parse(text.as_bytes()).map(drop);
    parse(&text).unwrap();
    let extra = "proof@v1\nextra YQ==\n";
    for (from, to, error) in [
        ("c2sp.org", "C2SP.org", ProofFileError::Header),
        ("proof@v1\n", "proof@v2\n", ProofFileError::Header),
        ("proof@v1\n", "proof@v1 \n", ProofFileError::Header),
        ("proof@v1\n", "proof@v1\r\n", ProofFileError::Header),
        ("proof@v1\n", "proof@v1\n\n", ProofFileError::Index),
        ("index 6\n", "", ProofFileError::Index),
        ("index 6\n", "index 06\n", ProofFileError::Index),
        ("index 6\n", "index +6\n", ProofFileError::Index),
        ("index 6\n", "index  6\n", ProofFileError::Index),
        ("index 6\n", "index 6 \n", ProofFileError::Index),
        (
            "index 6\n",
            "index 18446744073709551616\n",
            ProofFileError::Index,
        ),
        ("index 6\n", "Index 6\n", ProofFileError::Index),
        (
            "index 6\n",
            "index 6\nindex 6\n",
            ProofFileError::HashLine(3),
        ),
        ("index 6\n", "index 6\n AAAA\n", ProofFileError::HashLine(3)),
        ("proof@v1\n", "proof@v1\nextra a\n", ProofFileError::Extra),
        ("proof@v1\n", "proof@v1\nextra YQ\n", ProofFileError::Extra),
        (
            "proof@v1\n",
            "proof@v1\nextra YR==\n",
            ProofFileError::Extra,
        ),
        ("proof@v1\n", "proof@v1\nextra\n", ProofFileError::Index),
        (
            "proof@v1\n",
            &format!("{extra}extra YQ==\n"),
            ProofFileError::Index,
        ),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert_eq!(parse(&changed), Err(error), "{from:?} {to:?}");
    }
    let cut = text.split_once("\n\n").unwrap().0;
    assert_eq!(parse(cut), Err(ProofFileError::NoCheckpoint));
    assert!(matches!(
        parse(&format!("{cut}\n\n")),
        Err(ProofFileError::Note(_))
    ));
    for tail in ["\n", " ", "x", "\0", "\n\n", "\u{2014} a AAAA\n"] {
        assert!(
            matches!(
                parse(&format!("{text}{tail}")),
                Err(ProofFileError::Note(_))
            ),
            "{tail:?}"
        );
    }
    // A second proof behind the first reads as a note with a long text, which is no checkpoint.
    assert!(check(text.repeat(2).as_bytes(), &policy(), &record(INDEX)).is_none());
    for length in (0..text.len()).filter(|&length| text.is_char_boundary(length)) {
        let cut = &text[..length];
        // Cut between two signature lines, it is a proof with fewer signatures.
        if !(cut.ends_with("=\n") && cut.contains('\u{2014}')) {
            parse(cut).unwrap_err();
        }
    }
    let long = vec![b'a'; PROOF_LEN_MAX + 1];
    assert_eq!(
        TlogProof::parse(&long),
        Err(ProofFileError::TooLong(PROOF_LEN_MAX + 1))
    );
    let mut octets = text.into_bytes();
    octets[2] = 0xff;
    assert_eq!(TlogProof::parse(&octets), Err(ProofFileError::NotText(2)));
}

#[test]
fn an_extra_line_is_skipped() {
    let text = good().encode();
    for extra in ["YQ==", "", "AAAAAAAA"] {
        let with = text.replacen("proof@v1\n", &format!("proof@v1\nextra {extra}\n"), 1);
        assert_eq!(TlogProof::parse(with.as_bytes()), Ok(good()));
    }
}

#[test]
fn sixty_three_hashes_are_read_and_no_more() {
    let mut long = good();
    long.hashes = vec![Hash([5; 32]); 63];
    assert_eq!(TlogProof::parse(long.encode().as_bytes()), Ok(long.clone()));
    assert!(matches!(
        policy().check_proof(&long, &record(INDEX)),
        Err(TrustError::Inclusion(ProofError::Length {
            found: 63,
            needed: 4
        }))
    ));
    long.hashes.push(Hash([5; 32]));
    assert_eq!(
        TlogProof::parse(long.encode().as_bytes()),
        Err(ProofFileError::TooManyHashes)
    );
}

#[test]
fn spoiled_paths_and_indices_prove_nothing() {
    let good = good();
    let head = policy()
        .check_proof(&good, &record(INDEX))
        .unwrap()
        .head()
        .checkpoint()
        .root;
    for hashes in spoiled(&good.hashes, head) {
        let bad = TlogProof {
            hashes,
            ..good.clone()
        };
        policy().check_proof(&bad, &record(INDEX)).unwrap_err();
    }
    for index in (0..40).chain([INDEX + (1 << 32), INDEX + (1 << 63), u64::MAX]) {
        let moved = TlogProof {
            index,
            ..good.clone()
        };
        assert_eq!(
            policy().check_proof(&moved, &record(INDEX)).is_ok(),
            index == INDEX
        );
    }
}

#[test]
fn an_index_of_an_empty_tree_proves_nothing() {
    use super::world::log_key;
    use ishibumi_tlog::hash::EMPTY_ROOT;
    use ishibumi_tlog::note::Note;
    let text = Checkpoint::new(ORIGIN, 0, EMPTY_ROOT).to_text();
    let checkpoint = Note::new(text.clone(), vec![log_key().sign(&text).unwrap()]);
    let empty = TlogProof {
        index: 0,
        hashes: Vec::new(),
        checkpoint,
    };
    let lax = Policy::parse_allowing_no_quorum(policy_text(0, "quorum none\n").as_bytes()).unwrap();
    lax.check_checkpoint(&empty.checkpoint).unwrap();
    let refused = Err(TrustError::Inclusion(ProofError::IndexOutOfRange {
        index: 0,
        size: 0,
    }));
    assert_eq!(lax.check_proof(&empty, b""), refused);
}

/// Everything that a proof states.
type Statement = (
    Vec<u8>,
    Checkpoint,
    u64,
    BTreeSet<(usize, u64)>,
    Option<u64>,
);

fn statement(proven: &ProvenLeaf) -> Statement {
    let head = proven.head();
    let counted = head.cosignatures().iter().map(|c| (c.witness, c.time));
    (
        proven.record().to_vec(),
        head.checkpoint().clone(),
        proven.index(),
        counted.collect(),
        head.not_after(),
    )
}

/// Every octet of a proof file with all its 255 other values, under two of three with three
/// cosignatures. A change may at most make a cosignature a stranger's, and then fewer are counted;
/// no change leaves the statement as it was, and none changes record, log, size, root or index.
#[test]
fn no_octet_of_a_proof_can_change_unseen() {
    let (policy, record, bytes) = (policy(), record(INDEX), good().encode().into_bytes());
    let truth = statement(&check(&bytes, &policy, &record).unwrap());
    let mut still_proven = 0;
    let mut bytes = bytes;
    for at in 0..bytes.len() {
        let original = bytes[at];
        for value in (0..=u8::MAX).filter(|&value| value != original) {
            bytes[at] = value;
            let Some(proven) = check(&bytes, &policy, &record) else {
                continue;
            };
            let said = statement(&proven);
            assert_ne!(said, truth, "octet {at}: {original} to {value}");
            assert_eq!((&said.0, &said.1, said.2), (&truth.0, &truth.1, truth.2));
            assert!(said.3.len() == 2 && said.3.is_subset(&truth.3));
            assert!(said.4 >= truth.4, "never an earlier time");
            still_proven += 1;
        }
        bytes[at] = original;
    }
    assert!(still_proven > 0, "renamed cosigners are strangers");
    assert_eq!(statement(&check(&bytes, &policy, &record).unwrap()), truth);
}

proptest! {
    /// Several random changes at once: a proof that can still be read is written back as it came,
    /// or had an `extra` line; a proof that still holds is of the same record of the same tree.
    #[test]
    fn random_changes_are_seen(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut bytes = good().encode().into_bytes();
        for (at, value, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(read) = TlogProof::parse(&bytes) {
            let written = read.encode();
            let extra = bytes.windows(7).any(|window| window == b"\nextra ");
            prop_assert!(written.as_bytes() == bytes || extra);
            prop_assert_eq!(TlogProof::parse(written.as_bytes()), Ok(read));
        }
        if let Some(proven) = check(&bytes, &policy(), &record(INDEX)) {
            let truth = check(good().encode().as_bytes(), &policy(), &record(INDEX)).unwrap();
            prop_assert_eq!(proven.head().checkpoint(), truth.head().checkpoint());
            prop_assert_eq!(proven.index(), INDEX);
        }
    }
}
