//! Pipes under innocent names, and files without an end: nothing that reads foreign files waits for
//! the one, or takes the memory that the other would like.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::ArtifactType;

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Runs the binary, which is killed if it waits (exit code 124).
fn run(pki: &Pki, line: &str) -> (i32, String) {
    let output = Command::new("timeout")
        .arg("120")
        .arg(env!("CARGO_BIN_EXE_ishibumi"))
        .args(["--lang", "en"])
        .args(line.split_whitespace())
        .current_dir(pki.folder())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), text)
}

#[test]
fn no_command_waits_for_a_pipe() {
    let pki = Pki::new();
    pki.stamp("contract", "we agree\n");
    let mut log = Log::new();
    let token = pki.read("contract.tst");
    let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
    log.grow(9);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let proof = log.proof(index, &[now.as_secs() + 1_000_000; 3]);
    fs::write(pki.path("contract.tst.tlog-proof"), proof).unwrap();
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    log.publish(&pki.path("log"), now.as_secs());
    pipe(&pki.path("pipe"));
    for folder in ["lists", "trusted", "archive", "batch", "volumes"] {
        fs::create_dir_all(pki.path(folder)).unwrap();
    }
    pipe(&pki.path("lists/a.crl"));
    pipe(&pki.path("trusted/a.pem"));
    pipe(&pki.path("archive/checkpoint"));
    pipe(&pki.path("volumes/000.zip"));
    pipe(&pki.path("batch/a.tst"));
    pipe(&pki.path("batch/b.pdf"));
    let trust = "--policy policy.txt --anchors anchors";
    for line in [
        format!("verify --without-revocation {trust} pipe"),
        format!("verify --without-revocation {trust} contract.tst pipe"),
        format!("verify --without-revocation {trust} --document pipe contract.tst"),
        format!("verify --without-revocation {trust} --revocation pipe contract.tst"),
        format!("verify --without-revocation {trust} --checkpoint-token pipe contract.tst"),
        "verify --without-revocation --policy pipe --anchors anchors contract.tst".to_owned(),
        "verify --without-revocation --policy policy.txt --anchors pipe contract.tst".to_owned(),
        format!("verify --without-revocation {trust} --algorithms pipe contract.tst"),
        format!("evidence verify --without-revocation {trust} pipe"),
        "evidence show pipe".to_owned(),
        "evidence extract --out x pipe".to_owned(),
        "evidence embed --out x pipe contract.tst.tlog-proof".to_owned(),
        "evidence embed --out x contract.tst pipe".to_owned(),
        "evidence merge --out x pipe".to_owned(),
        format!("evidence pack --without-revocation {trust} --out x --document pipe contract.tst"),
        "audit --policy policy.txt archive".to_owned(),
        "audit --policy policy.txt volumes".to_owned(),
        "archive check --policy policy.txt --from archive".to_owned(),
        "policy check pipe".to_owned(),
        "fork verify --policy policy.txt pipe".to_owned(),
        "misissue verify --anchors anchors pipe".to_owned(),
        "proof verify --policy policy.txt --entry pipe contract.tst.tlog-proof".to_owned(),
        "monitor --config pipe --once".to_owned(),
    ] {
        let (code, said) = run(&pki, &line);
        assert!([1, 2, 3, 4].contains(&code), "{line}: exit {code}: {said}");
    }
    let (code, said) = run(&pki, &format!("verify --without-revocation {trust} pipe"));
    assert!(
        code == 3 && said.contains("a pipe, a socket or a device"),
        "{said}"
    );
    // In a folder of others it is passed over or named, and the rest is done.
    for line in [
        format!("verify --without-revocation {trust} --revocation lists contract.tst"),
        "audit --policy policy.txt log".to_owned(),
    ] {
        let (code, said) = run(&pki, &line);
        assert_eq!(code, 0, "{line}: {said}");
    }
    let batch = format!(
        "verify --without-revocation {trust} --batch batch --from 2020-01-01 --to 2099-12-31"
    );
    let (code, said) = run(&pki, &batch);
    assert_eq!(code, 3, "{said}");
}

/// Address space, in KiB, in which a command runs that reads nothing long: less than the longest
/// files that are read, 512 MiB and a GiB.
const ROOM_KIB: usize = 256 << 10;

#[test]
fn what_is_longer_than_any_of_its_kind_is_not_read() {
    let pki = Pki::new();
    pki.stamp("contract", "we agree\n");
    let log = Log::new();
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    fs::write(pki.path("proof.tlog-proof"), "rubbish").unwrap();
    // A hole: it has this length and takes no space.
    let long = fs::File::create(pki.path("long")).unwrap();
    long.set_len(8 << 30).unwrap();
    let run = |kib: usize, line: &str| {
        let script = format!("ulimit -v {kib}; exec \"$0\" --lang en {line}");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_ishibumi")])
            .current_dir(pki.folder())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let trust = "--policy policy.txt --anchors anchors";
    for line in [
        format!("verify --without-revocation {trust} long"),
        format!("verify --without-revocation {trust} contract.tst long"),
        format!("verify --without-revocation {trust} --checkpoint-token long contract.tst proof.tlog-proof"),
        format!("verify --without-revocation {trust} --algorithms long contract.tst proof.tlog-proof"),
        "verify --without-revocation --policy long --anchors anchors contract.tst proof.tlog-proof".to_owned(),
        "verify --without-revocation --policy policy.txt --anchors long contract.tst proof.tlog-proof".to_owned(),
        "evidence embed --out x contract.tst long".to_owned(),
        "policy check long".to_owned(),
        "fork verify --policy policy.txt long".to_owned(),
        "misissue verify --anchors anchors long".to_owned(),
        "monitor --config long --once".to_owned(),
        "evidence show long".to_owned(),
        "evidence extract --out x long".to_owned(),
        format!("evidence verify --without-revocation {trust} long"),
    ] {
        let (code, said) = run(ROOM_KIB, &line);
        assert!(
            [Some(2), Some(3), Some(4)].contains(&code) && said.contains("longer than"),
            "{line}: {code:?}: {said}"
        );
    }
    // The control: a file that is not too long is read, and does not fit.
    long.set_len(1 << 29).unwrap();
    let (code, said) = run(ROOM_KIB, "evidence show long");
    assert!(
        code.is_none() && !said.contains("longer than"),
        "{code:?}: {said}"
    );
}
