//! Foreign text on a terminal: with any text in file names, certificates, origins and answers,
//! nothing that steers a terminal or hides is printed, and no attacker can write a line of the
//! report.

use std::fs;
use std::process::Output;

use crate::support::command;
use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::ArtifactType;
use ishibumi_tlog::shown::is_unsafe;

/// Clears the screen, turns the direction around, and forges a verdict.
const HOSTILE: &str = "a\u{1b}[2J\u{202e}\u{9b}\r\nFORGED LINE\n\u{200b}b";

fn run(pki: &Pki, arguments: &[&str]) -> Output {
    let mut command = command(pki.folder());
    command.args(arguments).output().unwrap()
}

/// The output has no character that acts, and no line that was smuggled in.
#[track_caller]
fn assert_harmless(output: &Output, what: &str) {
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8(stream.clone()).unwrap();
        let acts = text.chars().find(|it| *it != '\n' && is_unsafe(*it));
        assert_eq!(acts, None, "{what}: {text:?}");
        let forged = text.lines().any(|line| line.trim() == "FORGED LINE");
        assert!(!forged, "{what}: {text}");
    }
}

/// A token whose unit and file have hostile names, in a log.
fn scene() -> (Pki, String) {
    let pki = Pki::new();
    // The unit's name, as OpenSSL takes it: control characters and marks inside of a UTF8String.
    let subject = format!("/C=JP/O={}/CN=TSU", HOSTILE.replace(['\r', '\n', ' '], "_"));
    let config = fs::read_to_string(pki.path("pki.cnf")).unwrap();
    fs::write(pki.path("hostile.cnf"), format!("utf8 = yes\n{config}")).unwrap();
    let openssl = |arguments: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        let ran = command
            .args(arguments)
            .current_dir(pki.folder())
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    };
    openssl(&[
        "req",
        "-utf8",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "tsa.key",
        "-out",
        "tsa.csr",
        "-subj",
        &subject,
    ]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        "tsa.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-set_serial",
        "99",
        "-days",
        "300",
        "-extfile",
        "pki.cnf",
        "-extensions",
        "tsa_extensions",
        "-out",
        "tsa.crt",
    ]);
    pki.stamp("plain", "we agree\n");
    let mut log = Log::new();
    let token = pki.read("plain.tst");
    let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
    log.grow(9);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let proof = log.proof(index, &[now.as_secs() + 1_000_000; 3]);
    let name = format!("{HOSTILE}.tst");
    fs::write(pki.path(&name), token).unwrap();
    fs::write(pki.path(&format!("{name}.tlog-proof")), proof).unwrap();
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    (pki, name)
}

#[test]
fn nothing_foreign_steers_a_terminal() {
    let (pki, name) = scene();
    let trust = [
        "--policy",
        "policy.txt",
        "--anchors",
        "anchors",
        "--without-revocation",
    ];
    let missing = format!("none {HOSTILE}");
    let broken = format!("broken {HOSTILE}.tst");
    fs::write(pki.path(&broken), "no token").unwrap();
    fs::create_dir(pki.path("batch")).unwrap();
    for file in [&name, &broken, &format!("{name}.tlog-proof")] {
        fs::copy(pki.path(file), pki.path("batch").join(file)).unwrap();
    }
    let packed = format!("packed {HOSTILE}.zip");
    let lines: Vec<(i32, Vec<&str>)> = vec![
        (0, [&["verify"][..], &trust, &[&name]].concat()),
        (0, [&["verify", "--json"][..], &trust, &[&name]].concat()),
        (
            0,
            [&["verify", "--lang", "ja"][..], &trust, &[&name]].concat(),
        ),
        (3, [&["verify"][..], &trust, &[&missing]].concat()),
        (
            3,
            [&["verify", "--lang", "ja"][..], &trust, &[&missing]].concat(),
        ),
        (3, [&["verify", "--json"][..], &trust, &[&missing]].concat()),
        (
            3,
            vec![
                "verify",
                "--policy",
                &missing,
                "--anchors",
                "anchors",
                &name,
            ],
        ),
        (
            2,
            vec!["verify", "--policy", &name, "--anchors", "anchors", &name],
        ),
        (
            0,
            [
                &["evidence", "pack", "--no-documents", "--out", &packed][..],
                &trust,
                &[&name],
            ]
            .concat(),
        ),
        (0, vec!["evidence", "show", &packed]),
        (
            0,
            [&["evidence", "verify"][..], &trust, &[&packed]].concat(),
        ),
        (0, vec!["evidence", "extract", "--out", &missing, &packed]),
        (
            0,
            [&["evidence", "embed", "--out", "in.tst"][..], &[&name]].concat(),
        ),
        (2, vec!["evidence", "show", &packed, &name]),
        (
            4,
            [
                &[
                    "verify",
                    "--batch",
                    "batch",
                    "--from",
                    "2020-01-01",
                    "--to",
                    "2099-12-31",
                ][..],
                &trust,
            ]
            .concat(),
        ),
        (2, vec!["policy", "check", &name]),
        (
            3,
            vec![
                "archive",
                "check",
                "--policy",
                "policy.txt",
                "--from",
                &missing,
            ],
        ),
    ];
    for (code, line) in lines {
        let output = run(&pki, &line);
        let what = line.join(" ").escape_debug().to_string();
        assert_harmless(&output, &what);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{what}: {text}");
    }
}

/// Programs get the very characters.
#[test]
fn json_has_the_very_characters_as_escapes() {
    let (pki, name) = scene();
    let line = [
        "verify",
        "--json",
        "--policy",
        "policy.txt",
        "--anchors",
        "anchors",
        &name,
    ];
    let output = run(&pki, &line);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let subject = value["artifact"]["claims"]["tsu"]["subject"]
        .as_str()
        .unwrap();
    assert!(subject.contains("\u{202e}"), "{subject:?}");
    let missing = format!("none {HOSTILE}");
    let output = run(&pki, &["evidence", "show", "--json", &missing]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = value["error"]["message"].as_str().unwrap();
    assert!(message.contains(&missing), "{message:?}");
}
