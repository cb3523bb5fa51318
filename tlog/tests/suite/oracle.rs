//! RFC 6962 section 2.1, literally, over a slice of leaf hashes: slow, recursive, and without one
//! line of the crate under test.

use sha2::{Digest as _, Sha256};

pub(crate) type H = [u8; 32];

pub(crate) fn leaf(entry: &[u8]) -> H {
    Sha256::digest([&[0][..], entry].concat()).into()
}

pub(crate) fn node(l: H, r: H) -> H {
    Sha256::digest([&[1][..], &l, &r].concat()).into()
}

pub(crate) fn k(n: u64) -> u64 {
    (0..64).map(|e| 1 << e).find(|p| p * 2 >= n).unwrap()
}

fn cut(d: &[H]) -> (&[H], &[H]) {
    d.split_at(usize::try_from(k(d.len() as u64)).unwrap())
}

pub(crate) fn mth(d: &[H]) -> H {
    match d {
        [] => Sha256::digest([]).into(),
        [h] => *h,
        _ => node(mth(cut(d).0), mth(cut(d).1)),
    }
}

pub(crate) fn path(m: usize, d: &[H]) -> Vec<H> {
    let (l, r) = if d.len() == 1 { return vec![] } else { cut(d) };
    match m.checked_sub(l.len()) {
        None => [path(m, l), vec![mth(r)]].concat(),
        Some(m) => [path(m, r), vec![mth(l)]].concat(),
    }
}

pub(crate) fn proof(m: usize, d: &[H]) -> Vec<H> {
    subproof(m, d, true)
}

fn subproof(m: usize, d: &[H], b: bool) -> Vec<H> {
    if m == d.len() {
        return if b { vec![] } else { vec![mth(d)] };
    }
    let (l, r) = cut(d);
    match m.checked_sub(l.len()) {
        None | Some(0) => [subproof(m, l, b), vec![mth(r)]].concat(),
        Some(m) => [subproof(m, r, false), vec![mth(l)]].concat(),
    }
}

/// `SUBTREE_PROOF` of draft-ietf-plants-merkle-tree-certs, literally.
pub(crate) fn subtree_proof(start: usize, end: usize, d: &[H]) -> Vec<H> {
    if start == end {
        return vec![];
    }
    subtree_subproof(start, end, d, true)
}

fn subtree_subproof(start: usize, end: usize, d: &[H], b: bool) -> Vec<H> {
    if start == 0 && end == d.len() {
        return if b { vec![] } else { vec![mth(d)] };
    }
    let (l, r) = cut(d);
    let k = l.len();
    if end <= k {
        [subtree_subproof(start, end, l, b), vec![mth(r)]].concat()
    } else if k <= start {
        [subtree_subproof(start - k, end - k, r, b), vec![mth(l)]].concat()
    } else {
        assert_eq!(start, 0, "no subtree");
        [subtree_subproof(0, end - k, r, false), vec![mth(l)]].concat()
    }
}
