//! Backups that are restored, keys that are used twice, witnesses that lie. A fork is the one fault
//! that no log survives; each of these would be one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ishibumi_tests::http;
use ishibumi_tests::process::{Running, eventually, program, run};
use ishibumi_tests::world::{
    OPAQUE, ORIGIN, Setup, World, copy_dir, opaque_record, restore_dir, submit,
};
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Checkpoint, Hash};
use serde_json::Value;

/// The value of a metric of the standing log.
fn figure(world: &World, name: &str) -> u64 {
    let status = world.operate(&["--json", "status"]).done();
    let status: Value = serde_json::from_str(&status).unwrap();
    status[name].as_u64().unwrap()
}

/// The checkpoint that a witness cosigned last.
fn witnessed(world: &World, number: usize) -> Checkpoint {
    let url = format!("http://{}", world.witnesses[number].address);
    let path = format!("/{}/checkpoint", Hash::of(ORIGIN.as_bytes()));
    let note = http::get(&url, &path).unwrap().expect(200);
    Checkpoint::parse(Note::parse(&note.body).unwrap().text()).unwrap()
}

#[test]
fn an_older_data_directory_is_refused_with_both_sizes() {
    for lost in [1, 40] {
        let mut world = World::new(Setup::default());
        for number in 0..10 {
            world.put(format!("before {number}").as_bytes());
        }
        world.stop_log();
        let (data, backup, newer) = (
            world.path("data"),
            world.path("backup"),
            world.path("newer"),
        );
        copy_dir(&data, &backup);
        let old = figure(&world, "signed_size");
        world.start_log();
        for number in 0..lost {
            world.put(format!("after {number}").as_bytes());
        }
        world.stop_log();
        copy_dir(&data, &newer);
        let head = (0..3)
            .map(|number| witnessed(&world, number))
            .max_by_key(|c| c.size);

        restore_dir(&backup, &data);
        for _ in 0..2 {
            let sizes = [
                format!("size {},", old + lost),
                format!("holds {old} records"),
            ];
            let ended = world.try_start_log().unwrap_err();
            ended.refused(1, &["ROLLED BACK", "head file", &sizes[0], &sizes[1]]);
        }
        let checked = world.operate(&["fsck"]);
        assert_eq!(checked.code, 1, "{}{}", checked.out, checked.err);
        assert_eq!(figure(&world, "signed_size"), old, "nothing was signed");

        // The newer one goes on.
        restore_dir(&newer, &data);
        world.start_log();
        world.put(b"goes on");
        world.assert_one_history(&[head.unwrap()]);
    }
}

