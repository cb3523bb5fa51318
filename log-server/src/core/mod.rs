//! The log itself, without HTTP: records in, a quorum-cosigned checkpoint out.
//!
//! ```text
//!   Submission -> Sequencer -> staged (synced) -> HeadSigner -> signed head -> witnesses
//!                     |                              ^                            |
//!                     '-- answered `durable`         '---- Publisher <- cosigned -'
//!                                                              |
//!                                                        published, kept, answered with a proof
//! ```
//!
//! [`Sequencer`] is the only writer of records, [`HeadSigner`] the only code that asks the keys to
//! sign, [`Publisher`] decides when. All three are plain values that are driven by events;
//! [`start`] gives them threads. A value that met an error is gone with it (rule R4): the process
//! stops, and the next start believes nothing that it has not read again.

mod closed;
mod contradiction;
mod elsewhere;
mod handle;
mod head;
mod publisher;
mod publishing;
mod quorum;
mod revocation_source;
pub mod room;
pub mod scrub;
mod sequence;
mod sequencer;
mod standing;
mod suspicion_watcher;
mod threads;
mod witnesses;

pub use closed::ClosedHandle;
pub use contradiction::Claim;
pub use elsewhere::Foreign;
pub use handle::{Handle, SubmitError};
pub use head::{HeadError, HeadSigner, LogKeys, SignedHead};
pub use publisher::{Published, Publisher, PublisherError, Round};
pub use sequencer::{Item, Placed, Sequencer, SequencerError, ending};
pub use standing::Standing;
pub use threads::{Care, Core, Running, start};
pub use witnesses::{Endpoint, Outcome as Asked, Report};
