//! Under which terms a batch is verified.

use std::path::Path;

use ishibumi::succession::Policies;
use ishibumi::{CheckpointToken, RevocationData, Verifier};
use ishibumi_artifact::Anchors;
use ishibumi_artifact::rules::AlgorithmEnds;
use ishibumi_artifact::time::Time;

use super::super::Failure;

/// Certificates of paths that are verified once for all tokens.
const MEMO: usize = 4_096;

/// Further arguments of `verify`.
pub(in crate::cli) struct Terms<'a> {
    pub(in crate::cli) verifier: Verifier<'a>,
    /// The policy, and those of the logs that its log continues.
    pub(in crate::cli) policies: &'a Policies,
    pub(in crate::cli) policy_file: &'a Path,
    /// Reads the anchors once more: an evidence file brings certificates of its own beside them.
    pub(in crate::cli) anchors: &'a (dyn Fn() -> Result<Anchors, Failure> + Sync),
    /// Until when algorithms count, and as of when.
    pub(in crate::cli) ends: AlgorithmEnds,
    pub(in crate::cli) now: Time,
    pub(in crate::cli) revocation: &'a [RevocationData<'a>],
    pub(in crate::cli) checkpoint_tokens: &'a [CheckpointToken<'a>],
}

/// Anchors for many artifacts.
pub(in crate::cli) fn remembering(anchors: Anchors) -> Anchors {
    anchors.with_memo(MEMO)
}
