//! Several sources of one log, through the real binary: a fork that any of them shows convicts the
//! log, in whichever order they are named, with a quorum or without; a tree that is not shown to
//! fit is reported; and an old checkpoint is not taken for today's.

use std::fs;
use std::path::PathBuf;

use crate::support::log::Log;
use crate::support::site::Site;
use crate::support::{Ran, ishibumi};
use ishibumi_wire::reply;
use serde_json::Value;
use tempfile::TempDir;

const T: u64 = 1_700_000_000;

/// No server listens there.
const DEAD: &str = "http://127.0.0.1:9";

struct Scene(TempDir);

/// A log of `size` records; from `parts` on they are others than those of every other one.
fn log(size: u64, parts: Option<u64>) -> Log {
    let mut log = Log::new();
    if let Some(parts) = parts {
        log.grow(parts);
        log.add_octets(vec![1, 0xff, 0xff, b'!']);
    }
    log.grow(size);
    log
}

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        fs::write(scene.path("policy.txt"), Log::new().policy()).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn publish(&self, name: &str, log: &Log) {
        log.publish(&self.path(name), T);
    }

    /// Publishes with so few cosignatures that no quorum is met.
    fn publish_alone(&self, name: &str, log: &Log) {
        self.publish(name, log);
        let note = log.note(log.size(), &[T]).encode();
        fs::write(self.path(name).join("checkpoint"), note).unwrap();
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(self.0.path(), line)
    }

    fn audit(&self, line: &str) -> Ran {
        self.run(&format!("audit --policy policy.txt {line}"))
    }

    /// The audit as JSON; each fork that it tells is proven by the file that it names.
    fn forked(&self, line: &str) -> Value {
        let ran = self.audit(&format!("--json {line}")).expect(1);
        assert!(ran.stderr.contains("fork"), "{}", ran.stderr);
        let json = ran.json();
        assert_eq!(json["error"]["kind"], "disproven", "{json:#}");
        if let Some(forks) = json["forks"].as_array() {
            assert!(!forks.is_empty(), "{json:#}");
            for fork in forks {
                let file = fork["evidence"].as_str().unwrap();
                let verified = self.run(&format!("fork verify --policy policy.txt {file}"));
                assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
            }
        }
        json
    }
}

#[test]
fn a_fork_convicts_in_every_order_and_at_every_size() {
    for (mine, theirs, parts) in [
        (10, 10, 5),
        (10, 10, 9),
        (10, 14, 5),
        (14, 10, 5),
        (600, 300, 299),
        (300, 600, 20),
        (256, 512, 255),
    ] {
        let scene = Scene::new();
        scene.publish("a", &log(mine, None));
        scene.publish("b", &log(theirs, Some(parts)));
        for order in ["a b", "b a", "--from a b", "a a b", "b a b"] {
            let json = scene.forked(order);
            assert_eq!(json["forks"].as_array().unwrap().len(), 1, "{json:#}");
            let text = scene.audit(order).expect(1);
            assert!(text.stdout.contains("HAS FORKED"), "{}", text.stdout);
            assert!(text.stdout.contains("FORK "), "{}", text.stdout);
            let ja = scene.run(&format!("--lang ja audit --policy policy.txt {order}"));
            assert!(ja.expect(1).stderr.contains("分岐"), "{order}");
        }
    }
}

/// The log's signature is enough: it signed both, with any cosignatures.
#[test]
fn a_tree_without_a_quorum_convicts_as_well() {
    for (mine, theirs) in [(10, 10), (10, 14), (14, 10)] {
        let scene = Scene::new();
        scene.publish("a", &log(mine, None));
        scene.publish_alone("b", &log(theirs, Some(5)));
        scene.forked("a b");
        scene.forked("b a");
        // And if neither has one: none is audited, and still the log has two histories.
        scene.publish_alone("a", &log(mine, None));
        let said = scene.audit("a b").expect(1).stderr;
        assert!(said.contains("fork"), "{said}");
        assert!(scene.audit("a").code == 4);
    }
}

