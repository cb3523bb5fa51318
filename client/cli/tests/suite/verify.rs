//! `ishibumi verify`, through the real binary, on OpenSSL's artifacts: every verdict and its exit
//! code, each defence beside the good input that passes.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::{Pki, short_time};
use crate::support::{Ran, ask, ishibumi};
use ishibumi_artifact::ArtifactType;
use serde_json::Value;

const DAY: u64 = 86_400;

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A stamped contract and an e-seal certificate, both logged and proven a minute from now.
struct Scene {
    pki: Pki,
    log: Log,
    token: u64,
    proven: u64,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("contract", "we agree\n");
        let mut log = Log::new();
        let anchors = pki.anchors();
        log.submit(ArtifactType::Certificate, &pki.read("seal.crt"), &anchors);
        let seal = log.size() - 1;
        let token = log.submit(
            ArtifactType::TimestampToken,
            &pki.read("contract.tst"),
            &anchors,
        );
        log.grow(20);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        let scene = Self {
            pki,
            log,
            token,
            proven: now() + 60,
        };
        scene.write("contract.tlog-proof", scene.proof(&[0, 1, 5]));
        scene.write("seal.tlog-proof", scene.log.proof(seal, &[scene.proven; 3]));
        scene
    }

    /// The token's proof, cosigned at these seconds after `proven`.
    fn proof(&self, after: &[u64]) -> String {
        let times: Vec<u64> = after.iter().map(|after| self.proven + after).collect();
        self.log.proof(self.token, &times)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.pki.path(name), text).unwrap();
    }

    /// Judged as of a day on which the lists of these tests, of days to come, have been made.
    fn run(&self, rest: &str) -> Ran {
        ishibumi(
            self.pki.folder(),
            &format!(
                "verify {}--json --policy policy.txt --anchors anchors --at 2099-12-31 {rest}",
                ask(rest)
            ),
        )
    }

    #[track_caller]
    fn verdict(&self, rest: &str, code: i32, sub_indication: &str) -> Value {
        let json = self.run(rest).expect(code).json();
        assert_eq!(json["sub_indication"], sub_indication, "{json:#}");
        assert_eq!(json["proven"], false);
        json
    }

    /// Writes a list that revokes `certificate` and runs with it.
    fn revoked(&self, certificate: &str, date: u64, reason: &str) -> &'static str {
        let date = short_time(i64::try_from(date).unwrap());
        let of = short_time(i64::try_from(self.proven + DAY).unwrap());
        self.pki
            .list("ca.crl", &of, &[(certificate, &date, reason)]);
        "--revocation ca.crl contract.tst"
    }
}

#[test]
fn a_token_is_proven_with_and_without_its_document() {
    let scene = Scene::new();
    let json = scene.run("contract.tst").expect(0).json();
    assert_eq!(json["indication"], "TOTAL-PASSED");
    let statement = &json["statement"];
    assert_eq!(statement["kind"], "timestamp-token");
    assert_eq!(statement["index"], scene.token);
    assert_eq!(statement["tree_size"], 20);
    assert_eq!(statement["log"], "t.example/log");
    assert_eq!(statement["witnesses"].as_array().unwrap().len(), 3);
    // The second cosignature completes the quorum of two.
    let second = i64::try_from(scene.proven + 1).unwrap();
    let second = ishibumi_artifact::time::Time::from_unix(second).to_string();
    assert_eq!(statement["not_after"], second);
    assert_eq!(
        json["artifact"]["claims"]["tsu"]["subject"],
        "CN=TSU,O=Test,C=JP"
    );
    assert_eq!(json["artifact"]["claims"]["accuracy_us"], 1_000_000);
    let said = json["sentences"]["en"].to_string();
    assert!(said.contains("Not compared with a document"), "{said}");
    assert!(said.contains("3 of 3 witnesses"), "{said}");
    assert!(said.contains("Revocation was not checked"), "{said}");

    let json = scene
        .run("--document contract.txt contract.tst")
        .expect(0)
        .json();
    assert!(
        json["sentences"]["en"]
            .to_string()
            .contains("the one that was stamped")
    );
    scene.write("contract.txt", "we agree.\n");
    scene.verdict("--document contract.txt contract.tst", 1, "HASH_FAILURE");
    // The reply around the token is another file of the same record.
    let reply = scene
        .run("contract.tsr contract.tlog-proof")
        .expect(0)
        .json();
    assert_eq!(reply["statement"], json["statement"]);
    assert_ne!(
        reply["artifact"]["file_sha256"],
        json["artifact"]["file_sha256"]
    );
}

