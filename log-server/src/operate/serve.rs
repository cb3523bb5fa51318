//! `serve`: runs the log until it is told to stop, or until it must.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{HeadFile, LogStore, RocksLog, StoreError, SystemClock, room};
use ishibumi_tlog::shown;
use ishibumi_wire::{HttpNet, Net};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::closed::Closed;
use super::endpoints::endpoints;
use super::keys::public_keys;
use super::{OperateError, open, read_policy};
use crate::admission::new_record;
use crate::anchoring::{Anchoring, Tsas};
use crate::config::Config;
use crate::core::room::Reserve;
use crate::core::run::{Care, Core, Handle, start, still};
use crate::core::scrub::Scrub;
use crate::core::{HeadError, Item, Publisher, PublisherError, Sequencer};
use crate::http::{Admin, Public};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::{erasure, statements};

/// How often a log without room looks whether there is some.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT, then finishes what is in flight. `ready` is called with the addresses
/// once both listeners are open.
///
/// On a disk without room to open the store it serves what is there, and starts in full once there is room.
pub fn serve(
    config: &Config,
    mut ready: impl FnMut(std::net::SocketAddr, std::net::SocketAddr),
) -> Result<(), OperateError> {
    loop {
        match serve_all(config, &mut ready) {
            Err(OperateError::Store(error @ StoreError::NoRoom { .. })) => {
                if serve_reads(config, &error, &mut ready)? == Until::Terminated {
                    return Ok(());
                }
            }
            ended => return ended,
        }
    }
}

fn serve_all(
    config: &Config,
    ready: impl FnOnce(std::net::SocketAddr, std::net::SocketAddr),
) -> Result<(), OperateError> {
    if let Some(closed) = Closed::recognised(config)? {
        return serve_closed(config, &closed, ready);
    }
    let registry =
        Registry::load(config).map_err(|problems| OperateError::Refused(problems.join("\n")))?;
    let tsas = Tsas::load(config).map_err(|problems| OperateError::Refused(problems.join("\n")))?;
    if let Some(warning) = tsas.warning() {
        eprintln!("{}", shown::line(&warning));
    }
    let (store, signer, policy) = match open(config) {
        Err(OperateError::Core(PublisherError::Head(HeadError::Closed { .. }))) => {
            return serve_closed(config, &Closed::open(config)?, ready);
        }
        opened => opened?,
    };
    let witnesses = endpoints(&policy, config)?;
    let verifiers = public_keys(config)?;
    let settings = config.sequencing.clone();
    let publisher = Publisher::open(
        Arc::clone(&store),
        policy,
        signer,
        settings.keep_interval,
        settings.recosign_interval,
    )?;
    let sequencer = Sequencer::open(Arc::clone(&store)).map_err(|e| refused(&e))?;
    let sequencer = state_changes(store.as_ref(), &registry, sequencer)?;
    erasure::finish(store.as_ref())?;
    let metrics = Arc::new(Metrics::new().map_err(|e| refused(&e))?);
    let net: Arc<dyn Net> = Arc::new(HttpNet::new());

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))?;
    let served = runtime.block_on(async {
        let listener = listen(config.listen).await?;
        let admin_listener = listen(config.admin_listen).await?;
        // Before anybody is told that the log runs: from then on it may be told to stop.
        let terminated = termination().map_err(|error| refused(&error))?;
        let (handle, running) = start(Core {
            store: Arc::clone(&store),
            sequencer,
            publisher,
            witnesses,
            distrusted: config.distrusted_witnesses.clone(),
            net: Arc::clone(&net),
            clock: Arc::new(SystemClock),
            settings,
            care: Some(Care {
                reserve: Reserve {
                    dirs: vec![config.data_dir.clone(), config.head_dir.clone()],
                    octets: config.store.reserve_octets,
                },
                scrub: Scrub {
                    keys: verifiers,
                    period: config.store.scrub_period,
                    data_dir: config.data_dir.clone(),
                },
            }),
            metrics: Arc::clone(&metrics),
        });
        let anchoring = Anchoring {
            tsas,
            store: Arc::clone(&store),
            handle: handle.clone(),
            net,
            clock: Arc::new(SystemClock),
            metrics: Arc::clone(&metrics),
        };
        anchoring.start()?;
        let address = |listener: &TcpListener| listener.local_addr().map_err(|e| refused(&e));
        ready(address(&listener)?, address(&admin_listener)?);
        let public = Public::new(
            config,
            Arc::clone(&store),
            handle.clone(),
            Arc::new(registry),
            Arc::clone(&metrics),
        );
        let admin = admin(config, &store, &handle, &metrics);
        let services = ((listener, public), (admin_listener, admin));
        let outcome = listeners(config, &handle, services, terminated).await;
        drop(handle);
        Ok::<_, OperateError>((outcome, running))
    });
    // Dropping the runtime ends the witnesses' tasks and the last handles.
    runtime.shutdown_timeout(config.limits.drain_deadline);
    let (outcome, running) = served?;
    running.finish();
    outcome
}

/// Has the log say what changed in the registry, durably, before the registry is in force.
fn state_changes(
    store: &dyn LogStore,
    registry: &Registry,
    sequencer: Sequencer,
) -> Result<Sequencer, OperateError> {
    let statements = statements::outstanding(store, registry).map_err(|e| refused(&e))?;
    if statements.is_empty() {
        return Ok(sequencer);
    }
    let records = statements.iter().map(new_record).collect::<Result<_, _>>();
    let item = Item {
        records: records.map_err(|problem| OperateError::Refused(problem.detail))?,
        ..Item::default()
    };
    let (sequencer, _) = sequencer.stage(vec![item]).map_err(|e| refused(&e))?;
    Ok(sequencer)
}

