//! A source of a log's static files: a URL, or an archive: a directory that holds a copy, ZIP
//! volumes (C2SP tlog-tiles, `docs/formats/archive.md`).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ishibumi_archive::{ArchiveReader, ArchiveReaderError, names};
use ishibumi_tlog::foreign::{Unread, named};
use ishibumi_tlog::hash::HASH_LEN;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note, NoteError};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::tile::{ENTRY_LEN_MAX, TILE_LEN, TILE_WIDTH, TileKind, TilePath};
use ishibumi_tlog::{Policy, TrustedCheckpoint};
use ishibumi_wire::{Net, Request};
use serde::Deserialize;

use super::log::{LogClient, no_cache};

/// The largest entry bundle, in octets.
const BUNDLE_LEN_MAX: usize = TILE_WIDTH as usize * (2 + ENTRY_LEN_MAX);

/// The longest listing of kept checkpoints, in octets.
const LISTING_LEN_MAX: usize = 64 << 10;

/// The static files of one log, and where they are served by a log or mirror, its API.
#[derive(Clone)]
pub struct Source(Files);

#[derive(Clone)]
enum Files {
    Archive(Arc<ArchiveReader>),
    Url {
        net: Arc<dyn Net>,
        base: String,
        /// Whether requests bypass caches on the way.
        past_caches: bool,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Files::Archive(place) => place.fmt(f),
            Files::Url { base, .. } => f.write_str(base),
        }
    }
}

/// Why there is no trusted checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// It could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is no signed note.
    #[error("checkpoint: {0}")]
    Note(#[from] Unread<NoteError>),
    /// It is not to be trusted under the policy.
    #[error("checkpoint: {0}")]
    Trust(#[from] TrustError),
}

#[derive(Deserialize)]
struct Kept {
    sizes: Vec<u64>,
    next: Option<u64>,
}

/// Why a file could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It is not there.
    #[error("{0}: not there")]
    Missing(String),
    /// It could not be read, or no answer came.
    #[error("{0}")]
    Unavailable(String),
    /// The octets are not those that were asked for: another file, or no such file at all.
    #[error("{0}")]
    Malformed(String),
    /// The answer is neither the file nor its absence.
    #[error("{url}: answered with status {status}")]
    Status {
        /// The URL that was asked for.
        url: String,
        /// HTTP status of the answer.
        status: u16,
    },
}

