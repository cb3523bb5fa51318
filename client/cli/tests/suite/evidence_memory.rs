//! What the commands for evidence files take of memory: the file once where it is read, and once
//! more where one is written. Measured by what the system lets a process have.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::ArtifactType;

/// Octets of the document.
const DOCUMENT_LEN: usize = 192 << 20;

/// KiB of address space that a program takes with a small file: itself, its libraries and threads.
const BASE_KIB: usize = 96 << 10;

/// A token over a document of this length, its proof, and the evidence file of both.
fn scene(length: usize) -> Pki {
    let (pki, mut log) = (Pki::new(), Log::new());
    pki.stamp("long", &"stamped\n".repeat(length / 8));
    let token = pki.read("long.tst");
    let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
    log.grow(9);
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let proof = log.proof(index, &[now.as_secs() + 60; 3]);
    fs::write(pki.path("long.tst.tlog-proof"), proof).unwrap();
    pki
}

/// The exit code of a command that may have so many KiB of address space.
fn code_within(pki: &Pki, kib: usize, line: &str) -> Option<i32> {
    let script = format!("ulimit -v {kib}; ulimit -c 0; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.current_dir(pki.folder()).args(["-c", &script]);
    command.arg(env!("CARGO_BIN_EXE_ishibumi"));
    let output = command.args(line.split_whitespace()).output().unwrap();
    if output.status.code() != Some(0) {
        println!("{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.code()
}

const TRUST: &str = "--policy policy.txt --anchors anchors";

/// Every command, and how many times the file it may have in memory.
fn commands() -> Vec<(usize, String)> {
    vec![
        (
            2,
            format!("evidence pack --without-revocation {TRUST} --out long.zip long.tst"),
        ),
        (1, "evidence show long.zip".to_owned()),
        (
            1,
            format!("evidence verify --without-revocation {TRUST} long.zip"),
        ),
        (1, "evidence extract --out extracted long.zip".to_owned()),
        (2, "evidence merge --out merged.zip long.zip".to_owned()),
        (
            1,
            format!("verify --without-revocation {TRUST} --document long.txt long.tst"),
        ),
    ]
}

#[test]
fn a_file_is_in_memory_once_where_it_is_read_and_twice_where_one_is_written() {
    let pki = scene(DOCUMENT_LEN);
    let file_kib = DOCUMENT_LEN >> 10;
    for (times, line) in commands() {
        let kib = times * file_kib + BASE_KIB;
        assert_eq!(
            code_within(&pki, kib, &line),
            Some(0),
            "{line} in {kib} KiB"
        );
    }
    // The control: with less memory, these files do not fit.
    for (times, line) in commands() {
        let fewer = times * file_kib - 1;
        let line = line.replace("--out ", "--out again-");
        let code = code_within(&pki, fewer, &line);
        let streams = line.starts_with("verify");
        assert_eq!(code == Some(0), streams, "{line} in {fewer} KiB: {code:?}");
    }
}
