//! `check`: asks every witness and mirror of the policy once, as the log would, and names what is
//! wrong with each. Changes nothing here; a witness may cosign a head that is signed already.

use std::sync::Arc;

use ishibumi_store::{Clock as _, LogStore as _, RocksLog, StoreError, SystemClock};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note, SignatureLine};
use ishibumi_tlog::protocol::add_entries::{CONTENT_TYPE, UploadHead};
use ishibumi_tlog::protocol::{AddCheckpoint, parse_signatures, parse_size};
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::prove_consistency;
use ishibumi_tlog::{Checkpoint, Hash, Policy, shown};
use ishibumi_wire::{NetError, Request, Response};
use serde::Serialize;

use super::OperateError;
use super::endpoints::endpoints;
use super::keys::public_keys;
use super::policy::read_policy;
use super::reach::Reach;
use super::source::Source;
use crate::config::Config;
use crate::core::Endpoint;

/// How far a clock may be off, in seconds: beyond, the log takes no cosignature that is dated
/// ahead.
const CLOCK_MAX: u64 = 60;

/// The longest answer that is read, in octets.
const ANSWER_LEN_MAX: usize = 64 << 10;

/// The findings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checked {
    /// The size of the head that was shown to them; `None` if the log has signed none that could be
    /// read.
    pub shown_size: Option<u64>,
    /// Faults of the configuration or the policy, a sentence each.
    pub problems: Vec<String>,
    /// The witnesses and mirrors, one for each URL.
    pub witnesses: Vec<CheckedWitness>,
    /// Whether those with whom nothing is wrong are a quorum.
    pub quorum: bool,
}

/// One witness or mirror.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckedWitness {
    /// The name of its first key.
    pub name: String,
    /// Its submission prefix.
    pub url: String,
    /// Whether it is configured as a mirror.
    pub mirror: bool,
    /// The size that it cosigned or knows.
    pub size: Option<u64>,
    /// Whether it cosigned what it was shown, with every key that the policy names.
    pub cosigned: bool,
    /// Faults and what to do about them, a sentence each; empty if there are none.
    pub problems: Vec<String>,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        let well = |witness: &CheckedWitness| witness.problems.is_empty();
        self.problems.is_empty() && self.quorum && self.witnesses.iter().all(well)
    }
}

/// Asks all of them.
///
/// # Errors
/// [`OperateError`] if the check itself cannot be made; findings are no errors.
pub fn check(config: &Config) -> Result<Checked, OperateError> {
    let policy = read_policy(config)?;
    let endpoints = endpoints(&policy, config)?;
    let reach = Arc::new(Reach::new()?);
    let mut checked = Checked::default();
    let keys = match public_keys(config) {
        Ok(keys) => keys,
        Err(error) => {
            checked.problems.push(error.to_string());
            Vec::new()
        }
    };
    for key in &keys {
        if !policy.logs().iter().any(|log| log.key == *key) {
            let policy = config.policy_file.display();
            checked.problems.push(format!(
                "{policy}: no log line has this log's key; add: log {key}"
            ));
        }
    }
    for endpoint in &endpoints {
        for keys in [&endpoint.witness_keys, &endpoint.mirror_keys] {
            let mut names: Vec<&str> = keys.iter().map(VerifierKey::name).collect();
            names.dedup();
            if names.len() > 1 {
                checked.problems.push(format!(
                    "{}: {} have one URL, {}: only the keys of one witness have; correct the others' lines",
                    config.policy_file.display(),
                    names.join(" and "),
                    endpoint.url
                ));
            }
        }
    }
    let shown = Shown::find(config, &keys, &reach);
    checked.shown_size = shown.as_ref().map(|shown| shown.head.size);
    let asking = Asking {
        reach: &reach,
        origin: &config.origin,
        keys: &keys,
        shown: shown.as_ref(),
        now: SystemClock.unix_time(),
    };
    checked.witnesses = asking.ask_all(&endpoints);
    checked.quorum = quorum(&policy, &endpoints, &checked.witnesses);
    Ok(checked)
}

/// Whether a quorum cosigns the newest signed head of `store` now, as it was signed.
pub(super) fn cosigns_head(
    config: &Config,
    policy: &Policy,
    keys: &[VerifierKey],
    store: RocksLog,
) -> Result<bool, OperateError> {
    let endpoints = endpoints(policy, config)?;
    let reach = Arc::new(Reach::new()?);
    let Some(note) = store.signed_head()? else {
        return Ok(false);
    };
    let Some(shown) = Shown::of(&note, keys, Tiles::Store(Box::new(store))) else {
        return Ok(false);
    };
    let asking = Asking {
        reach: &reach,
        origin: &config.origin,
        keys,
        shown: Some(&shown),
        now: SystemClock.unix_time(),
    };
    let mut witnesses = asking.ask_all(&endpoints);
    for witness in &mut witnesses {
        if !witness.cosigned {
            witness.problems.push("it does not cosign".to_owned());
        }
    }
    Ok(quorum(policy, &endpoints, &witnesses))
}

