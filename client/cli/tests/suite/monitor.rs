//! `ishibumi monitor`, the real binary over real sockets: a log, a mirror and a witness that are
//! served, lie, fall silent and fork, and a webhook that listens.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::{Log, ORIGIN};
use crate::support::pki::Pki;
use crate::support::site::{Site, listen};
use crate::support::{Ran, command, ishibumi};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi_artifact::ArtifactType;
use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::{Evidence, Verdict};
use ishibumi_wire::{Admitted, Reply, Service, reply};
use serde_json::Value;

/// Takes messages, or refuses so many of them first.
#[derive(Default)]
struct Webhook {
    refuses: Mutex<u32>,
    messages: Mutex<Vec<Value>>,
}

impl Service for Webhook {
    type Request = ();

    fn admit(&self, _: &Parts) -> Result<Admitted<()>, Reply> {
        Ok(Admitted::whole((), 1 << 20))
    }

    async fn call(&self, (): (), body: Bytes) -> Reply {
        let mut refuses = self.refuses.lock().unwrap();
        if *refuses > 0 {
            *refuses -= 1;
            return reply(StatusCode::BAD_GATEWAY, "text/plain", "not now\n");
        }
        let message = serde_json::from_slice(&body).unwrap();
        self.messages.lock().unwrap().push(message);
        reply(StatusCode::OK, "text/plain", "thank you\n")
    }
}

/// A log at `log`, its mirror at `mirror` and a witness at `witness`, all served and watched.
struct Scene {
    pki: Pki,
    log: Log,
    time: u64,
    mirror: Site,
    webhook: Arc<Webhook>,
    _others: (Site, Site, tokio::runtime::Runtime),
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        for name in ["d0", "d1"] {
            pki.stamp(name, name);
        }
        fs::create_dir(pki.path("own")).unwrap();
        fs::copy(pki.path("d0.tst"), pki.path("own/d0.tst")).unwrap();
        fs::copy(pki.path("tsa.crt"), pki.path("own/tsa.crt")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut log = Log::new();
        log.grow(300);
        log.submit(
            ArtifactType::TimestampToken,
            &pki.read("d0.tst"),
            &pki.anchors(),
        );
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        let [served, mirror, witness] =
            ["log", "mirror", "witness"].map(|name| Site::new(&pki.path(name)));
        let webhook = Arc::new(Webhook::default());
        let (hook, runtime) = listen(&webhook);
        let config = format!(
            "policy = \"policy.txt\"\nstate_dir = \"state\"\nmetrics_listen = \"127.0.0.1:0\"\n\
             interval_s = 1\n\
             [webhook]\nurl = \"http://{hook}/\"\nattempts = 2\n\
             [[log]]\norigin = \"{ORIGIN}\"\nfiles = [\"{}\", \"{}\"]\nwitnesses = [\"{}\"]\n\
             [log.records]\ntsu_certificates = [\"tsa.crt\"]\n\
             organizations = [\"NTRJP-8040001079502\"]\nown = [\"own\"]\nanchors = \"anchors\"\n\
             deadline_s = 0\n",
            served.url, mirror.url, witness.url
        );
        fs::write(pki.path("monitor.toml"), config).unwrap();
        let scene = Self {
            pki,
            log,
            time: now.as_secs(),
            mirror,
            webhook,
            _others: (served, witness, runtime),
        };
        scene.publish(&["log", "mirror", "witness"]);
        scene
    }

    /// Brings places up to date.
    fn publish(&self, places: &[&str]) {
        for place in places {
            if *place == "witness" {
                let folder = self
                    .pki
                    .path("witness")
                    .join(Hash::of(ORIGIN.as_bytes()).to_hex());
                fs::create_dir_all(&folder).unwrap();
                let note = self.log.note(self.log.size(), &[self.time; 1]).encode();
                fs::write(folder.join("checkpoint"), note).unwrap();
            } else {
                let folder = self.pki.path(place);
                self.log.publish(&folder, self.time);
                self.log.keep(&folder, self.log.size(), self.time);
            }
        }
    }

    fn once(&self) -> Ran {
        ishibumi(
            self.pki.folder(),
            "monitor --config monitor.toml --once --json",
        )
    }

