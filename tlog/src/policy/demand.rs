//! Which cosignatures count.

use crate::key::VerifierKey;

/// Which cosignatures count, by their algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AlgorithmRequirement {
    /// Those of every witness of the policy.
    #[default]
    AnyAlgorithm,
    /// Those with ML-DSA-44 keys: the quorum has to be reached by them alone, so that neither it
    /// nor the proven time rests on an algorithm that a quantum computer breaks.
    PostQuantum,
}

impl AlgorithmRequirement {
    /// Whether cosignatures by this key count.
    pub fn counts(self, key: &VerifierKey) -> bool {
        self == Self::AnyAlgorithm || key.kind().is_post_quantum()
    }
}
