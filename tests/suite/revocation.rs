//! The easy path is the good one: what a log holds about revocation is fetched with the proof, is
//! found beside the artifact, and goes into the evidence file; and without it validity is not
//! judged.

use std::fs;
use std::path::{Path, PathBuf};

use ishibumi_tests::artifacts::{Artifacts, CRL, OCSP};
use ishibumi_tests::process::{Ended, run};
use ishibumi_tests::world::{Provider, Setup, World};
use serde_json::Value;

/// A customer's folder, and the log and provider that it comes from.
struct Desk {
    made: Artifacts,
    world: World,
    terms: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        let made = Artifacts::new();
        let provider = Provider {
            kinds: &["timestamp-token", "certificate", "crl", "ocsp-response"],
            ..made.provider()
        };
        let world = World::new(Setup {
            providers: vec![provider],
            ..Setup::default()
        });
        let path = |name: &str| world.path(name);
        fs::create_dir_all(path("anchors/intermediates")).unwrap();
        fs::copy(made.path("root.crt"), path("anchors/root.crt")).unwrap();
        let issuing = path("anchors/intermediates/issuing.crt");
        fs::copy(made.path("issuing.crt"), issuing).unwrap();
        fs::write(path("policy.txt"), world.policy_text()).unwrap();
        fs::write(path("bearer"), world.token("north")).unwrap();
        fs::create_dir(path("held")).unwrap();
        let shown = |name: &str| path(name).display().to_string();
        let terms = [
            "--policy",
            &shown("policy.txt"),
            "--anchors",
            &shown("anchors"),
        ];
        let terms = terms.map(str::to_owned).to_vec();
        Self { made, world, terms }
    }

    fn held(&self, name: &str) -> PathBuf {
        self.world.path(&format!("held/{name}"))
    }

    fn ishibumi(&self, words: &[&str], last: &[&Path]) -> Ended {
        let mut line: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        line.extend(self.terms.iter().cloned());
        line.extend(last.iter().map(|path| path.display().to_string()));
        run("ishibumi", line)
    }

    fn submit(&self, name: &str) -> String {
        let bearer = self.world.path("bearer").display().to_string();
        let words = ["submit", "--log", self.world.url(), "--token-file", &bearer];
        self.ishibumi(&words, &[&self.held(name)]).done()
    }

    /// The provider's lists of this hour, in the log.
    fn log_lists(&self) {
        for ca in ["issuing", "root"] {
            let list = self.made.crl(ca);
            let _ = self.world.submit("north", CRL, "", &list).expect(200);
        }
    }

    fn verdict(&self, more: &[&str], name: &str, code: i32) -> Value {
        let words = [&["verify", "--json"][..], more].concat();
        let ended = self.ishibumi(&words, &[&self.held(name)]);
        assert_eq!(ended.code, code, "{name}: {}{}", ended.out, ended.err);
        serde_json::from_str(&ended.out).unwrap()
    }
}

fn answer(json: &Value, of: &str) -> String {
    json["answers"][of]["answer"].as_str().unwrap().to_owned()
}

#[test]
fn lists_come_with_the_proof_as_soon_as_they_tell_something() {
    let desk = Desk::new();
    fs::write(desk.held("a.tst"), desk.made.token("tsa-one", b"a")).unwrap();
    let said = desk.submit("a.tst");
    assert!(said.contains("no list of a later time"), "{said}");
    // Existence is proven, and validity is not judged.
    let json = desk.verdict(&[], "a.tst", 4);
    assert_eq!(json["sub_indication"], "TRY_LATER");
    assert_eq!(
        [answer(&json, "existed"), answer(&json, "valid")],
        ["yes", "open"]
    );
    let json = desk.verdict(&["--without-revocation"], "a.tst", 0);
    assert_eq!(json["answers"]["valid"]["revocation"], "not-asked");

    desk.log_lists();
    let log = desk.world.url();
    let said = desk.ishibumi(&["evidence", "get", "--from", log], &[&desk.held("")]);
    let said = said.done();
    assert!(said.contains("2 lists and responses"), "{said}");
    let json = desk.verdict(&[], "a.tst", 0);
    assert_eq!(json["answers"]["valid"]["revocation"], "known", "{json:#}");
    assert_eq!(json["issuers"][0]["revocation"]["state"], "not-revoked");
    // Each list has its own proof from the log.
    let lists = json["revocation_lists"].as_array().unwrap();
    assert!(
        lists.iter().all(|list| list["statement"].is_object()),
        "{json:#}"
    );

    // One run for what is submitted when the lists are there already.
    fs::write(desk.held("b.crt"), desk.made.certificate("seal")).unwrap();
    let _ = desk.submit("b.crt");
    assert_eq!(answer(&desk.verdict(&[], "b.crt", 0), "valid"), "yes");

    // The folder's lists go into a file that holds all that its verdict rests on, and into a batch.
    let file = desk.world.path("all.evidence.zip");
    let out = file.display().to_string();
    let pack = ["evidence", "pack", "--no-documents", "--out", &out];
    let _ = desk.ishibumi(&pack, &[&desk.held("")]).done();
    let judged = desk
        .ishibumi(&["evidence", "verify", "--json"], &[&file])
        .done();
    let judged: Value = serde_json::from_str(&judged).unwrap();
    assert_eq!([&judged["proven"], &judged["of"]], [2, 2], "{judged:#}");
    let folder = desk.held("").display().to_string();
    let batch = [
        "verify",
        "--batch",
        &folder,
        "--from",
        "2020-01-01",
        "--to",
        "2099-12-31",
    ];
    let _ = desk.ishibumi(&batch, &[]).done();

    // The control: validity is not judged any more once the lists are gone.
    fs::rename(desk.held("revocation"), desk.world.path("away")).unwrap();
    assert_eq!(desk.ishibumi(&batch, &[]).code, 4);
    let _ = desk.verdict(&[], "a.tst", 4);
    let away = desk.world.path("away").display().to_string();
    let _ = desk.verdict(&["--revocation", &away], "a.tst", 0);
    let refused = desk.ishibumi(
        &["evidence", "pack", "--no-documents", "--out", "other.zip"],
        &[&desk.held("")],
    );
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
}

