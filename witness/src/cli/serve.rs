//! The command `serve`: sockets, signals, and the program's life between them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, Registers};
use ishibumi_wire::{Bastion, BastionError};
use ishibumi_witness::{Home, Metrics, Options, Witness};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::{BastionArgs, Lists, Printed, say};

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
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unavailable(&error))?
        .block_on(listen_and_serve(witness, metrics, addresses, options))?;
    Ok(Printed {
        text: String::new(),
        json: Value::Null,
    })
}

fn connection(home: &Home, bastion: &BastionArgs) -> Result<Option<Bastion>, Failure> {
    let Some(address) = &bastion.address else {
        return Ok(None);
    };
    let read = |path: &PathBuf| {
        let failed = |error| Failure::refused(&format!("{}: {error}", path.display()));
        std::fs::read(path).map_err(failed)
    };
    let roots = bastion.roots.as_ref().map(read).transpose()?;
    let key = home.bastion_key()?;
    let connection = Bastion::new(address, &key, roots.as_deref());
    connection.map(Some).map_err(|error| match error {
        BastionError::Address(_) => Failure::usage(&error),
        other => Failure::refused(&other),
    })
}

async fn listen_and_serve<R: Registers, C: Clock>(
    witness: Arc<Witness<R, C>>,
    metrics: Arc<Metrics>,
    (listen, admin): (SocketAddr, Option<SocketAddr>),
    mut options: Options,
) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::unavailable(&error));
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let (listener, address) = bind(listen).await?;
    let admin = match admin {
        Some(admin) => Some(bind(admin).await?),
        None => None,
    };
    say(&format!("listening on http://{address}\n"));
    if let Some((_, address)) = &admin {
        say(&format!("metrics on http://{address}/metrics\n"));
    }
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    options.admin = admin.map(|(listener, _)| listener);
    ishibumi_witness::serve(witness, metrics, listener, options, shutdown).await?;
    Ok(())
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
