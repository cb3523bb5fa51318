//! `submit`, `evidence get` and `audit` over real sockets, against a log that is as small as one
//! can be: it admits, signs and cosigns at once, and answers busy or late when told to.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex};

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use ishibumi_artifact::{Anchors, ArtifactType, admit};
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::TilePath;
use ishibumi_wire::{Admitted, Limits, Reply, Service, reply, serve};
use tokio::runtime::Runtime;

const TOKEN: &str = "Bearer let-me-in";

/// What the server does instead of answering as it should, once.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Asks to come again in so many seconds.
    Busy(u32),
    Staged,
    Lies,
    Refuses,
}

struct Server {
    log: Mutex<Log>,
    moods: Mutex<VecDeque<Mood>>,
    anchors: Anchors,
    time: u64,
}

impl Server {
    fn mood(&self) -> Option<Mood> {
        self.moods.lock().unwrap().pop_front()
    }

    fn proof(&self, leaf: Hash) -> Reply {
        let log = self.log.lock().unwrap();
        match log.index_of(leaf) {
            Some(index) => text(log.proof(index, &[self.time; 2])),
            None => problem(StatusCode::NOT_FOUND, "unknown-leaf", "no such record"),
        }
    }

    fn submit(&self, head: &Parts, body: &Bytes) -> Reply {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        if header("authorization") != Some(TOKEN) {
            return problem(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "the bearer token is not known",
            );
        }
        let kind = ArtifactType::from_media_type(header("content-type").unwrap()).unwrap();
        let mood = self.mood();
        if let Some(Mood::Busy(seconds)) = mood {
            let mut answer = problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "the pool is full");
            answer
                .headers_mut()
                .insert("retry-after", HeaderValue::from(seconds));
            return answer;
        }
        if mood == Some(Mood::Refuses) {
            return problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                "ess-missing",
                "no ESS attribute",
            );
        }
        let admitted = admit(kind, body, &self.anchors).unwrap();
        let leaf = leaf_hash(&admitted.record().encode());
        let mut log = self.log.lock().unwrap();
        if log.index_of(leaf).is_none() {
            log.submit(kind, body, &self.anchors);
        }
        let index = log.index_of(leaf).unwrap();
        let durable = head.uri.query() == Some("wait=durable");
        if mood == Some(Mood::Lies) {
            return text(log.proof(0, &[self.time; 2]));
        }
        drop(log);
        if mood == Some(Mood::Staged) || durable {
            let leaf = leaf.to_hex();
            let body = format!(r#"{{"index":{index},"leaf":"{leaf}","proof":"/v1/proof/{leaf}"}}"#);
            return reply(StatusCode::ACCEPTED, "application/json", body);
        }
        self.proof(leaf)
    }

    /// The index of a leaf; of a liar, that of the opening statement.
    fn lookup(&self, leaf: &str) -> Reply {
        let log = self.log.lock().unwrap();
        let found = Hash::from_hex(leaf).and_then(|leaf| log.index_of(leaf));
        let indices: Vec<u64> = match self.mood() {
            Some(Mood::Lies) => vec![0],
            Some(Mood::Staged) => vec![log.size()],
            _ => found.into_iter().collect(),
        };
        let body = format!(r#"{{"indices":{indices:?},"next":null}}"#);
        reply(StatusCode::OK, "application/json", body)
    }

    fn read(&self, path: &str) -> Reply {
        let log = self.log.lock().unwrap();
        if path == "checkpoint" {
            return text(log.note(log.size(), &[self.time; 3]).encode());
        }
        match TilePath::parse(path) {
            Some(path) => reply(StatusCode::OK, "application/octet-stream", log.file(path)),
            None => problem(StatusCode::NOT_FOUND, "not-found", path),
        }
    }
}

fn text(body: String) -> Reply {
    reply(StatusCode::OK, "text/plain; charset=utf-8", body)
}

fn problem(status: StatusCode, name: &str, detail: &str) -> Reply {
    let body = format!(
        r#"{{"type":"urn:ishibumi:error:{name}","title":"{name}","status":{},"detail":"{detail}"}}"#,
        status.as_u16()
    );
    reply(status, "application/problem+json", body)
}

impl Service for Server {
    type Request = Parts;

    fn admit(&self, head: &Parts) -> Result<Admitted<Parts>, Reply> {
        Ok(Admitted::whole(head.clone(), 1 << 20))
    }

