//! Records: one encoding each, no panic on any octets, and the published vectors.

use ishibumi_artifact::record::{
    Accuracy, ArchiveCustodian, Body, CertificateBody, CertificateDigestBody, CheckpointAnchor,
    CrlBody, EndingStatement, GenTime, KeyDestroyed, LastCount, LastCrl, LogEnding, LogErased,
    LogOpened, LogStatement, Mark, Moment, OcspAnswer, OcspBody, OcspStatus, Opaque,
    PREDECESSOR_CHECKPOINT_MAX, Predecessor, ProviderStatement, Reason, RecordError, Revocation,
    Scope, StatementCode, TokenBody, TokenMark,
};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Crl, Record, TimestampToken};
use ishibumi_tlog::{Checkpoint, Hash};
use proptest::collection::vec;
use proptest::prelude::*;

fn opaque<const MIN: usize, const MAX: usize>(
    most: usize,
) -> impl Strategy<Value = Opaque<MIN, MAX>> {
    vec(any::<u8>(), MIN..=most.min(MAX)).prop_map(|octets| Opaque::new("test", octets).unwrap())
}

fn moment() -> impl Strategy<Value = Moment> {
    (-62_000_000_000_i64..253_000_000_000)
        .prop_map(|seconds| Moment::new("test", Time::from_unix(seconds)).unwrap())
}

fn gen_time() -> impl Strategy<Value = GenTime> {
    (0_i64..4_000_000_000, 0_u32..1_000_000).prop_map(|(seconds, micros)| {
        let whole = Time::from_unix(seconds).to_generalized();
        let fraction = format!("{micros:06}").trim_end_matches('0').to_owned();
        let dot = if fraction.is_empty() { "" } else { "." };
        GenTime::new(format!("{}{dot}{fraction}Z", whole.trim_end_matches('Z')).as_bytes()).unwrap()
    })
}

fn reason() -> impl Strategy<Value = Option<Reason>> {
    proptest::option::of((0_u8..=10).prop_filter_map("7 is unused", |code| Reason::new(code).ok()))
}

fn accuracy() -> impl Strategy<Value = Option<Accuracy>> {
    let parts = (any::<u32>(), 0_u16..1_000, 0_u16..1_000);
    proptest::option::of(
        parts.prop_map(|(seconds, millis, micros)| Accuracy::new(seconds, millis, micros).unwrap()),
    )
}

fn token() -> impl Strategy<Value = Body> {
    (
        opaque(32),
        opaque(64),
        opaque(64),
        gen_time(),
        accuracy(),
        opaque(64),
        opaque(32),
        any::<[u8; 32]>(),
    )
        .prop_map(
            |(algorithm, hash, serial, gen_time, accuracy, policy, imprint, content)| {
                Body::Token(TokenBody {
                    ess_hash_algorithm: algorithm,
                    ess_hash: hash,
                    serial,
                    gen_time,
                    accuracy,
                    policy,
                    imprint_algorithm: imprint,
                    content,
                })
            },
        )
}

fn log_statement() -> impl Strategy<Value = LogStatement> {
    let keys = |range| vec("[!-~]{1,200}", range);
    let opened = (
        "[a-z./]{1,255}",
        keys(1..=4),
        proptest::option::of((keys(1..=4), vec(any::<u8>(), 1..3_000))),
    )
        .prop_map(|(origin, keys, before)| {
            let before = before
                .map(|(keys, checkpoint)| Predecessor::new(&borrowed(&keys), &checkpoint).unwrap());
            LogStatement::Opened(LogOpened::new(&origin, &borrowed(&keys), before).unwrap())
        });
    let ending = (
        moment(),
        ".{1,100}",
        ".{0,100}",
        keys(0..=4),
        vec("[!-~]{1,255}", 0..=16),
        any::<bool>(),
    )
        .prop_map(|(date, reason, reason_ja, successor, custodians, closed)| {
            let reasons = (reason.as_str(), reason_ja.as_str());
            let successor = borrowed(&successor);
            let ending = LogEnding::new(date, reasons, &successor, &borrowed(&custodians));
            let ending = ending.unwrap();
            if closed {
                LogStatement::Closed(ending)
            } else {
                LogStatement::Closing(ending)
            }
        });
    let erased = (any::<[u8; 32]>(), moment(), opaque(300))
        .prop_map(|(blob, date, reason)| LogStatement::Erased(LogErased { blob, date, reason }));
    prop_oneof![opened, ending, erased]
}

