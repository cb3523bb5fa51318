//! The operator's view and means beside the log: that the quorum is gone, what is wrong with a
//! witness, who may write to the admin listener, and signals.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use ishibumi_tests::http::{self, exchange, head_to};
use ishibumi_tests::process::{Running, eventually, program, run};
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::protocol::{AddCheckpoint, encode_signatures};
use serde_json::Value;

const RECORD: &str = "application/vnd.ishibumi.record";

/// A figure of the log without labels, as it is printed.
fn metric(world: &World, name: &str) -> String {
    let text = http::get(&world.running().admin_url, "/metrics")
        .unwrap()
        .text();
    let name = format!("ishibumi_log_{name} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
}

#[test]
fn the_loss_of_the_quorum_is_told_and_so_is_its_return() {
    let mut world = World::new(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 200\nwitness_deadline_ms = 1500\nquorum_alarm_ms = 4000\n",
        ..Setup::default()
    });
    world.put(b"before");
    eventually("nothing to wait", || {
        (metric(&world, "pending_records") == "0").then_some(())
    });
    assert_eq!(metric(&world, "quorum"), "1");
    assert_eq!(metric(&world, "accepting"), "1");
    let _ = world.get("/readyz").expect(200);

    world.kill_witness(0);
    world.kill_witness(2);
    for number in 0..3 {
        let octets = format!("late {number}");
        let _ = world
            .submit("lab", OPAQUE, "", octets.as_bytes())
            .expect(202);
    }
    eventually("the loss to be counted", || {
        (metric(&world, "quorum") == "0").then_some(())
    });
    assert_eq!(metric(&world, "pending_records"), "3");
    assert_eq!(world.status("pending_records"), 3);
    assert_eq!(world.status("quorum"), false);
    let seconds = || -> f64 {
        metric(&world, "oldest_unpublished_seconds")
            .parse()
            .unwrap()
    };
    let waited = seconds();
    eventually("time to pass", || (seconds() > waited + 0.3).then_some(()));
    // It lives, it takes, and after the configured time it is not ready.
    eventually("not to be ready", || {
        let ready = world.get("/readyz");
        (ready.status == 503).then(|| ready.expect_problem(503, "quorum-lost"))
    });
    let _ = world.get("/healthz").expect(200);
    let _ = world
        .submit("lab", OPAQUE, "?wait=durable", b"late 3")
        .expect(202);

    world.start_witness(0);
    world.proven(&opaque_record(b"late 3"));
    eventually("to be ready", || {
        (world.get("/readyz").status == 200).then_some(())
    });
    eventually("the return to be counted", || {
        (metric(&world, "quorum") == "1").then_some(())
    });
    assert_eq!(metric(&world, "pending_records"), "0");
    assert_eq!(metric(&world, "oldest_unpublished_seconds"), "0");
    let said = world.log.take().unwrap().terminate();
    assert_eq!(said.code, 0, "{}", said.err);
    for words in [
        "QUORUM LOST",
        "wait for it",
        "witness1.example",
        "witness3.example",
        "QUORUM BACK after",
    ] {
        assert!(said.err.contains(words), "{words:?} is not in {}", said.err);
    }
    // Once each, not at every request.
    assert_eq!(said.err.matches("QUORUM LOST").count(), 1, "{}", said.err);
    assert_eq!(said.err.matches("QUORUM BACK").count(), 1, "{}", said.err);
}

fn check(world: &World) -> (i32, Value) {
    let ended = world.operate(&["check", "--json"]);
    let said = serde_json::from_str(&ended.out);
    (
        ended.code,
        said.unwrap_or_else(|error| panic!("{error}: {ended:?}")),
    )
}

/// Faults of the witness or mirror of this name.
fn problems(said: &Value, name: &str) -> String {
    let all = said["witnesses"].as_array().unwrap();
    let found = all.iter().find(|witness| witness["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {said}"))["problems"].to_string()
}

