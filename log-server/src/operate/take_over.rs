//! `take-over`: an operator who knows says that the machine that held the head file will never sign
//! again.

use ishibumi_store::{HeadFile, Machine};

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;

/// Claims the head file for this machine and gives it up, so that the next start finds it free.
///
/// # Errors
/// [`OperateError`] if the public keys are not known, or the head file cannot be opened or claimed.
pub fn take_over(config: &Config) -> Result<(), OperateError> {
    let keys = public_keys(config)?;
    let mut head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    Ok(head_file.take_over(&Machine::here())?)
}
