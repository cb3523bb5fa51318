//! The program as its operator runs it: commands, exit codes, signals, and `kill -9`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::common::*;
use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::{Evidence, Verdict};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::protocol::parse_signatures;
use ishibumi_wire::{HttpNet, Net as _, Request, Response};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ishibumi-witness");

fn call(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(&args[..1])
        .arg("--dir")
        .arg(dir)
        .args(&args[1..])
        .output()
        .unwrap()
}

fn code(dir: &Path, args: &[&str]) -> i32 {
    call(dir, args).status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--dir"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }

    fn tell(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("sh")
                .args(["-c", "kill \"$0\" \"$1\"", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    fn signal(&mut self, name: &str) -> i32 {
        self.tell(name);
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(request: Request) -> Response {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { HttpNet::new().send(request).await.unwrap() })
}

fn add(running: &Running, body: Vec<u8>) -> Response {
    send(Request::post(
        format!("{}/add-checkpoint", running.url),
        body,
        1 << 16,
    ))
}

/// A directory with a witness that watches [`ORIGIN`], and its key.
fn prepared() -> (tempfile::TempDir, Vec<VerifierKey>) {
    let dir = tempfile::tempdir().unwrap();
    let vkey = stdout(&call(&dir.path().join("w"), &["init", "--name", WITNESS]));
    let log = log(0).vkey().to_string();
    stdout(&call(
        &dir.path().join("w"),
        &["add-log", "--vkey", &log, "--origin", ORIGIN],
    ));
    (dir, vkey.lines().map(|key| key.parse().unwrap()).collect())
}

#[test]
fn kill_9_loses_nothing_that_was_answered() {
    let (dir, keys) = prepared();
    let dir = dir.path().join("w");
    let log = log(200);
    let mut old = 0;
    for round in 0..8 {
        let mut running = Running::start(&dir);
        // Whatever was answered before the last kill is known.
        if old > 0 {
            let conflict = add(&running, log.request(0, 200));
            assert_eq!(
                (conflict.status, conflict.body),
                (409, format!("{old}\n").into_bytes())
            );
            assert_eq!(
                add(&running, TestLog::new(200, old - 1).request(old, old + 1)).status,
                422
            );
        }
        for _ in 0..=round {
            let answer = add(&running, log.request(old, old + 3));
            assert_eq!(answer.status, 200);
            let lines = parse_signatures(&answer.body).unwrap();
            check_lines(&lines, &log, old + 3, &keys);
            old += 3;
        }
        running.signal("-KILL");
    }
    let mut running = Running::start(&dir);
    let path = format!("{}/{}/checkpoint", running.url, Hash::of(ORIGIN.as_bytes()));
    assert_eq!(send(Request::get(path, 1 << 16)).status, 200);
    assert_eq!(running.signal("-TERM"), 0);
    let logs: serde_json::Value =
        serde_json::from_str(&stdout(&call(&dir, &["logs", "--json"]))).unwrap();
    assert_eq!(logs["logs"][0]["size"], old);
    assert_eq!(logs["logs"][0]["first"]["size"], 3);
}

/// The terminal was closed, or the operator stops it: requests in flight are finished, and durable.
#[test]
fn signals_end_a_witness_in_order() {
    let (dir, keys) = prepared();
    let dir = dir.path().join("w");
    let log = log(200);
    let mut old = 0;
    for name in ["-HUP", "-INT", "-TERM"] {
        let mut running = Running::start(&dir);
        let body = log.request(old, old + 3);
        let mut stream = TcpStream::connect(running.url.trim_start_matches("http://")).unwrap();
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nexpect: 100-continue\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The body is waited for: the request is in flight.
        let mut continued = [0; 25];
        stream.read_exact(&mut continued).unwrap();
        assert_eq!(&continued, b"HTTP/1.1 100 Continue\r\n\r\n");
        running.tell(name);
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        let (_, lines) = answer.split_once("\r\n\r\n").unwrap();
        check_lines(
            &parse_signatures(lines.as_bytes()).unwrap(),
            &log,
            old + 3,
            &keys,
        );
        old += 3;
        assert_eq!(running.child.wait().unwrap().code(), Some(0), "{name}");
    }
    // The control: a signal without a handler ends it at once.
    let mut running = Running::start(&dir);
    assert_eq!(running.signal("-USR1"), -1);
    let logs: serde_json::Value =
        serde_json::from_str(&stdout(&call(&dir, &["logs", "--json"]))).unwrap();
    assert_eq!(logs["logs"][0]["size"], old);
}

#[test]
fn a_key_that_others_can_read_is_refused_with_what_to_do() {
    let (dir, _) = prepared();
    let dir = dir.path().join("w");
    let set = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.join("key"), mode).unwrap();
    };
    for mode in [0o640, 0o604, 0o620] {
        set(mode);
        let refused = call(&dir, &["serve", "--listen", "127.0.0.1:0"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success());
        for words in [&format!("mode {mode:04o}"), "chmod 600", "retire-key"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    // The control: of its owner alone it signs.
    for mode in [0o600, 0o400] {
        set(mode);
        assert_eq!(Running::start(&dir).signal("-TERM"), 0);
    }
}

#[test]
fn commands_and_exit_codes() {
    let (dir, keys) = prepared();
    let dir = dir.path().join("w");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("key"))), (0o700, 0o600));
    let printed = stdout(&call(&dir, &["vkey"]));
    let texts = keys.iter().map(VerifierKey::to_string);
    assert!(printed.lines().map(str::to_owned).eq(texts), "{printed}");
    let kinds = [SignatureType::CosignatureV1, SignatureType::SubtreeV1];
    assert!(keys.iter().map(VerifierKey::kind).eq(kinds));

    // Nothing is created twice, changed, or created by serving.
    assert_eq!(code(&dir, &["init", "--name", WITNESS]), 2);
    let (log, rotated) = (log(0), TestLog::named(ORIGIN, 2, 0, 0));
    assert!(
        stdout(&call(&dir, &["add-log", "--vkey", &log.vkey().to_string()])).contains("already")
    );
    assert_eq!(
        code(&dir, &["add-log", "--vkey", &rotated.vkey().to_string()]),
        1
    );
    let own = keys[0].to_string();
    assert_eq!(code(&dir, &["add-log", "--vkey", &own]), 1);
    assert_eq!(code(&dir, &["resume", "--origin", ORIGIN]), 1);
    let empty = dir.join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(code(&empty, &["serve", "--listen", "127.0.0.1:0"]), 1);
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);

    assert_eq!(code(&dir, &["add-log", "--vkey", "nonsense"]), 2);
    assert_eq!(
        code(
            &dir,
            &[
                "add-log",
                "--vkey",
                &log.vkey().to_string(),
                "--origin",
                "x"
            ]
        ),
        2
    );
    assert_eq!(code(&dir.join("new"), &["init", "--name", "two words"]), 2);
    assert_eq!(code(&dir, &["serve", "--listen", "nowhere"]), 2);
    assert!(!dir.join("new").exists());

    // One owner; the public key can be read beside it.
    let mut running = Running::start(&dir);
    assert_eq!(code(&dir, &["serve", "--listen", "127.0.0.1:0"]), 3);
    assert_eq!(code(&dir, &["logs"]), 3);
    assert_eq!(code(&dir, &["vkey"]), 0);
    assert_eq!(running.signal("-INT"), 0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_eq!(code(&dir, &["serve", "--listen", &address]), 3);
    drop(taken);
    assert!(stdout(&call(&dir, &["forks"])).contains("no log forked"));

    // A key that others can read is not used.
    std::fs::set_permissions(dir.join("key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(code(&dir, &["vkey"]), 1);
}

fn json(dir: &Path, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&stdout(&call(dir, &[args, &["--json"]].concat()))).unwrap()
}

#[test]
fn keys_are_changed_between_two_runs() {
    let (dir, keys) = prepared();
    let dir = dir.path().join("w");
    let log = log(50);
    let lines = |answer: &Response| parse_signatures(&answer.body).unwrap().len();
    let mut running = Running::start(&dir);
    assert_eq!(lines(&add(&running, log.request(0, 10))), 2);
    assert_eq!(code(&dir, &["add-key", "--type", "ed25519"]), 3);
    running.signal("-TERM");

    let added = stdout(&call(&dir, &["add-key", "--type", "ed25519"]));
    let added: VerifierKey = added.trim_end().parse().unwrap();
    assert_eq!(added.kind(), SignatureType::CosignatureV1);
    let id = format!("{:08x}", keys[0].id());
    let retired = json(&dir, &["retire-key", "--id", &id]);
    assert_eq!(retired["retired"][0], keys[0].to_string());
    assert_eq!(retired["vkeys"][1], added.to_string());
    assert_eq!(code(&dir, &["retire-key", "--id", "00000000"]), 1);
    assert_eq!(code(&dir, &["retire-key", "--id", "0"]), 2);
    assert_eq!(code(&dir, &["add-key", "--type", "rsa"]), 2);
    let private = std::fs::read_to_string(dir.join("key")).unwrap();
    assert!(private.lines().count() == 2 && !private.contains(&id));

    let mut running = Running::start(&dir);
    let answer = add(&running, log.request(10, 20));
    check_lines(
        &parse_signatures(&answer.body).unwrap(),
        &log,
        20,
        &[keys[1].clone(), added],
    );
    running.signal("-TERM");
}

#[test]
fn logs_are_listed_disabled_and_convicted() {
    let (dir, _) = prepared();
    let root = dir.path().to_owned();
    let dir = root.join("w");
    let second = TestLog::named("second.example", 5, 5, u64::MAX);
    let list = root.join("list");
    let list_path = list.to_str().unwrap();
    std::fs::write(&list, format!("logs/v0\nvkey {}\nvkey x\n", second.vkey())).unwrap();
    let added = json(&dir, &["add-logs", "--from", list_path]);
    assert_eq!(added["added"][0], "second.example");
    let changed = TestLog::named("second.example", 6, 5, u64::MAX);
    std::fs::write(&list, format!("logs/v0\nvkey {}\n", changed.vkey())).unwrap();
    let refused = call(&dir, &["add-logs", "--from", list_path]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains(&second.vkey().to_string()) && said.contains(&changed.vkey().to_string())
    );
    assert_eq!(code(&dir, &["add-logs", "--from", "/nowhere"]), 3);

    let (log, other) = (log(50), TestLog::new(50, 3));
    let mut running = Running::start(&dir);
    assert_eq!(add(&running, log.request(0, 10)).status, 200);
    assert_eq!(add(&running, other.request(10, 20)).status, 422);
    assert_eq!(add(&running, other.request(10, 10)).status, 422);
    running.signal("-TERM");

    let out = root.join("evidence");
    let files = json(&dir, &["forks", "--out", out.to_str().unwrap()]);
    let verdicts: Vec<Verdict> = (files["forks"].as_array().unwrap().iter())
        .map(|fork| std::fs::read(fork["file"].as_str().unwrap()).unwrap())
        .map(|file| {
            Evidence::parse(&file)
                .unwrap()
                .check(&[log.vkey().clone()])
                .unwrap()
        })
        .collect();
    assert_eq!(verdicts, [Verdict::Proven { key: 0 }, Verdict::Open]);
    // Nothing is overwritten.
    assert_eq!(code(&dir, &["forks", "--out", out.to_str().unwrap()]), 1);

    assert_eq!(
        json(&dir, &["disable-log", "--origin", ORIGIN])["changed"],
        true
    );
    assert_eq!(code(&dir, &["disable-log", "--origin", "x"]), 1);
    let listed = json(&dir, &["logs"]);
    let state = (listed["logs"].as_array().unwrap().iter())
        .find(|log| log["origin"] == ORIGIN)
        .unwrap();
    assert_eq!(
        (&state["disabled"], &state["forked"]),
        (&true.into(), &true.into())
    );
    let mut running = Running::start(&dir);
    assert_eq!(add(&running, log.request(10, 20)).status, 403);
    running.signal("-TERM");
    assert_eq!(
        json(&dir, &["enable-log", "--origin", ORIGIN])["changed"],
        true
    );
    let mut running = Running::start(&dir);
    assert_eq!(add(&running, log.request(10, 20)).status, 200);
    running.signal("-TERM");

    let pq = NoteSigner::from_seed(ORIGIN, SignatureType::SubtreeV1, &[2; 32]).unwrap();
    let pq = pq.verifier().to_string();
    assert_eq!(code(&dir, &["add-log", "--vkey", &pq]), 1);
    assert_eq!(json(&dir, &["add-log-key", "--vkey", &pq])["new"], true);
}

#[test]
fn a_bastion_needs_its_key_first() {
    let (dir, _) = prepared();
    let dir = dir.path().join("w");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--bastion"];
    let bastion = [&serve[..], &["127.0.0.1:1"]].concat();
    let refused = call(&dir, &bastion);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("bastion-key"));
    let hash = stdout(&call(&dir, &["bastion-key"]));
    assert!(Hash::from_hex(hash.trim_end()).is_some());
    assert_eq!(stdout(&call(&dir, &["bastion-key"])), hash);
    assert_eq!(code(&dir, &[&serve[..], &["nowhere"]].concat()), 2);
    let roots = [&bastion[..], &["--bastion-ca", "/nowhere"]].concat();
    assert_eq!(code(&dir, &roots), 1);
    // A bastion that is not there stops nothing.
    let mut child = Command::new(PROGRAM)
        .args(&bastion)
        .arg("--dir")
        .arg(&dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let url = line
        .trim_end()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned();
    let mut running = Running { child, url };
    assert_eq!(add(&running, log(50).request(0, 10)).status, 200);
    assert_eq!(running.signal("-TERM"), 0);
}
