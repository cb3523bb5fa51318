//! `serve`: runs the log until it is told to stop, or until it must.
//!
//! A log whose key signs somewhere else does not end: records that have their quorum are read as
//! before, and none are taken. It stays so over restarts until that is settled
//! (`docs/decisions/0007-clones.md`).

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{LogStore, RocksLog, StoreError, SystemClock, room};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::{Hash, Policy, shown};
use ishibumi_wire::HttpNet;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::closed_log::ClosedLog;
use super::endpoints::endpoints;
use super::keys::public_keys;
use super::lost::refuse_witnessed;
use super::policy::read_policy;
use super::{OperateError, SetupError, contest, credential, open};
use crate::admission::new_record;
use crate::checkpoint_timestamps::{CheckpointTimestamping, Tsas};
use crate::config::Config;
use crate::core::room::Reserve;
use crate::core::scrub::Scrub;
use crate::core::{
    Care, ClosedHandle, Core, Handle, HeadError, HeadSigner, Item, Published, Publisher,
    PublisherError, Sequencer, Standing, start,
};
use crate::http::problem::Problem;
use crate::http::{Admin, Guard, Public, Served};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::{erasure, statements};

/// How often a log without disk space looks whether there is some again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(5);

/// Serves until SIGTERM, SIGINT or SIGHUP, then finishes what is in flight. `ready` is called with
/// the addresses once both listeners are open.
///
/// On a disk without the space that opening the store takes, it serves the data that are there, and
/// starts in full once there is space.
///
/// # Errors
/// [`OperateError`] if the log cannot start, or why it stopped by itself.
pub fn serve(
    config: &Config,
    mut ready: impl FnMut(SocketAddr, SocketAddr),
) -> Result<(), OperateError> {
    loop {
        match serve_in_full(config, &mut ready) {
            Err(OperateError::Store(full @ StoreError::NoRoom { .. })) => {
                if serve_without_room(config, &full, &mut ready)? == Until::Told {
                    return Ok(());
                }
            }
            ended => return ended,
        }
    }
}

/// Callback that takes the addresses of both listeners.
type Ready<'a> = &'a mut dyn FnMut(SocketAddr, SocketAddr);

fn serve_in_full(config: &Config, ready: Ready<'_>) -> Result<(), OperateError> {
    if let Some(closed) = ClosedLog::recognised(config)? {
        return serve_closed(config, &closed, ready);
    }
    let registry =
        Registry::load(config).map_err(|problems| OperateError::Usage(problems.join("\n")))?;
    let tsas = Tsas::load(config).map_err(|problems| OperateError::Usage(problems.join("\n")))?;
    if let Some(warning) = tsas.warning() {
        eprintln!("{}", shown::line(&warning));
    }
    let (store, signer, policy) = match open(config) {
        Err(OperateError::Core(PublisherError::Head(HeadError::Closed { .. }))) => {
            return serve_closed(config, &ClosedLog::open(config)?, ready);
        }
        Err(OperateError::Core(PublisherError::Head(
            error @ (HeadError::Accused { .. } | HeadError::Accusation { .. }),
        ))) => {
            if contest::settle(config)? {
                return serve_in_full(config, ready);
            }
            let standing = Standing::Forked(error.to_string());
            return serve_reads(config, standing, Problem::forked(), ready);
        }
        opened => opened?,
    };
    let ours = Ours {
        registry,
        tsas,
        store,
        signer,
        policy,
    };
    ours.serve(config, ready)
}

/// A log that this machine may sign for.
struct Ours {
    registry: Registry,
    tsas: Tsas,
    store: Arc<dyn LogStore>,
    signer: HeadSigner,
    policy: Policy,
}

