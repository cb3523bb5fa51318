//! `--from` any number of logs, mirrors and directories, over real sockets: the first verified
//! answer wins, a liar costs nothing, and when the log is gone one copy of its files is enough.

use std::fs;
use std::path::Path;

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::site::Site;
use crate::support::{Ran, ishibumi};
use http::StatusCode;
use ishibumi_artifact::{ArtifactType, record_of};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_wire::reply;

/// No server listens there.
const DEAD: &str = "http://127.0.0.1:9";

/// A log with a token as record 301 and a seal certificate, that kept two checkpoints, as files in
/// `copy`; then it is gone.
struct Scene {
    pki: Pki,
    log: Log,
    time: u64,
    index: u64,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("d0", "document 0\n");
        pki.stamp("d1", "document 1\n");
        let now = std::time::SystemTime::now();
        let time = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 5;
        let mut log = Log::new();
        log.grow(300);
        let index = log.submit(
            ArtifactType::TimestampToken,
            &pki.read("d0.tst"),
            &pki.anchors(),
        );
        let copy = pki.path("copy");
        log.keep(&copy, 200, time - 200);
        log.grow(400);
        log.keep(&copy, 400, time);
        log.grow(700);
        log.publish(&copy, time + 1000);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        Self {
            pki,
            log,
            time,
            index,
        }
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(self.pki.folder(), &format!("--json {line}"))
    }

    fn evidence(&self, from: &[&str]) -> Ran {
        let from: String = from.iter().flat_map(|from| [" --from ", from]).collect();
        self.run(&format!(
            "evidence get{from} --timeout 0 --anchors anchors --policy policy.txt d0.tst"
        ))
    }

    /// The path under which the token's proof is asked for.
    fn proof_path(&self) -> String {
        let token = self.pki.read("d0.tst");
        let record = record_of(ArtifactType::TimestampToken, &token, &self.pki.anchors()).unwrap();
        format!("v1/proof/{}", leaf_hash(&record.encode()).to_hex())
    }

    /// Serves a proof of record `index` to every request.
    fn serve_proof_of(&self, folder: &Path, index: u64) {
        let path = folder.join(self.proof_path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.log.proof(index, &[self.time; 3])).unwrap();
    }
}

#[test]
fn when_the_log_is_gone_a_directory_suffices() {
    let scene = Scene::new();
    let json = scene.evidence(&[DEAD, "copy"]).expect(0).json();
    assert_eq!(json["index"], scene.index);
    assert_eq!(json["from"], "copy");
    assert_eq!(json["refused"][0]["source"], DEAD);
    // The kept checkpoint that covers it proves an earlier time than the newest one.
    let verdict = scene
        .run("verify --without-revocation --policy policy.txt --anchors anchors d0.tst")
        .expect(0)
        .json();
    assert_eq!(verdict["statement"]["tree_size"], 400);
    let time = ishibumi_cli::render::rfc3339(scene.time);
    assert_eq!(verdict["statement"]["not_after"], time);

    // Over HTTP the same files are a mirror without an API of proofs.
    let mirror = Site::new(&scene.pki.path("copy"));
    let json = scene.evidence(&[&mirror.url]).expect(0).json();
    assert_eq!(json["index"], scene.index);
    // A missing record is not found, and without a policy nothing can be made of tiles.
    let absent = "evidence get --from copy --anchors anchors --policy policy.txt d1.tst";
    let said = scene.run(absent).expect(3).stdout;
    assert!(said.contains("not among the 700 leaves"), "{said}");
    scene
        .run("evidence get --from copy --anchors anchors d0.tst")
        .expect(3);
}

