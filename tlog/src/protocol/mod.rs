//! Bodies of the requests that logs, witnesses and mirrors send each other, written and read by one
//! implementation. Sans-IO: octets in, values out; who sends them, and when, is up to the caller.
//!
//! Readers are strict and cheap: every limit is checked before what it limits is read further, and
//! nothing here checks a signature.

pub mod add_entries;
pub mod mirror_info;
