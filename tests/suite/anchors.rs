//! TSAs stamp the log's checkpoints: the log holds their tokens, evidence carries the first that
//! covers a record, and a relying party that trusts no witness verifies it when everything is gone.
//! A TSA that fails in any way costs an alarm and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use ishibumi_artifact::record::CheckpointAnchor;
use ishibumi_artifact::{Anchors, Body, Certificate, Record, TimestampToken};
use ishibumi_tests::artifacts::{Artifacts, TOKEN};
use ishibumi_tests::process::{Ended, eventually, run};
use ishibumi_tests::tsa::{Manner, TsaServer};
use ishibumi_tests::world::{Setup, World};
use serde_json::Value;

/// The configuration that has these TSAs asked every second.
fn config(tsas: &[(&str, &TsaServer)], more: &str) -> String {
    let tables: String = tsas.iter().map(|(name, tsa)| tsa.table(name)).collect();
    format!("{more}\n[checkpoint_anchors]\ninterval_s = 1\ndeadline_ms = 2000\n{tables}")
}

/// The anchors that the log holds, with their indices.
fn anchors(world: &World) -> Vec<(u64, CheckpointAnchor)> {
    let records = (0..).zip(world.records());
    let anchor = |(index, octets): (u64, Vec<u8>)| match Record::decode(&octets).unwrap().body() {
        Body::Anchor(anchor) => Some((index, anchor.clone())),
        _ => None,
    };
    records.filter_map(anchor).collect()
}

fn standing(world: &World, tsa: &str) -> Value {
    let all = world.status("tsas");
    let mut all = all.as_array().expect("a list").iter();
    all.find(|it| it["name"] == tsa).expect("known").clone()
}

/// Waits until every one of `tsas` has covered the published record `index`.
fn wait_covered(world: &World, tsas: &[&str], index: u64) {
    for tsa in tsas {
        eventually("a token over a checkpoint", || {
            let size = standing(world, tsa)["anchored_size"].as_u64()?;
            (size > index).then_some(())
        });
    }
    // LoggedEntry, and published like any record.
    eventually("the published anchors", || {
        let sizes = anchors(world);
        let covers = sizes.iter().filter(|(_, it)| it.checkpoint().size > index);
        (covers.count() >= tsas.len()).then_some(())
    });
}

/// A folder as a relying party keeps it.
struct Drawer(tempfile::TempDir);

impl Drawer {
    fn new(world: &World, artifacts: &Artifacts, tsas: &[&TsaServer]) -> Self {
        let drawer = Self(tempfile::tempdir().unwrap());
        drawer.put("policy.txt", world.policy_text().as_bytes());
        std::fs::create_dir(drawer.path("anchors")).unwrap();
        let north = artifacts.certificate("root");
        drawer.put("anchors/north.crt", &north);
        std::fs::create_dir(drawer.path("anchors/intermediates")).unwrap();
        let issuing = artifacts.certificate("issuing");
        drawer.put("anchors/intermediates/north.crt", &issuing);
        for (number, tsa) in tsas.iter().enumerate() {
            let root = std::fs::read(tsa.path("root.crt")).unwrap();
            drawer.put(&format!("anchors/tsa{number}.crt"), &root);
        }
        drawer
    }

    fn path(&self, name: &str) -> String {
        Path::join(self.0.path(), name).display().to_string()
    }

    fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.path(name), octets).unwrap();
    }

    fn client(&self, command: &[&str], more: &[&str]) -> Ended {
        let (policy, anchors) = (self.path("policy.txt"), self.path("anchors"));
        let terms = [
            "--json",
            "--lang",
            "en",
            "--policy",
            &policy,
            "--anchors",
            &anchors,
        ];
        run("ishibumi", [command, &terms, more].concat())
    }

    fn pack(&self, from: &str, out: &str, artifacts: &[&str]) -> Ended {
        let out = self.path(out);
        let artifacts: Vec<String> = artifacts.iter().map(|name| self.path(name)).collect();
        let artifacts: Vec<&str> = artifacts.iter().map(String::as_str).collect();
        let more = [&["--from", from, "--out", &out][..], &artifacts].concat();
        self.client(
            &["evidence", "pack", "--without-revocation", "--no-documents"],
            &more,
        )
    }

    /// The report about the only artifact in an evidence file, which has to be proven.
    fn verified(&self, file: &str) -> Value {
        let ended = self.client(
            &["evidence", "verify", "--without-revocation"],
            &[&self.path(file)],
        );
        let report: Value = serde_json::from_str(&ended.done()).unwrap();
        report["items"][0]["report"].clone()
    }
}

