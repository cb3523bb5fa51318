//! Why a load was not made.

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// An option or a file that it names is wrong.
    #[error("{0}")]
    Usage(String),
    /// The log does not answer.
    #[error("cannot reach the log: {0}")]
    Unreachable(String),
}
