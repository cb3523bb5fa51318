//! The effect of a given list or response on the verdict, through the real binary: the worst of all
//! statements counts, and a file that cannot be used never leads to a verdict in favour. Each
//! beside the control that passes.

use std::fs;
use std::path::PathBuf;

use crate::artifacts::status::*;
use crate::artifacts::{ASK, Ask, Node, P256, Pki};
use crate::support::log::Log;
use crate::support::{ask, ishibumi};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate};
use serde_json::Value;

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");

/// A token below a root and a CA, logged now; the certificate of an e-seal beside it.
struct Scene {
    pki: Pki,
    log: Log,
    anchors: Anchors,
    issuing: Certificate,
    tsu: Certificate,
    now: i64,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        for (name, extensions) in [
            ("tsu", "v3_tsu"),
            ("seal", "v3_seal"),
            ("responder", "v3_ocsp"),
        ] {
            pki.unit(name, P256, "issuing", extensions, DATES);
        }
        fs::create_dir_all(pki.path("anchors/intermediates")).unwrap();
        fs::copy(pki.path("root.crt"), pki.path("anchors/root.crt")).unwrap();
        fs::copy(
            pki.path("issuing.crt"),
            pki.path("anchors/intermediates/issuing.crt"),
        )
        .unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let mut scene = Self {
            anchors: pki.anchors(),
            issuing: pki.certificate("issuing"),
            tsu: pki.certificate("tsu"),
            now: i64::try_from(now.as_secs()).unwrap(),
            log: Log::new(),
            pki,
        };
        let token = scene.pki.token(Ask { tsu: "tsu", ..ASK });
        scene.logged("token.tst", ArtifactType::TimestampToken, &token);
        let seal = scene.pki.certificate("seal").der().to_vec();
        scene.logged("seal.crt", ArtifactType::Certificate, &seal);
        scene.pki.write("policy.txt", scene.log.policy());
        scene
    }

    /// Writes an artifact with its proof.
    fn logged(&mut self, name: &str, kind: ArtifactType, octets: &[u8]) {
        let index = self.log.submit(kind, octets, &self.anchors);
        let time = u64::try_from(self.now).unwrap() + 2;
        self.pki.write(name, octets);
        self.pki.write(
            &format!("{name}.tlog-proof"),
            self.log.proof(index, &[time; 3]),
        );
    }

    fn time(&self, seconds: i64) -> Node {
        generalized(&Time::from_unix(self.now + seconds).to_generalized())
    }

    /// A list of the issuing CA, of now.
    fn list(&self, entries: Vec<Node>) -> List {
        let mut list = List::of(&self.issuing, entries);
        list.this_update = self.time(10);
        list.next_update = Some(self.time(86_400));
        list
    }

    fn revoked(&self, code: u8) -> Node {
        sequence(vec![
            integer(self.tsu.serial()),
            utc("250601000000Z"),
            sequence(vec![reason(code)]),
        ])
    }

    /// An answer of now about the unit.
    fn answer(&self, hash: &str, status: CertStatus) -> Node {
        let id = cert_id(&self.pki, hash, &self.issuing, &self.tsu);
        let mut answer = single(id, status, vec![]);
        *answer.child(2) = self.time(10);
        *answer.child(3) = Node::Tree(0xa0, vec![self.time(86_400)]);
        if matches!(status, CertStatus::Revoked(_)) {
            *answer.child(1).child(0) = generalized("20250601000000Z");
        }
        answer
    }

    fn response(&self, singles: Vec<Node>) -> Response {
        let mut response = Response::of(&self.issuing, singles);
        response.produced_at = self.time(10);
        response
    }

    fn write(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.pki.path(name);
        fs::write(&path, octets).unwrap();
        path
    }

    #[track_caller]
    fn run(&self, line: &str, code: i32) -> Value {
        let folder = self.pki.path("anchors");
        let folder = folder.parent().unwrap();
        let line = format!(
            "verify {}--json --policy policy.txt --anchors anchors {line}",
            ask(line)
        );
        ishibumi(folder, &line).expect(code).json()
    }

    /// The verdict about the token with these octets as revocation data.
    #[track_caller]
    fn with(&self, octets: &[u8], code: i32, sub_indication: &str) -> Value {
        self.write("given", octets);
        let json = self.run("--revocation given token.tst", code);
        let expected = if sub_indication.is_empty() {
            Value::Null
        } else {
            sub_indication.into()
        };
        assert_eq!(json["sub_indication"], expected, "{json:#}");
        json
    }

    fn signed(&self, list: List) -> Vec<u8> {
        list.signed(&self.pki, "issuing")
    }
}

