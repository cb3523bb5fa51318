//! The only code that signs (rule R1), and what it checks first.
//!
//! A head may be signed if: the records that are on the disk, read back and hashed anew, lead from
//! the last signed tree to a root; the edge that the store computed on its own while writing has
//! the same root; and a consistency proof out of the stored tiles says that the old tree begins the
//! new one. Then: sign with every key of the log, verify each signature, sync the head file, sync
//! the database's head, and only then let the signatures out. A crash between any two steps leaves
//! a state that [`HeadSigner::open`] goes forward from.
//!
//! A log signs with an Ed25519 key and, beside it, an ML-DSA-44 one. All or nothing: one of the two
//! signatures alone never leaves.

use std::path::PathBuf;
use std::sync::Arc;

use ishibumi_artifact::end::closing_record;
use ishibumi_store::{
    HeadFile, LogStore, Machine, Signer, SignerError, StoreError, StoredTiles, consistency_proof,
};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::{Frontier, NodeReader as _, ProofError, check_consistency, peaks, root};

use super::elsewhere::Foreign;
use super::sequencer::ending;

/// Records that are read back at once.
const CHUNK: u64 = 4096;

/// Why the log must not sign. Every one of them stops the process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The store failed or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signer gave nothing.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A signer gave something else than an untimed signature over this head by its own key.
    #[error("the signer of the key {key:08x} answered with something that does not verify: {why}")]
    WrongSignature {
        /// The id of the key that was to sign.
        key: u32,
        /// What is wrong with the answer.
        why: String,
    },
    /// The stored signed head is not by this log's keys.
    #[error("the signed head in the database is not by this log's key: {0}")]
    ForeignHead(String),
    /// Reading back gives another root than writing did.
    #[error(
        "records {old}..{new} were written with root {written}, read back they give {read_back}: \
         memory or disk changed them; nothing was signed; run fsck"
    )]
    ReadBack {
        /// Size of the last signed tree.
        old: u64,
        /// Size of the staged tree.
        new: u64,
        /// The root that the store computed while writing.
        written: Hash,
        /// The root of what is on the disk.
        read_back: Hash,
    },
    /// The stored tiles do not prove that the tree only grew.
    #[error("the tiles do not prove that the staged tree continues the signed one: {0}; run fsck")]
    Inconsistent(#[from] ProofError),
    /// The log has ended.
    #[error(
        "the log is closed for ever: its {place} says so. It serves what it has and signs nothing, whatever \
         keys are there"
    )]
    Closed {
        /// Name of the file or record that says so.
        place: &'static str,
    },
    /// An earlier run was shown another tree that the log's key signed, and it is not settled.
    #[error(
        "FORKED: {path} has a checkpoint of {size} records, root {root}, that this log's own key signed and \
         that is not part of this log. Another copy of this log signs or signed, or this one is older. It \
         signs and accepts nothing; what has its quorum is served. Remove nothing: docs/recovery.md, FORKED, \
         says how to find the copy that the witnesses follow"
    )]
    Accused {
        /// The file with the evidence.
        path: String,
        /// The size of the other tree.
        size: u64,
        /// The root of the other tree.
        root: Hash,
    },
    /// The file that says so cannot be read.
    #[error(
        "FORKED: {path} says that this log's key signed another tree, and cannot be read: {why}. This log \
         signs nothing until that is settled: docs/recovery.md, FORKED"
    )]
    Accusation {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database is older than a head that was signed.
    #[error(
        "ROLLED BACK: the {place} knows a signed head of size {signed}, the database holds {staged} \
         records. It was restored from a backup or is another log's. Signing now would fork the log. \
         Remove nothing. Bring back the newer data directory, or have `ishibumi-log recover` rebuild it \
         from a mirror: docs/recovery.md"
    )]
    RolledBack {
        /// `head file` or `database head`.
        place: &'static str,
        /// The size that was signed.
        signed: u64,
        /// The size that is there.
        staged: u64,
    },
    /// The database holds other records than those that were signed.
    #[error(
        "FORKED: the {place} knows root {signed} for size {size}, the database has root {staged} there. \
         Signing now would fork the log. Remove nothing. Bring back the data directory that belongs to \
         this key, or have `ishibumi-log recover` rebuild it from a mirror: docs/recovery.md"
    )]
    Forked {
        /// `head file` or `database head`.
        place: &'static str,
        /// The size of both.
        size: u64,
        /// The root that was signed.
        signed: Hash,
        /// The root that is there.
        staged: Hash,
    },
}

