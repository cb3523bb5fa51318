//! What a running log or witness needs from outside of itself: time, a key, other machines.
//!
//! Each is a trait from the start, so that the sequencer that ships is the one that tests drive with
//! a clock that jumps, a signer that lies and a network that loses answers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

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

/// Sends HTTP requests to other machines.
pub trait Net: Send + Sync + 'static {
    /// Sends `request` and waits for the whole answer.
    fn send(&self, request: Request) -> NetFuture<'_>;
}

/// What [`Net::send`] gives.
pub type NetFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, NetError>> + Send + 'a>>;

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// Absolute URL.
    pub url: String,
    /// Octets to send; empty for `GET`.
    pub body: Vec<u8>,
    /// How long to wait for the whole answer.
    pub deadline: Duration,
    /// The longest answer that is read, in octets; a longer one is an error.
    pub answer_len_max: usize,
}

/// The two methods that are used between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The `Content-Type`, if one came that is text.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError(pub String);

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NetError {}
