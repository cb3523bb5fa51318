//! Consistency proofs (RFC 6962 section 2.1.2): that a tree only grew.

use super::{NodeReader, ProofError, SIZE_MAX, range_hash, split_point};
use crate::hash::{EMPTY_ROOT, Hash, node_hash};

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
    if old > new || new > SIZE_MAX {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    let (mut start, mut end) = (0, new);
    let mut path = Vec::new();
    // SUBPROOF(m, D[n], b), with the recursion unrolled: descend to the right edge of the old tree.
    while end != old {
        let middle = start + split_point(end - start);
        if old <= middle {
            path.push(range_hash(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_hash(nodes, start, middle)?);
            start = middle;
        }
    }
    // b: the subtree reached is the whole old tree only if nothing was cut off on its left.
    if start != 0 {
        path.push(range_hash(nodes, start, end)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Checks that the tree `(new, new_root)` begins with the tree `(old, old_root)`
/// (RFC 9162 section 2.1.4.2). Every hash of the proof is needed; none may be left over.
///
/// The empty tree begins every tree, and its root has to be [`EMPTY_ROOT`].
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
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    for (size, root) in [(old, old_root), (new, new_root)] {
        if size == 0 && root != EMPTY_ROOT {
            return Err(ProofError::Root {
                computed: EMPTY_ROOT,
                expected: root,
            });
        }
    }
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(ProofError::Length {
                found: proof.len(),
                needed: 0,
            });
        }
        if old == new && old_root != new_root {
            return Err(ProofError::Fork {
                size: old,
                old: old_root,
                new: new_root,
            });
        }
        return Ok(());
    }

    let needed = proof_len(old, new);
    let wrong_length = ProofError::Length {
        found: proof.len(),
        needed,
    };
    if proof.len() != needed {
        return Err(wrong_length);
    }
    // A complete old tree is itself the first node; otherwise the proof brings that node.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        proof
            .split_first()
            .map(|(&first, rest)| (first, rest))
            .ok_or(wrong_length)?
    };
    let (mut node, mut edge) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        edge >>= 1;
    }
    let (mut old_computed, mut new_computed) = (first, first);
    for &sibling in rest {
        if node & 1 == 1 || node == edge {
            old_computed = node_hash(sibling, old_computed);
            new_computed = node_hash(sibling, new_computed);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                edge >>= 1;
            }
        } else {
            new_computed = node_hash(new_computed, sibling);
        }
        node >>= 1;
        edge >>= 1;
    }
    for (computed, expected) in [(old_computed, old_root), (new_computed, new_root)] {
        if computed != expected {
            return Err(ProofError::Root { computed, expected });
        }
    }
    Ok(())
}

/// How many hashes the proof from `old` to `new` has, for `0 < old < new`.
fn proof_len(old: u64, new: u64) -> usize {
    // The proof is the audit path, in the new tree, of the node that ends the old tree, led by that
    // node itself unless it is the whole old tree.
    let level = old.trailing_zeros();
    let (node, edge) = ((old - 1) >> level, (new - 1) >> level);
    let inner = u64::BITS - (node ^ edge).leading_zeros();
    let border = node.checked_shr(inner).unwrap_or(0).count_ones();
    let lead = u32::from(!old.is_power_of_two());
    usize::try_from(inner + border + lead).unwrap_or(usize::MAX)
}
