//! The state machine of one log.

use std::collections::BTreeSet;

use ishibumi_tlog::fork::{Evidence, Prefix};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::AlgorithmRequirement;
use ishibumi_tlog::tree::{Frontier, check_consistency};
use ishibumi_tlog::{Checkpoint, Hash, Policy};

use super::conviction::evidence_of;
use super::state::{FORKS_MAX, Raised, Signed};
use super::{Alarm, OwnArtifacts, Read, Reading, State, UNEXPECTED_MAX, WatchList};

/// How far other clocks may be ahead of the monitor's, in seconds.
const CLOCK_TOLERANCE_S: u64 = 60;

/// How patient a monitor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a log may stand still, and a place stay behind others, in seconds.
    pub stall_s: u64,
    /// How long a place may not answer, in seconds.
    pub unreachable_s: u64,
}

/// As what a checkpoint was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As the newest one.
    Newest,
    /// As one of those that are kept.
    Kept,
}

/// Two checkpoints of the log that ought to be consistent, and are not proven to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    place: String,
    older: Signed,
    newer: Signed,
}

impl Claim {
    /// The place that showed the checkpoint in question.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Size of the smaller tree.
    pub fn older(&self) -> u64 {
        self.older.checkpoint.size
    }

    /// Size of the larger tree.
    pub fn newer(&self) -> u64 {
        self.newer.checkpoint.size
    }
}

/// The result of proving a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The larger tree begins with the smaller one.
    Consistent,
    /// The log has forked; the evidence is kept.
    Fork,
    /// The proof leads to neither: its tiles are not those that the log signed.
    Open,
}

/// The end of a round: the alarms that stand, that are new, and that are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Alarms that stand, each with the time since when it stands, in seconds since the Epoch.
    pub alarms: Vec<(Alarm, u64)>,
    /// Keys of the alarms that the operator was not told of yet.
    pub untold: BTreeSet<String>,
    /// Keys of the alarms that stood at the end of the last round and do not stand any more.
    pub cleared: Vec<String>,
    /// Unexpected records beyond those that are listed.
    pub more_unexpected: u64,
    /// Number of places that showed a checkpoint of the log in this round. If none did, nothing was
    /// compared.
    pub answered: usize,
}

/// One round of watching one log.
#[derive(Debug)]
pub struct Watch<'a> {
    policy: &'a Policy,
    settings: Settings,
    state: State,
    /// The time of this round, in seconds since the Epoch.
    now: u64,
    alarms: Vec<Alarm>,
    answered: BTreeSet<String>,
}

impl<'a> Watch<'a> {
    /// Begins a round at `now`, in seconds since the Epoch. A state from the future is not
    /// believed.
    pub fn new(policy: &'a Policy, settings: Settings, mut state: State, now: u64) -> Self {
        let ahead = state.forget_after(now.saturating_add(CLOCK_TOLERANCE_S), now);
        let alarms = ahead.map(|time| Alarm::Clock { time });
        Self {
            policy,
            settings,
            state,
            now,
            alarms: Vec::from_iter(alarms),
            answered: BTreeSet::new(),
        }
    }

    /// The policy.
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// The log.
    pub fn origin(&self) -> &str {
        &self.state.origin
    }

    /// The largest tree that was seen.
    pub fn head(&self) -> Option<&Checkpoint> {
        self.state.trunk().map(|trunk| &trunk.checkpoint)
    }

    /// The largest tree that `place` showed as its newest; 0 if none.
    pub fn size_at(&self, place: &str) -> u64 {
        self.state.places.get(place).map_or(0, |place| place.size)
    }

    /// The size of the largest kept checkpoint of `place` that was looked at.
    pub fn kept_at(&self, place: &str) -> u64 {
        self.state.places.get(place).map_or(0, |place| place.kept)
    }

    /// Whether this would be a false answer or a rollback: worth to ask again, past the caches on
    /// the way.
    pub fn is_suspect(&self, place: &str, octets: &[u8]) -> bool {
        match self.read_note(octets) {
            Ok((seen, _)) => seen.checkpoint.size < self.size_at(place),
            Err(_) => true,
        }
    }

