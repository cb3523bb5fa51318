//! The published vectors in `testdata/records/`: artifacts, and the records that they must give.
//! A change here is a change of the format, and needs a new record version.
//!
//! `make_vectors` made them, with a fresh PKI whose keys were thrown away; running it again gives
//! other vectors, so it is not part of any check.

use std::path::PathBuf;

use crate::support::{ASK, Ask, Node, P256, Pki, signed_data, signer_info};
use ishibumi_artifact::record::{
    ArchiveCustodian, Body, CheckpointAnchor, EndingStatement, GenTime, KeyDestroyed, LastCount,
    LastCrl, LogEnding, LogErased, LogOpened, LogStatement, Mark, Moment, Opaque, Predecessor,
    ProviderStatement, Reason, Revocation, StatementCode, TokenMark, batch_digest,
};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Record, admit};
use ishibumi_tlog::{Checkpoint, Hash};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the JSON's own word")]
struct Vectors {
    about: String,
    anchors: Vec<String>,
    intermediates: Vec<String>,
    vectors: Vec<Vector>,
}

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    /// File of the artifact that gives these records, with its media type; none if made by hand.
    artifact: Option<(String, String)>,
    records: Vec<Entry>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
struct Entry {
    kind: u16,
    record: String,
    leaf_hash: String,
    lookup_keys: Vec<String>,
}

fn entry(record: &Record) -> Entry {
    let octets = record.encode();
    let keys = record.lookup_keys();
    Entry {
        kind: record.kind(),
        leaf_hash: hex::encode(Sha256::digest([&[0][..], &octets].concat())),
        lookup_keys: keys.iter().map(|key| hex::encode(key.to_bytes())).collect(),
        record: hex::encode(octets),
    }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "testdata", "records"]
        .iter()
        .collect()
}

fn certificates(names: &[String]) -> Vec<Certificate> {
    let read =
        |name: &String| Certificate::parse(&std::fs::read(folder().join(name)).unwrap()).unwrap();
    names.iter().map(read).collect()
}

#[test]
fn the_published_vectors_hold() {
    let text = std::fs::read_to_string(folder().join("vectors.json")).unwrap();
    let all: Vectors = serde_json::from_str(&text).unwrap();
    let anchors = Anchors::from_certificates(certificates(&all.anchors))
        .with_intermediates(certificates(&all.intermediates));
    assert!(all.vectors.len() >= 17);
    for vector in by_hand() {
        let published = all.vectors.iter().find(|other| other.name == vector.name);
        let published = published.expect(&vector.name);
        assert_eq!(published.records, vector.records, "{}", vector.name);
    }
    for vector in &all.vectors {
        for expected in &vector.records {
            let octets = hex::decode(&expected.record).unwrap();
            let record = Record::decode(&octets).unwrap();
            assert_eq!(entry(&record), *expected, "{}", vector.name);
        }
        if let Some((file, media_type)) = &vector.artifact {
            let kind = ArtifactType::from_media_type(media_type).unwrap();
            let bytes = std::fs::read(folder().join(file)).unwrap();
            let admitted = admit(kind, &bytes, &anchors).unwrap();
            let found: Vec<Entry> = admitted.records().iter().map(entry).collect();
            assert_eq!(found, vector.records, "{}", vector.name);
        }
    }
}