#[test]
fn evidence_lies_beside_the_state_and_the_state_stays() {
    let scene = Scene::new();
    scene.publish("a", &log(10, None));
    scene.publish("b", &log(10, Some(5)));
    scene.audit("--state seen a").expect(0);
    let before = fs::read(scene.path("seen")).unwrap();
    scene.publish("a", &log(12, None));
    scene.forked("--state seen a b");
    assert!(scene.path("seen.fork").exists());
    scene
        .run("fork verify --policy policy.txt seen.fork")
        .expect(0);
    assert_eq!(fs::read(scene.path("seen")).unwrap(), before);
    // Where the only source has no quorum, the last visit still contradicts it.
    fs::remove_file(scene.path("seen.fork")).unwrap();
    scene.publish_alone("b", &log(10, Some(5)));
    let said = scene.audit("--state seen b").expect(1).stderr;
    assert!(said.contains("the last visit"), "{said}");
    assert!(scene.path("seen.fork").exists());
}

#[test]
fn a_source_that_falls_silent_half_way_hides_no_fork() {
    let scene = Scene::new();
    let silent = |head: &http::request::Parts| {
        let tile = head.uri.path().starts_with("/tile/");
        tile.then(|| reply(http::StatusCode::BAD_GATEWAY, "text/plain", "gone\n"))
    };
    // Of one size the checkpoint suffices; of a smaller tree the other's tiles do.
    for (theirs, code, agreement) in [(10, 1, "forked"), (8, 1, "forked"), (14, 4, "not-shown")] {
        scene.publish("a", &log(10, None));
        let folder = format!("b{theirs}");
        scene.publish(&folder, &log(theirs, Some(5)));
        let site = Site::new(&scene.path(&folder));
        site.answer(silent);
        for order in [format!("a {}", site.url), format!("{} a", site.url)] {
            let json = scene.audit(&format!("--json {order}")).expect(code).json();
            let sources = json["sources"].as_array().unwrap();
            let of_b = sources.iter().find(|it| it["source"] == *site.url).unwrap();
            assert_eq!(of_b["agreement"], agreement, "{theirs}: {json:#}");
            assert_eq!(of_b["tree_size"], theirs);
        }
        let text = scene.audit(&format!("a {}", site.url)).expect(code).stdout;
        assert_eq!(text.contains("NOT SHOWN TO FIT"), code == 4, "{text}");
    }
    // A source that answers with nothing at all says nothing, and that is reported.
    let json = scene.audit(&format!("--json a {DEAD}")).expect(0).json();
    assert_eq!(json["sources"][1]["agreement"], "nothing", "{json:#}");
    let text = scene.audit(&format!("a {DEAD}")).expect(0).stdout;
    assert!(text.contains("not compared"), "{text}");
}

/// A third source decides what the second one's tiles could not.
#[test]
fn anybodys_tiles_decide() {
    let scene = Scene::new();
    scene.publish("a", &log(10, None));
    // A checkpoint and nothing else, of one history and of the other.
    for (name, of) in [("honest", log(12, None)), ("forked", log(12, Some(5)))] {
        fs::create_dir(scene.path(name)).unwrap();
        let note = of.note(12, &[T; 3]).encode();
        fs::write(scene.path(name).join("checkpoint"), note).unwrap();
    }
    scene.audit("a honest").expect(4);
    scene.audit("a forked").expect(4);
    scene.publish("c", &log(20, None));
    for order in ["a honest c", "honest c a", "c a honest"] {
        scene.audit(order).expect(0);
    }
    for order in ["a forked c", "forked c a", "a c forked", "a honest forked"] {
        scene.forked(order);
    }
}

#[test]
fn what_a_source_keeps_is_shown_too() {
    let scene = Scene::new();
    let (mine, forked) = (log(30, None), log(30, Some(5)));
    scene.publish("a", &mine);
    scene.publish("b", &mine);
    mine.keep(&scene.path("b"), 20, T);
    scene.audit("a b").expect(0);
    scene.audit("b").expect(0);
    forked.keep(&scene.path("b"), 12, T);
    scene.forked("a b");
    scene.forked("b");
    // A larger tree than the one that it calls the newest.
    fs::remove_dir_all(scene.path("b/checkpoints")).unwrap();
    log(40, None).keep(&scene.path("b"), 40, T);
    let json = scene.audit("--json b").expect(4).json();
    assert_eq!(json["sources"][0]["agreement"], "not-shown", "{json:#}");
}

