//! Evidence of forks: what is proven and what is not, every octet of the file, and golden files.
//!
//! `testdata/fork/` is written anew with `ISHIBUMI_BLESS=1`; `docs/formats/fork-evidence.md` is its
//! recipe.

use std::path::Path;

use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::fork::{CheckError, Evidence, EvidenceError, Kind, Prefix, Verdict};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::tree::prove_consistency;
use ishibumi_tlog::{Checkpoint, Hash};

use super::memory::Nodes;
use super::oracle;

const ORIGIN: &str = "ishibumi.example/forked";
const SEEN: u64 = 1_800_000_000;

fn key(kind: SignatureType, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, kind, &[seed; 32]).unwrap()
}

fn ed25519() -> NoteSigner {
    key(SignatureType::Ed25519, 0x40)
}

fn ml_dsa() -> NoteSigner {
    key(SignatureType::SubtreeV1, 0x41)
}

fn public(keys: &[NoteSigner]) -> Vec<VerifierKey> {
    keys.iter().map(|key| key.verifier().clone()).collect()
}

/// `size` leaves, those from `fork` on in another history.
fn leaves(size: u64, fork: u64) -> Vec<oracle::H> {
    let leaf = |i: u64| format!("{} {i}", if i < fork { "true" } else { "false" });
    (0..size)
        .map(|i| oracle::leaf(leaf(i).as_bytes()))
        .collect()
}

fn checkpoint(size: u64, fork: u64) -> Checkpoint {
    Checkpoint::new(ORIGIN, size, Hash(oracle::mth(&leaves(size, fork))))
}

fn signed(size: u64, fork: u64, keys: &[NoteSigner]) -> Note {
    let text = checkpoint(size, fork).to_text();
    let lines = keys.iter().map(|key| key.sign(&text).unwrap());
    Note::new(text.clone(), lines.collect())
}

/// The true history has 9 leaves at first; the other one changed leaf 5 and has 14.
fn suspicion() -> Evidence {
    let keys = [ed25519()];
    let (nine, fourteen) = (signed(9, 99, &keys), signed(14, 5, &keys));
    Evidence::new(public(&keys), SEEN, nine, fourteen).unwrap()
}

fn prefix(size: u64, of: u64, fork: u64) -> Prefix {
    let nodes = Nodes::over(&leaves(of, fork));
    let Ok(proof) = prove_consistency(&nodes.first(of), size, of);
    Prefix {
        root: Hash(oracle::mth(&leaves(size, fork))),
        proof: proof.unwrap(),
    }
}

fn same_size() -> Evidence {
    let keys = [ed25519()];
    let cosigner = NoteSigner::from_seed(
        "witness.example/held",
        SignatureType::CosignatureV1,
        &[0x42; 32],
    );
    let cosigner = Cosigner::new(cosigner.unwrap()).unwrap();
    let mut held = signed(9, 99, &keys);
    held.push(cosigner.cosign(&checkpoint(9, 99), SEEN - 60).unwrap());
    Evidence::new(public(&keys), SEEN, held, signed(9, 5, &keys)).unwrap()
}

fn resolved() -> Evidence {
    suspicion().with_prefix(prefix(9, 14, 5)).unwrap()
}

fn check(evidence: &Evidence) -> Result<Verdict, CheckError> {
    evidence.check(&public(&[ed25519()]))
}

#[test]
fn golden_files() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/fork");
    for (name, evidence, verdict) in [
        ("same-size.fork", same_size(), Verdict::Proven { key: 0 }),
        ("prefix.fork", resolved(), Verdict::Proven { key: 0 }),
        ("later.suspicion", suspicion(), Verdict::Open),
    ] {
        let path = dir.join(name);
        if std::env::var_os("ISHIBUMI_BLESS").is_some() {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&path, evidence.encode()).unwrap();
        }
        let file = std::fs::read(&path).unwrap();
        assert_eq!(String::from_utf8_lossy(&file), evidence.encode(), "{name}");
        let read = Evidence::parse(&file).unwrap();
        assert_eq!((&read, check(&read)), (&evidence, Ok(verdict)), "{name}");
        assert_eq!((read.origin(), read.seen()), (ORIGIN, SEEN));
    }
}

