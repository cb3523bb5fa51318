//! Which signatures are our own, and whether every recorded checkpoint bears one.

use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::SignatureLine;

use super::recorded::Recorded;

/// The keys whose signatures say that we stood for a checkpoint.
#[derive(Clone, Debug)]
pub struct CosignerKeys {
    keys: Vec<VerifierKey>,
    cosigns: bool,
}

impl CosignerKeys {
    /// A witness: every checkpoint that it records bears a cosignature by one of `keys`, those that
    /// it signs with and those that it retired.
    pub fn witness(keys: Vec<VerifierKey>) -> Self {
        Self {
            keys,
            cosigns: true,
        }
    }

    /// A mirror: it records pending checkpoints without signing them (C2SP tlog-mirror,
    /// "add-checkpoint"); `keys` sign later, once it holds the entries.
    pub fn mirror(keys: Vec<VerifierKey>) -> Self {
        Self {
            keys,
            cosigns: false,
        }
    }

    /// The keys.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Checks that `note` has the signatures that the newest checkpoint of a log has to have: the
    /// log's, and a witness's with a time.
    pub(super) fn suffices(&self, note: &Recorded) -> bool {
        !note.log_lines().is_empty() && (!self.cosigns || note.time().is_some())
    }

    /// Whether `line` claims to be by one of the keys.
    pub(super) fn is_claimed(&self, line: &SignatureLine) -> bool {
        let is_by = |key: &VerifierKey| key.name() == line.name && key.id() == line.id;
        self.keys.iter().any(is_by)
    }

    /// Whether a log must not have this key: its signatures could be taken for ours.
    pub(super) fn is_confusable_with(&self, key: &VerifierKey) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|own| own.name() == key.name() || own.public_key() == key.public_key())
    }
}