/// The machine was set back as a whole: its head file knows nothing, its witnesses do.
#[test]
fn a_machine_that_was_set_back_learns_it_from_its_witnesses() {
    let mut world = World::new(Setup::default());
    world.put(b"before");
    world.stop_log();
    for name in ["data", "heads"] {
        copy_dir(&world.path(name), &world.path(&format!("{name}.old")));
    }
    world.start_log();
    for number in 0..5 {
        world.put(format!("after {number}").as_bytes());
    }
    let newest = world.checkpoint().checkpoint().clone();
    world.stop_log();
    for name in ["data", "heads"] {
        copy_dir(&world.path(name), &world.path(&format!("{name}.new")));
        restore_dir(&world.path(&format!("{name}.old")), &world.path(name));
    }

    // With witnesses: it takes nothing, and says who knows more.
    let old = newest.size - 5;
    let ours = format!("has signed {old}");
    let theirs = format!("of {} records", newest.size);
    let said = ["FORKED OR ROLLED BACK", "witness", &theirs, &ours];
    world.start_log();
    await_forked(world.running());
    world
        .submit("lab", OPAQUE, "?wait=durable", b"lost")
        .expect_problem(503, "forked");
    // Records that have their quorum are read.
    assert_eq!(world.size(), old);
    let _ = world.get("/tile/entries/000.p/1").expect(200);
    assert_eq!(world.status("signed_size"), old);
    world.log.take().unwrap().terminate().refused(1, &said);
    // Nor does it by a restart, with witnesses or without.
    for number in 0..3 {
        world.kill_witness(number);
    }
    world.start_log();
    world.get("/healthz").expect_problem(503, "forked");
    world
        .submit("lab", OPAQUE, "?wait=durable", b"lost")
        .expect_problem(503, "forked");
    let ended = world.log.take().unwrap().terminate();
    ended.refused(1, &["FORKED", ".forked", "docs/recovery.md"]);
    assert_eq!(figure(&world, "signed_size"), old);

    // Set back once more, without witnesses: it cannot know, and signs nothing as long as it does
    // not.
    restore_dir(&world.path("heads.old"), &world.path("heads"));
    world.start_log();
    let _ = world
        .submit("lab", OPAQUE, "?wait=durable", b"into a fork")
        .expect(202);
    let record = opaque_record(b"into a fork");
    let path = format!("/v1/proof/{}", ishibumi_tlog::hash::leaf_hash(&record));
    for _ in 0..20 {
        let _ = world.get(&path).expect(202);
        assert_eq!(world.status("signed_size"), newest.size - 5);
    }
    for number in 0..3 {
        world.start_witness(number);
    }
    await_forked(world.running());
    world
        .log
        .take()
        .unwrap()
        .terminate()
        .refused(1, &["FORKED OR ROLLED BACK"]);
    assert_eq!(figure(&world, "signed_size"), newest.size - 5);
    for number in 0..3 {
        assert_eq!(witnessed(&world, number), newest);
    }

    // With the newer data what spoke against it is settled, by itself.
    let accused = accusation(&world);
    restore_dir(&world.path("data.new"), &world.path("data"));
    for entry in std::fs::read_dir(world.path("heads.new")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), world.path("heads").join(entry.file_name())).unwrap();
    }
    world.start_log();
    world.put(b"goes on");
    world.assert_one_history(&[newest]);
    assert!(!accused.exists() && accused.with_extension("forked-settled").exists());
}

/// Where the log keeps what speaks against it.
fn accusation(world: &World) -> std::path::PathBuf {
    let files = std::fs::read_dir(world.path("heads")).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    files
        .find(|path| path.extension().is_some_and(|it| it == "forked"))
        .unwrap()
}

/// Waits until a log says that it takes nothing, since its key signs elsewhere.
fn await_forked(log: &Running) {
    eventually("the log to stop", || {
        let health = http::get(&log.url, "/healthz").unwrap();
        (health.status == 503).then(|| health.expect_problem(503, "forked"))
    });
    http::get(&log.url, "/readyz")
        .unwrap()
        .expect_problem(503, "forked");
}

