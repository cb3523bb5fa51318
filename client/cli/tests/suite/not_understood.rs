//! An artifact that this program does not read, accept or understand is not disproven: exit code 4,
//! the reader's reason, and what to do next. Beside each stands one that is shown to be false, as
//! the control.

// A part of the PKI and of the ASN.1 of that crate's tests is used.
use std::fs;

use crate::artifacts::{Node, element, signer_info};
use crate::support::ishibumi;
use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::{ArtifactType, admit_marking};
use serde_json::Value;

/// Long after the artifacts were made, and before their certificates end.
const PROVEN_AFTER: u64 = 3_600;

/// A stamped contract in a log, and the proof of it.
struct Scene {
    pki: Pki,
    proof: String,
    proven: u64,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("contract", "we agree\n");
        let mut log = Log::new();
        let token = pki.read("contract.tst");
        let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let proven = now.as_secs() + PROVEN_AFTER;
        let proof = log.proof(index, &[proven; 3]);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        let scene = Self { pki, proof, proven };
        scene.write("contract.tlog-proof", &scene.proof);
        scene
    }

    fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.pki.path(name), octets).unwrap();
    }

    /// Writes a token or other artifact and judges it, with the contract's proof.
    fn artifact(&self, octets: impl AsRef<[u8]>) -> Said {
        self.write("artifact", octets);
        self.judge("artifact contract.tlog-proof")
    }

    /// Writes a proof and judges the contract with it.
    fn proof(&self, octets: impl AsRef<[u8]>) -> Said {
        self.write("other.tlog-proof", octets);
        self.judge("contract.tst other.tlog-proof")
    }

    fn judge(&self, files: &str) -> Said {
        let line = format!(
            "verify --without-revocation --json --policy policy.txt --anchors anchors {files}"
        );
        let ran = ishibumi(self.pki.folder(), &line);
        let json = ran.json();
        Said {
            code: ran.code,
            json,
        }
    }

    /// The contract's token, taken apart, changed, and put together again.
    fn changed(&self, change: impl FnOnce(&mut Node)) -> Vec<u8> {
        let mut tree = Node::read(&self.pki.read("contract.tst"));
        change(&mut tree);
        tree.der()
    }
}

struct Said {
    code: i32,
    json: Value,
}

impl Said {
    #[track_caller]
    fn is(&self, code: i32, sub_indication: &str, words: &str) {
        let said = self.json.to_string();
        let sub = self.json["sub_indication"].as_str().unwrap_or_default();
        assert_eq!((self.code, sub), (code, sub_indication), "{said}");
        assert!(said.contains(words), "no {words:?} in {said}");
        let accuses = said.contains("is a forgery") || said.contains("偽造されています");
        assert_eq!(accuses, sub == "SIG_CRYPTO_FAILURE", "{said}");
        if code == 4 {
            assert_eq!(self.json["indication"], "INDETERMINATE");
            assert!(!said.contains("Disproven"), "{said}");
        }
    }
}

#[test]
fn imprints_by_other_hash_functions() {
    let scene = Scene::new();
    let digests = |names: &str| {
        let config = String::from_utf8(scene.pki.read("pki.cnf")).unwrap();
        config.replace("digests = sha256,sha512", &format!("digests = {names}"))
    };
    scene.write("pki.cnf", digests("sha224,sha3-256"));
    for hash in ["sha224", "sha3-256"] {
        let stamp = [
            format!("ts -query -data contract.txt -{hash} -cert -out q.tsq"),
            "ts -reply -config pki.cnf -section unit -queryfile q.tsq -out q.tsr".to_owned(),
        ];
        for line in stamp {
            scene.pki.openssl(&line);
        }
        let said = scene.artifact(scene.pki.read("q.tsr"));
        said.is(4, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "imprint-refused");
    }
}