#[test]
fn the_worst_of_what_one_file_says_counts_in_any_order() {
    let scene = Scene::new();
    let respond = |singles: Vec<Node>| scene.response(singles).signed(&scene.pki, "issuing");
    let good = |hash| scene.answer(hash, CertStatus::Good);
    let bad = |hash| scene.answer(hash, CertStatus::Revoked(Some(1)));
    scene.with(&respond(vec![good("sha1")]), 0, "");
    for (first, second) in [("sha1", "sha1"), ("sha1", "sha256"), ("sha256", "sha1")] {
        scene.with(&respond(vec![good(first), bad(second)]), 1, "REVOKED");
        scene.with(&respond(vec![bad(first), good(second)]), 1, "REVOKED");
    }
    scene.with(&scene.signed(scene.list(vec![])), 0, "");
    for codes in [[8, 1], [1, 8], [6, 1], [1, 6], [4, 1], [1, 4]] {
        let list = scene.list(codes.map(|code| scene.revoked(code)).to_vec());
        let json = scene.with(&scene.signed(list), 1, "REVOKED");
        assert_eq!(json["revocation"]["state"], "revoked");
    }
    // Two lists of one number: each says what it says.
    scene.write("good.crl", &scene.signed(scene.list(vec![])));
    scene.write("bad.crl", &scene.signed(scene.list(vec![scene.revoked(1)])));
    scene.write(
        "hold.crl",
        &scene.signed(scene.list(vec![scene.revoked(6)])),
    );
    for (one, other, code) in [("good", "bad", 1), ("good", "hold", 4), ("hold", "bad", 1)] {
        let line =
            |one, other| format!("--revocation {one}.crl --revocation {other}.crl token.tst");
        let (there, back) = (
            scene.run(&line(one, other), code),
            scene.run(&line(other, one), code),
        );
        for part in [
            "indication",
            "sub_indication",
            "checks",
            "revocation",
            "issuers",
        ] {
            assert_eq!(there[part], back[part]);
        }
    }
}

/// For a certificate the state is a fact to report: the worst one.
#[test]
fn of_a_certificate_the_worst_state_is_reported() {
    let scene = Scene::new();
    let seal = scene.pki.certificate("seal");
    let about = |code: u8| {
        sequence(vec![
            integer(seal.serial()),
            utc("250601000000Z"),
            sequence(vec![reason(code)]),
        ])
    };
    // Revoked before it was first seen: it was valid then only if the reason says nothing against
    // its key.
    for (codes, expected, code, sub) in [
        ([8, 1], "keyCompromise", 4, Some("REVOKED_NO_POE")),
        ([1, 8], "keyCompromise", 4, Some("REVOKED_NO_POE")),
        ([5, 1], "keyCompromise", 4, Some("REVOKED_NO_POE")),
        ([6, 5], "certificateHold", 4, Some("TRY_LATER")),
        ([5, 4], "superseded", 0, None),
    ] {
        scene.write(
            "given",
            &scene.signed(scene.list(codes.map(about).to_vec())),
        );
        let json = scene.run("--revocation given seal.crt", code);
        assert_eq!(json["revocation"]["reason"], expected, "{codes:?}");
        assert_eq!(json["sub_indication"].as_str(), sub, "{codes:?}");
        assert_eq!(json["answers"]["existed"]["answer"], "yes", "{codes:?}");
    }
    // What cannot be read about it leaves its state open, and that is no verdict in favour.
    scene.write("given", &scene.signed(scene.list(vec![about(7)])));
    let json = scene.run("--revocation given seal.crt", 4);
    assert_eq!(json["sub_indication"], "TRY_LATER");
}

