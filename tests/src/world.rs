//! A log, its witnesses and mirrors, each a process with a directory of its own under one temporary
//! one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tile::{decode_bundle, tile_width};
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};
use serde_json::Value;

use crate::http::{self, Answer};
use crate::oracle;
use crate::process::{Ended, Running, eventually, program, run};

/// The origin of every log here.
pub const ORIGIN: &str = "log.example/whole";
/// The media type of opaque records.
pub const OPAQUE: &str = "application/octet-stream";

/// Who may submit.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub id: &'static str,
    /// The kinds that it may submit.
    pub kinds: &'static [&'static str],
    /// Its anchors.
    pub anchors: Vec<PathBuf>,
}

/// The parts of a world.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// How many witnesses.
    pub witnesses: usize,
    /// How many of them have to cosign.
    pub quorum: usize,
    /// How many mirrors, all of which have to hold everything that is published.
    pub mirrors: usize,
    /// Providers beside `lab`, which submits opaque records.
    pub providers: Vec<Provider>,
    /// TOML that goes over the log's configuration.
    pub config: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            witnesses: 3,
            quorum: 2,
            mirrors: 0,
            providers: Vec::new(),
            config: "",
        }
    }
}

/// A witness or mirror: its directory, and its process while there is one.
#[derive(Debug)]
pub struct Witness {
    /// Where its keys and state are.
    pub dir: PathBuf,
    /// Its public keys.
    pub vkeys: Vec<String>,
    /// Where it listens; it comes back to the same address, which no other process takes meanwhile.
    pub address: String,
    mirror: bool,
    running: Option<Running>,
}

/// A log with its witnesses.
#[derive(Debug)]
pub struct World {
    dir: tempfile::TempDir,
    /// The witnesses.
    pub witnesses: Vec<Witness>,
    /// The mirrors.
    pub mirrors: Vec<Witness>,
    /// The log, while it runs.
    pub log: Option<Running>,
    quorum: usize,
    vkeys: Vec<String>,
    tokens: Vec<(String, String)>,
}

impl World {
    /// Makes log and witnesses and starts all of them.
    pub fn new(setup: Setup<'_>) -> Self {
        let mut world = Self::prepared(setup);
        world.start_log();
        world
    }

    /// Makes log and witnesses, and starts the witnesses but not the log.
    pub fn prepared(setup: Setup<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let lab = Provider {
            id: "lab",
            kinds: &["opaque"],
            anchors: Vec::new(),
        };
        let mut world = Self {
            dir,
            witnesses: Vec::new(),
            mirrors: Vec::new(),
            log: None,
            quorum: setup.quorum,
            vkeys: Vec::new(),
            tokens: Vec::new(),
        };
        let providers = [setup.providers, vec![lab]].concat();
        let config = world.configuration(&providers, setup.mirrors, setup.config);
        std::fs::write(world.path("log.toml"), config).expect("writes");
        let made = run("ishibumi-log", world.arguments(&["--json", "init"])).done();
        world.vkeys = texts(&made, "vkeys");
        for number in 1..=setup.witnesses {
            let witness = world.new_witness(&format!("w{number}"), &format!("witness{number}"));
            world.witnesses.push(witness);
            world.start_witness(number - 1);
        }
        for number in 1..=setup.mirrors {
            let mirror = world.new_mirror(&format!("m{number}"), &format!("mirror{number}"));
            world.mirrors.push(mirror);
            world.start_mirror(number - 1);
        }
        world.write_policy();
        world
    }

    fn configuration(&mut self, providers: &[Provider], mirrors: usize, over: &str) -> String {
        let mirrors: Vec<String> = (0..mirrors).flat_map(|m| key_names("m", m)).collect();
        let mut config: toml::Table = format!(
            "origin = \"{ORIGIN}\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\nkey_file = \"log.key\"\n\
             policy_file = \"policy.txt\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
             [sequencing]\nbatch_age_ms = 2\nkeep_interval_ms = 0\nquorum_deadline_ms = 60000\n\
             [lab]\naccept_opaque = true\n"
        )
        .parse()
        .expect("TOML");
        config.insert("mirrors".into(), mirrors.into());
        let mut tables = Vec::new();
        for provider in providers {
            let made = run("ishibumi-log", ["token", "--json"]).done();
            self.tokens
                .push((provider.id.to_owned(), field(&made, "token")));
            let mut table = toml::Table::new();
            let anchors = provider
                .anchors
                .iter()
                .map(|path| path.display().to_string());
            table.insert("id".into(), provider.id.into());
            table.insert("kinds".into(), provider.kinds.to_vec().into());
            table.insert("anchors".into(), anchors.collect::<Vec<_>>().into());
            let hash = field(&made, "token_sha256");
            table.insert("token_sha256".into(), vec![hash].into());
            tables.push(toml::Value::from(table));
        }
        config.insert("provider".into(), tables.into());
        for (key, value) in over.parse::<toml::Table>().expect("TOML") {
            match (config.get_mut(&key), value) {
                (Some(toml::Value::Table(under)), toml::Value::Table(over)) => under.extend(over),
                (_, value) => drop(config.insert(key, value)),
            }
        }
        config.to_string()
    }

