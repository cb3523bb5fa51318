//! Certificates and revocation lists made by OpenSSL: the disclosure rule, paths, CRLs good and
//! bad.

use std::sync::OnceLock;

use crate::support::{ASK, Ask, Node, P256, Pki, element};
use ishibumi_artifact::record::{Body, Reason, kind};
use ishibumi_artifact::record_of::{Disclosure, disclosure};
use ishibumi_artifact::status::{TokenStatus, token_status};
use ishibumi_artifact::{
    Anchors, ArtifactType, Bounds, Certificate, Crl, LookupKey, Record, TimestampToken, admit,
    admit_within,
};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");

fn with_pki<T>(work: impl FnOnce(&Pki) -> T) -> T {
    static PKI: OnceLock<std::sync::Mutex<Pki>> = OnceLock::new();
    let pki = PKI.get_or_init(|| Pki::new().into());
    work(
        &pki.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    )
}

fn issue(
    pki: &Pki,
    name: &str,
    subject: &str,
    extensions: &str,
    dates: (&str, &str),
) -> Certificate {
    pki.key(name, P256);
    pki.request(name, subject);
    pki.sign(name, "issuing", extensions, dates, &[]);
    pki.certificate(name)
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one table of cases, and what holds for each of them"
)]
fn only_organisations_are_disclosed() {
    use Disclosure::{Digest, Full};
    let organisation = "/C=JP/O=Test KK/organizationIdentifier=NTRJP-1234567890123";
    let cases = [
        (
            "seal",
            format!("{organisation}/CN=Test KK"),
            "v3_seal",
            Full,
        ),
        (
            "seal-silent",
            format!("{organisation}/CN=Test KK"),
            "v3_plain",
            Full,
        ),
        (
            "seal-serial",
            format!("{organisation}/serialNumber=7/CN=Test KK"),
            "v3_seal",
            Full,
        ),
        (
            "esign",
            format!("{organisation}/CN=Test KK"),
            "v3_esign",
            Digest,
        ),
        (
            "mail-name",
            format!("{organisation}/CN=Test KK"),
            "v3_mail",
            Digest,
        ),
        (
            "mail-subject",
            format!("{organisation}/CN=T/emailAddress=a@example.com"),
            "v3_seal",
            Digest,
        ),
        (
            "given",
            format!("{organisation}/givenName=Hanako/CN=T"),
            "v3_seal",
            Digest,
        ),
        (
            "surname",
            format!("{organisation}/surname=Yamada/CN=T"),
            "v3_seal",
            Digest,
        ),
        (
            "person-number",
            format!("{organisation}/serialNumber=PNOJP-1/CN=T"),
            "v3_seal",
            Digest,
        ),
        (
            "no-organisation",
            "/C=JP/O=Test KK/CN=Test KK".into(),
            "v3_seal",
            Digest,
        ),
        ("unit", "/C=JP/O=Test KK/CN=TSU".into(), "v3_tsu", Full),
        (
            "unit-and-more",
            "/C=JP/O=Test KK/CN=TSU".into(),
            "v3_tsu_two",
            Digest,
        ),
        ("ca", "/C=JP/O=Test KK/CN=CA".into(), "v3_issuing", Full),
    ];
    with_pki(|pki| {
        for (name, subject, extensions, expected) in &cases {
            let certificate = issue(pki, name, subject, extensions, DATES);
            assert_eq!(disclosure(&certificate), *expected, "{name}");
            if *name == "ca" {
                continue; // the issuing CA allows no CA below it
            }
            let admitted =
                admit(ArtifactType::Certificate, certificate.der(), &pki.anchors()).unwrap();
            let record = admitted.record();
            let expected = if *expected == Full {
                kind::CERTIFICATE
            } else {
                kind::CERTIFICATE_DIGEST
            };
            assert_eq!(record.kind(), expected, "{name}");
            let encoded = record.encode();
            assert_eq!(Record::decode(&encoded).unwrap(), *record);
            let named = ["Hanako", "Yamada", "PNOJP", "example.com"];
            let shown = String::from_utf8_lossy(&encoded).into_owned();
            assert!(
                named.iter().all(|word| !shown.contains(word)),
                "{name} names a person"
            );
            let key = LookupKey::IssuerSerial {
                issuer_key_hash: pki.certificate("issuing").key_hash(),
                serial: certificate.serial().to_vec(),
            };
            assert!(record.lookup_keys().contains(&key), "{name}");
        }
        let seal = pki.certificate("seal");
        assert_eq!(seal.organization_identifiers(), ["NTRJP-1234567890123"]);
    });
}

