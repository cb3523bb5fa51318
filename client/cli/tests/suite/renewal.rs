//! Renewed evidence files, through the real binary, with OpenSSL's time-stamping units; and the
//! golden file, whose units have the clocks of 2027, 2035 and 2045. Each rescue comes with what
//! happens without it.

use std::fs;
use std::process::Command;

use crate::support::log::Log;
use crate::support::pki::short_time;
use crate::support::renewal::{ENDS, GOLDEN, PLAIN, Scene, proven, published, read};
use ishibumi::evidence::Collection;
use ishibumi::evidence::renewal::Renewed;
use ishibumi_artifact::evidence_record::Imprint;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{ArtifactType, EvidenceRecord};
use serde_json::Value;

fn words(value: &Value) -> (String, String) {
    let report = &value["items"][0]["report"];
    let word = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
    (word("indication"), word("sub_indication"))
}

fn renewal_detail(value: &Value) -> &str {
    value["renewals"]["detail"].as_str().unwrap_or_default()
}

/// The demonstration, both ways: everything that the evidence rests on has ended. If it was renewed
/// in time, it is proven nevertheless; if not, it is not.
#[test]
fn what_was_renewed_in_time_outlives_its_algorithms() {
    let scene = Scene::new();
    let plain = scene.pki.read(PLAIN);
    scene.renewed_in_time();
    // Untouched.
    let renewed = scene.pki.read("renewed.evidence.zip");
    let inside = Renewed::open(&renewed).unwrap();
    assert_eq!(inside.evidence(), plain);
    assert_eq!(inside.record().unwrap().shape(), [1, 1]);
    assert!(renewed.windows(plain.len()).any(|it| it == plain));
    // Today, and without rules, both are proven.
    scene.verify(PLAIN, 0);
    scene.verify("renewed.evidence.zip", 0);
    // Years later, by the rules, only one is.
    let then = "--algorithms ends.txt --at @then";
    let value = scene.verify(&format!("{then} {PLAIN}"), 4);
    let crypto = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE";
    assert_eq!(words(&value), ("INDETERMINATE".into(), crypto.into()));
    let value = scene.verify(&format!("{then} renewed.evidence.zip"), 0);
    assert_eq!(words(&value).0, "TOTAL-PASSED");
    assert_eq!(value["renewals"]["indication"], "TOTAL-PASSED");
    // The time-stamp alone, with its own hash function, has ended with the rest.
    let value = scene.verify(&format!("{then} stamped.evidence.zip"), 4);
    assert_eq!(words(&value).0, "INDETERMINATE");
    assert!(
        renewal_detail(&value).contains("renewal-after-hash-end"),
        "{value}"
    );
    // Renewed, but after the end: that comes too late.
    let late = "--algorithm-end sha-256=2026-01-01 --at @then renewed.evidence.zip";
    let value = scene.verify(late, 4);
    assert_eq!(words(&value).1, crypto);
    assert!(
        renewal_detail(&value).contains("renewal-after-hash-end"),
        "{value}"
    );
    // And when the renewal itself has ended, another one is due.
    let value = scene.verify(
        &format!("{then} --algorithm-end sha-512=@eve renewed.evidence.zip"),
        4,
    );
    assert!(renewal_detail(&value).contains("chain 2"), "{value}");
}

