//! The results that a verifier remembers: each distinct checkpoint, and each distinct set of lists
//! and responses, is verified once, whatever carries it.
//!
//! Both results are functions of octets, the policy and the anchors, and a verifier has one policy
//! and one set of anchors. A result is found by a digest of everything else that it depends on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ishibumi_tlog::Hash;
use ishibumi_tlog::policy::{TrustError, TrustedCheckpoint};

use super::sources::Consulted;

/// Entries of each kind; later ones are verified each time. A checkpoint with its signatures has up
/// to 16 KiB.
const ENTRIES_MAX: usize = 4_096;

/// Octets that all remembered entries of a kind were made of: a certificate as the artifact has a path
/// of its own, and with it a copy of every list, of up to 64 MiB each.
const OCTETS_MAX: usize = 128 << 20;

/// The remembered result for a checkpoint.
pub(super) type Checked = Result<Arc<TrustedCheckpoint>, TrustError>;

/// Results shared by the clones of one verifier.
#[derive(Debug, Default)]
pub(super) struct Memo {
    pub(super) checkpoints: Table<Checked>,
    pub(super) consulted: Table<Arc<Consulted>>,
}

/// Values that are computed once for each key.
#[derive(Debug)]
pub(super) struct Table<T> {
    known: Mutex<Known<T>>,
    made: AtomicUsize,
}

#[derive(Debug)]
struct Known<T> {
    slots: HashMap<Hash, Arc<OnceLock<T>>>,
    /// Octets that their values are made of.
    octets: usize,
}

impl<T> Known<T> {
    /// The slot of `key`, unless there is no room for one more.
    fn slot(&mut self, key: Hash, octets: usize) -> Option<Arc<OnceLock<T>>> {
        if let Some(slot) = self.slots.get(&key) {
            return Some(Arc::clone(slot));
        }
        let all = self.octets.saturating_add(octets);
        if self.slots.len() >= ENTRIES_MAX || all > OCTETS_MAX {
            return None;
        }
        self.octets = all;
        Some(Arc::clone(self.slots.entry(key).or_default()))
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known {
                slots: HashMap::new(),
                octets: 0,
            }),
            made: AtomicUsize::new(0),
        }
    }
}

impl<T: Clone> Table<T> {
    /// The value of `key`, computed by `make` out of that many octets at the first call; concurrent
    /// callers with the same key wait for it.
    pub(super) fn get(&self, key: Hash, octets: usize, make: impl FnOnce() -> T) -> T {
        let make = || {
            self.made.fetch_add(1, Ordering::Relaxed);
            make()
        };
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.slot(key, octets)
        };
        match slot {
            Some(slot) => slot.get_or_init(make).clone(),
            None => make(),
        }
    }

    /// Number of values computed so far.
    pub(super) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_made_each_time() {
        let table = Table::default();
        let key = |number: usize| Hash::of(&number.to_be_bytes());
        for number in 0..=ENTRIES_MAX {
            assert_eq!(table.get(key(number), 1, || number), number);
        }
        assert_eq!(table.get(key(0), 1, || 9), 0);
        assert_eq!(table.made(), ENTRIES_MAX + 1);
        assert_eq!(table.get(key(ENTRIES_MAX), 1, || 9), 9);
    }

    /// Large lists are remembered as far as there is room, whatever their number.
    #[test]
    fn what_is_remembered_is_bounded_in_octets() {
        let table = Table::default();
        let key = |number: usize| Hash::of(&number.to_be_bytes());
        let half = OCTETS_MAX / 2;
        for number in 0..3 {
            assert_eq!(table.get(key(number), half, || number), number);
        }
        let again = [0, 1, 2].map(|number| table.get(key(number), half, || 9));
        assert_eq!(again, [0, 1, 9]);
    }
}