/// Answers every request with 409 and a size beyond all.
fn liar(listener: TcpListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The whole request, whatever it says: a connection that is closed before that is
            // reset, and the lie may get lost.
            let mut request = BufReader::new(&stream);
            let head: Vec<String> = request
                .by_ref()
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let length = head.iter().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            let _ = request.read_exact(&mut vec![0; length.unwrap_or(0)]);
            let head =
                "HTTP/1.1 409 Conflict\r\ncontent-type: text/x.tlog.size\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: 14\r\n\r\n4611686018427\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

/// A witness that says from the start that it knows more, and shows nothing. Where the quorum can
/// do without it, it costs nothing. Where the quorum needs it, nothing is accepted, unless its word
/// is distrusted; the quorum is missing all the same.
#[test]
fn a_witness_that_lies_costs_what_the_quorum_needs_of_it() {
    let mut world = World::prepared(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 400",
        ..Setup::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    liar(listener);
    let name = "liar.example";
    let key = NoteSigner::from_seed(name, SignatureType::CosignatureV1, &[5; 32]).unwrap();
    world.add_foreign_witness(&key.verifier().to_string(), &format!("http://{address}"));
    world.start_log();
    world.put(b"in spite of it");
    let conflicts = "ishibumi_log_witness_conflicts_total{witness=\"liar.example\"} 0";
    eventually("the lie to be heard", || {
        let metrics = http::get(&world.running().admin_url, "/metrics").unwrap();
        (!metrics.text().contains(conflicts)).then_some(())
    });
    world.put(b"and again");
    let _ = world.get("/healthz").expect(200);
    world.stop_log();

    let needed = world.policy_text().replace("group g 2", "group g 4");
    assert_ne!(needed, world.policy_text());
    std::fs::write(world.path("policy.txt"), needed).unwrap();
    world.start_log();
    await_forked(world.running());
    world
        .submit("lab", OPAQUE, "", b"held")
        .expect_problem(503, "forked");
    let state = world.status("state");
    assert_eq!(state, "contradicted");
    // Not for good: no witness showed a proof.
    let ended = world.log.take().unwrap().terminate();
    assert_eq!(ended.code, 0, "{}", ended.err);
    let said = ["CONTRADICTED", name, "4611686018427", "docs/recovery.md"];
    ended.refused(0, &said);
    // The advice is not to distrust the witness that says so.
    assert!(!ended.err.contains("distrust"), "{}", ended.err);

    world.reconfigure(|config| {
        config.insert("distrusted_witnesses".into(), vec![name].into());
    });
    world.start_log();
    let _ = world.submit("lab", OPAQUE, "", b"unproven").expect(202);
    world.stop_log();
    // Another name does not excuse it.
    world.reconfigure(|config| {
        let other = vec!["witness1.example"];
        config.insert("distrusted_witnesses".into(), other.into());
    });
    world.start_log();
    await_forked(world.running());
}

/// The witness has agreed with this log since it started: its claim now is no news of a rollback.
#[test]
fn a_witness_that_begins_to_lie_costs_nothing() {
    let mut world = World::new(Setup::default());
    world.put(b"all agree");
    eventually("the third cosignature", || {
        (world.cosigners() == 3).then_some(())
    });
    world.kill_witness(2);
    liar(TcpListener::bind(&world.witnesses[2].address).unwrap());
    for number in 0..5 {
        world.put(format!("after {number}").as_bytes());
    }
    assert!(world.running().is_alive());
    assert_eq!(world.cosigners(), 2);
}

#[test]
fn one_directory_has_one_owner_and_one_key_one_log() {
    let world = World::new(Setup::default());
    world.put(b"first");
    // Twice on one directory.
    for command in ["serve", "fsck"] {
        world
            .operate(&[command])
            .refused(3, &["in use by another process"]);
    }
    // The same key from a copy of the data, on one machine: the head file is locked.
    copy_dir(&world.path("data"), &world.path("copy"));
    world.reconfigure(|config| {
        config.insert("data_dir".into(), "copy".into());
    });
    let ended = world.try_start_log().unwrap_err();
    ended.refused(3, &["in use by another process", ".head"]);
    world.put(b"undisturbed");
}

/// Everything was copied to another machine and started there as well. No lock reaches that far;
/// the witnesses do: one of the two gets its quorum for a tree, never both, and the other learns of
/// it.
#[test]
fn two_machines_with_one_key_never_publish_two_histories() {
    let mut world = World::new(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 400",
        ..Setup::default()
    });
    world.put(b"before");
    world.stop_log();
    copy_dir(&world.path("data"), &world.path("data2"));
    copy_dir(&world.path("heads"), &world.path("heads2"));
    let config = std::fs::read_to_string(world.path("log.toml")).unwrap();
    let config = config
        .replace("\"data\"", "\"data2\"")
        .replace("\"heads\"", "\"heads2\"");
    std::fs::write(world.path("log2.toml"), config).unwrap();
    world.start_log();
    let mut command = Command::new(program("ishibumi-log"));
    let second = command
        .arg("--config")
        .arg(world.path("log2.toml"))
        .arg("serve");
    let second = Running::start(second).unwrap();
    // A machine that a witness contradicts before it has agreed once takes itself for an old copy.
    for machine in [world.running(), &second] {
        eventually("all witnesses to have agreed", || {
            let metrics = http::get(&machine.admin_url, "/metrics").ok()?.text();
            let up =
                |line: &&str| line.starts_with("ishibumi_log_witness_up{") && line.ends_with(" 1");
            (metrics.lines().filter(up).count() == 3).then_some(())
        });
    }
    let token = world.token("lab").to_owned();
    let (seen, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    // Each machine has customers of its own, until one of the two has given up.
    std::thread::scope(|scope| {
        for (url, name) in [(world.url(), "a"), (second.url.as_str(), "b")] {
            let (token, seen, over) = (&token, &seen, &over);
            scope.spawn(move || {
                for number in 0..1000 {
                    let octets = format!("{name} {number}");
                    let answer = submit(url, token, OPAQUE, "", octets.as_bytes());
                    if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                        let proof = TlogProof::parse(&answer.unwrap().body).unwrap();
                        let checkpoint = Checkpoint::parse(proof.checkpoint.text()).unwrap();
                        seen.lock().unwrap().push((name, checkpoint));
                    } else if answer.map_or(true, |answer| answer.status != 202) {
                        over.store(true, Ordering::SeqCst);
                    }
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    let mut roots = std::collections::BTreeMap::new();
    for (_, checkpoint) in &seen {
        let root = *roots.entry(checkpoint.size).or_insert(checkpoint.root);
        assert_eq!(
            root, checkpoint.root,
            "two histories at size {}",
            checkpoint.size
        );
    }
    // One of the two gives up, and all that was proven is the other one's history.
    let first = world.log.take().unwrap();
    let is_forked = |log: &Running| {
        let health = http::get(&log.url, "/healthz");
        health.is_ok_and(|health| health.status == 503)
    };
    let ended_first = eventually("one to stop", || {
        let (first, second) = (is_forked(&first), is_forked(&second));
        (first != second).then_some(first)
    });
    let (winner, loser, name) = if ended_first {
        (second, first, "b")
    } else {
        (first, second, "a")
    };
    assert!(seen.iter().all(|(proven, _)| *proven == name), "{seen:?}");
    await_forked(&loser);
    loser
        .terminate()
        .refused(1, &["FORKED", "docs/recovery.md"]);
    eventually("the other one to go on", || {
        let answer = submit(&winner.url, &token, OPAQUE, "", b"goes on").unwrap();
        (answer.status != 202).then(|| answer.expect(200))
    });
    let ended = winner.terminate();
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn nothing_is_created_by_serving_nor_twice_by_init() {
    let mut world = World::prepared(Setup::default());
    // A second log is not made where one is.
    world.operate(&["init"]).refused(2, &["exists already"]);
    world
        .operate(&["init", "--keep-key"])
        .refused(2, &["exists already"]);
    std::fs::rename(world.path("data"), world.path("away")).unwrap();

    // Serving makes nothing, neither out of nothing nor out of an empty directory.
    for empty in [false, true] {
        if empty {
            std::fs::create_dir(world.path("data")).unwrap();
        }
        // The key has signed nothing yet: this is the one state in which there is something to
        // make.
        world.operate(&["serve"]).refused(1, &["UNFINISHED INIT"]);
        for command in ["fsck", "status"] {
            world
                .operate(&[command])
                .refused(1, &["there is no store at"]);
        }
        assert_eq!(world.path("data").exists(), empty);
    }
    assert_eq!(std::fs::read_dir(world.path("data")).unwrap().count(), 0);
    std::fs::remove_dir(world.path("data")).unwrap();
    std::fs::rename(world.path("away"), world.path("data")).unwrap();
    std::fs::rename(world.path("heads"), world.path("away")).unwrap();
    world
        .operate(&["serve"])
        .refused(1, &["LOST HEAD FILE", ".head", "ishibumi-log recover"]);
    std::fs::rename(world.path("away"), world.path("heads")).unwrap();
    world.start_log();
    world.put(b"the one");
}

#[test]
fn of_two_inits_at_once_one_wins() {
    let world = World::prepared(Setup::default());
    for name in ["data", "heads"] {
        std::fs::remove_dir_all(world.path(name)).unwrap();
    }
    for name in ["log.key", "log.key.ml-dsa-44"] {
        std::fs::remove_file(world.path(name)).unwrap();
    }
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| world.operate(&["init"]).code))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let won = codes.iter().filter(|code| **code == 0).count();
    assert_eq!(won, 1, "{codes:?}");
    assert!(
        codes.iter().all(|code| [0, 1, 2, 3].contains(code)),
        "{codes:?}"
    );
    world.assert_sound();
}

#[test]
fn the_wrong_key_or_the_wrong_name_does_not_start() {
    let mut world = World::new(Setup::default());
    world.put(b"mine");
    world.stop_log();
    let key = std::fs::read_to_string(world.path("log.key")).unwrap();
    let policy = world.policy_text();
    // Another key of the same name, with a policy that fits it: it has no head file.
    let other = NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[4; 32]).unwrap();
    std::fs::write(world.path("log.key"), other.to_private_text()).unwrap();
    world
        .operate(&["serve"])
        .refused(1, &["policy.txt", "no log line"]);
    let fitting = policy.replace(world.vkey(), &other.verifier().to_string());
    std::fs::write(world.path("policy.txt"), fitting).unwrap();
    world.operate(&["serve"]).refused(1, &["LOST HEAD FILE"]);
    // A witness's key.
    let witness = NoteSigner::from_seed(ORIGIN, SignatureType::CosignatureV1, &[4; 32]).unwrap();
    std::fs::write(world.path("log.key"), witness.to_private_text()).unwrap();
    world.operate(&["serve"]).refused(1, &["cosignatures"]);
    // Each key file in the other's setting, and none in the second's.
    let second = std::fs::read_to_string(world.path("log.key.ml-dsa-44")).unwrap();
    std::fs::write(world.path("log.key"), &second).unwrap();
    world
        .operate(&["serve"])
        .refused(1, &["log.key", "ML-DSA-44 key", "wants one of Ed25519"]);
    std::fs::write(world.path("log.key"), &key).unwrap();
    std::fs::write(world.path("log.key.ml-dsa-44"), &key).unwrap();
    world
        .operate(&["serve"])
        .refused(1, &["log.key.ml-dsa-44", "wants one of ML-DSA-44"]);
    std::fs::remove_file(world.path("log.key.ml-dsa-44")).unwrap();
    world
        .operate(&["serve"])
        .refused(1, &["log.key.ml-dsa-44", "add-key", "\"none\""]);
    let other = NoteSigner::from_seed("log.example/x", SignatureType::SubtreeV1, &[4; 32]).unwrap();
    let path = world.path("log.key.ml-dsa-44");
    std::fs::write(&path, other.to_private_text()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    world
        .operate(&["serve"])
        .refused(1, &["log.key.ml-dsa-44", "log.example/x", ORIGIN]);
    std::fs::write(world.path("log.key.ml-dsa-44"), &second).unwrap();
    std::fs::write(world.path("log.key"), "no key\n").unwrap();
    world.operate(&["serve"]).refused(1, &["log.key"]);
    std::fs::write(world.path("log.key"), &key).unwrap();
    std::fs::write(world.path("policy.txt"), &policy).unwrap();
    // Another origin.
    world.reconfigure(|config| {
        config.insert("origin".into(), "log.example/other".into());
    });
    world
        .operate(&["serve"])
        .refused(1, &[ORIGIN, "log.example/other"]);
    world.reconfigure(|config| {
        config.insert("origin".into(), ORIGIN.into());
    });
    // Another log's data under this log's key.
    let other = World::prepared(Setup {
        witnesses: 1,
        quorum: 1,
        ..Setup::default()
    });
    copy_dir(&world.path("data"), &world.path("mine"));
    restore_dir(&other.path("data"), &world.path("data"));
    world.operate(&["serve"]).refused(1, &["ROLLED BACK"]);
    restore_dir(&world.path("mine"), &world.path("data"));
    world.start_log();
    world.put(b"still mine");
    // And a witness does not take a log's key for its own.
    let dir = world.path("w9").display().to_string();
    assert_eq!(
        run(
            "ishibumi-witness",
            ["serve", "--dir", &dir, "--listen", "127.0.0.1:0"]
        )
        .code,
        1
    );
}
