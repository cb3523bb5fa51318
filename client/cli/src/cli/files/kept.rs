//! Writes proofs and evidence to paths where others may exist: an existing file stays if it says
//! anything that the new one does not.
//!
//! To ask a log again is usual, and its answer may be worth less than the one of years ago, which
//! proves an earlier time. And evidence against a log is written when no user is there to choose
//! another name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ishibumi_archive::regular;
use ishibumi_tlog::proof::{FILE_EXTENSION, PROOF_LEN_MAX, TlogProof};

use super::writing::{
    holds, link_new, not_read, put_new, replace, sync_folder_of, taken, unwritable,
};
use crate::cli::Failure;

/// Longer than any evidence.
const EVIDENCE_LEN_MAX: usize = 4 << 20;

/// Writes a proof. If the existing proof would be a loss, it is kept under another name, which is
/// returned.
pub(crate) fn keep_proof(path: &Path, proof: &[u8]) -> Result<Option<PathBuf>, Failure> {
    not_read(path)?;
    let failed = |error: io::Error| unwritable(path, &error);
    match put_new(path, proof) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        put => return put.map(|()| None).map_err(failed),
    }
    if holds(path, &[proof]) {
        return Ok(None);
    }
    let old = regular::read(path, PROOF_LEN_MAX).ok();
    let old = old.and_then(|octets| TlogProof::parse(&octets).ok());
    let is_named_so = path.extension().is_some_and(|it| it == FILE_EXTENSION);
    if !path.is_file() || (old.is_none() && !is_named_so) {
        return Err(taken(path));
    }
    let new = TlogProof::parse(proof).ok();
    let is_no_loss = old.zip(new).is_some_and(|(old, new)| says_all(&new, &old));
    if is_no_loss {
        return replace(path, proof).map(|()| None);
    }
    let kept = others(path).find_map(|name| match move_to(path, &name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
        moved => Some(moved.map(|()| name)),
    });
    let kept = kept.transpose().map_err(failed)?;
    if kept.is_none() {
        return Err(taken(path));
    }
    replace(path, proof)?;
    Ok(kept)
}

/// Has the file under a name that nothing has, too.
fn move_to(path: &Path, name: &Path) -> io::Result<()> {
    match link_new(path, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(path, name)?,
        linked => linked?,
    }
    sync_folder_of(name)
}

/// Whether `new` says everything that `old` says: the same record at the same index of the same
/// tree, and all signatures. Whether one proves more depends on a policy, and is not decided here.
fn says_all(new: &TlogProof, old: &TlogProof) -> bool {
    let same = new.index == old.index
        && new.hashes == old.hashes
        && new.checkpoint.text() == old.checkpoint.text();
    let there = new.checkpoint.signatures();
    let mut lines = old.checkpoint.signatures().iter();
    same && lines.all(|line| there.contains(line))
}

/// The names after `path`: `a.2.tlog-proof` after `a.tlog-proof`. None of them is that of an
/// artifact's proof, or it would be taken for one.
fn others(path: &Path) -> impl Iterator<Item = PathBuf> {
    let ending = path.extension().filter(|it| *it == FILE_EXTENSION);
    let stem = ending.map_or_else(|| path.to_owned(), |_| path.with_extension(""));
    let numbered = move |number: u16| {
        let mut name = stem.clone().into_os_string();
        name.push(format!(".{number}"));
        let artifact = PathBuf::from(&name);
        if let Some(ending) = path.extension().filter(|it| *it == FILE_EXTENSION) {
            name.push(".");
            name.push(ending);
        }
        (artifact, PathBuf::from(name))
    };
    let free = |(artifact, name): (PathBuf, PathBuf)| {
        (artifact == name || !artifact.exists()).then_some(name)
    };
    (2..=u16::MAX).map(numbered).filter_map(free)
}

/// Writes evidence of misbehaviour, under the next free name if another file has this one; returns
/// its path. If it is there already, or `is_same` says that an existing file is as good, it is not
/// written again.
pub(crate) fn keep_evidence(
    path: &Path,
    octets: &[u8],
    is_same: impl Fn(&[u8]) -> bool,
) -> Result<PathBuf, Failure> {
    for name in std::iter::once(path.to_owned()).chain(others(path)) {
        match put_new(&name, octets) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritable(&name, &error)),
        }
        let there = regular::read(&name, EVIDENCE_LEN_MAX);
        if there.is_ok_and(|there| there == octets || is_same(&there)) {
            return Ok(name);
        }
    }
    Err(taken(path))
}