/// The unit's certificate ends after a year; a renewal by a unit that lives longer carries on.
#[test]
fn a_time_stamp_is_renewed_before_its_unit_ends() {
    let scene = Scene::new();
    scene.renew("tsa256", "sha256", "", PLAIN, "one.evidence.zip");
    scene.verify("one.evidence.zip", 0);
    let value = scene.verify("--at @then one.evidence.zip", 4);
    assert_eq!(value["renewals"]["sub_indication"], "OUT_OF_BOUNDS_NO_POE");
    assert!(renewal_detail(&value).contains("never renewed"), "{value}");
    scene.renew(
        "tsa384",
        "sha384",
        "",
        "one.evidence.zip",
        "two.evidence.zip",
    );
    let value = scene.verify("--at @then two.evidence.zip", 0);
    assert_eq!(
        value["renewals"]["time_stamps"].as_array().unwrap().len(),
        2
    );
    // Adding works in place too, and nothing is added twice.
    scene.run("evidence renew --reply in.tsr --anchors anchors --out two.evidence.zip two.evidence.zip").expect(1);
    scene
        .run(&format!("evidence renew --out x.zip {PLAIN}"))
        .expect(3);
    // As text.
    let shown = scene.run("evidence show two.evidence.zip").expect(0);
    assert!(
        shown.stdout.contains("time-stamp renewal (SHA-256)"),
        "{}",
        shown.stdout
    );
    let shown = scene
        .run("--lang ja evidence show two.evidence.zip")
        .expect(0);
    assert!(
        shown.stdout.contains("タイムスタンプの更新"),
        "{}",
        shown.stdout
    );
    let line = "--lang ja evidence verify --without-revocation --policy policy.txt --anchors anchors two.evidence.zip";
    let shown = scene.run(line).expect(0);
    assert!(
        shown.stdout.contains("に存在していました"),
        "{}",
        shown.stdout
    );
}

/// A unit's revocation: a time-stamp that was renewed before it is spared, others are not.
#[test]
fn revocation_of_a_unit_counts_as_of_the_renewal() {
    let scene = Scene::new();
    scene.renew("tsa256", "sha256", "", PLAIN, "one.evidence.zip");
    scene.renew(
        "tsa384",
        "sha384",
        "",
        "one.evidence.zip",
        "two.evidence.zip",
    );
    let soon = short_time(i64::try_from(scene.now + 3_600).unwrap());
    let later = short_time(i64::try_from(scene.now + 7_200).unwrap());
    scene.pki.list(
        "soon.crl",
        &later,
        &[("tsa256.crt", &soon, "keyCompromise")],
    );
    for (file, code) in [("one", 4), ("two", 0)] {
        let add = format!(
            "evidence renew --revocation soon.crl --out {file}-revoked.zip {file}.evidence.zip"
        );
        scene.run(&add).expect(0);
        // The list is of two hours from now.
        let value = scene.verify(&format!("--at @tomorrow {file}-revoked.zip"), code);
        if code == 4 {
            assert_eq!(
                value["renewals"]["sub_indication"], "REVOKED_NO_POE",
                "{value}"
            );
        }
    }
    // Before it was made at all: it was never worth anything.
    scene.pki.list(
        "before.crl",
        &later,
        &[("tsa256.crt", "260101000000Z", "keyCompromise")],
    );
    scene
        .run("evidence renew --revocation before.crl --out bad.zip two.evidence.zip")
        .expect(0);
    let verified = scene
        .run("evidence verify --without-revocation --json --policy policy.txt --anchors anchors --at @tomorrow bad.zip");
    assert_ne!(verified.code, 0);
}

