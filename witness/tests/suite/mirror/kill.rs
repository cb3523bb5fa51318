//! The program as its operator runs it, and `kill -9` in the middle of uploads.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::mirror_info::MirrorInfo;
use ishibumi_wire::{HttpNet, Net as _, Request, Response, gzip};
use ishibumi_witness::mirror::MirrorHome;

use super::support::*;
use crate::common::{ORIGIN, log};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ishibumi-witness");

fn call(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    let command = command.args(["mirror", args[0], "--dir"]).arg(dir);
    command.args(&args[1..]).output().unwrap()
}

fn done(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["mirror", "serve", "--listen", "127.0.0.1:0", "--dir"]);
        let mut child = command.arg(dir).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").unwrap();
        let url = url.to_owned();
        Self { child, url }
    }

    /// The most memory that it has had, in kilobytes.
    fn peak_memory_kb(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    fn terminate(mut self) -> i32 {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    /// `kill -9`.
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer, or nothing if the mirror is gone meanwhile.
fn try_send(url: &str, path: &str, body: Vec<u8>) -> Option<Response> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let request = Request::post(format!("{url}{path}"), body, 1 << 20);
    runtime.block_on(async { HttpNet::new().send(request).await.ok() })
}

fn send(url: &str, path: &str, body: Vec<u8>) -> Response {
    try_send(url, path, body).expect("an answer")
}

/// A directory with a mirror of [`ORIGIN`], and its keys.
fn prepared(dir: &Path) -> Vec<VerifierKey> {
    let keys = done(&call(dir, &["init", "--name", MIRROR]));
    let vkey = log(0).vkey().to_string();
    done(&call(dir, &["add-log", "--vkey", &vkey]));
    keys.lines().map(|key| key.parse().unwrap()).collect()
}

/// Three clients upload while the mirror is killed, again and again: after each start, every entry
/// that was acknowledged is there; and in the end one tree is, with the root that was cosigned.
#[test]
fn kill_9_loses_no_acknowledged_entry() {
    const SIZE: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("m");
    let keys = prepared(&dir);
    let log = log(SIZE);
    let running = Running::start(&dir);
    let answer = send(&running.url, "/add-checkpoint", log.request(0, SIZE));
    assert_eq!(answer.status, 200);
    drop(running);

    let acknowledged = AtomicU64::new(0);
    for round in 1..=8_u64 {
        let running = Running::start(&dir);
        let kill_at = (round * SIZE / 10).min(SIZE - 1);
        let client = |client: u64| {
            // From the beginning of a bundle that is there, so that clients overlap.
            loop {
                let known = acknowledged.load(Ordering::SeqCst);
                let start = known - known % 256;
                let upload = prefix(
                    &log,
                    &head(start, SIZE),
                    1 + usize::try_from(client).unwrap(),
                );
                let Some(answer) = try_send(&running.url, "/add-entries", upload) else {
                    return;
                };
                assert_eq!(answer.status, 202);
                let next = MirrorInfo::parse(&answer.body).unwrap().next;
                acknowledged.fetch_max(next, Ordering::SeqCst);
                if next > kill_at {
                    let id = running.child.id().to_string();
                    // Another client may have been faster.
                    let _ = Command::new("kill").args(["-KILL", &id]).status();
                }
            }
        };
        std::thread::scope(|scope| {
            for n in 0..3 {
                scope.spawn(move || client(n));
            }
        });
        drop(running);

        let known = acknowledged.load(Ordering::SeqCst);
        let mirror = MirrorHome::at(&dir).open(Box::new(|_| {})).unwrap();
        let copy = mirror.copies().next().unwrap();
        assert!(copy.next().unwrap() >= known, "{known} were acknowledged");
        copy.check_stored(0, known, log.checkpoint(known).root)
            .unwrap();
        assert_eq!(copy.newest().unwrap(), None, "nothing was cosigned");
    }

    let running = Running::start(&dir);
    let next = acknowledged.load(Ordering::SeqCst);
    let answer = send(&running.url, "/add-entries", body(&log, next, SIZE));
    assert_eq!(answer.status, 200);
    drop(running);
    let mirror = MirrorHome::at(&dir).open(Box::new(|_| {})).unwrap();
    let copy = mirror.copies().next().unwrap();
    let newest = copy.newest().unwrap().unwrap();
    let keys = [vec![log.vkey().clone()], keys].concat();
    assert_eq!(newest.note.verify(&keys).unwrap().len(), 3);
    assert_eq!(newest.note.text(), log.checkpoint(SIZE).to_text());
    copy.check_stored(0, SIZE, log.checkpoint(SIZE).root)
        .unwrap();
}

/// Four gigabytes out of four megabytes take no memory; the same octets without the bomb do their
/// work.
#[test]
fn a_gzip_bomb_costs_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("m");
    prepared(&dir);
    let log = log(300);
    let running = Running::start(&dir);
    send(&running.url, "/add-checkpoint", log.request(0, 300));
    let before = running.peak_memory_kb();

    let package = [vec![0xff, 0xff], vec![0; 65_535]].concat().repeat(256);
    let octets = [head(0, 300).encode().unwrap(), package.repeat(16)].concat();
    let coded = |body: Vec<u8>| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let mut request = Request::post(format!("{}/add-entries", running.url), body, 1 << 16);
        request
            .headers
            .push(("content-encoding", "gzip".to_owned()));
        runtime.block_on(async { HttpNet::new().send(request).await.unwrap() })
    };
    let bomb = gzip(&octets);
    for _ in 0..8 {
        assert_eq!(coded(bomb.clone()).status, 400);
    }
    let grown = running.peak_memory_kb() - before;
    assert!(grown < 100 << 10, "{grown} kB more");
    assert_eq!(coded(gzip(&body(&log, 0, 300))).status, 200);
    assert_eq!(running.terminate(), 0);
}

