//! The command `serve`: sockets, signals, and the program's life between them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ishibumi_store::{Clock, Registers};
use ishibumi_wire::Limits;
use ishibumi_witness::{Home, Metrics, Witness};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::{Printed, say};

pub(super) fn serve(
    dir: &Path,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
) -> Result<Printed, Failure> {
    let metrics = Arc::new(Metrics::new().map_err(|error| Failure::refused(&error))?);
    let witness = Arc::new(Home::at(dir).open(metrics.alarms())?);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unavailable(&error))?
        .block_on(listen_and_serve(witness, metrics, listen, admin))?;
    Ok(Printed {
        text: String::new(),
        json: Value::Null,
    })
}

async fn listen_and_serve<R: Registers, C: Clock>(
    witness: Arc<Witness<R, C>>,
    metrics: Arc<Metrics>,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
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
    let admin = admin.map(|(listener, _)| listener);
    ishibumi_witness::serve(
        witness,
        metrics,
        listener,
        admin,
        Limits::default(),
        shutdown,
    )
    .await?;
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
