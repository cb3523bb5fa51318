//! Gives the core its threads: one for the sequencer, one for the publisher, one that watches the records,
//! and a task per witness.
//!
//! The threads block on the disk and on nothing else. They end when the last [`Handle`] is gone, or
//! with the first error; then [`Handle::stopped`] says why and nothing is accepted any more.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use ishibumi_artifact::record::Suspicion;
use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::shown;
use ishibumi_wire::Net;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::publisher::{Outcome, Published, Publisher, PublisherError};
use super::room::{Lack, Reserve};
use super::scrub::Scrub;
use super::sequencer::{Item, Placed, Sequencer};
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
    lack: watch::Receiver<Lack>,
    stopped: watch::Receiver<Option<String>>,
}

struct Submission {
    items: Vec<Item>,
    records: usize,
    answer: oneshot::Sender<Vec<Placed>>,
    _place: OwnedSemaphorePermit,
}

enum Event {
    Staged,
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
    /// Care of the disks, for as long as the log runs.
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
    let (set_stopped, stopped) = watch::channel(None);
    let (set_round, rounds) = watch::channel(None);
    let set_stopped = Arc::new(set_stopped);

    core.metrics.know(&core.witnesses);
    let surroundings = Surroundings {
        store: Arc::clone(&core.store),
        net: core.net,
        clock: core.clock,
        rounds,
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
        started: Instant::now(),
    };
    let stop = Stop(Arc::clone(&set_stopped), "the publisher");
    let publisher = std::thread::spawn(move || {
        if let Err(error) = publishing.run(core.publisher) {
            stop.because(error.to_string());
        }
    });
    let pool_records_max = core.settings.pool_records_max;
    let (settings, metrics) = (core.settings, core.metrics);
    let keeping = events.clone();
    let (lack, mut threads, alive) = match core.care {
        Some(care) => care.start(&core.store, &metrics, &set_stopped),
        None => (watch::channel(None).1, Vec::new(), Vec::new()),
    };
    let (watcher, watching) = Watcher::start(core.store, published.clone(), Arc::clone(&metrics));
    let stop = Stop(set_stopped, "the sequencer");
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
            stop.because(why);
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
        lack,
        stopped,
    };
    threads.extend([sequencer, publisher, watching]);
    (handle, Running { threads })
}

/// How it stands with the room, the threads that care, and what they live on.
type Cared = (
    watch::Receiver<Lack>,
    Vec<std::thread::JoinHandle<()>>,
    Vec<Sender<()>>,
);

impl Care {
    fn start(
        self,
        store: &Arc<dyn LogStore>,
        metrics: &Arc<Metrics>,
        set_stopped: &Arc<watch::Sender<Option<String>>>,
    ) -> Cared {
        let Self { reserve, scrub } = self;
        let (set_lack, lack) = watch::channel(reserve.lack(store.as_ref(), metrics));
        let (scrub_lives, scrub_ends) = channel();
        let scrubbing = {
            let (store, metrics) = (Arc::clone(store), Arc::clone(metrics));
            let stop = Stop(Arc::clone(set_stopped), "the scrub");
            move || {
                if let Err(why) = scrub.run(&store, &metrics, &scrub_ends) {
                    stop.because(why);
                }
            }
        };
        let (room_lives, room_ends) = channel();
        let watching = {
            let (store, metrics) = (Arc::clone(store), Arc::clone(metrics));
            move || reserve.watch(&store, &metrics, &set_lack, &room_ends)
        };
        let threads = vec![std::thread::spawn(scrubbing), std::thread::spawn(watching)];
        (lack, threads, vec![scrub_lives, room_lives])
    }
}

/// What keeps the [`Handle`] of a closed log alive.
pub struct Still {
    _published: watch::Sender<Option<Published>>,
    _lack: watch::Sender<Lack>,
    _stopped: watch::Sender<Option<String>>,
}

/// The way into a closed log: what it published last is there, and nothing is taken.
pub fn still(published: Option<Published>) -> (Handle, Still) {
    let (submissions, _) = channel();
    let (events, _) = channel();
    let (set_published, published) = watch::channel(published);
    let (set_lack, lack) = watch::channel(None);
    let (set_stopped, stopped) = watch::channel(None);
    let handle = Handle {
        submissions,
        events,
        pool: Arc::new(Semaphore::new(0)),
        pool_records_max: 0,
        published,
        lack,
        stopped,
    };
    let still = Still {
        _published: set_published,
        _lack: set_lack,
        _stopped: set_stopped,
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

/// Says why the log stopped; held by a thread that the log cannot do without. A thread that panics (an
/// invariant did not hold) says so too: nobody may take a log for alive that has lost one.
struct Stop(Arc<watch::Sender<Option<String>>>, &'static str);

impl Stop {
    fn because(&self, why: String) {
        self.0.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(why);
            is_first
        });
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.because(format!(
                "{} met a fault of its own; see standard error",
                self.1
            ));
        }
    }
}

