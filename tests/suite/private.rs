//! A log or a witness keeps keys, data and memory from all other users of its machine, whatever
//! umask the shell had that started it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ishibumi_tests::process::{eventually, program};
use ishibumi_tests::world::{Setup, World};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Everything below `path`, itself included.
fn all(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            found.extend(all(&entry.unwrap().path()));
        }
    }
    found
}

fn assert_private(path: &Path) {
    for path in all(path) {
        let found = mode(&path);
        assert_eq!(
            found & 0o077,
            0,
            "{} has the mode {found:o}",
            path.display()
        );
    }
}

/// Runs `program` in a shell whose umask hides nothing.
fn run_open(program_name: &str, arguments: &[&str]) {
    let script = "umask 0; ulimit -c unlimited; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program(program_name));
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn files_are_their_owners_alone_whatever_the_umask() {
    let mut world = World::prepared(Setup::default());
    for made in ["data", "heads", "log.key", "log.key.ml-dsa-44"] {
        std::fs::rename(world.path(made), world.path(&format!("{made}.first"))).unwrap();
    }
    let config = world.path("log.toml").display().to_string();
    run_open("ishibumi-log", &["--config", &config, "init"]);
    for made in ["data", "heads", "log.key", "log.key.ml-dsa-44"] {
        assert_private(&world.path(made));
        // The log that the world knows.
        let made = world.path(made);
        if made.is_dir() {
            std::fs::remove_dir_all(&made).unwrap();
        }
        let first = PathBuf::from(format!("{}.first", made.display()));
        std::fs::rename(first, &made).unwrap();
    }
    let dir = world.path("open-witness");
    let shown = dir.display().to_string();
    run_open(
        "ishibumi-witness",
        &["init", "--dir", &shown, "--name", "open.example"],
    );
    assert_private(&dir);

    // Files that an older version left open are closed by the next start, and files that a running
    // log makes are private.
    std::fs::set_permissions(world.path("data"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let heads = std::fs::read_dir(world.path("heads")).unwrap();
    for head in heads {
        let head = head.unwrap().path();
        std::fs::set_permissions(head, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let script = "umask 0; ulimit -c unlimited; exec \"$0\" \"$@\"";
    let log = world.start_log_through("sh", &["-c", script]).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", log.id())).unwrap();
    let cores = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let cores: Vec<&str> = cores.unwrap().split_whitespace().collect();
    assert_eq!(cores[4..6], ["0", "0"], "{limits}");
    world.log = Some(log);
    world.put(b"a record");
    assert_private(&world.path("data"));
    assert_private(&world.path("heads"));
    world.stop_log();
    // An export is for others.
    let out = world.path("export").display().to_string();
    world.operate(&["export", "--out", &out]).done();
    assert_ne!(mode(Path::new(&out)) & 0o055, 0);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let mut world = World::prepared(Setup::default());
    for key in ["log.key", "log.key.ml-dsa-44"] {
        for wrong in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(world.path(key), std::fs::Permissions::from_mode(wrong))
                .unwrap();
            let refused = world.operate(&["serve"]);
            refused.refused(1, &[key, &format!("mode {wrong:04o}"), "chmod 600"]);
        }
        std::fs::set_permissions(world.path(key), std::fs::Permissions::from_mode(0o400)).unwrap();
    }
    // The control: both are private again.
    world.start_log();
    eventually("a start", || {
        (world.get("/healthz").status == 200).then_some(())
    });
}