/// Has the policy say something else.
fn with_policy(world: &World, change: impl Fn(String) -> String) {
    let text = world.policy_text();
    let changed = change(text.clone());
    assert_ne!(text, changed);
    std::fs::write(world.path("policy.txt"), changed).unwrap();
}

#[test]
fn a_check_names_what_is_wrong_with_each_witness_and_mirror() {
    let mut world = World::new(Setup {
        mirrors: 1,
        config: "[sequencing]\nwitness_deadline_ms = 1000",
        ..Setup::default()
    });
    world.put(b"first");
    // The public address, so that the running log can be read.
    let listen = world.url().replace("http://", "");
    world.reconfigure(|config| drop(config.insert("listen".into(), listen.into())));
    let (code, said) = check(&world);
    assert_eq!((code, &said["well"]), (0, &true.into()), "{said}");
    assert_eq!(said["witnesses"].as_array().unwrap().len(), 4);
    assert!(
        said["witnesses"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["cosigned"] == true),
        "{said}"
    );
    let text = world.operate(&["check"]).done();
    assert_eq!(text.matches("ok     ").count(), 4, "{text}");

    // No server there; a server that is no witness; another witness's key.
    world.kill_witness(0);
    let stranger = listener(|_| (200, "<html>welcome</html>".to_owned()));
    let (second, third) = (
        world.witnesses[1].address.clone(),
        world.witnesses[2].vkeys[0].clone(),
    );
    let foreign =
        NoteSigner::from_seed("witness3.example", SignatureType::CosignatureV1, &[9; 32]).unwrap();
    let foreign = foreign.verifier().to_string();
    with_policy(&world, |text| {
        let text = text.replace(&format!("http://{second}"), &stranger);
        text.replace(&third, &foreign)
    });
    let (code, said) = check(&world);
    assert_eq!((code, &said["quorum"]), (1, &false.into()), "{said}");
    assert!(
        problems(&said, "witness1.example").contains("nobody answers"),
        "{said}"
    );
    let strange = problems(&said, "witness2.example");
    assert!(
        strange.contains("no witness") || strange.contains("does not cosign"),
        "{said}"
    );
    let other = problems(&said, "witness3.example");
    assert!(
        other.contains("no cosignature by the key witness3.example+"),
        "{said}"
    );
    assert!(other.contains("it signs as witness3.example+"), "{said}");
    assert_eq!(problems(&said, "mirror1.example"), "[]");
    let ended = world.operate(&["check"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.out.contains("WRONG  witness witness1.example") && ended.out.contains("NO QUORUM"),
        "{}",
        ended.out
    );
    world.start_witness(0);

    // Two lines with one URL; a mirror that is not in `mirrors`, and a witness that is.
    let first = world.witnesses[0].address.clone();
    with_policy(&world, |text| text.replace(&second, &first));
    let (code, said) = check(&world);
    assert_eq!(code, 1);
    let config = said["problems"].to_string();
    assert!(
        config.contains("witness1.example and witness2.example have one URL"),
        "{said}"
    );
    with_policy(&world, |text| text + "\n");
    world.reconfigure(|config| {
        let names = vec!["w0-ed25519", "w0-ml-dsa-44"];
        drop(config.insert("mirrors".into(), names.into()));
    });
    let (code, said) = check(&world);
    assert_eq!(code, 1);
    assert!(
        problems(&said, "mirror1.example").contains("is not in `mirrors`"),
        "{said}"
    );
    assert!(
        problems(&said, "witness1.example").contains("take witness1.example out of `mirrors`"),
        "{said}"
    );
}

#[test]
fn a_check_needs_no_running_log_and_names_clocks_and_strangers() {
    let mut world = World::prepared(Setup {
        witnesses: 1,
        quorum: 1,
        config: "[sequencing]\nwitness_deadline_ms = 1000",
        ..Setup::default()
    });
    // Before the first start there is no signed head to be shown.
    let (code, said) = check(&world);
    assert_eq!((code, &said["shown_size"]), (0, &Value::Null), "{said}");
    world.start_log();
    world.put(b"first");
    world.stop_log();
    let (code, said) = check(&world);
    assert_eq!((code, &said["shown_size"]), (0, &3.into()), "{said}");

    // One whose clock is wrong, and one that never heard of this log.
    for (seed, off, words) in [(6, 500, "ahead of"), (7, -500, "behind")] {
        let name = format!("clock{}.example", off + 1000);
        let key = NoteSigner::from_seed(&name, SignatureType::CosignatureV1, &[seed; 32]).unwrap();
        let cosigner = Cosigner::new(key).unwrap();
        let vkey = cosigner.verifier().to_string();
        let url = listener(move |body| match AddCheckpoint::parse(body) {
            Ok(request) => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap()
                    .as_secs();
                let line = cosigner.cosign(&request.checkpoint, now.saturating_add_signed(off));
                (200, encode_signatures(&[line.unwrap()]))
            }
            Err(error) => (400, error.to_string()),
        });
        world.add_foreign_witness(&vkey, &url);
        let (code, said) = check(&world);
        assert_eq!((code, &said["quorum"]), (1, &true.into()), "{said}");
        assert!(problems(&said, &name).contains(words), "{said}");
    }
    // A witness's answer is shown, and neither obeyed nor taken for a line of ours.
    let key = NoteSigner::from_seed("evil.example", SignatureType::CosignatureV1, &[8; 32]);
    let vkey = key.unwrap().verifier().to_string();
    let said = "\u{1b}[2Jnothing\nok     witness forged.example\u{202e}";
    let url = listener(move |_| (422, said.to_owned()));
    world.add_foreign_witness(&vkey, &url);
    for form in [&["check"][..], &["check", "--json"]] {
        let out = world.operate(form).out;
        assert!(out.contains("evil.example") && out.contains("forged.example"));
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
        let forged = |line: &str| line.starts_with("ok     witness forged");
        assert!(!out.lines().any(forged), "{out:?}");
    }

    let dir = world.path("stranger").display().to_string();
    let made = run(
        "ishibumi-witness",
        [
            "init",
            "--json",
            "--dir",
            &dir,
            "--name",
            "stranger.example",
        ],
    )
    .done();
    let made: Value = serde_json::from_str(&made).unwrap();
    let mut command = Command::new(program("ishibumi-witness"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--dir", &dir]);
    let running = Running::start(&mut command).unwrap();
    world.add_foreign_witness(made["vkeys"][0].as_str().unwrap(), &running.url);
    let (_, said) = check(&world);
    let unknown = problems(&said, "stranger.example");
    assert!(
        unknown.contains("does not know this log") && unknown.contains("add-log"),
        "{said}"
    );
    assert!(unknown.contains(&world.vkey().replace('"', "")), "{said}");
}

/// A server that answers every `POST` as `answer` says, and everything else with 404.
fn listener(answer: impl Fn(&[u8]) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let mut reader = BufReader::new(&stream);
            let (mut length, mut post, mut line) = (0, false, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                post |= line.starts_with("POST");
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let (status, text) = if post {
                answer(&body)
            } else {
                (404, String::new())
            };
            let length = text.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
            );
            // The client may be gone.
            let _ = stream.write_all(&[head.as_bytes(), text.as_bytes()].concat());
        }
    });
    url
}