impl Handle {
    /// Hands artifacts to the sequencer and waits until they are durable.
    ///
    /// A log that has stopped takes nothing, and confirms nothing that was on its way: it may have stopped
    /// because it is an old copy.
    pub async fn submit(&self, items: Vec<Item>) -> Result<Vec<Placed>, SubmitError> {
        self.alive()?;
        if let Some(lack) = self.lack.borrow().as_ref() {
            return Err(SubmitError::NoRoom(lack.clone()));
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
            .map_err(|_| self.stopped_error())?;
        let placed = answered.await.map_err(|_| self.stopped_error())?;
        self.alive()?;
        Ok(placed)
    }

    fn alive(&self) -> Result<(), SubmitError> {
        if self.stopped.borrow().is_none() {
            return Ok(());
        }
        Err(self.stopped_error())
    }

    /// Waits until a published checkpoint covers record `index`; `None` if that takes longer than
    /// `deadline`.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] if the log stops meanwhile: what it had taken on the way is then not to be
    /// confirmed, since it may have stopped because it is an old copy.
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
        let mut stopped = self.stopped.clone();
        let found = tokio::select! {
            found = tokio::time::timeout(deadline, waiting) => found,
            // That the sender is gone says that the threads have ended.
            _ = stopped.wait_for(Option::is_some) => return Err(self.stopped_error()),
        };
        match found {
            Ok(Ok(found)) => Ok(found.clone()),
            Ok(Err(_)) => Err(self.stopped_error()),
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

    /// Why the log stopped, once it has.
    pub fn stopped(&self) -> watch::Receiver<Option<String>> {
        self.stopped.clone()
    }

    /// Records that wait to be staged.
    pub fn pending(&self) -> usize {
        self.pool_records_max
            .saturating_sub(self.pool.available_permits())
    }

    fn stopped_error(&self) -> SubmitError {
        let why = self.stopped.borrow().clone();
        SubmitError::Stopped(why.unwrap_or_else(|| "it is shutting down".to_owned()))
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
        let _ = events.send(Event::Staged);
    }
    Ok(())
}

struct Publishing {
    events: Receiver<Event>,
    rounds: watch::Sender<Option<Rounds>>,
    published: watch::Sender<Option<Published>>,
    distrusted: Vec<String>,
    metrics: Arc<Metrics>,
    started: Instant,
}

impl Publishing {
    /// By reference: whoever waits for `published` is to learn first why there will be no more of them.
    fn run(&self, publisher: Publisher) -> Result<(), PublisherError> {
        let (mut publisher, outcome) = publisher.start(self.started.elapsed())?;
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
                    Event::Staged => continue,
                    Event::Keep(answer) => {
                        let now = self.started.elapsed();
                        let (next, kept) = publisher.keep_published(now)?;
                        publisher = next;
                        // Who asked may have given up.
                        let _ = answer.send(kept);
                        continue;
                    }
                    Event::Stop => return Ok(()),
                };
                self.metrics.witness(&report);
                match report.what {
                    witnesses::Outcome::Cosigned { round, lines, .. } => {
                        let now = self.started.elapsed();
                        let (next, outcome) = publisher.cosigned(round, lines, now)?;
                        publisher = next;
                        self.carry_out(outcome);
                    }
                    witnesses::Outcome::Ahead {
                        theirs,
                        ours,
                        agreed_before,
                    } => {
                        let from = shown::line(report.from.name());
                        eprintln!("witness {from} claims size {theirs}, this log signed {ours}");
                        let mut names: Vec<&str> =
                            report.from.keys().map(VerifierKey::name).collect();
                        names.dedup();
                        if names
                            .iter()
                            .any(|name| self.distrusted.iter().any(|d| d == name))
                        {
                            continue;
                        }
                        for name in names {
                            publisher =
                                publisher.contradicted(name, theirs, ours, agreed_before)?;
                        }
                    }
                    witnesses::Outcome::Failed { .. } => {}
                }
            }
            let (next, outcome) = publisher.tick(self.started.elapsed())?;
            publisher = next;
            self.carry_out(outcome);
        }
    }

    fn carry_out(&self, outcome: Outcome) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_stops_the_log_and_one_that_ends_does_not() {
        let (set_stopped, stopped) = watch::channel(None);
        let set_stopped = Arc::new(set_stopped);
        let end = Stop(Arc::clone(&set_stopped), "a thread");
        std::thread::spawn(move || drop(end)).join().unwrap();
        assert_eq!(*stopped.borrow(), None);

        let fault = Stop(Arc::clone(&set_stopped), "a thread");
        let thread = std::thread::spawn(move || {
            let _held = fault;
            panic!("an invariant did not hold");
        });
        assert!(thread.join().is_err());
        let why = stopped.borrow().clone().unwrap();
        assert!(why.starts_with("a thread met a fault"), "{why}");

        Stop(set_stopped, "another").because("later".to_owned());
        assert_eq!(
            stopped.borrow().as_ref(),
            Some(&why),
            "the first reason stays"
        );
    }
}
