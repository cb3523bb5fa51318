//! `ishibumi audit`, through the real binary, over a directory: what holds passes, and every kind
//! of damage, rollback and fork is named.

use std::fs;
use std::path::Path;

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi};
use ishibumi::audit::{Replay, Violation, plan};
use ishibumi_artifact::record::{LogEnding, LogStatement, Moment};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{ArtifactType, Body};
use ishibumi_tlog::Hash;
use ishibumi_tlog::tile::{TileKind, TilePath, tiles};
use serde_json::Value;
use tempfile::TempDir;

const T: u64 = 1_800_000_000;

struct Site(TempDir);

impl Site {
    fn new(log: &Log) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        site.publish(log);
        fs::write(site.0.path().join("policy.txt"), log.policy()).unwrap();
        site
    }

    fn publish(&self, log: &Log) {
        let folder = self.0.path().join("log");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        log.publish(&folder, T);
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn audit(&self, flags: &str) -> Ran {
        ishibumi(
            self.0.path(),
            &format!("audit --json --policy policy.txt {flags} log"),
        )
    }

    fn flip(&self, name: &str, place: usize) {
        let path = self.path("log").join(name);
        let mut octets = fs::read(&path).unwrap();
        octets[place] ^= 1;
        fs::write(path, octets).unwrap();
    }
}

fn log_of(size: u64) -> Log {
    let mut log = Log::new();
    log.grow(size);
    log
}

#[test]
fn a_whole_log_holds() {
    for size in [1, 2, 255, 256, 257, 511, 512, 600] {
        let json = Site::new(&log_of(size)).audit("").expect(0).json();
        assert_eq!(json["tree_size"], size);
        assert_eq!(json["records"], size);
        assert_eq!(json["kinds"]["log-statement"], 1);
        assert_eq!(json["tiles"], tiles(size).count());
    }
}

/// The server of the files may lack the blobs, or have others: named, and no finding.
#[test]
fn lists_that_cannot_be_read_are_named() {
    let pki = Pki::new();
    pki.list("any.crl", "270101000000Z", &[]);
    let mut log = log_of(3);
    let index = log.submit(ArtifactType::Crl, &pki.read("any.crl"), &pki.anchors());
    let site = Site::new(&log);
    assert_eq!(site.audit("").expect(0).json()["lists"], Value::Null);
    let lists = |compared: u32, left_out: u32| {
        let lists = site.audit("--blobs").expect(0).json()["lists"].clone();
        assert_eq!(lists["compared"], compared, "{lists:#}");
        assert_eq!(lists["left_out"], left_out, "{lists:#}");
        lists
    };
    assert_eq!(lists(0, 1)["reasons"][0]["index"], index);

    pki.openssl("crl -in any.crl -outform DER -out any.der");
    let der = pki.read("any.der");
    let name = format!("blob/{}", Hash::of(&der).to_hex());
    fs::create_dir(site.path("log/blob")).unwrap();
    fs::write(site.path("log").join(&name), der).unwrap();
    lists(1, 0);
    site.flip(&name, 9);
    let reason = lists(0, 1)["reasons"][0]["reason"].to_string();
    assert!(reason.contains("SHA-256"), "{reason}");
}

#[test]
fn the_plan_reads_every_file_once() {
    for (from, to) in [
        (0, 1),
        (0, 256),
        (0, 600),
        (300, 600),
        (512, 600),
        (0, 65_536),
        (0, 70_000),
        (65_535, 65_537),
    ] {
        let mut planned: Vec<TilePath> = plan(from, to).collect();
        let count = planned.len();
        planned.sort_by_key(ToString::to_string);
        planned.dedup();
        assert_eq!(planned.len(), count, "{from}..{to}");
        if from == 0 {
            let hashes = planned
                .iter()
                .filter(|path| path.kind != TileKind::Entries)
                .count();
            assert_eq!(hashes, tiles(to).count());
            assert_eq!(count - hashes, usize::try_from(to.div_ceil(256)).unwrap());
        }
    }
    assert_eq!(plan(600, 600).count(), 0);
}

/// Three levels of tiles, in memory.
#[test]
fn a_log_of_three_levels_holds_and_resumes() {
    let log = log_of(66_000);
    let feed = |mut replay: Replay, log: &Log| {
        for path in replay.plan().collect::<Vec<_>>() {
            replay.take(path, &log.file(path))?;
        }
        replay.finish()
    };
    let early = feed(Replay::full(log.checkpoint(65_000), None).unwrap(), &log).unwrap();
    assert!(early.edge().root() == log.checkpoint(65_000).root);
    let whole = feed(Replay::full(log.checkpoint(66_000), None).unwrap(), &log).unwrap();
    assert_eq!(whole.tally().records, 66_000);
    assert_eq!(whole.edge().root(), log.checkpoint(66_000).root);
    let resumed = Replay::resumed(log.checkpoint(66_000), early.edge().clone()).unwrap();
    let resumed = feed(resumed, &log).unwrap();
    assert_eq!(resumed.tally().records, 1_000);
    assert!(resumed.edge() == whole.edge());
}

