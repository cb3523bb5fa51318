//! Files that exist before a command stay. A user gave `--out` the name of a contract, and it was
//! gone; others fetched a proof once more, and had the later one instead of the one that proves
//! more.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi};
use ishibumi_artifact::ArtifactType;

const MINE: &[u8] = b"my only contract\n";

/// A token, its document, and the log that has it, as files in `log`.
struct Scene {
    pki: Pki,
    log: Log,
    index: u64,
    now: u64,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("contract", "we agree\n");
        let mut log = Log::new();
        let token = pki.read("contract.tst");
        let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
        log.grow(9);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap().as_secs() + 60;
        log.publish(&pki.path("log"), now);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        Self {
            pki,
            log,
            index,
            now,
        }
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(self.pki.folder(), line)
    }

    fn get(&self) -> Ran {
        self.run(
            "evidence get --json --policy policy.txt --anchors anchors --from log contract.tst",
        )
    }

    fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.pki.path(name), octets).unwrap();
    }
}

#[test]
fn no_command_writes_over_what_is_there() {
    let scene = Scene::new();
    scene.get().expect(0);
    let pack =
        "evidence pack --without-revocation --policy policy.txt --anchors anchors contract.tst";
    scene.run(&format!("{pack} --out a.evidence.zip")).expect(0);
    let other = scene.log.proof(0, &[scene.now; 3]);
    scene.write("other.tlog-proof", other);
    // Of each: whether the same command makes the same octets again.
    for (line, is_same) in [
        (format!("{pack} --out OUT"), true),
        ("evidence merge --out OUT a.evidence.zip".to_owned(), true),
        ("evidence embed --out OUT contract.tst".to_owned(), true),
        (
            "evidence renew --query OUT a.evidence.zip".to_owned(),
            false,
        ),
        (
            "proof least --policy policy.txt --out OUT contract.tst.tlog-proof".to_owned(),
            true,
        ),
    ] {
        for language in ["en", "ja"] {
            scene.write("mine.txt", MINE);
            let line = format!("--lang {language} {}", line.replace("OUT", "mine.txt"));
            let said = scene.run(&line).expect(2).stderr;
            let words = ["nothing was written", "何も書き込んでいません"];
            assert!(
                said.contains(words[usize::from(language == "ja")]),
                "{line}: {said}"
            );
            assert_eq!(scene.pki.read("mine.txt"), MINE, "{line}");
        }
        // The control: where nothing is, it is written; and nothing is lost by once more.
        let _ = fs::remove_file(scene.pki.path("free"));
        let line = line.replace("OUT", "free");
        scene.run(&line).expect(0);
        if is_same {
            scene.run(&line).expect(0);
        }
    }
    // A folder is no file, and a link that leads nowhere is taken.
    fs::create_dir(scene.pki.path("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", scene.pki.path("link")).unwrap();
    for out in ["folder", "link"] {
        scene.run(&format!("{pack} --out {out}")).expect(2);
    }
    assert!(!scene.pki.path("nowhere").exists());
    // All or none of several.
    let entry = "evidence entry --from log --policy policy.txt --index 0 --out entry";
    fs::create_dir(scene.pki.path("entry")).unwrap();
    scene.write("entry/checkpoint", MINE);
    scene.run(entry).expect(2);
    assert_eq!(fs::read_dir(scene.pki.path("entry")).unwrap().count(), 1);
    fs::remove_file(scene.pki.path("entry/checkpoint")).unwrap();
    scene.run(entry).expect(0);
    scene.run(entry).expect(0);
    // An authority that costs money is not asked for a token that cannot be kept: no server listens
    // there.
    let stamp = "stamp --tsa http://127.0.0.1:9/ --tsa-anchors ca.crt --out OUT contract.txt";
    scene.run(&stamp.replace("OUT", "mine.txt")).expect(2);
    scene.run(&stamp.replace("OUT", "unasked")).expect(3);
    assert_eq!(scene.pki.read("mine.txt"), MINE);
}

#[test]
fn a_proof_that_says_other_things_is_kept() {
    let scene = Scene::new();
    let at = |time: u64| scene.log.proof(scene.index, &[time; 3]);
    let earlier = at(scene.now - 1_000);
    scene.write("contract.tst.tlog-proof", &earlier);
    let json = scene.get().expect(0).json();
    assert_eq!(json["earlier_proof"], "contract.tst.2.tlog-proof");
    let kept = scene.pki.read("contract.tst.2.tlog-proof");
    assert_eq!(kept, earlier.as_bytes());
    assert_eq!(
        scene.pki.read("contract.tst.tlog-proof"),
        at(scene.now).as_bytes()
    );
    // Once more: it is the same, and nothing is kept.
    assert!(scene.get().expect(0).json()["earlier_proof"].is_null());
    // Another one takes the next name, and people are told in their language.
    scene.write("contract.tst.tlog-proof", at(scene.now - 2_000));
    let line =
        "--lang ja evidence get --policy policy.txt --anchors anchors --from log contract.tst";
    let said = scene.run(line).expect(0).stdout;
    assert!(
        said.contains("contract.tst.3.tlog-proof として残しました"),
        "{said}"
    );
    assert_eq!(
        scene.pki.read("contract.tst.2.tlog-proof"),
        earlier.as_bytes()
    );
    // The control: what the new one says all of is no loss.
    scene.write(
        "contract.tst.tlog-proof",
        scene.log.proof(scene.index, &[scene.now]),
    );
    assert!(scene.get().expect(0).json()["earlier_proof"].is_null());
    assert!(!scene.pki.path("contract.tst.4.tlog-proof").exists());
}