#[test]
fn of_a_folder_every_artifact_without_a_proof_is_asked_for() {
    let scene = Scene::new();
    let folder = scene.pki.path("artifacts");
    fs::create_dir(&folder).unwrap();
    for token in ["d0.tst", "d1.tst"] {
        fs::copy(scene.pki.path(token), folder.join(token)).unwrap();
    }
    fs::write(folder.join("note.txt"), "no artifact").unwrap();
    let get = "evidence get --from copy --anchors anchors --policy policy.txt artifacts";
    // One is held, one is not, one is no artifact: each has a row, and the gravest decides.
    let json = scene.run(get).expect(3).json();
    assert_eq!((&json["fetched"], &json["of"]), (&1.into(), &3.into()));
    assert_eq!(json["files"][0]["index"], scene.index);
    assert_eq!(json["files"][1]["error"]["kind"], "unavailable");
    assert_eq!(json["files"][2]["error"]["kind"], "usage");
    assert!(folder.join("d0.tst.tlog-proof").exists());
    // What has its proof is not asked for again; the other two still are.
    let json = scene.run(get).expect(3).json();
    assert_eq!((&json["fetched"], &json["of"]), (&0.into(), &2.into()));

    let one = "evidence get --from copy --anchors anchors --policy policy.txt";
    let out = scene.run(&format!("{one} --out proofs d0.tst artifacts"));
    assert_eq!(out.expect(3).json()["fetched"], 1);
    assert!(scene.pki.path("proofs").join("d0.tst.tlog-proof").exists());
}

#[test]
fn a_damaged_copy_is_refused_and_the_next_is_asked() {
    let scene = Scene::new();
    let bad = scene.pki.path("bad");
    scene.log.publish(&bad, scene.time);
    // Another leaf hash beside the token's: its proof no longer leads to the root.
    let tile = bad.join("tile/0/001");
    let mut octets = fs::read(&tile).unwrap();
    octets[0] ^= 1;
    fs::write(&tile, octets).unwrap();
    scene.evidence(&["bad"]).expect(1);
    let json = scene.evidence(&["bad", "copy"]).expect(0).json();
    assert_eq!(
        (&json["from"], json["refused"].as_array().unwrap().len()),
        (&"copy".into(), 1)
    );

    let audit = |line: &str| scene.run(&format!("audit --policy policy.txt {line}"));
    audit("bad").expect(1);
    let json = audit("bad copy").expect(0).json();
    assert_eq!(json["refused"][0]["source"], "bad");
    audit(&format!("--from {DEAD} --from bad")).expect(1);

    let organization = "NTRJP-8040001079502";
    let find = |from: &str| {
        scene.run(&format!(
            "find {from} --policy policy.txt organization {organization}"
        ))
    };
    find("--from copy").expect(3);
    let mut log = scene.log;
    let anchors = scene.pki.anchors();
    log.submit(
        ArtifactType::Certificate,
        &scene.pki.read("seal.crt"),
        &anchors,
    );
    log.publish(&scene.pki.path("copy"), scene.time);
    let find = |from: &str| {
        let line = format!("--json find {from} --policy policy.txt organization {organization}");
        ishibumi(scene.pki.folder(), &line)
    };
    let json = find("--from copy").expect(0).json();
    assert_eq!(json["complete"], true);
    assert_eq!(json["records"].as_array().unwrap().len(), 1);
    let bundle = scene.pki.path("copy/tile/entries/000");
    let mut octets = fs::read(&bundle).unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    fs::write(&bundle, octets).unwrap();
    find("--from copy").expect(1);
}

#[test]
fn a_lying_source_costs_nothing() {
    let scene = Scene::new();
    let lies = scene.pki.path("lies");
    scene.serve_proof_of(&lies, 5);
    let liar = Site::new(&lies);
    scene.evidence(&[&liar.url]).expect(1);
    assert_eq!(liar.asked().len(), 2, "once more, past caches");
    assert!(!scene.pki.path("d0.tst.tlog-proof").exists());
    let json = scene.evidence(&[&liar.url, "copy"]).expect(0).json();
    assert_eq!(json["refused"][0]["source"], *liar.url);
    let said = json["refused"][0]["error"].as_str().unwrap();
    assert!(said.contains("does not prove"), "{said}");
}

