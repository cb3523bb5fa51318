//! Small durable values under names, changed by compare-and-swap only.

use ishibumi_tlog::hash::Hash;

use crate::StoreError;

/// A set of named values. Methods may be called from any thread; they block on the disk.
pub trait Registers: Send + Sync + 'static {
    /// The value under `name`; `None` if it was never set.
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the value under `name`, synced before this returns.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the present value is not `expected`; nothing is written then.
    /// After [`StoreError::Failed`] it is unknown which value is there: the caller has to read
    /// again before it relies on either.
    fn swap(&self, name: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<(), StoreError>;

    /// All names, in order of their octets.
    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError>;
}

/// Says that a register holds another value than expected, by length and SHA-256.
pub(crate) fn conflict(name: &[u8], expected: Option<&[u8]>, found: Option<&[u8]>) -> StoreError {
    let shown = |value: Option<&[u8]>| match value {
        None => "nothing".to_owned(),
        Some(value) => format!("{} octets with SHA-256 {}", value.len(), Hash::of(value)),
    };
    StoreError::Conflict {
        what: format!("register {}", name.escape_ascii()),
        expected: shown(expected),
        found: shown(found),
    }
}