#[test]
fn certificates_and_lists_are_proven_too() {
    let scene = Scene::new();
    let json = scene.run("seal.crt").expect(0).json();
    assert!(
        json["artifact"]["claims"]["subject"]
            .as_str()
            .unwrap()
            .contains("CN=Seal")
    );
    scene.run("--document contract.txt seal.crt").expect(2);

    scene.revoked("seal.crt", scene.proven + 5, "cessationOfOperation");
    let crl = scene.pki.read("ca.crl");
    let mut log = Log::new();
    let index = log.submit(ArtifactType::Crl, &crl, &scene.pki.anchors());
    scene.write(
        "ca.crl.tlog-proof",
        log.proof(index, &[scene.proven + 2 * DAY; 2]),
    );
    let json = scene.run("ca.crl").expect(0).json();
    assert_eq!(json["artifact"]["claims"]["entries"], 1);

    let json = scene.run("--revocation ca.crl seal.crt").expect(0).json();
    assert_eq!(json["revocation"]["state"], "revoked");
    assert_eq!(json["revocation"]["reason"], "cessationOfOperation");
    assert_eq!(json["revocation_lists"][0]["statement"]["kind"], "crl");
    let said = json["sentences"]["en"].to_string();
    assert!(said.contains("was in the log before"), "{said}");
    // A list that claims to be of a day after it was seen.
    scene.write("ca.crl.tlog-proof", log.proof(index, &[scene.proven; 2]));
    scene.verdict("ca.crl", 4, "TIMESTAMP_ORDER_FAILURE");
}

#[test]
fn evidence_that_does_not_hold_is_refused_with_its_reason() {
    // Before the token, so that its CA is valid at genTime and only not the one that signed.
    let stranger = Pki::new();
    let scene = Scene::new();
    scene.run("contract.tst").expect(0);

    let with = |proof: String, code, sub: &str, words: &str| {
        scene.write("other.tlog-proof", proof);
        let json = scene.verdict("contract.tst other.tlog-proof", code, sub);
        assert_eq!(json["statement"], Value::Null);
        let said = json["sentences"]["en"][0].as_str().unwrap();
        assert!(said.contains(words), "{said}");
    };
    let good = scene.proof(&[0, 1, 5]);
    with(
        scene.proof(&[0]),
        4,
        "NO_POE",
        "1 of the policy's 3 witnesses",
    );
    let index = |index: u64| format!("\nindex {index}\n");
    let other_index = good.replace(&index(scene.token), &index(scene.token + 1));
    with(other_index, 1, "HASH_FAILURE", "not what the proof proves");
    with(good.clone() + "x", 4, "NO_POE", "signature lines");
    with(
        good.replace("t.example/log\n", "u.example/log\n"),
        4,
        "NO_POE",
        "names no log",
    );
    with(String::new(), 4, "NO_POE", "an empty file");
    let other_size = good.replace("\n20\n", "\n21\n");
    with(other_size, 1, "SIG_CRYPTO_FAILURE", "does not verify");

    // Another artifact under a good proof, and no artifact at all.
    scene.pki.stamp("other", "we do not\n");
    let json = scene.verdict("other.tst contract.tlog-proof", 1, "HASH_FAILURE");
    assert_eq!(json["statement"], Value::Null);
    scene.write("noise.tst", [0x30, 0x03, 1, 2, 3]);
    scene.verdict("noise.tst contract.tlog-proof", 4, "GENERIC");

    // A TSA that is not anchored.
    fs::copy(stranger.path("ca.crt"), scene.pki.path("anchors/ca.crt")).unwrap();
    let json = scene.verdict("contract.tst", 4, "NO_CERTIFICATE_CHAIN_FOUND");
    assert_eq!(json["statement"], Value::Null);
}