fn refusal(bytes: &[u8], anchors: &Anchors) -> &'static str {
    match admit(ArtifactType::Certificate, bytes, anchors) {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}

#[test]
fn certificates_need_a_path_as_of_their_own_time() {
    with_pki(|pki| {
        let anchors = pki.anchors();
        let past = issue(
            pki,
            "past",
            "/C=JP/CN=past",
            "v3_plain",
            ("20190101000000Z", "20200101000000Z"),
        );
        assert_eq!(
            refusal(past.der(), &anchors),
            "accepted",
            "expired since, valid then"
        );
        assert_eq!(
            refusal(&pki.read("past.crt"), &anchors),
            "accepted",
            "as PEM"
        );
        let early = issue(
            pki,
            "early",
            "/C=JP/CN=early",
            "v3_plain",
            ("20100101000000Z", "20200101000000Z"),
        );
        assert_eq!(
            refusal(early.der(), &anchors),
            "certificate-not-valid-then",
            "older than its CA"
        );

        assert_eq!(refusal(pki.certificate("root").der(), &anchors), "accepted");
        assert_eq!(
            refusal(pki.certificate("issuing").der(), &anchors),
            "accepted"
        );
        assert_eq!(
            refusal(pki.certificate("stranger").der(), &anchors),
            "issuer-unregistered"
        );
        let only_root = Anchors::from_certificates([pki.certificate("root")]);
        assert_eq!(refusal(past.der(), &only_root), "issuer-unregistered");

        // Below a CA that allows none below it.
        let below = issue(pki, "below", "/C=JP/CN=below", "v3_issuing", DATES);
        assert_eq!(
            refusal(below.der(), &anchors),
            "accepted",
            "itself it stands directly below"
        );
        pki.key("leaf", P256);
        pki.request("leaf", "/C=JP/CN=leaf");
        let by = |ca: &str| {
            let (crt, key) = (format!("{ca}.crt"), format!("{ca}.key"));
            pki.openssl(&[
                "x509", "-req", "-in", "leaf.csr", "-CA", &crt, "-CAkey", &key, "-out", "leaf.crt",
                "-days", "10",
            ]);
            pki.certificate("leaf")
        };
        let leaf = by("below");
        let knows_below = pki.anchors().with_intermediates([below]);
        assert_eq!(refusal(leaf.der(), &knows_below), "path-length-exceeded");
        // By a signer that is no CA.
        let leaf = by("past");
        let knows_past = pki.anchors().with_intermediates([past]);
        assert_ne!(refusal(leaf.der(), &knows_past), "accepted");
        let plain = issue(pki, "plain", "/C=JP/CN=plain", "v3_plain", DATES);
        let leaf = by("plain");
        assert_eq!(
            refusal(leaf.der(), &pki.anchors().with_intermediates([plain])),
            "issuer-not-ca"
        );

        // A stranger with the issuing CA's name: the name fits, the key does not.
        pki.key("impostor", P256);
        pki.openssl(&[
            "req",
            "-x509",
            "-new",
            "-config",
            "ca.cnf",
            "-key",
            "impostor.key",
            "-subj",
            "/C=JP/O=Ishibumi Test/CN=Issuing CA",
            "-utf8",
            "-extensions",
            "v3_root",
            "-days",
            "3000",
            "-out",
            "impostor.crt",
        ]);
        let leaf = by("impostor");
        assert_eq!(
            refusal(leaf.der(), &anchors),
            "certificate-signature-invalid"
        );
    });
}

#[test]
fn no_changed_octet_of_a_certificate_makes_another_record() {
    with_pki(|pki| {
        let certificate = issue(
            pki,
            "flip",
            "/C=JP/O=T/organizationIdentifier=NTRJP-1/CN=T",
            "v3_seal",
            DATES,
        );
        let anchors = pki.anchors();
        for position in 0..certificate.der().len() {
            for change in [0x01, 0x80] {
                let mut changed = certificate.der().to_vec();
                changed[position] ^= change;
                assert_ne!(
                    refusal(&changed, &anchors),
                    "accepted",
                    "octet {position} ^ {change:02x}"
                );
            }
        }
    });
}

/// A CA of its own for each test of lists, so that they do not see each other's revocations.
fn list_pki() -> Pki {
    let pki = Pki::new();
    for name in ["one", "two", "three"] {
        issue(&pki, name, &format!("/C=JP/CN={name}"), "v3_plain", DATES);
    }
    pki.unit("tsu", P256, "issuing", "v3_tsu", DATES);
    pki
}

fn crl_refusal(bytes: &[u8], anchors: &Anchors) -> &'static str {
    match admit(ArtifactType::Crl, bytes, anchors) {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}

