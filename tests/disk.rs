//! Disks that take no more and syncs that fail: the log stops, says so, signs and answers nothing over
//! it, and the next start finds everything that was answered.

use ishibumi_tests::process::{Ended, Running};
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record, submit};

/// Submits until the log answers no more, or `most` times; what was answered, and how the log ended.
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
    // Blocks of 512 or of 1024 octets, as the shell counts. Each round writes its checkpoint beside the
    // record: with six cosignatures, three of them post-quantum, it is longer than the record.
    let script = "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\"";
    let log = world.start_log_through("sh", &["-c", script]).unwrap();
    let (answered, ended) = submit_until_stopped(&world, log, 1000);
    let ended = ended.expect("a thousand times 8 kB do not fit");
    ended.refused(1, &["the log stopped: the store failed"]);
    assert!(answered.len() > 20, "{}", answered.len());
    // As long as there is no room it does not come back, or comes back and takes nothing.
    if let Ok(log) = world.start_log_through(
        "sh",
        &["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""],
    ) {
        let (more, ended) = submit_until_stopped(&world, log, 1000);
        assert!(more.len() < 20, "{}", more.len());
        assert_eq!(ended.unwrap().code, 1);
    }
    assert_recovers(&mut world, &answered);
}

/// strace lets the nth sync fail, once. A log that tried again would be told that all is well, and it
/// would not be (the kernel drops what it could not write).
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