/// A head that the log's key signed, and the state from which the next one is proven.
#[derive(Clone, Debug)]
pub struct SignedHead {
    /// Origin, size and root.
    pub checkpoint: Checkpoint,
    /// The checkpoint with the log's signatures alone.
    pub note: Note,
    frontier: Frontier,
}

/// The keys of one log, which sign together.
#[derive(Clone)]
pub struct LogKeys {
    /// Names the head file and the origin; every head ever signed bears its signature.
    pub ed25519: Arc<dyn Signer>,
    /// Signs beside it. Heads from before there was one lack its signature.
    pub ml_dsa_44: Option<Arc<dyn Signer>>,
}

/// Signs heads of one log.
pub struct HeadSigner {
    store: Arc<dyn LogStore>,
    keys: LogKeys,
    head_file: HeadFile,
    head: Option<SignedHead>,
    moved: bool,
}

impl HeadSigner {
    /// Takes up where the last process stopped, or refuses (rule R3). A closed log is refused,
    /// whatever became of its keys.
    ///
    /// The staged tree has to contain both the head file's and the database's head: at least their
    /// size, and the same root there. A head file that is behind the database's head was restored
    /// alone; since the database proves the newer one, it is brought forward.
    ///
    /// # Errors
    /// [`HeadError`] if the log is closed, the staged tree does not contain both heads, or the
    /// store fails.
    pub fn open(
        store: Arc<dyn LogStore>,
        keys: LogKeys,
        head_file: HeadFile,
    ) -> Result<Self, HeadError> {
        let signer = Self::open_to_close(store, keys, head_file)?;
        let size = signer.store.staged()?.size();
        match ending(signer.store.as_ref(), size)? {
            None => Ok(signer),
            Some(_) => Err(HeadError::Closed {
                place: "last record",
            }),
        }
    }

    /// Opens the head file like [`Self::open`], for the command that closes the log: until the head
    /// file is sealed, the tree that ends with the closing record may be signed, and no other ever.
    ///
    /// # Errors
    /// [`HeadError`] if the head file is sealed, the staged tree does not contain both heads, or
    /// the store fails.
    pub fn open_to_close(
        store: Arc<dyn LogStore>,
        keys: LogKeys,
        mut head_file: HeadFile,
    ) -> Result<Self, HeadError> {
        let staged = store.staged()?.size();
        let stored_root = |size| root(&TileNodes::new(&StoredTiles(store.as_ref()), size), size);
        let contains = |place, size, signed| {
            if size > staged {
                return Err(HeadError::RolledBack {
                    place,
                    signed: size,
                    staged,
                });
            }
            let staged = stored_root(size)?;
            if staged != signed {
                return Err(HeadError::Forked {
                    place,
                    size,
                    signed,
                    staged,
                });
            }
            Ok(())
        };
        let outside = head_file.read()?;
        if let Some(outside) = &outside {
            contains("head file", outside.size, outside.root)?;
        }
        let note = store.signed_head()?;
        let head = note.map(|note| keys.own_head(note)).transpose()?;
        let head = match head {
            None => None,
            Some((checkpoint, note)) => {
                contains("database head", checkpoint.size, checkpoint.root)?;
                if outside.is_none_or(|outside| outside.size < checkpoint.size) {
                    head_file.advance(checkpoint.size, checkpoint.root)?;
                }
                let frontier = read_frontier(store.as_ref(), checkpoint.size)?;
                Some(SignedHead {
                    checkpoint,
                    note,
                    frontier,
                })
            }
        };
        // After the rule above: an old copy of a closed log is an old copy first.
        if head_file.sealed()? {
            return Err(HeadError::Closed { place: "head file" });
        }
        settle(&head_file, &keys, store.as_ref())?;
        // Last: a refused process leaves no trace.
        let moved = head_file.claim(&Machine::here())?;
        Ok(Self {
            store,
            keys,
            head_file,
            head,
            moved,
        })
    }

    /// Whether another machine signed with this key before.
    pub fn has_moved(&self) -> bool {
        self.moved
    }

