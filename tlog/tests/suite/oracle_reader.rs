//! The second half of the oracle: reads proofs by the very recursion that RFC 6962 writes them with,
//! so it also knows which altered proofs happen to be proofs of something else.

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
