//! A provider submits, the log orders, witnesses cosign; then everything is stopped and every key
//! of the provider destroyed, and a relying party still verifies.

use std::path::Path;
use std::sync::Mutex;

use ishibumi_tests::artifacts::{self, Artifacts, CERTIFICATE, CRL, REPLY, TOKEN};
use ishibumi_tests::http::{self, Answer};
use ishibumi_tests::process::{Ended, eventually, run};
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record, submit};
use ishibumi_tlog::proof::TlogProof;

fn world(artifacts: &Artifacts) -> World {
    World::new(Setup {
        providers: vec![artifacts.provider()],
        ..Setup::default()
    })
}

/// A folder as a relying party keeps it: policy, anchors, artifacts and their proofs.
struct Drawer(tempfile::TempDir);

impl Drawer {
    fn new(world: &World, artifacts: &Artifacts) -> Self {
        let drawer = Self(tempfile::tempdir().unwrap());
        drawer.put("policy.txt", world.policy_text().as_bytes());
        std::fs::create_dir(drawer.path("anchors")).unwrap();
        for name in ["root", "issuing"] {
            let certificate = artifacts.certificate(name);
            drawer.put(&format!("anchors/{name}.crt"), &certificate);
        }
        drawer
    }

    fn path(&self, name: &str) -> String {
        Path::join(self.0.path(), name).display().to_string()
    }

    fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.path(name), octets).unwrap();
    }

    fn keep(&self, name: &str, artifact: &[u8], answer: &Answer) {
        self.put(name, artifact);
        self.put(&format!("{name}.tlog-proof"), &answer.body);
    }

    fn verify(&self, name: &str, more: &[&str]) -> Ended {
        let (policy, anchors) = (self.path("policy.txt"), self.path("anchors"));
        let (artifact, fixed) = (
            self.path(name),
            ["verify", "--without-revocation", "--json", "--lang", "en"],
        );
        let terms = ["--policy", &policy, "--anchors", &anchors];
        run(
            "ishibumi",
            [&fixed[..], &terms, more, &[&artifact]].concat(),
        )
    }
}

#[test]
fn evidence_outlives_provider_log_and_witnesses() {
    let made = Artifacts::new();
    let mut world = world(&made);
    let drawer = Drawer::new(&world, &made);
    let north = |media_type: &str, body: &[u8]| world.submit("north", media_type, "", body);

    let reply = made.reply("tsa-one", b"a contract");
    let token = made.token("tsa-two", b"a will");
    let other = made.token("tsa-one", b"a deed");
    let seal = made.certificate("seal");
    made.revoke("seal", "cessationOfOperation");
    let list = made.crl("issuing");

    drawer.keep("contract.tsr", &reply, &north(REPLY, &reply).expect(200));
    drawer.keep("will.tst", &token, &north(TOKEN, &token).expect(200));
    let as_text = artifacts::pem("PKCS7", &other);
    drawer.keep("deed.pem", &as_text, &north(TOKEN, &as_text).expect(200));
    drawer.keep("seal.crt", &seal, &north(CERTIFICATE, &seal).expect(200));
    let answer = north(CRL, &list).expect(200);
    // One statement and the list itself.
    assert_eq!(answer.number("ishibumi-added"), 2);
    assert_eq!(
        answer.number("ishibumi-first") + 1,
        answer.number("ishibumi-index")
    );
    drawer.keep("issuing.crl", &list, &answer);

    // One artifact has one record, however it is wrapped.
    let index = |answer: Answer| {
        let answer = answer.expect(200);
        assert_eq!(answer.number("ishibumi-added"), 0, "{answer}");
        answer.number("ishibumi-index")
    };
    let deed = index(north(TOKEN, &other));
    assert_eq!(deed, index(north(TOKEN, &artifacts::in_ber(&other))));
    assert_eq!(deed, index(north(REPLY, &as_text)));
    drawer.keep(
        "deed.ber",
        &artifacts::in_ber(&other),
        &north(TOKEN, &artifacts::in_ber(&other)),
    );

    let audited = world.audit();
    assert_eq!(audited.code, 0, "{}", audited.err);
    world.assert_one_history(&[]);
    world.stop_log();
    world.assert_sound();
    made.destroy_keys();
    drop((world, made));

    drawer.put("contract.txt", b"a contract");
    drawer.put("forged.txt", b"a contract!");
    let document = |name: &str| drawer.path(name);
    let ok = drawer.verify("contract.tsr", &["--document", &document("contract.txt")]);
    assert_eq!(ok.code, 0, "{}{}", ok.out, ok.err);
    for name in ["will.tst", "deed.pem", "deed.ber", "issuing.crl"] {
        let ok = drawer.verify(name, &[]);
        assert_eq!(ok.code, 0, "{name}: {}{}", ok.out, ok.err);
    }
    // The verdict judges what revocation says about a certificate by itself; that it was logged is
    // proven either way.
    let sealed = drawer.verify("seal.crt", &["--revocation", &document("issuing.crl")]);
    assert!(
        [0, 4].contains(&sealed.code),
        "{}{}",
        sealed.out,
        sealed.err
    );
    assert!(
        sealed.out.contains("not_after") || sealed.out.contains("proven"),
        "{}",
        sealed.out
    );

    let forged = drawer.verify("contract.tsr", &["--document", &document("forged.txt")]);
    assert_eq!(forged.code, 1, "{}{}", forged.out, forged.err);
    let proof = std::fs::read(drawer.path("will.tst.tlog-proof")).unwrap();
    drawer.put("contract.tsr.tlog-proof", &proof);
    let of_another = drawer.verify("contract.tsr", &[]);
    assert_eq!(of_another.code, 1, "{}{}", of_another.out, of_another.err);
    drawer.put("will.tst.tlog-proof", &[&proof[..], b"\n"].concat());
    let trailing = drawer.verify("will.tst", &[]);
    assert_eq!(trailing.code, 4, "{}{}", trailing.out, trailing.err);
    // Only one of the cosignatures: it is genuine, and not enough.
    let text = String::from_utf8(proof).unwrap();
    let first = text.find("\u{2014} witness").unwrap();
    let line = text[first..].find('\n').unwrap();
    drawer.put("will.tst.tlog-proof", &text.as_bytes()[..=first + line]);
    let alone = drawer.verify("will.tst", &[]);
    assert!([1, 4].contains(&alone.code), "{}{}", alone.out, alone.err);
    assert!(alone.out.contains("uorum"), "{}", alone.out);
}