#[test]
fn a_harmless_oddity_does_not_lose_what_is_said() {
    let scene = Scene::new();
    let bad = || scene.revoked(1);
    let other = |code: u8| entry(&scene.pki.certificate("seal"), vec![reason(code)]);
    let odd = extension(INVALIDITY_DATE, false, &generalized("20250101000000.000Z"));
    let mut dated = bad();
    dated.child(2).children().push(odd);
    let kept = extension(EXPIRED_CERTS, false, &utc("250101000000Z"));
    for list in [
        scene.list(vec![bad()]).with(kept),
        scene.list(vec![dated]),
        scene.list(vec![other(7), bad()]),
    ] {
        scene.with(&scene.signed(list), 1, "REVOKED");
    }
    // The same without the entry about the unit.
    scene.with(&scene.signed(scene.list(vec![other(7)])), 0, "");
    let nonce = extension(NONCE, true, &Node::Leaf(0x04, vec![1, 2]));
    let response = |status| {
        let response = scene.response(vec![scene.answer("sha1", status)]);
        response.with(nonce.clone()).signed(&scene.pki, "issuing")
    };
    scene.with(&response(CertStatus::Revoked(Some(1))), 1, "REVOKED");
    scene.with(&response(CertStatus::Good), 0, "");
}

/// Given, and perhaps about the unit, and of no use: the verdict cannot be in favour.
#[test]
fn what_is_given_and_cannot_be_used_is_never_a_verdict_in_favour() {
    let scene = Scene::new();
    let Scene { pki, issuing, .. } = &scene;
    let critical = || extension(UNKNOWN, true, &utc(""));
    let plain = scene.signed(scene.list(vec![]));
    scene.with(&plain, 0, "");
    let forged = scene.list(vec![]).signed(pki, "stranger");
    let broken = {
        let mut broken = plain.clone();
        *broken.last_mut().unwrap() ^= 1;
        broken
    };
    let good = || scene.response(vec![scene.answer("sha1", CertStatus::Good)]);
    let mut by_impostor = good();
    by_impostor.responder = Node::Tree(0xa1, vec![subject(&pki.certificate("seal"))]);
    let by_impostor = by_impostor.carrying(&[&pki.certificate("seal")]);
    let unusable: [(&str, Vec<u8>); 11] = [
        (
            "crl-critical-extension",
            scene.signed(scene.list(vec![]).with(critical())),
        ),
        ("signature", forged),
        ("signature-invalid", broken),
        ("crl-malformed", plain[..plain.len() - 1].to_vec()),
        (
            "cannot be read",
            scene.signed(scene.list(vec![scene.revoked(7)])),
        ),
        (
            "ocsp-critical-extension",
            good().with(critical()).signed(pki, "issuing"),
        ),
        (
            "ocsp-responder-unauthorized",
            by_impostor.signed(pki, "seal"),
        ),
        (
            "ocsp-malformed",
            good().signed(pki, "issuing")[..200].to_vec(),
        ),
        ("ocsp-not-successful", vec![0x30, 3, 0x0a, 1, 3]),
        (
            "artifact-unrecognised",
            b"<html><title>Log in</title></html>".to_vec(),
        ),
        ("the file is empty", Vec::new()),
    ];
    for (why, octets) in &unusable {
        let json = scene.with(octets, 4, "TRY_LATER");
        assert!(json.to_string().contains(why), "{why}: {json:#}");
        // A good list beside it changes nothing: what cannot be read may say otherwise.
        scene.write("good.crl", &plain);
        scene.run("--revocation good.crl --revocation given token.tst", 4);
        // "Revoked" is worse.
        scene.write("bad.crl", &scene.signed(scene.list(vec![scene.revoked(1)])));
        scene.run("--revocation given --revocation bad.crl token.tst", 1);
    }
    // A list that is plainly a stranger's, or a file that is no list, is left aside with a note.
    let stranger = List::of(&pki.certificate("stranger"), vec![scene.revoked(1)]);
    let seal = pki.certificate("seal");
    let other = single(
        cert_id(pki, "sha1", issuing, &seal),
        CertStatus::Revoked(Some(1)),
        vec![],
    );
    let other = scene.response(vec![other]);
    for octets in [
        stranger.clone().signed(pki, "stranger"),
        stranger.with(critical()).signed(pki, "stranger"),
        other.clone().signed(pki, "issuing"),
        other.with(critical()).signed(pki, "issuing"),
        seal.der().to_vec(),
    ] {
        let json = scene.with(&octets, 0, "");
        assert_eq!(json["revocation"]["state"], "not-covered", "{json:#}");
    }
    // A responder that does not know the certificate: nothing in favour, unless another source is.
    let unknown = scene.response(vec![scene.answer("sha1", CertStatus::Unknown)]);
    scene.with(&unknown.signed(pki, "issuing"), 4, "TRY_LATER");
    scene.run("--revocation good.crl --revocation given token.tst", 0);
}

