//! Durable state: a log's records, tiles, heads, index and blobs, and a witness's memory.
//!
//! Two traits, each with a RocksDB and a memory implementation that pass the same conformance
//! suite:
//!
//! - [`LogStore`] holds one log. [`LogStore::stage`] is the only way in for records, and it is one
//!   atomic, synced write: afterwards either all of a batch is there or nothing of it.
//! - [`Registers`] holds small values under names, changed by compare-and-swap only. A witness
//!   keeps its latest checkpoint of each log there.
//!
//! A log and its mirrors serve stored files by the same code: [`public::read`] by path, and
//! [`inclusion_proofs`] by index.
//!
//! Beside them stands the [`HeadFile`]: the copy of the signed head that lies outside of the data
//! directory, so that a restored old directory is recognised.
//!
//! This is the only crate that uses RocksDB.

#![deny(missing_docs)]
// The time comes in by `Clock`.
#![deny(clippy::disallowed_methods)]

mod clock;
mod codec;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod head_file;
mod log_store;
mod memory;
pub mod private;
mod proofs;
pub mod public;
mod registers;
mod rocks;
pub mod room;
mod signer;

pub use clock::{Clock, SystemClock};
pub use error::StoreError;
pub use head_file::{Head, HeadFile, Machine};
pub use log_store::{
    Batch, IndexKind, IndexRow, KeptCheckpoint, LOOKUP_KEY_LEN_MAX, LogStore, NewRecord,
    StoredTiles,
};
pub use memory::{HandClock, MemoryLog, MemoryRegisters, Outcome};
pub use proofs::{consistency_proof, earliest_covering, inclusion_proofs};
pub use registers::Registers;
pub use rocks::{CACHE_LEN, RocksLog, RocksRegisters};
pub use signer::{Signer, SignerError};

#[cfg(test)]
mod tests;