impl Ours {
    fn serve(self, config: &Config, ready: Ready<'_>) -> Result<(), OperateError> {
        let Self {
            registry,
            tsas,
            store,
            signer,
            policy,
        } = self;
        if signer.has_moved() {
            eprintln!(
                "another machine signed with this key before: it must never start again. If its disk was copied \
                 and not moved, stop this log now: docs/recovery.md"
            );
        }
        let keys = signer.verifiers();
        if signer.head().is_none() {
            refuse_witnessed(config, &keys)?;
        }
        let credential = credential::create(config, &keys[0])?;
        let witnesses = endpoints(&policy, config)?;
        let settings = config.sequencing.clone();
        let publisher = Publisher::open(
            Arc::clone(&store),
            policy.clone(),
            signer,
            settings.keep_interval,
            settings.recosign_interval,
        )?;
        let sequencer = Sequencer::open(Arc::clone(&store))?;
        let sequencer = state_changes(store.as_ref(), &registry, sequencer)?;
        erasure::finish(store.as_ref())?;
        let core = Core {
            store: Arc::clone(&store),
            sequencer,
            publisher,
            witnesses,
            distrusted: config.distrusted_witnesses.clone(),
            net: Arc::new(HttpNet::new()),
            clock: Arc::new(SystemClock),
            settings,
            care: Some(care(config, keys)),
            metrics: Arc::new(Metrics::new().map_err(OperateError::system)?),
        };
        let runtime = runtime()?;
        let served = runtime.block_on(async {
            let sockets = Sockets::open(config).await?;
            // Before the log is reported as running: from then on it may be told to stop.
            let terminated = termination().map_err(OperateError::system)?;
            let (net, clock) = (Arc::clone(&core.net), Arc::clone(&core.clock));
            let metrics = Arc::clone(&core.metrics);
            let (handle, running) = start(core);
            let timestamping = CheckpointTimestamping {
                tsas,
                store: Arc::clone(&store),
                handle: handle.clone(),
                net,
                clock: Arc::clone(&clock),
                metrics: Arc::clone(&metrics),
            };
            timestamping.start()?;
            sockets.tell(ready)?;
            let served = Served {
                policy,
                store,
                handle,
                metrics,
                clock,
            };
            let admin = admin(config, &served, Some(credential));
            let handle = served.handle.clone();
            let public = Public::new(config, served, Arc::new(registry));
            let services = Services { public, admin };
            let outcome = sockets.serve(config, &handle, services, terminated).await;
            Ok::<_, OperateError>((outcome, running))
        });
        // Dropping the runtime ends the witnesses' tasks and the last handles.
        runtime.shutdown_timeout(config.limits.drain_deadline);
        let (outcome, running) = served?;
        running.finish();
        outcome
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, OperateError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(OperateError::system)
}

/// How the disks are looked after.
fn care(config: &Config, keys: Vec<VerifierKey>) -> Care {
    Care {
        reserve: Reserve {
            dirs: vec![config.data_dir.clone(), config.head_dir.clone()],
            octets: config.store.reserve_octets,
        },
        scrub: Scrub {
            keys,
            period: config.store.scrub_period,
            data_dir: config.data_dir.clone(),
        },
    }
}

/// Has the log say what changed in the registry, durably, before the registry is in force.
fn state_changes(
    store: &dyn LogStore,
    registry: &Registry,
    sequencer: Sequencer,
) -> Result<Sequencer, OperateError> {
    let statements = statements::outstanding(store, registry)?;
    if statements.is_empty() {
        return Ok(sequencer);
    }
    let records = statements.iter().map(new_record);
    let item = Item {
        records: records.collect::<Result<_, _>>()?,
        ..Item::default()
    };
    let (sequencer, _) = sequencer.stage(vec![item])?;
    Ok(sequencer)
}

/// Serves a closed log: reads as before, no key, nothing taken.
fn serve_closed(config: &Config, closed: &ClosedLog, ready: Ready<'_>) -> Result<(), OperateError> {
    // An erased blob does not come back because the log ended before it was removed.
    erasure::finish(closed.store.as_ref())?;
    let read = Read {
        policy: read_policy(config)?,
        store: Arc::clone(&closed.store),
        published: closed.published()?,
        standing: Standing::Running,
        why: Problem::log_closed(&closed.ending),
    };
    only_read(config, read, ready, std::future::pending()).map(drop)
}

/// Serves what has its quorum, and takes and signs nothing; submitters are told `why`.
fn serve_reads(
    config: &Config,
    standing: Standing,
    why: Problem,
    ready: Ready<'_>,
) -> Result<(), OperateError> {
    let store = RocksLog::open_with(&config.data_dir, &config.origin, config.store.cache_len)?;
    let read = Read::published_of(config, store, standing, why)?;
    only_read(config, read, ready, std::future::pending()).map(drop)
}

/// Serves the data that are there while the disk has no space for more, until it has.
fn serve_without_room(
    config: &Config,
    full: &StoreError,
    ready: Ready<'_>,
) -> Result<Until, OperateError> {
    let cache_len = config.store.cache_len;
    let store = RocksLog::open_for_reading(&config.data_dir, &config.origin, cache_len)?;
    let said = shown::line(&full.to_string());
    eprintln!(
        "ishibumi-log: {said}. Until then what is there is served, and nothing taken or signed"
    );
    let why =
        Problem::no_room("the log's disk is full; send again when its operator has made room");
    let read = Read::published_of(config, store, Standing::Running, why)?;
    let data_dir = config.data_dir.clone();
    let room = async move {
        loop {
            tokio::time::sleep(LOOK_FOR_ROOM).await;
            let dir = data_dir.clone();
            let found = tokio::task::spawn_blocking(move || room::to_open(&dir)).await;
            if matches!(found, Ok(Ok(()))) {
                return;
            }
        }
    };
    only_read(config, read, ready, room)
}

/// Why reading alone ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The process was told to stop.
    Told,
    /// The awaited event came.
    Came,
}

