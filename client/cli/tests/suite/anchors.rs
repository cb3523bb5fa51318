//! TSAs' tokens over a log's checkpoints, as the log holds them (kind 10): packed with what they
//! cover from files alone, and audited, through the real binary.

use std::fs;

use crate::support::log::{Log, ORIGIN};
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi};
use ishibumi_artifact::ArtifactType;
use ishibumi_artifact::record::{Body, CheckpointAnchor, Record};
use ishibumi_tlog::{Checkpoint, Hash};
use serde_json::Value;

const T: u64 = 1_800_000_000;

/// A token of a TSA over `checkpoint`, as a record.
fn anchor(tsa: &Pki, checkpoint: &Checkpoint) -> Record {
    tsa.stamp("text", &checkpoint.to_text());
    let token = tsa.read("text.tst");
    let anchor = CheckpointAnchor::new(checkpoint.clone(), &token).unwrap();
    Body::Anchor(anchor).into()
}

/// A provider's folder with a log that is a directory: records before 10, two anchors of 10, a
/// record.
struct Scene {
    pki: Pki,
    one: Pki,
    two: Pki,
    log: Log,
    early: u64,
    late: u64,
}

impl Scene {
    fn new() -> Self {
        let (pki, one, two) = (Pki::new(), Pki::new(), Pki::new());
        for (tsa, name) in [(&one, "one"), (&two, "two")] {
            let trusted = pki.path(&format!("anchors/{name}.crt"));
            fs::copy(tsa.path("ca.crt"), trusted).unwrap();
        }
        let mut log = Log::new();
        let submit = |log: &mut Log, name: &str| {
            pki.stamp(name, name);
            let token = pki.read(&format!("{name}.tst"));
            log.submit(ArtifactType::TimestampToken, &token, &pki.anchors())
        };
        let early = submit(&mut log, "early");
        log.grow(10);
        let stamped = log.checkpoint(10);
        let folder = pki.path("log");
        log.keep(&folder, 10, T);
        log.add(&anchor(&one, &stamped));
        log.grow(12);
        log.add(&anchor(&two, &stamped));
        // A second token of the first TSA, which is not needed.
        log.keep(&folder, 12, T + 60);
        let second = log.checkpoint(12);
        log.add(&anchor(&one, &second));
        let late = submit(&mut log, "late");
        log.grow(300);
        log.publish(&folder, T + 120);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        for (index, name) in [(early, "early"), (late, "late")] {
            let proof = log.proof(index, &[T + 120; 3]);
            fs::write(pki.path(&format!("{name}.tst.tlog-proof")), proof).unwrap();
        }
        Self {
            pki,
            one,
            two,
            log,
            early,
            late,
        }
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(self.pki.folder(), line)
    }

    fn pack(&self, artifacts: &str) -> Ran {
        // What an earlier run packed is not written over. The first time nothing is there.
        let _ = fs::remove_file(self.pki.path("out.zip"));
        self.run(&format!(
            "evidence pack --without-revocation --json --policy policy.txt --anchors anchors --from log --out out.zip {artifacts}"
        ))
    }

    fn verified(&self) -> Value {
        self.run("evidence verify --without-revocation --json --policy policy.txt --anchors anchors out.zip")
            .expect(0)
            .json()
    }
}

/// Sizes of the checkpoints whose tokens counted for the item at index `place`.
fn sizes(verified: &Value, place: usize) -> Vec<u64> {
    let tokens = verified["items"][place]["report"]["checkpoint_tokens"].as_array();
    let tokens = tokens.unwrap().iter();
    tokens
        .filter_map(|token| token["stamped"]["tree_size"].as_u64())
        .collect()
}

#[test]
fn the_first_token_of_each_tsa_is_packed_from_files_alone() {
    let scene = Scene::new();
    let packed = scene.pack("early.tst").expect(0);
    assert_eq!(packed.json()["covered_by_tsa_tokens"], 1);
    assert_eq!(packed.stderr, "");
    assert_eq!(sizes(&scene.verified(), 0), [10, 10]);

    // What came after the stamped checkpoint is not covered by it.
    assert!(scene.late > scene.early);
    let packed = scene.pack("late.tst").expect(0);
    assert_eq!(packed.json()["covered_by_tsa_tokens"], 0);
    assert!(
        packed
            .stderr
            .contains("late.tst: the log has no usable token")
    );
    assert!(sizes(&scene.verified(), 0).is_empty());

    let packed = scene.pack("late.tst early.tst").expect(0);
    assert_eq!(packed.json()["covered_by_tsa_tokens"], 1);
    let verified = scene.verified();
    let place = |name: &str| {
        let items = verified["items"].as_array().unwrap().iter();
        let mut places = items.enumerate();
        let found = places.find(|(_, item)| item["artifact"] == name);
        found.unwrap().0
    };
    assert_eq!(sizes(&verified, place("early.tst")), [10, 10]);
    assert!(sizes(&verified, place("late.tst")).is_empty());
}

