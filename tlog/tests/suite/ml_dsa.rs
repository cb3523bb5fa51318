//! `subtree/v1` with ML-DSA-44, checked against a second implementation of FIPS 204 (`fips204`) and
//! by hand-written octets.

use base64::Engine as _;
use fips204::ml_dsa_44::{KG, PrivateKey, PublicKey};
use fips204::traits::{KeyGen as _, SerDes as _, Signer as _, Verifier as _};
use ishibumi_tlog::cosignature::{Cosigner, ORIGIN_LEN_MAX, TIME_MAX, check_subtree};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{KeyError, NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::{
    NOTE_LEN_MAX, Note, NoteError, SIGNATURES_MAX, SignatureLine, VerifiedSignature,
};
use ishibumi_tlog::tree::Subtree;
use ishibumi_tlog::{Checkpoint, Hash};
use sha2::Digest as _;

use super::world::{ORIGIN, checkpoint, log_key_ml_dsa, witness_ml_dsa};

const TIME: u64 = 1_790_000_000;
const SEED: u8 = 150;

fn reference() -> (PublicKey, PrivateKey) {
    KG::keygen_from_seed(&[SEED; 32])
}

/// `cosigned_message`, spelled out as in the specification.
fn message(name: &str, time: u64, origin: &str, range: (u64, u64), hash: Hash) -> Vec<u8> {
    let length = |text: &str| [u8::try_from(text.len()).unwrap()];
    let parts: [&[u8]; 9] = [
        b"subtree/v1\n\0",
        &length(name),
        name.as_bytes(),
        &time.to_be_bytes(),
        &length(origin),
        origin.as_bytes(),
        &range.0.to_be_bytes(),
        &range.1.to_be_bytes(),
        &hash.0,
    ];
    parts.concat()
}

/// Witness 0's signature over any message, made by the reference (deterministic variant: rnd is
/// zero).
fn by_reference(time: u64, message: &[u8]) -> SignatureLine {
    let key = witness_ml_dsa(0).verifier().clone();
    let signature = reference().1;
    let signature = signature.try_sign_with_seed(&[0; 32], message, &[]);
    SignatureLine {
        name: key.name().to_owned(),
        id: key.id(),
        signature: [&time.to_be_bytes()[..], &signature.unwrap()].concat(),
    }
}

fn of_checkpoint(time: u64) -> Vec<u8> {
    let Checkpoint {
        origin, size, root, ..
    } = checkpoint();
    let name = witness_ml_dsa(0).verifier().name().to_owned();
    message(&name, time, &origin, (0, size), root)
}

fn verify(line: SignatureLine) -> Result<Vec<VerifiedSignature>, NoteError> {
    let note = Note::new(checkpoint().to_text(), vec![line]);
    note.verify(&[witness_ml_dsa(0).verifier().clone()])
}

fn stating(time: Option<u64>) -> Vec<VerifiedSignature> {
    vec![VerifiedSignature {
        key: 0,
        line: 0,
        time,
    }]
}

#[test]
fn keys_read_back_and_are_the_references() {
    let signer = NoteSigner::from_seed("pq.example/w", SignatureType::SubtreeV1, &[SEED; 32]);
    let signer = signer.unwrap();
    let key = signer.verifier();
    assert_eq!(key.public_key(), reference().0.into_bytes());
    assert_eq!((key.public_key().len(), key.kind().octet()), (1312, 6));
    assert!(key.kind().is_post_quantum());
    let text = key.to_string();
    assert_eq!(text.parse::<VerifierKey>().unwrap(), *key);
    let private = signer.to_private_text();
    assert!(private.starts_with("PRIVATE+KEY+pq.example/w+"));
    let read = NoteSigner::from_private_text(&private).unwrap();
    assert_eq!(read.verifier(), key);
    assert_eq!(read.to_private_text(), private);
    assert!(!format!("{signer:?}").contains(&private[private.len() - 40..]));

    // One octet of the key less, or one more, and an Ed25519 key under this type; a wrong id.
    let vkey = |octets: &[u8]| {
        let id = sha2::Sha256::digest([b"pq.example/w\n\x06", octets].concat());
        let id = hex::encode(&id[..4]);
        let material = [&[6], octets].concat();
        let material = base64::engine::general_purpose::STANDARD.encode(material);
        format!("pq.example/w+{id}+{material}").parse::<VerifierKey>()
    };
    assert_eq!(vkey(key.public_key()).as_ref(), Ok(key));
    let longer = [key.public_key(), &[0]].concat();
    for octets in [&longer[..1311], &longer, &longer[..32], &[]] {
        assert_eq!(vkey(octets), Err(KeyError::Material));
    }
    let stated = format!("{:08x}", key.id());
    let other = format!("{:08x}", key.id() ^ 1);
    let refused = text.replace(&stated, &other).parse::<VerifierKey>();
    let (stated, computed) = (key.id() ^ 1, key.id());
    assert_eq!(refused, Err(KeyError::Id { stated, computed }));

    // The key whose secret vectors are zero: its first 32 octets suffice to sign.
    let mut known = key.public_key().to_vec();
    known[32..].fill(0);
    assert_eq!(vkey(&known), Err(KeyError::Material));
    known[1311] = 1;
    vkey(&known).unwrap();
}

#[test]
fn made_here_and_checked_with_the_reference() {
    for time in [1, TIME, TIME_MAX] {
        let line = witness_ml_dsa(0).cosign(&checkpoint(), time).unwrap();
        let (stated, signature) = line.signature.split_first_chunk::<8>().unwrap();
        assert_eq!(u64::from_be_bytes(*stated), time);
        let signature = signature.try_into().unwrap();
        let message = of_checkpoint(time);
        assert!(reference().0.verify(&message, &signature, &[]));
        assert!(!reference().0.verify(&message, &signature, b"context"));
        assert_eq!(line, by_reference(time, &message), "deterministic in both");
        assert_eq!(verify(line), Ok(stating(Some(time))));
    }
}

#[test]
fn times_out_of_range_are_neither_stated_nor_believed() {
    for time in [0, TIME_MAX + 1, u64::MAX] {
        assert_eq!(witness_ml_dsa(0).cosign(&checkpoint(), time), None);
    }
    let signed = |time| verify(by_reference(time, &of_checkpoint(time)));
    assert_eq!(signed(0), Ok(stating(None)));
    assert_eq!(signed(TIME_MAX), Ok(stating(Some(TIME_MAX))));
    for time in [TIME_MAX + 1, u64::MAX] {
        signed(time).unwrap_err();
    }
    for other in [TIME - 1, TIME + 1, 0, 1] {
        verify(by_reference(other, &of_checkpoint(TIME))).unwrap_err();
    }
}

#[test]
fn every_octet_of_a_signature_counts() {
    let mut line = witness_ml_dsa(0).cosign(&checkpoint(), TIME).unwrap();
    assert_eq!(line.signature.len(), 8 + 2420);
    verify(line.clone()).unwrap();
    for octet in 0..line.signature.len() {
        let bit = 1 << (octet % 8);
        line.signature[octet] ^= bit;
        verify(line.clone()).unwrap_err();
        line.signature[octet] ^= bit;
    }
    for length in [1, 7, 8, 9, 72, 2420, 2427] {
        let mut short = line.clone();
        short.signature.truncate(length);
        verify(short).unwrap_err();
    }
    line.signature.push(0);
    verify(line).unwrap_err();
}

/// Each field of the message is signed: with any other, the reference's signature is none.
#[test]
fn every_field_is_signed() {
    let Checkpoint {
        origin, size, root, ..
    } = checkpoint();
    let name = witness_ml_dsa(0).verifier().name().to_owned();
    let good = message(&name, TIME, &origin, (0, size), root);
    verify(by_reference(TIME, &good)).unwrap();
    for bad in [
        message("witness.example/pq1", TIME, &origin, (0, size), root),
        message(&name, TIME, "log.example/stonf", (0, size), root),
        message(&name, TIME, &origin, (1, size), root),
        message(&name, TIME, &origin, (0, size + 1), root),
        message(&name, TIME, &origin, (0, size), leaf_hash(b"")),
        [&good[..], &[0]].concat(),
        good[1..].to_vec(),
        checkpoint().to_text().into_bytes(),
        format!("cosignature/v1\ntime {TIME}\n{}", checkpoint().to_text()).into_bytes(),
    ] {
        verify(by_reference(TIME, &bad)).unwrap_err();
    }
    // The very message under another label.
    let mut label = good;
    label[8] = b'2';
    verify(by_reference(TIME, &label)).unwrap_err();
}

/// A `subtree/v1` signature leaves extension lines out, so we make none over a checkpoint that has
/// some. A signature that others made holds, whatever the lines are.
#[test]
fn extension_lines_are_not_covered() {
    let mut extended = checkpoint();
    extended.extensions.push("line".to_owned());
    assert_eq!(witness_ml_dsa(0).cosign(&extended, TIME), None);
    let refused = log_key_ml_dsa().sign(&extended.to_text());
    assert!(matches!(refused, Err(KeyError::Unsignable(_))));
    assert!(!SignatureType::SubtreeV1.covers_extensions());
    let line = witness_ml_dsa(0).cosign(&checkpoint(), TIME).unwrap();
    let keys = [witness_ml_dsa(0).verifier().clone()];
    let note = Note::new(extended.to_text(), vec![line.clone()]);
    assert_eq!(note.verify(&keys), Ok(stating(Some(TIME))));
    // A note that is no checkpoint has no such message.
    let note = Note::new("no checkpoint\n".to_owned(), vec![line]);
    note.verify(&keys).unwrap_err();
}

#[test]
fn a_log_signs_its_checkpoints_without_a_time() {
    let key = log_key_ml_dsa();
    let text = checkpoint().to_text();
    let line = key.sign(&text).unwrap();
    assert_eq!(line.signature[..8], [0; 8]);
    let Checkpoint { size, root, .. } = checkpoint();
    let message = message(ORIGIN, 0, ORIGIN, (0, size), root);
    let public = key.verifier().public_key().try_into().unwrap();
    let public = PublicKey::try_from_bytes(public).unwrap();
    let signature = line.signature[8..].try_into().unwrap();
    assert!(public.verify(&message, &signature, &[]));
    let verified = Note::new(text, vec![line]).verify(&[key.verifier().clone()]);
    assert_eq!(verified, Ok(stating(None)));

    for text in [
        "no checkpoint\n".to_owned(),
        checkpoint().to_text().trim_end().to_owned(),
        Checkpoint::new(ORIGIN, 0, root).to_text(),
        Checkpoint::new("o".repeat(ORIGIN_LEN_MAX + 1), 1, root).to_text(),
    ] {
        let refused = key.sign(&text);
        assert!(matches!(refused, Err(KeyError::Unsignable(_))), "{text:?}");
    }
    let longest = Checkpoint::new("o".repeat(ORIGIN_LEN_MAX), 1, root);
    key.sign(&longest.to_text()).unwrap();
    let longer = Checkpoint::new("o".repeat(ORIGIN_LEN_MAX + 1), 1, root);
    assert!(witness_ml_dsa(0).cosign(&longest, TIME).is_some());
    assert_eq!(witness_ml_dsa(0).cosign(&longer, TIME), None);
    assert_eq!(
        witness_ml_dsa(0).cosign(&Checkpoint::new("", 1, root), TIME),
        None
    );
}

#[test]
fn ranges_are_signed_without_a_time() {
    let witness = witness_ml_dsa(0);
    let name = witness.verifier().name().to_owned();
    let (part, hash) = (Subtree::new(8, 13).unwrap(), leaf_hash(b"8..13"));
    let line = witness.sign_subtree(ORIGIN, part, hash).unwrap();
    assert_eq!(
        line,
        by_reference(0, &message(&name, 0, ORIGIN, (8, 13), hash))
    );
    let check = |origin: &str, part, hash, line: &SignatureLine| {
        check_subtree(witness.verifier(), origin, part, hash, line)
    };
    assert_eq!(check(ORIGIN, part, hash, &line), Ok(None));
    let bad = Err(NoteError::BadSignature(name.clone()));
    assert_eq!(check("other.example", part, hash, &line), bad);
    assert_eq!(check("", part, hash, &line), bad);
    assert_eq!(check(ORIGIN, part, leaf_hash(b""), &line), bad);
    for (start, end) in [(8, 12), (0, 13), (8, 8), (16, 21)] {
        let other = Subtree::new(start, end).unwrap();
        assert_eq!(check(ORIGIN, other, hash, &line), bad);
    }
    // A range that does not begin at 0 has no time, even if it is signed; one from 0 may have.
    let timed = |range| by_reference(TIME, &message(&name, TIME, ORIGIN, range, hash));
    assert_eq!(check(ORIGIN, part, hash, &timed((8, 13))), bad);
    let whole = Subtree::new(0, 13).unwrap();
    assert_eq!(check(ORIGIN, whole, hash, &timed((0, 13))), Ok(Some(TIME)));
    // A checkpoint's cosignature is that of the range from 0.
    let cosigned = witness.cosign(&checkpoint(), TIME).unwrap();
    assert_eq!(
        check(ORIGIN, whole, checkpoint().root, &cosigned),
        Ok(Some(TIME))
    );

    // Another key's line, another key, and what has no such message.
    let stranger = witness_ml_dsa(1);
    let found = check_subtree(stranger.verifier(), ORIGIN, part, hash, &line);
    assert_eq!(found, Err(NoteError::NoKnownKey(1)));
    let (empty, long) = (Subtree::new(8, 8).unwrap(), "o".repeat(256));
    assert_eq!(witness.sign_subtree(ORIGIN, empty, hash), None);
    assert_eq!(witness.sign_subtree(&long, part, hash), None);
    assert_eq!(witness.sign_subtree("", part, hash), None);
    let ed25519 = super::world::witness(0);
    assert_eq!(ed25519.sign_subtree(ORIGIN, part, hash), None);
    let line = ed25519.cosign(&checkpoint(), TIME).unwrap();
    check_subtree(ed25519.verifier(), ORIGIN, whole, checkpoint().root, &line).unwrap_err();
}

/// One name and one seed, three types: three keys, and no signature of one passes for another's.
#[test]
fn types_are_kept_apart() {
    let make = |kind| NoteSigner::from_seed(ORIGIN, kind, &[7; 32]).unwrap();
    let pq = make(SignatureType::SubtreeV1);
    let keys = [
        make(SignatureType::Ed25519),
        make(SignatureType::CosignatureV1),
    ];
    let line = pq.sign(&checkpoint().to_text()).unwrap();
    for other in &keys {
        assert_ne!(other.verifier().id(), pq.verifier().id());
        let mut line = line.clone();
        line.id = other.verifier().id();
        let note = Note::new(checkpoint().to_text(), vec![line]);
        let bad = Err(NoteError::BadSignature(ORIGIN.to_owned()));
        assert_eq!(note.verify(&[other.verifier().clone()]), bad);
    }
    let mut ed25519 = keys[0].sign(&checkpoint().to_text()).unwrap();
    ed25519.id = pq.verifier().id();
    let note = Note::new(checkpoint().to_text(), vec![ed25519]);
    note.verify(&[pq.verifier().clone()]).unwrap_err();
    Cosigner::new(pq).unwrap();
}

/// As many ML-DSA-44 cosignatures as a note may have, with names as long as they may be, fit in a
/// note.
#[test]
fn a_full_note_of_post_quantum_cosignatures_fits() {
    let lines = (0..SIGNATURES_MAX).map(|n| SignatureLine {
        name: format!("{n:0>255}"),
        id: u32::try_from(n).unwrap(),
        signature: vec![9; 8 + 2420],
    });
    let note = Note::new(checkpoint().to_text(), lines.collect());
    let text = note.encode();
    assert!(text.len() < NOTE_LEN_MAX, "{}", text.len());
    assert_eq!(Note::parse(text.as_bytes()), Ok(note));
}
