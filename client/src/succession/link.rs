//! The link between two logs: record 0 of the one, the closing record of the other.

use ishibumi_artifact::end::{End, EndError, closing_record};
use ishibumi_artifact::record::{Body, LogOpened, LogStatement, Moment, Record};
use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::policy::{Demand, TrustError};
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};

use super::{CHAIN_MAX, Policies};
use crate::evidence::Logged;

/// What somebody gives to show that one log continues another. Nothing of it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Record 0 of the successor.
    pub opening: &'a Logged,
    /// The closing record of its predecessor; none if that never closed.
    pub closing: Option<&'a Logged>,
    /// Other checkpoints of the predecessor that are at hand. Those which its own policy accepts have to
    /// agree with the link; the rest says nothing.
    pub heads: &'a [&'a Note],
}

/// Why a link shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Record 0 is not proven under the successor's policy.
    #[error("the successor's record 0: {0}")]
    Opening(TrustError),
    /// It is not the opening record of the log that it is in.
    #[error("the record does not open the log {0:?}")]
    NotOpening(String),
    /// It opens a log that continues no other.
    #[error("the log {0:?} names no predecessor")]
    NoPredecessor(String),
    /// The checkpoint in record 0 cannot be read.
    #[error("the predecessor's checkpoint in record 0: {0}")]
    Committed(#[from] NoteError),
    /// No policy of the verifier names the old log, or that log did not sign the checkpoint.
    #[error("the predecessor's checkpoint in record 0: {0}")]
    CommittedTrust(TrustError),
    /// A log that continues itself.
    #[error("the log {0:?} names itself as its predecessor")]
    Itself(String),
    /// The keys that record 0 states are not those that the policy trusts.
    #[error("record 0 does not name the key with which {0:?} signed under the policy")]
    OtherKeys(String),
    /// The closing record is not proven under the old log's own policy.
    #[error("the predecessor's closing record: {0}")]
    Closing(EndError),
}

/// Two statements that cannot both be true, or a claim that the old log does not share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// The successor commits to another tree of the same size than the old quorum saw. The old log
    /// signed both.
    #[error(
        "fork: at size {size} the successor commits to the root {committed}, the old log's witnesses saw {witnessed}"
    )]
    Fork {
        /// Size of both trees.
        size: u64,
        /// Root in record 0 of the successor.
        committed: Hash,
        /// Root that the quorum cosigned.
        witnessed: Hash,
    },
    /// The old log has records after its closing record.
    #[error("the old log closed with {closed} records, and has {size} all the same")]
    Appended {
        /// Number of records, the closing one included.
        closed: u64,
        /// Size of the larger tree that it signed.
        size: u64,
    },
    /// The closing record names other successors, or none.
    #[error("the closing record of {predecessor:?} does not name {successor:?} as its successor")]
    NotNamed {
        /// Origin of the old log.
        predecessor: String,
        /// Origin of the log that claims to continue it.
        successor: String,
    },
    /// The successor commits to an earlier tree than the last one: the records after it are not covered by
    /// the link. They are proven by their own quorum as before.
    #[error("the successor commits to the tree of {committed} records, the old log has {size}")]
    Behind {
        /// Size in record 0 of the successor.
        committed: u64,
        /// Size that the old quorum cosigned.
        size: u64,
    },
}

impl Finding {
    /// Whether the old log itself is convicted: it signed what cannot both be true.
    pub const fn is_contradiction(&self) -> bool {
        matches!(self, Self::Fork { .. } | Self::Appended { .. })
    }
}

/// How a succession stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The old log closed, named this successor, and the successor commits to its very last tree.
    InOrder,
    /// No closing record is known: the successor alone says that it continues that log.
    Abandoned,
    /// Something does not fit: see [`Succession::findings`].
    Disputed,
}

impl Standing {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InOrder => "closed-in-order",
            Self::Abandoned => "abandoned",
            Self::Disputed => "disputed",
        }
    }
}

/// That a log says of itself, before its own quorum, which log it continues; and what speaks against it.
///
/// Only [`Link::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    successor: String,
    committed: Checkpoint,
    closing: Option<(Moment, Option<u64>)>,
    witnessed: bool,
    findings: Vec<Finding>,
}

impl Succession {
    /// Origin of the log that ended.
    pub fn predecessor(&self) -> &str {
        &self.committed.origin
    }

    /// Origin of the log that continues.
    pub fn successor(&self) -> &str {
        &self.successor
    }

