//! `announce-closing` and `close`: how a log ends in order (docs/closing.md).
//!
//! Closing is a command of its own, for a log that does not run: a log that drains takes no
//! records, and one process that does one thing is easier to trust than a server with a last mode.
//! Its steps are durable one by one, and each begins by looking how far an earlier run came, so
//! that it can be run again after a crash at any of them, and ends in the same state:
//!
//! 1. the announcement, if there was none, and the closing record: one write, all or nothing;
//! 2. the last checkpoint, signed, under the quorum and cosigned by a mirror, published and kept
//!    for ever;
//! 3. the head file sealed: from here on no process signs for this log with any key;
//! 4. the key files destroyed.
//!
//! If the quorum or the mirror does not come, it stops before 3 and the keys are there for the next
//! run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_artifact::record::{LogEnding, LogStatement, Moment};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, LookupKey, Record};
use ishibumi_store::{Clock, HeadFile, LogStore, RocksLog, StoreError};
use ishibumi_tlog::Policy;
use ishibumi_tlog::note::Note;
use ishibumi_wire::{HttpNet, Net as _, Request};

use super::endpoints::endpoints;
use super::keys::{destroy, policy_keys};
use super::policy::read_policy;
use super::{OperateError, open_to_close};
use crate::admission::new_record;
use crate::clock;
use crate::config::Config;
use crate::core::{Core, Handle, HeadSigner, Item, Published, Publisher, Sequencer, ending, start};
use crate::http::{ANNOUNCE_PATH, RECORD_MEDIA_TYPE};
use crate::metrics::Metrics;

/// How long cosignatures beyond what is needed are waited for: later ones find no log that takes
/// them.
const GRACE: Duration = Duration::from_secs(5);

/// How often the published checkpoint is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The longest answer of the admin listener, in octets.
const ANSWER_LEN_MAX: usize = 1 << 16;

/// The operator's words about the end.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Why, in English; may be empty if it was announced.
    pub reason: String,
    /// Why, in Japanese, or empty.
    pub reason_ja: String,
    /// vkey lines of the log that continues.
    pub successor: Vec<String>,
    /// Who keeps a copy, and where.
    pub custodians: Vec<String>,
}

/// The cosignatures that closing waits for.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Closes without the cosignature of a mirror.
    pub without_mirror: bool,
    /// How long the quorum and the mirror may take.
    pub deadline: Duration,
}

/// The results of closing a log.
#[derive(Clone, Debug)]
pub struct Done {
    /// Size of the last tree.
    pub size: u64,
    /// The last checkpoint.
    pub checkpoint: String,
    /// Names of the witnesses and mirrors that cosigned it, in the policy's words.
    pub cosigned: Vec<String>,
    /// Names of the witnesses and mirrors of the policy that did not cosign it.
    pub missing: Vec<String>,
    /// Key files that were destroyed now.
    pub destroyed: Vec<PathBuf>,
}

impl Words {
    fn ending(&self, date: Time) -> Result<LogEnding, OperateError> {
        let successor: Vec<&str> = self.successor.iter().map(String::as_str).collect();
        let custodians: Vec<&str> = self.custodians.iter().map(String::as_str).collect();
        let reasons = (self.reason.as_str(), self.reason_ja.as_str());
        for vkey in &successor {
            let parsed: Result<ishibumi_tlog::key::VerifierKey, _> = vkey.parse();
            parsed.map_err(|error| OperateError::Usage(format!("successor {vkey:?}: {error}")))?;
        }
        let date = Moment::new("date", date)?;
        Ok(LogEnding::new(date, reasons, &successor, &custodians)?)
    }
}

/// Has the log say that it will close at `date`. Works beside a running log, through its admin
/// listener, and without one. Returns the index of the record.
///
/// # Errors
/// [`OperateError`] if the words do not fit a record, or the log does not take it: it is closed,
/// does not answer, or its store fails.
pub fn announce(config: &Config, words: &Words, date: Time) -> Result<u64, OperateError> {
    let record = Record::from(Body::Log(LogStatement::Closing(words.ending(date)?)));
    let store: Arc<dyn LogStore> = match RocksLog::open(&config.data_dir, &config.origin) {
        Ok(store) => Arc::new(store),
        Err(StoreError::InUse { .. }) => return ask_to_announce(config, &record),
        Err(error) => return Err(error.into()),
    };
    let (_, index) = stage(sequencer(&store)?, &[record])?;
    Ok(index)
}

