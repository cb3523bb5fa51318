//! The libraries' examples do what they say, with a real log: programmers who embed one begin
//! there.

use std::fs;
use std::process::{Command, Stdio};

use ishibumi_tests::artifacts::{Artifacts, CRL};
use ishibumi_tests::process::{Ended, Running, eventually, example, run};
use ishibumi_tests::world::{Setup, World};

fn run_example(name: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(example(name));
    let output = command.args(arguments).stdin(Stdio::null()).output();
    output.unwrap().into()
}

#[test]
fn a_token_is_submitted_audited_and_verified() {
    let made = Artifacts::new();
    let world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let path = |name: &str| world.path(name).display().to_string();
    fs::write(path("bearer"), world.token("north")).unwrap();
    fs::write(path("will.tst"), made.token("tsa-one", b"a will")).unwrap();
    fs::write(path("will.txt"), "a will").unwrap();
    fs::write(path("policy.txt"), world.policy_text()).unwrap();
    let (url, token) = (world.url(), path("will.tst"));
    let _ = run_example("submit", &[url, &path("bearer"), &token]).done();

    let list = made.crl("issuing");
    let _ = world.submit("north", CRL, "", &list).expect(200);
    let held = run_example("audit", &[url, &path("policy.txt")]).done();
    assert!(
        held.contains(&format!("holds the {} records", world.size())),
        "{held}"
    );

    fs::write(path("issuing.crl"), list).unwrap();
    let (policy, anchor) = (path("policy.txt"), made.path("issuing.crt"));
    let (proof, document) = (path("will.tst.tlog-proof"), path("will.txt"));
    let terms = [&policy, anchor.to_str().unwrap(), &token, &proof, &document];
    let list = path("issuing.crl");
    let with_list = [&terms[..], &[&list]].concat();
    let said = run_example("verify_token", &with_list).done();
    assert!(said.starts_with("existed before "), "{said}");
    // The controls: without a list, and with another document.
    let without = run_example("verify_token", &terms);
    assert_eq!(without.code, 1);
    assert!(without.out.starts_with("INDETERMINATE"), "{}", without.out);
    fs::write(&document, "another will").unwrap();
    let changed = run_example("verify_token", &with_list);
    assert!(changed.out.starts_with("TOTAL-FAILED"), "{}", changed.out);
}

#[test]
fn a_witness_made_of_the_library_cosigns() {
    let mut world = World::prepared(Setup::default());
    let dir = world.path("example").display().to_string();
    let name = "example.witness.example";
    let mut command = Command::new(example("witness"));
    let started = Running::start(command.args([&dir, name, world.vkey()]));
    let running = started.unwrap_or_else(|ended| panic!("{ended:?}"));
    let keys = run("ishibumi-witness", ["vkey", "--dir", &dir]).done();
    let start = keys.find(name).unwrap();
    let vkey = keys[start..].split_whitespace().next().unwrap();
    world.add_foreign_witness(vkey, &running.url);
    world.start_log();
    eventually("the example's cosignature", || {
        let checkpoint = world.get("/checkpoint");
        let text = String::from_utf8_lossy(&checkpoint.body).into_owned();
        text.contains(&format!("\u{2014} {name} ")).then_some(())
    });
}
