//! The two traits on RocksDB. No other module of the project names it.

mod check;
mod database;
mod failure;
mod log;
mod mark;
mod opening;
mod registers;
mod reindex;
mod settings;

pub use log::RocksLog;
pub use registers::RocksRegisters;
pub use settings::CACHE_LEN;
