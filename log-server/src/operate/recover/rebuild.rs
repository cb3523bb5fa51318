//! Brings records, blobs and kept checkpoints into a store, each verified before it is written.
//!
//! Every write is one atomic, synced batch, and each step begins by looking how far an earlier run
//! came: it may be killed at any moment and run again.

use ishibumi_artifact::Record;
use ishibumi_store::{Batch, LogStore, NewRecord, RocksLog, StoredTiles};
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::add_entries::{AuthenticPackage, Package, PackageRange, packages};
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::root;
use ishibumi_tlog::{Checkpoint, Policy};

use super::plan::Plan;
use super::{Phase, Progress, RecoverError};
use crate::erasure;
use crate::operate::OperateError;
use crate::operate::reindex::lookup_keys;
use crate::operate::source::{Source, SourceError};

/// Entry bundles that are asked for at once, and written at once.
const BUNDLES_AT_ONCE: usize = 16;

/// Records that are looked at in one go for the blobs that they name.
const CHUNK: u64 = 4096;

/// Brings the records up to the goal. Returns how many.
pub(super) fn records(
    store: &RocksLog,
    sources: &[Source],
    plan: &Plan,
    complain: &mut impl FnMut(String),
    progress: &mut Progress<'_>,
) -> Result<u64, OperateError> {
    let begun = store.staged()?.size();
    let mut next = begun;
    progress(Phase::Records, next, plan.goal.size);
    while next < plan.goal.size {
        let ranges: Vec<PackageRange> = packages(next, plan.goal.size)
            .take(BUNDLES_AT_ONCE)
            .collect();
        let mut found: Vec<Option<AuthenticPackage>> = ranges.iter().map(|_| None).collect();
        for (place, head) in &plan.usable {
            if let Some(source) = sources.get(*place) {
                bring(store, source, head, &ranges, &mut found, complain)?;
            }
        }
        let mut batch = Batch::default();
        for package in found.into_iter().map_while(|package| package) {
            batch
                .records
                .extend(
                    package
                        .into_entries()
                        .into_iter()
                        .map(|(leaf, octets)| NewRecord {
                            keys: lookup_keys(&octets),
                            octets,
                            leaf,
                        }),
                );
        }
        if batch.records.is_empty() {
            let size = plan.goal.size;
            return Err(RecoverError::Records { next, size }.into());
        }
        next = store.stage(next, &batch)?.size();
        progress(Phase::Records, next, plan.goal.size);
    }
    Ok(next - begun)
}

/// Fills in of `found` what `source` has and what is still missing.
fn bring(
    store: &RocksLog,
    source: &Source,
    head: &Checkpoint,
    ranges: &[PackageRange],
    found: &mut [Option<AuthenticPackage>],
    complain: &mut impl FnMut(String),
) -> Result<(), OperateError> {
    let missing = ranges
        .iter()
        .zip(found)
        .filter(|(range, found)| found.is_none() && range.end() <= head.size);
    let missing: Vec<_> = missing.collect();
    let bundles: Vec<(u64, u16)> = missing.iter().map(|(range, _)| range.bundle()).collect();
    let nodes = TileNodes::new(source, head.size);
    for ((range, slot), entries) in missing.into_iter().zip(source.bundles(&bundles)) {
        let before = store.records(range.bundle_start(), range.start())?;
        let before: Vec<Hash> = before.iter().map(|record| leaf_hash(record)).collect();
        let verified =
            entries.and_then(|entries| verified(source, &nodes, *range, &before, entries, head));
        match verified {
            Ok(package) => *slot = Some(package),
            Err(error) => complain(error.to_string()),
        }
    }
    Ok(())
}

/// The entries of a bundle that belong to `range`, proven to lead to `head`.
fn verified(
    source: &Source,
    nodes: &TileNodes<'_, Source>,
    range: PackageRange,
    before: &[Hash],
    entries: Vec<Vec<u8>>,
    head: &Checkpoint,
) -> Result<AuthenticPackage, SourceError> {
    let path = format!("the records {}..{}", range.start(), range.end());
    let wrong = |error: &dyn std::fmt::Display| source.wrong(&path, error);
    let entries = entries.into_iter().skip(range.before()).take(range.count());
    let proof = Package::prove(nodes, range, head.size)?.unwrap_or_default();
    let package = Package::new(range, entries.collect(), proof).map_err(|error| wrong(&error))?;
    package.check(before, head).map_err(|error| wrong(&error))
}

