//! A provider ends in order: each piece that a report wants is missing until it is there, and no
//! piece is taken from any party but the provider itself.

use std::collections::BTreeSet;

use ishibumi_artifact::record::{ProviderStatement, StatementCode};
use ishibumi_artifact::{Body, Record};
use ishibumi_tests::artifacts::{Artifacts, CRL, REPLY};
use ishibumi_tests::process::{Ended, run};
use ishibumi_tests::world::{Setup, World};

const STATEMENT: &str = "application/vnd.ishibumi.provider-statement";

/// A world, the provider's files, and its commands.
struct End {
    made: Artifacts,
    world: World,
}

impl End {
    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    /// Makes a statement and submits it under the token of `who`.
    fn state(&self, who: &str, words: &[&str]) -> Ended {
        std::fs::write(self.path("token"), self.world.token(who)).unwrap();
        let token = self.path("token");
        let fixed = [
            "statement",
            "--provider",
            "north",
            "--log",
            self.world.url(),
        ];
        run(
            "ishibumi",
            [&fixed[..], &["--token-file", &token], words].concat(),
        )
    }

    /// The missing items in the report, and the exit code.
    fn missing(&self) -> (BTreeSet<String>, i32) {
        let policy = self.path("policy.txt");
        let words = ["--json", "report", "provider", "north", "--policy", &policy];
        let anchors = self.path("anchors");
        let more = ["--from", self.world.url(), "--anchors", &anchors];
        let ended = run("ishibumi", [&words[..], &more].concat());
        let report: serde_json::Value =
            serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let lines = report["checklist"].as_array().unwrap().iter();
        let missing = lines.filter(|line| line["standing"] == "missing");
        let missing = missing.map(|line| line["item"].as_str().unwrap().to_owned());
        (missing.collect(), ended.code)
    }

    fn assert_missing(&self, items: &[&str]) {
        let (missing, code) = self.missing();
        assert_eq!(
            missing,
            items.iter().map(|item| (*item).to_owned()).collect()
        );
        assert_eq!(code, if items.is_empty() { 0 } else { 4 });
    }
}

/// A provider that is ending, with three tokens in the log, and a fourth that was forgotten.
fn ending() -> (End, Vec<u8>) {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let (tokens, anchors) = (world.path("all"), world.path("anchors"));
    for folder in [&tokens, &anchors] {
        std::fs::create_dir(folder).unwrap();
    }
    for ca in ["root.crt", "issuing.crt"] {
        std::fs::copy(made.path(ca), anchors.join(ca)).unwrap();
    }
    let reply = |number: u8| {
        let reply = made.reply("tsa-one", &[number]);
        std::fs::write(tokens.join(format!("{number}.tsr")), &reply).unwrap();
        reply
    };
    for number in 0..3 {
        drop(world.submit("north", REPLY, "", &reply(number)).expect(200));
    }
    // One that was never logged.
    let forgotten = reply(3);

    world.stop_log();
    world.reconfigure(|config| {
        let providers = config["provider"].as_array_mut().unwrap().iter_mut();
        let mut north = providers.filter(|provider| provider["id"].as_str() == Some("north"));
        let status: toml::Table =
            "status = [{ state = \"terminating\", from = 2026-01-01T00:00:00Z }]"
                .parse()
                .unwrap();
        north.next().unwrap().as_table_mut().unwrap().extend(status);
    });
    world.start_log();
    (End { made, world }, forgotten)
}

