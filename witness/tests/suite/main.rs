//! Promises of the witness and the mirror: the protocol without and with HTTP, memory that fails or
//! is set back, every schedule of two submitters, the program with its signals.

mod bastion;
mod common;
mod http;
mod keys;
mod list;
mod log_list;
mod memory;
mod migration;
mod mirror;
mod process;
mod protocol;
mod race;
mod schedules;
mod subtree;