    /// One round that has to end with `code` and these alarms.
    #[track_caller]
    fn expect(&self, code: i32, alarms: &[&str]) -> Value {
        let json = self.once().expect(code).json();
        let standing = json["logs"][0]["alarms"].as_array().unwrap();
        let kinds: Vec<&str> = standing
            .iter()
            .map(|alarm| alarm["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, alarms, "{json:#}");
        json
    }

    fn told(&self) -> Vec<Value> {
        std::mem::take(&mut *self.webhook.messages.lock().unwrap())
    }
}

#[test]
fn a_log_that_grows_everywhere_raises_nothing() {
    let mut scene = Scene::new();
    scene.expect(0, &[]);
    for size in [301, 512, 700, 1300] {
        scene.log.grow(size);
        scene.publish(&["log", "witness"]);
        scene.expect(0, &[]);
        scene.publish(&["mirror"]);
        let json = scene.expect(0, &[]);
        assert_eq!(json["logs"][0]["tree_size"], scene.log.size());
    }
    assert!(scene.told().is_empty());
}

#[test]
fn a_fork_shown_to_a_mirror_convicts_the_log() {
    let mut scene = Scene::new();
    scene.expect(0, &[]);
    let mut other = Log::new();
    other.grow(280);
    other.add_octets(scene.log.record(3).to_vec());
    other.grow(600);
    fs::remove_dir_all(scene.pki.path("mirror")).unwrap();
    other.publish(&scene.pki.path("mirror"), scene.time);
    *scene.webhook.refuses.lock().unwrap() = 1;
    let json = scene.expect(1, &["fork"]);
    let name = json["logs"][0]["alarms"][0]["particulars"]["evidence"]
        .as_str()
        .unwrap();
    let evidence = fs::read(scene.pki.path("state").join(name)).unwrap();
    let evidence = Evidence::parse(&evidence).unwrap();
    assert_eq!(
        evidence.check(&[scene.log.key()]),
        Ok(Verdict::Proven { key: 0 })
    );
    let told = scene.told();
    assert_eq!(told[0]["raised"][0]["kind"], "fork");
    assert_eq!(told[0]["log"], ORIGIN);
    // It does not go away, and is not reported twice.
    scene.log.grow(700);
    fs::remove_dir_all(scene.pki.path("mirror")).unwrap();
    scene.publish(&["log", "mirror", "witness"]);
    scene.expect(1, &["fork"]);
    assert!(scene.told().is_empty());
}

#[test]
fn rollback_silence_and_lies_are_told_apart() {
    let mut scene = Scene::new();
    scene.expect(0, &[]);
    let old = scene.log.size();
    scene.log.grow(400);
    scene.publish(&["log", "mirror", "witness"]);
    scene.expect(0, &[]);
    let note = scene.log.note(old, &[scene.time; 3]).encode().into_bytes();
    let stale = note.clone();
    // A cache on the way that is behind is no rollback, if it stands aside when it is asked to.
    scene.mirror.fault(move |head| {
        let past = head.headers.get("cache-control").is_some();
        (head.uri.path() == "/checkpoint" && !past).then(|| stale.clone())
    });
    scene.expect(0, &[]);
    scene
        .mirror
        .fault(move |head| (head.uri.path() == "/checkpoint").then(|| note.clone()));
    scene.expect(1, &["rollback"]);
    scene
        .mirror
        .fault(|head| (head.uri.path() == "/checkpoint").then(|| b"<html>".to_vec()));
    scene.expect(3, &["unreachable"]);
    scene.mirror.fault(|_| None);
    scene.expect(0, &[]);
    let cleared: Vec<Value> = scene
        .told()
        .iter()
        .map(|told| told["cleared"].clone())
        .collect();
    assert_eq!(cleared.len(), 3, "{cleared:?}");

    fs::remove_dir_all(scene.pki.path("witness")).unwrap();
    scene.expect(3, &["unreachable"]);
    // The webhook is silent as well: the message waits for the next round.
    scene.publish(&["witness"]);
    *scene.webhook.refuses.lock().unwrap() = u32::MAX;
    let json = scene.expect(3, &[]);
    assert!(
        json["webhook_failed"].as_str().unwrap().contains("502"),
        "{json}"
    );
}

#[test]
fn records_in_ones_name_and_missed_ones_are_found() {
    let mut scene = Scene::new();
    scene.expect(0, &[]);
    // A token of this unit is logged that its operator does not know.
    let token = ArtifactType::TimestampToken;
    let index = scene
        .log
        .submit(token, &scene.pki.read("d1.tst"), &scene.pki.anchors());
    scene.log.grow(700);
    scene.publish(&["log", "mirror", "witness"]);
    let json = scene.expect(1, &["unexpected-record"]);
    assert_eq!(json["logs"][0]["alarms"][0]["particulars"]["index"], index);
    fs::copy(scene.pki.path("d1.tst"), scene.pki.path("own/d1.tst")).unwrap();
    scene.expect(0, &[]);

    // An own certificate that is not in the log; the mirror then has it before the log answers.
    fs::copy(scene.pki.path("seal.crt"), scene.pki.path("own/seal.crt")).unwrap();
    let json = scene.expect(1, &["missed-record"]);
    let said = json["logs"][0]["alarms"][0]["en"].as_str().unwrap();
    assert!(said.contains("own/seal.crt"), "{said}");
    let seal = scene.pki.read("seal.crt");
    scene
        .log
        .submit(ArtifactType::Certificate, &seal, &scene.pki.anchors());
    scene.publish(&["mirror"]);
    scene.expect(0, &[]);

    // Entries that are not what the log signed are refused and read elsewhere.
    scene.log.grow(1100);
    scene.publish(&["log", "mirror", "witness"]);
    let bundle = scene.pki.path("log/tile/entries/003");
    let mut octets = fs::read(&bundle).unwrap();
    octets[9] ^= 1;
    fs::write(&bundle, octets).unwrap();
    scene.expect(1, &["false-answer"]);
    scene.expect(0, &[]);
}

#[test]
fn a_monitor_goes_on_counts_and_stops_when_told() {
    let mut scene = Scene::new();
    let mut child = command(scene.pki.folder())
        .args(["monitor", "--config", "monitor.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = said.next().unwrap().unwrap();
        if let Some(rest) = line.strip_prefix("ishibumi: metrics at http://") {
            break rest.trim_end_matches("/metrics").to_owned();
        }
    };
    let metrics = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let wait_for = |wanted: &str| {
        // Far more often than it can take; a monitor that never gets there shows what it has
        // instead.
        for _ in 0..2_400 {
            if metrics().contains(wanted) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{wanted}: {}", metrics());
    };
    let size = scene.log.size();
    wait_for(&format!(
        "ishibumi_monitor_tree_size{{log=\"t.example/log\"}} {size}"
    ));
    wait_for("ishibumi_monitor_alarms{kind=\"rollback\",log=\"t.example/log\"} 0");
    scene.log.grow(310);
    scene.publish(&["log"]);
    wait_for("ishibumi_monitor_tree_size{log=\"t.example/log\"} 310");
    let note = scene.log.note(5, &[scene.time; 3]).encode().into_bytes();
    scene
        .mirror
        .fault(move |head| (head.uri.path() == "/checkpoint").then(|| note.clone()));
    wait_for("ishibumi_monitor_alarms{kind=\"rollback\",log=\"t.example/log\"} 1");
    let pid = child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("ALARM rollback since"), "{text}");
}

#[test]
fn a_configuration_that_cannot_be_used_says_why() {
    let scene = Scene::new();
    let good = fs::read_to_string(scene.pki.path("monitor.toml")).unwrap();
    let with = |bad: &str| {
        fs::write(scene.pki.path("monitor.toml"), bad).unwrap();
        scene.once().expect(2).stdout
    };
    let said = with(&good.replace("interval_s", "interval"));
    assert!(said.contains("interval"), "{said}");
    let said = with(&good.replace("t.example/log", "u.example/log"));
    assert!(said.contains("no key of a log"), "{said}");
    let said = with(&good.replace("anchors = \"anchors\"\n", ""));
    assert!(said.contains("`anchors`"), "{said}");
    with("policy = \"policy.txt\"\nstate_dir = \"state\"\n");
    ishibumi(scene.pki.folder(), "monitor --config absent.toml --once").expect(3);
    fs::write(scene.pki.path("monitor.toml"), good).unwrap();
    scene.expect(0, &[]);
}
