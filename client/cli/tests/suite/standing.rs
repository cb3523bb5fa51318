//! The verdict over OCSP responses, the CAs above a signer, and tokens over checkpoints: through
//! the real binary, on OpenSSL's artifacts, each defence beside the good input that passes.

use std::fs;

use crate::support::log::Log;
use crate::support::pki::{Pki, short_time};
use crate::support::{Ran, ask, ishibumi};
use ishibumi_artifact::rules::{AlgorithmRules, SHA1_END};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, TimestampToken};
use ishibumi_tlog::note::Note;
use serde_json::Value;

const DAY: u64 = 86_400;

/// A stamped contract below a root and a CA, logged, and proven a minute from now.
struct Scene {
    pki: Pki,
    log: Log,
    anchors: Anchors,
    token: u64,
    proven: u64,
}

impl Scene {
    fn new() -> Self {
        Self::on(Pki::new().under_a_root())
    }

    fn on(pki: Pki) -> Self {
        let anchors = read_anchors(&pki);
        Self::with(pki, anchors)
    }

    fn below_an_anchor() -> Self {
        let pki = Pki::new();
        let anchors = pki.anchors();
        Self::with(pki, anchors)
    }

    fn with(pki: Pki, anchors: Anchors) -> Self {
        pki.stamp("contract", "we agree\n");
        let mut log = Log::new();
        let token = pki.read("contract.tst");
        let token = log.submit(ArtifactType::TimestampToken, &token, &anchors);
        log.grow(20);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let proven = now.as_secs() + 60;
        let scene = Self {
            pki,
            log,
            anchors,
            token,
            proven,
        };
        scene.prove_at(proven);
        scene
    }

    /// Cosigns the token's checkpoint at this time.
    fn prove_at(&self, time: u64) {
        let proof = self.log.proof(self.token, &[time; 3]);
        fs::write(self.pki.path("contract.tlog-proof"), proof).unwrap();
    }

    /// Judged as of a day on which the lists of these tests, of days to come, have been made.
    fn run(&self, rest: &str) -> Ran {
        ishibumi(
            self.pki.folder(),
            &format!(
                "verify {}--json --policy policy.txt --anchors anchors --at 2099-12-31 {rest} contract.tst",
                ask(rest)
            ),
        )
    }

    #[track_caller]
    fn passes(&self, rest: &str) -> Value {
        self.run(rest).expect(0).json()
    }

    #[track_caller]
    fn fails(&self, rest: &str, code: i32, sub_indication: &str) -> Value {
        let json = self.run(rest).expect(code).json();
        assert_eq!(json["sub_indication"], sub_indication, "{json:#}");
        json
    }

    /// Logs the artifact in `file` in a log of the same keys, proven at `time`.
    fn log_beside(&self, file: &str, kind: ArtifactType, time: u64) {
        let mut log = Log::new();
        let index = log.submit(kind, &self.pki.read(file), &self.anchors);
        let proof = log.proof(index, &[time; 3]);
        fs::write(self.pki.path(&format!("{file}.tlog-proof")), proof).unwrap();
    }
}

/// Seconds since the Epoch as [`Pki::list`] wants them.
fn at(time: u64) -> String {
    short_time(i64::try_from(time).unwrap())
}

fn read_anchors(pki: &Pki) -> Anchors {
    let read = |name: &str| Certificate::parse(&pki.read(name)).unwrap();
    Anchors::from_certificates([read("root.crt")]).with_intermediates([read("crossed.crt")])
}

fn said(json: &Value) -> String {
    json["sentences"]["en"].to_string()
}

