//! Verifier keys and private keys: the vectors of the specifications, and one spelling only.

use ishibumi_tlog::key::{KeyError, NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::Note;

/// C2SP signed-note, "Example".
pub(crate) const FOO: &str =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

/// The key pair in the documentation of `golang.org/x/mod/sumdb/note`, and what it signed there.
const GO_PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_verifier_key_reads_back() {
    let key: VerifierKey = FOO.parse().unwrap();
    assert_eq!(key.name(), "example.com/foo");
    assert_eq!(key.id(), 0x530d_903a);
    assert_eq!(key.kind(), SignatureType::Ed25519);
    assert_eq!(key.to_string(), FOO);
}

#[test]
fn private_keys_are_gos() {
    let signer = NoteSigner::from_private_text(GO_PRIVATE).unwrap();
    assert_eq!(signer.to_private_text(), GO_PRIVATE);
    assert_eq!(signer.verifier().to_string(), GO_PUBLIC);
    let note = Note::parse(GO_NOTE.as_bytes()).unwrap();
    assert_eq!(signer.sign(note.text()).unwrap(), note.signatures()[0]);
    note.verify(&[GO_PUBLIC.parse().unwrap()]).unwrap();
    let shown = format!("{signer:?}");
    assert!(
        !shown.contains("AYEKFALVFGyN"),
        "the seed is not shown: {shown}"
    );
}

#[test]
fn one_key_has_one_spelling() {
    let parse = |text: &str| text.parse::<VerifierKey>().unwrap_err();
    for (from, to) in [
        ("530d903a", "530D903A"),
        ("530d903a", "530d903"),
        ("530d903a", "0530d903a"),
        ("530d903a", "+30d903a"),
        ("530d903a", " 30d903a"),
        ("3U2k", "3U2k="),
        ("3U2k", "3U2k\n"),
        ("3U2k", "3U2"),
        ("3U2k", "3U2-"),
        ("+Aeky", "Aeky"),
        ("+530d903a+", "+"),
    ] {
        let text = FOO.replace(from, to);
        assert_ne!(text, FOO);
        assert_eq!(parse(&text), KeyError::Form, "{text}");
    }
    assert_eq!(parse(""), KeyError::Form);
    assert_eq!(parse("example.com/foo"), KeyError::Form);
    let stated = FOO.replace("530d903a", "530d903b");
    assert_eq!(
        parse(&stated),
        KeyError::Id {
            stated: 0x530d_903b,
            computed: 0x530d_903a
        }
    );
    // 31 and 33 octets of key, no type octet at all, and types of other specifications.
    assert_eq!(parse("example.com/foo+530d903a+Aeky"), KeyError::Material);
    assert_eq!(parse("example.com/foo+530d903a+"), KeyError::Form);
    for (first, octet) in [
        ("Ae", 0x01),
        ("Be", 0x05),
        ("Bu", 0x06),
        ("/+", 0xff),
        ("Au", 0x02),
    ] {
        let found = FOO
            .replacen("+Ae", &format!("+{first}"), 1)
            .parse::<VerifierKey>();
        match octet {
            0x01 => assert!(found.is_ok()),
            // A type that is known, with the octets of another.
            0x06 => assert_eq!(found, Err(KeyError::Material)),
            _ => assert_eq!(found, Err(KeyError::Type(octet))),
        }
    }
}

#[test]
fn names_are_checked() {
    let signer = |name: &str| NoteSigner::from_seed(name, SignatureType::Ed25519, &[3; 32]);
    for name in [
        "a",
        "example.com/log42",
        "oid/1.2.3",
        "\u{7891}",
        &"n".repeat(255),
    ] {
        let signer = signer(name).unwrap();
        let text = signer.verifier().to_string();
        assert_eq!(text.parse::<VerifierKey>().unwrap(), *signer.verifier());
        let private = signer.to_private_text();
        assert_eq!(
            NoteSigner::from_private_text(&private).unwrap().verifier(),
            signer.verifier()
        );
    }
    let long = "n".repeat(256);
    for name in [
        "",
        " ",
        "a b",
        "a+b",
        "a\n",
        "a\t",
        "a\u{a0}b",
        "a\u{3000}b",
        "a\u{2028}b",
        "a\0",
        "\u{7f}",
        "a\u{85}b",
        &long,
    ] {
        assert!(matches!(signer(name), Err(KeyError::Name(_))), "{name:?}");
    }
}

/// With a key of small order, one signature verifies for many messages that nobody signed.
#[test]
fn keys_that_anybody_can_sign_for_are_refused() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let vkey = |point: [u8; 32]| {
        let name = "weak.example";
        let hashed = [name.as_bytes(), b"\n\x01", &point].concat();
        let id = hex::encode(&sha2::Sha256::digest(&hashed)[..4]);
        let material = [&[1][..], &point].concat();
        let material = base64::engine::general_purpose::STANDARD.encode(material);
        format!("{name}+{id}+{material}").parse::<VerifierKey>()
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut order_two = [0xff; 32];
    (order_two[0], order_two[31]) = (0xec, 0x7f);
    for weak in [identity, order_two, [0; 32]] {
        assert_eq!(vkey(weak), Err(KeyError::Material));
    }
    // y = 2 is on no point of the curve.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(vkey(no_point), Err(KeyError::Material));
    let sound: VerifierKey = FOO.parse().unwrap();
    vkey(sound.public_key().try_into().unwrap()).unwrap();
}

#[test]
fn a_key_has_one_purpose() {
    let make = |kind| NoteSigner::from_seed("w.example", kind, &[4; 32]).unwrap();
    let (note, cosigning) = (
        make(SignatureType::Ed25519),
        make(SignatureType::CosignatureV1),
    );
    assert_ne!(note.verifier().id(), cosigning.verifier().id());
    note.sign("text\n").unwrap();
    assert_eq!(cosigning.sign("text\n"), Err(KeyError::Type(4)));
    let wrong = ishibumi_tlog::cosignature::Cosigner::new(note);
    assert_eq!(wrong.err(), Some(KeyError::Type(1)));
    ishibumi_tlog::cosignature::Cosigner::new(cosigning).unwrap();
}