fn borrowed(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

fn anchor() -> impl Strategy<Value = CheckpointAnchor> {
    let token = vec(any::<u8>(), 1..300);
    ("[a-z./]{1,255}", any::<u32>(), any::<[u8; 32]>(), token).prop_map(
        |(origin, size, root, token)| {
            let checkpoint = Checkpoint::new(&origin, u64::from(size) + 1, Hash(root));
            CheckpointAnchor::new(checkpoint, &token).unwrap()
        },
    )
}

fn provider_statement() -> impl Strategy<Value = Body> {
    (
        any::<u8>(),
        "[a-z-]{1,64}",
        vec(any::<[u8; 32]>(), 0..5),
        vec(any::<u8>(), 0..300),
    )
        .prop_map(|(code, provider, anchors, detail)| {
            Body::Provider(
                ProviderStatement::new(StatementCode(code), &provider, anchors, &detail).unwrap(),
            )
        })
}

fn ending() -> impl Strategy<Value = EndingStatement> {
    let hash = any::<[u8; 32]>;
    let destroyed = (
        any::<u32>(),
        hash(),
        moment(),
        proptest::option::of(hash()),
        opaque(300),
    )
        .prop_map(|(sequence, certificate, date, attestation, text)| {
            EndingStatement::KeyDestroyed(KeyDestroyed {
                sequence,
                certificate,
                date,
                attestation,
                text,
            })
        });
    let custodian = (any::<u32>(), opaque(255), opaque(1_024), hash()).prop_map(
        |(sequence, name, location, archive)| {
            EndingStatement::ArchiveCustodian(ArchiveCustodian {
                sequence,
                name,
                location,
                archive,
            })
        },
    );
    let crl = (any::<u32>(), hash(), hash()).prop_map(|(sequence, crl, issuer_key_hash)| {
        EndingStatement::LastCrl(LastCrl {
            sequence,
            crl,
            issuer_key_hash,
        })
    });
    let last = proptest::option::of((opaque(64), gen_time()));
    let count = (any::<u32>(), hash(), 1..u64::MAX, last, hash()).prop_map(
        |(sequence, certificate, count, last, batch)| {
            EndingStatement::LastCount(LastCount {
                sequence,
                certificate,
                count: last.as_ref().map_or(0, |_| count),
                last,
                batch,
            })
        },
    );
    prop_oneof![destroyed, custodian, crl, count]
}

fn body() -> impl Strategy<Value = Body> {
    let hash = any::<[u8; 32]>;
    prop_oneof![
        token(),
        log_statement().prop_map(Body::Log),
        anchor().prop_map(Body::Anchor),
        (hash(), any::<u8>()).prop_map(|(content, mark)| {
            Body::Mark(TokenMark {
                content,
                mark: Mark(mark),
            })
        }),
        provider_statement(),
        ending().prop_map(|said| Body::Provider(said.by("north").unwrap())),
        (hash(), opaque(2_000)).prop_map(|(issuer_key_hash, certificate)| {
            Body::Certificate(CertificateBody {
                issuer_key_hash,
                certificate,
            })
        }),
        (hash(), hash(), opaque(64), moment(), moment()).prop_map(
            |(tbs_digest, issuer_key_hash, serial, not_before, not_after)| {
                Body::CertificateDigest(CertificateDigestBody {
                    tbs_digest,
                    issuer_key_hash,
                    serial,
                    not_before,
                    not_after,
                })
            }
        ),
        (
            hash(),
            opaque(64),
            moment(),
            reason(),
            proptest::option::of(moment())
        )
            .prop_map(
                |(issuer_key_hash, serial, revocation_date, reason, invalidity_date)| {
                    Body::Revocation(Revocation {
                        issuer_key_hash,
                        serial,
                        revocation_date,
                        reason,
                        invalidity_date,
                    })
                }
            ),
        (
            hash(),
            hash(),
            (opaque(32), opaque(32)),
            scope(),
            moment(),
            proptest::option::of(moment()),
            proptest::option::of(moment()),
            any::<u32>()
        )
            .prop_map(
                |(
                    issuer_key_hash,
                    digest,
                    (number, base_number),
                    scope,
                    this_update,
                    next_update,
                    expired_certs_on,
                    count,
                )| {
                    Body::Crl(CrlBody {
                        issuer_key_hash,
                        digest,
                        number,
                        base_number,
                        scope,
                        this_update,
                        next_update,
                        expired_certs_on,
                        count,
                    })
                }
            ),
        (
            hash(),
            hash(),
            hash(),
            moment(),
            proptest::collection::vec(ocsp_answer(), 1..5)
        )
            .prop_map(|(issuer, responder, digest, produced_at, answers)| {
                Body::Ocsp(OcspBody::new(issuer, responder, digest, produced_at, answers).unwrap())
            }),
        opaque(300).prop_map(Body::Opaque),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    let flags = (any::<[bool; 4]>(), 0..3_u8);
    flags.prop_map(|([indirect, some_reasons, one_point, _], kind)| Scope {
        user_certificates: kind == 1,
        ca_certificates: kind == 2,
        indirect,
        some_reasons,
        one_point,
    })
}

fn ocsp_answer() -> impl Strategy<Value = OcspAnswer> {
    let status = prop_oneof![
        Just(OcspStatus::Good),
        Just(OcspStatus::Revoked),
        Just(OcspStatus::Unknown)
    ];
    let times = (
        moment(),
        proptest::option::of(moment()),
        proptest::option::of(moment()),
    );
    (opaque(64), status, times, any::<bool>()).prop_map(|(serial, status, times, hashed)| {
        let octets = |length| vec![7; if hashed { length } else { 0 }];
        OcspAnswer {
            serial,
            status,
            this_update: times.0,
            next_update: times.1,
            archive_cutoff: times.2,
            cert_hash: (
                Opaque::new("cert_hash", octets(9)).unwrap(),
                Opaque::new("cert_hash", octets(32)).unwrap(),
            ),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_encoded_decodes_to_itself(body in body()) {
        let record = Record::from(body);
        let octets = record.encode();
        prop_assert_eq!(&Record::decode(&octets).unwrap(), &record);
        prop_assert_eq!(record.lookup_keys(), Record::decode(&octets).unwrap().lookup_keys());
        let longer = [&octets[..], &[0]].concat();
        if !matches!(record.body(), Body::Opaque(_)) {
            prop_assert!(Record::decode(&longer).is_err());
        }
    }

    /// Every record that is accepted encodes back to the same octets.
    #[test]
    fn what_is_decoded_encodes_to_itself(body in body(), position in any::<prop::sample::Index>(), octet: u8) {
        let mut octets = Record::from(body).encode();
        let position = position.index(octets.len());
        octets[position] = octet;
        if let Ok(record) = Record::decode(&octets) {
            prop_assert_eq!(record.encode(), octets);
        }
    }

    #[test]
    fn no_octets_make_a_reader_panic(octets in vec(any::<u8>(), 0..400), kind in 0_u16..13) {
        let anchors = Anchors::default();
        let [high, low] = kind.to_be_bytes();
        let framed = [&[1, high, low][..], &octets].concat();
        if let Ok(record) = Record::decode(&framed) {
            prop_assert_eq!(record.encode(), framed);
            let _ = record.lookup_keys();
        }
        let sequence = [&[0x30, 0x80][..], &octets].concat();
        for bytes in [&octets, &sequence] {
            let _ = Certificate::parse(bytes);
            let _ = Crl::parse(bytes);
            let _ = TimestampToken::parse(bytes).map(|token| token.verify(&anchors));
            let _ = Time::from_generalized(bytes);
            let _ = ArtifactType::detect(bytes);
        }
    }
}

#[test]
fn sizes_and_versions_have_bounds() {
    assert_eq!(Record::decode(&[1, 0]).unwrap_err(), RecordError::Size(2));
    assert_eq!(
        Record::decode(&vec![1; 65_536]).unwrap_err(),
        RecordError::Size(65_536)
    );
    assert_eq!(
        Record::decode(&[2, 0, 3, 0]).unwrap_err(),
        RecordError::Version(2)
    );
    let largest = Body::Opaque(Opaque::new("body", vec![7; 65_532]).unwrap());
    assert_eq!(Record::from(largest).encode().len(), 65_535);
    let certificate = Opaque::new("certificate", vec![7; 65_498]).unwrap();
    let largest = Body::Certificate(CertificateBody {
        issuer_key_hash: [0; 32],
        certificate,
    });
    let largest = Record::from(largest);
    assert_eq!(largest.encode().len(), 65_535);
    assert_eq!(Record::decode(&largest.encode()).unwrap(), largest);
    assert!(Opaque::<1, 65_498>::new("certificate", vec![7; 65_499]).is_err());
}

#[test]
fn unknown_kinds_stay_provable() {
    for kind in [0_u16, 9, 11, 13, 0xfffe] {
        let octets = [&[1][..], &kind.to_be_bytes(), b"anything"].concat();
        let record = Record::decode(&octets).unwrap();
        assert!(matches!(record.body(), Body::Unknown(body) if body.as_bytes() == b"anything"));
        assert_eq!((record.kind(), record.encode()), (kind, octets));
    }
}

#[test]
fn an_absent_reason_is_not_an_explicit_zero() {
    let moment = Moment::new("test", Time::from_unix(0)).unwrap();
    let with = |reason| {
        let serial = Opaque::new("serial", [5]).unwrap();
        let revocation = Revocation {
            issuer_key_hash: [1; 32],
            serial,
            revocation_date: moment,
            reason,
            invalidity_date: None,
        };
        Record::from(Body::Revocation(revocation)).encode()
    };
    assert_ne!(with(None), with(Some(Reason::new(0).unwrap())));
    assert!(Reason::new(7).is_err() && Reason::new(11).is_err());
}

/// The largest of everything that a log says about itself fits a record.
#[test]
fn the_longest_log_statements_fit() {
    let line = "k".repeat(4_095);
    let keys = [line.as_str(); 4];
    let note = vec![b'n'; PREDECESSOR_CHECKPOINT_MAX];
    let before = Predecessor::new(&keys, &note).unwrap();
    let opened = LogOpened::new(&"o".repeat(255), &keys, Some(before)).unwrap();
    let (reason, custodian) = ("r".repeat(1_024), "c".repeat(255));
    let date = Moment::new("test", Time::from_unix(0)).unwrap();
    let ending = |custodians: &[&str]| LogEnding::new(date, (&reason, &reason), &keys, custodians);
    for statement in [
        LogStatement::Opened(opened),
        LogStatement::Closed(ending(&[custodian.as_str(); 16]).unwrap()),
    ] {
        let record = Record::from(Body::Log(statement));
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
    }
    assert!(ending(&[custodian.as_str(); 17]).is_err());
    assert!(Predecessor::new(&[line.as_str(); 5], b"n").is_err());
    assert!(Predecessor::new(&keys, &[&note[..], b"n"].concat()).is_err());
}

#[test]
fn an_anchor_is_over_a_checkpoint_without_extension_lines() {
    let checkpoint = |origin| Checkpoint::new(origin, 7, Hash([9; 32]));
    assert!(CheckpointAnchor::new(checkpoint("log.example"), b"token").is_ok());
    assert!(CheckpointAnchor::new(checkpoint("two\nlines"), b"token").is_err());
    let text = checkpoint("log.example").to_text();
    let framed = |text: &str| {
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        [&[1, 0, 10][..], &length, text.as_bytes(), &[0, 1, 5]].concat()
    };
    assert!(Record::decode(&framed(&text)).is_ok());
    for other in [
        format!("{text}more\n"),
        text.replace('7', "07"),
        "log.example\n".to_owned(),
    ] {
        assert_eq!(
            Record::decode(&framed(&other)),
            Err(RecordError::Checkpoint)
        );
    }
}

proptest! {
    #[test]
    fn what_a_provider_says_about_its_end_has_one_encoding(said in ending()) {
        let statement = said.by("north").unwrap();
        prop_assert_eq!(statement.ending(), Ok(said));
        // The log's own registry says none of it, and reads none of it as an entry of its own.
        prop_assert!(statement.code().is_by_provider());
        let detail = statement.detail();
        for cut in 0..detail.len() {
            let shorter = ProviderStatement::new(statement.code(), "north", Vec::new(), &detail[..cut]);
            prop_assert!(shorter.unwrap().ending().is_err());
        }
        let longer = [detail, &[0]].concat();
        let longer = ProviderStatement::new(statement.code(), "north", Vec::new(), &longer);
        prop_assert!(longer.unwrap().ending().is_err());
        let other = ProviderStatement::new(StatementCode::ACCEPTED, "north", Vec::new(), detail);
        prop_assert!(other.unwrap().ending().is_err());
    }
}

#[test]
fn a_count_and_its_last_token_do_not_contradict_each_other() {
    let some = Some((
        Opaque::new("serial", [1]).unwrap(),
        GenTime::new(b"20260101000000Z").unwrap(),
    ));
    for (count, last, good) in [
        (0, None, true),
        (1, some.clone(), true),
        (0, some, false),
        (1, None, false),
    ] {
        let said = LastCount {
            sequence: 0,
            certificate: [0; 32],
            count,
            last,
            batch: [0; 32],
        };
        assert_eq!(
            EndingStatement::LastCount(said).by("north").is_ok(),
            good,
            "{count}"
        );
    }
}