#[test]
fn a_list_becomes_statements_and_then_its_own_record() {
    let pki = list_pki();
    let anchors = pki.anchors();
    let empty = admit(ArtifactType::Crl, &pki.crl("issuing", &[]), &anchors).unwrap();
    assert_eq!(empty.records().len(), 1, "a list without entries");

    pki.revoke("one", "issuing", &["-crl_compromise", "20260101000000Z"]);
    pki.revoke("two", "issuing", &["-crl_reason", "cessationOfOperation"]);
    pki.revoke("three", "issuing", &[]);
    let list = pki.crl("issuing", &[]);
    let admitted = admit(ArtifactType::Crl, &list, &anchors).unwrap();
    assert_eq!(admitted.blobs(), std::slice::from_ref(&list));
    let kinds: Vec<u16> = admitted.records().iter().map(Record::kind).collect();
    assert_eq!(kinds, [6, 6, 6, 7]);
    for record in admitted.records() {
        assert_eq!(Record::decode(&record.encode()).unwrap(), *record);
    }
    let said: Vec<_> = admitted
        .records()
        .iter()
        .filter_map(|record| match record.body() {
            Body::Revocation(it) => {
                Some((it.reason.map(Reason::code), it.invalidity_date.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(said, [(Some(1), true), (Some(5), false), (None, false)]);
    let Body::Crl(body) = admitted.record().body() else {
        panic!("the list's own record")
    };
    assert_eq!(body.count, 3);
    assert_eq!(body.issuer_key_hash, pki.certificate("issuing").key_hash());

    // The revocation and the certificate meet under one key.
    let one = admit(
        ArtifactType::Certificate,
        pki.certificate("one").der(),
        &anchors,
    )
    .unwrap();
    let key = &admitted.records()[0].lookup_keys()[0];
    assert!(one.record().lookup_keys().contains(key));

    let crl = Crl::parse(&pki.read("crl.pem"))
        .unwrap()
        .verify(&anchors)
        .unwrap();
    assert_eq!(
        crl.revocation_of(&pki.certificate("two"))
            .unwrap()
            .reason
            .unwrap()
            .code(),
        5
    );
    assert!(crl.revocation_of(&pki.certificate("tsu")).is_none());
}

/// A submitter with a limit of records is told so before they are made, and before the signature is
/// looked at.
#[test]
fn a_list_makes_no_more_records_than_it_may() {
    let pki = list_pki();
    for name in ["one", "two", "three"] {
        pki.revoke(name, "issuing", &[]);
    }
    let list = pki.crl("issuing", &[]);
    let within = |records_max, list: &[u8]| {
        let mut bounds = Bounds {
            records_max,
            ..Bounds::default()
        };
        let admitted = admit_within(ArtifactType::Crl, list, &pki.anchors(), &mut bounds);
        let made = admitted.map(|admitted| admitted.records().len());
        (made.map_err(|it| it.to_string()), bounds.work.signatures())
    };
    let (refused, signatures) = within(3, &list);
    let why = "it would make 4 records, and at most 3 are taken of one artifact here";
    assert_eq!((refused, signatures), (Err(why.to_owned()), 0));
    let (taken, signatures) = within(4, &list);
    assert_eq!(taken, Ok(4));
    assert!(signatures > 0);
}

#[test]
fn lists_of_others_and_other_lists_are_refused() {
    let pki = list_pki();
    let anchors = pki.anchors();
    pki.revoke("one", "issuing", &[]);
    let list = pki.crl("issuing", &[]);
    assert_eq!(crl_refusal(&list, &anchors), "accepted");
    assert_eq!(
        crl_refusal(&pki.crl("stranger", &[]), &anchors),
        "crl-issuer-unregistered"
    );
    assert_eq!(
        crl_refusal(&pki.crl("issuing", &["-md", "sha1"]), &anchors),
        "hash-algorithm-refused"
    );
    for (position, _) in list.iter().enumerate() {
        let mut changed = list.clone();
        changed[position] ^= 0x01;
        assert_ne!(
            crl_refusal(&changed, &anchors),
            "accepted",
            "octet {position}"
        );
    }
    let mut changed = list.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(crl_refusal(&changed, &anchors), "signature-invalid");
    assert_eq!(
        crl_refusal(&list[..list.len() - 1], &anchors),
        "crl-malformed"
    );

    // The same CA, registered by a certificate that may not sign lists.
    std::fs::copy(pki.path("issuing.csr"), pki.path("mute.csr")).unwrap();
    pki.sign("mute", "root", "v3_issuing_no_crl", DATES, &[]);
    let mute = Anchors::from_certificates([pki.certificate("mute")]);
    assert_eq!(crl_refusal(&list, &mute), "crl-issuer-unregistered");
    // Known, but below no anchor.
    let adrift = Anchors::from_certificates([pki.certificate("stranger")])
        .with_intermediates([pki.certificate("issuing")]);
    assert_eq!(crl_refusal(&list, &adrift), "issuer-unregistered");
}

/// A closed CA: its certificate and its list have both expired. The list is history, and wanted.
#[test]
fn historical_lists_are_accepted() {
    let pki = list_pki();
    std::fs::copy(pki.path("issuing.csr"), pki.path("closed.csr")).unwrap();
    pki.sign(
        "closed",
        "root",
        "v3_issuing",
        ("20150101000000Z", "20200101000000Z"),
        &[],
    );
    let anchors = Anchors::from_certificates([pki.certificate("closed")]);
    let list = pki.crl(
        "issuing",
        &[
            "-crl_lastupdate",
            "20191201000000Z",
            "-crl_nextupdate",
            "99991231235959Z",
        ],
    );
    assert_eq!(crl_refusal(&list, &anchors), "accepted");
}

/// What the whole is for: an orderly closed TSA revokes its certificate, and its tokens stay valid.
#[test]
fn revocation_decides_by_reason_and_time() {
    let pki = list_pki();
    let anchors = pki.anchors();
    let token = TimestampToken::parse(&pki.reply(Ask { tsu: "tsu", ..ASK })).unwrap();
    let token = token.verify(&anchors).unwrap();
    // Revoked an hour after the token, as the list would say it then.
    pki.revoke("tsu", "issuing", &["-crl_reason", "cessationOfOperation"]);
    let list = Crl::parse(&pki.crl("issuing", &[]))
        .unwrap()
        .verify(&anchors)
        .unwrap();
    let revocation = list.revocation_of(token.signer()).unwrap();
    let revoked_at = revocation.revocation_date.time();
    let status = |time| token_status(time, token.accuracy(), Some(&revocation), None);
    assert_eq!(
        status(revoked_at.plus_micros(-3_600_000_000)),
        TokenStatus::MadeBeforeRevocation
    );
    assert_eq!(
        status(revoked_at.plus_micros(3_600_000_000)),
        TokenStatus::MadeAfterRevocation
    );
    assert_eq!(status(revoked_at), TokenStatus::TooCloseToRevocation);
    assert_eq!(
        token_status(revoked_at, None, Some(&revocation), None),
        TokenStatus::MadeAfterRevocation
    );
}

/// 100,000 entries, signed by OpenSSL over a list that is put together here.
#[test]
fn a_long_list_costs_linear_time() {
    let pki = list_pki();
    let anchors = pki.anchors();
    pki.revoke("one", "issuing", &["-crl_reason", "superseded"]);
    let mut list = Node::read(&pki.crl("issuing", &[]));
    let entries = list.child(0).child(5).children();
    let pattern = entries[0].clone();
    entries.clear();
    for number in 0..100_000_u32 {
        let mut entry = pattern.clone();
        *entry.child(0).bytes() = [&[0x40][..], &number.to_be_bytes()].concat();
        entries.push(entry);
    }
    let tbs = long_der(list.child(0));
    pki.write("tbs.der", &tbs);
    pki.openssl(&[
        "dgst",
        "-sha256",
        "-sign",
        "issuing.key",
        "-out",
        "tbs.sig",
        "tbs.der",
    ]);
    let algorithm = list.child(1).der();
    let signature = element(0x03, &[&[0][..], &pki.read("tbs.sig")].concat());
    let bytes = long_element(0x30, &[tbs, algorithm, signature].concat());

    let admitted = admit(ArtifactType::Crl, &bytes, &anchors).unwrap();
    assert_eq!(admitted.records().len(), 100_001);
    let Body::Crl(body) = admitted.record().body() else {
        panic!("the list's own record")
    };
    assert_eq!(body.count, 100_000);
}

/// `Node::der` for contents beyond 65,535 octets.
fn long_der(node: &Node) -> Vec<u8> {
    match node {
        Node::Leaf(..) => node.der(),
        Node::Tree(tag, children) => long_element(
            *tag,
            &children.iter().flat_map(long_der).collect::<Vec<_>>(),
        ),
    }
}

fn long_element(tag: u8, content: &[u8]) -> Vec<u8> {
    if content.len() < 0x1_0000 {
        return element(tag, content);
    }
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let digits: &[u8] = if length[0] == 0 {
        &length[1..]
    } else {
        &length
    };
    let count = 0x80 | u8::try_from(digits.len()).unwrap();
    [&[tag, count], digits, content].concat()
}