#[test]
fn one_flipped_bit_in_each_kind_of_file_is_named() {
    let site = Site::new(&log_of(600));
    site.audit("").expect(0);
    for (name, place) in [
        ("tile/entries/000", 700),
        ("tile/entries/001", 3),
        ("tile/entries/002.p/88", 900),
        ("tile/0/000", 0),
        ("tile/0/001", 8191),
        ("tile/0/002.p/88", 40),
        ("tile/1/000.p/2", 33),
    ] {
        site.flip(name, place);
        let refused = site.audit("").expect(1);
        let said = refused.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(said.contains(name), "{name}: {said}");
        site.flip(name, place);
    }
    let signature = fs::read(site.path("log/checkpoint")).unwrap().len() - 10;
    site.flip("checkpoint", signature);
    let said = site.audit("").stdout;
    assert!(said.contains("checkpoint: "), "{said}");
    site.flip("checkpoint", signature);
    site.audit("").expect(0);

    fs::write(site.path("log/tile/0/000"), [0; 31]).unwrap();
    let said = site.audit("").expect(1).stdout;
    assert!(said.contains("tile/0/000: 31 octets"), "{said}");
    fs::remove_file(site.path("log/tile/0/000")).unwrap();
    let said = site.audit("").expect(3).stdout;
    assert!(said.contains("tile/0/000"), "{said}");
}

#[test]
fn a_partial_tile_that_is_gone_is_cut_from_the_full_one() {
    let mut log = log_of(600);
    let site = Site::new(&log);
    let old = fs::read(site.path("log/checkpoint")).unwrap();
    log.grow(1_000);
    site.publish(&log);
    fs::write(site.path("log/checkpoint"), old).unwrap();
    // tile/1 has no full tile to be cut from, so its partial one stays.
    let kept = TilePath {
        kind: TileKind::Hashes(1),
        index: 0,
        width: 2,
    };
    let file = site.path("log").join(kept.to_string());
    fs::write(file, log.file(kept)).unwrap();
    let json = site.audit("").expect(0).json();
    assert_eq!(json["tree_size"], 600);
}

#[test]
fn visits_go_on_where_the_last_one_ended() {
    let mut log = log_of(300);
    let site = Site::new(&log);
    let first = site.audit("--state seen").expect(0).json();
    assert_eq!(first["grew_from"], serde_json::Value::Null);
    for size in [300, 511, 512, 900] {
        let before = log.size();
        log.grow(size);
        site.publish(&log);
        let json = site.audit("--state seen").expect(0).json();
        assert_eq!(json["records"], size - before);
        assert_eq!(json["grew_from"]["tree_size"], before);
        assert_eq!(json["from_the_beginning"], false);
    }
    let json = site.audit("--state seen --full").expect(0).json();
    assert_eq!(
        (&json["records"], &json["from_the_beginning"]),
        (&900.into(), &true.into())
    );
    // A state that was tampered with is refused, not believed.
    let good = fs::read_to_string(site.path("seen")).unwrap();
    let mut lines: Vec<&str> = good.lines().collect();
    lines.swap(2, 3);
    fs::write(site.path("seen"), lines.join("\n") + "\n").unwrap();
    let said = site.audit("--state seen").expect(2).stderr;
    assert!(said.contains("do not make the root"), "{said}");
    fs::write(site.path("seen"), good).unwrap();
    site.audit("--state seen").expect(0);
}