    /// A path in the world's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The log's Ed25519 key, the first of its two.
    pub fn vkey(&self) -> &str {
        &self.vkeys[0]
    }

    /// The `log` lines of policies: one for each key of the log.
    pub fn log_lines(&self) -> String {
        let line = |lines: String, key: &String| format!("{lines}log {key}\n");
        self.vkeys.iter().fold(String::new(), line)
    }

    /// The text of the policy that all parties follow here. An operator is a group of keys, so that
    /// it counts once.
    pub fn policy_text(&self) -> String {
        let mut text = self.log_lines();
        let mut operators = |kind: &str, all: &[Witness]| {
            let names = all.iter().enumerate().map(|(number, witness)| {
                let (name, url) = (format!("{kind}{number}"), &witness.address);
                let keys = &key_names(kind, number)[..witness.vkeys.len()];
                for (key, vkey) in keys.iter().zip(&witness.vkeys) {
                    writeln!(text, "witness {key} {vkey} http://{url}").expect("memory");
                }
                writeln!(text, "group {name} any {}", keys.join(" ")).expect("memory");
                name
            });
            names.collect::<Vec<_>>().join(" ")
        };
        let witnesses = operators("w", &self.witnesses);
        let mirrors = operators("m", &self.mirrors);
        writeln!(text, "group g {} {witnesses}", self.quorum).expect("memory");
        if mirrors.is_empty() {
            return text + "quorum g\n";
        }
        format!("{text}group held all g {mirrors}\nquorum held\n")
    }

    fn write_policy(&self) {
        std::fs::write(self.path("policy.txt"), self.policy_text()).expect("writes");
    }

    /// The policy.
    pub fn policy(&self) -> Policy {
        let text = std::fs::read(self.path("policy.txt")).expect("reads");
        Policy::parse(&text).expect("the policy that the log follows")
    }

    /// Adds a witness that this world has no process of.
    pub fn add_foreign_witness(&mut self, vkey: &str, url: &str) {
        self.witnesses.push(Witness {
            dir: PathBuf::new(),
            vkeys: vec![vkey.to_owned()],
            address: url.trim_start_matches("http://").to_owned(),
            mirror: false,
            running: None,
        });
        self.write_policy();
    }

    /// Changes the configuration file.
    pub fn reconfigure(&self, change: impl FnOnce(&mut toml::Table)) {
        let text = std::fs::read_to_string(self.path("log.toml")).expect("reads");
        let mut config = text.parse().expect("TOML");
        change(&mut config);
        std::fs::write(self.path("log.toml"), config.to_string()).expect("writes");
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let config = self.path("log.toml").display().to_string();
        let fixed = ["--config".to_owned(), config];
        fixed
            .into_iter()
            .chain(more.iter().map(|word| (*word).to_owned()))
            .collect()
    }

    /// Runs a command of the log's operator.
    pub fn operate(&self, arguments: &[&str]) -> Ended {
        run("ishibumi-log", self.arguments(arguments))
    }

    /// Starts the log.
    pub fn start_log(&mut self) {
        let started = self.try_start_log();
        self.log = Some(started.unwrap_or_else(|ended| panic!("the log did not start: {ended:?}")));
    }

    /// Starts the log, or says how it ended instead.
    ///
    /// # Errors
    /// How the log ended, if it did before it listened.
    pub fn try_start_log(&self) -> Result<Running, Ended> {
        let mut command = Command::new(program("ishibumi-log"));
        Running::start(command.args(self.arguments(&["serve"])))
    }

    /// Starts the log through another program, which gets the log's path and arguments behind its
    /// own.
    ///
    /// # Errors
    /// How the program ended, if it did before the log listened.
    pub fn start_log_through(
        &self,
        program_name: &str,
        arguments: &[&str],
    ) -> Result<Running, Ended> {
        let mut command = Command::new(program_name);
        command.args(arguments).arg(program("ishibumi-log"));
        Running::start(command.args(self.arguments(&["serve"])))
    }

    /// The running log.
    pub fn running(&self) -> &Running {
        self.log.as_ref().expect("the log runs")
    }

    /// Where the log listens.
    pub fn url(&self) -> &str {
        &self.running().url
    }

    /// Kills the log with SIGKILL.
    pub fn kill_log(&mut self) {
        self.log.take().expect("the log runs").kill();
    }

