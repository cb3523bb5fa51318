//! Evidence files, through the real binary, on OpenSSL's artifacts: packed, shown, verified, taken
//! apart, merged; and verified by hand, with the commands of the README inside.

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::{Pki, short_time};
use crate::support::{Ran, ishibumi};
use ishibumi_artifact::ArtifactType;

const DAY: u64 = 86_400;

const PACK: &str = "evidence pack --without-revocation --policy policy.txt --anchors anchors";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Two stamped contracts, an e-seal, a list, and a token over the checkpoint, all under one
/// checkpoint.
struct Scene {
    pki: Pki,
    log: Log,
    proven: u64,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("contract", "we agree\n");
        pki.stamp("lease", "we rent\n");
        let proven = now() + 60;
        let of = short_time(i64::try_from(proven).unwrap());
        pki.list("ca.crl", &of, &[]);
        let mut log = Log::new();
        let anchors = pki.anchors();
        let mut indices = Vec::new();
        for (kind, file) in [
            (ArtifactType::Certificate, "seal.crt"),
            (ArtifactType::TimestampToken, "contract.tst"),
            (ArtifactType::TimestampToken, "lease.tst"),
            (ArtifactType::Crl, "ca.crl"),
        ] {
            indices.push((log.submit(kind, &pki.read(file), &anchors), file));
        }
        log.grow(21);
        let scene = Self { pki, log, proven };
        for (index, file) in indices {
            scene.write(&format!("{file}.tlog-proof"), scene.proof(index));
        }
        scene.write("policy.txt", scene.log.policy());
        scene
    }

    fn proof(&self, index: u64) -> String {
        self.log
            .proof(index, &[self.proven, self.proven + 1, self.proven + 5])
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.pki.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(self.pki.folder(), line)
    }

    fn pack(&self, rest: &str, out: &str) -> Vec<u8> {
        self.run(&format!("{PACK} --out {out} {rest}")).expect(0);
        self.pki.read(out)
    }

    fn verify(&self, file: &str) -> Ran {
        self.run(&format!(
            "evidence verify --without-revocation --json --policy policy.txt --anchors anchors {file}"
        ))
    }

    /// A token over the text of the checkpoint of the whole log, by another unit.
    fn stamp_checkpoint(&self, name: &str) {
        self.pki.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out other.csr \
             -subj /C=JP/O=Test/CN=Other",
        );
        self.pki.openssl(
            "ca -batch -notext -config pki.cnf -extensions tsa_extensions -in other.csr -out tsa.crt",
        );
        let text = self.log.checkpoint(self.log.size()).to_text();
        self.pki.stamp(name, &text);
    }
}

/// Unpacks with an ordinary ZIP reader, which shares no code with ours.
fn unzip(octets: &[u8], folder: &Path) -> Vec<String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(octets)).unwrap();
    let mut names = Vec::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        let name = entry.name().unwrap().into_owned();
        let path = folder.join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        fs::write(path, content).unwrap();
        names.push(name);
    }
    names
}