#[test]
fn submitting_again_is_harmless() {
    let made = Artifacts::new();
    let mut world = world(&made);
    let token = made.token("tsa-one", b"twice");
    let first = world.submit("north", TOKEN, "", &token).expect(200);
    let (index, leaf) = (
        first.number("ishibumi-index"),
        first.header("ishibumi-leaf"),
    );
    // The TSU's chain and the token.
    assert!(first.number("ishibumi-added") >= 2, "{first}");
    let size = world.size();
    let again = |world: &World| {
        let answer = world.submit("north", TOKEN, "", &token).expect(200);
        assert_eq!(answer.number("ishibumi-index"), index);
        assert_eq!(answer.header("ishibumi-leaf"), leaf);
        assert_eq!(answer.number("ishibumi-added"), 0);
        assert_eq!(TlogProof::parse(&answer.body).unwrap().index, index);
        assert_eq!(world.size(), size);
    };
    again(&world);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| again(&world));
        }
    });
    world.kill_log();
    world.start_log();
    again(&world);
    world.stop_log();
    world.start_log();
    again(&world);
    let next = world.submit("north", TOKEN, "", &made.token("tsa-one", b"once"));
    // The chain is there already.
    assert_eq!(next.expect(200).number("ishibumi-added"), 1);
}

#[test]
fn the_same_new_record_from_everybody_at_once_stands_once() {
    let world = World::new(Setup::default());
    let size = world.size();
    let indices: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| world.put(b"everybody's").number("ishibumi-index")))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(
        indices.iter().all(|index| *index == indices[0]),
        "{indices:?}"
    );
    assert_eq!(world.size(), size + 1);
}

#[test]
fn durable_answers_at_once_and_the_proof_comes() {
    let world = World::new(Setup::default());
    let answer = world.submit("lab", OPAQUE, "?wait=durable", b"soon");
    let answer = answer.expect(202);
    let place = answer.json();
    let record = opaque_record(b"soon");
    assert_eq!(place["index"], answer.number("ishibumi-index"));
    let path = place["proof"].as_str().unwrap();
    assert_eq!(
        path,
        format!("/v1/proof/{}", answer.header("ishibumi-leaf").unwrap())
    );
    let proof = world.proven(&record);
    assert_eq!(place["index"], proof.index);
    // A proof stays with the checkpoint that is kept, to which late cosignatures may come; a fresh
    // one is for the newest.
    world.put(b"later");
    let again = world.proven(&record);
    assert_eq!(again.checkpoint.text(), proof.checkpoint.text());
    let fresh = world.get(&format!("{path}?fresh")).expect(200);
    let fresh = world.verified(&fresh.body, &record);
    assert_ne!(fresh.checkpoint.text(), proof.checkpoint.text());
    let unknown = world.get(&format!("/v1/proof/{}", "0".repeat(64)));
    unknown.expect_problem(404, "unknown-leaf");
}

