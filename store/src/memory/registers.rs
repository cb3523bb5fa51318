//! [`Registers`] in memory.

use std::collections::BTreeMap;

use super::disk::{Disk, Outcome, State};
use crate::registers::conflict;
use crate::{Registers, StoreError};

/// Registers that can be crashed and told to fail.
#[derive(Debug)]
pub struct MemoryRegisters {
    disk: Disk<Values>,
}

#[derive(Clone, Debug, Default)]
struct Values(BTreeMap<Vec<u8>, Vec<u8>>);

impl State for Values {
    type Change = (Vec<u8>, Vec<u8>);

    fn apply(&mut self, (name, value): Self::Change) {
        self.0.insert(name, value);
    }
}

impl Default for MemoryRegisters {
    fn default() -> Self {
        Self {
            disk: Disk::new(Values::default()),
        }
    }
}

impl MemoryRegisters {
    /// Empty registers, on a disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state that the next process finds: everything that was synced. This value takes no more
    /// writes. Scheduled faults are the disk's and stay.
    #[must_use]
    pub fn crash(&self) -> Self {
        Self {
            disk: self.disk.crash(),
        }
    }

    /// Lets the `nth` write from now (1 is the next) report failure, and be there or not.
    pub fn fail_write(&self, nth: u64, outcome: Outcome) {
        self.disk.fail_write(nth, outcome);
    }

    /// Lets every write fail from now on; `None` mends the disk.
    pub fn fail_forever(&self, outcome: Option<Outcome>) {
        self.disk.fail_forever(outcome);
    }

    /// Whether writes are durable when they return (they are at first) or only after
    /// [`Self::sync`].
    pub fn set_sync(&self, sync: bool) {
        self.disk.set_sync(sync);
    }

    /// Makes everything durable that was written.
    pub fn sync(&self) {
        self.disk.sync();
    }
}

impl Registers for MemoryRegisters {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.disk.shown().0.get(name).cloned())
    }

    fn swap(&self, name: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<(), StoreError> {
        self.disk.write("wrote a register", |values| {
            let found = values.0.get(name).map(Vec::as_slice);
            if found != expected {
                return Err(conflict(name, expected, found));
            }
            Ok(((name.to_vec(), new.to_vec()), ()))
        })
    }

    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.disk.shown().0.keys().cloned().collect())
    }
}
