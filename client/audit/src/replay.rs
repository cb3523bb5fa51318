//! The replay itself, and the order in which it wants files.

use std::collections::{BTreeMap, VecDeque};

use ishibumi_artifact::record::{Body, LogStatement, Record};
use ishibumi_tlog::hash::{HASH_LEN, leaf_hash};
use ishibumi_tlog::tile::{
    Edge, LEVEL_MAX, TILE_HEIGHT, TILE_WIDTH, Tile, TileKind, TilePath, decode_bundle, tile_width,
};
use ishibumi_tlog::{Checkpoint, Hash};

use super::Violation;
use super::checkpoint_timestamps::AnchorsSeen;
use super::lists::{ListError, ListSeen};
use super::suspects::{Detector, Suspects, Timeline};

/// Every file that a replay from `from` leaves to `to` leaves reads, in the order in which
/// [`Replay::take`] wants them: each entry bundle, after it the tiles that it completes, and at the
/// end the partial tiles.
pub fn plan(from: u64, to: u64) -> impl Iterator<Item = TilePath> + Send {
    let width = u64::from(TILE_WIDTH);
    let bundles = if from < to {
        from / width..to.div_ceil(width)
    } else {
        0..0
    };
    let any = !bundles.is_empty();
    let steps = bundles.flat_map(move |index| {
        let bundle = TilePath {
            kind: TileKind::Entries,
            index,
            width: tile_width(0, index, to),
        };
        // Bundle N fills the level-L tile N / 256^L if it holds the last leaf under it.
        let filled = (0..=LEVEL_MAX).map_while(move |level| {
            let shift = u32::from(TILE_HEIGHT) * u32::from(level);
            let ends_here = (index + 1) & ((1 << shift) - 1) == 0;
            let tile = index >> shift;
            let is_full = ends_here && tile_width(level, tile, to) == TILE_WIDTH;
            is_full.then_some(TilePath {
                kind: TileKind::Hashes(level),
                index: tile,
                width: TILE_WIDTH,
            })
        });
        std::iter::once(bundle).chain(filled)
    });
    let partial = (0..=LEVEL_MAX).filter_map(move |level| {
        let nodes = to
            .checked_shr(u32::from(TILE_HEIGHT) * u32::from(level))
            .unwrap_or(0);
        let index = nodes / width;
        let width = tile_width(level, index, to);
        (any && width > 0).then_some(TilePath {
            kind: TileKind::Hashes(level),
            index,
            width,
        })
    });
    steps.chain(partial)
}

/// A tree that an earlier visit saw and that the replay has to pass through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its size, in leaves.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// Announcements of its end that are remembered of a log.
pub const ENDS_MAX: usize = 100;

/// Counts of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records by kind, as in `ishibumi_artifact::record::kind`.
    pub kinds: BTreeMap<u16, u64>,
    /// Records in all.
    pub records: u64,
    /// Those of them that were hashed and not read as records.
    pub opaque: u64,
    /// Octets of all records, without framing.
    pub octets: u64,
    /// Number of tiles compared.
    pub tiles: u64,
}

/// A replay under way. It checks what it is given and asks for nothing.
#[derive(Debug)]
pub struct Replay {
    target: Checkpoint,
    edge: Edge,
    seen: Option<Seen>,
    /// The root of the records up to the earlier visit's size, if it is not the one seen then.
    shown: Option<Hash>,
    /// Full tiles that the last bundle completed and that have not been compared yet.
    due: VecDeque<(TilePath, Vec<Hash>)>,
    entries: Entries,
    tally: Tally,
    detector: Detector,
    anchors: AnchorsSeen,
    ends: Vec<(u64, LogStatement)>,
}

/// How the entries of a log are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Entries {
    /// As records, the first of which opens the log; each is decoded.
    #[default]
    Records,
    /// Octets of any log on C2SP tlog-tiles: they are hashed and not read.
    Any,
}

/// A log whose every record was replayed to the root that it signed.
///
/// Only [`Replay::finish`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    edge: Edge,
    tally: Tally,
    detector: Detector,
    anchors: AnchorsSeen,
    ends: Vec<(u64, LogStatement)>,
}

impl Audited {
    /// The log's statements about its own end, with the index of each record: announcements, and
    /// the record that closed it. The first [`ENDS_MAX`] announcements.
    pub fn ends(&self) -> &[(u64, LogStatement)] {
        &self.ends
    }

    /// The right edge of the tree, from which a later replay goes on.
    pub const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The counts of the replay.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The suspicions that the records raise. They are no fault of the log.
    pub const fn suspects(&self) -> &Suspects {
        self.detector.suspects()
    }

    /// The tokens over checkpoints that were read: the roots of those that fit are still to be held
    /// against the tree.
    pub const fn anchors(&self) -> &AnchorsSeen {
        &self.anchors
    }

    /// The complete revocation lists whose records were seen, in the order in which
    /// [`Self::compare`] wants their octets: by issuer, then by thisUpdate.
    pub fn lists(&self) -> &[ListSeen] {
        self.detector.lists()
    }

