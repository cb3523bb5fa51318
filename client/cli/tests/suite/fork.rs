//! `ishibumi fork`: two checkpoints that contradict each other convict; less does not.

use std::fs;
use std::path::Path;

use crate::support::log::Log;
use crate::support::{Ran, ishibumi};
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use tempfile::TempDir;

const T: u64 = 1_800_000_000;

struct Scene {
    folder: TempDir,
    log: Log,
}

impl Scene {
    /// A log of 20, published in `log`, and another history of 30 by the same keys in `other`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new();
        log.grow(20);
        let mut other = Log::new();
        other.grow(5);
        other.add_octets(log.record(1).to_vec());
        other.grow(30);
        let path = |name: &str| folder.path().join(name);
        fs::write(path("policy.txt"), log.policy()).unwrap();
        log.publish(&path("log"), T);
        other.publish(&path("other"), T);
        for (name, note) in [
            ("a20", log.note(20, &[T])),
            ("a5", log.note(5, &[])),
            ("b20", other.note(20, &[])),
            ("b30", other.note(30, &[T, T])),
        ] {
            fs::write(path(name), note.encode()).unwrap();
        }
        Self { folder, log }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn make(&self, line: &str) -> Ran {
        let line = format!("fork make --json --policy policy.txt --out out.fork {line}");
        ishibumi(self.path(), &line)
    }

    fn verify(&self, line: &str) -> Ran {
        ishibumi(self.path(), &format!("fork verify --json {line} out.fork"))
    }
}

#[test]
fn one_size_and_two_roots_convict() {
    let scene = Scene::new();
    let json = scene.make("a20 b20").expect(0).json();
    assert_eq!(
        (&json["verdict"], &json["kind"]),
        (&"proven".into(), &"fork".into())
    );
    scene.verify("--policy policy.txt").expect(0);
    scene
        .verify(&format!("--key {}", scene.log.key()))
        .expect(0);
    let text = ishibumi(
        scene.path(),
        "fork verify --lang ja --policy policy.txt out.fork",
    );
    assert!(text.expect(0).stdout.contains("分岐しました"));
    // Keys come from the caller; the file's own convict nobody.
    let foreign = NoteSigner::from_seed("u.example/log", SignatureType::Ed25519, &[9; 32]).unwrap();
    scene
        .verify(&format!("--key {}", foreign.verifier()))
        .expect(4);
    scene.verify("").expect(2);
    // A signature that is not the log's.
    let file = scene.path().join("out.fork");
    let evidence = fs::read_to_string(&file).unwrap();
    let root = scene.log.checkpoint(20).root.to_base64();
    let forged = evidence.replace(&root, &scene.log.checkpoint(19).root.to_base64());
    assert_ne!(forged, evidence);
    fs::write(&file, forged).unwrap();
    scene.verify("--policy policy.txt").expect(1);
    fs::write(&file, "no evidence\n").unwrap();
    scene.verify("--policy policy.txt").expect(4);
}

#[test]
fn two_sizes_convict_by_the_tiles_of_the_larger_tree() {
    let scene = Scene::new();
    let json = scene.make("a20 b30").expect(4).json();
    assert_eq!(
        (&json["verdict"], &json["kind"]),
        (&"open".into(), &"suspicion".into())
    );
    scene.verify("--policy policy.txt").expect(4);
    // The suspicion is not written over by another finding.
    let kept = fs::read(scene.path().join("out.fork")).unwrap();
    scene.make("--from log --from other b30 a20").expect(2);
    assert_eq!(fs::read(scene.path().join("out.fork")).unwrap(), kept);
    fs::remove_file(scene.path().join("out.fork")).unwrap();
    let json = scene
        .make("--from log --from other b30 a20")
        .expect(0)
        .json();
    assert_eq!(json["verdict"], "proven");
    scene.verify("--policy policy.txt").expect(0);
    let suspects = scene.make("--from log a20 b30").expect(3);
    assert!(
        suspects.stdout.contains("nobody has tiles"),
        "{}",
        suspects.stdout
    );
}

#[test]
fn what_is_consistent_is_no_fork_and_is_not_written() {
    let scene = Scene::new();
    let said = scene.make("--from other a5 b30").expect(1).stdout;
    assert!(said.contains("there is no fork"), "{said}");
    scene.make("a20 a20").expect(1);
    scene.make("a20 absent").expect(3);
    fs::write(scene.path().join("c20"), "t.example/log\n20\nAAAA\n").unwrap();
    scene.make("a20 c20").expect(4);
    let unsigned = fs::read_to_string(scene.path().join("b20")).unwrap();
    let unsigned = unsigned.replace("\u{2014} t.example/log ", "\u{2014} u.example/log ");
    fs::write(scene.path().join("c20"), unsigned).unwrap();
    scene.make("a20 c20").expect(4);
    assert!(!scene.path().join("out.fork").exists());
}
