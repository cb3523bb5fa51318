//! The weak algorithms that count in one judgement: `rules` decides, and hashes and keys ask.

/// The weak algorithms that are accepted in one judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WeakAlgorithms {
    pub(crate) sha1: bool,
    pub(crate) rsa_1024: bool,
    /// Whether a rule accepts some, but not of something that is so late.
    pub(crate) later: bool,
}

impl WeakAlgorithms {
    /// Everything that is recognised, for signatures that nothing rests on.
    pub(crate) const ALL: Self = Self {
        sha1: true,
        rsa_1024: true,
        later: false,
    };
}