    /// Stops the log as its operator does.
    pub fn stop_log(&mut self) {
        let ended = self.log.take().expect("the log runs").terminate();
        assert_eq!(ended.code, 0, "{}", ended.err);
    }

    /// Starts a witness again, at the address that it had.
    pub fn start_witness(&mut self, number: usize) {
        self.witnesses[number].start();
    }

    /// Kills a witness with SIGKILL.
    pub fn kill_witness(&mut self, number: usize) {
        self.witnesses[number].kill();
    }

    /// Starts a mirror again, at the address that it had.
    pub fn start_mirror(&mut self, number: usize) {
        self.mirrors[number].start();
    }

    /// Kills a mirror with SIGKILL.
    pub fn kill_mirror(&mut self, number: usize) {
        self.mirrors[number].kill();
    }

    /// The bearer token of a provider.
    pub fn token(&self, provider: &str) -> &str {
        let mut found = self.tokens.iter().filter(|(id, _)| id == provider);
        &found.next().expect("a provider of this world").1
    }

    /// Submits as `provider`.
    pub fn submit(&self, provider: &str, media_type: &str, query: &str, body: &[u8]) -> Answer {
        submit(self.url(), self.token(provider), media_type, query, body).expect("an answer")
    }

    /// Submits an opaque record, again while the quorum is late, and waits for its proof.
    pub fn put(&self, body: &[u8]) -> Answer {
        eventually("a proof", || {
            let answer = self.submit("lab", OPAQUE, "", body);
            (answer.status != 202).then_some(answer)
        })
        .expect(200)
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        http::get(self.url(), path).expect("an answer")
    }

    /// The checkpoint that is published, verified under the policy.
    pub fn checkpoint(&self) -> TrustedCheckpoint {
        let note = eventually("a checkpoint", || {
            let answer = self.get("/checkpoint");
            (answer.status == 200).then_some(answer.body)
        });
        let note = Note::parse(&note).expect("a note");
        self.policy()
            .check_checkpoint(&note)
            .expect("a checkpoint with its quorum")
    }

    /// How many witnesses and mirrors cosigned the published checkpoint, each with all its keys.
    pub fn cosigners(&self) -> usize {
        cosigners(&self.checkpoint())
    }

    /// The size of the published tree.
    pub fn size(&self) -> u64 {
        self.checkpoint().checkpoint().size
    }

    /// A figure out of `/status`.
    pub fn status(&self, name: &str) -> Value {
        let answer = http::get(&self.running().admin_url, "/status").expect("an answer");
        answer.expect(200).json()[name].clone()
    }

    /// The proof of a leaf, verified under the policy against `record`.
    pub fn proven(&self, record: &[u8]) -> TlogProof {
        let leaf = hex::encode(oracle::leaf(record));
        let answer = eventually("a proof", || {
            let answer = self.get(&format!("/v1/proof/{leaf}"));
            assert!([200, 202].contains(&answer.status), "{answer}");
            (answer.status == 200).then_some(answer)
        });
        self.verified(&answer.body, record)
    }

    /// The proof `text`, verified under the policy against `record`.
    pub fn verified(&self, text: &[u8], record: &[u8]) -> TlogProof {
        let proof = TlogProof::parse(text).expect("a proof");
        let proven = self.policy().check_proof(&proof, record);
        assert_eq!(proven.expect("it proves").record(), record);
        proof
    }

    /// Every record of the published tree, read from its entry bundles.
    pub fn records(&self) -> Vec<Vec<u8>> {
        let size = self.size();
        let mut records = Vec::new();
        for index in 0..size.div_ceil(256) {
            let width = tile_width(0, index, size);
            let path = tile_path(index, width);
            let bundle = self.get(&path).expect(200).body;
            let entries = decode_bundle(width, &bundle).expect("a bundle");
            records.extend(entries.into_iter().map(<[u8]>::to_vec));
        }
        records
    }

    /// The roots that the naive oracle computes for the records of this log, and the check of
    /// checkpoints against them: one history, no matter who was told what and when.
    pub fn assert_one_history(&self, seen: &[Checkpoint]) {
        let records = self.records();
        let leaves: Vec<[u8; 32]> = records.iter().map(|record| oracle::leaf(record)).collect();
        let newest = self.checkpoint().checkpoint().clone();
        for checkpoint in seen.iter().chain([&newest]) {
            let size = usize::try_from(checkpoint.size).expect("small");
            assert!(
                size <= leaves.len(),
                "{checkpoint:?} is larger than the log"
            );
            let root = Hash(oracle::root(&leaves[..size]));
            assert_eq!(checkpoint.root, root, "two histories at size {size}");
        }
    }

