//! A machine that was cloned: data and head directories copied, and both started. One of the two is
//! the log; the other has to find out within five seconds, and promise nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ishibumi_tests::http;
use ishibumi_tests::process::{Ended, Running, eventually, program, run};
use ishibumi_tests::world::{OPAQUE, ORIGIN, Setup, World, copy_dir, opaque_record, submit};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;

/// How long a clone may take to find out, from when it could have known.
const DEADLINE: Duration = Duration::from_secs(5);

/// Data and heads under new names, with a configuration that names them.
struct Twin {
    config: PathBuf,
}

impl Twin {
    fn of(world: &World) -> Self {
        copy_dir(&world.path("data"), &world.path("data2"));
        copy_dir(&world.path("heads"), &world.path("heads2"));
        let config = std::fs::read_to_string(world.path("log.toml")).unwrap();
        let config = config
            .replace("\"data\"", "\"data2\"")
            .replace("\"heads\"", "\"heads2\"");
        let path = world.path("log2.toml");
        std::fs::write(&path, config).unwrap();
        Self { config: path }
    }

    fn start(&self) -> Result<Running, Ended> {
        let mut command = Command::new(program("ishibumi-log"));
        Running::start(command.arg("--config").arg(&self.config).arg("serve"))
    }
}

fn world() -> World {
    let mut world = World::new(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 400",
        ..Setup::default()
    });
    world.put(b"before");
    world.stop_log();
    world
}

/// How long it takes until a log says that it takes nothing, since its key signs elsewhere.
fn seconds_until_forked(log: &Running) -> Duration {
    let begun = Instant::now();
    eventually("the clone to stop", || {
        let health = http::get(&log.url, "/healthz").unwrap();
        (health.status != 200).then(|| health.expect_problem(503, "forked"))
    });
    begun.elapsed()
}

fn all_up(log: &Running) {
    eventually("all witnesses to have agreed", || {
        let metrics = http::get(&log.admin_url, "/metrics").ok()?.text();
        let up = |line: &&str| line.starts_with("ishibumi_log_witness_up{") && line.ends_with(" 1");
        (metrics.lines().filter(up).count() == 3).then_some(())
    });
}

/// Asserts the conduct of a copy that is not the log any more: it only reads.
fn assert_reads_only(world: &World, log: &Running) {
    let token = world.token("lab");
    for query in ["", "?wait=durable"] {
        let answer = submit(&log.url, token, OPAQUE, query, b"into a fork").unwrap();
        answer.expect_problem(503, "forked");
        assert_eq!(answer.number("retry-after"), 60);
    }
    http::get(&log.url, "/healthz")
        .unwrap()
        .expect_problem(503, "forked");
    http::get(&log.url, "/readyz")
        .unwrap()
        .expect_problem(503, "forked");
    // Records that have their quorum are read as before.
    let note = http::get(&log.url, "/checkpoint").unwrap().expect(200);
    let note = Note::parse(&note.body).unwrap();
    drop(world.policy().check_checkpoint(&note).unwrap());
    drop(
        http::get(&log.url, "/tile/entries/000.p/1")
            .unwrap()
            .expect(200),
    );
    let status = http::get(&log.admin_url, "/status").unwrap().json();
    assert_eq!(status["state"], "forked", "{status}");
    let metrics = http::get(&log.admin_url, "/metrics").unwrap().text();
    assert!(metrics.contains("ishibumi_log_accepting 0"), "{metrics}");
}

/// The message to its operator advises nothing that loses data.
fn assert_says_what_to_do(ended: &Ended) {
    ended.refused(1, &["FORKED", "docs/recovery.md", "emove"]);
    for advice in ["rm ", "delete", "init", "distrust", "start again"] {
        assert!(!ended.err.contains(advice), "{advice:?} in {}", ended.err);
    }
}

