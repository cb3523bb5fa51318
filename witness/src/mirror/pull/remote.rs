//! The log's interface, as a stranger reads it.

use std::sync::Arc;

use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::tile::{
    ENTRY_LEN_MAX, TILE_LEN, TILE_WIDTH, Tile, TileKind, TilePath, TileSource, decode_bundle,
};
use ishibumi_wire::{Net, NetError, Request};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::PullError;

/// The longest entry bundle, in octets.
const BUNDLE_LEN_MAX: usize = TILE_WIDTH as usize * (2 + ENTRY_LEN_MAX);

/// A log behind a URL prefix. Blocks; not to be used on a thread of the runtime.
#[derive(Clone)]
pub(super) struct Remote {
    base: String,
    net: Arc<dyn Net>,
    stop: watch::Receiver<bool>,
    runtime: Handle,
}

impl Remote {
    /// The log at `base`, asked on the runtime in which this is called.
    pub(super) fn new(base: &str, net: Arc<dyn Net>, stop: watch::Receiver<bool>) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            net,
            stop,
            runtime: Handle::current(),
        }
    }

    /// The newest checkpoint. Unverified.
    pub(super) fn checkpoint(&self) -> Result<Note, PullError> {
        let octets = self.required("checkpoint", NOTE_LEN_MAX)?;
        Note::parse(&octets).map_err(|error| self.wrong("checkpoint", error.to_string()))
    }

    /// The octets at `path`; `None` for a 404 or 410.
    pub(super) fn get(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, PullError> {
        self.runtime.block_on(self.fetch(path.to_owned(), most))
    }

    /// The entries `0..width` of each of these bundles, which are asked for at once. Unverified.
    pub(super) fn bundles(&self, bundles: &[(u64, u16)]) -> Vec<Result<Vec<Vec<u8>>, PullError>> {
        let mut tasks = JoinSet::new();
        for (place, &(index, width)) in bundles.iter().enumerate() {
            let this = self.clone();
            let task = async move { (place, this.bundle(index, width).await) };
            tasks.spawn_on(task, &self.runtime);
        }
        let mut found: Vec<_> = bundles.iter().map(|_| Err(PullError::Stopped)).collect();
        while let Some(done) = self.runtime.block_on(tasks.join_next()) {
            if let Ok((place, bundle)) = done
                && let Some(slot) = found.get_mut(place)
            {
                *slot = bundle;
            }
        }
        found
    }

    pub(super) fn wrong(&self, path: &str, reason: impl Into<String>) -> PullError {
        PullError::Remote {
            url: format!("{}/{path}", self.base),
            reason: reason.into(),
        }
    }

    fn required(&self, path: &str, most: usize) -> Result<Vec<u8>, PullError> {
        let found = self.get(path, most)?;
        found.ok_or_else(|| self.wrong(path, "the log answers 404"))
    }

    async fn bundle(self, index: u64, width: u16) -> Result<Vec<Vec<u8>>, PullError> {
        let (path, width, octets) = self
            .widest(TileKind::Entries, index, width, BUNDLE_LEN_MAX)
            .await?;
        let entries = decode_bundle(width, &octets);
        let entries = entries.map_err(|error| self.wrong(&path, error.to_string()))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// A tile of this width; where the log has dropped a partial one, the full one (C2SP
    /// tlog-tiles, "Partial Tiles"): path, width and octets.
    async fn widest(
        &self,
        kind: TileKind,
        index: u64,
        width: u16,
        most: usize,
    ) -> Result<(String, u16, Vec<u8>), PullError> {
        let path = |width| TilePath { kind, index, width }.to_string();
        if let Some(octets) = self.fetch(path(width), most).await? {
            return Ok((path(width), width, octets));
        }
        let full = path(TILE_WIDTH);
        let octets = self.fetch(full.clone(), most).await?;
        let octets = octets.ok_or_else(|| self.wrong(&path(width), "the log answers 404"))?;
        Ok((full, TILE_WIDTH, octets))
    }

    async fn fetch(&self, path: String, most: usize) -> Result<Option<Vec<u8>>, PullError> {
        let url = format!("{}/{path}", self.base);
        let mut stop = self.stop.clone();
        let answer = tokio::select! {
            _ = stop.wait_for(|&stop| stop) => return Err(PullError::Stopped),
            answer = self.net.send(Request::get(&url, most)) => answer,
        };
        // The network names the URL, and so do we.
        let answer = answer.map_err(|NetError(reason)| {
            let reason = reason.strip_prefix(&format!("{url}: ")).unwrap_or(&reason);
            self.wrong(&path, reason)
        })?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            // Gone: the blob was erased.
            404 | 410 => Ok(None),
            status => Err(self.wrong(&path, format!("the log answers {status}"))),
        }
    }
}

impl TileSource for Remote {
    type Error = PullError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, PullError> {
        let kind = TileKind::Hashes(level);
        let tile = self.widest(kind, index, width, TILE_LEN);
        let (path, _, octets) = self.runtime.block_on(tile)?;
        let wanted = octets.get(..usize::from(width) * (TILE_LEN / usize::from(TILE_WIDTH)));
        let whole = octets.len() == TILE_LEN || wanted.is_some_and(|w| w.len() == octets.len());
        wanted
            .filter(|_| whole)
            .and_then(|octets| Tile::decode(width, octets))
            .ok_or_else(|| self.wrong(&path, "its length is not that of such a tile"))
    }
}
