//! The second half of the oracle: reads proofs by the very recursion that RFC 6962 writes them
//! with, so it also knows which altered proofs happen to be proofs of something else.

use super::oracle::{H, k, node};

pub(crate) fn root_of_path(h: H, m: u64, n: u64, p: &[H]) -> Option<H> {
    if m >= n || n == 1 {
        return (m == 0 && n == 1 && p.is_empty()).then_some(h);
    }
    let (last, p) = p.split_last()?;
    if m < k(n) {
        Some(node(root_of_path(h, m, k(n), p)?, *last))
    } else {
        Some(node(*last, root_of_path(h, m - k(n), n - k(n), p)?))
    }
}

pub(crate) fn roots_of_proof(m: u64, n: u64, b: bool, old: H, p: &[H]) -> Option<(H, H)> {
    if m == n {
        return match p {
            [] if b => Some((old, old)),
            [h] if !b => Some((*h, *h)),
            _ => None,
        };
    }
    let (last, p) = p.split_last()?;
    if m <= k(n) {
        let (o, x) = roots_of_proof(m, k(n), b, old, p)?;
        return Some((o, node(x, *last)));
    }
    let (o, x) = roots_of_proof(m - k(n), n - k(n), false, old, p)?;
    Some((node(*last, o), node(*last, x)))
}

/// The hashes of the subtree `start..end` and of the tree of `n` leaves that a subtree consistency
/// proof leads to, `start < end <= n`, where `sub` is the subtree's hash.
pub(crate) fn roots_of_subtree_proof(
    (start, end): (u64, u64),
    n: u64,
    b: bool,
    sub: H,
    p: &[H],
) -> Option<(H, H)> {
    if start == 0 && end == n {
        return match p {
            [] if b => Some((sub, sub)),
            [h] if !b => Some((*h, *h)),
            _ => None,
        };
    }
    let (last, p) = p.split_last()?;
    let k = k(n);
    if end <= k {
        let (s, x) = roots_of_subtree_proof((start, end), k, b, sub, p)?;
        Some((s, node(x, *last)))
    } else if k <= start {
        let (s, x) = roots_of_subtree_proof((start - k, end - k), n - k, b, sub, p)?;
        Some((s, node(*last, x)))
    } else {
        let (s, x) = roots_of_subtree_proof((0, end - k), n - k, false, sub, p)?;
        Some((node(*last, s), node(*last, x)))
    }
}
