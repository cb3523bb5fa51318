//! What is said when something of a log is not there. The one wrong answer to that is a new log under the
//! old key: its second tree is a fork. So nothing here advises to make or to remove anything.

use std::path::Path;

use ishibumi_store::{HeadFile, RocksLog, StoreError};
use ishibumi_tlog::key::VerifierKey;

use super::OperateError;
use super::endpoints::endpoints;
use super::reach::Reach;
use super::recover::{is_empty, recovering};
use super::survey::{Seen, Sight, survey};
use crate::config::Config;
use crate::core::scrub;

/// Why a log is not served, or not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LostError {
    /// The head file knows of records, and there are none.
    #[error(
        "LOST DATA: the key {key} of {origin} has signed {size} records, and {data} is not there. Remove \
         nothing and make nothing anew: a second tree under this key is a fork. `ishibumi-log recover` rebuilds \
         the data from a mirror or an archive: docs/recovery.md, LOST DATA"
    )]
    Data {
        /// The key's id.
        key: String,
        /// The log.
        origin: String,
        /// What the head file says.
        size: u64,
        /// The data directory.
        data: String,
    },
    /// A witness or mirror knows of records, and nothing here does.
    #[error(
        "LOST DATA: {witness} holds a checkpoint of {size} records that the key {key} of {origin} signed, and \
         {data} does not have them. Remove nothing and make nothing anew: a second tree under this key is a \
         fork. `ishibumi-log recover` rebuilds the data from a mirror or an archive: docs/recovery.md, LOST DATA"
    )]
    Witnessed {
        /// Who holds it.
        witness: String,
        /// The size of its tree.
        size: u64,
        /// The key's id.
        key: String,
        /// The log.
        origin: String,
        /// The data directory.
        data: String,
    },
    /// There are records, and no head file.
    #[error(
        "LOST HEAD FILE: {data} has the records of a log, and {path} is not there, which says how far the key \
         has signed. Bring it back from where it was, not from a backup. If it is lost, `ishibumi-log recover` \
         asks the witnesses and mirrors and makes it anew: docs/recovery.md, LOST HEAD FILE"
    )]
    HeadFile {
        /// The head file.
        path: String,
        /// The data directory.
        data: String,
    },
    /// Neither data nor head file.
    #[error(
        "NO LOG: there is neither {data} nor {path}. Correct data_dir and head_dir, if the log is somewhere \
         else. A log that was lost is rebuilt with `ishibumi-log recover`: docs/recovery.md, NO LOG. Only one \
         that never was is made with `ishibumi-log init`"
    )]
    Everything {
        /// The head file.
        path: String,
        /// The data directory.
        data: String,
    },
    /// `init` was interrupted before record 0 was there.
    #[error(
        "UNFINISHED INIT: the log has no record 0, which says which log it is, and its key has signed nothing. \
         `ishibumi-log init --keep-key` finishes what was begun: docs/recovery.md, UNFINISHED INIT"
    )]
    Unfinished,
    /// Stored data was found changed while the log ran.
    #[error(
        "DAMAGED DATA: what {data} stores was found changed while the log ran: {found}. Nothing is signed over it. \
         Keep everything and run `ishibumi-log fsck`, which names all that is wrong; the log starts again once it \
         finds nothing: docs/recovery.md, DAMAGED DATA"
    )]
    Damaged {
        /// The data directory.
        data: String,
        /// What was found.
        found: String,
    },
    /// `recover` was interrupted.
    #[error(
        "UNFINISHED RECOVERY: {path} holds what `ishibumi-log recover` has brought so far. Run it again, to its \
         end: docs/recovery.md, UNFINISHED RECOVERY"
    )]
    Recovering {
        /// The directory.
        path: String,
    },
    /// Somebody watches a log of this name with another key.
    #[error(
        "NAME TAKEN: {witness} watches a log {origin} with other keys than these. If that is this log, its key \
         was lost or changed: bring it back. If not, choose another origin: docs/recovery.md, NAME TAKEN"
    )]
    Taken {
        /// Who watches it.
        witness: String,
        /// The origin.
        origin: String,
    },
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn id(key: &VerifierKey) -> String {
    format!("{:08x}", key.id())
}

/// Refuses to make a log whose key has signed already, or whose recovery was begun: by the head file, and by
/// whatever the witnesses and mirrors of the policy hold, if there is a policy yet.
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

/// Refuses the first start of a log that has signed nothing, if a witness or mirror shows that its key has
/// signed: whoever was away when a lost log was made anew may be there now, and the first signature is the
/// one that forks. What another key signed stops nobody here: a liar can show that.
pub(super) fn refuse_witnessed(config: &Config, keys: &[VerifierKey]) -> Result<(), OperateError> {
    refuse_held(config, keys, &ask(config, keys)?)
}

/// What the witnesses and mirrors of the policy hold. Says on standard error who could not be asked.
fn ask(config: &Config, keys: &[VerifierKey]) -> Result<Vec<Seen>, OperateError> {
    let asked = super::read_policy(config).and_then(|policy| endpoints(&policy, config));
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

/// The head file and the store of a log that is to be served, or what is to be said of the one that is not
/// there.
pub(super) fn open_both(
    config: &Config,
    key: &VerifierKey,
) -> Result<(HeadFile, RocksLog), OperateError> {
    // The head file first: whoever holds its lock is the only one that may sign with this key.
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
