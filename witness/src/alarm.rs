//! Events that must not pass unheard: a log that forked or may have, and a memory that is older
//! than our own signatures.

use ishibumi_tlog::Hash;

/// An event that an operator has to hear about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// A log signed two trees of one size.
    Fork {
        /// The log.
        origin: String,
        /// The size that both have.
        size: u64,
        /// The root that was cosigned.
        held: Hash,
        /// The root of the submitted checkpoint.
        submitted: Hash,
        /// Whether this pair was kept as evidence; `false` if an earlier pair is there.
        kept: bool,
    },
    /// A checkpoint that the log signed came with a consistency proof that fails. Anybody can send
    /// that; only a log that forked has no proof that holds.
    Suspicion {
        /// The log.
        origin: String,
        /// The size that is recorded.
        recorded: u64,
        /// The size of the checkpoint that came.
        submitted: u64,
        /// Its root.
        root: Hash,
        /// Whether the pair was kept as evidence; `false` if it is kept already, or too many are.
        kept: bool,
    },
    /// Our own state is older than our own signatures.
    RolledBack {
        /// The log.
        origin: String,
        /// The size in the state.
        recorded: u64,
        /// The size under our own cosignature.
        signed: u64,
    },
}

/// Hears alarms. Called while a lock is held: must not block for long, nor call the witness.
pub type Alarms = Box<dyn Fn(&Alarm) + Send + Sync>;
