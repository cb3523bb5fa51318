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
    known: Mutex<HashMap<Hash, Arc<OnceLock<T>>>>,
    made: AtomicUsize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            made: AtomicUsize::new(0),
        }
    }
}

impl<T: Clone> Table<T> {
    /// The value of `key`, computed by `make` at the first call; concurrent callers with the same
    /// key wait for it.
    pub(super) fn get(&self, key: Hash, make: impl FnOnce() -> T) -> T {
        let make = || {
            self.made.fetch_add(1, Ordering::Relaxed);
            make()
        };
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= ENTRIES_MAX && !known.contains_key(&key) {
                None
            } else {
                Some(Arc::clone(known.entry(key).or_default()))
            }
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
            assert_eq!(table.get(key(number), || number), number);
        }
        assert_eq!(table.get(key(0), || 9), 0);
        assert_eq!(table.made(), ENTRIES_MAX + 1);
        assert_eq!(table.get(key(ENTRIES_MAX), || 9), 9);
    }
}