    /// Compares a list with those of its issuer and scope before it. Nothing is reported about
    /// lists that are left out. `octets`: the blob with the list's digest.
    ///
    /// # Errors
    /// [`ListError`], if the octets are not those of the list, or cannot be read.
    pub fn compare(&mut self, list: &ListSeen, octets: &[u8]) -> Result<(), ListError> {
        self.detector.compare(list, octets)
    }
}

impl Replay {
    /// A replay of everything up to `target`. If an earlier visit saw a tree, the replay has to
    /// pass through it.
    ///
    /// # Errors
    /// [`Violation`], if `target` already contradicts the tree of the earlier visit.
    pub fn full(target: Checkpoint, seen: Option<Seen>) -> Result<Self, Violation> {
        let replay = Self {
            target,
            edge: Edge::new(),
            seen,
            shown: None,
            due: VecDeque::new(),
            entries: Entries::default(),
            tally: Tally::default(),
            detector: Detector::default(),
            anchors: AnchorsSeen::default(),
            ends: Vec::new(),
        };
        replay.compare_heads()?;
        Ok(replay)
    }

    /// A replay of the records after `edge`, the tree of an earlier visit.
    ///
    /// # Errors
    /// [`Violation`], if `target` already contradicts the tree of the earlier visit.
    pub fn resumed(target: Checkpoint, edge: Edge) -> Result<Self, Violation> {
        let seen = Some(Seen {
            size: edge.size(),
            root: edge.root(),
        });
        let (due, tally) = (VecDeque::new(), Tally::default());
        let replay = Self {
            target,
            edge,
            seen,
            shown: None,
            due,
            entries: Entries::default(),
            tally,
            detector: Detector::default(),
            anchors: AnchorsSeen::default(),
            ends: Vec::new(),
        };
        replay.compare_heads()?;
        Ok(replay)
    }

    /// Holds the times that tokens state against those of checkpoints. Has to come before the first
    /// file.
    #[must_use]
    pub fn with_timeline(mut self, timeline: Timeline) -> Self {
        self.detector = Detector::new(timeline);
        self
    }

    /// Takes the entries for `entries`. Has to come before the first file.
    #[must_use]
    pub fn with_entries(self, entries: Entries) -> Self {
        Self { entries, ..self }
    }

    fn compare_heads(&self) -> Result<(), Violation> {
        let Some(seen) = self.seen else { return Ok(()) };
        let Checkpoint { size, root, .. } = self.target;
        if size < seen.size {
            return Err(Violation::Rollback {
                seen: seen.size,
                shown: size,
            });
        }
        if size == seen.size && root != seen.root {
            return Err(Violation::Fork {
                size,
                seen: seen.root,
                shown: root,
            });
        }
        Ok(())
    }

    /// The files that are still wanted, in order.
    pub fn plan(&self) -> impl Iterator<Item = TilePath> + Send + use<> {
        plan(self.edge.size(), self.target.size)
    }

    /// Leaves that have been replayed, from index 0.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Leaves of the tree that is replayed to.
    pub const fn target_size(&self) -> u64 {
        self.target.size
    }

    /// Takes the octets of the next file of the plan.
    ///
    /// # Errors
    /// [`Violation`]: what is wrong with the file, or with a tile that it completes.
    pub fn take(&mut self, path: TilePath, octets: &[u8]) -> Result<(), Violation> {
        match path.kind {
            TileKind::Entries => self.take_bundle(path, octets),
            TileKind::Hashes(level) => self.take_tile(path, level, octets),
        }
    }

    fn take_bundle(&mut self, path: TilePath, octets: &[u8]) -> Result<(), Violation> {
        let first = path.index.saturating_mul(u64::from(TILE_WIDTH));
        let known = self
            .edge
            .size()
            .checked_sub(first)
            .filter(|&n| n < u64::from(TILE_WIDTH));
        let (Some(known), true) = (known, self.due.is_empty()) else {
            let next = self.edge.size() / u64::from(TILE_WIDTH);
            return Err(Violation::OutOfOrder {
                found: path,
                expected: format!("bundle {next}"),
            });
        };
        let entries = decode_bundle(path.width, octets)
            .map_err(|source| Violation::Bundle { path, source })?;
        let seen_leaves: Vec<Hash> = self.edge.levels().first().cloned().unwrap_or_default();
        for (index, entry) in (first..).zip(entries) {
            let leaf = leaf_hash(entry);
            if index < first + known {
                let place = usize::try_from(index - first).unwrap_or(usize::MAX);
                if seen_leaves.get(place) != Some(&leaf) {
                    return Err(Violation::Rewritten { path, index });
                }
                if let (Entries::Records, Ok(record)) = (self.entries, Record::decode(entry)) {
                    self.note_end(index, &record);
                }
                continue;
            }
            self.count(path, index, entry)?;
            let due = &mut self.due;
            self.edge.append(leaf, |level, index, tile| {
                let kind = TileKind::Hashes(level);
                due.push_back((
                    TilePath {
                        kind,
                        index,
                        width: TILE_WIDTH,
                    },
                    tile.hashes().to_vec(),
                ));
            });
            self.compare_with_seen();
        }
        Ok(())
    }

