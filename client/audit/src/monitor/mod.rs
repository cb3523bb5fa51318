//! Watching a log: compares all that every source shows of it with all that was seen before.
//!
//! [`Watch`] is the state machine of one log. Observations go in: checkpoints from any source
//! ([`Watch::observe`]), proofs made of any source's tiles ([`Watch::conclude`]), places that did
//! not answer, records ([`Reading`]). [`Watch::end`] gives the alarms that stand. It has no clock,
//! disk or network; `fetch::watch_round` feeds it over real ones, and [`State`] is kept between two
//! rounds (docs/formats/monitor-state.md).
//!
//! Checkpoints are compared along a trunk, the largest tree that was seen: every other one is
//! proven to be a beginning of it, or it of the other, so that any two are consistent with each
//! other. It does not matter whose tiles make the proof. A proof that leads to the root of the
//! larger tree convicts by itself: if the larger tree begins with another tree than the one that
//! the log signed, the log has forked, and the evidence is a file that anybody can check
//! ([`ishibumi_tlog::fork`]).
//!
//! What is not promised: to see a fork that is shown only to parties that are not watched.

mod alarm;
mod conviction;
mod list;
mod reading;
mod state;
mod watch;

pub use alarm::{Alarm, Gravity};
pub use conviction::{evidence_of, fork_name};
pub use list::{OwnArtifacts, WatchList};
pub use reading::{Read, Reading, ReadingError};
pub use state::{Signed, State, StateError, UNEXPECTED_MAX};
pub use watch::{Claim, Outcome, Settings, Shown, Standing, Watch};
