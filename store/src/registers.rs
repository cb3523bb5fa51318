//! Small durable values under names, changed by compare-and-swap only.

use crate::StoreError;

/// A set of named values. Methods may be called from any thread; they block on the disk.
pub trait Registers: Send + Sync + 'static {
    /// The value under `name`; `None` if it was never set.
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the value under `name`, synced before this returns.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the present value is not `expected`; nothing is written then. After
    /// [`StoreError::Failed`] it is unknown which value is there: the caller has to read again before
    /// it relies on either.
    fn swap(&self, name: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<(), StoreError>;

    /// All names, in order of their octets.
    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError>;
}
