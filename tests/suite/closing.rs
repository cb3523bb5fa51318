//! A log closes: its last checkpoint is held by quorum and mirror, its keys are gone, and nothing
//! signs for it again. Every refusal stands beside the same thing where it works.

use ishibumi_artifact::record::LogStatement;
use ishibumi_artifact::{Body, Record};
use ishibumi_tests::process::{Ended, eventually, program};
use ishibumi_tests::world::{OPAQUE, Setup, World, copy_dir, opaque_record, restore_dir};

const REASON: &str = "the operator retires";

fn world() -> World {
    World::new(Setup {
        witnesses: 2,
        quorum: 2,
        mirrors: 1,
        ..Setup::default()
    })
}

fn close(world: &World, more: &[&str]) -> Ended {
    let words = ["--json", "close", "--yes", "--reason", REASON];
    world.operate(&[&words[..], more].concat())
}

fn keys(world: &World) -> [std::path::PathBuf; 2] {
    ["log.key", "log.key.ml-dsa-44"].map(|name| world.path(name))
}

/// Indices of `closing` and `closed`, as the running log publishes them.
fn statements(world: &World) -> Vec<(usize, &'static str)> {
    let records = world.records();
    let said = |octets: &Vec<u8>| match Record::decode(octets).unwrap().body() {
        Body::Log(statement @ (LogStatement::Closing(_) | LogStatement::Closed(_))) => {
            statement.name()
        }
        _ => None,
    };
    let said = records.iter().map(said).enumerate();
    said.filter_map(|(index, said)| Some((index, said?)))
        .collect()
}

/// The log is closed with `size` records, the last of them `closed`, and serves.
fn assert_closed(world: &mut World, size: usize) {
    assert!(keys(world).iter().all(|key| !key.exists()), "a key is left");
    world.start_log();
    assert_eq!(world.size(), size as u64);
    assert_eq!(
        statements(world),
        [(size - 2, "closing"), (size - 1, "closed")]
    );
    let answer = world.submit("lab", OPAQUE, "", b"too late");
    assert!(
        String::from_utf8_lossy(&answer.body).contains(REASON),
        "{answer}"
    );
    answer.expect_problem(410, "log-closed");
    assert!(world.status("closed").is_string());
    assert_eq!(world.cosigners(), 3, "everybody cosigned the end");
    world.stop_log();
    world.assert_sound();
}

#[test]
fn a_closed_log_serves_what_it_has_and_takes_nothing() {
    let mut world = world();
    let before = world.put(b"before the end");
    world.verified(&before.body, &opaque_record(b"before the end"));

    // A running log is not closed, an unannounced end wants a reason, and no log is closed by
    // accident.
    close(&world, &[]).refused(3, &["in use"]);
    let announce = [
        "announce-closing",
        "--date",
        "令和9年3月31日",
        "--reason",
        REASON,
    ];
    let more = ["--custodian", "National Archive, https://archive.example"];
    let admin = world.running().admin_url.replace("http://", "");
    let listen = |world: &World, admin: &str| {
        world.reconfigure(|config| drop(config.insert("admin_listen".into(), admin.into())));
    };
    listen(&world, &admin);
    drop(world.operate(&[&announce[..], &more].concat()).done());
    listen(&world, "127.0.0.1:0");
    drop(world.put(b"after the announcement"));
    assert_eq!(statements(&world), [(3, "closing")]);
    let seen = world.checkpoint().checkpoint().clone();
    world.stop_log();
    world.operate(&["close"]).refused(1, &["not confirmed"]);
    world.start_log();
    drop(world.put(b"still open"));
    world.stop_log();

    // Closing takes the words of the announcement.
    drop(world.operate(&["close", "--yes"]).done());
    assert!(keys(&world).iter().all(|key| !key.exists()));
    // Again: there is nothing left to do.
    let again = world.operate(&["close", "--yes", "--json"]).done();
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["destroyed"].as_array().unwrap().len(), 0);
    assert_eq!(again["size"], 7);
    let late = |date: &str| world.operate(&["announce-closing", "--date", date, "--reason", "x"]);
    late("2027-01-01").refused(1, &["the log is closed"]);
    late("31.3.2027").refused(1, &["no day", "令和9年3月31日"]);

    world.start_log();
    assert_eq!(statements(&world), [(3, "closing"), (6, "closed")]);
    let late = world.submit("lab", OPAQUE, "", b"too late");
    assert!(
        String::from_utf8_lossy(&late.body).contains("National Archive"),
        "{late}"
    );
    late.expect_problem(410, "log-closed");
    // Proofs from before still hold, and can still be fetched.
    world.verified(&before.body, &opaque_record(b"before the end"));
    world.proven(&opaque_record(b"still open"));
    drop(world.get("/healthz").expect(200));
    drop(world.get("/readyz").expect(200));
    world.assert_one_history(&[seen]);
    let last = world.size();
    drop(world.get(&format!("/checkpoints/{last}")).expect(200));
    let audit = world.audit().done();
    assert!(audit.contains("closed"), "{audit}");
    world.stop_log();
    world.assert_sound();
    drop(world.operate(&["reindex"]).done());
    world.start_log();
    world.proven(&opaque_record(b"before the end"));
}