#[test]
fn what_is_wrong_with_a_token_is_said_and_costs_only_that_token() {
    let scene = Scene::new();
    let left_out = |words: &[&str], left: &[u64]| {
        let packed = scene.pack("early.tst").expect(0);
        for word in words {
            assert!(packed.stderr.contains(word), "{word}: {}", packed.stderr);
        }
        assert_eq!(sizes(&scene.verified(), 0), left);
    };
    // A TSA that is not trusted.
    let two = scene.pki.path("anchors/two.crt");
    let octets = fs::read(&two).unwrap();
    fs::remove_file(&two).unwrap();
    left_out(&["record 12: ", "was left out"], &[10]);
    fs::write(&two, octets).unwrap();
    left_out(&[], &[10, 10]);
    // A checkpoint that is gone, or another one: the tokens over it are of no use.
    let kept = scene.pki.path("log/checkpoints/10");
    let note = fs::read(&kept).unwrap();
    fs::remove_file(&kept).unwrap();
    left_out(&["of size 10 is not to be had"], &[]);
    let mut other = Log::new();
    other.grow(10);
    fs::write(&kept, other.note(10, &[T; 3]).encode()).unwrap();
    left_out(&["is not the one that was stamped"], &[]);
    // Another copy that has it helps.
    let copy = scene.pki.path("copy");
    scene.log.publish(&copy, T + 120);
    scene.log.keep(&copy, 10, T);
    let packed = scene.pack("--from copy early.tst").expect(0);
    assert_eq!(packed.json()["covered_by_tsa_tokens"], 1);
    assert_eq!(sizes(&scene.verified(), 0), [10, 10]);
    // And if all fail, what each failed with is said.
    let packed = scene.run(
        "evidence pack --without-revocation --policy policy.txt --anchors anchors --from anchors --from http://127.0.0.1:9 \
         --out none.zip early.tst",
    );
    let packed = packed.expect(3);
    assert!(packed.stderr.contains("127.0.0.1:9"), "{}", packed.stderr);
    // One without its quorum.
    fs::write(&kept, scene.log.note(10, &[T]).encode()).unwrap();
    left_out(&["of size 10 is not to be had"], &[]);
    fs::write(&kept, note).unwrap();
    left_out(&[], &[10, 10]);
}

#[test]
fn anchors_are_held_against_the_tree() {
    let scene = Scene::new();
    let audit = "audit --policy policy.txt log";
    let json = scene.run(&format!("{audit} --json")).expect(0).json();
    assert_eq!(json["checkpoint_anchors"]["compared"], 3);
    assert_eq!(json["checkpoint_anchors"]["wrong"], 0);
    assert_eq!(json["kinds"]["checkpoint-anchor"], 3);

    // One false statement after the other, each found by itself.
    let tsa = &scene.one;
    let token = |checkpoint: &Checkpoint| {
        tsa.stamp("text", &checkpoint.to_text());
        tsa.read("text.tst")
    };
    let real = scene.log.checkpoint(10);
    let elsewhere = Checkpoint::new("other.example", 10, real.root);
    let ahead = Checkpoint::new(ORIGIN, 301, Hash::of(b"not yet"));
    let forked = Checkpoint::new(ORIGIN, 10, Hash::of(b"another history"));
    let of_another = token(&scene.log.checkpoint(11));
    let wrong = [
        (
            elsewhere.clone(),
            token(&elsewhere),
            "a checkpoint of \"other.example\"",
        ),
        (
            ahead.clone(),
            token(&ahead),
            "a tree of 301 records, of which there were 300",
        ),
        (forked.clone(), token(&forked), "the log's has"),
        (real.clone(), of_another, "does not stamp its checkpoint"),
        (real, b"no token".to_vec(), "-malformed"),
    ];
    for (checkpoint, token, word) in wrong {
        let mut log = Scene::new().log;
        let anchor = CheckpointAnchor::new(checkpoint, &token).unwrap();
        let index = log.add(&Body::Anchor(anchor).into());
        assert_eq!(index, 300);
        let folder = scene.pki.path("log");
        fs::remove_dir_all(&folder).unwrap();
        log.publish(&folder, T + 180);
        fs::write(scene.pki.path("policy.txt"), log.policy()).unwrap();
        let json = scene
            .run(&format!("{audit} --json --state state"))
            .expect(1)
            .json();
        let reasons = &json["checkpoint_anchors"]["reasons"];
        assert_eq!(reasons[0]["index"], 300, "{word}: {json:#}");
        let reason = reasons[0]["reason"].as_str().unwrap();
        assert!(reason.contains(word), "{word}: {reason}");
        assert_eq!(json["checkpoint_anchors"]["wrong"], 1);
        // What a later visit would not read again is not taken for seen.
        assert!(!scene.pki.path("state").exists());
        let text = scene.run(audit).expect(1).stdout;
        assert!(text.contains("FALSE STATEMENTS"), "{text}");
    }
    assert!(scene.two.path("ca.crt").exists());
}
