//! From a log to the one that it continues: the old one is audited, and the link between the two
//! verified.
//!
//! Statements of the successor about the old log have to be confirmed by the old log itself: the
//! source has to be one of the log that record 0 names, and its tiles have to lead from the audited
//! tree to the one that the successor commits to. A source that cannot show that tree confirms
//! nothing.

use ishibumi_artifact::record::LogStatement;
use ishibumi_tlog::{Checkpoint, Hash, TrustedCheckpoint};

use super::audit::{AuditError, AuditReport, Terms, audit};
use super::entry::{Place, entry_under};
use super::evidence::EvidenceError;
use super::prover::Prover;
use super::source::{HeadError, Source, note};
use ishibumi_audit::Entries;
use ishibumi_audit::succession::{Link, LinkError, Policies, Succession, named_predecessor};

/// The result of a step down the chain.
#[derive(Debug)]
pub struct Step {
    /// Origin of the log that the source shows.
    pub origin: String,
    /// The audit of the old log; `None` if the source is not one of the log that record 0 names.
    pub report: Option<AuditReport>,
    /// The link.
    pub link: Result<Succession, LinkError>,
    /// The tree that the successor commits to, held against the old log's own.
    pub committed: Committed,
}

/// Whether the old log has the tree that its successor commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The audited tree of the old log begins with it.
    Held,
    /// The old log really had this root at that size: one of the two was forked.
    Diverged(Hash),
    /// None of the files that were read shows that tree.
    NotShown,
}

impl Committed {
    /// Stable name in JSON, kebab-case.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Diverged(_) => "diverged",
            Self::NotShown => "not-shown",
        }
    }
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The old log does not hold the tree that it signed, or cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A record of the one or the other cannot be had.
    #[error(transparent)]
    Entry(#[from] EvidenceError),
}

/// Audits `old` from its first record on, under the policy that names it, and verifies that the log
/// at `new`, whose audited tree is `head`, continues it.
///
/// # Errors
/// [`StepError`], if the old log cannot be audited, or an entry cannot be had.
pub async fn step_down(
    (new, head): (&Source, &TrustedCheckpoint),
    old: &Source,
    policies: &Policies,
    progress: impl FnMut(u64, u64),
) -> Result<Step, StepError> {
    let opening = entry_under(new, head, Place::Index(0)).await?;
    let shown = old.checkpoint().await.map_err(EvidenceError::from)?;
    let shown = note(&shown).map_err(|error| EvidenceError::Head(HeadError::Note(error)))?;
    let origin = Checkpoint::parse(shown.text()).map_err(EvidenceError::from)?;
    let origin = origin.origin;
    let refused = match named_predecessor(&opening) {
        Ok(named) if named == origin => None,
        Ok(named) => Some(LinkError::OtherLog {
            named,
            shown: origin.clone(),
        }),
        Err(error) => Some(error),
    };
    if let Some(error) = refused {
        return Ok(Step {
            origin,
            report: None,
            link: Err(error),
            committed: Committed::NotShown,
        });
    }
    // Which policy names it is seen from the checkpoint, which that policy then has to trust.
    let terms = Terms {
        policy: policies.of(&shown),
        last: None,
        full: true,
        entries: Entries::Records,
        blobs: false,
    };
    let report = audit(old, terms, progress).await?;
    // The tree that was replayed, and no other that the source shows a moment later.
    let audited = report.state.head();
    let last = entry_under(old, audited, Place::Last).await?;
    let is_closed = matches!(report.ends.last(), Some((_, LogStatement::Closed(_))));
    let heads = [audited.note()];
    let link = Link {
        opening: &opening,
        closings: Vec::from_iter(is_closed.then_some(&last)),
        heads: &heads,
    };
    let link = link.verify(policies);
    let committed = match &link {
        Ok(link) => committed(old, link.committed(), audited.checkpoint()).await?,
        Err(_) => Committed::NotShown,
    };
    Ok(Step {
        origin,
        report: Some(report),
        link,
        committed,
    })
}

/// Compares the committed tree with the audited one. Tiles that prove nothing do not accuse the
/// log.
async fn committed(
    old: &Source,
    committed: &Checkpoint,
    audited: &Checkpoint,
) -> Result<Committed, EvidenceError> {
    if committed.origin != audited.origin || committed.size > audited.size {
        return Ok(Committed::NotShown);
    }
    let mut prover = Prover::new(old, audited.size);
    let beginning = prover.beginning(committed.size, audited).await?;
    Ok(match beginning {
        Some(beginning) if beginning.root == committed.root => Committed::Held,
        Some(beginning) => Committed::Diverged(beginning.root),
        None => Committed::NotShown,
    })
}