#[test]
fn commands_refuse_what_they_must() {
    let dir = tempfile::tempdir().unwrap();
    let (mirror, witness) = (dir.path().join("m"), dir.path().join("w"));
    let keys = prepared(&mirror);
    let code = |args: &[&str]| call(&mirror, args).status.code();
    assert_eq!(
        code(&["init", "--name", MIRROR]),
        Some(2),
        "nothing is overwritten"
    );
    assert_eq!(
        code(&["add-log", "--vkey", &keys[0].to_string()]),
        Some(1),
        "its own key"
    );
    assert_eq!(code(&["add-log", "--vkey", "nonsense"]), Some(2));
    let vkey = log(0).vkey().to_string();
    assert_eq!(
        code(&["add-log", "--vkey", &vkey, "--url", "file:///etc"]),
        Some(2)
    );
    let again = done(&call(&mirror, &["add-log", "--vkey", &vkey]));
    assert!(again.contains("was there already"));
    let status = done(&call(&mirror, &["status", "--json"]));
    assert!(
        status.contains(&Hash::of(ORIGIN.as_bytes()).to_hex()),
        "{status}"
    );

    // A mirror's directory is no witness's, and the other way round.
    let mut serve = Command::new(PROGRAM);
    let serve = serve.args(["serve", "--listen", "127.0.0.1:0", "--dir"]);
    assert_eq!(serve.arg(&mirror).output().unwrap().status.code(), Some(1));
    let mut init = Command::new(PROGRAM);
    let init = init.args(["init", "--name", "witness.example/w", "--dir"]);
    done(&init.arg(&witness).output().unwrap());
    assert_eq!(call(&witness, &["status"]).status.code(), Some(1));

    // One owner at a time.
    let running = Running::start(&mirror);
    assert_eq!(code(&["status"]), Some(3));
    assert_eq!(done(&call(&mirror, &["vkey"])).lines().count(), 2);
    assert_eq!(running.terminate(), 0);
}

/// A pending state that was put back from a backup does not know what was cosigned: the mirror does
/// not start. With the state as it was, it does.
#[test]
fn a_state_from_a_backup_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("m");
    prepared(&dir);
    let log = log(600);
    let running = Running::start(&dir);
    send(&running.url, "/add-checkpoint", log.request(0, 300));
    assert_eq!(
        send(&running.url, "/add-entries", body(&log, 0, 300)).status,
        200
    );
    assert_eq!(running.terminate(), 0);
    let copy = |from: &Path, to: &Path| {
        let made = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(made.unwrap().success());
    };
    let (pending, backup, newest) = (dir.join("pending"), dir.join("backup"), dir.join("newest"));
    copy(&pending, &backup);
    let running = Running::start(&dir);
    send(&running.url, "/add-checkpoint", log.request(300, 600));
    assert_eq!(
        send(&running.url, "/add-entries", body(&log, 300, 600)).status,
        200
    );
    assert_eq!(running.terminate(), 0);

    std::fs::rename(&pending, &newest).unwrap();
    std::fs::rename(&backup, &pending).unwrap();
    let refused = call(&dir, &["status"]);
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(
        error.contains("size 300") && error.contains("size 600"),
        "{error}"
    );
    std::fs::remove_dir_all(&pending).unwrap();
    std::fs::rename(&newest, &pending).unwrap();
    done(&call(&dir, &["status"]));
    let newest = Running::start(&dir);
    let id = Hash::of(ORIGIN.as_bytes());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let request = Request::get(format!("{}/{id}/checkpoint", newest.url), 1 << 16);
    let answer = runtime.block_on(async { HttpNet::new().send(request).await.unwrap() });
    let note = Note::parse(&answer.body).unwrap();
    assert_eq!(note.text(), log.checkpoint(600).to_text());
}
