//! Gives the core its threads: one for the sequencer, one for the publisher, one that watches the records,
//! and a task per witness.
//!
//! The threads block on the disk and on nothing else. They end when the last [`Handle`] is gone, or
//! with the first error; then [`Handle::standing`] says why and nothing is accepted any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use ishibumi_artifact::record::Suspicion;
use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::shown;
use ishibumi_wire::Net;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::contradiction::Claim;
use super::publisher::{Outcome, Published, Publisher, PublisherError};
use super::quorum::{Change, Waiting};
use super::room::{Lack, Reserve};
use super::scrub::Scrub;
use super::sequencer::{Item, Placed, Sequencer};
use super::standing::{Standing, Teller};
use super::watch::Watcher;
use super::witnesses::{self, Endpoint, Report, Rounds, Surroundings, follow};
use crate::config::Sequencing;
use crate::metrics::Metrics;

/// How often the publisher looks at the time when nothing happens.
const TICK: Duration = Duration::from_millis(50);

/// How long a witness is left alone after asking it met a fault of ours.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Why a submission was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The pool is full.
    #[error("{pool} records wait to be staged already; send again in a second")]
    Full {
        /// How many the pool holds.
        pool: usize,
    },
    /// The disk is nearly full.
    #[error("{0}; send again when the operator has made room")]
    NoRoom(String),
    /// The log's key signs somewhere else, or enough witnesses say so.
    #[error(
        "this log accepts nothing, since it may not be the copy that the witnesses follow: {0}"
    )]
    Forked(String),
    /// The log stopped.
    #[error("the log stopped accepting: {0}")]
    Stopped(String),
}

/// The way into a running log. Cloning is cheap.
#[derive(Clone)]
pub struct Handle {
    submissions: Sender<Submission>,
    events: Sender<Event>,
    pool: Arc<Semaphore>,
    pool_records_max: usize,
    published: watch::Receiver<Option<Published>>,
    standing: watch::Receiver<Standing>,
    without_quorum: watch::Receiver<Option<Duration>>,
    lack: watch::Receiver<Lack>,
}

struct Submission {
    items: Vec<Item>,
    records: usize,
    answer: oneshot::Sender<Vec<Placed>>,
    _place: OwnedSemaphorePermit,
}

enum Event {
    /// The size of the staged tree.
    Staged(u64),
    Witness(Report),
    Keep(oneshot::Sender<Option<Published>>),
    Stop,
}