#[test]
fn a_lying_cache_is_passed_by() {
    let scene = Scene::new();
    let honest = scene.pki.path("honest");
    scene.serve_proof_of(&honest, scene.index);
    let site = Site::new(&honest);
    let html = b"<html>Our service is undergoing maintenance</html>".to_vec();
    site.fault(move |head| {
        let past = head
            .headers
            .get("cache-control")
            .is_some_and(|value| value == "no-cache");
        (!past).then(|| html.clone())
    });
    let json = scene.evidence(&[&site.url]).expect(0).json();
    assert_eq!(json["refused"], serde_json::json!([]));
    // A cache that ignores requests, or the portal of a network, shows nothing about the log.
    site.fault(|_| Some(b"<html>".to_vec()));
    let said = scene.evidence(&[&site.url]).expect(3).stdout;
    assert!(said.contains("a web page"), "{said}");
    for line in [
        format!("audit --policy policy.txt {}", site.url),
        format!(
            "find --policy policy.txt --from {} leaf {}",
            site.url,
            "0".repeat(64)
        ),
    ] {
        scene.run(&line).expect(3);
    }
}

#[test]
fn a_fork_that_any_source_shows_convicts_the_log() {
    let scene = Scene::new();
    let audit = |line: &str| scene.run(&format!("audit --policy policy.txt --state seen {line}"));
    audit("copy").expect(0);
    // The same size with another record, signed by the same keys.
    let mut other = Log::new();
    other.grow(699);
    other.add_octets(scene.log.record(5).to_vec());
    other.publish(&scene.pki.path("fork"), scene.time);
    // A smaller tree is a source that fell behind, if another one has not.
    let mut old = Log::new();
    old.grow(100);
    old.publish(&scene.pki.path("old"), scene.time);
    audit("old copy").expect(0);
    audit("old").expect(1);
    assert!(scene.pki.path("seen.rollback").exists());
    let said = audit("fork copy").expect(1).stdout;
    assert!(said.contains("fork"), "{said}");
    assert!(scene.pki.path("seen.fork").exists());
    audit("copy").expect(0);
}

#[test]
fn a_log_that_falls_silent_after_it_took_an_artifact_is_replaced_by_its_mirror() {
    let scene = Scene::new();
    let leaf = scene.proof_path().replace("v1/proof/", "");
    let index = scene.index;
    let silent = Site::new(&scene.pki.path("nothing"));
    silent.answer(move |head| {
        let staged = format!(r#"{{"index":{index},"leaf":"{leaf}","proof":"/v1/proof/{leaf}"}}"#);
        Some(match head.uri.path() {
            "/v1/submit" => reply(StatusCode::ACCEPTED, "application/json", staged),
            _ => reply(StatusCode::BAD_GATEWAY, "text/plain", "gone\n"),
        })
    });
    let submit = |from: &str| {
        let log = &silent.url;
        scene.run(&format!(
            "submit --log {log} --timeout 1 --policy policy.txt --anchors anchors {from} d0.tst"
        ))
    };
    submit("").expect(3);
    assert!(!scene.pki.path("d0.tst.tlog-proof").exists());
    let json = submit("--from copy").expect(0).json();
    assert_eq!(json["files"][0]["index"], index);
    assert_eq!(json["files"][0]["verified"], true);
}

#[test]
fn a_tile_of_another_length_is_asked_for_past_caches() {
    let scene = Scene::new();
    let site = Site::new(&scene.pki.path("copy"));
    let lie = |head: &http::request::Parts| {
        let past = head.headers.contains_key("cache-control");
        let tile = head.uri.path().starts_with("/tile/");
        (tile && !past).then(|| b"<html>".to_vec())
    };
    site.fault(lie);
    scene.evidence(&[&site.url]).expect(0);
    scene
        .run(&format!("audit --policy policy.txt {}", site.url))
        .expect(0);
    site.fault(|head| {
        head.uri
            .path()
            .starts_with("/tile/")
            .then(|| b"<html>".to_vec())
    });
    scene.evidence(&[&site.url]).expect(3);
    scene
        .run(&format!("audit --policy policy.txt {}", site.url))
        .expect(3);
}