    /// The tree that the successor commits to.
    pub const fn committed(&self) -> &Checkpoint {
        &self.committed
    }

    /// Whether the old log's own quorum is shown to have cosigned that very tree.
    pub const fn is_witnessed(&self) -> bool {
        self.witnessed
    }

    /// When the old log closed, as its operator says, and before when the closing record existed, in seconds
    /// since the Epoch, as its witnesses say. None if no closing record is proven.
    pub const fn closed(&self) -> Option<(Moment, Option<u64>)> {
        self.closing
    }

    /// What does not fit.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How it stands.
    pub const fn standing(&self) -> Standing {
        match (self.findings.is_empty(), self.closing) {
            (false, _) => Standing::Disputed,
            (true, Some(_)) => Standing::InOrder,
            (true, None) => Standing::Abandoned,
        }
    }
}

/// What is known about the end of the old log.
enum Ended {
    /// No closing record is given.
    Silently,
    /// The closing record is the last one.
    Closed(Box<End>),
    /// The log's own quorum cosigned records after the closing one.
    GoesOn { closed: u64, size: u64 },
}

impl Link<'_> {
    /// Verifies the link, each log under the policy of `policies` that names it.
    pub fn verify(&self, policies: &Policies) -> Result<Succession, LinkError> {
        let under = policies.of(&self.opening.checkpoint);
        let leaf = under
            .check_proof(&self.opening.proof(), &self.opening.entry)
            .map_err(LinkError::Opening)?;
        let successor = leaf.head().checkpoint().origin.clone();
        let opened = opened_of(leaf.record())
            .filter(|opened| leaf.index() == 0 && opened.origin() == successor.as_bytes())
            .ok_or_else(|| LinkError::NotOpening(successor.clone()))?;
        let vkeys = signing_keys(under, leaf.head());
        let named = |vkey: &String| opened.keys().any(|key| key == vkey.as_bytes());
        if !vkeys.iter().any(named) {
            return Err(LinkError::OtherKeys(successor));
        }
        let before = opened
            .predecessor()
            .ok_or_else(|| LinkError::NoPredecessor(successor.clone()))?;
        let note = Note::parse(before.checkpoint())?;
        let old = policies.of(&note);
        let committed = signed_by_log(old, &note, before.keys())?;
        if committed.origin == successor {
            return Err(LinkError::Itself(successor));
        }
        let end = self.end(old, &committed.origin)?;
        let mut link = Succession {
            successor,
            committed,
            closing: None,
            witnessed: false,
            findings: Vec::new(),
        };
        let heads = self.heads_under(old, &link.committed.origin);
        link.compare(end, &vkeys, &heads);
        Ok(link)
    }

    /// The closing record, or that the log has records after it.
    fn end(&self, old: &Policy, origin: &str) -> Result<Ended, LinkError> {
        let Some(closing) = self.closing else {
            return Ok(Ended::Silently);
        };
        match End::closed(old, &closing.proof(), &closing.entry) {
            Ok(end) if end.checkpoint().origin == origin => Ok(Ended::Closed(Box::new(end))),
            Ok(end) => {
                let other = end.checkpoint().origin.clone();
                let other = TrustError::UnknownLog(other);
                Err(LinkError::Closing(EndError::Untrusted(other)))
            }
            Err(EndError::NotLast { index, size }) => Ok(Ended::GoesOn {
                closed: index.saturating_add(1),
                size,
            }),
            Err(error) => Err(LinkError::Closing(error)),
        }
    }

    fn heads_under(&self, old: &Policy, origin: &str) -> Vec<TrustedCheckpoint> {
        // Those of other logs say nothing about this one, and a signature is dearer than a line of text.
        let of_old = |note: &&&Note| {
            Checkpoint::parse(note.text()).is_ok_and(|checkpoint| checkpoint.origin == origin)
        };
        let heads = self.heads.iter().filter(of_old);
        heads
            .filter_map(|note| old.check_checkpoint(note).ok())
            .collect()
    }
}

