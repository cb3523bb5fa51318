//! What a running log or witness needs from outside of itself: time and a key. (The network, the
//! third, is `Net` in the `wire` room.)
//!
//! Each is a trait from the start, so that the sequencer that ships is the one that tests drive with
//! a clock that jumps and a signer that lies.

use ishibumi_tlog::key::{KeyError, NoteSigner, VerifierKey};
use ishibumi_tlog::note::SignatureLine;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Seconds since the Epoch, as the machine believes. May jump; never goes into a record.
    fn unix_time(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_time(&self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }
}

/// Signs a log's checkpoints. May be a key in this process, an agent or a hardware module.
///
/// Whoever calls it verifies what comes back before it leaves the process: a signer is not trusted
/// to have signed what it was asked to.
pub trait Signer: Send + Sync + 'static {
    /// The public half.
    fn verifier(&self) -> &VerifierKey;

    /// Signs a note text.
    fn sign(&self, text: &str) -> Result<SignatureLine, SignerError>;
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signer: {0}")]
pub struct SignerError(pub String);

impl From<KeyError> for SignerError {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

impl Signer for NoteSigner {
    fn verifier(&self) -> &VerifierKey {
        NoteSigner::verifier(self)
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, SignerError> {
        Ok(NoteSigner::sign(self, text)?)
    }
}