#[test]
fn a_failed_proof_alone_is_no_fork() {
    // The control of everything below: two checkpoints of one honest history, and a proof that
    // fails.
    let keys = [ed25519()];
    let (nine, fourteen) = (signed(9, 99, &keys), signed(14, 99, &keys));
    let honest = Evidence::new(public(&keys), SEEN, nine, fourteen).unwrap();
    assert_eq!(
        (honest.kind(), check(&honest)),
        (Kind::Suspicion, Ok(Verdict::Open))
    );
    // What the honest tree begins with is what the first note says, so it can never be made a fork.
    let own = prefix(9, 14, 99);
    assert!(matches!(
        honest.clone().with_prefix(own),
        Err(EvidenceError::NoUse { .. })
    ));
    // The other history's prefix has no proof into the honest tree, and neither has an invention.
    for forged in [prefix(9, 14, 5), prefix(9, 14, 3)] {
        let forged = honest.clone().with_prefix(forged).unwrap();
        assert!(matches!(check(&forged), Err(CheckError::Proof(_))));
    }
    let mut invented = prefix(9, 14, 99);
    invented.root.0[0] ^= 1;
    let invented = honest.with_prefix(invented).unwrap();
    assert!(matches!(check(&invented), Err(CheckError::Proof(_))));
}

#[test]
fn a_suspicion_becomes_a_fork_by_what_the_second_tree_begins_with() {
    assert_eq!(suspicion().kind(), Kind::Suspicion);
    assert_eq!(check(&suspicion()), Ok(Verdict::Open));
    assert_eq!(resolved().kind(), Kind::Fork);
    assert_eq!(check(&resolved()), Ok(Verdict::Proven { key: 0 }));
    for hash in 0..resolved().prefix().unwrap().proof.len() {
        let mut bad = prefix(9, 14, 5);
        bad.proof[hash].0[7] ^= 1;
        let bad = suspicion().with_prefix(bad).unwrap();
        assert!(matches!(check(&bad), Err(CheckError::Proof(_))), "{hash}");
    }
    let mut short = prefix(9, 14, 5);
    short.proof.pop();
    let short = suspicion().with_prefix(short).unwrap();
    assert!(matches!(check(&short), Err(CheckError::Proof(_))));
}

#[test]
fn only_the_log_s_own_signatures_convict() {
    let evidence = same_size();
    // The keys that the file itself states count for nothing.
    let stranger = key(SignatureType::Ed25519, 0x50);
    let other = NoteSigner::from_seed("other.example", SignatureType::Ed25519, &[0x40; 32]);
    let cosigning = key(SignatureType::CosignatureV1, 0x40);
    for keys in [vec![], vec![other.unwrap()], vec![cosigning]] {
        let none = evidence.check(&public(&keys));
        assert_eq!(none, Err(CheckError::NoKey(ORIGIN.to_owned())));
    }
    assert!(matches!(
        evidence.check(&public(&[stranger])),
        Err(CheckError::Unsigned {
            which: "first",
            cause: NoteError::NoKnownKey(2)
        })
    ));
    let log = [ed25519()];
    let unsigned = Note::new(
        checkpoint(9, 5).to_text(),
        signed(9, 99, &log).signatures().to_vec(),
    );
    let forged = Evidence::new(public(&log), SEEN, signed(9, 99, &log), unsigned).unwrap();
    assert!(matches!(
        check(&forged),
        Err(CheckError::Unsigned {
            which: "second",
            cause: NoteError::BadSignature(_)
        })
    ));
}