/// A running log. Drop every [`Handle`], then wait for [`Running::finish`]: what was accepted is staged
/// and the store is closed.
pub struct Running {
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Running {
    /// Waits until the threads have ended.
    pub fn finish(self) {
        for thread in self.threads {
            // A thread that panicked has said so on standard error.
            let _ = thread.join();
        }
    }
}

/// What [`start`] starts.
pub struct Core {
    /// The store, open.
    pub store: Arc<dyn LogStore>,
    /// Continues the staged tree.
    pub sequencer: Sequencer,
    /// Continues the published one.
    pub publisher: Publisher,
    /// Whom to ask.
    pub witnesses: Vec<Endpoint>,
    /// Witnesses whose claims of a larger tree stop nothing, by key name.
    pub distrusted: Vec<String>,
    /// How to ask them.
    pub net: Arc<dyn Net>,
    /// What their times are held against.
    pub clock: Arc<dyn Clock>,
    /// Sizes and times.
    pub settings: Sequencing,
    /// Care of the disks, for as long as the log runs; none where it only ends.
    pub care: Option<Care>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// How the disks of a running log are looked after.
pub struct Care {
    /// What is to stay free.
    pub reserve: Reserve,
    /// How old data is read again.
    pub scrub: Scrub,
}

/// Starts the threads and tasks. Has to be called within a tokio runtime.
pub fn start(core: Core) -> (Handle, Running) {
    let (submissions, submitted) = channel();
    let (events, happened) = channel();
    let (set_published, published) = watch::channel(core.publisher.published());
    let (set_standing, standing) = watch::channel(Standing::Running);
    let (set_round, rounds) = watch::channel(None);
    let (set_without, without_quorum) = watch::channel(None);
    let set_standing = Arc::new(set_standing);

    core.metrics.know(&core.witnesses);
    let surroundings = Surroundings {
        store: Arc::clone(&core.store),
        net: core.net,
        clock: Arc::clone(&core.clock),
        rounds,
        keys: core.publisher.verifiers().into(),
        look_interval: core.settings.look_interval,
    };
    for endpoint in core.witnesses {
        let events = events.clone();
        let report = move |report| {
            // A publisher that is gone needs no reports.
            let _ = events.send(Event::Witness(report));
        };
        tokio::spawn(supervised(endpoint, surroundings.clone(), report));
    }
    let publishing = Publishing {
        events: happened,
        rounds: set_round,
        published: set_published,
        distrusted: core.distrusted,
        metrics: Arc::clone(&core.metrics),
        clock: Arc::clone(&core.clock),
        teller: Teller::new(&set_standing, "the publisher"),
        without_quorum: set_without,
        patience: core.settings.witness_deadline,
    };
    let staged = core.sequencer.size();
    let publisher = std::thread::spawn(move || {
        if let Err(error) = publishing.run(core.publisher, staged) {
            let why = error.to_string();
            publishing.teller.tell(if error.is_fork() {
                Standing::Forked(why)
            } else {
                Standing::Failed(why)
            });
        }
    });
    let pool_records_max = core.settings.pool_records_max;
    let (settings, metrics) = (core.settings, core.metrics);
    let keeping = events.clone();
    let cared = core
        .care
        .map(|care| care.start(&core.store, &metrics, &core.clock, &set_standing));
    let Cared {
        lack,
        mut threads,
        alive,
    } = cared.unwrap_or_default();
    let (watcher, watching) = Watcher::start(
        core.store,
        published.clone(),
        Arc::clone(&metrics),
        core.clock,
    );
    let teller = Teller::new(&set_standing, "the sequencer");
    let sequencer = std::thread::spawn(move || {
        // Who looks after the disks ends with this thread.
        let _alive = alive;
        let ended = sequence(
            core.sequencer,
            &submitted,
            &events,
            &settings,
            &metrics,
            &watcher,
        );
        if let Err(why) = ended {
            teller.tell(Standing::Failed(why));
        }
        let _ = events.send(Event::Stop);
    });
    let pool = Arc::new(Semaphore::new(pool_records_max));
    let handle = Handle {
        submissions,
        events: keeping,
        pool,
        pool_records_max,
        published,
        standing,
        without_quorum,
        lack,
    };
    threads.extend([sequencer, publisher, watching]);
    (handle, Running { threads })
}

/// How it stands with the room, the threads that care, and what they live on.
struct Cared {
    lack: watch::Receiver<Lack>,
    threads: Vec<std::thread::JoinHandle<()>>,
    alive: Vec<Sender<()>>,
}

impl Default for Cared {
    fn default() -> Self {
        Self {
            lack: watch::channel(None).1,
            threads: Vec::new(),
            alive: Vec::new(),
        }
    }
}

impl Care {
    fn start(
        self,
        store: &Arc<dyn LogStore>,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
        standing: &Arc<watch::Sender<Standing>>,
    ) -> Cared {
        let Self { reserve, scrub } = self;
        let (set_lack, lack) = watch::channel(reserve.lack(store.as_ref(), metrics));
        let (scrub_lives, scrub_ends) = channel();
        let scrubbing = {
            let (store, metrics) = (Arc::clone(store), Arc::clone(metrics));
            let clock = Arc::clone(clock);
            let teller = Teller::new(standing, "the scrub");
            move || {
                if let Err(why) = scrub.run(&store, &metrics, clock.as_ref(), &scrub_ends) {
                    teller.tell(Standing::Failed(why));
                }
            }
        };
        let (room_lives, room_ends) = channel();
        let watching = {
            let (store, metrics) = (Arc::clone(store), Arc::clone(metrics));
            move || reserve.watch(&store, &metrics, &set_lack, &room_ends)
        };
        Cared {
            lack,
            threads: vec![std::thread::spawn(scrubbing), std::thread::spawn(watching)],
            alive: vec![scrub_lives, room_lives],
        }
    }
}

/// What keeps the [`Handle`] of a log alive that only reads.
pub struct Still {
    _published: watch::Sender<Option<Published>>,
    _standing: watch::Sender<Standing>,
    _without_quorum: watch::Sender<Option<Duration>>,
    _lack: watch::Sender<Lack>,
}

/// The way into a log that takes nothing: what it published last is there.
pub fn still(published: Option<Published>, standing: Standing) -> (Handle, Still) {
    let (submissions, _) = channel();
    let (events, _) = channel();
    let (set_published, published) = watch::channel(published);
    let (set_standing, standing) = watch::channel(standing);
    let (set_without, without_quorum) = watch::channel(None);
    let (set_lack, lack) = watch::channel(None);
    let handle = Handle {
        submissions,
        events,
        pool: Arc::new(Semaphore::new(0)),
        pool_records_max: 0,
        published,
        standing,
        without_quorum,
        lack,
    };
    let still = Still {
        _published: set_published,
        _standing: set_standing,
        _without_quorum: set_without,
        _lack: set_lack,
    };
    (handle, still)
}

/// Asks one witness until the log ends. A fault of ours while dealing with it costs this witness a few
/// seconds, and nobody else anything.
async fn supervised(
    endpoint: Endpoint,
    surroundings: Surroundings,
    report: impl Fn(Report) + Send + Sync + Clone + 'static,
) {
    loop {
        let following = follow(endpoint.clone(), surroundings.clone(), report.clone());
        let Err(fault) = tokio::spawn(following).await else {
            return;
        };
        let from = Arc::new(endpoint.clone());
        let why = format!("a fault of this log while asking it: {fault}");
        let what = witnesses::Outcome::Failed { why };
        report(Report { from, what });
        tokio::time::sleep(AFTER_FAULT).await;
    }
}

impl Handle {
    /// Hands artifacts to the sequencer and waits until they are durable.
    ///
    /// A log that has stopped takes nothing, and confirms nothing that was on its way: it may have stopped
    /// because it is an old copy.
    pub async fn submit(&self, items: Vec<Item>) -> Result<Vec<Placed>, SubmitError> {
        self.alive()?;
        if let Some(lack) = self.lack() {
            return Err(SubmitError::NoRoom(lack));
        }
        let full = SubmitError::Full {
            pool: self.pool_records_max,
        };
        let records: usize = items.iter().map(|item| item.records.len()).sum();
        // A list that is larger than the pool takes all of it.
        let places = u32::try_from(records.clamp(1, self.pool_records_max)).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.pool)
            .try_acquire_many_owned(places)
            .map_err(|_| full)?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission {
            items,
            records,
            answer,
            _place: place,
        };
        self.submissions
            .send(submission)
            .map_err(|_| self.not_accepting())?;
        let placed = answered.await.map_err(|_| self.not_accepting())?;
        self.alive()?;
        Ok(placed)
    }

