//! A mirror (C2SP tlog-mirror): holds a copy of each log that it mirrors, cosigns that it does, and
//! serves the copy as the log did, also when the log is gone.
//!
//! | file | what |
//! | --- | --- |
//! | `core` | the protocol without HTTP: pending checkpoints, uploads, the mirror checkpoint |
//! | `copy` | the copy of one log in its store |
//! | `ticket` | how clients help the mirror to remember |
//! | `source` | where a log is pulled from |
//! | `home` | the directory |
//! | `server`, `upload` | HTTP: submission and monitoring prefix |
//! | `pull` | pull mode: follows any tlog-tiles log |
//! | [`import`] | the same from an archive |
//!
//! A mirror's keys are its own: no witness has them, and its cosignature is a stronger statement
//! than a witness's. Whatever comes, by whatever way, takes the same road into the copy: a package
//! that is proven to belong to a checkpoint that the log signed.

mod api;
mod copy;
mod core;
mod home;
pub mod import;
mod metrics;
mod pull;
mod server;
mod source;
mod ticket;
mod upload;

pub use self::core::{EXCESS_ENTRIES_MAX, Mirror, Standing, Upload, UploadRefusal};
pub use copy::LogCopy;
pub use home::{MirrorHome, MirrorLogError};
pub use metrics::MirrorMetrics;
pub use pull::{PullError, Pulled, Puller};
pub use server::{Pulling, serve};

pub use crate::host::Listening;
pub use source::Source;