    /// Takes the answer of `place`. Gives a claim that has to be proven before the next
    /// observation: see [`Self::conclude`] and [`Self::unproven`].
    pub fn observe(&mut self, place: &str, shown: Shown, octets: &[u8]) -> Option<Claim> {
        self.state
            .places
            .entry(place.to_owned())
            .or_default()
            .failing_since = None;
        let (seen, fresh) = match self.read_note(octets) {
            Ok(read) => read,
            Err(reason) => {
                self.false_answer(place, reason);
                return None;
            }
        };
        let latest = self.now.saturating_add(CLOCK_TOLERANCE_S);
        let fresh = fresh.filter(|&time| time <= latest);
        let fresh = fresh.map(|time| time.min(self.now));
        self.answered.insert(place.to_owned());
        let size = seen.checkpoint.size;
        let known = self.state.places.entry(place.to_owned()).or_default();
        match shown {
            Shown::Kept => known.kept = known.kept.max(size),
            Shown::Newest if size < known.size => {
                let seen = known.size;
                self.alarms.push(Alarm::Rollback {
                    place: place.to_owned(),
                    seen,
                    shown: size,
                });
            }
            Shown::Newest => {
                known.size = size;
                // Witnesses' clocks may be ahead by a little; a time in the future is not fresh.
                self.state.fresh = self.state.fresh.max(fresh.unwrap_or(0));
            }
        }
        self.compare(place, seen, fresh)
    }

    /// The checkpoint that the log signed, and how fresh its quorum's view is.
    fn read_note(&self, octets: &[u8]) -> Result<(Signed, Option<u64>), String> {
        let note = Note::parse(octets).map_err(|error| error.to_string())?;
        let seen = Signed::read(&note, self.policy).map_err(|error| error.to_string())?;
        let (origin, wanted) = (&seen.checkpoint.origin, &self.state.origin);
        if origin != wanted {
            return Err(format!(
                "a checkpoint of the log {origin:?}, not of {wanted:?}"
            ));
        }
        let standing = self
            .policy
            .standing(&note, AlgorithmRequirement::AnyAlgorithm);
        Ok((seen, standing.ok().and_then(|standing| standing.fresh)))
    }

    fn compare(&mut self, place: &str, seen: Signed, fresh: Option<u64>) -> Option<Claim> {
        let Checkpoint { size, root, .. } = seen.checkpoint;
        if let Some(known) = self.state.proven.get(&size) {
            if known.checkpoint.root != root {
                let (first, second) = (known.note.clone(), seen.note);
                self.fork(first, second, None);
            }
            return None;
        }
        let Some(trunk) = self.state.trunk().filter(|_| size > 0).cloned() else {
            // The first that is seen, or the empty tree, with which every tree begins.
            if size > 0 || self.state.proven.is_empty() {
                // A tree that is there at first sight is no younger than its quorum says.
                self.state.grown = fresh.unwrap_or(self.now);
                self.state.keep(seen);
            }
            return None;
        };
        if trunk.checkpoint.size == 0 {
            self.grow(seen);
            return None;
        }
        let place = place.to_owned();
        let (older, newer) = if size < trunk.checkpoint.size {
            (seen, trunk)
        } else {
            (trunk, seen)
        };
        Some(Claim {
            place,
            older,
            newer,
        })
    }

    /// Decides a claim by the tree with which the larger one begins according to some place's
    /// tiles.
    pub fn conclude(&mut self, claim: &Claim, prefix: &Prefix) -> Standing {
        let (older, newer) = (&claim.older.checkpoint, &claim.newer.checkpoint);
        let Prefix { root, proof } = prefix;
        if check_consistency(older.size, *root, newer.size, newer.root, proof).is_err() {
            return Standing::Open;
        }
        if *root != older.root {
            let (first, second) = (claim.older.note.clone(), claim.newer.note.clone());
            self.fork(first, second, Some(prefix.clone()));
            return Standing::Fork;
        }
        for seen in [&claim.older, &claim.newer] {
            if !self.state.proven.contains_key(&seen.checkpoint.size) {
                self.grow(seen.clone());
            }
        }
        Standing::Consistent
    }