fn ask_to_announce(config: &Config, record: &Record) -> Result<u64, OperateError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(OperateError::system)?;
    let url = format!("http://{}{ANNOUNCE_PATH}", config.admin_listen);
    let mut request = Request::post(url.clone(), record.encode(), ANSWER_LEN_MAX);
    let media_type = RECORD_MEDIA_TYPE.to_owned();
    request.headers.push(("content-type", media_type));
    let authorization = super::credential::authorization(config)?;
    request.headers.push(("authorization", authorization));
    let net = HttpNet::new();
    let answer = runtime.block_on(net.send(request)).map_err(|error| {
        let said =
            format!("a process has the data directory open, but {url} does not answer: {error}");
        OperateError::Unavailable(said)
    })?;
    let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    value["index"]
        .as_u64()
        .filter(|_| answer.status == 200)
        .ok_or_else(|| {
            let said = value["detail"].as_str().unwrap_or("it does not say why");
            OperateError::Unavailable(format!("{url} refuses (status {}): {said}", answer.status))
        })
}

/// Closes the log: all of it, or what was missing after an earlier run. `progress` is told what is
/// waited for.
///
/// # Errors
/// [`OperateError`] if the log runs, the words are refused, cosignatures are missing, or a step
/// fails; a later call goes on from there.
pub fn close(
    config: &Config,
    words: &Words,
    waiting: Waiting,
    clock: &Arc<dyn Clock>,
    mut progress: impl FnMut(&str),
) -> Result<Done, OperateError> {
    let sealed = match policy_keys(config)?.first() {
        Some(key) => HeadFile::is_sealed(&config.head_dir, key)?,
        None => false,
    };
    if !sealed {
        let (store, signer, policy) = open_to_close(config)?;
        let needed = Needed::read(config, &policy, waiting)?;
        stage_end(&store, words, clock::now(clock.as_ref()))?;
        progress("the closing record is durable; waiting for the quorum and a mirror");
        let ended = Ended {
            store,
            signer,
            policy,
            needed,
        };
        ended.run(config, clock, waiting.deadline)?;
    }
    finish(config)
}

/// Who has to cosign beyond the quorum.
struct Needed {
    /// Indices in the policy of mirrors of which one has to cosign; empty if none has to.
    mirrors: Vec<usize>,
}

impl Needed {
    fn read(config: &Config, policy: &Policy, waiting: Waiting) -> Result<Self, OperateError> {
        let named = |name: &[u8]| {
            config
                .mirrors
                .iter()
                .any(|mirror| mirror.as_bytes() == name)
        };
        let places = policy.witnesses().iter().enumerate();
        let mirrors = places.filter(|(_, witness)| named(&witness.name));
        let mut mirrors: Vec<usize> = mirrors.map(|(place, _)| place).collect();
        if waiting.without_mirror {
            mirrors.clear();
        } else if mirrors.is_empty() {
            return Err(OperateError::Usage(
                "the configuration names no mirror, so nobody is known to hold a copy of this log: add one \
                 to `mirrors` and to the policy and let it catch up, or close --without-mirror"
                    .to_owned(),
            ));
        }
        Ok(Self { mirrors })
    }

    fn is_met(&self, policy: &Policy, note: &Note) -> bool {
        let mut mirrors = self.mirrors.iter();
        self.mirrors.is_empty() || mirrors.any(|&place| has_signed(policy, place, note))
    }
}

fn has_signed(policy: &Policy, place: usize, note: &Note) -> bool {
    let witness = policy.witnesses().get(place);
    witness.is_some_and(|witness| {
        note.signatures()
            .iter()
            .any(|line| line.is_by(&witness.key))
    })
}

fn sequencer(store: &Arc<dyn LogStore>) -> Result<Sequencer, OperateError> {
    Ok(Sequencer::open(Arc::clone(store))?)
}

