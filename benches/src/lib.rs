//! Measuring the log from the outside: a load generator, and the artifacts that it submits.
//!
//! The load generator shares two cores with the server that it measures, so it is lean: one thread,
//! HTTP/1.1 on kept-alive connections, bodies made just before they are sent. Three rules keep its
//! figures honest.
//!
//! 1. At a given rate a latency counts from the moment at which a submission was due, not from the
//!    moment at which a connection became free for it: a server that stalls is charged for
//!    everybody who would have come in the meantime (no coordinated omission).
//! 2. An answer counts only if the log promised something in it: index and leaf hash, per record. A
//!    sample of the promises is called in: the record is rebuilt from what was sent, and its proof
//!    is verified under the policy.
//! 3. The report says what else used the machine while it ran.
//!
//! Benchmarks print; nothing here fails because something was slow. The kernels are `cargo bench`
//! programs in `benches/`; docs/performance.md has the measured figures.

#![deny(missing_docs)]

mod answer;
mod check;
mod connection;
mod counts;
mod error;
pub mod grow;
mod journal;
mod options;
mod report;
mod run;
pub mod tsa;
pub mod usage;
mod work;

pub use error::LoadError;
pub use options::Options;
pub use report::Report;
pub use run::run;
