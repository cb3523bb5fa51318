//! Multiproof files: read strictly, made only of proofs that hold, and attacked like single proofs.

use ishibumi_tlog::multiproof::{ENTRIES_MAX, MULTIPROOF_LEN_MAX, Multiproof, MultiproofError};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::{ProvenLeaf, TrustError};
use ishibumi_tlog::proof::TlogProof;
use proptest::prelude::*;

use super::tampering::{flipped, spoiled};
use super::world::{SIZE, checkpoint, cosigned, policy, proof, record};

const TIMES: [(u8, u64); 3] = [(0, 30), (1, 10), (2, 20)];

fn made(indices: &[u64]) -> Multiproof {
    made_under(&cosigned(&TIMES), indices)
}

fn made_under(note: &Note, indices: &[u64]) -> Multiproof {
    let proofs: Vec<(TlogProof, Vec<u8>)> = indices
        .iter()
        .map(|&index| (proof(index, note.clone()), record(index)))
        .collect();
    let proven: Vec<_> = proofs
        .iter()
        .map(|(proof, record)| (proof.index, &record[..], &proof.hashes[..]))
        .collect();
    Multiproof::merge(note.clone(), &proven).unwrap()
}

fn holds(proof: &Multiproof) -> bool {
    policy().check_multiproof(proof).is_ok()
}

/// Every set of leaves of the tree: the file reads back, proves all, and is its single proofs
/// again.
#[test]
fn every_set_reads_back_and_proves_the_same_as_single_proofs() {
    let note = cosigned(&TIMES);
    let all: Vec<TlogProof> = (0..SIZE).map(|index| proof(index, note.clone())).collect();
    for set in 1_u64..1 << SIZE {
        let indices: Vec<u64> = (0..SIZE).filter(|index| set >> index & 1 == 1).collect();
        let made = made_under(&note, &indices);
        let read = Multiproof::parse(made.encode().as_bytes()).unwrap();
        assert_eq!(read, made);
        let singles = all.iter().filter(|single| set >> single.index & 1 == 1);
        let paths = singles.map(|single| &single.hashes);
        assert!(read.split().unwrap().iter().eq(paths));
        if set % 64 == 1 {
            let proven = policy().check_multiproof(&read).unwrap();
            let found: Vec<u64> = proven.iter().map(ProvenLeaf::index).collect();
            assert_eq!(found, indices);
            for leaf in proven {
                assert_eq!(leaf.record(), record(leaf.index()));
                assert_eq!(leaf.head().not_after(), Some(20));
            }
        }
    }
}

#[test]
fn a_spoiled_multiproof_proves_nothing() {
    let good = made(&[2, 3, 6, 12]);
    assert!(holds(&good));
    let mut bad = Vec::new();
    let mut change = |edit: &dyn Fn(&mut Multiproof)| {
        let mut copy = good.clone();
        edit(&mut copy);
        bad.push(copy);
    };
    for hashes in spoiled(&good.hashes, checkpoint().root) {
        change(&|proof| proof.hashes.clone_from(&hashes));
    }
    for at in 0..good.entries.len() {
        change(&|proof| {
            proof.entries.remove(at);
        });
        change(&|proof| proof.entries[at].1.push(0));
        change(&|proof| proof.entries[at].1[0] ^= 1);
        change(&|proof| proof.entries[at].0 += SIZE);
        change(&|proof| proof.entries[at].0 ^= 1);
        for other in 0..at {
            change(&|proof| proof.entries.swap(at, other));
            change(&|proof| {
                let moved = proof.entries[other].1.clone();
                proof.entries[at].1 = moved;
            });
        }
    }
    // An inner node is no entry, and an entry no node.
    change(&|proof| proof.entries[0].1 = proof.hashes[0].0.to_vec());
    change(&|proof| proof.checkpoint = cosigned(&[(0, 30)]));
    for bad in &bad {
        assert!(!holds(bad), "{bad:?}");
    }
    assert!(bad.len() > 70, "{}", bad.len());
    let refused = policy().check_multiproof(&made(&[2]).with_hash_flipped());
    assert!(
        matches!(refused, Err(TrustError::Inclusion(_))),
        "{refused:?}"
    );
}

trait Spoil {
    fn with_hash_flipped(self) -> Self;
}

impl Spoil for Multiproof {
    fn with_hash_flipped(mut self) -> Self {
        self.hashes[0] = flipped(self.hashes[0], 9);
        self
    }
}