#[test]
fn one_key_has_to_have_signed_both() {
    let both = [ed25519(), ml_dsa()];
    let keys = public(&both);
    let make = |one: &[NoteSigner], other: &[NoteSigner]| {
        Evidence::new(keys.clone(), SEEN, signed(9, 99, one), signed(9, 5, other)).unwrap()
    };
    let across = make(&both[..1], &both[1..]).check(&keys);
    assert_eq!(
        across,
        Ok(Verdict::AcrossKeys {
            first: 0,
            second: 1
        })
    );
    let second = make(&both, &both[1..]).check(&keys);
    assert_eq!(second, Ok(Verdict::Proven { key: 1 }));
    // A verifier that trusts only one of them sees the note of the other unsigned.
    assert!(make(&both[..1], &both[1..]).check(&keys[..1]).is_err());
    assert!(make(&both[1..], &both[1..]).check(&keys).is_ok());
}

#[test]
fn notes_that_do_not_contradict_each_other_make_no_evidence() {
    let log = [ed25519()];
    let new = |one: Note, other: Note| Evidence::new(public(&log), SEEN, one, other).err();
    let same = new(signed(9, 99, &log), signed(9, 99, &log));
    assert_eq!(same, Some(EvidenceError::Agreement(9)));
    let text = Checkpoint::new("other.example", 9, Hash([1; 32])).to_text();
    let other = Note::new(text, signed(9, 99, &log).signatures().to_vec());
    assert!(matches!(
        new(signed(9, 99, &log), other),
        Some(EvidenceError::Origins(..))
    ));
    let none = Evidence::new(vec![], SEEN, signed(9, 99, &log), signed(9, 5, &log));
    assert_eq!(none, Err(EvidenceError::Keys(0)));
    let cosigning = public(&[key(SignatureType::CosignatureV1, 0x40)]);
    let wrong = Evidence::new(cosigning, SEEN, signed(9, 99, &log), signed(9, 5, &log));
    assert!(matches!(wrong, Err(EvidenceError::KeyType(_))));
    // The smaller tree comes first, in whichever order they are given.
    let turned = Evidence::new(public(&log), SEEN, signed(14, 5, &log), signed(9, 99, &log));
    assert_eq!(turned.unwrap(), suspicion());
    // Two of one size need no proof, and what the empty tree begins with proves nothing.
    assert!(same_size().with_prefix(prefix(9, 14, 5)).is_err());
}

#[test]
fn every_octet_counts() {
    for evidence in [same_size(), resolved(), suspicion()] {
        let text = evidence.encode().into_bytes();
        let verdict = check(&evidence).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 0x01;
            let Ok(read) = Evidence::parse(&changed) else {
                continue;
            };
            // What still reads is another file, and convicts only if what convicts is untouched:
            // the time, the keys that it names, and signatures that are not the log's are not.
            assert_ne!(read, evidence);
            if check(&read) == Ok(verdict.clone()) {
                let notes = |e: &Evidence| e.checkpoints().map(Clone::clone);
                assert_eq!(notes(&read), notes(&evidence), "octet {at}");
            }
        }
        for end in 0..text.len() {
            assert!(Evidence::parse(&text[..end]).is_err(), "cut to {end}");
        }
        assert!(Evidence::parse(&[text.as_slice(), b"\n"].concat()).is_err());
    }
}

#[test]
fn a_file_has_one_spelling() {
    let good = resolved().encode();
    for (from, to) in [
        ("v1\n", "v2\n"),
        ("kind fork", "kind suspicion"),
        ("seen 1", "seen 01"),
        ("origin ishibumi", "origin Ishibumi"),
        ("\nfirst ", "\nproof x\nfirst "),
        ("\nsecond ", "\nsecond  "),
        ("\nkey ", "\nkeys "),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(Evidence::parse(bad.as_bytes()).is_err(), "{to:?}");
    }
    let key = format!("key {}\n", ed25519().verifier());
    let crowd = good.replacen(&key, &key.repeat(17), 1);
    assert!(matches!(
        Evidence::parse(crowd.as_bytes()),
        Err(EvidenceError::Keys(17))
    ));
    let line = format!("proof {}\n", prefix(9, 14, 5).proof[0].to_base64());
    let long = good.replacen(&line, &line.repeat(64), 1);
    assert!(matches!(
        Evidence::parse(long.as_bytes()),
        Err(EvidenceError::Form("`proof`"))
    ));
}
