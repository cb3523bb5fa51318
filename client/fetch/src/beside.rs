//! Compares the sources of one log with each other: all checkpoints that the log signed, from any
//! source, have to be of one history.
//!
//! An audit reads the files of one source. The other sources show statements of the log as well:
//! their newest checkpoints, and those that they keep. Each checkpoint that the log signed, with
//! its quorum or without, has to be a beginning of the audited tree, or to begin with it, and a
//! source with the tiles can show that. Two that do not fit convict the log, in any order of the
//! sources ([`ishibumi_tlog::fork`]). If no source's tiles decide about a checkpoint, it is not
//! shown to fit, and that is reported. A source that shows no checkpoint of the log says nothing.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use ishibumi_tlog::fork::{Evidence, Prefix};
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};

use super::prover::Prover;
use super::source::{Source, SourceError, note};
use ishibumi_audit::monitor::{Signed, evidence_of};

/// Kept checkpoints that are looked at of one source.
pub(super) const KEPT_MAX: u64 = 64;

/// Forks that are told; one convicts.
const FORKS_MAX: usize = 16;

/// The result of comparing the sources.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The result for each source, in their order.
    pub sources: Vec<Beside>,
    /// The evidence that convicts the log: the first sixteen.
    pub forks: Vec<Fork>,
}

/// The result for one source.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Name of the source.
    pub source: String,
    /// The newest checkpoint that it shows, if the log signed it.
    pub shown: Option<Checkpoint>,
    /// How it fits.
    pub agreement: Agreement,
}

/// How what a source shows fits with the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// All of it is one history with the audited tree.
    Agrees,
    /// One of its checkpoints contradicts one from elsewhere; the log signed both.
    Forked,
    /// The log signed its checkpoint, and no source's tiles show whether it fits; why.
    NotShown(String),
    /// It is a source of another log, with this origin.
    OtherLog(String),
    /// It shows no checkpoint that the log signed: why.
    Nothing(String),
}

/// Two trees that the log signed and that are not one history.
#[derive(Clone, Debug)]
pub struct Fork {
    /// The evidence that convicts the log.
    pub evidence: Box<Evidence>,
    /// The source that shows the first tree of the evidence, and the one that shows the second.
    pub shown_by: [String; 2],
}

/// Trees that are known beside those of the sources.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The index of the source whose files were audited, and the tree.
    pub audited: Option<(usize, &'a TrustedCheckpoint)>,
    /// The tree of the last visit.
    pub last: Option<&'a TrustedCheckpoint>,
    /// The time, in seconds since the Epoch: when a fork was seen.
    pub now: u64,
}

/// Holds everything that `sources` show of a log against each other.
pub async fn compare(sources: &[Source], policy: &Policy, seen: Seen<'_>) -> Compared {
    let mut trees = Trees {
        sources,
        all: Vec::new(),
        provers: HashMap::new(),
        silent: HashSet::new(),
    };
    let audited = seen.audited.map(|(_, head)| head.checkpoint());
    let last = seen.last.map(TrustedCheckpoint::checkpoint);
    let mut origin = audited.or(last).map(|checkpoint| checkpoint.origin.clone());
    if let Some((place, head)) = seen.audited
        && let Ok(signed) = Signed::read(head.note(), policy)
    {
        trees.add(signed, Some(place), true);
    }
    let mut beside = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        let shown = match shown_by(source, policy).await {
            Ok(shown) => shown,
            Err(reason) => {
                beside.push((None, Some(Agreement::Nothing(reason))));
                continue;
            }
        };
        let newest = shown.first().map(|signed| signed.checkpoint().clone());
        let its_own = newest.as_ref().map(|newest| newest.origin.clone());
        let other = its_own.filter(|own| own != origin.get_or_insert_with(|| own.clone()));
        if other.is_none() {
            for (nth, signed) in shown.into_iter().enumerate() {
                trees.add(signed, Some(place), nth == 0);
            }
        }
        beside.push((newest, other.map(Agreement::OtherLog)));
    }
    if let Some(head) = seen.last
        && let Ok(signed) = Signed::read(head.note(), policy)
    {
        trees.add(signed, None, true);
    }
    let mut found = trees.settle(audited).await;
    found.truncate(FORKS_MAX);
    let found = found.into_iter();
    let forks = found.filter_map(|found| trees.evidence(found, policy, seen.now));
    let forks = forks.collect();
    let sources = sources.iter().zip(beside).enumerate();
    let sources = sources.map(|(place, (source, (shown, agreement)))| Beside {
        source: source.to_string(),
        shown,
        agreement: agreement.unwrap_or_else(|| trees.agreement(place)),
    });
    Compared {
        sources: sources.collect(),
        forks,
    }
}

