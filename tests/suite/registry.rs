//! The provider registry from outside: what a provider in each state may do, what the log says
//! about it beforehand, who may rescue what, and what a quota refuses. Every refusal has its
//! control: the same artifact where it is taken.

use ishibumi_artifact::{Body, Record};
use ishibumi_tests::artifacts::{Artifacts, CERTIFICATE, CRL, OCSP, REPLY, TOKEN};
use ishibumi_tests::http::Answer;
use ishibumi_tests::process::run;
use ishibumi_tests::world::{OPAQUE, Setup, World, submit};

/// Statements about `id` in the published tree: the names of their codes, in order.
fn stated(world: &World, id: &str) -> Vec<&'static str> {
    let records = world.records();
    let records = records.iter().map(|octets| Record::decode(octets).unwrap());
    let name = |record: Record| match record.body() {
        Body::Provider(said) if said.provider() == id.as_bytes() => said.code().name(),
        _ => None,
    };
    records.filter_map(name).collect()
}

fn set(world: &World, id: &str, key: &str, value: &str) {
    let value: toml::Table = format!("{key} = {value}").parse().unwrap();
    world.reconfigure(|config| {
        let providers = config["provider"].as_array_mut().unwrap().iter_mut();
        let mut found = providers.filter(|provider| provider["id"].as_str() == Some(id));
        let table = found.next().unwrap().as_table_mut().unwrap();
        table.extend(value);
    });
}

/// Has to be taken and proven.
fn taken(answer: Answer) {
    drop(answer.expect(200));
}

fn world(artifacts: &Artifacts) -> World {
    World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![artifacts.provider()],
        ..Setup::default()
    })
}

#[test]
fn a_provider_that_ended_is_refused_and_its_artifacts_are_rescued() {
    let made = Artifacts::new();
    let mut world = world(&made);
    let reply = made.reply("tsa-one", b"while it lived");
    let orphan = made.reply("tsa-one", b"found in a drawer");
    let stranger = made.reply("tsu-stranger", b"of somebody else");
    let seal = made.certificate("seal");
    taken(world.submit("north", REPLY, "", &reply));
    assert_eq!(stated(&world, "north"), ["accepted"]);

    // Rescue is off: there is no token for it.
    let made_token = run("ishibumi-log", ["token", "--json"]).done();
    let made_token: serde_json::Value = serde_json::from_str(&made_token).unwrap();
    let token = made_token["token"].as_str().unwrap();
    let send = |world: &World, media_type: &str, body: &[u8]| {
        submit(world.url(), token, media_type, "", body).expect("an answer")
    };
    send(&world, REPLY, &orphan).expect_problem(401, "unauthorized");

    // Rescue is on, but no provider has ended: the provider itself submits.
    let hash = made_token["token_sha256"].as_str().unwrap();
    let rescue = format!("rescue = true\ntoken_sha256 = [\"{hash}\"]\nquota = {{ per_day = 4 }}");
    world.stop_log();
    world.reconfigure(|config| {
        let rescue: toml::Table = rescue.parse().unwrap();
        config.insert("rescue".into(), rescue.into());
    });
    world.start_log();
    send(&world, REPLY, &orphan).expect_problem(403, "nothing-to-rescue");

    world.stop_log();
    let ended = "[{ state = \"terminated\", from = 2026-01-01T00:00:00Z }]";
    set(&world, "north", "status", ended);
    world.start_log();
    let refused = world.submit("north", REPLY, "", &orphan);
    refused.expect_problem(403, "provider-terminated");
    send(&world, REPLY, &stranger).expect_problem(422, "issuer-unregistered");
    send(&world, OPAQUE, b"anything").expect_problem(403, "kind-not-accepted");
    taken(send(&world, REPLY, &orphan));
    assert_eq!(stated(&world, "north"), ["accepted", "terminated"]);

    // The token's record and its chain; then the certificate: the rescue's own quota is used up.
    let answer = send(&world, CERTIFICATE, &seal);
    assert!([200, 429].contains(&answer.status), "{answer}");
    let last = send(&world, CERTIFICATE, &seal);
    assert!(last.number("retry-after") > 0, "{last}");
    last.expect_problem(429, "quota-exceeded");
    world.stop_log();
    world.assert_sound();
}

