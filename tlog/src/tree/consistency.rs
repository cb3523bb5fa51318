//! Consistency proofs (RFC 6962 section 2.1.2): that a tree only grew.
//!
//! The older tree is the subtree that begins at leaf 0, so the algorithms are those of
//! [`super::subtree`]; this module adds the meaning: a log does not shrink, and one size has one
//! root.

use super::{
    NodeReader, ProofError, Subtree, check_subtree_consistency, prove_subtree_consistency,
};
use crate::hash::{EMPTY_ROOT, Hash};
use crate::tree::SIZE_MAX;

/// The proof that the tree of the first `old` leaves is a prefix of the tree of the first `new`
/// (RFC 6962 section 2.1.2). Empty for `old == 0` and for `old == new`.
///
/// # Errors
/// What the reader says. `old > new` yields `Ok(None)`.
pub fn prove_consistency<R: NodeReader>(
    nodes: &R,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, R::Error> {
    match Subtree::new(0, old) {
        Some(prefix) => prove_subtree_consistency(nodes, prefix, new),
        None => Ok(None),
    }
}

/// Checks that the tree `(new, new_root)` begins with the tree `(old, old_root)`
/// (RFC 9162 section 2.1.4.2). Every hash of the proof is needed; none may be left over.
///
/// The empty tree begins every tree, and its root has to be [`EMPTY_ROOT`].
///
/// # Errors
/// [`ProofError`], if the sizes or the number of hashes do not fit, or a root is another one.
pub fn check_consistency(
    old: u64,
    old_root: Hash,
    new: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if new > SIZE_MAX {
        return Err(ProofError::TooLarge(new));
    }
    let prefix = Subtree::new(0, old).filter(|_| old <= new);
    let prefix = prefix.ok_or(ProofError::Shrunk { old, new })?;
    for (size, root) in [(old, old_root), (new, new_root)] {
        if size == 0 && root != EMPTY_ROOT {
            return Err(ProofError::Root {
                computed: EMPTY_ROOT,
                expected: root,
            });
        }
    }
    if old == new && old_root != new_root && proof.is_empty() {
        return Err(ProofError::Fork {
            size: old,
            old: old_root,
            new: new_root,
        });
    }
    check_subtree_consistency(prefix, old_root, new, new_root, proof)
}