#[test]
fn sources_of_two_logs_are_not_one() {
    let scene = Scene::new();
    let other = Log::named("u.example/log", 1);
    let mut other = other;
    other.grow(4);
    // A policy that knows both.
    let ours = Log::new().policy();
    let theirs = other.policy();
    let log_line = theirs.lines().next().unwrap();
    fs::write(scene.path("policy.txt"), format!("{log_line}\n{ours}")).unwrap();
    scene.publish("a", &log(10, None));
    let folder = scene.path("u");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("checkpoint"), other.note(4, &[]).encode()).unwrap();
    let json = scene.audit("--json a u").expect(4).json();
    assert_eq!(json["sources"][1]["agreement"], "other-log", "{json:#}");
    assert_eq!(json["sources"][1]["reason"], "u.example/log");
}

#[test]
fn honest_sources_agree() {
    let scene = Scene::new();
    for (mine, theirs) in [(10, 10), (10, 14), (14, 10), (300, 600), (600, 256)] {
        scene.publish("a", &log(mine, None));
        scene.publish("b", &log(theirs, None));
        scene.publish_alone("c", &log(theirs, None));
        for order in ["a b", "b a", "a b c", "c a"] {
            let json = scene.audit(&format!("--json {order}")).expect(0).json();
            for source in json["sources"].as_array().unwrap() {
                assert_eq!(source["agreement"], "agrees", "{json:#}");
            }
            assert_eq!(json["forks"], serde_json::json!([]));
        }
        for name in ["a", "b", "c"] {
            fs::remove_dir_all(scene.path(name)).unwrap();
        }
    }
}

fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// The age is that of the quorum's newest word: a single witness does not make an old tree young.
#[test]
fn an_old_checkpoint_is_said_to_be() {
    const DAY: u64 = 86_400;
    let scene = Scene::new();
    let log = log(10, None);
    let show = |times: &[u64]| {
        log.publish(&scene.path("a"), T);
        fs::write(
            scene.path("a/checkpoint"),
            log.note(log.size(), times).encode(),
        )
        .unwrap();
    };
    let old = now() - 10 * DAY;
    let leaf = ishibumi_tlog::hash::leaf_hash(log.record(3)).to_hex();
    let commands = [
        "audit --policy policy.txt {} a".to_owned(),
        format!("find --policy policy.txt {{}} --from a leaf {leaf}"),
        "policy explain policy.txt {} --checkpoint a/checkpoint".to_owned(),
        "evidence entry --policy policy.txt {} --from a --last --out entry".to_owned(),
    ];
    for line in commands {
        let run = |flags: &str, code: i32| {
            // What an earlier run wrote is not written over. The first time nothing is there.
            let _ = fs::remove_dir_all(scene.path("entry"));
            let ran = scene.run(&format!("--json {}", line.replace("{}", flags)));
            ran.expect(code).json()
        };
        show(&[old; 3]);
        let json = run("", 0);
        let age = if json["age"].is_null() {
            json["checkpoint"]["age"].clone()
        } else {
            json["age"].clone()
        };
        let seconds = age["seconds"].as_u64().unwrap();
        assert!((10 * DAY..11 * DAY).contains(&seconds), "{line}: {json:#}");
        assert_eq!(age["too_old"], false);
        let text = scene.run(&line.replace("{}", "")).expect(0).stdout;
        assert!(text.contains("10 days ago"), "{line}: {text}");
        let ja = scene.run(&format!("--lang ja {}", line.replace("{}", "")));
        let ja = ja.expect(0).stdout;
        assert!(ja.contains("10日前"), "{line}: {ja}");
        run("--max-age 11d", 0);
        run("--max-age 9d", 4);
        scene.run(&line.replace("{}", "--max-age 9")).expect(2);
        // One of three saw it again, two are asked for.
        show(&[old, old, now()]);
        run("--max-age 9d", 4);
        show(&[old, now(), now()]);
        run("--max-age 9d", 0);
        // Of a time that has not come.
        show(&[now() + DAY; 3]);
        run("", 0);
        run("--max-age 9d", 4);
    }
}
