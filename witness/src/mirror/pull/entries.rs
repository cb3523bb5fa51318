//! The newest checkpoint, and the entries up to it.

use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::AddCheckpoint;
use ishibumi_tlog::protocol::add_entries::{Package, PackageRange, packages};
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::prove_consistency;

use super::error::PullError;
use super::remote::Remote;
use crate::follow::{LogState, Recorded};
use crate::mirror::copy::LogCopy;
use crate::mirror::core::Mirror;

/// Bundles that are asked for at once.
const BUNDLES_AT_ONCE: usize = 16;

/// Makes the log's newest checkpoint the pending one, with a consistency proof out of the log's
/// tiles. Returns it as it came, with whatever cosignatures it bears.
pub(super) fn advance<R: Registers, C: Clock>(
    mirror: &Mirror<R, C>,
    copy: &LogCopy,
    remote: &Remote,
) -> Result<Note, PullError> {
    let note = remote.checkpoint()?;
    let checkpoint = Checkpoint::parse(note.text());
    let checkpoint = checkpoint.map_err(|error| remote.wrong("checkpoint", error.to_string()))?;
    if checkpoint.origin != copy.origin() {
        let reason = format!(
            "this is the checkpoint of {:?}, not of {:?}",
            checkpoint.origin,
            copy.origin()
        );
        return Err(remote.wrong("checkpoint", reason));
    }
    let state = mirror.follower().log(copy.id())?;
    let old = state.as_ref().map_or(0, LogState::size);
    if checkpoint.size < old {
        // A cache may be behind. What the log signed has to fit all the same.
        let keys = state.as_ref().map_or(&[][..], |state| state.keys());
        let signed = note.verify(keys);
        signed.map_err(|error| remote.wrong("checkpoint", error.to_string()))?;
        check_older(copy, &checkpoint)?;
        return Ok(note);
    }
    let proof = prove_consistency(
        &TileNodes::new(remote, checkpoint.size),
        old,
        checkpoint.size,
    )?;
    mirror.advance(&AddCheckpoint {
        old,
        proof: proof.unwrap_or_default(),
        note: note.clone(),
        checkpoint,
    })?;
    Ok(note)
}

/// Checks that a signed checkpoint that is no larger than the pending one belongs to this copy, as
/// far as the copy goes.
fn check_older(copy: &LogCopy, checkpoint: &Checkpoint) -> Result<(), PullError> {
    if checkpoint.size > copy.next()? {
        return Ok(());
    }
    let copied = copy.root_at(checkpoint.size)?;
    if copied == checkpoint.root {
        return Ok(());
    }
    Err(PullError::Diverged {
        origin: copy.origin().to_owned(),
        size: checkpoint.size,
        signed: checkpoint.root,
        copied,
    })
}

/// Appends the entries up to the pending checkpoint and cosigns it. Returns how many were appended,
/// and the size of the mirror checkpoint.
pub(super) fn bring_over<R: Registers, C: Clock>(
    mirror: &Mirror<R, C>,
    copy: &LogCopy,
    remote: &Remote,
) -> Result<(u64, u64), PullError> {
    let Some(upload) = mirror.begin_own(copy.id())? else {
        return Ok((0, 0));
    };
    let size = upload.target().checkpoint().size;
    let begun = copy.next()?;
    let mut next = begun;
    while next < size {
        let ranges: Vec<PackageRange> = packages(next, size).take(BUNDLES_AT_ONCE).collect();
        let bundles: Vec<(u64, u16)> = ranges.iter().map(|range| range.bundle()).collect();
        let nodes = TileNodes::new(remote, size);
        for (range, entries) in ranges.iter().zip(remote.bundles(&bundles)) {
            let entries = entries?.into_iter().skip(range.before());
            let entries = entries.take(range.count()).collect();
            let proof = Package::prove(&nodes, *range, size)?.unwrap_or_default();
            let package = Package::new(*range, entries, proof);
            let package =
                package.map_err(|error| remote.wrong("tile/entries", error.to_string()))?;
            mirror.append(&upload, package)?;
        }
        next = copy.next()?;
    }
    mirror.finish(&upload)?;
    let signed = mirror.follower().log(copy.id())?;
    let signed = signed.map(|log| mirror.checkpoint(&log)).transpose()?;
    let signed: Option<Recorded> = signed.flatten();
    let signed = signed.map_or(0, |signed| signed.checkpoint().size);
    Ok((next.saturating_sub(begun), signed))
}