#[test]
fn the_proven_time_decides() {
    let scene = Scene::new();
    let at = |time: u64| {
        scene.write(
            "contract.tlog-proof",
            scene.log.proof(scene.token, &[time; 3]),
        );
    };
    at(scene.proven + 300 * DAY);
    scene.run("contract.tst").expect(0);
    at(scene.proven + 400 * DAY);
    scene.verdict("contract.tst", 4, "OUT_OF_BOUNDS_NO_POE");
    at(scene.proven - 3600);
    let json = scene.verdict("contract.tst", 4, "TIMESTAMP_ORDER_FAILURE");
    // That the octets existed is still proven.
    assert_eq!(json["statement"]["index"], scene.token);
}

#[test]
fn revocation_follows_rfc_3161_section_4() {
    let scene = Scene::new();
    scene.verdict("--require-revocation contract.tst", 4, "TRY_LATER");

    // The unit is not listed; and on a list that is older than the token, that says nothing.
    let list = scene.revoked("seal.crt", scene.proven, "superseded");
    let json = scene
        .run(&format!("--require-revocation {list}"))
        .expect(0)
        .json();
    assert_eq!(json["revocation"]["state"], "not-revoked");
    let old = short_time(i64::try_from(scene.proven - DAY).unwrap());
    scene.pki.list("ca.crl", &old, &[]);
    let json = scene
        .run("--revocation ca.crl contract.tst")
        .expect(0)
        .json();
    assert_eq!(json["revocation"]["state"], "not-covered");
    scene.verdict(
        "--require-revocation --revocation ca.crl contract.tst",
        4,
        "TRY_LATER",
    );

    // Orderly closing, later: earlier tokens stay valid.
    for reason in [
        "cessationOfOperation",
        "superseded",
        "affiliationChanged",
        "unspecified",
    ] {
        let list = scene.revoked("tsa.crt", scene.proven + 3600, reason);
        let json = scene.run(list).expect(0).json();
        assert_eq!(json["revocation"]["state"], "revoked", "{reason}");
    }
    // Compromise: rescued by the proven time, and only by it.
    let list = scene.revoked("tsa.crt", scene.proven + 3600, "keyCompromise");
    scene.run(list).expect(0);
    let list = scene.revoked("tsa.crt", scene.proven - 20, "keyCompromise");
    scene.verdict(list, 4, "REVOKED_NO_POE");
    // No reason: all tokens count as invalid, unless proven to be older.
    let list = scene.revoked("tsa.crt", scene.proven - 20, "");
    scene.verdict(list, 1, "REVOKED");
    let list = scene.revoked("tsa.crt", scene.proven + 3600, "");
    scene.run(list).expect(0);
    // Revoked before the stamp.
    let list = scene.revoked("tsa.crt", scene.proven - DAY, "cessationOfOperation");
    scene.verdict(list, 1, "REVOKED");
}

