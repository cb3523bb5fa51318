//! `--without-revocation`: whether validity is judged without knowing about revocation.

use clap::Args;
use ishibumi::verify::RevocationRule;

/// Whether revocation is asked about.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AskRevocation {
    /// Do not ask about revocation: validity is judged without knowing, and the report says so.
    /// Without this, and without usable lists or responses about every certificate below the
    /// anchor, it is not judged (INDETERMINATE, TRY_LATER, exit 4)
    #[arg(long)]
    without_revocation: bool,
    /// The default, as it was asked for before it was that
    #[arg(long, hide = true, conflicts_with = "without_revocation")]
    require_revocation: bool,
}

impl AskRevocation {
    pub(crate) const fn rule(self) -> RevocationRule {
        if self.without_revocation {
            RevocationRule::NotAsked
        } else {
            RevocationRule::Required
        }
    }
}