    /// The log's public keys, Ed25519 first.
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.keys.all().map(|key| key.verifier().clone()).collect()
    }

    /// `foreign` and the newest head of this log, side by side.
    fn evidence(&self, foreign: &Foreign, seen: u64) -> Option<Evidence> {
        let head = self.head.as_ref()?;
        foreign.evidence(&self.verifiers(), &head.note, self.store.as_ref(), seen)
    }

    /// Keeps for every later start that `foreign` speaks against this copy: none of them signs
    /// before its tree is part of this log.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn accuse(&self, foreign: &Foreign, seen: u64) -> Result<(), StoreError> {
        match self.evidence(foreign, seen) {
            Some(evidence) => self.head_file.accuse(evidence.encode().as_bytes()),
            None => Ok(()),
        }
    }

    /// The trees of other copies that the witnesses did not follow, as an earlier run kept them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn known_elsewhere(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let kept = self.head_file.kept_evidence()?;
        // One that cannot be read is of no use, and of no harm: the proof in it will be shown
        // again.
        let kept = kept.and_then(|octets| Evidence::parse(&octets).ok());
        Ok(kept.map_or_else(Vec::new, |kept| {
            kept.checkpoints().map(Checkpoint::clone).to_vec()
        }))
    }

    /// Keeps `foreign` for its operator, who has to find the other copy; returns the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep_evidence(
        &self,
        foreign: &Foreign,
        seen: u64,
    ) -> Result<Option<PathBuf>, StoreError> {
        let evidence = self.evidence(foreign, seen);
        evidence
            .map(|evidence| self.head_file.keep_evidence(evidence.encode().as_bytes()))
            .transpose()
    }

    /// The head that was signed last; `None` before the first.
    pub fn head(&self) -> Option<&SignedHead> {
        self.head.as_ref()
    }

    /// Signs the staged tree, if it is larger than the last signed one; else the last one anew, if
    /// a key was added since. With an error nothing has left, and this value is gone.
    ///
    /// # Errors
    /// [`HeadError`] if a key does not sign as it should, the tree read back is not the staged one,
    /// or the store fails.
    pub fn advance(mut self) -> Result<Self, HeadError> {
        let edge = self.store.staged()?;
        let (old, old_root, mut frontier) = match &self.head {
            Some(head) => (
                head.checkpoint.size,
                head.checkpoint.root,
                head.frontier.clone(),
            ),
            None => (0, ishibumi_tlog::hash::EMPTY_ROOT, Frontier::new()),
        };
        let new = edge.size();
        if new == old {
            return self.complete();
        }
        if new < old {
            return Err(HeadError::RolledBack {
                place: "database head",
                signed: old,
                staged: new,
            });
        }
        if ending(self.store.as_ref(), old)?.is_some() {
            return Err(HeadError::Closed {
                place: "last signed record",
            });
        }
        self.read_back(&mut frontier, new)?;
        let (written, read_back) = (edge.root(), frontier.root());
        if written != read_back || frontier.size() != new {
            return Err(HeadError::ReadBack {
                old,
                new,
                written,
                read_back,
            });
        }
        let proof = consistency_proof(self.store.as_ref(), old, new)?.unwrap_or_default();
        check_consistency(old, old_root, new, read_back, &proof)?;

        let checkpoint = Checkpoint::new(self.keys.origin(), new, read_back);
        // A process that took the head file meanwhile is the one that signs.
        self.head_file.unchanged()?;
        let note = self.keys.sign(&checkpoint)?;

        self.head_file.advance(new, read_back)?;
        self.store
            .swap_signed_head(self.head.as_ref().map(|head| &head.note), &note)?;
        self.head = Some(SignedHead {
            checkpoint,
            note,
            frontier,
        });
        Ok(self)
    }

    /// Signs the last head again with all keys, if one of them has not signed it. It is the head
    /// that the head file knows, so nothing is said that was not said before.
    fn complete(mut self) -> Result<Self, HeadError> {
        let Some(head) = &mut self.head else {
            return Ok(self);
        };
        if self.keys.have_signed(&head.note) {
            return Ok(self);
        }
        self.head_file.unchanged()?;
        let note = self.keys.sign(&head.checkpoint)?;
        self.store.swap_signed_head(Some(&head.note), &note)?;
        head.note = note;
        Ok(self)
    }

    /// The second computation: the records on the disk, hashed anew.
    fn read_back(&self, frontier: &mut Frontier, end: u64) -> Result<(), HeadError> {
        while frontier.size() < end {
            let start = frontier.size();
            let records = self.store.records(start, end.min(start + CHUNK))?;
            if records.is_empty() {
                return Err(StoreError::Damaged {
                    what: format!("record {start}"),
                    detail: "it is staged, but not there".to_owned(),
                }
                .into());
            }
            for record in records {
                if closing_record(&record).is_some() && frontier.size() + 1 < end {
                    return Err(HeadError::Closed {
                        place: "record before the last",
                    });
                }
                frontier.append(leaf_hash(&record), |_, _, _| {});
            }
        }
        Ok(())
    }
}