/// Logs a new token of the provider and puts it with its proof into the drawer; its index.
fn submit(world: &World, made: &Artifacts, drawer: &Drawer, name: &str) -> u64 {
    let token = made.token("tsa-one", name.as_bytes());
    let answer = eventually("a proof", || {
        let answer = world.submit("north", TOKEN, "", &token);
        (answer.status == 200).then_some(answer)
    });
    drawer.put(name, &token);
    drawer.put(&format!("{name}.tlog-proof"), &answer.body);
    answer.number("ishibumi-index")
}

/// Each of `tsas` stamped a checkpoint that the log keeps: its tokens are about the text of that.
fn assert_each_has_stamped(world: &World, tsas: [&TsaServer; 2]) {
    let trusted = tsas.map(|tsa| {
        let root = std::fs::read(tsa.path("root.crt")).unwrap();
        Anchors::from_certificates([Certificate::parse(&root).unwrap()])
    });
    let mut units = BTreeSet::new();
    for (index, anchor) in anchors(world) {
        let size = anchor.checkpoint().size;
        assert!(size <= index);
        let kept = world.get(&format!("/checkpoints/{size}")).expect(200);
        let text = anchor.checkpoint().to_text();
        assert!(kept.text().starts_with(&format!("{text}\n")), "{kept}");
        let token = TimestampToken::parse(anchor.token()).unwrap();
        let by = trusted.iter().position(|it| token.verify(it).is_ok());
        units.insert(by.expect("by one of the two"));
    }
    assert_eq!(units.len(), 2);
}

/// The part of a report about the tokens over checkpoints.
fn stamps(report: &Value) -> Vec<&Value> {
    let tokens = report["checkpoint_tokens"].as_array().expect("a list");
    tokens.iter().collect()
}

#[test]
fn two_unrelated_tsas_prove_existence_when_everything_is_gone() {
    let made = Artifacts::new();
    let (one, two) = (TsaServer::new(), TsaServer::new());
    two.be(Manner::OtherType);
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        config: &config(&[("one", &one), ("two", &two)], ""),
        ..Setup::default()
    });
    let drawer = Drawer::new(&world, &made, &[&one, &two]);
    let early = submit(&world, &made, &drawer, "early.tst");
    wait_covered(&world, &["one", "two"], early);
    assert_each_has_stamped(&world, [&one, &two]);

    // Nothing but its own anchors came, so no TSA is asked again: not now, and not after a restart.
    let quiet = (one.asked(), two.asked());
    let held = anchors(&world).len();
    let known = standing(&world, "one")["anchored_size"].clone();
    world.stop_log();
    world.start_log();
    assert_eq!(standing(&world, "one")["anchored_size"], known);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert_eq!(
        (one.asked(), two.asked()),
        quiet,
        "an idle log is stamped once"
    );
    assert_eq!(anchors(&world).len(), held);

    let packed = drawer.pack(world.url(), "early.zip", &["early.tst"]);
    let said: Value = serde_json::from_str(&packed.done()).unwrap();
    assert_eq!(said["covered_by_tsa_tokens"], 1);
    // Records after the stamped checkpoints are not covered by them: with the TSAs gone, by
    // nothing.
    for tsa in [&one, &two] {
        tsa.be(Manner::Unavailable);
    }
    let late = submit(&world, &made, &drawer, "late.tst");
    let packed = drawer.pack(world.url(), "late.zip", &["late.tst"]);
    assert!(
        packed.err.contains("late.tst: the log has no usable token"),
        "{}",
        packed.err
    );
    packed.done();
    assert!(stamps(&drawer.verified("late.zip")).is_empty());
    // Once they answer again, the next tokens cover it.
    for tsa in [&one, &two] {
        tsa.be(Manner::Good);
    }
    wait_covered(&world, &["one", "two"], late);
    let packed = drawer.pack(world.url(), "both.zip", &["late.tst", "early.tst"]);
    let said: Value = serde_json::from_str(&packed.done()).unwrap();
    assert_eq!(said["covered_by_tsa_tokens"], 2);

    let audited = world.audit();
    assert_eq!(audited.code, 0, "{}{}", audited.out, audited.err);
    assert!(
        audited
            .out
            .contains("tokens over checkpoints held against the tree, 0 false"),
        "{}",
        audited.out
    );
    world.stop_log();
    world.assert_sound();
    made.destroy_keys();
    drop((world, made, one, two));

    let report = drawer.verified("early.zip");
    let stamps = stamps(&report);
    assert_eq!(stamps.len(), 2, "{report:#}");
    for stamp in stamps {
        assert!(stamp["stamped"]["gen_time"].is_string(), "{stamp:#}");
        assert!(stamp["refused"].is_null(), "{stamp:#}");
    }
    let witnesses = report["statement"]["witnesses"].as_array().unwrap();
    assert!(witnesses.len() >= 2, "{report:#}");
    let both = drawer.client(
        &["evidence", "verify", "--without-revocation"],
        &[&drawer.path("both.zip")],
    );
    assert_eq!(both.code, 0, "{}{}", both.out, both.err);
    // A relying party that trusts none of the TSAs still has the witnesses.
    for number in 0..2 {
        std::fs::remove_file(drawer.path(&format!("anchors/tsa{number}.crt"))).unwrap();
    }
    let alone = drawer.verified("early.zip");
    let unused = alone["checkpoint_tokens"].as_array().unwrap();
    assert!(unused.iter().all(|it| it["stamped"].is_null()), "{alone:#}");
}

