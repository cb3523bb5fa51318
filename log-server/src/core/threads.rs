//! Gives the core its threads: one for the sequencer, one for the publisher, one that watches the
//! records, and a task per witness.
//!
//! The threads block on the disk and on nothing else. They end when the last [`Handle`] is gone, or
//! with the first error; then [`Handle::standing`] says why and nothing is accepted any more.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ishibumi_store::{Clock, LogStore};
use ishibumi_wire::Net;
use tokio::sync::{Semaphore, watch};

use super::handle::Handle;
use super::publisher::Publisher;
use super::publishing::{Event, Publishing};
use super::room::{Lack, Reserve};
use super::scrub::Scrub;
use super::sequence::Sequence;
use super::sequencer::Sequencer;
use super::standing::{Standing, Teller};
use super::suspicion_watcher::SuspicionWatcher;
use super::witnesses::{self, Endpoint, Report, Surroundings, follow};
use crate::config::Sequencing;
use crate::metrics::Metrics;

/// How long a witness is left alone after the log itself failed while asking it.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// A running log. Drop every [`Handle`], then wait for [`Running::finish`]: the accepted records
/// are then staged and the store is closed.
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

/// Everything that [`start`] starts.
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
    /// The clock that their times are compared with.
    pub clock: Arc<dyn Clock>,
    /// Sizes and times.
    pub settings: Sequencing,
    /// Care of the disks, for as long as the log runs; none where it only ends.
    pub care: Option<Care>,
    /// The counters.
    pub metrics: Arc<Metrics>,
}

/// How the disks of a running log are looked after.
pub struct Care {
    /// The disk space that is to stay free.
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
    let (watcher, watching) = SuspicionWatcher::start(
        core.store,
        published.clone(),
        Arc::clone(&metrics),
        core.clock,
    );
    let teller = Teller::new(&set_standing, "the sequencer");
    let sequence = Sequence {
        submitted,
        events,
        settings,
        metrics,
        watcher,
    };
    let sequencer = std::thread::spawn(move || {
        // The threads that look after the disks end with this one.
        let _alive = alive;
        if let Err(error) = sequence.run(core.sequencer) {
            teller.tell(Standing::Failed(error.to_string()));
        }
        // A publisher that is gone needs no telling.
        let _ = sequence.events.send(Event::Stop);
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

/// The lack of disk space, the threads that look after the store, and the values that they depend
/// on.
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

/// Asks one witness until the log ends. A fault of the log while dealing with it costs this witness
/// a few seconds, and the others nothing.
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
