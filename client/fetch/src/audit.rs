//! A whole audit: newest checkpoint, replay, revocation lists if wanted, and what to say when it
//! fails.

use ishibumi_artifact::crl::CRL_INPUT_MAX;
use ishibumi_artifact::end::closing_record;
use ishibumi_artifact::record::LogStatement;
use ishibumi_tlog::foreign::Foreign;
use ishibumi_tlog::policy::AlgorithmRequirement;
use ishibumi_tlog::tile::{TILE_WIDTH, TileKind, TilePath, tile_width};
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};

use super::beside::kept_sizes;
use super::entry::{Place, entry_under};
use super::evidence::{EvidenceError, of_trust};
use super::fallback::Attribution;
use super::prefetch::Ahead;
use super::prover::Prover;
use super::source::{HeadError, Source, SourceError};
use ishibumi_audit::{
    AnchorsSeen, AuditEvidence, AuditState, AuditStateError, Audited, Entries, Misbehaviour,
    Replay, Seen, Suspects, Tally, Timeline, Violation,
};

/// Lists that could not be compared and are named; all are counted.
const LEFT_OUT_MAX: usize = 100;

/// How many revocation lists beside the log were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListsRead {
    /// Number of lists that were compared with each other.
    pub compared: u64,
    /// Number of lists that were not: they could not be had, or are not what their record says.
    pub left_out: u64,
    /// The first of the latter: index of the list's record, and why.
    pub reasons: Vec<(u64, String)>,
}

/// An audit that found nothing wrong.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// Replayed head and edge, to be kept for the next visit.
    pub state: AuditState,
    /// Counts since the last visit or from the beginning.
    pub tally: Tally,
    /// The suspicions that the records raise.
    pub suspects: Suspects,
    /// The tokens over the log's checkpoints, compared with its tree. A false one is the log's
    /// fault.
    pub anchors: AnchorsSeen,
    /// The log's statements about its own end, by index, as far as it was read.
    pub ends: Vec<(u64, LogStatement)>,
    /// The revocation lists, if they were to be compared.
    pub lists: Option<ListsRead>,
    /// Size and root of the tree that the last visit saw, if there was one.
    pub since: Option<Seen>,
    /// Whether every record from index 0 on was read.
    pub from_the_beginning: bool,
    /// Which cosignatures counted, by their algorithm.
    pub demand: AlgorithmRequirement,
}

