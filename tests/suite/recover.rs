//! The data disk is lost. No message leads an operator to a second tree under the log's key, and
//! `recover` makes the data anew from anyone who has a copy, or says why the log must not sign.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ishibumi_store::{Batch, LogStore as _, NewRecord, RocksLog};
use ishibumi_tests::artifacts::{Artifacts, CRL, TOKEN};
use ishibumi_tests::process::{Ended, Running, program};
use ishibumi_tests::world::{OPAQUE, ORIGIN, Setup, World, copy_dir, opaque_record};
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;
use serde_json::Value;

const BATCH: &str = "application/vnd.ishibumi.batch";

fn world(mirrors: usize) -> World {
    World::new(Setup {
        mirrors,
        config: "[sequencing]\nquorum_deadline_ms = 400",
        ..Setup::default()
    })
}

fn record(number: u32) -> Vec<u8> {
    format!("record {number}").into_bytes()
}

/// Submits many opaque records at once and waits until they are published.
fn put_many(world: &World, numbers: std::ops::Range<u32>) {
    let mut batch = Vec::new();
    for number in numbers.clone() {
        let record = record(number);
        batch.push(255);
        batch.extend(u32::try_from(record.len()).unwrap().to_be_bytes());
        batch.extend(record);
    }
    let answer = world.submit("lab", BATCH, "", &batch);
    assert!([200, 202].contains(&answer.status), "{answer}");
    world.proven(&opaque_record(&record(numbers.end - 1)));
}

fn lose(world: &World, name: &str) {
    std::fs::remove_dir_all(world.path(name)).unwrap();
}

