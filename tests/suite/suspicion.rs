//! A TSA that uses one serial twice, tokens that come late, and revocations that are taken back:
//! admitted, counted, listed by an audit, and, where two tokens say it, proven.

use ishibumi_tests::artifacts::{Artifacts, CERTIFICATE, CRL, OCSP, REPLY, TOKEN};
use ishibumi_tests::http;
use ishibumi_tests::process::{eventually, run};
use ishibumi_tests::world::{Setup, World};
use serde_json::Value;

fn counted(world: &World, kind: &str) -> u64 {
    let answer = http::get(&world.running().admin_url, "/metrics").expect("an answer");
    let text = answer.expect(200).text();
    let name = format!("ishibumi_log_findings_total{{kind=\"{kind}\"}} ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&name));
    lines.next().expect("a metric").parse().expect("a number")
}

fn audit(world: &World, more: &[&str]) -> Value {
    let policy = world.path("policy.txt").display().to_string();
    let fixed = ["--json", "audit", "--policy", &policy, world.url()];
    let ended = run("ishibumi", [&fixed[..], more].concat());
    serde_json::from_str(&ended.done()).expect("JSON")
}

#[test]
fn a_reused_serial_is_counted_listed_and_proven() {
    let made = Artifacts::new();
    let world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    // The test's TSAs begin their serials anew each time.
    let one = made.token("tsa-one", b"one document");
    let twin = made.token("tsa-one", b"another document");
    let elsewhere = made.token("tsa-two", b"one document");
    let send = |token: &[u8]| drop(world.submit("north", TOKEN, "", token).expect(200));
    send(&one);
    send(&elsewhere);
    send(&one);
    let audit = || audit(&world, &[]);
    assert_eq!(audit()["suspicions_counted"]["serial-reused"], 0);
    assert_eq!(counted(&world, "serial-reused"), 0);

    send(&twin);
    eventually("the count", || {
        (counted(&world, "serial-reused") == 1).then_some(())
    });
    let said = audit();
    assert_eq!(said["suspicions"][0]["suspicion"], "serial-reused");
    assert_eq!(said["suspicions"].as_array().map(Vec::len), Some(1));

    let path = |name: &str| world.path(name).display().to_string();
    let (first, second, out) = (path("one.tst"), path("twin.tst"), path("reused.misissue"));
    std::fs::write(&first, &one).expect("writes");
    std::fs::write(&second, &twin).expect("writes");
    std::fs::create_dir(world.path("anchors")).expect("a folder");
    let anchors = path("anchors");
    std::fs::copy(made.path("root.crt"), world.path("anchors/root.crt")).expect("copies");
    let pack = ["misissue", "pack", "--anchors", &anchors, "--out", &out];
    // Without the issuing CA there is no path; with it in the file, the root alone suffices.
    let issuing = world.path("anchors/intermediates");
    std::fs::create_dir(&issuing).expect("a folder");
    std::fs::copy(made.path("issuing.crt"), issuing.join("issuing.crt")).expect("copies");
    run("ishibumi", [&pack[..], &[&first, &second]].concat()).done();
    std::fs::remove_dir_all(&issuing).expect("removes");
    run(
        "ishibumi",
        ["misissue", "verify", "--anchors", &anchors, &out],
    )
    .done();
}

#[test]
fn what_comes_late_is_suspicious_by_its_providers_threshold() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let [late, punctual] = [b"late", b"soon"].map(|document| made.reply("tsa-one", document));
    std::thread::sleep(std::time::Duration::from_secs(4));
    let send = |world: &World, reply: &[u8]| {
        drop(world.submit("north", REPLY, "", reply).expect(200));
    };
    send(&world, &punctual);
    assert_eq!(counted(&world, "backdating"), 0);
    world.stop_log();
    world.reconfigure(|config| {
        let providers = config["provider"].as_array_mut().expect("providers");
        let north = providers[0].as_table_mut().expect("a table");
        north.insert("backdating_s".into(), 1.into());
    });
    world.start_log();
    // A duplicate is not suspicious, however late it comes.
    send(&world, &punctual);
    assert_eq!(counted(&world, "backdating"), 0);
    send(&world, &late);
    assert_eq!(counted(&world, "backdating"), 1);
}

#[test]
fn a_revocation_that_is_taken_back_is_counted_and_listed() {
    let made = Artifacts::new();
    let mut provider = made.provider();
    provider.kinds = &["certificate", "crl", "ocsp-response"];
    let world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![provider],
        ..Setup::default()
    });
    let send =
        |kind: &str, octets: &[u8]| drop(world.submit("north", kind, "", octets).expect(200));
    let before = made.index();
    let early = made.crl_of("issuing", "20260101000000Z");
    made.revoke("tsa-one", "certificateHold");
    let held = made.crl_of("issuing", "20260102000000Z");
    made.write_index(&before);
    made.revoke("tsa-one", "keyCompromise");
    made.revoke("seal", "superseded");
    let revoked = made.crl_of("issuing", "20260103000000Z");
    let still_revoked = made.ocsp("tsa-one");
    made.write_index(&before);
    let good = made.ocsp("tsa-one");
    let short = made.crl_of("issuing", "20260104000000Z");

    // For good; then the older hold, and a response that agrees: nothing of it is suspicious.
    send(CERTIFICATE, &made.certificate("tsa-one"));
    send(CRL, &revoked);
    send(CRL, &early);
    send(CRL, &held);
    send(OCSP, &still_revoked);
    let said = audit(&world, &["--blobs"]);
    assert_eq!(
        said["suspicions"].as_array().map(Vec::len),
        Some(0),
        "{said:#}"
    );
    assert_eq!(said["lists"]["compared"], 3);
    assert_eq!(said["lists"]["left_out"], 0);

    send(OCSP, &good);
    eventually("the count", || {
        (counted(&world, "reinstated") == 1).then_some(())
    });
    assert_eq!(counted(&world, "perhaps-reinstated"), 0);
    let said = audit(&world, &[]);
    assert_eq!(said["suspicions_counted"]["reinstated"], 1, "{said:#}");
    assert_eq!(said["suspicions"][0]["suspicion"], "reinstated");
    assert_eq!(said["suspicions"].as_array().map(Vec::len), Some(1));

    // A later list that has nothing of it: only the lists themselves show that. Nobody has the
    // seal's certificate, so it may have expired.
    send(CRL, &short);
    let said = audit(&world, &[]);
    assert_eq!(said["suspicions_counted"]["unlisted"], 0, "{said:#}");
    assert_eq!(said["lists"], Value::Null);
    let said = audit(&world, &["--blobs"]);
    assert_eq!(said["suspicions_counted"]["unlisted"], 1, "{said:#}");
    assert_eq!(said["lists"]["compared"], 4);
}
