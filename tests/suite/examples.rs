//! The configuration and the policy that the pages give as examples run: with an operator's own
//! paths and keys in the places where the files say so, and nothing else changed.

use std::fs;
use std::process::Command;

use ishibumi_tests::artifacts::Artifacts;
use ishibumi_tests::http;
use ishibumi_tests::process::{Running, program, run};
use ishibumi_tlog::Policy;

const LOG: &str = include_str!("../../docs/examples/log.toml");
const POLICY: &str = include_str!("../../docs/examples/policy.txt");

#[test]
fn the_example_of_a_log_is_made_and_serves() {
    let made = Artifacts::new();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for anchor in ["north-root.pem", "west-root.pem", "east-root.pem"] {
        let one = if anchor.starts_with("east") {
            "stranger.crt"
        } else {
            "root.crt"
        };
        fs::copy(made.path(one), at(anchor)).unwrap();
    }
    let here = folder.path().display();
    let config = LOG
        .replace("/var/lib/", &format!("{here}/"))
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:8081", "127.0.0.1:0");
    fs::create_dir(at("ishibumi")).unwrap();
    fs::write(at("log.toml"), config).unwrap();
    let config = at("log.toml").display().to_string();
    let init = run("ishibumi-log", ["--config", &config, "--json", "init"]).done();
    let init: serde_json::Value = serde_json::from_str(&init).unwrap();

    // As the file says: the lines of this log instead of the example's, whose private keys do not
    // exist.
    let own = init["vkeys"].as_array().unwrap().iter();
    let mut policy = String::new();
    for key in own {
        policy.extend(["log ", key.as_str().unwrap(), "\n"]);
    }
    for line in POLICY.lines().filter(|line| !line.starts_with("log ")) {
        policy.extend([line, "\n"]);
    }
    fs::write(at("policy.txt"), policy).unwrap();
    let log =
        Running::start(Command::new(program("ishibumi-log")).args(["--config", &config, "serve"]));
    let log = log.unwrap_or_else(|ended| panic!("{ended:?}"));
    let _ = http::get(&log.url, "/healthz").unwrap().expect(200);
    assert_eq!(log.terminate().code, 0);

    // The control: a line that is none ends it, named.
    fs::write(at("log.toml"), format!("{LOG}\nlisten_on = 1\n")).unwrap();
    run("ishibumi-log", ["--config", &config, "serve"]).refused(1, &["listen_on"]);
}

#[test]
fn the_example_of_a_policy_says_what_it_says() {
    let policy = Policy::parse(POLICY.as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (2, 6));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.txt");
    fs::write(&path, POLICY).unwrap();
    let path = path.display().to_string();
    assert_eq!(run("ishibumi", ["policy", "check", &path]).code, 0);
    assert_eq!(
        run("ishibumi", ["policy", "explain", "--post-quantum", &path]).code,
        0
    );
}