#[test]
fn a_rollback_is_evidence() {
    let site = Site::new(&log_of(600));
    site.audit("--state seen").expect(0);
    let before = fs::read(site.path("seen")).unwrap();
    site.publish(&log_of(500));
    let refused = site.audit("--state seen").expect(1);
    assert!(refused.stderr.contains("rollback"), "{}", refused.stderr);
    assert!(refused.stderr.contains("600") && refused.stderr.contains("500"));
    check_evidence(&site.path("seen.rollback"), "rollback", "600", "500");
    // Again it is there already. Another file keeps its name, and the evidence takes the next one.
    site.audit("--state seen").expect(1);
    assert!(!site.path("seen.rollback.2").exists());
    fs::write(site.path("seen.rollback"), "mine").unwrap();
    let refused = site.audit("--state seen").expect(1);
    assert!(
        refused.stderr.contains("seen.rollback.2"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(site.path("seen.rollback")).unwrap(), b"mine");
    check_evidence(&site.path("seen.rollback.2"), "rollback", "600", "500");
    // The saved state stays the yardstick.
    assert_eq!(fs::read(site.path("seen")).unwrap(), before);
    site.audit("").expect(0);
}

#[test]
fn a_fork_is_evidence_and_damage_is_none() {
    let forked = |at: u64, size: u64| {
        let mut log = log_of(at);
        log.add_octets(vec![1, 0xff, 0xff, b'!']);
        log.grow(size);
        log
    };
    let site = Site::new(&log_of(600));
    site.audit("--state seen").expect(0);
    for (at, size) in [(300, 600), (300, 700), (590, 700), (599, 600), (10, 1_000)] {
        site.publish(&forked(at, size));
        for flags in ["--state seen", "--state seen --full"] {
            let refused = site.audit(flags).expect(1);
            assert!(
                refused.stderr.contains("fork"),
                "{at} {size}: {}",
                refused.stderr
            );
            check_evidence(&site.path("seen.fork"), "fork", "600", &size.to_string());
            fs::remove_file(site.path("seen.fork")).unwrap();
        }
    }
    // The honest log, grown, with a damaged record that was seen: no accusation of the log.
    site.publish(&log_of(700));
    site.flip("tile/entries/002.p/188", 30);
    let refused = site.audit("--state seen").expect(1);
    assert!(!refused.stderr.contains("fork"), "{}", refused.stderr);
    assert!(!site.path("seen.fork").exists());
    site.flip("tile/entries/002.p/188", 30);
    site.audit("--state seen").expect(0);
}

fn check_evidence(path: &Path, kind: &str, seen: &str, shown: &str) {
    let text = fs::read_to_string(path).unwrap();
    let (head, notes) = text.split_once("\n\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[..2], ["ishibumi/audit-evidence/v1", kind]);
    let length: usize = lines[2].strip_prefix("seen ").unwrap().parse().unwrap();
    let sizes =
        [&notes[..length], &notes[length..]].map(|note| note.lines().nth(1).unwrap().to_owned());
    assert_eq!(sizes, [seen, shown]);
}

#[test]
fn a_log_that_is_not_trusted_is_told_apart() {
    let site = Site::new(&log_of(5));
    let note = log_of(5).note(5, &[T]).encode();
    fs::write(site.path("log/checkpoint"), note).unwrap();
    let said = site.audit("").expect(4).stderr;
    assert!(said.contains("quorum"), "{said}");
    ishibumi(site.0.path(), "audit --policy policy.txt nowhere").expect(3);
    ishibumi(site.0.path(), "audit --policy policy.txt ftp://x").expect(2);
}

#[test]
fn a_log_has_to_open_itself() {
    let mut other = Log::new();
    other.grow(3);
    let site = Site::new(&other);
    // The same records under another origin would need that origin in the first one; a log whose
    // first record is something else is refused too.
    let policy = fs::read_to_string(site.path("policy.txt")).unwrap();
    assert!(policy.contains("t.example/log"));
    let mut replay = Replay::full(
        ishibumi_tlog::Checkpoint::new("u.example", 3, other.checkpoint(3).root),
        None,
    )
    .unwrap();
    let path = TilePath {
        kind: TileKind::Entries,
        index: 0,
        width: 3,
    };
    let refused = replay.take(path, &other.file(path)).unwrap_err();
    assert!(matches!(refused, Violation::NotOpened { .. }), "{refused}");
}

/// Also where the last visit ended with a whole bundle, so that the next begins behind the closing
/// record.
#[test]
fn a_log_that_closed_with_a_whole_bundle_stays_closed() {
    for size in [256, 512] {
        let mut log = log_of(size - 1);
        log.add(&Body::Log(LogStatement::Closed(ending())).into());
        let site = Site::new(&log);
        site.audit("--state s").expect(0);
        site.audit("--state s").expect(0);
        log.grow(size + 3);
        site.publish(&log);
        let said = site.audit("--state s").expect(1).stderr;
        let expected = format!("record {size} follows record {}", size - 1);
        assert!(said.contains(&expected), "{said}");
        // One that did not close goes on.
        let mut open = log_of(size);
        let site = Site::new(&open);
        site.audit("--state s").expect(0);
        open.grow(size + 3);
        site.publish(&open);
        site.audit("--state s").expect(0);
    }
}

fn ending() -> LogEnding {
    let date = Moment::new("date", Time::from_unix(1_900_000_000)).unwrap();
    LogEnding::new(date, ("the operator retires", ""), &[], &["an archive"]).unwrap()
}

#[test]
fn nothing_follows_the_record_that_closes_a_log() {
    let end = ending();
    let mut log = log_of(300);
    log.add(&Body::Log(LogStatement::Closing(end.clone())).into());
    log.add(&Body::Log(LogStatement::Closed(end)).into());
    let site = Site::new(&log);
    let said = site.audit("--state s").expect(0).stdout;
    for word in ["\"closing\"", "\"closed\"", "an archive"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // The log goes on nevertheless: its fault, seen from the beginning and from the last visit on.
    log.grow(303);
    site.publish(&log);
    for flags in ["", "--state s"] {
        let said = site.audit(flags).expect(1).stderr;
        assert!(said.contains("record 302 follows record 301"), "{said}");
    }
}