#[test]
fn an_ocsp_response_tells_what_a_list_tells() {
    let scene = Scene::new();
    let pki = &scene.pki;
    pki.issue("ocsp", "/C=JP/O=Test/CN=Responder");
    // The database lists the issued certificates; "good" means that the serial is there and not
    // revoked.
    for signer in ["ca", "ocsp"] {
        pki.response("good.ors", "tsa.crt", signer);
        let json = scene.passes("--revocation good.ors");
        assert_eq!(json["revocation"]["state"], "not-revoked", "{json:#}");
        assert_eq!(
            json["revocation_lists"][0]["response"]["answers"][0]["status"],
            "good"
        );
    }
    assert!(said(&scene.passes("--revocation good.ors")).contains("CN=Responder"));
    // It is about another certificate, so it says nothing.
    pki.response("seal.ors", "seal.crt", "ca");
    let json = scene.passes("--revocation seal.ors");
    assert_eq!(json["revocation"]["state"], "not-covered");

    let revoked = |seconds: i64, reason: &str| {
        let time = i64::try_from(scene.proven).unwrap() + seconds;
        let date = short_time(time);
        pki.list("unused.crl", "260101000000Z", &[("tsa.crt", &date, reason)]);
        pki.response("revoked.ors", "tsa.crt", "ocsp");
        "--revocation revoked.ors"
    };
    let json = scene.passes(revoked(3600, "cessationOfOperation"));
    assert_eq!(json["revocation"]["state"], "revoked");
    assert_eq!(json["revocation"]["reason"], "cessationOfOperation");
    scene.passes(revoked(3600, "keyCompromise"));
    scene.fails(revoked(-20, "keyCompromise"), 4, "REVOKED_NO_POE");
    scene.fails(revoked(-20, ""), 1, "REVOKED");
    scene.fails(revoked(-86_400, "superseded"), 1, "REVOKED");
    scene.fails(
        revoked(-86_400, "holdInstruction,holdInstructionReject"),
        4,
        "TRY_LATER",
    );

    // The response itself is an artifact, with claims of its own.
    scene.log_beside("good.ors", ArtifactType::OcspResponse, scene.proven + 60);
    let line = "verify --without-revocation --json --policy policy.txt --anchors anchors good.ors";
    let json = ishibumi(pki.folder(), line).expect(0).json();
    assert_eq!(json["artifact"]["claims"]["type"], "ocsp-response");
    assert_eq!(json["statement"]["kind"], "ocsp-response");
    let json = scene.passes("--revocation good.ors");
    assert!(said(&json).contains("was in the log before"), "{json:#}");
}

#[test]
fn a_hold_ends_and_a_list_speaks_until_its_next_update() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let hold = at(scene.proven - DAY);
    let hold = [(
        "tsa.crt",
        hold.as_str(),
        "holdInstruction,holdInstructionReject",
    )];
    pki.list("hold.crl", &at(scene.proven + DAY), &hold);
    scene.fails("--revocation hold.crl", 4, "TRY_LATER");
    pki.list("after.crl", &at(scene.proven + 2 * DAY), &[]);
    let json = scene.passes("--revocation hold.crl --revocation after.crl");
    assert_eq!(json["revocation"]["state"], "not-revoked");
    // A statement made before the hold ends nothing.
    pki.list("before.crl", &at(scene.proven + 60), &[]);
    scene.fails(
        "--revocation hold.crl --revocation before.crl",
        4,
        "TRY_LATER",
    );

    // A list whose time ended before the token is proven to exist says nothing about it.
    let (from, to) = (at(scene.proven - 30), at(scene.proven + 600));
    pki.openssl(&format!(
        "ca -config pki.cnf -gencrl -crl_lastupdate 20{from} -crl_nextupdate 20{to} -out short.crl"
    ));
    let json = scene.passes("--revocation short.crl");
    assert_eq!(json["revocation"]["state"], "not-revoked");
    scene.prove_at(scene.proven + DAY);
    let json = scene.passes("--revocation short.crl");
    assert_eq!(json["revocation"]["state"], "not-covered", "{json:#}");
    scene.fails(
        "--require-revocation --revocation short.crl",
        4,
        "TRY_LATER",
    );
}

#[test]
fn every_certificate_below_the_anchor_is_asked_about() {
    let scene = Scene::new();
    let pki = &scene.pki;
    pki.list("ca.crl", &at(scene.proven + 60), &[]);
    let both = "--require-revocation --revocation ca.crl --revocation root.crl";
    // The unit alone is covered: its CA is not.
    let json = scene.fails("--require-revocation --revocation ca.crl", 4, "TRY_LATER");
    assert_eq!(json["issuers"][0]["revocation"]["state"], "not-covered");
    pki.root_list("root.crl", &at(scene.proven + 60), &[]);
    let json = scene.passes(both);
    assert_eq!(json["issuers"][0]["revocation"]["state"], "not-revoked");
    assert_eq!(json["issuers"][0]["subject"], "CN=CA,O=Test,C=JP");
}

