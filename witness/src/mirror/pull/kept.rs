//! Kept checkpoints: where proven times come from. A log of ours keeps one with its quorum at least
//! once a minute, at `/checkpoints/<size>`; they must not die with the log.
//!
//! One is kept here if the log signed it and its root is the copy's at that size. Only a policy
//! tells whose cosignatures it bears: with one, its quorum is demanded and every other line is left
//! behind; without one, the lines are kept as they came, and readers have to verify them, as
//! always.
//!
//! The log's newest checkpoint is kept as well whenever it was pulled: should the log go before it
//! keeps its next one, the newest entries have their time all the same.

use ishibumi_archive::names;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::{Checkpoint, Policy};
use serde::Deserialize;

use super::error::PullError;
use super::remote::Remote;
use crate::mirror::copy::LogCopy;

/// The longest listing that is read, in octets: 1,000 sizes of 20 digits.
const LISTING_LEN_MAX: usize = 1 << 16;

/// So many of the newest are asked for again at each round: cosignatures may have been added.
const NEWEST: usize = 4;

/// How far kept checkpoints have been brought over, in this process.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The newest that are kept, the newest last.
    newest: Vec<u64>,
}

/// The conditions that a checkpoint has to satisfy to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands<'a> {
    /// The log's keys, one of which signed it.
    pub(super) keys: &'a [VerifierKey],
    /// The policy whose quorum it has, if there is one.
    pub(super) policy: Option<&'a Policy>,
}

/// Keeps the log's newest checkpoint, if it is that of the copy and has what is demanded. Says
/// whether that is new, or says more.
pub(super) fn keep_newest(
    copy: &LogCopy,
    newest: Note,
    demands: Demands<'_>,
    size: u64,
) -> Result<bool, PullError> {
    match verified(copy, newest, demands, size) {
        Ok(note) => keep(copy, size, &note),
        // One that a cache kept back, or without a quorum; the log's listing has others.
        Err(Unfit::Reason(_)) => Ok(false),
        Err(Unfit::Pull(error)) => Err(error),
    }
}

fn keep(copy: &LogCopy, size: u64, note: &Note) -> Result<bool, PullError> {
    let known = copy.store().kept(size)?;
    copy.store().keep(size, note)?;
    Ok(copy.store().kept(size)? != known)
}

#[derive(Deserialize)]
struct Listing {
    sizes: Vec<u64>,
    next: Option<u64>,
}

fn page(remote: &Remote, path: &str) -> Result<Option<Listing>, PullError> {
    let body = remote.get(path, LISTING_LEN_MAX)?;
    let listing = body.map(|body| serde_json::from_slice(&body)).transpose();
    listing.map_err(|error| remote.wrong(path, error.to_string()))
}

impl Kept {
    /// Brings over the kept checkpoints of at most `size` leaves. Returns how many are new, or say
    /// more.
    pub(super) fn bring_over(
        &mut self,
        copy: &LogCopy,
        remote: &Remote,
        demands: Demands<'_>,
        size: u64,
    ) -> Result<u64, PullError> {
        let (mut brought, from) = (0, self.newest.first().copied().unwrap_or(0));
        let (mut path, mut least) = (format!("checkpoints?from={from}"), from);
        // Whether these are the files of an archive, whose listing has pages of its own.
        let mut pages = false;
        loop {
            let listing = match page(remote, &path) {
                Ok(Some(listing)) => listing,
                Ok(None) | Err(PullError::Remote { .. }) if !pages && least == from => {
                    (path, pages) = (names::LISTING.to_owned(), true);
                    match page(remote, &path) {
                        Ok(Some(listing)) => listing,
                        // A log of another make, which keeps none.
                        Ok(None) => return Ok(brought),
                        Err(error) => return Err(error),
                    }
                }
                Ok(None) => return Ok(brought),
                Err(error) => return Err(error),
            };
            for kept in listing.sizes {
                if kept > size {
                    return Ok(brought);
                }
                if kept < least {
                    if pages {
                        continue;
                    }
                    return Err(remote.wrong(&path, "the listing holds what was not asked for"));
                }
                brought += u64::from(self.bring(copy, remote, demands, kept)?);
            }
            let Some(next) = listing.next.filter(|&next| pages || next > least) else {
                return Ok(brought);
            };
            if pages && path == names::listing_from(next) {
                return Ok(brought);
            }
            path = if pages {
                names::listing_from(next)
            } else {
                least = next;
                format!("checkpoints?from={next}")
            };
        }
    }

    fn bring(
        &mut self,
        copy: &LogCopy,
        remote: &Remote,
        demands: Demands<'_>,
        size: u64,
    ) -> Result<bool, PullError> {
        let again = self.newest.contains(&size) || self.newest.len() < NEWEST;
        if !again && copy.store().kept(size)?.is_some() {
            return Ok(false);
        }
        let path = format!("checkpoints/{size}");
        let wrong = |reason: String| remote.wrong(&path, reason);
        let octets = remote.get(&path, NOTE_LEN_MAX)?;
        let octets = octets.ok_or_else(|| wrong("it is listed and not there".into()))?;
        let note = Note::parse(&octets).map_err(|error| wrong(error.to_string()))?;
        let note = verified(copy, note, demands, size).map_err(|error| match error {
            Unfit::Reason(reason) => wrong(reason),
            Unfit::Pull(error) => error,
        })?;
        if !self.newest.contains(&size) {
            self.newest.push(size);
            if self.newest.len() > NEWEST {
                self.newest.remove(0);
            }
        }
        keep(copy, size, &note)
    }
}

enum Unfit {
    Reason(String),
    Pull(PullError),
}

/// The note that may be kept for `size`.
fn verified(copy: &LogCopy, note: Note, demands: Demands<'_>, size: u64) -> Result<Note, Unfit> {
    let reason = |error: &dyn std::fmt::Display| Unfit::Reason(error.to_string());
    note.verify(demands.keys).map_err(|error| reason(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| reason(&error))?;
    if checkpoint.origin != copy.origin() || checkpoint.size != size {
        let found = format!("it is of {:?}, size {}", checkpoint.origin, checkpoint.size);
        return Err(Unfit::Reason(found));
    }
    let copied = copy.root_at(size);
    let copied = copied.map_err(|error| Unfit::Pull(error.into()))?;
    if copied != checkpoint.root {
        return Err(Unfit::Pull(PullError::Diverged {
            origin: checkpoint.origin,
            size,
            signed: checkpoint.root,
            copied,
        }));
    }
    let Some(policy) = demands.policy else {
        return Ok(note);
    };
    let trusted = policy.check_checkpoint(&note);
    let trusted = trusted.map_err(|error| reason(&error))?;
    Ok(trusted.note().clone())
}