/// The usual way: a template, a snapshot, a standby that is started. It gets no submissions; it
/// learns from the witnesses that the other one went on.
#[test]
fn an_idle_clone_stops_within_five_seconds() {
    let mut world = world();
    let clone = Twin::of(&world);
    world.start_log();
    let second = clone.start().unwrap();
    all_up(world.running());
    all_up(&second);
    drop(http::get(&second.url, "/healthz").unwrap().expect(200));

    world.put(b"the log goes on");
    let took = seconds_until_forked(&second);
    println!("an idle clone stopped after {took:?}");
    assert!(took < DEADLINE, "{took:?}");
    assert_reads_only(&world, &second);
    // The log itself noticed nothing, and has nothing to notice.
    world.put(b"and on");
    let _ = world.get("/healthz").expect(200);
    assert_says_what_to_do(&second.terminate());

    // Started again, it takes nothing from the first moment on, whether witnesses are there or not.
    for number in 0..3 {
        world.kill_witness(number);
    }
    let second = clone.start().unwrap();
    assert_reads_only(&world, &second);
    assert_says_what_to_do(&second.terminate());
    for number in 0..3 {
        world.start_witness(number);
    }
    world.put(b"and on");
    world.stop_log();
    world.assert_sound();
}

/// It was busy: the head that it signed has the size of the log's head, and another root.
#[test]
fn a_clone_that_signed_another_head_stops_within_five_seconds() {
    let mut world = world();
    let clone = Twin::of(&world);
    world.start_log();
    let second = clone.start().unwrap();
    all_up(world.running());
    all_up(&second);
    world.put(b"the log goes on");
    let begun = Instant::now();
    let token = world.token("lab");
    let answer = submit(&second.url, token, OPAQUE, "?wait=durable", b"elsewhere").unwrap();
    assert!([202, 503].contains(&answer.status), "{answer}");
    let _ = seconds_until_forked(&second);
    println!("a busy clone stopped after {:?}", begun.elapsed());
    assert!(begun.elapsed() < DEADLINE);
    assert_reads_only(&world, &second);
    world.put(b"and on");
    let ended = second.terminate();
    assert_says_what_to_do(&ended);
    // The evidence is a file that others can judge.
    let heads = std::fs::read_dir(world.path("heads2")).unwrap();
    let evidence = heads.map(|entry| entry.unwrap().path());
    let evidence = evidence.filter(|path| path.extension().is_some_and(|it| it == "forked"));
    let evidence = evidence.last().unwrap();
    if answer.status == 202 {
        let policy = world.path("policy.txt");
        let arguments = [
            "fork",
            "verify",
            "--policy",
            policy.to_str().unwrap(),
            evidence.to_str().unwrap(),
        ];
        let judged = run("ishibumi", arguments);
        assert!([0, 4].contains(&judged.code), "{judged:?}");
    }
}

/// Copied while it ran: the copy's head file says that it is held by a process that runs, and it is
/// not that process's.
#[test]
fn a_clone_of_a_running_log_is_refused_while_that_runs() {
    let mut world = world();
    world.start_log();
    let clone = Twin::of(&world);
    let refused = clone.start().unwrap_err();
    refused.refused(1, &["COPIED", "heads2", "docs/recovery.md"]);
    world.put(b"undisturbed");

    // The machine failed, and the copy is started instead. It lacks the records that were taken
    // since it was made.
    world.kill_log();
    let second = clone.start().unwrap();
    let took = seconds_until_forked(&second);
    println!("a clone of a running log stopped after {took:?}");
    assert!(took < DEADLINE, "{took:?}");
    assert_reads_only(&world, &second);
    assert_says_what_to_do(&second.terminate());
    // The first comes back, and has everything.
    world.start_log();
    world.proven(&opaque_record(b"undisturbed"));
    world.put(b"goes on");
}

/// The head file was put back, or another machine that has the disk wrote to it: before each
/// signature the file is looked at.
#[test]
fn a_log_whose_head_file_was_replaced_signs_nothing() {
    let mut world = world();
    copy_dir(&world.path("heads"), &world.path("heads.old"));
    world.start_log();
    world.put(b"goes on");
    for entry in std::fs::read_dir(world.path("heads.old")).unwrap() {
        let entry = entry.unwrap();
        let new = world.path("heads").join("new");
        std::fs::copy(entry.path(), &new).unwrap();
        std::fs::rename(new, world.path("heads").join(entry.file_name())).unwrap();
    }
    let signed = world.status("signed_size");
    let token = world.token("lab").to_owned();
    // A submitter is not told that its record is safe.
    let answer = submit(world.url(), &token, OPAQUE, "", b"nobody signs this");
    assert!(answer.map_or(true, |answer| answer.status == 503));
    let ended = world.log.take().unwrap().ended();
    ended.refused(1, &["TAKEN OVER", ".head", "docs/recovery.md"]);
    let status = world.operate(&["--json", "status"]).done();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["signed_size"], signed);
}

