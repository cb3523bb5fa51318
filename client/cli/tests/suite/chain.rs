//! `ishibumi audit --predecessor`, through the real binary: statements of a successor about the log
//! that it continues are compared with that log, and a tree that is not shown is no agreement.

use std::fs;
use std::path::PathBuf;

use crate::support::ishibumi;
use crate::support::log::Log;
use ishibumi_artifact::Body;
use ishibumi_artifact::record::{
    CheckpointAnchor, LogEnding, LogOpened, LogStatement, Moment, Predecessor,
};
use ishibumi_artifact::time::Time;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::{Checkpoint, Hash};
use serde_json::Value;
use tempfile::TempDir;

const T: u64 = 1_800_000_000;

fn opened(family: u8, before: Option<(&Log, &Note)>) -> Log {
    let origin = format!("log{family}.example");
    let mut log = Log::named(&origin, family);
    let before = before.map(|(old, note)| {
        Predecessor::new(&[&old.key().to_string()], note.encode().as_bytes()).unwrap()
    });
    let said = LogOpened::new(&origin, &[&log.key().to_string()], before).unwrap();
    log.add(&Body::Log(LogStatement::Opened(said)).into());
    log
}

/// The old log: ten records, of which the last closes it in favour of the log of family 1; or none
/// does.
fn old(closes: bool) -> Log {
    let mut log = opened(0, None);
    log.grow(9);
    if closes {
        let date = Moment::new("date", Time::from_unix(1_799_999_000)).unwrap();
        let heir = Log::named("log1.example", 1).key().to_string();
        let ending = LogEnding::new(date, ("retired", ""), &[&heir], &[]).unwrap();
        log.add(&Body::Log(LogStatement::Closed(ending)).into());
    } else {
        log.grow(10);
    }
    log
}

struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for (name, family) in [("old", 0), ("new", 1), ("third", 2)] {
            let log = Log::named(&format!("log{family}.example"), family);
            fs::write(scene.path(&format!("{name}.txt")), log.policy()).unwrap();
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn publish(&self, name: &str, log: &Log) {
        log.publish(&self.path(name), T);
    }

    /// The heir of `old`, which commits to the tree of `note`.
    fn heir(&self, old: &Log, note: &Note) {
        let mut new = opened(1, Some((old, note)));
        new.grow(4);
        let folder = self.path("new");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        self.publish("new", &new);
    }

    fn audit(&self, predecessor: &str, code: i32) -> (Value, String) {
        let terms = "--policy new.txt --old-policy old.txt --old-policy third.txt";
        let rest = format!("{terms} --predecessor {predecessor} new");
        let json = ishibumi(self.0.path(), &format!("--json audit {rest}"));
        let text = ishibumi(self.0.path(), &format!("audit {rest}")).expect(code);
        (json.expect(code).json(), text.stdout)
    }
}

#[test]
fn the_predecessor_has_to_show_what_its_heir_commits_to() {
    for closes in [true, false] {
        let scene = Scene::new();
        let whole = old(closes);
        scene.publish("whole", &whole);
        scene.heir(&whole, &whole.note(10, &[]));
        let (json, _) = scene.audit("whole", 0);
        let step = &json["predecessors"][0];
        assert_eq!(step["committed"], "held", "{json:#}");
        let standing = if closes {
            "closed-in-order"
        } else {
            "abandoned"
        };
        assert_eq!(step["link"]["standing"], standing);
        // A larger tree of the old log shows the smaller one, and that it went on is no crime if it
        // never closed.
        if !closes {
            scene.heir(&whole, &whole.note(6, &[]));
            let (json, _) = scene.audit("whole", 4);
            assert_eq!(json["predecessors"][0]["committed"], "held");
            scene.heir(&whole, &whole.note(10, &[]));
        }
        // Rolled back below the tree that the heir commits to.
        for size in [1, 6, 9] {
            let mut rolled_back = opened(0, None);
            rolled_back.grow(size);
            let name = format!("rolled-back-{size}");
            scene.publish(&name, &rolled_back);
            let (json, text) = scene.audit(&name, 4);
            let step = &json["predecessors"][0];
            assert_eq!(step["committed"], "not-shown", "{json:#}");
            assert_eq!(step["size"], size);
            assert!(text.contains("NOT SHOWN"), "{text}");
            assert!(!text.contains("never closed"), "{text}");
        }
    }
}

#[test]
fn a_source_of_another_log_is_no_predecessor() {
    let scene = Scene::new();
    let whole = old(true);
    scene.heir(&whole, &whole.note(10, &[]));
    let mut third = opened(2, None);
    third.grow(12);
    scene.publish("third", &third);
    let (json, text) = scene.audit("third", 4);
    let step = &json["predecessors"][0];
    assert_eq!(step["log"], "log2.example", "{json:#}");
    assert_eq!(step["size"], Value::Null, "it is not even read");
    assert_eq!(step["link"]["standing"], "not-shown");
    assert!(
        text.contains("log0.example") && text.contains("log2.example"),
        "{text}"
    );
    // Nor is the one that names no predecessor.
    let line = "--json audit --policy third.txt --old-policy old.txt --predecessor new third";
    let json = ishibumi(scene.0.path(), line).expect(4).json();
    assert_eq!(
        json["predecessors"][0]["link"]["standing"], "not-shown",
        "{json:#}"
    );
}

/// The old log's own key signed a tree that no source shows: larger than all, or of another
/// history.
#[test]
fn what_a_successor_claims_has_to_be_shown() {
    let scene = Scene::new();
    let whole = old(false);
    scene.publish("whole", &whole);
    let signed =
        |size: u64, root: Hash| whole.signed(Checkpoint::new("log0.example", size, root).to_text());
    scene.heir(&whole, &signed(14, Hash([3; 32])));
    let (json, text) = scene.audit("whole", 4);
    assert_eq!(
        json["predecessors"][0]["committed"], "not-shown",
        "{json:#}"
    );
    assert!(text.contains("commits to 14 records"), "{text}");
    scene.heir(&whole, &signed(7, Hash([3; 32])));
    let (json, text) = scene.audit("whole", 1);
    assert_eq!(json["predecessors"][0]["committed"], "diverged", "{json:#}");
    assert!(!json["predecessors"][0]["diverged"].is_null());
    assert!(text.contains("FORKED"), "{text}");
    scene.heir(&whole, &signed(10, Hash([3; 32])));
    scene.audit("whole", 1);
}

/// A predecessor that says something false about itself is not called whole.
#[test]
fn false_statements_of_a_predecessor_count() {
    let scene = Scene::new();
    let mut liar = opened(0, None);
    liar.grow(5);
    let pki = crate::support::pki::Pki::new();
    let false_head = Checkpoint::new("log0.example", 3, Hash([9; 32]));
    pki.stamp("head", &false_head.to_text());
    let anchor = CheckpointAnchor::new(false_head.clone(), &pki.read("head.tst")).unwrap();
    liar.add(&Body::Anchor(anchor).into());
    liar.grow(10);
    scene.publish("liar", &liar);
    scene.heir(&liar, &liar.note(10, &[]));
    let (json, text) = scene.audit("liar", 1);
    assert_eq!(
        json["predecessors"][0]["wrong_checkpoint_anchors"], 1,
        "{json:#}"
    );
    assert!(text.contains("HOLDS FALSE STATEMENTS"), "{text}");
}