/// The standard's validation-time sliding: what a compromised CA signed counts if it is older.
#[test]
fn a_ca_that_was_compromised_takes_its_later_words_with_it() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let root = |seconds: u64, reason: &str| {
        let date = at(scene.proven + seconds);
        let of = at(scene.proven + 30 * DAY);
        pki.root_list("root.crl", &of, &[("crossed.crt", &date, reason)]);
    };
    pki.list("ca.crl", &at(scene.proven + 60), &[]);
    let both = "--revocation ca.crl --revocation root.crl";
    let strictly = format!("--require-revocation {both}");

    root(DAY, "keyCompromise");
    // The token is older than that; the list that calls its unit good is not proven to be.
    let json = scene.passes(both);
    assert_eq!(json["issuers"][0]["revocation"]["reason"], "keyCompromise");
    assert_eq!(json["revocation"]["state"], "not-covered", "{json:#}");
    scene.fails(&strictly, 4, "NO_POE");
    scene.log_beside("ca.crl", ArtifactType::Crl, scene.proven + 2 * DAY);
    scene.fails(&strictly, 4, "NO_POE");
    scene.log_beside("ca.crl", ArtifactType::Crl, scene.proven + 3600);
    let json = scene.passes(&strictly);
    assert_eq!(json["revocation"]["state"], "not-revoked");

    // Compromised before the token is proven to exist.
    scene.prove_at(scene.proven + 2 * DAY);
    scene.fails(both, 4, "REVOKED_CA_NO_POE");
    // An orderly end says nothing against what came before; a hold waits; a release is no
    // revocation.
    root(DAY, "cessationOfOperation");
    scene.passes(both);
    root(0, "holdInstruction,holdInstructionReject");
    scene.fails(both, 4, "TRY_LATER");
    root(0, "removeFromCRL");
    scene.passes(both);
}

/// A thief of the key of a CA can certify another CA later, and that one's unit and token may be
/// old.
#[test]
fn a_ca_below_a_compromised_one_is_not_believed() {
    // Before the token, so that every certificate is valid when it is made.
    let pki = Pki::new().under_a_root();
    pki.openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -out middle.csr \
         -subj /C=JP/O=Test/CN=Middle",
    );
    let sign = |csr: &str, ca: &str, serial: u32, out: &str| {
        pki.openssl(&format!(
            "x509 -req -in {csr} -CA {ca}.crt -CAkey {ca}.key -set_serial {serial} -days 3650 \
             -extfile pki.cnf -extensions ca_extensions -out {out}"
        ));
    };
    sign("middle.csr", "root", 78, "middle.crt");
    sign("crossed.csr", "middle", 79, "lower.crt");
    fs::remove_file(pki.path("anchors/intermediates/crossed.crt")).unwrap();
    for name in ["middle.crt", "lower.crt"] {
        let known = pki.path("anchors/intermediates").join(name);
        fs::copy(pki.path(name), known).unwrap();
    }
    let scene = Scene::on(pki);
    let pki = &scene.pki;
    let root = |reason: &str| {
        let date = at(scene.proven + DAY);
        let of = at(scene.proven + 30 * DAY);
        pki.root_list("root.crl", &of, &[("middle.crt", &date, reason)]);
        "--revocation root.crl"
    };
    let json = scene.passes("");
    assert_eq!(json["issuers"][0]["subject"], "CN=Middle,O=Test,C=JP");
    assert_eq!(json["issuers"][1]["subject"], "CN=CA,O=Test,C=JP");
    scene.passes(root("cessationOfOperation"));
    scene.fails(root("keyCompromise"), 4, "REVOKED_CA_NO_POE");
}

/// A second time-stamping authority that stamps the checkpoint.
fn stamp_checkpoint(scene: &Scene, by: &Pki, name: &str) {
    let note = scene.log.note(scene.log.size(), &[]);
    by.stamp(name, note.text());
    let file = format!("{name}.tst");
    fs::write(scene.pki.path(&file), by.read(&file)).unwrap();
}

