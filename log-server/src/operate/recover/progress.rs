//! Progress reports while a log is brought over.

/// The part of the log that is being brought over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Records.
    Records,
    /// The blobs beside them.
    Blobs,
    /// Kept checkpoints.
    Checkpoints,
}

/// Told what is brought over, how much is done, and of how much.
pub type Progress<'a> = dyn FnMut(Phase, u64, u64) + 'a;