/// A responder's answer outlives its CA like a list does, and is shown answer by answer.
#[test]
fn an_ocsp_response_is_rescued_and_found() {
    let made = Artifacts::new();
    made.revoke("seal", "superseded");
    let mut provider = made.provider();
    provider.kinds = &["timestamp-token", "ocsp-response"];
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![provider],
        ..Setup::default()
    });
    let (revoked, good) = (made.ocsp("seal"), made.ocsp("tsa-one"));
    let made_token = run("ishibumi-log", ["token", "--json"]).done();
    let made_token: serde_json::Value = serde_json::from_str(&made_token).unwrap();
    let hash = made_token["token_sha256"].as_str().unwrap();
    let rescue = format!("rescue = true\ntoken_sha256 = [\"{hash}\"]\nquota = {{ per_day = 9 }}");
    world.stop_log();
    world.reconfigure(|config| {
        let rescue: toml::Table = rescue.parse().unwrap();
        config.insert("rescue".into(), rescue.into());
    });
    world.start_log();
    let send = |world: &World, body: &[u8]| {
        let token = made_token["token"].as_str().unwrap();
        submit(world.url(), token, OCSP, "", body).expect("an answer")
    };
    // The provider lives: it submits itself.
    send(&world, &revoked).expect_problem(403, "nothing-to-rescue");
    taken(world.submit("north", OCSP, "", &good));
    world.stop_log();
    let ended = "[{ state = \"terminated\", from = 2026-01-01T00:00:00Z }]";
    set(&world, "north", "status", ended);
    world.start_log();
    let refused = world.submit("north", OCSP, "", &revoked);
    refused.expect_problem(403, "provider-terminated");
    // Another second of producedAt.
    let mut forged = revoked.clone();
    let time = forged.windows(2).position(|it| it == [0x18, 15]).unwrap();
    forged[time + 2 + 13] ^= 1;
    assert_eq!(send(&world, &forged).status, 422);
    let answer = send(&world, &revoked).expect(200);
    // The statement and the response.
    assert_eq!(answer.number("ishibumi-added"), 2);

    let policy = world.path("policy.txt").display().to_string();
    let find = |kind: &str, value: &str| -> serde_json::Value {
        let fixed = ["--json", "find", "--log", world.url(), "--policy", &policy];
        let found = run("ishibumi", [&fixed[..], &[kind, value]].concat()).done();
        serde_json::from_str(&found).unwrap()
    };
    for (octets, status) in [(&revoked, "revoked"), (&good, "good")] {
        let digest = ishibumi_tlog::Hash::of(octets).to_hex();
        let found = find("ocsp", &digest)["records"].clone();
        assert_eq!(found.as_array().unwrap().len(), 1, "{found:#}");
        let says = &found[0]["says"];
        assert_eq!(says["digest"], digest);
        assert_eq!(says["issuer_key_hash"], says["responder_key_hash"]);
        let answers = says["answers"].as_array().unwrap();
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["status"], status);
        // The certificate's records: the revocation, and the response.
        let issuer = says["issuer_key_hash"].as_str().unwrap();
        let serial = answers[0]["serial"].as_str().unwrap();
        let about = find("serial", &format!("{issuer}/{serial}"));
        let kinds: Vec<_> = about["records"].as_array().unwrap().iter().collect();
        let revocations = usize::from(status == "revoked");
        assert_eq!(kinds.len(), 1 + revocations, "{about:#}");
    }
    world.stop_log();
    world.assert_sound();
}

/// Signed over SHA-1 today, a token is taken where the provider's kinds say so, behind its mark.
#[test]
fn a_token_over_sha1_is_taken_under_a_mark() {
    let made = Artifacts::new();
    let token = made.over_sha1(&made.token("tsa-one", b"of today"), "tsa-one");
    let mut world = world(&made);
    let refused = world.submit("north", TOKEN, "", &token);
    refused.expect_problem(422, "hash-algorithm-refused");
    world.stop_log();
    set(
        &world,
        "north",
        "kinds",
        "[\"timestamp-token\", \"timestamp-token-sha1\"]",
    );
    world.start_log();
    let answer = world.submit("north", TOKEN, "", &token).expect(200);
    let index = answer.number("ishibumi-index");
    let policy = world.path("policy.txt").display().to_string();
    let find = |kind: &str, value: &str| -> serde_json::Value {
        let fixed = ["--json", "find", "--log", world.url(), "--policy", &policy];
        let found = run("ishibumi", [&fixed[..], &[kind, value]].concat()).done();
        serde_json::from_str(&found).unwrap()
    };
    let leaf = answer.header("ishibumi-leaf").unwrap().to_owned();
    let own = find("leaf", &leaf)["records"][0].clone();
    assert_eq!(own["index"], index);
    let content = own["says"]["content"].as_str().unwrap().to_owned();
    let found = find("content", &content)["records"].clone();
    let kinds: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["token-mark", "timestamp-token"], "{found:#}");
    assert_eq!(found[0]["says"]["mark"], "sha-1");
    assert_eq!(found[0]["index"], index - 1);
    world.stop_log();
    world.assert_sound();
}