#[test]
fn a_copy_without_lookups_gives_them_too() {
    let mut desk = Desk::new();
    fs::write(desk.held("a.tst"), desk.made.token("tsa-one", b"a")).unwrap();
    let _ = desk.submit("a.tst");
    desk.log_lists();
    let response = desk.made.ocsp("tsa-one");
    let _ = desk.world.submit("north", OCSP, "", &response).expect(200);
    let tree = desk.world.path("tree").display().to_string();
    desk.world.stop_log();
    desk.world.operate(&["export", "--out", &tree]).done();
    let said = desk.ishibumi(
        &["evidence", "get", "--from", &tree],
        &[&desk.held("a.tst")],
    );
    let said = said.done();
    assert!(said.contains("3 lists and responses"), "{said}");
    let _ = desk.verdict(&[], "a.tst", 0);

    // Octets that are not those of the record are none: nothing is written, and nothing judged.
    for entry in fs::read_dir(format!("{tree}/blob")).unwrap() {
        let path = entry.unwrap().path();
        let mut octets = fs::read(&path).unwrap();
        octets[40] ^= 1;
        fs::write(&path, octets).unwrap();
    }
    fs::remove_dir_all(desk.held("revocation")).unwrap();
    let said = desk.ishibumi(
        &["evidence", "get", "--from", &tree],
        &[&desk.held("a.tst")],
    );
    let said = said.done();
    assert!(said.contains("no list of a later time"), "{said}");
    assert!(!desk.held("revocation").exists());
    let _ = desk.verdict(&[], "a.tst", 4);
}

/// The log's lists tell every client what was revoked since then.
#[test]
fn a_revocation_that_the_log_holds_is_not_missed() {
    let desk = Desk::new();
    fs::write(desk.held("seal.crt"), desk.made.certificate("seal")).unwrap();
    desk.made.revoke("seal", "keyCompromise");
    desk.log_lists();
    let _ = desk.submit("seal.crt");
    // Revoked before any log saw it.
    let json = desk.verdict(&[], "seal.crt", 4);
    assert_eq!(json["sub_indication"], "REVOKED_NO_POE", "{json:#}");
    assert_eq!(answer(&json, "existed"), "yes");
}

/// What came with a proof loses nothing of it: the proof is there, and what became of it is told.
#[test]
fn a_folder_that_cannot_be_written_takes_no_proof_away() {
    let desk = Desk::new();
    desk.log_lists();
    fs::write(desk.held("revocation"), "a file is in the way").unwrap();
    fs::write(desk.held("b.crt"), desk.made.certificate("seal")).unwrap();
    desk.log_lists();
    let said = desk.submit("b.crt");
    assert!(said.contains("b.crt: record "), "{said}");
    assert!(said.contains("revocation: nothing could be had"), "{said}");
    assert!(desk.held("b.crt.tlog-proof").is_file());
    // The control: once nothing is in the way, the same command fetches them.
    fs::remove_file(desk.held("revocation")).unwrap();
    let said = desk.submit("b.crt");
    assert!(!said.contains("nothing could be had"), "{said}");
    assert_eq!(answer(&desk.verdict(&[], "b.crt", 0), "valid"), "yes");

    // A proof in the folder that cannot be read is a row of a batch, and not its end.
    let mut files = fs::read_dir(desk.held("revocation")).unwrap();
    let list = files.find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension()
            .is_some_and(|it| it == "tlog-proof")
            .then_some(path)
    });
    fs::write(desk.held("a.tst"), desk.made.token("tsa-one", b"a")).unwrap();
    let _ = desk.submit("a.tst");
    fs::write(list.unwrap(), vec![b'x'; 4 << 20]).unwrap();
    let folder = desk.held("").display().to_string();
    let batch = [
        "verify",
        "--json",
        "--batch",
        &folder,
        "--from",
        "2020-01-01",
        "--to",
        "2099-12-31",
    ];
    let ended = desk.ishibumi(&batch, &[]);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["total"], 2, "{json:#}");
    assert_ne!(ended.code, 0);
}