#[test]
fn lists_are_logged_once_and_in_any_order() {
    let made = Artifacts::new();
    let world = world(&made);
    let older = made.crl("issuing");
    made.revoke("seal", "keyCompromise");
    let newer = made.crl("issuing");
    let submit = |list: &[u8]| world.submit("north", CRL, "", list).expect(200);

    let first = submit(&newer);
    assert_eq!(first.number("ishibumi-added"), 2);
    let size = world.size();
    let again = submit(&newer);
    assert_eq!(again.number("ishibumi-added"), 0);
    assert_eq!(
        again.number("ishibumi-index"),
        first.number("ishibumi-index")
    );
    assert_eq!(again.header("ishibumi-first"), None);
    TlogProof::parse(&again.body).unwrap();
    assert_eq!(world.size(), size);
    // As history, so that the lists of a CA that has closed can still be brought to safety.
    let historical = submit(&older);
    assert_eq!(historical.number("ishibumi-added"), 1);

    for list in [&older, &newer] {
        let name = ishibumi_tlog::Hash::of(list).to_hex();
        let blob = world.get(&format!("/blob/{name}")).expect(200);
        assert_eq!(blob.body, **list);
        assert!(blob.header("cache-control").unwrap().contains("immutable"));
        let found = world
            .get(&format!("/v1/lookup/crl/{name}"))
            .expect(200)
            .json();
        assert_eq!(found["indices"].as_array().unwrap().len(), 1);
    }
    world
        .get(&format!("/blob/{}", "0".repeat(64)))
        .expect_problem(404, "not-found");
}

#[test]
fn records_are_found_by_what_they_say() {
    let made = Artifacts::new();
    let world = world(&made);
    let token = made.token("tsa-two", b"to be found");
    let answer = world.submit("north", TOKEN, "", &token).expect(200);
    let index = answer.number("ishibumi-index");
    let indices = |path: &str| -> Vec<u64> {
        let found = world.get(&format!("/v1/lookup/{path}")).expect(200).json();
        assert!(found["next"].is_null());
        let found = found["indices"].as_array().unwrap();
        found.iter().map(|index| index.as_u64().unwrap()).collect()
    };
    // Whatever keys the log derives for these records, the interface finds each under its own.
    let certificate = ishibumi_artifact::Certificate::parse(&made.certificate("tsa-two")).unwrap();
    let digest = hex::encode(certificate.digest());
    let at = indices(&format!("certificate/{digest}"));
    assert_eq!(at.len(), 1);
    assert!(at[0] < index);
    let verified = ishibumi_artifact::TimestampToken::parse(&token).unwrap();
    let anchors = ["root", "issuing"]
        .map(|name| ishibumi_artifact::Certificate::parse(&made.certificate(name)).unwrap());
    let anchors = ishibumi_artifact::Anchors::from_certificates(anchors);
    let record = verified.verify(&anchors).unwrap().record().clone();
    let ishibumi_artifact::Body::Token(body) = record.body() else {
        panic!("a token's record")
    };
    let (ess, serial) = (
        hex::encode(body.ess_hash.as_bytes()),
        hex::encode(body.serial.as_bytes()),
    );
    assert_eq!(indices(&format!("tsu/sha256/{ess}/{serial}")), [index]);
    assert_eq!(indices(&format!("tsu/sha256/{ess}/{serial}00")), [0; 0]);
    assert_eq!(indices(&format!("certificate/{}", "0".repeat(64))), [0; 0]);
    world
        .get("/v1/lookup/certificate/xyz")
        .expect_problem(400, "malformed-lookup");
}