#[test]
fn states_are_stated_before_they_hold() {
    let made = Artifacts::new();
    let mut world = world(&made);
    let reply = made.reply("tsa-one", b"a contract");
    for (status, outcome, code) in [
        ("suspended", "provider-suspended", "suspended"),
        ("terminating", "", "terminating"),
        ("successor", "provider-terminated", "successor"),
        ("accepted", "", "accepted"),
    ] {
        world.stop_log();
        let heir = if status == "successor" {
            ", successor = \"lab\""
        } else {
            ""
        };
        let entry = format!("[{{ state = \"{status}\", from = 2026-01-01T00:00:00Z{heir} }}]");
        set(&world, "north", "status", &entry);
        world.start_log();
        let answer = world.submit("north", REPLY, "", &reply);
        if outcome.is_empty() {
            taken(answer);
        } else {
            answer.expect_problem(403, outcome);
        }
        drop(world.put(status.as_bytes()));
        assert_eq!(stated(&world, "north").last(), Some(&code));
    }
    // A state of the future is in the log already and does not hold yet; a first state in the
    // future keeps its provider out until then.
    world.stop_log();
    let later = "[{ state = \"accepted\", from = 2026-01-01T00:00:00Z },\n\
                 { state = \"terminated\", from = 9000-01-01T00:00:00Z }]";
    set(&world, "north", "status", &later.replace('\n', " "));
    world.start_log();
    taken(world.submit("north", REPLY, "", &reply));
    drop(world.put(b"later"));
    assert_eq!(stated(&world, "north").last(), Some(&"terminated"));
    world.stop_log();
    set(
        &world,
        "north",
        "status",
        "[{ state = \"accepted\", from = 9000-01-01T00:00:00Z }]",
    );
    world.start_log();
    let early = world.submit("north", REPLY, "", &reply);
    early.expect_problem(403, "provider-not-yet-accepted");
    // Nothing changed: nothing is said again.
    drop(world.put(b"once"));
    let before = stated(&world, "north").len();
    world.stop_log();
    world.start_log();
    drop(world.put(b"once more"));
    assert_eq!(stated(&world, "north").len(), before);
}

#[test]
fn a_quota_holds_one_provider_and_not_the_others() {
    let made = Artifacts::new();
    let mut world = world(&made);
    world.stop_log();
    set(&world, "north", "quota", "{ per_day = 2 }");
    world.start_log();
    let list = made.crl("issuing");
    taken(world.submit("north", CRL, "", &list));
    // A duplicate is work, too.
    taken(world.submit("north", CRL, "", &list));
    let third = world.submit("north", CRL, "", &list);
    assert!(third.number("retry-after") > 0, "{third}");
    third.expect_problem(429, "quota-exceeded");
    drop(world.put(b"another provider"));
}

#[test]
fn an_intermediate_is_known_without_being_trusted() {
    let made = Artifacts::new();
    let mut provider = made.provider();
    provider.anchors.truncate(1);
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![provider],
        ..Setup::default()
    });
    let seal = made.certificate("seal");
    let refused = world.submit("north", CERTIFICATE, "", &seal);
    refused.expect_problem(422, "issuer-unregistered");
    world.stop_log();
    let known = format!("[{:?}]", made.path("issuing.crt").display().to_string());
    set(&world, "north", "intermediates", &known);
    world.start_log();
    taken(world.submit("north", CERTIFICATE, "", &seal));
}

#[test]
fn what_is_found_is_proven_and_an_index_is_made_anew() {
    let made = Artifacts::new();
    let mut world = world(&made);
    let reply = made.reply("tsa-one", b"a contract");
    let leaf = world.submit("north", REPLY, "", &reply).expect(200);
    let leaf = leaf.header("ishibumi-leaf").unwrap().to_owned();
    let policy = world.path("policy.txt").display().to_string();
    let find = |world: &World, words: &[&str]| {
        let fixed = ["--json", "find", "--log", world.url(), "--policy", &policy];
        run("ishibumi", [&fixed[..], words].concat())
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let token = json(&find(&world, &["leaf", &leaf]).done());
    let says = token["records"][0]["says"].clone();
    let said = |name: &str| says[name].as_str().unwrap().to_owned();
    let by_content = ["content".to_owned(), said("content")];
    let tsu = format!("sha256/{}/{}", said("ess_hash"), said("serial"));
    let by_tsu = ["tsu".to_owned(), tsu];
    let all = |world: &World| {
        let asked = [&by_content, &by_tsu]
            .map(|[kind, value]| json(&find(world, &[kind, value]).done())["records"].clone());
        assert_eq!(asked[0], token["records"]);
        assert_eq!(asked[1], token["records"]);
        let provider = json(&find(world, &["provider", "north"]).done());
        assert_eq!(provider["records"][0]["says"]["statement"], "accepted");
        let providers = json(&find(world, &["providers"]).done());
        assert_eq!(providers["records"].as_array().unwrap().len(), 2);
    };
    all(&world);
    assert_eq!(find(&world, &["provider", "south"]).code, 3);
    assert_eq!(find(&world, &["colour", "red"]).code, 2);

    // While the log runs it is the owner; afterwards the index comes back as it was.
    world.operate(&["reindex"]).refused(3, &["in use"]);
    world.stop_log();
    let count = json(&world.operate(&["--json", "reindex"]).done())["records"].clone();
    world.assert_sound();
    world.start_log();
    assert_eq!(count, world.size());
    all(&world);
}