#[test]
fn a_list_of_somebody_else_is_not_used() {
    let scene = Scene::new();
    let stranger = Pki::new();
    stranger.list(
        "ca.crl",
        "251231000000Z",
        &[("tsa.crt", "240101000000Z", "keyCompromise")],
    );
    fs::copy(stranger.path("ca.crl"), scene.pki.path("ca.crl")).unwrap();
    // It has the name of the CA, and another key: whether it is another CA's, or the same CA's
    // after a roll-over, cannot be told.
    let json = scene.verdict("--revocation ca.crl contract.tst", 4, "TRY_LATER");
    assert_eq!(json["revocation"]["state"], "not-covered");
    assert!(json["revocation_lists"][0]["refused"].is_string());
    // One of another name is plainly not about this unit.
    let stranger = Pki::of("Stranger");
    let of = [("tsa.crt", "240101000000Z", "keyCompromise")];
    stranger.list("ca.crl", "251231000000Z", &of);
    fs::copy(stranger.path("ca.crl"), scene.pki.path("ca.crl")).unwrap();
    let json = scene
        .run("--revocation ca.crl contract.tst")
        .expect(0)
        .json();
    assert_eq!(json["revocation"]["state"], "not-covered");
    assert!(json["revocation_lists"][0]["refused"].is_string());
    scene.verdict(
        "--require-revocation --revocation ca.crl contract.tst",
        4,
        "TRY_LATER",
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    let scene = Scene::new();
    let missing = scene.run("absent.tst").expect(3);
    assert!(missing.stderr.contains("absent.tst"), "{}", missing.stderr);
    assert_eq!(missing.json()["error"]["kind"], "unavailable");
    fs::copy(scene.pki.path("contract.tst"), scene.pki.path("lonely.tst")).unwrap();
    let lonely = scene.run("lonely.tst").expect(3);
    assert!(
        lonely.stderr.contains("lonely.tst.tlog-proof"),
        "{}",
        lonely.stderr
    );
    fs::copy(
        scene.pki.path("contract.tlog-proof"),
        scene.pki.path("lonely.tst.tlog-proof"),
    )
    .unwrap();
    scene.run("lonely.tst").expect(0);

    let quorum = scene.log.policy().replace("quorum two", "quorum none");
    scene.write("policy.txt", &quorum);
    let refused = scene.run("contract.tst").expect(2);
    assert!(
        refused.stderr.contains("--allow-no-quorum"),
        "{}",
        refused.stderr
    );
    let json = scene.run("--allow-no-quorum contract.tst").expect(0).json();
    assert_eq!(json["statement"]["not_after"], Value::Null);
    let said = json["sentences"]["en"].to_string();
    assert!(said.contains("no time is proven"), "{said}");

    scene.write(
        "policy.txt",
        quorum.replace("group two 2 w1", "group two 2 w9"),
    );
    let refused = scene.run("contract.tst").expect(2);
    assert!(refused.stderr.contains("w9"), "{}", refused.stderr);
    scene.write("policy.txt", scene.log.policy());
    fs::remove_file(scene.pki.path("anchors/ca.crt")).unwrap();
    scene.run("contract.tst").expect(2);
}

#[test]
fn reports_speak_japanese() {
    let scene = Scene::new();
    let line = "verify --without-revocation --policy policy.txt --anchors anchors contract.tst";
    let english = ishibumi(scene.pki.folder(), line).expect(0);
    assert!(
        english.stdout.starts_with("PROVEN (TOTAL-PASSED)\n"),
        "{}",
        english.stdout
    );
    let asked = ishibumi(scene.pki.folder(), &format!("--lang ja {line}")).expect(0);
    assert!(
        asked.stdout.starts_with("証明済み (TOTAL-PASSED)\n"),
        "{}",
        asked.stdout
    );
    let by_locale = crate::support::command(scene.pki.folder())
        .args(line.split(' '))
        .env("LANG", "ja_JP.UTF-8")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(by_locale.stdout).unwrap(), asked.stdout);
}

/// The promise of "offline": under a tracer, no call that has to do with networks.
#[test]
fn verifying_opens_no_socket() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is missing, so that verify opens no socket was NOT checked");
        return;
    }
    let scene = Scene::new();
    let list = scene.revoked("seal.crt", scene.proven, "superseded");
    let trace = |line: &str| {
        let output = Command::new("strace")
            .args([
                "-f",
                "-e",
                "trace=network",
                "-o",
                "trace.txt",
                env!("CARGO_BIN_EXE_ishibumi"),
            ])
            .args(line.split_whitespace())
            .current_dir(scene.pki.folder())
            .output()
            .unwrap();
        let calls = fs::read_to_string(scene.pki.path("trace.txt")).unwrap();
        let calls = calls.lines().filter(|line| line.contains('(')).count();
        (output.status.code(), calls)
    };
    let verify = format!(
        "verify --without-revocation --policy policy.txt --anchors anchors --at 2099-12-31 --document contract.txt {list}"
    );
    assert_eq!(trace(&verify), (Some(0), 0));
    assert_eq!(trace("policy check policy.txt"), (Some(0), 0));
    // The tracer does see sockets where there are some.
    let (code, calls) =
        trace("evidence get --log http://127.0.0.1:9 --anchors anchors --timeout 0 contract.tst");
    assert_eq!(code, Some(3));
    assert!(calls > 0);
}