/// Newer proofs bring the cosignatures of tomorrow.
#[test]
fn newer_proofs_take_over_where_the_old_ones_end() {
    let scene = Scene::new();
    fs::write(scene.pki.path("policy.txt"), scene.log.mixed_policy()).unwrap();
    let mut log = Log::new();
    let token = scene.pki.read("contract.tst");
    log.submit(ArtifactType::TimestampToken, &token, &scene.pki.anchors());
    log.grow(30);
    let times = [scene.now + 9, scene.now + 10];
    let note = log.mixed_note(log.size(), &times, &times);
    let proof = log.proof_under(scene.index, note);
    fs::write(scene.pki.path("newer.tlog-proof"), proof).unwrap();
    let add = format!(
        "evidence renew --policy policy.txt --proof newer.tlog-proof --out newer.evidence.zip {PLAIN}"
    );
    scene.run(&add).expect(0);
    scene.verify("newer.evidence.zip", 0);
    let then = "--algorithm-end ed25519=@soon --at @then";
    let value = scene.verify(&format!("{then} {PLAIN}"), 4);
    assert_eq!(words(&value).1, "NO_POE");
    scene.verify(&format!("{then} newer.evidence.zip"), 0);
    // ML-DSA can be asked for, too.
    scene.verify(&format!("--post-quantum {PLAIN}"), 4);
    scene.verify("--post-quantum newer.evidence.zip", 0);
    // A time-stamp, which is none of these, does not excuse what ended where they are asked for.
    let (hash, out) = ("--hash sha-512", "stamped.evidence.zip");
    scene.renew("tsa384", "sha384", hash, "newer.evidence.zip", out);
    let then = "--algorithm-end sha-256=@soon --at @then stamped.evidence.zip";
    scene.verify(then, 0);
    scene.verify(&format!("--post-quantum {then}"), 4);
    // Hashes are not mended by signatures.
    scene.verify(
        "--algorithm-end sha-256=@soon --at @then newer.evidence.zip",
        4,
    );
    // A proof of another record, or one that no quorum has cosigned, is not taken.
    let other = scene.log.proof(1, &times);
    fs::write(scene.pki.path("other.tlog-proof"), other).unwrap();
    scene
        .run(&format!(
            "evidence renew --proof other.tlog-proof --out x.zip {PLAIN}"
        ))
        .expect(1);
    let lonely = log.proof_under(scene.index, log.note(log.size(), &[scene.now]));
    fs::write(scene.pki.path("lonely.tlog-proof"), lonely).unwrap();
    scene
        .run(&format!(
            "evidence renew --policy policy.txt --proof lonely.tlog-proof --out x.zip {PLAIN}"
        ))
        .expect(4);
    // From a folder with the log's files.
    let folder = scene.pki.path("copy");
    fs::create_dir(&folder).unwrap();
    log.publish(&folder, scene.now + 20);
    scene
        .run(&format!(
            "evidence renew --from copy --policy policy.txt --out fetched.evidence.zip {PLAIN}"
        ))
        .expect(0);
    scene.verify("fetched.evidence.zip", 0);
    // Both at once, in any order, are one file.
    scene.renew(
        "tsa256",
        "sha256",
        "",
        "newer.evidence.zip",
        "both.evidence.zip",
    );
    scene
        .run("evidence renew --policy policy.txt --proof fetched.evidence.zip --out all.evidence.zip both.evidence.zip")
        .expect(0);
    scene.verify("all.evidence.zip", 0);
}

#[test]
fn a_renewed_file_is_refused_clearly_where_it_does_not_belong() {
    let scene = Scene::new();
    scene.renew("tsa256", "sha256", "", PLAIN, "one.evidence.zip");
    let refused = scene
        .run(&format!(
            "evidence merge --out x.zip {PLAIN} one.evidence.zip"
        ))
        .expect(2);
    assert!(
        refused.stderr.contains("evidence.zip"),
        "{}",
        refused.stderr
    );
    // A reply to a query about another file.
    scene.forget_query();
    scene
        .run("evidence renew --query out.tsq one.evidence.zip")
        .expect(0);
    scene
        .pki
        .openssl("ts -reply -config unit.cnf -section unit -queryfile out.tsq -out in.tsr");
    let other = scene
        .run(&format!(
            "evidence renew --reply in.tsr --anchors anchors --out x.zip {PLAIN}"
        ))
        .expect(1);
    assert!(
        other.stderr.contains("was the file changed"),
        "{}",
        other.stderr
    );
    // A weaker hash.
    scene.renew(
        "tsa384",
        "sha384",
        "--hash sha-512",
        "one.evidence.zip",
        "two.evidence.zip",
    );
    scene
        .run("evidence renew --query out.tsq --hash sha-384 two.evidence.zip")
        .expect(2);
    // Rules that say nothing.
    for bad in [
        "--algorithm-end md5=2026-01-01",
        "--algorithm-end sha-256",
        "--at 1.1.2026",
    ] {
        let line = format!(
            "evidence verify --without-revocation --policy policy.txt --anchors anchors {bad} {PLAIN}"
        );
        scene.run(&line).expect(2);
    }
    // What extract gives are the files of the evidence, as ever.
    scene
        .run("evidence extract --out files two.evidence.zip")
        .expect(0);
    assert_eq!(scene.pki.read("files/contract.txt"), b"we agree\n");
}

