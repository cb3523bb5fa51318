//! The memory of a replay, and its keys.

use ishibumi_artifact::LookupKey;

/// Tokens that are remembered; a certificate that lists or responses speak of counts as three.
pub const REMEMBERED_MAX: usize = 4_000_000;

/// A shortened lookup key.
pub(super) type Key = [u8; 16];

/// The number of entries that may still be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    left: usize,
    pub(super) refused: u64,
}

impl Memory {
    /// Whether so many units are left; they are taken then.
    pub(super) fn take(&mut self, units: usize) -> bool {
        let left = self.left.checked_sub(units);
        match left {
            Some(left) => self.left = left,
            None => self.refused += 1,
        }
        left.is_some()
    }

    pub(super) fn give_back(&mut self, units: usize) {
        self.left = self.left.saturating_add(units);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            left: REMEMBERED_MAX,
            refused: 0,
        }
    }
}

/// The tag and 15 octets of the digest of a lookup key.
pub(super) fn shortened(key: &LookupKey) -> Key {
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(key.to_bytes()) {
        *to = from;
    }
    short
}
