//! Tokens made by OpenSSL, good and broken: which are accepted, which are refused and with which
//! code, and that one token has one record in every wrapping.

use std::sync::OnceLock;

use crate::ed25519;
use crate::support::{ASK, Ask, Node, Pki, element, signed_data, signer_info, token_content};
use ishibumi_artifact::record::Body;
use ishibumi_artifact::rules::{AlgorithmRules, SHA1_END};
use ishibumi_artifact::unsigned::{embedded_proofs, with_proofs};
use ishibumi_artifact::{
    Anchors, ArtifactType, Certificate, LookupKey, Record, TimestampToken, VerifiedToken, admit,
    record_of,
};
use sha2::{Digest, Sha256};

/// One landscape for all tests; tokens are made under a lock, because `openssl ts` works with
/// files.
fn with_pki<T>(work: impl FnOnce(&Pki) -> T) -> T {
    static PKI: OnceLock<std::sync::Mutex<Pki>> = OnceLock::new();
    let pki = PKI.get_or_init(|| Pki::new().with_units().into());
    work(
        &pki.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    )
}

fn anchors() -> Anchors {
    with_pki(Pki::anchors)
}

fn token(ask: Ask<'_>) -> Vec<u8> {
    with_pki(|pki| pki.token(ask))
}

fn verify(token: &[u8]) -> VerifiedToken {
    TimestampToken::parse(token)
        .unwrap()
        .verify(&anchors())
        .unwrap()
}

fn record(token: &[u8]) -> Record {
    verify(token).record().clone()
}

fn refusal(token: &[u8], anchors: &Anchors) -> &'static str {
    match TimestampToken::parse(token).and_then(|token| token.verify(anchors)) {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}

#[test]
fn every_kind_of_unit_is_accepted() {
    for tsu in ["tsu-rsa", "tsu-p256", "tsu-p384", "tsu-p521"] {
        for ess in ["sha1", "sha256", "sha512"] {
            let bytes = token(Ask {
                tsu,
                ess,
                imprint: "sha384",
                ..ASK
            });
            let verified = verify(&bytes);
            assert!(verified.matches(b"a contract"), "{tsu} {ess}");
            assert!(!verified.matches(b"another contract"));
            assert_eq!(
                verified.signer().subject(),
                format!("CN={tsu},O=Ishibumi Test,C=JP")
            );
            assert_eq!(verified.path().certificates().len(), 3);
            assert_eq!(verified.accuracy().unwrap().total_micros(), 1_000_000);
            assert_eq!(verified.policy(), "0.4.0.2023.1.1");
        }
    }
}

#[test]
fn replies_tokens_and_pem_are_the_same_artifact() {
    let reply = with_pki(|pki| pki.reply(ASK));
    let bare = with_pki(|pki| {
        pki.openssl(&[
            "ts",
            "-reply",
            "-in",
            "reply.tsr",
            "-token_out",
            "-out",
            "same.tst",
        ]);
        pki.read("same.tst")
    });
    let label = "TIMESTAMP TOKEN";
    let pem = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, &bare).unwrap();
    assert_eq!(record(&reply), record(&bare));
    assert_eq!(record(pem.as_bytes()), record(&bare));
    let through = |kind, bytes: &[u8]| record_of(kind, bytes, &anchors()).unwrap();
    assert_eq!(through(ArtifactType::TimestampReply, &bare), record(&bare));
    assert_eq!(
        ArtifactType::detect(&reply),
        Some(ArtifactType::TimestampToken)
    );
}

#[test]
fn fractions_and_absent_accuracy_are_kept_as_signed() {
    let bytes = token(Ask {
        digits: 6,
        accuracy: "millisecs:500, microsecs:100",
        ..ASK
    });
    let verified = verify(&bytes);
    assert_eq!(verified.accuracy().unwrap().parts(), (0, 500, 100));
    let Body::Token(body) = verified.record().body() else {
        panic!("a token's record")
    };
    assert!(
        token_content(&bytes)
            .windows(body.gen_time.as_bytes().len())
            .any(|w| w == body.gen_time.as_bytes())
    );
    assert_eq!(
        Record::decode(&verified.record().encode()).unwrap(),
        *verified.record()
    );
}

