//! Proofs that share what they can: those under one checkpoint become one multiproof.
//!
//! Notes are told apart by their octets. Two notes of one checkpoint with other cosignatures stay
//! two: joined, one false line would spoil the proofs that came without it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::multiproof::{self, MULTIPROOF_LEN_MAX, Multiproof, MultiproofError};
use ishibumi_tlog::note::Note;

use super::index::ProofRow;
use super::{Collection, EvidenceFileError, Item, LoggedEntry};

/// Origin, size and octets of a note: the order in which multiproofs are numbered.
type Tree = (String, u64, String);

/// The multiproofs of a collection.
pub(super) struct Proofs {
    /// The files, by entry name.
    pub(super) files: BTreeMap<String, String>,
    /// The entry of each note. Proofs share notes, so each is read once.
    names: HashMap<*const Note, String>,
}

/// The proofs under one note, by index.
type Group<'a> = BTreeMap<u64, &'a LoggedEntry>;

/// Proofs as they are sorted into groups.
#[derive(Default)]
struct Groups<'a> {
    sorted: Vec<(String, Group<'a>)>,
    by_tree: BTreeMap<Tree, usize>,
    by_note: HashMap<*const Note, usize>,
}

impl Proofs {
    pub(super) fn of(collection: &Collection) -> Result<Self, EvidenceFileError> {
        let of_items = collection.items.iter().flat_map(|item| {
            let name = item.artifact.name.as_str();
            item.proofs.iter().map(move |proof| (name, proof))
        });
        let of_lists = collection.revocation.iter();
        let of_lists = of_lists.filter_map(|data| Some(("a list", data.proof.as_ref()?)));
        let statements = collection.statements.iter().map(|it| ("a statement", it));
        let mut groups = Groups::default();
        for (name, logged) in of_items.chain(of_lists).chain(statements) {
            groups.add(logged, name)?;
        }
        groups.number()
    }

    pub(super) fn rows(&self, item: &Item) -> Result<Vec<ProofRow>, EvidenceFileError> {
        let name = &item.artifact.name;
        if item.proofs.is_empty() {
            return Err(EvidenceFileError::NoProof(name.clone()));
        }
        item.proofs.iter().map(|it| self.row(it, name)).collect()
    }

    pub(super) fn row(
        &self,
        logged: &LoggedEntry,
        name: &str,
    ) -> Result<ProofRow, EvidenceFileError> {
        let proof = self.names.get(&Arc::as_ptr(&logged.checkpoint));
        // All notes were numbered before.
        let proof = proof.ok_or_else(|| EvidenceFileError::NoProof(name.to_owned()))?;
        Ok(ProofRow {
            proof: proof.clone(),
            index: logged.index,
        })
    }
}

impl<'a> Groups<'a> {
    fn add(&mut self, logged: &'a LoggedEntry, name: &str) -> Result<(), EvidenceFileError> {
        let slot = self.slot(logged, name)?;
        let index = logged.index;
        let Some((log, group)) = self.sorted.get_mut(slot) else {
            return Ok(());
        };
        let known = group.entry(index).or_insert(logged);
        if known.entry == logged.entry && known.path == logged.path {
            return Ok(());
        }
        let log = log.clone();
        Err(EvidenceFileError::TwoEntries { log, index })
    }

    fn slot(&mut self, logged: &LoggedEntry, name: &str) -> Result<usize, EvidenceFileError> {
        let note = Arc::as_ptr(&logged.checkpoint);
        if let Some(slot) = self.by_note.get(&note) {
            return Ok(*slot);
        }
        let checkpoint = Checkpoint::parse(logged.checkpoint.text());
        let Checkpoint { origin, size, .. } =
            checkpoint.map_err(|_| EvidenceFileError::Checkpoint {
                name: name.to_owned(),
            })?;
        let next = self.sorted.len();
        let tree = (origin.clone(), size, logged.checkpoint.encode());
        let slot = *self.by_tree.entry(tree).or_insert(next);
        if slot == next {
            self.sorted.push((origin, Group::new()));
        }
        self.by_note.insert(note, slot);
        Ok(slot)
    }

    fn number(self) -> Result<Proofs, EvidenceFileError> {
        let mut files = BTreeMap::new();
        let mut names = vec![String::new(); self.sorted.len()];
        for (number, slot) in (1..).zip(self.by_tree.into_values()) {
            let (Some((log, group)), Some(place)) = (self.sorted.get(slot), names.get_mut(slot))
            else {
                continue;
            };
            let name = format!("META-INF/proofs/{number}.{}", multiproof::FILE_EXTENSION);
            let text = put_together(group).map_err(|source| EvidenceFileError::Proof {
                name: log.clone(),
                source,
            })?;
            files.insert(name.clone(), text);
            *place = name;
        }
        let named = |(note, slot): (_, usize)| Some((note, names.get(slot)?.clone()));
        Ok(Proofs {
            files,
            names: self.by_note.into_iter().filter_map(named).collect(),
        })
    }
}

fn put_together(group: &Group<'_>) -> Result<String, MultiproofError> {
    let proven: Vec<_> = group
        .iter()
        .map(|(index, logged)| (*index, &logged.entry[..], &logged.path[..]))
        .collect();
    // A group has at least the proof that made it one.
    let first = group.values().next().ok_or(MultiproofError::Entries(0))?;
    let text = Multiproof::merge(Note::clone(&first.checkpoint), &proven)?.encode();
    if text.len() > MULTIPROOF_LEN_MAX {
        return Err(MultiproofError::TooLong(text.len()));
    }
    Ok(text)
}