/// Whether those with whom nothing is wrong are a quorum.
fn quorum(policy: &Policy, endpoints: &[Endpoint], witnesses: &[CheckedWitness]) -> bool {
    let well: Vec<&VerifierKey> = endpoints
        .iter()
        .zip(witnesses)
        .filter(|(_, witness)| witness.problems.is_empty())
        .flat_map(|(endpoint, _)| endpoint.keys())
        .collect();
    policy.is_quorum(|place| {
        let witness = policy.witnesses().get(place);
        witness.is_some_and(|witness| well.contains(&&witness.key))
    })
}

/// A head that the log has signed, and who can prove from others to it.
struct Shown {
    note: Note,
    head: Checkpoint,
    tiles: Tiles,
}

enum Tiles {
    /// The log does not run, and this is its store.
    Store(Box<RocksLog>),
    /// It runs, and is read like any log.
    Log(Box<Source>),
}

impl Shown {
    fn find(config: &Config, keys: &[VerifierKey], reach: &Arc<Reach>) -> Option<Self> {
        let (note, tiles) = match RocksLog::open(&config.data_dir, &config.origin) {
            Ok(store) => (store.signed_head().ok()??, Tiles::Store(Box::new(store))),
            Err(StoreError::InUse { .. }) => {
                let mut listen = config.listen;
                if listen.ip().is_unspecified() {
                    listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                }
                let log = Source::open(&format!("http://{listen}"), &config.origin, reach).ok()?;
                (log.heads().ok()?.pop()?, Tiles::Log(Box::new(log)))
            }
            Err(_) => return None,
        };
        Self::of(&note, keys, tiles)
    }

    fn of(note: &Note, keys: &[VerifierKey], tiles: Tiles) -> Option<Self> {
        let head = Checkpoint::parse(note.text()).ok()?;
        // Others' lines are of no use there, and a witness may read short notes only.
        let own = note
            .signatures()
            .iter()
            .filter(|line| keys.iter().any(|key| line.is_by(key)));
        let note = Note::new(note.text().to_owned(), own.cloned().collect());
        Some(Self { note, head, tiles })
    }

    /// The consistency proof from `old` leaves.
    fn proof(&self, old: u64) -> Option<Vec<Hash>> {
        let new = self.head.size;
        if old == 0 || old == new {
            return Some(Vec::new());
        }
        match &self.tiles {
            Tiles::Store(store) => {
                ishibumi_store::consistency_proof(store.as_ref(), old, new).ok()?
            }
            Tiles::Log(log) => {
                prove_consistency(&TileNodes::new(log.as_ref(), new), old, new).ok()?
            }
        }
    }
}

struct Asking<'a> {
    reach: &'a Reach,
    origin: &'a str,
    keys: &'a [VerifierKey],
    shown: Option<&'a Shown>,
    now: u64,
}

