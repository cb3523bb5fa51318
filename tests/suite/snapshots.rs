//! The output of the programs, word for word: every `--help`, and the verdicts about the published
//! evidence in both languages, for people and for programs. A changed word is a reviewed
//! difference.
//!
//! `INSTA_UPDATE=always` writes the snapshots anew.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use ishibumi_tests::process::{Ended, program};

/// Runs a program as if no terminal and no locale were there.
fn run(name: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null());
    command.env_remove("COLUMNS").env("LC_ALL", "C.UTF-8");
    command.output().unwrap().into()
}

/// The names below "Commands:".
fn commands(help: &str) -> Vec<String> {
    let listed = help
        .split_once("\nCommands:\n")
        .map_or("", |(_, listed)| listed);
    let lines = listed.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        name.starts_with(char::is_alphabetic)
            .then(|| name.split_whitespace().next().map(str::to_owned))?
    });
    names.filter(|name| name != "help").collect()
}

/// The help of a command and of all below it.
fn helps(program: &str, path: &[String]) -> String {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let ended = run(program, &[&words[..], &["--help"]].concat());
    assert_eq!(ended.code, 0, "{path:?}: {}", ended.err);
    let title = [&[program][..], &words].concat().join(" ");
    let mut all = format!("$ {title} --help\n{}\n", ended.out);
    for name in commands(&ended.out) {
        all += &helps(program, &[path, &[name]].concat());
    }
    all
}

#[test]
fn every_help_says_what_it_said() {
    for (name, at_least) in [
        ("ishibumi", 25),
        ("ishibumi-log", 10),
        ("ishibumi-witness", 10),
    ] {
        let all = helps(name, &[]);
        let found = all.matches(" --help\n").count();
        assert!(found >= at_least, "{name}: {found} commands");
        insta::assert_snapshot!(format!("help-{name}"), all);
    }
}

fn published(path: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/evidence");
    folder.join(path).display().to_string()
}

/// Without what depends on where the checkout is.
fn told(ended: &Ended) -> String {
    let folder = published("");
    let said = format!("{}{}", ended.out, ended.err).replace(&folder, "");
    format!("{said}exit code {}\n", ended.code)
}

#[test]
fn every_verdict_about_the_published_evidence_is_said_as_before() {
    let (policy, anchor) = (published("policy.txt"), published("anchor.crt"));
    let file = published("golden.evidence.zip");
    let day = ["--at", "2027-01-01"];
    for (name, more) in [
        ("asked", vec![]),
        ("not-asked", vec!["--without-revocation"]),
        (
            "post-quantum",
            vec!["--without-revocation", "--post-quantum"],
        ),
        ("wrong-anchors", vec!["--without-revocation"]),
        ("json", vec!["--without-revocation", "--json"]),
    ] {
        let anchors = if name == "wrong-anchors" {
            &policy
        } else {
            &anchor
        };
        for language in ["en", "ja"] {
            let terms = [
                "--policy",
                &policy,
                "--anchors",
                anchors,
                "--lang",
                language,
            ];
            let fixed = [&["evidence", "verify"][..], &terms, &day, &more, &[&file]];
            let ended = run("ishibumi", &fixed.concat());
            insta::assert_snapshot!(format!("verdict-{name}-{language}"), told(&ended));
        }
    }
}