#[test]
fn a_token_over_the_checkpoint_is_a_proof_of_its_own() {
    let scene = Scene::new();
    // Of another name: a list in the name of the one CA would be about the other, too.
    let other = Pki::of("Other");
    fs::copy(other.path("ca.crt"), scene.pki.path("anchors/other.crt")).unwrap();
    stamp_checkpoint(&scene, &other, "stamp");

    let json = scene.passes("--checkpoint-token stamp.tst");
    // The witnesses' time is what it was; the earlier one is what the verdict rests on.
    let alone = scene.passes("");
    assert_eq!(json["statement"], alone["statement"]);
    assert_eq!(alone["existence"]["by"], "witnesses");
    assert_eq!(alone["checkpoint_tokens"], serde_json::json!([]));
    assert_eq!(json["existence"]["by"], "checkpoint-token");
    let stamped = &json["checkpoint_tokens"][0]["stamped"];
    assert_eq!(stamped["tree_size"], 20);
    assert_eq!(json["existence"]["not_after"], stamped["not_after"]);
    assert_ne!(
        stamped["gen_time"], stamped["not_after"],
        "with its accuracy"
    );
    assert!(said(&json).contains("rests on the time of the checkpoint token"));
    let japanese = json["sentences"]["ja"].to_string();
    assert!(
        japanese.contains("ログに対するタイムスタンプ"),
        "{japanese}"
    );

    // It rescues a token whose unit was compromised between stamp and cosignatures.
    scene.prove_at(scene.proven + 20 * DAY);
    let compromised = at(scene.proven + DAY);
    let of = at(scene.proven + 21 * DAY);
    scene
        .pki
        .list("ca.crl", &of, &[("tsa.crt", &compromised, "keyCompromise")]);
    scene.fails("--revocation ca.crl", 4, "REVOKED_NO_POE");
    scene.passes("--revocation ca.crl --checkpoint-token stamp.tst");

    // Without witnesses, it is the only time.
    let policy = scene.log.policy().replace("quorum two", "quorum none");
    fs::write(scene.pki.path("policy.txt"), policy).unwrap();
    let json = scene.passes("--allow-no-quorum --revocation ca.crl --checkpoint-token stamp.tst");
    assert_eq!(json["statement"]["not_after"], Value::Null);
    assert_eq!(json["existence"]["by"], "checkpoint-token");
    scene.fails("--allow-no-quorum --revocation ca.crl", 4, "REVOKED_NO_POE");
}

#[test]
fn a_token_that_stamps_something_else_proves_nothing() {
    let scene = Scene::new();
    let other = Pki::new();
    stamp_checkpoint(&scene, &other, "stamp");
    let refused = |name: &str, words: &str| {
        let json = scene.passes(&format!("--checkpoint-token {name}"));
        let why = json["checkpoint_tokens"][0]["refused"].as_str().unwrap();
        assert!(why.contains(words), "{why}");
        assert_eq!(json["existence"]["by"], "witnesses");
        assert!(said(&json).contains("was not used"), "{json:#}");
    };
    // Not anchored yet.
    refused("stamp.tst", "path at genTime");
    fs::copy(other.path("ca.crt"), scene.pki.path("anchors/other.crt")).unwrap();
    let json = scene.passes("--checkpoint-token stamp.tst");
    assert_eq!(json["existence"]["by"], "checkpoint-token");

    // The whole note instead of its text, another tree, noise, and nothing.
    let note = scene.log.note(scene.log.size(), &[scene.proven; 3]);
    let copy = |name: &str| {
        let file = format!("{name}.tst");
        fs::write(scene.pki.path(&file), other.read(&file)).unwrap();
    };
    other.stamp("note", &note.encode());
    copy("note");
    refused(
        "note.tst",
        "does not stamp the text of the checkpoint of size 20",
    );
    let smaller = scene.log.note(19, &[scene.proven; 3]);
    other.stamp("smaller", smaller.text());
    copy("smaller");
    refused("smaller.tst", "put a proof under that checkpoint beside it");
    fs::write(scene.pki.path("noise.tst"), [0x30, 3, 1, 2, 3]).unwrap();
    refused("noise.tst", "reply-malformed");
    fs::write(scene.pki.path("empty.tst"), "").unwrap();
    refused("empty.tst", "the file is empty");

    // The unit about its own token.
    stamp_checkpoint(&scene, &scene.pki, "itself");
    refused("itself.tst", "the very unit");

    // A unit that was compromised: a thief of its key can stamp with any date. Its CA has another
    // name, for a list in the name of the artifact's own CA would be about that one, too.
    let other = Pki::of("Other");
    fs::copy(other.path("ca.crt"), scene.pki.path("anchors/other.crt")).unwrap();
    stamp_checkpoint(&scene, &other, "stamp");
    let date = at(scene.proven + DAY);
    let of = at(scene.proven + 2 * DAY);
    other.list("other.crl", &of, &[("tsa.crt", &date, "keyCompromise")]);
    fs::copy(other.path("other.crl"), scene.pki.path("other.crl")).unwrap();
    refused("stamp.tst --revocation other.crl", "its own unit");
    // An orderly end does not matter.
    other.list(
        "other.crl",
        &of,
        &[("tsa.crt", &date, "cessationOfOperation")],
    );
    fs::copy(other.path("other.crl"), scene.pki.path("other.crl")).unwrap();
    let json = scene.passes("--revocation other.crl --checkpoint-token stamp.tst");
    assert_eq!(json["existence"]["by"], "checkpoint-token");
}

