//! The one place that signs (rule R1), and what it checks first.
//!
//! A head may be signed if: the records that are on the disk, read back and hashed anew, lead from the
//! last signed tree to a root; the edge that the store computed on its own while writing has the same
//! root; and a consistency proof out of the stored tiles says that the old tree begins the new one.
//! Then: sign, verify the signature, sync the head file, sync the database's head, and only then let the
//! signature out. A crash between any two steps leaves a state that [`HeadSigner::open`] goes forward
//! from.

use std::sync::Arc;

use ishibumi_store::{
    HeadFile, LogStore, Signer, SignerError, StoreError, StoredTiles, consistency_proof,
};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::{Frontier, NodeReader as _, ProofError, check_consistency, peaks, root};

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
    /// The signer gave something else than a signature over this head by the log's key.
    #[error("the signer answered with something that does not verify: {0}")]
    WrongSignature(NoteError),
    /// The stored signed head is none of ours.
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
    /// The database is older than a head that was signed.
    #[error(
        "ROLLED BACK: the {place} knows a signed head of size {signed}, the database holds {staged} \
         records. It was restored from a backup or is another log's. Signing now would fork the log. \
         Bring back the newer data directory, or rebuild it from a mirror; do not delete the {place}"
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
         Signing now would fork the log. Bring back the data directory that belongs to this key"
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
    /// The checkpoint with the log's signature alone.
    pub note: Note,
    frontier: Frontier,
}

/// Signs heads of one log.
pub struct HeadSigner {
    store: Arc<dyn LogStore>,
    signer: Arc<dyn Signer>,
    head_file: HeadFile,
    head: Option<SignedHead>,
}

impl HeadSigner {
    /// Takes up where the last process stopped, or refuses (rule R3).
    ///
    /// The staged tree has to contain both the head file's and the database's head: at least their size,
    /// and the same root there. A head file that is behind the database's head was restored alone; since
    /// the database proves the newer one, it is brought forward.
    pub fn open(
        store: Arc<dyn LogStore>,
        signer: Arc<dyn Signer>,
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
        let head = note.map(|note| own_head(&signer, note)).transpose()?;
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
        Ok(Self {
            store,
            signer,
            head_file,
            head,
        })
    }

    /// The head that was signed last; `None` before the first.
    pub fn head(&self) -> Option<&SignedHead> {
        self.head.as_ref()
    }

    /// Signs the staged tree, if it is larger than the last signed one. With an error nothing has left,
    /// and this value is gone.
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
            return Ok(self);
        }
        if new < old {
            return Err(HeadError::RolledBack {
                place: "database head",
                signed: old,
                staged: new,
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

        let checkpoint = Checkpoint::new(self.signer.verifier().name(), new, read_back);
        let text = checkpoint.to_text();
        let line = self.signer.sign(&text)?;
        let note = Note::new(text, vec![line]);
        let key = std::slice::from_ref(self.signer.verifier());
        note.verify(key).map_err(HeadError::WrongSignature)?;

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

    /// The second computation: what is on the disk, hashed anew.
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
                frontier.append(leaf_hash(&record), |_, _, _| {});
            }
        }
        Ok(())
    }
}

/// A note of the store as a head of this log, verified and re-encoded.
fn own_head(signer: &Arc<dyn Signer>, note: Note) -> Result<(Checkpoint, Note), HeadError> {
    let foreign = |why: String| HeadError::ForeignHead(why);
    note.verify(std::slice::from_ref(signer.verifier()))
        .map_err(|e| foreign(e.to_string()))?;
    let checkpoint =
        Checkpoint::parse(note.text()).map_err(|e: CheckpointError| foreign(e.to_string()))?;
    if checkpoint.origin != signer.verifier().name() {
        return Err(foreign(format!("it is for origin {:?}", checkpoint.origin)));
    }
    Ok((checkpoint, note))
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
