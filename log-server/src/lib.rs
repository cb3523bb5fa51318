//! The log: takes trust artifacts, orders them, signs, has witnesses cosign, and proves.
//!
//! | room | what it does |
//! | --- | --- |
//! | [`config`] | the one file that says what is in force |
//! | [`registry`], [`quota`], [`kind`], [`admission`] | who may submit what and how much, and from octets to records |
//! | [`statements`] | the registry's changes as records |
//! | [`core`] | the log itself: sequencer, head signer, publisher, witnesses |
//! | [`http`] | the public interface and the operator's |
//! | [`operate`] | `init`, `serve`, `fsck`, `reindex`, `erase`, `status` |
//! | [`erasure`] | blobs that had to go |
//! | [`metrics`] | what is counted |

#![deny(missing_docs)]

pub mod admission;
pub mod config;
pub mod core;
pub mod erasure;
pub mod http;
pub mod kind;
pub mod metrics;
pub mod operate;
pub mod quota;
pub mod registry;
pub mod statements;