    /// Records that no place has tiles that decide the claim.
    pub fn unproven(&mut self, claim: &Claim) {
        self.alarms.push(Alarm::Unproven {
            place: claim.place.clone(),
            older: claim.older(),
            newer: claim.newer(),
        });
    }

    fn grow(&mut self, seen: Signed) {
        if self
            .head()
            .is_none_or(|head| head.size < seen.checkpoint.size)
        {
            self.state.grown = self.now;
        }
        self.state.keep(seen);
    }

    fn fork(&mut self, first: Note, second: Note, prefix: Option<Prefix>) {
        let evidence = evidence_of(self.policy, self.now, [first, second], prefix);
        // Both notes are the log's and contradict each other, so that this is evidence.
        let Ok(evidence) = evidence else { return };
        let roots = |evidence: &Evidence| evidence.checkpoints().map(|seen| seen.root);
        let known = self
            .state
            .forks
            .iter()
            .any(|fork| roots(fork) == roots(&evidence));
        if !known && self.state.forks.len() < FORKS_MAX {
            self.state.forks.push(evidence);
        }
    }

    /// Records that `place` did not answer.
    pub fn failed(&mut self, place: &str, reason: impl Into<String>) {
        let known = self.state.places.entry(place.to_owned()).or_default();
        let since = *known.failing_since.get_or_insert(self.now);
        if self.now.saturating_sub(since) >= self.settings.unreachable_s {
            self.alarms.push(Alarm::Unreachable {
                place: place.to_owned(),
                since,
                reason: reason.into(),
            });
        }
    }

    /// Records that `place` serves files that the log did not sign.
    pub fn false_answer(&mut self, place: &str, reason: impl Into<String>) {
        let (place, reason) = (place.to_owned(), reason.into());
        self.alarms.push(Alarm::FalseAnswer { place, reason });
    }