/// The README inside, followed with openssl alone.
#[test]
fn a_renewed_file_is_verified_by_hand() {
    let scene = Scene::new();
    scene.renew("tsa256", "sha256", "", PLAIN, "one.evidence.zip");
    scene.renew(
        "tsa384",
        "sha384",
        "",
        "one.evidence.zip",
        "two.evidence.zip",
    );
    let (hash, out) = ("--hash sha-512", "renewed.evidence.zip");
    scene.renew("tsa384", "sha384", hash, "two.evidence.zip", out);
    let folder = scene.pki.path("by-hand");
    let octets = scene.pki.read("renewed.evidence.zip");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&octets[..])).unwrap();
    archive.extract(&folder).unwrap();
    let readme = fs::read_to_string(folder.join("META-INF/README.txt")).unwrap();
    let lines = readme.lines().filter_map(|line| line.strip_prefix("    "));
    let commands: Vec<&str> = lines.skip_while(|line| !line.starts_with("ers=")).collect();
    let by_hand = || {
        let anchors = [scene.pki.read("ca.crt"), scene.pki.read("ca384.crt")].concat();
        fs::write(folder.join("anchors.pem"), anchors).unwrap();
        let output = Command::new("sh")
            .args(["-eu", "-c", &commands.join("\n")])
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (said.matches("Verification: OK").count(), said)
    };
    let (verified, said) = by_hand();
    assert_eq!(verified, 3, "{said}");
    // The same commands notice another octet in the evidence.
    let mut evidence = fs::read(folder.join("evidence.zip")).unwrap();
    *evidence.last_mut().unwrap() ^= 1;
    fs::write(folder.join("evidence.zip"), evidence).unwrap();
    let (verified, said) = by_hand();
    assert_eq!(verified, 0, "{said}");
}