/// The newest checkpoint that the log signed, and such as are kept beside it; or why there is none.
async fn shown_by(source: &Source, policy: &Policy) -> Result<Vec<Signed>, String> {
    let newest = match newest(source, policy).await {
        Ok(newest) => newest,
        Err(error) => match source.past_caches() {
            Some(past_caches) => self::newest(&past_caches, policy).await?,
            None => return Err(error),
        },
    };
    let Checkpoint { origin, size, .. } = newest.checkpoint().clone();
    let mut kept = kept_sizes(source, size).await;
    // A kept checkpoint of a larger tree counts, even if another one is called the newest.
    let larger = source.kept_sizes(size.saturating_add(1)).await;
    kept.extend(larger.unwrap_or_default().last());
    let mut shown = vec![newest];
    for size in kept {
        // A listed checkpoint that is missing, or not the log's, is no statement of the log.
        if let Ok(octets) = source
            .read(&format!("checkpoints/{size}"), NOTE_LEN_MAX)
            .await
            && let Ok(note) = Note::parse(&octets)
            && let Ok(signed) = Signed::read(&note, policy)
            && signed.checkpoint().origin == origin
        {
            shown.push(signed);
        }
    }
    Ok(shown)
}

async fn newest(source: &Source, policy: &Policy) -> Result<Signed, String> {
    let octets = source.checkpoint().await;
    let octets = octets.map_err(|error| error.to_string())?;
    let note = note(&octets).map_err(|error| format!("checkpoint: {error}"))?;
    Signed::read(&note, policy).map_err(|error| format!("checkpoint: {error}"))
}

/// Sizes of checkpoints that `source` keeps: some [`KEPT_MAX`] at even distances up to `end`.
pub(super) async fn kept_sizes(source: &Source, end: u64) -> Vec<u64> {
    let (mut sizes, mut page, mut from) = (Vec::new(), Vec::new(), 0);
    while from < end {
        let next = |page: &[u64]| {
            page.iter()
                .copied()
                .find(|size| (from..=end).contains(size))
        };
        let mut size = next(&page);
        if size.is_none() {
            page = source.kept_sizes(from).await.unwrap_or_default();
            size = next(&page);
        }
        let Some(size) = size else { break };
        sizes.push(size);
        from = (size + 1).max(from.saturating_add(end / KEPT_MAX));
    }
    sizes
}

/// Different trees that the log signed.
struct Trees<'a> {
    sources: &'a [Source],
    all: Vec<Tree>,
    /// Provers by source and size of the tree whose tiles are read.
    provers: HashMap<(usize, u64), Prover<'a>>,
    /// Sources that did not answer: they are not asked for more.
    silent: HashSet<usize>,
}

struct Tree {
    signed: Signed,
    /// Indices of the sources that show it; empty if it is of the last visit.
    places: Vec<usize>,
    /// Whether it is what one of them calls the newest.
    newest: bool,
    /// Whether it is one history with the trunk.
    fits: bool,
    /// Whether it contradicts another one.
    forked: bool,
}

