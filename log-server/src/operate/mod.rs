//! The operator's commands, one file each.

pub mod check;
pub mod close;
mod closed_log;
mod contest;
mod credential;
mod endpoints;
pub mod erase;
mod error;
pub mod export;
pub mod fsck;
pub mod init;
pub mod keys;
mod loss;
mod lost;
mod policy;
pub mod predecessor;
mod reach;
pub mod recover;
pub mod reindex;
pub mod serve;
mod setup;
mod source;
pub mod status;
mod survey;
pub mod take_over;

use std::sync::Arc;

use ishibumi_store::{HeadFile, LogStore};
use ishibumi_tlog::Policy;

pub use self::error::OperateError;
use self::keys::KeyPair;
pub use self::loss::LostError;
use self::policy::read_policy;
pub use self::setup::SetupError;
use crate::config::Config;
use crate::core::{HeadError, HeadSigner, LogKeys};

/// Opens store, head file and key, and applies the start rule. Creates nothing.
fn open(config: &Config) -> Result<Opened, OperateError> {
    open_with(config, HeadSigner::open)
}

/// Opens the log like [`open`], for the command that closes it.
fn open_to_close(config: &Config) -> Result<Opened, OperateError> {
    open_with(config, HeadSigner::open_to_close)
}

type Opened = (Arc<dyn LogStore>, HeadSigner, Policy);

fn open_with(
    config: &Config,
    sign: impl FnOnce(Arc<dyn LogStore>, LogKeys, HeadFile) -> Result<HeadSigner, HeadError>,
) -> Result<Opened, OperateError> {
    let keys = KeyPair::read(config)?;
    let policy = read_policy(config)?;
    // Each of them: a signature whose key the policy does not name would not be published.
    for key in keys.verifiers() {
        if !policy.logs().iter().any(|log| log.key == key) {
            let policy = config.policy_file.display().to_string();
            let key = key.to_string();
            return Err(SetupError::NoLogLine { policy, key }.into());
        }
    }
    let (head_file, store) = lost::open_both(config, keys.ed25519.verifier())?;
    let store: Arc<dyn LogStore> = Arc::new(store);
    // Only where nothing was ever signed: an empty database beside a head that was is a rollback,
    // and the head file is what tells.
    if store.staged()?.size() == 0 && head_file.read()?.is_none() {
        return Err(LostError::Unfinished.into());
    }
    let signer = sign(Arc::clone(&store), keys.into_signers(), head_file)?;
    Ok((store, signer, policy))
}