impl From<ArchiveReaderError> for SourceError {
    fn from(error: ArchiveReaderError) -> Self {
        match error {
            ArchiveReaderError::Volume { .. } | ArchiveReaderError::Mixed { .. } => {
                Self::Malformed(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl Source {
    /// The files below a directory.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::archive(ArchiveReader::tree(path))
    }

    /// The files of an archive that was opened: a directory, a volume, a directory of volumes.
    pub fn archive(place: ArchiveReader) -> Self {
        Self(Files::Archive(Arc::new(place)))
    }

    /// The files below a URL, with or without a slash at its end.
    pub fn url(net: Arc<dyn Net>, base: &str) -> Self {
        Self(Files::Url {
            net,
            base: base.trim_end_matches('/').to_owned(),
            past_caches: false,
        })
    }

    /// This source, asked past every cache on the way (`Cache-Control: no-cache`), for an answer
    /// that turned out to be false: perhaps it did not come from the source. `None` for an archive.
    #[must_use]
    pub fn past_caches(&self) -> Option<Self> {
        let Files::Url { net, base, .. } = &self.0 else {
            return None;
        };
        Some(Self(Files::Url {
            net: Arc::clone(net),
            base: base.clone(),
            past_caches: true,
        }))
    }

    /// The archive that the files lie in; none for a URL.
    pub fn place(&self) -> Option<&ArchiveReader> {
        match &self.0 {
            Files::Archive(place) => Some(place),
            Files::Url { .. } => None,
        }
    }

    /// The API beside the files; none for an archive.
    pub(super) fn api(&self) -> Option<LogClient> {
        let Files::Url {
            net,
            base,
            past_caches,
        } = &self.0
        else {
            return None;
        };
        let client = LogClient::new(Arc::clone(net), base, None);
        Some(if *past_caches {
            client.past_caches()
        } else {
            client
        })
    }

    /// The newest checkpoint, if it is trusted under `policy`.
    ///
    /// # Errors
    /// [`HeadError`], if the checkpoint cannot be had, is no note, or is not trusted.
    pub async fn head(&self, policy: &Policy) -> Result<TrustedCheckpoint, HeadError> {
        Ok(policy.check_checkpoint(&note(&self.checkpoint().await?)?)?)
    }

    /// The newest checkpoint, as a signed note.
    ///
    /// # Errors
    /// [`SourceError`], if the source cannot be read or has no checkpoint.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, SourceError> {
        self.read("checkpoint", NOTE_LEN_MAX).await
    }

    /// Sizes of kept checkpoints, from `from` leaves on, ascending; not all of them if there are
    /// many (docs/formats/submission-api.md). In an archive: by the names of its files.
    pub(crate) async fn kept_sizes(&self, from: u64) -> Result<Vec<u64>, SourceError> {
        let mut sizes = match &self.0 {
            Files::Archive(place) => place.kept_sizes()?,
            Files::Url { .. } => match self.listing(&format!("checkpoints?from={from}")).await {
                Ok(kept) => kept.sizes,
                Err(SourceError::Unavailable(reason)) => {
                    return Err(SourceError::Unavailable(reason));
                }
                // No log and no mirror answers: perhaps these are the files of an archive.
                Err(error) => self.static_listing(from).await.map_err(|_| error)?,
            },
        };
        sizes.retain(|&size| size >= from);
        sizes.sort_unstable();
        Ok(sizes)
    }

    /// All sizes of kept checkpoints.
    ///
    /// # Errors
    /// [`SourceError`], if a list of sizes cannot be had or read.
    pub async fn all_kept_sizes(&self) -> Result<Vec<u64>, SourceError> {
        let mut all: Vec<u64> = Vec::new();
        loop {
            let from = all.last().map_or(0, |last| last + 1);
            match self.kept_sizes(from).await {
                Ok(sizes) if sizes.is_empty() => return Ok(all),
                Ok(sizes) => all.extend(sizes),
                // A log of another make, which keeps none.
                Err(SourceError::Missing(_) | SourceError::Status { .. }) if all.is_empty() => {
                    return Ok(all);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The first page of an archive's listing that has a size from `from` on.
    async fn static_listing(&self, from: u64) -> Result<Vec<u64>, SourceError> {
        let mut path = names::LISTING.to_owned();
        let mut begun = 0;
        loop {
            let Kept { sizes, next } = self.listing(&path).await?;
            match next {
                Some(next) if sizes.last().is_none_or(|&last| last < from) && next > begun => {
                    begun = next;
                    path = names::listing_from(next);
                }
                _ => return Ok(sizes),
            }
        }
    }

    async fn listing(&self, path: &str) -> Result<Kept, SourceError> {
        let listing = self.read(path, LISTING_LEN_MAX).await?;
        serde_json::from_slice(&listing)
            .map_err(|error| SourceError::Malformed(format!("{self}/{path}: no listing: {error}")))
    }

    /// The kept checkpoint of `size` leaves, if it is trusted under `policy`.
    pub(crate) async fn kept(
        &self,
        size: u64,
        policy: &Policy,
    ) -> Result<TrustedCheckpoint, HeadError> {
        let path = format!("checkpoints/{size}");
        let trusted = policy.check_checkpoint(&note(&self.read(&path, NOTE_LEN_MAX).await?)?)?;
        if trusted.checkpoint().size == size {
            return Ok(trusted);
        }
        let (asked, found) = (size, trusted.checkpoint().size);
        let message = format!("{self}/{path}: a checkpoint of {found} leaves, not of {asked}");
        Err(SourceError::Malformed(message).into())
    }

    /// A tile or an entry bundle. Where a partial one is gone, since the log has grown, the full
    /// one is cut to its width (C2SP tlog-tiles, "Partial Tiles").
    ///
    /// # Errors
    /// [`SourceError`], if neither the tile nor the full one can be had.
    pub async fn tile(&self, path: TilePath) -> Result<Vec<u8>, SourceError> {
        let most = match path.kind {
            TileKind::Hashes(_) => TILE_LEN,
            TileKind::Entries => BUNDLE_LEN_MAX,
        };
        let found = self.read(&path.to_string(), most).await;
        match found {
            Err(SourceError::Missing(_)) if path.width < TILE_WIDTH => {
                let full = TilePath {
                    width: TILE_WIDTH,
                    ..path
                };
                let mut octets = self.read(&full.to_string(), most).await?;
                octets.truncate(match path.kind {
                    TileKind::Hashes(_) => usize::from(path.width) * HASH_LEN,
                    TileKind::Entries => entries_len(&octets, path.width),
                });
                Ok(octets)
            }
            found => found,
        }
    }

    /// The file at `path`, unverified, of at most `most` octets.
    ///
    /// # Errors
    /// [`SourceError`], if it cannot be had or is too long.
    pub async fn file(&self, path: &str, most: usize) -> Result<Vec<u8>, SourceError> {
        let octets = self.read(path, most).await?;
        if octets.len() <= most {
            return Ok(octets);
        }
        let message = format!("{self}/{path}: more than {most} octets");
        Err(SourceError::Malformed(message))
    }

    /// The file at `path`, up to `most` octets and one more.
    pub(super) async fn read(&self, path: &str, most: usize) -> Result<Vec<u8>, SourceError> {
        match &self.0 {
            Files::Archive(place) => place
                .read(path, most)?
                .ok_or_else(|| SourceError::Missing(place.whereabouts(path))),
            Files::Url {
                net,
                base,
                past_caches,
            } => {
                let url = format!("{base}/{path}");
                let mut request = Request::get(&url, most);
                if *past_caches {
                    request.headers.push(no_cache());
                }
                let answer = net.send(request).await;
                let answer = answer.map_err(|error| SourceError::Unavailable(error.to_string()))?;
                match answer.status {
                    200 => Ok(answer.body),
                    404 | 410 => Err(SourceError::Missing(url)),
                    status => Err(SourceError::Status { url, status }),
                }
            }
        }
    }
}

pub(super) fn note(octets: &[u8]) -> Result<Note, Unread<NoteError>> {
    named(Note::parse(octets), octets)
}

/// Octets of the first `width` entries; all of them if there are fewer.
fn entries_len(octets: &[u8], width: u16) -> usize {
    let mut at = 0;
    for _ in 0..width {
        let Some([high, low]) = octets.get(at..).and_then(|rest| rest.first_chunk()) else {
            return octets.len();
        };
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    at.min(octets.len())
}