/// Stages `records` in one write and says where the last one is.
fn stage(sequencer: Sequencer, records: &[Record]) -> Result<(Sequencer, u64), OperateError> {
    let records = records.iter().map(new_record);
    let item = Item {
        records: records.collect::<Result<_, _>>()?,
        ..Item::default()
    };
    let (sequencer, placed) = sequencer.stage(vec![item])?;
    let index = placed.first().map_or(0, |placed| placed.index);
    Ok((sequencer, index))
}

/// Step 1. A log whose last record closes it has done it.
fn stage_end(store: &Arc<dyn LogStore>, words: &Words, now: Time) -> Result<(), OperateError> {
    if ending(store.as_ref(), store.staged()?.size())?.is_some() {
        return Ok(());
    }
    let announced = announcement(store.as_ref())?;
    let mut records = Vec::new();
    let closed = match announced {
        // The announcement holds, with the day on which it came true.
        Some(announced) if words.reason.is_empty() => {
            let texts = |lines: &mut dyn Iterator<Item = &[u8]>| -> Vec<String> {
                lines
                    .map(|line| String::from_utf8_lossy(line).into_owned())
                    .collect()
            };
            let given = |given: &[String], announced: Vec<String>| {
                if given.is_empty() {
                    announced
                } else {
                    given.to_vec()
                }
            };
            Words {
                reason: String::from_utf8_lossy(announced.reason()).into_owned(),
                reason_ja: String::from_utf8_lossy(announced.reason_ja()).into_owned(),
                successor: given(&words.successor, texts(&mut announced.successor())),
                custodians: given(&words.custodians, texts(&mut announced.custodians())),
            }
            .ending(now)?
        }
        None if words.reason.is_empty() => {
            return Err(OperateError::Usage(
                "say why the log closes: --reason; it was not announced".to_owned(),
            ));
        }
        announced => {
            let ending = words.ending(now)?;
            if announced.is_none() {
                records.push(Body::Log(LogStatement::Closing(ending.clone())).into());
            }
            ending
        }
    };
    records.push(Body::Log(LogStatement::Closed(closed)).into());
    stage(sequencer(store)?, &records).map(drop)
}

/// The newest announcement.
fn announcement(store: &dyn LogStore) -> Result<Option<LogEnding>, OperateError> {
    let key = LookupKey::LogStatements.to_bytes();
    let (mut from, mut newest) = (0, None);
    loop {
        let indices = store.lookup(&key, from, 1_000)?;
        let Some(&last) = indices.last() else {
            return Ok(newest);
        };
        for index in indices {
            let record = Record::decode(&store.record(index)?.unwrap_or_default());
            if let Ok(Body::Log(LogStatement::Closing(ending))) = record.as_ref().map(Record::body)
            {
                newest = Some(ending.clone());
            }
        }
        from = last + 1;
    }
}

/// A log whose closing record is durable.
struct Ended {
    store: Arc<dyn LogStore>,
    signer: HeadSigner,
    policy: Policy,
    needed: Needed,
}

impl Ended {
    /// Step 2: signs, collects, publishes and keeps, as a running log does.
    fn run(
        self,
        config: &Config,
        clock: &Arc<dyn Clock>,
        deadline: Duration,
    ) -> Result<(), OperateError> {
        let Self {
            store,
            signer,
            policy,
            needed,
        } = self;
        let size = store.staged()?.size();
        let settings = config.sequencing.clone();
        let publisher = Publisher::open(
            Arc::clone(&store),
            policy.clone(),
            signer,
            settings.keep_interval,
            settings.recosign_interval,
        )?;
        let metrics = Arc::new(Metrics::new().map_err(OperateError::system)?);
        let witnesses = endpoints(&policy, config)?;
        let sequencer = sequencer(&store)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(OperateError::system)?;
        let wanted = Wanted {
            policy: &policy,
            needed: &needed,
            size,
        };
        let (waited, running) = runtime.block_on(async {
            let (handle, running) = start(Core {
                store: Arc::clone(&store),
                sequencer,
                publisher,
                witnesses,
                distrusted: config.distrusted_witnesses.clone(),
                net: Arc::new(HttpNet::new()),
                clock: Arc::clone(clock),
                settings,
                care: None,
                metrics: Arc::clone(&metrics),
            });
            let waited = wanted.wait(&handle, clock.as_ref(), deadline).await;
            (waited, running)
        });
        runtime.shutdown_timeout(config.limits.drain_deadline);
        running.finish();
        match waited {
            Ok(last) => Ok(store.publish(size, last.note(), true)?),
            Err(Missing::Stopped(why)) => Err(OperateError::Stopped(why)),
            Err(Missing::Late(published)) => Err(wanted.late(published.as_ref(), &metrics)),
        }
    }
}