#[test]
fn what_nobody_signed_is_too_large() {
    let scene = Scene::new();
    let with = |octets: usize| {
        scene.changed(|token| {
            let value = Node::Leaf(0x04, vec![7; octets]);
            let attribute = vec![
                Node::Leaf(0x06, vec![0x2a, 3, 4]),
                Node::Tree(0x31, vec![value]),
            ];
            let set = Node::Tree(0xa1, vec![Node::Tree(0x30, attribute)]);
            signer_info(token).children().push(set);
        })
    };
    scene.artifact(with(1_000)).is(0, "", "TOTAL-PASSED");
    let large = scene.artifact(with(70_000));
    large.is(4, "GENERIC", "too-large");
    large.is(4, "GENERIC", "says nothing against it");
}

#[test]
fn what_a_tsa_did_not_grant() {
    let scene = Scene::new();
    scene
        .pki
        .openssl("ts -query -data contract.txt -sha256 -tspolicy 1.2.3.9.9 -cert -out other.tsq");
    scene
        .pki
        .openssl("ts -reply -config pki.cnf -section unit -queryfile other.tsq -out rejected.tsr");
    let rejected = scene.artifact(scene.pki.read("rejected.tsr"));
    rejected.is(4, "GENERIC", "unacceptedPolicy");
    rejected.is(4, "GENERIC", "reply-not-granted");
    // Granted, without a token; granted with mods is granted.
    let status = |status: u8| element(0x30, &element(0x02, &[status]));
    scene
        .artifact(element(0x30, &status(0)))
        .is(4, "GENERIC", "reply-token-missing");
    let token = scene.pki.read("contract.tst");
    let modified = element(0x30, &[status(1), token].concat());
    scene.artifact(modified).is(0, "", "TOTAL-PASSED");
}

#[test]
fn another_kind_of_cms() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let cms = "cms -outform DER -out other.p7 -in contract.txt";
    pki.openssl(&format!(
        "{cms} -sign -nodetach -signer tsa.crt -inkey tsa.key"
    ));
    scene
        .artifact(pki.read("other.p7"))
        .is(4, "GENERIC", "not-tst-info");
    pki.openssl(&format!("{cms} -encrypt seal.crt"));
    scene
        .artifact(pki.read("other.p7"))
        .is(4, "GENERIC", "not-signed-data");
    pki.openssl("crl2pkcs7 -nocrl -certfile ca.crt -outform DER -out other.p7");
    scene
        .artifact(pki.read("other.p7"))
        .is(4, "GENERIC", "not-tst-info");
}

/// Signed over SHA-1 today, it is in the log under a mark: that it existed is proven, and no more.
#[test]
fn a_token_that_is_signed_over_sha1() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let config = String::from_utf8(pki.read("pki.cnf")).unwrap();
    let weak = config.replace("signer_digest = sha256", "signer_digest = sha1");
    scene.write("pki.cnf", weak);
    pki.stamp("old", "we agree\n");
    let token = pki.read("old.tst");
    let admitted = admit_marking(ArtifactType::TimestampToken, &token, &pki.anchors()).unwrap();
    let mut log = Log::new();
    for record in admitted.records() {
        log.add(record);
    }
    let proof = log.proof(log.size() - 1, &[scene.proven; 3]);
    scene.write("old.tlog-proof", proof);
    scene.write("policy.txt", log.policy());
    let said = scene.judge("--document old.txt old.tst");
    said.is(4, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "signed over sha-1");
    assert_eq!(said.json["statement"]["kind"], "timestamp-token");
    assert_eq!(said.json["existence"]["by"], "witnesses");
    assert_eq!(said.json["artifact"]["claims"], Value::Null);
    let mark = log.record(log.size() - 2);
    assert_eq!(mark[..3], [1, 0, 12]);
}

