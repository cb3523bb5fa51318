//! Checkpoints that this log's own key signed and that are not part of this log: the one proof that
//! the key signs somewhere else, or that data were lost (`docs/decisions/0007-clones.md`).
//!
//! Nobody can make such a note without the key. A mere claim of a witness, by a status and a
//! number, is never one of these: anybody can make it.

use ishibumi_store::{LogStore, StoreError, StoredTiles, consistency_proof};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::fork::{Evidence, Prefix};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::root;

/// A checkpoint that the log's key signed, and of which this copy of the log is no continuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Origin, size and root.
    pub checkpoint: Checkpoint,
    /// The note, with the signature.
    pub note: Note,
}

impl Foreign {
    /// Reads octets that an endpoint shows as the newest checkpoint of this log. `None` if it is
    /// none, if none of `keys` signed it, or if the tree that it is about is part of the one that
    /// was signed here, of `signed` leaves.
    ///
    /// # Errors
    /// If the store fails.
    pub fn read(
        octets: &[u8],
        keys: &[VerifierKey],
        origin: &str,
        store: &dyn LogStore,
        signed: u64,
    ) -> Result<Option<Self>, StoreError> {
        let Some(shown) = Self::signed(octets, keys, origin) else {
            return Ok(None);
        };
        let ours = shown.is_part_of(store, signed)?;
        Ok((!ours).then_some(shown))
    }

    /// The checkpoint in `octets`, if one of `keys` signed it for `origin`.
    pub fn signed(octets: &[u8], keys: &[VerifierKey], origin: &str) -> Option<Self> {
        let note = Note::parse(octets).ok()?;
        note.verify(keys).ok()?;
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        let signed = checkpoint.origin == origin && checkpoint.size > 0;
        signed.then_some(Self { checkpoint, note })
    }

    /// Whether its tree is how the tree of `signed` leaves in `store` begins.
    ///
    /// # Errors
    /// If the store fails.
    pub fn is_part_of(&self, store: &dyn LogStore, signed: u64) -> Result<bool, StoreError> {
        let size = self.checkpoint.size;
        if size > signed {
            return Ok(false);
        }
        let tiles = StoredTiles(store);
        Ok(root(&TileNodes::new(&tiles, size), size)? == self.checkpoint.root)
    }

    /// It and the head that was signed here, as a file that convicts by itself where the two
    /// contradict each other (`docs/formats/fork-evidence.md`). `None` if they do not belong in
    /// one.
    pub fn evidence(
        &self,
        keys: &[VerifierKey],
        ours: &Note,
        store: &dyn LogStore,
        seen: u64,
    ) -> Option<Evidence> {
        let evidence = Evidence::new(keys.to_vec(), seen, self.note.clone(), ours.clone()).ok()?;
        let (size, signed) = (
            self.checkpoint.size,
            Checkpoint::parse(ours.text()).ok()?.size,
        );
        if size >= signed {
            return Some(evidence);
        }
        // The log's own head has another root at that size: a proof that the two have two
        // histories.
        let tiles = StoredTiles(store);
        let root = root(&TileNodes::new(&tiles, size), size).ok()?;
        let proof = consistency_proof(store, size, signed).ok()??;
        Some(
            evidence
                .clone()
                .with_prefix(Prefix { root, proof })
                .unwrap_or(evidence),
        )
    }
}