impl Asking<'_> {
    /// All at once: a slow one delays no other.
    fn ask_all(&self, endpoints: &[Endpoint]) -> Vec<CheckedWitness> {
        std::thread::scope(|scope| {
            let ask = |endpoint| scope.spawn(move || self.ask(endpoint));
            let asked: Vec<_> = endpoints.iter().map(ask).collect();
            let asked = asked.into_iter().zip(endpoints);
            let found = asked.map(|(thread, endpoint)| {
                thread.join().unwrap_or_else(|_| CheckedWitness {
                    name: endpoint.name().to_owned(),
                    url: endpoint.url.clone(),
                    problems: vec!["a fault of this program while it asked".to_owned()],
                    ..CheckedWitness::default()
                })
            });
            found.collect()
        })
    }

    fn ask(&self, endpoint: &Endpoint) -> CheckedWitness {
        let mut found = CheckedWitness {
            name: endpoint.name().to_owned(),
            url: endpoint.url.clone(),
            mirror: !endpoint.mirror_keys.is_empty(),
            ..CheckedWitness::default()
        };
        match self.shown {
            Some(shown) => self.add_checkpoint(endpoint, shown, &mut found),
            None => self.probe(endpoint, &mut found),
        }
        found
    }

    fn post(&self, endpoint: &Endpoint, call: &str, body: Vec<u8>) -> Result<Response, NetError> {
        let url = format!("{}/{call}", endpoint.url);
        let mut request = Request::post(url, body, ANSWER_LEN_MAX.max(NOTE_LEN_MAX));
        request.deadline = endpoint.deadline;
        request.headers.push(("content-type", CONTENT_TYPE.into()));
        self.reach.send(request)
    }

    /// Shows the head as the log would.
    fn add_checkpoint(&self, endpoint: &Endpoint, shown: &Shown, found: &mut CheckedWitness) {
        let size = shown.head.size;
        let mut old = size;
        for _ in 0..2 {
            let Some(proof) = shown.proof(old) else {
                let what = format!(
                    "it knows {old} records, from which this program cannot prove to {size}"
                );
                found.problems.push(what);
                return;
            };
            let Ok(request) = AddCheckpoint::new(old, proof, shown.note.clone()) else {
                found
                    .problems
                    .push("the signed head is no checkpoint".to_owned());
                return;
            };
            let answer = match self.post(endpoint, "add-checkpoint", request.encode().into_bytes())
            {
                Ok(answer) => answer,
                Err(NetError(why)) => {
                    found.problems.push(format!("nobody answers: {why}"));
                    return;
                }
            };
            match (answer.status, parse_size(&answer.body)) {
                (200, _) => {
                    found.size = Some(size);
                    self.cosigned(endpoint, shown, &answer, found);
                    return;
                }
                (409, Ok(theirs)) if theirs < size && theirs != old => {
                    found.size = Some(theirs);
                    old = theirs;
                }
                (409, Ok(theirs)) => {
                    found.size = Some(theirs);
                    found.problems.push(if theirs > size {
                        format!(
                            "it knows {theirs} records of this log, which were shown {size}: if this is not \
                             since the log went on meanwhile, another copy of it runs: docs/recovery.md"
                        )
                    } else {
                        format!("it answers 409 with {theirs} to that very size")
                    });
                    return;
                }
                _ => {
                    self.refused(endpoint, &answer, found);
                    return;
                }
            }
        }
        found
            .problems
            .push("it changes its mind about what it knows with each request".to_owned());
    }

    /// It took the checkpoint: is its answer worth something?
    fn cosigned(
        &self,
        endpoint: &Endpoint,
        shown: &Shown,
        answer: &Response,
        found: &mut CheckedWitness,
    ) {
        let lines = match parse_signatures(&answer.body) {
            Ok(lines) => lines,
            Err(_) if answer.body.is_empty() => Vec::new(),
            Err(error) => {
                found.problems.push(format!(
                    "what answers there is no witness (200, and then no signature lines: {error}): correct the \
                     URL in the policy, or the port"
                ));
                return;
            }
        };
        if lines.is_empty() && !endpoint.witness_keys.is_empty() {
            found.problems.push(if self.is_mirror(endpoint, shown) {
                format!(
                    "it is a mirror, and {} is not in `mirrors` of the configuration, so that it is sent no \
                     records and never cosigns",
                    endpoint.name()
                )
            } else {
                "it takes the checkpoint and does not cosign it".to_owned()
            });
            return;
        }
        let mut all = self.lines(&endpoint.witness_keys, shown, &lines, found);
        if !endpoint.mirror_keys.is_empty() {
            match self.upload(endpoint, shown) {
                Err(why) => {
                    found.problems.push(why);
                    all = false;
                }
                // It lacks records; the log will send them.
                Ok(None) => all = false,
                Ok(Some(lines)) => all &= self.lines(&endpoint.mirror_keys, shown, &lines, found),
            }
        }
        found.cosigned = all;
    }

    /// Whether every one of `keys` is among `lines`, over the head that was shown, and dated now.
    fn lines(
        &self,
        keys: &[VerifierKey],
        shown: &Shown,
        lines: &[SignatureLine],
        found: &mut CheckedWitness,
    ) -> bool {
        let before = found.problems.len();
        for key in keys {
            let of_key: Vec<SignatureLine> = lines
                .iter()
                .filter(|line| line.is_by(key))
                .cloned()
                .collect();
            if of_key.is_empty() {
                let signs: Vec<String> = lines
                    .iter()
                    .map(|line| format!("{}+{:08x}", line.name, line.id))
                    .collect();
                found.problems.push(format!(
                    "no cosignature by the key {}+{:08x} that the policy names; it signs as {}: ask its \
                     operator for its verifier key, and correct the witness line",
                    key.name(),
                    key.id(),
                    if signs.is_empty() { "nobody".to_owned() } else { signs.join(" and ") }
                ));
                continue;
            }
            let note = Note::new(shown.head.to_text(), of_key);
            match note.verify(std::slice::from_ref(key)) {
                Err(error) => found.problems.push(format!(
                    "its cosignature by {}+{:08x} does not verify: {error}",
                    key.name(),
                    key.id()
                )),
                Ok(verified) => {
                    let time = verified.iter().filter_map(|signature| signature.time).max();
                    found.problems.extend(self.clock(time.unwrap_or(0)));
                }
            }
        }
        found.problems.dedup();
        found.problems.len() == before
    }

    fn clock(&self, time: u64) -> Option<String> {
        let (off, way) = if time > self.now {
            (time - self.now, "ahead of")
        } else {
            (self.now - time, "behind")
        };
        (off > CLOCK_MAX).then(|| {
            format!("its clock is {off} s {way} this machine's: one of the two is wrong; a time ahead is refused")
        })
    }

    /// A mirror's answer to an upload of nothing: its cosignatures, if it has everything.
    fn upload(
        &self,
        endpoint: &Endpoint,
        shown: &Shown,
    ) -> Result<Option<Vec<SignatureLine>>, String> {
        let head = UploadHead {
            origin: self.origin.to_owned(),
            start: shown.head.size,
            end: shown.head.size,
            ticket: Vec::new(),
        };
        let body = head.encode().unwrap_or_default();
        let answer = self.post(endpoint, "add-entries", body);
        let answer =
            answer.map_err(|NetError(why)| format!("add-entries: nobody answers: {why}"))?;
        match answer.status {
            200 => Ok(Some(parse_signatures(&answer.body).unwrap_or_default())),
            202 | 409 => Ok(None),
            404 | 405 => Err(format!(
                "it is no mirror ({} to add-entries): take {} out of `mirrors` of the configuration",
                answer.status,
                endpoint.name()
            )),
            _ => Err(format!("add-entries: {}", said(&answer))),
        }
    }

    /// Whether it answers an upload as only a mirror does.
    fn is_mirror(&self, endpoint: &Endpoint, shown: &Shown) -> bool {
        match self.upload(endpoint, shown) {
            Ok(Some(lines)) => !lines.is_empty(),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    fn refused(&self, endpoint: &Endpoint, answer: &Response, found: &mut CheckedWitness) {
        found.problems.push(match answer.status {
            403 => format!(
                "it refuses the log's signature ({}): it has another key of this log, or the log is disabled \
                 there",
                said(answer)
            ),
            404 if self.speaks(endpoint) => self.unknown(),
            422 => format!(
                "it knows another tree of this log ({}): if this log was copied or set back, stop it: \
                 docs/recovery.md, FORKED",
                said(answer)
            ),
            400 | 409 | 500.. => format!("it refuses: {}", said(answer)),
            _ => format!(
                "what answers there is no witness ({}): correct the URL in the policy, or the port",
                said(answer)
            ),
        });
    }

    fn unknown(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        format!(
            "it does not know this log: its operator adds it (`ishibumi-witness add-log --vkey ...`, then \
             `add-log-key` for the second key): {}",
            keys.join(" ")
        )
    }

    /// Without a signed head: whether something there speaks the protocol, and knows the log.
    fn probe(&self, endpoint: &Endpoint, found: &mut CheckedWitness) {
        // A checkpoint with a signature by an unknown key: 404 if the log is unknown, 403 if it is
        // known.
        let line = SignatureLine {
            name: self.origin.to_owned(),
            id: 0,
            signature: vec![0; 64],
        };
        let head = Checkpoint::new(self.origin, 1, Hash::of(b"")).to_text();
        let Ok(request) = AddCheckpoint::new(0, Vec::new(), Note::new(head, vec![line])) else {
            return;
        };
        match self.post(endpoint, "add-checkpoint", request.encode().into_bytes()) {
            Err(NetError(why)) => found.problems.push(format!("nobody answers: {why}")),
            // As it should.
            Ok(answer) if answer.status == 403 => {}
            Ok(answer) => self.refused(endpoint, &answer, found),
        }
    }

    /// Whether a body that is no request is refused as C2SP says, and not as a stranger's web
    /// server would.
    fn speaks(&self, endpoint: &Endpoint) -> bool {
        let answer = self.post(endpoint, "add-checkpoint", b"no request\n".to_vec());
        answer.is_ok_and(|answer| answer.status == 400)
    }
}

/// The text of a refusal, for people.
fn said(answer: &Response) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let said: String = text.chars().take(200).collect();
    format!("{}: {}", answer.status, shown::line(&said))
}