/// Cut at any offset, the file is of its kind and incomplete.
#[test]
fn files_that_were_cut_off() {
    let scene = Scene::new();
    for name in ["contract.tst", "contract.tsr"] {
        let whole = scene.pki.read(name);
        for length in [whole.len() - 1, whole.len() / 2, 64] {
            let cut = scene.artifact(&whole[..length]);
            cut.is(4, "GENERIC", "cut off");
            cut.is(4, "GENERIC", "whole and unchanged");
        }
    }
    let certificate = scene.pki.read("seal.crt");
    scene
        .artifact(&certificate[..certificate.len() / 2])
        .is(4, "GENERIC", "pem-malformed");
    // More than the artifact: a line end that a program added.
    let longer = [scene.pki.read("contract.tst"), vec![b'\n']].concat();
    scene.artifact(longer).is(4, "GENERIC", "octets follow");
}

#[test]
fn what_is_damaged_and_what_is_false() {
    let scene = Scene::new();
    // An element longer than what holds it: no reader of any version takes that.
    let mut damaged = scene.pki.read("contract.tst");
    let content = scene.pki.read("contract.tst");
    let imprint = content
        .windows(2)
        .position(|octets| octets == [0x04, 0x20])
        .unwrap();
    damaged[imprint + 1] = 0x7f;
    scene
        .artifact(&damaged)
        .is(1, "FORMAT_FAILURE", "tst-malformed");
    damaged[imprint + 1] = 0x20;
    damaged[imprint + 2] ^= 1;
    scene
        .artifact(&damaged)
        .is(1, "HASH_FAILURE", "message-digest-mismatch");
    let forged = scene.changed(|token| {
        *signer_info(token).child(5).bytes().last_mut().unwrap() ^= 1;
    });
    scene
        .artifact(forged)
        .is(1, "SIG_CRYPTO_FAILURE", "signature-invalid");
}

