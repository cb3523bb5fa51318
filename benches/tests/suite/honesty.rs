//! Whether the load generator tells the truth, shown against servers that lie or stall on purpose:
//! no log of ours can be made to do either, so here a few lines of HTTP stand in for one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use ishibumi_artifact::record::Opaque;
use ishibumi_artifact::{Body, Record};
use ishibumi_benches::{Options, Report, run};
use ishibumi_tlog::hash::leaf_hash;

/// How a request is answered, after `stall`.
#[derive(Clone, Copy)]
struct Server {
    /// The first request of a connection waits as long.
    stall: Duration,
    /// Whether the acknowledged leaf hash is the right one.
    truthful: bool,
    /// Whether every submission is answered with 503.
    full: bool,
}

const GOOD: Server = Server {
    stall: Duration::ZERO,
    truthful: true,
    full: false,
};

impl Server {
    /// Serves on a free port for as long as the test runs; gives its URL.
    fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || self.serve(stream));
            }
        });
        url
    }

    fn serve(self, stream: TcpStream) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        for index in 0.. {
            let mut len = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if let Some(stated) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    len = stated.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; len];
            reader.read_exact(&mut body).unwrap();
            if index == 0 {
                std::thread::sleep(self.stall);
            }
            let _ = writer.write_all(self.answer(index, &body).as_bytes());
        }
    }

    fn answer(self, index: u64, body: &[u8]) -> String {
        if self.full {
            return "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned();
        }
        let opaque = Opaque::new("opaque", body).unwrap();
        let mut record = Record::from(Body::Opaque(opaque)).encode();
        if !self.truthful {
            record.push(0);
        }
        let leaf = leaf_hash(&record);
        format!(
            "HTTP/1.1 202 Accepted\r\nishibumi-index: {index}\r\nishibumi-leaf: {leaf}\r\n\
             content-length: 0\r\n\r\n"
        )
    }
}

fn load(url: &str, folder: &Path, more: &[&str]) -> Report {
    let bearer = folder.join("bearer");
    std::fs::write(&bearer, "secret").unwrap();
    let bearer = bearer.display().to_string();
    let always = [
        "load",
        "--log",
        url,
        "--token-file",
        &bearer,
        "--seconds",
        "1",
        "--sample-every",
        "1",
    ];
    run(&Options::parse_from(always.iter().chain(more))).unwrap()
}

#[test]
fn a_stall_is_charged_for_everybody_who_was_due_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let stalling = Server {
        stall: Duration::from_millis(800),
        ..GOOD
    };
    let options = ["--clients", "1", "--rate", "100"];
    let report = load(&stalling.start(), folder.path(), &options);
    // 100 were due, 80 of them while the only connection was stuck. Counted from when each was
    // sent, all but one would look fast; the median shows that they were not.
    assert_eq!(report.records, 100);
    assert!(report.latency.p50_ms > 100.0, "{report}");
    assert!(report.latency.max_ms >= 800.0, "{report}");
}

#[test]
fn a_closed_loop_counts_every_answer_and_journals_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let shown = journal.display().to_string();
    let options = ["--clients", "2", "--count", "50", "--journal", &shown];
    let report = load(&GOOD.start(), folder.path(), &options);
    assert_eq!((report.records, report.refused, report.broken), (50, 0, 0));
    assert_eq!(report.statuses.get(&202), Some(&50));
    assert_eq!((report.leaves_verified, report.checks_failed), (50, 0));
    let lines = std::fs::read_to_string(&journal).unwrap();
    assert_eq!(lines.lines().count(), 50);
    assert!(
        lines
            .lines()
            .all(|line| line.split(' ').nth(1).unwrap().len() == 64)
    );
}

#[test]
fn a_false_promise_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let lying = Server {
        truthful: false,
        ..GOOD
    };
    let report = load(&lying.start(), folder.path(), &["--count", "5"]);
    assert_eq!((report.leaves_verified, report.checks_failed), (0, 5));
    assert!(report.failures[0].contains("leaf hash"), "{report}");
}

#[test]
fn a_refusal_is_no_record_and_has_no_latency() {
    let folder = tempfile::tempdir().unwrap();
    let full = Server { full: true, ..GOOD };
    let report = load(&full.start(), folder.path(), &["--count", "5"]);
    assert_eq!((report.records, report.refused), (0, 5));
    assert_eq!(report.latency.answers, 0);
    assert_eq!(report.statuses.get(&503), Some(&5));
}