    /// The records that were not read yet, if any party in them is watched. If the list differs
    /// from that of the last round, reading begins anew.
    pub fn reading<'l>(&mut self, list: &'l WatchList) -> Option<Reading<'l>> {
        if !list.watches_records() {
            return None;
        }
        if self.state.list != Some(list.digest()) {
            self.state.list = Some(list.digest());
            self.state.read = Frontier::new();
            self.state.unexpected.clear();
            self.state.more_unexpected = 0;
        }
        let target = self.head()?.clone();
        let tree = self.state.read.clone();
        (tree.size() < target.size).then(|| Reading::new(list, tree, target))
    }

    /// Takes the records that were read.
    pub fn read(&mut self, read: Read) {
        self.state.read = read.tree;
        self.state.own.extend(read.own);
        for record in read.found {
            if self.state.unexpected.len() < UNEXPECTED_MAX {
                self.state.unexpected.push(record);
            } else {
                self.state.more_unexpected += 1;
            }
        }
    }

    /// Records that no place served the records from `from` on as the log signed them.
    pub fn unread(&mut self, from: u64, reason: impl Into<String>) {
        let reason = reason.into();
        self.alarms.push(Alarm::Unread { from, reason });
    }

    /// The own artifacts that are due and not known to be in the log.
    pub fn due<'l>(&self, own: &'l [OwnArtifacts]) -> Vec<&'l OwnArtifacts> {
        let missing =
            |own: &&OwnArtifacts| own.due <= self.now && !self.state.own.contains(&own.leaf);
        own.iter().filter(missing).collect()
    }

    /// The own artifact with this leaf hash is proven to be in the log.
    pub fn proven(&mut self, leaf: Hash) {
        self.state.own.insert(leaf);
    }

    /// The log answered, and does not hold it.
    pub fn missed(&mut self, own: &OwnArtifacts) {
        self.alarms.push(Alarm::MissedRecord {
            name: own.name.clone(),
            leaf: own.leaf,
            due: own.due,
        });
    }

    /// Ends the round: returns the alarms, and the state to keep for the next one.
    pub fn end(mut self, list: &WatchList, own: &[OwnArtifacts]) -> (Outcome, State) {
        let forks = self.state.forks.iter().cloned().map(Box::new);
        let forks: Vec<Alarm> = forks.map(|evidence| Alarm::Fork { evidence }).collect();
        self.alarms.extend(forks);
        self.stalls();
        self.state
            .unexpected
            .retain(|record| !list.expects(record.leaf));
        let unexpected = self
            .state
            .unexpected
            .iter()
            .map(|record| Alarm::UnexpectedRecord {
                index: record.index,
                leaf: record.leaf,
                names: record.names.clone(),
            });
        self.alarms.extend(unexpected);
        let own: BTreeSet<Hash> = own.iter().map(|own| own.leaf).collect();
        self.state.own.retain(|leaf| own.contains(leaf));

        let standing: BTreeSet<String> = self.alarms.iter().map(Alarm::key).collect();
        let over = |key: &&String| !standing.contains(*key);
        let cleared: Vec<String> = self.state.raised.keys().filter(over).cloned().collect();
        self.state.raised.retain(|key, _| standing.contains(key));
        for key in standing {
            let (since, told) = (self.now, false);
            self.state
                .raised
                .entry(key)
                .or_insert(Raised { since, told });
        }
        let untold = self.state.raised.iter().filter(|(_, raised)| !raised.told);
        let untold = untold.map(|(key, _)| key.clone()).collect();
        let mut alarms = std::mem::take(&mut self.alarms);
        let mut known = BTreeSet::new();
        alarms.retain(|alarm| known.insert(alarm.key()));
        let since = |alarm: &Alarm| {
            self.state
                .raised
                .get(&alarm.key())
                .map(|raised| raised.since)
        };
        let alarms = alarms.into_iter().map(|alarm| {
            let since = since(&alarm).unwrap_or(self.now);
            (alarm, since)
        });
        let outcome = Outcome {
            alarms: alarms.collect(),
            untold,
            cleared,
            more_unexpected: self.state.more_unexpected,
            answered: self.answered.len(),
        };
        (outcome, self.state)
    }

    fn stalls(&mut self) {
        let Some(size) = self.head().map(|head| head.size) else {
            return;
        };
        let (now, limit) = (self.now, self.settings.stall_s);
        let since = self.state.grown.max(self.state.fresh);
        if now.saturating_sub(since) > limit {
            let place = None;
            self.alarms.push(Alarm::Stalled { place, since });
        }
        for (name, place) in &mut self.state.places {
            if place.size >= size {
                place.behind_since = None;
                continue;
            }
            let since = *place.behind_since.get_or_insert(now);
            if place.failing_since.is_none() && now.saturating_sub(since) > limit {
                let place = Some(name.clone());
                self.alarms.push(Alarm::Stalled { place, since });
            }
        }
    }
}

impl State {
    /// Records that the operator was told of every alarm that stands.
    pub fn told(&mut self) {
        for raised in self.raised.values_mut() {
            raised.told = true;
        }
    }

    /// The evidence of every fork, each with the name of its file.
    pub fn forks(&self) -> impl Iterator<Item = (String, &Evidence)> {
        self.forks.iter().map(|fork| (super::fork_name(fork), fork))
    }

    /// The largest tree that was seen, in leaves; 0 if none was.
    pub fn size(&self) -> u64 {
        self.trunk().map_or(0, |trunk| trunk.checkpoint.size)
    }

    /// The size of the newest tree that each place showed, in leaves.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.places
            .iter()
            .map(|(name, place)| (name.as_str(), place.size))
    }

    /// Records that were read.
    pub fn records_read(&self) -> u64 {
        self.read.size()
    }
}
