//! Disks that take no more and syncs that fail: the log stops, says so, signs and answers nothing
//! over it, and the next start finds everything that was answered.

use ishibumi_tests::process::{Ended, Running, program};
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record, submit};

/// Submits until the log answers no more, or `most` times. Returns the answers, and how the log
/// ended.
fn submit_until_stopped(world: &World, log: Running, most: usize) -> (Vec<Vec<u8>>, Option<Ended>) {
    let token = world.token("lab");
    let mut answered = Vec::new();
    for number in 0..most {
        let octets = [format!("{number} ").as_bytes(), &[b'.'; 8000]].concat();
        let Ok(answer) = submit(&log.url, token, OPAQUE, "?wait=durable", &octets) else {
            return (answered, Some(log.ended()));
        };
        match answer.status {
            202 => answered.push(octets),
            503 => answer.expect_problem(503, "stopped"),
            _ => panic!("{answer}"),
        }
    }
    assert!(log.is_alive());
    drop(log);
    (answered, None)
}

/// Everything that was answered is there, with one history, after a start without help.
fn assert_recovers(world: &mut World, answered: &[Vec<u8>]) {
    world.start_log();
    for octets in answered {
        world.proven(&opaque_record(octets));
    }
    world.put(b"goes on");
    world.assert_one_history(&[]);
    world.stop_log();
    world.assert_sound();
}

/// RLIMIT_FSIZE makes the kernel refuse writes as a full disk would.
#[test]
fn a_disk_that_takes_no_more_stops_the_log_and_loses_nothing() {
    let mut world = World::prepared(Setup::default());
    // Blocks of 512 or of 1024 octets, as the shell counts. Each round writes its checkpoint beside
    // the record: with six cosignatures, three of them post-quantum, it is longer than the record.
    // An opening wants 8 MiB to be free.
    let script = "trap '' XFSZ; ulimit -f 20000; exec \"$0\" \"$@\"";
    let log = world.start_log_through("sh", &["-c", script]).unwrap();
    let (answered, ended) = submit_until_stopped(&world, log, 3000);
    let ended = ended.expect("three thousand times 8 kB do not fit");
    ended.refused(1, &["the log stopped: the store failed"]);
    assert!(answered.len() > 20, "{}", answered.len());
    // As long as there is no disk space it starts to be read, and takes nothing.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    world.log = Some(world.start_log_through("sh", &["-c", script]).unwrap());
    assert_serves_reads_alone(&world, &answered);
    world.stop_log();
    assert_recovers(&mut world, &answered);
}

/// Published records can be read and proven; nothing is taken, and the sender is told to come back.
fn assert_serves_reads_alone(world: &World, answered: &[Vec<u8>]) {
    let checkpoint = world.checkpoint().checkpoint().clone();
    assert_eq!(world.records().len() as u64, checkpoint.size);
    world.assert_one_history(&[]);
    world.proven(&opaque_record(&answered[0]));
    for _ in 0..3 {
        let answer = world.submit("lab", OPAQUE, "?wait=durable", b"one more");
        assert_eq!(answer.header("retry-after"), Some("60"));
        answer.expect_problem(503, "no-room");
    }
    assert_eq!(world.checkpoint().checkpoint(), &checkpoint);
}

/// A file system that is full to the last block, while the log is down: RocksDB's own opening
/// aborts there, with a core. Needs the right to mount, in a namespace of its own.
#[test]
fn a_full_file_system_is_met_with_words_and_reads_go_on() {
    let mut world = World::new(Setup::default());
    let answered: Vec<Vec<u8>> = (0..40)
        .map(|number| [format!("{number} ").as_bytes(), &[b'.'; 4000]].concat())
        .collect();
    for octets in &answered {
        world.put(octets);
    }
    world.stop_log();
    let (data, disk) = (world.path("data"), world.path("disk"));
    std::fs::create_dir(&disk).unwrap();
    // A disk of its own for the data directory, filled up; after some seconds space is freed.
    let script = format!(
        "mount -t tmpfs -o size=32m tmpfs '{disk}' && cp -a '{data}' '{disk}/data' && \
         mount --bind '{disk}/data' '{data}' && (cat /dev/zero >'{disk}/fill' 2>/dev/null || true) && \
         exec \"$0\" \"$@\"",
        disk = disk.display(),
        data = data.display()
    );
    let namespace = ["--map-root-user", "--mount", "sh", "-c", &script];
    let allowed = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "true"])
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no right to mount in a namespace");
        return;
    }
    world.log = Some(world.start_log_through("unshare", &namespace).unwrap());
    assert_serves_reads_alone(&world, &answered);
    let ended = world.log.take().unwrap().terminate();
    ended.refused(
        0,
        &[
            "the store failed while it opened the database",
            "No space left",
            "make room",
        ],
    );
    // Commands that need more than reading say the same, and end as ever.
    let mut command = std::process::Command::new("unshare");
    command.args(namespace).arg(program("ishibumi-log"));
    let config = world.path("log.toml").display().to_string();
    let output = command
        .args(["--config", &config, "fsck"])
        .output()
        .unwrap();
    Ended::from(output).refused(
        1,
        &[
            "the store failed while it opened the database",
            "No space left",
        ],
    );
    assert_recovers(&mut world, &answered);
}

/// Records are refused while there is still space for the log's own writing; waiting records are
/// published.
#[test]
fn accepting_stops_before_the_disk_is_full() {
    let mut world = World::new(Setup::default());
    let first = world.put(b"with room").body;
    world.stop_log();
    world.reconfigure(|config| {
        let store = toml::Table::from_iter([("reserve_octets".to_owned(), (1_i64 << 60).into())]);
        config.insert("store".to_owned(), store.into());
    });
    world.start_log();
    let answer = world.submit("lab", OPAQUE, "?wait=durable", b"without room");
    assert_eq!(answer.header("retry-after"), Some("60"));
    answer.expect_problem(503, "no-room");
    let _ = world.verified(&first, &opaque_record(b"with room"));
    assert!(world.running().is_alive());
    let metrics = ishibumi_tests::http::get(&world.running().admin_url, "/metrics").unwrap();
    let metrics = metrics.expect(200).text();
    assert!(
        metrics.contains("ishibumi_log_disk_free_octets "),
        "{metrics}"
    );
    world.stop_log();
    world.reconfigure(|config| drop(config.remove("store")));
    world.start_log();
    world.put(b"without room");
}

/// strace lets the nth sync fail, once. A log that tried again would be told that all is well, and
/// it would not be (the kernel drops what it could not write).
#[test]
fn a_sync_that_fails_once_is_fatal() {
    let mut stopped = 0;
    for nth in [1, 3, 6, 9, 14, 20, 30, 45] {
        let mut world = World::prepared(Setup::default());
        let inject = format!("inject=fsync,fdatasync:error=EIO:when={nth}");
        // -D: the log stays this process's child, and strace ends with it.
        let traced = [
            "-D",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            &inject,
        ];
        let mut answered = Vec::new();
        match world.start_log_through("strace", &traced) {
            Err(ended) => {
                ended.refused(1, &["failed"]);
                stopped += 1;
            }
            Ok(log) => {
                let ended;
                (answered, ended) = submit_until_stopped(&world, log, 60);
                if let Some(ended) = ended {
                    ended.refused(1, &["the log stopped: the store failed"]);
                    stopped += 1;
                }
            }
        }
        assert_recovers(&mut world, &answered);
    }
    assert!(stopped >= 6, "only {stopped} of the faults were met");
}