/// Why an audit did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no trusted checkpoint.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The log's files do not make the tree that it signed.
    #[error("{0}")]
    Violation(#[from] Violation),
    /// The log showed two trees that do not fit together.
    #[error("{violation}")]
    Misbehaviour {
        /// How they do not fit.
        violation: Violation,
        /// Both checkpoints.
        evidence: Box<AuditEvidence>,
    },
    /// An entry of the replayed tree cannot be had any more.
    #[error(transparent)]
    Entry(#[from] EvidenceError),
    /// The result of the replay makes no state. A mistake in this program.
    #[error(transparent)]
    State(#[from] AuditStateError),
}

impl AuditError {
    /// The consequence for the other sources. A fork convicts the log; a rollback may be a source
    /// that fell behind.
    pub fn blame(&self) -> Attribution {
        match self {
            Self::Source(SourceError::Malformed(_)) => Attribution::False,
            Self::Source(_) | Self::Head(HeadError::Source(_)) | Self::State(_) => {
                Attribution::Silent
            }
            Self::Head(HeadError::Trust(error)) => of_trust(error),
            Self::Entry(error) => error.blame(),
            Self::Misbehaviour { evidence, .. } if evidence.misbehaviour == Misbehaviour::Fork => {
                Attribution::Log
            }
            _ => Attribution::False,
        }
    }
}

/// How a log is audited.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The trusted logs and witnesses.
    pub policy: &'a Policy,
    /// The state after the last visit.
    pub last: Option<&'a AuditState>,
    /// Whether everything is read again, through what the last visit saw.
    pub full: bool,
    /// How the entries are read.
    pub entries: Entries,
    /// Whether complete revocation lists are read and held against each other, too.
    pub blobs: bool,
}

/// Replays the log at `source` up to its newest checkpoint, from the last visit on or from the
/// beginning. `progress` is told (leaves replayed, leaves in all).
///
/// # Errors
/// [`AuditError`], if the source cannot be read, its checkpoint is not trusted, or the log is
/// convicted.
pub async fn audit(
    source: &Source,
    terms: Terms<'_>,
    mut progress: impl FnMut(u64, u64),
) -> Result<AuditReport, AuditError> {
    let Terms { policy, last, .. } = terms;
    let head = source.head(policy).await?;
    let target = head.checkpoint().clone();
    let since = last.map(|state| {
        let checkpoint = state.head().checkpoint();
        Seen {
            size: checkpoint.size,
            root: checkpoint.root,
        }
    });
    let timeline = timeline(source, policy, &head, last).await;
    let blame = |violation| with_evidence(violation, last, &head);
    let resumed = last.filter(|_| !terms.full);
    let mut audited = match resumed {
        Some(state) => {
            let replay = Replay::resumed(target.clone(), state.edge().clone()).map_err(blame)?;
            let replay = replay.with_timeline(timeline).with_entries(terms.entries);
            match run(source, replay, &mut progress).await {
                // Read from the beginning, the log itself shows whether it changed old records or
                // whether its files are served falsely.
                Err(AuditError::Violation(first)) => {
                    let replay = Replay::full(target, since).map_err(blame)?;
                    let replay = replay.with_entries(terms.entries);
                    let again = run(source, replay, &mut progress).await;
                    return Err(match again {
                        Err(AuditError::Violation(violation)) => blame(violation),
                        Err(other) => other,
                        Ok(_) => blame(first),
                    });
                }
                ended => ended?,
            }
        }
        None => {
            let replay = Replay::full(target, since).map_err(blame)?;
            let replay = replay.with_timeline(timeline).with_entries(terms.entries);
            match run(source, replay, &mut progress).await {
                Err(AuditError::Violation(violation)) => return Err(blame(violation)),
                ended => ended?,
            }
        }
    };
    if let Some(last) = resumed.filter(|_| terms.entries == Entries::Records) {
        check_open(source, last, &head).await?;
    }
    let lists = if terms.blobs {
        Some(compare_lists(source, &mut audited).await)
    } else {
        None
    };
    let anchors = compare_anchors(source, &audited, head.checkpoint()).await?;
    let (tally, suspects) = (audited.tally().clone(), audited.suspects().clone());
    let ends = audited.ends().to_vec();
    let state = AuditState::new(head, audited.edge().clone())?;
    Ok(AuditReport {
        state,
        tally,
        suspects,
        anchors,
        ends,
        lists,
        since,
        from_the_beginning: resumed.is_none(),
        demand: policy.demand(),
    })
}

/// A log that had closed at the last visit has not grown since. The replay knows that if the
/// closing record is in the bundle that it begins in; where the last visit ended with a whole
/// bundle, it is asked for.
async fn check_open(
    source: &Source,
    last: &AuditState,
    head: &TrustedCheckpoint,
) -> Result<(), AuditError> {
    let size = last.head().checkpoint().size;
    let is_whole = size > 0 && size.is_multiple_of(u64::from(TILE_WIDTH));
    if !is_whole || head.checkpoint().size <= size {
        return Ok(());
    }
    let closed = size - 1;
    let entry = entry_under(source, head, Place::Index(closed)).await?;
    if closing_record(&entry.entry).is_none() {
        return Ok(());
    }
    let path = TilePath {
        kind: TileKind::Entries,
        index: size / u64::from(TILE_WIDTH),
        width: tile_width(0, size / u64::from(TILE_WIDTH), head.checkpoint().size),
    };
    Err(AuditError::Violation(Violation::AfterClosed {
        path,
        index: size,
        closed,
    }))
}

/// Holds the root of every anchor against that of the tree at its size, which the tiles show and
/// prove to be the beginning of the tree that was replayed.
async fn compare_anchors(
    source: &Source,
    audited: &Audited,
    newest: &Checkpoint,
) -> Result<AnchorsSeen, AuditError> {
    let mut anchors = audited.anchors().clone();
    let mut prover = Prover::new(source, newest.size);
    for seen in audited.anchors().fitting.iter().copied() {
        let proven = prover.beginning(seen.size, newest).await?;
        // They were compared a moment ago.
        let shown = proven.ok_or_else(|| {
            let size = seen.size;
            let what = format!("{source}: its tiles do not prove the tree of size {size} any more");
            SourceError::Malformed(what)
        })?;
        if shown.root != seen.root {
            let (size, root) = (seen.size, seen.root);
            let why = format!(
                "it is about a tree of size {size} with the root {root}, the log's has {}",
                shown.root
            );
            anchors.refute(seen.index, why);
        }
    }
    Ok(anchors)
}

/// Reads the lists that were seen, and compares them. A list that cannot be had makes the audit say
/// less, but is no fault of the log: its signature covers only the digest, and the server of its
/// files need not have the blobs.
async fn compare_lists(source: &Source, audited: &mut Audited) -> ListsRead {
    let mut read = ListsRead::default();
    for list in audited.lists().to_vec() {
        let path = format!("blob/{}", Hash(list.digest).to_hex());
        let compared = match source.read(&path, CRL_INPUT_MAX).await {
            Ok(octets) => audited
                .compare(&list, &octets)
                .map_err(|error| format!("{path}: {error}")),
            Err(error) => Err(error.to_string()),
        };
        match compared {
            Ok(()) => read.compared += 1,
            Err(reason) => {
                read.left_out += 1;
                if read.reasons.len() < LEFT_OUT_MAX {
                    read.reasons.push((list.index, reason));
                }
            }
        }
    }
    read
}

/// Times of checkpoints: of the newest, of the last visit's, and of kept ones at even distances.
/// What cannot be had or is not trusted is left out: fewer checkpoints raise fewer suspicions,
/// never false ones.
async fn timeline(
    source: &Source,
    policy: &Policy,
    head: &TrustedCheckpoint,
    last: Option<&AuditState>,
) -> Timeline {
    let mut timeline = Timeline::default();
    let mut add = |head: &TrustedCheckpoint| {
        if let Some(time) = head.not_after() {
            timeline.add(head.checkpoint().size, time);
        }
    };
    for size in kept_sizes(source, head.checkpoint().size).await {
        if let Ok(trusted) = source.kept(size, policy).await {
            add(&trusted);
        }
    }
    if let Some(last) = last {
        add(last.head());
    }
    add(head);
    timeline
}

fn with_evidence(
    violation: Violation,
    last: Option<&AuditState>,
    shown: &TrustedCheckpoint,
) -> AuditError {
    let misbehaviour = match violation {
        Violation::Fork { .. } => Misbehaviour::Fork,
        Violation::Rollback { .. } => Misbehaviour::Rollback,
        other => return AuditError::Violation(other),
    };
    let Some(last) = last else {
        return AuditError::Violation(violation);
    };
    let (seen, shown) = (last.head().clone(), shown.clone());
    let evidence = Box::new(AuditEvidence {
        misbehaviour,
        seen,
        shown,
    });
    AuditError::Misbehaviour {
        violation,
        evidence,
    }
}

/// Whether the octets are no file of a log at all, such as the page of a portal on the way: then
/// nothing is shown about the log. A damaged file is none of these.
fn foreign(path: TilePath, octets: &[u8]) -> Option<SourceError> {
    let foreign = Foreign::of(octets).filter(|it| it.is_page())?;
    let said = format!("{path}: what came is no file of a log; it is {foreign}");
    Some(SourceError::Malformed(said))
}

async fn run(
    source: &Source,
    mut replay: Replay,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Audited, AuditError> {
    let total = replay.target_size();
    let mut files = Ahead::new(source, replay.plan());
    while let Some((path, octets)) = files.next().await {
        let octets = octets?;
        replay
            .take(path, &octets)
            .map_err(|violation| match violation {
                Violation::Bundle { .. } | Violation::TileLength { .. } => {
                    foreign(path, &octets).map_or_else(|| violation.into(), AuditError::from)
                }
                other => other.into(),
            })?;
        progress(replay.size(), total);
    }
    Ok(replay.finish()?)
}
