//! The two traits in memory, with a disk that can fail and a process that can crash.
//!
//! For tests of code above a store. A store here has a durable side, which survives
//! [`MemoryLog::crash`], and a volatile side, which its methods show. Writes go to both, except for
//! two switches: a scheduled failure ([`MemoryLog::fail_write`]) reports an error and leaves the
//! durable side changed or not, as a disk may; and without sync ([`MemoryLog::set_sync`]) writes
//! stay volatile until [`MemoryLog::sync`], which shows what a store that forgets to sync would
//! lose.

mod clock;
mod disk;
mod log;
mod registers;

pub use clock::HandClock;
pub use disk::Outcome;
pub use log::MemoryLog;
pub use registers::MemoryRegisters;