/// Serves the data that are there without a key, in any state of the log: for a log that must not
/// sign and is to be read.
///
/// # Errors
/// [`OperateError`] if there are no data to serve, or why serving stopped by itself.
pub fn serve_read_only(
    config: &Config,
    mut ready: impl FnMut(SocketAddr, SocketAddr),
) -> Result<(), OperateError> {
    serve_reads(config, Standing::Running, Problem::read_only(), &mut ready)
}

/// A log that only reads.
struct Read {
    policy: Policy,
    store: Arc<dyn LogStore>,
    published: Option<Published>,
    standing: Standing,
    /// The answer to submitters.
    why: Problem,
}

impl Read {
    /// The checkpoint that `store` published last, if the policy accepts it.
    fn published_of(
        config: &Config,
        store: RocksLog,
        standing: Standing,
        why: Problem,
    ) -> Result<Self, OperateError> {
        let policy = read_policy(config)?;
        let note = store.published()?;
        let published = note.and_then(|note| policy.check_checkpoint(&note).ok());
        Ok(Self {
            policy,
            store: Arc::new(store),
            published: published.map(Arc::new),
            standing,
            why,
        })
    }
}

/// Serves until the process is told to end, or until `awaited` completes.
fn only_read(
    config: &Config,
    read: Read,
    ready: Ready<'_>,
    awaited: impl Future<Output = ()>,
) -> Result<Until, OperateError> {
    let metrics = Arc::new(Metrics::new().map_err(OperateError::system)?);
    let runtime = runtime()?;
    let (handle, _open) = ClosedHandle::open(read.published, read.standing);
    let outcome = runtime.block_on(async {
        let sockets = Sockets::open(config).await?;
        let terminated = termination().map_err(OperateError::system)?;
        sockets.tell(ready)?;
        let served = Served {
            policy: read.policy,
            store: read.store,
            handle: handle.clone(),
            metrics,
            clock: Arc::new(SystemClock),
        };
        let admin = admin(config, &served, None);
        let public = Public::only_reading(config, served, read.why);
        let until = Cell::new(Until::Told);
        let ended = async {
            tokio::select! {
                () = terminated => {}
                () = awaited => until.set(Until::Came),
            }
        };
        let services = Services { public, admin };
        sockets.serve(config, &handle, services, ended).await?;
        Ok(until.get())
    });
    runtime.shutdown_timeout(config.limits.drain_deadline);
    outcome
}