    /// Why there is no room for records, in a sentence; `None` while there is.
    pub fn lack(&self) -> Option<String> {
        self.lack.borrow().clone()
    }

    fn alive(&self) -> Result<(), SubmitError> {
        if *self.standing.borrow() == Standing::Running {
            return Ok(());
        }
        Err(self.not_accepting())
    }

    /// Waits until a published checkpoint covers record `index`; `None` if that takes longer than
    /// `deadline`.
    ///
    /// # Errors
    /// [`SubmitError::Forked`] or [`SubmitError::Stopped`] if the log stops meanwhile: what it had taken on the
    /// way is then not to be confirmed, since it may be an old copy.
    pub async fn covered(
        &self,
        index: u64,
        deadline: Duration,
    ) -> Result<Option<Published>, SubmitError> {
        let mut published = self.published.clone();
        let covers = |published: &Option<Published>| {
            published
                .as_ref()
                .is_some_and(|published| published.checkpoint().size > index)
        };
        let waiting = published.wait_for(covers);
        let mut standing = self.standing.clone();
        let found = tokio::select! {
            found = tokio::time::timeout(deadline, waiting) => found,
            // That the sender is gone says that the threads have ended.
            _ = standing.wait_for(|standing| *standing != Standing::Running) => {
                return Err(self.not_accepting());
            }
        };
        match found {
            Ok(Ok(found)) => Ok(found.clone()),
            Ok(Err(_)) => Err(self.not_accepting()),
            Err(_) => self.alive().map(|()| None),
        }
    }

    /// The checkpoint that is published now.
    pub fn published(&self) -> Option<Published> {
        self.published.borrow().clone()
    }

    /// Keeps the checkpoint that is published now for ever, and gives it; `None` if none is published, or
    /// the log has stopped.
    pub async fn keep_published(&self) -> Option<Published> {
        let (answer, answered) = oneshot::channel();
        self.events.send(Event::Keep(answer)).ok()?;
        answered.await.ok().flatten()
    }