#[test]
fn only_proofs_that_hold_are_put_together() {
    let note = cosigned(&TIMES);
    let (one, two) = (proof(4, note.clone()), proof(5, note.clone()));
    let (first, second) = (record(4), record(5));
    let good = [(4, &first[..], &one.hashes[..]), (5, &second, &two.hashes)];
    Multiproof::merge(note.clone(), &good).unwrap();
    let merge = |proven: &[_]| Multiproof::merge(note.clone(), proven);
    for bad in [
        // Another's record, another's path, another's index.
        [(4, &second[..], &one.hashes[..]), good[1]],
        [(4, &first[..], &two.hashes[..]), good[1]],
        [(7, &first[..], &one.hashes[..]), good[1]],
    ] {
        let refused = merge(&bad);
        assert!(
            matches!(refused, Err(MultiproofError::Proof { .. })),
            "{refused:?}"
        );
    }
    let backwards = merge(&[good[1], good[0]]);
    assert!(matches!(backwards, Err(MultiproofError::Hashes(_))));
    let twice = merge(&[good[0], good[0]]);
    assert!(matches!(twice, Err(MultiproofError::Hashes(_))));
    assert_eq!(merge(&[]), Err(MultiproofError::Entries(0)));
}

#[test]
fn what_is_no_multiproof_file_is_refused() {
    let text = made(&[6, 7]).encode();
    let parse = |text: &str| Multiproof::parse(text.as_bytes()).map(drop);
    parse(&text).unwrap();
    let seven = text.lines().nth(2).unwrap();
    let hash = text.lines().nth(3).unwrap();
    for (from, to, error) in [
        ("multiproof/v1", "multiproof/v2", MultiproofError::Header),
        ("v1\n", "v1\r\n", MultiproofError::Header),
        ("entry 6 ", "entry 06 ", MultiproofError::Entry(2)),
        ("entry 6 ", "entry 6  ", MultiproofError::Entry(2)),
        ("entry 6 ", "entry 7 ", MultiproofError::Entry(3)),
        ("entry 6 ", "entry 8 ", MultiproofError::Entry(3)),
        ("entry 6 ", "Entry 6 ", MultiproofError::HashLine(2)),
        (hash, &hash[..43], MultiproofError::HashLine(4)),
        (
            &format!("{seven}\n{hash}\n"),
            &format!("{hash}\n{seven}\n"),
            MultiproofError::HashLine(4),
        ),
        ("\n\n", "\n", MultiproofError::NoCheckpoint),
    ] {
        let spoiled = text.replacen(from, to, 1);
        assert_ne!(spoiled, text);
        // Without the first blank line, the note's own becomes the separator.
        let refused = parse(&spoiled).unwrap_err();
        if error == MultiproofError::NoCheckpoint {
            assert!(matches!(refused, MultiproofError::HashLine(_)), "{refused}");
        } else {
            assert_eq!(refused, error, "{from:?} -> {to:?}");
        }
    }
    let no_entry: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("entry"))
        .collect();
    assert_eq!(parse(&no_entry), Err(MultiproofError::Entries(0)));
    assert_eq!(
        parse("ishibumi/multiproof/v1\n"),
        Err(MultiproofError::NoCheckpoint)
    );
    let long = vec![b'x'; MULTIPROOF_LEN_MAX + 1];
    let refused = Multiproof::parse(&long).unwrap_err();
    assert_eq!(refused, MultiproofError::TooLong(long.len()));
    assert_eq!(
        Multiproof::parse(b"\xff\n"),
        Err(MultiproofError::NotText(0))
    );
}

#[test]
fn entries_have_limits() {
    let many = |count: usize| {
        let lines = (0..count).fold(String::new(), |lines, n| lines + &format!("entry {n} \n"));
        let text = format!(
            "ishibumi/multiproof/v1\n{lines}\n{}",
            cosigned(&TIMES).encode()
        );
        Multiproof::parse(text.as_bytes()).map(|read| read.entries.len())
    };
    assert_eq!(many(ENTRIES_MAX), Ok(ENTRIES_MAX));
    assert_eq!(
        many(ENTRIES_MAX + 1),
        Err(MultiproofError::Entries(ENTRIES_MAX + 1))
    );
    let long = |octets: usize| {
        let mut proof = made(&[1]);
        proof.entries[0].1 = vec![7; octets];
        Multiproof::parse(proof.encode().as_bytes()).map(drop)
    };
    long(65_535).unwrap();
    assert_eq!(long(65_536), Err(MultiproofError::EntryTooLong(2)));
    assert_eq!(long(70_000), Err(MultiproofError::EntryTooLong(2)));
}

proptest! {
    /// A text that can be read has one spelling, and a text other than the golden one proves
    /// nothing else.
    #[test]
    fn any_changed_octet_proves_the_same_or_nothing(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let good = made(&[2, 3, 6, 12]);
        let mut octets = good.encode().into_bytes();
        let at = at.index(octets.len());
        octets[at] ^= change;
        if let Ok(read) = Multiproof::parse(&octets) {
            let written = read.encode();
            prop_assert_eq!(written.as_bytes(), &octets[..]);
            if let Ok(proven) = policy().check_multiproof(&read) {
                // A surplus cosignature can go, by becoming a stranger's.
                prop_assert_eq!(&read.entries, &good.entries);
                prop_assert!(proven[0].head().cosignatures().len() < 3);
            }
        }
    }
}