fn admin(config: &Config, served: &Served, credential: Option<Hash>) -> Admin {
    let keys = public_keys(config).unwrap_or_default();
    Admin {
        store: Arc::clone(&served.store),
        handle: served.handle.clone(),
        metrics: Arc::clone(&served.metrics),
        origin: config.origin.clone(),
        vkeys: keys.iter().map(ToString::to_string).collect(),
        guard: Guard {
            hosts: config.admin_hosts.clone(),
            credential,
        },
    }
}

/// The services on the two sockets.
struct Services {
    public: Public,
    admin: Admin,
}

/// The two sockets of a log.
struct Sockets {
    public: TcpListener,
    admin: TcpListener,
}

impl Sockets {
    async fn open(config: &Config) -> Result<Self, OperateError> {
        Ok(Self {
            public: listen(config.listen).await?,
            admin: listen(config.admin_listen).await?,
        })
    }

    /// Calls `ready` with the addresses of the listeners.
    fn tell(&self, ready: Ready<'_>) -> Result<(), OperateError> {
        let address = |listener: &TcpListener| listener.local_addr().map_err(OperateError::system);
        ready(address(&self.public)?, address(&self.admin)?);
        Ok(())
    }

    /// Serves until `terminated` completes or the log stops, and then what is in flight.
    async fn serve(
        self,
        config: &Config,
        handle: &Handle,
        services: Services,
        terminated: impl Future<Output = ()>,
    ) -> Result<(), OperateError> {
        let standing = handle.standing();
        let (tell, told) = tokio::sync::watch::channel(false);
        let until = |mut told: tokio::sync::watch::Receiver<bool>| async move {
            let _ = told.wait_for(|&stop| stop).await;
        };
        let stopping = async {
            let why = tokio::select! {
                () = terminated => {
                    let standing = standing.borrow();
                    standing.why().filter(|_| standing.is_final()).map(str::to_owned)
                }
                why = failed(handle) => Some(why),
            };
            tell.send_replace(true);
            why
        };
        let limits = config.limits.of_the_server();
        let (public, admin) = (Arc::new(services.public), Arc::new(services.admin));
        let (why, served, admin_served) = tokio::join!(
            stopping,
            ishibumi_wire::serve(self.public, public, limits.clone(), until(told.clone())),
            ishibumi_wire::serve(self.admin, admin, limits, until(told.clone())),
        );
        served.and(admin_served).map_err(OperateError::system)?;
        match why {
            None => Ok(()),
            Some(why) => Err(OperateError::Stopped(why)),
        }
    }
}

/// Completes when the process has to end, with the reason. A log whose key signs elsewhere goes on
/// being read, and says so here.
async fn failed(handle: &Handle) -> String {
    let mut standing = handle.standing();
    let ended = standing.wait_for(Standing::is_final).await;
    match ended.as_deref() {
        Ok(Standing::Forked(why)) => eprintln!("ishibumi-log: {}", shown::line(why)),
        Ok(other) => return other.why().unwrap_or_default().to_owned(),
        Err(_) => return "its threads ended".to_owned(),
    }
    drop(ended);
    std::future::pending().await
}

async fn listen(address: SocketAddr) -> Result<TcpListener, OperateError> {
    TcpListener::bind(address).await.map_err(|error| {
        let cause = error.to_string();
        SetupError::Listen { address, cause }.into()
    })
}

/// Completes with the first SIGTERM, SIGINT or SIGHUP after this call.
fn termination() -> std::io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    // A terminal that is closed, or an operator who expects a reload: requests in flight are
    // finished.
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
