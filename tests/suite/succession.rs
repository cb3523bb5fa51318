//! A log closes and another one continues it: keys first, then the closing record that names them,
//! then the new log; evidence of the old one is judged offline with the link, and an audit goes
//! down the chain.

use std::path::Path;
use std::process::Command;

use ishibumi_tests::artifacts::{Artifacts, TOKEN};
use ishibumi_tests::process::{Ended, Running, eventually, program, run};
use ishibumi_tests::world::{Setup, World};
use serde_json::Value;

const NEXT: &str = "log.example/next";

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The new log's configuration, in a folder of its own.
fn configure(folder: &Path) -> String {
    std::fs::create_dir(folder).unwrap();
    let config = folder.join("log.toml");
    let text = format!(
        "origin = \"{NEXT}\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\nkey_file = \"log.key\"\n\
         policy_file = \"policy.txt\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n"
    );
    std::fs::write(&config, text).unwrap();
    config.display().to_string()
}

fn operate(config: &str, arguments: &[&str]) -> Ended {
    run(
        "ishibumi-log",
        [&["--json", "--config", config], arguments].concat(),
    )
}

/// The old log's policy without its mirrors, for the new log.
fn next_policy(old: &str, vkeys: &[String]) -> String {
    let logs = vkeys.join("\nlog ");
    let of_witnesses = |line: &&str| {
        ["witness w", "group w", "group g "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = old.lines().filter(of_witnesses).collect();
    format!("log {logs}\n{}\nquorum g\n", lines.join("\n"))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
fn a_log_continues_another_and_its_evidence_stays_proven() {
    let made = Artifacts::new();
    let mut old = World::new(Setup {
        providers: vec![made.provider()],
        mirrors: 1,
        ..Setup::default()
    });
    let dir = old.path("relying-party");
    let path = |name: &str| dir.join(name).display().to_string();
    std::fs::create_dir_all(dir.join("anchors")).unwrap();
    for name in ["root", "issuing"] {
        let place = dir.join(format!("anchors/{name}.crt"));
        std::fs::write(place, made.certificate(name)).unwrap();
    }
    let token = made.token("tsa-one", b"a contract");
    let answer = old.submit("north", TOKEN, "", &token).expect(200);
    std::fs::write(dir.join("contract.tst"), &token).unwrap();
    std::fs::write(dir.join("contract.tlog-proof"), &answer.body).unwrap();
    std::fs::write(dir.join("old.txt"), old.policy_text()).unwrap();

    // Keys before the log; the old log closes and names them.
    let config = configure(&old.path("next"));
    let keys = json(&operate(&config, &["keys"]).done());
    let vkeys: Vec<String> = serde_json::from_value(keys["vkeys"].clone()).unwrap();
    assert_eq!(vkeys.len(), 2);
    old.stop_log();
    let reason = "the operator retires";
    let close = [
        "close",
        "--yes",
        "--reason",
        reason,
        "--successor",
        &vkeys[0],
        "--successor",
        &vkeys[1],
    ];
    old.operate(&close).done();
    old.start_log();
    let entry = |from: &str, policy: &str, place: &[&str], out: &str| {
        let (policy, out) = (path(policy), path(out));
        let fixed = [
            "evidence", "entry", "--from", from, "--policy", &policy, "--out", &out,
        ];
        run("ishibumi", [&fixed[..], place].concat()).done();
    };
    entry(old.url(), "old.txt", &["--last"], "closed");

    // The witnesses follow the new log, too.
    for number in 0..old.witnesses.len() {
        old.kill_witness(number);
        let of = old.witnesses[number].dir.display().to_string();
        run(
            "ishibumi-witness",
            ["add-log", "--dir", &of, "--vkey", &vkeys[0]],
        )
        .done();
        run(
            "ishibumi-witness",
            ["add-log-key", "--dir", &of, "--vkey", &vkeys[1]],
        )
        .done();
        old.start_witness(number);
    }
    let policy = next_policy(&old.policy_text(), &vkeys);
    std::fs::write(old.path("next/policy.txt"), &policy).unwrap();
    std::fs::write(dir.join("next.txt"), &policy).unwrap();
    let (checkpoint, old_policy, closed) = (
        path("closed/checkpoint"),
        path("old.txt"),
        path("closed/entry"),
    );
    let predecessor = [
        "--predecessor",
        &checkpoint,
        "--predecessor-policy",
        &old_policy,
    ];
    let init = [&["init", "--keep-key"], &predecessor[..]].concat();
    operate(&config, &init).refused(1, &["nothing shows that"]);
    operate(
        &config,
        &[&init[..], &["--closing-record", &closed]].concat(),
    )
    .done();
    let mut command = Command::new(program("ishibumi-log"));
    let next = Running::start(command.args(["--config", &config, "serve"])).expect("it starts");
    eventually("the new log's first checkpoint", || {
        let answer = ishibumi_tests::http::get(&next.url, "/checkpoint").expect("an answer");
        (answer.status == 200).then_some(())
    });
    entry(&next.url, "next.txt", &["--index", "0"], "opened");

    // An audit goes down the chain; a log that continues none is no chain.
    let audit = |policy: &str, more: &[&str], of: &str| {
        let policy = path(policy);
        run(
            "ishibumi",
            [&["audit", "--json", "--policy", &policy], more, &[of]].concat(),
        )
    };
    let chain = ["--old-policy", &old_policy, "--predecessor", old.url()];
    let audited = json(&audit("next.txt", &chain, &next.url).done());
    let step = &audited["predecessors"][0];
    assert_eq!(step["link"]["standing"], "closed-in-order", "{audited:#}");
    assert_eq!(step["diverged"], Value::Null);
    let next_policy = path("next.txt");
    let upside_down = ["--old-policy", &next_policy, "--predecessor", &next.url];
    assert_eq!(audit("old.txt", &upside_down, old.url()).code, 4);

    let ring = [&chain[..], &["--predecessor", &next.url]].concat();
    audit("next.txt", &ring, &next.url).refused(1, &["a chain has no rings"]);

    // Everything is off. Both policies: proven, and the link is told.
    let ended = next.terminate();
    assert_eq!(ended.code, 0, "{}", ended.err);
    old.stop_log();
    let opened = path("opened/entry");
    let pack = |more: &[&str]| {
        let (anchors, out, token) = (
            path("anchors"),
            path("all.evidence.zip"),
            path("contract.tst"),
        );
        let fixed = [
            "evidence",
            "pack",
            "--without-revocation",
            "--no-documents",
            "--policy",
            &next_policy,
            "--anchors",
            &anchors,
            "--out",
            &out,
        ];
        let statements = ["--statement", &opened, "--statement", &closed, &token];
        run("ishibumi", [&fixed[..], more, &statements].concat())
    };
    let verify = |policies: &[&str]| {
        let (anchors, file) = (path("anchors"), path("all.evidence.zip"));
        let fixed = [
            "evidence",
            "verify",
            "--without-revocation",
            "--json",
            "--anchors",
            &anchors,
            &file,
        ];
        run("ishibumi", [&fixed[..], policies].concat())
    };
    pack(&["--old-policy", &old_policy]).done();
    let both = ["--policy", &next_policy, "--old-policy", &old_policy];
    let judged = json(&verify(&both).done());
    assert_eq!(judged["proven"], 1);
    assert_eq!(judged["successions"][0]["standing"], "closed-in-order");
    assert_eq!(
        judged["successions"][0]["predecessor"],
        ishibumi_tests::world::ORIGIN
    );
    // The link alone proves nothing: without the old quorum the token stays unproven.
    let alone = verify(&["--policy", &next_policy]);
    assert_eq!(alone.code, 4, "{}", alone.out);
    assert_eq!(json(&alone.out)["proven"], 0);
    pack(&[]).refused(4, &["nothing was packed"]);
    // The old policy alone is enough for records of the old log.
    let older = verify(&["--policy", &old_policy]);
    assert_eq!(json(&older.out)["proven"], 1);
}