#[test]
fn pss_and_cms_made_tokens_are_accepted() {
    let made = token(ASK);
    with_pki(|pki| {
        for options in [
            &["-cades"][..],
            &["-cades", "-keyopt", "rsa_padding_mode:pss"],
            &[
                "-cades",
                "-keyopt",
                "rsa_padding_mode:pss",
                "-keyopt",
                "rsa_pss_saltlen:20",
            ],
            &["-cades", "-keyid"],
        ] {
            let bytes = pki.cms_token(&made, "tsu-rsa", options);
            // The tsa field fits, since the unit is the same.
            assert_eq!(refusal(&bytes, &pki.anchors()), "accepted", "{options:?}");
        }
    });
}

/// A token of the Ed25519 unit; `more` as in [`ed25519::token`].
fn ed25519_token(more: impl FnOnce(&Certificate, &mut Vec<u8>, &mut Vec<Vec<u8>>)) -> Vec<u8> {
    with_pki(|pki| ed25519::token(pki, more))
}

#[test]
fn ed25519_is_accepted() {
    let bytes = ed25519_token(|_, _, _| ());
    assert!(verify(&bytes).matches(b"a contract"));
    let mut broken = Node::read(&bytes);
    signer_info(&mut broken).child(5).bytes()[3] ^= 1;
    assert_eq!(refusal(&broken.der(), &anchors()), "signature-invalid");
}

/// What the issuerSerial of an ESSCertIDv2 says must fit the certificate too.
#[test]
fn an_issuer_serial_must_fit() {
    let with = |issuer_of: &'static str, serial: Option<&'static [u8]>| {
        ed25519_token(move |certificate, identifier, _| {
            let issuer = Node::read(certificate.der()).child(0).child(3).der();
            let issuer = if issuer_of == "itself" {
                issuer
            } else {
                element(0x30, &[])
            };
            let names = element(0x30, &element(0xa4, &issuer));
            let serial = element(0x02, serial.unwrap_or(certificate.serial()));
            identifier.extend(element(0x30, &[names, serial].concat()));
        })
    };
    assert_eq!(refusal(&with("itself", None), &anchors()), "accepted");
    assert_eq!(
        refusal(&with("itself", Some(&[0x05])), &anchors()),
        "ess-mismatch"
    );
    assert_eq!(refusal(&with("nobody", None), &anchors()), "ess-mismatch");
}

/// RFC 6211: the algorithms that are signed must be those that are used.
#[test]
fn protected_algorithms_must_be_those_used() {
    let with = |digest_tail: u8, signature: &'static [u8]| {
        ed25519_token(move |_, _, further| {
            let digest = [0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 2, digest_tail];
            let digest = element(0x30, &element(0x06, &digest));
            let signature = element(0xa1, &element(0x06, signature));
            let value = element(0x30, &[digest, signature].concat());
            let name = element(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 52]);
            further.push(element(0x30, &[name, element(0x31, &value)].concat()));
        })
    };
    assert_eq!(
        refusal(&with(3, &[0x2b, 0x65, 0x70]), &anchors()),
        "accepted"
    );
    assert_eq!(
        refusal(&with(1, &[0x2b, 0x65, 0x70]), &anchors()),
        "algorithm-protection-mismatch"
    );
    assert_eq!(
        refusal(&with(3, &[0x2b, 0x65, 0x71]), &anchors()),
        "algorithm-protection-mismatch"
    );
}

/// Two attributes of one type would leave open which of them counts.
#[test]
fn an_attribute_stands_once() {
    let twice = ed25519_token(|_, _, further| {
        let name = element(0x06, &[0x2a, 3, 4]);
        for value in [1, 2] {
            let value = element(0x31, &element(0x02, &[value]));
            further.push(element(0x30, &[name.clone(), value].concat()));
        }
    });
    assert_eq!(refusal(&twice, &anchors()), "token-malformed");
}