#[test]
fn a_key_that_comes_back_signs_nothing() {
    let mut world = world();
    drop(world.put(b"a record"));
    world.stop_log();
    let [ed25519, ml_dsa_44] = keys(&world);
    let backup = |path: &std::path::Path| path.with_extension("backup");
    let open_data = world.path("data-while-open");
    for key in [&ed25519, &ml_dsa_44] {
        std::fs::copy(key, backup(key)).unwrap();
    }
    copy_dir(&world.path("data"), &open_data);
    copy_dir(&world.path("heads"), &world.path("heads-while-open"));
    // The control: these copies make a log that signs.
    world.start_log();
    drop(world.put(b"another record"));
    world.stop_log();

    drop(close(&world, &[]).done());
    let bring_back = |key: &std::path::Path| {
        std::fs::copy(backup(key), key).unwrap();
    };
    bring_back(&ed25519);
    bring_back(&ml_dsa_44);
    // It serves, without keys, and takes nothing.
    world.start_log();
    let end = world.checkpoint();
    world
        .submit("lab", OPAQUE, "", b"too late")
        .expect_problem(410, "log-closed");
    world.stop_log();
    world
        .operate(&["init", "--keep-key"])
        .refused(2, &["exists"]);
    std::fs::remove_file(&ml_dsa_44).unwrap();
    world.operate(&["add-key"]).refused(1, &["closed for ever"]);
    assert!(!ml_dsa_44.exists());
    bring_back(&ml_dsa_44);

    // The records alone say it, too: without the seal the key is refused just the same.
    let heads = std::fs::read_dir(world.path("heads")).unwrap();
    let heads: Vec<_> = heads.map(|entry| entry.unwrap().path()).collect();
    let seal = heads
        .iter()
        .find(|path| path.extension().is_some_and(|end| end == "closed"));
    let seal = seal.expect("the head file is sealed");
    std::fs::rename(seal, world.path("seal")).unwrap();
    world.start_log();
    world
        .submit("lab", OPAQUE, "", b"too late")
        .expect_problem(410, "log-closed");
    assert_eq!(world.checkpoint().note(), end.note());
    world.stop_log();
    std::fs::rename(world.path("seal"), seal).unwrap();

    // With the seal alone and the earlier records, it is an old copy.
    copy_dir(&world.path("data"), &world.path("data-closed"));
    restore_dir(&open_data, &world.path("data"));
    let old = world.try_start_log().unwrap_err();
    old.refused(1, &["ROLLED BACK"]);
    restore_dir(&world.path("data-closed"), &world.path("data"));
    // Everything set back but the witnesses: they know more.
    restore_dir(&open_data, &world.path("data"));
    copy_dir(&world.path("heads"), &world.path("heads-closed"));
    restore_dir(&world.path("heads-while-open"), &world.path("heads"));
    world.start_log();
    eventually("the witnesses to say so", || {
        let health = world.get("/healthz");
        (health.status == 503).then(|| health.expect_problem(503, "forked"))
    });
    let ended = world.log.take().unwrap().terminate();
    ended.refused(1, &["FORKED OR ROLLED BACK"]);
    restore_dir(&world.path("data-closed"), &world.path("data"));
    restore_dir(&world.path("heads-closed"), &world.path("heads"));

    // Closing again destroys what came back.
    drop(close(&world, &[]).done());
    assert!(!ed25519.exists() && !ml_dsa_44.exists());
}

#[test]
fn without_quorum_or_mirror_nothing_is_destroyed_and_it_goes_on_later() {
    let mut world = world();
    drop(world.put(b"a record"));
    let size = usize::try_from(world.size()).unwrap() + 2;
    world.stop_log();
    for (who, kill) in [("witness", true), ("mirror", false)] {
        if kill {
            world.kill_witness(1);
        } else {
            world.kill_mirror(0);
        }
        let refused = close(&world, &["--timeout", "1"]);
        refused.refused(1, &[who, "keys are still there"]);
        assert!(keys(&world).iter().all(|key| key.exists()));
        // Meanwhile it serves what is published, and nothing gets in.
        world.start_log();
        world
            .submit("lab", OPAQUE, "", b"too late")
            .expect_problem(410, "log-closed");
        world.stop_log();
        if kill {
            world.start_witness(1);
        } else {
            world.start_mirror(0);
        }
    }
    drop(close(&world, &[]).done());
    assert_closed(&mut world, size);
}

#[test]
fn a_log_without_mirrors_closes_only_when_told_so() {
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        ..Setup::default()
    });
    drop(world.put(b"a record"));
    world.stop_log();
    close(&world, &[]).refused(1, &["mirror", "--without-mirror"]);
    // That refusal wrote nothing.
    world.start_log();
    drop(world.put(b"still open"));
    assert_eq!(statements(&world), []);
    world.stop_log();
    drop(close(&world, &["--without-mirror"]).done());
    world.start_log();
    assert_eq!(statements(&world), [(4, "closing"), (5, "closed")]);
}

/// `kill -9` sooner and later: wherever it hits, the next run finishes, and the log ends once.
#[test]
fn killed_at_any_step_it_finishes_when_run_again() {
    let mut world = world();
    drop(world.put(b"a record"));
    let size = usize::try_from(world.size()).unwrap() + 2;
    world.stop_log();
    let config = world.path("log.toml").display().to_string();
    let mut kills = 0;
    // Closer together in the beginning, where most steps are.
    let waits = std::iter::successors(Some(10_u64), |wait| Some(wait * 4 / 3));
    for millis in std::iter::once(0).chain(waits) {
        let mut closing = std::process::Command::new(program("ishibumi-log"))
            .args(["--config", &config, "close", "--yes", "--reason", REASON])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        if closing.try_wait().unwrap().is_some() {
            break;
        }
        closing.kill().unwrap();
        closing.wait().unwrap();
        kills += 1;
        assert!(kills < 40, "it never ends");
    }
    assert!(kills > 0);
    drop(close(&world, &[]).done());
    // After the seal: one key half destroyed, the other not yet.
    let [ed25519, ml_dsa_44] = keys(&world);
    std::fs::write(&ed25519, vec![0; 90]).unwrap();
    std::fs::write(&ml_dsa_44, "whatever").unwrap();
    drop(close(&world, &[]).done());
    assert_closed(&mut world, size);
}
