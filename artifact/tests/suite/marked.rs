//! Tokens of today that are signed over SHA-1: refused, or kept under a mark on request; never
//! taken for more than they are.

use crate::support::{ASK, Ask, Node, P256, Pki, signer_info};
use ishibumi_artifact::record::{Body, Mark, kind};
use ishibumi_artifact::rules::{AlgorithmRules, SHA1_END};
use ishibumi_artifact::{
    Anchors, ArtifactType, Fault, TimestampToken, admit, admit_marking, record_of,
};

const TOKEN: ArtifactType = ArtifactType::TimestampToken;
const NOW: (&str, &str) = ("20250101000000Z", "20400101000000Z");

fn pki() -> Pki {
    let pki = Pki::new();
    let rsa = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    pki.unit("tsu-rsa", &rsa, "issuing", "v3_tsu", NOW);
    pki.unit("tsu-p256", P256, "issuing", "v3_tsu", NOW);
    pki
}

/// A token over SHA-256 whose unit signs over SHA-1.
fn over_sha1(pki: &Pki, tsu: &str) -> Vec<u8> {
    let made = pki.token(Ask { tsu, ..ASK });
    pki.cms_token(&made, tsu, &["-cades", "-md", "sha1"])
}

fn code(token: &[u8], anchors: &Anchors) -> &'static str {
    match admit_marking(TOKEN, token, anchors) {
        Ok(_) => "taken",
        Err(refusal) => refusal.code(),
    }
}

#[test]
fn what_is_signed_over_sha1_is_refused_or_marked() {
    let pki = pki();
    let anchors = pki.anchors();
    for tsu in ["tsu-rsa", "tsu-p256"] {
        let token = over_sha1(&pki, tsu);
        let refusal = admit(TOKEN, &token, &anchors).unwrap_err();
        assert_eq!(refusal.code(), "hash-algorithm-refused");
        assert_eq!(refusal.fault(), Fault::Algorithm);

        let admitted = admit_marking(TOKEN, &token, &anchors).unwrap();
        assert_eq!(admitted.mark(), Some(Mark::SHA1));
        let [.., mark, own] = admitted.records() else {
            panic!("a mark and a token")
        };
        assert_eq!(own, admitted.record());
        assert_eq!(own.kind(), kind::TIMESTAMP_TOKEN);
        assert_eq!(*own, record_of(TOKEN, &token, &anchors).unwrap());
        let (Body::Mark(mark), Body::Token(own)) = (mark.body(), own.body()) else {
            panic!("a mark and a token")
        };
        assert_eq!((mark.mark, mark.content), (Mark::SHA1, own.content));

        // Changed after it was signed, it is refused as every other.
        let mut forged = Node::read(&token);
        *signer_info(&mut forged)
            .child(5)
            .bytes()
            .last_mut()
            .unwrap() ^= 1;
        assert_eq!(code(&forged.der(), &anchors), "signature-invalid");
    }
}

/// With a statement of when it existed, no mark is needed.
#[test]
fn a_dated_rule_takes_the_mark_away() {
    let pki = pki();
    let token = over_sha1(&pki, "tsu-rsa");
    let rules = AlgorithmRules::default()
        .with_sha1_until(SHA1_END)
        .with_proof_of_existence(SHA1_END);
    let dated = pki.anchors().with_algorithm_rules(rules);
    let plain = admit(TOKEN, &token, &dated);
    // The rule may hold the token's own time against it; it is never marked and taken at once.
    if let Ok(admitted) = plain {
        assert_eq!(admitted.mark(), None);
    }
}

/// Nothing else is taken that is refused without: an imprint, a certificate of the path.
#[test]
fn only_the_signature_of_the_token_may_rest_on_sha1() {
    let pki = pki();
    let anchors = pki.anchors();
    let imprint = pki.token(Ask {
        imprint: "sha1",
        ..ASK
    });
    assert_eq!(code(&imprint, &anchors), "imprint-refused");
    pki.key("tsu-old", P256);
    pki.request("tsu-old", "/C=JP/O=Ishibumi Test/CN=tsu-old");
    pki.sign("tsu-old", "issuing", "v3_tsu", NOW, &["-md", "sha1"]);
    let path = pki.token(Ask {
        tsu: "tsu-old",
        ..ASK
    });
    assert_eq!(code(&path, &anchors), "certificate-signature-invalid");
}

/// A token of today gives the same with both functions, and has no mark.
#[test]
fn nothing_changes_for_other_tokens() {
    let pki = pki();
    let anchors = pki.anchors();
    // The hash of the certificate is covered by the signature: its being SHA-1 marks nothing.
    for ess in ["sha1", "sha256"] {
        let token = pki.token(Ask { ess, ..ASK });
        let plain = admit(TOKEN, &token, &anchors).unwrap();
        let marking = admit_marking(TOKEN, &token, &anchors).unwrap();
        assert_eq!(plain.records(), marking.records());
        assert_eq!(marking.mark(), None);
        let verified = TimestampToken::parse(&token).unwrap();
        assert_eq!(verified.verify(&anchors).unwrap().mark(), None);
    }
    let certificate = pki.certificate("tsu-rsa").der().to_vec();
    let admitted = admit_marking(ArtifactType::Certificate, &certificate, &anchors).unwrap();
    assert_eq!(admitted.mark(), None);
}