#[test]
fn files_that_are_no_artifact() {
    let scene = Scene::new();
    for (octets, words) in [
        (&b""[..], "the file is empty"),
        (b"<!DOCTYPE html><html>log in</html>", "a web page"),
        (b"\n\n<html>log in</html>", "a web page"),
        (b"{\"type\":\"about:blank\"}", "JSON"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
        (b"PK\x03\x04\x14\0", "a ZIP file"),
        (b"we agree\n", "neither a time-stamp token"),
        (b"\x30\x03\x01\x01\xff", "neither a time-stamp token"),
        (b"\x04\x02\x05\x00", "neither a time-stamp token"),
        (b"0", "neither a time-stamp token"),
    ] {
        scene.artifact(octets).is(4, "GENERIC", words);
    }
    scene
        .artifact(&scene.proof)
        .is(4, "GENERIC", "perhaps two files were swapped");
    scene
        .artifact(scene.pki.read("contract.tsq"))
        .is(4, "GENERIC", "a time-stamp query");
    scene.pki.openssl("req -in tsa.csr -outform DER -out r.der");
    scene
        .artifact(scene.pki.read("r.der"))
        .is(4, "GENERIC", "a certificate request");
    scene
        .artifact(scene.pki.read("tsa.key"))
        .is(4, "GENERIC", "PRIVATE KEY");
}

#[test]
fn files_that_are_no_proof() {
    let scene = Scene::new();
    scene.proof(&scene.proof).is(0, "", "TOTAL-PASSED");
    let crlf = scene.proof.replace('\n', "\r\n");
    scene
        .proof(&crlf)
        .is(4, "NO_POE", "text with Windows line endings");
    let marked = format!("\u{feff}{}", scene.proof);
    scene.proof(marked).is(4, "NO_POE", "a byte order mark");
    // A gateway that only changes lines from some offset on.
    let half = scene
        .proof
        .replace("\u{2014} ", "\r\u{2014} ")
        .replace("\n\r", "\r\n");
    scene.proof(half).is(4, "NO_POE", "Windows line endings");
    let wide: Vec<u8> = std::iter::once(0xfeff)
        .chain(scene.proof.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    scene.proof(wide).is(4, "NO_POE", "UTF-16");
    for (octets, words) in [
        (&b""[..], "an empty file"),
        (b"<!DOCTYPE html>\r\n<html></html>", "a web page"),
        (b"{\"type\":\"urn:ishibumi:error:unknown-leaf\"}", "JSON"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
        (b"c2sp.org/tlog-proof@v2\n", "first line"),
        (b"words\n", "first line"),
    ] {
        let said = scene.proof(octets);
        said.is(4, "NO_POE", words);
        said.is(4, "NO_POE", "evidence get");
    }
    scene
        .proof(scene.pki.read("contract.tst"))
        .is(4, "NO_POE", "swapped");
    for length in [1, 30, scene.proof.len() / 2] {
        let cut = scene.proof.as_bytes().get(..length).unwrap();
        scene.proof(cut).is(4, "NO_POE", "evidence get");
    }
    // The control: a signature in the name of a known key that does not verify.
    let (text, _) = scene.proof.split_once("\n\n").unwrap();
    let lines = &scene.proof[text.len()..];
    let size = lines.lines().nth(3).unwrap();
    let changed = lines.replacen(&format!("\n{size}\n"), "\n99\n", 1);
    assert_ne!(changed, lines, "{lines}");
    let said = scene.proof(format!("{text}{changed}"));
    assert_eq!(said.code, 1, "{}", said.json);
    assert_eq!(said.json["sub_indication"], "SIG_CRYPTO_FAILURE");
}

/// What sets the terms is refused as such: exit code 2, and what an editor did to it.
#[test]
fn terms_that_an_editor_saved() {
    let scene = Scene::new();
    let policy = String::from_utf8(scene.pki.read("policy.txt")).unwrap();
    let line = "verify --without-revocation --policy other.txt --anchors anchors contract.tst";
    for (text, words) in [
        (policy.replace('\n', "\r\n"), "Windows line endings"),
        (format!("\u{feff}{policy}"), "byte order mark"),
        ("<html></html>\n".to_owned(), "a web page"),
    ] {
        scene.write("other.txt", text);
        let ran = ishibumi(scene.pki.folder(), line).expect(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    // The spelling of a certificate in PEM is not signed.
    let pem = String::from_utf8(scene.pki.read("ca.crt")).unwrap();
    for text in [
        pem.replace('\n', "\r\n"),
        format!("\u{feff}{pem}"),
        format!("\n\n{pem}\n\n"),
    ] {
        scene.write("other.crt", text);
        let line =
            "verify --without-revocation --policy policy.txt --anchors other.crt contract.tst";
        ishibumi(scene.pki.folder(), line).expect(0);
    }
}

/// One rule for every command that takes a proof, a checkpoint or an artifact.
#[test]
fn other_commands_end_with_the_same_code() {
    let scene = Scene::new();
    scene.write("page", "<html>log in</html>");
    scene.write("damaged.tst", &scene.pki.read("contract.tst")[..500]);
    let run = |line: &str, code: i32, words: &str| {
        let ran = ishibumi(scene.pki.folder(), line).expect(code);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(words), "{line}: {said}");
    };
    let leaf = "0".repeat(64);
    run(
        &format!("proof verify --policy policy.txt --leaf {leaf} page"),
        4,
        "a web page",
    );
    run(
        &format!("proof verify --policy policy.txt --leaf {leaf} contract.tlog-proof"),
        1,
        "contract.tlog-proof",
    );
    run(
        "policy explain --checkpoint page policy.txt",
        4,
        "a web page",
    );
    run(
        "evidence get --log http://127.0.0.1:9 --anchors anchors damaged.tst",
        4,
        "cut off",
    );
    run(
        "evidence get --log http://127.0.0.1:9 --anchors anchors page",
        2,
        "a web page",
    );
    run("submit --log http://127.0.0.1:9 page", 2, "a web page");
    for line in [
        "evidence verify --without-revocation --policy policy.txt --anchors anchors page",
        "evidence show page",
    ] {
        run(line, 4, "a web page");
    }
    run("submit --help", 0, "ocsp-response");
    scene.write("page.tlog-proof", &scene.proof);
    let pack =
        "evidence pack --without-revocation --policy policy.txt --anchors anchors --out o.zip page";
    run(pack, 2, "a web page");
}