    fn count(&mut self, path: TilePath, index: u64, entry: &[u8]) -> Result<(), Violation> {
        match self.entries {
            Entries::Records => self.read_record(path, index, entry)?,
            Entries::Any => self.tally.opaque += 1,
        }
        self.tally.records += 1;
        self.tally.octets += u64::try_from(entry.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn read_record(&mut self, path: TilePath, index: u64, entry: &[u8]) -> Result<(), Violation> {
        let record = Record::decode(entry).map_err(|source| Violation::Record {
            path,
            index,
            source,
        })?;
        if index == 0 {
            let opens = matches!(record.body(), Body::Log(LogStatement::Opened(opened))
                if opened.origin() == self.target.origin.as_bytes());
            if !opens {
                return Err(Violation::NotOpened {
                    origin: self.target.origin.clone(),
                });
            }
        }
        if let Body::Anchor(anchor) = record.body() {
            self.anchors.observe(index, anchor, &self.target.origin);
        }
        if let Some((closed, LogStatement::Closed(_))) = self.ends.last() {
            let closed = *closed;
            return Err(Violation::AfterClosed {
                path,
                index,
                closed,
            });
        }
        self.detector.observe(index, &record);
        self.note_end(index, &record);
        *self.tally.kinds.entry(record.kind()).or_default() += 1;
        Ok(())
    }

    /// Remembers what a log says about its own end. Of a resumed replay the last records of the
    /// earlier visit count, too, as far as they are in the bundle that it begins in.
    fn note_end(&mut self, index: u64, record: &Record) {
        let Body::Log(statement) = record.body() else {
            return;
        };
        let kept = match statement {
            LogStatement::Closed(_) => true,
            LogStatement::Closing(_) => self.ends.len() < ENDS_MAX,
            _ => false,
        };
        if kept {
            self.ends.push((index, statement.clone()));
        }
    }

    /// A difference is no fork yet: only when the records turn out to hash to the signed root is it
    /// the log that changed them, and not the server of its files.
    fn compare_with_seen(&mut self) {
        if let Some(seen) = self.seen.filter(|seen| seen.size == self.edge.size()) {
            self.shown = Some(self.edge.root()).filter(|&shown| shown != seen.root);
        }
    }

    fn take_tile(&mut self, path: TilePath, level: u8, octets: &[u8]) -> Result<(), Violation> {
        let expected = match self.due.pop_front() {
            Some((due, hashes)) if due == path => hashes,
            Some((due, _)) => {
                return Err(Violation::OutOfOrder {
                    found: path,
                    expected: due.to_string(),
                });
            }
            None => self
                .edge
                .levels()
                .get(usize::from(level))
                .cloned()
                .unwrap_or_default(),
        };
        let length = usize::from(path.width) * HASH_LEN;
        let tile = Tile::decode(path.width, octets).ok_or(Violation::TileLength {
            path,
            found: octets.len(),
            expected: length,
        })?;
        if expected.len() != usize::from(path.width) {
            let expected = "a tile of the tree".to_owned();
            return Err(Violation::OutOfOrder {
                found: path,
                expected,
            });
        }
        let differs = tile
            .hashes()
            .iter()
            .zip(&expected)
            .position(|(found, own)| found != own);
        if let Some(position) = differs {
            return Err(if level == 0 {
                let first = path.index * u64::from(TILE_WIDTH);
                let index = first + u64::try_from(position).unwrap_or(0);
                let bundle = TilePath {
                    kind: TileKind::Entries,
                    ..path
                };
                Violation::Leaf {
                    path,
                    bundle,
                    index,
                }
            } else {
                Violation::Node { path, position }
            });
        }
        self.tally.tiles += 1;
        Ok(())
    }

    /// Compares the root with the signed one, after the last file of the plan.
    ///
    /// A replay that was not fed its whole plan has another size, and so another root.
    ///
    /// # Errors
    /// [`Violation`], if a file of the plan is missing, the records hash to another root, or the
    /// tree of the earlier visit is not a beginning of this one.
    pub fn finish(self) -> Result<Audited, Violation> {
        let Checkpoint { size, root, .. } = self.target;
        let computed = self.edge.root();
        if let Some((due, _)) = self.due.front() {
            return Err(Violation::OutOfOrder {
                found: *due,
                expected: due.to_string(),
            });
        }
        if self.edge.size() != size || computed != root {
            return Err(Violation::Root {
                size,
                computed,
                signed: root,
            });
        }
        if let (Some(shown), Some(seen)) = (self.shown, self.seen) {
            return Err(Violation::Fork {
                size: seen.size,
                seen: seen.root,
                shown,
            });
        }
        let mut detector = self.detector;
        detector.end();
        Ok(Audited {
            edge: self.edge,
            tally: self.tally,
            detector,
            anchors: self.anchors,
            ends: self.ends,
        })
    }
}
