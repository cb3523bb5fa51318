//! One package: made from a log's tiles, checked against a checkpoint.

use super::PackageRange;
use crate::Checkpoint;
use crate::hash::{HASH_LEN, Hash, leaf_hash};
use crate::tile::ENTRY_LEN_MAX;
use crate::tree::{
    Frontier, NodeReader, PROOF_HASHES_MAX, ProofError, check_subtree_consistency,
    prove_subtree_consistency,
};

/// Entries with their proof. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub(super) range: PackageRange,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) proof: Vec<Hash>,
}

/// Why a package cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// More or fewer entries than the range has.
    #[error("{found} entries for the range [{start}, {end})")]
    Count {
        /// Number of entries that were given.
        found: usize,
        /// Index of the first entry of the range.
        start: u64,
        /// The index after its last.
        end: u64,
    },
    /// An entry that no package can hold.
    #[error("entry {index} has {len} octets: at most {ENTRY_LEN_MAX} fit")]
    EntryTooLong {
        /// The entry's index.
        index: u64,
        /// Its length.
        len: usize,
    },
    /// A proof that no tree needs.
    #[error("the proof has {0} hashes, at most {PROOF_HASHES_MAX} fit")]
    ProofTooLong(usize),
}

/// A package that belongs to a checkpoint: only [`Package::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticPackage {
    range: PackageRange,
    entries: Vec<(Hash, Vec<u8>)>,
}

impl Package {
    /// The package of these entries with this proof.
    ///
    /// # Errors
    /// [`PackageError`], if the number of entries is not that of the range, an entry is longer than
    /// 65,535 octets, or the proof has too many hashes.
    pub fn new(
        range: PackageRange,
        entries: Vec<Vec<u8>>,
        proof: Vec<Hash>,
    ) -> Result<Self, PackageError> {
        if entries.len() != range.count() {
            return Err(PackageError::Count {
                found: entries.len(),
                start: range.start(),
                end: range.end(),
            });
        }
        let mut numbered = (range.start()..).zip(&entries);
        if let Some((index, entry)) = numbered.find(|(_, entry)| entry.len() > ENTRY_LEN_MAX) {
            let len = entry.len();
            return Err(PackageError::EntryTooLong { index, len });
        }
        if proof.len() > PROOF_HASHES_MAX {
            return Err(PackageError::ProofTooLong(proof.len()));
        }
        Ok(Self {
            range,
            entries,
            proof,
        })
    }

    /// The proof of the package `range` in the tree of the first `size` leaves.
    ///
    /// # Errors
    /// What the reader says. A range that reaches beyond the tree yields `Ok(None)`.
    pub fn prove<R: NodeReader>(
        nodes: &R,
        range: PackageRange,
        size: u64,
    ) -> Result<Option<Vec<Hash>>, R::Error> {
        prove_subtree_consistency(nodes, range.subtree(), size)
    }

    /// The range of entries that the package holds.
    pub fn range(&self) -> PackageRange {
        self.range
    }

    /// The entries. Unverified.
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    /// The package's octets in the body.
    pub fn encode(&self) -> Vec<u8> {
        let octets: usize = self.entries.iter().map(|entry| 2 + entry.len()).sum();
        let mut out = Vec::with_capacity(octets + 1 + self.proof.len() * HASH_LEN);
        for entry in &self.entries {
            // Both lengths were checked when the package was made.
            let len = u16::try_from(entry.len()).unwrap_or(u16::MAX);
            out.extend(len.to_be_bytes());
            out.extend_from_slice(entry);
        }
        out.push(u8::try_from(self.proof.len()).unwrap_or(u8::MAX));
        out.extend(self.proof.iter().flat_map(|hash| hash.0));
        out
    }

    /// Checks that these entries are those of the log with this `checkpoint`. `before` holds the
    /// leaf hashes of the entries between the beginning of the bundle and the package, which the
    /// mirror has.
    ///
    /// # Errors
    /// Why the proof does not hold; [`ProofError::Length`] also if `before` has another number of
    /// hashes than [`PackageRange::before`].
    pub fn check(
        self,
        before: &[Hash],
        checkpoint: &Checkpoint,
    ) -> Result<AuthenticPackage, ProofError> {
        if before.len() != self.range.before() {
            return Err(ProofError::Length {
                found: before.len(),
                needed: self.range.before(),
            });
        }
        let hashed = |entry: Vec<u8>| (leaf_hash(&entry), entry);
        let entries: Vec<_> = self.entries.into_iter().map(hashed).collect();
        // The subtree begins at a multiple of 256 and is no larger: hashed, it is a tree of its
        // own.
        let mut tree = Frontier::new();
        for &leaf in before.iter().chain(entries.iter().map(|(leaf, _)| leaf)) {
            tree.append(leaf, |_, _, _| {});
        }
        let (size, root) = (checkpoint.size, checkpoint.root);
        check_subtree_consistency(self.range.subtree(), tree.root(), size, root, &self.proof)?;
        Ok(AuthenticPackage {
            range: self.range,
            entries,
        })
    }
}

impl AuthenticPackage {
    /// The range of entries that the package holds.
    pub fn range(&self) -> PackageRange {
        self.range
    }

    /// The entries with their leaf hashes, in order.
    pub fn entries(&self) -> &[(Hash, Vec<u8>)] {
        &self.entries
    }

    /// Takes the entries out, with their leaf hashes.
    pub fn into_entries(self) -> Vec<(Hash, Vec<u8>)> {
        self.entries
    }
}