#[test]
fn an_orderly_end_is_complete_only_with_every_piece() {
    let (end, forgotten) = ending();
    let world = &end.world;
    drop(world.put(b"one more checkpoint"));
    let rest = [
        "last-list",
        "last-list-named",
        "revoked-in-order",
        "counted",
        "batch",
        "key-destroyed",
        "archive-custodian",
    ];
    end.assert_missing(&rest);

    // A revocation without a reason would make every token invalid; this one leaves them valid.
    end.made.revoke("tsa-one", "cessationOfOperation");
    let early = end.made.crl("issuing");
    drop(world.submit("north", CRL, "", &early).expect(200));
    let rest = [
        "last-list",
        "last-list-named",
        "counted",
        "batch",
        "key-destroyed",
        "archive-custodian",
    ];
    end.assert_missing(&rest);

    let list = end.made.last_crl("issuing");
    std::fs::write(end.path("last.crl"), &list).unwrap();
    let (crl, anchors) = (end.path("last.crl"), end.path("anchors"));
    let last_crl = ["last-crl", "--crl", &crl, "--anchors", &anchors];
    end.state("north", &last_crl)
        .refused(1, &["is not in this log"]);
    // CRLs are dated to the second, and the newest counts.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let list = end.made.last_crl("issuing");
    std::fs::write(end.path("last.crl"), &list).unwrap();
    drop(world.submit("north", CRL, "", &list).expect(200));
    end.assert_missing(&rest[1..]);
    drop(end.state("north", &last_crl).done());
    end.assert_missing(&rest[2..]);

    let tsu = end.made.path("tsa-one.crt").display().to_string();
    let all = end.path("all");
    let last_count = [
        "last-count",
        "--tsu",
        &tsu,
        "--tokens",
        &all,
        "--anchors",
        &anchors,
    ];
    drop(end.state("north", &last_count).done());
    // The unit counted four, the log has three: that is what the count is for.
    end.assert_missing(&rest[2..]);
    drop(world.submit("north", REPLY, "", &forgotten).expect(200));
    end.assert_missing(&rest[4..]);

    let destroyed = [
        "key-destroyed",
        "--certificate",
        &tsu,
        "--date",
        "20261124120000Z",
    ];
    drop(end.state("north", &destroyed).done());
    end.assert_missing(&rest[5..]);
    let custodian = [
        "custodian",
        "--name",
        "Archive",
        "--location",
        "there",
        "--archive",
        &crl,
    ];
    drop(end.state("north", &custodian).done());
    end.assert_missing(&[]);

    // Said again it is the same record; the registry's own statements are not disturbed.
    drop(end.state("north", &custodian).done());
    let policy = end.path("policy.txt");
    let words = [
        "--lang", "ja", "report", "provider", "north", "--policy", &policy, "--from",
    ];
    let said = run("ishibumi", [&words[..], &[world.url()]].concat()).done();
    assert!(said.contains("言明は発言者の主張"), "{said}");
}

#[test]
fn a_statement_is_taken_from_its_provider_alone() {
    let made = Artifacts::new();
    let world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    drop(
        world
            .submit("north", REPLY, "", &made.reply("tsa-one", b"x"))
            .expect(200),
    );
    let end = End { made, world };
    let world = &end.world;
    let tsu = end.made.path("tsa-one.crt").display().to_string();
    let destroyed = |certificate| {
        [
            "key-destroyed",
            "--certificate",
            certificate,
            "--date",
            "20261124120000Z",
        ]
    };
    end.state("lab", &destroyed(&tsu))
        .refused(2, &["statement-not-yours"]);
    let unlogged = end.made.path("tsa-two.crt").display().to_string();
    end.state("north", &destroyed(&unlogged))
        .refused(1, &["statement-unfounded"]);
    // Only the log itself may make statements about its registry.
    let said = ProviderStatement::new(StatementCode::TERMINATED, "north", Vec::new(), b"").unwrap();
    let said = Record::from(Body::Provider(said)).encode();
    world
        .submit("north", STATEMENT, "", &said)
        .expect_problem(403, "statement-not-yours");
    let said = ProviderStatement::new(StatementCode::LAST_CRL, "north", Vec::new(), b"x").unwrap();
    let said = Record::from(Body::Provider(said)).encode();
    world
        .submit("north", STATEMENT, "", &said)
        .expect_problem(400, "statement-malformed");
    drop(end.state("north", &destroyed(&tsu)).done());
}