    /// Has the log's data checked while it stands, and every published octet while it runs.
    pub fn audit(&self) -> Ended {
        let policy = self.path("policy.txt").display().to_string();
        run("ishibumi", ["audit", "--policy", &policy, self.url()])
    }

    /// Runs fsck over the log, which has to stand.
    pub fn assert_sound(&self) {
        assert!(self.log.is_none(), "one owner at a time");
        let ended = self.operate(&["fsck"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    }
}

/// Names of an operator's keys in the policy, in the order in which `init` prints them.
fn key_names(kind: &str, number: usize) -> [String; 2] {
    ["ed25519", "ml-dsa-44"].map(|key| format!("{kind}{number}-{key}"))
}

impl World {
    fn new_witness(&self, dir: &str, name: &str) -> Witness {
        self.cosigner(&[], dir, name)
    }

    fn new_mirror(&self, dir: &str, name: &str) -> Witness {
        self.cosigner(&["mirror"], dir, name)
    }

    /// A witness or mirror that knows both keys of the log.
    fn cosigner(&self, command: &[&str], dir: &str, name: &str) -> Witness {
        let dir = self.path(dir);
        let shown = dir.display().to_string();
        let call = |arguments: &[&str]| {
            let arguments = [command, arguments, &["--json", "--dir", &shown]].concat();
            run("ishibumi-witness", arguments).done()
        };
        let made = call(&["init", "--name", &format!("{name}.example")]);
        call(&["add-log", "--vkey", &self.vkeys[0]]);
        for vkey in &self.vkeys[1..] {
            call(&["add-log-key", "--vkey", vkey]);
        }
        Witness {
            dir,
            vkeys: texts(&made, "vkeys"),
            address: format!("{}:0", own_address()),
            mirror: !command.is_empty(),
            running: None,
        }
    }
}

impl Witness {
    fn start(&mut self) {
        let mut command = Command::new(program("ishibumi-witness"));
        command.args(self.mirror.then_some("mirror"));
        command.args(["serve", "--listen", &self.address, "--dir"]);
        let running = Running::start(command.arg(&self.dir)).expect("it starts");
        running
            .url
            .trim_start_matches("http://")
            .clone_into(&mut self.address);
        self.running = Some(running);
    }

    fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }
}

/// A loopback address that no other witness has: a port of 127.0.0.1 may be taken by any connection
/// of this machine while the witness is away.
fn own_address() -> std::net::Ipv4Addr {
    static TAKEN: AtomicU16 = AtomicU16::new(1);
    let [high, low] = TAKEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let [.., process] = std::process::id().to_be_bytes();
    std::net::Ipv4Addr::new(127, 1 + process % 254, high, low)
}

/// Submits to the log at `url`.
///
/// # Errors
/// If there is no connection, or no whole answer comes.
pub fn submit(
    url: &str,
    token: &str,
    media_type: &str,
    query: &str,
    body: &[u8],
) -> std::io::Result<Answer> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", media_type),
    ];
    http::post(url, &format!("/v1/submit{query}"), &headers, body)
}

/// The record of an opaque submission.
pub fn opaque_record(octets: &[u8]) -> Vec<u8> {
    let body = ishibumi_artifact::record::Opaque::new("opaque", octets).expect("short enough");
    ishibumi_artifact::Record::from(ishibumi_artifact::Body::Opaque(body)).encode()
}

/// The path of an entry bundle.
pub fn tile_path(index: u64, width: u16) -> String {
    let kind = ishibumi_tlog::tile::TileKind::Entries;
    format!("/{}", ishibumi_tlog::tile::TilePath { kind, index, width })
}

/// Copies a directory of files.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes");
    for entry in std::fs::read_dir(from).expect("reads") {
        let entry = entry.expect("reads");
        match std::fs::copy(entry.path(), to.join(entry.file_name())) {
            // A database that runs removes files that it no longer needs.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => drop(copied.expect("copies")),
        }
    }
}

/// Replaces the directory `to` by `from`, as a restored backup would be.
pub fn restore_dir(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).expect("removes");
    copy_dir(from, to);
}

fn field(json: &str, name: &str) -> String {
    let value: Value = serde_json::from_str(json).expect("JSON");
    value[name].as_str().expect("a text").to_owned()
}

fn texts(json: &str, name: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).expect("JSON");
    let texts = value[name].as_array().expect("a list").iter();
    texts
        .map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

/// How many witnesses and mirrors of a world cosigned, each with both its keys.
///
/// # Panics
/// If one signed with one key only.
pub fn cosigners(checkpoint: &TrustedCheckpoint) -> usize {
    let cosignatures = checkpoint.cosignatures();
    let names: std::collections::BTreeSet<&str> =
        cosignatures.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(cosignatures.len(), 2 * names.len(), "{cosignatures:?}");
    names.len()
}