/// Lists and tokens over checkpoints end with their algorithms, too.
#[test]
fn what_has_ended_tells_nothing_any_more() {
    let scene = Scene::new();
    let of = short_time(i64::try_from(scene.now).unwrap());
    scene.pki.list("ca.crl", &of, &[]);
    let line = "verify --json --policy policy.txt --anchors anchors --revocation ca.crl --document contract.txt";
    scene.run(&format!("{line} contract.tst")).expect(0);
    let ended = "--algorithm-end ecdsa-p256=@soon --at @then";
    // The log proves that the token is older, and nothing of the list, which may say anything.
    let value = scene
        .run(&format!("{line} {ended} contract.tst"))
        .expect(4)
        .json();
    assert_eq!(value["sub_indication"], "TRY_LATER", "{value}");
    let without = "verify --without-revocation --json --policy policy.txt --anchors anchors";
    scene
        .run(&format!("{without} {ended} contract.tst"))
        .expect(0);
    // Ended before the log saw it: no proof is early enough.
    let before = "--algorithm-end ecdsa-p256=2026-01-01";
    let value = scene
        .run(&format!("{without} {before} contract.tst"))
        .expect(4)
        .json();
    assert_eq!(value["sub_indication"], "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
    // A token over the checkpoint is left out, by name.
    let text = scene.log.checkpoint(scene.log.size()).to_text();
    fs::copy(scene.pki.path("tsa256.crt"), scene.pki.path("tsa.crt")).unwrap();
    fs::copy(scene.pki.path("tsa256.key"), scene.pki.path("tsa.key")).unwrap();
    scene.pki.stamp("head", &text);
    let with = format!("{without} --checkpoint-token head.tst");
    let value = scene.run(&format!("{with} contract.tst")).expect(0).json();
    assert_eq!(value["checkpoint_tokens"][0]["refused"], Value::Null);
    let value = scene
        .run(&format!("{with} {ended} contract.tst"))
        .expect(0)
        .json();
    let refused = value["checkpoint_tokens"][0]["refused"].as_str().unwrap();
    assert!(refused.contains("ECDSA P-256 ended"), "{refused}");
}

/// `out`: `file` with an evidence record whose first time-stamp is of `time`, by a unit with that
/// clock.
fn record_of(scene: &Scene, file: &str, hash: HashAlgorithm, signed: &str, time: &str, out: &str) {
    let mut renewed = Renewed::open(&scene.pki.read(file)).unwrap();
    let imprint = Imprint::of_data(hash, renewed.evidence());
    if !scene.pki.path("clock.crt").exists() {
        scene.pki.unit("clock");
    }
    let stamped = (hash, imprint.digest());
    scene
        .pki
        .stamp_at("clock", "old.tst", stamped, time, signed);
    let record = EvidenceRecord::begin(&imprint, &scene.pki.read("old.tst")).unwrap();
    renewed.set_record(record);
    fs::write(scene.pki.path(out), renewed.encode().unwrap()).unwrap();
}

/// A record says that the file existed at its time; nothing in the file can be later. One of the
/// two times is false, and neither the record nor rules about ended algorithms believe either.
#[test]
fn a_record_is_no_older_than_what_it_covers() {
    const ORDER: &str = "TIMESTAMP_ORDER_FAILURE";
    let scene = Scene::new();
    let sha256 = HashAlgorithm::Sha256;
    let refused = |file: &str, what: &str| {
        let value = scene.verify(file, 4);
        assert_eq!(value["renewals"]["sub_indication"], ORDER, "{value:#}");
        assert!(renewal_detail(&value).contains(what), "{value:#}");
        // The evidence itself is judged as if there were no record.
        assert_eq!(words(&value).0, "TOTAL-PASSED", "{value:#}");
    };
    // The control: a record of an hour later, and one by a clock that is minutes behind.
    let at = |seconds: u64| Time::from_unix(i64::try_from(seconds).unwrap()).to_generalized();
    for (nth, seconds) in [scene.now - 200, scene.now + 30].into_iter().enumerate() {
        let out = format!("later-{nth}.zip");
        record_of(&scene, PLAIN, sha256, "sha256", &at(seconds), &out);
        scene.verify(&format!("--at @soon {out}"), 0);
    }
    // A year too early, for cosignature and token.
    record_of(
        &scene,
        PLAIN,
        sha256,
        "sha256",
        "20250601120000Z",
        "early.zip",
    );
    refused("early.zip", "cosignature");
    let said = scene.run(
        "evidence verify --without-revocation --policy policy.txt --anchors anchors early.zip",
    );
    assert!(
        said.expect(4)
            .stdout
            .contains("one of the two times is false")
    );
    // An algorithm that had ended when the cosignature says that it was made does not count, either
    // way. On the last two the record itself rests, so it falls before anything is compared.
    for (rule, why) in [
        ("ed25519=2025-12-31", ORDER),
        ("sha-256=2025-12-31", "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
        ("ecdsa-p256=2025-12-31", "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
    ] {
        let value = scene.verify(&format!("--at @then --algorithm-end {rule} early.zip"), 4);
        let renewals = &value["renewals"];
        assert_eq!(renewals["sub_indication"], why, "{rule}: {value:#}");
        assert_eq!(words(&value).0, "INDETERMINATE", "{rule}: {value:#}");
    }
    // Only a list in the file is later than the record.
    let line = "evidence pack --without-revocation --policy policy.txt --anchors anchors --document contract.txt";
    let later = short_time(i64::try_from(scene.now + 86_400).unwrap());
    scene.pki.list("later.crl", &later, &[]);
    let pack = format!("{line} --revocation later.crl --unverified --out listed.zip contract.tst");
    scene.run(&pack).expect(0);
    record_of(
        &scene,
        "listed.zip",
        sha256,
        "sha256",
        &at(scene.now),
        "listed-early.zip",
    );
    refused("--at @soon listed-early.zip", ".crl");
    // A list that was added around the file is not covered by the record.
    record_of(
        &scene,
        PLAIN,
        sha256,
        "sha256",
        &at(scene.now),
        "plain-now.zip",
    );
    scene
        .run("evidence renew --revocation later.crl --out around.zip plain-now.zip")
        .expect(0);
    scene.verify("--at @soon around.zip", 0);
    // Only a token over the checkpoint is.
    let text = scene.log.checkpoint(scene.log.size()).to_text();
    let digest = sha256.digest(text.as_bytes());
    let year = at(scene.now + 365 * 86_400);
    scene
        .pki
        .stamp_at("clock", "head.tst", (sha256, &digest), &year, "sha256");
    let pack = format!("{line} --checkpoint-token head.tst --out stamped.zip contract.tst");
    scene.run(&pack).expect(0);
    record_of(
        &scene,
        "stamped.zip",
        sha256,
        "sha256",
        &at(scene.now),
        "stamped-early.zip",
    );
    refused("--at @then stamped-early.zip", ".tst");
    // Only another statement's cosignature is.
    let statement = scene.log.proof(0, &[scene.now + 86_400; 2]);
    fs::write(scene.pki.path("opened"), scene.log.record(0)).unwrap();
    fs::write(scene.pki.path("opened.tlog-proof"), statement).unwrap();
    let pack = format!("{line} --statement opened --out said.zip contract.tst");
    scene.run(&pack).expect(0);
    record_of(
        &scene,
        "said.zip",
        sha256,
        "sha256",
        &at(scene.now),
        "said-early.zip",
    );
    refused("--at @soon said-early.zip", "record 0");
}

/// Evidence of today is no evidence of last year: as of then it did not exist.
#[test]
fn evidence_is_not_judged_as_of_before_it_was() {
    let scene = Scene::new();
    let rule = "--algorithm-end ed25519=2025-12-31 --at 2024-01-01";
    let value = scene.verify(&format!("{rule} {PLAIN}"), 4);
    assert_eq!(words(&value).1, "TIMESTAMP_ORDER_FAILURE", "{value:#}");
    let line = format!(
        "verify --without-revocation --json --policy policy.txt --anchors anchors {rule} contract.tst"
    );
    let value = scene.run(&line).expect(4).json();
    assert_eq!(value["sub_indication"], "TIMESTAMP_ORDER_FAILURE");
}

/// SHA-1 in a record: its hash function is refused even if SHA-1 is accepted elsewhere; a token in
/// it counts by its own time.
#[test]
fn sha1_keeps_no_evidence_alive() {
    let scene = Scene::new();
    let (sha1, sha256) = (HashAlgorithm::Sha1, HashAlgorithm::Sha256);
    let now = Time::from_unix(i64::try_from(scene.now).unwrap()).to_generalized();
    let crypto = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE";
    for (hash, signed, time) in [
        (sha1, "sha256", now.as_str()),
        (sha1, "sha1", "20120301000000Z"),
        (sha256, "sha1", now.as_str()),
    ] {
        record_of(&scene, PLAIN, hash, signed, time, "weak.zip");
        for accept in ["", "--accept-sha1 2015-12-31"] {
            let value = scene.verify(&format!("{accept} weak.zip"), 4);
            assert_eq!(value["renewals"]["sub_indication"], crypto, "{value:#}");
        }
    }
}

/// A reply from the future is not taken in, since no honest one could follow; and a file that has
/// one says so.
#[test]
fn a_reply_of_a_time_that_has_not_come_is_refused() {
    let scene = Scene::new();
    let sha256 = HashAlgorithm::Sha256;
    let imprint = Imprint::of_data(sha256, &scene.pki.read(PLAIN));
    scene.pki.unit("clock");
    let stamped = (sha256, imprint.digest());
    scene
        .pki
        .stamp_at("clock", "future.tsr", stamped, "20900101000000Z", "sha256");
    let line =
        format!("evidence renew --reply future.tsr --anchors anchors --out taken.zip {PLAIN}");
    let refused = scene.run(&line).expect(4).stderr;
    assert!(refused.contains("one of the clocks is wrong"), "{refused}");
    assert!(!scene.pki.path("taken.zip").exists());
    let ja = scene.run(&format!("--lang ja {line}")).expect(4).stderr;
    assert!(ja.contains("まだ来ていません"), "{ja}");
    // Nor is one of a time before what it is to cover.
    scene
        .pki
        .stamp_at("clock", "past.tsr", stamped, "20250601120000Z", "sha256");
    let past = format!("evidence renew --reply past.tsr --anchors anchors --out taken.zip {PLAIN}");
    let refused = scene.run(&past).expect(4).stderr;
    assert!(refused.contains("which it covers"), "{refused}");
    assert!(!scene.pki.path("taken.zip").exists());
    // A record that an earlier version accepted.
    record_of(
        &scene,
        PLAIN,
        sha256,
        "sha256",
        "20900101000000Z",
        "taken.zip",
    );
    let shown = scene.run("evidence show taken.zip").expect(0).stdout;
    assert!(shown.contains("THAT TIME HAS NOT COME"), "{shown}");
    let shown = scene.run("--json evidence show taken.zip").expect(0).json();
    assert!(
        shown.to_string().contains("\"in_the_future\":true"),
        "{shown:#}"
    );
    let value = scene.verify("taken.zip", 4);
    assert_eq!(
        value["renewals"]["sub_indication"],
        "TIMESTAMP_ORDER_FAILURE"
    );
    let refused = scene
        .run("evidence renew --query q.tsq taken.zip")
        .expect(4);
    assert!(
        refused.stderr.contains("evidence.zip"),
        "{}",
        refused.stderr
    );
    let line = "evidence renew --reply in.tsr --anchors anchors --out x.zip taken.zip";
    scene.pki.stamp("any", "any\n");
    fs::copy(scene.pki.path("any.tsr"), scene.pki.path("in.tsr")).unwrap();
    let refused = scene.run(line).expect(4).stderr;
    assert!(
        refused.contains("no honest renewal can follow it"),
        "{refused}"
    );
    // Data other than a time-stamp can still be added.
    let of = short_time(i64::try_from(scene.now).unwrap());
    scene.pki.list("ca.crl", &of, &[]);
    scene
        .run("evidence renew --revocation ca.crl --out x.zip taken.zip")
        .expect(0);
}

#[test]
fn golden_file_is_proven_in_2060() {
    let base = read("evidence/golden.evidence.zip");
    if std::env::var_os("ISHIBUMI_BLESS").is_some() {
        let mut renewed = Renewed::open(&base).unwrap();
        let record = read("renewal/evidencerecord.ers");
        renewed.set_record(EvidenceRecord::parse(&record).unwrap());
        fs::write(published(GOLDEN), renewed.encode().unwrap()).unwrap();
    }
    let golden = read(GOLDEN);
    let renewed = Renewed::open(&golden).unwrap();
    assert_eq!(renewed.evidence(), base);
    assert_eq!(
        renewed.record().unwrap().as_octets(),
        read("renewal/evidencerecord.ers")
    );
    // The pages in it may be others by then.
    let written = renewed.encode().unwrap();
    assert_eq!(Renewed::open(&written).unwrap(), renewed);
    let first = Time::from_generalized(b"20270101000001Z").unwrap();
    assert_eq!(proven(&golden, ENDS, "2060-01-01"), (2, Some(first)));
    // Without its renewals nothing is left of it by then.
    assert_eq!(proven(&base, ENDS, "2060-01-01"), (0, None));
    assert_eq!(proven(&base, "", "2060-01-01"), (2, None));
    // One day earlier, for each rule: the renewal came too late, and the golden items fall with it.
    for (from, to) in [
        ("rsa-below-3072 2035-12-31", "rsa-below-3072 2035-05-31"),
        ("sha-256 2045-12-31", "sha-256 2045-05-31"),
        ("ecdsa-p256 2045-12-31", "ecdsa-p256 2045-05-31"),
    ] {
        let ends = ENDS.replace(from, to);
        assert_ne!(ends, ENDS);
        assert_eq!(proven(&golden, &ends, "2060-01-01"), (0, None), "{to}");
    }
    // An evidence file is no renewed one, and the other way round.
    assert!(Collection::decode(&golden).is_err());
    assert!(!Renewed::open(&base).unwrap().is_renewed());
}
