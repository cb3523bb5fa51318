//! Comparing two sets of rows that come in different orders, without keeping either.
//!
//! The records ask for index rows in the order of the log, the index has them in the order of its
//! keys. Each row is hashed with a key that is drawn anew for each examination, and the hashes are
//! added up modulo 2^128, in parts, by the row's key. Addition knows no order: equal sets give
//! equal sums. Different sets give equal sums only if the difference of the sums of 128-bit keyed
//! hashes happens to vanish, once in 2^128; and since the key is drawn after the rows were written,
//! no attacker can have written rows for it. A part whose sums differ says where to look.

use std::hash::{BuildHasher as _, RandomState};

use ishibumi_store::IndexKind;

/// Both indices.
pub(super) const KINDS: [IndexKind; 2] = [IndexKind::Leaves, IndexKind::Keys];

/// Parts of each index.
pub(super) const PARTS: usize = 4096;

/// The sums of both indices, in parts.
#[derive(Clone, Debug)]
pub struct Sums {
    keys: [RandomState; 2],
    parts: [Vec<u128>; 2],
    rows: u64,
}

impl Sums {
    /// Sums of nothing, under a new key. Only sums that were cloned from one another can be
    /// compared.
    pub fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            parts: [vec![0; PARTS], vec![0; PARTS]],
            rows: 0,
        }
    }

    /// Rows that were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row.
    pub(super) fn add(&mut self, kind: IndexKind, key: &[u8], index: u64) {
        let [first, second] = &self.keys;
        let row = (key, index);
        let hash = (u128::from(first.hash_one(row)) << 64) | u128::from(second.hash_one(row));
        let part = part(key);
        let sums = match kind {
            IndexKind::Leaves => &mut self.parts[0],
            IndexKind::Keys => &mut self.parts[1],
        };
        if let Some(sum) = sums.get_mut(part) {
            *sum = sum.wrapping_add(hash);
        }
        self.rows += 1;
    }

    /// The parts in which `other` has other rows.
    pub(crate) fn differing(&self, other: &Self) -> Vec<(IndexKind, usize)> {
        let parts = KINDS.into_iter().zip(self.parts.iter().zip(&other.parts));
        let differing = parts.flat_map(|(kind, (ours, theirs))| {
            let both = ours.iter().zip(theirs).enumerate();
            both.filter(|(_, (a, b))| a != b)
                .map(move |(part, _)| (kind, part))
        });
        differing.collect()
    }
}

impl Default for Sums {
    fn default() -> Self {
        Self::new()
    }
}

/// In which part a row is summed up: by the last octets of its key, which are a hash's or a serial
/// number's.
pub(super) fn part(key: &[u8]) -> usize {
    let last = key.iter().rev().take(2);
    last.fold(0, |part, &octet| (part << 8) | usize::from(octet)) % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums_of(empty: &Sums, rows: &[(IndexKind, &[u8], u64)]) -> Sums {
        let mut sums = empty.clone();
        for (kind, key, index) in rows {
            sums.add(*kind, key, *index);
        }
        sums
    }

    #[test]
    fn equal_sets_agree_in_any_order_and_others_do_not() {
        let empty = Sums::new();
        let (leaf, key) = (IndexKind::Leaves, IndexKind::Keys);
        let rows: [(IndexKind, &[u8], u64); 3] =
            [(leaf, b"ab", 1), (leaf, b"cd", 2), (key, b"ab", 1)];
        let sums = sums_of(&empty, &rows);
        let mut turned = rows;
        turned.reverse();
        assert_eq!(sums.differing(&sums_of(&empty, &turned)), []);
        let others: [&[(IndexKind, &[u8], u64)]; 5] = [
            &rows[..2],
            &[rows[0], rows[1], (leaf, b"ab", 1)],
            &[rows[0], rows[1], (key, b"ab", 2)],
            &[(leaf, b"cd", 1), (leaf, b"ab", 2), rows[2]],
            &[rows[0], rows[0], rows[1], rows[2]],
        ];
        for other in others {
            assert_ne!(sums.differing(&sums_of(&empty, other)), []);
        }
    }

    #[test]
    fn a_difference_is_found_in_its_part() {
        let empty = Sums::new();
        let sums = sums_of(&empty, &[(IndexKind::Keys, b"xyz", 7)]);
        let found = sums.differing(&empty);
        assert_eq!(found, [(IndexKind::Keys, part(b"xyz"))]);
    }
}
