//! The commands `serve` and `mirror serve`: sockets, signals, and the program's life between them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ishibumi_archive::regular;
use ishibumi_wire::{Bastion, BastionError};
use ishibumi_witness::{Home, Metrics, Options};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::common::{BastionArgs, Lists, Printed, say};
use super::failure::Failure;

pub(super) fn serve(
    dir: &Path,
    addresses: (SocketAddr, Option<SocketAddr>),
    lists: &Lists,
    bastion: &BastionArgs,
) -> Result<Printed, Failure> {
    let metrics = Arc::new(Metrics::new().map_err(|error| Failure::refused(&error))?);
    let home = Home::at(dir);
    let options = Options {
        lists: lists
            .sources
            .iter()
            .map(|list| list.as_str().into())
            .collect(),
        lists_interval: Duration::from_secs(lists.seconds),
        bastion: connection(&home, bastion)?,
        ..Options::default()
    };
    let witness = Arc::new(home.open(metrics.alarms())?);
    runtime()?.block_on(async {
        let (listen, admin) = addresses;
        let Open {
            listener,
            admin,
            shutdown,
        } = Open::new(listen, admin).await?;
        let options = Options { admin, ..options };
        ishibumi_witness::serve(witness, metrics, listener, options, shutdown).await?;
        Ok(nothing())
    })
}

/// The longest file of root certificates, in octets.
const ROOTS_LEN_MAX: usize = 8 << 20;

fn connection(home: &Home, bastion: &BastionArgs) -> Result<Option<Bastion>, Failure> {
    let Some(address) = &bastion.address else {
        return Ok(None);
    };
    let read = |path: &PathBuf| {
        let failed = |error| Failure::refused(&format!("{}: {error}", path.display()));
        regular::read(path, ROOTS_LEN_MAX).map_err(failed)
    };
    let roots = bastion.roots.as_ref().map(read).transpose()?;
    let key = home.bastion_key()?;
    let connection = Bastion::new(address, &key, roots.as_deref());
    connection.map(Some).map_err(|error| match error {
        BastionError::Address(_) => Failure::usage(&error),
        other => Failure::refused(&other),
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unavailable(&error))
}

/// The output of a server that was told to stop: nothing.
pub(super) fn nothing() -> Printed {
    Printed {
        text: String::new(),
        json: Value::Null,
    }
}

/// Open sockets, and the signal that ends serving.
pub(super) struct Open<S> {
    pub(super) listener: TcpListener,
    pub(super) admin: Option<TcpListener>,
    pub(super) shutdown: S,
}

impl Open<()> {
    /// Opens the sockets and says where they are. Signals are heard from before that on.
    pub(super) async fn new(
        listen: SocketAddr,
        admin: Option<SocketAddr>,
    ) -> Result<Open<impl Future<Output = ()> + Send>, Failure> {
        let shutdown = termination()?;
        let (listener, address) = bind(listen).await?;
        let admin = match admin {
            Some(admin) => Some(bind(admin).await?),
            None => None,
        };
        say(&format!("listening on http://{address}\n"));
        if let Some((_, address)) = &admin {
            say(&format!("metrics on http://{address}/metrics\n"));
        }
        Ok(Open {
            listener,
            admin: admin.map(|(listener, _)| listener),
            shutdown,
        })
    }
}

/// Completes with the first SIGTERM, SIGINT or SIGHUP after this call.
pub(super) fn termination() -> Result<impl Future<Output = ()> + Send, Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::unavailable(&error));
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    // A terminal that is closed is no reason to break off in the middle of a request.
    let mut hangup = on(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    bound
        .await
        .map_err(|error| Failure::unavailable(&format!("{address}: {error}")))
}