impl LogKeys {
    fn all(&self) -> impl Iterator<Item = &Arc<dyn Signer>> {
        std::iter::once(&self.ed25519).chain(&self.ml_dsa_44)
    }

    fn origin(&self) -> &str {
        self.ed25519.verifier().name()
    }

    fn have_signed(&self, note: &Note) -> bool {
        self.all().all(|signer| {
            let mut lines = note.signatures().iter();
            lines.any(|line| line.is_by(signer.verifier()))
        })
    }

    /// The one function that signs. No signer is believed: each line is verified by the key that
    /// was asked.
    fn sign(&self, checkpoint: &Checkpoint) -> Result<Note, HeadError> {
        let text = checkpoint.to_text();
        let mut note = Note::new(text.clone(), Vec::new());
        for signer in self.all() {
            let key = signer.verifier();
            let line = Note::new(text.clone(), vec![signer.sign(&text)?]);
            let wrong = |why: String| HeadError::WrongSignature { key: key.id(), why };
            let verified = line.verify(std::slice::from_ref(key));
            let verified = verified.map_err(|error| wrong(error.to_string()))?;
            if verified.iter().any(|signature| signature.time.is_some()) {
                return Err(wrong("it states a time, which a log does not".to_owned()));
            }
            for line in line.signatures() {
                note.push(line.clone());
            }
        }
        Ok(note)
    }

    /// A note of the store as a head of this log, verified.
    fn own_head(&self, note: Note) -> Result<(Checkpoint, Note), HeadError> {
        let foreign = |why: String| HeadError::ForeignHead(why);
        // The Ed25519 key has to have signed; signatures of the other key, if there are any, have
        // to verify.
        note.verify(std::slice::from_ref(self.ed25519.verifier()))
            .map_err(|error| foreign(error.to_string()))?;
        let keys: Vec<VerifierKey> = self.all().map(|s| s.verifier().clone()).collect();
        note.verify(&keys)
            .map_err(|error| foreign(error.to_string()))?;
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|e: CheckpointError| foreign(e.to_string()))?;
        if checkpoint.origin != self.origin() {
            return Err(foreign(format!("it is for origin {:?}", checkpoint.origin)));
        }
        Ok((checkpoint, note))
    }
}

/// Refuses while a tree that the key signed and that an earlier run was shown is not part of this
/// log.
fn settle(head_file: &HeadFile, keys: &LogKeys, store: &dyn LogStore) -> Result<(), HeadError> {
    let Some((path, octets)) = head_file.accusation()? else {
        return Ok(());
    };
    let path = path.display().to_string();
    let unreadable = |why: String| HeadError::Accusation {
        path: path.clone(),
        why,
    };
    let evidence = Evidence::parse(&octets).map_err(|error| unreadable(error.to_string()))?;
    let staged = store.staged()?.size();
    let keys: Vec<VerifierKey> = keys.all().map(|key| key.verifier().clone()).collect();
    for note in [evidence.first(), evidence.second()] {
        let shown = Foreign::signed(note.encode().as_bytes(), &keys, evidence.origin());
        let shown =
            shown.ok_or_else(|| unreadable("its notes are not by this log's key".to_owned()))?;
        if !shown.is_part_of(store, staged)? {
            let Checkpoint { size, root, .. } = shown.checkpoint;
            return Err(HeadError::Accused { path, size, root });
        }
    }
    Ok(head_file.settle()?)
}

fn read_frontier(store: &dyn LogStore, size: u64) -> Result<Frontier, StoreError> {
    let tiles = StoredTiles(store);
    let nodes = TileNodes::new(&tiles, size);
    let hashes = peaks(size)
        .map(|(level, index)| nodes.node(level, index))
        .collect::<Result<Vec<_>, _>>()?;
    Frontier::from_peaks(size, hashes).ok_or_else(|| StoreError::Damaged {
        what: "the signed head".to_owned(),
        detail: format!("no tree has the size {size}"),
    })
}