impl Trees<'_> {
    fn add(&mut self, signed: Signed, place: Option<usize>, newest: bool) {
        let same = |tree: &&mut Tree| tree.signed.checkpoint() == signed.checkpoint();
        if let Some(known) = self.all.iter_mut().find(same) {
            known.places.extend(place);
            known.newest |= newest;
            return;
        }
        self.all.push(Tree {
            signed,
            places: Vec::from_iter(place),
            newest,
            fits: false,
            forked: false,
        });
    }

    /// Finds out what fits with what. The trees are sorted by size, so that of two the first is not
    /// larger.
    async fn settle(&mut self, audited: Option<&Checkpoint>) -> Vec<Found> {
        let mut found = Vec::new();
        // The same order, and so the same evidence, in whichever order the sources were named.
        self.all
            .sort_by_key(|tree| (tree.size(), tree.signed.checkpoint().root.0));
        // Of one size: two roots need no tiles.
        for newer in 1..self.all.len() {
            if self.size(newer - 1) == self.size(newer) {
                found.push(self.forked((newer - 1, newer), None));
            }
        }
        let is_audited = |tree: &Tree| Some(tree.signed.checkpoint()) == audited;
        let trunk = self.all.iter().position(is_audited);
        let Some(trunk) = trunk.or(self.all.len().checked_sub(1)) else {
            return found;
        };
        self.fits(trunk);
        // A larger tree that turns out to fit may have tiles that decide where no other source's
        // could.
        let mut decided = true;
        while decided {
            decided = false;
            for other in 0..self.all.len() {
                let trunk = self.all.iter().rposition(|tree| tree.fits);
                let Some(trunk) = trunk.filter(|_| self.is_open(other)) else {
                    continue;
                };
                let pair = (other.min(trunk), other.max(trunk));
                let Some(beginning) = self.beginning(pair).await else {
                    continue;
                };
                decided = true;
                if self.root(pair.0) == Some(beginning.root) {
                    self.fits(other);
                } else {
                    found.push(self.forked(pair, Some(beginning)));
                }
            }
        }
        // Trees that cannot be compared with the trunk may still contradict each other.
        for newer in 0..self.all.len() {
            for older in 0..newer {
                let both = [older, newer].map(|tree| self.is_open(tree) && self.is_newest(tree));
                if both == [true, true]
                    && let Some(beginning) = self.beginning((older, newer)).await
                    && self.root(older) != Some(beginning.root)
                {
                    found.push(self.forked((older, newer), Some(beginning)));
                }
            }
        }
        found
    }

    /// The beginning of the larger of two trees that is as large as the smaller one, by any
    /// source's tiles.
    async fn beginning(&mut self, (older, newer): (usize, usize)) -> Option<Prefix> {
        let size = self.size(older)?;
        let tree = self.all.get(newer)?;
        let larger = tree.signed.checkpoint().clone();
        // Sources that show the larger tree first; then all others, since a mirror may have more
        // than it shows.
        let mut places = tree.places.clone();
        places.extend((0..self.sources.len()).filter(|place| !tree.places.contains(place)));
        for place in places {
            let source = self.sources.get(place)?;
            if self.silent.contains(&place) {
                continue;
            }
            let shows = |tree: &&Tree| tree.newest && tree.places.contains(&place);
            let shown = self.all.iter().rfind(shows).map_or(0, Tree::size);
            let within = shown.max(larger.size);
            let prover = match self.provers.entry((place, within)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(Prover::new(source, within)),
            };
            match prover.beginning(size, &larger).await {
                Ok(Some(beginning)) => return Some(beginning),
                Err(SourceError::Unavailable(_)) => {
                    self.silent.insert(place);
                    continue;
                }
                _ => {}
            }
            let Some(past_caches) = source.past_caches() else {
                continue;
            };
            let mut prover = Prover::new(&past_caches, within);
            if let Ok(Some(beginning)) = prover.beginning(size, &larger).await {
                return Some(beginning);
            }
        }
        None
    }

    /// Takes down that the second of two trees does not begin with the first.
    fn forked(&mut self, pair: (usize, usize), beginning: Option<Prefix>) -> Found {
        for tree in [pair.0, pair.1] {
            if let Some(tree) = self.all.get_mut(tree) {
                tree.forked = true;
            }
        }
        Found { pair, beginning }
    }

    fn fits(&mut self, tree: usize) {
        if let Some(tree) = self.all.get_mut(tree) {
            tree.fits = true;
        }
    }

    fn is_open(&self, tree: usize) -> bool {
        let tree = self.all.get(tree);
        tree.is_some_and(|tree| !tree.fits && !tree.forked)
    }

    fn is_newest(&self, tree: usize) -> bool {
        self.all.get(tree).is_some_and(|tree| tree.newest)
    }

    fn size(&self, tree: usize) -> Option<u64> {
        self.all.get(tree).map(Tree::size)
    }

    fn root(&self, tree: usize) -> Option<Hash> {
        self.all.get(tree).map(|tree| tree.signed.checkpoint().root)
    }

    fn evidence(&self, found: Found, policy: &Policy, now: u64) -> Option<Fork> {
        let first = self.all.get(found.pair.0)?;
        let second = self.all.get(found.pair.1)?;
        let notes = [first, second].map(|tree| tree.signed.note().clone());
        let evidence = evidence_of(policy, now, notes, found.beginning).ok()?;
        Some(Fork {
            evidence: Box::new(evidence),
            shown_by: [first, second].map(|tree| self.names(tree)),
        })
    }

    fn names(&self, tree: &Tree) -> String {
        let named = tree.places.iter();
        let named = named.filter_map(|&place| self.sources.get(place));
        let named: BTreeSet<String> = named.map(ToString::to_string).collect();
        if named.is_empty() {
            return "the last visit".to_owned();
        }
        Vec::from_iter(named).join(", ")
    }

    fn agreement(&self, place: usize) -> Agreement {
        let shows = |tree: &&Tree| tree.places.contains(&place);
        let mut own = self.all.iter().filter(shows);
        if own.clone().any(|tree| tree.forked) {
            return Agreement::Forked;
        }
        let open = own.find(|tree| !tree.fits);
        open.map_or(Agreement::Agrees, |tree| {
            let size = tree.size();
            Agreement::NotShown(format!(
                "it shows a tree of {size} that the log signed, and nobody has tiles that show whether it fits"
            ))
        })
    }
}

/// Two trees that contradict each other, by index, and the proof if their sizes differ.
struct Found {
    pair: (usize, usize),
    beginning: Option<Prefix>,
}

impl Tree {
    fn size(&self) -> u64 {
        self.signed.checkpoint().size
    }
}