#[test]
fn a_bad_tsa_costs_alarms_and_nothing_else() {
    let (good, bad) = (TsaServer::new(), TsaServer::new());
    let world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        config: &config(&[("good", &good), ("bad", &bad)], ""),
        ..Setup::default()
    });
    let failures = || standing(&world, "bad")["failures"].as_u64().unwrap();
    let wrong = [
        (Manner::Rejection, "badAlg"),
        (Manner::Unavailable, "status 503: the clock is being set"),
        (Manner::Page, "text/html"),
        (Manner::Garbage, "reply-malformed"),
        (Manner::Endless, "limit"),
        (Manner::Silent, "no answer within"),
        (Manner::OtherNonce, "another nonce"),
        (Manner::NoNonce, "lacks the query's nonce"),
        (Manner::OtherImprint, "imprint-mismatch"),
        (Manner::NoCertificate, "signer-unknown"),
        (Manner::Stranger, "issuer-unregistered"),
        (Manner::LastYear, "more than 300 s off"),
    ];
    bad.be(wrong[0].0);
    let mut seen = 0;
    for (manner, word) in wrong {
        bad.be(manner);
        // Submissions go on, and are proven by the witnesses as ever.
        world.put(format!("while it answers with {manner:?}").as_bytes());
        let failure = eventually(word, || {
            let standing = standing(&world, "bad");
            let failure = standing["failure"].as_str()?.to_owned();
            failure.contains(word).then_some(failure)
        });
        assert!(failures() > seen, "{failure}");
        seen = failures();
    }
    // The good one stamped meanwhile; of the bad one nothing was logged.
    let size = world.size();
    wait_covered(&world, &["good"], 1);
    let root = std::fs::read(good.path("root.crt")).unwrap();
    let trusted = Anchors::from_certificates([Certificate::parse(&root).unwrap()]);
    for (index, anchor) in anchors(&world) {
        let token = TimestampToken::parse(anchor.token()).unwrap();
        assert!(token.verify(&trusted).is_ok(), "record {index}");
        assert!(token.stamps(anchor.checkpoint().to_text().as_bytes()));
    }
    // The control: once it answers as it should, its token is logged and the alarm ends.
    assert_eq!(standing(&world, "bad")["anchored_size"], 0);
    bad.be(Manner::Good);
    eventually("its first token", || {
        (standing(&world, "bad")["anchored_size"].as_u64()? >= size).then_some(())
    });
    let standing = standing(&world, "bad");
    assert_eq!(
        (&standing["failures"], &standing["failure"]),
        (&0.into(), &Value::Null)
    );
    let metrics = ishibumi_tests::http::get(&world.running().admin_url, "/metrics").unwrap();
    let metrics = metrics.expect(200).text();
    assert!(
        metrics.contains("ishibumi_log_anchor_up{tsa=\"bad\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("ishibumi_log_anchors_total{tsa=\"good\"}"));
}

