//! `status`: how a log is, from the running process if there is one, else from its files.

use ishibumi_store::{RocksLog, StoreError};
use ishibumi_wire::{HttpNet, Net as _, Request};
use serde_json::{Value, json};

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;
use crate::http::admin_status;

/// The longest status that is read, in octets.
const ANSWER_LEN_MAX: usize = 1 << 20;

/// Reads the data directory or, if another process has it open, asks the admin listener.
///
/// # Errors
/// [`OperateError`] if the data directory cannot be read, or the log that has it open does not
/// answer.
pub fn status(config: &Config) -> Result<Value, OperateError> {
    match RocksLog::open(&config.data_dir, &config.origin) {
        Ok(store) => {
            let mut status = admin_status(&config.origin, &store, None)?;
            let keys = public_keys(config).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            status["vkeys"] = json!(keys);
            Ok(status)
        }
        // A log that only reads because disk space is lacking takes no lock.
        Err(StoreError::InUse { .. } | StoreError::NoRoom { .. }) => ask(config),
        Err(error) => Err(error.into()),
    }
}

fn ask(config: &Config) -> Result<Value, OperateError> {
    let refused = |error: &dyn std::fmt::Display| {
        OperateError::Unavailable(format!(
            "a process has the data directory open, but its admin listener {} does not answer: {error}",
            config.admin_listen
        ))
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(OperateError::system)?;
    let net = HttpNet::new();
    let url = format!("http://{}/status", config.admin_listen);
    let answer = runtime
        .block_on(net.send(Request::get(url, ANSWER_LEN_MAX)))
        .map_err(|error| refused(&error))?;
    serde_json::from_slice(&answer.body).map_err(|error| refused(&error))
}
