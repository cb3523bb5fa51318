//! A log that stopped since its key signed another tree is started again: does the quorum follow it
//! after all?
//!
//! Two copies raced, both were shown the other's head, and the witnesses that would have decided
//! were away. No new signature is needed to find out: the head that this copy signed is shown to
//! them once more. If a quorum cosigns it, and it has as many leaves as the other tree, none ever
//! cosigns the other one.

use ishibumi_store::{HeadFile, LogStore as _, RocksLog};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::fork::Evidence;

use super::OperateError;
use super::check::cosigns_head;
use super::keys::public_keys;
use super::policy::read_policy;
use crate::config::Config;
use crate::core::Foreign;

/// Puts aside what speaks against this copy if a quorum stands behind it. Says whether that is so.
pub(super) fn settle(config: &Config) -> Result<bool, OperateError> {
    let keys = public_keys(config)?;
    let head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    let store = RocksLog::open(&config.data_dir, &config.origin)?;
    let Some(evidence) = head_file
        .accusation()?
        .and_then(|(_, octets)| Evidence::parse(&octets).ok())
    else {
        return Ok(false);
    };
    let Some(note) = store.signed_head()? else {
        return Ok(false);
    };
    let signed = Checkpoint::parse(note.text()).map_or(0, |head| head.size);
    for note in [evidence.first(), evidence.second()] {
        let octets = note.encode();
        let Some(shown) = Foreign::signed(octets.as_bytes(), &keys, &config.origin) else {
            return Ok(false);
        };
        if !shown.is_part_of(&store, signed)? && shown.checkpoint.size > signed {
            return Ok(false);
        }
    }
    if !cosigns_head(config, &read_policy(config)?, &keys, store)? {
        return Ok(false);
    }
    head_file.settle()?;
    Ok(true)
}