/// Writing takes what only the log's own user can read; and a page that was made to name this
/// address by a name of its own gets nothing at all.
#[test]
fn the_admin_listener_knows_who_writes_and_by_what_name_it_is_called() {
    let world = World::new(Setup {
        config: "admin_hosts = [\"log1.internal\"]",
        ..Setup::default()
    });
    world.put(b"first");
    let admin = world.running().admin_url.clone();
    let address = admin.replace("http://", "");
    let port = address.rsplit(':').next().unwrap();
    let closing = ["--date", "2027-03-31", "--reason", "x"];
    let ask = |method: &str, path: &str, host: &str, more: &[(&str, &str)]| {
        let headers = [more, &[("content-length", "0"), ("content-type", RECORD)]].concat();
        exchange(&admin, head_to(host, method, path, &headers).as_bytes()).unwrap()
    };
    for host in [
        "evil.example",
        &format!("evil.example:{port}"),
        "127.0.0.1.evil.example",
        "",
        "a b",
    ] {
        for path in ["/metrics", "/status"] {
            let answer = ask("GET", path, host, &[]);
            assert!([400, 421].contains(&answer.status), "{host:?}: {answer}");
        }
        let answer = ask("POST", "/announce-closing", host, &[]);
        assert!([400, 421].contains(&answer.status), "{host:?}: {answer}");
    }
    ask("GET", "/status", "evil.example", &[]).expect_problem(421, "host-unknown");
    let own = format!("localhost:{port}");
    for host in [
        address.as_str(),
        &own,
        "[::1]",
        "192.0.2.7:1",
        "log1.internal",
        "LOG1.internal:9",
    ] {
        let _ = ask("GET", "/status", host, &[]).expect(200);
    }
    let twice = ask("GET", "/status", &address, &[("host", "evil.example")]);
    assert!([400, 421].contains(&twice.status), "{twice}");

    // Writing needs the credential of this run: none, or one of an earlier run, is refused.
    for more in [
        &[][..],
        &[("authorization", "Bearer ")],
        &[("authorization", "Bearer 0000")],
        &[("authorization", "Basic 0000")],
    ] {
        ask("POST", "/announce-closing", &address, more).expect_problem(401, "unauthorized");
    }
    let file = std::fs::read_dir(world.path("heads")).unwrap();
    let file = file.map(|entry| entry.unwrap().path());
    let file = file
        .filter(|path| path.extension().is_some_and(|it| it == "admin"))
        .last()
        .unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read_to_string(&file).unwrap();
    let bearer = format!("Bearer {}", before.trim());
    // It is let in, and told that nothing is no record.
    let answer = ask(
        "POST",
        "/announce-closing",
        &address,
        &[("authorization", &bearer)],
    );
    answer.expect_problem(400, "malformed-request");

    // The command finds it by itself.
    world.reconfigure(|config| drop(config.insert("admin_listen".into(), address.clone().into())));
    drop(
        world
            .operate(&[&["announce-closing"], &closing[..]].concat())
            .done(),
    );
    std::fs::write(&file, "0000\n").unwrap();
    let refused = world.operate(&[&["announce-closing"], &closing[..]].concat());
    refused.refused(1, &["401", "credential"]);
    std::fs::remove_file(&file).unwrap();
    let refused = world.operate(&[&["announce-closing"], &closing[..]].concat());
    refused.refused(1, &[".admin", "run this as its user"]);
}

/// The terminal was closed, or the operator expects a reload: requests in flight are finished.
#[test]
fn a_hangup_ends_the_log_in_order() {
    let mut world = World::new(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 3000\nwitness_deadline_ms = 400",
        ..Setup::default()
    });
    world.put(b"before");
    world.kill_witness(0);
    world.kill_witness(1);
    // One that waits for its proof.
    let (url, token) = (world.url().to_owned(), world.token("lab").to_owned());
    let waiting = std::thread::spawn(move || {
        ishibumi_tests::world::submit(&url, &token, OPAQUE, "", b"in flight")
    });
    eventually("it to be staged", || {
        (world.status("pending_records") == 1).then_some(())
    });
    let ended = world.log.take().unwrap().signal("HUP");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let answer = waiting.join().unwrap().unwrap();
    assert_eq!(answer.status, 202, "{answer}");
    world.start_witness(0);
    world.start_log();
    world.proven(&opaque_record(b"in flight"));
}
