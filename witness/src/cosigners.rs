//! The keys that sign: any number, all of one name, and every one signs.

use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::SignatureLine;
use ishibumi_tlog::tree::Subtree;
use ishibumi_tlog::{Checkpoint, Hash};

/// The most keys that sign at once.
pub const COSIGNERS_MAX: usize = 8;

/// Keys of one name that all sign what one of them signs.
#[derive(Debug)]
pub struct Cosigners(Vec<Cosigner>);

impl From<Cosigner> for Cosigners {
    fn from(cosigner: Cosigner) -> Self {
        Self(vec![cosigner])
    }
}

impl Cosigners {
    /// Keys that sign together, in the order of their lines. `None` unless there are 1 to
    /// [`COSIGNERS_MAX`] of them, of one name, and all different.
    pub fn new(cosigners: Vec<Cosigner>) -> Option<Self> {
        let name = cosigners.first()?.verifier().name();
        let fits = |(at, key): (usize, &Cosigner)| {
            let key = key.verifier();
            let mut before = cosigners.iter().take(at).map(Cosigner::verifier);
            key.name() == name && !before.any(|known| known == key)
        };
        let fits = cosigners.len() <= COSIGNERS_MAX && cosigners.iter().enumerate().all(fits);
        fits.then_some(Self(cosigners))
    }

    /// The public halves, in order.
    pub fn verifiers(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().map(Cosigner::verifier)
    }

    /// A line by each key over `checkpoint` as seen at `time`, in seconds since the Epoch. `None`
    /// for what one of them cannot state; see [`Cosigner::cosign`].
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Option<Vec<SignatureLine>> {
        let lines = self.0.iter().map(|key| key.cosign(checkpoint, time));
        lines.collect()
    }

    /// A line by each key that is `chosen` and can sign ranges of leaves.
    pub(crate) fn sign_subtree(
        &self,
        origin: &str,
        subtree: Subtree,
        hash: Hash,
        chosen: impl Fn(&VerifierKey) -> bool,
    ) -> Vec<SignatureLine> {
        let keys = self.0.iter().filter(|key| chosen(key.verifier()));
        keys.filter_map(|key| key.sign_subtree(origin, subtree, hash))
            .collect()
    }
}