#[test]
#[ignore = "makes new vectors, which is a change of the published ones"]
fn make_vectors() {
    let pki = Pki::new();
    let dates = ("20250101000000Z", "20400101000000Z");
    let issue = |name: &str, subject: &str, extensions: &str| {
        pki.key(name, P256);
        pki.request(name, subject);
        pki.sign(name, "issuing", extensions, dates, &[]);
        pki.certificate(name).der().to_vec()
    };
    issue("tsu-p256", "/C=JP/O=Ishibumi Test/CN=TSU", "v3_tsu");
    let seal = issue(
        "seal",
        "/C=JP/O=Test KK/organizationIdentifier=NTRJP-1234567890123/CN=Test KK",
        "v3_seal",
    );
    let person = issue(
        "person",
        "/C=JP/givenName=Hanako/surname=Yamada/CN=Hanako Yamada",
        "v3_esign",
    );
    let ask = Ask {
        tsu: "tsu-p256",
        digits: 3,
        accuracy: "secs:1, millisecs:500",
        ..ASK
    };
    let token = pki.token(ask);
    pki.revoke("person", "issuing", &["-crl_compromise", "20260101000000Z"]);
    pki.revoke("seal", "issuing", &["-crl_reason", "cessationOfOperation"]);
    pki.revoke("tsu-p256", "issuing", &[]);
    let list = pki.crl("issuing", &[]);
    let delta = pki.crl("issuing", &["-crlexts", "crl_delta"]);
    let response = pki.ocsp("issuing", &["seal", "person"], "issuing");

    let mut mirrored = Node::read(&token);
    let value = signer_info(&mut mirrored).child(5).bytes();
    let signature = p256::ecdsa::Signature::from_der(value).unwrap();
    let other = p256::ecdsa::Signature::from_scalars(*signature.r(), -*signature.s()).unwrap();
    *value = other.to_der().as_bytes().to_vec();
    let mut extended = Node::read(&token);
    signed_data(&mut extended)
        .child(3)
        .children()
        .push(Node::Tree(0xa2, vec![Node::Leaf(0x02, vec![1])]));

    std::fs::create_dir_all(folder()).unwrap();
    let save = |name: &str, bytes: &[u8]| std::fs::write(folder().join(name), bytes).unwrap();
    for ca in ["root", "issuing"] {
        save(&format!("{ca}.crt"), pki.certificate(ca).der());
    }
    let anchors = pki.anchors();
    let from_file = |name: &str, media_type: &str, bytes: &[u8]| {
        save(name, bytes);
        let kind = ArtifactType::from_media_type(media_type).unwrap();
        let records = admit(kind, bytes, &anchors)
            .unwrap()
            .records()
            .iter()
            .map(entry)
            .collect();
        Vector {
            name: name.into(),
            artifact: Some((name.into(), media_type.into())),
            records,
        }
    };
    let (tst, crt, crl, ors) = (
        "application/vnd.etsi.timestamp-token",
        "application/pkix-cert",
        "application/pkix-crl",
        "application/ocsp-response",
    );
    let mut vectors = by_hand();
    vectors.extend([
        from_file("token.tst", tst, &token),
        from_file("token-mirrored.tst", tst, &mirrored.der()),
        from_file("token-attribute-certificate.tst", tst, &extended.der()),
        from_file("seal.crt", crt, &seal),
        from_file("person.crt", crt, &person),
        from_file("issuing.crl", crl, &list),
        from_file("issuing-delta.crl", crl, &delta),
        from_file("issuing.ors", ors, &response),
    ]);
    let all = Vectors {
        about: "Records of Ishibumi, docs/formats/record.md; the document stamped is `a contract`"
            .into(),
        anchors: vec!["root.crt".into()],
        intermediates: vec!["issuing.crt".into()],
        vectors,
    };
    save(
        "vectors.json",
        (serde_json::to_string_pretty(&all).unwrap() + "\n").as_bytes(),
    );
}

