//! Reading the records that came since the last round, hashed to a root that the log signed.

use ishibumi_artifact::Record;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::{BundleError, TILE_WIDTH, TileKind, TilePath, decode_bundle, tile_width};
use ishibumi_tlog::tree::Frontier;
use ishibumi_tlog::{Checkpoint, Hash};

use super::WatchList;

/// Records under way. Nothing is believed before [`Reading::finish`].
#[derive(Debug)]
pub struct Reading<'a> {
    list: &'a WatchList,
    target: Checkpoint,
    tree: Frontier,
    found: Vec<Named>,
    own: Vec<Hash>,
}

/// A record that names a watched party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    pub(super) names: String,
}

/// Records that hash to the root that the log signed. Only [`Reading::finish`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub(super) tree: Frontier,
    pub(super) found: Vec<Named>,
    /// The expected leaves among them.
    pub(super) own: Vec<Hash>,
}

/// Why the files are not the records of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadingError {
    /// The file is no entry bundle of that width.
    #[error("{path}: {source}")]
    Bundle {
        /// Path of the entry bundle.
        path: TilePath,
        /// Why the bundle cannot be read.
        source: BundleError,
    },
    /// A bundle came that was not the next one.
    #[error("{0} is not the next bundle")]
    OutOfOrder(TilePath),
    /// The records hash to another root than the signed one.
    #[error(
        "the records of the tree of size {size} hash to the root {computed}, the log signed {signed}"
    )]
    Root {
        /// Size of the tree.
        size: u64,
        /// Root of the records.
        computed: Hash,
        /// Root in the checkpoint.
        signed: Hash,
    },
}

impl<'a> Reading<'a> {
    pub(super) fn new(list: &'a WatchList, tree: Frontier, target: Checkpoint) -> Self {
        Self {
            list,
            target,
            tree,
            found: Vec::new(),
            own: Vec::new(),
        }
    }

    /// The first record that is read.
    pub fn from(&self) -> u64 {
        self.tree.size()
    }

    /// The entry bundles that are wanted, in order.
    pub fn plan(&self) -> impl Iterator<Item = TilePath> + Send + use<> {
        let (from, size) = (self.tree.size(), self.target.size);
        let width = u64::from(TILE_WIDTH);
        (from / width..size.div_ceil(width)).map(move |index| TilePath {
            kind: TileKind::Entries,
            index,
            width: tile_width(0, index, size),
        })
    }

    /// Takes the octets of the next bundle of the plan. An entry that is not a record of this
    /// format names no party.
    ///
    /// # Errors
    /// [`ReadingError`], if the bundle is not the next one, or cannot be read.
    pub fn take(&mut self, path: TilePath, octets: &[u8]) -> Result<(), ReadingError> {
        let first = path.index.saturating_mul(u64::from(TILE_WIDTH));
        let known = self.tree.size().checked_sub(first);
        let known = known.filter(|&known| known < u64::from(TILE_WIDTH));
        let known = known.ok_or(ReadingError::OutOfOrder(path))?;
        let entries = decode_bundle(path.width, octets)
            .map_err(|source| ReadingError::Bundle { path, source })?;
        for (index, entry) in (first..)
            .zip(entries)
            .skip(usize::try_from(known).unwrap_or(0))
        {
            let leaf = leaf_hash(entry);
            self.tree.append(leaf, |_, _, _| {});
            if self.list.expects(leaf) {
                self.own.push(leaf);
                continue;
            }
            let record = Record::decode(entry).ok();
            if let Some(names) = record.and_then(|record| self.list.names(&record)) {
                self.found.push(Named { index, leaf, names });
            }
        }
        Ok(())
    }

    /// Compares the root with the signed one, after the last bundle.
    ///
    /// # Errors
    /// [`ReadingError::Root`] if the records hash to another root.
    pub fn finish(self) -> Result<Read, ReadingError> {
        let Checkpoint { size, root, .. } = self.target;
        let computed = self.tree.root();
        if self.tree.size() != size || computed != root {
            return Err(ReadingError::Root {
                size,
                computed,
                signed: root,
            });
        }
        Ok(Read {
            tree: self.tree,
            found: self.found,
            own: self.own,
        })
    }
}
