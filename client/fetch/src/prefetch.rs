//! Files of a source in their order, some of them asked for before they are needed.

use std::collections::VecDeque;

use ishibumi_tlog::tile::TilePath;
use tokio::task::{JoinError, JoinHandle};

use super::source::{Source, SourceError};

/// Files that are asked for before they are needed. Bounds memory: so many bundles may be held.
const FILES_AHEAD: usize = 8;

type Coming = JoinHandle<Result<Vec<u8>, SourceError>>;

/// Files of one source that are on their way.
pub(super) struct Ahead<I> {
    source: Source,
    plan: I,
    coming: VecDeque<(TilePath, Coming)>,
}

impl<I: Iterator<Item = TilePath>> Ahead<I> {
    pub(super) fn new(source: &Source, plan: I) -> Self {
        Self {
            source: source.clone(),
            plan,
            coming: VecDeque::new(),
        }
    }

    /// The next file of the plan.
    pub(super) async fn next(&mut self) -> Option<(TilePath, Result<Vec<u8>, SourceError>)> {
        while self.coming.len() < FILES_AHEAD
            && let Some(path) = self.plan.next()
        {
            let source = self.source.clone();
            let file = tokio::spawn(async move { source.tile(path).await });
            self.coming.push_back((path, file));
        }
        let (path, file) = self.coming.pop_front()?;
        let lost = |error: JoinError| Err(SourceError::Unavailable(format!("{path}: {error}")));
        Some((path, file.await.unwrap_or_else(lost)))
    }
}
