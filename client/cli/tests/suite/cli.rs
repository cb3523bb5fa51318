//! The surface of the command: help, exit codes, keys, and policies in words.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::ishibumi;
use crate::support::log::Log;
use ishibumi_tlog::key::NoteSigner;

/// Every command that does something, as `--help` lists them from level to level.
fn commands(folder: &Path, below: &str) -> Vec<String> {
    let help = ishibumi(folder, &format!("{below} --help"))
        .expect(0)
        .stdout;
    let Some((_, listed)) = help.split_once("\nCommands:\n") else {
        return vec![below.to_owned()];
    };
    let (listed, _) = listed.split_once("\n\n").unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .flat_map(|name| commands(folder, format!("{below} {name}").trim()))
        .collect()
}

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = ishibumi(folder.path(), "--help").expect(0).stdout;
    for code in [
        "0  proven",
        "1  disproven",
        "2  usage",
        "3  unavailable",
        "4  indeterminate",
    ] {
        assert!(whole.contains(code), "{code}");
    }
    let commands = commands(folder.path(), "");
    // The control: those of two levels are among them.
    for known in [
        "verify",
        "evidence get",
        "policy explain",
        "statement custodian",
    ] {
        assert!(commands.iter().any(|it| it == known), "{commands:?}");
    }
    for command in commands {
        let help = ishibumi(folder.path(), &format!("{command} --help"))
            .expect(0)
            .stdout;
        assert!(
            help.contains("Examples:") && help.contains("Exit codes:"),
            "{command}: {help}"
        );
        assert!(
            help.contains("--json") && help.contains("--lang"),
            "{command}"
        );
        // A folder or a file, for every command that takes it.
        let anchors = help.matches("anchors <").count();
        assert_eq!(
            help.matches("anchors <DIR|FILE>").count(),
            anchors,
            "{command}"
        );
    }
    for wrong in [
        "",
        "verify",
        "verify --nonsense",
        "submit",
        "policy",
        "keygen --name x",
    ] {
        ishibumi(folder.path(), wrong).expect(2);
    }
}

#[test]
fn keys_are_made_once_and_for_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let made = ishibumi(
        folder.path(),
        "keygen --json --name log.example/1 --out log.key",
    )
    .expect(0)
    .json();
    let path = folder.path().join("log.key");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&path).unwrap();
    let signer = NoteSigner::from_private_text(text.trim_end()).unwrap();
    assert_eq!(made["vkey"], signer.verifier().to_string());
    let again = ishibumi(folder.path(), "keygen --name log.example/1 --out log.key").expect(2);
    assert!(
        again.stderr.contains("never overwritten"),
        "{}",
        again.stderr
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let witness = ishibumi(
        folder.path(),
        "keygen --name w.example --kind witness --out w.key",
    )
    .expect(0);
    let vkey: ishibumi_tlog::key::VerifierKey = witness.stdout.trim_end().parse().unwrap();
    assert_eq!(vkey.kind().octet(), 0x04);
    assert_ne!(vkey.public_key(), signer.verifier().public_key());
    ishibumi(folder.path(), "keygen --name a+b --out x.key").expect(2);
    assert!(!folder.path().join("x.key").exists());
    ishibumi(folder.path(), "keygen --name a --out no/such/folder.key").expect(3);
}

#[test]
fn policies_are_said_in_words_and_every_problem_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Log::new().policy();
    let path = folder.path().join("policy.txt");
    fs::write(&path, &policy).unwrap();
    let said = ishibumi(folder.path(), "policy check policy.txt")
        .expect(0)
        .stdout;
    for words in [
        "log: checkpoints of t.example/log count",
        "witness w2: cosignatures of w2.example count",
        "group two: has witnessed when 2 of these 3 have: w1, w2, w3",
        "quorum: a checkpoint is trusted when its log signed it and two has witnessed it",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let key = policy
        .lines()
        .nth(1)
        .unwrap()
        .replace("witness w1", "witness w4");
    let bad = policy
        .replace("group two", &format!("{key}\nfrobnicate\ngroup two"))
        .replace(" w3\n", " w9\n");
    fs::write(&path, bad).unwrap();
    let ran = ishibumi(folder.path(), "policy check policy.txt --json").expect(2);
    let problems = ran.json()["problems"].as_array().unwrap().clone();
    let all = ran.stdout;
    assert!(
        all.contains("line 5") && all.contains("same public key as in line 2"),
        "{all}"
    );
    assert!(
        all.contains("line 6") && all.contains("frobnicate"),
        "{all}"
    );
    assert!(all.contains("line 7") && all.contains("w9"), "{all}");
    assert!(problems.len() <= 4, "{all}");

    fs::write(&path, policy.replace("quorum two", "quorum none")).unwrap();
    ishibumi(folder.path(), "policy check policy.txt").expect(2);
    let said = ishibumi(folder.path(), "policy check --allow-no-quorum policy.txt")
        .expect(0)
        .stdout;
    assert!(said.contains("no time is ever proven"), "{said}");
    fs::write(&path, policy.trim_end()).unwrap();
    ishibumi(folder.path(), "policy check policy.txt").expect(2);
    ishibumi(folder.path(), "policy check absent.txt").expect(3);
}
