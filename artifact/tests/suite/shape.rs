//! The kind of a file by its outline: octets that a reader takes are of that reader's kind, and so
//! are those that were cut off, changed or grown on their way, so that the reader can say what is
//! wrong with them.

use crate::support::{ASK, Ask, Node, P256, Pki, element, signed_data};
use ishibumi_artifact::{
    ArtifactType, Certificate, Crl, OcspResponse, Refusal, TimestampToken, admit,
};
use proptest::prelude::*;

const KINDS: [ArtifactType; 4] = [
    ArtifactType::TimestampToken,
    ArtifactType::Certificate,
    ArtifactType::Crl,
    ArtifactType::OcspResponse,
];

fn reads(kind: ArtifactType, octets: &[u8]) -> bool {
    match kind {
        ArtifactType::Certificate => Certificate::parse(octets).is_ok(),
        ArtifactType::Crl => Crl::parse(octets).is_ok(),
        ArtifactType::OcspResponse => OcspResponse::parse(octets).is_ok(),
        _ => TimestampToken::parse(octets).is_ok(),
    }
}

/// One of each, of every version.
fn artifacts() -> Vec<(ArtifactType, &'static str, Vec<u8>)> {
    let pki = Pki::new();
    pki.unit("tsu-rsa", P256, "issuing", "v3_tsu", NOW);
    pki.unit("seal", P256, "issuing", "v3_tsu", NOW);
    pki.unit("responder", P256, "issuing", "v3_ocsp", NOW);
    let token = pki.token(ASK);
    let rejected = pki.reply(Ask {
        policy: "1.2.3.9.9",
        ..ASK
    });
    let reply = pki.reply(ASK);
    // Without extensions OpenSSL makes certificates and lists of version 1.
    pki.openssl(&[
        "x509",
        "-req",
        "-in",
        "seal.csr",
        "-CA",
        "issuing.crt",
        "-CAkey",
        "issuing.key",
        "-out",
        "one.crt",
    ]);
    let der = |name: &str| pki.der_of("x509", &pki.read(name));
    let configuration = String::from_utf8(pki.read("ca.cnf")).unwrap();
    let full = pki.crl("issuing", &[]);
    let plain = configuration.replace("crl_extensions = crl\n", "");
    pki.write("ca.cnf", plain);
    pki.revoke("seal", "issuing", &[]);
    let first = pki.crl("issuing", &[]);
    let response = pki.ocsp("issuing", &["seal"], "responder");
    let try_later = element(0x30, &element(0x0a, &[3]));
    let [token_kind, certificate, list, ocsp] = KINDS;
    vec![
        (token_kind, "a token", token),
        (token_kind, "a reply", reply),
        (token_kind, "a rejection", rejected),
        (certificate, "a certificate", der("seal.crt")),
        (certificate, "a certificate of version 1", der("one.crt")),
        (list, "a list", full),
        (list, "a list of version 1", first),
        (ocsp, "a response", response),
        (ocsp, "a response without an answer", try_later),
    ]
}

const NOW: (&str, &str) = ("20250101000000Z", "20400101000000Z");

#[test]
fn every_version_of_every_kind_is_told() {
    for (kind, name, octets) in artifacts() {
        assert_eq!(ArtifactType::of(&octets), Ok(kind), "{name}");
        let label = match kind {
            ArtifactType::Certificate => "CERTIFICATE",
            ArtifactType::Crl => "X509 CRL",
            // The label decides nothing where the octets tell.
            _ => "SOMETHING",
        };
        let pem = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, &octets).unwrap();
        assert_eq!(ArtifactType::of(pem.as_bytes()), Ok(kind), "{name}");
        for (from, to) in [("\n", "\r\n"), ("-----BEGIN", "\u{feff}\n\n-----BEGIN")] {
            let saved = pem.replacen(from, to, usize::MAX);
            assert_eq!(ArtifactType::of(saved.as_bytes()), Ok(kind), "{name}");
        }
        // Armour that is broken keeps the kind, where the label says it.
        let broken = pem.replacen('\n', "\n*", 1);
        let told = ArtifactType::of(broken.as_bytes());
        assert_eq!(told.ok(), Some(kind).filter(|_| label != "SOMETHING"));
    }
}

/// Once the first fields are there, nothing that follows changes the kind, and the missing part is
/// named.
#[test]
fn files_that_are_cut_off_or_longer_keep_their_kind() {
    let anchors = ishibumi_artifact::Anchors::default();
    for (kind, name, octets) in artifacts() {
        // Before that, a number may still be a serial or a status.
        for length in 120.min(octets.len())..octets.len() {
            let cut = &octets[..length];
            assert_eq!(ArtifactType::of(cut), Ok(kind), "{name}, {length} octets");
            if length > 200 {
                let refusal = admit(kind, cut, &anchors).unwrap_err();
                assert!(
                    refusal.to_string().contains("cut off"),
                    "{name}, {length} octets: {refusal}"
                );
            }
        }
        let longer = [octets.as_slice(), &[0; 10]].concat();
        assert_eq!(ArtifactType::of(&longer), Ok(kind), "{name}");
    }
}

/// A token in BER, whose lengths are not known at its beginning.
#[test]
fn a_token_in_ber_is_told() {
    let pki = Pki::new();
    pki.unit("tsu-rsa", P256, "issuing", "v3_tsu", NOW);
    let token = pki.token(ASK);
    let mut root = Node::read(&token);
    let signed = signed_data(&mut root).clone();
    let parts: Vec<Vec<u8>> = signed.clone().children().iter().map(Node::der).collect();
    let signed = signed.indefinite(&parts);
    let wrapper = root.child(1).indefinite(&[signed]);
    let loose = root.clone().indefinite(&[root.child(0).der(), wrapper]);
    let kind = ArtifactType::TimestampToken;
    assert!(reads(kind, &loose));
    assert_eq!(ArtifactType::of(&loose), Ok(kind));
    let reply = element(
        0x30,
        &[element(0x30, &element(2, &[0])), loose.clone()].concat(),
    );
    assert!(reads(kind, &reply));
    assert_eq!(ArtifactType::of(&reply), Ok(kind));
    // Cut off, its end is missing, not its sense.
    let cut = TimestampToken::parse(&loose[..loose.len() - 3]).unwrap_err();
    assert!(cut.to_string().contains("cut off"), "{cut}");
}

#[test]
fn of_several_certificates_the_reader_speaks() {
    let pki = Pki::new();
    let two = [pki.read("root.crt"), pki.read("issuing.crt")].concat();
    let kind = ArtifactType::of(&two).unwrap();
    let anchors = ishibumi_artifact::Anchors::default();
    let refusal: Refusal = admit(kind, &two, &anchors).unwrap_err();
    assert!(refusal.to_string().contains("one block"), "{refusal}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// However an artifact is changed: if a reader takes it, it is of that kind.
    #[test]
    fn what_a_reader_takes_is_of_its_kind(
        pick in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        static ALL: std::sync::OnceLock<Vec<(ArtifactType, &'static str, Vec<u8>)>> =
            std::sync::OnceLock::new();
        let all = ALL.get_or_init(artifacts);
        let (_, _, mut octets) = pick.get(all).clone();
        for (place, octet) in changes {
            let place = place.index(octets.len().min(200));
            octets[place] = octet;
        }
        let told = ArtifactType::detect(&octets);
        for kind in KINDS {
            if reads(kind, &octets) {
                prop_assert_eq!(told, Some(kind));
            }
        }
    }
}
