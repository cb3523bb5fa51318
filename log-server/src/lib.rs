//! The log: takes trust artifacts, orders them, signs, has witnesses cosign, and proves.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`config`] | the one file that says what is in force |
//! | [`registry`], [`quota`], [`kind`], [`admission`] | who may submit what and how much, and from octets to records |
//! | [`refusal`] | why something is not taken, by who has to act |
//! | [`clock`] | the time, in the unit of records |
//! | [`turns`] | whose turn it is on a processor |
//! | [`provider_end`] | what providers say about their own end |
//! | [`statements`] | the registry's changes as records |
//! | [`erasure`] | what had to go from beside the log, as a record |
//! | [`core`] | the log itself: sequencer, head signer, publisher, witnesses |
//! | [`checkpoint_timestamps`] | TSAs that stamp the published checkpoints |
//! | [`http`] | the public interface and the operator's |
//! | [`operate`] | `init`, `serve`, `fsck`, `reindex`, `erase`, `export`, `status`, `close` |
//! | [`metrics`] | what is counted |

#![deny(missing_docs)]
// The time comes in by `Clock`.
#![deny(clippy::disallowed_methods)]

pub mod admission;
pub mod checkpoint_timestamps;
pub mod clock;
pub mod config;
pub mod core;
pub mod erasure;
pub mod examine;
pub mod http;
pub mod kind;
pub mod metrics;
pub mod operate;
pub mod provider_end;
pub mod quota;
pub mod refusal;
pub mod registry;
pub mod statements;
pub mod turns;
