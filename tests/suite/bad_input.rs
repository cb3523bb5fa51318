//! Input of careless and hostile people: each is told what is wrong, in a form that programs read,
//! and nothing is lost or added by it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ishibumi_tests::artifacts::{self, Artifacts, CERTIFICATE, CRL, REPLY, TOKEN};
use ishibumi_tests::http::{self, Answer};
use ishibumi_tests::process::run;
use ishibumi_tests::world::{OPAQUE, Setup, World, submit};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::note::Note;

/// One provider and one log for all tests of requests: that it outlives them all is part of the
/// test.
struct Place {
    made: Artifacts,
    world: World,
}

fn with_place(test: impl FnOnce(&Artifacts, &World)) {
    // Shared while a test uses it, and gone with the last one: a static value is never dropped, and
    // its processes would outlive the tests.
    static SHARED: Mutex<Weak<Mutex<Place>>> = Mutex::new(Weak::new());
    let place = {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let made = Artifacts::new().with_bad_units();
            let world = World::new(Setup {
                providers: vec![made.provider()],
                ..Setup::default()
            });
            let place = Arc::new(Mutex::new(Place { made, world }));
            *shared = Arc::downgrade(&place);
            place
        })
    };
    let place = place.lock().unwrap_or_else(PoisonError::into_inner);
    let size = place.world.size();
    test(&place.made, &place.world);
    assert_eq!(
        place.world.status("staged_size"),
        size,
        "something was added"
    );
    // And the next good request works.
    let document = format!("a good one after {size}");
    let token = place.made.token("tsa-one", document.as_bytes());
    let answer = place.world.submit("north", TOKEN, "", &token).expect(200);
    assert_eq!(answer.number("ishibumi-index") + 1, place.world.size());
}

fn north(world: &World, media_type: &str, body: &[u8]) -> Answer {
    world.submit("north", media_type, "", body)
}

