//! Messages for a log of which something is missing. The one wrong answer to that is a new log
//! under the old key: its second tree is a fork. So nothing here advises to make or to remove
//! anything.

use std::path::Path;

use ishibumi_store::{HeadFile, RocksLog, StoreError};
use ishibumi_tlog::key::VerifierKey;

use super::endpoints::endpoints;
use super::error::OperateError;
use super::loss::LostError;
use super::policy::read_policy;
use super::reach::Reach;
use super::recover::{is_empty, recovering};
use super::survey::{Seen, Sight, survey};
use crate::config::Config;
use crate::core::scrub;

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn id(key: &VerifierKey) -> String {
    format!("{:08x}", key.id())
}

/// Refuses to make a log whose key has signed already, or whose recovery was begun: by the head
/// file, and by whatever the witnesses and mirrors of the policy hold, if there is a policy yet.
///
/// Says on standard error who could not be asked.
pub(super) fn refuse_known(config: &Config, keys: &[VerifierKey]) -> Result<(), OperateError> {
    let (origin, data) = (config.origin.clone(), shown(&config.data_dir));
    let begun = recovering(&config.data_dir);
    if begun.exists() {
        return Err(LostError::Recovering {
            path: shown(&begun),
        }
        .into());
    }
    // The start rule has more to say where there are data.
    if !is_empty(&config.data_dir)? {
        return Ok(());
    }
    let key = keys.first().map(id).unwrap_or_default();
    let head = keys
        .first()
        .map(|key| HeadFile::peek(&config.head_dir, key))
        .transpose()?;
    if let Some(head) = head.flatten() {
        let size = head.size;
        return Err(LostError::Data {
            key,
            origin,
            size,
            data,
        }
        .into());
    }
    if !config.policy_file.exists() {
        return Ok(());
    }
    let seen = ask(config, keys)?;
    refuse_held(config, keys, &seen)?;
    match seen
        .into_iter()
        .find(|seen| matches!(seen.sight, Sight::Strange))
    {
        Some(Seen { name: witness, .. }) => Err(LostError::Taken { witness, origin }.into()),
        None => Ok(()),
    }
}

/// Refuses the first start of a log that has signed nothing, if a witness or mirror shows that its
/// key has signed: one that was away when a lost log was made anew may be there now, and the first
/// signature is the one that forks. A checkpoint that another key signed stops nothing here: a liar
/// can show that.
pub(super) fn refuse_witnessed(config: &Config, keys: &[VerifierKey]) -> Result<(), OperateError> {
    refuse_held(config, keys, &ask(config, keys)?)
}

/// The heads that the witnesses and mirrors of the policy hold. Names on standard error those that
/// could not be asked.
fn ask(config: &Config, keys: &[VerifierKey]) -> Result<Vec<Seen>, OperateError> {
    let asked = read_policy(config).and_then(|policy| endpoints(&policy, config));
    let Ok(asked) = asked else {
        // A policy that is not finished is for `serve` to judge.
        return Ok(Vec::new());
    };
    let seen = survey(&Reach::new()?, &asked, &config.origin, keys, None);
    for away in seen
        .iter()
        .filter(|seen| matches!(seen.sight, Sight::Unreachable(_)))
    {
        let said = format!("not asked whether this log exists already: {away}");
        eprintln!("{}", ishibumi_tlog::shown::line(&said));
    }
    Ok(seen)
}

fn refuse_held(config: &Config, keys: &[VerifierKey], seen: &[Seen]) -> Result<(), OperateError> {
    let held = seen.iter().find_map(|seen| match &seen.sight {
        Sight::Shows(foreign) => Some((seen.name.clone(), foreign.checkpoint.size)),
        _ => None,
    });
    match held {
        Some((witness, size)) => Err(LostError::Witnessed {
            witness,
            size,
            key: keys.first().map(id).unwrap_or_default(),
            origin: config.origin.clone(),
            data: shown(&config.data_dir),
        }
        .into()),
        None => Ok(()),
    }
}

/// The head file and the store of a log that is to be served, or what is to be said of the one that
/// is not there.
pub(super) fn open_both(
    config: &Config,
    key: &VerifierKey,
) -> Result<(HeadFile, RocksLog), OperateError> {
    // The head file first: the process that holds its lock is the only one that may sign with this
    // key.
    let head_file = HeadFile::open(&config.head_dir, key);
    if let (Ok(_), Some(found)) = (&head_file, scrub::note_of(&config.data_dir)) {
        let data = shown(&config.data_dir);
        return Err(LostError::Damaged { data, found }.into());
    }
    let cache_len = config.store.cache_len;
    let store = RocksLog::open_with(&config.data_dir, &config.origin, cache_len);
    let (data, path) = (
        shown(&config.data_dir),
        shown(&HeadFile::path(&config.head_dir, key)),
    );
    let begun = recovering(&config.data_dir);
    let absent = |error: &StoreError| matches!(error, StoreError::Absent { .. });
    match (head_file, store) {
        (Ok(head_file), Ok(store)) => Ok((head_file, store)),
        (_, Err(error)) if absent(&error) && begun.exists() => Err(LostError::Recovering {
            path: shown(&begun),
        }
        .into()),
        (Ok(head_file), Err(error)) if absent(&error) => {
            let lost = match head_file.read()? {
                Some(head) => LostError::Data {
                    key: id(key),
                    origin: config.origin.clone(),
                    size: head.size,
                    data,
                },
                None => LostError::Unfinished,
            };
            Err(lost.into())
        }
        (Err(error), Ok(_)) if absent(&error) => Err(LostError::HeadFile { path, data }.into()),
        (Err(one), Err(other)) if absent(&one) && absent(&other) => {
            Err(LostError::Everything { path, data }.into())
        }
        (Err(error), _) | (_, Err(error)) => Err(error.into()),
    }
}
