//! A witness: makes its keys in a new folder, follows a log, and cosigns (C2SP tlog-witness) until
//! it is interrupted:
//!
//!     witness FOLDER NAME LOG_VKEY

use std::env;
use std::sync::Arc;

use ishibumi_tlog::key::VerifierKey;
use ishibumi_witness::{Home, Metrics, Options, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, name, log] = &arguments[..] else {
        return Err("usage: witness FOLDER NAME LOG_VKEY".into());
    };
    let home = Home::at(folder);
    for key in home.init(name)?.active() {
        eprintln!("cosigns as {key}");
    }
    let metrics = Arc::new(Metrics::new()?);
    let witness = home.open(metrics.alarms())?;
    witness.follower().add_log(&log.parse::<VerifierKey>()?)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(
        Arc::new(witness),
        metrics,
        listener,
        Options::default(),
        interrupted,
    )
    .await?;
    Ok(())
}