fn recover(world: &World, more: &[&str]) -> Ended {
    world.operate(&[&["recover"], more].concat())
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn export(world: &World, name: &str, more: &[&str]) -> PathBuf {
    let out = world.path(name);
    let to = path(&out);
    let arguments = [&["export", "--out", &to], more].concat();
    drop(world.operate(&arguments).done());
    out
}

/// Every refusal that an operator meets says what is lost, and none says to make or remove
/// anything.
fn assert_leads_nowhere_else(ended: &Ended, words: &[&str]) {
    ended.refused(1, words);
    for advice in [
        "create it",
        "remove it",
        "run init",
        "rm ",
        "delete",
        "distrust",
    ] {
        assert!(!ended.err.contains(advice), "{advice:?} in {}", ended.err);
    }
}

#[test]
fn what_is_said_after_a_loss_leads_to_recovery_and_recovery_to_the_same_log() {
    let mut world = world(1);
    put_many(&world, 0..600);
    let first = world.put(b"the first proof");
    let before = world.checkpoint().checkpoint().clone();
    world.stop_log();
    let keys = std::fs::read(world.path("log.key")).unwrap();
    lose(&world, "data");

    // The steps that an operator would try, one after the other.
    let size = format!("has signed {} records", before.size);
    for command in [
        &["serve"][..],
        &["init"],
        &["init", "--keep-key"],
        &["close", "--yes", "--reason", "x"],
    ] {
        let ended = world.operate(command);
        assert_leads_nowhere_else(
            &ended,
            &[
                "LOST DATA",
                &size,
                "ishibumi-log recover",
                "docs/recovery.md",
            ],
        );
        assert!(!world.path("data").exists(), "{command:?} made something");
    }
    for command in ["fsck", "status", "reindex"] {
        assert_leads_nowhere_else(&world.operate(&[command]), &["docs/recovery.md"]);
    }
    assert_eq!(std::fs::read(world.path("log.key")).unwrap(), keys);

    // From the mirrors that the configuration names.
    let begun = Instant::now();
    let done = recover(&world, &["--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let said = json(&done);
    let (records, took) = (&said["records"], begun.elapsed());
    println!("{records} records were recovered from a mirror in {took:?}");
    assert_eq!(said["size"], before.size);
    assert_eq!(said["published_size"], before.size);
    assert_eq!(
        (&said["may_sign"], &said["lost"]),
        (&true.into(), &0.into())
    );
    world.assert_sound();

    world.start_log();
    world.assert_one_history(std::slice::from_ref(&before));
    // The same record is the same record, and what was proven is proven.
    world.verified(&first.body, &opaque_record(b"the first proof"));
    let again = world.put(&record(17));
    assert_eq!(
        (
            again.number("ishibumi-added"),
            again.number("ishibumi-index")
        ),
        (0, 19)
    );
    world.proven(&opaque_record(&record(599)));
    world.put(b"goes on");
    assert!(world.size() > before.size);
    assert_eq!(world.audit().code, 0);
    world.stop_log();
    // With nothing lost there is nothing to do, and nothing is done.
    let done = recover(&world, &["--json"]);
    assert_eq!(
        (done.code, &json(&done)["records"]),
        (0, &0.into()),
        "{done:?}"
    );
}

/// Every moment is one in which it may be killed.
#[test]
fn a_recovery_that_is_killed_goes_on_where_it_was() {
    let mut world = world(1);
    for number in 0..10 {
        put_many(&world, number * 4000..(number + 1) * 4000);
    }
    let before = world.checkpoint().checkpoint().clone();
    world.stop_log();
    lose(&world, "data");
    let begun = Instant::now();
    assert_eq!(recover(&world, &[]).code, 0);
    let (size, took) = (before.size, begun.elapsed());
    println!("{size} records were recovered from a mirror in {took:?}");
    lose(&world, "data");
    let mut killed_in_between = 0;
    for attempt in 0_u64..60 {
        let mut command = Command::new(program("ishibumi-log"));
        command.args(["--config", &path(&world.path("log.toml")), "recover"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(30 + 37 * (attempt % 12)));
        let ended = child.try_wait().unwrap().is_some();
        let _ = child.kill();
        let _ = child.wait();
        if world.path("data").exists() || ended {
            break;
        }
        // Nothing is there by half.
        killed_in_between += 1;
        if world.path("data.recovering").exists() {
            assert_leads_nowhere_else(
                &world.operate(&["serve"]),
                &["UNFINISHED RECOVERY", "Run it again"],
            );
            assert_leads_nowhere_else(
                &world.operate(&["init", "--keep-key"]),
                &["UNFINISHED RECOVERY"],
            );
        }
    }
    assert!(killed_in_between > 0, "it was never caught at work");
    let done = recover(&world, &["--json"]);
    assert_eq!(
        (done.code, &json(&done)["size"]),
        (0, &before.size.into()),
        "{done:?}"
    );
    assert!(!world.path("data.recovering").exists());
    world.assert_sound();
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(&[before]);
}

/// The archive is older than the last signature: the missing records are counted, the log can be
/// read and does not sign; and when the rest is found, it goes on.
#[test]
fn a_log_whose_last_records_are_lost_does_not_sign_until_they_are_found() {
    let mut world = world(0);
    put_many(&world, 0..700);
    world.stop_log();
    let archive = export(&world, "archive", &["--zip"]);
    world.start_log();
    let old = world.checkpoint().checkpoint().clone();
    put_many(&world, 700..705);
    let newest = world.checkpoint().checkpoint().clone();
    world.stop_log();
    std::fs::rename(world.path("data"), world.path("disk")).unwrap();
    for number in 0..3 {
        world.kill_witness(number);
    }

    // The head file is exact: the witnesses, who are away, need not be asked.
    let done = recover(&world, &["--json", "--from", &path(&archive)]);
    assert_eq!(done.code, 1, "{done:?}");
    let said = json(&done);
    assert_eq!(
        (&said["size"], &said["lost"]),
        (&old.size.into(), &5.into())
    );
    assert_eq!(said["may_sign"], false);
    assert!(
        said["obstacles"][0].as_str().unwrap().contains("head file"),
        "{said}"
    );
    let text = recover(&world, &["--from", &path(&archive)]);
    for words in [
        "IT MUST NOT SIGN",
        "5 records",
        "docs/recovery.md",
        "--read-only",
    ] {
        assert!(text.out.contains(words), "{words:?} is not in {}", text.out);
    }
    let sizes = [
        format!("size {},", newest.size),
        format!("holds {} records", old.size),
    ];
    assert_leads_nowhere_else(
        &world.operate(&["serve"]),
        &["ROLLED BACK", &sizes[0], &sizes[1]],
    );

    // It can be read.
    let mut command = Command::new(program("ishibumi-log"));
    command.args([
        "serve",
        "--read-only",
        "--config",
        &path(&world.path("log.toml")),
    ]);
    world.log = Some(Running::start(&mut command).unwrap());
    assert_eq!(*world.checkpoint().checkpoint(), old);
    world.proven(&opaque_record(&record(17)));
    let refused = world.submit("lab", OPAQUE, "?wait=durable", b"never");
    refused.expect_problem(503, "read-only");
    world.stop_log();

    // The old disk can still be read, as it turns out. Its data are brought forward where they lie.
    let done = recover(&world, &["--json", "--from", &path(&world.path("disk"))]);
    assert_eq!(done.code, 0, "{done:?}");
    let said = json(&done);
    assert_eq!(
        (&said["size"], &said["records"]),
        (&newest.size.into(), &5.into())
    );
    for number in 0..3 {
        world.start_witness(number);
    }
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(&[old, newest]);
}

/// Machine, head file and all are gone; the keys come from a safe. Only the witnesses know how far
/// the log had come, and all of them have to be asked.
#[test]
fn without_its_head_file_a_log_asks_every_witness() {
    let mut world = world(1);
    put_many(&world, 0..300);
    world.stop_log();
    let archive = export(&world, "archive", &[]);
    world.start_log();
    put_many(&world, 300..310);
    let newest = world.checkpoint().checkpoint().clone();
    world.stop_log();
    lose(&world, "data");
    lose(&world, "heads");
    let nothing = world.operate(&["serve"]);
    nothing.refused(1, &["NO LOG", "ishibumi-log recover"]);
    // The key is known to the witnesses: no new log is made of it.
    for command in [&["init"][..], &["init", "--keep-key"]] {
        let ended = world.operate(command);
        assert_leads_nowhere_else(
            &ended,
            &["LOST DATA", "holds a checkpoint of", "ishibumi-log recover"],
        );
    }
    // Nor one with other keys in its name.
    let keys = ["log.key", "log.key.ml-dsa-44"];
    for name in keys {
        std::fs::rename(world.path(name), world.path(&format!("{name}.away"))).unwrap();
    }
    assert_leads_nowhere_else(&world.operate(&["init"]), &["NAME TAKEN", "bring it back"]);
    for name in keys {
        assert!(!world.path(name).exists(), "nothing was made");
        std::fs::rename(world.path(&format!("{name}.away")), world.path(name)).unwrap();
    }

    // From the old archive: the witnesses know more.
    let done = recover(&world, &["--json", "--from", &path(&archive)]);
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(json(&done)["lost"], 10);
    assert_leads_nowhere_else(&world.operate(&["serve"]), &["ROLLED BACK"]);

    // From the mirror, but one witness is away: it may know more.
    lose(&world, "data");
    lose(&world, "heads");
    world.kill_witness(2);
    let done = recover(&world, &["--json"]);
    assert_eq!(
        (done.code, &json(&done)["size"]),
        (1, &newest.size.into()),
        "{done:?}"
    );
    assert!(
        json(&done)["obstacles"][0]
            .as_str()
            .unwrap()
            .contains("witness3.example"),
        "{done:?}"
    );
    let ended = world.operate(&["serve"]);
    assert_leads_nowhere_else(&ended, &["LOST HEAD FILE", "ishibumi-log recover"]);

    // Its operator says that it is gone for ever; a name that no witness has is a mistake.
    recover(&world, &["--without", "witness9.example"]).refused(1, &["witness9.example"]);
    let done = recover(&world, &["--json", "--without", "witness3.example"]);
    assert_eq!(done.code, 0, "{done:?}");
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(&[newest]);
}

/// Lost, and made anew while no witness could be asked: the first start asks again, before it
/// signs.
#[test]
fn a_lost_log_that_was_made_anew_signs_nothing() {
    let mut world = world(1);
    put_many(&world, 0..300);
    let before = world.checkpoint().checkpoint().clone();
    world.stop_log();
    lose(&world, "data");
    lose(&world, "heads");
    for number in 0..3 {
        world.kill_witness(number);
    }
    world.kill_mirror(0);
    let made = world.operate(&["init", "--keep-key"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(made.err.matches("not asked whether").count(), 4, "{made:?}");
    for number in 0..3 {
        world.start_witness(number);
    }
    world.start_mirror(0);
    assert_leads_nowhere_else(
        &world.operate(&["serve"]),
        &["LOST DATA", "holds a checkpoint of", "ishibumi-log recover"],
    );

    // Its head file says that nothing was signed. The log must not rely on that while a witness is
    // away that may hold more.
    world.kill_witness(2);
    let done = recover(&world, &["--json"]);
    assert_eq!(
        (done.code, &json(&done)["size"]),
        (1, &before.size.into()),
        "{done:?}"
    );
    assert_leads_nowhere_else(&world.operate(&["serve"]), &["LOST HEAD FILE"]);
    world.start_witness(2);
    let done = recover(&world, &["--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(&[before]);
}

/// A source that is damaged, or lies, is named; another one gives what it has not.
#[test]
fn a_damaged_source_is_named_and_another_one_used() {
    let mut world = world(0);
    put_many(&world, 0..600);
    let before = world.checkpoint().checkpoint().clone();
    world.stop_log();
    let good = export(&world, "good", &[]);
    let bad = export(&world, "bad", &[]);
    let bundle = bad.join("tile/entries/001");
    let mut octets = std::fs::read(&bundle).unwrap();
    octets[1000] ^= 1;
    std::fs::write(&bundle, octets).unwrap();
    std::fs::rename(world.path("data"), world.path("disk")).unwrap();

    let ended = recover(&world, &["--from", &path(&bad)]);
    ended.refused(1, &["RECORDS MISSING", "from 256 on", "another source"]);
    assert!(!world.path("data").exists());
    let done = recover(
        &world,
        &["--json", "--from", &path(&bad), "--from", &path(&good)],
    );
    assert_eq!(done.code, 0, "{done:?}");
    let complaints = json(&done)["complaints"].to_string();
    assert!(
        complaints.contains("bad") && complaints.contains("256"),
        "{complaints}"
    );
    world.assert_sound();

    // A checkpoint by another key leads nowhere, whatever files lie beside it.
    std::fs::rename(world.path("data"), world.path("data.first")).unwrap();
    let other = World::new(Setup::default());
    let note = std::fs::read_to_string(good.join("checkpoint")).unwrap();
    let _ = other.checkpoint();
    let forged = other.get("/checkpoint").expect(200).text();
    std::fs::write(good.join("checkpoint"), forged).unwrap();
    let ended = recover(&world, &["--from", &path(&good)]);
    ended.refused(1, &["NOTHING TO RECOVER FROM"]);
    // Control.
    std::fs::write(good.join("checkpoint"), note).unwrap();
    let done = recover(&world, &["--json", "--from", &path(&good)]);
    assert_eq!(done.code, 0, "{done:?}");
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(&[before]);
}

/// An old backup of the data, with the head file of today: brought forward from the mirror, where
/// it lies. Data that are no beginning of the log are not touched.
#[test]
fn older_data_are_brought_forward_and_other_data_left_alone() {
    let mut world = world(1);
    put_many(&world, 0..300);
    world.stop_log();
    copy_dir(&world.path("data"), &world.path("backup"));
    world.start_log();
    put_many(&world, 300..900);
    let newest = world.checkpoint().checkpoint().clone();
    world.stop_log();
    lose(&world, "data");
    copy_dir(&world.path("backup"), &world.path("data"));
    assert_leads_nowhere_else(
        &world.operate(&["serve"]),
        &["ROLLED BACK", "ishibumi-log recover"],
    );
    let done = recover(&world, &["--json"]);
    assert_eq!(
        (done.code, &json(&done)["records"]),
        (0, &600.into()),
        "{done:?}"
    );
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(std::slice::from_ref(&newest));
    world.stop_log();

    // The backup was started somewhere, without witnesses, and took something.
    std::fs::rename(world.path("data"), world.path("right")).unwrap();
    std::fs::rename(world.path("heads"), world.path("heads.right")).unwrap();
    copy_dir(&world.path("backup"), &world.path("data"));
    std::fs::create_dir(world.path("heads")).unwrap();
    let store = RocksLog::open(world.path("data"), ORIGIN).unwrap();
    let octets = opaque_record(b"taken elsewhere");
    let size = store.staged().unwrap().size();
    let taken = NewRecord {
        leaf: leaf_hash(&octets),
        octets,
        keys: Vec::new(),
    };
    let batch = Batch {
        records: vec![taken],
        blobs: Vec::new(),
    };
    drop(store.stage(size, &batch).unwrap());
    drop(store);
    let ended = recover(&world, &[]);
    assert_leads_nowhere_else(
        &ended,
        &[
            "ANOTHER TREE",
            "Move it away and keep it",
            "docs/recovery.md",
        ],
    );
    let store = RocksLog::open(world.path("data"), ORIGIN).unwrap();
    assert_eq!(store.staged().unwrap().size(), size + 1, "untouched");
    drop(store);
    // As it says.
    std::fs::rename(world.path("data"), world.path("kept")).unwrap();
    lose(&world, "heads");
    std::fs::rename(world.path("heads.right"), world.path("heads")).unwrap();
    let done = recover(&world, &["--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    world.start_log();
    world.put(b"goes on");
}

/// Data beside the records come back too: lists, the index by which they are found, and the kept
/// checkpoints, which the times are proven by.
#[test]
fn blobs_index_and_kept_checkpoints_come_back() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    for number in 0..3 {
        let token = made.token("tsa-one", format!("contract {number}").as_bytes());
        assert_eq!(world.submit("north", TOKEN, "", &token).status, 200);
    }
    made.revoke("seal", "superseded");
    let list = made.crl("issuing");
    assert_eq!(world.submit("north", CRL, "", &list).status, 200);
    let digest = Hash::of(&list).to_hex();
    let answers = |world: &World| {
        let listing = world.get("/checkpoints").expect(200).json();
        let kept = listing["sizes"].as_array().unwrap().clone();
        let notes = kept.iter().map(|size| {
            world
                .get(&format!("/checkpoints/{size}"))
                .expect(200)
                .text()
        });
        let found = world
            .get(&format!("/v1/lookup/crl/{digest}"))
            .expect(200)
            .text();
        let blob = world.get(&format!("/blob/{digest}")).expect(200).body;
        let proofs: Vec<String> = world
            .records()
            .iter()
            .map(|record| {
                let leaf = leaf_hash(record);
                world.get(&format!("/v1/proof/{leaf}")).expect(200).text()
            })
            .collect();
        (notes.collect::<Vec<_>>(), found, blob, proofs)
    };
    let before = answers(&world);
    assert!(before.0.len() > 2);
    // Whatever was there is there again. A third cosignature may have come since.
    let assert_back = |world: &World| {
        let after = answers(world);
        assert_eq!((&after.1, &after.2), (&before.1, &before.2));
        let [had, has] = [&before, &after].map(|it| it.0.iter().chain(&it.3));
        assert_eq!(had.clone().count(), has.clone().count());
        for (had, has) in had.zip(has) {
            let lines: BTreeSet<&str> = has.lines().collect();
            let lost: Vec<&str> = had.lines().filter(|it| !lines.contains(it)).collect();
            assert_eq!(lost, [""; 0], "{has}");
        }
    };
    world.stop_log();
    let archive = export(&world, "archive", &["--zip"]);
    lose(&world, "data");
    let done = recover(&world, &["--json", "--from", &path(&archive)]);
    assert_eq!(done.code, 0, "{done:?}");
    let said = json(&done);
    assert_eq!(
        (&said["blobs"], &said["missing_blobs"]),
        (&1.into(), &0.into())
    );
    world.assert_sound();
    world.start_log();
    assert_back(&world);

    // A tree behind a web server that knows nothing would do as well as one on the disk; without
    // its blobs it is said that they are missing.
    world.stop_log();
    let tree = export(&world, "tree", &[]);
    std::fs::remove_dir_all(tree.join("blob")).unwrap();
    lose(&world, "data");
    let done = recover(&world, &["--json", "--from", &path(&tree)]);
    assert_eq!(
        (done.code, &json(&done)["missing_blobs"]),
        (0, &1.into()),
        "{done:?}"
    );
    // They are found later.
    let done = recover(&world, &["--json", "--from", &path(&archive)]);
    assert_eq!(
        (done.code, &json(&done)["blobs"]),
        (0, &1.into()),
        "{done:?}"
    );
    world.start_log();
    assert_back(&world);
    world.assert_one_history(&[]);
}