#[test]
fn a_token_over_another_checkpoint_comes_with_a_proof_under_it() {
    let mut scene = Scene::new();
    let other = Pki::new();
    fs::copy(other.path("ca.crt"), scene.pki.path("anchors/other.crt")).unwrap();
    scene.prove_at(scene.proven + DAY);
    scene.log.grow(33);
    stamp_checkpoint(&scene, &other, "hourly");
    let proof = scene.log.proof(scene.token, &[scene.proven + DAY; 3]);
    fs::write(scene.pki.path("hourly.tlog-proof"), &proof).unwrap();
    let json = scene.passes("--checkpoint-token hourly.tst");
    assert_eq!(json["checkpoint_tokens"][0]["stamped"]["tree_size"], 33);
    assert_eq!(json["statement"]["tree_size"], 20);

    // A proof of another record, and one that too few witnesses cosigned.
    let other_record = scene.log.proof(scene.token - 1, &[scene.proven + DAY; 3]);
    let too_few = scene.log.proof(scene.token, &[scene.proven + DAY]);
    for proof in [other_record, too_few, String::new()] {
        fs::write(scene.pki.path("hourly.tlog-proof"), proof).unwrap();
        let json = scene.passes("--checkpoint-token hourly.tst");
        assert!(
            json["checkpoint_tokens"][0]["refused"].is_string(),
            "{json:#}"
        );
        assert_eq!(json["existence"]["by"], "witnesses");
    }
}

/// The vector of docs/formats/checkpoint-token.md: which octets are stamped must not change.
#[test]
fn the_golden_stamp_is_over_the_text_of_the_golden_checkpoint() {
    let golden = |path: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
        fs::read(folder.join(path)).unwrap()
    };
    let anchor = Certificate::parse(&golden("checkpoint-token/ca.crt")).unwrap();
    let token = TimestampToken::parse(&golden("checkpoint-token/stamp.tst")).unwrap();
    let token = token.verify(&Anchors::from_certificates([anchor])).unwrap();
    let octets = golden("tlog/log/checkpoint");
    let note = Note::parse(&octets).unwrap();
    assert!(token.matches(note.text().as_bytes()));
    assert!(!token.matches(&octets));
    assert!(!token.matches(note.text().trim_end().as_bytes()));
}

/// A list signed with SHA-1 counts only if the caller states since when it exists, and on a day on
/// which SHA-1 was sound.
#[test]
fn sha1_counts_by_a_day_that_the_caller_vouches_for() {
    // The CA is an anchor, so that the start of its certificate's validity is not asked.
    let mut scene = Scene::below_an_anchor();
    scene.pki.write_index("index.txt", &[]);
    scene.pki.openssl(
        "ca -config pki.cnf -gencrl -md sha1 -crl_lastupdate 20120301000000Z \
         -crl_nextupdate 20120401000000Z -out old.crl",
    );
    let rules = AlgorithmRules::default().with_sha1_until(SHA1_END);
    let rules = rules.with_proof_of_existence(SHA1_END);
    scene.anchors = scene.pki.anchors().with_algorithm_rules(rules);
    scene.log_beside("old.crl", ArtifactType::Crl, scene.proven);
    let verify = |option: &str| {
        let line = format!(
            "verify --without-revocation --json --policy policy.txt --anchors anchors {option} old.crl"
        );
        ishibumi(scene.pki.folder(), &line)
    };
    let refused = verify("").expect(4).json();
    assert_eq!(
        refused["sub_indication"],
        "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
    );
    verify("--accept-sha1 2012-03-31").expect(0);
    verify("--accept-sha1 2016-01-01").expect(2);
    verify("--accept-sha1 yesterday").expect(2);
}