#[test]
fn each_defect_has_its_code() {
    let made = token(ASK);
    with_pki(|pki| {
        let anchors = pki.anchors();
        let of = |tsu| pki.token(Ask { tsu, ..ASK });
        assert_eq!(
            refusal(&of("tsu-stranger"), &anchors),
            "issuer-unregistered"
        );
        assert_eq!(
            refusal(&of("tsu-expired"), &anchors),
            "gen-time-outside-certificate"
        );
        assert_eq!(refusal(&of("tsu-key-period-now"), &anchors), "accepted");
        assert_eq!(
            refusal(&of("tsu-key-period"), &anchors),
            "gen-time-outside-key-period"
        );
        assert_eq!(
            refusal(&of("tsu-critical"), &anchors),
            "critical-extension-unknown"
        );
        // What `openssl ts` would not sign is signed by `openssl cms`.
        let forced = |tsu| pki.cms_token(&made, tsu, &["-cades"]);
        assert_eq!(
            refusal(&forced("tsu-not-critical"), &anchors),
            "eku-not-critical"
        );
        assert_eq!(
            refusal(&forced("tsu-two-purposes"), &anchors),
            "eku-not-timestamping"
        );
        assert_eq!(refusal(&forced("tsu-key-usage"), &anchors), "tsu-key-usage");
        assert_eq!(refusal(&forced("tsu-p256"), &anchors), "tsa-name-mismatch");
        assert_eq!(
            refusal(&pki.cms_token(&made, "tsu-rsa", &[]), &anchors),
            "ess-missing"
        );
        let two = [
            "-cades",
            "-signer",
            "tsu-p256.crt",
            "-inkey",
            "tsu-p256.key",
        ];
        assert_eq!(
            refusal(&pki.cms_token(&made, "tsu-rsa", &two), &anchors),
            "signer-count"
        );
        assert_eq!(
            refusal(&pki.cms_token(&made, "tsu-rsa", &["-noattr"]), &anchors),
            "signed-attribute-missing"
        );
        assert_eq!(refusal(&forced("tsu-rsa"), &anchors), "accepted");

        let sha1 = pki.token(Ask {
            imprint: "sha1",
            ..ASK
        });
        assert_eq!(refusal(&sha1, &anchors), "imprint-refused");
        let judge = |existed| {
            let rules = AlgorithmRules::default().with_sha1_until(SHA1_END);
            let rules = rules.with_proof_of_existence(existed);
            refusal(&sha1, &pki.anchors().with_algorithm_rules(rules))
        };
        assert_eq!(judge(SHA1_END), "accepted");
        assert_eq!(judge(SHA1_END.plus_micros(1)), "imprint-refused");
    });
}

#[test]
fn a_rejection_is_told_in_the_tsas_words() {
    let reply = with_pki(|pki| {
        pki.reply(Ask {
            policy: "1.2.3.9.9",
            ..ASK
        })
    });
    let error = TimestampToken::parse(&reply).unwrap_err();
    assert_eq!(error.code(), "reply-not-granted");
    assert!(error.to_string().contains("unacceptedPolicy"), "{error}");
}

/// A reissued certificate: same key, same issuer, same serial, other dates. The signature verifies
/// with it and the identifier fits; only the ESS attribute tells it from the signer's.
#[test]
fn the_certificate_must_be_the_one_that_ess_names() {
    with_pki(|pki| {
        let bare = pki.token(Ask {
            certificates: false,
            tsu: "tsu-p256",
            ..ASK
        });
        let original = pki.certificate("tsu-p256");
        assert_eq!(refusal(&bare, &pki.anchors()), "signer-unknown");
        let known = || pki.anchors().with_intermediates([original.clone()]);
        assert_eq!(refusal(&bare, &known()), "accepted");

        let serial = format!("0x{}", hex::encode_upper(original.serial()));
        pki.openssl(&[
            "x509",
            "-req",
            "-in",
            "tsu-p256.csr",
            "-CA",
            "issuing.crt",
            "-CAkey",
            "issuing.key",
            "-out",
            "again.crt",
            "-set_serial",
            &serial,
            "-days",
            "100",
            "-extfile",
            "ca.cnf",
            "-extensions",
            "v3_tsu",
        ]);
        let again = pki.certificate("again");
        assert_eq!(again.serial(), original.serial());
        assert_eq!(again.key_hash(), original.key_hash());
        let replaced = pki.anchors().with_intermediates([again]);
        assert_eq!(refusal(&bare, &replaced), "ess-mismatch");
    });
}

