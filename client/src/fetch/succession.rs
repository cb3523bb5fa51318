//! From a log to the one that it continues: the old one is audited, and the link between the two verified.

use ishibumi_artifact::record::LogStatement;
use ishibumi_tlog::tree::check_consistency;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

use super::audit::{AuditError, AuditReport, Terms, audit};
use super::entry::{Place, entry};
use super::evidence::EvidenceError;
use super::prover::prefix_of;
use super::source::Source;
use crate::audit::Entries;
use crate::succession::{Link, LinkError, Policies, Succession};

/// What came of a step down the chain.
#[derive(Debug)]
pub struct Step {
    /// The audit of the old log.
    pub report: AuditReport,
    /// The link.
    pub link: Result<Succession, LinkError>,
    /// The root that the old log really had at the size to which the successor commits, if that is another
    /// one than the successor states: one of the two was forked.
    pub diverged: Option<Hash>,
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The old log does not hold what it signed, or cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A record of the one or the other cannot be had.
    #[error(transparent)]
    Entry(#[from] EvidenceError),
}

/// Audits `old` from its first record on, under the policy that names it, and verifies that the log of
/// `new`, which `policy` names, continues it.
pub async fn step_down(
    (new, policy): (&Source, &Policy),
    old: &Source,
    policies: &Policies,
    progress: impl FnMut(u64, u64),
) -> Result<Step, StepError> {
    let (_, opening) = entry(new, policy, Place::Index(0)).await?;
    // Which policy names it is seen from the checkpoint, which that policy then has to trust.
    let shown = old.checkpoint().await.map_err(EvidenceError::from)?;
    let under = ishibumi_tlog::note::Note::parse(&shown).ok();
    let under = under.map_or(policies.first(), |note| policies.of(&note));
    let terms = Terms {
        policy: under,
        last: None,
        full: true,
        entries: Entries::Records,
        blobs: false,
    };
    let report = audit(old, terms, progress).await?;
    let (head, last) = entry(old, under, Place::Last).await?;
    let is_closed = matches!(report.ends.last(), Some((_, LogStatement::Closed(_))));
    let heads = [head.note()];
    let link = Link {
        opening: &opening,
        closing: is_closed.then_some(&last),
        heads: &heads,
    };
    let link = link.verify(policies);
    let diverged = match &link {
        Ok(link) => diverged(old, link.committed(), head.checkpoint()).await?,
        Err(_) => None,
    };
    Ok(Step {
        report,
        link,
        diverged,
    })
}

/// The root of the old tree at the committed size, if it is not the committed one.
async fn diverged(
    old: &Source,
    committed: &Checkpoint,
    head: &Checkpoint,
) -> Result<Option<Hash>, EvidenceError> {
    if committed.origin != head.origin || committed.size > head.size {
        return Ok(None);
    }
    let prefix = prefix_of(old, committed.size, head.size).await?;
    let Some(prefix) = prefix else {
        return Ok(None);
    };
    // Tiles that prove nothing accuse nobody.
    check_consistency(
        committed.size,
        prefix.root,
        head.size,
        head.root,
        &prefix.proof,
    )?;
    Ok((prefix.root != committed.root).then_some(prefix.root))
}
