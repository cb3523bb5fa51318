//! Signing a log's checkpoints: a trait, so that tests can bring a signer that lies.

use ishibumi_tlog::key::{KeyError, NoteSigner, VerifierKey};
use ishibumi_tlog::note::SignatureLine;

/// Signs a log's checkpoints. May be a key in this process, an agent or a hardware module.
///
/// The caller verifies the signature before it leaves the process: a signer is not trusted to have
/// signed the text that it was given.
pub trait Signer: Send + Sync + 'static {
    /// The public half.
    fn verifier(&self) -> &VerifierKey;

    /// Signs a note text.
    fn sign(&self, text: &str) -> Result<SignatureLine, SignerError>;
}

/// Why there is no signature, as text for people.
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
