//! One witness as it is asked, and what may come of asking.

use std::time::Duration;

use ishibumi_tlog::key::VerifierKey;

use crate::config::UploadLimits;
use crate::core::contradiction::Claim;

/// A submission prefix that the log asks: of a witness, of a mirror, or of both.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The submission prefix, without a slash at its end.
    pub url: String,
    /// The keys of the witness there; it may sign with several.
    pub witness_keys: Vec<VerifierKey>,
    /// The keys of the mirror there.
    pub mirror_keys: Vec<VerifierKey>,
    /// How long it has for one answer to `add-checkpoint`.
    pub deadline: Duration,
    /// Limits on one `add-entries` request.
    pub upload: UploadLimits,
}

impl Endpoint {
    /// Its name in reports: the name of its first key.
    pub fn name(&self) -> &str {
        self.keys().next().map_or("", VerifierKey::name)
    }

    /// All its keys, a witness's first.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.witness_keys.iter().chain(&self.mirror_keys)
    }
}

/// Why a round was not cosigned.
pub(super) enum Trouble {
    /// It speaks against this log.
    Contradicts(Claim),
    /// Another client brought it a newer head of this log than the one that it was asked about.
    Passed,
    Failed(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}
