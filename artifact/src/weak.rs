//! Which weak algorithms count in one judgement: what `rules` decides, and hashes and keys ask.

/// Which weak algorithms are accepted in one judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weak {
    pub(crate) sha1: bool,
    pub(crate) rsa_1024: bool,
    /// Whether a rule accepts some, but not of something that is so late.
    pub(crate) later: bool,
}

impl Weak {
    /// Everything that is recognised, for signatures that nothing rests on.
    pub(crate) const ALL: Self = Self {
        sha1: true,
        rsa_1024: true,
        later: false,
    };
}