/// The CA is asked about by the same rules.
#[test]
fn a_list_about_the_ca_that_cannot_be_used_counts_too() {
    let scene = Scene::new();
    let root = scene.pki.certificate("root");
    let list = |critical: bool| {
        let mut list = List::of(&root, vec![]);
        list.this_update = scene.time(10);
        list.next_update = Some(scene.time(86_400));
        list.with(extension(UNKNOWN, critical, &utc("")))
            .signed(&scene.pki, "root")
    };
    let json = scene.with(&list(false), 0, "");
    assert_eq!(json["issuers"][0]["revocation"]["state"], "not-revoked");
    let json = scene.with(&list(true), 4, "TRY_LATER");
    assert_eq!(
        json["issuers"][0]["revocation"]["state"], "not-covered",
        "{json:#}"
    );
}

#[test]
fn a_responder_counts_while_nobody_says_that_it_is_revoked() {
    let scene = Scene::new();
    let responder = scene.pki.certificate("responder");
    let by = |status| {
        let mut response = scene
            .response(vec![scene.answer("sha1", status)])
            .carrying(&[&responder]);
        response.responder = Node::Tree(0xa1, vec![subject(&responder)]);
        response.signed(&scene.pki, "responder")
    };
    scene.with(&by(CertStatus::Good), 0, "");
    scene.with(&by(CertStatus::Revoked(Some(1))), 1, "REVOKED");
    // By a response, in either order.
    let id = cert_id(&scene.pki, "sha1", &scene.issuing, &responder);
    let against = single(id, CertStatus::Revoked(Some(1)), vec![]);
    scene.write(
        "against.ors",
        &scene.response(vec![against]).signed(&scene.pki, "issuing"),
    );
    for status in [CertStatus::Good, CertStatus::Revoked(Some(1))] {
        scene.write("given", &by(status));
        for order in [
            "--revocation given --revocation against.ors",
            "--revocation against.ors --revocation given",
        ] {
            let json = scene.run(&format!("{order} token.tst"), 4);
            assert_eq!(json["sub_indication"], "TRY_LATER");
            assert!(json.to_string().contains("was itself revoked"), "{json:#}");
        }
    }
}

/// A responder of another CA, put into the folder `responders` of the anchors.
#[test]
fn a_responder_can_be_trusted_by_the_caller() {
    let scene = Scene::new();
    let pki = &scene.pki;
    pki.unit("own", P256, "stranger", "v3_ocsp", DATES);
    let own = pki.certificate("own");
    let by = |status| {
        let mut response = scene.response(vec![scene.answer("sha1", status)]);
        response.responder = Node::Tree(0xa1, vec![subject(&own)]);
        response.signed(pki, "own")
    };
    scene.with(&by(CertStatus::Good), 4, "TRY_LATER");
    scene.with(&by(CertStatus::Revoked(Some(1))), 4, "TRY_LATER");
    fs::create_dir(pki.path("anchors/responders")).unwrap();
    fs::copy(pki.path("own.crt"), pki.path("anchors/responders/own.crt")).unwrap();
    let json = scene.with(&by(CertStatus::Good), 0, "");
    assert_eq!(
        json["revocation_lists"][0]["response"]["trusted_responder"],
        true
    );
    assert!(
        json["sentences"]["en"].to_string().contains("trusted here"),
        "{json:#}"
    );
    scene.with(&by(CertStatus::Revoked(Some(1))), 1, "REVOKED");
    // Trusted to answer, and for nothing else.
    pki.unit("below", P256, "stranger", "v3_tsu", DATES);
    let stranger = List::of(&own, vec![]).signed(pki, "own");
    scene.write("own.crl", &stranger);
    let json = scene.run("own.crl token.tst.tlog-proof", 4);
    assert_eq!(json["sub_indication"], "NO_CERTIFICATE_CHAIN_FOUND");
}