#[test]
fn a_unit_can_be_trusted_directly() {
    let bytes = token(Ask {
        tsu: "tsu-stranger",
        ..ASK
    });
    let direct = with_pki(|pki| Anchors::from_certificates([pki.certificate("tsu-stranger")]));
    assert_eq!(refusal(&bytes, &direct), "accepted");
    // Its issuer's key is not at hand, so there is no certificate record to log.
    assert_eq!(
        admit(ArtifactType::TimestampToken, &bytes, &direct)
            .unwrap()
            .records()
            .len(),
        1
    );
    let with_issuer = direct.with_intermediates([with_pki(|pki| pki.certificate("stranger"))]);
    assert_eq!(
        admit(ArtifactType::TimestampToken, &bytes, &with_issuer)
            .unwrap()
            .records()
            .len(),
        2
    );
}

#[test]
fn wrapping_does_not_change_the_record() {
    for tsu in ["tsu-rsa", "tsu-p256"] {
        let original = token(Ask { tsu, ..ASK });
        let expected = record(&original);
        let known = with_pki(|pki| pki.anchors().with_intermediates([pki.certificate(tsu)]));
        let rewrapped = |bytes: &[u8]| {
            TimestampToken::parse(bytes)
                .unwrap()
                .verify(&known)
                .unwrap()
                .record()
                .clone()
        };

        let mut stripped = Node::read(&original);
        signed_data(&mut stripped).children().remove(3);
        assert_eq!(
            rewrapped(&stripped.der()),
            expected,
            "certificates stripped"
        );

        let mut strange = Node::read(&original);
        let set = signed_data(&mut strange).child(3).children();
        for tag in [0xa0, 0xa1, 0xa2, 0xa3] {
            set.push(Node::Tree(tag, vec![Node::Leaf(0x02, vec![1])]));
        }
        set.push(Node::Tree(0x30, vec![Node::Leaf(0x02, vec![1])]));
        assert_eq!(
            rewrapped(&strange.der()),
            expected,
            "attribute certificates and worse added"
        );

        let mut later = Node::read(&original);
        let attribute = vec![
            Node::Leaf(0x06, vec![0x2a, 3, 4]),
            Node::Tree(0x31, vec![Node::Leaf(0x02, vec![1])]),
        ];
        signer_info(&mut later)
            .children()
            .push(Node::Tree(0xa1, vec![Node::Tree(0x30, attribute)]));
        assert_eq!(
            rewrapped(&later.der()),
            expected,
            "unsigned attributes added"
        );

        let mut shuffled = Node::read(&original);
        signer_info(&mut shuffled).child(3).children().reverse();
        assert_eq!(
            rewrapped(&shuffled.der()),
            expected,
            "signed attributes in another order"
        );

        assert_eq!(rewrapped(&in_ber(&original)), expected, "BER around it");
    }
}

/// The envelope becomes definite, the signed octets stay: a token in BER gives the same result as
/// the token in DER.
#[test]
fn a_token_in_ber_takes_proofs() {
    let proofs = [b"two".to_vec(), b"one".to_vec()];
    for tsu in ["tsu-rsa", "tsu-p256"] {
        let original = token(Ask { tsu, ..ASK });
        let loose = in_ber(&original);
        assert_ne!(loose, original);
        let embedded = with_proofs(&original, &proofs).unwrap();
        assert_eq!(with_proofs(&loose, &proofs).unwrap(), embedded);
        assert_eq!(with_proofs(&in_ber(&embedded), &[]).unwrap(), original);
        assert_eq!(
            embedded_proofs(&in_ber(&embedded)).unwrap(),
            [b"one", b"two"]
        );
        assert_eq!(record(&embedded), record(&original));
    }
}