fn batch(items: &[(u8, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, octets) in items {
        body.push(*kind);
        body.extend(u32::try_from(octets.len()).unwrap().to_be_bytes());
        body.extend_from_slice(octets);
    }
    body
}

const BATCH: &str = "application/vnd.ishibumi.batch";

#[test]
fn one_bad_item_of_a_batch_spoils_no_other() {
    let made = Artifacts::new();
    let world = world(&made);
    let reply = made.reply("tsa-one", b"in a batch");
    let token = made.token("tsa-two", b"in a batch too");
    let seal = made.certificate("seal");
    let mut broken = token.clone();
    *broken.last_mut().unwrap() ^= 1;
    let items: [(u8, &[u8]); 5] = [
        (1, &reply),
        (2, &broken),
        (2, &token),
        (3, &seal),
        (2, &token),
    ];
    let answer = world.submit("north", BATCH, "", &batch(&items)).expect(200);
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), items.len());
    let code = results[1]["error"]["type"].as_str().unwrap();
    assert!(code.starts_with("urn:ishibumi:error:"), "{code}");
    for place in [0, 2, 3, 4] {
        let result = &results[place];
        let proof = TlogProof::parse(result["tlog_proof"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(result["index"], proof.index, "{result}");
    }
    assert_eq!(results[2]["index"], results[4]["index"]);
    assert_eq!(results[4]["added"], 0);

    let size = world.size();
    for (body, why) in [
        (&b""[..], "empty"),
        (&batch(&items)[..100], "cut off"),
        (&batch(&[(9, b"what is this")]), "unknown type"),
    ] {
        let answer = world.submit("north", BATCH, "", body);
        answer.expect_problem(400, "malformed-batch");
        assert!(answer.text().contains(why), "{answer}");
    }
    assert_eq!(world.size(), size);
}

#[test]
fn kept_checkpoints_tiles_health_and_metrics() {
    let mut world = World::new(Setup::default());
    let mut seen = Vec::new();
    for number in 0..5 {
        world.put(format!("record {number}").as_bytes());
        seen.push(world.checkpoint().checkpoint().clone());
    }
    let sizes = world.get("/checkpoints").expect(200).json()["sizes"].clone();
    let sizes: Vec<u64> = serde_json::from_value(sizes).unwrap();
    assert!(sizes.contains(&world.size()), "{sizes:?}");
    assert!(sizes.is_sorted() && sizes.len() >= 5, "{sizes:?}");
    let policy = world.policy();
    for size in &sizes {
        let note = world.get(&format!("/checkpoints/{size}")).expect(200);
        let note = ishibumi_tlog::note::Note::parse(&note.body).unwrap();
        let trusted = policy.check_checkpoint(&note).unwrap();
        assert_eq!(trusted.checkpoint().size, *size);
        seen.push(trusted.checkpoint().clone());
    }
    let from = world.get("/checkpoints?from=4").expect(200).json()["sizes"].clone();
    let from: Vec<u64> = serde_json::from_value(from).unwrap();
    assert!(from.iter().all(|size| *size >= 4) && !from.is_empty());
    world.get("/checkpoints/0").expect_problem(404, "not-found");
    world.assert_one_history(&seen);

    let checkpoint = world.get("/checkpoint").expect(200);
    assert_eq!(checkpoint.header("cache-control"), Some("no-store"));
    let tile = world
        .get(&format!("/tile/0/000.p/{}", world.size()))
        .expect(200);
    assert!(tile.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(world.get("/healthz").expect(200).text(), "ok\n");
    let _ = world.get("/readyz").expect(200);
    let metrics = http::get(&world.running().admin_url, "/metrics").unwrap();
    let metrics = metrics.expect(200).text();
    for line in [
        format!("ishibumi_log_published_size {}", world.size()),
        "ishibumi_log_submissions_total{outcome=\"accepted\"} 5".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    world.get("/metrics").expect_problem(404, "not-found");
    assert_eq!(world.status("running"), true);
    let size = world.size();
    world.stop_log();
    let stood = world.operate(&["--json", "status"]).done();
    let stood: serde_json::Value = serde_json::from_str(&stood).unwrap();
    assert_eq!(
        (&stood["running"], &stood["published_size"]),
        (&false.into(), &size.into())
    );
}

/// SIGTERM in the middle of submissions: every answered record is in, and no client is left
/// hanging.
#[test]
fn a_shutdown_loses_nothing() {
    let mut world = World::new(Setup::default());
    let (url, token) = (world.url().to_owned(), world.token("lab").to_owned());
    let answered = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (url, token, answered) = (&url, &token, &answered);
            scope.spawn(move || {
                for number in 0..100_000 {
                    let octets = format!("{thread}/{number}");
                    let query = if number % 2 == 0 { "" } else { "?wait=durable" };
                    match submit(url, token, OPAQUE, query, octets.as_bytes()) {
                        Ok(answer) if answer.status < 300 => answered.lock().unwrap().push(octets),
                        _ => break,
                    }
                }
            });
        }
        eventually("answers", || {
            (answered.lock().unwrap().len() > 200).then_some(())
        });
        world.stop_log();
    });
    let answered = answered.into_inner().unwrap();
    world.assert_sound();
    world.start_log();
    for octets in &answered {
        world.proven(&opaque_record(octets.as_bytes()));
    }
    world.assert_one_history(&[]);
}
