//! Inclusion proofs (RFC 6962 section 2.1.1): that a leaf is at an index of a tree.

use super::{ProofError, SIZE_MAX};
use crate::hash::{Hash, node_hash};

/// Checks that the leaf with hash `leaf` is number `index` of the tree with `size` leaves and root
/// `root` (RFC 9162 section 2.1.3.2). Every hash of the proof is needed; none may be left over.
///
/// # Errors
/// [`ProofError`], if index, size and number of hashes do not fit, or the path leads to another
/// root.
pub fn check_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if size > SIZE_MAX {
        return Err(ProofError::TooLarge(size));
    }
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    // Below the point where the paths of this leaf and of the last one part, every level has a
    // sibling; above it, only where the leaf's subtree is a right child.
    let last = size - 1;
    let inner = u64::BITS - (index ^ last).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    let needed = usize::try_from(inner + border).unwrap_or(usize::MAX);
    if proof.len() != needed {
        return Err(ProofError::Length {
            found: proof.len(),
            needed,
        });
    }
    let mut computed = leaf;
    let (mut node, mut edge) = (index, last);
    for &sibling in proof {
        // A right child, or the last node of its level: the sibling stands on the left, and levels
        // where the edge has no sibling are skipped.
        if node & 1 == 1 || node == edge {
            computed = node_hash(sibling, computed);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                edge >>= 1;
            }
        } else {
            computed = node_hash(computed, sibling);
        }
        node >>= 1;
        edge >>= 1;
    }
    if computed == root {
        Ok(())
    } else {
        Err(ProofError::Root {
            computed,
            expected: root,
        })
    }
}