    /// Whether the log accepts, and why not.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Since when there is no quorum, by [`Clock::monotonic`]; `None` while it comes in time.
    pub fn without_quorum(&self) -> Option<Duration> {
        *self.without_quorum.borrow()
    }

    /// Records that wait to be staged.
    pub fn pending(&self) -> usize {
        self.pool_records_max
            .saturating_sub(self.pool.available_permits())
    }

    fn not_accepting(&self) -> SubmitError {
        match self.standing.borrow().clone() {
            Standing::Running => SubmitError::Stopped("it is shutting down".to_owned()),
            Standing::Held(why) | Standing::Forked(why) => SubmitError::Forked(why),
            Standing::Failed(why) => SubmitError::Stopped(why),
        }
    }
}

fn sequence(
    mut sequencer: Sequencer,
    submitted: &Receiver<Submission>,
    events: &Sender<Event>,
    settings: &Sequencing,
    metrics: &Metrics,
    watcher: &Watcher,
) -> Result<(), String> {
    while let Ok(first) = submitted.recv() {
        let closes = Instant::now() + settings.batch_age;
        let mut records = first.records;
        let mut batch = vec![first];
        while records < settings.batch_records_max {
            let Ok(next) = submitted.recv_timeout(closes.saturating_duration_since(Instant::now()))
            else {
                break;
            };
            records += next.records;
            batch.push(next);
        }
        let counts: Vec<usize> = batch
            .iter()
            .map(|submission| submission.items.len())
            .collect();
        let items: Vec<Item> = batch
            .iter_mut()
            .flat_map(|s| std::mem::take(&mut s.items))
            .collect();
        let backdated: Vec<bool> = items.iter().map(|item| item.backdated).collect();
        let before = sequencer.size();
        let timer = metrics.stage_seconds.start_timer();
        // An error drops the answers: whoever waits is told that the log stopped, not that it took the
        // record, and the next start finds out what is there.
        let (next, placed) = sequencer.stage(items).map_err(|error| error.to_string())?;
        timer.observe_duration();
        sequencer = next;
        watcher.staged(before, sequencer.size());
        for (placed, backdated) in placed.iter().zip(backdated) {
            if backdated && placed.added > 0 {
                metrics.suspicion(Suspicion::Backdating);
            }
        }
        metrics
            .records_staged
            .inc_by(placed.iter().map(|p| p.added).sum());
        metrics
            .batch_records
            .observe(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
        let mut placed = placed.into_iter();
        for (submission, count) in batch.into_iter().zip(counts) {
            // Somebody who hung up has his records in the log all the same.
            let _ = submission
                .answer
                .send(placed.by_ref().take(count).collect());
        }
        let _ = events.send(Event::Staged(sequencer.size()));
    }
    Ok(())
}

struct Publishing {
    events: Receiver<Event>,
    rounds: watch::Sender<Option<Rounds>>,
    published: watch::Sender<Option<Published>>,
    distrusted: Vec<String>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    teller: Teller,
    without_quorum: watch::Sender<Option<Duration>>,
    /// How long a round may be without its quorum before that is said.
    patience: Duration,
}

impl Publishing {
    /// By reference: whoever waits for `published` is to learn first why there will be no more of them.
    fn run(&self, publisher: Publisher, staged: u64) -> Result<(), PublisherError> {
        let now = self.clock.monotonic();
        let published = publisher.published();
        let published = published.map_or(0, |published| published.checkpoint().size);
        let mut waiting = Waiting::new(staged, published, self.patience, now);
        let mut said = BTreeMap::new();
        let (mut publisher, outcome) = publisher.start(now)?;
        self.carry_out(outcome);
        loop {
            let first = match self.events.recv_timeout(TICK) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            for event in first.into_iter().chain(self.events.try_iter()) {
                let report = match event {
                    Event::Witness(report) => report,
                    Event::Staged(size) => {
                        waiting.staged(size, self.clock.monotonic());
                        continue;
                    }
                    Event::Keep(answer) => {
                        let now = self.clock.monotonic();
                        let (next, kept) = publisher.keep_published(now)?;
                        publisher = next;
                        // Who asked may have given up.
                        let _ = answer.send(kept);
                        continue;
                    }
                    Event::Stop => return Ok(()),
                };
                self.metrics.witness(&report, self.clock.unix_time());
                publisher = self.hear(publisher, report, &mut said)?;
            }
            let (next, outcome) = publisher.tick(self.clock.monotonic())?;
            publisher = next;
            self.carry_out(outcome);
            let held = publisher.held(self.clock.monotonic());
            if let Some(why) = &held
                && *self.teller.standing() == Standing::Running
            {
                eprintln!("{}", shown::line(why));
            }
            self.teller
                .tell(held.map_or(Standing::Running, Standing::Held));
            self.tell_quorum(&publisher, &mut waiting);
        }
    }

    /// Says when the quorum stops coming, and when it comes again.
    fn tell_quorum(&self, publisher: &Publisher, waiting: &mut Waiting) {
        let now = self.clock.monotonic();
        if let Some(published) = publisher.published() {
            waiting.published(published.checkpoint().size);
        }
        let (count, metrics) = (waiting.count(), &self.metrics);
        match waiting.look(publisher.waits_since(), now) {
            None => {}
            Some(Change::Lost { since }) => {
                let missing = metrics.missing();
                eprintln!(
                    "QUORUM LOST: for {} s no quorum has come for the newest head; {count} records wait for \
                     it. They are safe, and more are taken and answered with 202. Missing:{missing}",
                    since.as_secs()
                );
            }
            Some(Change::Back { after }) => {
                eprintln!(
                    "QUORUM BACK after {} s; {count} records wait for it",
                    after.as_secs()
                );
            }
        }
        let lost = waiting.lost();
        metrics.quorum.set(i64::from(lost.is_none()));
        metrics.pending_records.set(count.cast_signed());
        metrics
            .oldest_unpublished
            .set(waiting.oldest(now).as_secs_f64());
        self.without_quorum.send_if_modified(|known| {
            let changes = *known != lost;
            *known = lost;
            changes
        });
    }

    /// What a witness reports.
    fn hear(
        &self,
        publisher: Publisher,
        report: Report,
        said: &mut BTreeMap<String, Claim>,
    ) -> Result<Publisher, PublisherError> {
        let now = self.clock.monotonic();
        match report.what {
            witnesses::Outcome::Cosigned { round, lines, .. } => {
                said.remove(report.from.name());
                let (publisher, outcome) = publisher.cosigned(round, lines, now)?;
                self.carry_out(outcome);
                Ok(publisher)
            }
            witnesses::Outcome::Contradicts { claim, ours, shown } => {
                let from = report.from.name();
                let trusted =
                    |key: &VerifierKey| !self.distrusted.iter().any(|it| it == key.name());
                // A word may be distrusted; what the log's own key signed speaks for itself.
                if shown.is_none() && !report.from.keys().all(trusted) {
                    return Ok(publisher);
                }
                // Said once, not each time that it is asked.
                if said.insert(from.to_owned(), claim.clone()).as_ref() != Some(&claim) {
                    let said =
                        format!("witness {from} contradicts: {claim}; this log signed {ours}");
                    eprintln!("{}", shown::line(&said));
                }
                let (keys, seen) = (report.from.keys(), self.clock.unix_time());
                let (publisher, alarm) =
                    publisher.contradicted(keys, &claim, shown.as_ref(), seen, now)?;
                self.say(alarm);
                Ok(publisher)
            }
            witnesses::Outcome::Failed { .. } => Ok(publisher),
        }
    }

    fn say(&self, alarm: Option<String>) {
        if let Some(alarm) = alarm {
            self.metrics.forks.inc();
            eprintln!("{}", shown::line(&alarm));
        }
    }

    fn carry_out(&self, outcome: Outcome) {
        self.say(outcome.alarm);
        if let Some(published) = outcome.published {
            self.metrics
                .published_size
                .set(published.checkpoint().size.cast_signed());
            self.published.send_replace(Some(published));
        }
        if let Some(round) = outcome.round {
            self.metrics
                .signed_size
                .set(round.head.checkpoint.size.cast_signed());
            let round = Arc::new(round);
            self.rounds.send_modify(|rounds| {
                let before = rounds.take().and_then(|rounds| rounds.kept);
                let kept = Some(&round).filter(|round| round.keep).cloned().or(before);
                let newest = Arc::clone(&round);
                *rounds = Some(Rounds { newest, kept });
            });
        }
    }
}
