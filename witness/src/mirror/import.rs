//! Makes a mirror's copy out of an archive (`docs/formats/archive.md`), the log being gone or not.
//!
//! First everything in the archive is read and compared with its checkpoint, which has the quorum
//! of the policy: damage is named before anything is stored. Then the archive is pulled like a log,
//! by the same road that takes nothing on trust. Entries taken before an interruption stay, and
//! importing again goes on from there.

use std::sync::Arc;

use ishibumi_archive::{ArchiveReader, ExportError};
use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note, NoteError};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::{Hash, Policy};
use ishibumi_wire::{Net, NetError, NetFuture, Request, Response};
use tokio::sync::watch;

use super::core::Mirror;
use super::metrics::MirrorMetrics;
use super::pull::{PullError, Pulled, Puller};

/// The URL of the archive, as if it were a log that is pulled.
const BASE: &str = "archive:";

/// Why an archive was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Its checkpoint cannot be had.
    #[error("{0}")]
    Unavailable(String),
    /// Its checkpoint is no signed note.
    #[error("{place}: {error}")]
    Note {
        /// Where it lies.
        place: String,
        /// Why it is refused.
        error: NoteError,
    },
    /// Its checkpoint is not to be trusted under the policy.
    #[error("{place}: {error}; nothing was stored")]
    Trust {
        /// Where it lies.
        place: String,
        /// Why not.
        error: TrustError,
    },
    /// A file does not lead to the checkpoint, or is not there.
    #[error("{place}: {reason}; nothing was stored")]
    Damaged {
        /// The file, or the volume and the entry in it.
        place: String,
        /// Why it is refused.
        reason: String,
    },
    /// The mirror did not take it.
    #[error("{place}: {error}")]
    Pull {
        /// The archive, or the file in it.
        place: String,
        /// Why not.
        error: Box<PullError>,
    },
}

/// An archive whose checkpoint is trusted and to which every file in it leads.
#[derive(Debug)]
pub struct Verified {
    place: Arc<ArchiveReader>,
    /// The log's keys by the policy.
    pub keys: Vec<VerifierKey>,
}

/// Reads and verifies the archive in `place`. `progress` is called with the number of records read
/// and of records in all.
///
/// # Errors
/// [`ImportError`] if the checkpoint is not to be trusted under `policy`, or a file does not lead
/// to it.
pub fn verify(
    mut place: ArchiveReader,
    policy: &Policy,
    progress: impl FnMut(u64, u64),
) -> Result<Verified, ImportError> {
    let shown = place.whereabouts("checkpoint");
    let unavailable = |reason: String| ImportError::Unavailable(reason);
    let octets = place.read("checkpoint", NOTE_LEN_MAX);
    let octets = octets.map_err(|error| unavailable(error.to_string()))?;
    let octets = octets.ok_or_else(|| unavailable(format!("{shown}: not there")))?;
    let note = Note::parse(&octets).map_err(|error| ImportError::Note {
        place: shown.clone(),
        error,
    })?;
    let trusted = policy
        .check_checkpoint(&note)
        .map_err(|error| ImportError::Trust {
            place: shown,
            error,
        })?;
    let damaged = |path: String, reason: &str| (path, reason.to_owned());
    let checked = ishibumi_archive::check(&mut place, &note, progress);
    if let Err(error) = checked {
        let (path, reason) = match &error {
            ExportError::Wrong { path, reason } => damaged(path.clone(), reason),
            ExportError::Missing(path) => damaged(path.clone(), "not there"),
            other => {
                let reason = other.to_string();
                return Err(ImportError::Damaged {
                    place: place.to_string(),
                    reason,
                });
            }
        };
        let place = place.whereabouts(&path);
        return Err(ImportError::Damaged { place, reason });
    }
    let origin = &trusted.checkpoint().origin;
    let logs = policy.logs().iter().map(|log| &log.key);
    Ok(Verified {
        place: Arc::new(place),
        keys: logs.filter(|key| key.name() == origin).cloned().collect(),
    })
}

/// Brings over what `archive` has and the mirror has not, of a log that was added. Blocks; not on a
/// thread of the runtime, in which it has to be called.
///
/// # Errors
/// [`ImportError`] if the mirror does not take it.
pub fn import<R: Registers, C: Clock>(
    mirror: &Arc<Mirror<R, C>>,
    metrics: &Arc<MirrorMetrics>,
    log: Hash,
    archive: &Verified,
    stop: &watch::Receiver<bool>,
) -> Result<Pulled, ImportError> {
    let net: Arc<dyn Net> = Arc::new(ArchiveNet(Arc::clone(&archive.place)));
    let place = archive.place.to_string();
    let puller = Puller::one(mirror, metrics, log, BASE, &net, stop);
    let pulled = puller
        .map_err(PullError::from)
        .and_then(|puller| match puller {
            Some(mut puller) => puller.round(),
            None => Ok(Pulled::default()),
        });
    pulled.map_err(|error| match error {
        PullError::Remote { url, reason } => {
            let path = url
                .strip_prefix(BASE)
                .unwrap_or(&url)
                .trim_start_matches('/');
            let place = archive.place.whereabouts(path);
            let url = path.to_owned();
            ImportError::Pull {
                place,
                error: Box::new(PullError::Remote { url, reason }),
            }
        }
        error => ImportError::Pull {
            place,
            error: Box::new(error),
        },
    })
}

/// An archive as if a server served it.
struct ArchiveNet(Arc<ArchiveReader>);

impl ArchiveNet {
    fn answer(&self, request: &Request) -> Result<Option<Vec<u8>>, NetError> {
        let path = request.url.strip_prefix(BASE).unwrap_or_default();
        let path = path.trim_start_matches('/');
        if let Some(from) = path.strip_prefix("checkpoints?from=") {
            let sizes = self
                .0
                .kept_sizes()
                .map_err(|error| NetError(error.to_string()))?;
            let from: u64 = from.parse().unwrap_or(0);
            let sizes: Vec<u64> = sizes.into_iter().filter(|&size| size >= from).collect();
            let listing = serde_json::json!({ "sizes": sizes, "next": null });
            return Ok(Some(listing.to_string().into_bytes()));
        }
        let read = self.0.read(path, request.answer_len_max);
        read.map_err(|error| NetError(error.to_string()))
    }
}

impl Net for ArchiveNet {
    fn send(&self, request: Request) -> NetFuture<'_> {
        Box::pin(async move {
            let body = self.answer(&request)?;
            Ok(Response {
                status: if body.is_some() { 200 } else { 404 },
                content_type: None,
                retry_after: None,
                body: body.unwrap_or_default(),
            })
        })
    }
}