enum Missing {
    Stopped(String),
    Late(Option<Published>),
}

/// The last checkpoint, with whose signatures it is complete.
struct Wanted<'a> {
    policy: &'a Policy,
    needed: &'a Needed,
    size: u64,
}

impl Wanted<'_> {
    /// Waits for the quorum and the mirror, and then a little for everybody else.
    async fn wait(
        &self,
        handle: &Handle,
        clock: &dyn Clock,
        deadline: Duration,
    ) -> Result<Published, Missing> {
        let begun = clock.monotonic();
        let mut complete = None;
        loop {
            if let Some(why) = handle.standing().borrow().why() {
                return Err(Missing::Stopped(why.to_owned()));
            }
            let now = clock.monotonic();
            let published = handle.published();
            let last = published.as_ref().filter(|published| {
                published.checkpoint().size == self.size
                    && self.needed.is_met(self.policy, published.note())
            });
            if let Some(last) = last {
                let since = *complete.get_or_insert(now);
                let everybody = (0..self.policy.witnesses().len())
                    .all(|place| has_signed(self.policy, place, last.note()));
                if everybody || now.saturating_sub(since) >= GRACE {
                    return Ok(Arc::clone(last));
                }
            } else if now.saturating_sub(begun) >= deadline {
                return Err(Missing::Late(published));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn late(&self, published: Option<&Published>, metrics: &Metrics) -> OperateError {
        let size = self.size;
        let last = published.filter(|published| published.checkpoint().size == size);
        let what = match last {
            Some(last) if !self.needed.is_met(self.policy, last.note()) => {
                "no mirror has cosigned it"
            }
            _ => "it has no quorum",
        };
        let standing = metrics.witnesses();
        let standing = standing.iter().filter(|who| who.cosigned_size < size);
        let who = standing.map(|who| {
            let why = who.failure.as_deref().unwrap_or("no answer yet");
            let kind = if who.mirror { "mirror" } else { "witness" };
            format!("\n  {kind} {} ({}): {why}", who.name, who.url)
        });
        OperateError::Unavailable(format!(
            "the closing record is the last one, but of its checkpoint of size {size} {what}. Missing:{}\n\
             Nothing is lost and the keys are still there: run close again when they answer",
            who.collect::<String>()
        ))
    }
}

/// Steps 3 and 4, after making sure on the disk that 1 and 2 are done.
fn finish(config: &Config) -> Result<Done, OperateError> {
    let closed = super::closed_log::ClosedLog::open(config)?;
    let size = closed.store.staged()?.size();
    let policy = read_policy(config)?;
    let kept = closed.store.kept(size)?;
    let kept = kept.ok_or_else(|| {
        let what =
            format!("the last checkpoint, of size {size}, is not kept; nothing was destroyed");
        OperateError::file(&config.data_dir, what)
    })?;
    policy
        .check_checkpoint(&kept.note)
        .map_err(|error| OperateError::file(&config.data_dir, error))?;
    let keys = policy_keys(config)?;
    let key = keys
        .first()
        .ok_or_else(|| OperateError::file(&config.policy_file, "it names no key of this log"))?;
    HeadFile::open(&config.head_dir, key)?.seal()?;
    let mut destroyed = Vec::new();
    for path in std::iter::once(&config.key_file).chain(&config.key_file_ml_dsa_44) {
        if destroy(path)? {
            destroyed.push(path.clone());
        }
    }
    let mut done = Done {
        size,
        checkpoint: kept.note.encode(),
        cosigned: Vec::new(),
        missing: Vec::new(),
        destroyed,
    };
    for (place, witness) in policy.witnesses().iter().enumerate() {
        let name = String::from_utf8_lossy(&witness.name).into_owned();
        if has_signed(&policy, place, &kept.note) {
            done.cosigned.push(name);
        } else {
            done.missing.push(name);
        }
    }
    Ok(done)
}