/// Answers every `GET` with `shown`, and everything else with 422.
fn shows(shown: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that hangs up needs no answer.
            let _ = answer(stream.unwrap(), &shown);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, shown: &str) -> std::io::Result<()> {
    let mut request = BufReader::new(&stream);
    let head: Vec<String> = request
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let length = head.iter().find_map(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix("content-length: ")?.parse().ok()
    });
    request.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    let (status, body) = if head.first().is_some_and(|line| line.starts_with("GET")) {
        ("200 OK", shown)
    } else {
        ("422 Unprocessable Content", "another tree\n")
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn log_key(world: &World) -> NoteSigner {
    let text = std::fs::read_to_string(world.path("log.key")).unwrap();
    NoteSigner::from_private_text(text.trim_end()).unwrap()
}

/// Puts a witness into the policy that shows a checkpoint of another tree, signed with `key`.
/// Returns its name.
fn add_one_that_shows(world: &mut World, key: &NoteSigner, size: u64) -> &'static str {
    let text = Checkpoint::new(ORIGIN, size, leaf_hash(b"another tree")).to_text();
    let line = key.sign(&text).unwrap();
    let url = shows(Note::new(text, vec![line]).encode());
    let name = "shows.example";
    let witness = NoteSigner::from_seed(name, SignatureType::CosignatureV1, &[5; 32]).unwrap();
    world.add_foreign_witness(&witness.verifier().to_string(), &url);
    name
}

/// The data were lost, and one of the witnesses that are asked shows another tree: the next start
/// knows, no matter which witness is away then. Only the quorum settles it.
#[test]
fn a_recovery_that_is_shown_another_tree_keeps_it_for_the_next_start() {
    let mut world = world();
    let archive = world.path("archive").display().to_string();
    drop(world.operate(&["export", "--out", &archive]).done());
    std::fs::rename(world.path("data"), world.path("lost")).unwrap();
    let key = log_key(&world);
    let name = add_one_that_shows(&mut world, &key, 2);
    let done = world.operate(&["recover", "--from", &archive]);
    assert_eq!(done.code, 1, "{done:?}");
    for words in ["IT MUST NOT SIGN", name, "another tree"] {
        assert!(done.out.contains(words), "{words:?} is not in {}", done.out);
    }
    for number in 0..3 {
        world.kill_witness(number);
    }
    world.start_log();
    assert_reads_only(&world, world.running());
    assert_says_what_to_do(&world.log.take().unwrap().terminate());
    for number in 0..3 {
        world.start_witness(number);
    }
    world.start_log();
    world.put(b"goes on");
    let _ = world.get("/healthz").expect(200);
    world.stop_log();
}

/// One witness shows a checkpoint of another tree. If the log's own key signed it, it is proof and
/// the log stops; if not, it is an invention and costs nothing. The two differ in the signature
/// alone.
#[test]
fn one_witness_stops_a_log_with_its_own_signature_and_with_no_other() {
    for (by_the_log, size) in [(true, 1000), (false, 1000), (false, 3), (true, 1000)] {
        // A checkpoint that another key signed does not even delay the first start.
        let mut world = if by_the_log {
            world()
        } else {
            World::prepared(Setup {
                config: "[sequencing]\nquorum_deadline_ms = 400",
                ..Setup::default()
            })
        };
        let key = if by_the_log {
            log_key(&world)
        } else {
            NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[4; 32]).unwrap()
        };
        let name = add_one_that_shows(&mut world, &key, size);
        let begun = Instant::now();
        world.start_log();
        if by_the_log {
            let _ = seconds_until_forked(world.running());
            println!("a proof stopped the log after {:?}", begun.elapsed());
            assert!(begun.elapsed() < DEADLINE);
            world
                .log
                .take()
                .unwrap()
                .terminate()
                .refused(1, &["FORKED OR ROLLED BACK", name, "1000"]);
            continue;
        }
        let record = b"in spite of it";
        world.verified(&world.put(record).body, &opaque_record(record));
        eventually("the invention to be heard", || {
            let metrics = http::get(&world.running().admin_url, "/metrics")
                .unwrap()
                .text();
            let none = format!("ishibumi_log_witness_conflicts_total{{witness=\"{name}\"}} 0");
            (!metrics.contains(&none)).then_some(())
        });
        // As long as a clone would have needed, and more.
        std::thread::sleep(DEADLINE);
        world.put(b"and again");
        let _ = world.get("/healthz").expect(200);
        world.stop_log();
    }
}
