//! Tools for whole-system tests: real processes, real sockets, real artifacts.
//!
//! | module | what it gives |
//! | --- | --- |
//! | [`process`] | the three programs, started, killed and asked for their exit codes |
//! | [`world`] | a log and its witnesses in a directory of their own |
//! | [`http`] | HTTP as a stranger speaks it: one connection per request, any octets |
//! | [`artifacts`] | tokens, certificates and lists that OpenSSL made, good and bad |
//! | [`tsa`] | TSAs over HTTP, good and bad |
//! | [`oracle`] | the RFC 6962 tree in twenty lines that share nothing with ours |
//!
//! Every test of a defence sends the good input too: a defence that refuses everything defends
//! nothing.

#![deny(missing_docs)]
#![allow(
    clippy::missing_panics_doc,
    reason = "a test fails by a panic, so everything here does"
)]

pub mod artifacts;
pub mod http;
pub mod oracle;
#[path = "../../artifact/tests/suite/support/mod.rs"]
mod pki;
pub mod process;
pub mod tsa;
pub mod world;