/// Brings the blobs that records name and that were not erased. Returns how many came, and how many
/// no source has.
pub(super) fn blobs(
    store: &RocksLog,
    sources: &[Source],
    complain: &mut impl FnMut(String),
    progress: &mut Progress<'_>,
) -> Result<(u64, u64), OperateError> {
    let size = store.staged()?.size();
    let (mut brought, mut missing, mut at) = (0, 0, 0);
    while at < size {
        let end = size.min(at + CHUNK);
        for octets in store.records(at, end)? {
            let named = Record::decode(&octets)
                .ok()
                .and_then(|record| record.body().blob());
            let Some(digest) = named.map(Hash) else {
                continue;
            };
            if store.blob(digest)?.is_some() || erasure::stated(store, digest)?.is_some() {
                continue;
            }
            match blob(sources, digest, complain) {
                Some(blob) => {
                    let batch = Batch {
                        records: Vec::new(),
                        blobs: vec![blob],
                    };
                    store.stage(size, &batch)?;
                    brought += 1;
                }
                None => missing += 1,
            }
        }
        at = end;
        progress(Phase::Blobs, at, size);
    }
    Ok((brought, missing))
}

fn blob(sources: &[Source], digest: Hash, complain: &mut impl FnMut(String)) -> Option<Vec<u8>> {
    for source in sources {
        match source.blob(digest) {
            Ok(Some(blob)) => return Some(blob),
            Ok(None) => {}
            Err(error) => complain(error.to_string()),
        }
    }
    None
}

/// Brings the kept checkpoints, where proven times come from. Returns how many are new or say more.
pub(super) fn kept(
    store: &RocksLog,
    sources: &[Source],
    plan: &Plan,
    keys: &[VerifierKey],
    policy: &Policy,
    complain: &mut impl FnMut(String),
    progress: &mut Progress<'_>,
) -> Result<u64, OperateError> {
    let mut brought = 0;
    for source in sources {
        let sizes = match source.kept_sizes() {
            Ok(sizes) => sizes,
            Err(error) => {
                complain(error.to_string());
                continue;
            }
        };
        let count = sizes.len() as u64;
        for (done, size) in (1_u64..).zip(sizes) {
            progress(Phase::Checkpoints, done, count);
            if size > plan.goal.size {
                continue;
            }
            match source
                .kept(size)
                .and_then(|note| fit(source, store, note, keys, policy, size))
            {
                Ok(note) => brought += u64::from(keep(store, size, &note)?),
                Err(error) => complain(error.to_string()),
            }
        }
    }
    for offer in &plan.offers {
        let size = offer.checkpoint.size;
        let rooted = size <= plan.goal.size && root_at(store, size)? == offer.checkpoint.root;
        if rooted && let Ok(trusted) = policy.check_checkpoint(&offer.note) {
            brought += u64::from(keep(store, size, trusted.note())?);
        }
    }
    Ok(brought)
}

fn keep(store: &RocksLog, size: u64, note: &Note) -> Result<bool, OperateError> {
    let known = store.kept(size)?;
    store.keep(size, note)?;
    Ok(store.kept(size)? != known)
}

/// The note as it may be kept: signed by the log over the tree that is here. With the quorum of
/// today's policy only its verified lines are kept; one that has another quorum may have the one of
/// its day, which some verifier's policy knows: its lines stay as they came.
fn fit(
    source: &Source,
    store: &RocksLog,
    note: Note,
    keys: &[VerifierKey],
    policy: &Policy,
    size: u64,
) -> Result<Note, SourceError> {
    let wrong =
        |reason: &dyn std::fmt::Display| source.wrong(&format!("checkpoints/{size}"), reason);
    note.verify(keys).map_err(|error| wrong(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| wrong(&error))?;
    let here = root_at(store, size).map_err(|error| wrong(&error))?;
    let right = Checkpoint::new(&checkpoint.origin, size, here);
    if checkpoint != right || keys.iter().all(|key| key.name() != checkpoint.origin) {
        return Err(wrong(&"it is a checkpoint of another tree"));
    }
    Ok(policy
        .check_checkpoint(&note)
        .map_or(note, |trusted| trusted.note().clone()))
}

/// The root of the first `size` leaves.
pub(super) fn root_at(store: &RocksLog, size: u64) -> Result<Hash, ishibumi_store::StoreError> {
    let tiles = StoredTiles(store);
    root(&TileNodes::new(&tiles, size), size)
}