#[test]
fn bodies_that_are_no_artifact() {
    with_place(|made, world| {
        let token = made.token("tsa-one", b"to be cut");
        let reply = made.reply("tsa-one", b"to be cut, too");
        let seal = made.certificate("seal");
        let list = made.crl("issuing");
        let random: Vec<u8> = (0..3000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect();
        for (media_type, whole) in [
            (REPLY, &reply),
            (TOKEN, &token),
            (CERTIFICATE, &seal),
            (CRL, &list),
        ] {
            let refused = |body: &[u8]| {
                let answer = north(world, media_type, body);
                let problem = answer.json();
                let name = problem["type"].as_str().unwrap();
                assert!(
                    name.ends_with("malformed"),
                    "{media_type} {}: {answer}",
                    body.len()
                );
                answer.expect_problem(400, name.trim_start_matches("urn:ishibumi:error:"));
            };
            for part in [0, 1, 2, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
                refused(&whole[..part]);
            }
            refused(&random);
            refused(b"hello");
        }
        // A token is no certificate, a list is no token.
        north(world, CERTIFICATE, &token).expect_problem(400, "certificate-malformed");
        let answer = north(world, TOKEN, &list);
        assert!((400..423).contains(&answer.status), "{answer}");
        // Octets behind the artifact are not part of it and not passed over.
        north(world, TOKEN, &[&token[..], b"\0"].concat()).expect_problem(400, "reply-malformed");
    });
}

#[test]
fn oversized_records_and_bodies() {
    with_place(|_, world| {
        let lab = |body: &[u8]| world.submit("lab", OPAQUE, "", body);
        lab(&vec![7; 65_536]).expect_problem(413, "record-bounds");
        lab(&vec![7; 65_535]).expect_problem(413, "record-bounds");
        lab(&vec![7; 20 << 20]).expect_problem(413, "body-too-large");
    });
}

#[test]
fn who_may_not_or_says_not_what() {
    with_place(|made, world| {
        let token = made.token("tsa-one", b"by whom");
        let send = |headers: &[(&str, &str)]| {
            http::post(world.url(), "/v1/submit", headers, &token).unwrap()
        };
        let bearer = format!("Bearer {}", world.token("north"));
        for wrong in [
            "Bearer 0000",
            "Bearer ",
            "Basic bm9ydGg6bm9ydGg=",
            &bearer[..bearer.len() - 1],
            &bearer.to_ascii_uppercase(),
        ] {
            let answer = send(&[("authorization", wrong), ("content-type", TOKEN)]);
            answer.expect_problem(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        send(&[("content-type", TOKEN)]).expect_problem(401, "unauthorized");
        let as_north = ("authorization", bearer.as_str());
        send(&[as_north]).expect_problem(415, "unsupported-media-type");
        for wrong in [
            "text/plain",
            "application/timestamp-query",
            "application/json",
        ] {
            send(&[as_north, ("content-type", wrong)])
                .expect_problem(415, "unsupported-media-type");
        }
        // A kind that it may not submit, in either form.
        north(world, OPAQUE, b"x").expect_problem(403, "kind-not-accepted");
        world
            .submit("lab", TOKEN, "", &token)
            .expect_problem(403, "kind-not-accepted");
        let item = [&[255, 0, 0, 0, 1, b'x'][..]].concat();
        let batch = north(world, "application/vnd.ishibumi.batch", &item).expect(200);
        let error = &batch.json()["results"][0]["error"];
        assert_eq!(error["type"], "urn:ishibumi:error:kind-not-accepted");

        let query = world.submit("north", TOKEN, "?wait=for-ever", &token);
        query.expect_problem(400, "malformed-query");
        http::post(world.url(), "/v1/submitt", &[as_north], &token)
            .unwrap()
            .expect_problem(404, "not-found");
        let put = http::head("PUT", "/v1/submit", &[as_north]);
        http::exchange(world.url(), put.as_bytes())
            .unwrap()
            .expect_problem(405, "method");
    });
}

#[test]
fn tokens_that_break_the_rules() {
    with_place(|made, world| {
        let good = made.token("tsa-two", b"good");
        let refused = |token: &[u8], code| north(world, TOKEN, token).expect_problem(422, code);
        refused(
            &made.token("tsu-stranger", b"unregistered"),
            "issuer-unregistered",
        );
        refused(
            &made.token("tsu-expired", b"too late"),
            "gen-time-outside-certificate",
        );
        let one = made.token("tsa-one", b"content");
        refused(&made.forced(&one, "tsu-not-critical"), "eku-not-critical");
        // The same tool with the right unit makes a token that only its TSTInfo's tsa name tells
        // apart.
        refused(&made.forced(&one, "tsa-two"), "tsa-name-mismatch");
        refused(
            &made.with_reissued_certificate(&good, "tsa-two"),
            "ess-mismatch",
        );
        let mut changed = good;
        *changed.last_mut().unwrap() ^= 1;
        let answer = north(world, TOKEN, &changed);
        assert!([400, 422].contains(&answer.status), "{answer}");
    });
}

#[test]
fn lists_that_are_not_the_issuers() {
    with_place(|made, world| {
        north(world, CRL, &made.crl("stranger")).expect_problem(422, "crl-issuer-unregistered");
        let mut changed = made.crl("root");
        *changed.last_mut().unwrap() ^= 1;
        let answer = north(world, CRL, &changed);
        answer.expect_problem(422, "signature-invalid");
    });
    // The unchanged one is taken.
    let made = Artifacts::new();
    let world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let _ = north(&world, CRL, &made.crl("root")).expect(200);
}

/// Two errors, two sentences; and the third, which only shows when the first two are mended.
#[test]
fn every_error_of_a_configuration_is_named() {
    let world = World::prepared(Setup::default());
    world.reconfigure(|config| {
        config.insert("listen".into(), "nowhere".into());
        config.insert("colour".into(), "blue".into());
    });
    for command in [&["serve"][..], &["fsck"], &["--print-config"]] {
        let ended = world.operate(command);
        ended.refused(1, &["2 problems", "listen ", "colour ", "log.toml"]);
    }
    world.reconfigure(|config| {
        config.insert("listen".into(), "127.0.0.1:0".into());
        config.remove("colour");
        config.insert("head_dir".into(), "data/heads".into());
    });
    world
        .operate(&["serve"])
        .refused(1, &["1 problem", "head_dir "]);
    world.reconfigure(|config| {
        config.insert("head_dir".into(), "heads".into());
    });
    drop(world.try_start_log().unwrap());
    let missing = world.path("no.toml").display().to_string();
    run("ishibumi-log", ["--config", &missing, "serve"]).refused(1, &["no.toml"]);
    let bare = world.operate(&[]);
    bare.refused(2, &["name a command"]);
}

#[test]
fn a_policy_that_says_nonsense_is_refused() {
    let world = World::prepared(Setup::default());
    let good = world.policy_text();
    let w0 = &world.witnesses[0];
    let cases = [
        (good.replace("g 2 w0", "g 2 nobody"), "nobody"),
        (
            format!("{good}witness again {} http://127.0.0.1:1\n", w0.vkeys[0]),
            "same public key",
        ),
        (good.replace("quorum g", "quorum h"), "h"),
        (good.replace("quorum g", "quorum none"), "quorum"),
        (good.replace("g 2 ", "g 4 "), "4"),
        (
            good.replace(world.vkey(), &other_key("log.example/whole")),
            "no log line has this log's key",
        ),
        (good.replace("http://", "gopher://"), "no http or https URL"),
        (String::new(), ""),
    ];
    for (policy, word) in cases {
        std::fs::write(world.path("policy.txt"), &policy).unwrap();
        let ended = world.try_start_log().unwrap_err();
        ended.refused(1, &["policy.txt", word]);
    }
    std::fs::write(world.path("policy.txt"), &good).unwrap();
    drop(world.try_start_log().unwrap());

    // Without a quorum: only where the operator said that this is a laboratory.
    let alone = format!("{}quorum none\n", world.log_lines());
    std::fs::write(world.path("policy.txt"), alone).unwrap();
    world
        .try_start_log()
        .unwrap_err()
        .refused(1, &["policy.txt"]);
    world.reconfigure(|config| {
        let lab = config["lab"].as_table_mut().unwrap();
        lab.insert("allow_no_quorum".into(), true.into());
    });
    let log = world.try_start_log().unwrap();
    let answer = submit(&log.url, world.token("lab"), OPAQUE, "", b"alone").unwrap();
    let _ = answer.expect(200);
}

fn other_key(name: &str) -> String {
    let made = run("ishibumi", ["keygen", "--help"]);
    assert_eq!(made.code, 0);
    let key = ishibumi_tlog::key::NoteSigner::from_seed(
        name,
        ishibumi_tlog::key::SignatureType::Ed25519,
        &[3; 32],
    );
    key.unwrap().verifier().to_string()
}

#[test]
fn a_witness_is_not_talked_into_anything() {
    let mut world = World::new(Setup::default());
    for number in 0..6 {
        world.put(format!("record {number}").as_bytes());
    }
    let note = Note::parse(&world.get("/checkpoint").expect(200).body).unwrap();
    let head = Checkpoint::parse(note.text()).unwrap();
    let older = world.get("/checkpoints/3").expect(200).text();
    // The log stands: whatever the witness answers now, it was asked here.
    let key = std::fs::read_to_string(world.path("log.key")).unwrap();
    let key = ishibumi_tlog::key::NoteSigner::from_private_text(key.trim_end()).unwrap();
    world.stop_log();
    let witness = format!("http://{}", world.witnesses[0].address);
    let ask = |old: u64, proof: &[String], note: &str| {
        let lines: String = proof
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect();
        let body = format!("old {old}\n{lines}\n{note}");
        http::post(&witness, "/add-checkpoint", &[], body.as_bytes()).unwrap()
    };
    let sign = |checkpoint: &Checkpoint| {
        let text = checkpoint.to_text();
        let line = key.sign(&text).unwrap();
        Note::new(text, vec![line]).encode()
    };
    let size = head.size;
    let current = sign(&head);
    // The control: a true checkpoint is cosigned, again and again.
    let _ = ask(size, &[], &current).expect(200);

    // An older tree, truly signed by the log: it is told what the witness knows.
    for old in [0, 2, 3] {
        let answer = ask(old, &[], &older);
        assert_eq!(answer.status, 409, "{answer}");
        assert_eq!(answer.text(), format!("{size}\n"));
        assert_eq!(answer.header("content-type"), Some("text/x.tlog.size"));
    }
    // The same size with another root, signed by the log's own key.
    let other = Checkpoint::new(head.origin.clone(), size, ishibumi_tlog::Hash([7; 32]));
    let answer = ask(size, &[], &sign(&other));
    assert!([409, 422].contains(&answer.status), "{answer}");
    // A larger tree with a proof that does not prove it.
    let forged = Checkpoint::new(head.origin.clone(), size + 1, ishibumi_tlog::Hash([8; 32]));
    for proof in [vec![], vec![ishibumi_tlog::Hash([9; 32]).to_base64(); 3]] {
        let answer = ask(size, &proof, &sign(&forged));
        assert_eq!(answer.status, 422, "{answer}");
    }
    // More than the witness reads, a stranger's key, an unknown log, no request at all.
    let many = vec![ishibumi_tlog::Hash([9; 32]).to_base64(); 64];
    assert_eq!(ask(size, &many, &sign(&forged)).status, 400);
    let stranger = ishibumi_tlog::key::NoteSigner::from_seed(
        &head.origin,
        ishibumi_tlog::key::SignatureType::Ed25519,
        &[3; 32],
    )
    .unwrap();
    let line = stranger.sign(&head.to_text()).unwrap();
    let foreign = Note::new(head.to_text(), vec![line]).encode();
    assert_eq!(ask(size, &[], &foreign).status, 403);
    let unknown = foreign.replace(&head.origin, "log.example/unknown");
    assert_eq!(ask(size, &[], &unknown).status, 404);
    assert_eq!(ask(size, &[], "nonsense").status, 400);
    assert_eq!(ask(size + 1, &[], &current).status, 400);

    // It knows what it knew, and the log goes on with it.
    let _ = ask(size, &[], &current).expect(200);
    world.kill_witness(2);
    world.start_log();
    world.put(b"goes on");
    assert_eq!(world.size(), size + 1);
}

#[test]
fn a_proof_with_octets_behind_it_is_no_proof() {
    with_place(|made, world| {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| Path::join(dir.path(), name).display().to_string();
        let put = |name: &str, octets: &[u8]| std::fs::write(path(name), octets).unwrap();
        std::fs::create_dir(path("anchors")).unwrap();
        put("anchors/root.crt", &made.certificate("root"));
        put("anchors/issuing.crt", &made.certificate("issuing"));
        put("policy.txt", world.policy_text().as_bytes());
        // It was logged by the first good request of this world.
        let token = made.token("tsa-one", b"with a tail");
        let again = World::new(Setup {
            providers: vec![made.provider()],
            ..Setup::default()
        });
        put("policy.txt", again.policy_text().as_bytes());
        let proof = north(&again, TOKEN, &token).expect(200).body;
        put("token.tst", &artifacts::pem("PKCS7", &token));
        let verify = |proof: &[u8]| {
            put("token.tst.tlog-proof", proof);
            let (policy, anchors) = (path("policy.txt"), path("anchors"));
            let terms = [
                "verify",
                "--without-revocation",
                "--policy",
                &policy,
                "--anchors",
                &anchors,
            ];
            run("ishibumi", [&terms[..], &[&path("token.tst")]].concat()).code
        };
        assert_eq!(verify(&proof), 0);
        for tail in [&b"\n"[..], b" ", b"\0", b"x\n", &proof] {
            // It proves nothing, and shows nothing to be false either.
            assert_eq!(verify(&[&proof[..], tail].concat()), 4);
        }
    });
}

#[test]
fn the_largest_record_fits() {
    let world = World::new(Setup::default());
    // Version and kind are the other three octets.
    world.put(&vec![7; 65_532]);
    let refused = world.submit("lab", OPAQUE, "", &vec![7; 65_533]);
    refused.expect_problem(413, "record-bounds");
}