/// Serves a closed log until SIGTERM or SIGINT: reads as before, no key, nothing taken.
fn serve_closed(
    config: &Config,
    closed: &Closed,
    ready: impl FnOnce(std::net::SocketAddr, std::net::SocketAddr),
) -> Result<(), OperateError> {
    let metrics = Arc::new(Metrics::new().map_err(|e| refused(&e))?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))?;
    let (handle, _still) = still(closed.published()?);
    let store = &closed.store;
    // What had to go does not come back because the log ended before it was gone.
    erasure::finish(store.as_ref())?;
    let served = runtime.block_on(async {
        let listener = listen(config.listen).await?;
        let admin_listener = listen(config.admin_listen).await?;
        let terminated = termination().map_err(|error| refused(&error))?;
        let address = |listener: &TcpListener| listener.local_addr().map_err(|e| refused(&e));
        ready(address(&listener)?, address(&admin_listener)?);
        let public = Public::of_closed(
            config,
            Arc::clone(store),
            handle.clone(),
            Arc::clone(&metrics),
            &closed.ending,
        );
        let admin = admin(config, store, &handle, &metrics);
        let services = ((listener, public), (admin_listener, admin));
        listeners(config, &handle, services, terminated).await
    });
    runtime.shutdown_timeout(config.limits.drain_deadline);
    served
}

/// Why reading alone ended.
#[derive(PartialEq, Eq)]
enum Until {
    Terminated,
    Room,
}

/// Serves what is there while the disk has no room, takes nothing, signs nothing. Holds the head file's lock, so
/// that nobody else writes meanwhile.
fn serve_reads(
    config: &Config,
    why: &StoreError,
    ready: impl FnOnce(std::net::SocketAddr, std::net::SocketAddr),
) -> Result<Until, OperateError> {
    let keys = public_keys(config)?;
    let _head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    eprintln!("{why}. Until then the log serves what it has, takes nothing and signs nothing");
    let cache_len = config.store.cache_len;
    let store = RocksLog::open_for_reading(&config.data_dir, &config.origin, cache_len)?;
    let store: Arc<dyn LogStore> = Arc::new(store);
    let policy = read_policy(config)?;
    let note = store.published()?;
    let published = note.and_then(|note| policy.check_checkpoint(&note).ok());
    let metrics = Arc::new(Metrics::new().map_err(|e| refused(&e))?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))?;
    let (handle, _still) = still(published.map(Arc::new));
    let (told_room, mut room) = tokio::sync::watch::channel(false);
    let served = runtime.block_on(async {
        let listener = listen(config.listen).await?;
        let admin_listener = listen(config.admin_listen).await?;
        let terminated = termination().map_err(|error| refused(&error))?;
        let address = |listener: &TcpListener| listener.local_addr().map_err(|e| refused(&e));
        ready(address(&listener)?, address(&admin_listener)?);
        let public = Public::of_full_disk(
            config,
            Arc::clone(&store),
            handle.clone(),
            Arc::clone(&metrics),
        );
        let admin = admin(config, &store, &handle, &metrics);
        let services = ((listener, public), (admin_listener, admin));
        let data_dir = config.data_dir.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_FOR_ROOM).await;
                let dir = data_dir.clone();
                let found = tokio::task::spawn_blocking(move || room::to_open(&dir)).await;
                if matches!(found, Ok(Ok(()))) {
                    told_room.send_replace(true);
                }
            }
        });
        let ended = async {
            tokio::select! {
                () = terminated => {}
                _ = room.wait_for(|&there| there) => {}
            }
        };
        listeners(config, &handle, services, ended).await
    });
    let there = *room.borrow();
    runtime.shutdown_timeout(config.limits.drain_deadline);
    served?;
    Ok(if there {
        Until::Room
    } else {
        Until::Terminated
    })
}

fn admin(
    config: &Config,
    store: &Arc<dyn LogStore>,
    handle: &Handle,
    metrics: &Arc<Metrics>,
) -> Admin {
    Admin {
        store: Arc::clone(store),
        handle: handle.clone(),
        metrics: Arc::clone(metrics),
        origin: config.origin.clone(),
    }
}

async fn listeners(
    config: &Config,
    handle: &Handle,
    ((listener, public), (admin_listener, admin)): ((TcpListener, Public), (TcpListener, Admin)),
    terminated: impl Future<Output = ()>,
) -> Result<(), OperateError> {
    let mut stopped = handle.stopped();
    let (tell, told) = tokio::sync::watch::channel(false);
    let until = |mut told: tokio::sync::watch::Receiver<bool>| async move {
        let _ = told.wait_for(|&stop| stop).await;
    };
    let stopping = async {
        let why = tokio::select! {
            () = terminated => None,
            why = async {
                match stopped.wait_for(Option::is_some).await {
                    Ok(why) => why.clone(),
                    Err(_) => Some("its threads ended".to_owned()),
                }
            } => why,
        };
        tell.send_replace(true);
        why
    };
    let limits = config.limits.clone();
    let (why, served, admin_served) = tokio::join!(
        stopping,
        ishibumi_wire::serve(
            listener,
            Arc::new(public),
            limits.clone(),
            until(told.clone())
        ),
        ishibumi_wire::serve(admin_listener, Arc::new(admin), limits, until(told.clone())),
    );
    served.and(admin_served).map_err(|error| refused(&error))?;
    match why {
        None => Ok(()),
        Some(why) => Err(OperateError::Refused(format!("the log stopped: {why}"))),
    }
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, OperateError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| OperateError::Refused(format!("cannot listen on {address}: {error}")))
}

/// Completes with the first SIGTERM or SIGINT after this call.
fn termination() -> std::io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

fn refused(error: &dyn std::fmt::Display) -> OperateError {
    OperateError::Refused(error.to_string())
}