impl Succession {
    fn compare(&mut self, end: Ended, vkeys: &[String], heads: &[TrustedCheckpoint]) {
        let mut closed = None;
        match end {
            Ended::Closed(end) => {
                closed = Some(end.checkpoint().size);
                let date = end
                    .closing()
                    .map(ishibumi_artifact::record::LogEnding::date);
                self.closing = date.map(|date| (date, end.head().not_after()));
                if !vkeys.iter().any(|vkey| end.names(vkey)) {
                    let predecessor = self.committed.origin.clone();
                    let successor = self.successor.clone();
                    self.found(Finding::NotNamed {
                        predecessor,
                        successor,
                    });
                }
                self.compare_with(end.checkpoint(), closed);
            }
            Ended::GoesOn { closed, size } => self.found(Finding::Appended { closed, size }),
            Ended::Silently => {}
        }
        for head in heads {
            self.compare_with(head.checkpoint(), closed);
        }
        // The old log signed what record 0 commits to, so it is bound by it, too.
        if let Some(closed) = closed.filter(|&closed| closed < self.committed.size) {
            let size = self.committed.size;
            self.found(Finding::Appended { closed, size });
        }
    }

    /// Holds the committed tree against one that the old quorum cosigned.
    fn compare_with(&mut self, seen: &Checkpoint, closed: Option<u64>) {
        if seen.origin != self.committed.origin {
            return;
        }
        let (committed, size) = (self.committed.size, seen.size);
        if size == committed {
            if seen.root == self.committed.root {
                self.witnessed = true;
            } else {
                self.found(Finding::Fork {
                    size,
                    committed: self.committed.root,
                    witnessed: seen.root,
                });
            }
        } else if size > committed {
            self.found(Finding::Behind { committed, size });
        }
        if let Some(closed) = closed.filter(|&closed| closed < size) {
            self.found(Finding::Appended { closed, size });
        }
    }

    fn found(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// The checkpoint in record 0: signed by a log that the old policy names, with a key that record 0 names.
/// Its quorum travels elsewhere.
fn signed_by_log<'k>(
    old: &Policy,
    note: &Note,
    mut keys: impl Iterator<Item = &'k [u8]>,
) -> Result<Checkpoint, LinkError> {
    let standing = old.standing(note, Demand::AnyAlgorithm);
    let standing = standing.map_err(LinkError::CommittedTrust)?;
    let signed = standing.logs.iter().filter_map(|&log| old.logs().get(log));
    let signed: Vec<String> = signed.map(|log| log.key.to_string()).collect();
    let origin = standing.checkpoint.origin.clone();
    if signed.is_empty() {
        return Err(LinkError::CommittedTrust(TrustError::NotSignedByLog(
            origin,
        )));
    }
    if !keys.any(|key| signed.iter().any(|vkey| vkey.as_bytes() == key)) {
        return Err(LinkError::OtherKeys(origin));
    }
    Ok(standing.checkpoint)
}

/// The vkey lines of `policy` with which the log signed `head`.
fn signing_keys(policy: &Policy, head: &TrustedCheckpoint) -> Vec<String> {
    let origin = &head.checkpoint().origin;
    let signed = |key: &ishibumi_tlog::key::VerifierKey| {
        key.name() == origin && head.note().signatures().iter().any(|line| line.is_by(key))
    };
    let logs = policy.logs().iter().map(|log| &log.key);
    logs.filter(|key| signed(key))
        .map(ToString::to_string)
        .collect()
}

/// What an opening record says.
fn opened_of(entry: &[u8]) -> Option<LogOpened> {
    match Record::decode(entry).ok()?.body() {
        Body::Log(LogStatement::Opened(opened)) => Some(opened.clone()),
        _ => None,
    }
}

impl<'a> Link<'a> {
    /// The links among `statements`: each opening record that names a predecessor, with the closing record
    /// of that log, if one is there; at most [`CHAIN_MAX`], since each is held against every head. `heads`: every checkpoint at hand, of whatever log.
    pub fn among(statements: &'a [std::sync::Arc<Logged>], heads: &'a [&'a Note]) -> Vec<Self> {
        let origin_of = |note: &Note| Checkpoint::parse(note.text()).ok().map(|it| it.origin);
        let openings = statements.iter().filter_map(|logged| {
            let opened = opened_of(&logged.entry)?;
            let note = Note::parse(opened.predecessor()?.checkpoint()).ok()?;
            Some((logged, origin_of(&note)?))
        });
        let link = |(opening, origin): (&'a std::sync::Arc<Logged>, String)| Link {
            opening,
            closing: statements
                .iter()
                .find(|it| {
                    origin_of(&it.checkpoint).as_ref() == Some(&origin)
                        && closing_record(&it.entry).is_some()
                })
                .map(|it| &**it),
            heads,
        };
        openings.take(CHAIN_MAX).map(link).collect()
    }
}