    async fn call(&self, head: Parts, body: Bytes) -> Reply {
        let path = head.uri.path().trim_start_matches('/').to_owned();
        match (&head.method, path.as_str()) {
            (&Method::POST, "v1/submit") => self.submit(&head, &body),
            (_, path) => match path.split_once("/leaf/") {
                Some(("v1/lookup", leaf)) => self.lookup(leaf),
                _ => match path.strip_prefix("v1/proof/") {
                    Some(leaf) => self.proof(Hash::from_hex(leaf).unwrap()),
                    None => self.read(path),
                },
            },
        }
    }
}

/// A log that listens, and a folder with tokens, anchors, policy and bearer token.
struct Scene {
    pki: Pki,
    server: Arc<Server>,
    url: String,
    _runtime: Runtime,
}

impl Scene {
    fn new(moods: &[Mood]) -> Self {
        let pki = Pki::new();
        for n in 0..4 {
            pki.stamp(&format!("d{n}"), &format!("document {n}\n"));
        }
        let log = Log::new();
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        fs::write(pki.path("token.txt"), "let-me-in\n").unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let server = Arc::new(Server {
            log: Mutex::new(log),
            moods: Mutex::new(moods.iter().copied().collect()),
            anchors: pki.anchors(),
            time: now.as_secs() + 5,
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(
            listener,
            Arc::clone(&server),
            Limits::default(),
            std::future::pending(),
        ));
        Self {
            pki,
            server,
            url,
            _runtime: runtime,
        }
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(
            self.pki.folder(),
            &format!(
                "--json {}",
                line.replace("LOG", &format!("--log {}", self.url))
            ),
        )
    }

    fn verify(&self, artifact: &str) {
        self.run(&format!(
            "verify --without-revocation --policy policy.txt --anchors anchors {artifact}"
        ))
        .expect(0);
    }
}

#[test]
fn what_is_submitted_comes_back_proven() {
    let scene = Scene::new(&[Mood::Busy(1), Mood::Staged]);
    let line = "submit LOG --token-file token.txt --policy policy.txt --anchors anchors";
    let json = scene
        .run(&format!("{line} d0.tst d1.tst d2.tsr seal.crt"))
        .expect(0)
        .json();
    assert_eq!(json["submitted"], 4);
    for (place, file) in ["d0.tst", "d1.tst", "d2.tsr", "seal.crt"]
        .iter()
        .enumerate()
    {
        assert_eq!(json["files"][place]["file"], *file);
        assert_eq!(json["files"][place]["verified"], true);
        scene.verify(file);
    }
    // Again, into another folder: the same records.
    let size = scene.server.log.lock().unwrap().size();
    let again = scene
        .run(&format!("{line} --out proofs d0.tst"))
        .expect(0)
        .json();
    assert_eq!(again["files"][0]["index"], json["files"][0]["index"]);
    assert_eq!(scene.server.log.lock().unwrap().size(), size);
    scene.verify("d0.tst proofs/d0.tst.tlog-proof");

    // Everything that was submitted is in a log that holds what it signed.
    let audit = scene
        .run(&format!(
            "audit --policy policy.txt --state seen {}",
            scene.url
        ))
        .expect(0)
        .json();
    assert_eq!(audit["kinds"]["timestamp-token"], 3);
    assert_eq!(audit["tree_size"], size);
}

#[test]
fn durable_now_and_proof_later() {
    let scene = Scene::new(&[]);
    let line = "submit LOG --token-file token.txt --wait durable d0.tst";
    let json = scene.run(line).expect(0).json();
    assert!(json["files"][0]["leaf"].is_string());
    assert!(!scene.pki.path("d0.tst.tlog-proof").exists());
    let get = "evidence get LOG --anchors anchors --policy policy.txt";
    let got = scene.run(&format!("{get} d0.tst")).expect(0).json();
    assert_eq!(got["leaf"], json["files"][0]["leaf"]);
    scene.verify("d0.tst");
    // The reply has the same record; another token was never submitted.
    scene
        .run(&format!("{get} --out reply.proof d0.tsr"))
        .expect(0);
    scene.verify("d0.tsr reply.proof");
    let unknown = scene.run(&format!("{get} d3.tst")).expect(3);
    assert!(
        unknown.stderr.contains("unknown-leaf"),
        "{}",
        unknown.stderr
    );
}

/// Results and refusals for people in Japan, over the network.
#[test]
fn what_a_log_answers_is_told_in_japanese() {
    let scene = Scene::new(&[]);
    let run = |line: &str| {
        let line = line.replace("LOG", &format!("--log {}", scene.url));
        ishibumi(scene.pki.folder(), &format!("--lang ja {line}"))
    };
    let submit = "submit LOG --token-file token.txt";
    let said = run(&format!("{submit} d0.tst")).expect(0).stdout;
    assert!(
        said.contains("d0.tst：記録") && said.contains("未検証"),
        "{said}"
    );
    let said = run(&format!("{submit} --wait durable d1.tst")).expect(0);
    assert!(said.stdout.contains("証明は後から"), "{}", said.stdout);
    let get = "evidence get LOG --anchors anchors --policy policy.txt";
    let said = run(&format!("{get} d1.tst")).expect(0).stdout;
    assert!(
        said.contains("d1.tst：記録") && said.contains("検証済み"),
        "{said}"
    );
    let said = run(&format!("{get} d2.tst")).expect(3).stderr;
    assert!(
        said.contains("ログが拒否しました") && said.contains("提出するか"),
        "{said}"
    );
    let said = run(&format!("{get} d1.tst d2.tst")).expect(3).stdout;
    assert!(
        said.contains("2 件中 1 件") && said.contains("提出するか"),
        "{said}"
    );
    let said = run("submit LOG d3.tst").expect(2).stdout;
    assert!(said.contains("--token-file で指定"), "{said}");
    // The control: in English nothing of it is Japanese.
    let english = get.replace("LOG", &format!("--log {}", scene.url));
    let english = format!("--lang en {english} d2.tst");
    let said = ishibumi(scene.pki.folder(), &english).expect(3).stderr;
    assert!(said.is_ascii(), "{said}");
}

#[test]
fn what_a_lookup_names_is_believed_when_it_is_proven() {
    let scene = Scene::new(&[]);
    // Beyond one tile, so that the proof has a level of its own.
    scene.server.log.lock().unwrap().grow(300);
    let json = scene
        .run("submit LOG --token-file token.txt --wait durable d0.tst")
        .expect(0)
        .json();
    scene.server.log.lock().unwrap().grow(700);
    let leaf = json["files"][0]["leaf"].as_str().unwrap();
    let find = format!("find LOG --policy policy.txt leaf {leaf}");
    let found = scene.run(&find).expect(0).json();
    assert_eq!(found["records"][0]["index"], json["files"][0]["index"]);
    assert_eq!(found["records"][0]["kind"], "timestamp-token");
    assert_eq!(found["tree_size"], 700);

    // A false answer may be a cache's, so it is asked for twice; once is forgiven, twice is not.
    let moods = |moods: &[Mood]| scene.server.moods.lock().unwrap().extend(moods);
    moods(&[Mood::Lies]);
    scene.run(&find).expect(0);
    moods(&[Mood::Lies; 2]);
    let said = scene.run(&find).expect(1).stdout;
    assert!(said.contains("not what was looked for"), "{said}");
    moods(&[Mood::Staged; 2]);
    scene.run(&find).expect(1);
    let unknown = "0".repeat(64);
    scene.run(&find.replace(leaf, &unknown)).expect(3);
    scene.run(&find.replace(leaf, "ABC")).expect(2);
    scene.run(&find).expect(0);
}

#[test]
fn refusals_are_told_and_nothing_false_is_written() {
    let scene = Scene::new(&[]);
    let with = "submit LOG --token-file token.txt --policy policy.txt --anchors anchors d0.tst";
    let said = scene.run("submit LOG d0.tst").expect(2).stdout;
    assert!(
        said.contains("unauthorized") && said.contains("--token-file"),
        "{said}"
    );

    scene
        .server
        .moods
        .lock()
        .unwrap()
        .extend([Mood::Refuses, Mood::Lies]);
    let said = scene.run(with).expect(1).stdout;
    assert!(said.contains("urn:ishibumi:error:ess-missing"), "{said}");
    let said = scene.run(with).expect(1).stdout;
    assert!(said.contains("does not prove this artifact"), "{said}");
    assert!(!scene.pki.path("d0.tst.tlog-proof").exists());

    // A client that is to come again after its time is over does not wait for that.
    scene.server.moods.lock().unwrap().push_back(Mood::Busy(30));
    let said = scene
        .run(&with.replace("LOG", "LOG --timeout 25"))
        .expect(3)
        .stdout;
    assert!(said.contains("busy"), "{said}");
    scene.run(with).expect(0);

    fs::write(scene.pki.path("noise.tst"), "noise").unwrap();
    let json = scene
        .run("submit LOG --token-file token.txt noise.tst d1.tst absent.tst")
        .expect(3)
        .json();
    assert_eq!(json["submitted"], 1);
    assert!(scene.pki.path("d1.tst.tlog-proof").exists());
    scene.run("submit --log ftp://x d0.tst").expect(2);
    let silent = scene
        .run("submit --log http://127.0.0.1:9 --timeout 1 d0.tst")
        .expect(3);
    assert!(silent.stdout.contains("127.0.0.1:9"), "{}", silent.stdout);
}