#[test]
fn related_tsas_are_one_authority_and_refused() {
    let one = TsaServer::new();
    let related = config(&[("one", &one), ("two", &one)], "");
    let setup = |config| Setup {
        witnesses: 1,
        quorum: 1,
        config,
        ..Setup::default()
    };
    let mut world = World::prepared(setup(&related));
    let refused = world.try_start_log().expect_err("it does not start");
    refused.refused(
        1,
        &["\"one\" and \"two\" are related", "allow_related_tsas"],
    );
    // One root each, and the same unit below both: seen when the tokens come.
    let issuing = one.path("issuing.crt").display().to_string();
    world.reconfigure(|config| {
        let tsas = config["checkpoint_anchors"]["tsa"].as_array_mut().unwrap();
        tsas[1]["anchors"] = vec![issuing].into();
    });
    world.start_log();
    world.put(b"a record");
    eventually("the alarm", || {
        let alarmed = |name: &&str| {
            let standing = standing(&world, name);
            let failure = standing["failure"].as_str().unwrap_or_default();
            failure.contains("has the key of the TSA")
        };
        ["one", "two"].iter().find(|name| alarmed(name)).map(drop)
    });
    // The control: in a laboratory both are taken.
    world.stop_log();
    world.reconfigure(|config| {
        let lab = config["lab"].as_table_mut().unwrap();
        lab.insert("allow_related_tsas".into(), true.into());
    });
    world.start_log();
    world.put(b"another record");
    wait_covered(&world, &["one", "two"], 1);
}

#[test]
fn fewer_than_two_are_warned_about() {
    let one = TsaServer::new();
    let mut world = World::prepared(Setup {
        witnesses: 1,
        quorum: 1,
        config: &config(&[("lonely", &one)], ""),
        ..Setup::default()
    });
    world.start_log();
    let ended = world.log.take().unwrap().terminate();
    assert!(
        ended.err.contains("lonely is the only TSA"),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("Two unrelated ones are advised"),
        "{}",
        ended.err
    );
}

#[test]
fn the_client_stamps_documents_and_checkpoints() {
    let tsa = TsaServer::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| Path::join(folder.path(), name).display().to_string();
    std::fs::write(path("contract.txt"), b"a contract").unwrap();
    let root = tsa.path("root.crt").display().to_string();
    let stamp = |more: &[&str], name: &str| {
        let (file, fixed) = (
            path(name),
            ["stamp", "--json", "--tsa", &tsa.url, "--anchor", &root],
        );
        run("ishibumi", [&fixed[..], more, &[&file]].concat())
    };
    let said: Value = serde_json::from_str(&stamp(&[], "contract.txt").done()).unwrap();
    assert!(said["gen_time"].is_string(), "{said}");
    let token = std::fs::read(path("contract.txt.tst")).unwrap();
    assert!(TimestampToken::parse(&token).unwrap().stamps(b"a contract"));
    // OpenSSL takes the output, whole or alone.
    let whole = path("contract.tsr");
    stamp(&["-o", &whole], "contract.txt").done();
    let openssl = |more: &[&str]| {
        let (data, issuing) = (path("contract.txt"), tsa.path("issuing.crt"));
        let mut command = std::process::Command::new("openssl");
        command.args(["ts", "-verify", "-data", &data, "-CAfile", &root]);
        command.arg("-untrusted").arg(issuing).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    openssl(&["-in", &whole]);
    openssl(&["-token_in", "-in", &path("contract.txt.tst")]);
    let note = include_bytes!("../../testdata/tlog/log/checkpoint");
    std::fs::write(path("checkpoint"), note).unwrap();
    stamp(&["--checkpoint", "--tsa-hash", "sha256"], "checkpoint").done();
    let token = std::fs::read(path("checkpoint.tst")).unwrap();
    let text = note.split(|&b| b == b'\n').take(3).collect::<Vec<_>>();
    let text = [text.join(&b'\n'), b"\n".to_vec()].concat();
    assert!(TimestampToken::parse(&token).unwrap().stamps(&text));

    run(
        "ishibumi",
        ["stamp", "--tsa", &tsa.url, "--anchor", &root, "-"],
    )
    .refused(2, &["--out"]);

    std::fs::remove_file(path("contract.txt.tst")).unwrap();
    for (manner, code, word) in [
        (Manner::Rejection, 4, "badAlg"),
        (Manner::Unavailable, 3, "503"),
        (Manner::Stranger, 4, "no anchor"),
        (Manner::OtherNonce, 1, "another nonce"),
        (Manner::OtherImprint, 1, "imprint"),
        (Manner::LastYear, 1, "300 s"),
    ] {
        tsa.be(manner);
        stamp(&[], "contract.txt").refused(code, &[word]);
        assert!(!Path::new(&path("contract.txt.tst")).exists(), "{manner:?}");
    }
}