/// Indefinite lengths down to the content, which is cut in two.
fn in_ber(token: &[u8]) -> Vec<u8> {
    let mut root = Node::read(token);
    let mut signed = signed_data(&mut root).clone();
    let mut content = signed.child(2).clone();
    let octets = content.child(1).child(0).bytes().clone();
    let (head, tail) = octets.split_at(octets.len() / 2);
    let cut = [
        &[0x24, 0x80][..],
        &element(0x04, head),
        &element(0x04, tail),
        &[0, 0],
    ]
    .concat();
    let wrapper = content.child(1).indefinite(&[cut]);
    let content = content
        .clone()
        .indefinite(&[content.child(0).der(), wrapper]);
    let mut parts: Vec<Vec<u8>> = signed.children().iter().map(Node::der).collect();
    parts[2] = content;
    let signed = signed.indefinite(&parts);
    let wrapper = root.child(1).indefinite(&[signed]);
    root.clone().indefinite(&[root.child(0).der(), wrapper])
}

#[test]
fn signed_attributes_in_ber_are_refused() {
    let mut tree = Node::read(&token(ASK));
    let info = signer_info(&mut tree).clone();
    let mut info = info;
    let attributes = info.child(3).clone();
    let Node::Tree(_, inner) = &attributes else {
        panic!("signedAttrs are a tree")
    };
    let loose = attributes.indefinite(&inner.iter().map(Node::der).collect::<Vec<_>>());
    let mut parts: Vec<Vec<u8>> = info.children().iter().map(Node::der).collect();
    parts[3] = loose;
    let info = element(0x30, &parts.concat());
    let mut parts: Vec<Vec<u8>> = signed_data(&mut tree)
        .children()
        .iter()
        .map(Node::der)
        .collect();
    *parts.last_mut().unwrap() = element(0x31, &info);
    let signed = element(0x30, &parts.concat());
    let loose = element(
        0x30,
        &[tree.child(0).der(), element(0xa0, &signed)].concat(),
    );
    assert_eq!(refusal(&loose, &anchors()), "signed-attributes-not-der");
}

/// (r, s) and (r, n - s) both verify; anybody can make the one from the other.
#[test]
fn a_mirrored_ecdsa_signature_is_the_same_record() {
    let original = token(Ask {
        tsu: "tsu-p256",
        ..ASK
    });
    let mut tree = Node::read(&original);
    let value = signer_info(&mut tree).child(5).bytes();
    let signature = p256::ecdsa::Signature::from_der(value).unwrap();
    let mirrored = p256::ecdsa::Signature::from_scalars(*signature.r(), -*signature.s()).unwrap();
    assert_ne!(signature, mirrored);
    *value = mirrored.to_der().as_bytes().to_vec();
    let mirrored = tree.der();
    assert_ne!(mirrored, original);
    assert_eq!(record(&mirrored), record(&original));
}

/// However small it is, a memo changes no answer.
#[test]
fn a_memo_changes_no_answer() {
    let good = [
        token(ASK),
        token(Ask {
            tsu: "tsu-p256",
            ..ASK
        }),
    ];
    let strange = token(Ask {
        tsu: "tsu-stranger",
        ..ASK
    });
    let mut broken = Node::read(&good[0]);
    *signer_info(&mut broken)
        .child(5)
        .bytes()
        .last_mut()
        .unwrap() ^= 1;
    for capacity in [0, 1, 2, 100] {
        let anchors = anchors().with_memo(capacity);
        for _ in 0..3 {
            assert!(
                good.iter()
                    .all(|token| refusal(token, &anchors) == "accepted")
            );
            assert_eq!(refusal(&strange, &anchors), "issuer-unregistered");
            assert_eq!(refusal(&broken.der(), &anchors), "signature-invalid");
        }
    }
}

#[test]
fn two_tokens_have_two_records() {
    let one = token(Ask {
        tsu: "tsu-rsa",
        ..ASK
    });
    let other = token(Ask {
        tsu: "tsu-rsa",
        document: b"another",
        ..ASK
    });
    assert_ne!(record(&one), record(&other));
    // Same serial from the same unit, twice: they have one key in the index, which is how it is
    // noticed.
    assert_eq!(
        record(&one).lookup_keys()[0],
        record(&other).lookup_keys()[0]
    );
}

