//! A witness: remembers the newest checkpoint of each log that it watches, and cosigns a newer one
//! only with a proof that the log has grown from the remembered one and changed nothing.
//!
//! It speaks C2SP tlog-witness (`add-checkpoint`, `sign-subtree` and the monitoring prefix). Its
//! worth is that it never signs two histories of one log, so everything here serves that:
//!
//! - the core ([`follow::Follower`], under [`Witness`]) keeps no state between requests. Under the
//!   log's lock it reads what is stored, verifies that too, decides, writes by compare-and-swap,
//!   and only then lets the signature out;
//! - what it signs and stores is its own encoding of what it parsed, with signatures that it
//!   verified; nothing else of what was sent survives the request;
//! - logs are added, never removed or changed: a log that is forgotten could be given a second
//!   history;
//! - a witness that learns that its own memory is older than its own signatures stops signing for
//!   that log until its operator acts.
//!
//! It does not promise that a log's entries make sense, nor that it has seen every checkpoint of a
//! log.
//!
//! [`Home`] is the directory that the program works in, [`serve`] the program's HTTP side; tests of
//! the whole system may run both in process.

#![deny(missing_docs)]
// The time comes in by `Clock`.
#![deny(clippy::disallowed_methods)]

mod alarm;
mod cosigners;
pub mod follow;
mod home;
mod host;
mod identity;
mod log_list;
mod metrics;
pub mod mirror;
mod refusal;
mod server;
mod witness;

pub use alarm::{Alarm, Alarms};
pub use cosigners::{COSIGNERS_MAX, Cosigners};
pub use follow::{Added, LogState, Recorded, StateError};
pub use home::{Home, HomeError};
pub use host::ServeError;
pub use identity::{Identity, RETIRED_MAX};
pub use log_list::{ListOutcome, ListSource, ListUnread, apply as apply_log_list};
pub use metrics::Metrics;
pub use refusal::{AddLogError, KeyChangeError, LogError, Refusal, ResumeError};
pub use server::{Options, serve};
pub use witness::Witness;