/// Records that no file makes.
fn by_hand() -> Vec<Vector> {
    let vector = |name: &str, body: Body| Vector {
        name: name.into(),
        artifact: None,
        records: vec![entry(&body.into())],
    };
    let keys = ["log.example+1234abcd+AXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5"];
    let opened = LogOpened::new("log.example", &keys, None).unwrap();
    let accepted = ProviderStatement::new(
        StatementCode::ACCEPTED,
        "tsa-1",
        vec![[0x11; 32]],
        b"since 2026",
    )
    .unwrap();
    let moment = |seconds| Moment::new("vector", Time::from_unix(seconds)).unwrap();
    let revocation = Revocation {
        issuer_key_hash: [0x22; 32],
        serial: Opaque::new("serial", [0x00, 0x80]).unwrap(),
        revocation_date: moment(1_800_000_000),
        reason: Some(Reason::new(0).unwrap()),
        invalidity_date: None,
    };
    let before = Predecessor::new(&keys, b"log.example\n9\n...").unwrap();
    let continued = LogOpened::new("next.example", &keys, Some(before)).unwrap();
    let ending = || {
        let reasons = ("the operator retires", "運営者の廃業");
        let custodians = ["National Archive, https://archive.example/log"];
        LogEnding::new(moment(1_900_000_000), reasons, &keys, &custodians).unwrap()
    };
    let erased = LogErased {
        blob: [0x33; 32],
        date: moment(1_850_000_000),
        reason: Opaque::new("reason", *b"order of a court").unwrap(),
    };
    let checkpoint = Checkpoint::new("log.example", 9, Hash([0x44; 32]));
    let anchor = CheckpointAnchor::new(checkpoint, b"DER of a token").unwrap();
    let mut vectors = vec![
        vector("log opened", Body::Log(LogStatement::Opened(opened))),
        vector("provider accepted", Body::Provider(accepted)),
        vector(
            "revocation with the explicit reason 0",
            Body::Revocation(revocation),
        ),
        vector(
            "opaque",
            Body::Opaque(Opaque::new("body", *b"anything").unwrap()),
        ),
        vector(
            "log opened after another",
            Body::Log(LogStatement::Opened(continued)),
        ),
        vector("log closing", Body::Log(LogStatement::Closing(ending()))),
        vector("log closed", Body::Log(LogStatement::Closed(ending()))),
        vector("blob erased", Body::Log(LogStatement::Erased(erased))),
        vector("checkpoint anchor", Body::Anchor(anchor)),
        vector(
            "token mark",
            Body::Mark(TokenMark {
                content: [12; 32],
                mark: Mark::SHA1,
            }),
        ),
    ];
    vectors.extend(provider_endings());
    vectors
}

/// What a provider says about its own end.
fn provider_endings() -> Vec<Vector> {
    let moment = |seconds| Moment::new("vector", Time::from_unix(seconds)).unwrap();
    let ended = |name: &str, said: EndingStatement| Vector {
        name: name.into(),
        artifact: None,
        records: vec![entry(&Body::Provider(said.by("tsa-1").unwrap()).into())],
    };
    vec![
        ended(
            "key destroyed",
            EndingStatement::KeyDestroyed(KeyDestroyed {
                sequence: 0,
                certificate: [0x55; 32],
                date: moment(1_890_000_000),
                attestation: Some([0x66; 32]),
                text: Opaque::new("text", *b"zeroized before two witnesses").unwrap(),
            }),
        ),
        ended(
            "archive custodian",
            EndingStatement::ArchiveCustodian(ArchiveCustodian {
                sequence: 0,
                name: Opaque::new("name", *b"National Archive").unwrap(),
                location: Opaque::new("location", *b"https://archive.example/tsa-1").unwrap(),
                archive: [0x77; 32],
            }),
        ),
        ended(
            "last list",
            EndingStatement::LastCrl(LastCrl {
                sequence: 0,
                crl: [0x88; 32],
                issuer_key_hash: [0x22; 32],
            }),
        ),
        ended(
            "last count",
            EndingStatement::LastCount(LastCount {
                sequence: 0,
                certificate: [0x55; 32],
                count: 2,
                last: Some((
                    Opaque::new("serial", [0x00, 0x80]).unwrap(),
                    GenTime::new(b"20291231235959.5Z").unwrap(),
                )),
                batch: batch_digest([[0xbb; 32], [0xaa; 32]]),
            }),
        ),
    ]
}