/// The commands of a README: its lines that are indented by four spaces.
fn commands(readme: &str) -> String {
    let lines = readme.lines().filter_map(|line| line.strip_prefix("    "));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

fn by_hand(folder: &Path, commands: &str) -> (bool, String) {
    let output = Command::new("sh")
        .args(["-eu", "-c", commands])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let _ = fs::remove_dir_all(folder.join("by-hand"));
    (output.status.success(), said)
}

const BY_HAND: [&str; 6] = [
    "nothing is damaged",
    "Verification: OK",
    "the record is about this token",
    "the record is in the tree of 21",
    "t.example/log signed the checkpoint",
    "w3.example signed the checkpoint at 20",
];

#[test]
fn a_token_and_its_document_are_an_asic_s_container() {
    let scene = Scene::new();
    let octets = scene.pack("--document contract.txt contract.tst", "a.zip");
    assert_eq!(&octets[30..69], b"mimetypeapplication/vnd.etsi.asic-s+zip");
    let folder = tempfile::tempdir().unwrap();
    let names = unzip(&octets, folder.path());
    let root: Vec<_> = names.iter().filter(|name| !name.contains('/')).collect();
    assert_eq!(root, ["mimetype", "contract.txt"]);
    let token = fs::read(folder.path().join("META-INF/timestamp.tst")).unwrap();
    assert_eq!(token, scene.pki.read("contract.tst"));

    let json = scene.verify("a.zip").expect(0).json();
    let report = &json["items"][0]["report"];
    assert_eq!(report["indication"], "TOTAL-PASSED");
    assert_eq!(json["items"][0]["artifact"], "contract.tst");
    // The verdict is that about the single files.
    let single = scene
        .run("verify --without-revocation --json --policy policy.txt --anchors anchors --document contract.txt contract.tst")
        .expect(0);
    assert_eq!(*report, single.json());
    let text = scene.run("evidence verify --without-revocation --lang ja --policy policy.txt --anchors anchors a.zip");
    assert!(text.expect(0).stdout.starts_with("証明済み"));
    let shown = scene.run("evidence show a.zip").expect(0).stdout;
    assert!(shown.contains("NOTHING IS VERIFIED"), "{shown}");
    assert!(shown.contains("contract.tst: timestamp-token"), "{shown}");
}

/// Not even the policy inside is used: with other witnesses, or other anchors, nothing is proven.
#[test]
fn only_the_verifiers_own_policy_and_anchors_count() {
    // Older than the token, so that its age is not what it is refused for.
    let stranger = Pki::new();
    let scene = Scene::new();
    scene.pack("--document contract.txt contract.tst", "a.zip");
    scene.write("strange/ca.crt", stranger.read("ca.crt"));
    let verify = "evidence verify --without-revocation --json --policy";
    let said = scene.run(&format!("{verify} policy.txt --anchors strange a.zip"));
    let report = &said.expect(4).json()["items"][0]["report"];
    assert_eq!(report["proven"], false);
    let policy = scene.log.policy();
    let all = policy.replace("group two 2", "group two 3");
    assert_ne!(all, policy);
    scene.write("all.txt", all);
    scene
        .run(&format!("{verify} all.txt --anchors anchors a.zip"))
        .expect(0);
    scene.write(
        "none.txt",
        "log sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\nquorum none\n",
    );
    scene
        .run(&format!(
            "{verify} none.txt --allow-no-quorum --anchors anchors a.zip"
        ))
        .expect(4);
}

#[test]
fn the_readme_inside_verifies_by_hand() {
    let scene = Scene::new();
    let octets = scene.pack("--document contract.txt contract.tst", "a.zip");
    let folder = tempfile::tempdir().unwrap();
    unzip(&octets, folder.path());
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let english = read("META-INF/README.txt");
    assert!(english.is_ascii());
    let script = commands(&english);
    assert_eq!(script, commands(&read("META-INF/README.ja.txt")));
    let (ended, said) = by_hand(folder.path(), &script);
    assert!(ended, "{said}");
    for expected in BY_HAND {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("FALSE"), "{said}");

    // And it can fail: each lie is found by the step that is there for it.
    let lie = |name: &str, from: &str, to: &str| {
        let (path, kept) = (
            folder.path().join(name),
            fs::read(folder.path().join(name)).unwrap(),
        );
        let text = String::from_utf8(kept.clone()).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let without_sums = script.lines().skip(1).collect::<Vec<_>>().join("\n");
        let said = by_hand(folder.path(), &without_sums);
        let damaged = !by_hand(folder.path(), &script)
            .1
            .contains("nothing is damaged");
        fs::write(path, kept).unwrap();
        (said, damaged)
    };
    let proof = "META-INF/proofs/1.tlog-multiproof";
    let ((ended, said), damaged) = lie("contract.txt", "we agree", "we argue");
    assert!(!ended && damaged, "{said}");
    assert!(said.contains("Verification: FAILED"), "{said}");
    let line = read(proof).lines().nth(3).unwrap().to_owned();
    let ((_, said), damaged) = lie(proof, &line, &"A".repeat(43).as_str().to_owned().add_pad());
    assert!(damaged && !said.contains("in the tree"), "{said}");
    let ((_, said), _) = lie(proof, "w3.example ", "w4.example ");
    assert!(
        said.contains("in the tree") && !said.contains("w3.example signed"),
        "{said}"
    );
    let blob = read(proof).lines().last().unwrap().to_owned();
    let mut other = blob.clone().into_bytes();
    let at = other.len() - 20;
    other[at] = if other[at] == b'A' { b'B' } else { b'A' };
    let ((_, said), _) = lie(proof, &blob, &String::from_utf8(other).unwrap());
    assert!(said.contains("w3.example: FALSE"), "{said}");
    let entry = read(proof).lines().nth(1).unwrap().to_owned();
    let mut other = entry.clone().into_bytes();
    let at = other.len() - 6;
    other[at] = if other[at] == b'A' { b'B' } else { b'A' };
    let ((_, said), _) = lie(proof, &entry, &String::from_utf8(other).unwrap());
    assert!(
        !said.contains("about this token") && !said.contains("in the tree"),
        "{said}"
    );
    // The untouched file still passes.
    assert!(by_hand(folder.path(), &script).0);
}

trait Pad {
    fn add_pad(self) -> String;
}

impl Pad for String {
    fn add_pad(self) -> String {
        self + "="
    }
}

/// A reply, a name that no shell likes, RSA, and a collection whose items share their proof.
#[test]
fn collections_and_other_artifacts_are_verified_by_hand_too() {
    let scene = Scene::new();
    for (name, file) in [
        ("署名 の$(x).tsr", "lease.tsr"),
        ("署名 の$(x).tsr.tlog-proof", "lease.tst.tlog-proof"),
    ] {
        scene.write(name, scene.pki.read(file));
    }
    scene.write("文書'1.txt", "we rent\n");
    scene.write("all/seal.crt", scene.pki.read("seal.crt"));
    scene.write(
        "all/seal.crt.tlog-proof",
        scene.pki.read("seal.crt.tlog-proof"),
    );
    let file = scene.pki.path("b.zip");
    let mut command = crate::support::command(scene.pki.folder());
    command.args(PACK.split(' ')).arg("--out").arg(&file);
    command.args(["--document", "文書'1.txt", "署名 の$(x).tsr", "all"]);
    assert!(command.output().unwrap().status.success());
    let folder = tempfile::tempdir().unwrap();
    unzip(&fs::read(file).unwrap(), folder.path());
    let readme = fs::read_to_string(folder.path().join("META-INF/README.txt")).unwrap();
    assert!(readme.is_ascii());
    let (ended, said) = by_hand(folder.path(), &commands(&readme));
    assert!(ended, "{said}");
    for expected in BY_HAND {
        assert!(said.contains(expected), "{expected}: {said}");
    }

    scene.pack("all", "c.zip");
    let folder = tempfile::tempdir().unwrap();
    unzip(&scene.pki.read("c.zip"), folder.path());
    let readme = fs::read_to_string(folder.path().join("META-INF/README.txt")).unwrap();
    let (ended, said) = by_hand(folder.path(), &commands(&readme));
    assert!(ended, "{said}");
    for expected in [
        "certificate.pem: OK",
        "the record holds this certificate",
        BY_HAND[3],
        BY_HAND[5],
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn packing_is_deterministic_and_merging_equals_packing_at_once() {
    let scene = Scene::new();
    let all = "--document contract.txt --document lease.txt --revocation ca.crl";
    let once = scene.pack(&format!("{all} contract.tst lease.tst seal.crt"), "a.zip");
    let again = scene.pack(
        &format!("{all} seal.crt lease.tst contract.tst lease.tst"),
        "b.zip",
    );
    assert!(
        once == again,
        "the order in which things come is in the octets"
    );
    scene.pack("--document contract.txt contract.tst", "1.zip");
    scene.pack(
        "--document lease.txt --revocation ca.crl lease.tst",
        "2.zip",
    );
    scene.pack("seal.crt", "3.zip");
    scene
        .run("evidence merge --out m.zip 3.zip 1.zip 2.zip")
        .expect(0);
    assert!(scene.pki.read("m.zip") == once);
    // Again, and with an item that is in it already.
    scene
        .run("evidence merge --out n.zip m.zip 1.zip m.zip")
        .expect(0);
    assert!(scene.pki.read("n.zip") == once);
    scene.verify("m.zip").expect(0);
    // One artifact with its document, alone again, is an ASiC-S container again.
    scene
        .run("evidence merge --out o.zip 1.zip 1.zip")
        .expect(0);
    assert!(scene.pki.read("o.zip") == scene.pki.read("1.zip"));
}

#[test]
fn what_is_extracted_is_accepted_one_by_one() {
    let scene = Scene::new();
    scene.stamp_checkpoint("head");
    let all = "--document contract.txt --revocation ca.crl --checkpoint-token head.tst";
    scene.pack(&format!("{all} contract.tst lease.tst seal.crt"), "a.zip");
    scene.run("evidence extract --out out a.zip").expect(0);
    let verify = "verify --without-revocation --json --policy policy.txt --anchors anchors --revocation out/revocation";
    for (artifact, more) in [
        (
            "contract.tst",
            "--document out/contract.txt --checkpoint-token out/checkpoint-tokens/contract.tst",
        ),
        (
            "lease.tst",
            "--checkpoint-token out/checkpoint-tokens/lease.tst",
        ),
        ("seal.crt", ""),
    ] {
        let json = scene
            .run(&format!("{verify} {more} out/{artifact}"))
            .expect(0)
            .json();
        assert_eq!(json["revocation"]["state"], "not-revoked", "{json:#}");
        assert_eq!(json["revocation_lists"][0]["statement"]["kind"], "crl");
        if !more.is_empty() {
            assert!(
                json["checkpoint_tokens"][0]["stamped"]["tree_size"] == 21,
                "{json:#}"
            );
        }
        let proof = scene.pki.read(&format!("out/{artifact}.tlog-proof"));
        assert!(proof == scene.pki.read(&format!("{artifact}.tlog-proof")));
    }
    // The file says the same as its parts.
    let json = scene.verify("a.zip").expect(0).json();
    assert_eq!(
        json["items"][0]["report"]["revocation"]["state"],
        "not-revoked"
    );
    assert_eq!(
        json["items"][0]["report"]["checkpoint_tokens"][0]["stamped"]["tree_size"],
        21
    );
    assert_eq!(json["items"][2]["artifact"], "seal.crt");
    // Nothing is ever overwritten; a file that is there as it should be is no reason to refuse.
    scene.run("evidence extract --out out a.zip").expect(0);
    scene.write("out/contract.txt", "mine");
    let said = scene.run("evidence extract --out out a.zip").expect(2);
    assert!(said.stderr.contains("contract.txt"), "{}", said.stderr);
    assert_eq!(scene.pki.read("out/contract.txt"), b"mine");
}

/// A token over a later checkpoint, with a proof of the same record under that one beside it.
#[test]
fn a_token_over_another_checkpoint_brings_its_own_proof() {
    let mut scene = Scene::new();
    scene.log.grow(40);
    scene.stamp_checkpoint("later");
    let index = scene.run(
        "verify --without-revocation --json --policy policy.txt --anchors anchors contract.tst",
    );
    let index = index.expect(0).json()["statement"]["index"]
        .as_u64()
        .unwrap();
    // No cosignature is early enough to matter, but the quorum is there.
    scene.write("later.tst.tlog-proof", scene.proof(index));
    let octets = scene.pack(
        "--checkpoint-token later.tst contract.tst lease.tst",
        "a.zip",
    );
    let json = scene.verify("a.zip").expect(0).json();
    let of = |place: usize| json["items"][place]["report"]["checkpoint_tokens"].clone();
    assert_eq!(of(0)[0]["stamped"]["tree_size"], 40, "{json:#}");
    assert_eq!(of(1).as_array().unwrap().len(), 0);
    scene.run("evidence extract --out out a.zip").expect(0);
    scene.run("evidence merge --out b.zip a.zip").expect(0);
    assert!(scene.pki.read("b.zip") == octets);
    let verify = "verify --without-revocation --json --policy policy.txt --anchors anchors";
    let tokens = "--checkpoint-token out/checkpoint-tokens/contract.tst";
    let json = scene
        .run(&format!("{verify} {tokens} out/contract.tst"))
        .expect(0)
        .json();
    assert_eq!(json["checkpoint_tokens"][0]["stamped"]["tree_size"], 40);
    // Without a proof under it, it stamps nothing that is packed.
    fs::remove_file(scene.pki.path("later.tst.tlog-proof")).unwrap();
    let said = scene.run(&format!(
        "{PACK} --out c.zip --checkpoint-token later.tst contract.tst"
    ));
    assert!(
        said.expect(1)
            .stderr
            .contains("stamps the text of no checkpoint")
    );
}

#[test]
fn statements_of_the_log_are_packed_and_proven() {
    let scene = Scene::new();
    scene.write("opened.record", scene.log.record(0));
    scene.write("opened.record.tlog-proof", scene.proof(0));
    scene.pack("--statement opened.record contract.tst", "a.zip");
    let json = scene.verify("a.zip").expect(0).json();
    assert_eq!(json["statements"][0]["proven"], true);
    assert_eq!(json["statements"][0]["says"]["origin"], "t.example/log");
    scene.run("evidence extract --out out a.zip").expect(0);
    let records = fs::read_dir(scene.pki.path("out/statements")).unwrap();
    assert_eq!(records.count(), 2);
    let mut record = scene.log.record(0).to_vec();
    record.push(0);
    scene.write("opened.record", record);
    scene
        .run(&format!(
            "{PACK} --out b.zip --statement opened.record contract.tst"
        ))
        .expect(1);
}

#[test]
fn what_does_not_verify_is_not_packed_unless_told() {
    let scene = Scene::new();
    let refused = |line: &str, code: i32, why: &str| {
        let said = scene
            .run(&format!("{PACK} --out no.zip {line}"))
            .expect(code);
        assert!(said.stderr.contains(why), "{line}: {}", said.stderr);
        assert!(!scene.pki.path("no.zip").exists(), "{line}");
    };
    // No quorum.
    scene.write("few/lease.tst", scene.pki.read("lease.tst"));
    let index = 3;
    scene.write(
        "few/lease.tst.tlog-proof",
        scene.log.proof(index, &[scene.proven]),
    );
    let index = (0..scene.log.size()).find(|&index| {
        let proof = scene.log.proof(index, &[scene.proven]);
        scene.write("few/lease.tst.tlog-proof", proof);
        !scene
            .run(&format!("{PACK} --out no.zip few/lease.tst"))
            .stderr
            .contains("not about it")
    });
    assert!(index.is_some());
    refused("few/lease.tst", 4, "--unverified");
    let said = scene.run(&format!(
        "{PACK} --unverified --no-documents --out few.zip few/lease.tst contract.tst"
    ));
    assert!(said.expect(0).stdout.contains("NOT ALL VERIFIED"));
    let json = scene.verify("few.zip").expect(4).json();
    assert_eq!((&json["proven"], &json["of"]), (&1.into(), &2.into()));
    // A proof of another record is about nothing that could be packed, told or not.
    scene.write("x.tst", scene.pki.read("contract.tst"));
    scene.write("x.tst.tlog-proof", scene.pki.read("lease.tst.tlog-proof"));
    refused("--unverified x.tst", 1, "not about it");
    refused(
        "--document seal.crt contract.tst",
        1,
        "none of the tokens stamps it",
    );
    refused("missing.tst", 3, "missing.tst");
    refused("contract.tsq", 3, "");
    scene.write("bare/lease.tst", scene.pki.read("lease.tst"));
    refused("bare/lease.tst", 3, "no proof beside it");
    refused("bare", 3, "no file in it has a proof");
    scene.write("text.txt", "text");
    scene.write(
        "text.txt.tlog-proof",
        scene.pki.read("lease.tst.tlog-proof"),
    );
    refused("text.txt", 2, "neither");
    // Revoked: disproven, with the list that says so.
    let (date, of) = (scene.proven - 30, scene.proven);
    let short = |time: u64| short_time(i64::try_from(time).unwrap());
    scene.pki.list(
        "revoked.crl",
        &short(of),
        &[("tsa.crt", &short(date - DAY), "keyCompromise")],
    );
    let said = scene.run(&format!(
        "{PACK} --out no.zip --revocation revoked.crl contract.tst"
    ));
    assert!(said.code == 1 || said.code == 4, "{}", said.stderr);
    assert!(!scene.pki.path("no.zip").exists());
}

#[test]
fn two_files_of_one_name_are_told_apart() {
    let scene = Scene::new();
    for (folder, from) in [("one", "contract"), ("two", "lease")] {
        for end in ["tst", "tst.tlog-proof"] {
            scene.write(
                &format!("{folder}/a.{end}"),
                scene.pki.read(&format!("{from}.{end}")),
            );
        }
    }
    let both = scene.pack("--no-documents one/a.tst two/a.tst", "a.zip");
    let json = scene.verify("a.zip").expect(0).json();
    assert_eq!(json["items"].as_array().unwrap().len(), 2);
    scene.pack("--no-documents one/a.tst", "1.zip");
    scene.pack("--no-documents two/a.tst", "2.zip");
    scene
        .run("evidence merge --out m.zip 2.zip 1.zip")
        .expect(0);
    assert!(scene.pki.read("m.zip") == both);
    scene.run("evidence extract --out out m.zip").expect(0);
    let files = fs::read_dir(scene.pki.path("out")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let tokens: Vec<_> = names
        .filter(|name| !name.contains("proof") && name.starts_with("a."))
        .collect();
    assert_eq!(tokens.len(), 2);
    for token in tokens {
        scene
            .run(&format!(
                "verify --without-revocation --policy policy.txt --anchors anchors out/{token}"
            ))
            .expect(0);
    }
}

/// The README ties a record to its token for each kind of signature that it names, for either half
/// of the range of the `s` of an ECDSA signature: of four tokens, most likely both.
#[test]
fn rsa_and_both_curves_are_tied_to_their_records_by_hand() {
    let scene = Scene::new();
    for (key, name) in [
        ("rsa:2048", "rsa"),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "wide"),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "curve"),
    ] {
        scene.pki.openssl(&format!(
            "req -newkey {key} -nodes -keyout tsa.key -out tsa.csr -subj /C=JP/O=Test/CN={name}"
        ));
        scene.pki.openssl(
            "ca -batch -notext -config pki.cnf -extensions tsa_extensions -in tsa.csr -out tsa.crt",
        );
        let anchors = scene.pki.anchors();
        for number in 0..if name == "rsa" { 1 } else { 4 } {
            let name = format!("{name}{number}");
            scene.pki.stamp(&name, &name);
            let token = scene.pki.read(&format!("{name}.tst"));
            let mut log = Log::new();
            let index = log.submit(ArtifactType::TimestampToken, &token, &anchors);
            let proof = log.proof(index, &[now() + 60; 3]);
            scene.write(&format!("{name}.tst.tlog-proof"), proof);
            let octets = scene.pack(&format!("{name}.tst"), &format!("{name}.zip"));
            let folder = tempfile::tempdir().unwrap();
            unzip(&octets, folder.path());
            let readme = folder.path().join("META-INF/README.txt");
            let readme = fs::read_to_string(readme).unwrap();
            let (ended, said) = by_hand(folder.path(), &commands(&readme));
            assert!(ended, "{said}");
            assert!(said.contains(BY_HAND[2]), "{name}: {said}");
        }
    }
}