/// "Of 2035" says nothing about today: by the clock of the machine, `--at`, or its own proof.
#[test]
fn what_is_of_a_later_time_says_nothing_about_today() {
    let mut scene = Scene::new();
    let of = |scene: &Scene, days: i64, entries| {
        let mut list = scene.list(entries);
        list.this_update = scene.time(days * 86_400);
        list.next_update = Some(scene.time((days + 30) * 86_400));
        scene.signed(list)
    };
    let json = scene.with(&of(&scene, 3_000, vec![]), 4, "TRY_LATER");
    assert!(json.to_string().contains("no later time than"), "{json:#}");
    let json = scene.run("--at 2039-12-31 --revocation given token.tst", 0);
    assert_eq!(json["revocation"]["state"], "not-revoked");
    scene.with(&of(&scene, 3_000, vec![scene.revoked(1)]), 1, "REVOKED");
    let response = |scene: &Scene, days: i64| {
        let mut response = scene.response(vec![scene.answer("sha1", CertStatus::Good)]);
        response.produced_at = scene.time(days * 86_400);
        response.signed(&scene.pki, "issuing")
    };
    scene.with(&response(&scene, 0), 0, "");
    scene.with(&response(&scene, 3_000), 4, "TRY_LATER");
    // A list that is proven to have been there before its own date.
    let list = of(&scene, 20, vec![]);
    scene.logged("early.crl", ArtifactType::Crl, &list);
    let json = scene.run("--at 2039-12-31 --revocation early.crl token.tst", 4);
    assert_eq!(json["sub_indication"], "TIMESTAMP_ORDER_FAILURE");
}

/// The signers of lists may be known from the artifact alone.
#[test]
fn a_ca_that_only_the_token_carries_signs_lists_all_the_same() {
    let scene = Scene::new();
    fs::remove_file(scene.pki.path("anchors/intermediates/issuing.crt")).unwrap();
    scene.with(&scene.signed(scene.list(vec![])), 0, "");
    scene.with(
        &scene.signed(scene.list(vec![scene.revoked(1)])),
        1,
        "REVOKED",
    );
}

/// Lists and responses as the artifact: another key, or a path that does not hold, is no forgery.
#[test]
fn a_list_whose_ca_cannot_be_settled_is_not_disproven() {
    let mut scene = Scene::new();
    let list = scene.signed(scene.list(vec![]));
    let response = scene.response(vec![scene.answer("sha1", CertStatus::Good)]);
    let response = response.signed(&scene.pki, "issuing");
    scene.logged("x.crl", ArtifactType::Crl, &list);
    scene.logged("x.ors", ArtifactType::OcspResponse, &response);
    for name in ["x.crl", "x.ors"] {
        scene.run(name, 0);
    }
    let known = scene.pki.path("anchors/intermediates/issuing.crt");
    // After a roll-over: the same name, and a key that did not sign.
    let pki = &scene.pki;
    pki.key("rolled", P256);
    pki.request("rolled", "/C=JP/O=Ishibumi Test/CN=Issuing CA");
    pki.sign("rolled", "root", "v3_issuing", DATES, &[]);
    // Another CA of the root's name above.
    pki.key("namesake", &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    pki.request("namesake", "/C=JP/O=Ishibumi Test/CN=root CA");
    pki.sign("namesake", "stranger", "v3_root", DATES, &[]);
    fs::copy(pki.path("rolled.crt"), &known).unwrap();
    for name in ["x.crl", "x.ors"] {
        let json = scene.run(name, 4);
        assert_eq!(json["indication"], "INDETERMINATE", "{json:#}");
    }
    fs::copy(pki.path("issuing.crt"), &known).unwrap();
    fs::copy(pki.path("namesake.crt"), pki.path("anchors/root.crt")).unwrap();
    for name in ["x.crl", "x.ors"] {
        let json = scene.run(name, 4);
        assert_eq!(
            json["sub_indication"], "NO_CERTIFICATE_CHAIN_FOUND",
            "{json:#}"
        );
    }
}
