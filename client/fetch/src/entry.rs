//! Fetches one entry of a log by its index, with its proof, such as the log's statements about
//! itself.

use std::sync::Arc;

use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::{TILE_WIDTH, TileKind, TilePath, decode_bundle, tile_width};
use ishibumi_tlog::tree::check_inclusion;
use ishibumi_tlog::{Checkpoint, Policy, TrustedCheckpoint};

use super::evidence::EvidenceError;
use super::prover::Prover;
use super::source::{Source, SourceError};
use ishibumi_evidence::LoggedEntry;

/// The entry to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one with this index.
    Index(u64),
    /// The last one of the newest tree.
    Last,
}

/// Fetches the entry at `place`, proven under the newest checkpoint that `policy` trusts. Returns
/// both.
///
/// # Errors
/// [`EvidenceError::Head`] if no checkpoint is trusted; [`EvidenceError::Source`] if a file cannot
/// be had, is malformed, or the tree has no such entry; [`EvidenceError::Path`] if the tiles do not
/// prove it.
pub async fn entry(
    source: &Source,
    policy: &Policy,
    place: Place,
) -> Result<(TrustedCheckpoint, LoggedEntry), EvidenceError> {
    let head = source.head(policy).await?;
    let logged = entry_under(source, &head, place).await?;
    Ok((head, logged))
}

/// Fetches the entry at `place`, proven under `head`.
///
/// # Errors
/// [`EvidenceError::Source`] if a file cannot be had, is malformed, or the tree has no such entry;
/// [`EvidenceError::Path`] if the tiles do not prove it.
pub(super) async fn entry_under(
    source: &Source,
    head: &TrustedCheckpoint,
    place: Place,
) -> Result<LoggedEntry, EvidenceError> {
    let Checkpoint { size, root, .. } = *head.checkpoint();
    let index = match place {
        Place::Index(index) => index,
        Place::Last => size.saturating_sub(1),
    };
    if index >= size {
        let what = format!("{source}: the tree has {size} entries, none with the index {index}");
        return Err(SourceError::Missing(what).into());
    }
    let bundle = index / u64::from(TILE_WIDTH);
    let path = TilePath {
        kind: TileKind::Entries,
        index: bundle,
        width: tile_width(0, bundle, size),
    };
    let octets = source.tile(path).await?;
    let malformed = || SourceError::Malformed(format!("{source}/{path}: no such entry bundle"));
    let entries = decode_bundle(path.width, &octets).map_err(|_| malformed())?;
    let within = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
    let entry = entries.get(within).ok_or_else(malformed)?.to_vec();
    let hashes = Prover::new(source, size).inclusion(index, size).await?;
    let hashes = hashes.unwrap_or_default();
    check_inclusion(leaf_hash(&entry), index, size, root, &hashes)?;
    Ok(LoggedEntry {
        entry,
        index,
        path: hashes,
        checkpoint: Arc::new(head.note().clone()),
    })
}
