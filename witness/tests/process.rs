//! The program as its operator runs it: commands, exit codes, signals, and `kill -9`.

mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::*;
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::SignatureLine;
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

    fn signal(&mut self, name: &str) -> i32 {
        let id = self.child.id().to_string();
        assert!(
            Command::new("sh")
                .args(["-c", "kill \"$0\" \"$1\"", name, &id])
                .status()
                .unwrap()
                .success()
        );
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
fn prepared() -> (tempfile::TempDir, VerifierKey) {
    let dir = tempfile::tempdir().unwrap();
    let vkey = stdout(&call(&dir.path().join("w"), &["init", "--name", WITNESS]));
    let log = log(0).vkey().to_string();
    stdout(&call(
        &dir.path().join("w"),
        &["add-log", "--vkey", &log, "--origin", ORIGIN],
    ));
    (dir, vkey.trim_end().parse().unwrap())
}

#[test]
fn kill_9_loses_nothing_that_was_answered() {
    let (dir, key) = prepared();
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
            let line = String::from_utf8(answer.body).unwrap();
            let line = SignatureLine::parse(line.trim_end()).unwrap();
            check_lines(&[line], &log, old + 3, &key);
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

#[test]
fn commands_and_exit_codes() {
    let (dir, key) = prepared();
    let dir = dir.path().join("w");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("key"))), (0o700, 0o600));
    assert_eq!(stdout(&call(&dir, &["vkey"])), format!("{key}\n"));

    // Nothing is created twice, changed, or created by serving.
    assert_eq!(code(&dir, &["init", "--name", WITNESS]), 1);
    let (log, rotated) = (log(0), TestLog::named(ORIGIN, 2, 0, 0));
    assert!(
        stdout(&call(&dir, &["add-log", "--vkey", &log.vkey().to_string()])).contains("already")
    );
    assert_eq!(
        code(&dir, &["add-log", "--vkey", &rotated.vkey().to_string()]),
        1
    );
    assert_eq!(code(&dir, &["add-log", "--vkey", &key.to_string()]), 1);
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
