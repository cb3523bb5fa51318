//! Fetches the proof of one record: from the API of a log or mirror, or from tiles alone.
//!
//! The API answers at once. Where there is none (a directory, a plain copy), the index is found by
//! reading the level-0 tiles, whose hashes are the leaf hashes, and the proof is made out of tiles,
//! under the smallest kept checkpoint that covers the record, since that one proves the earliest
//! time. Either way the proof is verified before it is handed out.

use std::time::Duration;

use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::foreign::{Unread, named};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::proof::{ProofFileError, TlogProof};
use ishibumi_tlog::tile::{TILE_WIDTH, Tile, TileKind, TilePath, tile_width};
use ishibumi_tlog::tree::{ProofError, check_inclusion};
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};

use super::fallback::Attribution;
use super::log::{ApiError, ProofAnswer};
use super::prefetch::Ahead;
use super::prover::Prover;
use super::source::{HeadError, Source, SourceError};
use ishibumi_verify::{Indication, SubIndication};

/// Why a source gave no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The API did not give it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The record is there, and no quorum cosigned a checkpoint with it yet.
    #[error("the log holds the record {0}, but no quorum cosigned a checkpoint with it yet")]
    NotYet(Hash),
    /// The answer of the API is no proof file.
    #[error("the answer is no proof: {0}")]
    NoProof(#[from] Unread<ProofFileError>),
    /// The checkpoint in the answer is none.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The answer of the API does not prove the record.
    #[error("the answer does not prove the record: {0}")]
    Unproven(#[from] TrustError),
    /// The path does not lead to the root of the checkpoint; without a policy.
    #[error("the answer does not prove the record: {0}")]
    Path(#[from] ProofError),
    /// There is no trusted checkpoint.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A tile could not be had, or is none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source has no API, so the proof would be made of tiles, under a checkpoint that only a
    /// policy can trust.
    #[error("there is no /v1/proof here, and without a policy no proof can be made of its tiles")]
    NeedsPolicy,
    /// The record is not among the leaves.
    #[error("the record {leaf} is not among the {size} leaves of {origin}")]
    NotHeld {
        /// The record's leaf hash.
        leaf: Hash,
        /// The log.
        origin: String,
        /// Number of leaves that were looked at.
        size: u64,
    },
}

impl EvidenceError {
    /// The consequence for the other sources.
    pub fn blame(&self) -> Attribution {
        match self {
            Self::NoProof(_)
            | Self::Checkpoint(_)
            | Self::Path(_)
            | Self::Source(SourceError::Malformed(_))
            | Self::Head(HeadError::Note(_)) => Attribution::False,
            Self::Unproven(error) | Self::Head(HeadError::Trust(error)) => of_trust(error),
            _ => Attribution::Silent,
        }
    }
}

/// What a policy's refusal says about the source: more cosignatures would mend some refusals, and
/// nothing the others.
pub(super) fn of_trust(error: &TrustError) -> Attribution {
    match SubIndication::from(error).indication() {
        Indication::TotalFailed => Attribution::False,
        _ => Attribution::Silent,
    }
}

/// Fetches the proof of the record with the leaf hash `leaf` and verifies it: under `policy` if
/// there is one, else against the checkpoint that comes with it, whose signatures are then not
/// verified. `progress` is called with (leaves looked at, leaves in all) while the index is
/// searched for.
///
/// # Errors
/// [`EvidenceError`], if the source has no such record, cannot be read, or its proof does not hold.
pub async fn evidence(
    source: &Source,
    leaf: Hash,
    policy: Option<&Policy>,
    timeout: Duration,
    progress: impl FnMut(u64, u64),
) -> Result<TlogProof, EvidenceError> {
    if let Some(api) = source.api() {
        match api.proof(leaf, timeout).await {
            Ok(ProofAnswer::Proof(octets)) => return verified(&octets, leaf, policy),
            Ok(ProofAnswer::NotYet) => return Err(EvidenceError::NotYet(leaf)),
            // Not the API's own way to say that it does not know the record: there is no API.
            Err(ApiError::Refused {
                status: 404 | 405 | 410,
                problem,
            }) if !problem.is("unknown-leaf") => {}
            Err(error) => return Err(error.into()),
        }
    }
    let policy = policy.ok_or(EvidenceError::NeedsPolicy)?;
    from_tiles(source, leaf, policy, progress).await
}

fn verified(
    octets: &[u8],
    leaf: Hash,
    policy: Option<&Policy>,
) -> Result<TlogProof, EvidenceError> {
    let proof = named(TlogProof::parse(octets), octets)?;
    match policy {
        Some(policy) => {
            policy.check_leaf(&proof, leaf, policy.demand())?;
        }
        None => {
            let Checkpoint { size, root, .. } = Checkpoint::parse(proof.checkpoint.text())?;
            check_inclusion(leaf, proof.index, size, root, &proof.hashes)?;
        }
    }
    Ok(proof)
}

async fn from_tiles(
    source: &Source,
    leaf: Hash,
    policy: &Policy,
    progress: impl FnMut(u64, u64),
) -> Result<TlogProof, EvidenceError> {
    let head = source.head(policy).await?;
    let size = head.checkpoint().size;
    let index = search(source, leaf, size, progress).await?;
    let index = index.ok_or_else(|| EvidenceError::NotHeld {
        leaf,
        origin: head.checkpoint().origin.clone(),
        size,
    })?;
    let mut prover = Prover::new(source, size);
    // An earlier checkpoint is an improvement and not required: a faulty one loses nothing.
    if let Some(kept) = earliest(source, policy, index, &head).await
        && let Ok(proof) = prove(&mut prover, leaf, index, &kept).await
    {
        return Ok(proof);
    }
    prove(&mut prover, leaf, index, &head).await
}

/// The index of the leaf hash in the level-0 tiles. It is not trusted: the proof comes afterwards.
async fn search(
    source: &Source,
    leaf: Hash,
    size: u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Option<u64>, SourceError> {
    let plan = (0..size.div_ceil(u64::from(TILE_WIDTH))).map(move |index| TilePath {
        kind: TileKind::Hashes(0),
        index,
        width: tile_width(0, index, size),
    });
    let mut tiles = Ahead::new(source, plan);
    while let Some((path, octets)) = tiles.next().await {
        let octets = octets?;
        let tile = Tile::decode(path.width, &octets).ok_or_else(|| {
            let found = octets.len();
            SourceError::Malformed(format!("{source}/{path}: {found} octets are no such tile"))
        })?;
        let first = path.index * u64::from(TILE_WIDTH);
        if let Some(place) = tile.hashes().iter().position(|hash| *hash == leaf) {
            return Ok(Some(first + u64::try_from(place).unwrap_or(0)));
        }
        progress(first + u64::from(path.width), size);
    }
    Ok(None)
}

/// The smallest kept checkpoint that covers record `index`, if it is smaller than the newest one.
async fn earliest(
    source: &Source,
    policy: &Policy,
    index: u64,
    head: &TrustedCheckpoint,
) -> Option<TrustedCheckpoint> {
    let sizes = source.kept_sizes(index + 1).await.ok()?;
    let size = *sizes
        .first()
        .filter(|&&size| size < head.checkpoint().size)?;
    let kept = source.kept(size, policy).await.ok()?;
    let same_log = kept.checkpoint().origin == head.checkpoint().origin;
    same_log.then_some(kept)
}

async fn prove(
    prover: &mut Prover<'_>,
    leaf: Hash,
    index: u64,
    head: &TrustedCheckpoint,
) -> Result<TlogProof, EvidenceError> {
    let Checkpoint { size, root, .. } = *head.checkpoint();
    let hashes = prover.inclusion(index, size).await?.unwrap_or_default();
    check_inclusion(leaf, index, size, root, &hashes)?;
    Ok(TlogProof {
        index,
        hashes,
        checkpoint: head.note().clone(),
    })
}