#[test]
fn no_changed_octet_makes_another_record() {
    for tsu in ["tsu-rsa", "tsu-p256"] {
        let original = token(Ask { tsu, ..ASK });
        let expected = record(&original);
        let anchors = anchors().with_memo(1_000);
        let mut accepted = 0;
        for position in 0..original.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = original.clone();
                changed[position] ^= change;
                if let Ok(verified) =
                    TimestampToken::parse(&changed).and_then(|t| t.verify(&anchors))
                {
                    assert_eq!(
                        *verified.record(),
                        expected,
                        "{tsu}: octet {position} ^ {change:02x}"
                    );
                    accepted += 1;
                }
            }
            assert!(
                TimestampToken::parse(&original[..position]).is_err(),
                "cut at {position}"
            );
        }
        // Octets that nothing rests on exist (versions, a surplus certificate); most do matter.
        assert!(
            accepted < original.len() * 2,
            "{accepted} of {}",
            original.len() * 4
        );
        let longer = [&original[..], &[0]].concat();
        assert!(TimestampToken::parse(&longer).is_err());
    }
}

#[test]
fn admission_logs_the_chain_and_then_the_token() {
    let bytes = token(ASK);
    let admitted = admit(ArtifactType::TimestampToken, &bytes, &anchors()).unwrap();
    let kinds: Vec<u16> = admitted.records().iter().map(Record::kind).collect();
    assert_eq!(kinds, [4, 4, 4, 3]);
    assert_eq!(admitted.record(), admitted.records().last().unwrap());
    let root = with_pki(|pki| pki.certificate("root"));
    let first = &admitted.records()[0];
    assert!(
        first
            .lookup_keys()
            .contains(&LookupKey::Certificate(root.digest()))
    );
    let Body::Certificate(body) = first.body() else {
        panic!("the root in full")
    };
    assert_eq!(
        body.issuer_key_hash,
        root.key_hash(),
        "a root is signed by its own key"
    );
    let Body::Token(body) = admitted.record().body() else {
        panic!("the token")
    };
    let tsu = with_pki(|pki| pki.certificate("tsu-rsa"));
    assert_eq!(
        body.ess_hash.as_bytes(),
        Sha256::digest(tsu.der()).as_slice()
    );
    // The imprint is nowhere in what is published.
    let imprint = Sha256::digest(b"a contract");
    assert!(
        !admitted
            .record()
            .encode()
            .windows(32)
            .any(|window| window == imprint.as_slice())
    );
}

#[test]
fn garbage_is_refused_with_words() {
    let good = token(ASK);
    for (bytes, code) in [
        (&b""[..], "reply-malformed"),
        (b"\x30\x00", "reply-malformed"),
        (b"-----BEGIN CMS-----\n", "pem-malformed"),
        (&vec![0x30; 200_000][..], "too-large"),
        (&good[..good.len() / 2], "reply-malformed"),
    ] {
        assert_eq!(refusal(bytes, &anchors()), code);
    }
}

/// OpenSSL and Windows take such tokens; the reason has to say what is wrong with them, and accuse
/// nobody.
#[test]
fn attributes_that_were_signed_out_of_their_order_are_said_to_be() {
    let good = token(ASK);
    let attributes =
        |tree: &mut Node| Node::Tree(0x31, signer_info(tree).child(3).children().clone());
    let signed = |tree: &mut Node| {
        let octets = attributes(tree).der();
        let key = format!("{}.key", ASK.tsu);
        with_pki(|pki| {
            pki.write("attributes.der", &octets);
            pki.openssl(&["dgst", "-sha512", "-sign", &key, "attributes.der"])
        })
    };
    let mut sorted = Node::read(&good);
    *signer_info(&mut sorted).child(5).bytes() = signed(&mut sorted);
    assert_eq!(refusal(&sorted.der(), &anchors()), "accepted");

    let mut turned = Node::read(&good);
    signer_info(&mut turned).child(3).children().reverse();
    // Sent in any order, and signed in that of DER: so RFC 5652 5.4 has it.
    assert_eq!(refusal(&turned.der(), &anchors()), "accepted");
    *signer_info(&mut turned).child(5).bytes() = signed(&mut turned);
    assert_eq!(
        refusal(&turned.der(), &anchors()),
        "signed-attributes-unsorted"
    );
    // The signature of a third order is none of the two.
    signer_info(&mut turned).child(3).children().swap(0, 1);
    assert_eq!(refusal(&turned.der(), &anchors()), "signature-invalid");
}
