//! `cosignature/v1`, checked with the curve library directly and by hand-written octets.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ishibumi_tlog::cosignature::TIME_MAX;
use ishibumi_tlog::note::{Note, NoteError, SignatureLine, VerifiedSignature};

use super::world::{checkpoint, witness};

const TIME: u64 = 1_679_315_147;

/// The message, spelled out as in the specification.
fn message(time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint().to_text()).into_bytes()
}

fn by_hand(time: u64, signed_time: u64) -> SignatureLine {
    let verifier = witness(0);
    let signature = SigningKey::from_bytes(&[100; 32]).sign(&message(signed_time));
    SignatureLine {
        name: verifier.verifier().name().to_owned(),
        id: verifier.verifier().id(),
        signature: [&time.to_be_bytes()[..], &signature.to_bytes()].concat(),
    }
}

fn verify(line: SignatureLine) -> Result<Vec<VerifiedSignature>, NoteError> {
    let note = Note::new(checkpoint().to_text(), vec![line]);
    note.verify(&[witness(0).verifier().clone()])
}

fn stating(time: Option<u64>) -> Vec<VerifiedSignature> {
    vec![VerifiedSignature {
        key: 0,
        line: 0,
        time,
    }]
}

#[test]
fn made_here_and_checked_with_the_curve_library() {
    for time in [1, TIME, TIME_MAX] {
        let line = witness(0).cosign(&checkpoint(), time).unwrap();
        assert_eq!(
            line,
            by_hand(time, time),
            "Ed25519 signatures are deterministic"
        );
        let (stated, signature) = line.signature.split_first_chunk::<8>().unwrap();
        assert_eq!(u64::from_be_bytes(*stated), time);
        let verifier = witness(0).verifier().clone();
        let key = VerifyingKey::from_bytes(verifier.public_key().try_into().unwrap()).unwrap();
        let signature = Signature::from_slice(signature).unwrap();
        key.verify_strict(&message(time), &signature).unwrap();
        assert_eq!(verify(line), Ok(stating(Some(time))));
    }
}

#[test]
fn times_out_of_range_are_neither_stated_nor_believed() {
    for time in [0, TIME_MAX + 1, u64::MAX] {
        assert_eq!(witness(0).cosign(&checkpoint(), time), None);
    }
    // A zero is a valid cosignature that states no time.
    assert_eq!(verify(by_hand(0, 0)), Ok(stating(None)));
    for time in [1 << 63, u64::MAX] {
        verify(by_hand(time, time)).unwrap_err();
    }
}

#[test]
fn the_time_is_signed() {
    verify(by_hand(TIME, TIME)).unwrap();
    for other in [TIME - 1, TIME + 1, 0, 1] {
        verify(by_hand(other, TIME)).unwrap_err();
    }
    let mut line = by_hand(TIME, TIME);
    for octet in 0..line.signature.len() {
        for bit in 0..8 {
            line.signature[octet] ^= 1 << bit;
            verify(line.clone()).unwrap_err();
            line.signature[octet] ^= 1 << bit;
        }
    }
    for length in [0, 7, 8, 9, 64, 71] {
        let mut short = line.clone();
        short.signature.truncate(length);
        verify(short).unwrap_err();
    }
    line.signature.push(0);
    verify(line).unwrap_err();
}

/// s + L signs the same message for a lenient verifier: a second line for one signature.
#[test]
fn a_mirrored_signature_is_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut line = by_hand(TIME, TIME);
    let mut carry = 0;
    for (octet, add) in line.signature[40..].iter_mut().zip(ORDER) {
        let sum = u16::from(*octet) + u16::from(add) + carry;
        [*octet, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    verify(line).unwrap_err();
}

/// A plain note signature by the same key is not a cosignature, and a cosignature of one text is
/// not one of another.
#[test]
fn messages_are_separated() {
    let text = checkpoint().to_text();
    let plain = SigningKey::from_bytes(&[100; 32])
        .sign(text.as_bytes())
        .to_bytes();
    let mut line = by_hand(TIME, TIME);
    line.signature = plain.to_vec();
    verify(line.clone()).unwrap_err();
    line.signature = [&TIME.to_be_bytes()[..], &plain].concat();
    verify(line).unwrap_err();
    let mut larger = checkpoint();
    larger.size += 1;
    verify(witness(0).cosign(&larger, TIME).unwrap()).unwrap_err();
    let mut extended = checkpoint();
    extended.extensions.push("line".to_owned());
    verify(witness(0).cosign(&extended, TIME).unwrap()).unwrap_err();
}
